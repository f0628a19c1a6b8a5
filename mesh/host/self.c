/* The launched side (docs/PROTOCOL.md 7.1): join, confine, run the user's
 * function, drain, end. */
#include "config.h"

#include "host_private.h"

#include "follower.h"

#include <mesh/rpc.h>

#include <pal/pal.h>

#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>

#define JOIN_TIMEOUT (30 * APR_USEC_PER_SEC)
#define DRAIN_TIMEOUT (2 * APR_USEC_PER_SEC)

enum { EXIT_FAILED = 1, EXIT_PROTOCOL = 70 };

/* For debuggers and core dumps: which host this was. */
static char node_name[256];

struct mesh_self_t {
    apr_pool_t *pool;
    const char *base_name;
    mesh__invitation_t invitation;
    pal_loop_t *loop;
    mesh_node_t *node;
    mesh_message_t *initial; /* Mesh__Host__InitialMessage */
    mesh_receiver_t *requests;
    apr_status_t broken; /* what was wrong with a request */
    int stopping;
    int confined;
};

/* ---- what the user's function asks ---- */

mesh_node_t *mesh_self_node(mesh_self_t *self)
{
    return self->node;
}

const char *mesh_self_name(mesh_self_t *self)
{
    return self->invitation.name;
}

int mesh_self_is_stopping(mesh_self_t *self)
{
    return self->stopping;
}

apr_status_t mesh_self_initial(mesh_self_t *self,
                               const ProtobufCMessageDescriptor *type,
                               ProtobufCMessage **ret_value)
{
    ProtobufCMessage *tree;
    mesh__generic_t outer;
    apr_status_t rv;

    mesh__generic_init(&outer, &mesh__host__initial_message__descriptor, 1,
                       type);
    rv = mesh_message_unpack(self->initial, &outer.type, &tree);
    if (rv != APR_SUCCESS)
        return rv;
    if (!((Mesh__Host__InitialMessage *)tree)->init)
        return MESH_E_MISSING;
    *ret_value =
        (ProtobufCMessage *)((Mesh__Host__InitialMessage *)tree)->init;
    return APR_SUCCESS;
}

apr_status_t mesh_self_port_take(mesh_self_t *self, mesh_port_t **ret_port)
{
    ProtobufCMessage *tree;
    mesh_port_t *port;
    apr_status_t rv =
        mesh_self_initial(self, &mesh__host__port_init__descriptor, &tree);

    if (rv != APR_SUCCESS)
        return rv;
    port = mesh_port_take(((Mesh__Host__PortInit *)tree)->port->slot);
    if (!port)
        return MESH_E_RESOURCE;
    *ret_port = port;
    return APR_SUCCESS;
}

apr_status_t mesh_self_confine(mesh_self_t *self)
{
    pal_confine_t *confine;
    apr_status_t rv;

    if (self->confined || self->invitation.confine == MESH_CONFINE_NONE)
        return APR_SUCCESS;
    if (self->invitation.confine != MESH_CONFINE_WORKER)
        return MESH_E_INVITATION; /* a newer launcher wants what is not here */
    rv = pal_confine_create(&confine, self->pool);
    if (rv == APR_SUCCESS)
        rv = pal_confine_layer_set(confine, PAL_CONFINE_NO_NEW_PRIVS,
                                   PAL_CONFINE_STRICT);
    if (rv == APR_SUCCESS)
        rv = pal_confine_layer_set(confine, PAL_CONFINE_SYSCALLS,
                                   PAL_CONFINE_STRICT);
    if (rv == APR_SUCCESS)
        rv = pal_confine_layer_set(confine, PAL_CONFINE_FILES,
                                   PAL_CONFINE_BEST_EFFORT);
    if (rv == APR_SUCCESS)
        rv = pal_confine_apply(confine);
    if (rv == APR_SUCCESS)
        self->confined = 1;
    return rv;
}

/* ---- requests of the launching process ---- */

