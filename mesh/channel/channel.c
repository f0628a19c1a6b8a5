/* Many senders, one receiver (docs/PROTOCOL.md 6.1).
 *
 * A sender is a port; the receiver is the set of their other ends. A clone is
 * a new port whose other end is sent down the channel, so a receiver needs to
 * know no more than "one more port", and moving either end is moving ports:
 * nothing is ever buffered here. */
#include "config.h"

#include <mesh/channel.h>

#include "generic.h"
#include "node.h"

#include <stdlib.h>

/* ChannelPayload {2: port}: a bare key of wire type 7, and the port. */
static const unsigned char one_more_port[] = {2 << 3 | 7};

struct mesh_sender_t {
    mesh_port_t *port;
    mesh_sender_fn_t writable;
    void *writable_baton;
};

typedef struct source_t {
    struct source_t *next;
    mesh_port_t *port;
} source_t;

struct mesh_receiver_t {
    mesh_node_t *node;
    source_t *sources; /* the one to be asked next is first */
    int n_sources;
    apr_status_t end; /* how the last source ended */
    mesh_receiver_fn_t ready;
    void *ready_baton;
};

/* ---- the sender ---- */

apr_status_t mesh_send(mesh_sender_t *sender, const ProtobufCMessage *value)
{
    return mesh__send_value(sender->port, value, MESH__WRAP_CHANNEL, 0);
}

apr_status_t mesh_send_boxed(mesh_sender_t *sender,
                             const ProtobufCMessage *box)
{
    return mesh__send_value(sender->port, box, MESH__WRAP_NONE, 0);
}

static void sender_writable(void *baton, mesh_port_t *port)
{
    mesh_sender_t *sender = baton;

    (void)port;
    sender->writable(sender->writable_baton, sender);
}

apr_status_t mesh_sender_writable_set(mesh_sender_t *sender,
                                      mesh_sender_fn_t fn, void *baton)
{
    sender->writable = fn;
    sender->writable_baton = baton;
    return mesh_port_writable_set(sender->port, fn ? sender_writable : NULL,
                                  sender);
}

apr_status_t mesh_sender_status(mesh_sender_t *sender)
{
    return mesh_port_status(sender->port);
}

/* Send "one more port" on `port`. Takes *more on success only. */
static apr_status_t send_port(mesh_port_t *port, mesh_port_t **more)
{
    mesh_message_t *message = NULL;
    mesh_port_t *sent = *more;
    apr_status_t rv =
        mesh_message_create(&message, one_more_port, sizeof(one_more_port));

    if (rv == APR_SUCCESS)
        rv = mesh_message_port_put(message, &sent);
    if (rv == APR_SUCCESS)
        rv = mesh_port_send(port, &message);
    if (rv == APR_SUCCESS)
        *more = NULL;
    else if (message && message->n_res > 0)
        (void)mesh_message_port_take(message, 0, &sent);
    mesh_message_destroy(&message);
    return rv;
}

apr_status_t mesh_sender_clone(mesh_sender_t *sender,
                               mesh_sender_t **ret_sender)
{
    mesh_port_t *near_end = NULL, *far_end = NULL;
    apr_status_t rv =
        mesh_port_pair(mesh_port_node(sender->port), &near_end, &far_end);

    if (rv == APR_SUCCESS)
        rv = send_port(sender->port, &far_end);
    if (rv == APR_SUCCESS)
        rv = mesh_sender_from_port(&near_end, ret_sender);
    mesh_port_close(&near_end);
    mesh_port_close(&far_end);
    return rv;
}

void mesh_sender_close(mesh_sender_t **sender)
{
    if (!*sender)
        return;
    mesh_port_close(&(*sender)->port);
    free(*sender);
    *sender = NULL;
}

apr_status_t mesh_sender_to_port(mesh_sender_t **sender,
                                 mesh_port_t **ret_port)
{
    mesh__port_unhook((*sender)->port);
    *ret_port = (*sender)->port;
    free(*sender);
    *sender = NULL;
    return APR_SUCCESS;
}

