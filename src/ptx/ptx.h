/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ptx - PTX text as a checked, in-memory program.
 *
 * A module is indexed first (directives, module variables, entry names and the text range
 * of each body); a body is parsed when it is asked for, so that a file with hundreds of
 * kernels costs what is used. After vg_ptx_func_parse() every name is an index, every
 * label an instruction number, and every instruction has been held against the op table:
 * what the table does not know is kept with op VG_PTX_OP_UNKNOWN and its text, and it is
 * for the executor to refuse the kernel by that name.
 *
 * Source of every rule: PTX ISA 9.x manual, sections named beside the items.
 * One module belongs to one thread at a time; parsed functions are read-only afterwards.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vg_arena;

/* Types (5.2 Types, 5.2.3 alternate and packed formats): name, spelling, bits, class. */
#define VG_PTX_TYPES(X)            \
    X(PRED, "pred", 1, PREDICATE)  \
    X(B8, "b8", 8, BITS)           \
    X(B16, "b16", 16, BITS)        \
    X(B32, "b32", 32, BITS)        \
    X(B64, "b64", 64, BITS)        \
    X(B128, "b128", 128, BITS)     \
    X(U8, "u8", 8, UNSIGNED)       \
    X(U16, "u16", 16, UNSIGNED)    \
    X(U32, "u32", 32, UNSIGNED)    \
    X(U64, "u64", 64, UNSIGNED)    \
    X(S8, "s8", 8, SIGNED)         \
    X(S16, "s16", 16, SIGNED)      \
    X(S32, "s32", 32, SIGNED)      \
    X(S64, "s64", 64, SIGNED)      \
    X(F16, "f16", 16, FLOAT)       \
    X(F16X2, "f16x2", 32, FLOAT)   \
    X(BF16, "bf16", 16, FLOAT)     \
    X(BF16X2, "bf16x2", 32, FLOAT) \
    X(TF32, "tf32", 32, FLOAT)     \
    X(F32, "f32", 32, FLOAT)       \
    X(F64, "f64", 64, FLOAT)       \
    X(E4M3, "e4m3", 8, FLOAT)      \
    X(E5M2, "e5m2", 8, FLOAT)      \
    X(E4M3X2, "e4m3x2", 16, FLOAT) \
    X(E5M2X2, "e5m2x2", 16, FLOAT) \
    X(U4, "u4", 4, UNSIGNED)       \
    X(S4, "s4", 4, SIGNED)         \
    X(B1, "b1", 1, BITS)

enum vg_ptx_type {
#define X(name, text, bits, class) VG_PTX_##name,
    VG_PTX_TYPES(X)
#undef X
    VG_PTX_TYPE_COUNT,
};

enum vg_ptx_type_class {
    VG_PTX_PREDICATE,
    VG_PTX_BITS,
    VG_PTX_UNSIGNED,
    VG_PTX_SIGNED,
    VG_PTX_FLOAT,
};

const char *vg_ptx_type_name(enum vg_ptx_type type);
unsigned vg_ptx_type_bits(enum vg_ptx_type type);
enum vg_ptx_type_class vg_ptx_type_class(enum vg_ptx_type type);

/* State spaces (5.1). VG_PTX_GENERIC: no space written, a generic address. */
enum vg_ptx_space {
    VG_PTX_GENERIC,
    VG_PTX_REG,
    VG_PTX_SREG,
    VG_PTX_CONST,
    VG_PTX_GLOBAL,
    VG_PTX_LOCAL,
    VG_PTX_PARAM,
    VG_PTX_SHARED,
};

/*
 * Operations and suffixes. ops.h is the one table: base opcodes with their operand shape
 * (VG_PTX_OPS) and every suffix that is not a type (VG_PTX_MODS, e.g. FTZ "ftz").
 * It defines enum vg_ptx_op (VG_PTX_OP_ADD ...; VG_PTX_OP_UNKNOWN is 0) and
 * enum vg_ptx_mod (VG_PTX_MOD_FTZ ...).
 */
#include "ptx/ops.h"

enum vg_ptx_linkage {
    VG_PTX_LOCAL_LINKAGE,
    VG_PTX_EXTERN,
    VG_PTX_VISIBLE,
    VG_PTX_WEAK,
    VG_PTX_COMMON,
};

/* Opaque types (5.3): .global .texref t; the element type then is B64. */
enum vg_ptx_opaque {
    VG_PTX_NOT_OPAQUE,
    VG_PTX_TEXREF,
    VG_PTX_SAMPLERREF,
    VG_PTX_SURFREF,
};

