#include "config.h"

#include "endpoint_win32.h"

#include "poller_iocp.h"
#include "transit_win32.h"

#include "../process_private.h"

#include <pal/status.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARTS 8
#define STREAM_PACKET_LEN (32 << 10) /* most bytes of a stream in a packet */
#define DRAIN_LEN 4096
#define STOLEN_TIMEOUT 1000 /* ms */

/* A packet that is on its way: head and bytes. */
typedef struct outgoing_t {
    struct outgoing_t *next;
    int n_handles;
    apr_size_t len;      /* of all bytes */
    apr_size_t body_len; /* without the head */
    unsigned char bytes[1];
} outgoing_t;

struct pal__endpoint_t {
    HANDLE pipe;

    SRWLOCK lock; /* for this group */
    pal__peer_t peer;
    apr_size_t max_packet;
    OVERLAPPED overlapped; /* of `writing` */
    HANDLE written;        /* event: that write is done */
    PTP_WAIT wait;         /* for it */
    outgoing_t *writing;   /* or NULL */
    outgoing_t *queue, **queue_end;
    apr_size_t queued; /* bytes, with PAL_CHANNEL_QUEUED_COST each */
    apr_size_t limit;
    int n_handles;       /* in the queue */
    int was_refused;     /* somebody is to be told of room in the queue */
    int is_finishing;    /* no more comes after the queue */
    int is_closed;       /* to be freed when nothing is being written */
    int has_lost;        /* something was not received by the other end */
    apr_status_t broken; /* cannot send any more */
    pal__source_t *source;

    HANDLE read; /* event for reads that do not wait */
    pal__port_t *port;
    const OVERLAPPED *looking; /* the read of no bytes, or NULL */
    int is_readable;           /* when we last looked */
    int is_hung_up;
    int is_ended; /* the other end said that no more comes */
    int told_hangup, told_broken;
    apr_status_t bad_framing;
    apr_size_t rest; /* of a packet that was received in part */
    int wants;
    pal_watch_fn_t fn;
    void *baton;
};

static apr_status_t last_error(void)
{
    return APR_FROM_OS_ERROR(GetLastError());
}

/* With this bit in the event's value no completion goes to the loop. */
static HANDLE not_to_port(HANDLE event)
{
    return (HANDLE)((ULONG_PTR)event | 1);
}

/* ---- sending; under the lock ---- */

static void drop(pal__endpoint_t *endpoint, outgoing_t *outgoing)
{
    pal__transit_undo(&endpoint->peer, outgoing->bytes);
    free(outgoing);
}

static void drop_queue(pal__endpoint_t *endpoint)
{
    outgoing_t *outgoing;

    while ((outgoing = endpoint->queue) != NULL) {
        endpoint->queue = outgoing->next;
        endpoint->has_lost = 1;
        drop(endpoint, outgoing);
    }
    endpoint->queue_end = &endpoint->queue;
    endpoint->queued = 0;
    endpoint->n_handles = 0;
}

static void break_sending(pal__endpoint_t *endpoint, apr_status_t why)
{
    endpoint->broken = why;
    drop_queue(endpoint);
}

/* Hand it to the system, which writes it now or later. */
static apr_status_t write_packet(pal__endpoint_t *endpoint,
                                 outgoing_t *outgoing)
{
    DWORD error;

    memset(&endpoint->overlapped, 0, sizeof(endpoint->overlapped));
    endpoint->overlapped.hEvent = not_to_port(endpoint->written);
    if (WriteFile(endpoint->pipe, outgoing->bytes, (DWORD)outgoing->len, NULL,
                  &endpoint->overlapped)) {
        free(outgoing);
        return APR_SUCCESS;
    }
    error = GetLastError();
    if (error != ERROR_IO_PENDING)
        return pal__pipe_status(error);
    endpoint->writing = outgoing;
    SetThreadpoolWait(endpoint->wait, endpoint->written, NULL);
    return APR_SUCCESS;
}

/* Takes `outgoing`. */
static apr_status_t write_or_drop(pal__endpoint_t *endpoint,
                                  outgoing_t *outgoing)
{
    apr_status_t rv = write_packet(endpoint, outgoing);

    if (rv != APR_SUCCESS) {
        drop(endpoint, outgoing);
        break_sending(endpoint, rv);
    }
    return rv;
}

