/* SPDX-License-Identifier: Apache-2.0 */

/*
 * print - a parsed module as PTX text that parses to the same module.
 *
 * Constants are printed by their bits, so nothing is lost. Functions that are not entries
 * are declared in the order of the module and defined behind everything that may name
 * them.
 */
#include "ptx/priv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct printer {
    const struct vg_ptx_module *module;
    const struct vg_ptx_func *func; /* whose body is printed */
    int (*write)(void *user, const char *text, size_t size);
    void *user;
    int r; /* sticky: what @write returned */
    size_t used;
    char buffer[16384];
};

static void
flush(struct printer *printer)
{
    if (printer->r == 0 && printer->used > 0) {
        printer->r = printer->write(printer->user, printer->buffer, printer->used);
    }
    printer->used = 0;
}

static void
put_bytes(struct printer *printer, const char *text, size_t size)
{
    while (size > 0) {
        size_t room = sizeof(printer->buffer) - printer->used;
        size_t n = size < room ? size : room;
        memcpy(printer->buffer + printer->used, text, n);
        printer->used += n;
        text += n;
        size -= n;
        if (printer->used == sizeof(printer->buffer)) {
            flush(printer);
        }
    }
}

static void
put(struct printer *printer, const char *text)
{
    put_bytes(printer, text, strlen(text));
}

/* For numbers: names may be longer than the buffer here. */
static void __attribute__((format(printf, 2, 3)))
put_number(struct printer *printer, const char *format, ...)
{
    char text[64];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    put(printer, text);
}

static void
put_offset(struct printer *printer, int64_t offset)
{
    if (offset != 0) {
        put_number(printer, "+%" PRId64, offset); /* ptxas reads +-8, not -8 */
    }
}

/* --- operands --- */

static const char *
symbol_name(const struct printer *printer, const struct vg_ptx_operand *operand)
{
    switch ((enum vg_ptx_scope)operand->scope) {
    case VG_PTX_SCOPE_MODULE:
        return printer->module->vars[operand->symbol].name;
    case VG_PTX_SCOPE_FUNC:
        return printer->func->vars[operand->symbol].name;
    case VG_PTX_SCOPE_PARAM:
        return printer->func->params[operand->symbol].name;
    case VG_PTX_SCOPE_RETURN:
        return printer->func->returns[operand->symbol].name;
    }
    return "";
}

/* The name of a label at @target: labels are in the order of their targets. */
static const char *
label_name(const struct vg_ptx_func *func, uint32_t target)
{
    uint32_t low = 0;
    uint32_t high = func->n_labels;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (func->labels[middle].target < target) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < func->n_labels ? func->labels[low].name : "";
}

static void
put_sreg(struct printer *printer, const struct vg_ptx_operand *operand)
{
    put(printer, "%");
    put(printer, vg_ptx_sreg_name(operand->sreg));
    switch (operand->sreg) {
    case VG_PTX_SREG_TID:
    case VG_PTX_SREG_NTID:
    case VG_PTX_SREG_CTAID:
    case VG_PTX_SREG_NCTAID:
    case VG_PTX_SREG_CLUSTERID:
    case VG_PTX_SREG_NCLUSTERID:
    case VG_PTX_SREG_CLUSTER_CTAID:
    case VG_PTX_SREG_CLUSTER_NCTAID:
        put_number(printer, ".%c", "xyzw"[operand->component & 3]);
        break;
    case VG_PTX_SREG_ENVREG:
    case VG_PTX_SREG_PM:
        put_number(printer, "%u", operand->component);
        break;
    default:
        break;
    }
}

static void
put_float(struct printer *printer, const struct vg_ptx_operand *operand)
{
    if (operand->is_single) {
        put_number(printer, "0f%08" PRIX64, operand->bits);
    } else {
        put_number(printer, "0d%016" PRIX64, operand->bits);
    }
}

