/* The payloads that upstream wrote: structs and back to the same bytes, and
 * everything near them without harm. */
#include "config.h"

#include "harness.h"

#include "hex.h"
#include "json.h"
#include "payload_lib.h"
#include "payload_vectors.pb-c.h"

#include <apr_strings.h>

#include <string.h>

enum { MAX_BYTES = 512 };

/* `kinds` has a P for each port and an H for each handle. A wrapped vector is
 * in a channel payload or oneshot; `type` is what is inside, or a box. */
typedef struct vector_t {
    const char *file;
    const char *name;
    const ProtobufCMessageDescriptor *type;
    const char *kinds;
    mesh__wrap_t wrap;
    int is_boxed;
} vector_t;

#define PLAIN(file, name, type, kinds)                                        \
    {                                                                         \
        file, name, &vectors__##type##__descriptor, kinds, MESH__WRAP_NONE, 0 \
    }
#define CHANNEL(file, name, type, kinds)                                      \
    {                                                                         \
        file, name, &vectors__##type##__descriptor, kinds,                    \
            MESH__WRAP_CHANNEL, 0                                             \
    }
#define ONESHOT(file, name, type, kinds)                                      \
    {                                                                         \
        file, name, &vectors__##type##__descriptor, kinds,                    \
            MESH__WRAP_ONESHOT, 0                                             \
    }
#define CHANNEL_BOX(name, kinds)                                              \
    {                                                                         \
        "channel", name, &vectors__boxed_number__descriptor, kinds,           \
            MESH__WRAP_CHANNEL, 1                                             \
    }
#define ONESHOT_BOX(name)                                                     \
    {                                                                         \
        "channel", name, &vectors__plain_number__descriptor, "",              \
            MESH__WRAP_ONESHOT, 1                                             \
    }

static const vector_t vectors[] = {
    PLAIN("protobuf", "scalars", scalars, ""),
    PLAIN("protobuf", "scalars_default", scalars, ""),
    PLAIN("protobuf", "nested", nested, ""),
    PLAIN("protobuf", "nested_empty", nested, ""),
    PLAIN("protobuf", "oneof_unit", choice, ""),
    PLAIN("protobuf", "oneof_tuple", choice, ""),
    PLAIN("protobuf", "oneof_tuple_zero", choice, ""),
    PLAIN("protobuf", "oneof_named", choice, ""),
    PLAIN("protobuf", "oneof_transparent_zero", choice, ""),
    PLAIN("protobuf", "optional", optional, ""),
    PLAIN("protobuf", "collections", collections, ""),
    PLAIN("protobuf", "result_ok", result_holder, ""),
    PLAIN("protobuf", "result_err", result_holder, ""),
    PLAIN("protobuf", "duration", duration_holder, ""),
    PLAIN("protobuf", "resources", resources, "PHPP"),
    PLAIN("protobuf", "remote_error", remote_error_holder, ""),
    PLAIN("protobuf", "address", address, ""),
    PLAIN("protobuf", "invitation_address", invitation_address, ""),
    PLAIN("invitation", "process_invitation", invitation, ""),
    PLAIN("invitation", "listen_payload", listen_invitation, "H"),
    CHANNEL_BOX("mpsc_message", ""),
    CHANNEL_BOX("mpsc_message_zero", ""),
    CHANNEL_BOX("mpsc_cloned_sender", "P"),
    ONESHOT_BOX("oneshot_send"),
    ONESHOT_BOX("oneshot_send_zero"),
    CHANNEL("channel", "rpc_request", request, "P"),
    CHANNEL("channel", "failable_rpc_request", request, "P"),
    CHANNEL("channel", "enum_unit", request, ""),
    ONESHOT("channel", "failable_rpc_response_ok", reply, ""),
    ONESHOT("channel", "failable_rpc_response_err", reply, ""),
    PLAIN("channel", "write_pipe", write_pipe, "P"),
    PLAIN("channel", "read_pipe", read_pipe, "P"),
    PLAIN("channel", "cell", cell, "P"),
    PLAIN("channel", "cancel_context", cancel_context, "P"),
    PLAIN("inspect", "deferred", deferred, "P"),
    PLAIN("inspect", "deferred_root", deferred, "P"),
    ONESHOT("inspect", "response", node, ""),
    ONESHOT("inspect", "response_values", node, ""),
};

#define N_VECTORS (sizeof(vectors) / sizeof(*vectors))

static const char *const files[] = {"protobuf", "invitation", "channel",
                                    "inspect"};

