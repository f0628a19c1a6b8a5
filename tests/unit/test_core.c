/* Ports of one core: life, order, every state with every event, limits.
 * Moving is in test_core_move.c, what hostile nodes do in test_core_peer.c.
 */
#include "config.h"

#include "core_wire.h"
#include "harness.h"
#include "lone_core.h"

#include "port.h"

#include <stdio.h>
#include <string.h>

static void pair(void)
{
    mesh_port_t *a, *b;
    lone_t lone;

    lone_init(&lone);
    TEST_OK(mesh__core_pair(lone.core, &a, &b));
    CU_ASSERT_EQUAL(lone_recv_status(&lone, a), APR_EAGAIN);
    lone_send(&lone, a, lone_text("one"));
    lone_send(&lone, a, lone_text("two"));
    CU_ASSERT_EQUAL(lone.n_ready, 2); /* taken in between */
    lone_send(&lone, b, lone_text("back"));
    lone_close(&lone, a);
    CU_ASSERT_EQUAL(mesh__core_status(lone.core, b, NULL), MESH_E_CLOSED);
    lone_recv_text(&lone, b, "one");
    lone_recv_text(&lone, b, "two");
    CU_ASSERT_EQUAL(lone_recv_status(&lone, b), MESH_E_CLOSED);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 1);
    lone_send(&lone, b, lone_text("to nobody"));
    lone_close(&lone, b);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    lone_fini(&lone);
}

static void user_data(void)
{
    mesh_port_t *port, *other;
    mesh_id_t id, node;
    mesh__addr_t peer;
    apr_size_t waiting;
    lone_t lone;

    lone_init(&lone);
    mesh__core_user_set(lone.core, &lone);
    CU_ASSERT_PTR_EQUAL(mesh__core_user(lone.core), &lone);
    CU_ASSERT(mesh__id_equal(mesh__core_self(lone.core), &lone.self));
    port = lone_port(&lone, 1, &lone.b);
    CU_ASSERT_PTR_NULL(mesh__port_user(port));
    mesh__port_user_set(port, &id);
    CU_ASSERT_PTR_EQUAL(mesh__port_user(port), &id);
    CU_ASSERT_PTR_EQUAL(mesh__port_core(port), lone.core);
    CU_ASSERT_EQUAL(mesh__core_route(lone.core, port, &node, &waiting), 1);
    CU_ASSERT(mesh__id_equal(&node, &lone.b));
    id = lone_id(0x11, 1);
    peer = lone_addr(&lone.b, 2);
    CU_ASSERT_EQUAL(mesh__core_adopt(lone.core, &id, &peer, &other),
                    APR_EEXIST);
    lone_fini(&lone);
}

/* Where a message would go, and how much waits there. */
static void routes(void)
{
    mesh_port_t *a, *b, *way, *far_end;
    apr_size_t waiting;
    mesh_id_t node;
    lone_t lone;

    lone_init(&lone);
    TEST_OK(mesh__core_pair(lone.core, &a, &b));
    lone_send(&lone, a, lone_text("12345"));
    CU_ASSERT_EQUAL(mesh__core_route(lone.core, a, &node, &waiting), 0);
    CU_ASSERT_EQUAL(waiting, 6 + MESH__UNREAD_OVERHEAD);
    lone_recv_text(&lone, b, "12345");
    CU_ASSERT_EQUAL(mesh__core_route(lone.core, a, &node, &waiting), 0);
    CU_ASSERT_EQUAL(waiting, 0);
    /* The other end is on its way to c: what is sent now waits for it. */
    way = lone_port(&lone, 1, &lone.c);
    lone_send(&lone, way, lone_with_port(b));
    lone_send(&lone, a, lone_text("12345"));
    lone.n_outs = 0;
    CU_ASSERT_EQUAL(mesh__core_route(lone.core, a, &node, &waiting), 1);
    CU_ASSERT(mesh__id_equal(&node, &lone.c));
    CU_ASSERT_EQUAL(waiting, 6 + MESH__UNREAD_OVERHEAD);
    far_end = lone_port(&lone, 2, &lone.b);
    mesh__core_fail(lone.core, far_end);
    CU_ASSERT_EQUAL(mesh__core_route(lone.core, far_end, &node, &waiting), 0);
    lone_drain(&lone);
    lone.n_outs = 0;
    lone_fini(&lone);
}