/* An operand that holds no others. */
static void
put_scalar(struct printer *printer, const struct vg_ptx_operand *operand)
{
    static const char *const components[] = { "x",  "y",  "z",  "w",  "b0",
                                              "b1", "b2", "b3", "h0", "h1" };
    const struct vg_ptx_func *func = printer->func;

    switch ((enum vg_ptx_operand_kind)operand->kind) {
    case VG_PTX_OPERAND_REG:
        put(printer, operand->negated ? "!" : "");
        put(printer, func->regs[operand->reg].name);
        break;
    case VG_PTX_OPERAND_SINK:
        put(printer, "_");
        break;
    case VG_PTX_OPERAND_INT:
        put_number(printer, "%" PRId64, (int64_t)operand->bits);
        break;
    case VG_PTX_OPERAND_FLOAT:
        put_float(printer, operand);
        break;
    case VG_PTX_OPERAND_SREG:
        put_sreg(printer, operand);
        break;
    case VG_PTX_OPERAND_VAR:
        put(printer, symbol_name(printer, operand));
        put_offset(printer, operand->offset);
        break;
    case VG_PTX_OPERAND_FUNC:
        put(printer, printer->module->funcs[operand->func].name);
        break;
    case VG_PTX_OPERAND_COMPONENT:
        put(printer, func->regs[operand->reg].name);
        put(printer, ".");
        put(printer, components[operand->component]);
        break;
    case VG_PTX_OPERAND_LABEL:
        put(printer, label_name(func, operand->target));
        break;
    case VG_PTX_OPERAND_TARGETS:
        put(printer, func->targets[operand->symbol].name);
        break;
    case VG_PTX_OPERAND_PROTOTYPE:
        put(printer, func->prototypes[operand->symbol].name);
        break;
    case VG_PTX_OPERAND_NONE:
    case VG_PTX_OPERAND_ADDRESS:
    case VG_PTX_OPERAND_VECTOR:
    case VG_PTX_OPERAND_PAIR:
    case VG_PTX_OPERAND_LIST:
        break;
    }
}

static void
put_scalars(struct printer *printer, const struct vg_ptx_operand *operand,
            const char *before, const char *between, const char *after)
{
    put(printer, before);
    for (unsigned i = 0; i < operand->count; i++) {
        put(printer, i > 0 ? between : "");
        put_scalar(printer, &operand->elems[i]);
    }
    put(printer, after);
}

static void
put_address(struct printer *printer, const struct vg_ptx_operand *operand)
{
    put(printer, "[");
    switch ((enum vg_ptx_base_kind)operand->base_kind) {
    case VG_PTX_BASE_REG:
        put(printer, printer->func->regs[operand->reg].name);
        put_offset(printer, operand->offset);
        break;
    case VG_PTX_BASE_VAR:
        put(printer, symbol_name(printer, operand));
        put_offset(printer, operand->offset);
        break;
    case VG_PTX_BASE_INT:
        put_number(printer, "%" PRId64, operand->offset);
        break;
    }
    for (unsigned i = 0; i < operand->count; i++) {
        put(printer, ", ");
        if (operand->elems[i].kind == VG_PTX_OPERAND_VECTOR) {
            put_scalars(printer, &operand->elems[i], "{", ", ", "}");
        } else {
            put_scalar(printer, &operand->elems[i]);
        }
    }
    put(printer, "]");
}

static void
put_operand(struct printer *printer, const struct vg_ptx_operand *operand)
{
    switch (operand->kind) {
    case VG_PTX_OPERAND_ADDRESS:
        put_address(printer, operand);
        break;
    case VG_PTX_OPERAND_VECTOR:
        put_scalars(printer, operand, "{", ", ", "}");
        break;
    case VG_PTX_OPERAND_PAIR:
        put_scalars(printer, operand, "", "|", "");
        break;
    case VG_PTX_OPERAND_LIST:
        put_scalars(printer, operand, "(", ", ", ")");
        break;
    default:
        put_scalar(printer, operand);
        break;
    }
}

/* --- instructions --- */

