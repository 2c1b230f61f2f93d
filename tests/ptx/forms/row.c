/* SPDX-License-Identifier: Apache-2.0 */

/*
 * row - runs one row of a table: builds the kernel, fills the lanes, compares them.
 *
 * A lane reads one record of eight 64-bit words: operands in 0..4, a guard bit in 6, what
 * the outputs hold beforehand in 7; it writes VG_FORM_MAX_OUT words. Lanes beyond the
 * count write nothing, which is checked too.
 */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "run.h"
#include "soft.h"
#include "text.h"

#define MAX_LANES    65536
#define WORDS        8
#define GUARD_WORD   6
#define BEFORE_WORD  7
#define CANARY       0xa5a5a5a5a5a5a5a5
#define N_IMMEDIATES 5

enum variant {
    PLAIN,
    GUARD,
    GUARD_NOT,
    BRANCH,
    UNIFORM,
    ALIAS,
    IMMEDIATE
};

static const char *const variant_names[] = {
    "plain", "@p", "@!p", "branch", "uniform", "alias", "immediate",
};

struct row {
    struct vg_forms *forms;
    const struct vg_form *form;
    const char *in_kinds;
    size_t n_in, n_out;
    char out_kinds[VG_FORM_MAX_OUT + 1];
    enum variant variant;
    uint64_t immediate;
    size_t immediate_at; /* which input it is */
    size_t lanes;
};

static uint64_t in_words[MAX_LANES * WORDS];
static uint64_t out_words[(MAX_LANES + 64) * VG_FORM_MAX_OUT];

static unsigned
bits_of(char kind)
{
    switch (kind) {
    case 'p':
        return 1;
    case 'h':
    case 'H':
    case 'B':
    case 'x':
    case 'y':
        return 16;
    case 'd':
    case 'D':
    case 'U':
        return 64;
    default:
        return 32;
    }
}

static bool
format_of(char kind, enum vg_soft_format *out)
{
    switch (kind) {
    case 'H':
        *out = VG_SOFT_F16;
        return true;
    case 'B':
        *out = VG_SOFT_BF16;
        return true;
    case 'F':
        *out = VG_SOFT_F32;
        return true;
    case 'D':
        *out = VG_SOFT_F64;
        return true;
    default:
        return false;
    }
}

static void
add_load(struct vg_text *text, const char *name, size_t index, char kind, unsigned offset)
{
    unsigned bits = bits_of(kind);

    if (bits == 1) {
        vg_text_add(text, "ld.global.u32 %%x7, [%%y1+%u];\n", offset);
        vg_text_add(text, "and.b32 %%x7, %%x7, 1;\nsetp.ne.s32 %%%s%zu, %%x7, 0;\n", name,
                    index);
        return;
    }
    vg_text_add(text, "ld.global.u%u %%%s%zu, [%%y1+%u];\n", bits, name, index, offset);
}

static void
add_store(struct vg_text *text, const char *name, size_t index, size_t slot, char kind)
{
    unsigned bits = bits_of(kind);
    size_t offset = slot * 8;

    if (bits == 1) {
        vg_text_add(text, "selp.u32 %%x7, 1, 0, %%%s%zu;\n", name, index);
        vg_text_add(text, "st.global.u32 [%%y2+%zu], %%x7;\n", offset);
        return;
    }
    vg_text_add(text, "st.global.u%u [%%y2+%zu], %%%s%zu;\n", bits, offset, name, index);
}

static void
add_declaration(struct vg_text *text, const char *name, size_t index, char kind)
{
    unsigned bits = bits_of(kind);

    if (bits == 1) {
        vg_text_add(text, ".reg .pred %%%s%zu;\n", name, index);
    } else {
        vg_text_add(text, ".reg .b%u %%%s%zu;\n", bits, name, index);
    }
}

static void
add_immediate(struct vg_text *text, const struct row *row)
{
    char kind = row->in_kinds[row->immediate_at];

    if (kind == 'F') {
        vg_text_add(text, "0f%08" PRIX64, row->immediate);
    } else if (kind == 'D') {
        vg_text_add(text, "0d%016" PRIX64, row->immediate);
    } else if (kind == 'r' && (row->immediate & 4) != 0) {
        vg_text_add(text, "%d", (int32_t)row->immediate);
    } else if (kind == 'h' && (row->immediate & 4) != 0) {
        vg_text_add(text, "%d", (int16_t)row->immediate);
    } else if (kind == 'd' && (row->immediate & 4) != 0) {
        vg_text_add(text, "%" PRId64, (int64_t)row->immediate);
    } else {
        vg_text_add(text, "0x%" PRIx64, row->immediate);
    }
}

