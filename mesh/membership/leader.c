#include "config.h"

#include "leader.h"

#include "link.h"

#include <mesh/channel.h>
#include <mesh/rpc.h>

#include <pal/channel.h>

#include <stdlib.h>
#include <string.h>

/* An invited node, as long as its request channel lives. */
typedef struct follower_t {
    struct follower_t *next;
    struct leader_t *leader;
    mesh_id_t id;
    int rights;
    mesh_receiver_t *requests; /* of LeaderRequest */
    mesh_sender_t *orders;     /* of FollowerRequest */
} follower_t;

typedef struct leader_t {
    mesh_node_t *node;
    follower_t *followers;
} leader_t;

static void follower_free(follower_t *follower)
{
    mesh_receiver_close(&follower->requests);
    mesh_sender_close(&follower->orders);
    free(follower);
}

static void follower_remove(follower_t *follower)
{
    follower_t **p = &follower->leader->followers;

    while (*p != follower)
        p = &(*p)->next;
    *p = follower->next;
    follower_free(follower);
}

static follower_t *follower_find(leader_t *leader, const mesh_id_t *id)
{
    follower_t *follower = leader->followers;

    while (follower && !mesh__id_equal(&follower->id, id))
        follower = follower->next;
    return follower;
}

/* Tell a follower of the connection to `id`; NONE: there is no such node. */
static apr_status_t order_connect(follower_t *to, const mesh_id_t *id,
                                  pal_handle_t *end)
{
    Mesh__Membership__FollowerRequest request =
        MESH__MEMBERSHIP__FOLLOWER_REQUEST__INIT;
    Mesh__Membership__FollowerConnect connect =
        MESH__MEMBERSHIP__FOLLOWER_CONNECT__INIT;
    Mesh__Handle handle = MESH__HANDLE__INIT;
    mesh__id_proto_t id_proto;

    connect.node = mesh__id_proto(&id_proto, id);
    if (*end != PAL_HANDLE_NONE) {
        handle.slot = mesh_handle_slot(end);
        connect.has_handle_case =
            MESH__MEMBERSHIP__FOLLOWER_CONNECT__HAS_HANDLE_HANDLE;
        connect.handle = &handle;
    }
    request.request_case = MESH__MEMBERSHIP__FOLLOWER_REQUEST__REQUEST_CONNECT;
    request.connect = &connect;
    return mesh_send(to->orders, &request.base);
}

/* Both ends go out in the same order to both, so that of two connections
 * asked for at the same time both keep the same one. */
static apr_status_t connect_followers(follower_t *asker, const mesh_id_t *id)
{
    pal_handle_t ends[2] = {PAL_HANDLE_NONE, PAL_HANDLE_NONE};
    follower_t *other = follower_find(asker->leader, id);
    apr_status_t rv;

    if (other && other != asker && (asker->rights & MESH__MAY_CONNECT)
        && (other->rights & MESH__MAY_CONNECT))
        (void)pal_channel_pair(ends); /* none: as if there were no such node */
    /* A refusal goes to both, too: the other one may only be listening. */
    if (other && other != asker) {
        rv = order_connect(other, &asker->id, &ends[0]);
        if (rv != APR_SUCCESS)
            pal_handle_close(&ends[1]);
    }
    rv = order_connect(asker, id, &ends[1]);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    return rv;
}

/* Errors: what the follower sent is against the protocol. */
static apr_status_t serve(follower_t *follower, mesh_message_t *message)
{
    const Mesh__Membership__LeaderRequest *request;
    ProtobufCMessage *tree;
    mesh_id_t id;
    apr_status_t rv = mesh_message_unpack(
        message, &mesh__membership__leader_request__descriptor, &tree);

    if (rv != APR_SUCCESS)
        return rv;
    request = (const Mesh__Membership__LeaderRequest *)tree;
    switch (request->request_case) {
    case MESH__MEMBERSHIP__LEADER_REQUEST__REQUEST_CONNECT:
        if (!request->connect)
            return MESH_E_MISSING;
        rv = mesh__id_from_proto(request->connect->node, &id);
        return rv == APR_SUCCESS ? connect_followers(follower, &id) : rv;
    default: /* no host may invite: the ports in it close */
        return APR_SUCCESS;
    }
}

static void requests_ready(void *baton, mesh_receiver_t *receiver)
{
    follower_t *follower = baton;
    mesh_message_t *message;
    apr_status_t rv;

    while ((rv = mesh_recv(receiver, 0, &message)) == APR_SUCCESS) {
        rv = serve(follower, message);
        mesh_message_destroy(&message);
        if (rv != APR_SUCCESS)
            break;
    }
    if (!APR_STATUS_IS_TIMEUP(rv))
        follower_remove(follower);
}

/* ---- inviting ---- */