static void
put_insn(struct printer *printer, const struct vg_ptx_insn *insn)
{
    bool is_call = insn->op == VG_PTX_OP_CALL;
    bool is_first = true;
    char form[VG_PTX_MAX_MNEMONIC + 1];

    put(printer, "\t");
    if (insn->guard >= 0) {
        put(printer, insn->guard_negated ? "@!" : "@");
        put(printer, printer->func->regs[insn->guard].name);
        put(printer, " ");
    }
    vg_ptx_insn_form(insn, form, sizeof(form));
    put(printer, form);
    for (unsigned i = 0; i < insn->n_operands; i++) {
        const struct vg_ptx_operand *operand = &insn->operands[i];
        if (is_call && operand->kind == VG_PTX_OPERAND_LIST && operand->count == 0) {
            continue;
        }
        put(printer, is_first ? " " : ", ");
        put_operand(printer, operand);
        is_first = false;
    }
    put(printer, ";\n");
}

/* --- variables --- */

static void
put_linkage(struct printer *printer, enum vg_ptx_linkage linkage)
{
    static const char *const words[] = {
        [VG_PTX_LOCAL_LINKAGE] = "",    [VG_PTX_EXTERN] = ".extern ",
        [VG_PTX_VISIBLE] = ".visible ", [VG_PTX_WEAK] = ".weak ",
        [VG_PTX_COMMON] = ".common ",
    };

    put(printer, words[linkage]);
}

static void
put_type(struct printer *printer, enum vg_ptx_type type, unsigned vector)
{
    if (vector > 1) {
        put_number(printer, " .v%u", vector);
    }
    put(printer, " .");
    put(printer, vg_ptx_type_name(type));
}

/* .space .align 4 .b8 name[3] */
static void
put_var(struct printer *printer, const struct vg_ptx_var *var)
{
    static const char *const spaces[] = {
        [VG_PTX_REG] = ".reg",     [VG_PTX_CONST] = ".const", [VG_PTX_GLOBAL] = ".global",
        [VG_PTX_LOCAL] = ".local", [VG_PTX_PARAM] = ".param", [VG_PTX_SHARED] = ".shared",
    };
    static const char *const opaque[] = { "", " .texref", " .samplerref", " .surfref" };

    put(printer, spaces[var->space]);
    put(printer, var->is_managed ? " .attribute(.managed)" : "");
    if (var->space != VG_PTX_REG &&
        var->align != vg_ptx_type_bits(var->type) / 8 * var->vector) {
        put_number(printer, " .align %u", var->align);
    }
    if (var->opaque != VG_PTX_NOT_OPAQUE) {
        put(printer, opaque[var->opaque]);
    } else {
        put_type(printer, var->type, var->vector);
    }
    put(printer, var->is_ptr ? " .ptr " : " ");
    put(printer, var->name);
    for (unsigned i = 0; i < var->n_dims; i++) {
        if (i == 0 && var->is_unsized) {
            put(printer, "[]");
        } else {
            put_number(printer, "[%" PRIu64 "]", var->dims[i]);
        }
    }
}

/* One scalar of an initialiser; @reloc: what stands there instead of bytes, or NULL */
static void
put_init_scalar(struct printer *printer, const struct vg_ptx_var *var, size_t offset,
                const struct vg_ptx_reloc *reloc)
{
    size_t width = vg_ptx_type_bits(var->type) / 8;
    uint64_t bits = 0;

    if (reloc != NULL) {
        put(printer, reloc->generic ? "generic(" : "");
        put(printer, reloc->var != UINT32_MAX ? printer->module->vars[reloc->var].name
                                              : printer->module->funcs[reloc->func].name);
        put(printer, reloc->generic ? ")" : "");
        put_offset(printer, reloc->addend);
        return;
    }
    memcpy(&bits, var->init + offset, width < 8 ? width : 8);
    if (var->type == VG_PTX_F32) {
        put_number(printer, "0f%08" PRIX64, bits);
    } else if (var->type == VG_PTX_F64) {
        put_number(printer, "0d%016" PRIX64, bits);
    } else {
        put_number(printer, "%" PRIu64, bits);
    }
}

