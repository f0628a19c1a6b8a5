/* The golden packets (tests/vectors/unix-packet.json): bytes to fields and
 * fields to bytes, and the private messages in them. */
#include "config.h"

#include "harness.h"
#include "hex.h"
#include "json.h"

#include "arena.h"
#include "event.h"
#include "packet.h"
#include "payload.h"

#include "host.pb-c.h"
#include "membership.pb-c.h"

#include <pal/status.h>

#include <stdlib.h>
#include <string.h>

#define MAX_LEN 65536

typedef struct vector_t {
    const char *name;
    const json_t *json;
    unsigned char bytes[MAX_LEN];
    apr_size_t len;
} vector_t;

static json_t *all_vectors(void)
{
    json_t *file = json_load_file(test_data("tests/vectors/unix-packet.json"),
                                  test_pool());

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_FATAL(json_count(json_get(file, "vectors")) >= 16);
    return json_get(file, "vectors");
}

static vector_t *load(const json_t *json)
{
    vector_t *vector = apr_palloc(test_pool(), sizeof(*vector));

    vector->json = json;
    vector->name = json_string(json_get(json, "name"));
    vector->len =
        hex_decode(json_string(json_get(json, "hex")), vector->bytes, MAX_LEN);
    CU_ASSERT_NOT_EQUAL_FATAL(vector->len, (apr_size_t)-1);
    return vector;
}

static vector_t *find(const char *name)
{
    json_t *vectors = all_vectors();
    int i;

    for (i = 0; i < json_count(vectors); i++)
        if (strcmp(json_string(json_get(json_at(vectors, i), "name")), name)
            == 0)
            return load(json_at(vectors, i));
    CU_FAIL_FATAL("no such vector");
    return NULL;
}

static void get_id(const json_t *json, const char *key, mesh_id_t *ret_id)
{
    CU_ASSERT_EQUAL_FATAL(hex_decode(json_string(json_get(json, key)),
                                     ret_id->bytes, sizeof(ret_id->bytes)),
                          sizeof(ret_id->bytes));
}

/* The packet that the vector's fields describe. */
static apr_size_t build(const json_t *json, unsigned char *buf)
{
    const json_t *event = json_get(json, "event"), *res;
    unsigned char *p = buf;
    mesh__event_head_t head;
    mesh__res_data_t data;
    int i;

    mesh__packet_head_put(
        p, (int)json_number(
               json_get(json_get(json, "packet_header"), "packet_type")));
    p += MESH__PACKET_HEAD_LEN;
    get_id(event, "port_id", &head.port);
    head.type = (int)json_number(json_get(event, "event_type"));
    head.flags = (int)json_number(json_get(event, "flags"));
    head.seq = (apr_uint64_t)json_number(json_get(event, "seq"));
    head.n_res = (apr_uint32_t)json_number(json_get(event, "resource_count"));
    head.len = (apr_uint32_t)json_number(json_get(event, "message_size"));
    mesh__event_head_put(p, &head);
    p += MESH__EVENT_HEAD_LEN;
    for (i = 0; i < (int)head.n_res; i++) {
        res = json_at(json_get(event, "resources"), i);
        memset(&data, 0, sizeof(data));
        if (strcmp(json_string(json_get(res, "kind")), "port") == 0) {
            get_id(res, "id", &data.id);
            data.next_local_seq =
                (apr_uint64_t)json_number(json_get(res, "next_local_seq"));
            get_id(res, "old_node", &data.old.node);
            get_id(res, "old_port", &data.old.port);
            get_id(res, "peer_node", &data.peer.node);
            get_id(res, "peer_port", &data.peer.port);
        }
        mesh__res_data_put(p, &data);
        p += MESH__RES_DATA_LEN;
    }
    p += hex_decode(json_string(json_get(event, "message_hex")), p,
                    MAX_LEN - (apr_size_t)(p - buf));
    return (apr_size_t)(p - buf);
}

