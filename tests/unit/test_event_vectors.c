/* The golden events (tests/vectors/event.json): bytes to fields and fields to
 * bytes. */
#include "config.h"

#include "harness.h"
#include "hex.h"
#include "json.h"

#include "event.h"

#include <mesh/status.h>

#include <string.h>

enum { VECTORS_MIN = 12, LEN_MAX = 4096 };

typedef struct vector_t {
    const json_t *event;
    int n_handles;
    unsigned char bytes[LEN_MAX];
    apr_size_t len;
} vector_t;

static const json_t *all_vectors(void)
{
    json_t *file =
        json_load_file(test_data("tests/vectors/event.json"), test_pool());

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_FATAL(json_count(json_get(file, "vectors")) >= VECTORS_MIN);
    return json_get(file, "vectors");
}

static void load(const json_t *json, vector_t *ret_vector)
{
    ret_vector->event = json_get(json, "event");
    ret_vector->n_handles = (int)json_number(json_get(json, "fds"));
    ret_vector->len = hex_decode(json_string(json_get(json, "hex")),
                                 ret_vector->bytes, LEN_MAX);
    CU_ASSERT_NOT_EQUAL_FATAL(ret_vector->len, (apr_size_t)-1);
}

static mesh_id_t id_of(const json_t *object, const char *key)
{
    const char *hex = json_string(json_get(object, key));
    mesh_id_t id;

    CU_ASSERT_PTR_NOT_NULL_FATAL(hex);
    CU_ASSERT_EQUAL_FATAL(hex_decode(hex, id.bytes, sizeof(id.bytes)), 16);
    return id;
}

static long number_of(const json_t *object, const char *key)
{
    CU_ASSERT_EQUAL_FATAL(json_kind(json_get(object, key)), JSON_NUMBER);
    return (long)json_number(json_get(object, key));
}

static int is_handle(const json_t *resource)
{
    return strcmp(json_string(json_get(resource, "kind")), "fd") == 0;
}

static void resource_of(const json_t *json, mesh__res_data_t *ret_res)
{
    memset(ret_res, 0, sizeof(*ret_res));
    if (is_handle(json))
        return;
    ret_res->id = id_of(json, "id");
    ret_res->next_local_seq = (apr_uint64_t)number_of(json, "next_local_seq");
    ret_res->old.node = id_of(json, "old_node");
    ret_res->old.port = id_of(json, "old_port");
    ret_res->peer.node = id_of(json, "peer_node");
    /* A failed port has none. */
    if (json_get(json, "peer_port") != NULL)
        ret_res->peer.port = id_of(json, "peer_port");
}

static void change_of(const json_t *json, mesh__change_peer_t *ret_change)
{
    ret_change->peer.node = id_of(json, "node");
    ret_change->peer.port = id_of(json, "port");
    ret_change->seq_delta = (apr_uint64_t)number_of(json, "seq_delta_signed");
}

static void decode_one(const vector_t *v)
{
    const json_t *resources = json_get(v->event, "resources");
    const json_t *change = json_get(v->event, "change_peer");
    const unsigned char *p = v->bytes + MESH__EVENT_HEAD_LEN;
    mesh__event_head_t head;
    mesh_id_t port = id_of(v->event, "port_id");
    int n_handles = 0;

    TEST_OK(mesh__event_head_get(v->bytes, v->len, &head));
    CU_ASSERT(mesh__id_equal(&head.port, &port));
    CU_ASSERT_EQUAL(head.type, number_of(v->event, "event_type"));
    CU_ASSERT_EQUAL(head.flags, number_of(v->event, "flags"));
    CU_ASSERT_EQUAL((long)head.seq, number_of(v->event, "seq"));
    CU_ASSERT_EQUAL((long)head.len, number_of(v->event, "message_size"));
    CU_ASSERT_EQUAL_FATAL((int)head.n_res, json_count(resources));
    for (int i = 0; i < json_count(resources); i++) {
        mesh__res_data_t want, got;

        resource_of(json_at(resources, i), &want);
        mesh__res_data_get(p, &got);
        CU_ASSERT_EQUAL(memcmp(&want, &got, sizeof(want)), 0);
        n_handles += mesh__id_is_zero(&got.id);
        p += MESH__RES_DATA_LEN;
    }
    CU_ASSERT_EQUAL(n_handles, v->n_handles);
    if (change != NULL) {
        mesh__change_peer_t want, got;

        change_of(change, &want);
        TEST_OK(mesh__change_peer_get(p, head.len, &got));
        CU_ASSERT_EQUAL(memcmp(&want, &got, sizeof(want)), 0);
    }
    CU_ASSERT_EQUAL((apr_size_t)(p - v->bytes) + head.len, v->len);
}

