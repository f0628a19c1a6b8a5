#include "config.h"

#include "message.h"

#include <mesh/status.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

mesh_message_t *mesh__message_alloc(apr_size_t len)
{
    mesh_message_t *message;

    if (len > SIZE_MAX - sizeof(*message))
        return NULL;
    message = malloc(sizeof(*message) + len);
    if (message == NULL)
        return NULL;
    memset(message, 0, sizeof(*message));
    message->data = (unsigned char *)(message + 1);
    message->len = len;
    message->region = MESH__HANDLE_NONE;
    return message;
}

mesh_message_t *mesh__message_alloc_event(apr_size_t len)
{
    mesh_message_t *message = mesh__message_alloc(len);

    if (message == NULL)
        return NULL;
    message->event = message->data;
    message->event_len = len;
    message->len = 0;
    return message;
}

apr_status_t mesh__message_handles_set(mesh_message_t *message,
                                       const intptr_t *handles, int n)
{
    assert(message->handles == NULL && n >= 0 && n <= MESH__MAX_HANDLES_IN);
    if (n == 0)
        return APR_SUCCESS;
    message->handles = malloc((apr_size_t)n * sizeof(*handles));
    if (message->handles == NULL)
        return APR_ENOMEM;
    memcpy(message->handles, handles, (apr_size_t)n * sizeof(*handles));
    message->n_handles = n;
    return APR_SUCCESS;
}

apr_status_t mesh__message_res_add(mesh_message_t *message, mesh__res_t res)
{
    if (message->n_res == MESH__MAX_RES)
        return MESH_E_LIMIT;
    if (message->n_res == message->res_cap) {
        int cap = message->res_cap > 0 ? 2 * message->res_cap : 4;
        mesh__res_t *grown =
            realloc(message->res, (apr_size_t)cap * sizeof(*grown));

        if (grown == NULL)
            return APR_ENOMEM;
        message->res = grown;
        message->res_cap = cap;
    }
    message->res[message->n_res++] = res;
    return APR_SUCCESS;
}

int mesh__message_count_handles(const mesh_message_t *message)
{
    int n = 0;

    for (int i = 0; i < message->n_res; i++)
        n += message->res[i].kind == MESH__RES_HANDLE;
    return n;
}

void mesh__message_free(mesh_message_t *message)
{
    free(message->res);
    free(message->res_data);
    free(message->handles);
    free(message);
}
