/* What goes through the pipes of channels, hostile ends, and listening. */
#include "config.h"

#include "harness.h"

#include <pal/channel.h>
#include <pal/handle.h>
#include <pal/listener.h>
#include <pal/loop.h>
#include <pal/process.h>
#include <pal/self.h>
#include <pal/status.h>
#include <pal/stream.h>

#include <stdlib.h>
#include <string.h>

#include <windows.h>

#define LIMIT (10 * APR_USEC_PER_SEC) /* of what must not last this long */

enum { IN_TABLE = 1, OF_RECEIVER = 2, OF_SENDER = 3 };

/* One end of a channel, and the pipe of the other one. */
typedef struct rig_t {
    pal_channel_t *channel;
    pal_handle_t raw;
    char bytes[64];
    apr_size_t len;
    pal_handle_t handles[PAL_CHANNEL_MAX_HANDLES];
    int n;
} rig_t;

static void open_rig(rig_t *rig)
{
    pal_handle_t ends[2];

    memset(rig, 0, sizeof(*rig));
    TEST_OK(pal_channel_pair(ends));
    TEST_OK(pal_channel_open(&rig->channel, &ends[0]));
    rig->raw = ends[1];
}

static void close_rig(rig_t *rig)
{
    pal_channel_close(&rig->channel);
    pal_handle_close(&rig->raw);
}

static void write_raw(rig_t *rig, const void *bytes, DWORD len)
{
    OVERLAPPED overlapped;
    DWORD n = 0;

    memset(&overlapped, 0, sizeof(overlapped));
    overlapped.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    (void)WriteFile((HANDLE)rig->raw, bytes, len, NULL, &overlapped);
    CU_ASSERT_TRUE(
        GetOverlappedResult((HANDLE)rig->raw, &overlapped, &n, TRUE));
    CU_ASSERT_EQUAL(n, len);
    CloseHandle(overlapped.hEvent);
}

/* A packet "x" with `n` values of 4 bytes, as a peer of that kind sends. */
static void write_values(rig_t *rig, int kind, int n,
                         const apr_uint32_t *values)
{
    unsigned char packet[4 + 4 * 70 + 1];
    DWORD len = 4;
    int i;

    packet[0] = (unsigned char)kind;
    packet[1] = 0;
    packet[2] = (unsigned char)n;
    packet[3] = 0;
    for (i = 0; i < n; i++, len += 4)
        memcpy(packet + len, &values[i], 4);
    packet[len++] = 'x';
    write_raw(rig, packet, len);
}

static apr_status_t receive(rig_t *rig)
{
    return pal_channel_recv(rig->channel, rig->bytes, sizeof(rig->bytes),
                            &rig->len, rig->handles, &rig->n);
}

/* Values that no peer may make us take: none is ours afterwards, and none of
 * ours is closed. */
static void test_hostile_values(void)
{
    HANDLE own = CreateEventW(NULL, TRUE, FALSE, NULL);
    pal_process_t *self;
    apr_uint32_t values[6];
    DWORD flags;
    int i;

    values[0] = 0xffffffffu; /* "this process" */
    values[1] = 0xfffffffeu; /* "this thread" */
    values[2] = 0;
    values[3] = 999996;
    values[4] = (apr_uint32_t)(ULONG_PTR)own | 1;
    values[5] = (apr_uint32_t)(ULONG_PTR)own;
    TEST_OK(pal_process_attach(&self, pal_self_pid()));
    for (i = 0; i < 6; i++) {
        rig_t rig;

        /* Nobody told: what a process says of itself or of us is nothing. */
        open_rig(&rig);
        write_values(&rig, OF_RECEIVER, 1, &values[i]);
        CU_ASSERT_EQUAL(receive(&rig), PAL_E_HANDLES_LOST);
        CU_ASSERT_EQUAL(rig.len, 1);
        CU_ASSERT_EQUAL(rig.n, 0);
        write_values(&rig, OF_SENDER, 1, &values[i]);
        CU_ASSERT_EQUAL(receive(&rig), PAL_E_HANDLES_LOST);
        write_values(&rig, IN_TABLE, 4, values); /* as long as a number */
        CU_ASSERT_EQUAL(receive(&rig), PAL_E_HANDLES_LOST);
        close_rig(&rig);
        if (i == 5)
            break; /* that one is good where it comes from */
        open_rig(&rig);
        TEST_OK(pal_channel_peer_process_set(rig.channel, self));
        write_values(&rig, OF_SENDER, 1, &values[i]);
        CU_ASSERT_EQUAL(receive(&rig), PAL_E_HANDLES_LOST);
        write_values(&rig, OF_RECEIVER, 1, &values[i]);
        CU_ASSERT_EQUAL(receive(&rig), PAL_E_HANDLES_LOST);
        close_rig(&rig);
        open_rig(&rig);
        TEST_OK(pal_channel_peer_process_set(rig.channel, NULL));
        CU_ASSERT_TRUE(APR_STATUS_IS_EEXIST(
            pal_channel_peer_process_set(rig.channel, NULL)));
        write_values(&rig, OF_RECEIVER, 1, &values[i]);
        CU_ASSERT_EQUAL(receive(&rig), PAL_E_HANDLES_LOST);
        write_values(&rig, OF_SENDER, 1, &values[i]);
        CU_ASSERT_EQUAL(receive(&rig), PAL_E_HANDLES_LOST);
        close_rig(&rig);
    }
    CU_ASSERT_TRUE(GetHandleInformation(own, &flags));
    pal_process_close(&self);
    CloseHandle(own);
}

