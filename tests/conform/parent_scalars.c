/* Tests of every kind of scalar (README.md 6). */
#include "config.h"

#include "parent.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

static int by_key(const void *a, const void *b)
{
    Conform__AllScalars__FMapEntry *const *left = a;
    Conform__AllScalars__FMapEntry *const *right = b;

    return strcmp((*left)->key, (*right)->key);
}

static Conform__Point *point_or_null(Conform__Point *point)
{
    return point == NULL || (point->x == 0 && point->y == 0) ? NULL : point;
}

/* One of the forms that mean the same: no point for a zero one, which is left
 * out on the wire; the map, whose order is free, sorted. */
static void normalise(Conform__AllScalars *scalars)
{
    scalars->f_point = point_or_null(scalars->f_point);
    if (scalars->f_choice->choice_case == CONFORM__CHOICE__CHOICE_NAMED) {
        scalars->f_choice->named->point =
            point_or_null(scalars->f_choice->named->point);
    }
    if (scalars->n_f_map > 0) {
        qsort(scalars->f_map, scalars->n_f_map, sizeof(*scalars->f_map),
              by_key);
    }
}

/* Zeros are compared bit by bit: -0.0 is not 0.0, and protobuf-c leaves out
 * both. */
static int is_equal(parent_t *parent, Conform__AllScalars *a,
                    Conform__AllScalars *b)
{
    apr_size_t len;
    unsigned char *a_bytes;
    unsigned char *b_bytes;

    normalise(a);
    normalise(b);
    len = protobuf_c_message_get_packed_size(&a->base);
    if (protobuf_c_message_get_packed_size(&b->base) != len) {
        return 0;
    }
    a_bytes = apr_palloc(parent->test_pool, len);
    b_bytes = apr_palloc(parent->test_pool, len);
    protobuf_c_message_pack(&a->base, a_bytes);
    protobuf_c_message_pack(&b->base, b_bytes);
    return memcmp(a_bytes, b_bytes, len) == 0
           && memcmp(&a->f_f32, &b->f_f32, sizeof(a->f_f32)) == 0
           && memcmp(&a->f_f64, &b->f_f64, sizeof(a->f_f64)) == 0;
}

/* Send it and compare what comes back. */
static int scalars_call(parent_t *parent, Conform__AllScalars *input)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__Scalars scalars = CONFORM__SCALARS__INIT;
    Conform__ScalarsCall body = CONFORM__SCALARS_CALL__INIT;
    call_t *call = call_begin(parent);
    ProtobufCMessage *reply;

    if (call == NULL) {
        return 0;
    }
    body.input = input;
    body.reply = &call->field;
    scalars.call = &body;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_SCALARS;
    request.scalars = &scalars;
    if (!request_send(parent, &parent->alpha, &request)) {
        return 0;
    }
    reply = call_wait(parent, call, &conform__all_scalars__descriptor);
    return reply != NULL
           && check(parent,
                    is_equal(parent, input, (Conform__AllScalars *)reply),
                    "another value (variant %d)",
                    (int)input->f_choice->choice_case);
}

static void set_highest(Conform__AllScalars *scalars)
{
    scalars->f_u8 = UINT8_MAX;
    scalars->f_u16 = UINT16_MAX;
    scalars->f_u32 = UINT32_MAX;
    scalars->f_u64 = UINT64_MAX;
    scalars->f_i8 = INT8_MAX;
    scalars->f_i16 = INT16_MAX;
    scalars->f_i32 = INT32_MAX;
    scalars->f_i64 = INT64_MAX;
    scalars->f_f32 = FLT_MAX;
    scalars->f_f64 = -0.0;
    scalars->f_bool = 1;
    scalars->has_f_opt_case = CONFORM__ALL_SCALARS__HAS_F_OPT_F_OPT;
    scalars->f_opt = UINT32_MAX;
}

static void set_lowest(Conform__AllScalars *scalars)
{
    scalars->f_u8 = 1;
    scalars->f_u16 = 1;
    scalars->f_u32 = 1;
    scalars->f_u64 = 1;
    scalars->f_i8 = INT8_MIN;
    scalars->f_i16 = INT16_MIN;
    scalars->f_i32 = INT32_MIN;
    scalars->f_i64 = INT64_MIN;
    scalars->f_f32 = -0.0f;
    scalars->f_f64 = -DBL_MIN;
    scalars->f_bool = 0;
    scalars->f_opt = 0;
    scalars->has_f_opt_string_case =
        CONFORM__ALL_SCALARS__HAS_F_OPT_STRING_F_OPT_STRING;
    scalars->f_opt_string = (char *)"";
}