static void stop(mesh_self_t *self)
{
    self->stopping = 1;
    mesh__node_stop(self->node);
}

static apr_status_t serve(mesh_message_t *message)
{
    const Mesh__Host__HostRequest *request;
    ProtobufCMessage *tree;
    apr_status_t rv = mesh_message_unpack(
        message, &mesh__host__host_request__descriptor, &tree);

    if (rv != APR_SUCCESS)
        return rv;
    request = (const Mesh__Host__HostRequest *)tree;
    if (request->request_case == MESH__HOST__HOST_REQUEST__REQUEST_CRASH)
        abort(); /* asked for: a core dump of the state as it is */
    return APR_SUCCESS;
}

static void requests_ready(void *baton, mesh_receiver_t *receiver)
{
    mesh_self_t *self = baton;
    mesh_message_t *message;
    apr_status_t rv;

    while ((rv = mesh_recv(receiver, 0, &message)) == APR_SUCCESS) {
        rv = serve(message);
        mesh_message_destroy(&message);
        if (rv != APR_SUCCESS)
            self->broken = MESH_E_PROTOCOL;
        if (rv != APR_SUCCESS)
            break;
    }
    if (APR_STATUS_IS_TIMEUP(rv) || rv == MESH_E_STOPPING)
        return;
    if (rv == MESH_E_PROTOCOL)
        self->broken = rv;
    mesh_receiver_close(&self->requests);
    stop(self);
}

/* ---- the course of a host's life ---- */

static void complain(const mesh_self_t *self, const char *what,
                     apr_status_t rv)
{
    char text[256];

    (void)fprintf(stderr, "%s: %s: %s\n", self->base_name, what,
                  mesh_status_text(rv, text, sizeof(text)));
}

/* The end of the connection that the invitation speaks of. */
static apr_status_t take_handle(const mesh_self_t *self,
                                pal_handle_t *ret_handle)
{
    pal_handle_t handle;
    pal_handle_kind_t kind;
    apr_status_t rv = pal_handle_adopt(self->invitation.handle, &handle);

    if (rv == APR_SUCCESS)
        rv = pal_handle_kind(handle, &kind);
    if (rv == APR_SUCCESS && kind != PAL_HANDLE_CHANNEL)
        rv = PAL_E_KIND; /* whatever it is, it is not ours to close */
    if (rv == APR_SUCCESS)
        *ret_handle = handle;
    return rv;
}

static void name_process(const mesh_self_t *self)
{
    const char *name = self->invitation.name;

    apr_cpystrn(node_name, name, sizeof(node_name));
    (void)pal_self_name_set(
        apr_pstrcat(self->pool, self->base_name, "-", name, NULL));
}

static apr_status_t receive_initial(mesh_self_t *self, mesh_port_t **user)
{
    Mesh__Host__InitialMessage *initial;
    ProtobufCMessage *tree;
    mesh_port_t *requests;
    apr_status_t rv = mesh_oneshot_recv(user, JOIN_TIMEOUT, &self->initial);

    if (rv == APR_SUCCESS)
        rv = mesh_message_unpack(
            self->initial, &mesh__host__initial_message__descriptor, &tree);
    if (rv != APR_SUCCESS)
        return rv;
    initial = (Mesh__Host__InitialMessage *)tree;
    requests = mesh_port_take(initial->requests->slot);
    rv = mesh_receiver_from_port(&requests, &self->requests);
    if (rv == APR_SUCCESS)
        rv = mesh_receiver_ready_set(self->requests, requests_ready, self);
    mesh_port_close(&requests);
    return rv;
}

static apr_status_t join(mesh_self_t *self)
{
    pal_handle_t handle = PAL_HANDLE_NONE;
    mesh_port_t *user = NULL;
    apr_status_t rv = take_handle(self, &handle);

    if (rv == APR_SUCCESS)
        rv = pal_loop_create(&self->loop, self->pool);
    self->invitation.is_launched = 1;
    if (rv == APR_SUCCESS)
        rv = mesh__follower_join(&self->node, &self->invitation, &handle,
                                 self->loop, NULL, JOIN_TIMEOUT, &user,
                                 self->pool);
    if (rv == APR_SUCCESS)
        rv = receive_initial(self, &user);
    mesh_port_close(&user);
    return rv;
}

