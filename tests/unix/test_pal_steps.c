#include "config.h"

#include "child.h"
#include "filter.h"
#include "launch.h"

#include "harness.h"

#include <pal/pal.h>

#include <apr_general.h>
#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Every step of a launch made to fail, in either way of making a child: a
 * process of its own ("row N WAY") has the call refused that the step is made
 * of. Nothing may start then, or, if the step may be left out, the child
 * starts without that one and no other. */

#define REFUSED EXDEV /* no call of a launch fails so by itself */

typedef enum { BY_CLONE, BY_FORK, N_WAYS } way_t;

#define NEED(condition) need((condition), #condition, __LINE__)
static void need(int holds, const char *condition, int line)
{
    if (!holds) {
        printf("line %d: %s, errno %d\n", line, condition, errno);
        fflush(stdout);
        _exit(1);
    }
}

static void ask_nice(pal_command_t *command)
{
    NEED(pal_command_nice_set(command, 5) == APR_SUCCESS);
}

static void ask_cpu(pal_command_t *command)
{
    cpu_set_t set;
    int cpu = 0;

    NEED(sched_getaffinity(0, sizeof(set), &set) == 0);
    while (!CPU_ISSET(cpu, &set))
        cpu++;
    NEED(pal_command_cpus_set(command, &cpu, 1) == APR_SUCCESS);
}

static void ask_limit(pal_command_t *command)
{
    NEED(pal_command_limit_set(command, PAL_LIMIT_CORE, 0) == APR_SUCCESS);
}

static void ask_capabilities(pal_command_t *command)
{
    NEED(pal_command_capabilities_set(command, PAL_CAPABILITIES_INHERITABLE, 0)
         == APR_SUCCESS);
}

static void ask_no_new_privs(pal_command_t *command)
{
    NEED(pal_command_no_new_privs_set(command, 1) == APR_SUCCESS);
}

static void ask_landlock(pal_command_t *command)
{
    NEED(pal_command_landlock_add(command, "/",
                                  PAL_FILES_READ | PAL_FILES_WRITE
                                      | PAL_FILES_EXECUTE)
         == APR_SUCCESS);
}

static void ask_filter(pal_command_t *command)
{
    static const struct sock_filter all = {BPF_RET | BPF_K, 0, 0,
                                           SECCOMP_RET_ALLOW};

    NEED(pal_command_seccomp_set(command, &all, sizeof(all)) == APR_SUCCESS);
}

static void ask_namespace(pal_command_t *command)
{
    NEED(pal_command_namespaces_set(command,
                                    PAL_NAMESPACE_USER | PAL_NAMESPACE_UTS)
         == APR_SUCCESS);
}

/* A folder that is no cgroup. */
static void ask_cgroup(pal_command_t *command)
{
    NEED(pal_command_cgroup_set(command, open("/", O_PATH | O_CLOEXEC))
         == APR_SUCCESS);
}

static void ask_session(pal_command_t *command)
{
    NEED(pal_command_session_set(command, 1) == APR_SUCCESS);
}

static void ask_folder(pal_command_t *command)
{
    NEED(pal_command_folder_set(command, "/") == APR_SUCCESS);
}

static void ask_handle(pal_command_t *command)
{
    NEED(pal_command_handle_add(command, 1, 7) == APR_SUCCESS);
}

static void ask_groups(pal_command_t *command)
{
    NEED(pal_command_groups_set(command, NULL, 0) == APR_SUCCESS);
}

static void ask_gid(pal_command_t *command)
{
    NEED(pal_command_gid_set(command, getegid()) == APR_SUCCESS);
}

static void ask_uid(pal_command_t *command)
{
    NEED(pal_command_uid_set(command, geteuid()) == APR_SUCCESS);
}

static int refuse_hook(void *baton)
{
    (void)baton;
    return REFUSED;
}

static void ask_hook(pal_command_t *command)
{
    NEED(pal_command_hook_set(command, refuse_hook, NULL) == APR_SUCCESS);
}

static void ask_nothing(pal_command_t *command)
{
    (void)command;
}

/* Bits of prctl's first argument that tell one of its uses from those that
 * come before. */
#define PRCTL_NO_NEW_PRIVS 32
#define PRCTL_SECCOMP 16
#define PRCTL_PARENT_DEATH 1

/* Where there are two, the one for ids of 32 bits. */
#ifdef SYS_setresuid32
#    define SETRESUID SYS_setresuid32
#    define SETRESGID SYS_setresgid32
#    define SETGROUPS SYS_setgroups32
#else
#    define SETRESUID SYS_setresuid
#    define SETRESGID SYS_setresgid
#    define SETGROUPS SYS_setgroups
#endif

