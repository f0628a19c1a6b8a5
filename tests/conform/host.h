/* The conformance host (README.md in this folder): what its modules share.
 *
 * conform-host.c starts and ends it, host_requests.c serves one request,
 * host_forward.c has the tasks that go on beside later requests. Everything
 * runs in callbacks of the one loop. */
#ifndef CONFORM_HOST_H
#define CONFORM_HOST_H

#include <mesh/mesh.h>

#include <apr_ring.h>
#include <apr_tables.h>

typedef struct forward_t forward_t;
APR_RING_HEAD(forward_ring_t, forward_t);

typedef struct host_t {
    int argc;
    const char *const *argv;
    mesh_self_t *self;
    const char *name; /* in the initial message */
    apr_pool_t *pool;
    mesh_receiver_t *requests;
    struct forward_ring_t forwards;
    apr_array_header_t *held; /* mesh_port_t *, closed at the end */
    apr_status_t status;      /* what the host ends with */
    int is_done;
} host_t;

/* Answer with a HostReport. Ownership: the port is taken on success only. */
apr_status_t host_report(host_t *host, mesh_port_t **reply);

/* Serve one request. What it carries and is not used is left in the message.
 * Errors: MESH_E_PROTOCOL: it is no request; anything else concerns this
 * request only. */
apr_status_t host_serve(host_t *host, mesh_message_t *message);

/* Begin to send each value of `in` plus `add` to `out`, until `in` ends.
 * Ownership: both are taken on success only. */
apr_status_t forward_start(host_t *host, mesh_receiver_t **in,
                           mesh_sender_t **out, apr_uint64_t add);

/* Before the first of them. */
void forward_init(host_t *host);

/* End all such tasks and close what they hold. */
void forward_stop_all(host_t *host);

#endif
