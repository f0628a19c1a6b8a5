/* Clients of a listener, with the loop and with time. */
#include "config.h"

#include "ends.h"
#include "harness.h"

#include <pal/pal.h>

#include <apr_strings.h>

#include <string.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define LIMIT (10 * APR_USEC_PER_SEC) /* of what must not last this long */

/* A listener with a loop, and what it accepts. */
typedef struct server_t {
    const char *path;
    pal_loop_t *loop;
    pal_listener_t *listener;
    int n; /* calls */
    int n_accepted;
    apr_status_t status;
    int closes;
} server_t;

static void on_client(void *baton, pal_listener_t *listener)
{
    server_t *server = baton;
    pal_handle_t end;
    pal_peer_t peer;

    server->n++;
    while ((server->status = pal_listener_accept(listener, &end, &peer))
           == APR_SUCCESS) {
        server->n_accepted++;
        pal_handle_close(&end);
    }
    if (server->closes)
        pal_listener_close(listener);
}

static void serve(server_t *server, int backlog)
{
    memset(server, 0, sizeof(*server));
    server->path = apr_pstrcat(test_pool(), test_dir(), "/server", NULL);
    TEST_OK(pal_loop_create(&server->loop, test_pool()));
    TEST_OK(pal_listener_create(&server->listener, PAL_LISTEN_CHANNEL,
                                test_pool()));
    TEST_OK(pal_listener_backlog_set(server->listener, backlog));
    TEST_OK(pal_listener_open(server->listener, server->path));
}

static void end_server(server_t *server)
{
    pal_listener_close(server->listener);
    pal_loop_destroy(server->loop);
}

static apr_status_t try_connect(server_t *server, apr_interval_time_t timeout)
{
    pal_handle_t end = PAL_HANDLE_NONE;
    apr_status_t rv =
        pal_connect(&end, PAL_LISTEN_CHANNEL, server->path, timeout, NULL);

    pal_handle_close(&end);
    return rv;
}

static void fill(server_t *server)
{
    apr_status_t rv;

    while ((rv = try_connect(server, 0)) == APR_SUCCESS)
        continue;
    CU_ASSERT_TRUE(APR_STATUS_IS_TIMEUP(rv));
}

static void watches(void)
{
    server_t server;

    serve(&server, 5);
    pal_listener_close(server.listener);
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(
        pal_listener_watch(server.listener, server.loop, on_client, &server)));
    TEST_OK(pal_listener_open(server.listener, server.path));
    TEST_OK(
        pal_listener_watch(server.listener, server.loop, on_client, &server));
    CU_ASSERT_TRUE(APR_STATUS_IS_EEXIST(
        pal_listener_watch(server.listener, server.loop, on_client, &server)));
    CU_ASSERT_EQUAL(pal_loop_step(server.loop, 0), APR_TIMEUP);
    TEST_OK(try_connect(&server, 0));
    TEST_OK(try_connect(&server, 0));
    TEST_OK(pal_loop_step(server.loop, LIMIT));
    CU_ASSERT_EQUAL(server.n, 1);
    CU_ASSERT_EQUAL(server.n_accepted, 2);
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(server.status));
    TEST_OK(pal_listener_watch(server.listener, NULL, NULL, NULL));
    TEST_OK(try_connect(&server, 0));
    CU_ASSERT_EQUAL(pal_loop_step(server.loop, 0), APR_TIMEUP);
    TEST_OK(
        pal_listener_watch(server.listener, server.loop, on_client, &server));
    server.closes = 1;
    TEST_OK(pal_loop_step(server.loop, LIMIT));
    CU_ASSERT_EQUAL(server.n_accepted, 3);
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(try_connect(&server, 0)));
    end_server(&server);
}

/* No descriptor for a client: it goes on waiting, without calls all the
 * time. */
static void no_numbers(void)
{
    struct rlimit before, lowered;
    pal_handle_t client;
    server_t server;

    if (test_in_valgrind()) /* which lowers the limit for itself only */
        return;
    serve(&server, 5);
    TEST_OK(
        pal_listener_watch(server.listener, server.loop, on_client, &server));
    TEST_OK(pal_connect(&client, PAL_LISTEN_CHANNEL, server.path, 0, NULL));
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    lowered = before;
    lowered.rlim_cur = (rlim_t)lowest_free();
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &lowered), 0);
    TEST_OK(pal_loop_step(server.loop, LIMIT));
    CU_ASSERT_TRUE(APR_STATUS_IS_EMFILE(server.status));
    CU_ASSERT_EQUAL(pal_loop_step(server.loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(server.n, 1);
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (server.n == 1)
        TEST_OK(pal_loop_step(server.loop, LIMIT));
    CU_ASSERT_EQUAL(server.n_accepted, 1);
    pal_handle_close(&client);
    end_server(&server);
}

static void on_alarm(int number)
{
    (void)number;
}

/* No room: a client waits as long as it said, whatever signals come. */
static void full(void)
{
    struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    struct sigaction action, before;
    server_t server;

    serve(&server, 1);
    fill(&server);
    CU_ASSERT_TRUE(APR_STATUS_IS_TIMEUP(try_connect(&server, 10000)));
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_alarm;
    CU_ASSERT_EQUAL_FATAL(sigaction(SIGALRM, &action, &before), 0);
    CU_ASSERT_EQUAL_FATAL(setitimer(ITIMER_REAL, &often, NULL), 0);
    CU_ASSERT_TRUE(APR_STATUS_IS_TIMEUP(try_connect(&server, 50000)));
    CU_ASSERT_EQUAL(setitimer(ITIMER_REAL, &never, NULL), 0);
    CU_ASSERT_EQUAL(sigaction(SIGALRM, &before, NULL), 0);
    end_server(&server);
}

static void refused(void)
{
    const char *folder = test_dir();
    server_t server;

    serve(&server, 5);
    pal_listener_close(server.listener);
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(try_connect(&server, LIMIT)));
    server.path = apr_pstrcat(test_pool(), folder, "/no/where", NULL);
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(try_connect(&server, LIMIT)));
    server.path = folder;
    CU_ASSERT_EQUAL(try_connect(&server, LIMIT), PAL_E_KIND);
    end_server(&server);
}

