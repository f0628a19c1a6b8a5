/* Hosts as the launching process sees them. This program is its own host:
 * host_modes.h. */
#include "config.h"

#include "host_modes.h"

#include "harness.h"
#include "machine.h"
#include "scratch_file.h"

#include <mesh/mesh.h>

#include "box.pb-c.h"
#include "conform.pb-c.h"

#include <pal/pal.h>

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define LIMIT apr_time_from_sec(20)
#define MAX_HOSTS 20

static const outcome_t in_order = {0, 0};
static const outcome_t failed = {1, 0};

/* What the log said of the end of a host; -1 for a field that was not there.
 */
typedef struct exit_event_t {
    pal_log_level_t level;
    apr_int64_t pid;
    char name[64];
    apr_int64_t code;
    apr_int64_t signal;
} exit_event_t;

/* The mesh of the running case, and what was reported of its hosts. */
static struct {
    pal_loop_t *loop;
    mesh_node_t *node;
    mesh_hosts_t *hosts;
    int n_joined;
    apr_status_t joined;
    int n_exited;
    int count_at_exit;
    apr_status_t wait_inside;
    int n_events;
    exit_event_t events[MAX_HOSTS];
} mesh;

static void on_log(void *baton, const pal_log_event_t *event)
{
    exit_event_t *noted;
    int i;

    (void)baton;
    if (strcmp(event->area, "mesh.host") != 0
        || strcmp(event->message, "host exited") != 0
        || mesh.n_events == MAX_HOSTS) {
        return;
    }
    noted = &mesh.events[mesh.n_events++];
    noted->level = event->level;
    noted->pid = noted->code = noted->signal = -1;
    for (i = 0; i < event->n_fields; i++) {
        const pal_log_field_t *field = &event->fields[i];

        if (strcmp(field->key, "pid") == 0) {
            noted->pid = field->number;
        }
        else if (strcmp(field->key, "name") == 0) {
            apr_cpystrn(noted->name, field->text, sizeof(noted->name));
        }
        else if (strcmp(field->key, "code") == 0) {
            noted->code = field->number;
        }
        else if (strcmp(field->key, "signal") == 0) {
            noted->signal = field->number;
        }
    }
}

static void on_joined(void *baton, mesh_host_t *host, apr_status_t status)
{
    CU_ASSERT_PTR_EQUAL(baton, &mesh);
    CU_ASSERT_PTR_NOT_NULL(host);
    mesh.n_joined++;
    mesh.joined = status;
}

static void on_exited(void *baton, mesh_host_t *host, apr_status_t status)
{
    CU_ASSERT_PTR_EQUAL(baton, &mesh);
    CU_ASSERT_EQUAL(status, APR_SUCCESS);
    CU_ASSERT_TRUE(mesh_host_has_ended(host));
    mesh.n_exited++;
    mesh.count_at_exit = mesh_hosts_count(mesh.hosts);
    mesh.wait_inside = mesh_hosts_shutdown(mesh.hosts, LIMIT);
}

static void begin(void)
{
    pal_log_t *log;

    memset(&mesh, 0, sizeof(mesh));
    TEST_OK(pal_initialize());
    TEST_OK(pal_log_create(&log, PAL_LOG_INFO, on_log, NULL, test_pool()));
    TEST_OK(pal_loop_create(&mesh.loop, test_pool()));
    TEST_OK(mesh_node_create(&mesh.node, mesh.loop, log, test_pool()));
    TEST_OK(mesh_hosts_create(&mesh.hosts, mesh.node, test_pool()));
    CU_ASSERT_PTR_EQUAL(mesh_hosts_node(mesh.hosts), mesh.node);
}

static void end(void)
{
    TEST_OK(mesh_hosts_shutdown(mesh.hosts, LIMIT));
    TEST_OK(mesh_node_shutdown(mesh.node, LIMIT));
    mesh_hosts_destroy(&mesh.hosts);
    mesh_node_destroy(&mesh.node);
    pal_loop_destroy(mesh.loop);
    pal_terminate();
}

static mesh_host_config_t *configure(const char *mode)
{
    mesh_host_config_t *config;
    pal_command_t *command;

    TEST_OK(mesh_host_config_create(&config, "tested", test_pool()));
    command = mesh_host_config_command(config);
    TEST_OK(pal_command_arg_add(command, mode));
    TEST_OK(pal_command_limit_set(command, PAL_LIMIT_CORE, 0));
    mesh_host_config_joined_set(config, on_joined, &mesh);
    mesh_host_config_exited_set(config, on_exited, &mesh);
    return config;
}

