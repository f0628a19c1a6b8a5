#include "config.h"

#include "invitation.h"

#include "arena.h"
#include "payload.h"

#include <apr_encode.h>
#include <apr_strings.h>

#include <string.h>

#define DECODE_MEMORY (1 << 20)

Mesh__Membership__Id *mesh__id_proto(mesh__id_proto_t *proto,
                                     const mesh_id_t *id)
{
    mesh__membership__id__init(&proto->id);
    mesh__membership__uuid__init(&proto->uuid);
    proto->id.uuid = &proto->uuid;
    proto->uuid.bytes.data = (uint8_t *)(uintptr_t)id->bytes; /* only read */
    proto->uuid.bytes.len = sizeof(id->bytes);
    return &proto->id;
}

apr_status_t mesh__id_from_proto(const Mesh__Membership__Id *proto,
                                 mesh_id_t *ret_id)
{
    if (!proto || !proto->uuid
        || proto->uuid->bytes.len != sizeof(ret_id->bytes))
        return MESH_E_VALUE;
    memcpy(ret_id->bytes, proto->uuid->bytes.data, sizeof(ret_id->bytes));
    return APR_SUCCESS;
}

typedef struct addr_proto_t {
    Mesh__Membership__Address address;
    mesh__id_proto_t node, port;
} addr_proto_t;

static Mesh__Membership__Address *addr_proto(addr_proto_t *proto,
                                             const mesh__addr_t *addr)
{
    mesh__membership__address__init(&proto->address);
    proto->address.node = mesh__id_proto(&proto->node, &addr->node);
    proto->address.port = mesh__id_proto(&proto->port, &addr->port);
    return &proto->address;
}

static apr_status_t addr_from_proto(const Mesh__Membership__Address *proto,
                                    mesh__addr_t *ret_addr)
{
    apr_status_t rv;

    if (!proto)
        return MESH_E_VALUE;
    rv = mesh__id_from_proto(proto->node, &ret_addr->node);
    if (rv == APR_SUCCESS)
        rv = mesh__id_from_proto(proto->port, &ret_addr->port);
    return rv;
}

apr_status_t mesh__invitation_encode(const mesh__invitation_t *invitation,
                                     const char **ret_text, apr_pool_t *pool)
{
    Mesh__Membership__Invitation proto = MESH__MEMBERSHIP__INVITATION__INIT;
    Mesh__Membership__InvitationAddress address =
        MESH__MEMBERSHIP__INVITATION_ADDRESS__INIT;
    addr_proto_t local, remote;
    mesh_message_t *message;
    const char *text;
    apr_status_t rv;

    address.local = addr_proto(&local, &invitation->local);
    address.remote = addr_proto(&remote, &invitation->remote);
    proto.name = (char *)(uintptr_t)invitation->name; /* only read */
    proto.address = &address;
    proto.handle = invitation->handle;
    proto.features = invitation->features;
    proto.confine = (uint32_t)invitation->confine;
    proto.confine_when = (uint32_t)invitation->confine_when;
    rv = mesh__payload_pack(&message, &proto.base, MESH__WRAP_NONE);
    if (rv != APR_SUCCESS)
        return rv;
    text = apr_pencode_base64_binary(
        pool, message->data, (apr_ssize_t)message->len, APR_ENCODE_NONE, NULL);
    mesh__payload_release(message);
    mesh__message_free(message);
    if (!text)
        return APR_ENOMEM;
    *ret_text = text;
    return APR_SUCCESS;
}

static apr_status_t from_proto(const Mesh__Membership__Invitation *proto,
                               mesh__invitation_t *ret, apr_pool_t *pool)
{
    mesh__invitation_t invitation;
    apr_status_t rv = MESH_E_VALUE;

    memset(&invitation, 0, sizeof(invitation));
    if (proto->address) {
        rv = addr_from_proto(proto->address->local, &invitation.local);
        if (rv == APR_SUCCESS)
            rv = addr_from_proto(proto->address->remote, &invitation.remote);
    }
    if (rv != APR_SUCCESS || proto->handle <= 0) /* 0: left out */
        return MESH_E_INVITATION;
    invitation.name = apr_pstrdup(pool, proto->name);
    invitation.handle = proto->handle;
    invitation.features = proto->features;
    invitation.confine = (int)proto->confine;
    invitation.confine_when = (int)proto->confine_when;
    *ret = invitation;
    return APR_SUCCESS;
}

apr_status_t mesh__invitation_decode(mesh__invitation_t *ret_invitation,
                                     const char *text, apr_pool_t *pool)
{
    const unsigned char *bytes;
    mesh__arena_t *arena;
    ProtobufCMessage *tree;
    apr_size_t len;
    apr_status_t rv;

    if (strlen(text) > MESH__INVITATION_MAX)
        return MESH_E_INVITATION;
    bytes = apr_pdecode_base64_binary(pool, text, APR_ENCODE_STRING,
                                      APR_ENCODE_NONE, &len);
    /* APR reads on over what is no base64: only what it would write counts. */
    if (!bytes
        || strcmp(text,
                  apr_pencode_base64_binary(pool, bytes, (apr_ssize_t)len,
                                            APR_ENCODE_NONE, NULL))
               != 0)
        return MESH_E_INVITATION;
    arena = mesh__arena_create(DECODE_MEMORY);
    if (!arena)
        return APR_ENOMEM;
    rv = mesh__payload_decode(&mesh__membership__invitation__descriptor, bytes,
                              len, NULL, 0, arena, &tree);
    if (rv == APR_SUCCESS)
        rv = from_proto((const Mesh__Membership__Invitation *)tree,
                        ret_invitation, pool);
    mesh__arena_destroy(arena);
    return rv == APR_SUCCESS || APR_STATUS_IS_ENOMEM(rv) ? rv
                                                         : MESH_E_INVITATION;
}
