/* What other nodes can do to a core: by right, in error, by malice, and by
 * being lost (docs/PROTOCOL.md 2.6). */
#include "config.h"

#include "core_wire.h"
#include "harness.h"
#include "lone_core.h"

#include "port.h"

#include <string.h>

static mesh_message_t *fail_event(const mesh_id_t *port,
                                  const mesh_id_t *culprit)
{
    return wire_event(port, MESH__EV_FAIL_PORT, 0, 0, culprit->bytes,
                      MESH__FAIL_PORT_LEN);
}

static mesh_message_t *change_event(const mesh_id_t *port, apr_uint64_t seq,
                                    const mesh__addr_t *peer)
{
    unsigned char body[MESH__CHANGE_PEER_LEN];
    mesh__change_peer_t change;

    change.peer = *peer;
    change.seq_delta = 0;
    mesh__change_peer_put(body, &change);
    return wire_event(port, MESH__EV_CHANGE_PEER, 0, seq, body, sizeof(body));
}

/* A failure that overtook CHANGE_PEER counts when its node is the peer's. */
static void early_failure(void)
{
    mesh_id_t id = lone_id(0x11, 1), culprit;
    mesh__addr_t peer;
    mesh_port_t *port;
    lone_t lone;

    lone_init(&lone);
    port = lone_port(&lone, 1, &lone.b);
    for (int i = 0; i < MESH__MAX_EARLY_FAILURES + 2; i++) {
        mesh_id_t node = lone_id(0xc0, i), who = lone_id(0xd0, i);

        TEST_OK(lone_event(&lone, &node, fail_event(&id, &who)));
        who = lone_id(0xe0, i);
        TEST_OK(lone_event(&lone, &node, fail_event(&id, &who)));
    }
    peer.port = lone_id(0x70, 1);
    peer.node = lone_id(0xc0, MESH__MAX_EARLY_FAILURES);
    TEST_OK(lone_event(&lone, &lone.b, change_event(&id, 1, &peer)));
    TEST_OK(mesh__core_status(lone.core, port, NULL)); /* was one too many */
    peer.node = lone_id(0xc0, 2);
    TEST_OK(lone_event(&lone, &lone.b, change_event(&id, 2, &peer)));
    CU_ASSERT_EQUAL(mesh__core_status(lone.core, port, &culprit),
                    MESH_E_FAILED);
    CU_ASSERT_EQUAL(culprit.bytes[0], 0xd0);
    CU_ASSERT_EQUAL(culprit.bytes[15], 2);
    lone.n_outs = 0;
    lone_fini(&lone);
}

static void arrive(lone_t *lone, const mesh__res_data_t *res)
{
    mesh_id_t id = lone_id(0x11, 1);
    mesh_port_t *way = mesh__table_find(&lone->core->ports, &id);
    apr_uint64_t seq;

    if (way == NULL)
        way = lone_port(lone, 1, &lone->b);
    seq = way->next_recv;
    TEST_OK(lone_event(lone, &lone->b, wire_event_res(&id, 1, seq, res, 1)));
}

static mesh__res_data_t res_data(lone_t *lone, int last)
{
    mesh__res_data_t res;

    res.id = lone_id(0x33, last);
    res.next_local_seq = 2;
    res.old = lone_addr(&lone->b, 0x61);
    res.peer = lone_addr(&lone->c, 0x62);
    return res;
}

static mesh_port_t *find(lone_t *lone, const mesh_id_t *id)
{
    return mesh__table_find(&lone->core->ports, id);
}

/* The node that sent a port can say that it failed: its proxy is there. */
static void failure_from_old(void)
{
    mesh__res_data_t res;
    lone_t lone;

    lone_init(&lone);
    res = res_data(&lone, 1);
    arrive(&lone, &res);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_ACK_PORT, 0, 0, NULL);
    TEST_OK(lone_event(&lone, &lone.b, fail_event(&res.id, &lone.c)));
    CU_ASSERT_EQUAL(find(&lone, &res.id)->state, MESH__FAILED);
    lone_expect(&lone, &lone.c, &res.peer.port, MESH__EV_FAIL_PORT, 0, 0,
                NULL);
    lone_fini(&lone);
}