static json_t *load(const char *file)
{
    const char *path =
        apr_pstrcat(test_pool(), "tests/vectors/", file, ".json", NULL);
    json_t *json = json_load_file(test_data(path), test_pool());

    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    return json_get(json, "vectors");
}

/* The payload, wherever the vector has it; NULL if the event carries none. */
static const char *payload_of(json_t *json)
{
    json_t *event = json_get(json, "event");
    json_t *data = json_get(json_get(json, "fields"), "data_hex");

    if (event && !((int)json_number(json_get(event, "flags")) & 1))
        return NULL;
    if (event)
        return json_string(json_get(event, "message_hex"));
    return json_string(data ? data : json_get(json, "hex"));
}

static json_t *find(const char *file, const char *name)
{
    json_t *all = load(file);
    int i;

    for (i = 0; i < json_count(all); i++)
        if (strcmp(json_string(json_get(json_at(all, i), "name")), name) == 0)
            return json_at(all, i);
    return NULL;
}

static size_t bytes_of(const vector_t *vector, unsigned char *bytes)
{
    json_t *json = find(vector->file, vector->name);
    const char *hex = payload_of(json);
    size_t len;

    CU_ASSERT_PTR_NOT_NULL_FATAL(hex);
    len = hex_decode(hex, bytes, MAX_BYTES);
    CU_ASSERT_FATAL(len <= MAX_BYTES);
    return len;
}

static int is_resource(const mesh__res_t *res, char kind, int i)
{
    if (kind == 'P')
        return res->kind == MESH__RES_PORT && res->u.port == fake_port(i);
    return res->kind == MESH__RES_HANDLE && res->u.handle == 100 + i;
}

static apr_status_t unpack(const vector_t *vector, mesh_message_t *message,
                           ProtobufCMessage **ret_value)
{
    apr_status_t rv = APR_SUCCESS;
    int at;

    if (vector->wrap == MESH__WRAP_CHANNEL)
        rv = mesh__payload_open_channel(message, &at);
    else if (vector->wrap == MESH__WRAP_ONESHOT)
        rv = mesh__payload_open_oneshot(message);
    if (rv == APR_SUCCESS)
        rv = mesh__payload_unpack(message, vector->is_boxed, vector->type,
                                  ret_value);
    return rv;
}

/* Each vector to a struct and back; the resources move with it. */
static void test_round_trip(void)
{
    unsigned char bytes[MAX_BYTES];
    mesh_message_t *in, *out;
    ProtobufCMessage *value;
    const vector_t *v;
    size_t len;
    int i;

    for (v = vectors; v < vectors + N_VECTORS; v++) {
        len = bytes_of(v, bytes);
        in = from_bytes(bytes, len, v->kinds);
        TEST_OK(unpack(v, in, &value));
        TEST_OK(mesh__payload_pack(&out, value,
                                   v->is_boxed ? MESH__WRAP_NONE : v->wrap));
        CU_ASSERT_EQUAL_FATAL(out->len, len);
        CU_ASSERT(len == 0 || memcmp(out->data, bytes, len) == 0);
        CU_ASSERT_EQUAL_FATAL(out->n_res, (int)strlen(v->kinds));
        for (i = 0; v->kinds[i]; i++)
            CU_ASSERT(is_resource(&in->res[i], v->kinds[i], i));
        mesh__payload_commit(out);
        for (i = 0; v->kinds[i]; i++) {
            CU_ASSERT(is_resource(&out->res[i], v->kinds[i], i));
            CU_ASSERT(v->kinds[i] == 'P'
                          ? !in->res[i].u.port
                          : in->res[i].u.handle == MESH__HANDLE_NONE);
        }
        free_message(out);
        free_message(in);
    }
}

/* No vector is left out. */
static void test_all_there(void)
{
    const char *name;
    size_t i, k;
    json_t *all;
    int n, found;

    for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
        all = load(files[i]);
        CU_ASSERT(json_count(all) > 0);
        for (n = 0; n < json_count(all); n++) {
            name = json_string(json_get(json_at(all, n), "name"));
            found = 0;
            for (k = 0; k < N_VECTORS; k++)
                found |= strcmp(vectors[k].file, files[i]) == 0
                         && strcmp(vectors[k].name, name) == 0;
            CU_ASSERT_EQUAL(found, payload_of(json_at(all, n)) != NULL);
        }
    }
}