static void resources_limit(void)
{
    mesh_message_t *message = lone_text("many");
    char text[MESH_ID_TEXT_LEN];
    mesh__res_t res;
    mesh_id_t id;

    res.kind = MESH__RES_HANDLE;
    res.u.handle = 3;
    for (int i = 0; i < MESH__MAX_RES; i++)
        TEST_OK(mesh__message_res_add(message, res));
    CU_ASSERT_EQUAL(mesh__message_res_add(message, res), MESH_E_LIMIT);
    CU_ASSERT_EQUAL(mesh__message_count_handles(message), MESH__MAX_RES);
    mesh__message_free(message);
    CU_ASSERT_PTR_NULL(mesh__message_alloc(SIZE_MAX));
    CU_ASSERT_PTR_NULL(mesh__message_alloc_event(SIZE_MAX));
    id = lone_id(0x0f, 0xa5);
    CU_ASSERT_STRING_EQUAL(mesh__id_text(&id, text),
                           "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0fa5");
}

/* READY comes once until it is taken, and not for a port that is closed. */
static void readiness(void)
{
    mesh_port_t *a, *b;
    mesh_message_t *message;
    mesh__out_t out;
    lone_t lone;

    lone_init(&lone);
    TEST_OK(mesh__core_pair(lone.core, &a, &b));
    for (int i = 0; i < 3; i++) {
        message = lone_text("x");
        TEST_OK(mesh__core_send(lone.core, a, &message, 0));
    }
    CU_ASSERT_EQUAL_FATAL(mesh__core_next(lone.core, &out), 1);
    CU_ASSERT_EQUAL(out.kind, MESH__OUT_READY);
    CU_ASSERT_PTR_EQUAL(out.port, b);
    CU_ASSERT_EQUAL(mesh__core_next(lone.core, &out), 0);
    message = lone_text("x");
    TEST_OK(mesh__core_send(lone.core, a, &message, 0));
    mesh__core_close(lone.core, &b);
    /* Only a, which has been closed. */
    CU_ASSERT_EQUAL_FATAL(mesh__core_next(lone.core, &out), 1);
    CU_ASSERT_PTR_EQUAL(out.port, a);
    CU_ASSERT_EQUAL(mesh__core_next(lone.core, &out), 0);
    lone_close(&lone, a);
    lone_fini(&lone);
}

/* A port in a message is not ready; taken out, it is if something waits. */
static void holding(void)
{
    mesh_port_t *a, *b, *c, *d, *got;
    lone_t lone;

    lone_init(&lone);
    TEST_OK(mesh__core_pair(lone.core, &a, &b));
    TEST_OK(mesh__core_pair(lone.core, &c, &d));
    lone_send(&lone, a, lone_with_port(d));
    lone.n_ready = 0;
    lone_send(&lone, c, lone_text("early"));
    CU_ASSERT_EQUAL(lone.n_ready, 0);
    got = lone_recv_port(&lone, b);
    CU_ASSERT_PTR_EQUAL(got, d);
    lone_drain(&lone);
    CU_ASSERT_EQUAL(lone.n_ready, 1);
    lone_recv_text(&lone, d, "early");
    mesh__core_hold(lone.core, d);
    lone_drain(&lone);
    CU_ASSERT_EQUAL(lone.n_ready, 1);
    lone_close(&lone, a);
    lone_close(&lone, b);
    lone_close(&lone, c);
    lone_close(&lone, d);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    lone_fini(&lone);
}

/* What is refused stays the caller's. */
static void refuse_send(lone_t *lone, mesh_port_t *port,
                        mesh_message_t *message)
{
    mesh_message_t *var = message;

    CU_ASSERT_EQUAL(mesh__core_send(lone->core, port, &var, 0), APR_EINVAL);
    CU_ASSERT_PTR_EQUAL(var, message);
    mesh__message_free(message);
}