/* Ports that are Failed from the start. */
static void dead_on_arrival(void)
{
    mesh__res_data_t res;
    lone_t lone;

    lone_init(&lone);
    /* It was failed: nobody waits for an answer. */
    res = res_data(&lone, 1);
    memset(&res.peer.port, 0, sizeof(res.peer.port));
    arrive(&lone, &res);
    CU_ASSERT_EQUAL(find(&lone, &res.id)->state, MESH__FAILED);
    CU_ASSERT(mesh__id_equal(&find(&lone, &res.id)->culprit, &lone.c));
    CU_ASSERT_EQUAL(lone.n_outs, 0);
    /* Its peer was here. */
    res = res_data(&lone, 2);
    res.peer = lone_addr(&lone.self, 0x99);
    arrive(&lone, &res);
    CU_ASSERT_EQUAL(find(&lone, &res.id)->state, MESH__FAILED);
    lone_expect(&lone, &lone.b, &res.old.port, MESH__EV_FAIL_PORT, 0, 0, NULL);
    /* Its peer is itself. */
    res = res_data(&lone, 3);
    res.peer.node = lone.self;
    res.peer.port = res.id;
    arrive(&lone, &res);
    CU_ASSERT_EQUAL(find(&lone, &res.id)->state, MESH__FAILED);
    lone_expect(&lone, &lone.b, &res.old.port, MESH__EV_FAIL_PORT, 0, 0, NULL);
    /* It was here before itself: nothing of ours is told or acknowledged. */
    res = res_data(&lone, 4);
    res.old.node = lone.self;
    res.old.port = lone_id(0x11, 1);
    arrive(&lone, &res);
    CU_ASSERT_EQUAL(find(&lone, &res.id)->state, MESH__PEERED);
    CU_ASSERT_EQUAL(lone.n_outs, 0);
    lone_fini(&lone);
}

/* A node that is known to be lost, because something of its is still here. */
static void peer_known_lost(void)
{
    mesh_id_t id = lone_id(0x11, 1);
    mesh__res_data_t res;
    mesh_port_t *other;
    mesh__addr_t peer;
    lone_t lone;

    lone_init(&lone);
    other = lone_port(&lone, 7, &lone.c);
    TEST_OK(lone_simple(&lone, &lone.c, other, MESH__EV_MESSAGE, 1, 1));
    mesh__core_node_lost(lone.core, &lone.c);
    CU_ASSERT_EQUAL(mesh__core_status(lone.core, other, NULL), MESH_E_FAILED);
    res = res_data(&lone, 1);
    arrive(&lone, &res);
    CU_ASSERT_EQUAL(find(&lone, &res.id)->state, MESH__FAILED);
    lone_expect(&lone, &lone.b, &res.old.port, MESH__EV_FAIL_PORT, 0, 0, NULL);
    peer = lone_addr(&lone.c, 5);
    TEST_OK(lone_event(&lone, &lone.b, change_event(&id, 2, &peer)));
    CU_ASSERT_EQUAL(find(&lone, &id)->state, MESH__FAILED);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_ACK_CHANGE_PEER, 0, 1, NULL);
    /* When all of it is gone, it is forgotten. */
    lone_recv_text(&lone, other, "x");
    CU_ASSERT(!mesh__is_lost(lone.core, &lone.c));
    lone_fini(&lone);
}

/* An id that is there already spoils the event; the rest of it is closed. */
static void taken_id(void)
{
    mesh_id_t id = lone_id(0x11, 1);
    mesh__res_data_t res[3];
    mesh_port_t *way;
    lone_t lone;

    lone_init(&lone);
    way = lone_port(&lone, 1, &lone.b);
    res[0] = res_data(&lone, 1);
    res[1] = res_data(&lone, 1);
    res[2] = res_data(&lone, 2);
    CU_ASSERT_EQUAL(
        lone_event(&lone, &lone.b, wire_event_res(&id, 1, 1, res, 3)),
        MESH_E_PROTOCOL);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_ACK_PORT, 0, 0, NULL);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_ACK_PORT, 0, 0, NULL);
    lone_expect(&lone, &lone.c, NULL, MESH__EV_MESSAGE, 2, 2, NULL);
    lone_expect(&lone, &lone.c, NULL, MESH__EV_MESSAGE, 2, 2, NULL);
    res[0].id = id;
    CU_ASSERT_EQUAL(
        lone_event(&lone, &lone.b, wire_event_res(&id, 1, 1, res, 1)),
        MESH_E_PROTOCOL);
    TEST_OK(mesh__core_status(lone.core, way, NULL));
    CU_ASSERT_EQUAL(lone.n_outs, 0);
    lone_fini(&lone);
}

