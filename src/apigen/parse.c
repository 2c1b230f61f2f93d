/* SPDX-License-Identifier: Apache-2.0 */

/* parse - recursive descent over a description; see README.md for the grammar. */

#include "model.h"

#include <stdlib.h>
#include <string.h>

static bool
is(const struct vg_lexer *lex, const char *text)
{
    return lex->token.kind != VG_TOKEN_STRING && lex->token.kind != VG_TOKEN_END &&
           strcmp(lex->token.text, text) == 0;
}

static bool
accept(struct vg_lexer *lex, const char *text)
{
    if (!is(lex, text)) {
        return false;
    }
    vg_lexer_next(lex);
    return true;
}

static void
expect(struct vg_lexer *lex, const char *text)
{
    if (!accept(lex, text)) {
        vg_die(lex->token.place, "expected '%s' before '%s'", text, lex->token.text);
    }
}

static const char *
take(struct vg_lexer *lex, enum vg_token_kind kind, const char *what)
{
    const char *text = lex->token.text;

    if (lex->token.kind != kind) {
        vg_die(lex->token.place, "expected %s before '%s'", what, text);
    }
    vg_lexer_next(lex);
    return text;
}

static const char *
take_name(struct vg_lexer *lex)
{
    return take(lex, VG_TOKEN_NAME, "a name");
}

/* Two characters that are one operator. */
static bool
joins(char a, char b)
{
    return (b == '=' && strchr("<>=!", a) != NULL) ||
           (a == b && strchr("<>&|", a) != NULL);
}

/* Joins tokens up to one of @stops (not taken), brackets balanced. */
static const char *
take_text(struct vg_lexer *lex, const char *stops)
{
    char *text = vg_must_print("%s", "");
    char last = '\0';
    int depth = 0;

    while (lex->token.kind != VG_TOKEN_END) {
        const char *word = lex->token.text;
        char first = word[0];
        bool space;

        if (depth == 0 && lex->token.kind == VG_TOKEN_PUNCT && strchr(stops, first)) {
            break;
        }
        depth += first == '(' || first == '[' ? 1 : 0;
        depth -= first == ')' || first == ']' ? 1 : 0;
        space = last != '\0' && last != '(' && last != '*' && last != '[' &&
                last != '-' && first != ')' && first != ',' && first != '[' &&
                first != ']';
        if ((last == ')' && first != '*' && first != '?') || joins(last, first)) {
            space = false;
        }
        text = vg_must_print("%s%s%s", text, space ? " " : "", word);
        last = word[strlen(word) - 1];
        vg_lexer_next(lex);
    }
    if (text[0] == '\0') {
        vg_die(lex->token.place, "expected something before '%s'", lex->token.text);
    }
    return text;
}

static struct vg_type *
add_type(struct vg_api *api, struct vg_lexer *lex, enum vg_type_kind kind)
{
    struct vg_type **end = &api->types;
    struct vg_type *type = vg_must_alloc(sizeof(*type));

    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = type;
    type->kind = kind;
    type->place = lex->token.place;
    type->name = take_name(lex);
    return type;
}

static void
parse_enum(struct vg_api *api, struct vg_lexer *lex)
{
    struct vg_type *type = add_type(api, lex, VG_TYPE_ENUM);
    struct vg_value **end = &type->values;
    const char *prefix = "";

    if (accept(lex, "prefix")) {
        prefix = take_name(lex);
    }
    expect(lex, "{");
    while (!accept(lex, "}")) {
        struct vg_value *value = vg_must_alloc(sizeof(*value));

        if (lex->token.kind != VG_TOKEN_NAME && lex->token.kind != VG_TOKEN_NUMBER) {
            vg_die(lex->token.place, "expected a name before '%s'", lex->token.text);
        }
        value->name = vg_must_print("%s%s", prefix, lex->token.text);
        vg_lexer_next(lex);
        expect(lex, "=");
        value->text = take_text(lex, ",}");
        *end = value;
        end = &value->next;
        if (!is(lex, "}")) {
            expect(lex, ",");
        }
    }
}

static struct vg_member *parse_members(struct vg_lexer *lex);

