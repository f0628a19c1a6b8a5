/* A link whose other end is not one of ours: garbage, broken promises,
 * descriptors where there should be none. The node must survive each, close
 * what it got, and say what it did. */
#include "config.h"

#include "harness.h"
#include "raw_peer.h"

#include "event.h"
#include "packet.h"

#include <stdlib.h>
#include <string.h>

/* An event packet; returns its length. */
static apr_size_t event_packet(rig_t *rig, unsigned char *buf, int type,
                               int flags, apr_uint64_t seq, apr_uint32_t n_res,
                               apr_uint32_t len)
{
    mesh__event_head_t head;

    memset(&head, 0, sizeof(head));
    head.port = rig->port_id;
    head.type = type;
    head.flags = flags;
    head.seq = seq;
    head.n_res = n_res;
    head.len = len;
    mesh__packet_head_put(buf, MESH__PACKET_EVENT);
    mesh__event_head_put(buf + MESH__PACKET_HEAD_LEN, &head);
    return MESH__PACKET_HEAD_LEN + MESH__EVENT_HEAD_LEN;
}

static void assert_works(rig_t *rig, apr_uint64_t seq)
{
    unsigned char buf[64];
    mesh_message_t *message = NULL;
    apr_size_t len = event_packet(rig, buf, MESH__EV_MESSAGE,
                                  MESH__EV_FLAG_MESSAGE, seq, 0, 2);

    memcpy(buf + len, "ok", 2);
    rig_send(rig, buf, len + 2, NULL, 0);
    TEST_OK(mesh_port_recv(rig->port, 0, &message));
    CU_ASSERT(memcmp(mesh_message_data(message, &len), "ok", 2) == 0);
    mesh_message_destroy(&message);
}

static void good_packets(void)
{
    rig_t rig;

    rig_start(&rig);
    assert_works(&rig, 1);
    CU_ASSERT_EQUAL(rig.heard, 1);
    assert_works(&rig, 2);
    CU_ASSERT_EQUAL(rig.heard, 1);
    rig_end(&rig);
}

/* What is tolerated: dropped, and the link goes on. */
static void tolerated(void)
{
    unsigned char buf[512];
    rig_t rig;
    apr_size_t len;

    rig_start(&rig);
    memset(buf, 0, sizeof(buf));
    len = event_packet(&rig, buf, MESH__EV_MESSAGE, 1, 1, 0, 100);
    rig_send(&rig, buf, len, NULL, 0); /* shorter than it says */
    rig_send(&rig, buf, 20, NULL, 0);  /* not even a head */
    len = event_packet(&rig, buf, 2, 1, 1, 0, 0);
    rig_send(&rig, buf, len, NULL, 0); /* unknown type */
    len = event_packet(&rig, buf, 99, 1, 1, 0, 0);
    rig_send(&rig, buf, len, NULL, 0);
    len = event_packet(&rig, buf, MESH__EV_MESSAGE, 1, 1, 0xffffffff, 0);
    rig_send(&rig, buf, len, NULL, 0); /* too many resources */
    rig.port_id.bytes[3] ^= 1;
    len = event_packet(&rig, buf, MESH__EV_MESSAGE, 1, 1, 0, 0);
    rig_send(&rig, buf, len, NULL, 0); /* unknown port */
    rig.port_id.bytes[3] ^= 1;
    mesh__packet_head_put(buf, MESH__PACKET_RELEASE_HANDLES);
    rig_send(&rig, buf, 16, NULL, 0);
    CU_ASSERT_EQUAL(rig.lost, 0);
    assert_works(&rig, 1);
    rig_end(&rig);
}

/* Descriptors that nobody asked for are closed: the case fails if not. */
static void stray_handles(void)
{
    unsigned char buf[256];
    pal_handle_t ends[2], many[PAL_CHANNEL_MAX_HANDLES];
    apr_size_t len;
    rig_t rig;
    int i;

    rig_start(&rig);
    TEST_OK(pal_handle_pipe(ends));
    for (i = 0; i < PAL_CHANNEL_MAX_HANDLES; i++)
        many[i] = ends[0];
    len = event_packet(&rig, buf, MESH__EV_MESSAGE, 1, 1, 0, 0);
    rig_send(&rig, buf, len, many, PAL_CHANNEL_MAX_HANDLES);
    rig.port_id.bytes[3] ^= 1;
    len = event_packet(&rig, buf, MESH__EV_MESSAGE, 1, 1, 0, 0);
    rig_send(&rig, buf, len, many, 3); /* for an unknown port */
    rig.port_id.bytes[3] ^= 1;
    mesh__packet_head_put(buf, MESH__PACKET_RELEASE_HANDLES);
    rig_send(&rig, buf, 16, many, 2);
    CU_ASSERT_EQUAL(rig.lost, 0);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    rig_end(&rig);
}