static void enqueue(pal__endpoint_t *endpoint, outgoing_t *outgoing)
{
    outgoing->next = NULL;
    *endpoint->queue_end = outgoing;
    endpoint->queue_end = &outgoing->next;
    endpoint->queued += PAL_CHANNEL_QUEUED_COST + outgoing->body_len;
    endpoint->n_handles += outgoing->n_handles;
}

static void write_queue(pal__endpoint_t *endpoint)
{
    outgoing_t *outgoing;

    while (endpoint->writing == NULL && (outgoing = endpoint->queue) != NULL) {
        endpoint->queue = outgoing->next;
        if (endpoint->queue == NULL)
            endpoint->queue_end = &endpoint->queue;
        endpoint->queued -= PAL_CHANNEL_QUEUED_COST + outgoing->body_len;
        endpoint->n_handles -= outgoing->n_handles;
        (void)write_or_drop(endpoint, outgoing);
    }
}

/* The write that was under way is done. */
static void settle(pal__endpoint_t *endpoint)
{
    outgoing_t *outgoing = endpoint->writing;
    DWORD error = ERROR_SUCCESS;
    DWORD n;

    endpoint->writing = NULL;
    if (!GetOverlappedResult(endpoint->pipe, &endpoint->overlapped, &n, FALSE))
        error = GetLastError();
    if (error == ERROR_SUCCESS) {
        free(outgoing);
    }
    else if (error == ERROR_OPERATION_ABORTED) {
        /* With the thread that began it. */
        (void)write_or_drop(endpoint, outgoing);
    }
    else {
        endpoint->has_lost = 1;
        drop(endpoint, outgoing);
        break_sending(endpoint, pal__pipe_status(error));
    }
    write_queue(endpoint);
}

static void free_endpoint(pal__endpoint_t *endpoint)
{
    if (endpoint->wait != NULL)
        CloseThreadpoolWait(endpoint->wait);
    if (endpoint->peer.process != NULL)
        (void)CloseHandle(endpoint->peer.process);
    if (endpoint->written != NULL)
        (void)CloseHandle(endpoint->written);
    if (endpoint->read != NULL)
        (void)CloseHandle(endpoint->read);
    pal__port_release(&endpoint->port);
    if (endpoint->pipe != NULL)
        (void)CloseHandle(endpoint->pipe);
    free(endpoint);
}

/* On a thread of the pool. */
static VOID CALLBACK written(PTP_CALLBACK_INSTANCE instance, PVOID baton,
                             PTP_WAIT wait, TP_WAIT_RESULT result)
{
    pal__endpoint_t *endpoint = baton;
    int is_over;

    (void)instance;
    (void)wait;
    (void)result;
    AcquireSRWLockExclusive(&endpoint->lock);
    settle(endpoint);
    if (endpoint->source != NULL)
        pal__source_post(endpoint->source);
    is_over = endpoint->is_closed && endpoint->writing == NULL;
    ReleaseSRWLockExclusive(&endpoint->lock);
    if (is_over)
        free_endpoint(endpoint);
}

/* ---- the calls that send ---- */

static apr_status_t check(const pal_bytes_t *parts, int n_parts, int n_handles,
                          apr_size_t *ret_len)
{
    apr_size_t len = 0;
    int i;

    if (n_parts < 1 || n_parts > MAX_PARTS || n_handles < 0
        || n_handles > PAL_CHANNEL_MAX_HANDLES)
        return APR_EINVAL;
    for (i = 0; i < n_parts; i++) {
        if (parts[i].len > APR_SIZE_MAX - len)
            return PAL_E_TRUNCATED;
        len += parts[i].len;
    }
    *ret_len = len;
    return len > 0 ? APR_SUCCESS : APR_EINVAL;
}

/* A packet with the first `len` bytes of the parts. */
static apr_status_t make(pal__endpoint_t *endpoint, const pal_bytes_t *parts,
                         apr_size_t len, const pal_handle_t *handles,
                         int n_handles, outgoing_t **ret_outgoing)
{
    unsigned char head[PAL__TRANSIT_MAX_LEN];
    apr_size_t head_len = 0;
    outgoing_t *outgoing = malloc(sizeof(*outgoing) + sizeof(head) + len);
    unsigned char *at;
    apr_status_t rv;

    if (outgoing == NULL)
        return APR_ENOMEM;
    rv = pal__transit_pack(&endpoint->peer, endpoint, handles, n_handles, head,
                           &head_len);
    if (rv != APR_SUCCESS) {
        free(outgoing);
        return rv;
    }
    outgoing->n_handles = n_handles;
    outgoing->body_len = len;
    outgoing->len = head_len + len;
    memcpy(outgoing->bytes, head, head_len);
    for (at = outgoing->bytes + head_len; len > 0; parts++) {
        apr_size_t n = parts->len < len ? parts->len : len;

        if (n > 0)
            memcpy(at, parts->data, n);
        at += n;
        len -= n;
    }
    *ret_outgoing = outgoing;
    return APR_SUCCESS;
}