apr_status_t mesh_sender_from_port(mesh_port_t **port,
                                   mesh_sender_t **ret_sender)
{
    mesh_sender_t *sender = calloc(1, sizeof(*sender));

    if (!sender)
        return APR_ENOMEM;
    sender->port = *port;
    *port = NULL;
    *ret_sender = sender;
    return APR_SUCCESS;
}

/* ---- the receiver ---- */

static void source_ready(void *baton, mesh_port_t *port)
{
    mesh_receiver_t *receiver = baton;

    (void)port;
    receiver->ready(receiver->ready_baton, receiver);
}

static apr_status_t watch_source(mesh_receiver_t *receiver, mesh_port_t *port)
{
    return mesh_port_ready_set(port, receiver->ready ? source_ready : NULL,
                               receiver);
}

/* Takes *port on success only. */
static apr_status_t source_add(mesh_receiver_t *receiver, mesh_port_t **port)
{
    source_t *source = calloc(1, sizeof(*source)), **end;

    if (!source)
        return APR_ENOMEM;
    if (receiver->ready && watch_source(receiver, *port) != APR_SUCCESS) {
        free(source);
        return APR_ENOMEM;
    }
    for (end = &receiver->sources; *end; end = &(*end)->next)
        ;
    source->port = *port;
    *port = NULL;
    *end = source;
    receiver->n_sources++;
    return APR_SUCCESS;
}

static void source_remove_first(mesh_receiver_t *receiver)
{
    source_t *source = receiver->sources;

    receiver->sources = source->next;
    receiver->n_sources--;
    mesh_port_close(&source->port);
    free(source);
}

/* So that a busy sender does not keep others waiting. */
static void rotate(mesh_receiver_t *receiver)
{
    source_t *first = receiver->sources, **end;

    if (!first || !first->next)
        return;
    receiver->sources = first->next;
    first->next = NULL;
    for (end = &receiver->sources; *end; end = &(*end)->next)
        ;
    *end = first;
}

/* A message came from the first source: APR_SUCCESS if it is for the user,
 * APR_EAGAIN if it was dealt with. */
static apr_status_t take_in(mesh_receiver_t *receiver,
                            mesh_message_t **message)
{
    mesh_port_t *port = NULL;
    int index;
    apr_status_t rv = mesh__payload_open_channel(*message, &index);

    if (rv == APR_SUCCESS && index < 0)
        return APR_SUCCESS;
    if (rv == APR_SUCCESS)
        rv = mesh_message_port_take(*message, index, &port);
    if (rv == APR_SUCCESS && receiver->n_sources >= MESH_MAX_SENDERS)
        rv = MESH_E_LIMIT;
    if (rv == APR_SUCCESS)
        rv = source_add(receiver, &port);
    mesh_port_close(&port);
    mesh_message_destroy(message);
    if (rv != APR_SUCCESS) { /* its port ends, with all that follows */
        mesh_port_fail(receiver->sources->port);
        source_remove_first(receiver);
        receiver->end = APR_STATUS_IS_ENOMEM(rv) || rv == MESH_E_LIMIT
                            ? MESH_E_FAILED
                            : MESH_E_PROTOCOL;
    }
    return APR_EAGAIN;
}

static apr_status_t receiver_poll(mesh_receiver_t *receiver,
                                  mesh_message_t **ret_message)
{
    mesh_message_t *message;
    int idle = 0; /* sources in a row that had nothing */
    apr_status_t rv;

    while (receiver->sources && idle < receiver->n_sources) {
        rv = mesh__port_poll(receiver->sources->port, &message);
        if (rv == APR_SUCCESS) {
            rv = take_in(receiver, &message);
            if (rv == APR_SUCCESS) {
                *ret_message = message;
                rotate(receiver);
                return APR_SUCCESS;
            }
            idle = 0;
        }
        else if (APR_STATUS_IS_EAGAIN(rv)) {
            idle++;
            rotate(receiver);
        }
        else {
            receiver->end = rv;
            source_remove_first(receiver);
        }
    }
    return receiver->sources ? APR_EAGAIN : receiver->end;
}

typedef struct receiving_t {
    mesh_receiver_t *receiver;
    mesh_message_t *message;
} receiving_t;

