/* Shared between the files of mesh/core/ only: the core's and a port's
 * memory, and the steps of a port's life.
 *
 * Nothing here calls back or recurses: an event from one of our ports to
 * another waits in core->local, and a port that is to fail because of another
 * one in core->doomed, until mesh__pump, which every input ends with. A port
 * is freed in mesh__port_settle only, so a step may use it to its end. */
#ifndef MESH_CORE_PORT_H
#define MESH_CORE_PORT_H

#include "core.h"
#include "queue.h"
#include "table.h"

/* Proxies of ours that an event may pass in a row. Only a hostile node can
 * make proxies that lead in a circle. */
#define MESH__MAX_HOPS 1000

/* Overhead of an event in the account of its sender. */
#define MESH__UNREAD_OVERHEAD 256

/* What a port and a handle count beside: they are dearer than their bytes. Of
 * the default limit, one node can have 256 handles unread here. */
#define MESH__UNREAD_PORT 4096
#define MESH__UNREAD_HANDLE (256 << 10)

/* Failures that a port remembers of nodes that are not its peer's. */
#define MESH__MAX_EARLY_FAILURES 4

/* Another node: what it has sent and was not taken yet. */
typedef struct mesh__peer_t {
    mesh_id_t id;
    apr_size_t unread;
    int n_ports; /* received from it, and still here */
    int n_messages;
    int is_lost;
} mesh__peer_t;

typedef enum {
    MESH__PEERED,
    MESH__SENDING,
    MESH__PROXYING,
    MESH__DONE,
    MESH__FAILED
} mesh__port_state_t;

struct mesh_port_t {
    mesh_id_t id;
    mesh__core_t *core;
    void *user;
    mesh__port_state_t state;
    mesh__addr_t peer;
    mesh__addr_t target;      /* Sending, Proxying: where it moved to */
    apr_uint64_t next_send;   /* to the peer */
    apr_uint64_t next_recv;   /* from the peer */
    apr_uint64_t next_target; /* Proxying: to the target */
    mesh__queue_t inbox;      /* messages that can be received */
    mesh_message_t *early;    /* heap of events not yet looked at */
    int n_early;
    apr_size_t waiting;    /* bytes of inbox and early events, with overhead */
    mesh_message_t *spare; /* events made beforehand, see mesh__port_note */
    mesh_port_t *stand_in; /* made beforehand for moving a Done port */
    mesh__peer_t *origin;  /* the node that sent it here, or NULL */
    mesh_id_t old_node;    /* where it was before, or zero */
    mesh_id_t culprit;     /* Failed: the node at fault */
    mesh_port_t *list_next; /* of doomed ports, or of ports being made */
    mesh_port_t *ready_next;
    mesh_port_t *ready_prev;

    unsigned is_owned : 1;    /* a user or message will close it */
    unsigned is_held : 1;     /* a user has it: say when it is ready */
    unsigned is_kept : 1;     /* see mesh__core_keep */
    unsigned is_closed : 1;   /* a close was sent to the peer */
    unsigned is_ready : 1;    /* in core->ready */
    unsigned is_doomed : 1;   /* in core->doomed */
    unsigned is_lost : 1;     /* doomed: the culprit cannot be reached */
    unsigned is_dangling : 1; /* the new peer is ours, and has ended */
    unsigned is_left : 1;     /* closed, and its peer's close can be lost */

    int n_failures;
    struct {
        mesh_id_t node;
        mesh_id_t culprit;
    } failures[MESH__MAX_EARLY_FAILURES];
};

struct mesh__core_t {
    mesh_id_t self;
    mesh__random_fn_t random;
    void *random_baton;
    void *user;
    apr_size_t unread_limit;
    mesh__table_t ports;
    mesh__table_t peers;
    mesh__queue_t local; /* events from our ports to our ports */
    mesh__queue_t sends; /* outputs */
    mesh__queue_t drops;
    mesh_port_t *ready_first;
    mesh_port_t *ready_last;
    mesh_port_t *doomed;
    int n_moving;
    int n_closing;
    int is_ended;
};

/* Whom a failing port tells. */
enum { MESH__TELL_NONE = 0, MESH__TELL_PEER = 1, MESH__TELL_TARGET = 2 };
#define MESH__TELL_ALL (MESH__TELL_PEER | MESH__TELL_TARGET)

/* ---- core.c ---- */

/* Give back what the message takes in its sender's account. */
void mesh__unread_release(mesh__core_t *core, mesh_message_t *message);

/* The core has done with the message and all that is in it. */
void mesh__drop(mesh__core_t *core, mesh_message_t *message);