static mesh_message_t *with_handles(mesh_message_t *event, int n)
{
    static const intptr_t handles[4] = {3, 4, 5, 6};

    TEST_OK(mesh__message_handles_set(event, handles, n));
    return event;
}

/* Handles fit the event, or its port fails; none is lost on the way. */
static void handles(void)
{
    mesh_id_t id = lone_id(0x11, 1);
    mesh__res_data_t res[3];
    mesh_message_t *message, *event;
    mesh_port_t *way;
    lone_t lone;

    lone_init(&lone);
    memset(res, 0, sizeof(res));
    way = lone_port(&lone, 1, &lone.b);
    TEST_OK(lone_event(&lone, &lone.b,
                       with_handles(wire_event_res(&id, 1, 1, res, 2), 2)));
    TEST_OK(mesh__core_recv(lone.core, way, &message));
    CU_ASSERT_EQUAL(mesh__message_count_handles(message), 2);
    CU_ASSERT_EQUAL(message->res[1].u.handle, 4);
    mesh__message_free(message);
    for (int n = 1; n <= 3; n += 2) {
        CU_ASSERT_EQUAL(
            lone_event(&lone, &lone.b,
                       with_handles(
                           wire_event_res(&id, 1, way->next_recv, res, 2), n)),
            MESH_E_RESOURCE);
        CU_ASSERT_EQUAL(lone.n_dropped, n);
        lone.n_dropped = 0;
        lone_expect(&lone, &lone.b, NULL, MESH__EV_FAIL_PORT, 0, 0, NULL);
        lone_close(&lone, way);
        way = lone_port(&lone, 1, &lone.b);
    }
    /* The link could not take them in. */
    res[1] = res_data(&lone, 1);
    event = with_handles(wire_event_res(&id, 1, 1, res, 3), 1);
    event->handles_lost = 1;
    CU_ASSERT_EQUAL(lone_event(&lone, &lone.b, event), MESH_E_RESOURCE);
    CU_ASSERT_EQUAL(lone.n_dropped, 1);
    CU_ASSERT_EQUAL(mesh__core_status(lone.core, way, NULL), MESH_E_FAILED);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_ACK_PORT, 0, 0, NULL);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_FAIL_PORT, 0, 0, NULL);
    lone_expect(&lone, &lone.c, NULL, MESH__EV_FAIL_PORT, 0, 0, NULL);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 1);
    lone_fini(&lone);
}