/* One bad value among good ones: none arrives, all are taken out. */
static void test_hostile_mix(void)
{
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    pal_process_t *self;
    apr_uint32_t values[3];
    DWORD flags;
    rig_t rig;

    values[0] = 0xffffffffu;
    values[1] = values[2] = (apr_uint32_t)(ULONG_PTR)event; /* twice */
    TEST_OK(pal_process_attach(&self, pal_self_pid()));
    open_rig(&rig);
    TEST_OK(pal_channel_peer_process_set(rig.channel, self));
    write_values(&rig, OF_SENDER, 3, values);
    CU_ASSERT_EQUAL(receive(&rig), PAL_E_HANDLES_LOST);
    CU_ASSERT_FALSE(GetHandleInformation(event, &flags));
    close_rig(&rig);
    pal_process_close(&self);
}

static void test_hostile_framing(void)
{
    static const struct {
        const char *bytes;
        DWORD len;
    } packets[] = {
        {"\0\0", 2},          /* no whole head */
        {"\0\0\1\0x", 5},     /* handles of no kind */
        {"\2\0\0\0x", 5},     /* a kind and no handles */
        {"\2\0\1\0x", 5},     /* shorter than its handles */
        {"\2\0\1\0abcd", 8},  /* nothing behind them */
        {"\4\0\1\0abcdx", 9}, /* unknown */
        {"\0\1\0\0x", 5},     {"\2\0\101\0x", 5}, /* 65 handles */
    };
    pal_bytes_t part = {"y", 1};
    size_t i;

    for (i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
        rig_t rig;

        open_rig(&rig);
        write_raw(&rig, packets[i].bytes, packets[i].len);
        write_raw(&rig, "\0\0\0\0x", 5);
        CU_ASSERT_EQUAL(receive(&rig), PAL_E_FRAMING);
        CU_ASSERT_EQUAL(receive(&rig), PAL_E_FRAMING);
        TEST_OK(pal_channel_send(rig.channel, &part, 1, NULL, 0));
        close_rig(&rig);
    }
}

/* Above the largest packet, without a byte of it being read. */
static void test_hostile_length(void)
{
    DWORD len = PAL_CHANNEL_MAX_PACKET_LEN + 1024;
    char *bytes = calloc(1, len);
    OVERLAPPED overlapped;
    rig_t rig;
    DWORD n;

    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    open_rig(&rig);
    CU_ASSERT_EQUAL(pal_channel_max_packet_set(rig.channel,
                                               PAL_CHANNEL_MAX_PACKET_LEN + 1),
                    PAL_E_LIMIT);
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EINVAL(pal_channel_max_packet_set(rig.channel, 0)));
    TEST_OK(
        pal_channel_max_packet_set(rig.channel, PAL_CHANNEL_MAX_PACKET_LEN));
    memset(&overlapped, 0, sizeof(overlapped));
    (void)WriteFile((HANDLE)rig.raw, bytes, len, NULL, &overlapped);
    CU_ASSERT_EQUAL(receive(&rig), PAL_E_FRAMING);
    (void)CancelIoEx((HANDLE)rig.raw, &overlapped);
    (void)GetOverlappedResult((HANDLE)rig.raw, &overlapped, &n, TRUE);
    close_rig(&rig);
    free(bytes);
}

