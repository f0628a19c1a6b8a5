/* What the conformance host does for each kind of request (README.md 3). */
#include "config.h"

#include "host.h"

#include "box.pb-c.h"
#include "conform.pb-c.h"
#include "scratch_file.h"

#include <pal/file.h>
#include <pal/self.h>

#include <apr_strings.h>

#include <stdlib.h>

typedef Conform__ConformRequest request_t;

static apr_status_t reply(const Mesh__Port *field,
                          const ProtobufCMessage *value)
{
    mesh_port_t *port = mesh_port_take(field->slot);
    apr_status_t rv = mesh_oneshot_send(&port, value);

    mesh_port_close(&port);
    return rv;
}

static apr_status_t reply_boxed(const Mesh__Port *field,
                                const ProtobufCMessage *box)
{
    mesh_port_t *port = mesh_port_take(field->slot);
    apr_status_t rv = mesh_oneshot_send_boxed(&port, box);

    mesh_port_close(&port);
    return rv;
}

static apr_status_t sender_take(const Mesh__Port *field,
                                mesh_sender_t **ret_sender)
{
    mesh_port_t *port = mesh_port_take(field->slot);
    apr_status_t rv = mesh_sender_from_port(&port, ret_sender);

    mesh_port_close(&port);
    return rv;
}

static apr_status_t receiver_take(const Mesh__Port *field,
                                  mesh_receiver_t **ret_receiver)
{
    mesh_port_t *port = mesh_port_take(field->slot);
    apr_status_t rv = mesh_receiver_from_port(&port, ret_receiver);

    mesh_port_close(&port);
    return rv;
}

static apr_status_t serve_echo(host_t *host, const request_t *request)
{
    const Conform__EchoCall *call = request->echo->call;
    Conform__BytesBox box = CONFORM__BYTES_BOX__INIT;

    (void)host;
    box.value = call->input;
    return reply_boxed(call->reply, &box.base);
}

/* The ranges that a .proto file cannot tell are part of the format. */
static int in_range(const Conform__AllScalars *scalars)
{
    return scalars->f_u8 <= UINT8_MAX && scalars->f_u16 <= UINT16_MAX
           && scalars->f_i8 >= INT8_MIN && scalars->f_i8 <= INT8_MAX
           && scalars->f_i16 >= INT16_MIN && scalars->f_i16 <= INT16_MAX;
}

static apr_status_t serve_scalars(host_t *host, const request_t *request)
{
    const Conform__ScalarsCall *call = request->scalars->call;

    (void)host;
    if (!in_range(call->input)) {
        return MESH_E_PROTOCOL;
    }
    return reply(call->reply, &call->input->base);
}

static apr_status_t serve_fail(host_t *host, const request_t *request)
{
    const Conform__FailCall *call = request->fail->call;
    mesh_port_t *port = mesh_port_take(call->reply->slot);
    const char *texts[2];
    apr_pool_t *scratch;
    apr_status_t rv;

    apr_pool_create(&scratch, host->pool);
    texts[0] = apr_pstrcat(scratch, "conform: ", call->input, NULL);
    texts[1] = "root cause";
    rv = mesh_reply_error(&port, texts, 2);
    mesh_port_close(&port);
    apr_pool_destroy(scratch);
    return rv;
}

/* Read to the end of the file and close it. */
static apr_status_t drain(pal_handle_t *file, apr_uint64_t *total)
{
    char buf[16384];
    apr_size_t len;
    apr_status_t rv;

    do {
        rv = pal_file_read(*file, buf, sizeof(buf), &len);
        if (rv == APR_SUCCESS) {
            *total += len;
        }
    } while (rv == APR_SUCCESS && len > 0);
    pal_handle_close(file);
    return rv;
}

/* Waits for pipes that have not ended: the contract lets later requests wait
 * too. */
