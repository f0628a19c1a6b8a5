#include "config.h"

#include "endpoint_unix.h"

#include "../pal_private.h"
#include "fd.h"

#include <pal/status.h>

#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define STALL_RETRY 10000                   /* us */
#define STALL_LIMIT (10 * APR_USEC_PER_SEC) /* then it is broken */

/* Bytes in the queue, with descriptors until the first of them has gone. One
 * allocation: struct, descriptors, bytes. */
struct pal__waiting_t {
    pal__waiting_t *next;
    int *fds;
    int n_fds;
    unsigned char *bytes;
    apr_size_t len, n_sent;
};

void pal__endpoint_init(pal__endpoint_t *endpoint, int fd, int is_partial)
{
    memset(endpoint, 0, sizeof(*endpoint));
    endpoint->fd = fd;
    endpoint->is_partial = is_partial;
    endpoint->queue_end = &endpoint->queue;
    (void)pthread_mutex_init(&endpoint->lock, NULL);
}

static void lock(pal__endpoint_t *endpoint)
{
    (void)pthread_mutex_lock(&endpoint->lock);
}

static void unlock(pal__endpoint_t *endpoint)
{
    (void)pthread_mutex_unlock(&endpoint->lock);
}

/* ---- the queue; under the lock ---- */

static void close_fds(pal__endpoint_t *endpoint, pal__waiting_t *waiting)
{
    endpoint->n_fds -= waiting->n_fds;
    while (waiting->n_fds > 0)
        (void)close(waiting->fds[--waiting->n_fds]);
}

static void drop_first(pal__endpoint_t *endpoint)
{
    pal__waiting_t *waiting = endpoint->queue;

    endpoint->queue = waiting->next;
    if (endpoint->queue == NULL)
        endpoint->queue_end = &endpoint->queue;
    endpoint->queued -= PAL_CHANNEL_QUEUED_COST + waiting->len;
    close_fds(endpoint, waiting);
    free(waiting);
}

static void attend(pal__endpoint_t *endpoint)
{
    if (endpoint->wake != NULL)
        pal_wake_signal(endpoint->wake);
}

/* What was sent in part can never be finished: the other end is told that no
 * more comes. */
static void break_down(pal__endpoint_t *endpoint, apr_status_t why)
{
    endpoint->broken = why;
    endpoint->stalled = APR_SUCCESS;
    while (endpoint->queue != NULL)
        drop_first(endpoint);
    (void)shutdown(endpoint->fd, SHUT_WR);
    attend(endpoint);
}

/* Copies of bytes [skip, skip + len) and, unless some have gone, of the
 * descriptors. */
static pal__waiting_t *copy(const pal__outgoing_t *outgoing, apr_size_t skip,
                            apr_size_t len)
{
    int n_fds = skip == 0 ? outgoing->n_fds : 0;
    apr_size_t fds_len = (apr_size_t)n_fds * sizeof(int);
    pal__waiting_t *waiting = malloc(sizeof(*waiting) + fds_len + len);
    unsigned char *at;
    int i;

    if (waiting == NULL)
        return NULL;
    memset(waiting, 0, sizeof(*waiting));
    waiting->fds = (int *)(waiting + 1);
    waiting->bytes = at = (unsigned char *)(waiting->fds + n_fds);
    waiting->len = len;
    for (i = 0; len > 0; i++) {
        const struct iovec *vector = &outgoing->vectors[i];
        apr_size_t n;

        if (skip >= vector->iov_len) {
            skip -= vector->iov_len;
            continue;
        }
        n = vector->iov_len - skip < len ? vector->iov_len - skip : len;
        memcpy(at, (const unsigned char *)vector->iov_base + skip, n);
        at += n;
        len -= n;
        skip = 0;
    }
    return waiting;
}

/* Put into the queue what `outgoing` has at [skip, skip + len). */
static apr_status_t append(pal__endpoint_t *endpoint,
                           const pal__outgoing_t *outgoing, apr_size_t skip,
                           apr_size_t len)
{
    pal__waiting_t *waiting = copy(outgoing, skip, len);
    int n_fds = skip == 0 ? outgoing->n_fds : 0;
    apr_status_t rv;

    if (waiting == NULL)
        return APR_ENOMEM;
    for (; waiting->n_fds < n_fds; waiting->n_fds++) {
        int fd = fcntl(outgoing->fds[waiting->n_fds], F_DUPFD_CLOEXEC, 3);

        if (fd < 0) {
            rv = errno;
            while (waiting->n_fds > 0)
                (void)close(waiting->fds[--waiting->n_fds]);
            free(waiting);
            return rv;
        }
        waiting->fds[waiting->n_fds] = fd;
    }
    *endpoint->queue_end = waiting;
    endpoint->queue_end = &waiting->next;
    endpoint->queued += PAL_CHANNEL_QUEUED_COST + len;
    endpoint->n_fds += n_fds;
    attend(endpoint);
    return APR_SUCCESS;
}

