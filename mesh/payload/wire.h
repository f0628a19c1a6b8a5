/* The payload's bytes, split into fields but not interpreted
 * (docs/PROTOCOL.md 5). The one reader of foreign bytes in this module. */
#ifndef MESH_PAYLOAD_WIRE_H
#define MESH_PAYLOAD_WIRE_H

#include <apr_errno.h>

#include "message.h"

/* Wire types. The last two are not protobuf's: a message that owns resources,
 * and a resource, which is a bare key. */
#define MESH__WIRE_VARINT 0
#define MESH__WIRE_FIXED64 1
#define MESH__WIRE_LEN 2
#define MESH__WIRE_FIXED32 5
#define MESH__WIRE_MESSAGE 6
#define MESH__WIRE_RESOURCE 7

#define MESH__MAX_FIELD_ID 0x1fffffffu

/* A stretch of bytes, and the resources that its fields own. */
typedef struct mesh__view_t {
    const unsigned char *p;
    const unsigned char *end;
    mesh__res_t *res;
    mesh__res_t *res_end;
} mesh__view_t;

typedef struct mesh__token_t {
    apr_uint32_t id;
    int wire;
    apr_uint64_t number;  /* VARINT, FIXED32, FIXED64 */
    mesh__view_t content; /* behind key and lengths, with its resources */
} mesh__token_t;

/* `data` may be NULL if `len` is 0, `res` if `n_res` is. */
mesh__view_t mesh__view_make(const unsigned char *data, apr_size_t len,
                             mesh__res_t *res, int n_res);

/* Take the next field off the view, whatever it is: an unknown field that is
 * skipped takes its resources with it.
 * Errors: MESH_E_TRUNCATED, MESH_E_WIRE, MESH_E_RESOURCE, MESH_E_VALUE. */
apr_status_t mesh__wire_next(mesh__view_t *view, mesh__token_t *ret_token);

/* Take one number of a packed field. `len` is 4 or 8. */
apr_status_t mesh__wire_varint(mesh__view_t *view, apr_uint64_t *ret_number);
apr_status_t mesh__wire_fixed(mesh__view_t *view, int len,
                              apr_uint64_t *ret_number);

/* Is it UTF-8 as Unicode has it: shortest forms, no surrogates? */
int mesh__utf8_is_valid(const unsigned char *s, apr_size_t len);

#endif