/* Is there something that the system has no room for? What it has written is
 * still `writing` until the pool says so, but it keeps nobody waiting. */
static int is_full(const pal__endpoint_t *endpoint)
{
    return endpoint->queue != NULL
           || (endpoint->writing != NULL
               && !HasOverlappedIoCompleted(&endpoint->overlapped));
}

/* How much of `len` bytes can be sent or queued now. */
static apr_status_t room_for(pal__endpoint_t *endpoint, apr_size_t len,
                             int n_handles, int is_partial,
                             apr_size_t *ret_len)
{
    apr_size_t most = is_partial ? STREAM_PACKET_LEN : endpoint->max_packet;
    apr_size_t used = endpoint->queued + PAL_CHANNEL_QUEUED_COST;

    if (endpoint->is_finishing)
        return APR_EPIPE;
    if (endpoint->broken != APR_SUCCESS)
        return endpoint->broken;
    if (len > most && !is_partial)
        return PAL_E_TRUNCATED;
    if (len > most)
        len = most;
    if (is_full(endpoint)) {
        apr_size_t room = endpoint->limit > used ? endpoint->limit - used : 0;

        if (is_partial && len > room)
            len = room;
        if (room == 0 || len > room
            || n_handles
                   > PAL_CHANNEL_MAX_QUEUED_HANDLES - endpoint->n_handles) {
            endpoint->was_refused = endpoint->limit > 0;
            return APR_EAGAIN;
        }
    }
    *ret_len = len;
    return APR_SUCCESS;
}

apr_status_t pal__endpoint_send(pal__endpoint_t *endpoint,
                                const pal_bytes_t *parts, int n_parts,
                                const pal_handle_t *handles, int n_handles,
                                int is_partial, apr_size_t *ret_len)
{
    outgoing_t *outgoing = NULL;
    apr_size_t len = 0;
    apr_status_t rv = check(parts, n_parts, n_handles, &len);

    if (rv != APR_SUCCESS)
        return rv;
    AcquireSRWLockExclusive(&endpoint->lock);
    rv = room_for(endpoint, len, n_handles, is_partial, &len);
    if (rv == APR_SUCCESS)
        rv = make(endpoint, parts, len, handles, n_handles, &outgoing);
    if (rv == APR_SUCCESS) {
        if (endpoint->writing != NULL)
            enqueue(endpoint, outgoing);
        else
            rv = write_or_drop(endpoint, outgoing);
    }
    ReleaseSRWLockExclusive(&endpoint->lock);
    if (rv == APR_SUCCESS)
        *ret_len = len;
    return rv;
}

apr_status_t pal__endpoint_shutdown(pal__endpoint_t *endpoint)
{
    outgoing_t *outgoing = NULL;
    apr_status_t rv = APR_SUCCESS;

    AcquireSRWLockExclusive(&endpoint->lock);
    if (!endpoint->is_finishing && endpoint->broken == APR_SUCCESS) {
        rv = make(endpoint, NULL, 0, NULL, 0, &outgoing);
        if (rv == APR_SUCCESS) {
            endpoint->is_finishing = 1;
            if (endpoint->writing != NULL)
                enqueue(endpoint, outgoing);
            else /* a broken one has nobody to tell */
                (void)write_or_drop(endpoint, outgoing);
        }
    }
    ReleaseSRWLockExclusive(&endpoint->lock);
    return rv;
}

void pal__endpoint_queue_set(pal__endpoint_t *endpoint, apr_size_t limit)
{
    AcquireSRWLockExclusive(&endpoint->lock);
    endpoint->limit = limit;
    ReleaseSRWLockExclusive(&endpoint->lock);
}

