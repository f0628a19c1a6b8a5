/* Messages as users see them. */
#include "config.h"

#include "node_private.h"

#include <mesh/message.h>

#include <pal/handle.h>

#include <stdlib.h>
#include <string.h>

apr_status_t mesh_message_create(mesh_message_t **ret_message,
                                 const void *data, apr_size_t len)
{
    mesh_message_t *message;

    if (len > MESH_MAX_MESSAGE)
        return MESH_E_LIMIT;
    message = mesh__message_alloc(len);
    if (!message)
        return APR_ENOMEM;
    if (data && len > 0)
        memcpy(message->data, data, len);
    *ret_message = message;
    return APR_SUCCESS;
}

apr_status_t mesh_message_port_put(mesh_message_t *message, mesh_port_t **port)
{
    mesh__res_t res;
    apr_status_t rv;

    if (!*port)
        return APR_EINVAL;
    res.kind = MESH__RES_PORT;
    res.u.port = *port;
    rv = mesh__message_res_add(message, res);
    if (rv != APR_SUCCESS)
        return rv;
    mesh__port_unhook(*port);
    *port = NULL;
    return APR_SUCCESS;
}

apr_status_t mesh_message_handle_put(mesh_message_t *message,
                                     pal_handle_t *handle)
{
    mesh__res_t res;
    apr_status_t rv;

    if (*handle == PAL_HANDLE_NONE)
        return APR_EINVAL;
    res.kind = MESH__RES_HANDLE;
    res.u.handle = *handle;
    rv = mesh__message_res_add(message, res);
    if (rv == APR_SUCCESS)
        *handle = PAL_HANDLE_NONE;
    return rv;
}

void *mesh_message_data(mesh_message_t *message, apr_size_t *ret_len)
{
    *ret_len = message->len;
    return message->data;
}

int mesh_message_n_resources(mesh_message_t *message)
{
    return message->n_res;
}

apr_status_t mesh_message_port_take(mesh_message_t *message, int index,
                                    mesh_port_t **ret_port)
{
    mesh__res_t *res;

    if (index < 0 || index >= message->n_res)
        return MESH_E_RESOURCE;
    res = &message->res[index];
    if (res->kind != MESH__RES_PORT || !res->u.port)
        return MESH_E_RESOURCE;
    *ret_port = mesh_port_take(mesh_port_slot(&res->u.port));
    return APR_SUCCESS;
}

apr_status_t mesh_message_handle_take(mesh_message_t *message, int index,
                                      pal_handle_t *ret_handle)
{
    mesh__res_t *res;

    if (index < 0 || index >= message->n_res)
        return MESH_E_RESOURCE;
    res = &message->res[index];
    if (res->kind != MESH__RES_HANDLE || res->u.handle == PAL_HANDLE_NONE)
        return MESH_E_RESOURCE;
    *ret_handle = res->u.handle;
    res->u.handle = PAL_HANDLE_NONE;
    return APR_SUCCESS;
}

apr_status_t mesh__message_pack(mesh_message_t **ret_message,
                                const ProtobufCMessage *value,
                                mesh__wrap_t wrap)
{
    mesh_message_t *message;
    apr_status_t rv = mesh__payload_pack(&message, value, wrap);

    if (rv != APR_SUCCESS)
        return rv;
    mesh__payload_commit(message);
    *ret_message = message;
    return APR_SUCCESS;
}

/* Send a packed message; on failure what is in it goes back to where it came
 * from. */
apr_status_t mesh__message_send_packed(mesh_port_t *port,
                                       mesh_message_t **message, int last)
{
    apr_status_t rv;

    rv = mesh__port_send(port, message, last);
    if (rv != APR_SUCCESS)
        mesh__payload_rollback(*message);
    mesh_message_destroy(message);
    return rv;
}

apr_status_t mesh_message_pack(mesh_message_t **ret_message,
                               const ProtobufCMessage *value)
{
    mesh_message_t *message;
    apr_status_t rv = mesh__message_pack(&message, value, MESH__WRAP_NONE);
    int i;

    if (rv != APR_SUCCESS)
        return rv;
    for (i = 0; i < message->n_res; i++)
        if (message->res[i].kind == MESH__RES_PORT)
            mesh__port_unhook(message->res[i].u.port);
    *ret_message = message;
    return APR_SUCCESS;
}

apr_status_t mesh_message_unpack(mesh_message_t *message,
                                 const ProtobufCMessageDescriptor *type,
                                 ProtobufCMessage **ret_value)
{
    return mesh__payload_unpack(message, 0, type, ret_value);
}

apr_status_t mesh_message_unpack_boxed(mesh_message_t *message,
                                       const ProtobufCMessageDescriptor *type,
                                       ProtobufCMessage **ret_box)
{
    return mesh__payload_unpack(message, 1, type, ret_box);
}

/* What is left when the ports are gone. */
static void free_rest(mesh_message_t *message)
{
    pal_handle_t region = message->region;
    int i;

    for (i = 0; i < message->n_res; i++)
        if (message->res[i].kind == MESH__RES_HANDLE)
            pal_handle_close(&message->res[i].u.handle);
    for (i = 0; i < message->n_handles; i++)
        pal_handle_close(&message->handles[i]);
    pal_handle_close(&region);
    mesh__payload_release(message);
    mesh__message_free(message);
}

void mesh__message_dispose(mesh_node_t *node, mesh_message_t *message)
{
    int i;

    for (i = 0; i < message->n_res; i++)
        if (message->res[i].kind == MESH__RES_PORT && message->res[i].u.port)
            mesh__core_close(node->core, &message->res[i].u.port);
    free_rest(message);
}

void mesh_message_destroy(mesh_message_t **message_var)
{
    mesh_message_t *message = *message_var;
    int i;

    *message_var = NULL;
    if (!message)
        return;
    for (i = 0; i < message->n_res; i++)
        if (message->res[i].kind == MESH__RES_PORT)
            mesh_port_close(&message->res[i].u.port);
    free_rest(message);
}

apr_uint64_t mesh_port_slot(mesh_port_t **port)
{
    return (apr_uint64_t)(uintptr_t)port;
}

apr_uint64_t mesh_handle_slot(pal_handle_t *handle)
{
    return (apr_uint64_t)(uintptr_t)handle;
}

mesh_port_t *mesh_port_take(apr_uint64_t slot)
{
    mesh_port_t **var = (mesh_port_t **)(uintptr_t)slot, *port;

    if (!var || !*var)
        return NULL;
    port = *var;
    *var = NULL;
    mesh__port_held(port);
    return port;
}

pal_handle_t mesh_handle_take(apr_uint64_t slot)
{
    pal_handle_t *var = (pal_handle_t *)(uintptr_t)slot, handle;

    if (!var)
        return PAL_HANDLE_NONE;
    handle = *var;
    *var = PAL_HANDLE_NONE;
    return handle;
}
