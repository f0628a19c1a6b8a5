#include "config.h"

#include <pal/channel.h>
#include <pal/status.h>

#include "endpoint_win32.h"

#include <stdlib.h>

struct pal_channel_t {
    pal__endpoint_t *endpoint;
};

apr_status_t pal_channel_pair(pal_handle_t ret_ends[2])
{
    return pal__pipe_pair(PAL__PIPE_CHANNEL, ret_ends);
}

apr_status_t pal_channel_open(pal_channel_t **ret_channel, pal_handle_t *end)
{
    pal_channel_t *channel = malloc(sizeof(*channel));
    apr_status_t rv;

    if (channel == NULL)
        return APR_ENOMEM;
    rv = pal__endpoint_open(&channel->endpoint, PAL__PIPE_CHANNEL, end);
    if (rv != APR_SUCCESS) {
        free(channel);
        return rv;
    }
    *ret_channel = channel;
    return APR_SUCCESS;
}

void pal_channel_close(pal_channel_t **channel)
{
    pal_channel_t *closing = *channel;

    if (closing == NULL)
        return;
    pal__endpoint_close(&closing->endpoint);
    free(closing);
    *channel = NULL;
}

apr_size_t pal_channel_max_packet(pal_channel_t *channel)
{
    return pal__endpoint_max_packet(channel->endpoint);
}

apr_status_t pal_channel_max_packet_set(pal_channel_t *channel, apr_size_t len)
{
    if (len == 0)
        return APR_EINVAL;
    if (len > PAL_CHANNEL_MAX_PACKET_LEN)
        return PAL_E_LIMIT;
    pal__endpoint_max_packet_set(channel->endpoint, len);
    return APR_SUCCESS;
}

void pal_channel_queue_set(pal_channel_t *channel, apr_size_t limit)
{
    pal__endpoint_queue_set(channel->endpoint, limit);
}

apr_size_t pal_channel_queued(pal_channel_t *channel)
{
    return pal__endpoint_queued(channel->endpoint);
}

apr_status_t pal_channel_peer_process_set(pal_channel_t *channel,
                                          pal_process_t *process)
{
    return pal__endpoint_peer_set(channel->endpoint, process);
}

apr_status_t pal_channel_send(pal_channel_t *channel, const pal_bytes_t *parts,
                              int n_parts, const pal_handle_t *handles,
                              int n_handles)
{
    apr_size_t len;

    return pal__endpoint_send(channel->endpoint, parts, n_parts, handles,
                              n_handles, 0, &len);
}

apr_status_t pal_channel_recv(pal_channel_t *channel, void *buf,
                              apr_size_t len, apr_size_t *ret_len,
                              pal_handle_t *handles, int *ret_n_handles)
{
    return pal__endpoint_recv(channel->endpoint, buf, len, 0, ret_len, handles,
                              ret_n_handles);
}

apr_status_t pal_channel_shutdown(pal_channel_t *channel)
{
    return pal__endpoint_shutdown(channel->endpoint);
}

apr_status_t pal_channel_watch(pal_channel_t *channel, pal_loop_t *loop,
                               int events, pal_watch_fn_t fn, void *baton)
{
    return pal__endpoint_watch(channel->endpoint, loop, events, fn, baton);
}

apr_status_t pal_channel_want(pal_channel_t *channel, int events)
{
    return pal__endpoint_want(channel->endpoint, events);
}

void pal_channel_unwatch(pal_channel_t *channel)
{
    pal__endpoint_unwatch(channel->endpoint);
}