typedef struct client_t {
    pal_connector_t *connector;
    int n;
    apr_status_t status;
    pal_handle_t end;
    pal_peer_t peer;
    int takes, closes;
} client_t;

static void on_end(void *baton, apr_status_t status, pal_handle_t *end,
                   const pal_peer_t *peer)
{
    client_t *client = baton;

    client->n++;
    client->status = status;
    client->peer = *peer;
    if (client->takes) {
        client->end = *end;
        *end = PAL_HANDLE_NONE;
    }
    if (client->closes)
        pal_connector_close(&client->connector);
}

static int is_called(void *baton)
{
    return ((client_t *)baton)->n > 0;
}

static void start(client_t *client, const server_t *server,
                  apr_interval_time_t timeout)
{
    memset(client, 0, sizeof(*client));
    client->end = PAL_HANDLE_NONE;
    TEST_OK(pal_connector_open(&client->connector, PAL_LISTEN_CHANNEL,
                               server->path, server->loop, timeout, on_end,
                               client));
    CU_ASSERT_EQUAL(client->n, 0);
}

static void connectors(void)
{
    server_t server;
    client_t client;

    serve(&server, 5);
    start(&client, &server, LIMIT);
    client.takes = 1;
    TEST_OK(pal_loop_run_until(server.loop, is_called, &client, LIMIT));
    TEST_OK(client.status);
    CU_ASSERT_EQUAL(client.peer.pid, getpid());
    CU_ASSERT_TRUE(client.end != PAL_HANDLE_NONE);
    pal_handle_close(&client.end);
    pal_connector_close(&client.connector);
    pal_connector_close(&client.connector); /* none: nothing happens */

    start(&client, &server, 0); /* the end is not taken */
    client.closes = 1;
    TEST_OK(pal_loop_run_until(server.loop, is_called, &client, LIMIT));
    TEST_OK(client.status);
    CU_ASSERT_PTR_NULL(client.connector);

    start(&client, &server, -1); /* given up */
    pal_connector_close(&client.connector);
    CU_ASSERT_EQUAL(pal_loop_step(server.loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(client.n, 0);

    pal_listener_close(server.listener);
    start(&client, &server, -1);
    TEST_OK(pal_loop_run_until(server.loop, is_called, &client, LIMIT));
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(client.status));
    CU_ASSERT_EQUAL(client.peer.pid, -1);
    pal_connector_close(&client.connector);
    CU_ASSERT_EQUAL(pal_loop_step(server.loop, 0), APR_TIMEUP);
    end_server(&server);
}

/* No room: until there is some, or the time is up. */
static void waits(void)
{
    server_t server;
    client_t client;
    pal_handle_t end;
    pal_peer_t peer;

    serve(&server, 1);
    fill(&server);
    start(&client, &server, 0);
    TEST_OK(pal_loop_run_until(server.loop, is_called, &client, LIMIT));
    CU_ASSERT_TRUE(APR_STATUS_IS_TIMEUP(client.status));
    pal_connector_close(&client.connector);
    start(&client, &server, 20000);
    TEST_OK(pal_loop_run_until(server.loop, is_called, &client, LIMIT));
    CU_ASSERT_TRUE(APR_STATUS_IS_TIMEUP(client.status));
    CU_ASSERT_EQUAL(client.end, PAL_HANDLE_NONE);
    pal_connector_close(&client.connector);

    start(&client, &server, LIMIT);
    TEST_OK(pal_loop_step(server.loop, LIMIT));
    TEST_OK(pal_loop_step(server.loop, LIMIT));
    CU_ASSERT_EQUAL(client.n, 0);
    TEST_OK(pal_listener_accept(server.listener, &end, &peer));
    pal_handle_close(&end);
    TEST_OK(pal_loop_run_until(server.loop, is_called, &client, LIMIT));
    TEST_OK(client.status);
    pal_connector_close(&client.connector);
    end_server(&server);
}

static const test_case_t cases[] = {
    {"watches", watches}, {"no_numbers", no_numbers}, {"full", full},
    {"refused", refused}, {"connectors", connectors}, {"waits", waits},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal_connect", cases);
}
