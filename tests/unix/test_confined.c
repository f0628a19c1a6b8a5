/* What a confined host of a mesh can and cannot do, tried from inside: this
 * program is its own host. Each act is tried in a host without confinement
 * too, so that a refusal is known to be the confinement's. */
#include "config.h"

#include "harness.h"

#include <mesh/mesh.h>

#include <pal/file.h>

#include <apr_strings.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the acts: each returns 0 if it could be done, or errno ---- */

static int outcome(long result)
{
    return result < 0 ? errno : 0;
}

static int act_open(void)
{
    return outcome(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int act_open_self(void)
{
    return outcome(open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
}

static int act_create(void)
{
    int fd = open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

    return outcome(fd);
}

static int act_make_folder(void)
{
    char path[64];
    int result;

    apr_snprintf(path, sizeof(path), "/tmp/confined-%d", (int)getpid());
    result = outcome(mkdir(path, 0700));
    (void)rmdir(path);
    return result;
}

static int act_unlink(void)
{
    /* It is not there, so ENOENT means that it could have been done. */
    int result = outcome(unlink("no-such-file"));

    return result == ENOENT ? 0 : result;
}

static int act_list(void)
{
    return outcome(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int act_socket(void)
{
    return outcome(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int act_local_socket(void)
{
    return outcome(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

/* Descriptor 3, the connection to the parent, is the only socket there is. */
static int act_connect(void)
{
    struct sockaddr_in address;
    int result;

    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    result = outcome(connect(3, (struct sockaddr *)&address, sizeof(address)));
    return result == EINVAL || result == EPROTOTYPE || result == EISCONN
               ? 0 /* the system looked at it */
               : result;
}

static int act_exec(void)
{
    char *const args[] = {"/bin/true", NULL};

    (void)execv(args[0], args);
    return errno; /* does not come back where it can be done */
}

static int act_fork(void)
{
    long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (child == 0)
        _exit(0);
    if (child > 0)
        (void)waitpid((pid_t)child, NULL, 0);
    return outcome(child);
}

static int act_kill_parent(void)
{
    return outcome(kill(getppid(), 0));
}

static int act_kill_all(void)
{
    return outcome(kill(-1, 0));
}

static int act_ptrace(void)
{
    /* The parent is not traced, so ESRCH means that it was looked at. */
    int result = outcome(ptrace(PTRACE_CONT, getppid(), NULL, NULL));

    return result == ESRCH ? 0 : result;
}

static int act_read_memory(void)
{
    return outcome(
        syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0));
}

static int act_raise_limits(void)
{
    return outcome(syscall(SYS_setpriority, 0, 0, 0));
}

static int act_mount(void)
{
    int result = outcome(syscall(SYS_umount2, "/no/such/place", 0));

    return result == ENOENT || result == EINVAL ? 0 : result;
}

static int act_use_memory(void)
{
    char *block = malloc((size_t)50 << 20);

    if (!block)
        return ENOMEM;
    memset(block, 1, (size_t)50 << 20);
    free(block);
    return 0;
}

typedef struct act_t {
    const char *name;
    int (*fn)(void);
    int is_allowed; /* in a confined host */
} act_t;

static const act_t acts[] = {
    {"open", act_open, 0},
    {"open_self", act_open_self, 0},
    {"create", act_create, 0},
    {"make_folder", act_make_folder, 0},
    {"unlink", act_unlink, 0},
    {"list", act_list, 0},
    {"socket", act_socket, 0},
    {"local_socket", act_local_socket, 0},
    {"connect", act_connect, 0},
    {"fork", act_fork, 0},
    {"kill_parent", act_kill_parent, 0},
    {"kill_all", act_kill_all, 0},
    {"ptrace", act_ptrace, 0},
    {"read_memory", act_read_memory, 0},
    {"raise_limits", act_raise_limits, 0},
    {"mount", act_mount, 0},
    {"use_memory", act_use_memory, 1},
    {"exec", act_exec, 0}, /* last: it may not come back */
};

#define N_ACTS ((int)(sizeof(acts) / sizeof(acts[0])))

/* ---- the host ---- */

/* Answer requests: a byte with the number of an act gets its outcome, 255
 * confines, and a handle that comes with it is read from. */
static apr_status_t answer(mesh_self_t *self, mesh_port_t *port,
                           mesh_message_t *message)
{
    const unsigned char *request;
    apr_size_t len;
    unsigned char result = 0;
    pal_handle_t handle = PAL_HANDLE_NONE;

    request = mesh_message_data(message, &len);
    if (len != 1)
        return APR_EINVAL;
    if (mesh_message_handle_take(message, 0, &handle) == APR_SUCCESS) {
        char byte = 0;

        if (pal_file_read_at(handle, 2, &byte, 1, &len) == APR_SUCCESS)
            result = (unsigned char)byte;
        pal_handle_close(&handle);
    }
    else if (*request == 255) {
        result = mesh_self_confine(self) != APR_SUCCESS;
    }
    else {
        result = (unsigned char)acts[*request % N_ACTS].fn();
    }
    return mesh_port_send_bytes(port, &result, 1);
}

static apr_status_t host_main(mesh_self_t *self, void *baton)
{
    mesh_port_t *port;
    apr_status_t rv = mesh_self_port_take(self, &port);

    (void)baton;
    while (rv == APR_SUCCESS) {
        mesh_message_t *message;

        rv = mesh_port_recv(port, -1, &message);
        if (rv == APR_SUCCESS) {
            rv = answer(self, port, message);
            mesh_message_destroy(&message);
        }
    }
    mesh_port_close(&port);
    return rv;
}

/* ---- the tests ---- */

static mesh_hosts_t *hosts;
static mesh_host_t *host;
static mesh_port_t *port;

static void launch(mesh_confine_t confine, mesh_confine_when_t when)
{
    mesh_host_config_t *config;

    TEST_OK(mesh_open(&hosts));
    TEST_OK(mesh_host_config_create(&config, "subject", test_pool()));
    mesh_host_config_confine_set(config, confine, when);
    /* LeakSanitizer cannot look into a confined process. */
    TEST_OK(pal_command_env_set(mesh_host_config_command(config),
                                "LSAN_OPTIONS", "detect_leaks=0"));
    TEST_OK(mesh_host_launch_port(&host, hosts, config, &port));
}

/* Let it end; it must do so in order. */
static void finish(void)
{
    mesh_port_close(&port);
    TEST_OK(mesh_host_wait(host, apr_time_from_sec(10)));
    CU_ASSERT_EQUAL(mesh_host_exit_code(host), 0);
    mesh_host_close(&host);
    TEST_OK(mesh_close(&hosts, apr_time_from_sec(10)));
}

/* Its one-byte answer, or -1 if none comes. */
static int receive(void)
{
    mesh_message_t *message;
    const unsigned char *answer_bytes;
    apr_size_t len;
    int result;

    if (mesh_port_recv(port, apr_time_from_sec(10), &message) != APR_SUCCESS)
        return -1;
    answer_bytes = mesh_message_data(message, &len);
    result = len == 1 ? *answer_bytes : -1;
    mesh_message_destroy(&message);
    return result;
}

static int ask(int number)
{
    unsigned char request = (unsigned char)number;

    TEST_OK(mesh_port_send_bytes(port, &request, 1));
    return receive();
}

static void assert_outcome(const act_t *act, int is_allowed, int result)
{
    int is_refused = result == EPERM || result == EACCES || result == ENOSYS;
    const char *text =
        apr_psprintf(test_pool(), "%s: %d (%s)", act->name, result,
                     is_allowed ? "allowed" : "refused");

    CU_assertImplementation(is_allowed ? result == 0 : is_refused, __LINE__,
                            text, __FILE__, "", CU_FALSE);
}

static void assert_confined(void)
{
    for (int i = 0; i < N_ACTS; i++)
        assert_outcome(&acts[i], acts[i].is_allowed, ask(i));
}

static void without_confinement(void)
{
    launch(MESH_CONFINE_NONE, MESH_CONFINE_FIRST);
    for (int i = 0; i < N_ACTS - 1; i++)
        if (acts[i].fn != act_mount || geteuid() == 0)
            assert_outcome(&acts[i], 1, ask(i));
    CU_ASSERT_EQUAL(ask(N_ACTS - 1), -1); /* exec has worked */
    finish();
}

static void confined_first(void)
{
    launch(MESH_CONFINE_WORKER, MESH_CONFINE_FIRST);
    assert_confined();
    finish();
}

static void confined_by_host(void)
{
    launch(MESH_CONFINE_WORKER, MESH_CONFINE_BY_HOST);
    for (int i = 0; i < N_ACTS - 1; i++)
        if (acts[i].fn == act_open || acts[i].fn == act_fork)
            assert_outcome(&acts[i], 1, ask(i));
    CU_ASSERT_EQUAL(ask(255), 0);
    assert_confined();
    CU_ASSERT_EQUAL(ask(255), 0);
    finish();
}

/* What it is sent it can read. */
static void received_handle(void)
{
    mesh_message_t *message;
    pal_handle_t ends[2];
    pal_handle_t file;
    pal_file_kind_t kind;

    launch(MESH_CONFINE_WORKER, MESH_CONFINE_FIRST);
    TEST_OK(
        pal_file_open(test_data("tests/unix/test_confined.c"), &file, &kind));
    TEST_OK(mesh_message_create(&message, "\0", 1));
    TEST_OK(mesh_message_handle_put(message, &file));
    TEST_OK(mesh_port_send(port, &message));
    CU_ASSERT_EQUAL(receive(), ' '); /* of the comment that it begins with */

    /* Where that cannot be done it is an error, no end. */
    TEST_OK(pal_handle_pipe(ends));
    TEST_OK(mesh_message_create(&message, "\0", 1));
    TEST_OK(mesh_message_handle_put(message, &ends[0]));
    TEST_OK(mesh_port_send(port, &message));
    CU_ASSERT_EQUAL(receive(), 0);
    pal_handle_close(&ends[1]);
    finish();
}

/* Where nothing confines, a host that is to be confined is not started. */
static void not_to_be_had(void)
{
    mesh_host_config_t *config;

    TEST_OK(mesh_open(&hosts));
    TEST_OK(mesh_host_config_create(&config, "subject", test_pool()));
    mesh_host_config_confine_set(config, MESH_CONFINE_WORKER,
                                 MESH_CONFINE_FIRST);
    CU_ASSERT_EQUAL(mesh_host_launch_port(&host, hosts, config, &port),
                    APR_ENOTIMPL);
    CU_ASSERT_EQUAL(mesh_host_config_failed_step(config), PAL_STEP_PRIVILEGES);
    CU_ASSERT_EQUAL(mesh_hosts_count(hosts), 0);
    TEST_OK(mesh_close(&hosts, apr_time_from_sec(10)));
}

int main(int argc, char **argv)
{
    static const test_case_t portable_cases[] = {
        {"without_confinement", without_confinement},
        {"not_to_be_had", not_to_be_had},
        {NULL, NULL},
    };
    static const test_case_t cases[] = {
        {"without_confinement", without_confinement},
        {"confined_first", confined_first},
        {"confined_by_host", confined_by_host},
        {"received_handle", received_handle},
        {NULL, NULL},
    };

    mesh_run_host_if_launched("confined", host_main, NULL);
    return test_main(argc, argv, "confined",
                     test_is_native() ? cases : portable_cases);
}
