/* SPDX-License-Identifier: Apache-2.0 */

/*
 * op_table - look-up in the tables of ops.h and ptx.h.
 *
 * The hash tables are filled once, from the X-macro lists, and read-only afterwards.
 */
#include "ptx/priv.h"

#include <pthread.h>
#include <string.h>

_Static_assert(VG_PTX_GROUP_COUNT <= 64, "a set of groups is a 64-bit word");
_Static_assert(VG_PTX_MOD_COUNT <= 256, "a set of suffixes is four 64-bit words");

/* the names of the columns groups and flags of VG_PTX_OPS */
#define G_ROUND      (UINT64_C(1) << VG_PTX_GROUP_ROUND)
#define G_RINT       (UINT64_C(1) << VG_PTX_GROUP_RINT)
#define G_FTZ        (UINT64_C(1) << VG_PTX_GROUP_FTZ)
#define G_SAT        (UINT64_C(1) << VG_PTX_GROUP_SAT)
#define G_FNAN       (UINT64_C(1) << VG_PTX_GROUP_FNAN)
#define G_XORSIGN    (UINT64_C(1) << VG_PTX_GROUP_XORSIGN)
#define G_RELU       (UINT64_C(1) << VG_PTX_GROUP_RELU)
#define G_APPROX     (UINT64_C(1) << VG_PTX_GROUP_APPROX)
#define G_CC         (UINT64_C(1) << VG_PTX_GROUP_CC)
#define G_PACK       (UINT64_C(1) << VG_PTX_GROUP_PACK)
#define G_PACKED     (UINT64_C(1) << VG_PTX_GROUP_PACKED)
#define G_HALF       (UINT64_C(1) << VG_PTX_GROUP_HALF)
#define G_COMPARE    (UINT64_C(1) << VG_PTX_GROUP_COMPARE)
#define G_BOOL       (UINT64_C(1) << VG_PTX_GROUP_BOOL)
#define G_ATOMIC     (UINT64_C(1) << VG_PTX_GROUP_ATOMIC)
#define G_SHIFT      (UINT64_C(1) << VG_PTX_GROUP_SHIFT)
#define G_PERMUTE    (UINT64_C(1) << VG_PTX_GROUP_PERMUTE)
#define G_TESTP      (UINT64_C(1) << VG_PTX_GROUP_TESTP)
#define G_SPACE      (UINT64_C(1) << VG_PTX_GROUP_SPACE)
#define G_TO         (UINT64_C(1) << VG_PTX_GROUP_TO)
#define G_VECTOR     (UINT64_C(1) << VG_PTX_GROUP_VECTOR)
#define G_CACHE      (UINT64_C(1) << VG_PTX_GROUP_CACHE)
#define G_POLICY     (UINT64_C(1) << VG_PTX_GROUP_POLICY)
#define G_ORDER      (UINT64_C(1) << VG_PTX_GROUP_ORDER)
#define G_SCOPE      (UINT64_C(1) << VG_PTX_GROUP_SCOPE)
#define G_PROXY      (UINT64_C(1) << VG_PTX_GROUP_PROXY)
#define G_UNIFORM    (UINT64_C(1) << VG_PTX_GROUP_UNIFORM)
#define G_INDEX      (UINT64_C(1) << VG_PTX_GROUP_INDEX)
#define G_BARRIER    (UINT64_C(1) << VG_PTX_GROUP_BARRIER)
#define G_SHUFFLE    (UINT64_C(1) << VG_PTX_GROUP_SHUFFLE)
#define G_COPY       (UINT64_C(1) << VG_PTX_GROUP_COPY)
#define G_TENSOR     (UINT64_C(1) << VG_PTX_GROUP_TENSOR)
#define G_MBARRIER   (UINT64_C(1) << VG_PTX_GROUP_MBARRIER)
#define G_GRID       (UINT64_C(1) << VG_PTX_GROUP_GRID)
#define G_MATRIX     (UINT64_C(1) << VG_PTX_GROUP_MATRIX)
#define G_MULTIMEM   (UINT64_C(1) << VG_PTX_GROUP_MULTIMEM)
#define G_TEXTURE    (UINT64_C(1) << VG_PTX_GROUP_TEXTURE)
#define G_VIDEO      (UINT64_C(1) << VG_PTX_GROUP_VIDEO)
#define F_SIDE       VG_PTX_FLAG_SIDE
#define F_CONVERGENT VG_PTX_FLAG_CONVERGENT
#define F_MEMORY     VG_PTX_FLAG_MEMORY
#define F_BRANCH     VG_PTX_FLAG_BRANCH
#define F_ENDS       VG_PTX_FLAG_ENDS
#define F_CALL       VG_PTX_FLAG_CALL

