/* A leader and a node that joined it, both in this process and on one loop,
 * connected as two processes would be. */
#ifndef TESTS_TWO_NODES_H
#define TESTS_TWO_NODES_H

#include <mesh/mesh.h>

#include <pal/pal.h>

typedef struct two_nodes_t {
    apr_pool_t *pool;
    pal_loop_t *loop;
    mesh_node_t *leader;
    mesh_node_t *follower;
    mesh_port_t *ours;   /* the leader's end of the user port */
    mesh_port_t *theirs; /* the follower's */
} two_nodes_t;

void two_nodes_start(two_nodes_t *nodes);

/* Close the ports that are still there, shut both down, and assert that
 * nothing was cut off. */
void two_nodes_end(two_nodes_t *nodes);

/* One turn of the loop for `timeout`, or until nothing happens. */
void two_nodes_settle(two_nodes_t *nodes);

/* Send bytes on one port and assert that they come out of the other. */
void assert_passes(mesh_port_t *from, mesh_port_t *to, const void *data,
                   apr_size_t len);

#endif