/* Scalars that make up one item of level @level: a row, a vector. */
static uint64_t
level_items(const struct vg_ptx_var *var, unsigned level)
{
    uint64_t items = level <= var->n_dims ? var->vector : 1;

    for (unsigned d = level; d < var->n_dims; d++) {
        items *= var->dims[d];
    }
    return items;
}

static void
put_init(struct printer *printer, const struct vg_ptx_var *var)
{
    size_t width = vg_ptx_type_bits(var->type) / 8;
    unsigned levels = var->n_dims + (var->vector > 1);
    size_t next_reloc = 0;
    uint64_t n_items = width == 0 ? 0 : var->size / width;

    put(printer, " = ");
    for (uint64_t i = 0; i < n_items; i++) {
        const struct vg_ptx_reloc *reloc = NULL;
        put(printer, i > 0 ? ", " : "");
        for (unsigned d = 0; d < levels; d++) {
            put(printer, i % level_items(var, d) == 0 ? "{" : "");
        }
        if (next_reloc < var->n_relocs && var->relocs[next_reloc].offset == i * width) {
            reloc = &var->relocs[next_reloc++];
        }
        put_init_scalar(printer, var, i * width, reloc);
        for (unsigned d = 0; d < levels; d++) {
            put(printer, (i + 1) % level_items(var, d) == 0 ? "}" : "");
        }
    }
    put(printer, n_items == 0 ? "{}" : "");
}

static void
put_module_var(struct printer *printer, const struct vg_ptx_var *var)
{
    put_linkage(printer, var->linkage);
    put_var(printer, var);
    if (var->init != NULL) {
        put_init(printer, var);
    }
    put(printer, ";\n");
}

/* --- functions --- */

static void
put_params(struct printer *printer, const struct vg_ptx_var *params, uint32_t count)
{
    put(printer, "(");
    for (uint32_t i = 0; i < count; i++) {
        put(printer, i > 0 ? ",\n\t" : "\n\t");
        put_var(printer, &params[i]);
    }
    put(printer, count > 0 ? "\n)" : ")");
}

static void
put_triple(struct printer *printer, const char *directive, const uint32_t values[3])
{
    if (values[0] != 0) {
        put(printer, directive);
        put_number(printer, " %u, %u, %u\n", values[0], values[1], values[2]);
    }
}

static void
put_single(struct printer *printer, const char *directive, uint32_t value)
{
    if (value != 0) {
        put(printer, directive);
        put_number(printer, " %u\n", value);
    }
}

static void
put_header(struct printer *printer, const struct vg_ptx_func *func)
{
    put_linkage(printer, func->linkage);
    put(printer, func->is_entry ? ".entry " : ".func ");
    if (func->n_returns > 0) {
        put_params(printer, func->returns, func->n_returns);
        put(printer, " ");
    }
    put(printer, func->name);
    put_params(printer, func->params, func->n_params);
    put(printer, "\n");
    put_triple(printer, ".maxntid", func->maxntid);
    put_triple(printer, ".reqntid", func->reqntid);
    put_single(printer, ".minnctapersm", func->minnctapersm);
    put_single(printer, ".maxnreg", func->maxnreg);
    put(printer, func->noreturn ? ".noreturn\n" : "");
}

/* How many registers from @first on are %p0, %p1 ... of one type. */
static uint32_t
range_length(const struct vg_ptx_func *func, uint32_t first, size_t *out_prefix)
{
    const char *name = func->regs[first].name;
    size_t prefix = strlen(name) - 1;
    uint32_t length = 1;
    char number[16];

    *out_prefix = prefix;
    if (prefix == 0 || name[prefix] != '0' || char_is(name[prefix - 1], CHAR_DIGIT)) {
        return 0;
    }
    while (first + length < func->n_regs) {
        const struct vg_ptx_reg *reg = &func->regs[first + length];
        snprintf(number, sizeof(number), "%u", length);
        if (reg->type != func->regs[first].type ||
            reg->vector != func->regs[first].vector ||
            strncmp(reg->name, name, prefix) != 0 ||
            strcmp(reg->name + prefix, number) != 0) {
            break;
        }
        length++;
    }
    return length;
}

