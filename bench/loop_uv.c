/* Two processes that talk by pipes of libuv, which are streams. */
#include "config.h"

#include "bench.h"
#include "loop_bench.h"

#include <string.h>

#include <sys/socket.h>

#ifdef HAVE_LIBUV

#    include <uv.h>

static char buffer[LARGE];

typedef struct end_t {
    uv_loop_t loop;
    uv_pipe_t pipe;
    uv_write_t write;
    int len;
    int n_bytes; /* received of the present message */
    int n_left;
    double start;
} end_t;

static void open_end(end_t *end, int fd, int len)
{
    memset(end, 0, sizeof(*end));
    end->len = len;
    BENCH_CHECK(uv_loop_init(&end->loop) == 0);
    BENCH_CHECK(uv_pipe_init(&end->loop, &end->pipe, 0) == 0);
    BENCH_CHECK(uv_pipe_open(&end->pipe, fd) == 0);
    end->pipe.data = end;
}

static void close_end(end_t *end)
{
    uv_close((uv_handle_t *)&end->pipe, NULL);
    (void)uv_run(&end->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&end->loop);
}

static int send_one(end_t *end)
{
    uv_buf_t bytes = uv_buf_init(buffer, (unsigned int)end->len);

    return uv_try_write((uv_stream_t *)&end->pipe, &bytes, 1);
}

static void on_room(uv_handle_t *handle, size_t size, uv_buf_t *ret_buf)
{
    (void)handle;
    (void)size;
    *ret_buf = uv_buf_init(buffer, sizeof(buffer));
}

static void on_ping(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    end_t *end = stream->data;

    (void)buf;
    if (n > 0)
        (void)send_one(end);
    else if (n < 0)
        uv_stop(&end->loop);
}

static void serve(int fd)
{
    end_t end;

    open_end(&end, fd, SMALL);
    BENCH_CHECK(uv_read_start((uv_stream_t *)&end.pipe, on_room, on_ping)
                == 0);
    (void)uv_run(&end.loop, UV_RUN_DEFAULT);
}

static void on_pong(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    end_t *end = stream->data;

    (void)buf;
    BENCH_CHECK(n >= 0);
    if (n == 0)
        return;
    if (--end->n_left > 0)
        BENCH_CHECK(send_one(end) == SMALL);
    else
        uv_stop(&end->loop);
}

static double ping(int fd, int n)
{
    double start;
    end_t end;

    open_end(&end, fd, SMALL);
    end.n_left = n;
    BENCH_CHECK(uv_read_start((uv_stream_t *)&end.pipe, on_room, on_pong)
                == 0);
    start = bench_now();
    BENCH_CHECK(send_one(&end) == SMALL);
    (void)uv_run(&end.loop, UV_RUN_DEFAULT);
    start = bench_now() - start;
    close_end(&end);
    return start;
}

static void on_sent(uv_write_t *write, int status)
{
    end_t *end = write->data;
    uv_buf_t bytes = uv_buf_init(buffer, (unsigned int)end->len);
    int n;

    if (status != 0) {
        uv_stop(&end->loop);
        return;
    }
    do {
        n = send_one(end);
    } while (n == end->len);
    /* The rest of it, and then the next. */
    if (n > 0)
        bytes = uv_buf_init(buffer + n, (unsigned int)(end->len - n));
    (void)uv_write(write, (uv_stream_t *)&end->pipe, &bytes, 1, on_sent);
}

static void send_stream(int fd, int len)
{
    end_t end;

    open_end(&end, fd, len);
    end.write.data = &end;
    on_sent(&end.write, 0);
    (void)uv_run(&end.loop, UV_RUN_DEFAULT);
}

static void on_data(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    end_t *end = stream->data;

    (void)buf;
    BENCH_CHECK(n >= 0);
    if (end->start == 0) {
        end->start = bench_now();
        return;
    }
    end->n_bytes += (int)n;
    end->n_left -= end->n_bytes / end->len;
    end->n_bytes %= end->len;
    if (end->n_left <= 0)
        uv_stop(&end->loop);
}

static double receive_stream(int fd, int len, int n)
{
    double time;
    end_t end;

    open_end(&end, fd, len);
    end.n_left = n;
    BENCH_CHECK(uv_read_start((uv_stream_t *)&end.pipe, on_room, on_data)
                == 0);
    (void)uv_run(&end.loop, UV_RUN_DEFAULT);
    time = bench_now() - end.start;
    close_end(&end);
    return time;
}

const transport_t bench_libuv = {SOCK_STREAM, serve, ping, send_stream,
                                 receive_stream};

#endif
