#include "config.h"

#include "link.h"

#include "event.h"
#include "packet.h"

#include <mesh/message.h>

#include <pal/log.h>
#include <pal/status.h>

#include <stdlib.h>
#include <string.h>

#define RECEIVE_MAX 64                      /* packets in one turn */
#define QUEUED_COST 256                     /* counted for a struct */
#define QUEUED_HANDLES 128                  /* then sends with some are busy */
#define STALL_RETRY 10000                   /* us */
#define STALL_LIMIT (10 * APR_USEC_PER_SEC) /* then the link fails */

typedef struct link_t {
    mesh_node_t *node;
    mesh_id_t id;
    pal_channel_t *channel;
    pal_timer_t *retry;

    /* Under the node's lock. */
    mesh_message_t *queue, **queue_end;
    apr_size_t queued;    /* bytes, with QUEUED_COST each */
    int n_handles;        /* in the queue */
    int was_busy;         /* somebody was refused */
    int finishing;        /* no more comes after the queue */
    int shut;             /* the channel was told so */
    apr_status_t broken;  /* cannot send: what comes is dropped */
    apr_status_t stalled; /* why the head of the queue cannot go now */
    apr_time_t stalled_since;

    int wants; /* what the channel's watch asks for; loop's thread */
} link_t;

/* ---- sending; under the node's lock ---- */

static void drop(link_t *link, mesh_message_t *message)
{
    mesh__message_dispose(link->node, message);
}

/* Room for handles is short, in this process or in the system: no event tells
 * when that is over. */
static int is_stall(apr_status_t rv)
{
    return rv == PAL_E_IN_FLIGHT || APR_STATUS_IS_EMFILE(rv)
           || APR_STATUS_IS_ENFILE(rv) || APR_STATUS_IS_ENOMEM(rv);
}

static apr_status_t transmit_large(link_t *link, mesh_message_t *message)
{
    pal_handle_t handles[PAL_CHANNEL_MAX_HANDLES];
    unsigned char head[MESH__PACKET_HEAD_LEN];
    pal_bytes_t part = {head, sizeof(head)};
    apr_status_t rv = APR_SUCCESS;

    if (message->n_handles >= PAL_CHANNEL_MAX_HANDLES)
        return MESH_E_LIMIT;
    if (message->region == MESH__HANDLE_NONE)
        rv = mesh__packet_region_start(message, message->res_data_len,
                                       &message->region);
    if (rv == APR_SUCCESS)
        rv = mesh__packet_region_finish(message, message->region);
    if (rv != APR_SUCCESS) {
        pal_handle_close(&message->region);
        return rv;
    }
    mesh__packet_head_put(head, MESH__PACKET_LARGE_EVENT);
    handles[0] = message->region;
    if (message->n_handles > 0)
        memcpy(handles + 1, message->handles,
               (apr_size_t)message->n_handles * sizeof(handles[0]));
    rv = pal_channel_send(link->channel, &part, 1, handles,
                          message->n_handles + 1);
    /* A sealed region cannot be finished twice; and waiting messages are not
     * to hold descriptors. */
    pal_handle_close(&message->region);
    return rv;
}

static apr_status_t transmit(link_t *link, mesh_message_t *message)
{
    unsigned char head[MESH__PACKET_HEAD_LEN];
    pal_bytes_t parts[4];
    int n = 0;

    if (mesh__packet_is_large(mesh__packet_event_len(message)))
        return transmit_large(link, message);
    mesh__packet_head_put(head, MESH__PACKET_EVENT);
    parts[n].data = head;
    parts[n++].len = sizeof(head);
    parts[n].data = message->head;
    parts[n++].len = MESH__EVENT_HEAD_LEN;
    if (message->res_data_len > 0) {
        parts[n].data = message->res_data;
        parts[n++].len = message->res_data_len;
    }
    if (message->len > 0) {
        parts[n].data = message->data;
        parts[n++].len = message->len;
    }
    return pal_channel_send(link->channel, parts, n, message->handles,
                            message->n_handles);
}

static apr_size_t cost(const mesh_message_t *message)
{
    return QUEUED_COST + mesh__packet_event_len(message);
}

static void enqueue(link_t *link, mesh_message_t *message)
{
    message->next = NULL;
    *link->queue_end = message;
    link->queue_end = &message->next;
    link->queued += cost(message);
    link->n_handles += message->n_handles;
    mesh__node_attend(link->node);
}

