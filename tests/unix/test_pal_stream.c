#include "config.h"

#include "ends.h"
#include "harness.h"

#include <pal/pal.h>

#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIMIT (10 * APR_USEC_PER_SEC) /* of what must not last this long */
#define LARGE (1 << 20)

typedef struct pair_t {
    pal_stream_t *here, *there;
    int here_fd, there_fd;
} pair_t;

static void open_pair(pair_t *pair)
{
    pal_handle_t ends[2];

    memset(pair, 0, sizeof(*pair));
    TEST_OK(pal_stream_pair(ends));
    pair->here_fd = (int)ends[0];
    pair->there_fd = (int)ends[1];
    TEST_OK(pal_stream_open(&pair->here, &ends[0]));
    TEST_OK(pal_stream_open(&pair->there, &ends[1]));
    CU_ASSERT_EQUAL(ends[0], PAL_HANDLE_NONE);
}

static void close_pair(pair_t *pair)
{
    pal_stream_close(&pair->here);
    pal_stream_close(&pair->there);
}

static apr_status_t put(pal_stream_t *stream, const void *data, apr_size_t len,
                        const pal_handle_t *handles, int n_handles,
                        apr_size_t *ret_len)
{
    pal_bytes_t part;

    part.data = data;
    part.len = len;
    return pal_stream_send(stream, &part, 1, handles, n_handles, ret_len);
}

static apr_status_t get(pal_stream_t *stream, packet_t *packet)
{
    memset(packet, 0, sizeof(*packet));
    packet->n_handles = -1;
    return pal_stream_recv(stream, packet->bytes, sizeof(packet->bytes) - 1,
                           &packet->len, packet->handles, &packet->n_handles);
}