/* As a host, a program that knows nothing of mesh: at `path`, or this one
 * (NULL) in a mode of be_foreign. */
static mesh_host_config_t *configure_program(const char *path, const char *arg)
{
    mesh_host_config_t *config;
    pal_command_t *command;

    TEST_OK(mesh_host_config_create(&config, "foreign", test_pool()));
    command = mesh_host_config_command(config);
    if (path != NULL) {
        TEST_OK(pal_command_program_set(command, path));
    }
    if (arg != NULL) {
        TEST_OK(pal_command_arg_add(command, arg));
    }
    mesh_host_config_name_arg_set(config, 0);
    mesh_host_config_joined_set(config, on_joined, &mesh);
    mesh_host_config_exited_set(config, on_exited, &mesh);
    return config;
}

static mesh_host_t *launch(const char *mode, mesh_port_t **ret_port)
{
    mesh_host_t *host = NULL;

    TEST_OK(
        mesh_host_launch_port(&host, mesh.hosts, configure(mode), ret_port));
    CU_ASSERT_PTR_NOT_NULL_FATAL(host);
    return host;
}

/* The next message on the port is this text. */
static void expect_text(mesh_port_t *port, const char *expected)
{
    mesh_message_t *message;
    const void *data;
    apr_size_t len;

    TEST_OK(mesh_port_recv(port, LIMIT, &message));
    data = mesh_message_data(message, &len);
    CU_ASSERT_EQUAL(len, strlen(expected));
    CU_ASSERT_EQUAL(memcmp(data, expected, strlen(expected)), 0);
    mesh_message_destroy(&message);
}

static void expect_end(mesh_port_t *port, apr_status_t expected)
{
    mesh_message_t *message = NULL;

    CU_ASSERT_EQUAL(mesh_port_recv(port, LIMIT, &message), expected);
    mesh_message_destroy(&message);
}

static const exit_event_t *event_of(apr_int64_t pid)
{
    int found = -1;
    int i;

    for (i = 0; i < mesh.n_events; i++) {
        if (mesh.events[i].pid == pid) {
            CU_ASSERT_EQUAL(found, -1); /* there is one a host */
            found = i;
        }
    }
    CU_ASSERT_FATAL(found >= 0);
    return &mesh.events[found];
}

/* Wait for the end of the host and check all that is said of it. */
static void expect_exit(mesh_host_t **host, outcome_t expected)
{
    const exit_event_t *event;

    TEST_OK(mesh_host_wait(*host, LIMIT));
    CU_ASSERT_TRUE(mesh_host_has_ended(*host));
    CU_ASSERT_EQUAL(mesh_host_exit_code(*host), expected.code);
    CU_ASSERT_EQUAL(mesh_host_exit_signal(*host), expected.signal);
    CU_ASSERT_EQUAL(mesh.n_events, mesh.n_exited);
    event = event_of(mesh_host_pid(*host));
    CU_ASSERT_STRING_EQUAL(event->name, mesh_host_name(*host));
    CU_ASSERT_EQUAL(event->code, expected.code);
    CU_ASSERT_EQUAL(event->signal,
                    expected.signal != 0 ? expected.signal : -1);
    CU_ASSERT_EQUAL(event->level,
                    expected.code == 0 ? PAL_LOG_INFO : PAL_LOG_ERROR);
    mesh_host_close(host);
    CU_ASSERT_PTR_NULL(*host);
}

static void talks_and_stops(void)
{
    mesh_port_t *port;
    mesh_host_t *host;

    begin();
    host = launch("echo", &port);
    CU_ASSERT_FALSE(mesh_host_has_ended(host));
    CU_ASSERT_EQUAL(mesh_host_exit_code(host), -1);
    CU_ASSERT_EQUAL(mesh_host_exit_signal(host), 0);
    CU_ASSERT_STRING_EQUAL(mesh_host_name(host), "tested");
    TEST_OK(mesh_port_send_bytes(port, "hello", 5));
    expect_text(port, "hello");
    TEST_OK(mesh_host_wait_joined(host, 0));
    CU_ASSERT_EQUAL(mesh.n_joined, 1);
    CU_ASSERT_EQUAL(mesh.joined, APR_SUCCESS);
    CU_ASSERT_EQUAL(mesh_host_wait(host, 0), APR_TIMEUP);

    mesh_host_stop(host);
    expect_exit(&host, in_order);
    CU_ASSERT_EQUAL(mesh.count_at_exit, 0);
    CU_ASSERT_EQUAL(mesh.wait_inside, MESH_E_REENTRANT);
    CU_ASSERT_EQUAL(mesh.n_joined, 1);
    expect_end(port, MESH_E_CLOSED);
    mesh_port_close(&port);
    end();
}