/* What is dropped does nothing, but ports in it are closed. */
static void garbage(void)
{
    mesh_id_t id = lone_id(0x11, 1), unknown = lone_id(0x99, 1);
    mesh__res_data_t res;
    mesh_message_t *event;
    mesh_port_t *port;
    lone_t lone;

    lone_init(&lone);
    port = lone_port(&lone, 1, &lone.b);
    res = res_data(&lone, 1);
    CU_ASSERT_EQUAL(lone_event(&lone, &lone.self,
                               wire_event(&id, MESH__EV_MESSAGE, 1, 1, "", 0)),
                    MESH_E_PROTOCOL);
    CU_ASSERT_EQUAL(
        lone_event(&lone, &lone.b, wire_event(&id, 2, 0, 1, NULL, 0)),
        MESH_E_PROTOCOL);
    CU_ASSERT_EQUAL(
        lone_event(&lone, &lone.b,
                   wire_event(&id, MESH__EV_FAIL_PORT, 0, 0, "short", 5)),
        MESH_E_TRUNCATED);
    CU_ASSERT_EQUAL(
        lone_event(&lone, &lone.b,
                   wire_event(&id, MESH__EV_CHANGE_PEER, 0, 1, "short", 5)),
        MESH_E_TRUNCATED);
    event = wire_event(&id, MESH__EV_MESSAGE, 1, 1, "four", 4);
    event->event_len--;
    CU_ASSERT_EQUAL(lone_event(&lone, &lone.b, event), MESH_E_TRUNCATED);
    CU_ASSERT_EQUAL(lone.n_outs, 0);
    CU_ASSERT_EQUAL(
        lone_event(&lone, &lone.b, wire_event_res(&unknown, 1, 1, &res, 1)),
        MESH_E_UNKNOWN_PORT);
    event = wire_event_res(&id, 0, 1, &res, 1);
    event->event[16] = MESH__EV_ACK_CHANGE_PEER;
    res.id = lone_id(0x33, 2);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_ACK_PORT, 0, 0, NULL);
    lone_expect(&lone, &lone.c, NULL, MESH__EV_FAIL_PORT, 0, 0, NULL);
    CU_ASSERT_EQUAL(lone_event(&lone, &lone.b, event), MESH_E_PROTOCOL);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_ACK_PORT, 0, 0, NULL);
    lone_expect(&lone, &lone.c, NULL, MESH__EV_MESSAGE, 2, 2, NULL);
    /* Neither message nor close: only a number. */
    TEST_OK(lone_event(&lone, &lone.b,
                       wire_event(&id, MESH__EV_MESSAGE, 0, 1, "x", 1)));
    CU_ASSERT_EQUAL(lone_recv_status(&lone, port), APR_EAGAIN);
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1, 2));
    lone_recv_text(&lone, port, "x");
    lone_fini(&lone);
}

static void ports_limit(void)
{
    mesh_id_t id = lone_id(0x11, 1);
    mesh__res_data_t res[2];
    mesh_port_t *way;
    lone_t lone;

    lone_init(&lone);
    way = lone_port(&lone, 1, &lone.b);
    res[0] = res_data(&lone, 1);
    arrive(&lone, &res[0]);
    find(&lone, &res[0].id)->origin->n_ports = MESH__MAX_PORTS_FROM - 1;
    res[0] = res_data(&lone, 2);
    arrive(&lone, &res[0]);
    res[1] = res_data(&lone, 3);
    lone.n_outs = 0;
    CU_ASSERT_EQUAL(
        lone_event(&lone, &lone.b, wire_event_res(&id, 1, 3, &res[1], 1)),
        MESH_E_LIMIT);
    CU_ASSERT_PTR_NULL(find(&lone, &res[1].id));
    CU_ASSERT_EQUAL(mesh__core_status(lone.core, way, NULL), MESH_E_FAILED);
    find(&lone, &res[0].id)->origin->n_ports = 2;
    lone.n_outs = 0;
    lone_fini(&lone);
}

/* A foreign node has proxies of ours lead in a circle: 1 and 3 have 0 and 2
 * for peers, so joining 0 with 3 and 2 with 1 makes 0 forward to 2, and 2 to
 * 0, with numbers that fit for ever. */
static void circle(void)
{
    mesh_id_t id = lone_id(0x11, 1);
    mesh_port_t *ports[4];
    mesh_port_t *way;
    lone_t lone;

    lone_init(&lone);
    way = lone_port(&lone, 1, &lone.b);
    for (int i = 0; i < 4; i++) {
        mesh__res_data_t res = res_data(&lone, i);

        res.next_local_seq = 1;
        if (i % 2 == 1) {
            res.peer.node = lone.self;
            res.peer.port = lone_id(0x33, i - 1);
        }
        TEST_OK(
            lone_event(&lone, &lone.b,
                       wire_event_res(&id, 1, (apr_uint64_t)i + 1, &res, 1)));
        ports[i] = lone_recv_port(&lone, way);
    }
    TEST_OK(mesh__core_bridge(lone.core, &ports[0], &ports[3]));
    lone_drain(&lone);
    CU_ASSERT_EQUAL(mesh__core_n_moving(lone.core), 2);
    TEST_OK(mesh__core_bridge(lone.core, &ports[2], &ports[1]));
    lone_drain(&lone);
    lone.n_outs = 0;
    mesh__core_node_lost(lone.core, &lone.c);
    lone_close(&lone, way);
    lone.n_outs = 0;
    CU_ASSERT_EQUAL(mesh__core_n_moving(lone.core), 0);
    lone_fini(&lone);
}

