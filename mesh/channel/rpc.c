/* Oneshots and calls (docs/PROTOCOL.md 6.2, 6.3). */
#include "config.h"

#include <mesh/rpc.h>

#include "generic.h"
#include "node.h"

#include "host.pb-c.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TEXTS 64
#define MAX_TEXT_LEN 4096

static apr_status_t send_last(mesh_port_t **port,
                              const ProtobufCMessage *value, mesh__wrap_t wrap)
{
    apr_status_t rv = mesh__send_value(*port, value, wrap, 1);

    if (rv == APR_SUCCESS)
        mesh_port_close(port);
    return rv;
}

apr_status_t mesh_oneshot_send(mesh_port_t **port,
                               const ProtobufCMessage *value)
{
    return send_last(port, value, MESH__WRAP_ONESHOT);
}

apr_status_t mesh_oneshot_send_boxed(mesh_port_t **port,
                                     const ProtobufCMessage *box)
{
    return send_last(port, box, MESH__WRAP_NONE);
}

/* The message of a oneshot came: is it one, and the only one? Takes *message
 * if not. */
static apr_status_t check_message(mesh_port_t *port, mesh_message_t **message)
{
    mesh_message_t *second = NULL;
    apr_status_t rv = mesh__payload_open_oneshot(*message);

    if (rv == APR_SUCCESS && mesh__port_poll(port, &second) == APR_SUCCESS) {
        mesh_message_destroy(&second);
        rv = MESH_E_PROTOCOL;
    }
    if (rv != APR_SUCCESS) {
        mesh_port_fail(port);
        mesh_message_destroy(message);
    }
    return rv;
}

apr_status_t mesh_oneshot_recv(mesh_port_t **port, apr_interval_time_t timeout,
                               mesh_message_t **ret_message)
{
    mesh_message_t *message;
    apr_status_t rv = mesh_port_recv(*port, timeout, &message);

    if (APR_STATUS_IS_TIMEUP(rv) || rv == MESH_E_REENTRANT
        || rv == MESH_E_STOPPING || APR_STATUS_IS_EINTR(rv))
        return rv;
    if (rv == APR_SUCCESS)
        rv = check_message(*port, &message);
    mesh_port_close(port);
    if (rv == APR_SUCCESS)
        *ret_message = message;
    return rv;
}

typedef struct oneshot_t {
    mesh_oneshot_fn_t fn;
    void *baton;
} oneshot_t;

static void oneshot_ready(void *baton, mesh_port_t *port)
{
    oneshot_t oneshot = *(oneshot_t *)baton;
    mesh_message_t *message = NULL;
    apr_status_t rv = mesh__port_poll(port, &message);

    if (APR_STATUS_IS_EAGAIN(rv))
        return;
    if (rv == APR_SUCCESS)
        rv = check_message(port, &message);
    mesh_port_close(&port); /* frees the baton */
    oneshot.fn(oneshot.baton, rv, message);
}

apr_status_t mesh_oneshot_ready_set(mesh_port_t *port, mesh_oneshot_fn_t fn,
                                    void *baton)
{
    oneshot_t *oneshot = malloc(sizeof(*oneshot));
    apr_status_t rv;

    if (!oneshot)
        return APR_ENOMEM;
    oneshot->fn = fn;
    oneshot->baton = baton;
    rv = mesh__port_ready_set(port, oneshot_ready, oneshot, free);
    if (rv != APR_SUCCESS)
        free(oneshot);
    return rv;
}

/* ---- answers that can be errors ---- */

apr_status_t mesh_reply(mesh_port_t **port, const ProtobufCMessage *value)
{
    Mesh__Host__Answer answer = MESH__HOST__ANSWER__INIT;
    mesh__generic_t type;

    mesh__generic_init(&type, &mesh__host__answer__descriptor, 0,
                       value->descriptor);
    answer.base.descriptor = &type.type;
    answer.result_case = MESH__HOST__ANSWER__RESULT_OK;
    /* only ever looked at through `type` */
    answer.ok = (Mesh__Empty *)(uintptr_t)value;
    return mesh_oneshot_send(port, &answer.base);
}

apr_status_t mesh_reply_error(mesh_port_t **port, const char *const *texts,
                              int n)
{
    Mesh__Host__Answer answer = MESH__HOST__ANSWER__INIT;
    Mesh__Host__RemoteError error = MESH__HOST__REMOTE_ERROR__INIT;
    Mesh__Host__ErrorChain chain = MESH__HOST__ERROR_CHAIN__INIT;
    int i;

    if (n < 1 || n > MAX_TEXTS)
        return MESH_E_LIMIT;
    for (i = 0; i < n; i++)
        if (strlen(texts[i]) > MAX_TEXT_LEN)
            return MESH_E_LIMIT;
    chain.n_messages = (size_t)n;
    chain.messages = (char **)(uintptr_t)texts; /* packing only reads */
    error.chain = &chain;
    answer.result_case = MESH__HOST__ANSWER__RESULT_ERR;
    answer.err = &error;
    return mesh_oneshot_send(port, &answer.base);
}

apr_status_t mesh_answer(mesh_message_t *message,
                         const ProtobufCMessageDescriptor *type,
                         ProtobufCMessage **ret_value,
                         const char *const **ret_texts, int *ret_n)
{
    ProtobufCMessage *tree;
    Mesh__Host__Answer *answer;
    mesh__generic_t outer;
    apr_status_t rv;

    mesh__generic_init(&outer, &mesh__host__answer__descriptor, 0, type);
    rv = mesh_message_unpack(message, &outer.type, &tree);
    if (rv != APR_SUCCESS)
        return rv;
    answer = (Mesh__Host__Answer *)tree;
    if (answer->result_case == MESH__HOST__ANSWER__RESULT_OK) {
        *ret_value = (ProtobufCMessage *)answer->ok;
        return APR_SUCCESS;
    }
    *ret_texts = NULL;
    *ret_n = 0;
    if (answer->err && answer->err->chain) {
        *ret_texts = (const char *const *)answer->err->chain->messages;
        *ret_n = (int)answer->err->chain->n_messages;
    }
    return MESH_E_REMOTE;
}
