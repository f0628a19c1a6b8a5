/* Senders and receivers, oneshots and calls, in one node and across two. */
#include "config.h"

#include "harness.h"
#include "two_nodes.h"

#include "channels.pb-c.h"

#include <string.h>

#define DEADLINE apr_time_from_sec(10)

static void send_number(mesh_sender_t *sender, apr_uint64_t number)
{
    Channels__Number box = CHANNELS__NUMBER__INIT;

    box.value_case = CHANNELS__NUMBER__VALUE_NUMBER;
    box.number = number;
    TEST_OK(mesh_send_boxed(sender, &box.base));
}

static apr_uint64_t receive_number(mesh_receiver_t *receiver)
{
    mesh_message_t *message = NULL;
    ProtobufCMessage *tree;
    apr_uint64_t ret;

    TEST_OK(mesh_recv(receiver, DEADLINE, &message));
    TEST_OK(mesh_message_unpack_boxed(message, &channels__number__descriptor,
                                      &tree));
    ret = ((Channels__Number *)tree)->number;
    mesh_message_destroy(&message);
    return ret;
}

/* Hand a port to the other node of the pair. */
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

static void move_sender(two_nodes_t *n, mesh_sender_t **sender)
{
    mesh_port_t *port;

    TEST_OK(mesh_sender_to_port(sender, &port));
    CU_ASSERT_PTR_NULL(*sender);
    hand_over(n->ours, n->theirs, &port);
    TEST_OK(mesh_sender_from_port(&port, sender));
}

static void move_receiver(two_nodes_t *n, mesh_receiver_t **receiver)
{
    mesh_port_t *port;

    TEST_OK(mesh_receiver_to_port(receiver, &port));
    CU_ASSERT_PTR_NULL(*receiver);
    hand_over(n->ours, n->theirs, &port);
    TEST_OK(mesh_receiver_from_port(&port, receiver));
}

static void numbers_local(void)
{
    mesh_message_t *message = NULL;
    mesh_receiver_t *rx;
    mesh_sender_t *tx;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_channel_create(n.leader, &tx, &rx));
    CU_ASSERT(APR_STATUS_IS_TIMEUP(mesh_recv(rx, 0, &message)));
    send_number(tx, 0);
    send_number(tx, ~(apr_uint64_t)0);
    CU_ASSERT_EQUAL(receive_number(rx), 0);
    CU_ASSERT_EQUAL(receive_number(rx), ~(apr_uint64_t)0);
    CU_ASSERT_EQUAL(mesh_sender_status(tx), APR_SUCCESS);
    mesh_sender_close(&tx);
    CU_ASSERT_EQUAL(mesh_recv(rx, DEADLINE, &message), MESH_E_CLOSED);
    CU_ASSERT_EQUAL(mesh_recv(rx, DEADLINE, &message), MESH_E_CLOSED);
    mesh_receiver_close(&rx);
    two_nodes_end(&n);
}

static void receiver_closed(void)
{
    mesh_receiver_t *rx;
    mesh_sender_t *tx;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_channel_create(n.leader, &tx, &rx));
    move_sender(&n, &tx);
    mesh_receiver_close(&rx);
    two_nodes_settle(&n);
    CU_ASSERT_EQUAL(mesh_sender_status(tx), MESH_E_CLOSED);
    send_number(tx, 1); /* dropped */
    mesh_sender_close(&tx);
    two_nodes_end(&n);
}

/* Three senders in two nodes; the receiver moves while messages wait. */
static void clones(void)
{
    mesh_message_t *message = NULL;
    mesh_sender_t *tx[3];
    mesh_receiver_t *rx;
    apr_uint64_t sum = 0, seen[3] = {0, 0, 0};
    two_nodes_t n;
    int i, k;

    two_nodes_start(&n);
    TEST_OK(mesh_channel_create(n.leader, &tx[0], &rx));
    TEST_OK(mesh_sender_clone(tx[0], &tx[1]));
    TEST_OK(mesh_sender_clone(tx[1], &tx[2]));
    move_sender(&n, &tx[1]);
    for (i = 0; i < 50; i++) {
        for (k = 0; k < 3; k++)
            send_number(tx[k], (apr_uint64_t)k * 1000 + (apr_uint64_t)i);
        if (i == 20)
            sum = receive_number(rx); /* now it knows of several ports */
        if (i == 25)
            move_receiver(&n, &rx);
    }
    CU_ASSERT(sum % 1000 == 0);
    seen[sum / 1000] = 1;
    for (i = 1; i < 150; i++) {
        apr_uint64_t value = receive_number(rx);

        CU_ASSERT_EQUAL_FATAL(value % 1000, seen[value / 1000]);
        seen[value / 1000]++;
    }
    for (k = 0; k < 3; k++) {
        CU_ASSERT_EQUAL(seen[k], 50);
        CU_ASSERT(APR_STATUS_IS_TIMEUP(mesh_recv(rx, 0, &message)));
        mesh_sender_close(&tx[k]);
    }
    CU_ASSERT_EQUAL(mesh_recv(rx, DEADLINE, &message), MESH_E_CLOSED);
    mesh_receiver_close(&rx);
    two_nodes_end(&n);
}