static void refused_sends(void)
{
    mesh_port_t *a, *b, *c, *d, *remote;
    mesh_message_t *last;
    lone_t lone, other;

    lone_init(&lone);
    lone_init(&other);
    TEST_OK(mesh__core_pair(lone.core, &a, &b));
    TEST_OK(mesh__core_pair(other.core, &c, &d));
    remote = lone_port(&lone, 1, &lone.b);
    refuse_send(&lone, a, lone_with_port(a));
    refuse_send(&lone, a, lone_with_port(b));
    refuse_send(&lone, a, lone_with_port(c)); /* another node's */
    refuse_send(&lone, a, lone_with_port(NULL));
    refuse_send(&lone, a, lone_with_handle(MESH__HANDLE_NONE));
    last = lone_text("last");
    TEST_OK(mesh__core_send(lone.core, remote, &last, 1));
    lone_expect(&lone, &lone.b, NULL, MESH__EV_MESSAGE, 3, 1, NULL);
    refuse_send(&lone, remote, lone_text("after the last"));
    refuse_send(&lone, a, lone_with_port(remote));
    lone_close(&lone, a);
    lone_close(&lone, b);
    lone_close(&lone, remote);
    lone_fini(&other);
    lone_fini(&lone);
}

/* docs/PROTOCOL.md 2.2. */
static void order(void)
{
    mesh_port_t *port;
    mesh_id_t id = lone_id(0x11, 1);
    const char *texts[] = {"1", "2", "3", "4", "5"};
    const int arrival[] = {4, 2, 5, 1, 3};
    lone_t lone;

    lone_init(&lone);
    port = lone_port(&lone, 1, &lone.b);
    for (int i = 0; i < 5; i++) {
        const char *text = texts[arrival[i] - 1];

        TEST_OK(lone_event(&lone, &lone.b,
                           wire_event(&id, MESH__EV_MESSAGE, 1,
                                      (apr_uint64_t)arrival[i], text, 2)));
    }
    for (int i = 0; i < 5; i++)
        lone_recv_text(&lone, port, texts[i]);
    CU_ASSERT_EQUAL(lone_recv_status(&lone, port), APR_EAGAIN);
    lone_close(&lone, port);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_MESSAGE, 2, 1, NULL);
    lone_fini(&lone);
}

/* Numbers go on after 2^64 - 1. */
static void wrapping(void)
{
    mesh_port_t *port;
    lone_t lone;

    lone_init(&lone);
    port = lone_port(&lone, 1, &lone.b);
    port->next_recv = port->next_send = ~(apr_uint64_t)0;
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1, 0));
    CU_ASSERT_EQUAL(lone_recv_status(&lone, port), APR_EAGAIN);
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1,
                        ~(apr_uint64_t)0));
    lone_recv_text(&lone, port, "x");
    lone_recv_text(&lone, port, "x");
    lone_send(&lone, port, lone_text("y"));
    lone_send(&lone, port, lone_text("y"));
    lone_expect(&lone, &lone.b, NULL, MESH__EV_MESSAGE, 1, ~(apr_uint64_t)0,
                NULL);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_MESSAGE, 1, 0, NULL);
    CU_ASSERT_EQUAL(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1,
                                ~(apr_uint64_t)0),
                    MESH_E_PROTOCOL);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_FAIL_PORT, 0, 0, NULL);
    lone_fini(&lone);
}