/* An initialiser word that holds the address of another variable (5.4.4). */
struct vg_ptx_reloc {
    size_t offset; /* bytes from the start of the variable */
    uint32_t var;  /* index into module->vars, or UINT32_MAX when func is set */
    uint32_t func; /* index into module->funcs, or UINT32_MAX */
    int64_t addend;
    bool generic; /* written generic(var) */
    uint8_t size; /* bytes of the word: 4 or 8 */
};

/* A variable: module scope (.global .const .shared), function scope (.shared .local
 * .param), or a kernel parameter. */
struct vg_ptx_var {
    const char *name;
    enum vg_ptx_space space;
    enum vg_ptx_linkage linkage;
    enum vg_ptx_type type; /* element type */
    uint8_t vector;        /* 1, 2 or 4 */
    bool is_array;
    bool is_unsized; /* .extern .shared x[]: dynamic shared memory (5.4.2) */
    bool is_managed; /* .attribute(.managed) (5.4.8) */
    uint8_t opaque;  /* enum vg_ptx_opaque: a texture, sampler or surface reference */
    bool is_ptr;     /* parameter attribute .ptr (5.1.6.3) */
    uint32_t align;  /* bytes; the type's size unless .align is written */
    uint64_t size;   /* bytes in all */
    uint64_t offset; /* of a parameter in its parameter block; else 0 */
    uint32_t reg;    /* space is VG_PTX_REG (a .reg parameter of a .func): its register,
                        once the body has been parsed */
    const uint8_t *init; /* @size bytes, or NULL */
    const struct vg_ptx_reloc *relocs;
    size_t n_relocs;
    const uint64_t *dims; /* as written, for the printer */
    uint8_t n_dims;
    uint32_t line;
};

/* A virtual register. Names are unique in the function: one that is declared in an inner
 * scope and hides another has got a new name. */
struct vg_ptx_reg {
    const char *name;
    enum vg_ptx_type type;
    uint8_t vector; /* 1; 2 or 4: .reg .v4 .f32 */
};

/* Special registers (10): VG_PTX_SREG_TID with component 0..2 for .x .y .z, and so on. */
#define VG_PTX_SREGS(X)                                   \
    X(TID, "tid")                                         \
    X(NTID, "ntid")                                       \
    X(CTAID, "ctaid")                                     \
    X(NCTAID, "nctaid")                                   \
    X(LANEID, "laneid")                                   \
    X(WARPID, "warpid")                                   \
    X(NWARPID, "nwarpid")                                 \
    X(SMID, "smid")                                       \
    X(NSMID, "nsmid")                                     \
    X(GRIDID, "gridid")                                   \
    X(LANEMASK_EQ, "lanemask_eq")                         \
    X(LANEMASK_LE, "lanemask_le")                         \
    X(LANEMASK_LT, "lanemask_lt")                         \
    X(LANEMASK_GE, "lanemask_ge")                         \
    X(LANEMASK_GT, "lanemask_gt")                         \
    X(CLOCK, "clock")                                     \
    X(CLOCK_HI, "clock_hi")                               \
    X(CLOCK64, "clock64")                                 \
    X(GLOBALTIMER, "globaltimer")                         \
    X(GLOBALTIMER_LO, "globaltimer_lo")                   \
    X(GLOBALTIMER_HI, "globaltimer_hi")                   \
    X(DYNAMIC_SMEM_SIZE, "dynamic_smem_size")             \
    X(TOTAL_SMEM_SIZE, "total_smem_size")                 \
    X(CLUSTERID, "clusterid")                             \
    X(NCLUSTERID, "nclusterid")                           \
    X(CLUSTER_CTAID, "cluster_ctaid")                     \
    X(CLUSTER_NCTAID, "cluster_nctaid")                   \
    X(CLUSTER_CTARANK, "cluster_ctarank")                 \
    X(CLUSTER_NCTARANK, "cluster_nctarank")               \
    X(IS_EXPLICIT_CLUSTER, "is_explicit_cluster")         \
    X(AGGR_SMEM_SIZE, "aggr_smem_size")                   \
    X(CURRENT_GRAPH_EXEC, "current_graph_exec")           \
    X(SMEM_OFFSET_BEGIN, "reserved_smem_offset_begin")    \
    X(SMEM_OFFSET_END, "reserved_smem_offset_end")        \
    X(SMEM_OFFSET_CAP, "reserved_smem_offset_cap")        \
    X(PM, "pm")         /* component = number, %pm0..7 */ \
    X(ENVREG, "envreg") /* component = number, %envreg0..31 */

enum vg_ptx_sreg {
#define X(name, text) VG_PTX_SREG_##name,
    VG_PTX_SREGS(X)
#undef X
    VG_PTX_SREG_COUNT,
};