/* Whatever comes, the resources stay where they are, and what can be decoded
 * can be encoded again. Returns
 * whether it was decoded. */
static int probe(const vector_t *v, const unsigned char *bytes, size_t len)
{
    mesh_message_t *in = from_bytes(bytes, len, v->kinds), *out;
    ProtobufCMessage *value = NULL;
    apr_status_t rv = unpack(v, in, &value);
    int ok = rv == APR_SUCCESS, i;

    CU_ASSERT_EQUAL(ok, value != NULL);
    if (!ok)
        CU_ASSERT(rv >= MESH_E_TRUNCATED && rv <= MESH_E_VALUE);
    for (i = 0; v->kinds[i]; i++)
        CU_ASSERT_FATAL(is_resource(&in->res[i], v->kinds[i], i));
    if (ok) {
        TEST_OK(mesh__payload_pack(&out, value, MESH__WRAP_NONE));
        CU_ASSERT(out->n_res <= in->n_res);
        free_message(out);
    }
    free_message(in);
    return ok;
}

static void test_prefixes(void)
{
    unsigned char bytes[MAX_BYTES];
    const vector_t *v;
    size_t len, i;

    for (v = vectors; v < vectors + N_VECTORS; v++) {
        len = bytes_of(v, bytes);
        for (i = 0; i <= len; i++) {
            int ok = probe(v, bytes, i);

            CU_ASSERT(ok || i < len);
        }
    }
}

