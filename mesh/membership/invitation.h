/* Invitations of launched hosts: what stands in MESH_WORKER_INVITATION
 * (docs/PROTOCOL.md 7.1). */
#ifndef MESH_INVITATION_H
#define MESH_INVITATION_H

#include <apr_pools.h>

#include <mesh/status.h>

#include "id.h"

#include "membership.pb-c.h"

#define MESH__INVITATION_VARIABLE "MESH_WORKER_INVITATION"
#define MESH__INVITATION_HANDLE 3
#define MESH__INVITATION_MAX 65536 /* bytes of base64 */

typedef struct mesh__invitation_t {
    const char *name;
    mesh__addr_t local;  /* the newcomer's node and port */
    mesh__addr_t remote; /* the leader's */
    int handle;
    apr_uint64_t features;
    int confine; /* mesh_confine_t */
    int confine_when;
    int is_launched; /* not in the text: it came from who launched us */
} mesh__invitation_t;

apr_status_t mesh__invitation_encode(const mesh__invitation_t *invitation,
                                     const char **ret_text, apr_pool_t *pool);

/* Errors: MESH_E_INVITATION, APR_ENOMEM. */
apr_status_t mesh__invitation_decode(mesh__invitation_t *ret_invitation,
                                     const char *text, apr_pool_t *pool);

/* Ids as they stand in messages: storage for the nested structs, and back.
 * Errors: MESH_E_VALUE if it is no id. */
typedef struct mesh__id_proto_t {
    Mesh__Membership__Id id;
    Mesh__Membership__Uuid uuid;
} mesh__id_proto_t;
Mesh__Membership__Id *mesh__id_proto(mesh__id_proto_t *proto,
                                     const mesh_id_t *id);
apr_status_t mesh__id_from_proto(const Mesh__Membership__Id *proto,
                                 mesh_id_t *ret_id);

#endif
