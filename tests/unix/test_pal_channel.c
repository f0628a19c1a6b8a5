#include "config.h"

#include "ends.h"
#include "harness.h"

#include <pal/channel.h>
#include <pal/status.h>

#include <apr_thread_proc.h>

#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SO_PASSPIDFD
#    define SO_PASSPIDFD 76
#endif

#define LIMIT (10 * APR_USEC_PER_SEC) /* of what must not last this long */

enum { N_THREADS = 4 };

#ifndef TYPE
#    define TYPE SOCK_SEQPACKET
#endif

static void test_packets(void)
{
    link_t link;
    packet_t packet;

    open_link(&link, TYPE);
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(receive(link.there, &packet)));
    CU_ASSERT_TRUE(is_untouched(&packet));
    TEST_OK(send_text(link.here, "one", NULL, 0));
    TEST_OK(send_text(link.here, "three", NULL, 0));
    TEST_OK(send_text(link.there, "back", NULL, 0));
    TEST_OK(receive(link.there, &packet));
    CU_ASSERT_EQUAL(packet.len, 3);
    CU_ASSERT_EQUAL(packet.n_handles, 0);
    CU_ASSERT_STRING_EQUAL(packet.bytes, "one");
    TEST_OK(receive(link.there, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "three");
    TEST_OK(receive(link.here, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "back");
    close_link(&link);
    pal_channel_close(&link.here); /* empty: nothing happens */
}

/* The ends that pal makes, and a change of what packets may have. */
static void test_pair(void)
{
    pal_handle_t ends[2];
    pal_handle_kind_t kind;
    pal_channel_t *here, *there;
    packet_t packet;

    TEST_OK(pal_channel_pair(ends));
    TEST_OK(pal_handle_kind(ends[0], &kind));
    CU_ASSERT_EQUAL(kind, PAL_HANDLE_CHANNEL);
    TEST_OK(pal_channel_open(&here, &ends[0]));
    TEST_OK(pal_channel_open(&there, &ends[1]));
    TEST_OK(send_text(here, "hello", NULL, 0));
    TEST_OK(receive(there, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "hello");
    pal_channel_close(&here);
    pal_channel_close(&there);
}

static void test_parts(void)
{
    pal_bytes_t parts[9];
    link_t link;
    packet_t packet;
    int i;

    open_link(&link, TYPE);
    for (i = 0; i < 9; i++) {
        parts[i].data = "abcdefghi" + i;
        parts[i].len = i == 4 ? 0 : 1;
    }
    TEST_OK(pal_channel_send(link.here, parts, 8, NULL, 0));
    TEST_OK(receive(link.there, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "abcdfgh");
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EINVAL(pal_channel_send(link.here, parts, 9, NULL, 0)));
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EINVAL(pal_channel_send(link.here, parts, 0, NULL, 0)));
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EINVAL(pal_channel_send(link.here, parts, -1, NULL, 0)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(
        pal_channel_send(link.here, &parts[4], 1, NULL, 0)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(receive(link.there, &packet)));
    close_link(&link);
}

static void test_lengths(void)
{
    link_t link;
    packet_t packet;
    pal_handle_t zero = 0;
    int lowest;

    open_link(&link, TYPE);
    lowest = lowest_free();
    TEST_OK(send_text(link.here, "12345678", NULL, 0));
    TEST_OK(receive_some(link.there, &packet, 8));
    CU_ASSERT_EQUAL(packet.len, 8);
    TEST_OK(send_text(link.here, "12345678", &zero, 1));
    CU_ASSERT_EQUAL(receive_some(link.there, &packet, 7), PAL_E_TRUNCATED);
    CU_ASSERT_TRUE(is_untouched(&packet));
    TEST_OK(send_text(link.here, "1", NULL, 0));
    CU_ASSERT_EQUAL(receive_some(link.there, &packet, 0), PAL_E_TRUNCATED);
    CU_ASSERT_EQUAL(lowest_free(), lowest);
    /* They are lost. */
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(receive(link.there, &packet)));
    close_link(&link);
}

/* Exactly the largest packet goes, at the default and at the limit. */
static void send_largest(link_t *link, apr_size_t len)
{
    apr_size_t ret_len = 0;
    pal_handle_t handles[MAX_HANDLES];
    unsigned char *buf = calloc(2, len + 1);
    pal_bytes_t part;
    apr_status_t rv;
    int n;

    CU_ASSERT_PTR_NOT_NULL_FATAL(buf);
    buf[len - 1] = 'z';
    part.data = buf;
    part.len = len + 1;
    CU_ASSERT_EQUAL(pal_channel_send(link->here, &part, 1, NULL, 0),
                    PAL_E_TRUNCATED);
    part.len = len;
    TEST_OK(pal_channel_send(link->here, &part, 1, NULL, 0));
    do { /* the rest of it is sent by whatever is called */
        CU_ASSERT_EQUAL(
            pal_channel_recv(link->here, buf, len, &ret_len, handles, &n),
            APR_EAGAIN);
        rv = pal_channel_recv(link->there, buf + len + 1, len + 1, &ret_len,
                              handles, &n);
    } while (APR_STATUS_IS_EAGAIN(rv));
    TEST_OK(rv);
    CU_ASSERT_EQUAL(ret_len, len);
    CU_ASSERT_EQUAL(memcmp(buf, buf + len + 1, len), 0);
    free(buf);
}

static void test_largest(void)
{
    link_t link;
    packet_t packet;
    apr_status_t rv;

    open_link(&link, TYPE);
    CU_ASSERT_EQUAL(pal_channel_max_packet(link.here), PAL_CHANNEL_PACKET_LEN);
    send_largest(&link, PAL_CHANNEL_PACKET_LEN);
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EINVAL(pal_channel_max_packet_set(link.here, 0)));
    CU_ASSERT_EQUAL(
        pal_channel_max_packet_set(link.here, PAL_CHANNEL_MAX_PACKET_LEN + 1),
        PAL_E_LIMIT);
    rv = pal_channel_max_packet_set(link.here, PAL_CHANNEL_MAX_PACKET_LEN);
    if (rv == PAL_E_LIMIT) { /* an ordinary user and packets in one piece */
        CU_ASSERT_EQUAL(TYPE, SOCK_SEQPACKET);
        CU_ASSERT_EQUAL(pal_channel_max_packet(link.here),
                        PAL_CHANNEL_PACKET_LEN);
        TEST_OK(pal_channel_max_packet_set(link.here, 200000));
    }
    else {
        TEST_OK(rv);
        TEST_OK(pal_channel_max_packet_set(link.there,
                                           PAL_CHANNEL_MAX_PACKET_LEN));
        send_largest(&link, PAL_CHANNEL_MAX_PACKET_LEN);
    }
    /* A smaller one counts for receiving, too. */
    TEST_OK(pal_channel_max_packet_set(link.there, 3));
    CU_ASSERT_EQUAL(pal_channel_max_packet(link.there), 3);
    TEST_OK(send_text(link.here, "1234", NULL, 0));
    rv = receive(link.there, &packet);
    CU_ASSERT_EQUAL(rv, TYPE == SOCK_STREAM ? PAL_E_FRAMING : PAL_E_TRUNCATED);
    close_link(&link);
}