static apr_uint32_t next_random(apr_uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* Bytes changed, put in, taken out and copied. */
static size_t mutate(unsigned char *bytes, size_t len, apr_uint32_t *state)
{
    size_t at = len > 0 ? next_random(state) % len : 0;
    size_t n = 1 + next_random(state) % 3;

    switch (next_random(state) % 5) {
    case 0:
        if (len > 0)
            bytes[at] ^= (unsigned char)(1u << next_random(state) % 8);
        break;
    case 1:
        if (len > 0)
            bytes[at] = (unsigned char)next_random(state);
        break;
    case 2:
        if (len < MAX_BYTES) {
            memmove(bytes + at + 1, bytes + at, len - at);
            bytes[at] = (unsigned char)next_random(state);
            len++;
        }
        break;
    case 3:
        if (at + n < len) {
            memmove(bytes + at, bytes + at + n, len - at - n);
            len -= n;
        }
        break;
    default:
        if (len > 0 && 2 * len - at <= MAX_BYTES) {
            memmove(bytes + len, bytes + at, len - at);
            len += len - at;
        }
    }
    return len;
}

static void test_mutations(void)
{
    unsigned char whole[MAX_BYTES], bytes[MAX_BYTES];
    int n = test_scale(4000), n_decoded = 0, n_all = 0, i, k;
    apr_uint32_t state = 1;
    const vector_t *v;
    size_t len, whole_len;

    for (v = vectors; v < vectors + N_VECTORS; v++) {
        whole_len = bytes_of(v, whole);
        for (i = 0; i < n; i++) {
            len = whole_len;
            memcpy(bytes, whole, len);
            for (k = (int)(next_random(&state) % 4); k >= 0; k--)
                len = mutate(bytes, len, &state);
            n_decoded += probe(v, bytes, len);
            n_all++;
        }
    }
    /* Neither all good nor all bad, or it would prove little. */
    if (n_all > 1000)
        CU_ASSERT(n_decoded > n_all / 20 && n_decoded < n_all - n_all / 20);
}

/* As another type than it was written: anything but harm. */
static void test_other_types(void)
{
    unsigned char bytes[MAX_BYTES];
    const vector_t *v, *as;
    vector_t mixed;
    size_t len;

    for (v = vectors; v < vectors + N_VECTORS; v++) {
        len = bytes_of(v, bytes);
        for (as = vectors; as < vectors + N_VECTORS; as++) {
            mixed = *v;
            mixed.type = as->type;
            (void)probe(&mixed, bytes, len);
        }
    }
}

static const char *expected(const char *file, const char *name)
{
    return payload_of(find(file, name));
}

/* Structs as a user writes them. */
static void test_built_scalars(void)
{
    Vectors__Scalars m = VECTORS__SCALARS__INIT;
    Vectors__Nested nested = VECTORS__NESTED__INIT;
    Vectors__Inner inner = VECTORS__INNER__INIT;

    check_packed(&m, MESH__WRAP_NONE, "");
    m.a = 300;
    m.b = -2;
    m.c = 1;
    m.d = 1;
    m.e = "hi";
    m.f = 1.5;
    m.g = -2;
    m.h = 200;
    check_packed(&m, MESH__WRAP_NONE, expected("protobuf", "scalars"));
    nested.b = 7;
    check_packed(&nested, MESH__WRAP_NONE,
                 expected("protobuf", "nested_empty"));
    inner.x = 150;
    nested.a = &inner;
    check_packed(&nested, MESH__WRAP_NONE, expected("protobuf", "nested"));
}

static void test_built_resources(void)
{
    mesh_port_t *ports[3] = {fake_port(0), fake_port(1), fake_port(2)};
    Mesh__Port slots[3];
    intptr_t handle = 7;
    Mesh__Handle handle_slot = MESH__HANDLE__INIT;
    Vectors__Resources m = VECTORS__RESOURCES__INIT;
    Vectors__Part part = VECTORS__PART__INIT;
    Mesh__Port *repeated[] = {&slots[2]};
    mesh_message_t *message;
    int i;

    for (i = 0; i < 3; i++) {
        mesh__port__init(&slots[i]);
        slots[i].slot = (uintptr_t)&ports[i];
    }
    handle_slot.slot = (uintptr_t)&handle;
    m.p = &slots[0];
    m.h = &handle_slot;
    m.n = 3;
    m.s = &part;
    part.n = 4;
    part.p = &slots[1];
    m.r = repeated;
    m.n_r = 1;
    check_packed(&m, MESH__WRAP_NONE, expected("protobuf", "resources"));
    TEST_OK(mesh__payload_pack(&message, &m.base, MESH__WRAP_NONE));
    mesh__payload_commit(message);
    CU_ASSERT_EQUAL_FATAL(message->n_res, 4);
    CU_ASSERT_PTR_EQUAL(message->res[0].u.port, fake_port(0));
    CU_ASSERT_EQUAL(message->res[1].u.handle, 7);
    CU_ASSERT_PTR_EQUAL(message->res[2].u.port, fake_port(1));
    CU_ASSERT_PTR_EQUAL(message->res[3].u.port, fake_port(2));
    CU_ASSERT(!ports[0] && !ports[1] && !ports[2]);
    CU_ASSERT_EQUAL(handle, MESH__HANDLE_NONE);
    free_message(message);
}

static void test_built_calls(void)
{
    mesh_port_t *variable = fake_port(0);
    Mesh__Port slot = MESH__PORT__INIT;
    Vectors__Request request = VECTORS__REQUEST__INIT;
    Vectors__Add add = VECTORS__ADD__INIT;
    Vectors__AddCall call = VECTORS__ADD_CALL__INIT;
    Vectors__Sum sum = VECTORS__SUM__INIT;
    Vectors__Reply reply = VECTORS__REPLY__INIT;
    Vectors__RemoteError error = VECTORS__REMOTE_ERROR__INIT;
    Vectors__ErrorChain chain = VECTORS__ERROR_CHAIN__INIT;
    char *texts[] = {"boom"};

    slot.slot = (uintptr_t)&variable;
    sum.a = 3;
    sum.b = 4;
    call.input = &sum;
    call.reply = &slot;
    add.call = &call;
    request.v_case = VECTORS__REQUEST__V_ADD;
    request.add = &add;
    check_packed(&request, MESH__WRAP_CHANNEL,
                 expected("channel", "rpc_request"));
    request.v_case = VECTORS__REQUEST__V_STOP;
    request.stop = NULL;
    check_packed(&request, MESH__WRAP_CHANNEL,
                 expected("channel", "enum_unit"));
    reply.v_case = VECTORS__REPLY__V_OK;
    reply.ok = 7;
    check_packed(&reply, MESH__WRAP_ONESHOT,
                 expected("channel", "failable_rpc_response_ok"));
    chain.texts = texts;
    chain.n_texts = 1;
    error.chain = &chain;
    reply.v_case = VECTORS__REPLY__V_ERR;
    reply.err = &error;
    check_packed(&reply, MESH__WRAP_ONESHOT,
                 expected("channel", "failable_rpc_response_err"));
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"round-trip", test_round_trip},
        {"all-there", test_all_there},
        {"prefixes", test_prefixes},
        {"mutations", test_mutations},
        {"other-types", test_other_types},
        {"built-scalars", test_built_scalars},
        {"built-resources", test_built_resources},
        {"built-calls", test_built_calls},
        {NULL, NULL},
    };

    return test_main(argc, argv, "payload vectors", cases);
}
