/* Ports across two nodes: bytes, handles, moves, limits, ends, waiting. */
#include "config.h"

#include "harness.h"
#include "two_nodes.h"

#include <apr_thread_proc.h>

#include <stdlib.h>
#include <string.h>

#define DEADLINE apr_time_from_sec(10)

static unsigned char *pattern(apr_size_t len)
{
    unsigned char *data = apr_palloc(test_pool(), len + 1);
    apr_size_t i;

    for (i = 0; i < len; i++)
        data[i] = (unsigned char)(i * 7 + i / 251);
    return data;
}

static void local_pair(void)
{
    mesh_port_t *a, *b;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_port_pair(n.leader, &a, &b));
    assert_passes(a, b, "to b", 4);
    assert_passes(b, a, "to a", 4);
    assert_passes(b, a, "", 0);
    CU_ASSERT_EQUAL(mesh_port_status(a), APR_SUCCESS);
    mesh_port_close(&b);
    CU_ASSERT_EQUAL(mesh_port_status(a), MESH_E_CLOSED);
    mesh_port_close(&a);
    two_nodes_end(&n);
}

static void sizes_across(void)
{
    static const apr_size_t sizes[] = {0,     1,     16335,  16336,
                                       16337, 40000, 1048576};
    two_nodes_t n;
    unsigned i;

    two_nodes_start(&n);
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_passes(n.ours, n.theirs, pattern(sizes[i]), sizes[i]);
        assert_passes(n.theirs, n.ours, pattern(sizes[i]), sizes[i]);
    }
    two_nodes_end(&n);
}

/* Put `count` handles in a message of `len` bytes. */
static mesh_message_t *with_handles(int count, apr_size_t len)
{
    mesh_message_t *message;
    pal_handle_t ends[2];

    TEST_OK(mesh_message_create(&message, pattern(len), len));
    while (count-- > 0) {
        TEST_OK(pal_handle_pipe(ends));
        pal_handle_close(&ends[1]);
        TEST_OK(mesh_message_handle_put(message, &ends[0]));
        CU_ASSERT_EQUAL(ends[0], PAL_HANDLE_NONE);
    }
    return message;
}

static void pass_handles(two_nodes_t *n, int count, apr_size_t len)
{
    mesh_message_t *message = with_handles(count, len);
    pal_handle_t handle;
    pal_handle_kind_t kind;
    int i;

    TEST_OK(mesh_port_send(n->ours, &message));
    CU_ASSERT_PTR_NULL_FATAL(message);
    TEST_OK(mesh_port_recv(n->theirs, DEADLINE, &message));
    CU_ASSERT_EQUAL_FATAL(mesh_message_n_resources(message), count);
    for (i = 0; i < count; i += 2) { /* the rest is closed with the message */
        TEST_OK(mesh_message_handle_take(message, i, &handle));
        TEST_OK(pal_handle_kind(handle, &kind));
        CU_ASSERT_EQUAL(kind, PAL_HANDLE_PIPE);
        CU_ASSERT_EQUAL(mesh_message_handle_take(message, i, &handle),
                        MESH_E_RESOURCE);
        pal_handle_close(&handle);
    }
    mesh_message_destroy(&message);
}

static void handles_across(void)
{
    mesh_message_t *message;
    two_nodes_t n;

    two_nodes_start(&n);
    pass_handles(&n, 1, 10);
    pass_handles(&n, MESH_MAX_HANDLES, 10);
    pass_handles(&n, MESH_MAX_HANDLES, 100000); /* and the region */
    message = with_handles(MESH_MAX_HANDLES + 1, 10);
    CU_ASSERT_EQUAL(mesh_port_send(n.ours, &message), MESH_E_LIMIT);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message); /* nothing is lost */
    CU_ASSERT_EQUAL(mesh_message_n_resources(message), MESH_MAX_HANDLES + 1);
    mesh_message_destroy(&message);
    assert_passes(n.ours, n.theirs, "alive", 5);
    two_nodes_end(&n);
}

static void close_across(void)
{
    mesh_message_t *message = NULL;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_message_create(&message, "last", 4));
    TEST_OK(mesh_port_send_last(&n.ours, &message));
    CU_ASSERT_PTR_NULL(n.ours);
    TEST_OK(mesh_port_recv(n.theirs, DEADLINE, &message));
    mesh_message_destroy(&message);
    CU_ASSERT_EQUAL(mesh_port_recv(n.theirs, DEADLINE, &message),
                    MESH_E_CLOSED);
    TEST_OK(mesh_port_send_bytes(n.theirs, "dropped", 7));
    two_nodes_end(&n);
}