/* How many bytes of `outgoing` behind the first `skip` may wait: all, or none
 * or, where a part is welcome, some. */
static apr_size_t room_for(pal__endpoint_t *endpoint,
                           const pal__outgoing_t *outgoing, apr_size_t skip)
{
    apr_size_t used = endpoint->queued + PAL_CHANNEL_QUEUED_COST;
    apr_size_t room = endpoint->limit > used ? endpoint->limit - used : 0;
    apr_size_t len = outgoing->len - skip;

    if (skip == 0
        && endpoint->n_fds + outgoing->n_fds > PAL_CHANNEL_MAX_QUEUED_HANDLES)
        return 0;
    if (len <= room)
        return len;
    return endpoint->is_partial ? room : 0;
}

static int is_stall(apr_status_t rv)
{
    return rv == PAL_E_IN_FLIGHT || APR_STATUS_IS_ENOMEM(rv);
}

static void stall(pal__endpoint_t *endpoint, apr_status_t rv)
{
    apr_time_t now = pal__clock_now();

    if (endpoint->stalled == APR_SUCCESS)
        endpoint->stalled_since = now;
    endpoint->stalled = rv;
    if (now - endpoint->stalled_since > STALL_LIMIT)
        break_down(endpoint, rv);
}

/* Queue what the system did not take, for the reason `why`. */
static apr_status_t put_off(pal__endpoint_t *endpoint,
                            const pal__outgoing_t *outgoing, apr_status_t why,
                            apr_size_t *ret_len)
{
    apr_size_t len = room_for(endpoint, outgoing, 0);
    apr_status_t rv = APR_SUCCESS;

    if (len == 0) {
        if (endpoint->limit > 0 && APR_STATUS_IS_EAGAIN(why)) {
            endpoint->was_refused = 1;
            attend(endpoint);
        }
        return why;
    }
    rv = append(endpoint, outgoing, 0, len);
    if (rv != APR_SUCCESS)
        return rv;
    if (is_stall(why))
        stall(endpoint, why);
    *ret_len = len;
    return APR_SUCCESS;
}

/* The system took the first `n` bytes only. */
static apr_status_t keep_rest(pal__endpoint_t *endpoint,
                              const pal__outgoing_t *outgoing, apr_size_t n,
                              apr_size_t *ret_len)
{
    apr_size_t len = outgoing->len - n;
    apr_status_t rv;

    if (endpoint->is_partial)
        len = room_for(endpoint, outgoing, n);
    rv = len > 0 ? append(endpoint, outgoing, n, len) : APR_SUCCESS;
    if (endpoint->is_partial) {
        *ret_len = rv == APR_SUCCESS ? n + len : n;
        return APR_SUCCESS;
    }
    if (rv != APR_SUCCESS)
        break_down(endpoint, rv);
    else
        *ret_len = outgoing->len;
    return rv;
}

static apr_status_t transmit(pal__endpoint_t *endpoint,
                             const pal__outgoing_t *outgoing,
                             apr_size_t *ret_len)
{
    apr_size_t n;
    apr_status_t rv = pal__message_send(endpoint->fd, outgoing, &n);

    if (APR_STATUS_IS_EAGAIN(rv) || is_stall(rv))
        return put_off(endpoint, outgoing, rv, ret_len);
    if (rv != APR_SUCCESS)
        return rv;
    if (n < outgoing->len)
        return keep_rest(endpoint, outgoing, n, ret_len);
    *ret_len = n;
    return APR_SUCCESS;
}

static apr_status_t send_first(pal__endpoint_t *endpoint)
{
    pal__waiting_t *waiting = endpoint->queue;
    pal__outgoing_t outgoing;
    struct iovec vector;
    apr_size_t n;
    apr_status_t rv;

    vector.iov_base = waiting->bytes + waiting->n_sent;
    vector.iov_len = waiting->len - waiting->n_sent;
    outgoing.vectors = &vector;
    outgoing.n_vectors = 1;
    outgoing.len = vector.iov_len;
    outgoing.fds = waiting->fds;
    outgoing.n_fds = waiting->n_fds;
    rv = pal__message_send(endpoint->fd, &outgoing, &n);
    if (rv != APR_SUCCESS)
        return rv;
    close_fds(endpoint, waiting);
    waiting->n_sent += n;
    if (waiting->n_sent == waiting->len)
        drop_first(endpoint);
    return APR_SUCCESS;
}

