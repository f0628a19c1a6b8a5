/* A leader and two followers in this process: followers are connected with
 * each other when a port needs it, or refused. */
#include "config.h"

#include "harness.h"
#include "two_nodes.h"

#include "follower.h"
#include "leader.h"

#include <string.h>

#define DEADLINE apr_time_from_sec(10)

typedef struct three_nodes_t {
    pal_loop_t *loop;
    mesh_node_t *leader;
    mesh_node_t *node[2];
    mesh_port_t *ours[2];
    mesh_port_t *theirs[2];
} three_nodes_t;

static void invite(three_nodes_t *n, int i, int rights)
{
    pal_handle_t end = PAL_HANDLE_NONE;
    mesh__invitation_t invitation;
    mesh_port_t *far_end = NULL;

    TEST_OK(mesh_port_pair(n->leader, &n->ours[i], &far_end));
    TEST_OK(mesh__leader_invite(n->leader, rights, &far_end, NULL, NULL,
                                &invitation, &end));
    TEST_OK(mesh__follower_join(&n->node[i], &invitation, &end, n->loop, NULL,
                                DEADLINE, &n->theirs[i], test_pool()));
}

static void start(three_nodes_t *n, int rights, int other_rights)
{
    memset(n, 0, sizeof(*n));
    TEST_OK(pal_loop_create(&n->loop, test_pool()));
    TEST_OK(mesh_node_create(&n->leader, n->loop, NULL, test_pool()));
    invite(n, 0, rights);
    invite(n, 1, other_rights);
}

static void settle(three_nodes_t *n)
{
    while (pal_loop_step(n->loop, 0) == APR_SUCCESS)
        ;
}

static void end(three_nodes_t *n)
{
    int i;

    for (i = 0; i < 2; i++) {
        mesh_port_close(&n->ours[i]);
        mesh_port_close(&n->theirs[i]);
    }
    settle(n);
    for (i = 0; i < 2; i++)
        if (n->node[i])
            TEST_OK(mesh_node_shutdown(n->node[i], DEADLINE));
    TEST_OK(mesh_node_shutdown(n->leader, DEADLINE));
    for (i = 0; i < 2; i++)
        mesh_node_destroy(&n->node[i]);
    mesh_node_destroy(&n->leader);
    pal_loop_destroy(n->loop);
}

static void hand_over(mesh_port_t *from, mesh_port_t *to, mesh_port_t **port)
{
    mesh_message_t *message = NULL;

    TEST_OK(mesh_message_create(&message, NULL, 0));
    TEST_OK(mesh_message_port_put(message, port));
    TEST_OK(mesh_port_send(from, &message));
    TEST_OK(mesh_port_recv(to, DEADLINE, &message));
    TEST_OK(mesh_message_port_take(message, 0, port));
    mesh_message_destroy(&message);
}

static int linked(three_nodes_t *n, int i)
{
    mesh_id_t id = mesh_node_id(n->node[1 - i]);

    return mesh__node_has_link(n->node[i], &id);
}

/* A pair with one end in each follower; both may need the link at once. */
static void give_pair(three_nodes_t *n, mesh_port_t *ends[2])
{
    TEST_OK(mesh_port_pair(n->leader, &ends[0], &ends[1]));
    hand_over(n->ours[0], n->theirs[0], &ends[0]);
    hand_over(n->ours[1], n->theirs[1], &ends[1]);
}

static void siblings_talk(void)
{
    mesh_port_t *ends[2];
    three_nodes_t n;
    int i;

    start(&n, MESH__MAY_CONNECT, MESH__MAY_CONNECT);
    CU_ASSERT_FALSE(linked(&n, 0));
    give_pair(&n, ends);
    for (i = 0; i < 100; i++) {
        assert_passes(ends[0], ends[1], &i, sizeof(i));
        assert_passes(ends[1], ends[0], &i, sizeof(i));
    }
    settle(&n);
    CU_ASSERT_TRUE(linked(&n, 0));
    CU_ASSERT_TRUE(linked(&n, 1));

    /* They go on without the leader's node being asked again. */
    mesh_port_close(&ends[0]);
    mesh_port_close(&ends[1]);
    give_pair(&n, ends);
    assert_passes(ends[0], ends[1], "again", 5);
    mesh_port_close(&ends[0]);
    mesh_port_close(&ends[1]);
    end(&n);
}

