/* Tests of channels whose ends go to the host (README.md 6). */
#include "config.h"

#include "parent.h"

#include "box.pb-c.h"

/* Ask for a task from `in` to `out`. */
int forward_begin(parent_t *parent, remote_t *remote, chan_t *in, chan_t *out)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__Forward forward = CONFORM__FORWARD__INIT;

    if (!chan_rx_give(parent, in) || !chan_tx_give(parent, out)) {
        return 0;
    }
    forward.input = &in->field;
    forward.output = &out->field;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_FORWARD;
    request.forward = &forward;
    return request_send(parent, remote, &request);
}

void test_forward(parent_t *parent, int n)
{
    chan_t *in = chan_begin(parent);
    chan_t *out = chan_begin(parent);
    apr_uint64_t i;

    (void)n;
    if (in == NULL || out == NULL
        || !forward_begin(parent, &parent->alpha, in, out)) {
        return;
    }
    for (i = 0; i < 100; i++) {
        if (!chan_send(parent, in, i) || !chan_recv(parent, out, i + 1)) {
            return;
        }
    }
    if (chan_send(parent, in, UINT64_MAX) && chan_recv(parent, out, 0)) {
        mesh_sender_close(&in->tx);
        chan_recv_end(parent, out, MESH_E_CLOSED);
    }
}

void test_forward_backlog(parent_t *parent, int n)
{
    chan_t *in = chan_begin(parent);
    chan_t *out = chan_begin(parent);
    apr_uint64_t i;

    (void)n;
    if (in == NULL || out == NULL) {
        return;
    }
    for (i = 0; i < 2000; i++) {
        if (i == 1000 && !forward_begin(parent, &parent->alpha, in, out)) {
            return;
        }
        if (!chan_send(parent, in, i)) {
            return;
        }
    }
    mesh_sender_close(&in->tx);
    for (i = 0; i < 2000; i++) {
        if (!chan_recv(parent, out, i + 1)) {
            return;
        }
    }
    chan_recv_end(parent, out, MESH_E_CLOSED);
}

/* The ends that the host sent, in a channel of ours. */
static int chan_take(parent_t *parent, chan_t *chan, const Mesh__Port *tx,
                     const Mesh__Port *rx)
{
    mesh_port_t *port;
    apr_status_t rv = APR_SUCCESS;

    if (tx != NULL) {
        port = mesh_port_take(tx->slot);
        rv = mesh_sender_from_port(&port, &chan->tx);
        mesh_port_close(&port);
    }
    if (rx != NULL && rv == APR_SUCCESS) {
        port = mesh_port_take(rx->slot);
        rv = mesh_receiver_from_port(&port, &chan->rx);
        mesh_port_close(&port);
    }
    return check_status(parent, rv, APR_SUCCESS, "port to channel");
}

void test_make_channel(parent_t *parent, int n)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__MakeChannel make_channel = CONFORM__MAKE_CHANNEL__INIT;
    Conform__MakeChannelCall body = CONFORM__MAKE_CHANNEL_CALL__INIT;
    const Conform__ChannelPair *pair;
    call_t *call = call_begin(parent);
    chan_t *chan = chan_begin(parent);

    (void)n;
    if (call == NULL || chan == NULL) {
        return;
    }
    mesh_sender_close(&chan->tx);
    mesh_receiver_close(&chan->rx);
    body.reply = &call->field;
    make_channel.call = &body;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_MAKE_CHANNEL;
    request.make_channel = &make_channel;
    if (!request_send(parent, &parent->alpha, &request)) {
        return;
    }
    pair = (const Conform__ChannelPair *)call_wait(
        parent, call, &conform__channel_pair__descriptor);
    if (pair != NULL && chan_take(parent, chan, pair->tx, pair->rx)
        && chan_send(parent, chan, 1) && chan_recv(parent, chan, 101)) {
        mesh_sender_close(&chan->tx);
        chan_recv_end(parent, chan, MESH_E_CLOSED);
    }
}

