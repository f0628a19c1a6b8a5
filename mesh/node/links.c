/* The table of other nodes and the links to them. */
#include "config.h"

#include "node_private.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define PENDING_COST 256         /* counted for a waiting message's struct */
#define BAD_EVENT_PERIOD 1000000 /* at most one line in the log, us */

node_peer_t *mesh__peer_find(mesh_node_t *node, const mesh_id_t *id)
{
    return mesh__table_find(&node->peers, id);
}

static void append(mesh_node_t *node, node_peer_t *peer)
{
    peer->next = NULL;
    peer->prev = node->last_peer;
    if (peer->prev)
        peer->prev->next = peer;
    else
        node->first_peer = peer;
    node->last_peer = peer;
}

static void unlink_peer(mesh_node_t *node, node_peer_t *peer)
{
    if (peer->prev)
        peer->prev->next = peer->next;
    else
        node->first_peer = peer->next;
    if (peer->next)
        peer->next->prev = peer->prev;
    else
        node->last_peer = peer->prev;
}

node_peer_t *mesh__peer_get(mesh_node_t *node, const mesh_id_t *id)
{
    node_peer_t *peer = mesh__peer_find(node, id);

    if (peer)
        return peer;
    peer = calloc(1, sizeof(*peer));
    if (!peer || mesh__table_reserve(&node->peers, 1) != APR_SUCCESS) {
        free(peer);
        return NULL;
    }
    peer->id = *id;
    peer->pending_end = &peer->pending;
    peer->round = node->round;
    mesh__table_put(&node->peers, peer);
    append(node, peer);
    return peer;
}

static void peer_remove(mesh_node_t *node, node_peer_t *peer)
{
    mesh__table_remove(&node->peers, peer);
    unlink_peer(node, peer);
}

static void drop_pending(mesh_node_t *node, node_peer_t *peer)
{
    mesh_message_t *message;

    while ((message = peer->pending) != NULL) {
        peer->pending = message->next;
        mesh__message_dispose(node, message);
    }
    peer->pending_end = &peer->pending;
    peer->pending_bytes = 0;
}

void mesh__peer_send(mesh_node_t *node, const mesh_id_t *id,
                     mesh_message_t **message)
{
    node_peer_t *peer = mesh__peer_get(node, id);
    mesh_message_t *m = *message;

    *message = NULL;
    if (!peer) { /* out of memory: a lost event would stall its port */
        mesh__message_dispose(node, m);
        mesh__core_node_lost(node->core, id);
        return;
    }
    if (peer->ops) {
        peer->ops->send(peer->link, &m);
        return;
    }
    m->next = NULL;
    *peer->pending_end = m;
    peer->pending_end = &m->next;
    peer->pending_bytes += m->len + m->res_data_len + PENDING_COST;
    node->attend = 1;
}

void mesh__node_attend(mesh_node_t *node)
{
    node->attend = 1;
    pal_wake_signal(node->wake);
}

/* Ask for a link that is missing, or take note that none can be had or that
 * too much waits for it. Without the lock. */
static void ask_for_link(mesh_node_t *node, const mesh_id_t *id, int too_much)
{
    if (node->need_link && !too_much)
        node->need_link(node->need_link_baton, id);
    else
        mesh__node_link_lost(node, id, MESH_E_NODE_LOST);
}

/* One link or missing link that has not had its turn in this round; 0 if there
 * is none. Callbacks may change the list, so those that had theirs go to its
 * end, where new ones are too. */
static int attend_one(mesh_node_t *node)
{
    const mesh__link_ops_t *ops = NULL;
    void *link = NULL;
    node_peer_t *peer;
    mesh_id_t id;
    int ask = 0, too_much = 0;

    mesh__node_lock(node);
    peer = node->first_peer;
    if (peer && peer->round == node->round)
        peer = NULL;
    if (peer) {
        peer->round = node->round;
        unlink_peer(node, peer);
        append(node, peer);
        id = peer->id;
        ops = peer->ops;
        link = peer->link;
        too_much = peer->pending_bytes > 2 * node->queue_limit;
        ask = !ops && (!peer->asked || too_much);
        peer->asked = 1;
    }
    mesh__node_unlock(node);
    if (!peer)
        return 0;
    if (ops)
        ops->attend(link);
    else if (ask)
        ask_for_link(node, &id, too_much);
    return 1;
}

