/* Channels, as they are on every platform. */
#include "config.h"

#include "harness.h"

#include <pal/channel.h>
#include <pal/handle.h>
#include <pal/loop.h>
#include <pal/process.h>
#include <pal/self.h>
#include <pal/status.h>
#include <pal/stream.h>

#include <apr_portable.h>
#include <apr_thread_proc.h>

#include <stdlib.h>
#include <string.h>

#define LIMIT (10 * APR_USEC_PER_SEC) /* of what must not last this long */

enum { MAX_HANDLES = PAL_CHANNEL_MAX_HANDLES, N_THREADS = 4 };

typedef struct link_t {
    pal_channel_t *here, *there;
} link_t;

typedef struct packet_t {
    char bytes[256];
    apr_size_t len;
    pal_handle_t handles[MAX_HANDLES];
    int n_handles;
} packet_t;

static void open_link(link_t *link)
{
    pal_handle_t ends[2];

    TEST_OK(pal_channel_pair(ends));
    TEST_OK(pal_channel_open(&link->here, &ends[0]));
    TEST_OK(pal_channel_open(&link->there, &ends[1]));
    CU_ASSERT_EQUAL(ends[0], PAL_HANDLE_NONE);
    CU_ASSERT_EQUAL(ends[1], PAL_HANDLE_NONE);
}

static void close_link(link_t *link)
{
    pal_channel_close(&link->here);
    pal_channel_close(&link->there);
}

static apr_status_t send_text(pal_channel_t *channel, const char *text,
                              const pal_handle_t *handles, int n_handles)
{
    pal_bytes_t part;

    part.data = text;
    part.len = strlen(text);
    return pal_channel_send(channel, &part, 1, handles, n_handles);
}

/* Receive into `room` bytes of the packet, which shows if it was touched. */
static apr_status_t receive_some(pal_channel_t *channel, packet_t *packet,
                                 apr_size_t room)
{
    int i;

    memset(packet->bytes, 0, sizeof(packet->bytes));
    packet->len = 777;
    packet->n_handles = -1;
    for (i = 0; i < MAX_HANDLES; i++)
        packet->handles[i] = PAL_HANDLE_NONE;
    return pal_channel_recv(channel, packet->bytes, room, &packet->len,
                            packet->handles, &packet->n_handles);
}

static apr_status_t receive(pal_channel_t *channel, packet_t *packet)
{
    return receive_some(channel, packet, sizeof(packet->bytes) - 1);
}

static int is_untouched(const packet_t *packet)
{
    int i;

    for (i = 0; i < MAX_HANDLES; i++) {
        if (packet->handles[i] != PAL_HANDLE_NONE)
            return 0;
    }
    return packet->len == 777 && packet->n_handles == -1;
}

static void close_handles(packet_t *packet)
{
    int i;

    for (i = 0; i < packet->n_handles; i++)
        pal_handle_close(&packet->handles[i]);
}

static apr_file_t *file_of(pal_handle_t handle)
{
    apr_os_file_t os = (apr_os_file_t)handle;
    apr_file_t *file = NULL;

    TEST_OK(apr_os_file_put(&file, &os, APR_FOPEN_READ | APR_FOPEN_WRITE,
                            test_pool()));
    return file;
}

/* Packets */

