#include "config.h"

#include "follower.h"

#include "link.h"

#include <mesh/channel.h>
#include <mesh/rpc.h>

#include <stdlib.h>

typedef struct follower_t {
    mesh_node_t *node;
    mesh_sender_t *requests; /* of LeaderRequest */
    mesh_receiver_t *orders; /* of FollowerRequest */
} follower_t;

static void need_link(void *baton, const mesh_id_t *id)
{
    follower_t *follower = baton;
    Mesh__Membership__LeaderRequest request =
        MESH__MEMBERSHIP__LEADER_REQUEST__INIT;
    Mesh__Membership__Connect connect = MESH__MEMBERSHIP__CONNECT__INIT;
    mesh__id_proto_t id_proto;
    apr_status_t rv;

    if (!follower->requests) /* asked again once it has joined */
        return;
    rv = mesh_sender_status(follower->requests);
    connect.node = mesh__id_proto(&id_proto, id);
    request.request_case = MESH__MEMBERSHIP__LEADER_REQUEST__REQUEST_CONNECT;
    request.connect = &connect;
    if (rv == APR_SUCCESS)
        rv = mesh_send(follower->requests, &request.base);
    if (rv != APR_SUCCESS)
        mesh__node_link_lost(follower->node, id, rv);
}

/* Errors: what the leader sent is against the protocol. */
static apr_status_t obey(follower_t *follower, mesh_message_t *message)
{
    const Mesh__Membership__FollowerRequest *request;
    Mesh__Membership__FollowerConnect *connect;
    pal_handle_t end = PAL_HANDLE_NONE;
    ProtobufCMessage *tree;
    mesh_id_t id;
    apr_status_t rv = mesh_message_unpack(
        message, &mesh__membership__follower_request__descriptor, &tree);

    if (rv != APR_SUCCESS)
        return rv;
    request = (const Mesh__Membership__FollowerRequest *)tree;
    connect = request->connect;
    if (request->request_case
            != MESH__MEMBERSHIP__FOLLOWER_REQUEST__REQUEST_CONNECT
        || !connect)
        return MESH_E_MISSING;
    rv = mesh__id_from_proto(connect->node, &id);
    if (rv != APR_SUCCESS)
        return rv;
    if (connect->has_handle_case
        == MESH__MEMBERSHIP__FOLLOWER_CONNECT__HAS_HANDLE_HANDLE)
        end = mesh_handle_take(connect->handle->slot);
    if (mesh__node_has_link(follower->node, &id)) {
        pal_handle_close(&end); /* both asked at once: the first one serves */
        return APR_SUCCESS;
    }
    if (end == PAL_HANDLE_NONE)
        rv = MESH_E_NODE_LOST;
    else
        rv = mesh__link_start(follower->node, &id, &end, NULL, NULL);
    if (rv != APR_SUCCESS)
        mesh__node_link_lost(follower->node, &id, rv);
    return APR_SUCCESS;
}

static void orders_ready(void *baton, mesh_receiver_t *receiver)
{
    follower_t *follower = baton;
    mesh_message_t *message;
    apr_status_t rv;

    while ((rv = mesh_recv(receiver, 0, &message)) == APR_SUCCESS) {
        rv = obey(follower, message);
        mesh_message_destroy(&message);
        if (rv != APR_SUCCESS)
            break;
    }
    if (!APR_STATUS_IS_TIMEUP(rv) && rv != MESH_E_STOPPING)
        mesh_receiver_close(&follower->orders);
}

static void follower_ending(void *baton)
{
    follower_t *follower = baton;

    mesh__node_need_link_set(follower->node, NULL, NULL);
    mesh_receiver_close(&follower->orders);
    mesh_sender_close(&follower->requests);
    free(follower);
}

/* Wait for the initial message on the invitation's port and take its ports.
 */
static apr_status_t receive_ports(follower_t *follower,
                                  mesh_port_t **invitation,
                                  apr_interval_time_t timeout,
                                  mesh_port_t **ret_user)
{
    Mesh__Membership__InitialMessage *initial;
    mesh_port_t *requests = NULL, *orders = NULL, *user = NULL;
    mesh_message_t *message = NULL;
    ProtobufCMessage *tree;
    apr_status_t rv = mesh_oneshot_recv(invitation, timeout, &message);

    if (rv == APR_SUCCESS)
        rv = mesh_message_unpack(
            message, &mesh__membership__initial_message__descriptor, &tree);
    if (rv == APR_SUCCESS) {
        initial = (Mesh__Membership__InitialMessage *)tree;
        requests = mesh_port_take(initial->leader_send->slot);
        orders = mesh_port_take(initial->follower_recv->slot);
        user = mesh_port_take(initial->user->slot);
        mesh__core_keep(requests);
        mesh__core_keep(orders);
        rv = mesh_sender_from_port(&requests, &follower->requests);
    }
    if (rv == APR_SUCCESS)
        rv = mesh_receiver_from_port(&orders, &follower->orders);
    if (rv == APR_SUCCESS)
        rv = mesh_receiver_ready_set(follower->orders, orders_ready, follower);
    if (rv == APR_SUCCESS) {
        *ret_user = user;
        user = NULL;
    }
    mesh_port_close(&requests);
    mesh_port_close(&orders);
    mesh_port_close(&user);
    mesh_message_destroy(&message);
    return rv;
}

static apr_status_t join(follower_t *follower,
                         const mesh__invitation_t *invitation,
                         pal_handle_t *end, apr_interval_time_t timeout,
                         mesh_port_t **ret_user)
{
    mesh_node_t *node = follower->node;
    mesh_port_t *port = NULL;
    apr_status_t rv;

    mesh__node_lock(node);
    rv = mesh__core_adopt(mesh__node_core(node), &invitation->local.port,
                          &invitation->remote, &port);
    mesh__node_unlock(node);
    if (rv == APR_SUCCESS)
        rv = mesh__link_start(node, &invitation->remote.node, end, NULL, NULL);
    if (rv == APR_SUCCESS && invitation->is_launched)
        rv = mesh__link_peer_set(node, &invitation->remote.node, NULL);
    if (rv == APR_SUCCESS)
        rv = receive_ports(follower, &port, timeout, ret_user);
    mesh_port_close(&port);
    return rv;
}

apr_status_t mesh__follower_join(mesh_node_t **ret_node,
                                 const mesh__invitation_t *invitation,
                                 pal_handle_t *end, pal_loop_t *loop,
                                 pal_log_t *log, apr_interval_time_t timeout,
                                 mesh_port_t **ret_user, apr_pool_t *pool)
{
    follower_t *follower = calloc(1, sizeof(*follower));
    mesh_node_t *node = NULL;
    apr_status_t rv = follower ? APR_SUCCESS : APR_ENOMEM;

    if (rv == APR_SUCCESS)
        rv =
            mesh__node_create(&node, &invitation->local.node, loop, log, pool);
    if (rv == APR_SUCCESS) {
        follower->node = node;
        mesh__node_ending_set(node, follower_ending, follower);
        mesh__node_lifeline_set(node, &invitation->remote.node);
        mesh__node_need_link_set(node, need_link, follower);
        rv = join(follower, invitation, end, timeout, ret_user);
    }
    else {
        free(follower);
    }
    pal_handle_close(end);
    if (rv != APR_SUCCESS) {
        mesh_node_destroy(&node);
        return rv;
    }
    mesh__node_need_link_set(node, need_link, follower);
    *ret_node = node;
    return APR_SUCCESS;
}
