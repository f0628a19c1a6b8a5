/* Tests of the life of a host: start, report, the ways to end (README.md
 * 6). */
#include "config.h"

#include "parent.h"

#include "box.pb-c.h"
#include "machine.h"
#include "proc.h"

#include <pal/process.h>

#include <apr_strings.h>

#include <string.h>

#define ENV_VALUE "conform value"

static apr_status_t configure(parent_t *parent, const char *name,
                              mesh_host_config_t **ret_config)
{
    mesh_host_config_t *config;
    pal_command_t *command;
    apr_status_t rv;
    int i;

    rv = mesh_host_config_create(&config, name, parent->pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    command = mesh_host_config_command(config);
    rv = pal_command_program_set(command, parent->child);
    for (i = 0; rv == APR_SUCCESS && parent->args[i] != NULL; i++) {
        rv = pal_command_arg_add(command, parent->args[i]);
    }
    if (rv == APR_SUCCESS) {
        rv = pal_command_env_set(command, "CONFORM_ENV", ENV_VALUE);
    }
    if (rv == APR_SUCCESS) {
        /* Some are to abort. */
        rv = pal_command_limit_set(command, PAL_LIMIT_CORE, 0);
    }
    if (rv == APR_SUCCESS) {
        *ret_config = config;
    }
    return rv;
}

/* Launch with the two ports of the initial message. */
static int launch(parent_t *parent, remote_t *remote, const char *name,
                  mesh_port_t **requests, call_t *started)
{
    Conform__ConformInit init = CONFORM__CONFORM_INIT__INIT;
    Mesh__Port field = MESH__PORT__INIT;
    mesh_host_config_t *config = NULL;
    apr_status_t rv;

    rv = configure(parent, name, &config);
    if (!check_status(parent, rv, APR_SUCCESS, "configuration")) {
        return 0;
    }
    field.slot = mesh_port_slot(requests);
    init.name = (char *)name;
    init.requests = &field;
    init.started = &started->field;
    rv = mesh_host_launch(&remote->host, parent->hosts, config, &init.base);
    return check_status(parent, rv, APR_SUCCESS, "launch");
}

/* The report stays with the remote, beyond the test. */
static int report_wait(parent_t *parent, remote_t *remote, call_t *started)
{
    ProtobufCMessage *report;
    apr_status_t rv;

    rv = mesh_oneshot_recv(&started->rx, remaining(parent), &remote->message);
    if (!check_status(parent, rv, APR_SUCCESS, "first report")) {
        return 0;
    }
    rv = mesh_message_unpack(remote->message,
                             &conform__host_report__descriptor, &report);
    remote->report = (Conform__HostReport *)report;
    return check_status(parent, rv, APR_SUCCESS, "decoding the report");
}

int remote_launch(parent_t *parent, remote_t *remote, const char *name)
{
    call_t *started = call_begin(parent);
    chan_t *requests = chan_begin(parent);

    if (started == NULL || requests == NULL || !chan_rx_give(parent, requests)
        || !launch(parent, remote, name, &requests->port, started)
        || !report_wait(parent, remote, started)) {
        return 0;
    }
    remote->requests = requests->tx;
    requests->tx = NULL;
    return check(parent, strcmp(remote->report->name, name) == 0,
                 "its name is %s", remote->report->name);
}

void remote_end(remote_t *remote)
{
    mesh_sender_close(&remote->requests);
    mesh_message_destroy(&remote->message);
    if (remote->host != NULL) {
        (void)mesh_host_kill(remote->host);
        mesh_host_close(&remote->host);
    }
}

void test_launch_alpha(parent_t *parent, int n)
{
    (void)n;
    remote_launch(parent, &parent->alpha, "alpha");
}

void test_launch_beta(parent_t *parent, int n)
{
    (void)n;
    remote_launch(parent, &parent->beta, "beta-with-a-long-name");
}

/* The arguments end in those given and the name. */
static int has_args(parent_t *parent, const Conform__HostReport *report)
{
    size_t n = 0;
    size_t skip;
    size_t i;

    while (parent->args[n] != NULL) {
        n++;
    }
    if (report->n_args < n + 1) {
        return 0;
    }
    skip = report->n_args - n - 1;
    for (i = 0; i < n; i++) {
        if (strcmp(report->args[skip + i], parent->args[i]) != 0) {
            return 0;
        }
    }
    return strcmp(report->args[skip + n], report->name) == 0;
}

static void check_report(parent_t *parent, remote_t *remote)
{
    const Conform__HostReport *report = remote->report;
    const char *comm;

    if (!check(parent, report != NULL, "the host is not there")) {
        return;
    }
    comm = proc_comm_expected(
        apr_pstrcat(parent->test_pool, "conform-", report->name, NULL),
        parent->test_pool);
    check(parent, strcmp(report->name, mesh_host_name(remote->host)) == 0,
          "name %s", report->name);
    check(parent, report->pid == mesh_host_pid(remote->host), "pid %u",
          (unsigned)report->pid);
    check(parent, has_args(parent, report), "arguments of %s", report->name);
    check(parent,
          report->has_env_case == CONFORM__HOST_REPORT__HAS_ENV_ENV
              && strcmp(report->env, ENV_VALUE) == 0,
          "environment of %s", report->name);
    check(parent, !report->invitation_visible, "%s shows its invitation",
          report->name);
    check(parent, strcmp(report->comm, comm) == 0, "comm %s", report->comm);
    check(parent, strcmp(report->stdin_link, proc_null) == 0, "stdin %s",
          report->stdin_link);
    check(parent, strcmp(report->stdout_link, proc_null) == 0, "stdout %s",
          report->stdout_link);
}

static int is_equal(parent_t *parent, const ProtobufCMessage *a,
                    const ProtobufCMessage *b)
{
    apr_size_t len = protobuf_c_message_get_packed_size(a);
    unsigned char *a_bytes = apr_palloc(parent->test_pool, len);
    unsigned char *b_bytes = apr_palloc(parent->test_pool, len);

    if (protobuf_c_message_get_packed_size(b) != len) {
        return 0;
    }
    protobuf_c_message_pack(a, a_bytes);
    protobuf_c_message_pack(b, b_bytes);
    return memcmp(a_bytes, b_bytes, len) == 0;
}

static void check_report_call(parent_t *parent, remote_t *remote)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__Report report = CONFORM__REPORT__INIT;
    Conform__ReportCall body = CONFORM__REPORT_CALL__INIT;
    call_t *call = call_begin(parent);
    ProtobufCMessage *again;

    if (call == NULL) {
        return;
    }
    body.reply = &call->field;
    report.call = &body;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_REPORT;
    request.report = &report;
    if (!request_send(parent, remote, &request)) {
        return;
    }
    again = call_wait(parent, call, &conform__host_report__descriptor);
    if (again != NULL) {
        check(parent, is_equal(parent, again, &remote->report->base),
              "Report gives another report");
    }
}

