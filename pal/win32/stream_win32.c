#include "config.h"

#include <pal/status.h>
#include <pal/stream.h>

#include "endpoint_win32.h"

#include <stdlib.h>

struct pal_stream_t {
    pal__endpoint_t *endpoint;
};

apr_status_t pal_stream_pair(pal_handle_t ret_ends[2])
{
    return pal__pipe_pair(PAL__PIPE_STREAM, ret_ends);
}

apr_status_t pal_stream_open(pal_stream_t **ret_stream, pal_handle_t *end)
{
    pal_stream_t *stream = malloc(sizeof(*stream));
    apr_status_t rv;

    if (stream == NULL)
        return APR_ENOMEM;
    rv = pal__endpoint_open(&stream->endpoint, PAL__PIPE_STREAM, end);
    if (rv != APR_SUCCESS) {
        free(stream);
        return rv;
    }
    *ret_stream = stream;
    return APR_SUCCESS;
}

void pal_stream_close(pal_stream_t **stream)
{
    pal_stream_t *closing = *stream;

    if (closing == NULL)
        return;
    pal__endpoint_close(&closing->endpoint);
    free(closing);
    *stream = NULL;
}

void pal_stream_queue_set(pal_stream_t *stream, apr_size_t limit)
{
    pal__endpoint_queue_set(stream->endpoint, limit);
}

apr_size_t pal_stream_queued(pal_stream_t *stream)
{
    return pal__endpoint_queued(stream->endpoint);
}

apr_status_t pal_stream_peer_process_set(pal_stream_t *stream,
                                         pal_process_t *process)
{
    return pal__endpoint_peer_set(stream->endpoint, process);
}

apr_status_t pal_stream_send(pal_stream_t *stream, const pal_bytes_t *parts,
                             int n_parts, const pal_handle_t *handles,
                             int n_handles, apr_size_t *ret_len)
{
    return pal__endpoint_send(stream->endpoint, parts, n_parts, handles,
                              n_handles, 1, ret_len);
}

apr_status_t pal_stream_recv(pal_stream_t *stream, void *buf, apr_size_t len,
                             apr_size_t *ret_len, pal_handle_t *handles,
                             int *ret_n_handles)
{
    if (len == 0)
        return APR_EINVAL;
    return pal__endpoint_recv(stream->endpoint, buf, len, 1, ret_len, handles,
                              ret_n_handles);
}

apr_status_t pal_stream_shutdown(pal_stream_t *stream)
{
    return pal__endpoint_shutdown(stream->endpoint);
}

apr_status_t pal_stream_watch(pal_stream_t *stream, pal_loop_t *loop,
                              int events, pal_watch_fn_t fn, void *baton)
{
    return pal__endpoint_watch(stream->endpoint, loop, events, fn, baton);
}

apr_status_t pal_stream_want(pal_stream_t *stream, int events)
{
    return pal__endpoint_want(stream->endpoint, events);
}

void pal_stream_unwatch(pal_stream_t *stream)
{
    pal__endpoint_unwatch(stream->endpoint);
}
