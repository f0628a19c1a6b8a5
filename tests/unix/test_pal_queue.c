/* What the system does not take at once: the queue of a channel, in both
 * framings. */
#include "config.h"

#include "ends.h"
#include "harness.h"

#include "unix/endpoint_unix.h"

#include <pal/pal.h>

#include <apr_thread_proc.h>

#include <string.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT (10 * APR_USEC_PER_SEC) /* of what must not last this long */
#define QUEUE_LIMIT 50000
#define LARGE_LIMIT 1000000 /* much more than the system takes at a time */

static const int types[] = {SOCK_SEQPACKET, SOCK_STREAM};

/* A watched end that sends, and one that is read when the test likes. */
typedef struct rig_t {
    link_t link;
    pal_loop_t *loop;
    int n;
    int events; /* of all calls */
} rig_t;

static void on_event(void *baton, int events)
{
    rig_t *rig = baton;

    rig->n++;
    rig->events |= events;
}

static void rig_start(rig_t *rig, int type, apr_size_t limit)
{
    memset(rig, 0, sizeof(*rig));
    open_link(&rig->link, type);
    TEST_OK(pal_loop_create(&rig->loop, test_pool()));
    pal_channel_queue_set(rig->link.here, limit);
    TEST_OK(pal_channel_watch(rig->link.here, rig->loop, 0, on_event, rig));
}

static void rig_settle(rig_t *rig)
{
    while (pal_loop_step(rig->loop, 0) == APR_SUCCESS)
        ;
}

static void rig_end(rig_t *rig)
{
    close_link(&rig->link);
    pal_loop_destroy(rig->loop);
}

/* A packet of `len` bytes that begins with its number. */
static apr_status_t send_number(pal_channel_t *channel, int number,
                                apr_size_t len, int n_handles)
{
    static const char rest[1000];
    pal_handle_t handles[MAX_HANDLES] = {0};
    pal_bytes_t parts[2];

    parts[0].data = &number;
    parts[0].len = sizeof(number);
    parts[1].data = rest;
    parts[1].len = len - sizeof(number);
    return pal_channel_send(channel, parts, 2, handles, n_handles);
}

/* The number of the next packet; -1: none. */
static int receive_number(pal_channel_t *channel, apr_size_t len,
                          int n_handles)
{
    unsigned char buf[1000];
    pal_handle_t handles[MAX_HANDLES];
    apr_size_t ret_len = 0;
    int n = 0, number;

    if (pal_channel_recv(channel, buf, sizeof(buf), &ret_len, handles, &n)
        != APR_SUCCESS)
        return -1;
    CU_ASSERT_EQUAL(ret_len, len);
    CU_ASSERT_EQUAL(n, n_handles);
    while (n > 0)
        pal_handle_close(&handles[--n]);
    memcpy(&number, buf, sizeof(number));
    return number;
}

/* Until nothing more comes. Returns how many did, in order. */
static int receive_all(rig_t *rig, int first, apr_size_t len, int n_handles)
{
    int number, n = 0;

    for (;;) {
        number = receive_number(rig->link.there, len, n_handles);
        if (number < 0) {
            rig_settle(rig);
            number = receive_number(rig->link.there, len, n_handles);
        }
        if (number < 0)
            return n;
        CU_ASSERT_EQUAL(number, first + n);
        n++;
    }
}

static int fill(rig_t *rig, apr_size_t len, int n_handles)
{
    apr_status_t rv;
    int n = 0;

    while ((rv = send_number(rig->link.here, n, len, n_handles))
           == APR_SUCCESS)
        n++;
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(rv));
    return n;
}

/* A slow reader: up to the limit waits; there is one call when half of it has
 * gone; all comes, in order. */