/* A message that reaches no port of ours comes back as a failure. */
static void local_dead_end(void)
{
    mesh__res_data_t res;
    mesh_id_t id = lone_id(0x11, 1);
    mesh_port_t *way, *victim, *port;
    lone_t lone;

    lone_init(&lone);
    way = lone_port(&lone, 1, &lone.b);
    victim = lone_port(&lone, 2, &lone.c);
    res = res_data(&lone, 1);
    res.peer.node = lone.self;
    res.peer.port = lone_id(0x11, 2);
    res.next_local_seq = 10;
    TEST_OK(lone_event(&lone, &lone.b, wire_event_res(&id, 1, 1, &res, 1)));
    lone.n_outs = 0;
    port = lone_recv_port(&lone, way);
    lone_send(&lone, port, lone_text("early at the victim"));
    TEST_OK(mesh__core_status(lone.core, port, NULL));
    TEST_OK(mesh__core_status(lone.core, victim, NULL));
    mesh__core_fail(lone.core, victim);
    lone_drain(&lone);
    CU_ASSERT_EQUAL(lone_recv_status(&lone, port), MESH_E_FAILED);
    lone_close(&lone, port);
    lone_close(&lone, victim);
    lone_close(&lone, way);
    lone.n_outs = 0;
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 1); /* way */
    lone_fini(&lone);
}

/* All ports with an end there fail, and only those. The lost node is told
 * nothing, nor is the peer of a proxy, which knows where its target was and
 * may have acknowledged that already. */
static void node_loss(void)
{
    mesh_port_t *peered, *sending, *proxying, *way, *kept;
    mesh_id_t sending_peer, proxying_id = lone_id(0x11, 5);
    mesh_id_t culprit;
    lone_t lone;

    lone_init(&lone);
    kept = lone_port(&lone, 1, &lone.b);
    way = lone_port(&lone, 2, &lone.c);
    peered = lone_port(&lone, 3, &lone.c);
    sending = lone_port(&lone, 4, &lone.b);
    sending_peer = lone_addr(&lone.b, 4).port;
    proxying = lone_port(&lone, 5, &lone.b);
    lone_send(&lone, way, lone_with_port(sending));
    lone_send(&lone, way, lone_with_port(proxying));
    TEST_OK(lone_simple(&lone, &lone.c, proxying, MESH__EV_ACK_PORT, 0, 0));
    TEST_OK(lone_simple(&lone, &lone.c, peered, MESH__EV_MESSAGE, 1, 1));
    lone.n_outs = 0;
    lone.n_ready = 0;
    mesh__core_node_lost(lone.core, &lone.c);
    lone_drain(&lone);
    CU_ASSERT_EQUAL(lone.n_ready, 2);
    CU_ASSERT_EQUAL(lone.n_outs, 1);
    lone_expect(&lone, &lone.b, &sending_peer, MESH__EV_FAIL_PORT, 0, 0, NULL);
    CU_ASSERT_EQUAL(mesh__core_n_moving(lone.core), 0);
    TEST_OK(lone_event(
        &lone, &lone.b,
        wire_event(&proxying_id, MESH__EV_ACK_CHANGE_PEER, 0, 1, NULL, 0)));
    TEST_OK(mesh__core_status(lone.core, kept, NULL));
    lone_recv_text(&lone, peered, "x");
    CU_ASSERT_EQUAL(mesh__core_status(lone.core, peered, &culprit),
                    MESH_E_FAILED);
    CU_ASSERT(mesh__id_equal(&culprit, &lone.c));
    lone_close(&lone, way);
    lone_close(&lone, peered);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 1);
    lone_fini(&lone);
}

/* The only node that has said anything is lost. Another one was not heard yet,
 * but two ports of a joined pipe are on their way to it. */