/* A port goes over with messages waiting at it, and comes back with more. */
static void move_there_and_back(void)
{
    mesh_message_t *message = NULL;
    mesh_port_t *near_end, *far_end;
    apr_size_t len;
    two_nodes_t n;
    int i, round;

    two_nodes_start(&n);
    TEST_OK(mesh_port_pair(n.leader, &near_end, &far_end));
    for (round = 0; round < 10; round++) {
        mesh_port_t *from = round % 2 ? n.theirs : n.ours;
        mesh_port_t *to = round % 2 ? n.ours : n.theirs;

        for (i = 0; i < 20; i++) {
            unsigned char byte = (unsigned char)(round * 20 + i);

            if (i == 10) {
                TEST_OK(mesh_message_create(&message, NULL, 0));
                TEST_OK(mesh_message_port_put(message, &far_end));
                TEST_OK(mesh_port_send(from, &message));
            }
            TEST_OK(mesh_port_send_bytes(near_end, &byte, 1));
        }
        TEST_OK(mesh_port_recv(to, DEADLINE, &message));
        TEST_OK(mesh_message_port_take(message, 0, &far_end));
        mesh_message_destroy(&message);
        for (i = 0; i < 20; i++) {
            TEST_OK(mesh_port_recv(far_end, DEADLINE, &message));
            CU_ASSERT_EQUAL_FATAL(
                *(unsigned char *)mesh_message_data(message, &len),
                (unsigned char)(round * 20 + i));
            mesh_message_destroy(&message);
        }
        assert_passes(far_end, near_end, "back", 4);
    }
    mesh_port_close(&near_end);
    CU_ASSERT_EQUAL(mesh_port_recv(far_end, DEADLINE, &message),
                    MESH_E_CLOSED);
    mesh_port_close(&far_end);
    two_nodes_end(&n);
}

static void bridge_across(void)
{
    mesh_port_t *a1, *b1, *a2, *b2;
    mesh_message_t *message = NULL;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_port_pair(n.leader, &a1, &b1));
    TEST_OK(mesh_port_pair(n.leader, &a2, &b2));
    TEST_OK(mesh_message_create(&message, NULL, 0));
    TEST_OK(mesh_message_port_put(message, &a1));
    TEST_OK(mesh_message_port_put(message, &a2));
    TEST_OK(mesh_port_send(n.ours, &message));
    TEST_OK(mesh_port_recv(n.theirs, DEADLINE, &message));
    TEST_OK(mesh_message_port_take(message, 0, &a1));
    TEST_OK(mesh_message_port_take(message, 1, &a2));
    mesh_message_destroy(&message);
    TEST_OK(mesh_port_send_bytes(b1, "before", 6));
    TEST_OK(mesh_port_bridge(&a1, &a2));
    CU_ASSERT_PTR_NULL(a1);
    CU_ASSERT_PTR_NULL(a2);
    TEST_OK(mesh_port_recv(b2, DEADLINE, &message));
    mesh_message_destroy(&message);
    assert_passes(b2, b1, "across", 6);
    TEST_OK(mesh_port_pair(n.leader, &a1, &a2));
    CU_ASSERT_EQUAL(mesh_port_bridge(&a1, &a2), MESH_E_CIRCULAR);
    CU_ASSERT_PTR_NOT_NULL(a1);
    mesh_port_close(&a1);
    mesh_port_close(&a2);
    mesh_port_close(&b1);
    mesh_port_close(&b2);
    two_nodes_end(&n);
}

static void note_writable(void *baton, mesh_port_t *port)
{
    (void)port;
    ++*(int *)baton;
}

/* Nobody reads: sends are refused at the limit, with nothing lost, and may go
 * on when the other side has caught up. */