static void packets_both_ways(void)
{
    json_t *vectors = all_vectors();
    unsigned char *buf = apr_palloc(test_pool(), MAX_LEN);
    int i, n = 0;

    for (i = 0; i < json_count(vectors); i++) {
        vector_t *v = load(json_at(vectors, i));
        mesh_message_t *message = NULL;

        if (!json_get(v->json, "event"))
            continue;
        CU_ASSERT_EQUAL(build(v->json, buf), v->len);
        CU_ASSERT(memcmp(buf, v->bytes, v->len) == 0);
        TEST_OK(mesh__packet_open(v->bytes, v->len, NULL, 0, 0, 1 << 20,
                                  &message));
        CU_ASSERT_PTR_NOT_NULL_FATAL(message);
        CU_ASSERT_EQUAL(message->event_len, v->len - MESH__PACKET_HEAD_LEN);
        CU_ASSERT(memcmp(message->event, v->bytes + MESH__PACKET_HEAD_LEN,
                         message->event_len)
                  == 0);
        mesh__message_free(message);
        n++;
    }
    CU_ASSERT_EQUAL(n, 14);
}

static void release_handles(void)
{
    vector_t *v = find("release_fds");
    mesh_message_t *message = NULL;

    TEST_OK(
        mesh__packet_open(v->bytes, v->len, NULL, 0, 0, 1 << 20, &message));
    CU_ASSERT_PTR_NULL(message); /* nothing to do */
    CU_ASSERT_EQUAL(
        mesh__packet_open(v->bytes, v->len - 1, NULL, 0, 0, 1 << 20, &message),
        MESH_E_TRUNCATED);
}

/* Where there are seals. */
static void seal(pal_handle_t region)
{
    apr_status_t rv = pal_region_seal(region);

    CU_ASSERT(rv == APR_SUCCESS || APR_STATUS_IS_ENOTIMPL(rv));
}

/* The region of the large event as upstream made it; only its head is in the
 * vector, the rest is zero. */
static void large_event(void)
{
    vector_t *v = find("large_event");
    const json_t *memfd = json_get(v->json, "memfd");
    apr_off_t size = (apr_off_t)json_number(json_get(memfd, "size"));
    unsigned char *head = apr_palloc(test_pool(), 4096);
    mesh_message_t *message = NULL;
    pal_handle_t region, copy;
    mesh__event_head_t h;
    apr_size_t len =
        hex_decode(json_string(json_get(memfd, "head_hex")), head, 4096);

    TEST_OK(pal_region_create("mesh", size, &region));
    TEST_OK(pal_region_write_at(region, 0, head, len));
    TEST_OK(pal_handle_dup(region, &copy));
    if (!APR_STATUS_IS_ENOTIMPL(pal_region_check(region, &size)))
        CU_ASSERT_EQUAL(mesh__packet_open(v->bytes, v->len, &copy, 1, 0,
                                          1 << 20, &message),
                        PAL_E_SEALS);
    seal(region);
    TEST_OK(
        mesh__packet_open(v->bytes, v->len, &copy, 1, 0, 1 << 20, &message));
    TEST_OK(mesh__event_head_get(message->event, message->event_len, &h));
    CU_ASSERT_EQUAL(h.n_res, 3);
    CU_ASSERT_EQUAL(message->event_len, 40 + 3 * 96 + (apr_size_t)h.len);
    CU_ASSERT_EQUAL((apr_off_t)((message->event_len + 4095) / 4096 * 4096),
                    size);
    mesh__message_free(message);

    /* too large for here: comes without its payload, for its port to fail */
    TEST_OK(mesh__packet_open(v->bytes, v->len, &copy, 1, 0, 10000, &message));
    CU_ASSERT_TRUE(message->handles_lost);
    CU_ASSERT_EQUAL(message->event_len, 40 + 3 * 96);
    mesh__message_free(message);
    pal_handle_close(&region);
    pal_handle_close(&copy);
}

/* ---- the private messages ---- */

typedef struct decoded_t {
    mesh__arena_t *arena;
    mesh__res_t res[8];
    int n_res;
    ProtobufCMessage *tree;
} decoded_t;