void test_report(parent_t *parent, int n)
{
    remote_t *remotes[2] = {&parent->alpha, &parent->beta};

    for (n = 0; n < 2 && parent->why == NULL; n++) {
        check_report(parent, remotes[n]);
        check_report_call(parent, remotes[n]);
    }
}

/* Have the host keep the sending end of a channel, or a reply port. */
static int hold(parent_t *parent, remote_t *remote, Mesh__Port *field)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__Hold body = CONFORM__HOLD__INIT;

    body.sender = field;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_HOLD;
    request.hold = &body;
    return request_send(parent, remote, &request);
}

static int check_exit(parent_t *parent, remote_t *remote, outcome_t expected)
{
    apr_status_t rv = mesh_host_wait(remote->host, remaining(parent));

    return check_status(parent, rv, APR_SUCCESS, "exit")
           && check(
               parent,
               mesh_host_exit_code(remote->host) == expected.code
                   && mesh_host_exit_signal(remote->host) == expected.signal,
               "exit code %d, signal %d", mesh_host_exit_code(remote->host),
               mesh_host_exit_signal(remote->host));
}

/* What is held is closed before the exit can be seen. */
void test_requests_closed(parent_t *parent, int n)
{
    remote_t *alpha = &parent->alpha;
    chan_t *in = chan_begin(parent);
    chan_t *out = chan_begin(parent);
    chan_t *held = chan_begin(parent);
    const outcome_t in_order = {0, 0};

    (void)n;
    if (in == NULL || out == NULL || held == NULL
        || !chan_tx_give(parent, held) || !hold(parent, alpha, &held->field)
        || !forward_begin(parent, alpha, in, out) || !chan_send(parent, in, 1)
        || !chan_recv(parent, out, 2)) {
        return;
    }
    mesh_sender_close(&alpha->requests);
    if (check_exit(parent, alpha, in_order)) {
        chan_recv_end(parent, held, MESH_E_CLOSED);
        chan_recv_end(parent, out, MESH_E_CLOSED);
    }
}