static const struct {
    pal_step_t step;
    void (*ask)(pal_command_t *command);
    int call; /* to refuse; < 0: it fails with -call by itself */
    unsigned int flag;
    int may_fail; /* in best effort */
} rows[] = {
    {PAL_STEP_CGROUP, ask_cgroup, -ENOENT, 0, 1},
    {PAL_STEP_NAMESPACES, ask_namespace, SYS_clone, CLONE_NEWUTS, 1},
    {PAL_STEP_SCHEDULE, ask_nice, SYS_setpriority, 0, 1},
    {PAL_STEP_SCHEDULE, ask_cpu, SYS_sched_setaffinity, 0, 1},
    {PAL_STEP_LIMITS, ask_limit, SYS_prlimit64, 0, 1},
    {PAL_STEP_CAPABILITIES, ask_capabilities, SYS_capget, 0, 1},
    {PAL_STEP_CAPABILITIES, ask_capabilities, SYS_capset, 0, 1},
    {PAL_STEP_PRIVILEGES, ask_no_new_privs, SYS_prctl, PRCTL_NO_NEW_PRIVS, 1},
    {PAL_STEP_LANDLOCK, ask_landlock, 444 /* create_ruleset */, 0, 1},
    {PAL_STEP_LANDLOCK, ask_landlock, 446 /* restrict_self */, 0, 1},
    {PAL_STEP_SECCOMP, ask_filter, SYS_prctl, PRCTL_SECCOMP, 1},
    {PAL_STEP_CLONE, ask_nothing, SYS_clone, 0, 0},
    {PAL_STEP_SESSION, ask_session, SYS_setsid, 0, 0},
    {PAL_STEP_FOLDER, ask_folder, SYS_chdir, 0, 0},
    {PAL_STEP_HANDLES, ask_handle, SYS_dup3, 0, 0},
    {PAL_STEP_HOOK, ask_hook, -REFUSED, 0, 0},
    {PAL_STEP_IDS, ask_groups, SETGROUPS, 0, 0},
    {PAL_STEP_IDS, ask_gid, SETRESGID, 0, 0},
    {PAL_STEP_IDS, ask_uid, SETRESUID, 0, 0},
    {PAL_STEP_PARENT, ask_nothing, SYS_prctl, PRCTL_PARENT_DEATH, 0},
    {PAL_STEP_EXEC, ask_nothing, SYS_execve, 0, 0},
};

#define N_ROWS ((int)(sizeof(rows) / sizeof(*rows)))

/* Steps that are asked for beside the one that fails, to be held then. */
static const struct {
    pal_step_t step;
    void (*ask)(pal_command_t *command);
} others[] = {{PAL_STEP_SCHEDULE, ask_nice}, {PAL_STEP_LIMITS, ask_limit}};

#define N_OTHERS ((int)(sizeof(others) / sizeof(*others)))

static int count_handles(void)
{
    int fd, n = 0;

    for (fd = 0; fd < 100; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* A program that says "x" if it is started, and is no sanitizer's. */
static pal_command_t *new_command(void)
{
    pal_command_t *command;
    apr_pool_t *pool;

    NEED(apr_initialize() == APR_SUCCESS);
    NEED(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    NEED(pal_command_create(&command, pool) == APR_SUCCESS);
    NEED(pal_command_search_set(command, "echo") == APR_SUCCESS);
    NEED(pal_command_arg_add(command, "x") == APR_SUCCESS);
    return command;
}

/* Fails with `err` at `step`, leaving nothing. */
static void need_failure(pal_command_t *command, int err, pal_step_t step)
{
    int n_handles = count_handles();
    pal_process_t *process = NULL;
    apr_status_t rv = pal_process_start(&process, command);

    if (rv != err || pal_command_failed_step(command) != step)
        printf("got %d, %s\n", (int)rv,
               pal_step_name(pal_command_failed_step(command)));
    NEED(rv == err && pal_command_failed_step(command) == step);
    NEED(process == NULL);
    NEED(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
    NEED(count_handles() == n_handles);
}

/* Starts, with all but `step`. */
static void need_others(pal_command_t *command, pal_step_t step)
{
    pal_process_t *process = NULL;
    int i;

    for (i = 0; i < N_OTHERS; i++)
        if (others[i].step != step)
            others[i].ask(command);
    NEED(pal_command_mode_set(command, step, PAL_CONFINE_BEST_EFFORT)
         == APR_SUCCESS);
    NEED(pal_process_start(&process, command) == APR_SUCCESS);
    NEED(!pal_process_held(process, step));
    for (i = 0; i < N_OTHERS; i++)
        NEED(others[i].step == step
             || pal_process_held(process, others[i].step));
    NEED(pal_process_wait(process, -1) == APR_SUCCESS);
    NEED(pal_process_exit_code(process) == 0);
    pal_process_close(&process);
}

static void run_row(int number, way_t way)
{
    pal_step_t step = rows[number].step;
    pal_command_t *command = new_command();
    int call = rows[number].call;

    rows[number].ask(command);
    /* A filter that refuses filters comes last. */
    NEED(way == BY_CLONE || filter_set("clone", EPERM));
    NEED(call < 0 || filter_call(call, rows[number].flag, REFUSED));
    need_failure(command, call < 0 ? -call : REFUSED, step);
    if (rows[number].may_fail)
        need_others(command, step);
    else
        NEED(pal_command_mode_set(command, step, PAL_CONFINE_BEST_EFFORT)
             == APR_EINVAL);
    NEED(puts("as it should") >= 0 && fflush(stdout) == 0);
    _exit(0); /* a sanitizer's last look may not get what it needs */
}

static void run_rows(way_t way)
{
    int i;

    if (test_in_valgrind()) /* which makes other calls */
        return;
    for (i = 0; i < N_ROWS; i++) {
        pal_command_t *command = launch_command_with("row", launch_number(i));
        const char *text;

        TEST_OK(pal_command_arg_add(command, launch_number((int)way)));
        text = launch_output(command);
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "as it should"));
        CU_ASSERT_EQUAL(strchr(text, 'x') != NULL, rows[i].may_fail);
        if (strstr(text, "as it should") == NULL)
            fprintf(stderr, "row %d: %s\n", i, text);
    }
}

static void by_clone(void)
{
    run_rows(BY_CLONE);
}

static void by_fork(void)
{
    run_rows(BY_FORK);
}

static const test_case_t cases[] = {
    {"by_clone", by_clone},
    {"by_fork", by_fork},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "row") == 0)
        run_row(atoi(argv[2]), (way_t)atoi(argv[3]));
    return test_main(argc, argv, "pal steps", cases);
}