static void fills_on(int type)
{
    apr_size_t queued;
    int n, n_received;
    rig_t rig;

    rig_start(&rig, type, LARGE_LIMIT);
    n = fill(&rig, 500, 0);
    queued = pal_channel_queued(rig.link.here);
    CU_ASSERT_TRUE(queued <= LARGE_LIMIT);
    CU_ASSERT_TRUE(queued + 500 + 4 + PAL_CHANNEL_QUEUED_COST > LARGE_LIMIT);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig.n, 0);
    for (n_received = 0; rig.n == 0; n_received++) {
        CU_ASSERT_EQUAL(receive_number(rig.link.there, 500, 0), n_received);
        rig_settle(&rig);
    }
    CU_ASSERT_EQUAL(rig.events, PAL_WRITABLE);
    CU_ASSERT_TRUE(pal_channel_queued(rig.link.here) <= LARGE_LIMIT / 2);
    TEST_OK(send_number(rig.link.here, n, 500, 0));
    CU_ASSERT_EQUAL(receive_all(&rig, n_received, 500, 0), n + 1 - n_received);
    CU_ASSERT_EQUAL(rig.n, 1);
    CU_ASSERT_EQUAL(pal_channel_queued(rig.link.here), 0);
    rig_end(&rig);
}

static void fills(void)
{
    fills_on(SOCK_SEQPACKET);
    fills_on(SOCK_STREAM);
}

/* Who asks for PAL_WRITABLE gets it whenever half of the queue is free. */
static void asked_for(void)
{
    rig_t rig;
    int n;

    rig_start(&rig, SOCK_SEQPACKET, QUEUE_LIMIT);
    TEST_OK(pal_channel_want(rig.link.here, PAL_WRITABLE));
    TEST_OK(pal_loop_step(rig.loop, LIMIT));
    TEST_OK(pal_loop_step(rig.loop, LIMIT));
    CU_ASSERT_EQUAL(rig.n, 2);
    CU_ASSERT_EQUAL(rig.events, PAL_WRITABLE);
    n = fill(&rig, 500, 0);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig.n, 2);
    CU_ASSERT_EQUAL(receive_number(rig.link.there, 500, 0), 0);
    TEST_OK(pal_channel_want(rig.link.here, 0));
    CU_ASSERT_EQUAL(receive_all(&rig, 1, 500, 0), n - 1);
    CU_ASSERT_EQUAL(rig.n, 3); /* one was refused */
    rig_end(&rig);
}

/* Handles that wait are copies, of a limited number, and go with their
 * packets. */
static void handles_on(int type)
{
    struct rlimit before, lowered;
    rig_t rig;
    int lowest, n;

    rig_start(&rig, type, QUEUE_LIMIT);
    lowest = lowest_free();
    n = fill(&rig, 100, 60);
    CU_ASSERT_TRUE(lowest_free() > lowest);
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    lowered = before;
    lowered.rlim_cur = (rlim_t)lowest_free() + 3;
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &lowered), 0);
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EMFILE(send_number(rig.link.here, n, 100, 8)));
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    TEST_OK(send_number(rig.link.here, n, 100, 8));
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EAGAIN(send_number(rig.link.here, n, 100, 1)));
    /* Without handles there is room. */
    TEST_OK(send_number(rig.link.here, n + 1, 100, 0));
    while (n > 0 && receive_number(rig.link.there, 100, 60) >= 0) {
        n--;
        rig_settle(&rig);
    }
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_TRUE(receive_number(rig.link.there, 100, 8) >= 0);
    CU_ASSERT_TRUE(receive_number(rig.link.there, 100, 0) >= 0);
    CU_ASSERT_EQUAL(lowest_free(), lowest);
    rig_end(&rig);
}

static void handles(void)
{
    handles_on(SOCK_SEQPACKET);
    handles_on(SOCK_STREAM);
}

