/* The message as core, payload, node and link see it.
 *
 * One malloc'd block: this struct, and behind it the bytes it was made for.
 * In the core a message is also the event that carries it, so that queueing,
 * sending and delivering allocate nothing.
 *
 * Handles are opaque numbers here. The core never closes one: a message that
 * the core has done with comes out as MESH__OUT_DROP, and the layer above
 * destroys it. */
#ifndef MESH_CORE_MESSAGE_H
#define MESH_CORE_MESSAGE_H

#include <apr_errno.h>
#include <stdint.h>

#include "id.h"

#define MESH__HANDLE_NONE ((intptr_t)-1)

typedef enum {
    MESH__RES_NONE,
    MESH__RES_PORT,
    MESH__RES_HANDLE
} mesh__res_kind_t;

/* A port or handle in a message. A taken one is NULL or MESH__HANDLE_NONE. */
typedef struct mesh__res_t {
    mesh__res_kind_t kind;
    union {
        mesh_port_t *port;
        intptr_t handle;
    } u;
} mesh__res_t;

/* Most ports and handles of a message: MESH_MAX_RESOURCES, which the core
 * cannot see; and most handles of a packet. */
#define MESH__MAX_RES 1024
#define MESH__MAX_HANDLES_IN 64

#define MESH__EVENT_HEAD_LEN 40
#define MESH__RES_DATA_LEN 96

struct mesh_message_t {
    mesh_message_t *next;  /* in whichever queue it is */
    mesh_message_t *child; /* in a heap of early events */

    unsigned char *data; /* payload */
    apr_size_t len;
    mesh__res_t *res; /* malloc'd, n_res of them */
    int n_res;
    int res_cap;

    /* Typed messages (payload/). The part that is the value itself, inside a
     * channel payload or oneshot; where resources came from while packing;
     * memory of the unpacked tree. */
    int has_value;
    int value_wire; /* wire type of the value's field */
    unsigned char *value;
    apr_size_t value_len;
    mesh__res_t *value_res;
    int value_n_res;
    void **slots;
    struct mesh__arena_t *arena;

    /* The event (core/). On the way out the core fills head and res_data; a
     * message on the way in has the whole event in `event`, and what it needs
     * is parsed into the fields. */
    unsigned char head[MESH__EVENT_HEAD_LEN];
    unsigned char *res_data; /* n * MESH__RES_DATA_LEN bytes, malloc'd */
    apr_size_t res_data_len;
    unsigned char *event;
    apr_size_t event_len;
    int type;
    int flags;
    apr_uint64_t seq;
    mesh_id_t dest;
    mesh_id_t src;     /* the port that sent it, if that is one of ours */
    mesh_id_t node;    /* out: where to */
    int n_hops;        /* proxies of ours that it passed */
    int handles_lost;  /* link: it came without (all) its handles */
    intptr_t *handles; /* in: as received. out: to be sent. malloc'd */
    int n_handles;
    struct mesh__peer_t *from; /* whose unread bytes it counts among */
    apr_size_t charge;         /* with how many */

    intptr_t region; /* link: prepared large event, or MESH__HANDLE_NONE */
};

/* A message with room for `len` payload bytes behind it, uninitialised.
 * NULL: out of memory. */
mesh_message_t *mesh__message_alloc(apr_size_t len);

/* A message to be filled with `len` bytes of a received event. */
mesh_message_t *mesh__message_alloc_event(apr_size_t len);

/* Give a received event its handles (copied; at most 64).
 * Errors: APR_ENOMEM; they are still the caller's then. */
apr_status_t mesh__message_handles_set(mesh_message_t *message,
                                       const intptr_t *handles, int n);

/* Add a resource. Errors: APR_ENOMEM, MESH_E_LIMIT. */
apr_status_t mesh__message_res_add(mesh_message_t *message, mesh__res_t res);

/* Number of handles among the resources. */
int mesh__message_count_handles(const mesh_message_t *message);

/* Free the memory. All ports and handles must have been dealt with. */
void mesh__message_free(mesh_message_t *message);

#endif
