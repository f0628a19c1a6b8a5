/* Ports that move and are joined: the bytes that say so, proxies, and the ways
 * in which it can go wrong (docs/PROTOCOL.md 2.4, 2.5, 10, 11). */
#include "config.h"

#include "core_wire.h"
#include "harness.h"
#include "hex.h"
#include "json.h"
#include "lone_core.h"

#include "port.h"

#include <string.h>

/* The golden event of the name. */
static void expect_vector(const lone_out_t *out, const char *name)
{
    json_t *file =
        json_load_file(test_data("tests/vectors/event.json"), test_pool());
    const json_t *vectors = json_get(file, "vectors");
    unsigned char bytes[LONE_BODY_MAX];

    for (int i = 0; i < json_count(vectors); i++) {
        const json_t *v = json_at(vectors, i);

        if (strcmp(json_string(json_get(v, "name")), name) != 0)
            continue;
        CU_ASSERT_EQUAL_FATAL(
            hex_decode(json_string(json_get(v, "hex")), bytes, sizeof(bytes)),
            out->len);
        CU_ASSERT_EQUAL(memcmp(bytes, out->bytes, out->len), 0);
        return;
    }
    CU_FAIL_FATAL("no such vector");
}

/* A port whose id and peer are those of the vectors: 50...`last`. */
static mesh_port_t *vector_port(lone_t *lone, int last, int peer_last)
{
    mesh_id_t id = lone_id(0x50, last);
    mesh__addr_t peer = lone_addr(&lone->b, peer_last);
    mesh_port_t *port;

    TEST_OK(mesh__core_adopt(lone->core, &id, &peer, &port));
    return port;
}

static mesh_message_t *with_payload(const char *bytes, apr_size_t len,
                                    mesh_port_t *port)
{
    mesh_message_t *message = lone_with_port(port);

    CU_ASSERT_FATAL(len <= message->len);
    memcpy(message->data, bytes, len);
    message->len = len;
    return message;
}

static void two_resources(void)
{
    static const unsigned char ids[] = {7, 0};
    mesh_message_t *message;
    mesh__res_t handle;
    mesh_port_t *way, *port;
    const lone_out_t *out;
    lone_t lone;

    lone_init(&lone);
    way = vector_port(&lone, 0x11, 0x21);
    port = vector_port(&lone, 0x12, 0x22);
    lone_send(&lone, way, lone_text("seq 1"));
    lone.n_outs = 0;
    lone.ids = ids;
    message = with_payload("\x0f\x17", 2, port);
    handle.kind = MESH__RES_HANDLE;
    handle.u.handle = 9;
    TEST_OK(mesh__message_res_add(message, handle));
    lone_send(&lone, way, message);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_MESSAGE, 1, 2, &out);
    CU_ASSERT_EQUAL(out->n_handles, 1);
    expect_vector(out, "message_2res");
    CU_ASSERT_EQUAL(mesh__core_n_moving(lone.core), 1);
    lone_fini(&lone);
}

static void closed_and_failed(void)
{
    static const unsigned char ids[] = {0x09, 0x08, 0x0a,       /* open */
                                        0x0c, 0x0b, 0x0e, 0x0d, /* closed */
                                        0x0f, 0};
    mesh_port_t *way, *a, *b, *failed;
    const lone_out_t *out;
    lone_t lone;

    lone_init(&lone);
    lone.ids = ids;
    way = vector_port(&lone, 0x14, 0x24);
    TEST_OK(mesh__core_pair(lone.core, &a, &b));
    lone_send(&lone, way, with_payload("\x0f", 1, a));
    lone_expect(&lone, &lone.b, NULL, MESH__EV_MESSAGE, 1, 1, &out);
    expect_vector(out, "message_local_pair_half");
    TEST_OK(mesh__core_pair(lone.core, &a, &b));
    lone_close(&lone, b);
    a->next_send = 1; /* the vector's port had not answered the close */
    lone_send(&lone, way, with_payload("\x0f", 1, a));
    lone_expect(&lone, &lone.b, NULL, MESH__EV_MESSAGE, 1, 2, &out);
    expect_vector(out, "message_closed_port");

    way = vector_port(&lone, 0x54, 0x64);
    failed = vector_port(&lone, 0x51, 0x61);
    failed->next_send = 2;
    mesh__core_fail(lone.core, failed);
    lone_drain(&lone);
    lone.n_outs = 0;
    lone_send(&lone, way, with_payload("\x0f", 1, failed));
    lone_expect(&lone, &lone.b, NULL, MESH__EV_MESSAGE, 1, 1, &out);
    expect_vector(out, "message_failed_port");
    lone_fini(&lone);
}

