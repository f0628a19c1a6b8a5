#include "config.h"

#include "two_nodes.h"

#include "harness.h"

#include "follower.h"
#include "leader.h"

#include <stdlib.h>
#include <string.h>

#define DEADLINE apr_time_from_sec(10)

void two_nodes_start(two_nodes_t *nodes)
{
    pal_handle_t end = PAL_HANDLE_NONE;
    mesh__invitation_t invitation;
    mesh_port_t *far_end = NULL;

    memset(nodes, 0, sizeof(*nodes));
    nodes->pool = test_pool();
    TEST_OK(pal_loop_create(&nodes->loop, nodes->pool));
    TEST_OK(mesh_node_create(&nodes->leader, nodes->loop, NULL, nodes->pool));
    TEST_OK(mesh_port_pair(nodes->leader, &nodes->ours, &far_end));
    TEST_OK(mesh__leader_invite(nodes->leader, MESH__MAY_CONNECT, &far_end,
                                NULL, NULL, &invitation, &end));
    CU_ASSERT_PTR_NULL_FATAL(far_end);
    TEST_OK(mesh__follower_join(&nodes->follower, &invitation, &end,
                                nodes->loop, NULL, DEADLINE, &nodes->theirs,
                                nodes->pool));
    CU_ASSERT_EQUAL_FATAL(end, PAL_HANDLE_NONE);
}

void two_nodes_settle(two_nodes_t *nodes)
{
    while (pal_loop_step(nodes->loop, 0) == APR_SUCCESS)
        ;
}

void two_nodes_end(two_nodes_t *nodes)
{
    mesh_port_close(&nodes->ours);
    mesh_port_close(&nodes->theirs);
    two_nodes_settle(nodes);
    TEST_OK(mesh_node_shutdown(nodes->follower, DEADLINE));
    TEST_OK(mesh_node_shutdown(nodes->leader, DEADLINE));
    mesh_node_destroy(&nodes->follower);
    mesh_node_destroy(&nodes->leader);
    pal_loop_destroy(nodes->loop);
}

void assert_passes(mesh_port_t *from, mesh_port_t *to, const void *data,
                   apr_size_t len)
{
    mesh_message_t *message = NULL;
    apr_size_t got;
    void *bytes;

    TEST_OK(mesh_port_send_bytes(from, data, len));
    TEST_OK(mesh_port_recv(to, DEADLINE, &message));
    bytes = mesh_message_data(message, &got);
    CU_ASSERT_EQUAL_FATAL(got, len);
    CU_ASSERT(len == 0 || memcmp(bytes, data, len) == 0);
    mesh_message_destroy(&message);
}