static void test_handles(void)
{
    pal_handle_t pipe[2], sent[MAX_HANDLES + 1];
    link_t link;
    packet_t packet;
    char byte;
    int i;

    open_link(&link, TYPE);
    TEST_OK(pal_handle_pipe(pipe));
    for (i = 0; i <= MAX_HANDLES; i++)
        sent[i] = pipe[i % 2];
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(
        send_text(link.here, "x", sent, MAX_HANDLES + 1)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(send_text(link.here, "x", sent, -1)));
    TEST_OK(send_text(link.here, "x", sent, MAX_HANDLES));
    CU_ASSERT_EQUAL(sent[0], pipe[0]);
    pal_handle_close(&pipe[0]);
    pal_handle_close(&pipe[1]);
    TEST_OK(receive(link.there, &packet));
    CU_ASSERT_EQUAL(packet.n_handles, MAX_HANDLES);
    for (i = 0; i < MAX_HANDLES; i++)
        CU_ASSERT_TRUE(fcntl((int)packet.handles[i], F_GETFD) & FD_CLOEXEC);
    CU_ASSERT_EQUAL(write((int)packet.handles[MAX_HANDLES - 1], "y", 1), 1);
    CU_ASSERT_EQUAL(read((int)packet.handles[0], &byte, 1), 1);
    CU_ASSERT_EQUAL(byte, 'y');
    close_handles(&packet);
    close_link(&link);
}

