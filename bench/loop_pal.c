/* Two processes that talk by channels of pal. */
#include "config.h"

#include "bench.h"
#include "loop_bench.h"

#include <pal/pal.h>

#include <string.h>

#include <sys/socket.h>

#define POLL_WINDOW 50 /* microseconds */

static char buffer[LARGE];

typedef struct end_t {
    apr_pool_t *pool;
    pal_loop_t *loop;
    pal_channel_t *channel;
    pal_handle_t right; /* to be sent along, or NONE */
    int len;
    int n_left;
    double start;
} end_t;

static void open_end(end_t *end, int fd, int len, int events,
                     pal_watch_fn_t fn)
{
    pal_handle_t handle = fd;

    memset(end, 0, sizeof(*end));
    end->right = PAL_HANDLE_NONE;
    end->len = len;
    BENCH_CHECK(apr_pool_create(&end->pool, NULL) == 0);
    BENCH_CHECK(pal_loop_create(&end->loop, end->pool) == 0);
    BENCH_CHECK(pal_channel_open(&end->channel, &handle) == 0);
    BENCH_CHECK(pal_channel_watch(end->channel, end->loop, events, fn, end)
                == 0);
}

static void close_end(end_t *end)
{
    pal_channel_close(&end->channel);
    pal_loop_destroy(end->loop);
    apr_pool_destroy(end->pool);
}

/* With all processors in sight, or it would not poll. */
static void let_poll(end_t *end, bench_place_t place)
{
    bench_place(BENCH_ANYWHERE);
    BENCH_CHECK(pal_loop_busy_poll_set(end->loop, POLL_WINDOW) == 0);
    bench_place(place);
}

static apr_status_t send_one(end_t *end)
{
    pal_bytes_t bytes;

    bytes.data = buffer;
    bytes.len = (apr_size_t)end->len;
    return pal_channel_send(end->channel, &bytes, 1, &end->right,
                            end->right != PAL_HANDLE_NONE);
}

static apr_status_t receive_one(end_t *end)
{
    pal_handle_t handles[PAL_CHANNEL_MAX_HANDLES];
    apr_size_t len;
    apr_status_t rv;
    int n_handles;

    rv = pal_channel_recv(end->channel, buffer, sizeof(buffer), &len, handles,
                          &n_handles);
    if (rv == APR_SUCCESS && n_handles > 0)
        pal_handle_close(&handles[0]);
    return rv;
}

static int is_over(void *baton)
{
    return ((const end_t *)baton)->n_left == 0;
}

static void run(end_t *end)
{
    BENCH_CHECK(pal_loop_run_until(end->loop, is_over, end, -1) == 0);
}

static void on_ping(void *baton, int events)
{
    end_t *end = baton;

    (void)events;
    if (receive_one(end) == APR_SUCCESS)
        (void)send_one(end);
    else
        end->n_left = 0;
}

static void serve(int fd)
{
    end_t end;

    open_end(&end, fd, SMALL, PAL_READABLE, on_ping);
    end.n_left = 1;
    run(&end);
}

static void serve_polling(int fd)
{
    end_t end;

    open_end(&end, fd, SMALL, PAL_READABLE, on_ping);
    let_poll(&end, BENCH_SECOND);
    end.n_left = 1;
    run(&end);
}

static void on_pong(void *baton, int events)
{
    end_t *end = baton;

    (void)events;
    BENCH_CHECK(receive_one(end) == 0);
    if (--end->n_left > 0)
        BENCH_CHECK(send_one(end) == 0);
}

static double time_pings(end_t *end, int n)
{
    double start = bench_now();

    end->n_left = n;
    BENCH_CHECK(send_one(end) == 0);
    run(end);
    start = bench_now() - start;
    close_end(end);
    return start;
}

static double ping(int fd, int n)
{
    end_t end;

    open_end(&end, fd, SMALL, PAL_READABLE, on_pong);
    return time_pings(&end, n);
}

static double ping_polling(int fd, int n)
{
    end_t end;

    open_end(&end, fd, SMALL, PAL_READABLE, on_pong);
    let_poll(&end, BENCH_FIRST);
    return time_pings(&end, n);
}

static void on_room(void *baton, int events)
{
    end_t *end = baton;
    apr_status_t rv;

    (void)events;
    do {
        rv = send_one(end);
    } while (rv == APR_SUCCESS);
    if (!APR_STATUS_IS_EAGAIN(rv))
        end->n_left = 0;
}

static void send_stream(int fd, int len)
{
    end_t end;

    open_end(&end, fd, len, PAL_WRITABLE, on_room);
    end.n_left = 1;
    run(&end);
}

static void send_rights(int fd, int len)
{
    end_t end;

    open_end(&end, fd, len, PAL_WRITABLE, on_room);
    BENCH_CHECK(pal_handle_dup(0, &end.right) == 0);
    end.n_left = 1;
    run(&end);
}

static void on_data(void *baton, int events)
{
    end_t *end = baton;
    apr_status_t rv = APR_SUCCESS;

    (void)events;
    while (end->n_left > 0 && (rv = receive_one(end)) == APR_SUCCESS) {
        if (end->start == 0)
            end->start = bench_now();
        else
            end->n_left--;
    }
    BENCH_CHECK(rv == APR_SUCCESS || APR_STATUS_IS_EAGAIN(rv));
}

static double receive_stream(int fd, int len, int n)
{
    double time;
    end_t end;

    open_end(&end, fd, len, PAL_READABLE, on_data);
    end.n_left = n;
    run(&end);
    time = bench_now() - end.start;
    close_end(&end);
    return time;
}

const transport_t bench_pal = {SOCK_SEQPACKET, serve, ping, send_stream,
                               receive_stream};
const transport_t bench_pal_polling = {SOCK_SEQPACKET, serve_polling,
                                       ping_polling, NULL, NULL};
const transport_t bench_pal_rights = {SOCK_SEQPACKET, NULL, NULL, send_rights,
                                      receive_stream};