/* The newcomer's ends of its two channels with the leader. */
static apr_status_t make_channels(follower_t *follower,
                                  mesh_port_t **ret_requests,
                                  mesh_port_t **ret_orders)
{
    mesh_node_t *node = follower->leader->node;
    mesh_sender_t *sender = NULL;
    mesh_receiver_t *receiver = NULL;
    apr_status_t rv = mesh_channel_create(node, &sender, &follower->requests);

    if (rv == APR_SUCCESS)
        rv = mesh_sender_to_port(&sender, ret_requests);
    if (rv == APR_SUCCESS)
        rv = mesh_channel_create(node, &follower->orders, &receiver);
    if (rv == APR_SUCCESS)
        rv = mesh_receiver_to_port(&receiver, ret_orders);
    if (rv == APR_SUCCESS)
        rv = mesh_receiver_ready_set(follower->requests, requests_ready,
                                     follower);
    mesh_sender_close(&sender);
    mesh_receiver_close(&receiver);
    return rv;
}

static apr_status_t send_initial(mesh_port_t **invitation, mesh_port_t **user,
                                 mesh_port_t **requests, mesh_port_t **orders)
{
    Mesh__Membership__InitialMessage initial =
        MESH__MEMBERSHIP__INITIAL_MESSAGE__INIT;
    Mesh__Port slots[3] = {MESH__PORT__INIT, MESH__PORT__INIT,
                           MESH__PORT__INIT};

    slots[0].slot = mesh_port_slot(requests);
    slots[1].slot = mesh_port_slot(orders);
    slots[2].slot = mesh_port_slot(user);
    initial.leader_send = &slots[0];
    initial.follower_recv = &slots[1];
    initial.user = &slots[2];
    return mesh_oneshot_send(invitation, &initial.base);
}

/* Our port of the invitation, with fresh ids for all. */
static apr_status_t make_addresses(mesh_node_t *node,
                                   mesh__invitation_t *invitation,
                                   mesh_port_t **ret_port)
{
    mesh__core_t *core = mesh__node_core(node);
    apr_status_t rv;

    memset(invitation, 0, sizeof(*invitation));
    mesh__node_lock(node);
    mesh__core_fresh_id(core, &invitation->local.node);
    mesh__core_fresh_id(core, &invitation->local.port);
    mesh__core_fresh_id(core, &invitation->remote.port);
    invitation->remote.node = *mesh__core_self(core);
    rv = mesh__core_adopt(core, &invitation->remote.port, &invitation->local,
                          ret_port);
    mesh__node_unlock(node);
    return rv;
}

static follower_t *follower_make(leader_t *leader, int rights)
{
    follower_t *follower = calloc(1, sizeof(*follower));

    if (follower) {
        follower->leader = leader;
        follower->rights = rights;
    }
    return follower;
}

apr_status_t mesh__leader_invite(mesh_node_t *node, int rights,
                                 mesh_port_t **user, mesh__peer_fn_t watch,
                                 void *baton,
                                 mesh__invitation_t *ret_invitation,
                                 pal_handle_t *ret_end)
{
    leader_t *leader = mesh__node_leader(node);
    pal_handle_t ends[2] = {PAL_HANDLE_NONE, PAL_HANDLE_NONE};
    mesh_port_t *port = NULL, *requests = NULL, *orders = NULL;
    mesh__invitation_t invitation;
    follower_t *follower;
    apr_status_t rv;

    if (!leader)
        return APR_EINVAL;
    follower = follower_make(leader, rights);
    if (!follower)
        return APR_ENOMEM;
    rv = pal_channel_pair(ends);
    if (rv == APR_SUCCESS)
        rv = make_addresses(node, &invitation, &port);
    if (rv == APR_SUCCESS)
        rv = make_channels(follower, &requests, &orders);
    if (rv == APR_SUCCESS)
        rv = mesh__link_start(node, &invitation.local.node, &ends[0], watch,
                              baton);
    if (rv == APR_SUCCESS) {
        rv = send_initial(&port, user, &requests, &orders);
        if (rv != APR_SUCCESS)
            mesh__node_peer_unwatch(node, &invitation.local.node);
        if (rv != APR_SUCCESS)
            mesh__node_link_drop(node, &invitation.local.node);
    }
    mesh_port_close(&port);
    mesh_port_close(&requests);
    mesh_port_close(&orders);
    pal_handle_close(&ends[0]);
    if (rv != APR_SUCCESS) {
        pal_handle_close(&ends[1]);
        follower_free(follower);
        return rv;
    }
    follower->id = invitation.local.node;
    follower->next = leader->followers;
    leader->followers = follower;
    *ret_invitation = invitation;
    *ret_end = ends[1];
    return APR_SUCCESS;
}

/* ---- the leader's node ---- */

static void leader_ending(void *baton)
{
    leader_t *leader = baton;

    mesh__node_leader_set(leader->node, NULL);
    while (leader->followers)
        follower_remove(leader->followers);
    free(leader);
}

apr_status_t mesh_node_create(mesh_node_t **ret_node, pal_loop_t *loop,
                              pal_log_t *log, apr_pool_t *pool)
{
    leader_t *leader = calloc(1, sizeof(*leader));
    apr_status_t rv;

    if (!leader)
        return APR_ENOMEM;
    rv = mesh__node_create(&leader->node, NULL, loop, log, pool);
    if (rv != APR_SUCCESS) {
        free(leader);
        return rv;
    }
    mesh__node_leader_set(leader->node, leader);
    mesh__node_ending_set(leader->node, leader_ending, leader);
    *ret_node = leader->node;
    return APR_SUCCESS;
}
