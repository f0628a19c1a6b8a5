#include "config.h"

#include <pal/channel.h>

#include "endpoint_unix.h"
#include "fd.h"
#include "frame.h"

#include <pal/status.h>

#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <sys/socket.h>

#define PACKET_OVERHEAD 64 /* what Linux counts for one, rounded up */

struct pal_channel_t {
    pal__endpoint_t endpoint;
    apr_size_t max_packet;
    int is_framed;        /* on a byte stream */
    pal__frame_t frame;   /* the packet that is being received */
    pal__received_t part; /* with its descriptors */
};

apr_status_t pal_channel_pair(pal_handle_t ret_ends[2])
{
    return pal__socket_pair(PAL__CHANNEL_TYPE, ret_ends);
}

apr_status_t pal_channel_open(pal_channel_t **ret_channel, pal_handle_t *end)
{
    int fd = pal__fd_of(*end);
    pal_channel_t *channel;
    int type;
    apr_status_t rv = pal__socket_type(fd, &type);

    if (rv == APR_SUCCESS && type != SOCK_SEQPACKET && type != SOCK_STREAM)
        rv = PAL_E_KIND;
    if (rv != APR_SUCCESS)
        return rv;
    channel = calloc(1, sizeof(*channel));
    if (channel == NULL)
        return APR_ENOMEM;
    pal__endpoint_init(&channel->endpoint, fd, 0);
    channel->max_packet = PAL_CHANNEL_PACKET_LEN;
    channel->is_framed = type == SOCK_STREAM;
    pal__frame_init(&channel->frame);
    *end = PAL_HANDLE_NONE;
    *ret_channel = channel;
    return APR_SUCCESS;
}

void pal_channel_close(pal_channel_t **channel)
{
    pal_channel_t *closing = *channel;

    if (closing == NULL)
        return;
    pal__received_close(&closing->part);
    pal__frame_fini(&closing->frame);
    pal__endpoint_fini(&closing->endpoint);
    free(closing);
    *channel = NULL;
}

apr_size_t pal_channel_max_packet(pal_channel_t *channel)
{
    return channel->max_packet;
}

/* Does the send buffer take a packet of that length? If not, make it. */
static apr_status_t raise_buffer(int fd, apr_size_t packet_len)
{
    int needed = (int)packet_len + PACKET_OVERHEAD;
    int now = 0;
    socklen_t len = sizeof(now);

    if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &now, &len) != 0)
        return errno;
    if (now >= needed)
        return APR_SUCCESS;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &needed, sizeof(needed)) != 0)
        return errno;
    if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &now, &len) != 0)
        return errno;
    if (now >= needed)
        return APR_SUCCESS;
#ifdef SO_SNDBUFFORCE
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &needed, sizeof(needed))
        == 0)
        return APR_SUCCESS;
#endif
    return PAL_E_LIMIT;
}

apr_status_t pal_channel_max_packet_set(pal_channel_t *channel, apr_size_t len)
{
    apr_status_t rv = APR_SUCCESS;

    if (len == 0)
        return APR_EINVAL;
    if (len > PAL_CHANNEL_MAX_PACKET_LEN)
        return PAL_E_LIMIT;
    if (!channel->is_framed)
        rv = raise_buffer(channel->endpoint.fd, len);
    if (rv == APR_SUCCESS)
        channel->max_packet = len;
    return rv;
}

apr_status_t pal_channel_send(pal_channel_t *channel, const pal_bytes_t *parts,
                              int n_parts, const pal_handle_t *handles,
                              int n_handles)
{
    unsigned char head[PAL__FRAME_HEAD_LEN];
    struct iovec vectors[1 + PAL__MAX_PARTS];
    int fds[PAL_CHANNEL_MAX_HANDLES];
    pal__outgoing_t outgoing;
    apr_size_t n;
    apr_status_t rv = pal__endpoint_gather(parts, n_parts, handles, n_handles,
                                           vectors + 1, fds, &outgoing.len);

    if (rv != APR_SUCCESS)
        return rv;
    if (outgoing.len > channel->max_packet)
        return PAL_E_TRUNCATED;
    outgoing.vectors = vectors + 1;
    outgoing.n_vectors = n_parts;
    outgoing.fds = fds;
    outgoing.n_fds = n_handles;
    if (channel->is_framed) {
        pal__frame_head_put(head, outgoing.len);
        vectors[0].iov_base = head;
        vectors[0].iov_len = sizeof(head);
        outgoing.vectors = vectors;
        outgoing.n_vectors++;
        outgoing.len += sizeof(head);
    }
    return pal__endpoint_send(&channel->endpoint, &outgoing, &n);
}