static void test_bad_handles(void)
{
    pal_handle_t handles[2] = {0, PAL_HANDLE_NONE};
    link_t link;
    packet_t packet;

    open_link(&link, TYPE);
    CU_ASSERT_TRUE(APR_STATUS_IS_EBADF(send_text(link.here, "x", handles, 2)));
    handles[1] = INTPTR_MAX / 2 + 1; /* not 0, as an int of it would be */
    CU_ASSERT_TRUE(APR_STATUS_IS_EBADF(send_text(link.here, "x", handles, 2)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(receive(link.there, &packet)));
    close_link(&link);
}

static void test_open_kinds(void)
{
    pal_handle_t pipe[2], none = PAL_HANDLE_NONE, closed = 999999;
    pal_channel_t *channel = NULL;
    pal_handle_t handle;
    int sockets[2];

    CU_ASSERT_TRUE(APR_STATUS_IS_EBADF(pal_channel_open(&channel, &none)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EBADF(pal_channel_open(&channel, &closed)));
    CU_ASSERT_EQUAL(closed, 999999);
    TEST_OK(pal_handle_pipe(pipe));
    CU_ASSERT_EQUAL(pal_channel_open(&channel, &pipe[0]), PAL_E_KIND);
    pal_handle_close(&pipe[0]);
    pal_handle_close(&pipe[1]);
    CU_ASSERT_EQUAL_FATAL(
        socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets), 0);
    handle = sockets[0];
    CU_ASSERT_EQUAL(pal_channel_open(&channel, &handle), PAL_E_KIND);
    (void)close(sockets[0]);
    (void)close(sockets[1]);
    handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (handle >= 0)
        CU_ASSERT_EQUAL(pal_channel_open(&channel, &handle), PAL_E_KIND);
    pal_handle_close(&handle);
    CU_ASSERT_PTR_NULL(channel);
}

/* Whatever the peer sends, no descriptor stays behind. */
static void test_hostile(void)
{
    link_t link;
    packet_t packet;
    int lowest;

    open_link(&link, TYPE);
    lowest = lowest_free();
    /* More than 64: those that fit are closed, the bytes are whole. */
    CU_ASSERT_EQUAL(send_raw_packet(link.here_fd, 5, 1, MAX_HANDLES + 1), 0);
    CU_ASSERT_EQUAL(receive(link.there, &packet), PAL_E_HANDLES_LOST);
    CU_ASSERT_EQUAL(packet.len, 5);
    CU_ASSERT_EQUAL(packet.n_handles, 0);
    CU_ASSERT_EQUAL(lowest_free(), lowest);
    CU_ASSERT_EQUAL(send_raw_packet(link.here_fd, 5, 1, 253), 0);
    CU_ASSERT_EQUAL(receive(link.there, &packet), PAL_E_HANDLES_LOST);
    CU_ASSERT_EQUAL(lowest_free(), lowest);
    /* And too long as well. */
    CU_ASSERT_EQUAL(send_raw_packet(link.here_fd, 5, 1, MAX_HANDLES + 1), 0);
    CU_ASSERT_EQUAL(receive_some(link.there, &packet, 4), PAL_E_TRUNCATED);
    CU_ASSERT_TRUE(is_untouched(&packet));
    CU_ASSERT_EQUAL(lowest_free(), lowest);
    /* In several pieces. */
    CU_ASSERT_EQUAL(send_raw_packet(link.here_fd, 5, 3, 2), 0);
    TEST_OK(receive(link.there, &packet));
    CU_ASSERT_EQUAL(packet.n_handles, 6);
    close_handles(&packet);
    CU_ASSERT_EQUAL(lowest_free(), lowest);
    /* An empty packet looks like the end. */
    CU_ASSERT_EQUAL(send_raw_packet(link.here_fd, 0, 1, 2), 0);
    CU_ASSERT_EQUAL(receive(link.there, &packet),
                    TYPE == SOCK_STREAM ? PAL_E_FRAMING : APR_EOF);
    CU_ASSERT_TRUE(is_untouched(&packet));
    CU_ASSERT_EQUAL(lowest_free(), lowest);
    close_link(&link);
}

/* Who has a copy of the socket asked for control data that nobody wants. It
 * takes no room from the handles. */
static void test_unwanted_control(void)
{
    static const int options[] = {SO_PASSCRED, SO_PASSPIDFD, SO_PASSSEC};
    pal_handle_t handles[MAX_HANDLES] = {0};
    link_t link;
    packet_t packet;
    int on = 1;
    int lowest;
    size_t i;

    open_link(&link, TYPE);
    lowest = lowest_free();
    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        /* What the kernel does not know (6.5 has SO_PASSPIDFD) cannot
         * happen. */
        (void)setsockopt(link.there_fd, SOL_SOCKET, options[i], &on,
                         sizeof(on));
        TEST_OK(send_text(link.here, "x", handles, MAX_HANDLES));
        TEST_OK(receive(link.there, &packet));
        CU_ASSERT_EQUAL(packet.n_handles, MAX_HANDLES);
        close_handles(&packet);
        TEST_OK(send_text(link.here, "x", NULL, 0));
        TEST_OK(receive(link.there, &packet));
        CU_ASSERT_EQUAL(packet.n_handles, 0);
        CU_ASSERT_EQUAL(send_raw_packet(link.here_fd, 5, 1, MAX_HANDLES + 1),
                        0);
        CU_ASSERT_EQUAL(receive(link.there, &packet), PAL_E_HANDLES_LOST);
        CU_ASSERT_EQUAL(lowest_free(), lowest);
    }
    close_link(&link);
}

