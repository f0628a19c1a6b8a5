/* How a host starts and ends, seen from outside: exit code and stderr, with
 * good and bad invitations, and when its parent is killed. */
#include "config.h"

#include "host_modes.h"

#include "harness.h"

#include "invitation.h"

#include <pal/pal.h>

#include <apr_strings.h>

#include <signal.h>
#include <string.h>

#define LIMIT apr_time_from_sec(20)

static const char *valid_invitation(void)
{
    mesh__invitation_t invitation;
    const char *text;

    memset(&invitation, 0, sizeof(invitation));
    invitation.name = "tested";
    memset(&invitation.local, 1, sizeof(invitation.local));
    memset(&invitation.remote, 2, sizeof(invitation.remote));
    invitation.handle = MESH__INVITATION_HANDLE;
    TEST_OK(mesh__invitation_encode(&invitation, &text, test_pool()));
    return text;
}

/* All that comes until the other end is closed, as text. */
static const char *read_all(pal_handle_t handle)
{
    char *buf = apr_pcalloc(test_pool(), 4096);
    apr_size_t total = 0;
    apr_size_t len;

    do {
        TEST_OK(pal_file_read(handle, buf + total, 4095 - total, &len));
        total += len;
    } while (len > 0 && total < 4095);
    return buf;
}

/* Run this program with an invitation, and what is given as descriptor 3. It
 * says one line and ends with 70. */
static void expect_refusal(const char *invitation, pal_handle_t three)
{
    pal_command_t *command;
    pal_process_t *process;
    pal_handle_t ends[2];
    const char *text;

    TEST_OK(pal_handle_pipe(ends));
    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_self_set(command));
    TEST_OK(pal_command_arg_add(command, "return"));
    TEST_OK(
        pal_command_env_set(command, "MESH_WORKER_INVITATION", invitation));
    TEST_OK(pal_command_handle_add(command, ends[1], 2));
    if (three != PAL_HANDLE_NONE) {
        TEST_OK(pal_command_handle_add(command, three, 3));
    }
    TEST_OK(pal_process_start(&process, command));
    pal_handle_close(&ends[1]);
    text = read_all(ends[0]);
    TEST_OK(pal_process_wait(process, LIMIT));
    CU_ASSERT_EQUAL(pal_process_exit_code(process), 70);
    CU_ASSERT_EQUAL(strncmp(text, "test: ", 6), 0);
    CU_ASSERT_PTR_EQUAL(strchr(text, '\n'), text + strlen(text) - 1);
    pal_process_close(&process);
    pal_handle_close(&ends[0]);
}

static void garbage(void)
{
    const char *valid = valid_invitation();
    apr_size_t len = strlen(valid);
    pal_handle_t ends[2];
    apr_size_t i;

    TEST_OK(pal_initialize());
    TEST_OK(pal_channel_pair(ends));
    expect_refusal("", ends[1]);
    expect_refusal("garbage", ends[1]);
    expect_refusal("!?\n\x01\xff", ends[1]);
    expect_refusal("AAAA", ends[1]);
    for (i = 1; i < len; i += 1 + len / 7) {
        expect_refusal(apr_pstrndup(test_pool(), valid, i), ends[1]);
    }
    expect_refusal(apr_pstrcat(test_pool(), valid, "x", NULL), ends[1]);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    pal_terminate();
}

static void wrong_handle(void)
{
    const char *valid = valid_invitation();
    pal_handle_t ends[2];
    pal_handle_t file;

    TEST_OK(pal_initialize());
    expect_refusal(valid, PAL_HANDLE_NONE);
    TEST_OK(pal_handle_pipe(ends));
    expect_refusal(valid, ends[0]);
    expect_refusal(valid, ends[1]);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    TEST_OK(pal_region_create("tested", 10, &file));
    expect_refusal(valid, file);
    pal_handle_close(&file);
    pal_terminate();
}

/* The other end is gone before the host begins. */
static void nobody_there(void)
{
    pal_handle_t ends[2];

    TEST_OK(pal_initialize());
    TEST_OK(pal_channel_pair(ends));
    pal_handle_close(&ends[0]);
    expect_refusal(valid_invitation(), ends[1]);
    pal_handle_close(&ends[1]);
    pal_terminate();
}