static void busy_and_writable(void)
{
    mesh_message_t *message = NULL;
    int sent = 0, writable = 0, got = 0;
    apr_status_t rv;
    two_nodes_t n;

    two_nodes_start(&n);
    mesh_node_limits_set(n.leader, 1 << 20, 64 << 20);
    while ((rv = mesh_port_send_bytes(n.ours, pattern(8000), 8000))
           == APR_SUCCESS)
        sent++;
    CU_ASSERT_EQUAL(rv, MESH_E_BUSY);
    CU_ASSERT(sent > 100 && sent < 1000);
    TEST_OK(mesh_port_writable_set(n.ours, note_writable, &writable));
    CU_ASSERT_EQUAL(writable, 0);
    while (got < sent) {
        TEST_OK(mesh_port_recv(n.theirs, DEADLINE, &message));
        mesh_message_destroy(&message);
        got++;
    }
    two_nodes_settle(&n);
    CU_ASSERT_EQUAL(writable, 1);
    assert_passes(n.ours, n.theirs, "goes on", 7);
    two_nodes_end(&n);
}

/* What one node sends and this one does not read has a limit: the port that
 * exceeds it fails at both ends, the link goes on. */
static void unread_limit(void)
{
    mesh_port_t *near_end, *far_end;
    mesh_message_t *message = NULL;
    two_nodes_t n;
    int i;

    two_nodes_start(&n);
    mesh_node_limits_set(n.follower, 64 << 20, 1 << 20);
    TEST_OK(mesh_port_pair(n.leader, &near_end, &far_end));
    TEST_OK(mesh_message_create(&message, NULL, 0));
    TEST_OK(mesh_message_port_put(message, &far_end));
    TEST_OK(mesh_port_send(n.ours, &message));
    TEST_OK(mesh_port_recv(n.theirs, DEADLINE, &message));
    TEST_OK(mesh_message_port_take(message, 0, &far_end));
    mesh_message_destroy(&message);
    two_nodes_settle(&n);
    for (i = 0; i < 100 && mesh_port_status(near_end) == APR_SUCCESS; i++) {
        TEST_OK(mesh_port_send_bytes(near_end, pattern(30000), 30000));
        two_nodes_settle(&n);
    }
    CU_ASSERT(i > 20 && i < 40);
    CU_ASSERT_EQUAL(mesh_port_status(near_end), MESH_E_FAILED);
    CU_ASSERT_EQUAL(mesh_port_status(far_end), MESH_E_FAILED);
    mesh_port_close(&near_end);
    mesh_port_close(&far_end);
    assert_passes(n.ours, n.theirs, "alive", 5);
    two_nodes_end(&n);
}

/* Unread handles count for far more than their bytes: a process has few. */
static void unread_handles(void)
{
    mesh_message_t *message = NULL;
    two_nodes_t n;
    int i;

    two_nodes_start(&n);
    two_nodes_settle(&n);
    for (i = 0; i < 100 && mesh_port_status(n.ours) == APR_SUCCESS; i++) {
        message = with_handles(10, 1);
        TEST_OK(mesh_port_send(n.ours, &message));
        two_nodes_settle(&n);
    }
    CU_ASSERT(i > 10 && i < 30);
    CU_ASSERT_EQUAL(mesh_port_status(n.ours), MESH_E_FAILED);
    CU_ASSERT_EQUAL(mesh_port_status(n.theirs), MESH_E_FAILED);
    two_nodes_end(&n);
}

/* A single message above the limit never gets its memory. */
static void unread_limit_at_once(void)
{
    mesh_message_t *message = NULL;
    two_nodes_t n;

    two_nodes_start(&n);
    mesh_node_limits_set(n.follower, 64 << 20, 1 << 20);
    TEST_OK(mesh_port_send_bytes(n.ours, pattern(2 << 20), 2 << 20));
    CU_ASSERT_EQUAL(mesh_port_recv(n.theirs, DEADLINE, &message),
                    MESH_E_FAILED);
    CU_ASSERT_EQUAL(mesh_port_recv(n.ours, DEADLINE, &message), MESH_E_FAILED);
    two_nodes_end(&n);
}

static void count_ready(void *baton, mesh_port_t *port)
{
    mesh_message_t *message = NULL;

    ++*(int *)baton;
    while (mesh_port_recv(port, 0, &message) == APR_SUCCESS)
        mesh_message_destroy(&message);
}

static void ready_callbacks(void)
{
    int ready = 0;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_port_send_bytes(n.ours, "early", 5));
    two_nodes_settle(&n);
    TEST_OK(mesh_port_ready_set(n.theirs, count_ready, &ready));
    CU_ASSERT_EQUAL(ready, 0); /* never from inside */
    two_nodes_settle(&n);
    CU_ASSERT_EQUAL(ready, 1);
    TEST_OK(mesh_port_send_bytes(n.ours, "more", 4));
    two_nodes_settle(&n);
    CU_ASSERT_EQUAL(ready, 2);
    TEST_OK(mesh_port_ready_set(n.theirs, NULL, NULL));
    TEST_OK(mesh_port_send_bytes(n.ours, "unheard", 7));
    two_nodes_settle(&n);
    CU_ASSERT_EQUAL(ready, 2);
    TEST_OK(mesh_port_ready_set(n.theirs, count_ready, &ready));
    mesh_port_close(&n.ours);
    two_nodes_settle(&n);
    CU_ASSERT(ready >= 3); /* the end is an event too */
    two_nodes_end(&n);
}