static apr_status_t serve_fds(host_t *host, const request_t *request)
{
    const Conform__FdsCall *call = request->fds->call;
    Conform__NumberBox box = CONFORM__NUMBER_BOX__INIT;
    pal_handle_t file;
    apr_status_t rv;
    size_t i;

    (void)host;
    for (i = 0; i < call->n_input; i++) {
        file = mesh_handle_take(call->input[i]->slot);
        rv = drain(&file, &box.value);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return reply_boxed(call->reply, &box.base);
}

static apr_status_t serve_make_file(host_t *host, const request_t *request)
{
    const Conform__MakeFileCall *call = request->make_file->call;
    Conform__HandleBox box = CONFORM__HANDLE_BOX__INIT;
    Mesh__Handle field = MESH__HANDLE__INIT;
    pal_handle_t file;
    apr_pool_t *scratch;
    apr_status_t rv;

    apr_pool_create(&scratch, host->pool);
    rv = scratch_file(call->input.data, call->input.len, &file, scratch);
    apr_pool_destroy(scratch);
    if (rv == APR_SUCCESS) {
        field.slot = mesh_handle_slot(&file);
        box.value = &field;
        rv = reply_boxed(call->reply, &box.base);
        pal_handle_close(&file);
    }
    return rv;
}

static apr_status_t forward(host_t *host, const Mesh__Port *input,
                            const Mesh__Port *output)
{
    mesh_receiver_t *in = NULL;
    mesh_sender_t *out = NULL;
    apr_status_t rv;

    rv = receiver_take(input, &in);
    if (rv == APR_SUCCESS) {
        rv = sender_take(output, &out);
    }
    if (rv == APR_SUCCESS) {
        rv = forward_start(host, &in, &out, 1);
    }
    mesh_receiver_close(&in);
    mesh_sender_close(&out);
    return rv;
}

static apr_status_t serve_forward(host_t *host, const request_t *request)
{
    return forward(host, request->forward->input, request->forward->output);
}

/* Send both far ends away; both variables are empty on success. */
static apr_status_t reply_pair(const Mesh__Port *field, mesh_sender_t **tx,
                               mesh_receiver_t **rx)
{
    Conform__ChannelPair pair = CONFORM__CHANNEL_PAIR__INIT;
    Mesh__Port tx_field = MESH__PORT__INIT;
    Mesh__Port rx_field = MESH__PORT__INIT;
    mesh_port_t *tx_port = NULL;
    mesh_port_t *rx_port = NULL;
    apr_status_t rv;

    rv = mesh_sender_to_port(tx, &tx_port);
    if (rv == APR_SUCCESS) {
        rv = mesh_receiver_to_port(rx, &rx_port);
    }
    if (rv == APR_SUCCESS) {
        tx_field.slot = mesh_port_slot(&tx_port);
        rx_field.slot = mesh_port_slot(&rx_port);
        pair.tx = &tx_field;
        pair.rx = &rx_field;
        rv = reply(field, &pair.base);
    }
    mesh_port_close(&tx_port);
    mesh_port_close(&rx_port);
    return rv;
}

static apr_status_t serve_make_channel(host_t *host, const request_t *request)
{
    mesh_node_t *node = mesh_self_node(host->self);
    mesh_sender_t *far_tx = NULL;
    mesh_sender_t *tx = NULL;
    mesh_receiver_t *far_rx = NULL;
    mesh_receiver_t *rx = NULL;
    apr_status_t rv;

    rv = mesh_channel_create(node, &far_tx, &rx);
    if (rv == APR_SUCCESS) {
        rv = mesh_channel_create(node, &tx, &far_rx);
    }
    if (rv == APR_SUCCESS) {
        rv = reply_pair(request->make_channel->call->reply, &far_tx, &far_rx);
    }
    if (rv == APR_SUCCESS) {
        rv = forward_start(host, &rx, &tx, 100);
    }
    mesh_sender_close(&far_tx);
    mesh_sender_close(&tx);
    mesh_receiver_close(&far_rx);
    mesh_receiver_close(&rx);
    return rv;
}

/* The port itself goes back, so nothing in it can change. */
static apr_status_t serve_move(host_t *host, const request_t *request)
{
    const Conform__MoveCall *call = request->move->call;
    Conform__PortBox box = CONFORM__PORT_BOX__INIT;

    (void)host;
    box.value = call->input;
    return reply_boxed(call->reply, &box.base);
}

static apr_status_t serve_report(host_t *host, const request_t *request)
{
    mesh_port_t *port = mesh_port_take(request->report->call->reply->slot);
    apr_status_t rv = host_report(host, &port);

    mesh_port_close(&port);
    return rv;
}

static apr_status_t reply_clone(mesh_sender_t *sender, const Mesh__Port *field)
{
    Conform__PortBox box = CONFORM__PORT_BOX__INIT;
    Mesh__Port value = MESH__PORT__INIT;
    mesh_sender_t *clone = NULL;
    mesh_port_t *port = NULL;
    apr_status_t rv;

    rv = mesh_sender_clone(sender, &clone);
    if (rv == APR_SUCCESS) {
        rv = mesh_sender_to_port(&clone, &port);
    }
    if (rv == APR_SUCCESS) {
        value.slot = mesh_port_slot(&port);
        box.value = &value;
        rv = reply_boxed(field, &box.base);
    }
    mesh_port_close(&port);
    mesh_sender_close(&clone);
    return rv;
}

static apr_status_t serve_share(host_t *host, const request_t *request)
{
    const Conform__ShareCall *call = request->share->call;
    Conform__ChannelPayload payload = CONFORM__CHANNEL_PAYLOAD__INIT;
    mesh_sender_t *sender;
    apr_status_t rv;

    (void)host;
    rv = sender_take(call->input, &sender);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = reply_clone(sender, call->reply);
    if (rv == APR_SUCCESS) {
        payload.payload_case = CONFORM__CHANNEL_PAYLOAD__PAYLOAD_MESSAGE;
        payload.message = 7;
        rv = mesh_send_boxed(sender, &payload.base);
    }
    mesh_sender_close(&sender);
    return rv;
}

static apr_status_t serve_bridge(host_t *host, const request_t *request)
{
    mesh_port_t *input = mesh_port_take(request->bridge->input->slot);
    mesh_port_t *output = mesh_port_take(request->bridge->output->slot);
    apr_status_t rv = mesh_port_bridge(&input, &output);

    (void)host;
    mesh_port_close(&input);
    mesh_port_close(&output);
    return rv;
}

static apr_status_t serve_hold(host_t *host, const request_t *request)
{
    mesh_port_t *port = mesh_port_take(request->hold->sender->slot);

    APR_ARRAY_PUSH(host->held, mesh_port_t *) = port;
    return APR_SUCCESS;
}

static apr_status_t serve_stop(host_t *host, const request_t *request)
{
    (void)request;
    host->is_done = 1;
    return APR_SUCCESS;
}

static apr_status_t serve_exit(host_t *host, const request_t *request)
{
    (void)host;
    pal_self_exit((int)request->exit->code);
    return APR_SUCCESS;
}

static apr_status_t serve_abort(host_t *host, const request_t *request)
{
    (void)host;
    (void)request;
    abort();
    return APR_SUCCESS;
}

/* Drop has no function: its message is destroyed unanswered. That is also
 * what becomes of the requests not served yet: Pipe, Cancel, Cell. */
static apr_status_t (*const serve[])(host_t *, const request_t *) = {
    [CONFORM__CONFORM_REQUEST__REQUEST_ECHO] = serve_echo,
    [CONFORM__CONFORM_REQUEST__REQUEST_SCALARS] = serve_scalars,
    [CONFORM__CONFORM_REQUEST__REQUEST_FAIL] = serve_fail,
    [CONFORM__CONFORM_REQUEST__REQUEST_FDS] = serve_fds,
    [CONFORM__CONFORM_REQUEST__REQUEST_MAKE_FILE] = serve_make_file,
    [CONFORM__CONFORM_REQUEST__REQUEST_FORWARD] = serve_forward,
    [CONFORM__CONFORM_REQUEST__REQUEST_MAKE_CHANNEL] = serve_make_channel,
    [CONFORM__CONFORM_REQUEST__REQUEST_MOVE] = serve_move,
    [CONFORM__CONFORM_REQUEST__REQUEST_REPORT] = serve_report,
    [CONFORM__CONFORM_REQUEST__REQUEST_SHARE] = serve_share,
    [CONFORM__CONFORM_REQUEST__REQUEST_BRIDGE] = serve_bridge,
    [CONFORM__CONFORM_REQUEST__REQUEST_HOLD] = serve_hold,
    [CONFORM__CONFORM_REQUEST__REQUEST_STOP] = serve_stop,
    [CONFORM__CONFORM_REQUEST__REQUEST_EXIT] = serve_exit,
    [CONFORM__CONFORM_REQUEST__REQUEST_ABORT] = serve_abort};

apr_status_t host_serve(host_t *host, mesh_message_t *message)
{
    ProtobufCMessage *value;
    const request_t *request;
    apr_status_t rv;

    rv = mesh_message_unpack(message, &conform__conform_request__descriptor,
                             &value);
    if (rv != APR_SUCCESS) {
        return rv == APR_ENOMEM || rv == MESH_E_LIMIT ? rv : MESH_E_PROTOCOL;
    }
    request = (const request_t *)value;
    if (serve[request->request_case] == NULL) {
        return APR_SUCCESS;
    }
    return serve[request->request_case](host, request);
}