static void flush(pal__endpoint_t *endpoint)
{
    apr_status_t rv = APR_SUCCESS;

    while (endpoint->queue != NULL && rv == APR_SUCCESS) {
        rv = send_first(endpoint);
        if (is_stall(rv))
            stall(endpoint, rv);
        else
            endpoint->stalled = APR_SUCCESS;
    }
    if (rv != APR_SUCCESS && !is_stall(rv) && !APR_STATUS_IS_EAGAIN(rv))
        break_down(endpoint, rv);
    if (endpoint->is_finishing && endpoint->queue == NULL)
        (void)shutdown(endpoint->fd, SHUT_WR);
}

/* ---- sending; any thread ---- */

apr_status_t pal__endpoint_gather(const pal_bytes_t *parts, int n_parts,
                                  const pal_handle_t *handles, int n_handles,
                                  struct iovec *vectors, int *fds,
                                  apr_size_t *ret_len)
{
    apr_size_t len = 0;
    int i;

    if (n_parts < 1 || n_parts > PAL__MAX_PARTS || n_handles < 0
        || n_handles > PAL_CHANNEL_MAX_HANDLES)
        return APR_EINVAL;
    for (i = 0; i < n_parts; i++) {
        vectors[i].iov_base = (void *)parts[i].data;
        vectors[i].iov_len = parts[i].len;
        len += parts[i].len;
    }
    /* To the receiver an empty packet would look like the end. */
    if (len == 0)
        return APR_EINVAL;
    for (i = 0; i < n_handles; i++)
        fds[i] = pal__fd_of(handles[i]);
    *ret_len = len;
    return APR_SUCCESS;
}

apr_status_t pal__endpoint_send(pal__endpoint_t *endpoint,
                                const pal__outgoing_t *outgoing,
                                apr_size_t *ret_len)
{
    apr_status_t rv;

    lock(endpoint);
    if (endpoint->queue != NULL && endpoint->wake == NULL)
        flush(endpoint);
    if (endpoint->broken != APR_SUCCESS)
        rv = endpoint->broken;
    else if (endpoint->is_finishing)
        rv = APR_EPIPE;
    else if (endpoint->queue != NULL)
        rv = put_off(endpoint, outgoing, APR_EAGAIN, ret_len);
    else
        rv = transmit(endpoint, outgoing, ret_len);
    unlock(endpoint);
    return rv;
}

apr_size_t pal__endpoint_queued(pal__endpoint_t *endpoint)
{
    apr_size_t queued;

    lock(endpoint);
    queued = endpoint->queued;
    unlock(endpoint);
    return queued;
}

/* ---- the loop's thread ---- */

void pal__endpoint_queue_set(pal__endpoint_t *endpoint, apr_size_t limit)
{
    lock(endpoint);
    endpoint->limit = limit;
    unlock(endpoint);
}

apr_status_t pal__endpoint_shutdown(pal__endpoint_t *endpoint)
{
    apr_status_t rv;

    lock(endpoint);
    endpoint->is_finishing = 1;
    flush(endpoint);
    rv = endpoint->broken;
    unlock(endpoint);
    return rv;
}

apr_status_t pal__endpoint_recv(pal__endpoint_t *endpoint, void *buf,
                                apr_size_t len, pal__received_t *ret_received)
{
    apr_status_t rv;

    if (endpoint->watch == NULL) {
        lock(endpoint);
        if (endpoint->queue != NULL)
            flush(endpoint);
        unlock(endpoint);
    }
    rv = pal__message_recv(endpoint->fd, buf, len, ret_received);
    /* That the other end is gone and left something unread, the kernel tells
     * once, before the packets that are still to be received. */
    if (APR_STATUS_IS_ECONNRESET(rv) && !endpoint->was_reset) {
        endpoint->was_reset = 1;
        rv = pal__message_recv(endpoint->fd, buf, len, ret_received);
    }
    if (rv != APR_SUCCESS || ret_received->len > 0
        || ret_received->is_truncated)
        return rv;
    pal__received_close(ret_received);
    return endpoint->was_reset ? APR_ECONNRESET : APR_EOF;
}

/* May a send succeed, as far as the queue is concerned? */
static int has_room(const pal__endpoint_t *endpoint)
{
    return endpoint->queued <= endpoint->limit / 2;
}

static int is_asked_for_room(const pal__endpoint_t *endpoint)
{
    return endpoint->was_refused || (endpoint->wants & PAL_WRITABLE);
}

/* What the system is to tell of; under the lock. A socket that is not full,
 * but takes nothing, must not be asked about: it would answer at once. */