static void closes_port(void)
{
    mesh_port_t *port;
    mesh_host_t *host;

    begin();
    host = launch("echo", &port);
    mesh_port_close(&port);
    expect_exit(&host, in_order);
    end();
}

static void launches_with_defaults(void)
{
    mesh_port_t *port;

    begin();
    /* Its only argument is its name, which is no mode: it fails. */
    TEST_OK(mesh_host_launch_port(NULL, mesh.hosts, NULL, &port));
    expect_end(port, MESH_E_CLOSED);
    mesh_port_close(&port);
    while (mesh.n_events == 0) {
        TEST_OK(pal_loop_step(mesh.loop, LIMIT));
    }
    CU_ASSERT_STRING_EQUAL(mesh.events[0].name, "host");
    CU_ASSERT_EQUAL(mesh.events[0].code, 1);
    end();
}

static void lists_hosts(void)
{
    mesh_host_config_t *configs[2];
    mesh_host_t *hosts[2] = {NULL, NULL};
    mesh_port_t *ports[2];
    apr_array_header_t *infos;
    const mesh_host_info_t *info;
    int found = 0;
    int i, j;

    begin();
    for (i = 0; i < 2; i++) {
        TEST_OK(mesh_host_config_create(&configs[i], i == 0 ? "one" : "two",
                                        test_pool()));
        TEST_OK(
            pal_command_arg_add(mesh_host_config_command(configs[i]), "echo"));
        TEST_OK(mesh_host_launch_port(&hosts[i], mesh.hosts, configs[i],
                                      &ports[i]));
    }
    CU_ASSERT_EQUAL(mesh_hosts_count(mesh.hosts), 2);
    TEST_OK(mesh_hosts_list(mesh.hosts, &infos, test_pool()));
    CU_ASSERT_EQUAL_FATAL(infos->nelts, 2);
    for (i = 0; i < 2; i++) {
        info = &APR_ARRAY_IDX(infos, i, mesh_host_info_t);
        for (j = 0; j < 2; j++) {
            mesh_id_t id = mesh_host_node_id(hosts[j]);

            if (info->pid == mesh_host_pid(hosts[j])) {
                found++;
                CU_ASSERT_STRING_EQUAL(info->name, mesh_host_name(hosts[j]));
                CU_ASSERT_EQUAL(memcmp(&info->node, &id, sizeof(id)), 0);
            }
        }
    }
    CU_ASSERT_EQUAL(found, 2);
    mesh_host_stop(hosts[0]);
    TEST_OK(mesh_host_wait(hosts[0], LIMIT));
    CU_ASSERT_EQUAL(mesh_hosts_count(mesh.hosts), 1);
    TEST_OK(mesh_hosts_list(mesh.hosts, &infos, test_pool()));
    CU_ASSERT_EQUAL_FATAL(infos->nelts, 1);
    info = &APR_ARRAY_IDX(infos, 0, mesh_host_info_t);
    CU_ASSERT_STRING_EQUAL(info->name, "two");
    for (i = 0; i < 2; i++) {
        mesh_port_close(&ports[i]);
        mesh_host_close(&hosts[i]); /* the second one goes on */
    }
    end();
}

/* A path that is not there is the launch's own error. */
static void program_missing(void)
{
    mesh_host_config_t *config;
    mesh_host_t *host = NULL;
    mesh_port_t *port = NULL;

    begin();
    config = configure_program("/nonexistent/program", NULL);
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(
        mesh_host_launch_port(&host, mesh.hosts, config, &port)));
    CU_ASSERT_PTR_NULL(host);
    CU_ASSERT_PTR_NULL(port);
    CU_ASSERT_EQUAL(mesh_host_config_failed_step(config), PAL_STEP_EXEC);
    CU_ASSERT_EQUAL(mesh_hosts_count(mesh.hosts), 0);
    CU_ASSERT_EQUAL(mesh.n_joined, 0);
    CU_ASSERT_EQUAL(mesh.n_exited, 0);
    CU_ASSERT_EQUAL(mesh.n_events, 0);
    end();
}

