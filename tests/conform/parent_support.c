/* What the tests of the conformance parent are made of. */
#include "config.h"

#include "parent.h"

#include <apr_strings.h>

#include <stdarg.h>

int check(parent_t *parent, int is_ok, const char *format, ...)
{
    va_list args;

    if (!is_ok && parent->why == NULL) {
        va_start(args, format);
        parent->why = apr_pvsprintf(parent->test_pool, format, args);
        va_end(args);
    }
    return is_ok;
}

int check_status(parent_t *parent, apr_status_t status, apr_status_t expected,
                 const char *what)
{
    char text[200];
    char wanted[200];

    if (status == expected) {
        return 1;
    }
    mesh_status_text(status, text, sizeof(text));
    if (expected == APR_SUCCESS) {
        return check(parent, 0, "%s: %s", what, text);
    }
    mesh_status_text(expected, wanted, sizeof(wanted));
    return check(parent, 0, "%s: %s, not: %s", what,
                 status == APR_SUCCESS ? "a message" : text, wanted);
}

apr_interval_time_t remaining(parent_t *parent)
{
    apr_interval_time_t left = parent->deadline - apr_time_now();

    return left > 0 ? left : 0;
}

static apr_status_t message_cleanup(void *data)
{
    mesh_message_t *message = data;

    mesh_message_destroy(&message);
    return APR_SUCCESS;
}

/* Keep a message as long as the test. */
static void message_keep(parent_t *parent, mesh_message_t *message)
{
    apr_pool_cleanup_register(parent->test_pool, message, message_cleanup,
                              apr_pool_cleanup_null);
}

static apr_status_t call_cleanup(void *data)
{
    call_t *call = data;

    mesh_port_close(&call->tx);
    mesh_port_close(&call->rx);
    return APR_SUCCESS;
}

call_t *call_begin(parent_t *parent)
{
    const Mesh__Port field = MESH__PORT__INIT;
    call_t *call = apr_pcalloc(parent->test_pool, sizeof(*call));
    apr_status_t rv;

    rv = mesh_port_pair(parent->node, &call->tx, &call->rx);
    if (!check_status(parent, rv, APR_SUCCESS, "port pair")) {
        return NULL;
    }
    apr_pool_cleanup_register(parent->test_pool, call, call_cleanup,
                              apr_pool_cleanup_null);
    call->field = field;
    call->field.slot = mesh_port_slot(&call->tx);
    return call;
}

int request_send(parent_t *parent, remote_t *remote,
                 const Conform__ConformRequest *request)
{
    if (!check(parent, remote->requests != NULL, "the host is not there")) {
        return 0;
    }
    return check_status(parent, mesh_send(remote->requests, &request->base),
                        APR_SUCCESS, "sending the request");
}

static mesh_message_t *call_recv(parent_t *parent, call_t *call)
{
    mesh_message_t *message;
    apr_status_t rv;

    rv = mesh_oneshot_recv(&call->rx, remaining(parent), &message);
    if (!check_status(parent, rv, APR_SUCCESS, "reply")) {
        return NULL;
    }
    message_keep(parent, message);
    return message;
}

ProtobufCMessage *call_wait(parent_t *parent, call_t *call,
                            const ProtobufCMessageDescriptor *type)
{
    mesh_message_t *message = call_recv(parent, call);
    ProtobufCMessage *value;
    apr_status_t rv;

    if (message == NULL) {
        return NULL;
    }
    rv = mesh_message_unpack(message, type, &value);
    return check_status(parent, rv, APR_SUCCESS, "decoding the reply") ? value
                                                                       : NULL;
}

ProtobufCMessage *call_wait_boxed(parent_t *parent, call_t *call,
                                  const ProtobufCMessageDescriptor *type)
{
    mesh_message_t *message = call_recv(parent, call);
    ProtobufCMessage *box;
    apr_status_t rv;

    if (message == NULL) {
        return NULL;
    }
    rv = mesh_message_unpack_boxed(message, type, &box);
    return check_status(parent, rv, APR_SUCCESS, "decoding the reply") ? box
                                                                       : NULL;
}