/* Each side closes once, whoever is first (docs/PROTOCOL.md 2.3). */
static void closing(void)
{
    mesh_id_t peer = lone_id(0x50, 1);
    mesh_port_t *port;
    lone_t lone;

    lone_init(&lone);
    /* We are first. */
    port = lone_port(&lone, 1, &lone.b);
    lone_close(&lone, port);
    lone_expect(&lone, &lone.b, &peer, MESH__EV_MESSAGE, 2, 1, NULL);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 1);
    CU_ASSERT_EQUAL(mesh__core_n_closing(lone.core), 1);
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1, 1));
    CU_ASSERT_EQUAL(mesh__core_n_closing(lone.core), 1);
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 2, 2));
    CU_ASSERT_EQUAL(mesh__core_n_closing(lone.core), 0);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    /* They are first, with a last message. */
    port = lone_port(&lone, 1, &lone.b);
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 3, 1));
    lone_expect(&lone, &lone.b, &peer, MESH__EV_MESSAGE, 2, 1, NULL);
    CU_ASSERT_EQUAL(mesh__core_n_closing(lone.core), 0);
    lone_recv_text(&lone, port, "x");
    CU_ASSERT_EQUAL(lone_recv_status(&lone, port), MESH_E_CLOSED);
    lone_close(&lone, port);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    /* What waits behind a close breaks the protocol. */
    port = lone_port(&lone, 1, &lone.b);
    TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1, 2));
    CU_ASSERT_EQUAL(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 2, 1),
                    MESH_E_PROTOCOL);
    lone_expect(&lone, &lone.b, &peer, MESH__EV_MESSAGE, 2, 1, NULL);
    CU_ASSERT_EQUAL(lone_recv_status(&lone, port), MESH_E_FAILED);
    lone_close(&lone, port);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    lone_fini(&lone);
}

/* The last message can be sent and the port still be read. */
static void half_closing(void)
{
    mesh_port_t *a, *b;
    mesh_message_t *message;
    lone_t lone;

    lone_init(&lone);
    TEST_OK(mesh__core_pair(lone.core, &a, &b));
    lone_send(&lone, b, lone_text("before"));
    message = lone_text("last");
    TEST_OK(mesh__core_send(lone.core, a, &message, 1));
    lone_recv_text(&lone, b, "last");
    CU_ASSERT_EQUAL(lone_recv_status(&lone, b), MESH_E_CLOSED);
    lone_recv_text(&lone, a, "before");
    CU_ASSERT_EQUAL(lone_recv_status(&lone, a), MESH_E_CLOSED);
    lone_close(&lone, a);
    lone_close(&lone, b);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    lone_fini(&lone);
}

static void failing(void)
{
    mesh_port_t *a, *b;
    mesh_id_t culprit;
    lone_t lone;

    lone_init(&lone);
    TEST_OK(mesh__core_pair(lone.core, &a, &b));
    lone_send(&lone, a, lone_text("before"));
    mesh__core_fail(lone.core, a);
    CU_ASSERT_EQUAL(mesh__core_status(lone.core, b, &culprit), MESH_E_FAILED);
    CU_ASSERT(mesh__id_equal(&culprit, &lone.self));
    lone_recv_text(&lone, b, "before");
    CU_ASSERT_EQUAL(lone_recv_status(&lone, b), MESH_E_FAILED);
    CU_ASSERT_EQUAL(lone_recv_status(&lone, a), MESH_E_FAILED);
    mesh__core_fail(lone.core, a);
    lone_close(&lone, a);
    lone_close(&lone, b);
    /* One that is closed is failed for its holder only. */
    TEST_OK(mesh__core_pair(lone.core, &a, &b));
    lone_close(&lone, a);
    mesh__core_fail(lone.core, b);
    CU_ASSERT_EQUAL(lone_recv_status(&lone, b), MESH_E_FAILED);
    lone_close(&lone, b);
    /* A remote end hears of it. */
    a = lone_port(&lone, 1, &lone.b);
    mesh__core_fail(lone.core, a);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_FAIL_PORT, 0, 0, NULL);
    lone_close(&lone, a);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    lone_fini(&lone);
}

/* Make a port of the given state; its peer is on b, its target on c. A Done
 * or Failed one is held. */
static mesh_port_t *in_state(lone_t *lone, mesh__port_state_t state)
{
    mesh_port_t *port = lone_port(lone, 1, &lone->b);
    mesh_port_t *way;

    switch (state) {
    case MESH__PEERED:
        break;
    case MESH__SENDING:
    case MESH__PROXYING:
        way = lone_port(lone, 2, &lone->c);
        lone_send(lone, way, lone_with_port(port));
        if (state == MESH__PROXYING)
            TEST_OK(
                lone_simple(lone, &lone->c, port, MESH__EV_ACK_PORT, 0, 0));
        break;
    case MESH__DONE:
        TEST_OK(lone_simple(lone, &lone->b, port, MESH__EV_MESSAGE, 2, 1));
        break;
    case MESH__FAILED:
        mesh__core_fail(lone->core, port);
        break;
    }
    CU_ASSERT_EQUAL(port->state, state);
    lone_drain(lone);
    lone->n_outs = 0;
    return port;
}

