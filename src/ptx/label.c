/* SPDX-License-Identifier: Apache-2.0 */

/*
 * label - labels of a body, and what refers to them.
 *
 * A label is seen in its scope { } and in those inside it, before and behind it. So
 * references are noted while the text is read and resolved at the end, from the scope of
 * the reference outwards.
 */
#include "ptx/body.h"

#include "base/arena.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANY_SCOPE UINT32_MAX /* the entry that marks a name as taken */

static struct label_slot *
find_slot(struct label_slot *slots, uint32_t n_slots, const char *text, size_t size,
          uint32_t scope)
{
    uint32_t hash = hash_bytes(text, size) ^ scope * 2654435761u;
    uint32_t at = hash & (n_slots - 1);

    while (slots[at].text != NULL &&
           (slots[at].hash != hash || slots[at].scope != scope ||
            slots[at].size != size || memcmp(slots[at].text, text, size) != 0)) {
        at = (at + 1) & (n_slots - 1);
    }
    slots[at].hash = hash;
    return &slots[at];
}

static int
grow_slots(struct body *body)
{
    uint32_t n_slots = body->n_label_slots == 0 ? 64 : 2 * body->n_label_slots;
    struct label_slot *slots = calloc(n_slots, sizeof(*slots));

    if (slots == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < body->n_label_slots; i++) {
        const struct label_slot *old = &body->label_slots[i];
        if (old->text != NULL) {
            *find_slot(slots, n_slots, old->text, old->size, old->scope) = *old;
        }
    }
    free(body->label_slots);
    body->label_slots = slots;
    body->n_label_slots = n_slots;
    return 0;
}

/* Finds or makes the entry; @out_is_new tells which. Return: NULL: no memory. */
static struct label_slot *
get_slot(struct body *body, const char *text, size_t size, uint32_t scope,
         bool *out_is_new)
{
    struct label_slot *slot;

    if (2 * body->n_labels_used >= body->n_label_slots && grow_slots(body) != 0) {
        return NULL;
    }
    slot = find_slot(body->label_slots, body->n_label_slots, text, size, scope);
    *out_is_new = slot->text == NULL;
    if (*out_is_new) {
        slot->text = text;
        slot->size = (uint32_t)size;
        slot->scope = scope;
        body->n_labels_used++;
    }
    return slot;
}

/* A name that no other label of the function has. Return: NULL: no memory. */
static const char *
unique_name(struct body *body, const struct token *token)
{
    struct vg_arena *arena = body->module->arena;
    size_t size = token->size;
    bool is_new;
    struct label_slot *taken = get_slot(body, token->text, size, ANY_SCOPE, &is_new);
    char *name;
    uint32_t number;

    if (taken == NULL) {
        return NULL;
    }
    if (is_new) {
        return vg_arena_strndup(arena, token->text, size);
    }
    name = vg_arena_alloc(arena, size + 16);
    if (name == NULL) {
        return NULL;
    }
    memcpy(name, token->text, size);
    number = taken->index;
    do {
        size = token->size + (size_t)snprintf(name + token->size, 16, "$%u", ++number);
        if (get_slot(body, name, size, ANY_SCOPE, &is_new) == NULL) {
            return NULL;
        }
    } while (!is_new);
    taken = get_slot(body, token->text, token->size, ANY_SCOPE, &is_new);
    if (taken == NULL) {
        return NULL;
    }
    taken->index = number; /* where to go on counting */
    return name;
}

/* Stores the name, where the kind of label has one. */
static int
name_label(struct body *body, const char *name, enum label_kind kind, uint32_t index)
{
    struct vg_ptx_targets *targets = body->targets.items;
    struct vg_ptx_prototype *prototypes = body->prototypes.items;
    struct vg_ptx_label *label;

    switch (kind) {
    case LABEL_TARGET:
        label = vg_ptx_grow_add(&body->labels, sizeof(*label), 1);
        if (label == NULL) {
            return -ENOMEM;
        }
        *label = (struct vg_ptx_label){ name, index };
        break;
    case LABEL_TARGETS:
        targets[index].name = name;
        break;
    case LABEL_PROTOTYPE:
        prototypes[index].name = name;
        break;
    }
    return 0;
}

int
vg_ptx_label_add(struct body *body, const struct token *token, enum label_kind kind,
                 uint32_t index)
{
    uint32_t scope = body->scope_ids[body->depth];
    bool is_new;
    struct label_slot *slot = get_slot(body, token->text, token->size, scope, &is_new);
    const char *name;

    if (slot == NULL) {
        return -ENOMEM;
    }
    if (!is_new) {
        return vg_ptx_fail_at(&body->lexer, VG_PTX_SYNTAX, token->text,
                              "label '%.*s' stands here a second time",
                              token->size < 100 ? (int)token->size : 100, token->text);
    }
    slot->kind = (uint8_t)kind;
    slot->index = index;
    name = unique_name(body, token);
    return name == NULL ? -ENOMEM : name_label(body, name, kind, index);
}

int
vg_ptx_label_refer(struct body *body, const struct token *token, unsigned kinds,
                   struct vg_ptx_operand *operand, uint32_t *target)
{
    struct label_ref *ref = vg_ptx_grow_add(&body->label_refs, sizeof(*ref), 1);

    if (ref == NULL) {
        return -ENOMEM;
    }
    *ref = (struct label_ref){ .operand = operand,
                               .target = target,
                               .text = token->text,
                               .size = token->size,
                               .scope = body->scope_ids[body->depth],
                               .kinds = (uint8_t)kinds };
    return 0;
}

static const struct label_slot *
find_label(struct body *body, const struct label_ref *ref)
{
    const uint32_t *parents = body->scope_parents.items;
    uint32_t scope = ref->scope;

    if (body->n_label_slots == 0) {
        return NULL;
    }
    for (;;) {
        const struct label_slot *slot = find_slot(body->label_slots, body->n_label_slots,
                                                  ref->text, ref->size, scope);
        if (slot->text != NULL) {
            return slot;
        }
        if (scope == 0) {
            return NULL;
        }
        scope = parents[scope];
    }
}

static void
store_target(const struct label_ref *ref, const struct label_slot *label)
{
    if (ref->target != NULL) {
        *ref->target = label->index;
        return;
    }
    switch ((enum label_kind)label->kind) {
    case LABEL_TARGET:
        ref->operand->kind = VG_PTX_OPERAND_LABEL;
        ref->operand->target = label->index;
        break;
    case LABEL_TARGETS:
        ref->operand->kind = VG_PTX_OPERAND_TARGETS;
        ref->operand->symbol = label->index;
        break;
    case LABEL_PROTOTYPE:
        ref->operand->kind = VG_PTX_OPERAND_PROTOTYPE;
        ref->operand->symbol = label->index;
        break;
    }
}

int
vg_ptx_label_resolve(struct body *body)
{
    const struct label_ref *refs = body->label_refs.items;

    for (size_t i = 0; i < body->label_refs.count; i++) {
        const struct label_slot *label = find_label(body, &refs[i]);
        if (label == NULL || (label->kind & refs[i].kinds) == 0) {
            return vg_ptx_fail_at(&body->lexer, VG_PTX_SYNTAX, refs[i].text,
                                  label == NULL ? "unknown label '%.*s'"
                                                : "label '%.*s' is of another kind",
                                  refs[i].size < 100 ? (int)refs[i].size : 100,
                                  refs[i].text);
        }
        store_target(&refs[i], label);
    }
    return 0;
}