typedef struct reentrant_t {
    mesh_port_t *other;
    apr_status_t blocking, polling;
} reentrant_t;

static void block_inside(void *baton, mesh_port_t *port)
{
    reentrant_t *r = baton;
    mesh_message_t *message = NULL;

    (void)port;
    r->blocking = mesh_port_recv(r->other, DEADLINE, &message);
    r->polling = mesh_port_recv(r->other, 0, &message);
}

static void blocking_inside_callback(void)
{
    reentrant_t r = {NULL, APR_SUCCESS, APR_SUCCESS};
    mesh_port_t *a, *b;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_port_pair(n.leader, &a, &b));
    r.other = n.theirs;
    TEST_OK(mesh_port_ready_set(b, block_inside, &r));
    TEST_OK(mesh_port_send_bytes(a, "go", 2));
    two_nodes_settle(&n);
    CU_ASSERT_EQUAL(r.blocking, MESH_E_REENTRANT);
    CU_ASSERT(APR_STATUS_IS_TIMEUP(r.polling));
    mesh_port_close(&a);
    mesh_port_close(&b);
    two_nodes_end(&n);
}

static void timeouts(void)
{
    mesh_message_t *message = NULL;
    two_nodes_t n;

    two_nodes_start(&n);
    CU_ASSERT(APR_STATUS_IS_TIMEUP(mesh_port_recv(n.ours, 0, &message)));
    CU_ASSERT(APR_STATUS_IS_TIMEUP(mesh_port_recv(n.ours, 2000, &message)));
    CU_ASSERT_PTR_NULL(message);
    two_nodes_end(&n);
}

typedef struct echo_t {
    mesh_port_t *port;
    int n;
    apr_status_t status;
} echo_t;

/* On a thread of its own: blocks until the loop's thread delivers. */
static void *APR_THREAD_FUNC echo_thread(apr_thread_t *thread, void *baton)
{
    echo_t *echo = baton;
    mesh_message_t *message = NULL;

    while (echo->status == APR_SUCCESS && echo->n-- > 0) {
        echo->status = mesh_port_recv(echo->port, DEADLINE, &message);
        if (echo->status == APR_SUCCESS)
            echo->status = mesh_port_send(echo->port, &message);
        mesh_message_destroy(&message);
    }
    test_thread_exit(thread);
}

static void blocking_on_other_thread(void)
{
    echo_t echo = {NULL, 200, APR_SUCCESS};
    apr_thread_t *thread;
    apr_status_t joined;
    two_nodes_t n;
    int i;

    two_nodes_start(&n);
    echo.port = n.theirs;
    TEST_OK(apr_thread_create(&thread, NULL, echo_thread, &echo, test_pool()));
    for (i = 0; i < 200; i++)
        assert_passes(n.ours, n.ours, pattern(100), 100);
    TEST_OK(apr_thread_join(&joined, thread));
    TEST_OK(echo.status);
    two_nodes_end(&n);
}

/* The other node is gone without a word. */
static void node_lost(void)
{
    mesh_message_t *message = NULL;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_port_send_bytes(n.theirs, "last words", 10));
    mesh_port_close(&n.theirs);
    two_nodes_settle(&n);
    mesh_node_destroy(&n.follower);
    n.theirs = NULL;
    TEST_OK(mesh_port_recv(n.ours, DEADLINE, &message));
    mesh_message_destroy(&message);
    CU_ASSERT_EQUAL(mesh_port_recv(n.ours, DEADLINE, &message), MESH_E_CLOSED);
    mesh_port_close(&n.ours);
    mesh_node_destroy(&n.leader);
    pal_loop_destroy(n.loop);
}

static void node_lost_with_open_port(void)
{
    mesh_message_t *message = NULL;
    two_nodes_t n;

    two_nodes_start(&n);
    mesh_node_destroy(&n.follower);
    CU_ASSERT_EQUAL(mesh_port_recv(n.ours, DEADLINE, &message), MESH_E_FAILED);
    mesh_port_close(&n.ours);
    mesh_node_destroy(&n.leader);
    pal_loop_destroy(n.loop);
}