enum { GONE = 100 };

typedef struct pair_t {
    mesh__port_state_t state;
    int type;
    int from_target;
    apr_status_t status;
    int new_state; /* GONE: freed */
    int n_sent;
} pair_t;

/* Every state with every event that has the next number. */
static const pair_t pairs[] = {
    {MESH__PEERED, MESH__EV_MESSAGE, 0, APR_SUCCESS, MESH__PEERED, 0},
    {MESH__PEERED, MESH__EV_CHANGE_PEER, 0, APR_SUCCESS, MESH__PEERED, 1},
    {MESH__PEERED, MESH__EV_ACK_CHANGE_PEER, 0, MESH_E_PROTOCOL, MESH__FAILED,
     1},
    {MESH__PEERED, MESH__EV_ACK_PORT, 0, MESH_E_PROTOCOL, MESH__PEERED, 0},
    {MESH__PEERED, MESH__EV_FAIL_PORT, 0, APR_SUCCESS, MESH__FAILED, 0},
    {MESH__PEERED, MESH__EV_FAIL_PORT, 1, APR_SUCCESS, MESH__PEERED, 0},
    {MESH__SENDING, MESH__EV_MESSAGE, 0, APR_SUCCESS, MESH__SENDING, 0},
    {MESH__SENDING, MESH__EV_CHANGE_PEER, 0, APR_SUCCESS, MESH__SENDING, 0},
    {MESH__SENDING, MESH__EV_ACK_CHANGE_PEER, 0, APR_SUCCESS, MESH__SENDING,
     0},
    {MESH__SENDING, MESH__EV_ACK_PORT, 0, MESH_E_PROTOCOL, MESH__SENDING, 0},
    {MESH__SENDING, MESH__EV_ACK_PORT, 1, APR_SUCCESS, MESH__PROXYING, 1},
    {MESH__SENDING, MESH__EV_FAIL_PORT, 0, APR_SUCCESS, GONE, 1},
    {MESH__SENDING, MESH__EV_FAIL_PORT, 1, APR_SUCCESS, GONE, 1},
    {MESH__PROXYING, MESH__EV_MESSAGE, 0, APR_SUCCESS, MESH__PROXYING, 1},
    {MESH__PROXYING, MESH__EV_CHANGE_PEER, 0, APR_SUCCESS, MESH__PROXYING, 1},
    {MESH__PROXYING, MESH__EV_ACK_CHANGE_PEER, 0, APR_SUCCESS, GONE, 0},
    {MESH__PROXYING, MESH__EV_ACK_PORT, 1, MESH_E_PROTOCOL, MESH__PROXYING, 0},
    {MESH__PROXYING, MESH__EV_FAIL_PORT, 0, APR_SUCCESS, GONE, 1},
    {MESH__PROXYING, MESH__EV_FAIL_PORT, 1, APR_SUCCESS, GONE, 1},
    {MESH__DONE, MESH__EV_MESSAGE, 0, MESH_E_PROTOCOL, MESH__DONE, 0},
    {MESH__DONE, MESH__EV_CHANGE_PEER, 0, MESH_E_PROTOCOL, MESH__DONE, 0},
    {MESH__DONE, MESH__EV_ACK_CHANGE_PEER, 0, MESH_E_PROTOCOL, MESH__DONE, 0},
    {MESH__DONE, MESH__EV_ACK_PORT, 0, MESH_E_PROTOCOL, MESH__DONE, 0},
    {MESH__DONE, MESH__EV_FAIL_PORT, 0, APR_SUCCESS, MESH__DONE, 0},
    {MESH__FAILED, MESH__EV_MESSAGE, 0, MESH_E_UNKNOWN_PORT, MESH__FAILED, 0},
    {MESH__FAILED, MESH__EV_CHANGE_PEER, 0, MESH_E_UNKNOWN_PORT, MESH__FAILED,
     0},
    {MESH__FAILED, MESH__EV_ACK_CHANGE_PEER, 0, MESH_E_UNKNOWN_PORT,
     MESH__FAILED, 0},
    {MESH__FAILED, MESH__EV_ACK_PORT, 0, APR_SUCCESS, MESH__FAILED, 0},
    {MESH__FAILED, MESH__EV_FAIL_PORT, 0, APR_SUCCESS, MESH__FAILED, 0},
};

