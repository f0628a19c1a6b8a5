#include "config.h"

#include <pal/stream.h>

#include "endpoint_unix.h"
#include "fd.h"

#include <pal/status.h>

#include <stdlib.h>

#include <sys/socket.h>

struct pal_stream_t {
    pal__endpoint_t endpoint;
};

apr_status_t pal_stream_pair(pal_handle_t ret_ends[2])
{
    return pal__socket_pair(SOCK_STREAM, ret_ends);
}

apr_status_t pal_stream_open(pal_stream_t **ret_stream, pal_handle_t *end)
{
    int fd = pal__fd_of(*end);
    pal_stream_t *stream;
    int type;
    apr_status_t rv = pal__socket_type(fd, &type);

    if (rv == APR_SUCCESS && type != SOCK_STREAM)
        rv = PAL_E_KIND;
    if (rv != APR_SUCCESS)
        return rv;
    stream = malloc(sizeof(*stream));
    if (stream == NULL)
        return APR_ENOMEM;
    pal__endpoint_init(&stream->endpoint, fd, 1);
    *end = PAL_HANDLE_NONE;
    *ret_stream = stream;
    return APR_SUCCESS;
}

void pal_stream_close(pal_stream_t **stream)
{
    if (*stream == NULL)
        return;
    pal__endpoint_fini(&(*stream)->endpoint);
    free(*stream);
    *stream = NULL;
}

void pal_stream_queue_set(pal_stream_t *stream, apr_size_t limit)
{
    pal__endpoint_queue_set(&stream->endpoint, limit);
}

apr_size_t pal_stream_queued(pal_stream_t *stream)
{
    return pal__endpoint_queued(&stream->endpoint);
}

apr_status_t pal_stream_send(pal_stream_t *stream, const pal_bytes_t *parts,
                             int n_parts, const pal_handle_t *handles,
                             int n_handles, apr_size_t *ret_len)
{
    struct iovec vectors[PAL__MAX_PARTS];
    int fds[PAL_CHANNEL_MAX_HANDLES];
    pal__outgoing_t outgoing;
    apr_status_t rv = pal__endpoint_gather(parts, n_parts, handles, n_handles,
                                           vectors, fds, &outgoing.len);

    if (rv != APR_SUCCESS)
        return rv;
    outgoing.vectors = vectors;
    outgoing.n_vectors = n_parts;
    outgoing.fds = fds;
    outgoing.n_fds = n_handles;
    return pal__endpoint_send(&stream->endpoint, &outgoing, ret_len);
}

apr_status_t pal_stream_recv(pal_stream_t *stream, void *buf, apr_size_t len,
                             apr_size_t *ret_len, pal_handle_t *handles,
                             int *ret_n_handles)
{
    pal__received_t received;
    apr_status_t rv;

    if (len == 0)
        return APR_EINVAL;
    rv = pal__endpoint_recv(&stream->endpoint, buf, len, &received);
    if (rv != APR_SUCCESS)
        return rv;
    *ret_len = received.len;
    return pal__received_take(&received, handles, ret_n_handles);
}

/* The system passes handles itself. */
apr_status_t pal_stream_peer_process_set(pal_stream_t *stream,
                                         pal_process_t *process)
{
    (void)stream;
    (void)process;
    return APR_SUCCESS;
}

apr_status_t pal_stream_shutdown(pal_stream_t *stream)
{
    return pal__endpoint_shutdown(&stream->endpoint);
}

apr_status_t pal_stream_watch(pal_stream_t *stream, pal_loop_t *loop,
                              int events, pal_watch_fn_t fn, void *baton)
{
    return pal__endpoint_watch(&stream->endpoint, loop, events, fn, baton);
}

apr_status_t pal_stream_want(pal_stream_t *stream, int events)
{
    return pal__endpoint_want(&stream->endpoint, events);
}

void pal_stream_unwatch(pal_stream_t *stream)
{
    pal__endpoint_unwatch(&stream->endpoint);
}