apr_size_t pal__endpoint_queued(pal__endpoint_t *endpoint)
{
    apr_size_t queued;

    AcquireSRWLockExclusive(&endpoint->lock);
    queued = endpoint->queued;
    ReleaseSRWLockExclusive(&endpoint->lock);
    return queued;
}

apr_size_t pal__endpoint_max_packet(pal__endpoint_t *endpoint)
{
    return endpoint->max_packet;
}

void pal__endpoint_max_packet_set(pal__endpoint_t *endpoint, apr_size_t len)
{
    AcquireSRWLockExclusive(&endpoint->lock);
    endpoint->max_packet = len;
    ReleaseSRWLockExclusive(&endpoint->lock);
}

apr_status_t pal__endpoint_peer_set(pal__endpoint_t *endpoint,
                                    pal_process_t *process)
{
    HANDLE copy = NULL;

    if (endpoint->peer.kind != PAL__PEER_UNTOLD)
        return APR_EEXIST;
    if (process != NULL
        && !DuplicateHandle(GetCurrentProcess(),
                            (HANDLE)pal__process_handle(process),
                            GetCurrentProcess(), &copy,
                            PROCESS_DUP_HANDLE | SYNCHRONIZE, FALSE, 0))
        return last_error();
    AcquireSRWLockExclusive(&endpoint->lock);
    endpoint->peer.process = copy;
    endpoint->peer.kind =
        process != NULL ? PAL__PEER_PROCESS : PAL__PEER_LAUNCHER;
    ReleaseSRWLockExclusive(&endpoint->lock);
    return APR_SUCCESS;
}

/* ---- receiving ---- */

/* Read what is there, without waiting for more. *ret_more: the packet goes
 * on. */
static apr_status_t read_some(pal__endpoint_t *endpoint, void *buf,
                              apr_size_t len, apr_size_t *ret_len,
                              int *ret_more)
{
    OVERLAPPED overlapped;
    DWORD error = ERROR_SUCCESS;
    DWORD n = 0;

    memset(&overlapped, 0, sizeof(overlapped));
    overlapped.hEvent = not_to_port(endpoint->read);
    if (!ReadFile(endpoint->pipe, buf, (DWORD)len, NULL, &overlapped))
        error = GetLastError();
    if (error == ERROR_IO_PENDING) {
        /* There was something; who has another handle of this end may have
         * taken it. He is not to make us wait. */
        if (WaitForSingleObject(endpoint->read, STOLEN_TIMEOUT)
            != WAIT_OBJECT_0)
            (void)CancelIoEx(endpoint->pipe, &overlapped);
        error = ERROR_SUCCESS;
    }
    if (error != ERROR_SUCCESS && error != ERROR_MORE_DATA)
        return pal__pipe_status(error);
    error = ERROR_SUCCESS;
    if (!GetOverlappedResult(endpoint->pipe, &overlapped, &n, TRUE))
        error = GetLastError();
    if (error == ERROR_OPERATION_ABORTED)
        return PAL_E_FRAMING;
    if (error != ERROR_SUCCESS && error != ERROR_MORE_DATA)
        return pal__pipe_status(error);
    *ret_len = n;
    *ret_more = error == ERROR_MORE_DATA;
    return APR_SUCCESS;
}

/* How the end of all packets is reported. */
static apr_status_t end_status(pal__endpoint_t *endpoint)
{
    int has_lost;

    AcquireSRWLockExclusive(&endpoint->lock);
    has_lost = endpoint->has_lost;
    ReleaseSRWLockExclusive(&endpoint->lock);
    return has_lost ? APR_ECONNRESET : APR_EOF;
}

/* The length of the packet that is there.
 * Errors: APR_EAGAIN: there is none; as for pal_channel_recv. */
static apr_status_t next_len(pal__endpoint_t *endpoint, apr_size_t *ret_len)
{
    DWORD there = 0;
    DWORD len = 0;

    if (!PeekNamedPipe(endpoint->pipe, NULL, 0, NULL, &there, &len)
        && GetLastError() != ERROR_MORE_DATA) {
        apr_status_t rv = pal__pipe_status(GetLastError());

        if (rv != APR_EPIPE)
            return rv;
        endpoint->is_hung_up = 1;
        return end_status(endpoint);
    }
    if (there == 0)
        return APR_EAGAIN;
    if (len < PAL__TRANSIT_HEAD_LEN
        || len > endpoint->max_packet + PAL__TRANSIT_MAX_LEN)
        return PAL_E_FRAMING;
    *ret_len = len;
    return APR_SUCCESS;
}