static void encode_one(const vector_t *v)
{
    const json_t *resources = json_get(v->event, "resources");
    const json_t *change = json_get(v->event, "change_peer");
    unsigned char bytes[LEN_MAX], *p = bytes + MESH__EVENT_HEAD_LEN;
    mesh__event_head_t head;

    head.port = id_of(v->event, "port_id");
    head.type = (int)number_of(v->event, "event_type");
    head.flags = (int)number_of(v->event, "flags");
    head.seq = (apr_uint64_t)number_of(v->event, "seq");
    head.n_res = (apr_uint32_t)json_count(resources);
    head.len = (apr_uint32_t)number_of(v->event, "message_size");
    mesh__event_head_put(bytes, &head);
    for (int i = 0; i < json_count(resources); i++) {
        mesh__res_data_t res;

        resource_of(json_at(resources, i), &res);
        mesh__res_data_put(p, &res);
        p += MESH__RES_DATA_LEN;
    }
    if (change != NULL) {
        mesh__change_peer_t put;

        change_of(change, &put);
        mesh__change_peer_put(p, &put);
    }
    else
        CU_ASSERT_EQUAL(
            hex_decode(json_string(json_get(v->event, "message_hex")), p,
                       LEN_MAX - (apr_size_t)(p - bytes)),
            head.len);
    CU_ASSERT_EQUAL_FATAL((apr_size_t)(p - bytes) + head.len, v->len);
    CU_ASSERT_EQUAL(memcmp(bytes, v->bytes, v->len), 0);
}

static void for_all(void (*check)(const vector_t *v))
{
    const json_t *vectors = all_vectors();

    for (int i = 0; i < json_count(vectors); i++) {
        static vector_t v;

        load(json_at(vectors, i), &v);
        check(&v);
    }
}

static void decoding(void)
{
    for_all(decode_one);
}

static void encoding(void)
{
    for_all(encode_one);
}

/* An event that ends early is refused at every length; what follows it is
 * not looked at. */
static void cut_one(const vector_t *v)
{
    mesh__event_head_t head;
    unsigned char longer[LEN_MAX + 1];

    for (apr_size_t len = 0; len < v->len; len++)
        CU_ASSERT_EQUAL(mesh__event_head_get(v->bytes, len, &head),
                        MESH_E_TRUNCATED);
    memcpy(longer, v->bytes, v->len);
    longer[v->len] = 0xff;
    TEST_OK(mesh__event_head_get(longer, v->len + 1, &head));
}

static void truncation(void)
{
    for_all(cut_one);
}

static void limits(void)
{
    static unsigned char
        bytes[MESH__EVENT_HEAD_LEN + (MESH__MAX_RES + 1) * MESH__RES_DATA_LEN];
    mesh__event_head_t head;
    mesh__change_peer_t change;

    memset(&head, 0, sizeof(head));
    head.type = MESH__EV_MESSAGE;
    head.n_res = MESH__MAX_RES;
    mesh__event_head_put(bytes, &head);
    TEST_OK(mesh__event_head_get(bytes, sizeof(bytes), &head));
    head.n_res = MESH__MAX_RES + 1;
    mesh__event_head_put(bytes, &head);
    CU_ASSERT_EQUAL(mesh__event_head_get(bytes, sizeof(bytes), &head),
                    MESH_E_LIMIT);
    head.n_res = 0xffffffff;
    head.len = 0xffffffff;
    mesh__event_head_put(bytes, &head);
    CU_ASSERT_EQUAL(mesh__event_head_get(bytes, sizeof(bytes), &head),
                    MESH_E_TRUNCATED);
    CU_ASSERT_EQUAL(
        mesh__change_peer_get(bytes, MESH__CHANGE_PEER_LEN - 1, &change),
        MESH_E_TRUNCATED);
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"decoding", decoding},
        {"encoding", encoding},
        {"truncation", truncation},
        {"limits", limits},
        {NULL, NULL},
    };

    return test_main(argc, argv, "event_vectors", cases);
}