static void program_ends_at_once(void)
{
    mesh_host_t *host;
    mesh_port_t *port;

    begin();
    TEST_OK(mesh_host_launch_port(
        &host, mesh.hosts, configure_program(NULL, "foreign-fail"), &port));
    CU_ASSERT_EQUAL(mesh_host_wait_joined(host, LIMIT), MESH_E_DIED);
    CU_ASSERT_EQUAL(mesh.n_joined, 1);
    CU_ASSERT_EQUAL(mesh.joined, MESH_E_DIED);
    expect_exit(&host, failed);
    expect_end(port, MESH_E_FAILED);
    mesh_port_close(&port);
    end();
}

/* It is killed when its time to join is over. */
static void program_never_joins(void)
{
    mesh_host_config_t *config;
    mesh_host_t *host;
    mesh_port_t *port;

    begin();
    config = configure_program(NULL, "foreign-stuck");
    mesh_host_config_join_timeout_set(config, apr_time_from_msec(50));
    TEST_OK(mesh_host_launch_port(&host, mesh.hosts, config, &port));
    CU_ASSERT_EQUAL(mesh_host_wait_joined(host, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(mesh.n_joined, 0);
    CU_ASSERT_EQUAL(mesh_host_wait_joined(host, LIMIT), APR_TIMEUP);
    CU_ASSERT_EQUAL(mesh.n_joined, 1);
    CU_ASSERT_EQUAL(mesh.joined, APR_TIMEUP);
    expect_exit(&host, outcome_killed);
    CU_ASSERT_EQUAL(mesh.n_joined, 1);
    mesh_port_close(&port);
    end();
}

static void returns_at_once(void)
{
    mesh_host_t *host;
    mesh_port_t *port;

    begin();
    host = launch("return", &port);
    expect_exit(&host, in_order);
    expect_end(port, MESH_E_CLOSED);
    mesh_port_close(&port);
    end();
}

static void is_killed(void)
{
    mesh_host_t *host;
    mesh_port_t *port;

    begin();
    host = launch("stuck", &port);
    expect_text(port, "stuck");
    TEST_OK(mesh_host_kill(host));
    expect_end(port, MESH_E_FAILED);
    expect_exit(&host, outcome_killed);
    mesh_port_close(&port);
    end();
}

static void crashes(void)
{
    mesh_host_t *host;
    mesh_port_t *port;

    begin();
    host = launch("echo", &port);
    TEST_OK(mesh_host_wait_joined(host, LIMIT));
    TEST_OK(mesh_host_crash(host));
    expect_exit(&host, outcome_abort);
    expect_end(port, MESH_E_FAILED);
    mesh_port_close(&port);
    end();
}

/* It does not hear the request, and is aborted from outside. */
static void stuck_crashes(void)
{
    mesh_host_t *host;
    mesh_port_t *port;

    begin();
    host = launch("stuck", &port);
    expect_text(port, "stuck");
    TEST_OK(mesh_host_crash(host));
    expect_exit(&host, outcome_aborted);
    mesh_port_close(&port);
    end();
}

static void shuts_down_stuck(void)
{
    mesh_host_t *host;
    mesh_host_t *good_host;
    mesh_port_t *port;
    mesh_port_t *good_port;
    mesh_port_t *none = NULL;

    begin();
    host = launch("stuck", &port);
    good_host = launch("echo", &good_port);
    expect_text(port, "stuck");
    TEST_OK(mesh_host_wait_joined(good_host, LIMIT));
    CU_ASSERT_EQUAL(mesh_hosts_shutdown(mesh.hosts, apr_time_from_sec(2)),
                    APR_TIMEUP);
    CU_ASSERT_EQUAL(mesh_hosts_count(mesh.hosts), 0);
    CU_ASSERT_EQUAL(mesh.n_exited, 2);
    CU_ASSERT_EQUAL(mesh_host_exit_code(good_host), 0);
    mesh_host_close(&good_host);
    expect_exit(&host, outcome_killed);
    CU_ASSERT_EQUAL(
        mesh_host_launch_port(&host, mesh.hosts, configure("echo"), &none),
        MESH_E_CLOSED);
    CU_ASSERT_PTR_NULL(host);
    CU_ASSERT_PTR_NULL(none);
    mesh_port_close(&port);
    mesh_port_close(&good_port);
    end();
}

/* Without a shutdown before it. */
static void destroy_kills(void)
{
    mesh_host_t *host;
    mesh_port_t *port;

    begin();
    host = launch("stuck", &port);
    expect_text(port, "stuck");
    mesh_hosts_destroy(&mesh.hosts);
    CU_ASSERT_PTR_NULL(mesh.hosts);
    CU_ASSERT_TRUE(mesh_host_has_ended(host));
    mesh_host_close(&host);
    mesh_port_close(&port);
    TEST_OK(mesh_node_shutdown(mesh.node, LIMIT));
    mesh_node_destroy(&mesh.node);
    pal_loop_destroy(mesh.loop);
    pal_terminate();
}

/* MESH_E_STOPPING, and a loop that ends; the host checks it. */
static void hears_of_stop(void)
{
    static const char *const modes[] = {"stopping", "loop"};
    mesh_host_t *host;
    mesh_port_t *port;
    int i;

    begin();
    for (i = 0; i < 2; i++) {
        host = launch(modes[i], &port);
        expect_text(port, modes[i]);
        mesh_host_stop(host);
        expect_exit(&host, in_order);
        if (i == 0) {
            expect_text(port, "end"); /* it could still send */
        }
        expect_end(port, MESH_E_CLOSED);
        mesh_port_close(&port);
    }
    end();
}

static void env_reaches_host(void)
{
    mesh_host_config_t *config;
    mesh_port_t *port;

    begin();
    config = configure("env");
    TEST_OK(pal_command_env_set(mesh_host_config_command(config),
                                "HOST_MODE_ENV", "a value"));
    TEST_OK(mesh_host_launch_port(NULL, mesh.hosts, config, &port));
    expect_text(port, "a value");
    mesh_port_close(&port);
    end();
}

/* The one it was given; without the right to connect it is no less a host. */
static void own_name(void)
{
    mesh_host_config_t *config;
    mesh_port_t *port;

    begin();
    config = configure("name");
    mesh_host_config_may_connect_set(config, 0);
    TEST_OK(mesh_host_launch_port(NULL, mesh.hosts, config, &port));
    expect_text(port, "tested");
    mesh_port_close(&port);
    end();
}

static pal_handle_t make_file(const char *text)
{
    pal_handle_t file;

    TEST_OK(scratch_file(text, strlen(text), &file, test_pool()));
    return file;
}

static void initial_message(void)
{
    Conform__FdsCall call = CONFORM__FDS_CALL__INIT;
    Mesh__Port reply = MESH__PORT__INIT;
    Mesh__Handle inputs[2] = {MESH__HANDLE__INIT, MESH__HANDLE__INIT};
    Mesh__Handle *pointers[2] = {&inputs[0], &inputs[1]};
    pal_handle_t files[2];
    mesh_port_t *tx, *rx;
    mesh_message_t *message;
    ProtobufCMessage *box;
    mesh_host_t *host = NULL;

    begin();
    files[0] = make_file("some");
    files[1] = make_file("thing");
    TEST_OK(mesh_port_pair(mesh.node, &tx, &rx));
    inputs[0].slot = mesh_handle_slot(&files[0]);
    inputs[1].slot = mesh_handle_slot(&files[1]);
    reply.slot = mesh_port_slot(&tx);
    call.n_input = 2;
    call.input = pointers;
    call.reply = &reply;

    /* What a failed launch was given is still the caller's. */
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(mesh_host_launch(
        &host, mesh.hosts, configure_program("/nonexistent/program", NULL),
        &call.base)));
    CU_ASSERT_PTR_NOT_NULL_FATAL(tx);
    CU_ASSERT_NOT_EQUAL_FATAL(files[0], PAL_HANDLE_NONE);
    CU_ASSERT_NOT_EQUAL_FATAL(files[1], PAL_HANDLE_NONE);

    TEST_OK(
        mesh_host_launch(&host, mesh.hosts, configure("count"), &call.base));
    CU_ASSERT_PTR_NULL(tx);
    CU_ASSERT_EQUAL(files[0], PAL_HANDLE_NONE);
    CU_ASSERT_EQUAL(files[1], PAL_HANDLE_NONE);
    TEST_OK(mesh_oneshot_recv(&rx, LIMIT, &message));
    TEST_OK(mesh_message_unpack_boxed(message,
                                      &conform__number_box__descriptor, &box));
    CU_ASSERT_EQUAL(((Conform__NumberBox *)box)->value, 9);
    mesh_message_destroy(&message);
    expect_exit(&host, in_order);
    end();
}

/* Two hosts talk to each other; the launching process is not in between. */
static void hosts_talk(void)
{
    mesh_host_t *echo;
    mesh_host_t *ping;
    mesh_port_t *echo_port;
    mesh_port_t *ping_port;

    begin();
    echo = launch("echo", &echo_port);
    ping = launch("ping", &ping_port);
    TEST_OK(mesh_port_bridge(&echo_port, &ping_port));
    CU_ASSERT_PTR_NULL(echo_port);
    CU_ASSERT_PTR_NULL(ping_port);
    expect_exit(&ping, in_order);
    expect_exit(&echo, in_order); /* its port was closed by the other one */
    end();
}

static void many_hosts(void)
{
    enum { N = MAX_HOSTS };
    mesh_host_t *hosts[N];
    mesh_port_t *ports[N];
    int n = test_scale(N);
    int i;

    begin();
    for (i = 0; i < n; i++) {
        hosts[i] = launch("echo", &ports[i]);
        TEST_OK(mesh_port_send_bytes(ports[i], "hello", 5));
    }
    CU_ASSERT_EQUAL(mesh_hosts_count(mesh.hosts), n);
    for (i = 0; i < n; i++) {
        expect_text(ports[i], "hello");
        mesh_port_close(&ports[i]);
    }
    TEST_OK(mesh_hosts_shutdown(mesh.hosts, LIMIT));
    CU_ASSERT_EQUAL(mesh.n_exited, n);
    CU_ASSERT_EQUAL(mesh.n_joined, n);
    for (i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(mesh_host_exit_code(hosts[i]), 0);
        mesh_host_close(&hosts[i]);
    }
    end();
}

static void opens_and_closes(void)
{
    mesh_host_config_t *config;
    mesh_hosts_t *hosts;
    mesh_port_t *port;

    TEST_OK(mesh_open(&hosts));
    TEST_OK(mesh_host_config_create(&config, "tested", test_pool()));
    TEST_OK(pal_command_arg_add(mesh_host_config_command(config), "echo"));
    TEST_OK(mesh_host_launch_port(NULL, hosts, config, &port));
    TEST_OK(mesh_port_send_bytes(port, "hello", 5));
    expect_text(port, "hello");
    mesh_port_close(&port);
    TEST_OK(mesh_close(&hosts, LIMIT));
    CU_ASSERT_PTR_NULL(hosts);
}

static const test_case_t cases[] = {
    {"talks_and_stops", talks_and_stops},
    {"closes_port", closes_port},
    {"launches_with_defaults", launches_with_defaults},
    {"lists_hosts", lists_hosts},
    {"program_missing", program_missing},
    {"program_ends_at_once", program_ends_at_once},
    {"program_never_joins", program_never_joins},
    {"returns_at_once", returns_at_once},
    {"is_killed", is_killed},
    {"crashes", crashes},
    {"stuck_crashes", stuck_crashes},
    {"shuts_down_stuck", shuts_down_stuck},
    {"destroy_kills", destroy_kills},
    {"hears_of_stop", hears_of_stop},
    {"env_reaches_host", env_reaches_host},
    {"own_name", own_name},
    {"initial_message", initial_message},
    {"hosts_talk", hosts_talk},
    {"many_hosts", many_hosts},
    {"opens_and_closes", opens_and_closes},
    {NULL, NULL}};

/* Before anything of mesh is called. */
static void be_foreign(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "foreign-fail") == 0) {
        exit(1);
    }
    while (argc > 1 && strcmp(argv[1], "foreign-stuck") == 0) {
        apr_sleep(apr_time_from_sec(1));
    }
}

int main(int argc, char **argv)
{
    be_foreign(argc, argv);
    mesh_run_host_if_launched("test", host_modes_run, argv);
    return test_main(argc, argv, "host", cases);
}