static void typed_with_resources(void)
{
    Channels__Greeting greeting = CHANNELS__GREETING__INIT, *got;
    Mesh__Port port_slot = MESH__PORT__INIT;
    Mesh__Handle handle_slot = MESH__HANDLE__INIT;
    mesh_port_t *reply_tx = NULL, *reply_rx = NULL;
    mesh_message_t *message = NULL;
    ProtobufCMessage *tree;
    mesh_receiver_t *rx;
    mesh_sender_t *tx;
    pal_handle_t ends[2], handle;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_channel_create(n.leader, &tx, &rx));
    move_receiver(&n, &rx);
    TEST_OK(mesh_port_pair(n.leader, &reply_tx, &reply_rx));
    TEST_OK(pal_handle_pipe(ends));
    greeting.text = "hello";
    port_slot.slot = mesh_port_slot(&reply_tx);
    greeting.has_reply_case = CHANNELS__GREETING__HAS_REPLY_REPLY;
    greeting.reply = &port_slot;
    handle_slot.slot = mesh_handle_slot(&ends[1]);
    greeting.has_handle_case = CHANNELS__GREETING__HAS_HANDLE_HANDLE;
    greeting.handle = &handle_slot;

    greeting.text = "bad \xff"; /* refused: everything is still ours */
    CU_ASSERT_EQUAL(mesh_send(tx, &greeting.base), MESH_E_VALUE);
    CU_ASSERT_PTR_NOT_NULL(reply_tx);
    CU_ASSERT_NOT_EQUAL(ends[1], PAL_HANDLE_NONE);
    greeting.text = "hello";
    TEST_OK(mesh_send(tx, &greeting.base));
    CU_ASSERT_PTR_NULL(reply_tx);
    CU_ASSERT_EQUAL(ends[1], PAL_HANDLE_NONE);

    TEST_OK(mesh_recv(rx, DEADLINE, &message));
    TEST_OK(
        mesh_message_unpack(message, &channels__greeting__descriptor, &tree));
    got = (Channels__Greeting *)tree;
    CU_ASSERT_STRING_EQUAL(got->text, "hello");
    handle = mesh_handle_take(got->handle->slot);
    TEST_OK(pal_file_write(handle, "x", 1));
    pal_handle_close(&handle);
    CU_ASSERT_EQUAL(mesh_handle_take(got->handle->slot), PAL_HANDLE_NONE);
    mesh_message_destroy(&message); /* with the reply port: closed */
    CU_ASSERT_EQUAL(mesh_oneshot_recv(&reply_rx, DEADLINE, &message),
                    MESH_E_CLOSED);
    CU_ASSERT_PTR_NULL(reply_rx);
    pal_handle_close(&ends[0]);
    mesh_sender_close(&tx);
    mesh_receiver_close(&rx);
    two_nodes_end(&n);
}

/* What is no channel payload fails its port, not the receiver's owner. */
static void garbage_payload(void)
{
    mesh_message_t *message = NULL;
    mesh_port_t *port;
    mesh_receiver_t *rx;
    mesh_sender_t *tx, *good;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_channel_create(n.leader, &tx, &rx));
    TEST_OK(mesh_sender_clone(tx, &good));
    TEST_OK(mesh_sender_to_port(&tx, &port));
    CU_ASSERT(APR_STATUS_IS_TIMEUP(mesh_recv(rx, 0, &message)));
    TEST_OK(mesh_port_send_bytes(port, "\x0a\x7f", 2));
    CU_ASSERT(APR_STATUS_IS_TIMEUP(mesh_recv(rx, 0, &message)));
    CU_ASSERT_EQUAL(mesh_port_status(port), MESH_E_FAILED);
    send_number(good, 5);
    CU_ASSERT_EQUAL(receive_number(rx), 5);
    mesh_port_close(&port);
    mesh_sender_close(&good);
    mesh_receiver_close(&rx);
    two_nodes_end(&n);
}

