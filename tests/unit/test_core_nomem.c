/* Out of memory at every allocation of the core. Linked with --wrap for
 * malloc, calloc and realloc: from a given allocation on, all fail. */
#include "config.h"

#include "core_wire.h"
#include "harness.h"
#include "lone_core.h"

#include "port.h"

#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static int n_left = -1; /* allocations until they fail; -1: they do not */
static int has_failed;

static int fails(void)
{
    if (n_left < 0)
        return 0;
    if (n_left > 0) {
        n_left--;
        return 0;
    }
    has_failed = 1;
    return 1;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

static void fail_after(int n)
{
    n_left = n;
    has_failed = 0;
}

/* Returns whether any failed. */
static int fail_no_more(void)
{
    n_left = -1;
    return has_failed;
}

/* One case for each number of allocations that go well, until all do. */
static void each(int (*attempt)(lone_t *lone, int n))
{
    int n = 0, failed;

    do {
        lone_t lone;

        lone_init(&lone);
        failed = attempt(&lone, n);
        lone.n_outs = 0;
        lone_fini(&lone);
        n++;
    } while (failed && n < 200);
    CU_ASSERT(!failed);
    CU_ASSERT(n > 1);
}

static int try_create(lone_t *lone, int n)
{
    mesh__core_t *core = NULL;
    apr_status_t rv;
    int failed;

    fail_after(n);
    rv = mesh__core_create(&core, &lone->self, lone->core->random, lone);
    failed = fail_no_more();
    CU_ASSERT_EQUAL(rv, failed ? APR_ENOMEM : APR_SUCCESS);
    CU_ASSERT_EQUAL(core == NULL, failed);
    if (core != NULL)
        mesh__core_destroy(core);
    return failed;
}

static int try_pair(lone_t *lone, int n)
{
    mesh_port_t *a = NULL, *b = NULL;
    apr_status_t rv;
    int failed;

    fail_after(n);
    rv = mesh__core_pair(lone->core, &a, &b);
    failed = fail_no_more();
    CU_ASSERT_EQUAL(rv, failed ? APR_ENOMEM : APR_SUCCESS);
    CU_ASSERT_EQUAL(a == NULL && b == NULL, failed);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone->core), failed ? 0 : 2);
    return failed;
}

static int try_adopt(lone_t *lone, int n)
{
    mesh_id_t id = lone_id(0x11, 1);
    mesh__addr_t peer = lone_addr(&lone->b, 1);
    mesh_port_t *port = NULL;
    apr_status_t rv;
    int failed;

    fail_after(n);
    rv = mesh__core_adopt(lone->core, &id, &peer, &port);
    failed = fail_no_more();
    CU_ASSERT_EQUAL(rv, failed ? APR_ENOMEM : APR_SUCCESS);
    CU_ASSERT_EQUAL(port == NULL, failed);
    return failed;
}

static void add_port(mesh_message_t *message, mesh_port_t *port)
{
    mesh__res_t res;

    res.kind = MESH__RES_PORT;
    res.u.port = port;
    TEST_OK(mesh__message_res_add(message, res));
}

/* Fill the table of ports until the next one makes it grow. */
static void fill_table(lone_t *lone)
{
    const mesh__table_t *table = &lone->core->ports;

    for (int i = 100; table->n < table->n_slots / 4 * 3; i++)
        (void)lone_port(lone, i, &lone->b);
}

/* A message with a handle and open, closed and failed ports. */
static mesh_message_t *compose(lone_t *lone, mesh_port_t **ret_open,
                               mesh_port_t **ret_closed)
{
    mesh_message_t *message = lone_with_handle(7);
    mesh_port_t *failed, *other;

    TEST_OK(mesh__core_pair(lone->core, ret_closed, &other));
    lone_close(lone, other);
    failed = lone_port(lone, 10, &lone->b);
    mesh__core_fail(lone->core, failed);
    *ret_open = lone_port(lone, 11, &lone->b);
    add_port(message, *ret_open);
    add_port(message, *ret_closed);
    add_port(message, failed);
    lone_drain(lone);
    lone->n_outs = 0;
    return message;
}

static int try_send(lone_t *lone, int n)
{
    mesh_port_t *way = lone_port(lone, 1, &lone->c);
    mesh_port_t *open, *closed;
    mesh_message_t *message = compose(lone, &open, &closed);
    apr_status_t rv;
    int failed;

    fill_table(lone);
    fail_after(n);
    rv = mesh__core_send(lone->core, way, &message, 0);
    failed = fail_no_more();
    CU_ASSERT_EQUAL(rv, failed ? APR_ENOMEM : APR_SUCCESS);
    lone_drain(lone);
    if (failed) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(message);
        CU_ASSERT_EQUAL(message->n_res, 4);
        CU_ASSERT_EQUAL(lone->n_outs, 0);
        CU_ASSERT_EQUAL(open->state, MESH__PEERED);
        CU_ASSERT_EQUAL(closed->state, MESH__DONE);
        lone_send(lone, way, message);
    }
    CU_ASSERT_EQUAL(lone->n_outs, 1);
    CU_ASSERT_EQUAL(lone->outs[0].head.n_res, 4);
    CU_ASSERT_EQUAL(lone->outs[0].n_handles, 1);
    CU_ASSERT_EQUAL(mesh__core_n_moving(lone->core), 2);
    return failed;
}