static int needed(const pal__endpoint_t *endpoint)
{
    int events = endpoint->wants & PAL_READABLE;

    if (endpoint->stalled == APR_SUCCESS
            ? endpoint->queue != NULL || is_asked_for_room(endpoint)
            : has_room(endpoint) && is_asked_for_room(endpoint))
        events |= PAL_WRITABLE;
    return events;
}

/* Ask the system for `events`. */
static apr_status_t ask(pal__endpoint_t *endpoint, int events, int is_stalled)
{
    apr_status_t rv = pal_watch_set(endpoint->watch, events);

    /* One that runs is left alone: events may come all the time. */
    if ((rv != APR_SUCCESS || is_stalled) && !endpoint->is_retrying) {
        (void)pal_timer_start(endpoint->retry, STALL_RETRY);
        endpoint->is_retrying = 1;
    }
    return rv;
}

/* What to tell of `events` of the socket; under the lock. */
static int to_report(pal__endpoint_t *endpoint, int events)
{
    int report = events & endpoint->wants & PAL_READABLE;

    if (events & PAL_HANGUP)
        report = PAL_HANGUP | endpoint->wants;
    if ((events & (PAL_WRITABLE | PAL_HANGUP)) && has_room(endpoint)
        && is_asked_for_room(endpoint)) {
        report |= PAL_WRITABLE;
        endpoint->was_refused = 0;
    }
    if (endpoint->broken != APR_SUCCESS && !endpoint->told_broken) {
        report |= PAL_HANGUP | endpoint->wants;
        endpoint->told_broken = 1;
    }
    return report;
}

static void on_event(void *baton, int events)
{
    pal__endpoint_t *endpoint = baton;
    int report, is_stalled;

    lock(endpoint);
    if (events & (PAL_WRITABLE | PAL_HANGUP))
        flush(endpoint);
    report = to_report(endpoint, events);
    events = needed(endpoint);
    is_stalled = endpoint->stalled != APR_SUCCESS;
    unlock(endpoint);
    (void)ask(endpoint, events, is_stalled);
    if (report != 0)
        endpoint->fn(endpoint->baton, report); /* may close it */
}

static void on_wake(void *baton)
{
    on_event(baton, 0);
}

static void on_retry(void *baton)
{
    pal__endpoint_t *endpoint = baton;

    endpoint->is_retrying = 0;
    on_event(endpoint, PAL_WRITABLE);
}

apr_status_t pal__endpoint_watch(pal__endpoint_t *endpoint, pal_loop_t *loop,
                                 int events, pal_watch_fn_t fn, void *baton)
{
    pal_wake_t *wake = NULL;
    apr_status_t rv;

    if (endpoint->watch != NULL)
        return APR_EEXIST;
    rv = pal_wake_create(&wake, loop, on_wake, endpoint);
    if (rv == APR_SUCCESS)
        rv = pal_timer_create(&endpoint->retry, loop, on_retry, endpoint);
    endpoint->wants = events & (PAL_READABLE | PAL_WRITABLE);
    if (rv == APR_SUCCESS)
        rv = pal_watch_create(&endpoint->watch, loop, endpoint->fd,
                              endpoint->wants, on_event, endpoint);
    if (rv != APR_SUCCESS) {
        pal_timer_close(&endpoint->retry);
        pal_wake_close(&wake);
        return rv;
    }
    endpoint->fn = fn;
    endpoint->baton = baton;
    lock(endpoint);
    endpoint->wake = wake;
    if (endpoint->queue != NULL || endpoint->broken != APR_SUCCESS)
        attend(endpoint);
    unlock(endpoint);
    return APR_SUCCESS;
}

apr_status_t pal__endpoint_want(pal__endpoint_t *endpoint, int events)
{
    int is_stalled;

    if (endpoint->watch == NULL)
        return APR_EINVAL;
    lock(endpoint);
    endpoint->wants = events & (PAL_READABLE | PAL_WRITABLE);
    events = needed(endpoint);
    is_stalled = endpoint->stalled != APR_SUCCESS;
    unlock(endpoint);
    return ask(endpoint, events, is_stalled);
}

void pal__endpoint_unwatch(pal__endpoint_t *endpoint)
{
    if (endpoint->watch == NULL)
        return;
    lock(endpoint);
    pal_wake_close(&endpoint->wake);
    unlock(endpoint);
    pal_timer_close(&endpoint->retry);
    endpoint->is_retrying = 0;
    pal_watch_close(&endpoint->watch);
}

void pal__endpoint_fini(pal__endpoint_t *endpoint)
{
    pal__endpoint_unwatch(endpoint);
    while (endpoint->queue != NULL)
        drop_first(endpoint);
    (void)close(endpoint->fd);
    (void)pthread_mutex_destroy(&endpoint->lock);
}