/* Read exactly so much of a packet. */
static apr_status_t read_part(pal__endpoint_t *endpoint, void *buf,
                              apr_size_t len, int *ret_more)
{
    apr_size_t n = 0;
    apr_status_t rv = read_some(endpoint, buf, len, &n, ret_more);

    return rv == APR_SUCCESS && n != len ? PAL_E_FRAMING : rv;
}

/* Read the head of the next packet. *ret_len: what follows it. */
static apr_status_t read_head(pal__endpoint_t *endpoint, unsigned char *head,
                              apr_size_t *ret_len)
{
    apr_size_t len = 0, rest = 0;
    int more = 0;
    apr_status_t rv = next_len(endpoint, &len);

    if (rv == APR_SUCCESS)
        rv = read_part(endpoint, head, PAL__TRANSIT_HEAD_LEN, &more);
    if (rv == APR_SUCCESS)
        rv = pal__transit_rest(head, &rest);
    if (rv != APR_SUCCESS)
        return rv;
    len -= PAL__TRANSIT_HEAD_LEN;
    if (more && rest > 0)
        rv = read_part(endpoint, head + PAL__TRANSIT_HEAD_LEN, rest, &more);
    if (rv == APR_SUCCESS && len == 0) {
        endpoint->is_ended = 1;
        return end_status(endpoint);
    }
    if (!more || len <= rest || len - rest > endpoint->max_packet)
        rv = PAL_E_FRAMING;
    *ret_len = len - rest;
    return rv;
}

/* Read away the rest of a packet. */
static apr_status_t skip(pal__endpoint_t *endpoint)
{
    char room[DRAIN_LEN];
    apr_size_t n;
    apr_status_t rv;
    int more = 1;

    do {
        rv = read_some(endpoint, room, sizeof(room), &n, &more);
    } while (rv == APR_SUCCESS && more);
    return rv;
}

/* Begin with the next packet: its handles, and how long it is. */
static apr_status_t begin(pal__endpoint_t *endpoint, pal_handle_t *handles,
                          int *ret_n_handles, apr_size_t *ret_len)
{
    unsigned char head[PAL__TRANSIT_MAX_LEN];
    apr_status_t rv;

    if (endpoint->bad_framing != APR_SUCCESS)
        return endpoint->bad_framing;
    if (endpoint->is_ended)
        return end_status(endpoint);
    rv = read_head(endpoint, head, ret_len);
    if (rv == PAL_E_FRAMING)
        endpoint->bad_framing = rv;
    if (rv != APR_SUCCESS)
        return rv;
    return pal__transit_unpack(&endpoint->peer, head,
                               head + PAL__TRANSIT_HEAD_LEN, handles,
                               ret_n_handles);
}

apr_status_t pal__endpoint_recv(pal__endpoint_t *endpoint, void *buf,
                                apr_size_t len, int is_partial,
                                apr_size_t *ret_len, pal_handle_t *handles,
                                int *ret_n_handles)
{
    pal_handle_t taken[PAL_CHANNEL_MAX_HANDLES];
    apr_status_t begun = APR_SUCCESS;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t packet_len = endpoint->rest;
    int n_taken = 0;
    int more = 0;

    if (packet_len == 0) {
        begun = begin(endpoint, taken, &n_taken, &packet_len);
        if (begun != APR_SUCCESS && begun != PAL_E_HANDLES_LOST)
            return begun;
    }
    if (packet_len > len && !is_partial) {
        rv = skip(endpoint);
        if (rv == APR_SUCCESS)
            rv = PAL_E_TRUNCATED;
    }
    else {
        if (len > packet_len)
            len = packet_len;
        rv = read_part(endpoint, buf, len, &more);
        endpoint->rest = packet_len - len;
        if (rv == APR_SUCCESS && more != (endpoint->rest > 0))
            rv = PAL_E_FRAMING;
    }
    if (rv != APR_SUCCESS) {
        while (n_taken > 0)
            pal_handle_close(&taken[--n_taken]);
        if (rv == PAL_E_FRAMING)
            endpoint->bad_framing = rv;
        return APR_STATUS_IS_EPIPE(rv) ? APR_ECONNRESET : rv;
    }
    memcpy(handles, taken, (size_t)n_taken * sizeof(*handles));
    *ret_n_handles = n_taken;
    *ret_len = len;
    return begun;
}

