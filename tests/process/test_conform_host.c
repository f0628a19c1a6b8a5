/* The conformance host and a parent that breaks the protocol: it says so and
 * ends with 70. */
#include "config.h"

#include "harness.h"

#include <mesh/mesh.h>

#include "conform.pb-c.h"

#include <pal/pal.h>

#define LIMIT apr_time_from_sec(20)

/* A host that waits for requests from a port, as raw bytes, and complains to
 * a pipe. */
static struct {
    mesh_hosts_t *hosts;
    mesh_host_t *host;
    mesh_port_t *requests;
    pal_handle_t complaints;
} parent;

static mesh_host_config_t *configure(pal_handle_t complaints)
{
    mesh_host_config_t *config;
    pal_command_t *command;

    TEST_OK(mesh_host_config_create(&config, "tested", test_pool()));
    command = mesh_host_config_command(config);
    TEST_OK(pal_command_program_set(command, "tests/conform/conform-host"));
    TEST_OK(pal_command_handle_add(command, complaints, 2));
    return config;
}

static void begin(void)
{
    Conform__ConformInit init = CONFORM__CONFORM_INIT__INIT;
    Mesh__Port fields[2] = {MESH__PORT__INIT, MESH__PORT__INIT};
    mesh_host_config_t *config;
    mesh_port_t *receiver, *started, *reply;
    mesh_message_t *message;
    mesh_node_t *node;
    pal_handle_t ends[2];

    TEST_OK(mesh_open(&parent.hosts));
    node = mesh_hosts_node(parent.hosts);
    TEST_OK(mesh_port_pair(node, &parent.requests, &receiver));
    TEST_OK(mesh_port_pair(node, &started, &reply));
    fields[0].slot = mesh_port_slot(&receiver);
    fields[1].slot = mesh_port_slot(&started);
    init.name = (char *)"tested";
    init.requests = &fields[0];
    init.started = &fields[1];
    TEST_OK(pal_handle_pipe(ends));
    config = configure(ends[1]);
    TEST_OK(mesh_host_launch(&parent.host, parent.hosts, config, &init.base));
    pal_handle_close(&ends[1]);
    parent.complaints = ends[0];
    TEST_OK(mesh_oneshot_recv(&reply, LIMIT, &message));
    mesh_message_destroy(&message);
}

static void expect_70(void)
{
    char byte;
    apr_size_t len;

    TEST_OK(mesh_host_wait(parent.host, LIMIT));
    CU_ASSERT_EQUAL(mesh_host_exit_code(parent.host), 70);
    TEST_OK(pal_file_read(parent.complaints, &byte, 1, &len));
    CU_ASSERT_EQUAL(len, 1);
}

static void end(void)
{
    mesh_port_close(&parent.requests);
    mesh_host_close(&parent.host);
    pal_handle_close(&parent.complaints);
    TEST_OK(mesh_close(&parent.hosts, LIMIT));
}

static void refused(const char *bytes, apr_size_t len)
{
    begin();
    TEST_OK(mesh_port_send_bytes(parent.requests, bytes, len));
    expect_70();
    end();
}

static void no_payload(void)
{
    refused("", 0);
    refused("\xff", 1);
    refused("\x0a\x05hell", 6); /* shorter than it says */
    refused("\x17", 1);         /* a port that is not there */
}

static void no_request(void)
{
    refused("\x0a\x00", 2);                 /* none of the oneof */
    refused("\x0a\x03\xa2\x06\x00", 5);     /* an unknown one */
    refused("\x0a\x02\x0a\x00", 4);         /* Echo without a call */
    refused("\x0a\x04\x0a\x02\x0a\x00", 6); /* a call without a reply port */
    refused("\x0a\x04\x92\x01\x05\x08", 6); /* Exit cut short */
}

/* More than a u8 has. */
static void out_of_range(void)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__Scalars scalars = CONFORM__SCALARS__INIT;
    Conform__ScalarsCall call = CONFORM__SCALARS_CALL__INIT;
    Conform__AllScalars input = CONFORM__ALL_SCALARS__INIT;
    Conform__Choice choice = CONFORM__CHOICE__INIT;
    Conform__Empty nothing = CONFORM__EMPTY__INIT;
    Mesh__Port field = MESH__PORT__INIT;
    mesh_port_t *tx, *rx;
    mesh_message_t *message;
    mesh_sender_t *sender;

    begin();
    TEST_OK(mesh_port_pair(mesh_hosts_node(parent.hosts), &tx, &rx));
    TEST_OK(mesh_sender_from_port(&parent.requests, &sender));
    choice.choice_case = CONFORM__CHOICE__CHOICE_NOTHING;
    choice.nothing = &nothing;
    input.f_choice = &choice;
    input.f_u8 = UINT8_MAX + 1;
    field.slot = mesh_port_slot(&tx);
    call.input = &input;
    call.reply = &field;
    scalars.call = &call;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_SCALARS;
    request.scalars = &scalars;
    TEST_OK(mesh_send(sender, &request.base));
    expect_70();
    CU_ASSERT_EQUAL(mesh_oneshot_recv(&rx, LIMIT, &message), MESH_E_CLOSED);
    mesh_sender_close(&sender);
    end();
}

static const test_case_t cases[] = {{"no_payload", no_payload},
                                    {"no_request", no_request},
                                    {"out_of_range", out_of_range},
                                    {NULL, NULL}};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "conform_host", cases);
}