static void every_pair(void)
{
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const pair_t *p = &pairs[i];
        mesh_id_t id = lone_id(0x11, 1);
        mesh_port_t *port;
        apr_status_t rv;
        int is_right;
        lone_t lone;

        lone_init(&lone);
        port = in_state(&lone, p->state);
        rv = lone_simple(&lone, p->from_target ? &lone.c : &lone.b, port,
                         p->type, 1,
                         p->type >= MESH__EV_ACK_PORT ? 0 : port->next_recv);
        port = mesh__table_find(&lone.core->ports, &id);
        is_right = rv == p->status && lone.n_outs == p->n_sent
                   && (port == NULL ? p->new_state == GONE
                                    : (int)port->state == p->new_state);
        if (!is_right)
            printf("state %d, event %d: status %d, sent %d\n", p->state,
                   p->type, rv, lone.n_outs);
        CU_ASSERT(is_right);
        lone.n_outs = 0;
        lone_fini(&lone);
    }
}

/* A number twice fails the port at both ends, in every state with order. */
static void duplicates(void)
{
    const mesh__port_state_t states[] = {MESH__PEERED, MESH__SENDING,
                                         MESH__PROXYING};
    mesh_id_t peer = lone_id(0x50, 1);

    for (int i = 0; i < 3; i++) {
        mesh_port_t *port;
        lone_t lone;

        lone_init(&lone);
        port = in_state(&lone, states[i]);
        CU_ASSERT_EQUAL(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1,
                                    port->next_recv - 1),
                        MESH_E_PROTOCOL);
        lone_expect(&lone, &lone.b, &peer, MESH__EV_FAIL_PORT, 0, 0, NULL);
        CU_ASSERT_EQUAL(lone.n_outs, states[i] == MESH__PEERED ? 0 : 1);
        CU_ASSERT_EQUAL(mesh__core_n_moving(lone.core), 0);
        lone.n_outs = 0;
        lone_fini(&lone);
    }
    /* Among the early ones it is seen when its turn comes. */
    {
        mesh_port_t *port;
        lone_t lone;

        lone_init(&lone);
        port = in_state(&lone, MESH__PEERED);
        for (int i = 0; i < 2; i++)
            TEST_OK(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1, 2));
        CU_ASSERT_EQUAL(
            lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1, 1),
            MESH_E_PROTOCOL);
        lone_expect(&lone, &lone.b, &peer, MESH__EV_FAIL_PORT, 0, 0, NULL);
        lone_fini(&lone);
    }
}

static void early_limit(void)
{
    mesh_port_t *port;
    lone_t lone;

    lone_init(&lone);
    port = lone_port(&lone, 1, &lone.b);
    for (int i = 0; i < MESH__MAX_EARLY; i++)
        if (lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1,
                        (apr_uint64_t)i + 2)
            != APR_SUCCESS)
            CU_FAIL_FATAL("refused below the limit");
    CU_ASSERT_EQUAL(lone_simple(&lone, &lone.b, port, MESH__EV_MESSAGE, 1,
                                MESH__MAX_EARLY + 2),
                    MESH_E_LIMIT);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_FAIL_PORT, 0, 0, NULL);
    CU_ASSERT_EQUAL(lone_recv_status(&lone, port), MESH_E_FAILED);
    lone_fini(&lone);
}

/* All that the node sends counts, wherever it waits; what is received or
 * dropped does not. */
