/* Tasks of the conformance host: values of one channel, changed, to another
 * (README.md 3, Forward and MakeChannel). */
#include "config.h"

#include "host.h"

#include "conform.pb-c.h"

#include <stdlib.h>

struct forward_t {
    APR_RING_ENTRY(forward_t) link;
    mesh_receiver_t *in;
    mesh_sender_t *out;
    apr_uint64_t add;
    apr_uint64_t value; /* the next to send, if is_full */
    int is_full;
};

void forward_init(host_t *host)
{
    APR_RING_INIT(&host->forwards, forward_t, link);
}

static void forward_end(forward_t *forward)
{
    APR_RING_REMOVE(forward, link);
    mesh_receiver_close(&forward->in);
    mesh_sender_close(&forward->out);
    free(forward);
}

static apr_status_t forward_read(forward_t *forward)
{
    mesh_message_t *message;
    ProtobufCMessage *box;
    const Conform__ChannelPayload *payload;
    apr_status_t rv;

    rv = mesh_recv(forward->in, 0, &message);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = mesh_message_unpack_boxed(
        message, &conform__channel_payload__descriptor, &box);
    if (rv == APR_SUCCESS) {
        payload = (const Conform__ChannelPayload *)box;
        forward->value = payload->message + forward->add;
        forward->is_full = 1;
    }
    mesh_message_destroy(&message);
    return rv;
}

static apr_status_t forward_write(forward_t *forward)
{
    Conform__ChannelPayload payload = CONFORM__CHANNEL_PAYLOAD__INIT;
    apr_status_t rv;

    payload.payload_case = CONFORM__CHANNEL_PAYLOAD__PAYLOAD_MESSAGE;
    payload.message = forward->value;
    rv = mesh_send_boxed(forward->out, &payload.base);
    if (rv == APR_SUCCESS) {
        forward->is_full = 0;
    }
    return rv;
}

static void on_writable(void *baton, mesh_sender_t *out);

/* Pass on all there is. The end or failure of the input ends the task, and so
 * does a value that is none. */
static void forward_pump(forward_t *forward)
{
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS) {
        rv = forward->is_full ? forward_write(forward) : forward_read(forward);
    }
    if (rv == MESH_E_BUSY) {
        rv = mesh_sender_writable_set(forward->out, on_writable, forward);
        if (rv == APR_SUCCESS) {
            return;
        }
    }
    if (!APR_STATUS_IS_TIMEUP(rv)) {
        forward_end(forward);
    }
}

static void on_writable(void *baton, mesh_sender_t *out)
{
    (void)out;
    forward_pump(baton);
}

static void on_input(void *baton, mesh_receiver_t *in)
{
    (void)in;
    forward_pump(baton);
}

apr_status_t forward_start(host_t *host, mesh_receiver_t **in,
                           mesh_sender_t **out, apr_uint64_t add)
{
    forward_t *forward = calloc(1, sizeof(*forward));
    apr_status_t rv;

    if (forward == NULL) {
        return APR_ENOMEM;
    }
    rv = mesh_receiver_ready_set(*in, on_input, forward);
    if (rv != APR_SUCCESS) {
        free(forward);
        return rv;
    }
    forward->in = *in;
    forward->out = *out;
    forward->add = add;
    *in = NULL;
    *out = NULL;
    APR_RING_INSERT_TAIL(&host->forwards, forward, forward_t, link);
    return APR_SUCCESS;
}

void forward_stop_all(host_t *host)
{
    while (!APR_RING_EMPTY(&host->forwards, forward_t, link)) {
        forward_end(APR_RING_FIRST(&host->forwards));
    }
}