/* Handles of a packet that goes from the queue in several parts go once. */
static void parts(void)
{
    static char bytes[100000];
    pal_bytes_t part = {bytes, sizeof(bytes)};
    pal_handle_t handle = 0, handles[MAX_HANDLES];
    int n_packets = 0, n_tries = 0, n;
    apr_size_t len;
    apr_status_t rv;
    rig_t rig;

    rig_start(&rig, SOCK_STREAM, LARGE_LIMIT);
    do {
        TEST_OK(pal_channel_send(rig.link.here, &part, 1, &handle, 1));
        n_packets++;
    } while (pal_channel_queued(rig.link.here) < 5 * sizeof(bytes));
    while (n_packets > 0 && n_tries < 1000) {
        rv = pal_channel_recv(rig.link.there, bytes, sizeof(bytes), &len,
                              handles, &n);
        if (APR_STATUS_IS_EAGAIN(rv)) {
            rig_settle(&rig);
            n_tries++;
            continue;
        }
        TEST_OK(rv);
        CU_ASSERT_EQUAL(len, sizeof(bytes));
        CU_ASSERT_EQUAL(n, 1);
        while (n > 0)
            pal_handle_close(&handles[--n]);
        n_packets--;
    }
    CU_ASSERT_EQUAL(n_packets, 0);
    rig_end(&rig);
}

/* The end comes after what waits; and what waits is lost by a close. */
static void ends_on(int type)
{
    packet_t packet;
    rig_t rig;
    int n;

    rig_start(&rig, type, QUEUE_LIMIT);
    n = fill(&rig, 500, 0);
    TEST_OK(pal_channel_shutdown(rig.link.here));
    CU_ASSERT_TRUE(APR_STATUS_IS_EPIPE(send_number(rig.link.here, n, 500, 0)));
    CU_ASSERT_EQUAL(receive_all(&rig, 0, 500, 0), n);
    CU_ASSERT_EQUAL(receive(rig.link.there, &packet), APR_EOF);
    rig_end(&rig);

    rig_start(&rig, type, QUEUE_LIMIT);
    n = fill(&rig, 100, 60);
    pal_channel_close(&rig.link.here);
    CU_ASSERT_TRUE(receive_all(&rig, 0, 100, 60) < n);
    CU_ASSERT_EQUAL(receive(rig.link.there, &packet), APR_EOF);
    rig_end(&rig);
}

static void ends(void)
{
    ends_on(SOCK_SEQPACKET);
    ends_on(SOCK_STREAM);
}

/* The other end is gone: that is told, also to one who asks for nothing. */
static void peer_gone_on(int type)
{
    apr_status_t rv;
    rig_t rig;
    int n;

    rig_start(&rig, type, QUEUE_LIMIT);
    n = fill(&rig, 100, 60);
    pal_channel_close(&rig.link.there);
    rig_settle(&rig);
    CU_ASSERT_TRUE(rig.n > 0);
    CU_ASSERT_EQUAL(rig.events, PAL_HANGUP | PAL_WRITABLE);
    CU_ASSERT_EQUAL(pal_channel_queued(rig.link.here), 0);
    rv = send_number(rig.link.here, n, 100, 0);
    CU_ASSERT_TRUE(APR_STATUS_IS_EPIPE(rv) || APR_STATUS_IS_ECONNRESET(rv));
    rig_end(&rig);
}

static void peer_gone(void)
{
    peer_gone_on(SOCK_SEQPACKET);
    peer_gone_on(SOCK_STREAM);
}

/* Without a watch, what is called next sends what waits. */
static void unwatched(void)
{
    rig_t rig;
    int n, n_received;

    rig_start(&rig, SOCK_STREAM, QUEUE_LIMIT);
    n = fill(&rig, 500, 0);
    pal_channel_unwatch(rig.link.here);
    n_received = receive_all(&rig, 0, 500, 0);
    CU_ASSERT_TRUE(n_received < n);
    CU_ASSERT_EQUAL(receive_number(rig.link.here, 0, 0), -1);
    n_received += receive_all(&rig, n_received, 500, 0);
    TEST_OK(send_number(rig.link.here, n, 500, 0));
    n_received += receive_all(&rig, n_received, 500, 0);
    CU_ASSERT_EQUAL(n_received, n + 1);
    /* A watch that comes later sends it, too. */
    n = fill(&rig, 500, 0);
    TEST_OK(pal_channel_watch(rig.link.here, rig.loop, 0, on_event, &rig));
    CU_ASSERT_EQUAL(receive_all(&rig, 0, 500, 0), n);
    rig_end(&rig);
}