/* Close what is still open, let what was sent arrive. */
static void drain(mesh_self_t *self)
{
    if (!self->node)
        return;
    mesh_receiver_close(&self->requests);
    mesh_message_destroy(&self->initial);
    mesh__node_close_ports(self->node);
    (void)mesh_node_shutdown(self->node, DRAIN_TIMEOUT);
    mesh_node_destroy(&self->node);
}

/* Did the other end send what no packet may be? */
static int is_protocol(apr_status_t rv)
{
    return rv == MESH_E_PROTOCOL || rv == MESH_E_TRUNCATED
           || rv == PAL_E_TRUNCATED || rv == PAL_E_KIND || rv == PAL_E_SEALS
           || rv == PAL_E_HANDLES_LOST;
}

/* Why the connection was given up, if it did not just end. */
static apr_status_t connection_trouble(const mesh_self_t *self)
{
    apr_status_t rv = mesh__node_lifeline(self->node);

    if (APR_STATUS_IS_EOF(rv) || APR_STATUS_IS_ECONNRESET(rv)
        || APR_STATUS_IS_EPIPE(rv))
        return APR_SUCCESS;
    return rv;
}

static int exit_code(const mesh_self_t *self, apr_status_t rv)
{
    apr_status_t trouble = connection_trouble(self);

    if (is_protocol(trouble)) {
        complain(self, "protocol", trouble);
        return EXIT_PROTOCOL;
    }
    if (trouble != APR_SUCCESS)
        rv = trouble;
    if (self->broken != APR_SUCCESS)
        rv = self->broken;
    if (rv == APR_SUCCESS || rv == MESH_E_STOPPING || rv == MESH_E_CLOSED)
        return 0;
    if (rv == MESH_E_PROTOCOL) {
        complain(self, "protocol", rv);
        return EXIT_PROTOCOL;
    }
    complain(self, self->invitation.name, rv);
    return EXIT_FAILED;
}

static int live(mesh_self_t *self, const char *invitation, mesh_self_fn_t fn,
                void *baton)
{
    const char *what = "invitation";
    apr_status_t rv =
        mesh__invitation_decode(&self->invitation, invitation, self->pool);
    int code;

    if (rv == APR_SUCCESS) {
        name_process(self);
        what = "cannot join";
        rv = join(self);
    }
    if (rv == APR_SUCCESS
        && self->invitation.confine_when == MESH_CONFINE_FIRST) {
        what = "cannot confine";
        rv = mesh_self_confine(self);
    }
    if (rv != APR_SUCCESS) {
        complain(self, what, rv);
        drain(self);
        return EXIT_PROTOCOL;
    }
    rv = fn(self, baton);
    code = exit_code(self, rv);
    drain(self);
    return code;
}

void mesh_run_host_if_launched(const char *base_name, mesh_self_fn_t fn,
                               void *baton)
{
    static mesh_self_t self; /* findable in a core dump, like the name */
    const char *invitation = NULL;
    apr_status_t rv;
    int code;

    if (!getenv(MESH__INVITATION_VARIABLE))
        return;
    self.base_name = base_name;
    rv = pal_initialize();
    if (rv == APR_SUCCESS)
        rv = apr_pool_create(&self.pool, NULL);
    if (rv == APR_SUCCESS)
        rv = pal_self_env_take(MESH__INVITATION_VARIABLE, &invitation,
                               self.pool);
    if (rv != APR_SUCCESS) { /* it must not go on as if it were not a host */
        complain(&self, "cannot start", rv);
        exit(EXIT_PROTOCOL);
    }
    code = live(&self, invitation, fn, baton);
    apr_pool_destroy(self.pool); /* the loop with it: nothing is left behind */
    exit(code);
}