void mesh__node_attend_links(mesh_node_t *node)
{
    mesh__node_lock(node);
    node->round++;
    mesh__node_unlock(node);
    while (attend_one(node))
        ;
}

apr_status_t mesh__node_link_add(mesh_node_t *node, const mesh_id_t *id,
                                 const mesh__link_ops_t *ops, void *link,
                                 mesh__peer_fn_t watch, void *baton)
{
    node_peer_t *peer;
    mesh_message_t *message;

    mesh__node_lock(node);
    peer = mesh__peer_get(node, id);
    if (!peer || peer->ops
        || mesh__id_equal(id, mesh__core_self(node->core))) {
        mesh__node_unlock(node);
        return peer ? APR_EEXIST : APR_ENOMEM;
    }
    peer->ops = ops;
    peer->link = link;
    peer->watch = watch;
    peer->watch_baton = baton;
    while ((message = peer->pending) != NULL) {
        peer->pending = message->next;
        ops->send(link, &message);
    }
    peer->pending_end = &peer->pending;
    peer->pending_bytes = 0;
    mesh__node_drain(node);
    mesh__node_unlock(node);
    return APR_SUCCESS;
}

void *mesh__node_link_find(mesh_node_t *node, const mesh_id_t *id,
                           const mesh__link_ops_t *ops)
{
    node_peer_t *peer;
    void *link = NULL;

    mesh__node_lock(node);
    peer = mesh__peer_find(node, id);
    if (peer && peer->ops == ops)
        link = peer->link;
    mesh__node_unlock(node);
    return link;
}

void mesh__node_peer_unwatch(mesh_node_t *node, const mesh_id_t *id)
{
    node_peer_t *peer;

    mesh__node_lock(node);
    peer = mesh__peer_find(node, id);
    if (peer)
        peer->watch = NULL;
    mesh__node_unlock(node);
}

int mesh__node_has_link(mesh_node_t *node, const mesh_id_t *id)
{
    node_peer_t *peer;
    int ret;

    mesh__node_lock(node);
    peer = mesh__peer_find(node, id);
    ret = peer && peer->ops;
    mesh__node_unlock(node);
    return ret;
}

/* Garbage is counted, and logged at a limited rate: a hostile peer must not
 * fill a disk. Under the lock. */
static void note_bad_event(mesh_node_t *node, const mesh_id_t *from,
                           apr_status_t why)
{
    char id[MESH_ID_TEXT_LEN], text[128];
    pal_log_field_t fields[3];
    apr_time_t now = apr_time_now();

    node->bad_events++;
    if (node->bad_logged && now - node->bad_logged < BAD_EVENT_PERIOD)
        return;
    memset(fields, 0, sizeof(fields));
    fields[0].key = "node";
    fields[0].text = mesh__id_text(from, id);
    fields[1].key = "why";
    fields[1].text = mesh_status_text(why, text, sizeof(text));
    fields[2].key = "count";
    fields[2].number = (apr_int64_t)node->bad_events;
    pal_log_write(node->log, PAL_LOG_WARNING, "mesh.node", "events dropped",
                  fields, 3);
    node->bad_logged = now;
    node->bad_events = 0;
}

/* Another node is named as the home of a port's other end. */
static void meet(mesh_node_t *node, const mesh_id_t *id)
{
    if (mesh__id_equal(id, mesh__core_self(node->core))
        || mesh__peer_find(node, id) || !mesh__peer_get(node, id))
        return;
    node->attend = 1;
}

/* Links are asked for when a port first needs one, not when it first sends: a
 * port that only receives would never hear that the node is lost. What is
 * wrong with the event is core's business. */
static void meet_nodes(mesh_node_t *node, const mesh_message_t *message)
{
    const unsigned char *body = message->event + MESH__EVENT_HEAD_LEN;
    mesh__event_head_t head;
    mesh__res_data_t res;
    mesh__change_peer_t change;
    apr_uint32_t i;

    if (mesh__event_head_get(message->event, message->event_len, &head)
        != APR_SUCCESS)
        return;
    for (i = 0; i < head.n_res; i++, body += MESH__RES_DATA_LEN) {
        mesh__res_data_get(body, &res);
        if (!mesh__id_is_zero(&res.id) && !mesh__id_is_zero(&res.peer.port))
            meet(node, &res.peer.node);
    }
    if (head.type == MESH__EV_CHANGE_PEER
        && mesh__change_peer_get(body, head.len, &change) == APR_SUCCESS)
        meet(node, &change.peer.node);
}

