/* Packets from a hostile process, through a real link into a node: a file is
 * a sequence of packets, each a 16-bit length (little-endian) and its bytes.
 * The bits above the length (14 bits) add a handle: a pipe, or a sealed region
 * with the bytes in it behind a bare packet head. */
#include "config.h"

#include "event.h"
#include "link.h"
#include "packet.h"

#include <pal/pal.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct rig_t {
    pal_loop_t *loop;
    mesh_node_t *node;
    pal_channel_t *peer;
    mesh_port_t *port;
    apr_pool_t *pool;
} rig_t;

static void must(apr_status_t rv)
{
    if (rv != APR_SUCCESS)
        abort();
}

static void start(rig_t *rig)
{
    pal_handle_t ends[2];
    mesh__addr_t far_addr;
    mesh_id_t id;

    must(pal_initialize());
    must(apr_pool_create(&rig->pool, NULL));
    must(pal_loop_create(&rig->loop, rig->pool));
    must(mesh_node_create(&rig->node, rig->loop, NULL, rig->pool));
    must(pal_channel_pair(ends));
    must(pal_channel_open(&rig->peer, &ends[1]));
    memset(&far_addr.node, 0x77, sizeof(far_addr.node));
    memset(&far_addr.port, 0x55, sizeof(far_addr.port));
    memset(&id, 0x11, sizeof(id));
    must(mesh__link_start(rig->node, &far_addr.node, &ends[0], NULL, NULL));
    mesh__node_lock(rig->node);
    must(mesh__core_adopt(mesh__node_core(rig->node), &id, &far_addr,
                          &rig->port));
    mesh__node_unlock(rig->node);
}

static void end(rig_t *rig)
{
    pal_channel_close(&rig->peer);
    while (pal_loop_step(rig->loop, 0) == APR_SUCCESS)
        ;
    mesh_port_close(&rig->port);
    mesh_node_destroy(&rig->node);
    pal_loop_destroy(rig->loop);
    apr_pool_destroy(rig->pool);
    pal_terminate();
}

static pal_handle_t region_of(const uint8_t *data, size_t len)
{
    pal_handle_t region;
    apr_status_t rv;

    must(pal_region_create("fuzz", 4096, &region));
    must(pal_region_write_at(region, 0, data, len < 4096 ? len : 4096));
    rv = pal_region_seal(region);
    if (rv != APR_ENOTIMPL) /* there are no seals everywhere */
        must(rv);
    return region;
}

static void send_one(rig_t *rig, const uint8_t *data, size_t len, int kind)
{
    unsigned char head[MESH__PACKET_HEAD_LEN];
    pal_handle_t handle = PAL_HANDLE_NONE, other = PAL_HANDLE_NONE, ends[2];
    pal_bytes_t part;

    part.data = data;
    part.len = len;
    if (kind == 1) {
        must(pal_handle_pipe(ends));
        handle = ends[0];
        other = ends[1];
    }
    else if (kind >= 2) {
        handle = region_of(data, len);
        mesh__packet_head_put(head, MESH__PACKET_LARGE_EVENT);
        part.data = head;
        part.len = sizeof(head);
    }
    if (part.len > 0)
        (void)pal_channel_send(rig->peer, &part, 1, &handle,
                               handle != PAL_HANDLE_NONE);
    pal_handle_close(&handle);
    pal_handle_close(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mesh_message_t *message;
    rig_t rig;
    size_t len;
    int kind;

    start(&rig);
    while (size >= 2) {
        len = (size_t)(data[0] | (data[1] & 0x3f) << 8);
        kind = data[1] >> 6;
        data += 2;
        size -= 2;
        if (len > size)
            len = size;
        send_one(&rig, data, len, kind);
        data += len;
        size -= len;
        while (pal_loop_step(rig.loop, 0) == APR_SUCCESS)
            ;
        while (mesh_port_recv(rig.port, 0, &message) == APR_SUCCESS)
            mesh_message_destroy(&message);
    }
    end(&rig);
    return 0;
}
