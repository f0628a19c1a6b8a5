/* A link of a process that has no descriptor left: each message says so or
 * waits, and the link goes on. */
#include "config.h"

#include "harness.h"
#include "raw_peer.h"

#include "event.h"
#include "packet.h"

#include <string.h>

#include <sys/resource.h>

#define LARGE 100000

/* From now on no descriptor from `n` up can be made. */
static void limit_descriptors(rlim_t n)
{
    struct rlimit limit;

    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = n;
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* What needs a region says that there is none; what needs none is sent. */
static void refused(void)
{
    unsigned char buf[64];
    mesh_message_t *message = NULL;
    rig_t rig;
    int n;

    rig_start(&rig);
    TEST_OK(mesh_message_create(&message, NULL, LARGE));
    limit_descriptors(3);
    CU_ASSERT(APR_STATUS_IS_EMFILE(mesh_port_send(rig.port, &message)));
    CU_ASSERT_PTR_NOT_NULL(message);
    TEST_OK(mesh_port_send_bytes(rig.port, "x", 1));
    limit_descriptors(1024);
    (void)rig_recv(&rig, buf, sizeof(buf), &n);
    CU_ASSERT_EQUAL(buf[0], MESH__PACKET_EVENT);
    TEST_OK(mesh_port_send(rig.port, &message));
    (void)rig_recv(&rig, buf, sizeof(buf), &n);
    CU_ASSERT_EQUAL(buf[0], MESH__PACKET_LARGE_EVENT);
    CU_ASSERT_EQUAL(n, 1);
    rig_end(&rig);
}

/* One that is queued waits until there is a descriptor again. */
static void waits(void)
{
    unsigned char *buf = apr_pcalloc(test_pool(), MESH__PACKET_MAX);
    mesh_message_t *message = NULL;
    rig_t rig;
    int i, n;

    rig_start(&rig);
    for (i = 0; i < 1000; i++)
        TEST_OK(mesh_port_send_bytes(rig.port, buf, 1000));
    TEST_OK(mesh_message_create(&message, NULL, LARGE));
    TEST_OK(mesh_port_send(rig.port, &message));
    limit_descriptors(3);
    for (i = 0; i < 1000; i++)
        (void)rig_recv(&rig, buf, MESH__PACKET_MAX, &n);
    for (i = 0; i < 5; i++)
        (void)pal_loop_step(rig.loop, apr_time_from_msec(20));
    CU_ASSERT_EQUAL(rig.lost, 0);
    TEST_OK(mesh_port_status(rig.port));
    limit_descriptors(1024);
    TEST_OK(pal_loop_step(rig.loop, apr_time_from_sec(5))); /* the retry */
    (void)rig_recv(&rig, buf, MESH__PACKET_MAX, &n);
    CU_ASSERT_EQUAL(buf[0], MESH__PACKET_LARGE_EVENT);
    CU_ASSERT_EQUAL(n, 1);
    rig_end(&rig);
}

/* A message whose handle cannot be received fails its port, not the link. */
static void not_received(void)
{
    unsigned char
        buf[MESH__PACKET_HEAD_LEN + MESH__EVENT_HEAD_LEN + MESH__RES_DATA_LEN];
    mesh__event_head_t head;
    mesh_message_t *message = NULL;
    pal_handle_t ends[2];
    rig_t rig;

    rig_start(&rig);
    TEST_OK(pal_handle_pipe(ends));
    memset(buf, 0, sizeof(buf));
    memset(&head, 0, sizeof(head));
    head.port = rig.port_id;
    head.type = MESH__EV_MESSAGE;
    head.flags = MESH__EV_FLAG_MESSAGE;
    head.seq = 1;
    head.n_res = 1;
    mesh__packet_head_put(buf, MESH__PACKET_EVENT);
    mesh__event_head_put(buf + MESH__PACKET_HEAD_LEN, &head);
    limit_descriptors(3);
    rig_send(&rig, buf, sizeof(buf), ends, 1);
    limit_descriptors(1024);
    CU_ASSERT_EQUAL(mesh_port_recv(rig.port, 0, &message), MESH_E_FAILED);
    CU_ASSERT_EQUAL(rig.lost, 0);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    rig_end(&rig);
}

static const test_case_t cases[] = {{"refused", refused},
                                    {"waits", waits},
                                    {"not_received", not_received},
                                    {NULL, NULL}};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "link_emfile", cases);
}