/* Two ports with unread messages that hold ports; and a closed one. */
static int try_bridge(lone_t *lone, int n)
{
    mesh_port_t *a = lone_port(lone, 1, &lone->c);
    mesh_port_t *b, *far_end, *open, *closed;
    mesh_message_t *message = compose(lone, &open, &closed);
    apr_status_t rv;
    int failed;

    TEST_OK(mesh__core_pair(lone->core, &b, &far_end));
    lone_send(lone, far_end, message);
    lone_close(lone, far_end);
    lone->n_outs = 0;
    fill_table(lone);
    fail_after(n);
    rv = mesh__core_bridge(lone->core, &a, &b);
    failed = fail_no_more();
    CU_ASSERT_EQUAL(rv, failed ? APR_ENOMEM : APR_SUCCESS);
    lone_drain(lone);
    if (failed) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(a);
        CU_ASSERT_PTR_NOT_NULL_FATAL(b);
        CU_ASSERT_EQUAL(lone->n_outs, 0);
        CU_ASSERT_EQUAL(open->state, MESH__PEERED);
        TEST_OK(mesh__core_bridge(lone->core, &a, &b));
        lone_drain(lone);
    }
    /* The message, the close, and CHANGE_PEER. */
    CU_ASSERT_EQUAL(lone->n_outs, 3);
    return failed;
}

static int try_arrival(lone_t *lone, int n)
{
    static const intptr_t handles[] = {3};
    mesh_port_t *way = lone_port(lone, 1, &lone->b);
    mesh_id_t id = lone_id(0x11, 1);
    mesh__res_data_t res[3];
    mesh_message_t *event;
    apr_status_t rv;
    int failed, n_ports;

    fill_table(lone);
    memset(res, 0, sizeof(res));
    for (int i = 0; i < 2; i++) {
        res[i].id = lone_id(0x33, i);
        res[i].old = lone_addr(&lone->b, 0x61);
        res[i].peer = lone_addr(&lone->c, 0x62);
    }
    event = wire_event_res(&id, 1, 1, res, 3);
    TEST_OK(mesh__message_handles_set(event, handles, 1));
    n_ports = mesh__core_n_ports(lone->core);
    fail_after(n);
    rv = mesh__core_event(lone->core, &lone->b, &event);
    failed = fail_no_more();
    CU_ASSERT_EQUAL(rv, failed ? APR_ENOMEM : APR_SUCCESS);
    CU_ASSERT_PTR_NULL(event);
    lone_drain(lone);
    CU_ASSERT_EQUAL(lone->n_dropped, failed);
    CU_ASSERT_EQUAL(lone->n_outs, failed ? 0 : 2);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone->core),
                    failed ? n_ports : n_ports + 2);
    CU_ASSERT_EQUAL(way->inbox.first == NULL, failed);
    return failed;
}

/* The first event of a node. */
static int try_stranger(lone_t *lone, int n)
{
    mesh_id_t id = lone_id(0x11, 1);
    mesh_port_t *port = lone_port(lone, 1, &lone->b);
    mesh_message_t *event = wire_event(&id, MESH__EV_MESSAGE, 1, 1, "x", 2);
    apr_status_t rv;
    int failed;

    fail_after(n);
    rv = mesh__core_event(lone->core, &lone->b, &event);
    failed = fail_no_more();
    CU_ASSERT_EQUAL(rv, failed ? APR_ENOMEM : APR_SUCCESS);
    CU_ASSERT_PTR_NULL(event);
    if (!failed)
        lone_recv_text(lone, port, "x");
    return failed;
}

static int try_message(lone_t *lone, int n)
{
    static const intptr_t handles[] = {3};
    mesh_message_t *message;
    mesh__res_t res;
    apr_status_t rv = APR_ENOMEM;
    int failed;

    (void)lone;
    res.kind = MESH__RES_HANDLE;
    res.u.handle = 3;
    fail_after(n);
    message = mesh__message_alloc(10);
    if (message != NULL)
        rv = mesh__message_handles_set(message, handles, 1);
    for (int i = 0; i < 6 && rv == APR_SUCCESS; i++)
        rv = mesh__message_res_add(message, res);
    failed = fail_no_more();
    CU_ASSERT_EQUAL(rv, failed ? APR_ENOMEM : APR_SUCCESS);
    if (message != NULL) {
        CU_ASSERT(failed || message->n_res == 6);
        mesh__message_free(message);
    }
    return failed;
}

/* A port whose unread message holds ports is acknowledged: if what is in it
 * cannot be sent on, the port fails at both ends. */