static void refused(int rights, int other_rights)
{
    mesh_message_t *message = NULL;
    mesh_port_t *ends[2];
    three_nodes_t n;

    start(&n, rights, other_rights);
    give_pair(&n, ends);
    CU_ASSERT_EQUAL(mesh_port_recv(ends[0], DEADLINE, &message),
                    MESH_E_FAILED);
    CU_ASSERT_EQUAL(mesh_port_recv(ends[1], DEADLINE, &message),
                    MESH_E_FAILED);
    CU_ASSERT_FALSE(linked(&n, 0));
    assert_passes(n.ours[0], n.theirs[0], "the leader", 10);
    assert_passes(n.theirs[1], n.ours[1], "the leader", 10);
    mesh_port_close(&ends[0]);
    mesh_port_close(&ends[1]);
    end(&n);
}

/* Both must have the right, whoever asks. */
static void siblings_refused(void)
{
    refused(0, 0);
    refused(MESH__MAY_CONNECT, 0);
    refused(0, MESH__MAY_CONNECT);
}

/* The other end's node dies: known to both that had a port there. */
static void sibling_lost(void)
{
    mesh_message_t *message = NULL;
    mesh_port_t *ends[2];
    three_nodes_t n;

    start(&n, MESH__MAY_CONNECT, MESH__MAY_CONNECT);
    give_pair(&n, ends);
    assert_passes(ends[0], ends[1], "hello", 5);
    settle(&n);
    mesh_node_destroy(&n.node[1]);
    n.theirs[1] = NULL;
    CU_ASSERT_EQUAL(mesh_port_recv(ends[0], DEADLINE, &message),
                    MESH_E_FAILED);
    CU_ASSERT_EQUAL(mesh_port_recv(n.ours[1], DEADLINE, &message),
                    MESH_E_FAILED);
    mesh_port_close(&ends[0]);
    end(&n);
}

/* A node sends and closes, and ends in order before it has a link to the node
 * of the other end: nothing is lost there. */
static void sibling_leaves(void)
{
    mesh_message_t *message = NULL;
    mesh_port_t *ends[2];
    three_nodes_t n;
    apr_size_t len;

    start(&n, MESH__MAY_CONNECT, MESH__MAY_CONNECT);
    TEST_OK(mesh_port_pair(n.leader, &ends[0], &ends[1]));
    hand_over(n.ours[0], n.theirs[0], &ends[0]);
    settle(&n);
    hand_over(n.ours[1], n.theirs[1], &ends[1]);
    CU_ASSERT_FALSE(linked(&n, 1));
    TEST_OK(mesh_port_send_bytes(ends[1], "last", 4));
    mesh_port_close(&ends[1]);
    mesh_port_close(&n.theirs[1]);
    TEST_OK(mesh_node_shutdown(n.node[1], DEADLINE));
    mesh_node_destroy(&n.node[1]);
    TEST_OK(mesh_port_recv(ends[0], DEADLINE, &message));
    CU_ASSERT_EQUAL(memcmp(mesh_message_data(message, &len), "last", 4), 0);
    CU_ASSERT_EQUAL(len, 4);
    mesh_message_destroy(&message);
    CU_ASSERT_EQUAL(mesh_port_recv(ends[0], DEADLINE, &message),
                    MESH_E_CLOSED);
    mesh_port_close(&ends[0]);
    end(&n);
}

/* The leader is gone: what is connected stays so. */
static void leader_lost(void)
{
    mesh_message_t *message = NULL;
    mesh_port_t *ends[2];
    three_nodes_t n;

    start(&n, MESH__MAY_CONNECT, MESH__MAY_CONNECT);
    give_pair(&n, ends);
    assert_passes(ends[0], ends[1], "hello", 5);
    settle(&n);
    mesh_port_close(&n.ours[0]);
    mesh_port_close(&n.ours[1]);
    mesh_node_destroy(&n.leader);
    assert_passes(ends[1], ends[0], "still here", 10);
    CU_ASSERT_EQUAL(mesh_port_recv(n.theirs[0], DEADLINE, &message),
                    MESH_E_CLOSED);
    mesh_port_close(&ends[0]);
    mesh_port_close(&ends[1]);
    mesh_port_close(&n.theirs[0]);
    mesh_port_close(&n.theirs[1]);
    settle(&n);
    TEST_OK(mesh_node_shutdown(n.node[0], DEADLINE));
    TEST_OK(mesh_node_shutdown(n.node[1], DEADLINE));
    mesh_node_destroy(&n.node[0]);
    mesh_node_destroy(&n.node[1]);
    pal_loop_destroy(n.loop);
}

static const test_case_t cases[] = {
    {"siblings_talk", siblings_talk}, {"siblings_refused", siblings_refused},
    {"sibling_lost", sibling_lost},   {"sibling_leaves", sibling_leaves},
    {"leader_lost", leader_lost},     {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "membership", cases);
}