static void joined_bytes(void)
{
    mesh_port_t *a, *b;
    const lone_out_t *out;
    lone_t lone;

    lone_init(&lone);
    a = vector_port(&lone, 0x31, 0x41);
    b = vector_port(&lone, 0x32, 0x42);
    TEST_OK(mesh__core_bridge(lone.core, &a, &b));
    CU_ASSERT_PTR_NULL(a);
    CU_ASSERT_PTR_NULL(b);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_CHANGE_PEER, 0, 1, &out);
    expect_vector(out, "change_peer_0");
    lone_expect(&lone, &lone.b, NULL, MESH__EV_CHANGE_PEER, 0, 1, &out);
    expect_vector(out, "change_peer_1");
    CU_ASSERT_EQUAL(mesh__core_n_moving(lone.core), 2);
    lone_fini(&lone);
}

/* The port moves with what is unread and early, and stands aside when the peer
 * has changed over. */
static void proxy(void)
{
    mesh_id_t peer = lone_id(0x50, 1), id = lone_id(0x11, 1), moved;
    mesh__change_peer_t change;
    mesh__res_data_t res;
    mesh_port_t *way, *port;
    const lone_out_t *out;
    lone_t lone;

    lone_init(&lone);
    way = lone_port(&lone, 2, &lone.c);
    port = lone_port(&lone, 1, &lone.b);
    lone_send(&lone, port, lone_text("out"));
    lone.n_outs = 0;
    for (int seq = 1; seq <= 4; seq++)
        TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1,
                            (apr_uint64_t)seq));
    lone_recv_text(&lone, port, "x");
    lone_recv_text(&lone, port, "x");
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1, 6));
    lone_send(&lone, way, lone_with_port(port));
    lone_expect(&lone, &lone.c, NULL, MESH__EV_MESSAGE, 1, 1, &out);
    mesh__res_data_get(out->bytes + MESH__EVENT_HEAD_LEN, &res);
    CU_ASSERT_EQUAL(res.next_local_seq, 3);
    CU_ASSERT(mesh__id_equal(&res.peer.port, &peer));
    CU_ASSERT(mesh__id_equal(&res.old.port, &id));
    moved = res.id;

    TEST_OK(lone_simple(&lone, &lone.c, port, MESH__EV_ACK_PORT, 0, 0));
    lone_expect(&lone, &lone.c, &moved, MESH__EV_MESSAGE, 1, 1, NULL);
    lone_expect(&lone, &lone.c, &moved, MESH__EV_MESSAGE, 1, 2, NULL);
    lone_expect(&lone, &lone.b, &peer, MESH__EV_CHANGE_PEER, 0, 2, &out);
    TEST_OK(mesh__change_peer_get(out->bytes + MESH__EVENT_HEAD_LEN,
                                  out->head.len, &change));
    CU_ASSERT(mesh__id_equal(&change.peer.node, &lone.c));
    CU_ASSERT(mesh__id_equal(&change.peer.port, &moved));
    CU_ASSERT_EQUAL(change.seq_delta, 2);

    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 3, 5));
    lone_expect(&lone, &lone.c, &moved, MESH__EV_MESSAGE, 3, 3, NULL);
    lone_expect(&lone, &lone.c, &moved, MESH__EV_MESSAGE, 1, 4, NULL);
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_CHANGE_PEER, 0, 7));
    lone_expect(&lone, &lone.c, &moved, MESH__EV_CHANGE_PEER, 0, 5, NULL);
    CU_ASSERT_EQUAL(mesh__core_n_moving(lone.core), 1);
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_ACK_CHANGE_PEER, 0, 8));
    CU_ASSERT_EQUAL(mesh__core_n_moving(lone.core), 0);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 1);
    lone_fini(&lone);
}