typedef struct counted_t {
    int calls;
    int messages;
    apr_status_t end;
} counted_t;

static void count_received(void *baton, mesh_receiver_t *receiver)
{
    counted_t *counted = baton;
    mesh_message_t *message = NULL;

    counted->calls++;
    while ((counted->end = mesh_recv(receiver, 0, &message)) == APR_SUCCESS) {
        counted->messages++;
        mesh_message_destroy(&message);
    }
}

static void receiver_callbacks(void)
{
    counted_t counted = {0, 0, APR_SUCCESS};
    mesh_sender_t *tx, *more;
    mesh_receiver_t *rx;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_channel_create(n.leader, &tx, &rx));
    move_sender(&n, &tx);
    send_number(tx, 1);
    TEST_OK(mesh_receiver_ready_set(rx, count_received, &counted));
    two_nodes_settle(&n);
    CU_ASSERT_EQUAL(counted.messages, 1);
    TEST_OK(mesh_sender_clone(tx, &more)); /* its port is watched as well */
    send_number(more, 2);
    two_nodes_settle(&n);
    CU_ASSERT_EQUAL(counted.messages, 2);
    mesh_sender_close(&tx);
    two_nodes_settle(&n);
    CU_ASSERT(APR_STATUS_IS_TIMEUP(counted.end));
    mesh_sender_close(&more);
    two_nodes_settle(&n);
    CU_ASSERT_EQUAL(counted.end, MESH_E_CLOSED);
    mesh_receiver_close(&rx);
    two_nodes_end(&n);
}

/* ---- oneshots and calls ---- */

static void oneshots(void)
{
    Channels__PlainNumber box = CHANNELS__PLAIN_NUMBER__INIT;
    mesh_port_t *tx, *rx;
    mesh_message_t *message = NULL;
    ProtobufCMessage *tree;
    apr_size_t len;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_port_pair(n.leader, &tx, &rx));
    CU_ASSERT(APR_STATUS_IS_TIMEUP(mesh_oneshot_recv(&rx, 0, &message)));
    CU_ASSERT_PTR_NOT_NULL(rx);
    TEST_OK(mesh_oneshot_send_boxed(&tx, &box.base));
    CU_ASSERT_PTR_NULL(tx);
    TEST_OK(mesh_oneshot_recv(&rx, DEADLINE, &message));
    (void)mesh_message_data(message, &len);
    CU_ASSERT_EQUAL(len, 0); /* a zero is left out */
    TEST_OK(mesh_message_unpack_boxed(
        message, &channels__plain_number__descriptor, &tree));
    CU_ASSERT_EQUAL(((Channels__PlainNumber *)tree)->number, 0);
    mesh_message_destroy(&message);

    TEST_OK(mesh_port_pair(n.leader, &tx, &rx)); /* two messages: not one */
    TEST_OK(mesh_port_send_bytes(tx, "", 0));
    TEST_OK(mesh_port_send_bytes(tx, "", 0));
    CU_ASSERT_EQUAL(mesh_oneshot_recv(&rx, DEADLINE, &message),
                    MESH_E_PROTOCOL);
    mesh_port_close(&tx);
    two_nodes_end(&n);
}

typedef struct reply_t {
    int calls;
    apr_status_t status;
    mesh_message_t *message;
} reply_t;

static void note_reply(void *baton, apr_status_t status,
                       mesh_message_t *message)
{
    reply_t *reply = baton;

    reply->calls++;
    reply->status = status;
    reply->message = message;
}

static void oneshot_callbacks(void)
{
    reply_t reply = {0, APR_SUCCESS, NULL};
    mesh_port_t *tx, *rx;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_port_pair(n.leader, &tx, &rx));
    hand_over(n.ours, n.theirs, &tx);
    TEST_OK(mesh_oneshot_ready_set(rx, note_reply, &reply));
    mesh_port_close(&tx);
    two_nodes_settle(&n);
    CU_ASSERT_EQUAL(reply.calls, 1);
    CU_ASSERT_EQUAL(reply.status, MESH_E_CLOSED);
    CU_ASSERT_PTR_NULL(reply.message);

    TEST_OK(mesh_port_pair(n.leader, &tx, &rx)); /* closed before: no call */
    TEST_OK(mesh_oneshot_ready_set(rx, note_reply, &reply));
    mesh_port_close(&rx);
    mesh_port_close(&tx);
    two_nodes_settle(&n);
    CU_ASSERT_EQUAL(reply.calls, 1);

    TEST_OK(mesh_port_pair(n.leader, &tx, &rx));
    hand_over(n.ours, n.theirs, &tx);
    TEST_OK(mesh_oneshot_ready_set(rx, note_reply, &reply));
    mesh_port_close(&n.ours);
    mesh_port_close(&n.theirs);
    mesh_node_destroy(&n.follower);
    while (pal_loop_step(n.loop, 0) == APR_SUCCESS)
        ;
    CU_ASSERT_EQUAL(reply.calls, 2);
    CU_ASSERT_EQUAL(reply.status, MESH_E_FAILED);
    mesh_node_destroy(&n.leader);
    pal_loop_destroy(n.loop);
}