/* What ends the link, at once and without harm. */
static void ends_link(const void *data, apr_size_t len,
                      const pal_handle_t *handles, int n)
{
    rig_t rig;

    rig_start(&rig);
    rig_send(&rig, data, len, handles, n);
    CU_ASSERT_EQUAL(rig.lost, 1);
    rig_end(&rig);
}

/* Where there are seals. */
static void seal(pal_handle_t region)
{
    apr_status_t rv = pal_region_seal(region);

    CU_ASSERT(rv == APR_SUCCESS || APR_STATUS_IS_ENOTIMPL(rv));
}

static void fatal_packets(void)
{
    unsigned char *buf = apr_pcalloc(test_pool(), 20000);
    unsigned char event[MESH__EVENT_HEAD_LEN];
    pal_handle_t ends[2], region;
    mesh__event_head_t head;
    apr_off_t size;

    mesh__packet_head_put(buf, 4);
    ends_link(buf, 8, NULL, 0); /* unknown type */
    mesh__packet_head_put(buf, 0);
    ends_link(buf, 8, NULL, 0);
    mesh__packet_head_put(buf, MESH__PACKET_EVENT);
    ends_link(buf, 7, NULL, 0);     /* truncated */
    ends_link(buf, 16385, NULL, 0); /* longer than allowed */
    mesh__packet_head_put(buf, MESH__PACKET_LARGE_EVENT);
    ends_link(buf, 8, NULL, 0); /* no region */
    TEST_OK(pal_handle_pipe(ends));
    ends_link(buf, 8, ends, 2); /* a pipe for a region */
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    TEST_OK(pal_region_create("x", 65536, &region));
    if (pal_region_check(region, &size) == PAL_E_SEALS)
        ends_link(buf, 8, &region, 1); /* not sealed, where there are seals */
    pal_handle_close(&region);
    TEST_OK(pal_region_create("x", 39, &region));
    TEST_OK(pal_file_size(region, &size));
    seal(region);
    if (size == 39)
        ends_link(buf, 8, &region, 1); /* no room for a head */
    pal_handle_close(&region);
    memset(&head, 0, sizeof(head));
    head.type = MESH__EV_MESSAGE;
    head.len = 65536;
    mesh__event_head_put(event, &head);
    TEST_OK(pal_region_create("x", 65536, &region));
    TEST_OK(pal_region_write_at(region, 0, event, sizeof(event)));
    seal(region);
    ends_link(buf, 8, &region, 1); /* announces more than there is */
    pal_handle_close(&region);
}

/* A region that announces a gigabyte does not get one. */
static void sparse_region(void)
{
    unsigned char packet[8], buf[64];
    mesh_message_t *message = NULL;
    pal_handle_t region;
    rig_t rig;

    rig_start(&rig);
    (void)event_packet(&rig, buf, MESH__EV_MESSAGE, 1, 1, 0, 0x3f000000);
    TEST_OK(pal_region_create("x", (apr_off_t)1 << 30, &region));
    TEST_OK(pal_region_write_at(region, 0, buf + MESH__PACKET_HEAD_LEN,
                                MESH__EVENT_HEAD_LEN));
    seal(region);
    mesh__packet_head_put(packet, MESH__PACKET_LARGE_EVENT);
    rig_send(&rig, packet, 8, &region, 1);
    pal_handle_close(&region);
    CU_ASSERT_EQUAL(rig.lost, 0);
    CU_ASSERT_EQUAL(mesh_port_recv(rig.port, 0, &message), MESH_E_FAILED);
    rig_end(&rig);
}