/* What is queued behind the end of a proxy is dropped. */
static void after_proxy(void)
{
    mesh_port_t *way, *port;
    lone_t lone;

    lone_init(&lone);
    way = lone_port(&lone, 2, &lone.c);
    port = lone_port(&lone, 1, &lone.b);
    lone_send(&lone, way, lone_with_port(port));
    TEST_OK(lone_simple(&lone, &lone.c, port, MESH__EV_ACK_PORT, 0, 0));
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1, 2));
    CU_ASSERT_EQUAL(
        lone_simple(&lone, &lone.b, port, MESH__EV_ACK_CHANGE_PEER, 0, 1),
        MESH_E_PROTOCOL);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 1);
    lone.n_outs = 0;
    lone_fini(&lone);
}

static mesh_message_t *change_event(const mesh_id_t *port, apr_uint64_t seq,
                                    const mesh__addr_t *peer,
                                    apr_uint64_t delta)
{
    unsigned char body[MESH__CHANGE_PEER_LEN];
    mesh__change_peer_t change;

    change.peer = *peer;
    change.seq_delta = delta;
    mesh__change_peer_put(body, &change);
    return wire_event(port, MESH__EV_CHANGE_PEER, 0, seq, body, sizeof(body));
}

/* The acknowledgement goes to the old peer and takes no number. */
static void peer_change(void)
{
    mesh_id_t id = lone_id(0x11, 1), old = lone_id(0x50, 1);
    mesh__addr_t peer;
    mesh_port_t *port;
    lone_t lone;

    lone_init(&lone);
    port = lone_port(&lone, 1, &lone.b);
    peer = lone_addr(&lone.c, 9);
    lone_send(&lone, port, lone_text("1"));
    lone_send(&lone, port, lone_text("2"));
    lone.n_outs = 0;
    TEST_OK(lone_event(&lone, &lone.b, change_event(&id, 1, &peer, 2)));
    lone_expect(&lone, &lone.b, &old, MESH__EV_ACK_CHANGE_PEER, 0, 3, NULL);
    lone_send(&lone, port, lone_text("3"));
    lone_expect(&lone, &lone.c, &peer.port, MESH__EV_MESSAGE, 1, 1, NULL);
    TEST_OK(lone_event(&lone, &lone.c,
                       change_event(&id, 2, &peer, ~(apr_uint64_t)0)));
    lone_expect(&lone, &lone.c, &peer.port, MESH__EV_ACK_CHANGE_PEER, 0, 2,
                NULL);
    lone_send(&lone, port, lone_text("4"));
    lone_expect(&lone, &lone.c, &peer.port, MESH__EV_MESSAGE, 1, 3, NULL);
    lone_fini(&lone);
}

/* docs/PROTOCOL.md 10, point 1: the stand-in of a closed port expects the
 * port's numbers, so it acknowledges the move. */