void test_scalars(parent_t *parent, int n)
{
    static const char long_text[] = "gr\xc3\xbc\xc3\x9f"
                                    "e, \xe2\x82\xac, \xf0\x9f\x98\x80";
    Conform__AllScalars scalars = CONFORM__ALL_SCALARS__INIT;
    Conform__Choice choice = CONFORM__CHOICE__INIT;
    Conform__Number number = CONFORM__NUMBER__INIT;
    Conform__Point points[2] = {CONFORM__POINT__INIT, CONFORM__POINT__INIT};
    Conform__Point *point_list[2] = {&points[0], &points[1]};
    Conform__AllScalars__FMapEntry entries[2] = {
        CONFORM__ALL_SCALARS__FMAP_ENTRY__INIT,
        CONFORM__ALL_SCALARS__FMAP_ENTRY__INIT};
    Conform__AllScalars__FMapEntry *entry_list[2] = {&entries[0], &entries[1]};
    uint32_t packed[4] = {0, 1, 128, UINT32_MAX};
    int64_t sints[4] = {0, -1, INT64_MIN, INT64_MAX};
    char *strings[3] = {(char *)"", (char *)"a", (char *)long_text};

    (void)n;
    points[1].x = INT32_MIN;
    points[1].y = INT32_MAX;
    entries[1].key = (char *)long_text;
    entries[1].value = UINT64_MAX;
    number.value = UINT64_MAX;
    choice.choice_case = CONFORM__CHOICE__CHOICE_NUMBER;
    choice.number = &number;
    scalars.f_string = (char *)long_text;
    scalars.f_bytes = pattern(parent, 300);
    scalars.n_f_packed = 4;
    scalars.f_packed = packed;
    scalars.n_f_strings = 3;
    scalars.f_strings = strings;
    scalars.n_f_map = 2;
    scalars.f_map = entry_list;
    scalars.f_point = &points[1];
    scalars.f_choice = &choice;
    scalars.n_f_points = 2;
    scalars.f_points = point_list;
    scalars.n_f_sints = 4;
    scalars.f_sints = sints;

    set_highest(&scalars);
    if (scalars_call(parent, &scalars)) {
        set_lowest(&scalars);
        scalars_call(parent, &scalars);
    }
}

void test_scalars_zero(parent_t *parent, int n)
{
    Conform__AllScalars scalars = CONFORM__ALL_SCALARS__INIT;
    Conform__Choice choice = CONFORM__CHOICE__INIT;
    Conform__Empty nothing = CONFORM__EMPTY__INIT;

    (void)n;
    choice.choice_case = CONFORM__CHOICE__CHOICE_NOTHING;
    choice.nothing = &nothing;
    scalars.f_choice = &choice;
    scalars_call(parent, &scalars);
}

static int choice_call(parent_t *parent, Conform__Choice__ChoiceCase which,
                       void *value)
{
    Conform__AllScalars scalars = CONFORM__ALL_SCALARS__INIT;
    Conform__Choice choice = CONFORM__CHOICE__INIT;

    choice.choice_case = which;
    choice.nothing = value; /* the variants are pointers, all of them */
    scalars.f_choice = &choice;
    return scalars_call(parent, &scalars);
}

/* Each variant with default content, then with other content. */
void test_scalars_choice(parent_t *parent, int n)
{
    Conform__Empty nothing = CONFORM__EMPTY__INIT;
    Conform__Number number = CONFORM__NUMBER__INIT;
    Conform__Pair pair = CONFORM__PAIR__INIT;
    Conform__Named named = CONFORM__NAMED__INIT;
    Conform__Point point = CONFORM__POINT__INIT;
    char text[] = "";
    char other_text[] = "text";

    for (n = 0; n < 2 && parent->why == NULL; n++) {
        if (n == 1) {
            number.value = UINT64_MAX;
            pair.a = UINT32_MAX;
            pair.b = other_text;
            point.x = -1;
            named.point = &point;
        }
        choice_call(parent, CONFORM__CHOICE__CHOICE_NOTHING, &nothing);
        choice_call(parent, CONFORM__CHOICE__CHOICE_NUMBER, &number);
        choice_call(parent, CONFORM__CHOICE__CHOICE_PAIR, &pair);
        choice_call(parent, CONFORM__CHOICE__CHOICE_NAMED, &named);
        choice_call(parent, CONFORM__CHOICE__CHOICE_TEXT,
                    n == 1 ? other_text : text);
    }
}
