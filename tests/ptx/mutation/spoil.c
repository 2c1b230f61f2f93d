/* SPDX-License-Identifier: Apache-2.0 */
#include "spoil.h"

#include <stdio.h>
#include <string.h>

#define N_SAMPLES 50000

struct spoil {
    const char *from, *to;
    const char *opcodes; /* separated by blanks; NULL: all */
};

#define SIGNED_OPCODES \
    " min max mul.hi mul.wide mad.hi mad.wide div rem shr setp.lt setp.le setp.gt setp.ge bfe bfind sad "

static const struct spoil spoils[] = {
    { ".rn.", ".rz.", NULL },
    { ".rz.", ".rn.", NULL },
    { ".rm.", ".rp.", NULL },
    { ".rp.", ".rm.", NULL },
    { ".rni.", ".rzi.", NULL },
    { ".rzi.", ".rni.", NULL },
    { ".rmi.", ".rpi.", NULL },
    { ".rpi.", ".rmi.", NULL },
    { ".ftz.", ".", NULL },
    { ".sat.", ".", NULL },
    { ".relu.", ".", NULL },
    { ".xorsign.abs.", ".", NULL },
    { ".lo.", ".hi.", " mul mad mul24 mad24 dp2a " },
    { ".hi.", ".lo.", " mul mad mul24 mad24 dp2a " },
    { ".clamp.", ".wrap.", NULL },
    { ".wrap.", ".clamp.", NULL },
    { ".l.", ".r.", " shf " },
    { ".r.", ".l.", " shf " },
    { ".shiftamt.", ".", NULL },
    { ".eq.", ".ne.", " setp set " },
    { ".ne.", ".eq.", " setp set " },
    { ".lt.", ".le.", " setp set " },
    { ".le.", ".lt.", " setp set " },
    { ".gt.", ".ge.", " setp set " },
    { ".ge.", ".gt.", " setp set " },
    { ".lo.", ".ls.", " setp " },
    { ".ls.", ".lo.", " setp " },
    { ".hi.", ".hs.", " setp " },
    { ".hs.", ".hi.", " setp " },
    { ".equ.", ".eq.", NULL },
    { ".neu.", ".ne.", NULL },
    { ".ltu.", ".lt.", NULL },
    { ".leu.", ".ltu.", NULL },
    { ".gtu.", ".gt.", NULL },
    { ".geu.", ".ge.", NULL },
    { ".num.", ".nan.", NULL },
    { ".nan.", ".num.", NULL },
    { ".and.", ".or.", " setp " },
    { ".or.", ".xor.", " setp " },
    { ".xor.", ".and.", " setp " },
    { ".s16", ".u16", SIGNED_OPCODES },
    { ".s32", ".u32", SIGNED_OPCODES },
    { ".s64", ".u64", SIGNED_OPCODES },
    { ".u16", ".s16", SIGNED_OPCODES },
    { ".u32", ".s32", SIGNED_OPCODES },
    { ".u64", ".s64", SIGNED_OPCODES },
    { ".s32.", ".u32.", " dp4a dp2a " },
    { ".u32.", ".s32.", " dp4a dp2a " },
    { "add.", "sub.", NULL },
    { "sub.", "add.", NULL },
    { "min.", "max.", NULL },
    { "max.", "min.", NULL },
    { "mul.", "add.", NULL },
    { "div.", "mul.", " div.rn div.rz div.rm div.rp " },
    { "div.", "rem.", NULL },
    { "rem.", "div.", NULL },
    { "and.", "or.", " and " },
    { "or.", "xor.", " or " },
    { "xor.", "or.", " xor " },
    { "shl.", "shr.", NULL },
    { "shr.s", "shr.u", NULL },
    { "neg.", "abs.", NULL },
    { "abs.", "neg.", NULL },
    { "sin.", "cos.", NULL },
    { "cos.", "sin.", NULL },
    { "ex2.", "lg2.", NULL },
    { "rcp.", "rsqrt.", NULL },
    { "sqrt.", "rcp.", NULL },
    { "popc.", "clz.", NULL },
    { "clz.", "popc.", NULL },
    { "brev.", "not.", NULL },
    { "cnot.", "not.", NULL },
    { ".f4e", ".b4e", NULL },
    { ".rc8", ".rc16", NULL },
    { ".ecl", ".ecr", NULL },
    { ".finite", ".number", NULL },
    { ".infinite", ".notanumber", NULL },
    { ".normal", ".finite", NULL },
    { ".subnormal", ".normal", NULL },
};