/* "int id device when type = VALUE" */
static void
split_device(struct vg_member *member)
{
    static const char mark[] = " device when ";
    const char *at = strstr(member->text, mark);
    const char *equal = at != NULL ? strstr(at, " = ") : NULL;

    if (equal == NULL) {
        return;
    }
    member->is = equal + 3;
    at += sizeof(mark) - 1;
    member->when = vg_must_print("%.*s", (int)(equal - at), at);
    member->text = vg_must_print("%.*s", (int)(strstr(member->text, mark) - member->text),
                                 member->text);
}

/* "T *list counted by count" */
static void
split_counted(struct vg_member *member)
{
    static const char mark[] = " counted by ";
    const char *at = strstr(member->text, mark);

    if (at != NULL) {
        member->counted = at + sizeof(mark) - 1;
        member->text = vg_must_print("%.*s", (int)(at - member->text), member->text);
    }
}

static struct vg_member *
parse_member(struct vg_lexer *lex)
{
    struct vg_member *member = vg_must_alloc(sizeof(*member));

    member->name = "";
    member->out = accept(lex, "out");
    if (is(lex, "struct") || is(lex, "union")) {
        member->text = take_name(lex);
        member->nested = parse_members(lex);
        if (!is(lex, ";")) {
            member->name = take_name(lex);
        }
    } else {
        member->text = take_text(lex, ";");
        split_device(member);
        split_counted(member);
        member->type =
            strncmp(member->text, "const ", 6) == 0 ? member->text + 6 : member->text;
        member->type =
            vg_must_print("%.*s", (int)strcspn(member->type, " *"), member->type);
        member->pointer = strchr(member->text, '*') != NULL;
    }
    expect(lex, ";");
    return member;
}

static struct vg_member *
parse_members(struct vg_lexer *lex)
{
    struct vg_member *first = NULL;
    struct vg_member **end = &first;

    expect(lex, "{");
    while (!accept(lex, "}")) {
        *end = parse_member(lex);
        end = &(*end)->next;
    }
    return first;
}

static void
parse_struct(struct vg_api *api, struct vg_lexer *lex, bool is_union)
{
    struct vg_type *type = add_type(api, lex, VG_TYPE_STRUCT);

    type->is_union = is_union;
    expect(lex, "size");
    type->size = atoi(take(lex, VG_TOKEN_NUMBER, "a size"));
    type->members = parse_members(lex);
}

static void
parse_callback(struct vg_api *api, struct vg_lexer *lex)
{
    struct vg_type *type = add_type(api, lex, VG_TYPE_CALLBACK);

    expect(lex, "=");
    type->text = take_name(lex);
    expect(lex, "(");
    type->params = take_text(lex, ")");
    expect(lex, ")");
    expect(lex, ";");
}

/* The words of a C type, up to one that means something here. */
static const char *
take_type(struct vg_lexer *lex)
{
    const char *text = take_name(lex);

    while (lex->token.kind == VG_TOKEN_NAME && !is(lex, "id") && !is(lex, "by") &&
           !is(lex, "ends")) {
        text = vg_must_print("%s %s", text, take_name(lex));
    }
    return text;
}

static void
parse_equal(struct vg_api *api, struct vg_lexer *lex, enum vg_type_kind kind)
{
    struct vg_type *type = add_type(api, lex, kind);

    expect(lex, "=");
    if (kind == VG_TYPE_CONST) {
        type->text = take_text(lex, ";");
    } else {
        type->text = take_type(lex);
    }
    type->id = accept(lex, "id") ? take_name(lex) : NULL;
    type->by = accept(lex, "by") ? take_name(lex) : NULL;
    type->ends = accept(lex, "ends") ? take_name(lex) : NULL;
    expect(lex, ";");
}

static const char *
take_version_text(struct vg_lexer *lex, int *out)
{
    const char *text = take(lex, VG_TOKEN_NUMBER, "a version");
    const char *dot = strchr(text, '.');
    const int minor = dot != NULL ? atoi(dot + 1) : -1;

    if (minor < 0) {
        vg_die(lex->token.place, "expected a version like 3.2 before '%s'",
               lex->token.text);
    }
    *out = atoi(text) * 1000 + minor * 10;
    return text;
}

static void
parse_since(struct vg_lexer *lex, const struct vg_api *api, struct vg_call *call)
{
    if (api->alone) {
        return; /* nobody asks such an API for a version */
    }
    expect(lex, "since");
    take_version_text(lex, &call->since);
    if (is(lex, "ptsz") || is(lex, "ptds")) {
        call->suffix = take_name(lex);
        call->suffix_since = call->since > 7000 ? call->since : 7000;
        if (lex->token.kind == VG_TOKEN_NUMBER) {
            take_version_text(lex, &call->suffix_since);
        }
    }
}