static void bytes(void)
{
    pal_bytes_t parts[9];
    apr_size_t len = 777;
    packet_t packet;
    pair_t pair;
    int i;

    open_pair(&pair);
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(get(pair.there, &packet)));
    CU_ASSERT_EQUAL(packet.n_handles, -1);
    for (i = 0; i < 9; i++) {
        parts[i].data = "abcdefghi" + i;
        parts[i].len = i == 4 ? 0 : 1;
    }
    TEST_OK(pal_stream_send(pair.here, parts, 8, NULL, 0, &len));
    CU_ASSERT_EQUAL(len, 7);
    TEST_OK(put(pair.here, "more", 4, NULL, 0, &len));
    TEST_OK(get(pair.there, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "abcdfghmore");
    CU_ASSERT_EQUAL(packet.n_handles, 0);
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(
        pal_stream_send(pair.here, parts, 9, NULL, 0, &len)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(
        pal_stream_send(pair.here, &parts[4], 1, NULL, 0, &len)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(pal_stream_recv(
        pair.there, &packet, 0, &len, packet.handles, &packet.n_handles)));
    CU_ASSERT_EQUAL(len, 4);
    TEST_OK(put(pair.there, "back", 4, NULL, 0, &len));
    TEST_OK(pal_stream_shutdown(pair.there));
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EPIPE(put(pair.there, "x", 1, NULL, 0, &len)));
    TEST_OK(get(pair.here, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "back");
    CU_ASSERT_EQUAL(get(pair.here, &packet), APR_EOF);
    TEST_OK(put(pair.here, "unread", 6, NULL, 0, &len));
    pal_stream_close(&pair.there);
    CU_ASSERT_TRUE(APR_STATUS_IS_ECONNRESET(get(pair.here, &packet)));
    close_pair(&pair);
    pal_stream_close(&pair.here); /* none: nothing happens */
}

static void kinds(void)
{
    pal_stream_t *stream = NULL;
    pal_handle_t ends[2], none = PAL_HANDLE_NONE;
    int sockets[2];
    int i;

    CU_ASSERT_TRUE(APR_STATUS_IS_EBADF(pal_stream_open(&stream, &none)));
    TEST_OK(pal_handle_pipe(ends));
    CU_ASSERT_EQUAL(pal_stream_open(&stream, &ends[0]), PAL_E_KIND);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    CU_ASSERT_EQUAL_FATAL(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
    for (i = 0; i < 2; i++) {
        ends[i] = sockets[i];
        CU_ASSERT_EQUAL(pal_stream_open(&stream, &ends[i]), PAL_E_KIND);
        CU_ASSERT_EQUAL(ends[i], sockets[i]);
        pal_handle_close(&ends[i]);
    }
    CU_ASSERT_PTR_NULL(stream);
}

/* Handles come with the byte they were sent with, and nothing that was sent
 * later comes in the same call. */
static void handles(void)
{
    pal_handle_t sent[MAX_HANDLES + 1] = {0};
    packet_t packet;
    pair_t pair;
    apr_size_t len;
    int i;

    open_pair(&pair);
    TEST_OK(put(pair.here, "before", 6, NULL, 0, &len));
    TEST_OK(put(pair.here, "with", 4, sent, MAX_HANDLES, &len));
    TEST_OK(put(pair.here, "one", 3, sent, 1, &len));
    TEST_OK(put(pair.here, "after", 5, NULL, 0, &len));
    TEST_OK(get(pair.there, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "beforewith");
    CU_ASSERT_EQUAL(packet.n_handles, MAX_HANDLES);
    for (i = 0; i < MAX_HANDLES; i++)
        CU_ASSERT_TRUE(fcntl((int)packet.handles[i], F_GETFD) & FD_CLOEXEC);
    close_handles(&packet);
    TEST_OK(get(pair.there, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "one");
    CU_ASSERT_EQUAL(packet.n_handles, 1);
    close_handles(&packet);
    TEST_OK(get(pair.there, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "after");
    CU_ASSERT_EQUAL(packet.n_handles, 0);
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(
        put(pair.here, "x", 1, sent, MAX_HANDLES + 1, &len)));
    sent[0] = 999999;
    CU_ASSERT_TRUE(APR_STATUS_IS_EBADF(put(pair.here, "x", 1, sent, 1, &len)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(get(pair.there, &packet)));
    close_pair(&pair);
}

/* With too few numbers for them: those received are closed. */
static void check_few_numbers(pair_t *pair, int lowest)
{
    struct rlimit before, lowered;
    packet_t packet;

    if (test_in_valgrind()) /* which lowers the limit for itself only */
        return;
    CU_ASSERT_EQUAL_FATAL(send_raw(pair->here_fd, "lost", 4, 1, 3), 0);
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    lowered = before;
    lowered.rlim_cur = (rlim_t)lowest + 2;
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &lowered), 0);
    CU_ASSERT_EQUAL(get(pair->there, &packet), PAL_E_HANDLES_LOST);
    CU_ASSERT_STRING_EQUAL(packet.bytes, "lost");
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    CU_ASSERT_EQUAL(lowest_free(), lowest);
}

/* Descriptors on every byte, more than there may be, and none left here:
 * nothing stays open. */
static void flood(void)
{
    packet_t packet;
    pair_t pair;
    int i, lowest;

    open_pair(&pair);
    lowest = lowest_free();
    for (i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL_FATAL(send_raw(pair.here_fd, "x", 1, 1, 253), 0);
        CU_ASSERT_EQUAL_FATAL(send_raw(pair.here_fd, "y", 1, 1, 253), 0);
        CU_ASSERT_EQUAL(get(pair.there, &packet), PAL_E_HANDLES_LOST);
        CU_ASSERT_STRING_EQUAL(packet.bytes, "x");
        CU_ASSERT_EQUAL(get(pair.there, &packet), PAL_E_HANDLES_LOST);
        CU_ASSERT_EQUAL(packet.len, 1);
        CU_ASSERT_EQUAL(packet.n_handles, 0);
        CU_ASSERT_EQUAL(lowest_free(), lowest);
    }
    check_few_numbers(&pair, lowest);
    CU_ASSERT_EQUAL_FATAL(send_raw(pair.here_fd, "unread", 6, 1, 3), 0);
    close_pair(&pair);
}

typedef struct flow_t {
    pair_t pair;
    pal_loop_t *loop;
    unsigned char *data;
    apr_size_t n_sent, n_received, n_handles, n_refused;
    apr_status_t status;
} flow_t;

/* Byte number i of what flows. */
static unsigned char byte_at(apr_size_t i)
{
    return (unsigned char)(i ^ i >> 8 ^ i >> 16);
}

static void send_on(void *baton, int events)
{
    flow_t *flow = baton;
    apr_size_t len = 0;
    pal_handle_t zero = 0;
    apr_status_t rv = APR_SUCCESS;

    if (events & PAL_HANGUP)
        return;
    while (flow->n_sent < LARGE && rv == APR_SUCCESS) {
        rv = put(flow->pair.here, flow->data + flow->n_sent,
                 LARGE - flow->n_sent, &zero, flow->n_sent == 0, &len);
        if (rv == APR_SUCCESS)
            flow->n_sent += len;
        else
            flow->n_refused++;
    }
    if (flow->n_sent == LARGE) {
        TEST_OK(pal_stream_shutdown(flow->pair.here));
        pal_stream_unwatch(flow->pair.here);
    }
}

static void receive_on(void *baton, int events)
{
    flow_t *flow = baton;
    packet_t packet;
    apr_size_t i;

    (void)events;
    while ((flow->status = get(flow->pair.there, &packet)) == APR_SUCCESS) {
        for (i = 0; i < packet.len; i++)
            if ((unsigned char)packet.bytes[i]
                != byte_at(flow->n_received + i))
                CU_FAIL_FATAL("wrong byte");
        flow->n_received += packet.len;
        flow->n_handles += (apr_size_t)packet.n_handles;
        close_handles(&packet);
    }
}

static int is_over(void *baton)
{
    return !APR_STATUS_IS_EAGAIN(((flow_t *)baton)->status);
}

/* More than the system takes at once, by events; with a queue that is too
 * small for it, and without. */
static void flow_with(apr_size_t queue_limit)
{
    flow_t flow;
    apr_size_t i;

    memset(&flow, 0, sizeof(flow));
    flow.status = APR_EAGAIN;
    flow.data = malloc(LARGE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(flow.data);
    for (i = 0; i < LARGE; i++)
        flow.data[i] = byte_at(i);
    open_pair(&flow.pair);
    TEST_OK(pal_loop_create(&flow.loop, test_pool()));
    pal_stream_queue_set(flow.pair.here, queue_limit);
    TEST_OK(pal_stream_watch(flow.pair.here, flow.loop, 0, send_on, &flow));
    TEST_OK(
        pal_stream_watch(flow.pair.there, flow.loop, 0, receive_on, &flow));
    TEST_OK(pal_stream_want(flow.pair.there, PAL_READABLE));
    if (queue_limit == 0)
        TEST_OK(pal_stream_want(flow.pair.here, PAL_WRITABLE));
    else
        send_on(&flow, 0);
    CU_ASSERT_TRUE(pal_stream_queued(flow.pair.here) <= queue_limit);
    TEST_OK(pal_loop_run_until(flow.loop, is_over, &flow, LIMIT));
    CU_ASSERT_EQUAL(flow.status, APR_EOF);
    CU_ASSERT_EQUAL(flow.n_received, LARGE);
    CU_ASSERT_EQUAL(flow.n_handles, 1);
    CU_ASSERT_TRUE(flow.n_refused > 0);
    close_pair(&flow.pair);
    pal_loop_destroy(flow.loop);
    free(flow.data);
}

static void flows(void)
{
    flow_with(0);
    flow_with(30000);
}

/* What a stream cannot take now and has no room for is left to the caller. */
static void part_of_it(void)
{
    unsigned char *data = calloc(1, LARGE);
    apr_size_t len = 0;
    pair_t pair;

    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    open_pair(&pair);
    TEST_OK(put(pair.here, data, LARGE, NULL, 0, &len));
    CU_ASSERT_TRUE(len > 0 && len < LARGE);
    while (put(pair.here, data, LARGE, NULL, 0, &len) == APR_SUCCESS)
        continue;
    CU_ASSERT_EQUAL(pal_stream_queued(pair.here), 0);
    pal_stream_queue_set(pair.here, 1000 + PAL_CHANNEL_QUEUED_COST);
    TEST_OK(put(pair.here, data, LARGE, NULL, 0, &len));
    CU_ASSERT_EQUAL(len, 1000);
    CU_ASSERT_EQUAL(pal_stream_queued(pair.here),
                    1000 + PAL_CHANNEL_QUEUED_COST);
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EAGAIN(put(pair.here, data, 1, NULL, 0, &len)));
    close_pair(&pair);
    free(data);
}

static const test_case_t cases[] = {
    {"bytes", bytes}, {"kinds", kinds}, {"handles", handles},
    {"flood", flood}, {"flows", flows}, {"part_of_it", part_of_it},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal_stream", cases);
}
