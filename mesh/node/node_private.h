/* Shared between the files of mesh/node/ only. */
#ifndef MESH_NODE_PRIVATE_H
#define MESH_NODE_PRIVATE_H

#include "node.h"
#include "table.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#define NODE_RANDOM 4096

/* Another node, from the first time something is to be sent to it until its
 * link is lost. Without a link messages wait in `pending`. */
typedef struct node_peer_t {
    mesh_id_t id; /* first, for the table */
    struct node_peer_t *prev, *next;
    apr_uint32_t round;          /* of attention, when it last had its turn */
    const mesh__link_ops_t *ops; /* NULL: no link yet */
    void *link;
    mesh_message_t *pending, **pending_end;
    apr_size_t pending_bytes;
    int asked; /* the need for a link has been reported */
    int heard;
    mesh__peer_fn_t watch;
    void *watch_baton;
} node_peer_t;

/* What the node keeps for a port with callbacks: the port's user pointer. */
typedef struct node_hook_t {
    struct node_hook_t *prev, *next; /* all hooks of the node */
    struct node_hook_t *ready_next;  /* the queue of due callbacks */
    mesh_port_t *port;
    mesh_port_fn_t ready;
    void *ready_baton;
    void (*ready_cleanup)(void *baton);
    mesh_port_fn_t writable;
    void *writable_baton;
    int queued; /* in the queue of due callbacks */
    int due_ready;
    int due_writable;
    int closed; /* to be freed when it leaves the queue */
} node_hook_t;

struct mesh_node_t {
    apr_pool_t *pool;
    pal_loop_t *loop;
    pal_log_t *log;
    pal_wake_t *wake;
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *changed; /* something may be ready: blocked threads */
    mesh__core_t *core;
    mesh__table_t peers;
    node_peer_t *first_peer, *last_peer;
    apr_uint32_t round;
    int attend; /* a link or a missing link asks for attention */
    node_hook_t *hooks;
    node_hook_t *due, **due_end;
    int local_busy; /* a send was refused for what waits in this node */
    int stopping;
    apr_uint64_t changes; /* deliveries and the like, for waiting threads */
    apr_size_t queue_limit, unread_limit;
    apr_uint64_t bad_events; /* dropped, since the last line in the log */
    apr_time_t bad_logged;
    mesh__need_link_fn_t need_link;
    void *need_link_baton;
    void *leader;
    void (*ending)(void *baton);
    void *ending_baton;
    mesh_id_t lifeline;
    apr_status_t lifeline_why;
    unsigned char random[NODE_RANDOM];
    apr_size_t random_used;
    unsigned char buffer[MESH__NODE_BUFFER];
};

/* links.c; under the lock */
node_peer_t *mesh__peer_find(mesh_node_t *node, const mesh_id_t *id);
node_peer_t *mesh__peer_get(mesh_node_t *node, const mesh_id_t *id);
void mesh__peer_send(mesh_node_t *node, const mesh_id_t *id,
                     mesh_message_t **message);
void mesh__node_attend_links(mesh_node_t *node); /* without the lock */
void mesh__node_close_links(mesh_node_t *node);  /* without the lock */
void mesh__node_finish_links(mesh_node_t *node); /* without the lock */
int mesh__node_any_link(mesh_node_t *node);      /* without the lock */
int mesh__node_any_pending(mesh_node_t *node);   /* without the lock */

/* ports.c; under the lock */
void mesh__hook_due(mesh_node_t *node, mesh_port_t *port);
void mesh__hooks_free(mesh_node_t *node);

#endif