static void bad_arguments(void)
{
    mesh_message_t *message = NULL;
    mesh_port_t *none = NULL, *a, *b;
    pal_handle_t no_handle = PAL_HANDLE_NONE;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_message_create(&message, "x", 1));
    CU_ASSERT_EQUAL(mesh_message_port_put(message, &none), APR_EINVAL);
    CU_ASSERT_EQUAL(mesh_message_handle_put(message, &no_handle), APR_EINVAL);
    CU_ASSERT_EQUAL(mesh_message_port_take(message, 0, &none),
                    MESH_E_RESOURCE);
    CU_ASSERT_EQUAL(mesh_message_port_take(message, -1, &none),
                    MESH_E_RESOURCE);
    TEST_OK(mesh_port_pair(n.leader, &a, &b));
    b = a;
    TEST_OK(mesh_message_port_put(message, &b));
    CU_ASSERT_EQUAL(mesh_port_send(a, &message), APR_EINVAL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    mesh_message_destroy(&message);
    mesh_message_destroy(&message);
    mesh_port_close(&none);
    two_nodes_end(&n);
}

static void ignore_event(void *baton, const pal_log_event_t *event)
{
    (void)baton;
    (void)event;
}

/* What it was given, and whose the ports are. */
static void belongings(void)
{
    mesh_node_t *node = NULL;
    mesh_port_t *a, *b;
    pal_loop_t *loop;
    pal_log_t *log;
    two_nodes_t n;

    TEST_OK(pal_loop_create(&loop, test_pool()));
    TEST_OK(
        pal_log_create(&log, PAL_LOG_ERROR, ignore_event, NULL, test_pool()));
    TEST_OK(mesh_node_create(&node, loop, log, test_pool()));
    CU_ASSERT_PTR_EQUAL(mesh_node_log(node), log);
    CU_ASSERT_PTR_EQUAL(mesh_node_loop(node), loop);
    TEST_OK(mesh_port_pair(node, &a, &b));
    CU_ASSERT_PTR_EQUAL(mesh_port_node(a), node);
    CU_ASSERT_PTR_EQUAL(mesh_port_node(b), node);
    mesh_port_close(&a);
    mesh_port_close(&b);
    TEST_OK(mesh_node_shutdown(node, DEADLINE));
    mesh_node_destroy(&node);
    pal_loop_destroy(loop);

    two_nodes_start(&n);
    CU_ASSERT_PTR_NULL(mesh_node_log(n.leader));
    CU_ASSERT_PTR_EQUAL(mesh_port_node(n.ours), n.leader);
    CU_ASSERT_PTR_EQUAL(mesh_port_node(n.theirs), n.follower);
    two_nodes_end(&n);
}

/* By its user: at both ends, and no others. */
static void failed_port(void)
{
    mesh_message_t *message = NULL;
    mesh_port_t *a, *b;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_port_pair(n.leader, &a, &b));
    mesh_port_fail(n.ours);
    CU_ASSERT_EQUAL(mesh_port_status(n.ours), MESH_E_FAILED);
    CU_ASSERT_EQUAL(mesh_port_recv(n.theirs, DEADLINE, &message),
                    MESH_E_FAILED);
    assert_passes(a, b, "alive", 5);
    mesh_port_close(&a);
    mesh_port_close(&b);
    two_nodes_end(&n);
}

static const test_case_t cases[] = {
    {"local_pair", local_pair},
    {"sizes_across", sizes_across},
    {"handles_across", handles_across},
    {"close_across", close_across},
    {"move_there_and_back", move_there_and_back},
    {"bridge_across", bridge_across},
    {"busy_and_writable", busy_and_writable},
    {"unread_limit", unread_limit},
    {"unread_handles", unread_handles},
    {"unread_limit_at_once", unread_limit_at_once},
    {"ready_callbacks", ready_callbacks},
    {"blocking_inside_callback", blocking_inside_callback},
    {"timeouts", timeouts},
    {"blocking_on_other_thread", blocking_on_other_thread},
    {"node_lost", node_lost},
    {"node_lost_with_open_port", node_lost_with_open_port},
    {"bad_arguments", bad_arguments},
    {"belongings", belongings},
    {"failed_port", failed_port},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "node", cases);
}
