/* A node with one link whose other end is a raw pal channel in the hands of
 * the test, and one port whose peer is there. */
#ifndef TESTS_RAW_PEER_H
#define TESTS_RAW_PEER_H

#include <mesh/mesh.h>

#include <pal/pal.h>

typedef struct rig_t {
    pal_loop_t *loop;
    mesh_node_t *node;
    mesh_id_t peer_id;
    pal_channel_t *peer; /* the test's end */
    mesh_port_t *port;   /* of the node; its peer is at the test's end */
    mesh_id_t port_id, far_id;
    int heard, lost;
} rig_t;

void rig_start(rig_t *rig);

/* Deliver all there is. */
void rig_settle(rig_t *rig);

/* Close the test's end and assert that the node takes note. */
void rig_end(rig_t *rig);

/* Send one packet to the node and have it delivered. */
void rig_send(rig_t *rig, const void *data, apr_size_t len,
              const pal_handle_t *handles, int n);

/* Receive one packet from the node; handles in it are closed. Returns its
 * length. */
apr_size_t rig_recv(rig_t *rig, unsigned char *buf, apr_size_t cap,
                    int *ret_n_handles);

#endif