void test_share(parent_t *parent, int n)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__Share share = CONFORM__SHARE__INIT;
    Conform__ShareCall body = CONFORM__SHARE_CALL__INIT;
    const Conform__PortBox *box;
    call_t *call = call_begin(parent);
    chan_t *chan = chan_begin(parent);

    (void)n;
    if (call == NULL || chan == NULL || !chan_tx_give(parent, chan)) {
        return;
    }
    body.input = &chan->field;
    body.reply = &call->field;
    share.call = &body;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_SHARE;
    request.share = &share;
    if (!request_send(parent, &parent->alpha, &request)) {
        return;
    }
    box = (const Conform__PortBox *)call_wait_boxed(
        parent, call, &conform__port_box__descriptor);
    if (box != NULL && chan_take(parent, chan, box->value, NULL)
        && chan_recv(parent, chan, 7) && chan_send(parent, chan, 8)
        && chan_recv(parent, chan, 8)) {
        mesh_sender_close(&chan->tx);
        chan_recv_end(parent, chan, MESH_E_CLOSED);
    }
}

/* Values are as they were: the host is not in between. */
void test_bridge(parent_t *parent, int n)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__Bridge bridge = CONFORM__BRIDGE__INIT;
    chan_t *in = chan_begin(parent);
    chan_t *out = chan_begin(parent);
    apr_uint64_t i;

    (void)n;
    if (in == NULL || out == NULL || !chan_send(parent, in, 0)
        || !chan_rx_give(parent, in) || !chan_tx_give(parent, out)) {
        return;
    }
    bridge.input = &in->field;
    bridge.output = &out->field;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_BRIDGE;
    request.bridge = &bridge;
    if (!request_send(parent, &parent->alpha, &request)) {
        return;
    }
    for (i = 0; i < 100; i++) {
        if (!chan_recv(parent, out, i) || !chan_send(parent, in, i + 1)) {
            return;
        }
    }
    mesh_sender_close(&in->tx);
    if (chan_recv(parent, out, 100)) {
        chan_recv_end(parent, out, MESH_E_CLOSED);
    }
}

/* There and back. */
static int move(parent_t *parent, chan_t *chan)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__Move body = CONFORM__MOVE__INIT;
    Conform__MoveCall move_call = CONFORM__MOVE_CALL__INIT;
    const Conform__PortBox *box;
    call_t *call = call_begin(parent);

    if (call == NULL || !chan_rx_give(parent, chan)) {
        return 0;
    }
    move_call.input = &chan->field;
    move_call.reply = &call->field;
    body.call = &move_call;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_MOVE;
    request.move = &body;
    if (!request_send(parent, &parent->move_a, &request)) {
        return 0;
    }
    box = (const Conform__PortBox *)call_wait_boxed(
        parent, call, &conform__port_box__descriptor);
    return box != NULL && chan_take(parent, chan, NULL, box->value);
}

/* 20 round trips with 10 messages around each, of which `n` are read. */
void test_move(parent_t *parent, int n)
{
    chan_t *chan = chan_begin(parent);
    apr_uint64_t sent = 0;
    apr_uint64_t got = 0;
    int trip;
    int i;

    if (chan == NULL
        || (parent->move_a.host == NULL
            && !remote_launch(parent, &parent->move_a, "move-a"))) {
        return;
    }
    for (trip = 0; trip < 20; trip++) {
        for (i = 0; i < 10; i++) {
            if ((i == 5 && !move(parent, chan))
                || !chan_send(parent, chan, sent++)) {
                return;
            }
        }
        for (i = 0; i < n; i++) {
            if (!chan_recv(parent, chan, got++)) {
                return;
            }
        }
    }
    mesh_sender_close(&chan->tx);
    while (got < sent) {
        if (!chan_recv(parent, chan, got++)) {
            return;
        }
    }
    chan_recv_end(parent, chan, MESH_E_CLOSED);
}
