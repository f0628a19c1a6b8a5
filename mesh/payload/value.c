/* The value inside what travels by channel or oneshot (docs/PROTOCOL.md 6.1,
 * 6.2). */
#include "config.h"

#include "payload.h"

#include "wire.h"

#define VALUE_ID 1
#define PORT_ID 2

/* The one field among the first `n_ids` numbers; its `id` is 0 if there is
 * none. Two would leave open which one counts. */
static apr_status_t find(mesh_message_t *message, apr_uint32_t n_ids,
                         mesh__token_t *ret_found)
{
    mesh__view_t view = mesh__view_make(message->data, message->len,
                                        message->res, message->n_res);
    mesh__token_t token;
    apr_status_t rv;

    ret_found->id = 0;
    while (view.p < view.end) {
        rv = mesh__wire_next(&view, &token);
        if (rv != APR_SUCCESS)
            return rv;
        if (token.id > n_ids)
            continue;
        if (ret_found->id != 0)
            return MESH_E_VALUE;
        *ret_found = token;
    }
    return APR_SUCCESS;
}

static void set_value(mesh_message_t *message, const mesh__token_t *token)
{
    message->has_value = 1;
    message->value_wire = token->wire;
    message->value = (unsigned char *)(uintptr_t)token->content.p;
    message->value_len = (apr_size_t)(token->content.end - token->content.p);
    message->value_res = token->content.res;
    message->value_n_res = (int)(token->content.res_end - token->content.res);
}

apr_status_t mesh__payload_open_channel(mesh_message_t *message, int *ret_port)
{
    mesh__token_t token;
    apr_status_t rv;

    rv = find(message, PORT_ID, &token);
    if (rv != APR_SUCCESS)
        return rv;
    if (token.id == 0)
        return MESH_E_MISSING;
    if (token.id == VALUE_ID) {
        set_value(message, &token);
        *ret_port = -1;
        return APR_SUCCESS;
    }
    if (token.wire != MESH__WIRE_RESOURCE)
        return MESH_E_WIRE;
    if (token.content.res->kind != MESH__RES_PORT)
        return MESH_E_RESOURCE;
    *ret_port = (int)(token.content.res - message->res);
    return APR_SUCCESS;
}

apr_status_t mesh__payload_open_oneshot(mesh_message_t *message)
{
    mesh__token_t token;
    apr_status_t rv;

    rv = find(message, VALUE_ID, &token);
    if (rv != APR_SUCCESS)
        return rv;
    if (token.id == 0) {
        token.wire = MESH__WIRE_LEN;
        token.content = mesh__view_make(message->data, 0, message->res, 0);
    }
    set_value(message, &token);
    return APR_SUCCESS;
}