/* No numbers left: the bytes come, the handles are closed, and later packets
 * are as before. */
static void test_no_numbers(void)
{
    pal_handle_t handles[3] = {0, 0, 0};
    struct rlimit before, lowered;
    link_t link;
    packet_t packet;
    int lowest;

    if (test_in_valgrind()) /* which lowers the limit for itself only */
        return;
    open_link(&link, TYPE);
    lowest = lowest_free();
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    TEST_OK(send_text(link.here, "lost", handles, 3));
    TEST_OK(send_text(link.here, "none", handles, 3));
    TEST_OK(send_text(link.here, "kept", handles, 3));
    lowered = before;
    lowered.rlim_cur = (rlim_t)lowest + 2; /* room for two of them */
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &lowered), 0);
    CU_ASSERT_EQUAL(receive(link.there, &packet), PAL_E_HANDLES_LOST);
    CU_ASSERT_STRING_EQUAL(packet.bytes, "lost");
    CU_ASSERT_EQUAL(packet.n_handles, 0);
    lowered.rlim_cur = (rlim_t)lowest;
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &lowered), 0);
    CU_ASSERT_EQUAL(receive(link.there, &packet), PAL_E_HANDLES_LOST);
    CU_ASSERT_STRING_EQUAL(packet.bytes, "none");
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    CU_ASSERT_EQUAL(lowest_free(), lowest);
    TEST_OK(receive(link.there, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "kept");
    CU_ASSERT_EQUAL(packet.n_handles, 3);
    close_handles(&packet);
    close_link(&link);
}

static void test_full(void)
{
    link_t link;
    packet_t packet;
    int n_sent = 0, n_received = 0;
    apr_status_t rv;

    open_link(&link, TYPE);
    while ((rv = send_text(link.here, "packet", NULL, 0)) == APR_SUCCESS)
        n_sent++;
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(rv));
    CU_ASSERT_TRUE(n_sent > 0);
    while ((rv = receive(link.there, &packet)) == APR_SUCCESS)
        n_received++;
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(rv));
    CU_ASSERT_EQUAL(n_received, n_sent);
    TEST_OK(send_text(link.here, "packet", NULL, 0));
    close_link(&link);
}