static void loss_before_others_speak(void)
{
    mesh_port_t *way, *other, *ends[2], *sent[2];
    lone_t lone;

    lone_init(&lone);
    way = lone_port(&lone, 1, &lone.b);
    other = lone_port(&lone, 2, &lone.c);
    for (int i = 0; i < 2; i++) {
        TEST_OK(mesh__core_pair(lone.core, &ends[i], &sent[i]));
        lone_send(&lone, way, lone_with_port(sent[i]));
    }
    TEST_OK(mesh__core_bridge(lone.core, &ends[0], &ends[1]));
    TEST_OK(lone_simple(&lone, &lone.c, other, MESH__EV_MESSAGE, 1, 1));
    CU_ASSERT_EQUAL(mesh__core_n_moving(lone.core), 4);
    mesh__core_node_lost(lone.core, &lone.c);
    CU_ASSERT_EQUAL(mesh__core_n_moving(lone.core), 4);
    mesh__core_node_lost(lone.core, &lone.b);
    CU_ASSERT_EQUAL(mesh__core_n_moving(lone.core), 0);
    lone_close(&lone, way);
    lone_close(&lone, other);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    lone.n_outs = 0;
    lone_fini(&lone);
}

/* Both ends of a pipe are back on one node, but what was to tell them so is
 * lost with the node that they came from. */
static void loss_between(void)
{
    mesh__res_data_t res;
    mesh_port_t *way, *near_end, *far_end;
    mesh_id_t id = lone_id(0x11, 1);
    lone_t lone;

    lone_init(&lone);
    way = lone_port(&lone, 1, &lone.b);
    near_end = lone_port(&lone, 2, &lone.b);
    res = res_data(&lone, 1);
    res.peer.node = lone.self;
    res.peer.port = lone_id(0x11, 2);
    TEST_OK(lone_event(&lone, &lone.b, wire_event_res(&id, 1, 1, &res, 1)));
    far_end = lone_recv_port(&lone, way);
    lone.n_outs = 0;
    mesh__core_node_lost(lone.core, &lone.b);
    lone_drain(&lone);
    CU_ASSERT_EQUAL(lone_recv_status(&lone, near_end), MESH_E_FAILED);
    CU_ASSERT_EQUAL(lone_recv_status(&lone, far_end), MESH_E_FAILED);
    lone_close(&lone, near_end);
    lone_close(&lone, far_end);
    lone_close(&lone, way);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    lone_fini(&lone);
}

/* A port has sent its last message and waits for the other end, which has
 * ended here; what it sent may be under way by b. When c is lost, that is for
 * the holder to judge. */
static void loss_elsewhere(void)
{
    mesh_id_t id = lone_id(0x11, 1);
    mesh__addr_t gone;
    mesh_message_t *last;
    mesh_port_t *port, *other;
    lone_t lone;

    lone_init(&lone);
    port = lone_port(&lone, 1, &lone.b);
    other = lone_port(&lone, 2, &lone.c);
    gone = lone_addr(&lone.self, 0x99);
    last = lone_text("last");
    TEST_OK(mesh__core_send(lone.core, port, &last, 1));
    TEST_OK(lone_event(&lone, &lone.b, change_event(&id, 1, &gone)));
    lone.n_outs = 0;
    mesh__core_node_lost(lone.core, &lone.c);
    TEST_OK(mesh__core_status(lone.core, port, NULL));
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1, 2));
    lone_recv_text(&lone, port, "x");
    CU_ASSERT_EQUAL(lone_recv_status(&lone, port), APR_EAGAIN);
    lone_close(&lone, port);
    lone_close(&lone, other);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    lone_fini(&lone);
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"early_failure", early_failure},
        {"failure_from_old", failure_from_old},
        {"dead_on_arrival", dead_on_arrival},
        {"peer_known_lost", peer_known_lost},
        {"taken_id", taken_id},
        {"handles", handles},
        {"garbage", garbage},
        {"ports_limit", ports_limit},
        {"circle", circle},
        {"local_dead_end", local_dead_end},
        {"node_loss", node_loss},
        {"loss_before_others_speak", loss_before_others_speak},
        {"loss_between", loss_between},
        {"loss_elsewhere", loss_elsewhere},
        {NULL, NULL},
    };

    return test_main(argc, argv, "core_peer", cases);
}