/* The instruction of a row without text of its own. */
static void
add_generated(struct vg_text *text, const struct row *row)
{
    const char *name = row->form->name;
    int length = (int)strcspn(name, " ");
    const char *from = row->forms->spoil_from;
    const char *spoilt = from != NULL ? strstr(name, from) : NULL;

    if (spoilt != NULL) {
        int rest = length - (int)(spoilt - name) - (int)strlen(from);
        vg_text_add(text, "%.*s%s%.*s ", (int)(spoilt - name), name, row->forms->spoil_to,
                    rest, spoilt + strlen(from));
    } else {
        vg_text_add(text, "%.*s ", length, name);
    }
    vg_text_add(text, "%s", row->variant == ALIAS ? "%a0" : "%o0");
    for (size_t i = 1; i < row->n_out; i++) {
        vg_text_add(text, "|%%o%zu", i);
    }
    for (size_t i = 0; i < row->n_in; i++) {
        vg_text_add(text, ", ");
        if (row->variant == IMMEDIATE && i == row->immediate_at) {
            add_immediate(text, row);
        } else {
            vg_text_add(text, "%%a%zu", i);
        }
    }
    vg_text_add(text, ";\n");
}

static void
add_instruction(struct vg_text *text, const struct row *row)
{
    const char *source = row->form->text;

    if (source[0] == '\0') {
        add_generated(text, row);
        return;
    }
    for (const char *c = source; *c != '\0'; c++) {
        if (row->variant == ALIAS && strncmp(c, "%o0", 3) == 0) {
            vg_text_add(text, "%%a0");
            c += 2;
        } else {
            vg_text_add(text, "%c", *c);
        }
    }
    vg_text_add(text, "\n");
}

static void
build(struct vg_text *text, const struct row *row)
{
    vg_text_clear(text);
    vg_text_add(
        text, VG_FORMS_HEADER
        ".visible .entry k(.param .u64 p_in, .param .u64 p_out, .param .u32 p_n)\n{\n"
        ".reg .pred %%q, %%q0;\n.reg .b32 %%x<8>;\n.reg .b64 %%y<4>;\n");
    for (size_t i = 0; i < row->n_in; i++) {
        add_declaration(text, "a", i, row->in_kinds[i]);
    }
    for (size_t i = 0; i < row->n_out; i++) {
        add_declaration(text, "o", i, row->out_kinds[i]);
    }
    vg_text_add(
        text,
        "mov.u32 %%x0, %%ctaid.x;\nmov.u32 %%x1, %%ntid.x;\nmov.u32 %%x2, %%tid.x;\n"
        "mad.lo.s32 %%x3, %%x0, %%x1, %%x2;\nld.param.u32 %%x4, [p_n];\n"
        "setp.ge.u32 %%q, %%x3, %%x4;\n@%%q bra END;\n"
        "ld.param.u64 %%y0, [p_in];\nld.param.u64 %%y2, [p_out];\n");
    vg_text_add(text, "mul.wide.u32 %%y1, %%x%d, 64;\nadd.s64 %%y1, %%y0, %%y1;\n",
                row->variant == UNIFORM ? 0 : 3);
    vg_text_add(text, "mul.wide.u32 %%y3, %%x3, 32;\nadd.s64 %%y2, %%y2, %%y3;\n");
    for (size_t i = 0; i < row->n_in; i++) {
        add_load(text, "a", i, row->in_kinds[i], (unsigned)i * 8);
    }
    for (size_t i = 0; i < row->n_out; i++) {
        add_load(text, "o", i, row->out_kinds[i], BEFORE_WORD * 8);
    }
    add_load(text, "q", 0, 'p', GUARD_WORD * 8);
}