static bool
is_word(const char *text)
{
    static const char *const words[] = { "in", "out", "inout", "new", "drop" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static struct vg_param *
parse_param(struct vg_lexer *lex)
{
    struct vg_param *param = vg_must_alloc(sizeof(*param));
    const char *text;
    const char *name;

    param->place = lex->token.place;
    param->optional = accept(lex, "opt");
    param->plain = accept(lex, "plain");
    if (lex->token.kind == VG_TOKEN_NAME && is_word(lex->token.text)) {
        param->word = take_name(lex);
    }
    text = take_text(lex, ",)[");
    name = strstr(text, " of ");
    if (name != NULL) {
        param->of = vg_must_print("%s", name + 4);
        text = vg_must_print("%.*s", (int)(name - text), text);
    }
    name = text + strlen(text);
    while (name > text && name[-1] != ' ' && name[-1] != '*') {
        name--;
    }
    if (name == text) {
        vg_die(param->place, "parameter '%s' has no name", text);
    }
    param->name = name;
    param->stars = name[-1] == '*';
    param->type =
        vg_must_print("%.*s", (int)(name - text - (param->stars ? 0 : 1)), text);
    if (accept(lex, "[")) {
        param->length = take_text(lex, "]");
        expect(lex, "]");
        if (accept(lex, "of")) {
            param->of = take_name(lex);
        }
    }
    return param;
}

static struct vg_param *
parse_params(struct vg_lexer *lex)
{
    struct vg_param *first = NULL;
    struct vg_param **end = &first;

    expect(lex, "(");
    if (accept(lex, ")")) {
        return NULL;
    }
    for (;;) {
        *end = parse_param(lex);
        end = &(*end)->next;
        if (accept(lex, ")")) {
            return first;
        }
        expect(lex, ",");
    }
}

/* One of @words by number; ends the program when it is none. */
static int
take_choice(struct vg_lexer *lex, const char *const *words, const char *what)
{
    struct vg_place place = lex->token.place;
    const char *text = take_name(lex);

    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            return i;
        }
    }
    vg_die(place, "'%s' is no %s", text, what);
}

static enum vg_who
parse_who(struct vg_lexer *lex, const char *label, const char **out_why)
{
    static const char *const words[] = { "auto", "manual", "local", "none", NULL };
    enum vg_who who;

    expect(lex, label);
    who = (enum vg_who)take_choice(lex, words, "way to carry a call");
    if (who == VG_WHO_MANUAL || who == VG_WHO_NONE) {
        *out_why = take(lex, VG_TOKEN_STRING, "a reason");
    }
    expect(lex, ";");
    return who;
}

static struct vg_call *
add_call(struct vg_api *api, struct vg_lexer *lex)
{
    static struct vg_call *last;
    struct vg_call *call = vg_must_alloc(sizeof(*call));
    const char *tail;
    size_t length;

    if (last == NULL) {
        api->calls = call;
    } else {
        last->next = call;
    }
    last = call;
    call->place = lex->token.place;
    call->name = take_name(lex);
    length = strlen(call->name);
    tail = call->name + length - (length > 3 ? 3 : 0);
    if (tail[0] == '_' && tail[1] == 'v' && tail[2] >= '2' && tail[2] <= '9') {
        length -= 3;
    }
    call->base = vg_must_print("%.*s", (int)length, call->name);
    call->group = "";
    for (const struct vg_group *g = api->groups; g != NULL; g = g->next) {
        call->group = g->name;
    }
    return call;
}