/* What was sent here and not received: its handles are closed. */
static void drain(pal__endpoint_t *endpoint)
{
    pal_handle_t handles[PAL_CHANNEL_MAX_HANDLES];
    apr_status_t rv = APR_SUCCESS;
    DWORD there = 0;
    apr_size_t len = 0, done;
    int n = 0;

    if (endpoint->rest > 0)
        rv = skip(endpoint);
    (void)PeekNamedPipe(endpoint->pipe, NULL, 0, NULL, &there, NULL);
    for (done = 0; rv == APR_SUCCESS && done < there; done += len) {
        rv = begin(endpoint, handles, &n, &len);
        if (rv != APR_SUCCESS && rv != PAL_E_HANDLES_LOST)
            break;
        while (n > 0)
            pal_handle_close(&handles[--n]);
        rv = skip(endpoint);
    }
    if (!PeekNamedPipe(endpoint->pipe, NULL, 0, NULL, NULL, NULL))
        endpoint->is_hung_up = 1;
}

/* ---- the watch ---- */

static void look(pal__endpoint_t *endpoint)
{
    OVERLAPPED *overlapped = pal__source_start(endpoint->source);
    DWORD error = ERROR_SUCCESS;
    char nothing;

    if (!ReadFile(endpoint->pipe, &nothing, 0, NULL, overlapped))
        error = GetLastError();
    if (error == ERROR_SUCCESS || error == ERROR_IO_PENDING
        || error == ERROR_MORE_DATA) {
        endpoint->looking = overlapped;
        endpoint->is_readable = 0;
        return;
    }
    pal__source_failed(endpoint->source);
    endpoint->is_hung_up = 1;
}

static void looked(pal__endpoint_t *endpoint)
{
    DWORD error = ERROR_SUCCESS;
    DWORD n;

    if (!GetOverlappedResult(endpoint->pipe,
                             (OVERLAPPED *)(ULONG_PTR)endpoint->looking, &n,
                             FALSE))
        error = GetLastError();
    endpoint->looking = NULL;
    if (error == ERROR_SUCCESS || error == ERROR_MORE_DATA)
        endpoint->is_readable = 1;
    else if (error != ERROR_OPERATION_ABORTED)
        endpoint->is_hung_up = 1;
}

/* What is to be told now, and whether this tells it. */
static int events_of(pal__endpoint_t *endpoint, int is_telling)
{
    int events = 0;

    AcquireSRWLockExclusive(&endpoint->lock);
    if (!is_full(endpoint))
        events |= PAL_WRITABLE & endpoint->wants;
    if (endpoint->was_refused && endpoint->queued <= endpoint->limit / 2) {
        events |= PAL_WRITABLE;
        if (is_telling)
            endpoint->was_refused = 0;
    }
    if (endpoint->broken != APR_SUCCESS && !endpoint->told_broken) {
        events |= PAL_HANGUP | endpoint->wants;
        if (is_telling)
            endpoint->told_broken = 1;
    }
    ReleaseSRWLockExclusive(&endpoint->lock);
    if (endpoint->is_readable || endpoint->is_ended)
        events |= PAL_READABLE & endpoint->wants;
    if (endpoint->is_hung_up
        && (endpoint->wants != 0 || !endpoint->told_hangup)) {
        events |= PAL_HANGUP | endpoint->wants;
        if (is_telling)
            endpoint->told_hangup = 1;
    }
    return events;
}

static void endpoint_arm(void *baton)
{
    pal__endpoint_t *endpoint = baton;
    int is_asked = (endpoint->wants & PAL_READABLE) || !endpoint->is_readable;

    /* That a packet was there is no longer known. */
    if (is_asked && endpoint->looking == NULL && !endpoint->is_hung_up) {
        endpoint->is_readable = 0;
        look(endpoint);
    }
    if (events_of(endpoint, 0) != 0)
        pal__source_ready(endpoint->source);
}

static int endpoint_call(void *baton)
{
    pal__endpoint_t *endpoint = baton;
    int events;

    if (endpoint->looking != NULL && !pal__source_is_busy(endpoint->source))
        looked(endpoint);
    events = events_of(endpoint, 1);
    if (events == 0)
        return 0;
    endpoint->fn(endpoint->baton, events);
    return 1;
}

static const pal__source_ops_t endpoint_ops = {endpoint_arm, endpoint_call};