enum vg_ptx_operand_kind {
    VG_PTX_OPERAND_NONE,
    VG_PTX_OPERAND_REG,       /* reg; negated: !%p */
    VG_PTX_OPERAND_SINK,      /* _ */
    VG_PTX_OPERAND_INT,       /* bits: a 64-bit integer constant (4.5.1), sign included */
    VG_PTX_OPERAND_FLOAT,     /* bits: IEEE double (4.5.2); is_single: written 0f........,
                                 bits then holds the 32 bits of the single */
    VG_PTX_OPERAND_SREG,      /* sreg, component */
    VG_PTX_OPERAND_VAR,       /* a variable's address as a value: symbol + offset */
    VG_PTX_OPERAND_FUNC,      /* a function's address: index into module->funcs */
    VG_PTX_OPERAND_ADDRESS,   /* [base + offset]; base_kind tells what base is */
    VG_PTX_OPERAND_VECTOR,    /* {a, b, ...}: elems, count */
    VG_PTX_OPERAND_PAIR,      /* d|p: elems[0], elems[1] */
    VG_PTX_OPERAND_LABEL,     /* target: an instruction index */
    VG_PTX_OPERAND_LIST,      /* (a, b, ...): the arguments or results of a call */
    VG_PTX_OPERAND_COMPONENT, /* %v.x: a component of a vector register (rare); component
                                 0..3 for .x .y .z .w, 4..7 for .b0 .. .b3, 8 9 for .h0
                                 .h1 (selectors of the video instructions) */
    VG_PTX_OPERAND_TARGETS,   /* symbol: index into func->targets (brx.idx) */
    VG_PTX_OPERAND_PROTOTYPE, /* symbol: index into func->prototypes (indirect call) */
};

enum vg_ptx_base_kind {
    VG_PTX_BASE_REG, /* reg */
    VG_PTX_BASE_VAR, /* symbol */
    VG_PTX_BASE_INT, /* offset alone */
};

/* Where a symbol lives. */
enum vg_ptx_scope {
    VG_PTX_SCOPE_MODULE, /* index into module->vars */
    VG_PTX_SCOPE_FUNC,   /* index into func->vars: .shared, .local, .param in a body */
    VG_PTX_SCOPE_PARAM,  /* index into func->params */
    VG_PTX_SCOPE_RETURN, /* index into func->returns */
};

/*
 * A call has always three operands: LIST of results (count 0 when there is none), the
 * callee (FUNC; REG when indirect), LIST of arguments; and then a PROTOTYPE or TARGETS
 * when one is written.
 * An ADDRESS with elems is the form of textures and tensors: [base, elem, elem ...].
 */
struct vg_ptx_operand {
    uint8_t kind; /* enum vg_ptx_operand_kind */
    uint8_t base_kind;
    uint8_t scope; /* of symbol */
    uint8_t sreg;
    uint8_t component;
    bool negated;
    bool is_single;
    uint8_t count; /* of elems */
    uint32_t reg;
    uint32_t symbol;
    uint32_t target;
    uint32_t func;
    int64_t offset;
    uint64_t bits;
    struct vg_ptx_operand *elems;
};

#define VG_PTX_MAX_TYPES 4

struct vg_ptx_insn {
    uint16_t op; /* enum vg_ptx_op */
    uint8_t n_types;
    uint8_t n_operands;
    uint8_t n_suffixes;
    bool guard_negated;
    uint8_t vector; /* 1, 2, 4 or 8 (.v2 ...), for ld, st and friends */
    uint8_t space;  /* enum vg_ptx_space, the first one written; else VG_PTX_GENERIC */
    int32_t guard;  /* predicate register of @%p, or -1 */
    uint32_t line;
    uint8_t types[VG_PTX_MAX_TYPES]; /* enum vg_ptx_type, as written, in order */
    uint64_t mods[4];                /* bit set over enum vg_ptx_mod */
    const uint16_t *suffixes;        /* as written: < VG_PTX_TYPE_COUNT a type, else
                                        VG_PTX_TYPE_COUNT + enum vg_ptx_mod */
    const char *text;                /* VG_PTX_OP_UNKNOWN: mnemonic with all suffixes */
    struct vg_ptx_operand *operands; /* destination first, as written */
};

static inline bool
vg_ptx_has(const struct vg_ptx_insn *insn, unsigned mod)
{
    return (insn->mods[mod / 64] >> (mod % 64) & 1) != 0;
}

struct vg_ptx_label {
    const char *name; /* unique in the function */
    uint32_t target;  /* instruction index; may equal n_insns (end of the body) */
};