static void
put_regs(struct printer *printer, const struct vg_ptx_func *func)
{
    uint32_t i = 0;

    /* .reg parameters are the first ones, and declared by the header */
    for (uint32_t p = 0; p < func->n_returns; p++) {
        i += func->returns[p].space == VG_PTX_REG;
    }
    for (uint32_t p = 0; p < func->n_params; p++) {
        i += func->params[p].space == VG_PTX_REG;
    }
    while (i < func->n_regs) {
        size_t prefix;
        uint32_t length = range_length(func, i, &prefix);
        put(printer, "\t.reg");
        put_type(printer, func->regs[i].type, func->regs[i].vector);
        put(printer, " ");
        if (length > 0) {
            put_bytes(printer, func->regs[i].name, prefix);
            put_number(printer, "<%u>;\n", length);
            i += length;
        } else {
            put(printer, func->regs[i].name);
            put(printer, ";\n");
            i++;
        }
    }
}

static void
put_targets(struct printer *printer, const struct vg_ptx_targets *targets)
{
    put(printer, targets->name);
    put(printer, targets->is_call ? ": .calltargets" : ": .branchtargets");
    for (uint32_t i = 0; i < targets->n_targets; i++) {
        put(printer, i > 0 ? ", " : " ");
        put(printer, targets->is_call ? printer->module->funcs[targets->targets[i]].name
                                      : label_name(printer->func, targets->targets[i]));
    }
    put(printer, ";\n");
}

static void
put_body(struct printer *printer, const struct vg_ptx_func *func)
{
    uint32_t label = 0;

    printer->func = func;
    put(printer, "{\n");
    put_regs(printer, func);
    for (uint32_t i = 0; i < func->n_vars; i++) {
        put(printer, "\t");
        put_module_var(printer, &func->vars[i]);
    }
    for (uint32_t i = 0; i < func->n_targets; i++) {
        put_targets(printer, &func->targets[i]);
    }
    for (uint32_t i = 0; i < func->n_prototypes; i++) {
        put(printer, func->prototypes[i].name);
        put(printer, ": ");
        put(printer, func->prototypes[i].text);
        put(printer, ";\n");
    }
    for (uint32_t i = 0; i <= func->n_insns; i++) {
        while (label < func->n_labels && func->labels[label].target == i) {
            put(printer, func->labels[label++].name);
            put(printer, ":\n");
        }
        if (i < func->n_insns) {
            put_insn(printer, &func->insns[i]);
        }
    }
    put(printer, "}\n\n");
}

int
vg_ptx_module_print(const struct vg_ptx_module *module,
                    int (*write)(void *user, const char *text, size_t size), void *user)
{
    struct printer printer;

    printer.module = module;
    printer.func = NULL;
    printer.write = write;
    printer.user = user;
    printer.r = 0;
    printer.used = 0;
    put_number(&printer, ".version %u.%u\n", module->version_major,
               module->version_minor);
    put(&printer, ".target ");
    put(&printer, module->target);
    put_number(&printer, "\n.address_size %u\n\n", module->address_size);
    for (uint32_t i = 0; i < module->n_funcs; i++) {
        if (!module->funcs[i].is_entry || module->funcs[i].is_declaration) {
            put_header(&printer, &module->funcs[i]);
            put(&printer, ";\n\n");
        }
    }
    for (uint32_t i = 0; i < module->n_vars; i++) {
        put_module_var(&printer, &module->vars[i]);
    }
    for (uint32_t i = 0; i < module->n_funcs && printer.r == 0; i++) {
        if (!module->funcs[i].is_declaration) {
            put_header(&printer, &module->funcs[i]);
            put_body(&printer, &module->funcs[i]);
        }
    }
    flush(&printer);
    return printer.r;
}
