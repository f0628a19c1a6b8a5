#include "config.h"

#include "worker.h"

#include "check.h"
#include "demo.pb-c.h"

#include <mesh/channel.h>
#include <mesh/rpc.h>

static apr_status_t say_ready(apr_uint64_t slot)
{
    Mesh__Empty empty = MESH__EMPTY__INIT;
    mesh_port_t *port = mesh_port_take(slot);
    apr_status_t rv = mesh_oneshot_send(&port, &empty.base);

    mesh_port_close(&port);
    return rv;
}

static apr_status_t answer(mesh_port_t **reply, const verdict_t *verdict)
{
    Demo__Verdict message = DEMO__VERDICT__INIT;

    message.kind = (uint32_t)verdict->kind;
    message.xml_error = verdict->xml_error;
    message.status = verdict->status;
    message.line = verdict->line;
    message.column = verdict->column;
    message.elements = verdict->elements;
    message.bytes = verdict->bytes;
    return mesh_oneshot_send(reply, &message.base);
}

/* Do what one call asks for. */
static apr_status_t serve(mesh_message_t *message)
{
    ProtobufCMessage *value;
    apr_status_t rv =
        mesh_message_unpack(message, &demo__check_call__descriptor, &value);

    if (rv == APR_SUCCESS) {
        Demo__CheckCall *call = (Demo__CheckCall *)value;

        if (call->file && call->reply) {
            pal_handle_t file = mesh_handle_take(call->file->slot);
            mesh_port_t *reply = mesh_port_take(call->reply->slot);
            verdict_t verdict;

            check_file(file, &verdict);
            pal_handle_close(&file);
            rv = answer(&reply, &verdict);
            mesh_port_close(&reply);
        }
        else {
            rv = MESH_E_MISSING;
        }
    }
    return rv;
}

apr_status_t worker_main(mesh_self_t *self, void *baton)
{
    ProtobufCMessage *value;
    Demo__WorkerStart *start;
    mesh_receiver_t *calls = NULL;
    mesh_port_t *port;
    apr_status_t rv;

    (void)baton;
    rv = mesh_self_initial(self, &demo__worker_start__descriptor, &value);
    if (rv != APR_SUCCESS)
        return rv;
    start = (Demo__WorkerStart *)value;
    if (!start->calls || !start->ready)
        return MESH_E_MISSING;
    port = mesh_port_take(start->calls->slot);
    rv = mesh_receiver_from_port(&port, &calls);
    if (rv != APR_SUCCESS) {
        mesh_port_close(&port);
        return rv;
    }
    rv = say_ready(start->ready->slot);
    while (rv == APR_SUCCESS) {
        mesh_message_t *message;

        rv = mesh_recv(calls, -1, &message);
        if (rv == APR_SUCCESS) {
            rv = serve(message);
            mesh_message_destroy(&message);
        }
    }
    mesh_receiver_close(&calls);
    return rv;
}