/* The same number twice fails the port, and the other end is told. */
static void protocol_error_fails_port(void)
{
    unsigned char buf[128];
    mesh_message_t *message = NULL;
    mesh__event_head_t head;
    apr_size_t len;
    rig_t rig;
    int n;

    rig_start(&rig);
    assert_works(&rig, 1);
    len = event_packet(&rig, buf, MESH__EV_MESSAGE, 1, 1, 0, 0);
    rig_send(&rig, buf, len, NULL, 0);
    CU_ASSERT_EQUAL(mesh_port_recv(rig.port, 0, &message), MESH_E_FAILED);
    len = rig_recv(&rig, buf, sizeof(buf), &n);
    TEST_OK(mesh__event_head_get(buf + 8, len - 8, &head));
    CU_ASSERT_EQUAL(head.type, MESH__EV_FAIL_PORT);
    CU_ASSERT(mesh__id_equal(&head.port, &rig.far_id));
    CU_ASSERT_EQUAL(rig.lost, 0);
    rig_end(&rig);
}

/* Ports whose other ends are said to be on nodes that nobody knows, with ids
 * as alike as can be, fail: none of them waits for ever. */
static void ports_of_unknown_nodes(void)
{
    enum { N_PORTS = 150 };
    unsigned char buf[8 + MESH__EVENT_HEAD_LEN + N_PORTS * MESH__RES_DATA_LEN];
    mesh_message_t *message = NULL;
    mesh__res_data_t res;
    mesh_port_t *port;
    apr_size_t len;
    rig_t rig;
    int i;

    rig_start(&rig);
    len = event_packet(&rig, buf, MESH__EV_MESSAGE, 1, 1, N_PORTS, 0);
    for (i = 0; i < N_PORTS; i++) {
        memset(&res, 0x22, sizeof(res));
        res.id.bytes[0] = (unsigned char)i;
        res.old.node = rig.peer_id;
        res.peer.node.bytes[0] = (unsigned char)i;
        mesh__res_data_put(buf + len, &res);
        len += MESH__RES_DATA_LEN;
    }
    rig_send(&rig, buf, len, NULL, 0);
    TEST_OK(mesh_port_recv(rig.port, 0, &message));
    CU_ASSERT_EQUAL(mesh_message_n_resources(message), N_PORTS);
    for (i = 0; i < N_PORTS; i++) {
        TEST_OK(mesh_message_port_take(message, i, &port));
        CU_ASSERT_EQUAL(mesh_port_status(port), MESH_E_FAILED);
        mesh_port_close(&port);
    }
    mesh_message_destroy(&message);
    rig_end(&rig);
}

static void count_call(void *baton, mesh_port_t *port)
{
    (void)port;
    ++*(int *)baton;
}

/* A peer that does not read does not get all descriptors of this process; and
 * messages without any still go into the queue. */
static void queued_handles(void)
{
    unsigned char buf[256];
    pal_handle_t ends[2], handle;
    mesh_message_t *message = NULL;
    rig_t rig;
    apr_status_t rv = APR_SUCCESS;
    int called = 0;
    int i, n, n_sent;

    rig_start(&rig);
    TEST_OK(pal_handle_pipe(ends));
    for (n_sent = 0; n_sent < 900 && rv == APR_SUCCESS; n_sent++) {
        TEST_OK(pal_handle_dup(ends[0], &handle));
        TEST_OK(mesh_message_create(&message, "x", 1));
        TEST_OK(mesh_message_handle_put(message, &handle));
        rv = mesh_port_send(rig.port, &message);
    }
    n_sent--;
    CU_ASSERT_EQUAL(rv, MESH_E_BUSY);
    TEST_OK(mesh_port_send_bytes(rig.port, "y", 1));
    TEST_OK(mesh_port_writable_set(rig.port, count_call, &called));
    for (i = 0; i <= n_sent; i++) {
        (void)rig_recv(&rig, buf, sizeof(buf), &n);
        CU_ASSERT_EQUAL(n, i < n_sent);
    }
    rig_settle(&rig);
    CU_ASSERT_EQUAL(called, 1);
    TEST_OK(mesh_port_send(rig.port, &message));
    CU_ASSERT_PTR_NULL(message);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    rig_end(&rig);
}

static const test_case_t cases[] = {
    {"good_packets", good_packets},
    {"tolerated", tolerated},
    {"stray_handles", stray_handles},
    {"fatal_packets", fatal_packets},
    {"sparse_region", sparse_region},
    {"protocol_error_fails_port", protocol_error_fails_port},
    {"ports_of_unknown_nodes", ports_of_unknown_nodes},
    {"queued_handles", queued_handles},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "link", cases);
}