static void closed_twice(void)
{
    mesh_port_t *way, *port;
    mesh__res_data_t res;
    const lone_out_t *out;
    mesh_id_t moved, stand_in;
    lone_t lone;

    lone_init(&lone);
    way = lone_port(&lone, 2, &lone.c);
    port = lone_port(&lone, 1, &lone.b);
    lone_send(&lone, port, lone_text("1"));
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 3, 1));
    lone.n_outs = 0;
    lone_send(&lone, way, lone_with_port(port));
    lone_expect(&lone, &lone.c, NULL, MESH__EV_MESSAGE, 1, 1, &out);
    mesh__res_data_get(out->bytes + MESH__EVENT_HEAD_LEN, &res);
    CU_ASSERT(mesh__id_equal(&res.peer.node, &lone.self));
    CU_ASSERT_EQUAL(res.next_local_seq, 4);
    moved = res.id;
    stand_in = res.peer.port;
    TEST_OK(lone_simple(&lone, &lone.c, port, MESH__EV_ACK_PORT, 0, 0));
    lone_expect(&lone, &lone.c, &moved, MESH__EV_MESSAGE, 1, 1, NULL);
    lone_expect(&lone, &lone.c, &moved, MESH__EV_MESSAGE, 2, 2, NULL);
    CU_ASSERT_EQUAL(mesh__core_n_moving(lone.core), 0);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 2);
    TEST_OK(
        lone_event(&lone, &lone.c,
                   wire_event(&stand_in, MESH__EV_MESSAGE, 2, 4, NULL, 0)));
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 1);
    lone_fini(&lone);
}

/* docs/PROTOCOL.md 10, point 2: a named port of ours that has ended. */
static void named_port_gone(void)
{
    mesh_id_t id = lone_id(0x11, 1), old = lone_id(0x50, 1);
    mesh__addr_t gone;
    mesh_port_t *port;
    lone_t lone;

    lone_init(&lone);
    gone = lone_addr(&lone.self, 0x99);
    /* Its close has come before. */
    port = lone_port(&lone, 1, &lone.b);
    lone_close(&lone, port);
    lone.n_outs = 0;
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 2, 2));
    TEST_OK(lone_event(&lone, &lone.b, change_event(&id, 1, &gone, 0)));
    lone_expect(&lone, &lone.b, &old, MESH__EV_ACK_CHANGE_PEER, 0, 2, NULL);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    /* It comes after. */
    port = lone_port(&lone, 1, &lone.b);
    lone_close(&lone, port);
    lone.n_outs = 0;
    TEST_OK(lone_event(&lone, &lone.b, change_event(&id, 1, &gone, 0)));
    lone_expect(&lone, &lone.b, &old, MESH__EV_ACK_CHANGE_PEER, 0, 2, NULL);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 1);
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 2, 2));
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    /* It has failed: no close will come. */
    port = lone_port(&lone, 1, &lone.b);
    TEST_OK(lone_event(&lone, &lone.b, change_event(&id, 1, &gone, 0)));
    lone_expect(&lone, &lone.b, &old, MESH__EV_ACK_CHANGE_PEER, 0, 1, NULL);
    CU_ASSERT_EQUAL(lone_recv_status(&lone, port), MESH_E_FAILED);
    lone_close(&lone, port);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    lone_fini(&lone);
}

static void joining_locally(void)
{
    mesh_port_t *a1, *a2, *b1, *b2;
    lone_t lone;

    lone_init(&lone);
    TEST_OK(mesh__core_pair(lone.core, &a1, &a2));
    CU_ASSERT_EQUAL(mesh__core_bridge(lone.core, &a1, &a2), MESH_E_CIRCULAR);
    CU_ASSERT_PTR_NOT_NULL(a1);
    TEST_OK(mesh__core_pair(lone.core, &b1, &b2));
    lone_send(&lone, a1, lone_text("one"));
    lone_send(&lone, b1, lone_text("uno"));
    TEST_OK(mesh__core_bridge(lone.core, &a2, &b2));
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 2);
    CU_ASSERT_EQUAL(mesh__core_n_moving(lone.core), 0);
    lone_send(&lone, a1, lone_text("two"));
    lone_recv_text(&lone, b1, "one");
    lone_recv_text(&lone, b1, "two");
    lone_recv_text(&lone, a1, "uno");
    CU_ASSERT_EQUAL(mesh__core_bridge(lone.core, &a1, &b1), MESH_E_CIRCULAR);
    lone_close(&lone, a1);
    CU_ASSERT_EQUAL(lone_recv_status(&lone, b1), MESH_E_CLOSED);
    lone_close(&lone, b1);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    lone_fini(&lone);
}