/* Descriptors in flight are limited for an ordinary user: what they keep from
 * being sent waits, and goes when some were received. The child returns the
 * number of what went wrong. */
#define TRY(n, condition)                                                     \
    do {                                                                      \
        if (!(condition))                                                     \
            return (n);                                                       \
    } while (0)

static int wait_in_flight(void *baton)
{
    rig_t *rig = baton;
    int n = 0, n_received = 0;

    do {
        TRY(1, send_number(rig->link.here, n++, 100, 20) == APR_SUCCESS);
    } while (pal_channel_queued(rig->link.here) == 0);
    rig_settle(rig);
    TRY(2, pal_channel_queued(rig->link.here) > 0);
    TRY(3, send_number(rig->link.here, n++, 100, 0) == APR_SUCCESS);
    for (; n_received < n - 1; n_received++) {
        while (pal_channel_queued(rig->link.here) > 0 && n_received > 0)
            TRY(4, pal_loop_step(rig->loop, LIMIT) == APR_SUCCESS);
        TRY(5, receive_number(rig->link.there, 100, 20) == n_received);
    }
    rig_settle(rig);
    TRY(6, receive_number(rig->link.there, 100, 0) == n_received);
    TRY(7, rig->n == 0);
    return 0;
}

static void in_flight(void)
{
    size_t i;
    rig_t rig;

    if (test_in_valgrind()) /* which lowers the limit for itself only */
        return;
    for (i = 0; i < 2; i++) {
        rig_start(&rig, types[i], QUEUE_LIMIT);
        CU_ASSERT_EQUAL(run_as_user(wait_in_flight, &rig), 0);
        rig_end(&rig);
    }
}

static void set_flag(void *baton)
{
    *(int *)baton = 1;
}

/* It is tried again in time even if there is always something to receive. */
static int wait_while_busy(void *baton)
{
    rig_t *rig = baton;
    pal_timer_t *timer = NULL;
    int n = 0, is_late = 0;

    TRY(1, pal_channel_want(rig->link.here, PAL_READABLE) == APR_SUCCESS);
    TRY(2, send_number(rig->link.there, 0, 100, 0) == APR_SUCCESS);
    do {
        TRY(3, send_number(rig->link.here, n++, 100, 20) == APR_SUCCESS);
    } while (pal_channel_queued(rig->link.here) == 0);
    TRY(4, pal_loop_step(rig->loop, LIMIT) == APR_SUCCESS);
    TRY(5, receive_number(rig->link.there, 100, 20) == 0);
    /* Later than the next try. */
    TRY(6, pal_timer_create(&timer, rig->loop, set_flag, &is_late)
               == APR_SUCCESS);
    TRY(7, pal_timer_start(timer, 100000) == APR_SUCCESS);
    while (!is_late)
        TRY(8, pal_loop_step(rig->loop, LIMIT) == APR_SUCCESS);
    pal_timer_close(&timer);
    TRY(9, pal_channel_queued(rig->link.here) == 0);
    return 0;
}

static void in_flight_busy(void)
{
    size_t i;
    rig_t rig;

    if (test_in_valgrind()) /* which lowers the limit for itself only */
        return;
    for (i = 0; i < 2; i++) {
        rig_start(&rig, types[i], QUEUE_LIMIT);
        CU_ASSERT_EQUAL(run_as_user(wait_while_busy, &rig), 0);
        rig_end(&rig);
    }
}