/* A host that holds a reply port, a sender, and both ends of a task. */
typedef struct dying_t {
    remote_t remote;
    call_t *pending;
    chan_t *held;
    chan_t *in;
    chan_t *out;
} dying_t;

static int dying_begin(parent_t *parent, dying_t *dying, const char *name)
{
    dying->pending = call_begin(parent);
    dying->held = chan_begin(parent);
    dying->in = chan_begin(parent);
    dying->out = chan_begin(parent);
    return parent->why == NULL && remote_launch(parent, &dying->remote, name)
           && chan_tx_give(parent, dying->held)
           && hold(parent, &dying->remote, &dying->pending->field)
           && hold(parent, &dying->remote, &dying->held->field)
           && forward_begin(parent, &dying->remote, dying->in, dying->out)
           && chan_send(parent, dying->in, 1)
           && chan_recv(parent, dying->out, 2);
}

static void dying_check(parent_t *parent, dying_t *dying, outcome_t expected)
{
    if (call_wait_end(parent, dying->pending, MESH_E_FAILED)
        && chan_recv_end(parent, dying->held, MESH_E_FAILED)
        && chan_recv_end(parent, dying->out, MESH_E_FAILED)) {
        check_exit(parent, &dying->remote, expected);
    }
}

void test_exit(parent_t *parent, int n)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__Exit body = CONFORM__EXIT__INIT;
    const outcome_t expected = {n, 0};
    dying_t dying = {0};

    body.code = (uint32_t)n;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_EXIT;
    request.exit = &body;
    if (dying_begin(parent, &dying, "exit-7")
        && request_send(parent, &dying.remote, &request)) {
        dying_check(parent, &dying, expected);
    }
    remote_end(&dying.remote);
}

void test_abort(parent_t *parent, int n)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__Abort body = CONFORM__ABORT__INIT;
    dying_t dying = {0};

    (void)n;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_ABORT;
    request.abort = &body;
    if (dying_begin(parent, &dying, "abort")
        && request_send(parent, &dying.remote, &request)) {
        dying_check(parent, &dying, outcome_abort);
    }
    remote_end(&dying.remote);
}

void test_crash(parent_t *parent, int n)
{
    dying_t dying = {0};

    (void)n;
    if (dying_begin(parent, &dying, "crash")
        && check_status(parent, mesh_host_crash(dying.remote.host),
                        APR_SUCCESS, "crash")) {
        dying_check(parent, &dying, outcome_abort);
    }
    remote_end(&dying.remote);
}

void test_cloexec(parent_t *parent, int n)
{
    remote_t *remotes[2] = {&parent->alpha, &parent->beta};
    const char *text;
    apr_status_t rv;

    for (n = 0; n < 2; n++) {
        if (!check(parent, remotes[n]->report != NULL,
                   "the host is not there")) {
            return;
        }
        rv = proc_inheritable(mesh_host_pid(remotes[n]->host), &text,
                              parent->test_pool);
        if (!check_status(parent, rv, APR_SUCCESS, "descriptors")
            || !check(parent, text[0] == '\0', "inheritable:%s in %s", text,
                      mesh_host_name(remotes[n]->host))) {
            return;
        }
    }
}
