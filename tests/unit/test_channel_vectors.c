/* What the channel calls put on the wire, against the golden events of
 * channels, oneshots and calls (tests/vectors/channel.json). */
#include "config.h"

#include "harness.h"
#include "hex.h"
#include "json.h"
#include "raw_peer.h"

#include "event.h"
#include "packet.h"

#include "channels.pb-c.h"

#include <string.h>

#define CAP 4096

static const json_t *find(const char *name)
{
    json_t *file =
        json_load_file(test_data("tests/vectors/channel.json"), test_pool());
    json_t *vectors = json_get(file, "vectors");
    int i;

    for (i = 0; i < json_count(vectors); i++)
        if (strcmp(json_string(json_get(json_at(vectors, i), "name")), name)
            == 0)
            return json_get(json_at(vectors, i), "event");
    CU_FAIL_FATAL("no such vector");
    return NULL;
}

/* The node has sent the event of the vector, but for ids and numbers. */
static void expect(rig_t *rig, const char *name)
{
    const json_t *event = find(name);
    unsigned char packet[CAP], payload[CAP];
    mesh__event_head_t head;
    apr_size_t len;
    int n;

    len = rig_recv(rig, packet, sizeof(packet), &n);
    CU_ASSERT_FATAL(len >= MESH__PACKET_HEAD_LEN);
    TEST_OK(mesh__event_head_get(packet + MESH__PACKET_HEAD_LEN,
                                 len - MESH__PACKET_HEAD_LEN, &head));
    CU_ASSERT(mesh__id_equal(&head.port, &rig->far_id));
    CU_ASSERT_EQUAL(head.type,
                    (int)json_number(json_get(event, "event_type")));
    CU_ASSERT_EQUAL(head.flags, (int)json_number(json_get(event, "flags")));
    CU_ASSERT_EQUAL(head.n_res, (apr_uint32_t)json_number(
                                    json_get(event, "resource_count")));
    len = hex_decode(json_string(json_get(event, "message_hex")), payload,
                     sizeof(payload));
    CU_ASSERT_EQUAL_FATAL(head.len, len);
    CU_ASSERT(memcmp(packet + MESH__PACKET_HEAD_LEN + MESH__EVENT_HEAD_LEN
                         + head.n_res * MESH__RES_DATA_LEN,
                     payload, len)
              == 0);
}

static void channel(void)
{
    Channels__Number box = CHANNELS__NUMBER__INIT;
    mesh_sender_t *sender, *clone;
    rig_t rig;

    rig_start(&rig);
    TEST_OK(mesh_sender_from_port(&rig.port, &sender));
    box.value_case = CHANNELS__NUMBER__VALUE_NUMBER;
    box.number = 150;
    TEST_OK(mesh_send_boxed(sender, &box.base));
    expect(&rig, "mpsc_message");
    box.number = 0;
    TEST_OK(mesh_send_boxed(sender, &box.base));
    expect(&rig, "mpsc_message_zero");
    TEST_OK(mesh_sender_clone(sender, &clone));
    expect(&rig, "mpsc_cloned_sender");
    mesh_sender_close(&sender);
    expect(&rig, "mpsc_close");
    mesh_sender_close(&clone);
    rig_end(&rig);
}

static void oneshot_value(apr_uint64_t number, const char *name)
{
    Channels__PlainNumber box = CHANNELS__PLAIN_NUMBER__INIT;
    rig_t rig;

    rig_start(&rig);
    box.number = number;
    TEST_OK(mesh_oneshot_send_boxed(&rig.port, &box.base));
    expect(&rig, name);
    rig_end(&rig);
}

static void oneshots(void)
{
    rig_t rig;

    oneshot_value(150, "oneshot_send");
    oneshot_value(0, "oneshot_send_zero");
    rig_start(&rig);
    mesh_port_close(&rig.port);
    expect(&rig, "oneshot_dropped");
    rig_end(&rig);
}

static void receiver_dropped(void)
{
    mesh_receiver_t *receiver;
    rig_t rig;

    rig_start(&rig);
    TEST_OK(mesh_receiver_from_port(&rig.port, &receiver));
    mesh_receiver_close(&receiver);
    expect(&rig, "receiver_dropped");
    rig_end(&rig);
}

/* The request of the vector: variant 1 is a call with two numbers. */
static void call(void)
{
    Channels__Request request = CHANNELS__REQUEST__INIT;
    Channels__Add add = CHANNELS__ADD__INIT;
    Channels__AddCall body = CHANNELS__ADD_CALL__INIT;
    Channels__Numbers numbers = CHANNELS__NUMBERS__INIT;
    Mesh__Port slot = MESH__PORT__INIT;
    mesh_port_t *reply_tx, *reply_rx;
    mesh_sender_t *sender;
    rig_t rig;

    rig_start(&rig);
    TEST_OK(mesh_port_pair(rig.node, &reply_tx, &reply_rx));
    TEST_OK(mesh_sender_from_port(&rig.port, &sender));
    numbers.a = 3;
    numbers.b = 4;
    slot.slot = mesh_port_slot(&reply_tx);
    body.input = &numbers;
    body.reply = &slot;
    add.call = &body;
    request.request_case = CHANNELS__REQUEST__REQUEST_ADD;
    request.add = &add;
    TEST_OK(mesh_send(sender, &request.base));
    CU_ASSERT_PTR_NULL(reply_tx);
    expect(&rig, "rpc_request");
    request.request_case = CHANNELS__REQUEST__REQUEST_PING;
    request.ping = NULL;
    TEST_OK(mesh_send(sender, &request.base));
    expect(&rig, "enum_unit");
    mesh_port_close(&reply_rx);
    mesh_sender_close(&sender);
    rig_end(&rig);
}

static void error_answer(void)
{
    static const char *const texts[] = {"boom"};
    rig_t rig;

    rig_start(&rig);
    TEST_OK(mesh_reply_error(&rig.port, texts, 1));
    expect(&rig, "failable_rpc_response_err");
    rig_end(&rig);
}

static const test_case_t cases[] = {
    {"channel", channel},
    {"oneshots", oneshots},
    {"receiver_dropped", receiver_dropped},
    {"call", call},
    {"error_answer", error_answer},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "channel vectors", cases);
}