/* Ends of the one kind are none of the other. */
static void test_kinds(void)
{
    pal_handle_kind_t kind;
    pal_handle_t ends[2];
    pal_channel_t *channel = NULL;
    pal_stream_t *stream = NULL;
    DWORD flags;

    TEST_OK(pal_stream_pair(ends));
    TEST_OK(pal_handle_kind(ends[0], &kind));
    CU_ASSERT_EQUAL(kind, PAL_HANDLE_CHANNEL);
    CU_ASSERT_EQUAL(pal_channel_open(&channel, &ends[0]), PAL_E_KIND);
    TEST_OK(pal_stream_open(&stream, &ends[0]));
    pal_stream_close(&stream);
    pal_handle_close(&ends[1]);
    TEST_OK(pal_channel_pair(ends));
    CU_ASSERT_TRUE(GetHandleInformation((HANDLE)ends[0], &flags));
    CU_ASSERT_EQUAL(flags & HANDLE_FLAG_INHERIT, 0);
    CU_ASSERT_TRUE(GetHandleInformation((HANDLE)ends[1], &flags));
    CU_ASSERT_EQUAL(flags & HANDLE_FLAG_INHERIT, 0);
    CU_ASSERT_EQUAL(pal_stream_open(&stream, &ends[1]), PAL_E_KIND);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    CU_ASSERT_PTR_NULL(stream);
    CU_ASSERT_PTR_NULL(channel);
}

/* Bytes of a stream come in whatever pieces they are asked for, the handles
 * with the first. */
static void test_stream(void)
{
    pal_handle_t ends[2], pipe[2], handles[PAL_CHANNEL_MAX_HANDLES];
    pal_bytes_t part = {"abcdef", 6};
    pal_stream_t *here, *there;
    char bytes[8];
    apr_size_t len = 0;
    int n = 0;

    TEST_OK(pal_stream_pair(ends));
    TEST_OK(pal_stream_open(&here, &ends[0]));
    TEST_OK(pal_stream_open(&there, &ends[1]));
    TEST_OK(pal_handle_pipe(pipe));
    TEST_OK(pal_stream_send(here, &part, 1, pipe, 2, &len));
    CU_ASSERT_EQUAL(len, 6);
    TEST_OK(pal_stream_send(here, &part, 1, NULL, 0, &len));
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(
        pal_stream_recv(there, bytes, 0, &len, handles, &n)));
    TEST_OK(pal_stream_recv(there, bytes, 4, &len, handles, &n));
    CU_ASSERT_EQUAL(len, 4);
    CU_ASSERT_EQUAL(memcmp(bytes, "abcd", 4), 0);
    CU_ASSERT_EQUAL_FATAL(n, 2);
    pal_handle_close(&handles[0]);
    pal_handle_close(&handles[1]);
    TEST_OK(pal_stream_recv(there, bytes, 8, &len, handles, &n));
    CU_ASSERT_EQUAL(len, 2);
    CU_ASSERT_EQUAL(n, 0);
    TEST_OK(pal_stream_shutdown(here));
    TEST_OK(pal_stream_recv(there, bytes, 5, &len, handles, &n));
    pal_stream_close(&here);
    TEST_OK(pal_stream_recv(there, bytes, 5, &len, handles, &n));
    CU_ASSERT_EQUAL(len, 1);
    CU_ASSERT_EQUAL(pal_stream_recv(there, bytes, 5, &len, handles, &n),
                    APR_EOF);
    pal_stream_close(&there);
    pal_handle_close(&pipe[0]);
    pal_handle_close(&pipe[1]);
}

/* Listening */

typedef struct client_t {
    int n;
    apr_status_t status;
    pal_handle_t end;
    pal_peer_t peer;
} client_t;

static void on_client(void *baton, pal_listener_t *listener)
{
    client_t *client = baton;

    client->status =
        pal_listener_accept(listener, &client->end, &client->peer);
    client->n += client->status == APR_SUCCESS;
}

static void on_connected(void *baton, apr_status_t status, pal_handle_t *end,
                         const pal_peer_t *peer)
{
    client_t *client = baton;

    client->n++;
    client->status = status;
    client->peer = *peer;
    if (status == APR_SUCCESS) {
        client->end = *end;
        *end = PAL_HANDLE_NONE;
    }
}

static int is_connected(void *baton)
{
    return ((client_t *)baton)->n > 0;
}