static void
build_rest(struct vg_text *text, const struct row *row)
{
    if (row->variant == BRANCH) {
        vg_text_add(text, "@!%%q0 bra SKIP;\n");
    } else if (row->variant == GUARD || row->variant == GUARD_NOT) {
        vg_text_add(text, row->variant == GUARD ? "@%%q0 " : "@!%%q0 ");
    }
    add_instruction(text, row);
    if (row->variant == BRANCH) {
        vg_text_add(text, "SKIP:\n");
    }
    for (size_t i = 0; i < row->n_out; i++) {
        bool alias = row->variant == ALIAS && i == 0;
        add_store(text, alias ? "a" : "o", i, i, row->out_kinds[i]);
    }
    vg_text_add(text, "END:\nret;\n}\n");
}

/* Value of operand @k of a lane when not every combination is tried: edges, random
 * numbers, and numbers close to the first operand. */
static uint64_t
sampled(const struct row *row, size_t k, uint64_t lane, const uint64_t *in)
{
    char kind = row->in_kinds[k];
    uint64_t r = vg_random(lane * 16 + k + 1000003);
    size_t edges = vg_values_edges(kind);
    enum vg_soft_format format;

    if (k == 2 && (r & 0x700) == 0 && format_of(kind, &format) &&
        row->in_kinds[0] == kind && row->in_kinds[1] == kind) {
        struct vg_soft product =
            vg_soft_mul(vg_soft_unpack(format, in[0]), vg_soft_unpack(format, in[1]));
        return vg_soft_pack(format, VG_SOFT_RN, vg_soft_neg(product));
    }
    if (k > 0 && (r & 0x700) == 0x100 && row->in_kinds[0] == kind && bits_of(kind) > 1) {
        uint64_t sign = (uint64_t)1 << (bits_of(kind) - 1);
        return (in[0] ^ ((r >> 20 & 1) != 0 ? sign : 0)) ^ (r >> 24 & 3);
    }
    return (r >> 11 & 1) != 0 ? vg_value(kind, (r >> 16) % edges)
                              : vg_value(kind, edges + (r >> 16) % 1000000);
}

static size_t
combinations(const struct row *row)
{
    size_t product = 1;

    for (size_t k = 0; k < row->n_in && product < MAX_LANES; k++) {
        product *= vg_values_edges(row->in_kinds[k]);
    }
    return product;
}

/* How many lanes the variant gets, and their operands. */
static void
fill(struct row *row)
{
    size_t limit =
        row->forms->quick || (row->form->flags & VG_FORM_LIGHT) != 0 ? 256 : 1600;
    size_t all = combinations(row);
    bool half = row->n_in == 1 && (row->in_kinds[0] == 'H' || row->in_kinds[0] == 'B');
    bool exhaustive = half && !row->forms->quick && row->variant == PLAIN;

    if (row->variant != PLAIN) {
        limit = row->forms->quick ? 64 : 200;
    }
    row->lanes = all <= limit ? all + (limit > 200 ? 128 : 32) : limit;
    row->lanes = exhaustive ? MAX_LANES : row->lanes;
    for (size_t lane = 0; lane < row->lanes; lane++) {
        uint64_t *in = &in_words[lane * WORDS];
        size_t rest = lane;
        for (size_t k = 0; k < row->n_in; k++) {
            size_t edges = vg_values_edges(row->in_kinds[k]);
            in[k] = all <= limit && lane < all ? vg_value(row->in_kinds[k], rest % edges)
                                               : sampled(row, k, lane, in);
            rest /= edges;
            in[k] = exhaustive ? lane : in[k];
        }
        in[GUARD_WORD] = vg_random(lane + 77) & 1;
        in[BEFORE_WORD] = vg_random(lane + 7777);
    }
}

/* What an approximation left, as a double, and its format's numbers. */
struct approx {
    double value, smallest, limit; /* smallest normal; where infinity begins */
    int bits;                      /* of the significand */
};