/* With one that was closed or has failed. */
static void joining_ended(void)
{
    mesh_port_t *a1, *a2, *b1, *b2;
    mesh_message_t *last;
    lone_t lone;

    lone_init(&lone);
    TEST_OK(mesh__core_pair(lone.core, &a1, &a2));
    TEST_OK(mesh__core_pair(lone.core, &b1, &b2));
    lone_send(&lone, a1, lone_text("last words"));
    lone_close(&lone, a1);
    TEST_OK(mesh__core_bridge(lone.core, &b2, &a2));
    lone_recv_text(&lone, b1, "last words");
    CU_ASSERT_EQUAL(lone_recv_status(&lone, b1), MESH_E_CLOSED);
    lone_close(&lone, b1);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);

    TEST_OK(mesh__core_pair(lone.core, &a1, &a2));
    TEST_OK(mesh__core_pair(lone.core, &b1, &b2));
    mesh__core_fail(lone.core, a2);
    TEST_OK(mesh__core_bridge(lone.core, &a2, &b2));
    CU_ASSERT_EQUAL(lone_recv_status(&lone, b1), MESH_E_FAILED);
    lone_close(&lone, a1);
    lone_close(&lone, b1);

    TEST_OK(mesh__core_pair(lone.core, &a1, &a2));
    TEST_OK(mesh__core_pair(lone.core, &b1, &b2));
    lone_close(&lone, a1);
    lone_close(&lone, b1);
    TEST_OK(mesh__core_bridge(lone.core, &a2, &b2));
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);

    a1 = lone_port(&lone, 1, &lone.b);
    a2 = lone_port(&lone, 2, &lone.b);
    last = lone_text("last");
    TEST_OK(mesh__core_send(lone.core, a1, &last, 1));
    CU_ASSERT_EQUAL(mesh__core_bridge(lone.core, &a1, &a2), APR_EINVAL);
    CU_ASSERT_EQUAL(mesh__core_bridge(lone.core, &a2, &a1), APR_EINVAL);
    lone_drain(&lone);
    lone.n_outs = 0;
    lone_fini(&lone);
}

/* A port arrives, is acknowledged, and can be sent on at once. */
static void arrival(void)
{
    mesh_id_t id = lone_id(0x11, 1), old;
    mesh__res_data_t res;
    mesh_port_t *way, *on, *port;
    const lone_out_t *out;
    lone_t lone;

    lone_init(&lone);
    way = lone_port(&lone, 1, &lone.b);
    on = lone_port(&lone, 2, &lone.c);
    res.id = lone_id(0x33, 1);
    res.next_local_seq = 5;
    res.old = lone_addr(&lone.b, 0x61);
    res.peer = lone_addr(&lone.c, 0x62);
    old = res.old.port;
    TEST_OK(lone_event(&lone, &lone.b, wire_event_res(&id, 1, 1, &res, 1)));
    lone_expect(&lone, &lone.b, &old, MESH__EV_ACK_PORT, 0, 0, NULL);
    port = lone_recv_port(&lone, way);
    lone_send(&lone, port, lone_text("x"));
    lone_expect(&lone, &lone.c, &res.peer.port, MESH__EV_MESSAGE, 1, 5, NULL);
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1, 1));
    lone_send(&lone, on, lone_with_port(port));
    lone_expect(&lone, &lone.c, NULL, MESH__EV_MESSAGE, 1, 1, &out);
    mesh__res_data_get(out->bytes + MESH__EVENT_HEAD_LEN, &res);
    CU_ASSERT_EQUAL(res.next_local_seq, 7);
    lone_fini(&lone);
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"two_resources", two_resources},
        {"closed_and_failed", closed_and_failed},
        {"joined_bytes", joined_bytes},
        {"proxy", proxy},
        {"after_proxy", after_proxy},
        {"peer_change", peer_change},
        {"closed_twice", closed_twice},
        {"named_port_gone", named_port_gone},
        {"joining_locally", joining_locally},
        {"joining_ended", joining_ended},
        {"arrival", arrival},
        {NULL, NULL},
    };

    return test_main(argc, argv, "core_move", cases);
}
