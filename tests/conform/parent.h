/* The conformance parent (README.md in this folder): what its modules share.
 *
 * A test is a function that ends early once a check has failed. What it makes
 * through the functions below is from the test's pool and closed after the
 * test; each wait ends with the test's limit. */
#ifndef CONFORM_PARENT_H
#define CONFORM_PARENT_H

#include <mesh/mesh.h>

#include "conform.pb-c.h"

/* A host that was launched. */
typedef struct remote_t {
    mesh_host_t *host;
    mesh_sender_t *requests;
    mesh_message_t *message; /* the one with its report */
    Conform__HostReport *report;
} remote_t;

typedef struct parent_t {
    mesh_hosts_t *hosts;
    mesh_node_t *node;
    apr_pool_t *pool;
    const char *child;
    const char *const *args; /* ends with NULL */
    int is_strict;
    remote_t alpha;
    remote_t beta;
    remote_t move_a; /* launched by its first test */

    /* of the running test */
    apr_pool_t *test_pool;
    apr_time_t deadline;
    const char *why; /* it has failed, or NULL */
} parent_t;

/* A call under way: `field` goes into the request. */
typedef struct call_t {
    mesh_port_t *tx;
    mesh_port_t *rx;
    Mesh__Port field;
} call_t;

/* A channel of uint64. Giving an end away makes `field` ready for a request;
 * `tx` or `rx` is NULL then. */
typedef struct chan_t {
    mesh_sender_t *tx;
    mesh_receiver_t *rx;
    mesh_port_t *port;
    Mesh__Port field;
} chan_t;

/* ---- parent_support.c ---- */

/* Note why the test fails, unless `is_ok`. Returns `is_ok`. */
int check(parent_t *parent, int is_ok, const char *format, ...);
int check_status(parent_t *parent, apr_status_t status, apr_status_t expected,
                 const char *what);

/* What is left of the test's time. */
apr_interval_time_t remaining(parent_t *parent);

/* NULL, 0: the test has failed. */
call_t *call_begin(parent_t *parent);
int request_send(parent_t *parent, remote_t *remote,
                 const Conform__ConformRequest *request);
ProtobufCMessage *call_wait(parent_t *parent, call_t *call,
                            const ProtobufCMessageDescriptor *type);
ProtobufCMessage *call_wait_boxed(parent_t *parent, call_t *call,
                                  const ProtobufCMessageDescriptor *type);
int call_wait_end(parent_t *parent, call_t *call, apr_status_t expected);

chan_t *chan_begin(parent_t *parent);
int chan_tx_give(parent_t *parent, chan_t *chan);
int chan_rx_give(parent_t *parent, chan_t *chan);
int chan_send(parent_t *parent, chan_t *chan, apr_uint64_t value);
int chan_recv(parent_t *parent, chan_t *chan, apr_uint64_t expected);
int chan_recv_end(parent_t *parent, chan_t *chan, apr_status_t expected);

/* Bytes that are not all alike, from the test's pool. */
ProtobufCBinaryData pattern(parent_t *parent, apr_size_t len);

/* ---- the tests, by module; `n` is the test's own number ---- */

/* parent_hosts.c */
int remote_launch(parent_t *parent, remote_t *remote, const char *name);
void remote_end(remote_t *remote);
void test_launch_alpha(parent_t *parent, int n);
void test_launch_beta(parent_t *parent, int n);
void test_report(parent_t *parent, int n);
void test_requests_closed(parent_t *parent, int n);
void test_exit(parent_t *parent, int n);
void test_abort(parent_t *parent, int n);
void test_crash(parent_t *parent, int n);
void test_cloexec(parent_t *parent, int n);

/* parent_calls.c */
void test_echo(parent_t *parent, int n);
void test_echo_boundary(parent_t *parent, int n);
void test_echo_concurrent(parent_t *parent, int n);
void test_fail(parent_t *parent, int n);
void test_fds(parent_t *parent, int n);
void test_makefile(parent_t *parent, int n);
void test_drop(parent_t *parent, int n);

/* parent_scalars.c */
void test_scalars(parent_t *parent, int n);
void test_scalars_zero(parent_t *parent, int n);
void test_scalars_choice(parent_t *parent, int n);

/* parent_channels.c */
int forward_begin(parent_t *parent, remote_t *remote, chan_t *in, chan_t *out);
void test_forward(parent_t *parent, int n);
void test_forward_backlog(parent_t *parent, int n);
void test_make_channel(parent_t *parent, int n);
void test_share(parent_t *parent, int n);
void test_bridge(parent_t *parent, int n);
void test_move(parent_t *parent, int n);

#endif