static struct approx
approx_of(char kind, uint64_t bits)
{
    enum vg_soft_format format = kind == 'x'   ? VG_SOFT_F16
                                 : kind == 'y' ? VG_SOFT_BF16
                                 : kind == 'U' ? VG_SOFT_F64
                                               : VG_SOFT_F32;
    struct vg_soft v = vg_soft_unpack(format, bits);
    struct approx a = { 0, 0x1p-126, 0x1p128, 24 };

    if (kind == 'x') {
        a = (struct approx){ 0, 0x1p-14, 0x1p16, 11 };
    } else if (kind == 'y') {
        a.bits = 8;
    } else if (kind == 'U') {
        a = (struct approx){ 0, 0x1p-1022, (double)INFINITY, 21 };
    }
    a.value = v.kind == VG_SOFT_NAN   ? (double)NAN
              : v.kind == VG_SOFT_INF ? (double)INFINITY
              : v.kind == VG_SOFT_ZERO
                  ? 0
                  : ldexp((double)(uint64_t)(v.sig >> 62), v.exp + 62);
    a.value = v.negative ? -a.value : a.value;
    return a;
}

static bool
approx_equal(const struct vg_form *form, char kind, uint64_t want_bits, uint64_t got_bits)
{
    struct approx got = approx_of(kind, got_bits);
    double want;

    memcpy(&want, &want_bits, sizeof(want));
    if (kind == 'U' && (uint32_t)got_bits != 0) {
        return false;
    }
    if (isnan(want) || isnan(got.value)) {
        return isnan(want) && isnan(got.value);
    }
    bool same_sign = (signbit(got.value) != 0) == (signbit(want) != 0);
    if (want == 0 || isinf(want)) {
        return got.value == want && same_sign;
    }
    bool ftz = strstr(form->name, ".ftz") != NULL;
    if (ftz && fabs(want) < got.smallest * (1 + 0x1p-20)) {
        bool flushed = got.value == 0 && same_sign;
        if (flushed || fabs(want) < got.smallest * (1 - 0x1p-20)) {
            return flushed;
        }
    }
    int exp;
    (void)frexp(want < got.smallest && want > -got.smallest ? got.smallest : want, &exp);
    double last = ldexp(1, exp - got.bits);
    if (isinf(
            got.value)) { /* one step above the largest number is where infinity stands */
        return fabs(want) + form->ulp * last >= got.limit && same_sign;
    }
    return fabs(got.value - want) <= form->ulp * last;
}

static bool
equal(const struct vg_form *form, char kind, uint64_t want, uint64_t got)
{
    enum vg_soft_format format;

    switch (kind) {
    case 'A':
    case 'x':
    case 'y':
    case 'U':
        return approx_equal(form, kind, want, got);
    case 'P':
        return equal(form, 'H', want & 0xffff, got & 0xffff) &&
               equal(form, 'H', want >> 16, got >> 16);
    case 'Q':
        return equal(form, 'B', want & 0xffff, got & 0xffff) &&
               equal(form, 'B', want >> 16, got >> 16);
    default:
        break;
    }
    if (format_of(kind, &format) && vg_soft_is_nan(format, want)) {
        return vg_soft_is_nan(format, got);
    }
    return want == got;
}

static bool
check_lane(const struct row *row, size_t lane)
{
    const uint64_t *in = &in_words[(row->variant == UNIFORM ? lane / 96 : lane) * WORDS];
    const uint64_t *got = &out_words[lane * VG_FORM_MAX_OUT];
    uint64_t operands[VG_FORM_MAX_IN] = { 0 };
    uint64_t want[VG_FORM_MAX_OUT] = { 0 };
    bool guard = in[GUARD_WORD] != 0;
    bool runs = row->variant == GUARD || row->variant == BRANCH ? guard
                : row->variant == GUARD_NOT                     ? !guard
                                                                : true;

    memcpy(operands, in, row->n_in * sizeof(uint64_t));
    if (row->variant == IMMEDIATE) {
        operands[row->immediate_at] = row->immediate;
    }
    if (runs && !row->form->ref(row->form, operands, want)) {
        return true;
    }
    for (size_t k = 0; k < row->n_out; k++) {
        char kind = row->out_kinds[k];
        uint64_t mask = UINT64_MAX >> (64 - bits_of(kind));
        uint64_t expected = runs ? want[k] : in[BEFORE_WORD] & mask;
        bool same = runs ? equal(row->form, kind, expected, got[k] & mask)
                         : expected == (got[k] & mask);
        if (!same) {
            vg_forms_fail(row->forms,
                          "[%s] lane %zu out %zu: in %" PRIx64 " %" PRIx64 " %" PRIx64
                          " %" PRIx64 ": got %" PRIx64 ", want %" PRIx64 "%s",
                          variant_names[row->variant], lane, k, operands[0], operands[1],
                          operands[2], operands[3], got[k] & mask, expected,
                          strchr("AxyU", kind) != NULL && runs ? " (double)" : "");
            return false;
        }
    }
    return true;
}