static void unread_limit(void)
{
    mesh_port_t *first, *second;
    apr_size_t cost = MESH__EVENT_HEAD_LEN + 2 + MESH__UNREAD_OVERHEAD;
    lone_t lone;

    lone_init(&lone);
    mesh__core_unread_limit_set(lone.core, 3 * cost);
    first = lone_port(&lone, 1, &lone.b);
    second = lone_port(&lone, 2, &lone.b);
    TEST_OK(lone_simple(&lone, &lone.b, first, MESH__EV_MESSAGE, 1, 1));
    TEST_OK(lone_simple(&lone, &lone.b, first, MESH__EV_MESSAGE, 1, 3));
    TEST_OK(lone_simple(&lone, &lone.b, second, MESH__EV_MESSAGE, 1, 1));
    lone_recv_text(&lone, second, "x");
    TEST_OK(lone_simple(&lone, &lone.b, second, MESH__EV_MESSAGE, 1, 2));
    TEST_OK(lone_simple(&lone, &lone.c, second, MESH__EV_MESSAGE, 1, 9));
    CU_ASSERT_EQUAL(
        lone_simple(&lone, &lone.b, second, MESH__EV_MESSAGE, 1, 3),
        MESH_E_LIMIT);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_FAIL_PORT, 0, 0, NULL);
    TEST_OK(mesh__core_status(lone.core, first, NULL));
    CU_ASSERT_EQUAL(mesh__core_status(lone.core, second, NULL), MESH_E_FAILED);
    lone_close(&lone, first);
    lone_close(&lone, second);
    lone.n_outs = 0;
    /* One message may be larger than all. */
    first = lone_port(&lone, 3, &lone.c);
    mesh__core_unread_limit_set(lone.core, 1);
    TEST_OK(lone_simple(&lone, &lone.c, first, MESH__EV_MESSAGE, 1, 1));
    CU_ASSERT_EQUAL(lone_simple(&lone, &lone.c, first, MESH__EV_MESSAGE, 1, 2),
                    MESH_E_LIMIT);
    lone.n_outs = 0;
    lone_fini(&lone);
}

/* Handles of messages that nobody took come back. */
static void ending(void)
{
    mesh_port_t *a, *b, *remote;
    lone_t lone;

    lone_init(&lone);
    TEST_OK(mesh__core_pair(lone.core, &a, &b));
    remote = in_state(&lone, MESH__PEERED);
    lone_send(&lone, a, lone_with_handle(7));
    lone_send(&lone, a, lone_with_port(remote));
    CU_ASSERT_EQUAL(lone.n_dropped, 0);
    mesh__core_end(lone.core);
    lone_drain(&lone);
    CU_ASSERT_EQUAL(lone.n_dropped, 1);
    CU_ASSERT_EQUAL(lone.n_outs, 0);
    CU_ASSERT_EQUAL(mesh__core_status(lone.core, a, NULL), MESH_E_FAILED);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 2);
    lone_close(&lone, a);
    lone_fini(&lone);
}

/* Many ports, so that the table grows and closes gaps. */
static void many_ports(void)
{
    enum { N = 5000 };
    static mesh_port_t *ports[2 * N];
    lone_t lone;

    lone_init(&lone);
    for (int i = 0; i < N; i++)
        TEST_OK(mesh__core_pair(lone.core, &ports[i], &ports[N + i]));
    for (int i = 0; i < N; i++)
        if (i % 3 != 0) {
            lone_close(&lone, ports[i]);
            lone_close(&lone, ports[N + i]);
        }
    for (int i = 0; i < N; i += 3) {
        lone_send(&lone, ports[i], lone_text("x"));
        lone_recv_text(&lone, ports[N + i], "x");
        lone_close(&lone, ports[i]);
        lone_close(&lone, ports[N + i]);
    }
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    lone_fini(&lone);
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"pair", pair},
        {"user_data", user_data},
        {"routes", routes},
        {"resources_limit", resources_limit},
        {"readiness", readiness},
        {"holding", holding},
        {"refused_sends", refused_sends},
        {"order", order},
        {"wrapping", wrapping},
        {"closing", closing},
        {"half_closing", half_closing},
        {"failing", failing},
        {"every_pair", every_pair},
        {"duplicates", duplicates},
        {"early_limit", early_limit},
        {"unread_limit", unread_limit},
        {"ending", ending},
        {"many_ports", many_ports},
        {NULL, NULL},
    };

    return test_main(argc, argv, "core", cases);
}