static void
parse_call(struct vg_api *api, struct vg_lexer *lex)
{
    static const char *const classes[] = { "posted", "waiting", "local", "choose", NULL };
    static const char *const needs[] = { "none", "init", "ctx", NULL };
    static const char *const sides[] = { "front", "driver", "both", NULL };
    struct vg_call *call = add_call(api, lex);

    call->carried = true;
    if (accept(lex, "as")) {
        call->as_name = take_name(lex);
        parse_since(lex, api, call);
        expect(lex, ";");
        return;
    }
    call->params = parse_params(lex);
    if (api->alone) {
        call->class_ = VG_CLASS_LOCAL;
        call->needs = (enum vg_needs)take_choice(lex, needs, "need");
        call->client = VG_WHO_LOCAL;
        call->server = VG_WHO_LOCAL;
        call->here = accept(lex, "here");
        call->far = !call->here && lex->token.kind == VG_TOKEN_STRING;
        if (call->far) {
            call->why = take(lex, VG_TOKEN_STRING, "a reason");
        }
        expect(lex, ";");
        return;
    }
    parse_since(lex, api, call);
    expect(lex, ";");
    call->class_ = (enum vg_class)take_choice(lex, classes, "class");
    call->needs = (enum vg_needs)take_choice(lex, needs, "need");
    call->side = (enum vg_side)take_choice(lex, sides, "side");
    expect(lex, ";");
    call->client = parse_who(lex, "client", &call->client_why);
    call->server = parse_who(lex, "server", &call->server_why);
    expect(lex, "charge");
    call->charge = take_text(lex, ";");
    expect(lex, ";");
    if (accept(lex, "on_error")) {
        call->on_error = true;
        expect(lex, ";");
    }
    if (accept(lex, "thread")) {
        call->thread = take_name(lex);
        expect(lex, ";");
    }
}

static void
parse_skip(struct vg_api *api, struct vg_lexer *lex, bool by_hand)
{
    struct vg_call *call = add_call(api, lex);

    call->by_hand = by_hand;
    parse_since(lex, api, call);
    call->client = VG_WHO_NONE;
    call->server = VG_WHO_NONE;
    call->why = take(lex, VG_TOKEN_STRING, "a reason");
    expect(lex, ";");
}

static void
parse_api(struct vg_api *api, struct vg_lexer *lex)
{
    api->name = take_name(lex);
    expect(lex, "library");
    api->library = take(lex, VG_TOKEN_STRING, "a file name");
    expect(lex, "result");
    api->result = take_name(lex);
    expect(lex, "ok");
    api->ok = take_name(lex);
    expect(lex, "invalid");
    api->invalid = take_name(lex);
    expect(lex, "absent");
    api->absent = take_name(lex);
    expect(lex, "memory");
    api->memory = take_name(lex);
    if (accept(lex, "alone")) {
        api->alone = true;
        api->legacy = "";
    } else {
        expect(lex, "legacy");
        api->legacy = take_name(lex);
    }
    expect(lex, ";");
}

static void
parse_group(struct vg_api *api, struct vg_lexer *lex)
{
    struct vg_group **end = &api->groups;
    struct vg_group *group = vg_must_alloc(sizeof(*group));

    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = group;
    group->name = take_name(lex);
    group->text = take(lex, VG_TOKEN_STRING, "what it holds");
    expect(lex, ";");
}

static void
parse_stanza(struct vg_api *api, struct vg_lexer *lex)
{
    struct vg_place place = lex->token.place;
    const char *word = take_name(lex);

    if (strcmp(word, "number") == 0) {
        parse_equal(api, lex, VG_TYPE_NUMBER);
    } else if (strcmp(word, "handle") == 0) {
        parse_equal(api, lex, VG_TYPE_HANDLE);
    } else if (strcmp(word, "alias") == 0) {
        parse_equal(api, lex, VG_TYPE_ALIAS);
    } else if (strcmp(word, "const") == 0) {
        parse_equal(api, lex, VG_TYPE_CONST);
    } else if (strcmp(word, "enum") == 0) {
        parse_enum(api, lex);
    } else if (strcmp(word, "struct") == 0) {
        parse_struct(api, lex, false);
    } else if (strcmp(word, "union") == 0) {
        parse_struct(api, lex, true);
    } else if (strcmp(word, "callback") == 0) {
        parse_callback(api, lex);
    } else if (strcmp(word, "api") == 0) {
        parse_api(api, lex);
    } else if (strcmp(word, "group") == 0) {
        parse_group(api, lex);
    } else if (strcmp(word, "call") == 0) {
        parse_call(api, lex);
    } else if (strcmp(word, "skip") == 0) {
        parse_skip(api, lex, false);
    } else if (api->alone && strcmp(word, "hand") == 0) {
        parse_skip(api, lex, true);
    } else {
        vg_die(place, "'%s' begins no stanza", word);
    }
}

void
vg_parse(struct vg_api *api, const char *path)
{
    struct vg_lexer lex;

    vg_lexer_open(&lex, path);
    while (lex.token.kind != VG_TOKEN_END) {
        parse_stanza(api, &lex);
    }
}
