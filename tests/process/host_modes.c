#include "config.h"

#include "host_modes.h"

#include "box.pb-c.h"
#include "conform.pb-c.h"

#include <pal/pal.h>

#include <stdlib.h>
#include <string.h>

static apr_status_t echo(mesh_port_t *port)
{
    mesh_message_t *message;
    apr_status_t rv;

    while ((rv = mesh_port_recv(port, -1, &message)) == APR_SUCCESS) {
        rv = mesh_port_send(port, &message);
        mesh_message_destroy(&message);
        if (rv != APR_SUCCESS) {
            break;
        }
    }
    return rv;
}

static apr_status_t ping(mesh_port_t *port)
{
    mesh_message_t *message;
    apr_size_t len;
    int is_same;
    apr_status_t rv;

    rv = mesh_port_send_bytes(port, "ping", 4);
    if (rv == APR_SUCCESS) {
        rv = mesh_port_recv(port, -1, &message);
    }
    if (rv != APR_SUCCESS) {
        return APR_EGENERAL;
    }
    is_same = memcmp(mesh_message_data(message, &len), "ping", 4) == 0;
    mesh_message_destroy(&message);
    return is_same && len == 4 ? APR_SUCCESS : APR_EGENERAL;
}

/* To the end of the process, whatever the parent sends. */
static void be_stuck(void)
{
    for (;;) {
        apr_sleep(apr_time_from_sec(1));
    }
}

static apr_status_t stuck(mesh_port_t *port)
{
    if (mesh_port_send_bytes(port, "stuck", 5) == APR_SUCCESS) {
        be_stuck();
    }
    return APR_EGENERAL;
}

static apr_status_t loop(mesh_self_t *self, mesh_port_t *port)
{
    apr_status_t rv = mesh_port_send_bytes(port, "loop", 4);

    if (rv == APR_SUCCESS) {
        rv = pal_loop_run(mesh_node_loop(mesh_self_node(self)));
    }
    return rv == APR_SUCCESS && mesh_self_is_stopping(self) ? APR_SUCCESS
                                                            : APR_EGENERAL;
}

static apr_status_t stopping(mesh_self_t *self, mesh_port_t *port)
{
    mesh_message_t *message;
    mesh_port_t *ends[2];
    int is_ok;

    is_ok = mesh_port_send_bytes(port, "stopping", 8) == APR_SUCCESS
            && !mesh_self_is_stopping(self)
            && mesh_port_recv(port, -1, &message) == MESH_E_STOPPING
            && mesh_self_is_stopping(self)
            && mesh_port_recv(port, -1, &message) == MESH_E_STOPPING;
    if (is_ok
        && mesh_port_pair(mesh_self_node(self), &ends[0], &ends[1])
               == APR_SUCCESS) {
        is_ok = mesh_port_recv(ends[0], -1, &message) == MESH_E_STOPPING
                && mesh_port_send_bytes(port, "end", 3) == APR_SUCCESS;
        mesh_port_close(&ends[0]);
        mesh_port_close(&ends[1]);
    }
    return is_ok ? MESH_E_STOPPING : APR_EGENERAL;
}

static apr_status_t alive(void)
{
    apr_status_t rv = pal_file_write(ALIVE_HANDLE, "a", 1);

    if (rv == APR_SUCCESS) {
        be_stuck();
    }
    return rv;
}

static apr_status_t waiting(mesh_port_t *port)
{
    mesh_message_t *message;
    apr_status_t rv = pal_file_write(ALIVE_HANDLE, "a", 1);

    return rv == APR_SUCCESS ? mesh_port_recv(port, -1, &message) : rv;
}

static apr_status_t env(mesh_port_t *port)
{
    const char *value = getenv("HOST_MODE_ENV");

    return value == NULL ? APR_EGENERAL
                         : mesh_port_send_bytes(port, value, strlen(value));
}

/* Adds up what can be read, and closes the file. */
static apr_status_t count_file(pal_handle_t file, apr_uint64_t *total)
{
    char buf[4096];
    apr_size_t len = 0;
    apr_status_t rv;

    do {
        *total += len;
        rv = pal_file_read(file, buf, sizeof(buf), &len);
    } while (rv == APR_SUCCESS && len > 0);
    pal_handle_close(&file);
    return rv;
}

static apr_status_t count(mesh_self_t *self)
{
    Conform__NumberBox box = CONFORM__NUMBER_BOX__INIT;
    const Conform__FdsCall *call;
    ProtobufCMessage *value;
    mesh_port_t *reply;
    apr_status_t rv;
    size_t i;

    rv = mesh_self_initial(self, &conform__fds_call__descriptor, &value);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    call = (const Conform__FdsCall *)value;
    for (i = 0; rv == APR_SUCCESS && i < call->n_input; i++) {
        rv = count_file(mesh_handle_take(call->input[i]->slot), &box.value);
    }
    reply = mesh_port_take(call->reply->slot);
    if (rv == APR_SUCCESS) {
        rv = mesh_oneshot_send_boxed(&reply, &box.base);
    }
    mesh_port_close(&reply);
    return rv;
}

static apr_status_t run_with_port(mesh_self_t *self, const char *mode)
{
    mesh_port_t *port;
    apr_status_t rv = mesh_self_port_take(self, &port);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (strcmp(mode, "echo") == 0) {
        rv = echo(port);
    }
    else if (strcmp(mode, "ping") == 0) {
        rv = ping(port);
    }
    else if (strcmp(mode, "stuck") == 0) {
        rv = stuck(port);
    }
    else if (strcmp(mode, "loop") == 0) {
        rv = loop(self, port);
    }
    else if (strcmp(mode, "stopping") == 0) {
        rv = stopping(self, port);
    }
    else if (strcmp(mode, "waiting") == 0) {
        rv = waiting(port);
    }
    else if (strcmp(mode, "env") == 0) {
        rv = env(port);
    }
    else if (strcmp(mode, "name") == 0) {
        rv = mesh_port_send_bytes(port, mesh_self_name(self),
                                  strlen(mesh_self_name(self)));
    }
    else {
        rv = APR_ENOTIMPL;
    }
    mesh_port_close(&port);
    return rv;
}

apr_status_t host_modes_run(mesh_self_t *self, void *baton)
{
    char **argv = baton;
    const char *mode = argv[1] != NULL ? argv[1] : "";

    if (strcmp(mode, "return") == 0) {
        return APR_SUCCESS;
    }
    if (strcmp(mode, "fail") == 0) {
        return APR_EGENERAL;
    }
    if (strcmp(mode, "break") == 0) {
        return MESH_E_PROTOCOL;
    }
    if (strcmp(mode, "alive") == 0) {
        return alive();
    }
    if (strcmp(mode, "count") == 0) {
        return count(self);
    }
    return run_with_port(self, mode);
}