static void break_link(link_t *link, apr_status_t why)
{
    mesh_message_t *message;

    if (link->broken == APR_SUCCESS)
        link->broken = why;
    while ((message = link->queue) != NULL) {
        link->queue = message->next;
        drop(link, message);
    }
    link->queue_end = &link->queue;
    link->queued = 0;
    link->n_handles = 0;
    link->stalled = APR_SUCCESS;
    mesh__node_attend(link->node);
}

static void shut_if_finished(link_t *link)
{
    if (!link->finishing || link->queue || link->shut)
        return;
    link->shut = 1;
    (void)pal_channel_shutdown(link->channel);
}

/* What happens with a status of transmit: 1 if the message is gone. */
static int settle(link_t *link, apr_status_t rv)
{
    if (rv == APR_SUCCESS) {
        link->stalled = APR_SUCCESS;
        return 1;
    }
    if (APR_STATUS_IS_EAGAIN(rv)) {
        link->stalled = APR_SUCCESS;
        return 0;
    }
    if (is_stall(rv)) {
        if (link->stalled == APR_SUCCESS)
            link->stalled_since = apr_time_now();
        else if (apr_time_now() - link->stalled_since > STALL_LIMIT)
            break_link(link, rv);
        if (link->broken == APR_SUCCESS)
            link->stalled = rv;
        return 0;
    }
    break_link(link, rv);
    return 0;
}

static void link_send(void *baton, mesh_message_t **message_var)
{
    link_t *link = baton;
    mesh_message_t *message = *message_var;

    *message_var = NULL;
    if (link->broken != APR_SUCCESS || link->shut) {
        drop(link, message);
        return;
    }
    if (!link->queue) {
        if (settle(link, transmit(link, message))) {
            drop(link, message);
            return;
        }
        if (link->broken != APR_SUCCESS) {
            drop(link, message);
            return;
        }
    }
    enqueue(link, message);
    if (link->queued > 2 * mesh__node_queue_limit(link->node)
        || link->n_handles > 2 * QUEUED_HANDLES)
        break_link(link, MESH_E_BUSY);
}

static void flush(link_t *link)
{
    mesh_message_t *message;

    while ((message = link->queue) != NULL
           && settle(link, transmit(link, message))) {
        link->queue = message->next;
        if (!link->queue)
            link->queue_end = &link->queue;
        link->queued -= cost(message);
        link->n_handles -= message->n_handles;
        drop(link, message);
    }
    if (link->was_busy
        && link->queued <= mesh__node_queue_limit(link->node) / 2
        && link->n_handles <= QUEUED_HANDLES / 2) {
        link->was_busy = 0;
        mesh__node_writable(link->node);
    }
    shut_if_finished(link);
}

/* What is queued holds its handles open here: that many, so that a peer that
 * does not read cannot take all that this process may have. */
static int link_is_busy(void *baton, int n_handles)
{
    link_t *link = baton;
    int busy = link->queued > mesh__node_queue_limit(link->node)
               || (n_handles > 0
                   && (link->stalled != APR_SUCCESS
                       || link->n_handles >= QUEUED_HANDLES));

    if (busy)
        link->was_busy = 1;
    return busy && link->broken == APR_SUCCESS;
}

static apr_status_t link_prepare(void *baton, mesh_message_t *message)
{
    link_t *link = baton;
    apr_size_t res_len = (apr_size_t)message->n_res * MESH__RES_DATA_LEN;
    apr_size_t len = MESH__EVENT_HEAD_LEN + res_len + message->len;

    if (link->queue || link->broken != APR_SUCCESS
        || !mesh__packet_is_large(len) || message->region != MESH__HANDLE_NONE)
        return APR_SUCCESS;
    return mesh__packet_region_start(message, res_len, &message->region);
}

static void link_finish(void *baton)
{
    link_t *link = baton;

    link->finishing = 1;
    if (link->broken == APR_SUCCESS)
        flush(link);
}

/* ---- the loop's side; without the lock ---- */