int call_wait_end(parent_t *parent, call_t *call, apr_status_t expected)
{
    mesh_message_t *message;
    apr_status_t rv;

    rv = mesh_oneshot_recv(&call->rx, remaining(parent), &message);
    if (rv == APR_SUCCESS) {
        message_keep(parent, message);
    }
    return check_status(parent, rv, expected, "reply");
}

static apr_status_t chan_cleanup(void *data)
{
    chan_t *chan = data;

    mesh_sender_close(&chan->tx);
    mesh_receiver_close(&chan->rx);
    mesh_port_close(&chan->port);
    return APR_SUCCESS;
}

chan_t *chan_begin(parent_t *parent)
{
    const Mesh__Port field = MESH__PORT__INIT;
    chan_t *chan = apr_pcalloc(parent->test_pool, sizeof(*chan));
    apr_status_t rv;

    rv = mesh_channel_create(parent->node, &chan->tx, &chan->rx);
    if (!check_status(parent, rv, APR_SUCCESS, "channel")) {
        return NULL;
    }
    apr_pool_cleanup_register(parent->test_pool, chan, chan_cleanup,
                              apr_pool_cleanup_null);
    chan->field = field;
    chan->field.slot = mesh_port_slot(&chan->port);
    return chan;
}

int chan_tx_give(parent_t *parent, chan_t *chan)
{
    return check_status(parent, mesh_sender_to_port(&chan->tx, &chan->port),
                        APR_SUCCESS, "sender to port");
}

int chan_rx_give(parent_t *parent, chan_t *chan)
{
    return check_status(parent, mesh_receiver_to_port(&chan->rx, &chan->port),
                        APR_SUCCESS, "receiver to port");
}

int chan_send(parent_t *parent, chan_t *chan, apr_uint64_t value)
{
    Conform__ChannelPayload payload = CONFORM__CHANNEL_PAYLOAD__INIT;

    payload.payload_case = CONFORM__CHANNEL_PAYLOAD__PAYLOAD_MESSAGE;
    payload.message = value;
    return check_status(parent, mesh_send_boxed(chan->tx, &payload.base),
                        APR_SUCCESS, "sending a value");
}

int chan_recv(parent_t *parent, chan_t *chan, apr_uint64_t expected)
{
    mesh_message_t *message;
    ProtobufCMessage *box;
    apr_uint64_t value = 0;
    apr_status_t rv;

    rv = mesh_recv(chan->rx, remaining(parent), &message);
    if (!check_status(parent, rv, APR_SUCCESS, "value")) {
        return 0;
    }
    rv = mesh_message_unpack_boxed(
        message, &conform__channel_payload__descriptor, &box);
    if (rv == APR_SUCCESS) {
        value = ((const Conform__ChannelPayload *)box)->message;
    }
    mesh_message_destroy(&message);
    return check_status(parent, rv, APR_SUCCESS, "decoding a value")
           && check(parent, value == expected,
                    "value %" APR_UINT64_T_FMT ", not %" APR_UINT64_T_FMT,
                    value, expected);
}

int chan_recv_end(parent_t *parent, chan_t *chan, apr_status_t expected)
{
    mesh_message_t *message;
    apr_status_t rv;

    rv = mesh_recv(chan->rx, remaining(parent), &message);
    if (rv == APR_SUCCESS) {
        mesh_message_destroy(&message);
    }
    return check_status(parent, rv, expected, "end of the values");
}

ProtobufCBinaryData pattern(parent_t *parent, apr_size_t len)
{
    ProtobufCBinaryData bytes;
    apr_size_t i;

    bytes.len = len;
    bytes.data = apr_palloc(parent->test_pool, len + 1);
    for (i = 0; i < len; i++) {
        bytes.data[i] = (uint8_t)(len + i * 7 + i / 251);
    }
    return bytes;
}
