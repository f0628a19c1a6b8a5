/* Tests of channels whose ends go to the host (README.md 6). */
#include "config.h"

#include "parent.h"

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