/* The first packet is none; a good one is never sent. */
static void bad_packet(void)
{
    static const char *const packets[] = {
        "?",           /* too short for a header */
        "\x63.......", /* of unknown type */
        "\x03.......", /* a large event without its region */
    };
    pal_channel_t *channel;
    pal_bytes_t part;
    pal_handle_t ends[2];
    size_t i;

    TEST_OK(pal_initialize());
    for (i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
        TEST_OK(pal_channel_pair(ends));
        TEST_OK(pal_channel_open(&channel, &ends[0]));
        part.data = packets[i];
        part.len = strlen(packets[i]);
        TEST_OK(pal_channel_send(channel, &part, 1, NULL, 0));
        TEST_OK(pal_channel_shutdown(channel));
        expect_refusal(valid_invitation(), ends[1]);
        pal_handle_close(&ends[1]);
        pal_channel_close(&channel);
    }
    pal_terminate();
}

/* Launch a host through the library; what it says on stderr, and its code. */
static void expect_end(const char *mode, int code, const char *expected)
{
    mesh_host_config_t *config;
    pal_command_t *command;
    mesh_hosts_t *hosts;
    mesh_host_t *host;
    mesh_port_t *port;
    pal_handle_t ends[2];
    const char *text;

    TEST_OK(mesh_open(&hosts));
    TEST_OK(pal_handle_pipe(ends));
    TEST_OK(mesh_host_config_create(&config, "tested", test_pool()));
    command = mesh_host_config_command(config);
    TEST_OK(pal_command_arg_add(command, mode));
    TEST_OK(pal_command_handle_add(command, ends[1], 2));
    TEST_OK(mesh_host_launch_port(&host, hosts, config, &port));
    pal_handle_close(&ends[1]);
    TEST_OK(mesh_host_wait(host, LIMIT));
    text = read_all(ends[0]);
    CU_ASSERT_EQUAL(mesh_host_exit_code(host), code);
    CU_ASSERT_EQUAL(strncmp(text, expected, strlen(expected)), 0);
    CU_ASSERT_EQUAL(expected[0] == '\0', text[0] == '\0');
    mesh_host_close(&host);
    mesh_port_close(&port);
    pal_handle_close(&ends[0]);
    TEST_OK(mesh_close(&hosts, LIMIT));
}

static void exit_codes(void)
{
    expect_end("return", 0, "");
    expect_end("fail", 1, "test: tested: ");
    expect_end("break", 70, "test: ");
}