const struct op_row vg_ptx_op_rows[] = {
    [VG_PTX_OP_UNKNOWN] = { "unknown", 0, 255, "", 0,
                            VG_PTX_FLAG_SIDE | VG_PTX_FLAG_CONVERGENT |
                                VG_PTX_FLAG_MEMORY },
#define X(name, text, min_types, max_types, operands, groups, flags) \
    [VG_PTX_OP_##name] = { text, min_types, max_types, operands, groups, flags },
    VG_PTX_OPS(X)
#undef X
};

#define C_ANY   (1u << VG_PTX_BITS | 1u << VG_PTX_UNSIGNED | 1u << VG_PTX_SIGNED | C_FLOAT)
#define C_INT   (1u << VG_PTX_UNSIGNED | 1u << VG_PTX_SIGNED)
#define C_FLOAT (1u << VG_PTX_FLOAT)
#define C_BITS  (1u << VG_PTX_BITS)
#define C_LOGIC (C_BITS | 1u << VG_PTX_PREDICATE)

/* What the first type of an op may be, and the groups of which it needs a suffix; where
 * nothing is written here, nothing is asked. */
static const struct op_need op_needs[VG_PTX_OP_COUNT] = {
    [VG_PTX_OP_ABS] = { C_INT | C_FLOAT, 0 },
    [VG_PTX_OP_ADD] = { C_INT | C_FLOAT, 0 },
    [VG_PTX_OP_ADDC] = { C_INT | C_BITS, 0 },
    [VG_PTX_OP_AND] = { C_LOGIC, 0 },
    [VG_PTX_OP_ATOM] = { C_ANY, G_ATOMIC | G_BOOL },
    [VG_PTX_OP_BFE] = { C_INT, 0 },
    [VG_PTX_OP_BFI] = { C_BITS, 0 },
    [VG_PTX_OP_BFIND] = { C_INT, 0 },
    [VG_PTX_OP_BREV] = { C_BITS, 0 },
    [VG_PTX_OP_CLZ] = { C_BITS, 0 },
    [VG_PTX_OP_CNOT] = { C_BITS, 0 },
    [VG_PTX_OP_COPYSIGN] = { C_FLOAT, 0 },
    [VG_PTX_OP_COS] = { C_FLOAT, G_APPROX },
    [VG_PTX_OP_DIV] = { C_INT | C_FLOAT, 0 },
    [VG_PTX_OP_EX2] = { C_FLOAT, G_APPROX },
    [VG_PTX_OP_FMA] = { C_FLOAT, G_ROUND },
    [VG_PTX_OP_LD] = { C_ANY, 0 },
    [VG_PTX_OP_LG2] = { C_FLOAT, G_APPROX },
    [VG_PTX_OP_LOP3] = { C_BITS, 0 },
    [VG_PTX_OP_MAX] = { C_INT | C_FLOAT, 0 },
    [VG_PTX_OP_MIN] = { C_INT | C_FLOAT, 0 },
    [VG_PTX_OP_MUL] = { C_INT | C_FLOAT, 0 },
    [VG_PTX_OP_MAD] = { C_INT | C_FLOAT, 0 },
    [VG_PTX_OP_NEG] = { C_INT | C_FLOAT, 0 },
    [VG_PTX_OP_NOT] = { C_LOGIC, 0 },
    [VG_PTX_OP_OR] = { C_LOGIC, 0 },
    [VG_PTX_OP_POPC] = { C_BITS, 0 },
    [VG_PTX_OP_PRMT] = { C_BITS, 0 },
    [VG_PTX_OP_RCP] = { C_FLOAT, 0 },
    [VG_PTX_OP_RED] = { C_ANY, G_ATOMIC | G_BOOL },
    [VG_PTX_OP_REM] = { C_INT, 0 },
    [VG_PTX_OP_RSQRT] = { C_FLOAT, G_APPROX },
    [VG_PTX_OP_SELP] = { C_ANY, 0 },
    [VG_PTX_OP_SET] = { C_INT | C_FLOAT, G_COMPARE | G_HALF },
    [VG_PTX_OP_SETP] = { C_ANY, G_COMPARE | G_HALF },
    [VG_PTX_OP_SHF] = { C_BITS, G_SHIFT },
    [VG_PTX_OP_SHFL] = { C_ANY, G_SHUFFLE | G_INDEX },
    [VG_PTX_OP_SHL] = { C_BITS, 0 },
    [VG_PTX_OP_SHR] = { C_BITS | C_INT, 0 },
    [VG_PTX_OP_SIN] = { C_FLOAT, G_APPROX },
    [VG_PTX_OP_SQRT] = { C_FLOAT, 0 },
    [VG_PTX_OP_ST] = { C_ANY, 0 },
    [VG_PTX_OP_SUB] = { C_INT | C_FLOAT, 0 },
    [VG_PTX_OP_TANH] = { C_FLOAT, G_APPROX },
    [VG_PTX_OP_TESTP] = { C_FLOAT, G_TESTP },
    [VG_PTX_OP_XOR] = { C_LOGIC, 0 },
};

static const struct {
    const char *name;
    enum vg_ptx_group group;
} mod_rows[] = {
#define X(name, text, group) [VG_PTX_MOD_##name] = { text, VG_PTX_GROUP_##group },
    VG_PTX_MODS(X)
#undef X
};

static const struct {
    const char *name;
    uint8_t bits;
    uint8_t class;
} type_rows[] = {
#define X(name, text, bits, class) [VG_PTX_##name] = { text, bits, VG_PTX_##class },
    VG_PTX_TYPES(X)
#undef X
};

static const char *const sreg_names[] = {
#define X(name, text) [VG_PTX_SREG_##name] = text,
    VG_PTX_SREGS(X)
#undef X
};

/* What a word may stand for; the three do not exclude each other. */
struct word {
    const char *text;
    uint16_t op;
    uint16_t value;
    uint8_t kind; /* enum word_kind, of value */
    bool is_op;
};

#define WORD_SLOTS 1024u

static struct word words[WORD_SLOTS];
static pthread_once_t words_once = PTHREAD_ONCE_INIT;

static struct word *
word_slot(const char *text, size_t size)
{
    uint32_t at = hash_bytes(text, size) % WORD_SLOTS;

    while (words[at].text != NULL &&
           (strncmp(words[at].text, text, size) != 0 || words[at].text[size] != '\0')) {
        at = (at + 1) % WORD_SLOTS;
    }
    return &words[at];
}

static void
add_word(const char *text, enum word_kind kind, unsigned value)
{
    struct word *word = word_slot(text, strlen(text));

    word->text = text;
    if (kind == WORD_NONE) {
        word->is_op = true;
        word->op = (uint16_t)value;
    } else {
        word->kind = (uint8_t)kind;
        word->value = (uint16_t)value;
    }
}

static void
fill_words(void)
{
    for (unsigned i = 1; i < VG_PTX_OP_COUNT; i++) {
        add_word(vg_ptx_op_rows[i].name, WORD_NONE, i);
    }
    for (unsigned i = 0; i < VG_PTX_MOD_COUNT; i++) {
        add_word(mod_rows[i].name, WORD_MOD, i);
    }
    for (unsigned i = 0; i < VG_PTX_TYPE_COUNT; i++) {
        add_word(type_rows[i].name, WORD_TYPE, i);
    }
}

enum vg_ptx_op
vg_ptx_op_find(const char *text, size_t size)
{
    pthread_once(&words_once, fill_words);
    const struct word *word = word_slot(text, size);
    return word->is_op ? (enum vg_ptx_op)word->op : VG_PTX_OP_UNKNOWN;
}

enum word_kind
vg_ptx_word_find(const char *text, size_t size, unsigned *out_value)
{
    pthread_once(&words_once, fill_words);
    const struct word *word = word_slot(text, size);
    *out_value = word->value;
    return (enum word_kind)word->kind;
}

bool
vg_ptx_sreg_find(const char *text, size_t size, unsigned *out_sreg, unsigned *out_number)
{
    size_t digits = 0;
    unsigned number = 0;

    for (unsigned i = 0; i < VG_PTX_SREG_COUNT; i++) {
        if (strlen(sreg_names[i]) == size && memcmp(sreg_names[i], text, size) == 0 &&
            i != VG_PTX_SREG_ENVREG && i != VG_PTX_SREG_PM) {
            *out_sreg = i;
            *out_number = 0;
            return true;
        }
    }
    while (digits < size && digits < 2 && char_is(text[size - 1 - digits], CHAR_DIGIT)) {
        digits++;
    }
    for (size_t i = size - digits; i < size; i++) {
        number = number * 10 + (unsigned)(text[i] - '0');
    }
    if (digits > 0 && size - digits == 6 && memcmp(text, "envreg", 6) == 0 &&
        number < 32) {
        *out_sreg = VG_PTX_SREG_ENVREG;
    } else if (digits == 1 && size == 3 && memcmp(text, "pm", 2) == 0 && number < 8) {
        *out_sreg = VG_PTX_SREG_PM;
    } else {
        return false;
    }
    *out_number = number;
    return true;
}

const char *
vg_ptx_sreg_name(unsigned sreg)
{
    return sreg_names[sreg];
}

const struct op_need *
vg_ptx_op_need(enum vg_ptx_op op)
{
    return &op_needs[op];
}

enum vg_ptx_group
vg_ptx_mod_group(unsigned mod)
{
    return mod_rows[mod].group;
}

const char *
vg_ptx_mod_name(enum vg_ptx_mod mod)
{
    return mod_rows[mod].name;
}

const char *
vg_ptx_op_name(enum vg_ptx_op op)
{
    return vg_ptx_op_rows[op].name;
}

unsigned
vg_ptx_op_flags(enum vg_ptx_op op)
{
    return vg_ptx_op_rows[op].flags;
}

const char *
vg_ptx_type_name(enum vg_ptx_type type)
{
    return type_rows[type].name;
}

unsigned
vg_ptx_type_bits(enum vg_ptx_type type)
{
    return type_rows[type].bits;
}

enum vg_ptx_type_class
vg_ptx_type_class(enum vg_ptx_type type)
{
    return (enum vg_ptx_type_class)type_rows[type].class;
}
