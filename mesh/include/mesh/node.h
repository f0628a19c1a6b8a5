/* A node: this process's membership in a mesh.
 *
 * A mesh starts with one node, the leader, made by mesh_node_create. More
 * nodes are processes that the leader launches as hosts (host.h). Every port,
 * channel and host belongs to a node.
 *
 * Life cycle: mesh_node_create; ports, channels, hosts; close them;
 * mesh_node_shutdown, which lets what was sent reach its destination;
 * mesh_node_destroy.
 *
 * A node does its receiving on one loop; callbacks come there. There are two
 * ways to use it, and they mix: run the loop and be called back, or make
 * blocking calls (those with a timeout). A blocking call on the loop's thread
 * runs the loop, so callbacks come meanwhile; inside a callback it is
 * MESH_E_REENTRANT; on any other thread it waits while the loop's thread runs
 * the loop.
 *
 * Threads: create, shutdown and destroy on the loop's thread. The calls of
 * port.h, channel.h and rpc.h: any thread, but one port, sender or receiver
 * by one thread at a time. */
#ifndef MESH_NODE_H
#define MESH_NODE_H

#include <apr_pools.h>
#include <apr_time.h>

#include <mesh/status.h>
#include <mesh/types.h>

#include <pal/log.h>
#include <pal/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Start a mesh with this process as its leader. `log` may be NULL. Loop and
 * log must outlive the node; the pool may not be destroyed before
 * mesh_node_destroy.
 * Errors: APR_ENOMEM; what the loop says. */
apr_status_t mesh_node_create(mesh_node_t **ret_node, pal_loop_t *loop,
                              pal_log_t *log, apr_pool_t *pool);

mesh_id_t mesh_node_id(mesh_node_t *node);
pal_loop_t *mesh_node_loop(mesh_node_t *node);
pal_log_t *mesh_node_log(mesh_node_t *node);

/* The id as 32 digits, into `buf`. Returns `buf`. */
char *mesh_id_text(const mesh_id_t *id, char buf[MESH_ID_TEXT_LEN]);

/* Bytes that may wait for one slow process before sends to it are
 * MESH_E_BUSY, and unread bytes that one process may have here before the
 * port that exceeds it fails. Default 64 MiB each. To be set before other
 * nodes join. */
void mesh_node_limits_set(mesh_node_t *node, apr_size_t queued,
                          apr_size_t unread);

/* Finish: let ports that are on the move arrive and the other ends of closed
 * ones answer, send what is queued, end all connections in order. Waits at
 * most `timeout` for slow peers (each of the two steps; < 0: 2 s). Afterwards
 * every port has failed or closed.
 * Errors: APR_TIMEUP if something was cut off; MESH_E_REENTRANT. */
apr_status_t mesh_node_shutdown(mesh_node_t *node,
                                apr_interval_time_t timeout);

/* Destroy it at once, with all its ports (the variables of those still open
 * dangle: close them first). Not inside a callback: it frees what is calling.
 */
void mesh_node_destroy(mesh_node_t **node);

#ifdef __cplusplus
}
#endif
#endif