/* The same for a message that cannot arrive because of `culprit`: the ports in
 * it fail, so that who waits at their other ends does not take it for an
 * answer. */
void mesh__lose(mesh__core_t *core, mesh_message_t *message,
                const mesh_id_t *culprit);

/* The node is remembered as lost. */
int mesh__is_lost(mesh__core_t *core, const mesh_id_t *node);

/* Forget a lost node that nothing refers to. */
void mesh__peer_settle(mesh__core_t *core, mesh__peer_t *peer);

/* Send an event with type, flags and seq set. It carries no resources, or is
 * for a port of ours, or mesh__move_commit was called. */
void mesh__route(mesh_port_t *port, mesh_message_t *event,
                 const mesh__addr_t *to);

/* Process what waits between our own ports. */
void mesh__pump(mesh__core_t *core);

/* ---- port.c ---- */

/* A port that is in no table yet, with one spare. NULL: out of memory. */
mesh_port_t *mesh__port_alloc(mesh__core_t *core);

/* Free one that is in no table. */
void mesh__port_free_new(mesh_port_t *port);

/* Put it in the table, where there is room, under a fresh id. */
void mesh__port_enter(mesh_port_t *port);

/* Free the port, which is in the table. */
void mesh__port_free(mesh_port_t *port);

/* Free the port if it has ended and nobody will close it. */
void mesh__port_settle(mesh_port_t *port);

/* Have `n` spares. Errors: APR_ENOMEM. */
apr_status_t mesh__port_spares(mesh_port_t *port, int n);

/* An event of the core's own making. There are always spares for what the
 * protocol needs: out of memory cannot keep a port from ending. NULL: only
 * for the failure of a port that was already closed. */
mesh_message_t *mesh__port_note(mesh_port_t *port, int type, apr_size_t len);

void mesh__port_state_set(mesh_port_t *port, mesh__port_state_t state);

/* Note that a close was sent to the peer, or that the peer is a new one. */
void mesh__port_closed_set(mesh_port_t *port, int is_closed);

/* Not ended. */
int mesh__port_is_live(const mesh_port_t *port);

/* There is nothing at the other end any more, and that is on this node. */
int mesh__port_is_orphan(const mesh_port_t *port);

void mesh__port_ready(mesh_port_t *port);
void mesh__port_ready_remove(mesh_port_t *port);

/* Nobody holds it any more. */
void mesh__port_disown(mesh_port_t *port);

/* What an event counts in accounts of bytes. */
apr_size_t mesh__event_cost(const mesh_message_t *event);

/* Take the next message that can be received; NULL if there is none. */
mesh_message_t *mesh__port_inbox_take(mesh_port_t *port);

/* Drop what can be received. */
void mesh__port_inbox_drop(mesh_port_t *port);

/* Send a close if none was sent. */
void mesh__port_close(mesh_port_t *port);

/* Make a live port Failed. */
void mesh__port_fail(mesh_port_t *port, const mesh_id_t *culprit, int tell);

/* Fail it soon. */
void mesh__port_doom(mesh_port_t *port, const mesh_id_t *culprit, int lost);

/* An event for one of our ports. Takes the event. */
apr_status_t mesh__port_event(mesh__core_t *core, mesh_message_t *event);

/* ---- move.c ---- */

/* Allocate all that is needed to send the message to another node. It may be
 * given up afterwards without more ado. Errors: APR_ENOMEM. */
apr_status_t mesh__move_prepare(mesh__core_t *core, mesh_message_t *message);

/* Turn the ports and handles of a prepared message into bytes: ports become
 * Sending. */
void mesh__move_commit(mesh__core_t *core, mesh_message_t *message,
                       const mesh_id_t *to);

/* Make the ports of an event that came in, and acknowledge them.
 * Errors: MESH_E_PROTOCOL, MESH_E_RESOURCE: what could be made is in the
 * message; MESH_E_LIMIT, APR_ENOMEM: nothing was made. */
apr_status_t mesh__move_in(mesh__core_t *core, mesh_message_t *message,
                           int n_res);

/* From now on what comes for the port goes to `target`, numbered from
 * `first`; tell its peer. */
void mesh__proxy_begin(mesh_port_t *port, const mesh__addr_t *target,
                       apr_uint64_t first);

/* Send an event on to the target, with the next number. Takes the event.
 * Errors: MESH_E_LIMIT: the port has failed. */
apr_status_t mesh__proxy_forward(mesh_port_t *port, mesh_message_t *event);

#endif