/* Decode the payload of a vector; its resources are stand-ins. */
static void decode(const char *name, const ProtobufCMessageDescriptor *type,
                   decoded_t *d)
{
    vector_t *v = find(name);
    const json_t *event = json_get(v->json, "event"), *res;
    unsigned char *payload = apr_palloc(test_pool(), MAX_LEN);
    apr_size_t len = hex_decode(json_string(json_get(event, "message_hex")),
                                payload, MAX_LEN);
    int i;

    memset(d, 0, sizeof(*d));
    d->n_res = json_count(json_get(event, "resources"));
    for (i = 0; i < d->n_res; i++) {
        res = json_at(json_get(event, "resources"), i);
        if (strcmp(json_string(json_get(res, "kind")), "port") == 0) {
            d->res[i].kind = MESH__RES_PORT;
            d->res[i].u.port = (mesh_port_t *)&d->res[i];
        }
        else {
            d->res[i].kind = MESH__RES_HANDLE;
            d->res[i].u.handle = 99;
        }
    }
    /* all of these stand in a channel payload or oneshot: {1: value} */
    CU_ASSERT_FATAL(len > 2 && payload[0] >> 3 == 1);
    d->arena = mesh__arena_create(1 << 16);
    TEST_OK(mesh__payload_decode(type,
                                 payload + ((payload[0] & 7) == 6 ? 3 : 2),
                                 len - ((payload[0] & 7) == 6 ? 3 : 2), d->res,
                                 d->n_res, d->arena, &d->tree));
}

static void private_messages(void)
{
    const Mesh__Membership__InitialMessage *initial;
    const Mesh__Membership__FollowerRequest *order;
    const Mesh__Membership__LeaderRequest *request;
    const Mesh__Host__HostRequest *host;
    decoded_t d;

    decode("node_initial_message",
           &mesh__membership__initial_message__descriptor, &d);
    initial = (const Mesh__Membership__InitialMessage *)d.tree;
    CU_ASSERT_EQUAL(initial->leader_send->slot,
                    (apr_uint64_t)(uintptr_t)&d.res[0].u);
    CU_ASSERT_EQUAL(initial->user->slot, (apr_uint64_t)(uintptr_t)&d.res[2].u);
    mesh__arena_destroy(d.arena);

    decode("host_initial_message", &mesh__host__initial_message__descriptor,
           &d);
    CU_ASSERT_PTR_NOT_NULL(
        ((const Mesh__Host__InitialMessage *)d.tree)->requests);
    mesh__arena_destroy(d.arena);

    decode("follower_request_connect_none",
           &mesh__membership__follower_request__descriptor, &d);
    order = (const Mesh__Membership__FollowerRequest *)d.tree;
    CU_ASSERT_EQUAL(order->connect->has_handle_case, 0);
    CU_ASSERT_EQUAL(order->connect->node->uuid->bytes.data[0], 0x77);
    mesh__arena_destroy(d.arena);

    decode("follower_request_connect_fd",
           &mesh__membership__follower_request__descriptor, &d);
    order = (const Mesh__Membership__FollowerRequest *)d.tree;
    CU_ASSERT_NOT_EQUAL(order->connect->has_handle_case, 0);
    mesh__arena_destroy(d.arena);

    decode("leader_request_connect",
           &mesh__membership__leader_request__descriptor, &d);
    request = (const Mesh__Membership__LeaderRequest *)d.tree;
    CU_ASSERT_EQUAL(request->request_case,
                    MESH__MEMBERSHIP__LEADER_REQUEST__REQUEST_CONNECT);
    mesh__arena_destroy(d.arena);

    decode("leader_request_invite",
           &mesh__membership__leader_request__descriptor, &d);
    request = (const Mesh__Membership__LeaderRequest *)d.tree;
    CU_ASSERT_EQUAL(request->request_case,
                    MESH__MEMBERSHIP__LEADER_REQUEST__REQUEST_INVITE);
    mesh__arena_destroy(d.arena);

    decode("host_request_crash", &mesh__host__host_request__descriptor, &d);
    host = (const Mesh__Host__HostRequest *)d.tree;
    CU_ASSERT_EQUAL(host->request_case,
                    MESH__HOST__HOST_REQUEST__REQUEST_CRASH);
    mesh__arena_destroy(d.arena);

    decode("host_request_inspect", &mesh__host__host_request__descriptor, &d);
    host = (const Mesh__Host__HostRequest *)d.tree;
    CU_ASSERT_EQUAL(host->request_case,
                    MESH__HOST__HOST_REQUEST__REQUEST_INSPECT);
    mesh__arena_destroy(d.arena);
}

static const test_case_t cases[] = {
    {"packets_both_ways", packets_both_ways},
    {"release_handles", release_handles},
    {"large_event", large_event},
    {"private_messages", private_messages},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "packet vectors", cases);
}