/* @opcodes holds the beginning of @name. */
static bool
concerns(const char *opcodes, const char *name)
{
    if (opcodes == NULL) {
        return true;
    }
    for (const char *at = opcodes; *at != '\0';) {
        at += strspn(at, " ");
        size_t length = strcspn(at, " ");
        if (length > 0 && strncmp(name, at, length) == 0) {
            return true;
        }
        at += length;
    }
    return false;
}

static const struct vg_form *
find_row(const struct vg_forms *forms, const char *name, const char *shape)
{
    for (size_t i = 0; i < vg_forms_count(forms); i++) {
        const struct vg_form *form = vg_forms_item(forms, i)->form;
        if (form != NULL && strcmp(form->name, name) == 0 &&
            strcmp(form->shape, shape) == 0) {
            return form;
        }
    }
    return NULL;
}

/* Whether @spoil makes another instruction of @form at all: by the references of both, on
 * many values. What has no row of its own is no legal instruction and does not count. */
static bool
differs(const struct vg_forms *forms, const struct vg_form *form,
        const struct spoil *spoil)
{
    char name[sizeof(form->name) + 16];
    const char *at = strstr(form->name, spoil->from);

    snprintf(name, sizeof(name), "%.*s%s%s", (int)(at - form->name), form->name,
             spoil->to, at + strlen(spoil->from));
    const struct vg_form *other = find_row(forms, name, form->shape);
    const char *kinds = strchr(form->shape, '=') + 1;
    for (uint64_t i = 0; other != NULL && i < N_SAMPLES; i++) {
        uint64_t in[VG_FORM_MAX_IN] = { 0 };
        uint64_t want[VG_FORM_MAX_OUT] = { 0 };
        uint64_t got[VG_FORM_MAX_OUT] = { 0 };
        for (size_t k = 0; kinds[k] != '\0'; k++) {
            in[k] =
                vg_value(kinds[k], vg_random(i * 8 + k) % (i % 2 == 0 ? 64 : UINT64_MAX));
        }
        if (form->ref(form, in, want) && other->ref(other, in, got) &&
            memcmp(want, got, sizeof(want)) != 0) {
            return true;
        }
    }
    return false;
}

struct vg_spoil_score
vg_spoil_rows(struct vg_forms *forms, const bool *supported)
{
    struct vg_spoil_score score = { 0, 0 };

    for (size_t i = 0; i < vg_forms_count(forms); i++) {
        const char *name = vg_forms_item(forms, i)->name;
        for (size_t s = 0; supported[i] && s < sizeof(spoils) / sizeof(spoils[0]); s++) {
            const struct spoil *spoil = &spoils[s];
            bool at_start = spoil->from[0] == '.' ||
                            strncmp(name, spoil->from, strlen(spoil->from)) == 0;
            bool noticed;
            if (!at_start || !concerns(spoil->opcodes, name) ||
                !vg_forms_run_spoiled(forms, i, spoil->from, spoil->to, &noticed)) {
                continue;
            }
            if (!noticed && !differs(forms, vg_forms_item(forms, i)->form, spoil)) {
                continue;
            }
            score.run++;
            score.noticed += noticed;
            if (!noticed) {
                printf("not noticed: %s with %s for %s (%s)\n", name, spoil->to,
                       spoil->from, vg_forms_item(forms, i)->form->shape);
            }
        }
    }
    return score;
}
