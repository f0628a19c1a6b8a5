/* The protocol state machine: ports, peering, moving, bridging, failure
 * (docs/PROTOCOL.md 2, 3, 10, 11). No I/O, no clock, no locks.
 *
 * Inputs are the calls below; outputs are taken one by one with
 * mesh__core_next after each input, until there are none. Nothing calls back,
 * so nothing re-enters. The random source is an argument, called for fresh
 * ids; it must not call the core.
 *
 * All ports of one core belong to one node; every port is in the table from
 * its creation. A message between two ports of the same core moves as it is,
 * with its ports in it; only when it leaves for another node are they
 * serialised.
 *
 * A port that the user holds lives until mesh__core_close, also after it was
 * closed or failed by the other end. A port in a message is held by the
 * message.
 *
 * Threads: one at a time (the node's lock). */
#ifndef MESH_CORE_CORE_H
#define MESH_CORE_CORE_H

#include <mesh/status.h>

#include "event.h"
#include "id.h"
#include "message.h"

typedef struct mesh__core_t mesh__core_t;
typedef void (*mesh__random_fn_t)(void *baton, void *buf, apr_size_t len);

/* Limits. A port whose events exceed one fails; the link goes on. */
#define MESH__MAX_EARLY 65536           /* early arrivals of one port */
#define MESH__DEFAULT_UNREAD (64 << 20) /* unread bytes from one node */
#define MESH__MAX_PORTS_FROM (1 << 18)  /* ports received from one node */

typedef enum {
    MESH__OUT_SEND,  /* send `message` to `node`, then destroy it */
    MESH__OUT_READY, /* a message, close or failure waits at `port` */
    MESH__OUT_DROP   /* destroy `message` with all that is in it */
} mesh__out_kind_t;

typedef struct mesh__out_t {
    mesh__out_kind_t kind;
    mesh_id_t node;
    mesh_message_t *message;
    mesh_port_t *port;
} mesh__out_t;

apr_status_t mesh__core_create(mesh__core_t **ret_core, const mesh_id_t *self,
                               mesh__random_fn_t random, void *baton);

/* Free it with all ports, also held ones, and all messages. Handles in them
 * come back as MESH__OUT_DROP from mesh__core_next if mesh__core_end is
 * called first, which fails every port. */
void mesh__core_end(mesh__core_t *core);
void mesh__core_destroy(mesh__core_t *core);

const mesh_id_t *mesh__core_self(mesh__core_t *core);
/* The event that exceeds it fails its port; one alone may be larger. */
void mesh__core_unread_limit_set(mesh__core_t *core, apr_size_t bytes);

/* A pointer for the layer above, for the core and for each port. */
void mesh__core_user_set(mesh__core_t *core, void *user);
void *mesh__core_user(mesh__core_t *core);
void mesh__port_user_set(mesh_port_t *port, void *user);
void *mesh__port_user(mesh_port_t *port);
mesh__core_t *mesh__port_core(mesh_port_t *port);

/* Next output; 0 if there is none. */
int mesh__core_next(mesh__core_t *core, mesh__out_t *ret_out);

/* Two ports, each the other's peer. Errors: APR_ENOMEM. */
apr_status_t mesh__core_pair(mesh__core_t *core, mesh_port_t **ret_a,
                             mesh_port_t **ret_b);

/* A port with given id and peer: ends of an invitation.
 * Errors: APR_EEXIST, APR_ENOMEM. */
apr_status_t mesh__core_adopt(mesh__core_t *core, const mesh_id_t *id,
                              const mesh__addr_t *peer,
                              mesh_port_t **ret_port);

/* Fresh random id (not zero). */
void mesh__core_fresh_id(mesh__core_t *core, mesh_id_t *ret_id);

