#include "config.h"

#include "raw_peer.h"

#include "harness.h"

#include "link.h"

#include <string.h>

static void peer_event(void *baton, mesh__peer_event_t event)
{
    rig_t *rig = baton;

    if (event == MESH__PEER_HEARD)
        rig->heard++;
    else
        rig->lost++;
}

void rig_start(rig_t *rig)
{
    mesh__addr_t far_addr;
    pal_handle_t ends[2];

    memset(rig, 0, sizeof(*rig));
    memset(&rig->peer_id, 0x77, sizeof(rig->peer_id));
    memset(&rig->far_id, 0x55, sizeof(rig->far_id));
    memset(&rig->port_id, 0x11, sizeof(rig->port_id));
    TEST_OK(pal_loop_create(&rig->loop, test_pool()));
    TEST_OK(mesh_node_create(&rig->node, rig->loop, NULL, test_pool()));
    TEST_OK(pal_channel_pair(ends));
    TEST_OK(pal_channel_open(&rig->peer, &ends[1]));
    TEST_OK(
        mesh__link_start(rig->node, &rig->peer_id, &ends[0], peer_event, rig));
    far_addr.node = rig->peer_id;
    far_addr.port = rig->far_id;
    mesh__node_lock(rig->node);
    TEST_OK(mesh__core_adopt(mesh__node_core(rig->node), &rig->port_id,
                             &far_addr, &rig->port));
    mesh__node_unlock(rig->node);
}

void rig_settle(rig_t *rig)
{
    while (pal_loop_step(rig->loop, 0) == APR_SUCCESS)
        ;
}

void rig_end(rig_t *rig)
{
    pal_channel_close(&rig->peer);
    rig_settle(rig);
    CU_ASSERT_EQUAL(rig->lost, 1);
    if (rig->port)
        CU_ASSERT_EQUAL(mesh_port_status(rig->port), MESH_E_FAILED);
    mesh_port_close(&rig->port);
    mesh_node_destroy(&rig->node);
    pal_loop_destroy(rig->loop);
}

void rig_send(rig_t *rig, const void *data, apr_size_t len,
              const pal_handle_t *handles, int n)
{
    pal_bytes_t part;

    part.data = data;
    part.len = len;
    TEST_OK(pal_channel_send(rig->peer, &part, 1, handles, n));
    rig_settle(rig);
}

apr_size_t rig_recv(rig_t *rig, unsigned char *buf, apr_size_t cap,
                    int *ret_n_handles)
{
    pal_handle_t handles[PAL_CHANNEL_MAX_HANDLES];
    apr_size_t len = 0;
    int i;

    rig_settle(rig);
    *ret_n_handles = 0;
    TEST_OK(
        pal_channel_recv(rig->peer, buf, cap, &len, handles, ret_n_handles));
    for (i = 0; i < *ret_n_handles; i++)
        pal_handle_close(&handles[i]);
    return len;
}