static apr_status_t poll_receive(void *baton)
{
    receiving_t *r = baton;

    return receiver_poll(r->receiver, &r->message);
}

apr_status_t mesh_recv(mesh_receiver_t *receiver, apr_interval_time_t timeout,
                       mesh_message_t **ret_message)
{
    receiving_t r = {receiver, NULL};
    apr_status_t rv =
        mesh__node_wait(receiver->node, poll_receive, &r, timeout);

    if (rv == APR_SUCCESS)
        *ret_message = r.message;
    return rv;
}

apr_status_t mesh_receiver_ready_set(mesh_receiver_t *receiver,
                                     mesh_receiver_fn_t fn, void *baton)
{
    source_t *source;
    apr_status_t rv = APR_SUCCESS;

    receiver->ready = fn;
    receiver->ready_baton = baton;
    for (source = receiver->sources; source && rv == APR_SUCCESS;
         source = source->next)
        rv = watch_source(receiver, source->port);
    return rv;
}

void mesh_receiver_close(mesh_receiver_t **receiver)
{
    if (!*receiver)
        return;
    while ((*receiver)->sources)
        source_remove_first(*receiver);
    free(*receiver);
    *receiver = NULL;
}

/* Several senders become one port that brings their ports. If that fails
 * halfway the ports gone are behind `far_end`, which becomes a source. */
static apr_status_t gather(mesh_receiver_t *receiver, mesh_port_t **ret_port)
{
    mesh_port_t *near_end = NULL, *far_end = NULL;
    apr_status_t rv = mesh_port_pair(receiver->node, &near_end, &far_end);
    source_t *source;

    while (rv == APR_SUCCESS && (source = receiver->sources) != NULL) {
        mesh__port_unhook(source->port);
        rv = send_port(near_end, &source->port);
        if (rv == APR_SUCCESS)
            source_remove_first(receiver);
    }
    mesh_port_close(&near_end);
    if (rv == APR_SUCCESS) {
        *ret_port = far_end;
        return APR_SUCCESS;
    }
    if (far_end)
        (void)source_add(receiver, &far_end);
    mesh_port_close(&far_end);
    return rv;
}

apr_status_t mesh_receiver_to_port(mesh_receiver_t **receiver,
                                   mesh_port_t **ret_port)
{
    source_t *only = (*receiver)->n_sources == 1 ? (*receiver)->sources : NULL;
    apr_status_t rv = APR_SUCCESS;

    if (only) {
        mesh__port_unhook(only->port);
        *ret_port = only->port;
        only->port = NULL;
    }
    else {
        rv = gather(*receiver, ret_port);
    }
    if (rv == APR_SUCCESS)
        mesh_receiver_close(receiver);
    return rv;
}

apr_status_t mesh_receiver_from_port(mesh_port_t **port,
                                     mesh_receiver_t **ret_receiver)
{
    mesh_receiver_t *receiver = calloc(1, sizeof(*receiver));
    mesh_node_t *node = mesh_port_node(*port);

    if (!receiver || source_add(receiver, port) != APR_SUCCESS) {
        free(receiver);
        return APR_ENOMEM;
    }
    receiver->node = node;
    receiver->end = MESH_E_CLOSED;
    *ret_receiver = receiver;
    return APR_SUCCESS;
}

apr_status_t mesh_channel_create(mesh_node_t *node, mesh_sender_t **ret_sender,
                                 mesh_receiver_t **ret_receiver)
{
    mesh_port_t *tx = NULL, *rx = NULL;
    mesh_sender_t *sender = NULL;
    apr_status_t rv = mesh_port_pair(node, &tx, &rx);

    if (rv == APR_SUCCESS)
        rv = mesh_sender_from_port(&tx, &sender);
    if (rv == APR_SUCCESS)
        rv = mesh_receiver_from_port(&rx, ret_receiver);
    if (rv == APR_SUCCESS)
        *ret_sender = sender;
    else
        mesh_sender_close(&sender);
    mesh_port_close(&tx);
    mesh_port_close(&rx);
    return rv;
}