/* They do not wait for ever. The bound is 10 s: here it is over at once. */
static int give_up(void *baton)
{
    static int zeros[MAX_HANDLES];
    struct iovec vector = {"x", 1};
    pal__outgoing_t outgoing = {&vector, 1, 1, zeros, MAX_HANDLES};
    pal__endpoint_t endpoint;
    rig_t *rig = baton;
    char buf[100];
    ssize_t n_bytes;
    apr_size_t n;

    pal__endpoint_init(&endpoint, dup(rig->link.here_fd), 0);
    pal__endpoint_queue_set(&endpoint, QUEUE_LIMIT);
    TRY(1, pal__endpoint_watch(&endpoint, rig->loop, 0, on_event, rig)
               == APR_SUCCESS);
    do {
        TRY(2, pal__endpoint_send(&endpoint, &outgoing, &n) == APR_SUCCESS);
    } while (pal__endpoint_queued(&endpoint) == 0);
    TRY(3, endpoint.stalled == PAL_E_IN_FLIGHT);
    endpoint.stalled_since -= 11 * APR_USEC_PER_SEC;
    while (rig->n == 0)
        TRY(4, pal_loop_step(rig->loop, LIMIT) == APR_SUCCESS);
    TRY(5, rig->events == PAL_HANGUP);
    rig_settle(rig);
    TRY(6, rig->n == 1);
    TRY(7, pal__endpoint_queued(&endpoint) == 0);
    TRY(8, pal__endpoint_send(&endpoint, &outgoing, &n) == PAL_E_IN_FLIGHT);
    /* The other end is told, after what was sent. */
    do {
        n_bytes = recv(rig->link.there_fd, buf, sizeof(buf), MSG_DONTWAIT);
    } while (n_bytes > 0);
    TRY(9, n_bytes == 0);
    pal__endpoint_fini(&endpoint);
    return 0;
}

static void gives_up(void)
{
    size_t i;
    rig_t rig;

    if (test_in_valgrind()) /* which lowers the limit for itself only */
        return;
    for (i = 0; i < 2; i++) {
        rig_start(&rig, types[i], 0);
        CU_ASSERT_EQUAL(run_as_user(give_up, &rig), 0);
        rig_end(&rig);
    }
}

/* Several threads fill it while the loop empties it. */
enum { N_THREADS = 3 };

typedef struct sender_t {
    pal_channel_t *channel;
    int number, n;
    apr_status_t status;
} sender_t;

static void *APR_THREAD_FUNC send_many(apr_thread_t *thread, void *baton)
{
    sender_t *sender = baton;
    int i = 0;

    (void)thread;
    while (i < sender->n) {
        sender->status =
            send_number(sender->channel, sender->number << 24 | i, 900, 0);
        if (sender->status == APR_SUCCESS)
            i++;
        else if (APR_STATUS_IS_EAGAIN(sender->status))
            apr_thread_yield();
        else
            break;
    }
    return NULL;
}

static void threads_on(int type)
{
    apr_thread_t *threads[N_THREADS];
    sender_t senders[N_THREADS];
    int seen[N_THREADS] = {0};
    int i, number, n_left = 0;
    apr_status_t rv;
    rig_t rig;

    rig_start(&rig, type, QUEUE_LIMIT);
    for (i = 0; i < N_THREADS; i++) {
        senders[i].channel = rig.link.here;
        senders[i].number = i;
        senders[i].n = test_scale(5000);
        n_left += senders[i].n;
        TEST_OK(apr_thread_create(&threads[i], NULL, send_many, &senders[i],
                                  test_pool()));
    }
    while (n_left > 0) {
        rig_settle(&rig);
        number = receive_number(rig.link.there, 900, 0);
        if (number < 0)
            continue;
        CU_ASSERT_EQUAL(number & 0xffffff, seen[number >> 24]);
        seen[number >> 24]++;
        n_left--;
    }
    for (i = 0; i < N_THREADS; i++) {
        TEST_OK(apr_thread_join(&rv, threads[i]));
        TEST_OK(senders[i].status);
    }
    rig_end(&rig);
}

static void threads(void)
{
    threads_on(SOCK_SEQPACKET);
    threads_on(SOCK_STREAM);
}

static const test_case_t cases[] = {
    {"fills", fills},
    {"asked_for", asked_for},
    {"handles", handles},
    {"ends", ends},
    {"parts", parts},
    {"peer_gone", peer_gone},
    {"unwatched", unwatched},
    {"in_flight", in_flight},
    {"in_flight_busy", in_flight_busy},
    {"gives_up", gives_up},
    {"threads", threads},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal_queue", cases);
}