static void test_listen(void)
{
    client_t server = {0, APR_SUCCESS, PAL_HANDLE_NONE, {0, 0, 0}};
    client_t client = {0, APR_SUCCESS, PAL_HANDLE_NONE, {0, 0, 0}};
    pal_listener_t *listener, *other;
    pal_connector_t *connector;
    pal_channel_t *here, *there;
    pal_bytes_t part = {"hello", 5};
    pal_handle_t handles[PAL_CHANNEL_MAX_HANDLES];
    char bytes[8];
    apr_size_t len;
    pal_loop_t *loop;
    pal_process_t *process = NULL;
    int n;

    TEST_OK(pal_loop_create(&loop, test_pool()));
    TEST_OK(pal_listener_create(&listener, PAL_LISTEN_CHANNEL, test_pool()));
    TEST_OK(pal_listener_create(&other, PAL_LISTEN_CHANNEL, test_pool()));
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(pal_listener_open(listener, "a\\b")));
    TEST_OK(pal_listener_open(listener, "palmesh-test"));
    CU_ASSERT_EQUAL(pal_listener_open(listener, "palmesh-test"),
                    PAL_E_STARTED);
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EEXIST(pal_listener_open(other, "palmesh-test")));
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(
        pal_listener_accept(listener, &server.end, &server.peer)));
    TEST_OK(pal_listener_watch(listener, loop, on_client, &server));
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    TEST_OK(pal_connector_open(&connector, PAL_LISTEN_CHANNEL, "palmesh-test",
                               loop, LIMIT, on_connected, &client));
    TEST_OK(pal_loop_run_until(loop, is_connected, &client, LIMIT));
    TEST_OK(client.status);
    TEST_OK(pal_loop_run_until(loop, is_connected, &server, LIMIT));
    CU_ASSERT_EQUAL(server.peer.pid, pal_self_pid());
    CU_ASSERT_EQUAL(server.peer.uid, -1);
    CU_ASSERT_EQUAL(client.peer.pid, pal_self_pid());
    CU_ASSERT_EQUAL(pal_peer_process(server.end, &process), APR_ENOTIMPL);
    TEST_OK(pal_channel_open(&here, &server.end));
    TEST_OK(pal_channel_open(&there, &client.end));
    TEST_OK(pal_channel_send(there, &part, 1, NULL, 0));
    TEST_OK(pal_channel_recv(here, bytes, 8, &len, handles, &n));
    CU_ASSERT_EQUAL(len, 5);
    pal_channel_close(&here);
    pal_channel_close(&there);
    pal_connector_close(&connector);
    pal_listener_close(listener);
    pal_listener_close(other);
    pal_loop_destroy(loop);
}

/* More than can wait at a time; then nobody listens. */
static void test_connect(void)
{
    pal_handle_t ends[2] = {PAL_HANDLE_NONE, PAL_HANDLE_NONE};
    pal_handle_t end = PAL_HANDLE_NONE;
    pal_listener_t *listener;

    TEST_OK(pal_listener_create(&listener, PAL_LISTEN_STREAM, test_pool()));
    TEST_OK(pal_listener_backlog_set(listener, 1));
    TEST_OK(pal_listener_security_set(listener, "no such language"));
    CU_ASSERT_NOT_EQUAL(pal_listener_open(listener, "palmesh-test"),
                        APR_SUCCESS);
    TEST_OK(pal_listener_security_set(listener, "D:P(A;;GA;;;WD)"));
    TEST_OK(pal_listener_open(listener, "palmesh-test"));
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(
        pal_connect(&end, PAL_LISTEN_CHANNEL, "palmesh-test", LIMIT, NULL)));
    TEST_OK(
        pal_connect(&ends[0], PAL_LISTEN_STREAM, "palmesh-test", LIMIT, NULL));
    CU_ASSERT_TRUE(APR_STATUS_IS_TIMEUP(
        pal_connect(&end, PAL_LISTEN_STREAM, "palmesh-test", 20000, NULL)));
    TEST_OK(pal_listener_accept(listener, &ends[1], NULL));
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    /* One that came and went. */
    TEST_OK(
        pal_connect(&ends[0], PAL_LISTEN_STREAM, "palmesh-test", LIMIT, NULL));
    pal_handle_close(&ends[0]);
    if (pal_listener_accept(listener, &ends[1], NULL) == APR_SUCCESS)
        pal_handle_close(&ends[1]);
    TEST_OK(
        pal_connect(&ends[0], PAL_LISTEN_STREAM, "palmesh-test", LIMIT, NULL));
    pal_handle_close(&ends[0]);
    pal_listener_close(listener);
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(
        pal_connect(&end, PAL_LISTEN_STREAM, "palmesh-test", LIMIT, NULL)));
    CU_ASSERT_EQUAL(end, PAL_HANDLE_NONE);
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"hostile_values", test_hostile_values},
        {"hostile_mix", test_hostile_mix},
        {"hostile_framing", test_hostile_framing},
        {"hostile_length", test_hostile_length},
        {"kinds", test_kinds},
        {"stream", test_stream},
        {"listen", test_listen},
        {"connect", test_connect},
        {NULL, NULL}};

    return test_main(argc, argv, "win32_pipe", cases);
}