static int try_proxy(lone_t *lone, int n)
{
    mesh_port_t *way = lone_port(lone, 1, &lone->c);
    mesh_port_t *port = lone_port(lone, 2, &lone->b);
    mesh_id_t id = lone_id(0x11, 2);
    mesh__res_data_t res;
    mesh_message_t *ack;
    apr_status_t rv;
    int failed;

    memset(&res, 0, sizeof(res));
    res.id = lone_id(0x33, 1);
    res.old = lone_addr(&lone->b, 0x61);
    res.peer = lone_addr(&lone->c, 0x62);
    TEST_OK(lone_simple(lone, &lone->c, way, MESH__EV_MESSAGE, 1, 1));
    TEST_OK(lone_event(lone, &lone->b, wire_event_res(&id, 1, 1, &res, 1)));
    lone_send(lone, way, lone_with_port(port));
    lone->n_outs = 0;
    ack = wire_event(&id, MESH__EV_ACK_PORT, 0, 0, NULL, 0);
    fail_after(n);
    rv = mesh__core_event(lone->core, &lone->c, &ack);
    failed = fail_no_more();
    CU_ASSERT_EQUAL(rv, APR_SUCCESS);
    lone_drain(lone);
    if (failed) {
        lone_expect(lone, &lone->b, NULL, MESH__EV_FAIL_PORT, 0, 0, NULL);
        lone_expect(lone, &lone->c, NULL, MESH__EV_FAIL_PORT, 0, 0, NULL);
        CU_ASSERT_EQUAL(mesh__core_n_moving(lone->core), 0);
    }
    else {
        lone_expect(lone, &lone->c, NULL, MESH__EV_MESSAGE, 1, 1, NULL);
        lone_expect(lone, &lone->b, NULL, MESH__EV_CHANGE_PEER, 0, 1, NULL);
        CU_ASSERT_EQUAL(mesh__core_n_moving(lone->core), 2);
    }
    return failed;
}

/* What has no way to report it needs no memory: ports end, move and fail. */
static void without_memory(void)
{
    mesh_id_t ids[4];
    mesh_port_t *way, *ports[4], *a, *b;
    mesh_message_t *events[4];
    apr_status_t rvs[4];
    lone_t lone;

    lone_init(&lone);
    way = lone_port(&lone, 9, &lone.c);
    for (int i = 0; i < 4; i++) {
        ids[i] = lone_id(0x11, i);
        ports[i] = lone_port(&lone, i, &lone.b);
    }
    TEST_OK(mesh__core_pair(lone.core, &a, &b));
    TEST_OK(lone_simple(&lone, &lone.b, ports[0], MESH__EV_MESSAGE, 1, 1));
    TEST_OK(lone_simple(&lone, &lone.c, way, MESH__EV_MESSAGE, 1, 1));
    lone_send(&lone, way, lone_with_port(ports[0]));
    lone_send(&lone, way, lone_with_port(ports[1]));
    lone.n_outs = 0;
    events[0] = wire_event(&ids[0], MESH__EV_ACK_PORT, 0, 0, NULL, 0);
    events[1] = wire_event(&ids[1], MESH__EV_FAIL_PORT, 0, 0, lone.b.bytes,
                           MESH__FAIL_PORT_LEN);
    events[2] = wire_event(&ids[2], MESH__EV_MESSAGE, 2, 1, NULL, 0);
    events[3] = wire_event(&ids[3], MESH__EV_ACK_CHANGE_PEER, 0, 1, NULL, 0);
    fail_after(0);
    rvs[0] = mesh__core_event(lone.core, &lone.c, &events[0]);
    for (int i = 1; i < 4; i++)
        rvs[i] = mesh__core_event(lone.core, &lone.b, &events[i]);
    mesh__core_close(lone.core, &a);
    mesh__core_fail(lone.core, b);
    mesh__core_close(lone.core, &b);
    mesh__core_node_lost(lone.core, &lone.c);
    mesh__core_close(lone.core, &way);
    (void)fail_no_more();
    CU_ASSERT_EQUAL(rvs[0], APR_SUCCESS);
    CU_ASSERT_EQUAL(rvs[1], APR_SUCCESS);
    CU_ASSERT_EQUAL(rvs[2], APR_SUCCESS);
    CU_ASSERT_EQUAL(rvs[3], MESH_E_PROTOCOL);
    lone_expect(&lone, &lone.c, NULL, MESH__EV_MESSAGE, 1, 1, NULL);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_CHANGE_PEER, 0, 1, NULL);
    lone_expect(&lone, &lone.c, NULL, MESH__EV_FAIL_PORT, 0, 0, NULL);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_MESSAGE, 2, 1, NULL);
    lone_expect(&lone, &lone.b, NULL, MESH__EV_FAIL_PORT, 0, 0, NULL);
    CU_ASSERT_EQUAL(lone.n_outs, 0);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 2); /* closed, failed */
    lone_close(&lone, ports[2]);
    lone_close(&lone, ports[3]);
    CU_ASSERT_EQUAL(mesh__core_n_ports(lone.core), 0);
    lone_fini(&lone);
}

static void every_allocation(void)
{
    each(try_create);
    each(try_pair);
    each(try_adopt);
    each(try_send);
    each(try_bridge);
    each(try_arrival);
    each(try_stranger);
    each(try_message);
    each(try_proxy);
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"every_allocation", every_allocation},
        {"without_memory", without_memory},
        {NULL, NULL},
    };

    return test_main(argc, argv, "core_nomem", cases);
}
