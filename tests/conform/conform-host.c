/* The host of the conformance service (README.md in this folder): launched by
 * a parent, it serves the parent's requests until told to stop.
 *
 * Requests not served yet, Pipe, Cancel and Cell, are closed unanswered, and
 * there is no --listen. */
#include "config.h"

#include "host.h"

#include "conform.pb-c.h"
#include "proc.h"

#include <pal/pal.h>

#include <stdio.h>
#include <stdlib.h>

static void complain(const char *what, apr_status_t status)
{
    char text[200];

    fprintf(stderr, "conform-host: %s: %s\n", what,
            mesh_status_text(status, text, sizeof(text)));
}

static apr_status_t send_report(host_t *host, mesh_port_t **port,
                                apr_pool_t *scratch)
{
    Conform__HostReport report = CONFORM__HOST_REPORT__INIT;
    const char *comm;
    const char *in;
    const char *out;
    char *env = getenv("CONFORM_ENV");
    apr_status_t rv;

    rv = proc_comm(&comm, scratch);
    if (rv == APR_SUCCESS) {
        rv = proc_link(0, &in, scratch);
    }
    if (rv == APR_SUCCESS) {
        rv = proc_link(1, &out, scratch);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    report.name = (char *)host->name;
    report.pid = (uint32_t)pal_self_pid();
    report.n_args = (size_t)host->argc - 1;
    report.args = (char **)host->argv + 1;
    if (env != NULL) {
        report.has_env_case = CONFORM__HOST_REPORT__HAS_ENV_ENV;
        report.env = env;
    }
    report.invitation_visible = getenv("MESH_WORKER_INVITATION") != NULL;
    report.comm = (char *)comm;
    report.stdin_link = (char *)in;
    report.stdout_link = (char *)out;
    return mesh_oneshot_send(port, &report.base);
}

apr_status_t host_report(host_t *host, mesh_port_t **reply)
{
    apr_pool_t *scratch;
    apr_status_t rv;

    apr_pool_create(&scratch, host->pool);
    rv = send_report(host, reply, scratch);
    apr_pool_destroy(scratch);
    return rv;
}

static int is_done(void *baton)
{
    return ((host_t *)baton)->is_done;
}

static void end(host_t *host, apr_status_t status)
{
    host->status = status;
    host->is_done = 1;
}

/* The end of the requests, whether closed or lost, is the end of the host. */
static void on_requests(void *baton, mesh_receiver_t *requests)
{
    host_t *host = baton;
    mesh_message_t *message;
    apr_status_t rv;

    while (!host->is_done) {
        rv = mesh_recv(requests, 0, &message);
        if (APR_STATUS_IS_TIMEUP(rv)) {
            return;
        }
        if (rv != APR_SUCCESS) {
            end(host, rv == MESH_E_FAILED ? APR_SUCCESS : rv);
            return;
        }
        rv = host_serve(host, message);
        mesh_message_destroy(&message);
        if (rv == MESH_E_PROTOCOL) {
            end(host, rv);
        }
        else if (rv != APR_SUCCESS) {
            complain("request", rv);
        }
    }
}

/* Take what the parent sent and answer that this host is there. */
static apr_status_t begin(host_t *host)
{
    ProtobufCMessage *value;
    const Conform__ConformInit *init;
    mesh_port_t *started;
    mesh_port_t *requests;
    apr_status_t rv;

    rv = mesh_self_initial(host->self, &conform__conform_init__descriptor,
                           &value);
    if (rv != APR_SUCCESS) {
        complain("initial message", rv);
        return MESH_E_PROTOCOL;
    }
    init = (const Conform__ConformInit *)value;
    host->name = init->name;
    started = mesh_port_take(init->started->slot);
    rv = host_report(host, &started);
    mesh_port_close(&started);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    requests = mesh_port_take(init->requests->slot);
    rv = mesh_receiver_from_port(&requests, &host->requests);
    mesh_port_close(&requests);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return mesh_receiver_ready_set(host->requests, on_requests, host);
}

static apr_status_t run(mesh_self_t *self, void *baton)
{
    host_t *host = baton;
    apr_status_t rv;
    int i;

    host->self = self;
    rv = apr_pool_create(&host->pool, NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    host->held = apr_array_make(host->pool, 16, sizeof(mesh_port_t *));
    forward_init(host);

    rv = begin(host);
    if (rv == APR_SUCCESS) {
        rv = pal_loop_run_until(mesh_node_loop(mesh_self_node(self)), is_done,
                                host, -1);
        /* The library stops the loop when the parent lets go. */
        rv = APR_STATUS_IS_EINTR(rv) ? MESH_E_STOPPING : rv;
    }
    if (rv == APR_SUCCESS) {
        rv = host->status;
    }

    forward_stop_all(host);
    for (i = 0; i < host->held->nelts; i++) {
        mesh_port_close(&APR_ARRAY_IDX(host->held, i, mesh_port_t *));
    }
    mesh_receiver_close(&host->requests);
    apr_pool_destroy(host->pool);
    return rv;
}

int main(int argc, char **argv)
{
    host_t host = {0};

    host.argc = argc;
    host.argv = (const char *const *)argv;
    mesh_run_host_if_launched("conform", run, &host);
    fprintf(stderr, "usage: conform-host is launched by conform-parent\n");
    return 2;
}