static bool
run_variant(struct row *row)
{
    static struct vg_text text;
    struct {
        uint64_t in, out;
        uint32_t n, pad;
    } params = { (uint64_t)(uintptr_t)in_words, (uint64_t)(uintptr_t)out_words, 0, 0 };

    fill(row);
    params.n = (uint32_t)row->lanes;
    for (size_t i = 0; i < (row->lanes + 64) * VG_FORM_MAX_OUT; i++) {
        out_words[i] = CANARY;
    }
    build(&text, row);
    build_rest(&text, row);
    struct vg_machine_job job = {
        .text = text.bytes,
        .grid = { (uint32_t)((row->lanes + 95) / 96) },
        .block = { 96 },
        .params = &params,
        .param_size = 20,
        .in = (uint8_t *)in_words,
        .in_size = sizeof(in_words),
        .out = (uint8_t *)out_words,
        .out_size = sizeof(out_words),
        .hash_size = row->lanes * VG_FORM_MAX_OUT * sizeof(uint64_t),
    };
    static struct vg_machine_report report;
    enum vg_machine_result r = vg_machine_run(&job, &report);
    if (r == VG_MACHINE_UNSUPPORTED || r == VG_MACHINE_SYNTAX) {
        vg_forms_unsupported(row->forms, report.why);
        return false;
    }
    if (r != VG_MACHINE_OK) {
        vg_forms_fail(row->forms, "[%s] %s", variant_names[row->variant], report.why);
        return false;
    }
    for (size_t lane = 0; lane < row->lanes; lane++) {
        if (!check_lane(row, lane)) {
            return false;
        }
    }
    for (size_t i = row->lanes * VG_FORM_MAX_OUT; i < (row->lanes + 64) * VG_FORM_MAX_OUT;
         i++) {
        if (out_words[i] != CANARY) {
            vg_forms_fail(row->forms, "a lane that had left wrote memory");
            return false;
        }
    }
    return true;
}

/* A constant in place of each source that may be one; more of them in the last place,
 * where compilers put them. */
static bool
run_immediates(struct row *row)
{
    row->variant = IMMEDIATE;
    for (size_t k = 0; k < row->n_in; k++) {
        char kind = row->in_kinds[k];
        size_t edges = vg_values_edges(kind);
        bool is_last = k == row->n_in - 1;
        size_t count = is_last ? N_IMMEDIATES : row->forms->quick ? 1 : 2;
        if (strchr("rhdscnFD", kind) == NULL) {
            continue;
        }
        row->immediate_at = k;
        for (size_t i = 0; i < count; i++) {
            row->immediate =
                vg_value(kind, (i + !is_last) * (edges - 1) / (N_IMMEDIATES - 1));
            if (!run_variant(row)) {
                return false;
            }
        }
    }
    return true;
}

void
vg_forms_run_row(struct vg_forms *forms, const struct vg_form *form)
{
    struct row row = { .forms = forms, .form = form };
    const char *equals = strchr(form->shape, '=');

    row.n_out = (size_t)(equals - form->shape);
    memcpy(row.out_kinds, form->shape, row.n_out);
    row.in_kinds = equals + 1;
    row.n_in = strlen(row.in_kinds);
    for (row.variant = PLAIN; row.variant <= ALIAS; row.variant++) {
        bool several = (form->flags & VG_FORM_SEVERAL) != 0;
        bool guard = row.variant == GUARD || row.variant == GUARD_NOT;
        if ((several && (guard || row.variant == ALIAS)) ||
            (row.variant == ALIAS &&
             (row.n_in == 0 || bits_of(row.out_kinds[0]) != bits_of(row.in_kinds[0])))) {
            continue;
        }
        if (!run_variant(&row)) {
            return;
        }
    }
    bool is_move = strncmp(form->name, "mov.", 4) == 0;
    if (form->text[0] == '\0' && (form->flags & VG_FORM_NO_IMMEDIATE) == 0 &&
        (row.n_in > 1 || is_move)) {
        (void)run_immediates(&row);
    }
}