/* Send `*message`; with `close` it is the last one and the port is closed for
 * sending (mesh__core_close is still due). Sent on a port that has ended it
 * is dropped, and that is success.
 * Ownership: *message is taken, and NULL, on success only.
 * Errors: APR_ENOMEM; APR_EINVAL: the port was closed for sending, or the
 * message holds the port itself, its peer, an open port that was closed for
 * sending, or something that was taken out. */
apr_status_t mesh__core_send(mesh__core_t *core, mesh_port_t *port,
                             mesh_message_t **message, int close);

/* Take the next message.
 * Errors: APR_EAGAIN: none yet; MESH_E_CLOSED, MESH_E_FAILED: none, and none
 * will come. Messages that came before a close or failure are given first. */
apr_status_t mesh__core_recv(mesh__core_t *core, mesh_port_t *port,
                             mesh_message_t **ret_message);

/* APR_SUCCESS while open, else MESH_E_CLOSED or MESH_E_FAILED, whatever is
 * still unread. For a failed one *ret_culprit (may be NULL) is the node at
 * fault. */
apr_status_t mesh__core_status(mesh__core_t *core, mesh_port_t *port,
                               mesh_id_t *ret_culprit);

/* Someone holds the port from now on: it was taken out of a message. If
 * something waits at it, it is MESH__OUT_READY. */
void mesh__core_hold(mesh__core_t *core, mesh_port_t *port);

/* The port is the library's own: mesh__core_next_held does not name it. */
void mesh__core_keep(mesh_port_t *port);

/* A port that a user holds, from *index (at first 0) on; NULL after the last.
 * What is done with it may make others be missed: go through until a pass
 * finds none. */
mesh_port_t *mesh__core_next_held(mesh__core_t *core, apr_size_t *index);

/* The holder lets go of the port: sends a close if none was sent yet. Unread
 * messages are dropped. */
void mesh__core_close(mesh__core_t *core, mesh_port_t **port);

/* The holder found what it received to be against the protocol: fails the
 * port at both ends. It is still held. */
void mesh__core_fail(mesh__core_t *core, mesh_port_t *port);

/* Join the peer of `*a` with the peer of `*b`, with all that is unread.
 * Ownership: both are taken, and NULL, on success only.
 * Errors: MESH_E_CIRCULAR, APR_ENOMEM; APR_EINVAL: one is open, but was
 * closed for sending. */
apr_status_t mesh__core_bridge(mesh__core_t *core, mesh_port_t **a,
                               mesh_port_t **b);

/* Where a message sent on the port would go now: 1 and *ret_node if that is
 * another node, else 0. *ret_waiting: bytes that wait before it at a port of
 * this node, to be received or for a move to be acknowledged. */
int mesh__core_route(mesh__core_t *core, mesh_port_t *port,
                     mesh_id_t *ret_node, apr_size_t *ret_waiting);

/* An event came from `from`.
 * Ownership: *message is always taken.
 * Errors (what is wrong with it; it has been dropped, and the ports in it
 * closed or failed, where it could be read so far; the link may go on):
 * MESH_E_TRUNCATED, MESH_E_UNKNOWN_PORT, MESH_E_PROTOCOL, MESH_E_RESOURCE,
 * MESH_E_LIMIT. APR_ENOMEM: the node can no longer follow the protocol with
 * this peer; treat the link as lost. */
apr_status_t mesh__core_event(mesh__core_t *core, const mesh_id_t *from,
                              mesh_message_t **message);

/* There is no way to the node any more: fails all ports that need it. */
void mesh__core_node_lost(mesh__core_t *core, const mesh_id_t *node);

/* How many ports are being moved or forward to where one moved (Sending and
 * Proxying): shutdown waits for none. */
int mesh__core_n_moving(mesh__core_t *core);

/* How many ports have sent a close that was not answered yet: until then it
 * may be on its way behind what others forward, and its loss would be taken
 * for the node's. Shutdown waits for none. */
int mesh__core_n_closing(mesh__core_t *core);

/* All ports, for tests and inspection. */
int mesh__core_n_ports(mesh__core_t *core);

#endif