static void test_shutdown(void)
{
    link_t link;
    packet_t packet;

    open_link(&link, TYPE);
    TEST_OK(send_text(link.here, "last", NULL, 0));
    TEST_OK(pal_channel_shutdown(link.here));
    CU_ASSERT_EQUAL(send_text(link.here, "x", NULL, 0), APR_EPIPE);
    TEST_OK(receive(link.there, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "last");
    CU_ASSERT_EQUAL(receive(link.there, &packet), APR_EOF);
    CU_ASSERT_EQUAL(receive(link.there, &packet), APR_EOF);
    CU_ASSERT_TRUE(is_untouched(&packet));
    TEST_OK(send_text(link.there, "reply", NULL, 0));
    TEST_OK(receive(link.here, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "reply");
    close_link(&link);
}

/* The other end is gone: all it sent is received before its end is seen. */
static void test_peer_gone(void)
{
    link_t link;
    packet_t packet;
    apr_status_t rv;

    open_link(&link, TYPE);
    TEST_OK(send_text(link.there, "last", NULL, 0));
    pal_channel_close(&link.there);
    TEST_OK(receive(link.here, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "last");
    CU_ASSERT_EQUAL(receive(link.here, &packet), APR_EOF);
    CU_ASSERT_EQUAL(send_text(link.here, "x", NULL, 0), APR_EPIPE);
    close_link(&link);

    /* It left something unread: that comes last. */
    open_link(&link, TYPE);
    TEST_OK(send_text(link.here, "unread", NULL, 0));
    TEST_OK(send_text(link.there, "one", NULL, 0));
    TEST_OK(send_text(link.there, "two", NULL, 0));
    pal_channel_close(&link.there);
    TEST_OK(receive(link.here, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "one");
    TEST_OK(receive(link.here, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "two");
    CU_ASSERT_TRUE(APR_STATUS_IS_ECONNRESET(receive(link.here, &packet)));
    CU_ASSERT_TRUE(is_untouched(&packet));
    close_link(&link);

    open_link(&link, TYPE);
    TEST_OK(send_text(link.here, "unread", NULL, 0));
    pal_channel_close(&link.there);
    rv = send_text(link.here, "x", NULL, 0);
    CU_ASSERT_TRUE(APR_STATUS_IS_ECONNRESET(rv) || rv == APR_EPIPE);
    close_link(&link);
}

/* Watching */

typedef struct watcher_t {
    pal_channel_t *channel;
    pal_loop_t *loop;
    pal_channel_t **to_close;
    packet_t packet;
    int n;
    int events;
    apr_status_t status; /* of the last receive */
    int is_done;
} watcher_t;

static void on_event(void *baton, int events)
{
    watcher_t *watcher = baton;

    watcher->n++;
    watcher->events = events;
    if (events & PAL_READABLE)
        watcher->status = receive(watcher->channel, &watcher->packet);
    watcher->is_done = watcher->status == APR_EOF;
    if (watcher->to_close != NULL)
        pal_channel_close(watcher->to_close);
}

static int is_done(void *baton)
{
    return ((watcher_t *)baton)->is_done;
}

static void init_watcher(watcher_t *watcher, pal_channel_t *channel)
{
    memset(watcher, 0, sizeof(*watcher));
    watcher->channel = channel;
    TEST_OK(pal_loop_create(&watcher->loop, test_pool()));
}

static void test_watch(void)
{
    link_t link;
    watcher_t watcher;

    open_link(&link, TYPE);
    init_watcher(&watcher, link.there);
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EINVAL(pal_channel_want(link.there, PAL_READABLE)));
    pal_channel_unwatch(link.there); /* nothing happens */
    TEST_OK(pal_channel_watch(link.there, watcher.loop, PAL_READABLE, on_event,
                              &watcher));
    CU_ASSERT_TRUE(APR_STATUS_IS_EEXIST(pal_channel_watch(
        link.there, watcher.loop, PAL_READABLE, on_event, &watcher)));
    CU_ASSERT_EQUAL(pal_loop_step(watcher.loop, 0), APR_TIMEUP);
    TEST_OK(send_text(link.here, "hello", NULL, 0));
    TEST_OK(pal_loop_step(watcher.loop, LIMIT));
    CU_ASSERT_EQUAL(watcher.events, PAL_READABLE);
    CU_ASSERT_STRING_EQUAL(watcher.packet.bytes, "hello");
    TEST_OK(pal_channel_want(link.there, PAL_READABLE | PAL_WRITABLE));
    TEST_OK(pal_loop_step(watcher.loop, LIMIT));
    CU_ASSERT_EQUAL(watcher.events, PAL_WRITABLE);
    TEST_OK(pal_channel_want(link.there, PAL_READABLE));
    CU_ASSERT_EQUAL(pal_loop_step(watcher.loop, 0), APR_TIMEUP);
    pal_channel_unwatch(link.there);
    TEST_OK(send_text(link.here, "unseen", NULL, 0));
    CU_ASSERT_EQUAL(pal_loop_step(watcher.loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(watcher.n, 2);
    close_link(&link);
}

/* Writable again once the other end has received. */
static void test_watch_writable(void)
{
    link_t link;
    watcher_t watcher;
    packet_t packet;

    open_link(&link, TYPE);
    init_watcher(&watcher, link.here);
    TEST_OK(pal_channel_watch(link.here, watcher.loop, PAL_WRITABLE, on_event,
                              &watcher));
    while (send_text(link.here, "packet", NULL, 0) == APR_SUCCESS)
        ;
    CU_ASSERT_EQUAL(pal_loop_step(watcher.loop, 0), APR_TIMEUP);
    while (receive(link.there, &packet) == APR_SUCCESS)
        ;
    TEST_OK(pal_loop_step(watcher.loop, LIMIT));
    CU_ASSERT_EQUAL(watcher.events, PAL_WRITABLE);
    close_link(&link);
}

static void test_watch_ends(void)
{
    link_t link;
    watcher_t watcher;

    /* Half an end is readable. */
    open_link(&link, TYPE);
    init_watcher(&watcher, link.there);
    TEST_OK(pal_channel_watch(link.there, watcher.loop, PAL_READABLE, on_event,
                              &watcher));
    TEST_OK(pal_channel_shutdown(link.here));
    TEST_OK(pal_loop_run_until(watcher.loop, is_done, &watcher, LIMIT));
    CU_ASSERT_EQUAL(watcher.events, PAL_READABLE);
    /* A whole one hangs up as well. */
    watcher.is_done = 0;
    pal_channel_close(&link.here);
    TEST_OK(pal_loop_run_until(watcher.loop, is_done, &watcher, LIMIT));
    CU_ASSERT_EQUAL(watcher.events, PAL_READABLE | PAL_HANGUP);
    /* With reading put off it is told once. */
    watcher.n = 0;
    TEST_OK(pal_channel_want(link.there, 0));
    TEST_OK(pal_loop_step(watcher.loop, LIMIT));
    CU_ASSERT_EQUAL(watcher.events, PAL_HANGUP);
    CU_ASSERT_EQUAL(pal_loop_step(watcher.loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(watcher.n, 1);
    close_link(&link);
}

/* Of two that are ready the first one called closes the other, and then
 * itself with a packet unread. */
static void test_watch_close(void)
{
    watcher_t watchers[2];
    link_t links[2];
    int i;

    for (i = 0; i < 2; i++) {
        open_link(&links[i], TYPE);
        init_watcher(&watchers[i], links[i].there);
        TEST_OK(send_text(links[i].here, "x", NULL, 0));
        TEST_OK(send_text(links[i].here, "y", NULL, 0));
        TEST_OK(pal_channel_watch(links[i].there, watchers[0].loop,
                                  PAL_READABLE, on_event, &watchers[i]));
    }
    watchers[0].to_close = &links[1].there;
    watchers[1].to_close = &links[0].there;
    TEST_OK(pal_loop_step(watchers[0].loop, LIMIT));
    CU_ASSERT_EQUAL(watchers[0].n + watchers[1].n, 1);
    watchers[0].to_close = &links[0].there;
    watchers[1].to_close = &links[1].there;
    TEST_OK(pal_loop_step(watchers[0].loop, LIMIT));
    CU_ASSERT_EQUAL(watchers[0].n + watchers[1].n, 2);
    CU_ASSERT_EQUAL(pal_loop_step(watchers[0].loop, 0), APR_TIMEUP);
    for (i = 0; i < 2; i++) {
        CU_ASSERT_PTR_NULL(links[i].there);
        close_link(&links[i]);
    }
}

/* The process at the other end is killed. */
static void test_peer_death(void)
{
    pal_handle_t ends[2];
    pal_channel_t *channel;
    watcher_t watcher;
    pid_t pid;
    int status;

    TEST_OK(pal_channel_pair(ends));
    pid = fork();
    CU_ASSERT_FATAL(pid >= 0);
    if (pid == 0) {
        (void)close((int)ends[0]);
        (void)send_raw_packet((int)ends[1], 3, 0, 0);
        for (;;)
            (void)pause();
    }
    pal_handle_close(&ends[1]);
    TEST_OK(pal_channel_open(&channel, &ends[0]));
    init_watcher(&watcher, channel);
    TEST_OK(pal_channel_watch(channel, watcher.loop, PAL_READABLE, on_event,
                              &watcher));
    TEST_OK(pal_loop_step(watcher.loop, LIMIT));
    TEST_OK(watcher.status);
    CU_ASSERT_EQUAL(watcher.packet.len, 3);
    CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
    TEST_OK(pal_loop_run_until(watcher.loop, is_done, &watcher, LIMIT));
    CU_ASSERT_EQUAL(watcher.events, PAL_READABLE | PAL_HANGUP);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    pal_channel_close(&channel);
}

/* Too many descriptors in flight: nothing was sent, and it goes again once
 * some were received. */
static int send_too_many(void *baton)
{
    link_t *link = baton;
    pal_handle_t handles[MAX_HANDLES] = {0};
    packet_t packet;
    apr_status_t rv;

    do {
        rv = send_text(link->here, "x", handles, MAX_HANDLES);
    } while (rv == APR_SUCCESS);
    if (rv != PAL_E_IN_FLIGHT)
        return 1;
    while (receive(link->there, &packet) == APR_SUCCESS)
        close_handles(&packet);
    return send_text(link->here, "x", handles, MAX_HANDLES) == APR_SUCCESS ? 0
                                                                           : 2;
}

static void test_in_flight(void)
{
    link_t link;

    if (test_in_valgrind()) /* which lowers the limit for itself only */
        return;
    open_link(&link, TYPE);
    CU_ASSERT_EQUAL(run_as_user(send_too_many, &link), 0);
    close_link(&link);
}

/* Signals that interrupt a wait are not its end. */
typedef struct disturber_t {
    pthread_t target;
    int wake_fd; /* readable when it is enough */
    int n;
} disturber_t;

static void on_signal(int number)
{
    (void)number;
}

static void *APR_THREAD_FUNC disturb(apr_thread_t *thread, void *baton)
{
    disturber_t *disturber = baton;
    char byte;

    (void)thread;
    while (recv(disturber->wake_fd, &byte, 1, MSG_DONTWAIT) < 0) {
        (void)pthread_kill(disturber->target, SIGUSR1);
        apr_thread_yield();
        disturber->n++;
    }
    return NULL;
}

static void test_signals(void)
{
    struct sigaction action, before;
    disturber_t disturber;
    apr_thread_t *thread;
    pal_loop_t *loop;
    apr_status_t rv;
    link_t link;

    open_link(&link, TYPE);
    TEST_OK(pal_loop_create(&loop, test_pool()));
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    CU_ASSERT_EQUAL_FATAL(sigaction(SIGUSR1, &action, &before), 0);
    disturber.target = pthread_self();
    disturber.wake_fd = link.there_fd;
    disturber.n = 0;
    TEST_OK(
        apr_thread_create(&thread, NULL, disturb, &disturber, test_pool()));
    CU_ASSERT_EQUAL(pal_loop_step(loop, 50000), APR_TIMEUP);
    TEST_OK(send_text(link.here, "x", NULL, 0));
    TEST_OK(apr_thread_join(&rv, thread));
    CU_ASSERT_TRUE(disturber.n > 0);
    CU_ASSERT_EQUAL(sigaction(SIGUSR1, &before, NULL), 0);
    close_link(&link);
}

/* Sends from several threads: no packet is torn or lost, and those of one
 * thread stay in order. */
typedef struct sender_t {
    pal_channel_t *channel;
    int number;
    int n;
    apr_status_t status;
} sender_t;

static void *APR_THREAD_FUNC send_many(apr_thread_t *thread, void *baton)
{
    sender_t *sender = baton;
    int i;

    (void)thread;
    for (i = 0; i < sender->n; i++) {
        int head[2];
        pal_bytes_t parts[2];

        head[0] = sender->number;
        head[1] = i;
        parts[0].data = &head[0];
        parts[0].len = sizeof(head[0]);
        parts[1].data = &head[1];
        parts[1].len = sizeof(head[1]);
        do {
            sender->status =
                pal_channel_send(sender->channel, parts, 2, NULL, 0);
            if (APR_STATUS_IS_EAGAIN(sender->status))
                apr_thread_yield();
        } while (APR_STATUS_IS_EAGAIN(sender->status));
        if (sender->status != APR_SUCCESS)
            break;
    }
    return NULL;
}

typedef struct collector_t {
    pal_channel_t *channel;
    int seen[N_THREADS];
    int n_bad;
    int n_left;
} collector_t;

static void collect(void *baton, int events)
{
    collector_t *collector = baton;
    packet_t packet;
    int head[2];

    (void)events;
    while (receive(collector->channel, &packet) == APR_SUCCESS) {
        memcpy(head, packet.bytes, sizeof(head));
        collector->n_left--;
        if (packet.len != sizeof(head) || head[0] < 0 || head[0] >= N_THREADS
            || head[1] != collector->seen[head[0]]++)
            collector->n_bad++;
    }
}

static int is_complete(void *baton)
{
    return ((collector_t *)baton)->n_left <= 0;
}

static void test_threads(void)
{
    apr_thread_t *threads[N_THREADS];
    sender_t senders[N_THREADS];
    collector_t collector;
    pal_loop_t *loop;
    apr_status_t rv;
    link_t link;
    int i;

    open_link(&link, TYPE);
    TEST_OK(pal_loop_create(&loop, test_pool()));
    memset(&collector, 0, sizeof(collector));
    collector.channel = link.there;
    TEST_OK(pal_channel_watch(link.there, loop, PAL_READABLE, collect,
                              &collector));
    for (i = 0; i < N_THREADS; i++) {
        senders[i].channel = link.here;
        senders[i].number = i;
        senders[i].n = test_scale(10000);
        senders[i].status = APR_SUCCESS;
        collector.n_left += senders[i].n;
        TEST_OK(apr_thread_create(&threads[i], NULL, send_many, &senders[i],
                                  test_pool()));
    }
    TEST_OK(pal_loop_run_until(loop, is_complete, &collector, LIMIT));
    for (i = 0; i < N_THREADS; i++) {
        TEST_OK(apr_thread_join(&rv, threads[i]));
        TEST_OK(senders[i].status);
    }
    CU_ASSERT_EQUAL(collector.n_bad, 0);
    close_link(&link);
}

static const test_case_t cases[] = {
    {"packets", test_packets},
    {"pair", test_pair},
    {"parts", test_parts},
    {"lengths", test_lengths},
    {"largest", test_largest},
    {"handles", test_handles},
    {"bad_handles", test_bad_handles},
    {"open_kinds", test_open_kinds},
    {"hostile", test_hostile},
    {"unwanted_control", test_unwanted_control},
    {"no_numbers", test_no_numbers},
    {"full", test_full},
    {"shutdown", test_shutdown},
    {"peer_gone", test_peer_gone},
    {"watch", test_watch},
    {"watch_writable", test_watch_writable},
    {"watch_ends", test_watch_ends},
    {"watch_close", test_watch_close},
    {"peer_death", test_peer_death},
    {"in_flight", test_in_flight},
    {"signals", test_signals},
    {"threads", test_threads},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal_channel", cases);
}