static void test_packets(void)
{
    link_t link;
    packet_t packet;

    open_link(&link);
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

static void test_parts(void)
{
    pal_bytes_t parts[9];
    link_t link;
    packet_t packet;
    int i;

    open_link(&link);
    for (i = 0; i < 9; i++) {
        parts[i].data = &"abcdefghi"[i];
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
    pal_handle_t pipe[2];
    link_t link;
    packet_t packet;

    open_link(&link);
    TEST_OK(pal_handle_pipe(pipe));
    TEST_OK(send_text(link.here, "12345678", NULL, 0));
    TEST_OK(receive_some(link.there, &packet, 8));
    CU_ASSERT_EQUAL(packet.len, 8);
    TEST_OK(send_text(link.here, "12345678", pipe, 2));
    CU_ASSERT_EQUAL(receive_some(link.there, &packet, 7), PAL_E_TRUNCATED);
    CU_ASSERT_TRUE(is_untouched(&packet));
    TEST_OK(send_text(link.here, "1", NULL, 0));
    CU_ASSERT_EQUAL(receive_some(link.there, &packet, 0), PAL_E_TRUNCATED);
    /* They are lost. */
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(receive(link.there, &packet)));
    pal_handle_close(&pipe[0]);
    pal_handle_close(&pipe[1]);
    close_link(&link);
}

static void note_event(void *baton, int events)
{
    (void)events;
    ++*(int *)baton;
}

static int is_noted(void *baton)
{
    return *(int *)baton > 0;
}

/* A packet of every length around a power of two, and the largest. The system
 * may take its time over large ones. */
static void test_sizes(void)
{
    char *bytes = calloc(1, PAL_CHANNEL_PACKET_LEN + 1);
    char *room = malloc(PAL_CHANNEL_PACKET_LEN + 1);
    pal_handle_t handles[MAX_HANDLES];
    pal_bytes_t part;
    apr_size_t len;
    pal_loop_t *loop;
    link_t link;
    int n, n_events, n_sizes = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    CU_ASSERT_PTR_NOT_NULL_FATAL(room);
    open_link(&link);
    TEST_OK(pal_loop_create(&loop, test_pool()));
    TEST_OK(pal_channel_watch(link.there, loop, PAL_READABLE, note_event,
                              &n_events));
    part.data = bytes;
    for (part.len = 1; part.len <= PAL_CHANNEL_PACKET_LEN; part.len *= 2) {
        bytes[part.len - 1] = (char)n_sizes++;
        TEST_OK(pal_channel_send(link.here, &part, 1, NULL, 0));
        n_events = 0;
        TEST_OK(pal_loop_run_until(loop, is_noted, &n_events, LIMIT));
        TEST_OK(pal_channel_recv(link.there, room, PAL_CHANNEL_PACKET_LEN,
                                 &len, handles, &n));
        CU_ASSERT_EQUAL_FATAL(len, part.len);
        CU_ASSERT_EQUAL(memcmp(room, bytes, len), 0);
    }
    part.len = PAL_CHANNEL_PACKET_LEN + 1;
    CU_ASSERT_EQUAL(pal_channel_send(link.here, &part, 1, NULL, 0),
                    PAL_E_TRUNCATED);
    close_link(&link);
    free(bytes);
    free(room);
}

static void test_full(void)
{
    link_t link;
    packet_t packet;
    int n_sent = 0, n_received = 0;
    apr_status_t rv;

    open_link(&link);
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

/* Handles */

static void test_handles(void)
{
    pal_handle_t pipe[2], sent[MAX_HANDLES + 1];
    link_t link;
    packet_t packet;
    char byte = 0;
    int i;

    open_link(&link);
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
    CU_ASSERT_EQUAL_FATAL(packet.n_handles, MAX_HANDLES);
    TEST_OK(apr_file_putc('y', file_of(packet.handles[MAX_HANDLES - 1])));
    TEST_OK(apr_file_getc(&byte, file_of(packet.handles[0])));
    CU_ASSERT_EQUAL(byte, 'y');
    close_handles(&packet);
    close_link(&link);
}

/* Each side is told of the other, which is this process itself: so what is
 * done between two processes is done here, both ways. */
static void test_peer_process(void)
{
    pal_process_t *self = NULL;
    pal_stream_t *stream;
    pal_handle_t pipe[2], ends[2];
    link_t link;
    packet_t packet;
    apr_status_t rv = pal_process_attach(&self, pal_self_pid());
    int i;

    if (rv == APR_ENOTIMPL) /* --disable-linux-native */
        return;
    TEST_OK(rv);
    open_link(&link);
    TEST_OK(pal_channel_peer_process_set(link.here, self));
    TEST_OK(pal_channel_peer_process_set(link.there, NULL));
    TEST_OK(pal_handle_pipe(pipe));
    for (i = 0; i < 2; i++) {
        pal_channel_t *from = i == 0 ? link.here : link.there;
        pal_channel_t *to = i == 0 ? link.there : link.here;
        char byte = 0;

        TEST_OK(send_text(from, "x", pipe, 2));
        TEST_OK(receive(to, &packet));
        CU_ASSERT_EQUAL_FATAL(packet.n_handles, 2);
        CU_ASSERT_NOT_EQUAL(packet.handles[0], pipe[0]);
        TEST_OK(apr_file_putc('y', file_of(packet.handles[1])));
        TEST_OK(apr_file_getc(&byte, file_of(pipe[0])));
        CU_ASSERT_EQUAL(byte, 'y');
        close_handles(&packet);
    }
    pal_handle_close(&pipe[0]);
    pal_handle_close(&pipe[1]);
    close_link(&link);
    TEST_OK(pal_stream_pair(ends));
    TEST_OK(pal_stream_open(&stream, &ends[0]));
    TEST_OK(pal_stream_peer_process_set(stream, self));
    pal_stream_close(&stream);
    pal_handle_close(&ends[1]);
    pal_process_close(&self);
}

static void test_bad_handles(void)
{
    pal_handle_t handles[2] = {PAL_HANDLE_NONE, PAL_HANDLE_NONE};
    pal_handle_t pipe[2];
    link_t link;
    packet_t packet;

    open_link(&link);
    TEST_OK(pal_handle_pipe(pipe));
    handles[0] = pipe[0];
    CU_ASSERT_TRUE(APR_STATUS_IS_EBADF(send_text(link.here, "x", handles, 2)));
    handles[1] = 999996;
    CU_ASSERT_TRUE(APR_STATUS_IS_EBADF(send_text(link.here, "x", handles, 2)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(receive(link.there, &packet)));
    pal_handle_close(&pipe[0]);
    pal_handle_close(&pipe[1]);
    close_link(&link);
}

/* What is on its way when an end is closed is closed, too, and so is an end
 * of a channel that is itself on its way. */
static void test_unread_handles(void)
{
    pal_handle_t ends[2], pipe[2];
    link_t link;
    int i;

    for (i = 0; i < 2; i++) {
        open_link(&link);
        TEST_OK(pal_channel_pair(ends));
        TEST_OK(pal_handle_pipe(pipe));
        TEST_OK(send_text(link.here, "unread", pipe, 2));
        TEST_OK(send_text(link.here, "unread", ends, 2));
        pal_channel_close(i == 0 ? &link.here : &link.there);
        close_link(&link);
        pal_handle_close(&ends[0]);
        pal_handle_close(&ends[1]);
        pal_handle_close(&pipe[0]);
        pal_handle_close(&pipe[1]);
    }
}

/* An end is sent over a channel; then it works where it arrived. */
static void test_send_end(void)
{
    pal_handle_t ends[2];
    pal_channel_t *moved, *stayed;
    link_t link;
    packet_t packet;

    open_link(&link);
    TEST_OK(pal_channel_pair(ends));
    TEST_OK(pal_channel_open(&stayed, &ends[1]));
    TEST_OK(send_text(stayed, "before", NULL, 0));
    TEST_OK(send_text(link.here, "end", ends, 1));
    pal_handle_close(&ends[0]);
    TEST_OK(receive(link.there, &packet));
    CU_ASSERT_EQUAL_FATAL(packet.n_handles, 1);
    TEST_OK(pal_channel_open(&moved, &packet.handles[0]));
    TEST_OK(receive(moved, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "before");
    TEST_OK(send_text(moved, "after", NULL, 0));
    TEST_OK(receive(stayed, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "after");
    pal_channel_close(&moved);
    CU_ASSERT_EQUAL(receive(stayed, &packet), APR_EOF);
    pal_channel_close(&stayed);
    close_link(&link);
}

static void test_open_kinds(void)
{
    pal_handle_t pipe[2], none = PAL_HANDLE_NONE, closed = 999996;
    pal_channel_t *channel = NULL;
    pal_handle_t end;

    CU_ASSERT_TRUE(APR_STATUS_IS_EBADF(pal_channel_open(&channel, &none)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EBADF(pal_channel_open(&channel, &closed)));
    CU_ASSERT_EQUAL(closed, 999996);
    TEST_OK(pal_handle_pipe(pipe));
    end = pipe[0];
    CU_ASSERT_EQUAL(pal_channel_open(&channel, &pipe[0]), PAL_E_KIND);
    CU_ASSERT_EQUAL(pipe[0], end);
    pal_handle_close(&pipe[0]);
    pal_handle_close(&pipe[1]);
    CU_ASSERT_PTR_NULL(channel);
}

/* Ends */

static void test_shutdown(void)
{
    link_t link;
    packet_t packet;

    open_link(&link);
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

/* What was sent is received before the end is seen, also what the channel was
 * too full for when it was closed. */
static void test_peer_gone(void)
{
    link_t link;
    packet_t packet;
    int n_sent = 0, n_received = 0;
    apr_status_t rv;

    open_link(&link);
    TEST_OK(send_text(link.there, "last", NULL, 0));
    pal_channel_close(&link.there);
    TEST_OK(receive(link.here, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "last");
    CU_ASSERT_EQUAL(receive(link.here, &packet), APR_EOF);
    CU_ASSERT_EQUAL(send_text(link.here, "x", NULL, 0), APR_EPIPE);
    close_link(&link);

    open_link(&link);
    while (send_text(link.there, "packet", NULL, 0) == APR_SUCCESS)
        n_sent++;
    pal_channel_close(&link.there);
    do {
        rv = receive(link.here, &packet);
        if (rv == APR_SUCCESS)
            n_received++;
    } while (rv == APR_SUCCESS || APR_STATUS_IS_EAGAIN(rv));
    CU_ASSERT_EQUAL(rv, APR_EOF);
    CU_ASSERT_EQUAL(n_received, n_sent);
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

static int has_hung_up(void *baton)
{
    return (((watcher_t *)baton)->events & PAL_HANGUP) != 0;
}

static void init_watcher(watcher_t *watcher, pal_channel_t *channel)
{
    memset(watcher, 0, sizeof(*watcher));
    watcher->channel = channel;
    TEST_OK(pal_loop_create(&watcher->loop, test_pool()));
}

static void watch(watcher_t *watcher, int events)
{
    TEST_OK(pal_channel_watch(watcher->channel, watcher->loop, events,
                              on_event, watcher));
}

static void test_watch(void)
{
    link_t link;
    watcher_t watcher;

    open_link(&link);
    init_watcher(&watcher, link.there);
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EINVAL(pal_channel_want(link.there, PAL_READABLE)));
    pal_channel_unwatch(link.there); /* nothing happens */
    watch(&watcher, PAL_READABLE);
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
    /* Watched again it is seen, as often as it is not received. */
    watch(&watcher, 0);
    CU_ASSERT_EQUAL(pal_loop_step(watcher.loop, 0), APR_TIMEUP);
    TEST_OK(pal_channel_want(link.there, PAL_READABLE));
    TEST_OK(pal_loop_step(watcher.loop, LIMIT));
    CU_ASSERT_STRING_EQUAL(watcher.packet.bytes, "unseen");
    close_link(&link);
}

/* Writable again once the other end has received. */
static void test_watch_writable(void)
{
    link_t link;
    watcher_t watcher;
    packet_t packet;

    open_link(&link);
    init_watcher(&watcher, link.here);
    watch(&watcher, PAL_WRITABLE);
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
    open_link(&link);
    init_watcher(&watcher, link.there);
    watch(&watcher, PAL_READABLE);
    TEST_OK(pal_channel_shutdown(link.here));
    TEST_OK(pal_loop_run_until(watcher.loop, is_done, &watcher, LIMIT));
    CU_ASSERT_EQUAL(watcher.events, PAL_READABLE);
    /* A whole one hangs up as well. */
    pal_channel_close(&link.here);
    TEST_OK(pal_loop_run_until(watcher.loop, has_hung_up, &watcher, LIMIT));
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
        open_link(&links[i]);
        init_watcher(&watchers[i], links[i].there);
        watchers[i].loop = watchers[0].loop;
        watch(&watchers[i], PAL_READABLE);
        TEST_OK(send_text(links[i].here, "x", NULL, 0));
        TEST_OK(send_text(links[i].here, "y", NULL, 0));
    }
    watchers[0].to_close = &links[1].there;
    watchers[1].to_close = &links[0].there;
    TEST_OK(pal_loop_step(watchers[0].loop, LIMIT));
    CU_ASSERT_EQUAL(watchers[0].n + watchers[1].n, 1);
    i = watchers[0].n > 0 ? 0 : 1;
    watchers[i].to_close = &links[i].there;
    TEST_OK(pal_loop_step(watchers[0].loop, LIMIT));
    CU_ASSERT_EQUAL(watchers[i].n, 2);
    CU_ASSERT_PTR_NULL(links[0].there);
    CU_ASSERT_PTR_NULL(links[1].there);
    CU_ASSERT_EQUAL(pal_loop_step(watchers[0].loop, 0), APR_TIMEUP);
    close_link(&links[0]);
    close_link(&links[1]);
}

/* Queue */

/* What a full channel does not take waits, in order, and room is told of. */
static void test_queue(void)
{
    static char bytes[16384];
    pal_bytes_t part = {bytes, sizeof(bytes)};
    apr_size_t limit = 8 * (sizeof(bytes) + PAL_CHANNEL_QUEUED_COST);
    pal_handle_t handles[MAX_HANDLES];
    watcher_t watcher;
    char *room = malloc(sizeof(bytes));
    apr_size_t len;
    link_t link;
    int n_sent = 0, n_received = 0, n;

    CU_ASSERT_PTR_NOT_NULL_FATAL(room);
    open_link(&link);
    init_watcher(&watcher, link.here);
    watch(&watcher, 0);
    pal_channel_queue_set(link.here, limit);
    for (;; n_sent++) {
        memcpy(bytes, &n_sent, sizeof(n_sent));
        if (pal_channel_send(link.here, &part, 1, NULL, 0) != APR_SUCCESS)
            break;
    }
    /* Full: of a packet on a byte stream the rest counts that waits. */
    CU_ASSERT_TRUE(pal_channel_queued(link.here) <= limit);
    CU_ASSERT_TRUE(pal_channel_queued(link.here) + sizeof(bytes)
                       + PAL_CHANNEL_QUEUED_COST
                   > limit);
    while (n_received < n_sent) {
        apr_status_t rv = pal_channel_recv(link.there, room, sizeof(bytes),
                                           &len, handles, &n);

        if (APR_STATUS_IS_EAGAIN(rv)) {
            (void)pal_loop_step(watcher.loop, 1000);
            continue;
        }
        TEST_OK(rv);
        CU_ASSERT_EQUAL(memcmp(room, &n_received, sizeof(n_received)), 0);
        n_received++;
    }
    while (watcher.n == 0)
        TEST_OK(pal_loop_step(watcher.loop, LIMIT));
    CU_ASSERT_EQUAL(watcher.events, PAL_WRITABLE);
    (void)pal_loop_step(watcher.loop, 0);
    CU_ASSERT_EQUAL(watcher.n, 1);
    CU_ASSERT_EQUAL(pal_channel_queued(link.here), 0);
    close_link(&link);
    free(room);
}

/* Threads */

typedef struct sender_t {
    pal_channel_t *channel;
    int number;
    int n;
    apr_status_t status;
} sender_t;

static void *APR_THREAD_FUNC run_sender(apr_thread_t *thread, void *baton)
{
    sender_t *sender = baton;
    int numbers[2];
    pal_bytes_t part;
    int i;

    part.data = numbers;
    part.len = sizeof(numbers);
    numbers[0] = sender->number;
    for (i = 0; i < sender->n && sender->status == APR_SUCCESS; i++) {
        numbers[1] = i;
        do {
            sender->status =
                pal_channel_send(sender->channel, &part, 1, NULL, 0);
            if (APR_STATUS_IS_EAGAIN(sender->status))
                apr_thread_yield();
        } while (APR_STATUS_IS_EAGAIN(sender->status));
    }
    test_thread_exit(thread);
}

typedef struct counter_t {
    pal_channel_t *channel;
    int next[N_THREADS];
    int n_left;
    int n_wrong;
} counter_t;

static void on_numbers(void *baton, int events)
{
    counter_t *counter = baton;
    pal_handle_t handles[MAX_HANDLES];
    int numbers[2];
    apr_size_t len;
    int n;

    (void)events;
    while (pal_channel_recv(counter->channel, numbers, sizeof(numbers), &len,
                            handles, &n)
           == APR_SUCCESS) {
        if (len != sizeof(numbers) || numbers[0] < 0 || numbers[0] >= N_THREADS
            || counter->next[numbers[0]] != numbers[1])
            counter->n_wrong++;
        else
            counter->next[numbers[0]]++;
        counter->n_left--;
    }
}

static int has_counted(void *baton)
{
    return ((counter_t *)baton)->n_left <= 0;
}

/* Several threads send; each one's packets arrive in order. */
static void test_threads(void)
{
    int n = test_scale(1000);
    sender_t senders[N_THREADS];
    apr_thread_t *threads[N_THREADS];
    counter_t counter;
    apr_status_t rv;
    pal_loop_t *loop;
    link_t link;
    int i;

    open_link(&link);
    TEST_OK(pal_loop_create(&loop, test_pool()));
    memset(&counter, 0, sizeof(counter));
    counter.channel = link.there;
    counter.n_left = N_THREADS * n;
    TEST_OK(pal_channel_watch(link.there, loop, PAL_READABLE, on_numbers,
                              &counter));
    for (i = 0; i < N_THREADS; i++) {
        senders[i].channel = link.here;
        senders[i].number = i;
        senders[i].n = n;
        senders[i].status = APR_SUCCESS;
        TEST_OK(apr_thread_create(&threads[i], NULL, run_sender, &senders[i],
                                  test_pool()));
    }
    TEST_OK(pal_loop_run_until(loop, has_counted, &counter, 2 * LIMIT));
    for (i = 0; i < N_THREADS; i++) {
        TEST_OK(apr_thread_join(&rv, threads[i]));
        TEST_OK(senders[i].status);
    }
    CU_ASSERT_EQUAL(counter.n_wrong, 0);
    CU_ASSERT_EQUAL(counter.n_left, 0);
    close_link(&link);
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"packets", test_packets},
        {"parts", test_parts},
        {"lengths", test_lengths},
        {"sizes", test_sizes},
        {"full", test_full},
        {"handles", test_handles},
        {"peer_process", test_peer_process},
        {"bad_handles", test_bad_handles},
        {"unread_handles", test_unread_handles},
        {"send_end", test_send_end},
        {"open_kinds", test_open_kinds},
        {"shutdown", test_shutdown},
        {"peer_gone", test_peer_gone},
        {"watch", test_watch},
        {"watch_writable", test_watch_writable},
        {"watch_ends", test_watch_ends},
        {"watch_close", test_watch_close},
        {"queue", test_queue},
        {"threads", test_threads},
        {NULL, NULL}};

    return test_main(argc, argv, "pal_channel", cases);
}