static apr_status_t receive_packet(pal_channel_t *channel, void *buf,
                                   apr_size_t len, apr_size_t *ret_len,
                                   pal_handle_t *handles, int *ret_n_handles)
{
    pal__received_t received;
    apr_status_t rv;

    if (len > channel->max_packet)
        len = channel->max_packet;
    rv = pal__endpoint_recv(&channel->endpoint, buf, len, &received);
    if (rv != APR_SUCCESS)
        return rv;
    if (received.is_truncated) {
        pal__received_close(&received);
        return PAL_E_TRUNCATED;
    }
    *ret_len = received.len;
    return pal__received_take(&received, handles, ret_n_handles);
}

/* Descriptors that came with some bytes of a packet are the packet's. Our
 * side sends them with its first byte. */
static void add_descriptors(pal__received_t *all, pal__received_t *received)
{
    if (received->is_short
        || all->n_fds + received->n_fds > PAL_CHANNEL_MAX_HANDLES)
        all->is_short = 1;
    if (all->is_short) {
        pal__received_close(all);
        pal__received_close(received);
        return;
    }
    memcpy(all->fds + all->n_fds, received->fds,
           (apr_size_t)received->n_fds * sizeof(all->fds[0]));
    all->n_fds += received->n_fds;
}

static apr_status_t receive_framed(pal_channel_t *channel, void *buf,
                                   apr_size_t len, apr_size_t *ret_len,
                                   pal_handle_t *handles, int *ret_n_handles)
{
    pal__frame_t *frame = &channel->frame;
    pal__received_t received;
    unsigned char *at;
    apr_size_t room;
    apr_status_t rv;

    do {
        rv = pal__frame_room(frame, &at, &room);
        if (rv == APR_SUCCESS)
            rv = pal__endpoint_recv(&channel->endpoint, at, room, &received);
        if (rv == APR_EOF && pal__frame_is_begun(frame))
            rv = APR_ECONNRESET;
        if (rv != APR_SUCCESS)
            return rv;
        add_descriptors(&channel->part, &received);
        rv = pal__frame_took(frame, received.len, channel->max_packet);
    } while (APR_STATUS_IS_EAGAIN(rv));
    if (rv != APR_SUCCESS) {
        pal__received_close(&channel->part);
        return rv;
    }
    if (frame->len > len) {
        pal__received_close(&channel->part);
        rv = PAL_E_TRUNCATED;
    }
    else {
        memcpy(buf, frame->body, frame->len);
        *ret_len = frame->len;
        rv = pal__received_take(&channel->part, handles, ret_n_handles);
    }
    channel->part.is_short = 0;
    pal__frame_clear(frame);
    return rv;
}

apr_status_t pal_channel_recv(pal_channel_t *channel, void *buf,
                              apr_size_t len, apr_size_t *ret_len,
                              pal_handle_t *handles, int *ret_n_handles)
{
    return channel->is_framed ? receive_framed(channel, buf, len, ret_len,
                                               handles, ret_n_handles)
                              : receive_packet(channel, buf, len, ret_len,
                                               handles, ret_n_handles);
}

void pal_channel_queue_set(pal_channel_t *channel, apr_size_t limit)
{
    pal__endpoint_queue_set(&channel->endpoint, limit);
}

apr_size_t pal_channel_queued(pal_channel_t *channel)
{
    return pal__endpoint_queued(&channel->endpoint);
}

/* The system passes handles itself. */
apr_status_t pal_channel_peer_process_set(pal_channel_t *channel,
                                          pal_process_t *process)
{
    (void)channel;
    (void)process;
    return APR_SUCCESS;
}

apr_status_t pal_channel_shutdown(pal_channel_t *channel)
{
    return pal__endpoint_shutdown(&channel->endpoint);
}

apr_status_t pal_channel_watch(pal_channel_t *channel, pal_loop_t *loop,
                               int events, pal_watch_fn_t fn, void *baton)
{
    return pal__endpoint_watch(&channel->endpoint, loop, events, fn, baton);
}

apr_status_t pal_channel_want(pal_channel_t *channel, int events)
{
    return pal__endpoint_want(&channel->endpoint, events);
}

void pal_channel_unwatch(pal_channel_t *channel)
{
    pal__endpoint_unwatch(&channel->endpoint);
}