/* Ask the channel for what is needed now, or end a link that broke. */
static void link_attend(void *baton)
{
    link_t *link = baton;
    apr_status_t broken, stalled;
    int wants = PAL_READABLE;

    mesh__node_lock(link->node);
    broken = link->broken;
    stalled = link->stalled;
    if (link->queue && stalled == APR_SUCCESS)
        wants |= PAL_WRITABLE;
    mesh__node_unlock(link->node);
    /* The other end being gone is seen by reading, after all it has sent. */
    if (broken != APR_SUCCESS && !APR_STATUS_IS_EPIPE(broken)
        && !APR_STATUS_IS_ECONNRESET(broken)) {
        mesh__node_link_lost(link->node, &link->id, broken);
        return;
    }
    if (wants != link->wants
        && pal_channel_want(link->channel, wants) == APR_SUCCESS)
        link->wants = wants;
    if (stalled != APR_SUCCESS)
        (void)pal_timer_start(link->retry, STALL_RETRY);
}

static void link_flush(link_t *link)
{
    mesh__node_lock(link->node);
    flush(link);
    mesh__node_drain(link->node);
    mesh__node_unlock(link->node);
    link_attend(link);
}

static void link_retry(void *baton)
{
    link_flush(baton);
}

/* Receive and hand on one packet. */
static apr_status_t receive_one(link_t *link)
{
    pal_handle_t handles[PAL_CHANNEL_MAX_HANDLES];
    unsigned char *buf = mesh__node_buffer(link->node);
    mesh_message_t *message = NULL;
    apr_size_t len;
    int i, n = 0, lost;
    apr_status_t rv = pal_channel_recv(link->channel, buf, MESH__PACKET_MAX,
                                       &len, handles, &n);

    lost = rv == PAL_E_HANDLES_LOST;
    if (rv != APR_SUCCESS && !lost)
        return rv;
    if (lost)
        n = 0;
    rv = mesh__packet_open(buf, len, handles, n, lost,
                           mesh__node_unread_limit(link->node), &message);
    for (i = 0; i < n; i++)
        pal_handle_close(&handles[i]);
    if (rv == APR_SUCCESS && message)
        rv = mesh__node_received(link->node, &link->id, &message);
    return rv;
}

static void link_event(void *baton, int events)
{
    link_t *link = baton;
    mesh_node_t *node = link->node;
    apr_status_t rv = APR_SUCCESS;
    int i;

    if (events & (PAL_READABLE | PAL_HANGUP))
        for (i = 0; i < RECEIVE_MAX && rv == APR_SUCCESS; i++)
            rv = receive_one(link);
    if (rv != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(rv))
        mesh__node_link_lost(node, &link->id, rv);
    else if (events & PAL_WRITABLE)
        link_flush(link);
    mesh__node_dispatch(node);
}

static void link_close(void *baton)
{
    link_t *link = baton;

    mesh__node_lock(link->node);
    break_link(link, APR_EOF);
    mesh__node_drain(link->node);
    mesh__node_unlock(link->node);
    pal_timer_close(&link->retry);
    pal_channel_close(&link->channel);
    free(link);
}

static const mesh__link_ops_t link_ops = {link_send,    link_is_busy,
                                          link_prepare, link_finish,
                                          link_attend,  link_close};

apr_status_t mesh__link_start(mesh_node_t *node, const mesh_id_t *id,
                              pal_handle_t *end, mesh__peer_fn_t watch,
                              void *baton)
{
    pal_loop_t *loop = mesh_node_loop(node);
    link_t *link = calloc(1, sizeof(*link));
    apr_status_t rv;

    if (!link) {
        pal_handle_close(end);
        return APR_ENOMEM;
    }
    link->node = node;
    link->id = *id;
    link->queue_end = &link->queue;
    link->wants = PAL_READABLE;
    rv = pal_timer_create(&link->retry, loop, link_retry, link);
    if (rv == APR_SUCCESS)
        rv = pal_channel_open(&link->channel, end);
    if (rv == APR_SUCCESS)
        rv = pal_channel_watch(link->channel, loop, PAL_READABLE, link_event,
                               link);
    if (rv == APR_SUCCESS)
        rv = mesh__node_link_add(node, id, &link_ops, link, watch, baton);
    if (rv != APR_SUCCESS) {
        pal_timer_close(&link->retry);
        pal_channel_close(&link->channel);
        pal_handle_close(end);
        free(link);
    }
    return rv;
}

apr_status_t mesh__link_peer_set(mesh_node_t *node, const mesh_id_t *id,
                                 pal_process_t *process)
{
    link_t *link = mesh__node_link_find(node, id, &link_ops);

    if (!link)
        return MESH_E_NODE_LOST;
    return pal_channel_peer_process_set(link->channel, process);
}
