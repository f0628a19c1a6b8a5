/* One core alone, with the other nodes played by the test: what it is sent is
 * written by hand, and what it sends is looked at. */
#ifndef TESTS_LONE_CORE_H
#define TESTS_LONE_CORE_H

#include "core.h"

enum { LONE_OUTS_MAX = 64, LONE_BODY_MAX = 2048 };

/* Something that came out. */
typedef struct lone_out_t {
    mesh_id_t node;
    mesh__event_head_t head;
    unsigned char bytes[LONE_BODY_MAX]; /* the whole event */
    apr_size_t len;
    int n_handles;
} lone_out_t;

typedef struct lone_t {
    mesh__core_t *core;
    mesh_id_t self;
    mesh_id_t b; /* two other nodes */
    mesh_id_t c;
    lone_out_t *outs; /* sent and not looked at yet */
    int n_outs;
    int n_ready;   /* READY since it was last set to 0 */
    int n_dropped; /* handles in dropped messages */
    int n_ids;     /* fresh ids so far: 1, 2, ... in the last byte */
    const unsigned char *ids; /* last bytes to use first */
} lone_t;

void lone_init(lone_t *lone);

/* Checks that nothing is left to look at. */
void lone_fini(lone_t *lone);

/* An id with all bytes `first` but for the last. */
mesh_id_t lone_id(int first, int last);
mesh__addr_t lone_addr(const mesh_id_t *node, int last);

/* A port of this node, with id lone_id(0x11, last) and its peer on `node` with
 * lone_id(0x50, last). */
mesh_port_t *lone_port(lone_t *lone, int last, const mesh_id_t *node);

/* Take all outputs: SEND to outs, ports in dropped messages are closed. */
void lone_drain(lone_t *lone);

/* An event comes, made with wire_event. */
apr_status_t lone_event(lone_t *lone, const mesh_id_t *from,
                        mesh_message_t *event);

/* The same for a port of ours, of given type with the body that is usual. */
apr_status_t lone_simple(lone_t *lone, const mesh_id_t *from, mesh_port_t *to,
                         int type, int flags, apr_uint64_t seq);

/* The oldest event that was sent, which must be this one (`port` NULL: any);
 * *ret_out (may be NULL) is valid until the next call. */
void lone_expect(lone_t *lone, const mesh_id_t *node, const mesh_id_t *port,
                 int type, int flags, apr_uint64_t seq,
                 const lone_out_t **ret_out);

/* A message with text; with a port or handle in it. */
mesh_message_t *lone_text(const char *text);
mesh_message_t *lone_with_port(mesh_port_t *port);
mesh_message_t *lone_with_handle(intptr_t handle);

/* Send, receive; assert that it went well. */
void lone_send(lone_t *lone, mesh_port_t *port, mesh_message_t *message);
void lone_recv_text(lone_t *lone, mesh_port_t *port, const char *text);
mesh_port_t *lone_recv_port(lone_t *lone, mesh_port_t *port);
apr_status_t lone_recv_status(lone_t *lone, mesh_port_t *port);

void lone_close(lone_t *lone, mesh_port_t *port);

#endif