static void source_set(pal__endpoint_t *endpoint, pal__source_t *source)
{
    AcquireSRWLockExclusive(&endpoint->lock);
    endpoint->source = source;
    ReleaseSRWLockExclusive(&endpoint->lock);
}

apr_status_t pal__endpoint_watch(pal__endpoint_t *endpoint, pal_loop_t *loop,
                                 int events, pal_watch_fn_t fn, void *baton)
{
    pal__source_t *source;
    apr_status_t rv;

    if (endpoint->source != NULL)
        return APR_EEXIST;
    rv = pal__source_create(&source, loop, &endpoint_ops, endpoint);
    if (rv != APR_SUCCESS)
        return rv;
    if (endpoint->port == NULL)
        rv = pal__source_tie(source, endpoint->pipe, &endpoint->port);
    else if (!pal__source_is_tied(source, endpoint->port))
        rv = APR_ENOTIMPL;
    if (rv != APR_SUCCESS) {
        pal__source_close(&source);
        return rv;
    }
    endpoint->wants = events & (PAL_READABLE | PAL_WRITABLE);
    endpoint->fn = fn;
    endpoint->baton = baton;
    endpoint->told_hangup = 0;
    endpoint->told_broken = 0;
    source_set(endpoint, source);
    return APR_SUCCESS;
}

apr_status_t pal__endpoint_want(pal__endpoint_t *endpoint, int events)
{
    if (endpoint->source == NULL)
        return APR_EINVAL;
    endpoint->wants = events & (PAL_READABLE | PAL_WRITABLE);
    endpoint->told_hangup = 0;
    pal__source_rearm(endpoint->source);
    return APR_SUCCESS;
}

void pal__endpoint_unwatch(pal__endpoint_t *endpoint)
{
    pal__source_t *source = endpoint->source;

    if (source == NULL)
        return;
    source_set(endpoint, NULL);
    if (endpoint->looking != NULL && pal__source_is_busy(source))
        (void)CancelIoEx(endpoint->pipe,
                         (OVERLAPPED *)(ULONG_PTR)endpoint->looking);
    endpoint->looking = NULL;
    endpoint->is_readable = 0;
    pal__source_close(&source);
}

/* ---- life ---- */

apr_status_t pal__endpoint_open(pal__endpoint_t **ret_endpoint,
                                pal__pipe_kind_t kind, pal_handle_t *end)
{
    pal__endpoint_t *endpoint;
    pal__pipe_kind_t found;
    apr_status_t rv = pal__pipe_kind(*end, &found);

    if (rv != APR_SUCCESS)
        return rv;
    if (found != kind)
        return PAL_E_KIND;
    endpoint = calloc(1, sizeof(*endpoint));
    if (endpoint == NULL)
        return APR_ENOMEM;
    endpoint->pipe = (HANDLE)*end;
    endpoint->max_packet = PAL_CHANNEL_PACKET_LEN;
    endpoint->queue_end = &endpoint->queue;
    endpoint->peer.is_ours = pal__pipe_is_ours(endpoint->pipe);
    InitializeSRWLock(&endpoint->lock);
    endpoint->written = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (endpoint->written != NULL)
        endpoint->read = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (endpoint->read != NULL)
        endpoint->wait = CreateThreadpoolWait(written, endpoint, NULL);
    if (endpoint->wait == NULL) {
        rv = last_error();
        endpoint->pipe = NULL; /* stays the caller's */
        free_endpoint(endpoint);
        return rv;
    }
    *end = PAL_HANDLE_NONE;
    *ret_endpoint = endpoint;
    return APR_SUCCESS;
}

void pal__endpoint_close(pal__endpoint_t **endpoint)
{
    pal__endpoint_t *closing = *endpoint;
    int is_over;

    if (closing == NULL)
        return;
    *endpoint = NULL;
    pal__endpoint_unwatch(closing);
    drain(closing);
    pal__transit_forget(closing, closing->is_hung_up);
    AcquireSRWLockExclusive(&closing->lock);
    drop_queue(closing);
    closing->is_closed = 1;
    is_over = closing->writing == NULL;
    ReleaseSRWLockExclusive(&closing->lock);
    if (is_over) {
        /* The call that found nothing more to write may be returning still. */
        WaitForThreadpoolWaitCallbacks(closing->wait, TRUE);
        free_endpoint(closing);
    }
}
