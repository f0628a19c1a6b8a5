/* Bytes of events: header, resource data, bodies (docs/PROTOCOL.md 3).
 * Little-endian, by shifts. */
#ifndef MESH_CORE_EVENT_H
#define MESH_CORE_EVENT_H

#include "message.h"

enum {
    MESH__EV_MESSAGE = 1,
    MESH__EV_CHANGE_PEER = 3,
    MESH__EV_ACK_CHANGE_PEER = 4,
    MESH__EV_ACK_PORT = 5,
    MESH__EV_FAIL_PORT = 6
};
enum { MESH__EV_FLAG_MESSAGE = 1, MESH__EV_FLAG_CLOSE = 2 };

typedef struct mesh__event_head_t {
    mesh_id_t port;
    int type;
    int flags;
    apr_uint64_t seq;
    apr_uint32_t n_res;
    apr_uint32_t len;
} mesh__event_head_t;

typedef struct mesh__res_data_t {
    mesh_id_t id; /* all zero: a handle */
    apr_uint64_t next_local_seq;
    mesh__addr_t old;
    mesh__addr_t peer; /* zero port: a failed port, node: the culprit */
} mesh__res_data_t;

typedef struct mesh__change_peer_t {
    mesh__addr_t peer;
    apr_uint64_t seq_delta;
} mesh__change_peer_t;

#define MESH__CHANGE_PEER_LEN 48
#define MESH__FAIL_PORT_LEN 16

void mesh__event_head_put(unsigned char buf[MESH__EVENT_HEAD_LEN],
                          const mesh__event_head_t *head);

/* Errors: MESH_E_TRUNCATED if what the header announces is not in `len`
 * bytes; MESH_E_LIMIT if there are too many resources. Trailing bytes are
 * ignored. */
apr_status_t mesh__event_head_get(const unsigned char *buf, apr_size_t len,
                                  mesh__event_head_t *ret_head);

void mesh__res_data_put(unsigned char buf[MESH__RES_DATA_LEN],
                        const mesh__res_data_t *res);
void mesh__res_data_get(const unsigned char buf[MESH__RES_DATA_LEN],
                        mesh__res_data_t *ret_res);

void mesh__change_peer_put(unsigned char buf[MESH__CHANGE_PEER_LEN],
                           const mesh__change_peer_t *change);
apr_status_t mesh__change_peer_get(const unsigned char *buf, apr_size_t len,
                                   mesh__change_peer_t *ret_change);

#endif