apr_status_t mesh__node_received(mesh_node_t *node, const mesh_id_t *from,
                                 mesh_message_t **message)
{
    mesh__peer_fn_t watch = NULL;
    void *baton = NULL;
    node_peer_t *peer;
    apr_status_t rv;

    mesh__node_lock(node);
    meet_nodes(node, *message);
    rv = mesh__core_event(node->core, from, message);
    if (rv != APR_SUCCESS && rv != APR_ENOMEM) {
        note_bad_event(node, from, rv);
        rv = APR_SUCCESS;
    }
    mesh__node_drain(node);
    if (node->local_busy) /* a move may have been acknowledged */
        mesh__node_writable(node);
    peer = mesh__peer_find(node, from);
    if (peer && !peer->heard) {
        peer->heard = 1;
        watch = peer->watch;
        baton = peer->watch_baton;
    }
    mesh__node_unlock(node);
    if (watch)
        watch(baton, MESH__PEER_HEARD);
    return rv;
}

static void note_lost(mesh_node_t *node, const mesh_id_t *id, apr_status_t why)
{
    char text[128], digits[MESH_ID_TEXT_LEN];
    pal_log_field_t fields[2];

    memset(fields, 0, sizeof(fields));
    fields[0].key = "node";
    fields[0].text = mesh__id_text(id, digits);
    fields[1].key = "why";
    fields[1].text = mesh_status_text(why, text, sizeof(text));
    pal_log_write(node->log,
                  APR_STATUS_IS_EOF(why) ? PAL_LOG_DEBUG : PAL_LOG_WARNING,
                  "mesh.node", "link ended", fields, 2);
}

void mesh__node_link_lost(mesh_node_t *node, const mesh_id_t *id_arg,
                          apr_status_t why)
{
    mesh_id_t id = *id_arg; /* it may be in what is freed here */
    node_peer_t *peer;

    mesh__node_lock(node);
    peer = mesh__peer_find(node, &id);
    if (peer) {
        peer_remove(node, peer);
        drop_pending(node, peer);
    }
    mesh__core_node_lost(node->core, &id);
    mesh__node_drain(node);
    mesh__node_writable(node);
    mesh__node_unlock(node);
    if (!peer)
        return;
    if (mesh__id_equal(&id, &node->lifeline))
        node->lifeline_why = why;
    note_lost(node, &id, why);
    if (peer->ops)
        peer->ops->close(peer->link);
    if (peer->watch)
        peer->watch(peer->watch_baton, MESH__PEER_LOST);
    free(peer);
}

void mesh__node_link_drop(mesh_node_t *node, const mesh_id_t *id)
{
    if (mesh__node_has_link(node, id))
        mesh__node_link_lost(node, id, APR_EOF);
}

void mesh__node_close_links(mesh_node_t *node)
{
    while (node->first_peer)
        mesh__node_link_lost(node, &node->first_peer->id, APR_EOF);
}

int mesh__node_any_link(mesh_node_t *node)
{
    node_peer_t *peer;

    mesh__node_lock(node);
    for (peer = node->first_peer; peer && !peer->ops; peer = peer->next)
        ;
    mesh__node_unlock(node);
    return peer != NULL;
}

int mesh__node_any_pending(mesh_node_t *node)
{
    node_peer_t *peer;

    mesh__node_lock(node);
    for (peer = node->first_peer; peer && !peer->pending; peer = peer->next)
        ;
    mesh__node_unlock(node);
    return peer != NULL;
}

void mesh__node_finish_links(mesh_node_t *node)
{
    node_peer_t *peer;

    mesh__node_lock(node);
    for (peer = node->first_peer; peer; peer = peer->next)
        if (peer->ops)
            peer->ops->finish(peer->link);
    mesh__node_drain(node);
    mesh__node_unlock(node);
}