/* A copy of the one channel that this process has. */
static pal_channel_t *find_channel(void)
{
    pal_channel_t *channel = NULL;
    pal_handle_kind_t kind;
    pal_handle_t handle;
    int i;

    for (i = 3; i < 100 && !channel; i++) {
        if (pal_handle_adopt(i, &handle) == APR_SUCCESS
            && pal_handle_kind(handle, &kind) == APR_SUCCESS
            && kind == PAL_HANDLE_CHANNEL) {
            TEST_OK(pal_handle_dup(handle, &handle));
            TEST_OK(pal_channel_open(&channel, &handle));
        }
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
    return channel;
}

/* The launching process sends what is no packet, to a host that has joined. */
static void expect_broken(const char *packet, apr_size_t len)
{
    mesh_host_config_t *config;
    mesh_message_t *message;
    mesh_hosts_t *hosts;
    mesh_host_t *host;
    mesh_port_t *port;
    pal_channel_t *channel;
    pal_handle_t ends[2];
    pal_bytes_t part;
    const char *text;

    TEST_OK(mesh_open(&hosts));
    TEST_OK(pal_handle_pipe(ends));
    TEST_OK(mesh_host_config_create(&config, "tested", test_pool()));
    TEST_OK(pal_command_arg_add(mesh_host_config_command(config), "echo"));
    TEST_OK(
        pal_command_handle_add(mesh_host_config_command(config), ends[1], 2));
    TEST_OK(mesh_host_launch_port(&host, hosts, config, &port));
    pal_handle_close(&ends[1]);
    TEST_OK(mesh_port_send_bytes(port, "x", 1));
    TEST_OK(mesh_port_recv(port, LIMIT, &message));
    mesh_message_destroy(&message);
    channel = find_channel();
    part.data = packet;
    part.len = len;
    TEST_OK(pal_channel_send(channel, &part, 1, NULL, 0));
    pal_channel_close(&channel);
    TEST_OK(mesh_host_wait(host, LIMIT));
    text = read_all(ends[0]);
    CU_ASSERT_EQUAL(mesh_host_exit_code(host), 70);
    CU_ASSERT_EQUAL(strncmp(text, "test: protocol: ", 16), 0);
    mesh_host_close(&host);
    mesh_port_close(&port);
    pal_handle_close(&ends[0]);
    TEST_OK(mesh_close(&hosts, LIMIT));
}

static void broken_later(void)
{
    expect_broken("?", 1);
    expect_broken("\x63.......", 8);
    expect_broken("\x03.......", 8);
    expect_broken(apr_pcalloc(test_pool(), 20000), 20000);
}

/* This program as a parent: it launches a host of this mode, gives it the pipe
 * at ALIVE_HANDLE, and waits to be killed. */
static int be_parent(const char *mode)
{
    mesh_host_config_t *config;
    pal_command_t *command;
    mesh_hosts_t *hosts;
    mesh_host_t *host;
    mesh_port_t *port;
    apr_pool_t *pool;

    if (mesh_open(&hosts) != APR_SUCCESS
        || apr_pool_create(&pool, NULL) != APR_SUCCESS
        || mesh_host_config_create(&config, "orphan", pool) != APR_SUCCESS) {
        return 1;
    }
    command = mesh_host_config_command(config);
    if (pal_command_arg_add(command, mode) != APR_SUCCESS
        || pal_command_handle_add(command, ALIVE_HANDLE, ALIVE_HANDLE)
               != APR_SUCCESS
        || mesh_host_launch_port(&host, hosts, config, &port) != APR_SUCCESS) {
        return 1;
    }
    (void)mesh_host_wait(host, -1);
    return 1;
}

static void kill_parent_of(const char *mode)
{
    pal_command_t *command;
    pal_process_t *parent;
    pal_handle_t ends[2];
    apr_size_t len;
    char byte;

    TEST_OK(pal_initialize());
    TEST_OK(pal_handle_pipe(ends));
    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_self_set(command));
    TEST_OK(pal_command_arg_add(command, "parent"));
    TEST_OK(pal_command_arg_add(command, mode));
    TEST_OK(pal_command_handle_add(command, ends[1], ALIVE_HANDLE));
    TEST_OK(pal_process_start(&parent, command));
    pal_handle_close(&ends[1]);
    TEST_OK(pal_file_read(ends[0], &byte, 1, &len));
    CU_ASSERT_EQUAL(len, 1); /* the host runs */
    TEST_OK(pal_process_kill(parent));
    TEST_OK(pal_process_wait(parent, LIMIT));
    TEST_OK(pal_file_read(ends[0], &byte, 1, &len));
    CU_ASSERT_EQUAL(len, 0); /* nobody has the pipe any more */
    pal_process_close(&parent);
    pal_handle_close(&ends[0]);
    pal_terminate();
}

/* Whatever a host does when its parent is killed it dies too; one that waits
 * in a call of mesh ends also where the system cannot see to it. */
static void parent_killed(void)
{
    kill_parent_of("waiting");
    if (test_is_native())
        kill_parent_of("alive");
}

static const test_case_t cases[] = {{"garbage", garbage},
                                    {"wrong_handle", wrong_handle},
                                    {"nobody_there", nobody_there},
                                    {"bad_packet", bad_packet},
                                    {"exit_codes", exit_codes},
                                    {"broken_later", broken_later},
                                    {"parent_killed", parent_killed},
                                    {NULL, NULL}};

int main(int argc, char **argv)
{
    mesh_run_host_if_launched("test", host_modes_run, argv);
    if (argc == 3 && strcmp(argv[1], "parent") == 0) {
        return be_parent(argv[2]);
    }
    return test_main(argc, argv, "host_start", cases);
}