/* name: .branchtargets label, label; (11.3.1) or .calltargets */
struct vg_ptx_targets {
    const char *name;
    uint32_t *targets; /* instruction indices; of .calltargets: module->funcs */
    uint32_t n_targets;
    bool is_call;
};

/* name: .callprototype ...; (11.3.3): kept as the text between its : and its ; */
struct vg_ptx_prototype {
    const char *name;
    const char *text;
};

struct vg_ptx_func {
    const char *name;
    bool is_entry;
    bool is_declaration; /* .extern or forward: no body */
    bool is_parsed;
    enum vg_ptx_linkage linkage;
    uint32_t line;

    struct vg_ptx_var *params;
    struct vg_ptx_var *returns;
    uint32_t n_params, n_returns;
    uint64_t param_size; /* bytes of the whole parameter block of an entry */

    /* performance directives (11.4); 0 or absent when not written */
    uint32_t maxntid[3];
    uint32_t reqntid[3];
    uint32_t minnctapersm;
    uint32_t maxnreg;
    bool noreturn;

    /* text of the body, braces included, inside module->text */
    const char *body;
    size_t body_size;
    uint32_t body_line;

    /* filled by vg_ptx_func_parse() */
    struct vg_ptx_reg *regs;
    struct vg_ptx_var *vars;
    struct vg_ptx_label *labels;
    struct vg_ptx_insn *insns;
    struct vg_ptx_targets *targets;
    struct vg_ptx_prototype *prototypes;
    uint32_t n_regs, n_vars, n_labels, n_insns, n_targets, n_prototypes;
};

struct vg_ptx_module {
    struct vg_arena *arena;
    const char *text; /* our copy, NUL-terminated */
    size_t text_size;
    uint16_t version_major, version_minor;
    const char *target; /* e.g. "sm_80", "sm_90a" */
    uint32_t target_sm; /* e.g. 80 */
    uint8_t address_size;

    struct vg_ptx_var *vars;
    struct vg_ptx_func *funcs;
    uint32_t n_vars, n_funcs;
    void *index; /* name lookup; private to the parser */
};

/* The first error of a parse, with everything a person needs to find it. */
struct vg_ptx_diag {
    uint32_t line, column; /* 1-based */
    char message[256];
    char source[160]; /* the line of text, cut around the column */
};

enum vg_ptx_condition {
    VG_PTX_OK = 0,
    VG_PTX_SYNTAX,  /* @out_diag is filled */
    VG_PTX_NOT_PTX, /* the text does not begin with .version (after blanks, comments) */
    VG_PTX_LIMIT,   /* a size limit of limits.h is exceeded; @out_diag is filled */
};

/**
 * vg_ptx_module_parse() - index a module
 * @text: PTX text; copied. Stops at the first NUL before @size.
 * @out:  the module, to be destroyed by the caller; untouched on failure
 *
 * Return: 0, a vg_ptx_condition, or -ENOMEM.
 */
int vg_ptx_module_parse(const char *text, size_t size, struct vg_ptx_module **out,
                        struct vg_ptx_diag *out_diag);

/* NULL is a no-op. */
void vg_ptx_module_destroy(struct vg_ptx_module *module);

/* Parses one body and checks it against the op table. Done once; then a no-op.
 * Return: 0, a vg_ptx_condition, or -ENOMEM. */
int vg_ptx_func_parse(struct vg_ptx_module *module, struct vg_ptx_func *func,
                      struct vg_ptx_diag *out_diag);

/* Finds a function or a module variable by name. Return: NULL when there is none. */
struct vg_ptx_func *
vg_ptx_find_func(const struct vg_ptx_module *module, const char *name);
struct vg_ptx_var *vg_ptx_find_var(const struct vg_ptx_module *module, const char *name);

/* The mnemonic with all suffixes, e.g. "fma.rn.ftz.f32". Return: length as snprintf. */
int vg_ptx_insn_form(const struct vg_ptx_insn *insn, char *buffer, size_t size);

/* Prints what was parsed as PTX that parses to the same module. Every function must have
 * been parsed. @write gets pieces of text. Return: 0, or what @write returned. */
int
vg_ptx_module_print(const struct vg_ptx_module *module,
                    int (*write)(void *user, const char *text, size_t size), void *user);
/* Structural equality: functions by name, all else by position. */
bool vg_ptx_module_equal(const struct vg_ptx_module *a, const struct vg_ptx_module *b);
/* "line 3: message\n  source\n      ^" into @buffer, as the JIT log shows it. */
int vg_ptx_diag_format(const struct vg_ptx_diag *diag, char *buffer, size_t size);