static void answers(void)
{
    static const char *const texts[] = {"outer", "inner"};
    Channels__Greeting greeting = CHANNELS__GREETING__INIT;
    const char *const *got_texts;
    mesh_port_t *tx, *rx;
    mesh_message_t *message = NULL;
    ProtobufCMessage *tree;
    int n_texts;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_port_pair(n.leader, &tx, &rx));
    hand_over(n.ours, n.theirs, &tx);
    greeting.text = "fine";
    TEST_OK(mesh_reply(&tx, &greeting.base));
    TEST_OK(mesh_oneshot_recv(&rx, DEADLINE, &message));
    TEST_OK(mesh_answer(message, &channels__greeting__descriptor, &tree,
                        &got_texts, &n_texts));
    CU_ASSERT_STRING_EQUAL(((Channels__Greeting *)tree)->text, "fine");
    mesh_message_destroy(&message);

    TEST_OK(mesh_port_pair(n.leader, &tx, &rx));
    CU_ASSERT_EQUAL(mesh_reply_error(&tx, texts, 0), MESH_E_LIMIT);
    CU_ASSERT_EQUAL(mesh_reply_error(&tx, texts, 65), MESH_E_LIMIT);
    TEST_OK(mesh_reply_error(&tx, texts, 2));
    TEST_OK(mesh_oneshot_recv(&rx, DEADLINE, &message));
    CU_ASSERT_EQUAL(mesh_answer(message, &channels__greeting__descriptor,
                                &tree, &got_texts, &n_texts),
                    MESH_E_REMOTE);
    CU_ASSERT_EQUAL_FATAL(n_texts, 2);
    CU_ASSERT_STRING_EQUAL(got_texts[0], "outer");
    CU_ASSERT_STRING_EQUAL(got_texts[1], "inner");
    mesh_message_destroy(&message);
    two_nodes_end(&n);
}

/* A struct by a plain port, with a port in it. */
static void without_channel(void)
{
    Channels__Greeting greeting = CHANNELS__GREETING__INIT;
    Mesh__Port reply = MESH__PORT__INIT;
    mesh_message_t *message = NULL;
    mesh_port_t *near_end, *far_end;
    ProtobufCMessage *tree;
    two_nodes_t n;

    two_nodes_start(&n);
    TEST_OK(mesh_port_pair(n.leader, &near_end, &far_end));
    greeting.text = "\xff";
    CU_ASSERT_EQUAL(mesh_message_pack(&message, &greeting.base), MESH_E_VALUE);
    CU_ASSERT_PTR_NULL(message);
    greeting.text = "hello";
    greeting.has_reply_case = CHANNELS__GREETING__HAS_REPLY_REPLY;
    greeting.reply = &reply;
    reply.slot = mesh_port_slot(&far_end);
    TEST_OK(mesh_message_pack(&message, &greeting.base));
    CU_ASSERT_PTR_NULL(far_end);
    TEST_OK(mesh_port_send(n.ours, &message));
    TEST_OK(mesh_port_recv(n.theirs, DEADLINE, &message));
    TEST_OK(
        mesh_message_unpack(message, &channels__greeting__descriptor, &tree));
    CU_ASSERT_STRING_EQUAL(((Channels__Greeting *)tree)->text, "hello");
    far_end = mesh_port_take(((Channels__Greeting *)tree)->reply->slot);
    mesh_message_destroy(&message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(far_end);
    assert_passes(far_end, near_end, "reply", 5);
    mesh_port_close(&far_end);
    mesh_port_close(&near_end);
    two_nodes_end(&n);
}

static const test_case_t cases[] = {
    {"without_channel", without_channel},
    {"numbers_local", numbers_local},
    {"receiver_closed", receiver_closed},
    {"clones", clones},
    {"typed_with_resources", typed_with_resources},
    {"garbage_payload", garbage_payload},
    {"receiver_callbacks", receiver_callbacks},
    {"oneshots", oneshots},
    {"oneshot_callbacks", oneshot_callbacks},
    {"answers", answers},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "channels", cases);
}
