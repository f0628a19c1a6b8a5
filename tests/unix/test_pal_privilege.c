#include "config.h"

#include "child.h"
#include "launch.h"

#include "harness.h"

#include <pal/pal.h>

#include <apr_strings.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534u
#define CAPABILITY ((apr_uint64_t)1 << 10) /* to bind low ports */

/* The command's child, as a process that has ended well. */
static pal_process_t *ended(pal_command_t *command)
{
    pal_process_t *process;

    TEST_OK(pal_command_stdio_set(command, 1, PAL_STDIO_NULL));
    process = launch_start(command);
    TEST_OK(pal_process_wait(process, -1));
    CU_ASSERT_EQUAL(pal_process_exit_code(process), 0);
    return process;
}

/* Whether a step of the command was done. */
static int holds(pal_command_t *command, pal_step_t step)
{
    pal_process_t *process = ended(command);
    int held = pal_process_held(process, step);

    pal_process_close(&process);
    return held;
}

static void ids(void)
{
    const apr_uint32_t groups[] = {7, 4711};
    pal_command_t *command = launch_command_with("status", "Uid");

    TEST_OK(pal_command_uid_set(command, geteuid()));
    TEST_OK(pal_command_gid_set(command, getegid()));
    CU_ASSERT_STRING_EQUAL(launch_output(command),
                           apr_psprintf(test_pool(), "%u\t%u\t%u\t%u",
                                        geteuid(), geteuid(), geteuid(),
                                        geteuid()));
    TEST_OK(pal_command_uid_set(command, NOBODY));
    if (geteuid() != 0) {
        if (geteuid() != NOBODY)
            launch_failure(command, EPERM, PAL_STEP_IDS);
        return;
    }
    CU_ASSERT_STRING_EQUAL(launch_output(command),
                           "65534\t65534\t65534\t65534");
    command = launch_command_with("status", "Gid");
    TEST_OK(pal_command_gid_set(command, 12));
    TEST_OK(pal_command_uid_set(command, NOBODY));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "12\t12\t12\t12");
    command = launch_command_with("status", "Groups");
    TEST_OK(pal_command_groups_set(command, groups, 2));
    TEST_OK(pal_command_uid_set(command, NOBODY));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "7 4711 ");
    TEST_OK(pal_command_groups_set(command, NULL, 0));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "");
}

static void id_limits(void)
{
    apr_uint32_t groups[PAL_COMMAND_MAX_GROUPS + 1] = {0};
    pal_command_t *command = launch_command("pid");

    CU_ASSERT_EQUAL(pal_command_uid_set(command, 0xffffffffu), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_command_gid_set(command, 0xffffffffu), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_command_groups_set(command, groups, -1), APR_EINVAL);
    CU_ASSERT_EQUAL(
        pal_command_groups_set(command, groups, PAL_COMMAND_MAX_GROUPS + 1),
        PAL_E_LIMIT);
    TEST_OK(pal_command_groups_set(command, groups, PAL_COMMAND_MAX_GROUPS));
    groups[0] = 0xffffffffu;
    CU_ASSERT_EQUAL(pal_command_groups_set(command, groups, 1), APR_EINVAL);
}

/* Groups of a privileged parent do not slip through a change of uid; and its
 * memory can be looked into as before. */
static void dropped_groups(void)
{
    pal_command_t *command = launch_command_with("status", "Groups");
    int dumpable = prctl(PR_GET_DUMPABLE);

    if (geteuid() != 0)
        return;
    TEST_OK(pal_command_uid_set(command, NOBODY));
    TEST_OK(pal_command_gid_set(command, NOBODY));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "");
    CU_ASSERT_EQUAL(prctl(PR_GET_DUMPABLE), dumpable);
}

/* Dying with the parent outlasts the change of ids: a process that has done
 * it says so. */
static void parent_death_after_ids(void)
{
    pal_command_t *command = launch_command("deathsig");

    CU_ASSERT_STRING_EQUAL(launch_output(command), "9");
    if (geteuid() == 0) {
        TEST_OK(pal_command_gid_set(command, NOBODY));
        TEST_OK(pal_command_uid_set(command, NOBODY));
        CU_ASSERT_STRING_EQUAL(launch_output(command), "9");
    }
    TEST_OK(pal_command_die_with_parent_set(command, 0));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0");
}

static const char *capabilities_of(const char *which, apr_uint64_t bits)
{
    pal_command_t *command = launch_command_with("status", which);
    int set;

    for (set = 0; set <= PAL_CAPABILITIES_AMBIENT; set++)
        TEST_OK(pal_command_capabilities_set(command, (pal_capabilities_t)set,
                                             bits));
    TEST_OK(pal_command_uid_set(command, NOBODY));
    return launch_output(command);
}

static void capabilities(void)
{
    static const char *const names[] = {"CapEff", "CapPrm", "CapInh", "CapBnd",
                                        "CapAmb"};
    pal_command_t *command = launch_command_with("status", "CapPrm");
    size_t i;

    CU_ASSERT_EQUAL(
        pal_command_capabilities_set(
            command, (pal_capabilities_t)(PAL_CAPABILITIES_AMBIENT + 1), 0),
        APR_EINVAL);
    if (geteuid() != 0) {
        TEST_OK(pal_command_capabilities_set(command,
                                             PAL_CAPABILITIES_BOUNDING, 0));
        launch_failure(command, EPERM, PAL_STEP_CAPABILITIES);
        TEST_OK(pal_command_mode_set(command, PAL_STEP_CAPABILITIES,
                                     PAL_CONFINE_BEST_EFFORT));
        CU_ASSERT_FALSE(holds(command, PAL_STEP_CAPABILITIES));
        return;
    }
    for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
        CU_ASSERT_STRING_EQUAL(capabilities_of(names[i], CAPABILITY),
                               "0000000000000400");
        CU_ASSERT_STRING_EQUAL(capabilities_of(names[i], 0),
                               "0000000000000000");
    }
    /* Root gets at exec what the bounding set leaves. */
    TEST_OK(pal_command_capabilities_set(command, PAL_CAPABILITIES_BOUNDING,
                                         CAPABILITY));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0000000000000400");
    CU_ASSERT_TRUE(holds(command, PAL_STEP_CAPABILITIES));
}

static void refused_capabilities(void)
{
    pal_command_t *command = launch_command_with("status", "CapPrm");
    const char *own = apr_pstrdup(test_pool(), launch_output(command));

    /* One that does not exist cannot be had. */
    TEST_OK(pal_command_capabilities_set(command, PAL_CAPABILITIES_AMBIENT,
                                         (apr_uint64_t)1 << 63));
    launch_failure(command, EINVAL, PAL_STEP_CAPABILITIES);
    TEST_OK(pal_command_mode_set(command, PAL_STEP_CAPABILITIES,
                                 PAL_CONFINE_BEST_EFFORT));
    CU_ASSERT_STRING_EQUAL(launch_output(command), own);
    CU_ASSERT_FALSE(holds(command, PAL_STEP_CAPABILITIES));
}

/* A filter that answers `number` (-1: any call but exec, and what comes
 * before) with `err`. */
static void set_filter(pal_command_t *command, int number, int err)
{
    unsigned int result = SECCOMP_RET_ERRNO | (unsigned int)err;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, result),
        BPF_STMT(BPF_RET | BPF_K, number < 0 ? result : SECCOMP_RET_ALLOW)};

    TEST_OK(pal_command_seccomp_set(command, code, sizeof(code)));
}

static void filters(void)
{
    static const unsigned char rubbish[8] = {0xff, 0xff, 1, 2, 3, 4, 5, 6};
    pal_command_t *command = launch_command("call");

    set_filter(command, SYS_personality, EXDEV);
    CU_ASSERT_STRING_EQUAL(launch_output(command), "-1");
    CU_ASSERT_TRUE(holds(command, PAL_STEP_SECCOMP));
    TEST_OK(pal_command_seccomp_set(command, NULL, 0));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0");
    CU_ASSERT_FALSE(holds(command, PAL_STEP_SECCOMP));

    TEST_OK(pal_command_seccomp_set(command, rubbish, sizeof(rubbish)));
    launch_failure(command, EINVAL, PAL_STEP_SECCOMP);
    TEST_OK(pal_command_mode_set(command, PAL_STEP_SECCOMP,
                                 PAL_CONFINE_BEST_EFFORT));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0");
    CU_ASSERT_FALSE(holds(command, PAL_STEP_SECCOMP));

    CU_ASSERT_EQUAL(pal_command_seccomp_set(command, rubbish, 7), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_command_seccomp_set(command, rubbish,
                                            8 * (PAL_COMMAND_MAX_FILTER + 1)),
                    PAL_E_LIMIT);
}

/* Refusing the exec, and the end too, leaves no child. */
static void filtered_exec(void)
{
    pal_command_t *command = launch_command("call");

    if (test_in_valgrind()) /* which does not outlive an exec that fails */
        return;
    TEST_OK(pal_command_limit_set(command, PAL_LIMIT_CORE, 0));
    set_filter(command, SYS_execve, EXDEV);
    launch_failure(command, EXDEV, PAL_STEP_EXEC);
    set_filter(command, -1, EXDEV);
    launch_failure(command, EXDEV, PAL_STEP_EXEC);
}

static void landlock(void)
{
    const char *mine = apr_pstrcat(test_pool(), test_dir(), "/mine", NULL);
    pal_command_t *command = launch_command_with("open", mine);
    int file = open(mine, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    int folder = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    close(file);
    TEST_OK(pal_command_arg_add(command, "w"));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0");
    TEST_OK(pal_command_landlock_add(command, "/",
                                     PAL_FILES_READ | PAL_FILES_EXECUTE));
    TEST_OK(pal_command_landlock_add(command, "/dev/null", PAL_FILES_WRITE));
    if (!pal_confine_offers(PAL_CONFINE_FILES)) {
        pal_process_t *process = NULL;

        CU_ASSERT_NOT_EQUAL(pal_process_start(&process, command), 0);
        CU_ASSERT_EQUAL(pal_command_failed_step(command), PAL_STEP_LANDLOCK);
        TEST_OK(pal_command_mode_set(command, PAL_STEP_LANDLOCK,
                                     PAL_CONFINE_BEST_EFFORT));
        CU_ASSERT_FALSE(holds(command, PAL_STEP_LANDLOCK));
        close(folder);
        return;
    }
    CU_ASSERT_STRING_EQUAL(launch_output(command), launch_number(EACCES));
    CU_ASSERT_TRUE(holds(command, PAL_STEP_LANDLOCK));
    TEST_OK(pal_command_landlock_handle_add(command, folder, PAL_FILES_WRITE));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0");

    /* Without the right to run it is not run; a place that is not there. */
    command = launch_command_with("open", mine);
    TEST_OK(pal_command_arg_add(command, "r"));
    TEST_OK(pal_command_landlock_add(command, test_dir(), PAL_FILES_READ));
    launch_failure(command, EACCES, PAL_STEP_EXEC);
    TEST_OK(pal_command_landlock_add(command, "/nonexistent", PAL_FILES_READ));
    launch_failure(command, ENOENT, PAL_STEP_LANDLOCK);
    TEST_OK(pal_command_mode_set(command, PAL_STEP_LANDLOCK,
                                 PAL_CONFINE_BEST_EFFORT));
    CU_ASSERT_FALSE(holds(command, PAL_STEP_LANDLOCK));
    close(folder);
}

/* What a launch opens for itself is in nobody's way: handles go to the first
 * numbers that are free here. */
static void crowded_numbers(void)
{
    pal_command_t *command = launch_command("list");
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), i;
    const char *list = "0,1,2";

    for (i = 3; i < 30; i++) {
        TEST_OK(pal_command_handle_add(command, fd, i));
        list = apr_psprintf(test_pool(), "%s,%d", list, i);
    }
    TEST_OK(pal_command_landlock_add(command, "/",
                                     PAL_FILES_READ | PAL_FILES_EXECUTE));
    TEST_OK(pal_command_landlock_add(command, "/dev", PAL_FILES_WRITE));
    if (pal_confine_offers(PAL_CONFINE_FILES)) {
        CU_ASSERT_STRING_EQUAL(launch_output(command), list);
        CU_ASSERT_TRUE(holds(command, PAL_STEP_LANDLOCK));
    }
    CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
}

static void landlock_limits(void)
{
    pal_command_t *command = launch_command("pid");
    int i;

    CU_ASSERT_EQUAL(pal_command_landlock_add(command, "/", 0), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_command_landlock_add(command, "/", 8), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_command_landlock_handle_add(command, PAL_HANDLE_NONE,
                                                    PAL_FILES_READ),
                    APR_EINVAL);
    for (i = 0; i < PAL_COMMAND_MAX_RULES; i++)
        TEST_OK(pal_command_landlock_add(command, "/", PAL_FILES_READ));
    CU_ASSERT_EQUAL(pal_command_landlock_add(command, "/", PAL_FILES_READ),
                    PAL_E_LIMIT);
}

/* Filters and Landlock bring no_new_privs with them. */
static void implied_privileges(void)
{
    pal_command_t *command = launch_command("privs");

    CU_ASSERT_STRING_EQUAL(launch_output(command), "0");
    set_filter(command, SYS_personality, EXDEV);
    CU_ASSERT_STRING_EQUAL(launch_output(command), "1");
    command = launch_command("privs");
    TEST_OK(pal_command_no_new_privs_set(command, 1));
    CU_ASSERT_TRUE(holds(command, PAL_STEP_PRIVILEGES));
    TEST_OK(pal_command_no_new_privs_set(command, 0));
    CU_ASSERT_FALSE(holds(command, PAL_STEP_PRIVILEGES));
}

/* Whether the namespaces can be had here; if not, both modes do as they
 * should. Without pidfds the first process of a pid namespace cannot be tied
 * to this one, and is not from then on. */
static int offers(pal_command_t *command, int namespaces)
{
    pal_process_t *process = NULL;
    apr_status_t rv;

    TEST_OK(pal_command_namespaces_set(command, namespaces));
    rv = pal_process_start(&process, command);
    if (pal_command_failed_step(command) == PAL_STEP_PARENT) {
        CU_ASSERT_EQUAL(rv, ENOSYS);
        CU_ASSERT_TRUE(namespaces & PAL_NAMESPACE_PID);
        TEST_OK(pal_command_die_with_parent_set(command, 0));
        rv = pal_process_start(&process, command);
    }
    if (rv == APR_SUCCESS) {
        CU_ASSERT_TRUE(pal_process_held(process, PAL_STEP_NAMESPACES));
        CU_ASSERT_EQUAL(launch_finish(process), 0);
        return 1;
    }
    CU_ASSERT_PTR_NULL(process);
    CU_ASSERT_EQUAL(pal_command_failed_step(command), PAL_STEP_NAMESPACES);
    TEST_OK(pal_command_mode_set(command, PAL_STEP_NAMESPACES,
                                 PAL_CONFINE_BEST_EFFORT));
    CU_ASSERT_FALSE(holds(command, PAL_STEP_NAMESPACES));
    return 0;
}

static void namespaces(void)
{
    static const struct {
        int namespace;
        const char *name;
    } rows[] = {{PAL_NAMESPACE_USER, "user"}, {PAL_NAMESPACE_PID, "pid"},
                {PAL_NAMESPACE_MOUNT, "mnt"}, {PAL_NAMESPACE_NET, "net"},
                {PAL_NAMESPACE_IPC, "ipc"},   {PAL_NAMESPACE_UTS, "uts"}};
    pal_command_t *command;
    const char *own;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        command = launch_command_with("namespace", rows[i].name);
        own = apr_pstrdup(test_pool(), launch_output(command));
        TEST_OK(pal_command_stdio_set(command, 1, PAL_STDIO_NULL));
        if (offers(command, rows[i].namespace))
            CU_ASSERT_STRING_NOT_EQUAL(launch_output(command), own);
        CU_ASSERT_STRING_EQUAL(
            launch_output(launch_command_with("namespace", rows[i].name)),
            own);
    }
    command = launch_command("pid");
    CU_ASSERT_EQUAL(pal_command_namespaces_set(command, 64), APR_EINVAL);
}

/* One id is mapped, and that one is root inside. */
static void user_namespace(void)
{
    pal_command_t *command = launch_command_with("status", "Uid");
    apr_uint32_t group = 0;

    TEST_OK(pal_command_uid_set(command, 0));
    TEST_OK(pal_command_gid_set(command, 0));
    TEST_OK(pal_command_stdio_set(command, 1, PAL_STDIO_NULL));
    if (!offers(command, PAL_NAMESPACE_USER | PAL_NAMESPACE_PID))
        return;
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0\t0\t0\t0");
    command = launch_command_with("file", "/proc/self/uid_map");
    TEST_OK(pal_command_uid_set(command, 1234));
    TEST_OK(pal_command_namespaces_set(command, PAL_NAMESPACE_USER));
    CU_ASSERT_STRING_EQUAL(
        launch_output(command),
        apr_psprintf(test_pool(), "%10u %10u %10u\n", 1234u, geteuid(), 1u));
    TEST_OK(pal_command_groups_set(command, &group, 1));
    launch_failure(command, EPERM, PAL_STEP_IDS);
}

/* The first process of a pid namespace is 1 there, and killed as any. */
static void pid_namespace(void)
{
    pal_command_t *command = launch_command("pid");
    pal_process_t *process;

    TEST_OK(pal_command_stdio_set(command, 1, PAL_STDIO_NULL));
    if (!offers(command, PAL_NAMESPACE_USER | PAL_NAMESPACE_PID))
        return;
    CU_ASSERT_STRING_EQUAL(launch_output(command), "1");
    command = launch_command("echo");
    TEST_OK(pal_command_namespaces_set(command, PAL_NAMESPACE_USER
                                                    | PAL_NAMESPACE_PID));
    TEST_OK(pal_command_stdio_set(command, 0, PAL_STDIO_PIPE));
    TEST_OK(pal_command_die_with_parent_set(command, 0));
    process = launch_start(command);
    CU_ASSERT_TRUE(pal_process_pid(process) > 1);
    CU_ASSERT_EQUAL(pal_process_wait(process, 0), APR_TIMEUP);
    TEST_OK(pal_process_kill(process));
    CU_ASSERT_EQUAL(launch_finish(process), -9);
}

/* A folder for cgroups of version 2, or NULL. */
static const char *cgroup_root(void)
{
    FILE *mounts = fopen("/proc/self/mountinfo", "r");
    char line[4096], place[4096];
    const char *found = NULL;

    while (mounts != NULL && fgets(line, sizeof(line), mounts) != NULL)
        if (strstr(line, " - cgroup2 ") != NULL
            && sscanf(line, "%*s %*s %*s %*s %4095s", place) == 1)
            found = apr_pstrdup(test_pool(), place);
    if (mounts != NULL)
        fclose(mounts);
    return found;
}

static void cgroup(void)
{
    const char *root = cgroup_root();
    const char *name = apr_psprintf(test_pool(), "/pal-test-%d", getpid());
    pal_command_t *command = launch_command_with("file", "/proc/self/cgroup");
    int folder = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    TEST_OK(pal_command_cgroup_set(command, folder));
    launch_failure(command, ENOENT, PAL_STEP_CGROUP);
    TEST_OK(pal_command_mode_set(command, PAL_STEP_CGROUP,
                                 PAL_CONFINE_BEST_EFFORT));
    CU_ASSERT_FALSE(holds(command, PAL_STEP_CGROUP));
    close(folder);
    if (root == NULL)
        return;
    root = apr_pstrcat(test_pool(), root, name, NULL);
    if (mkdir(root, 0755) != 0) /* not ours to make */
        return;
    folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    TEST_OK(pal_command_cgroup_set(command, folder));
    TEST_OK(
        pal_command_mode_set(command, PAL_STEP_CGROUP, PAL_CONFINE_STRICT));
    CU_ASSERT_PTR_NOT_NULL(strstr(launch_output(command), name));
    CU_ASSERT_TRUE(holds(command, PAL_STEP_CGROUP));
    TEST_OK(pal_command_cgroup_set(command, PAL_HANDLE_NONE));
    CU_ASSERT_PTR_NULL(strstr(launch_output(command), name));
    close(folder);
    CU_ASSERT_EQUAL(rmdir(root), 0);
}

static void modes(void)
{
    pal_command_t *command = launch_command("pid");
    int bad = PAL_COMMAND_MAX_CPUS - 1;
    int step;

    for (step = PAL_STEP_NONE; step <= PAL_STEP_EXEC + 1; step++)
        CU_ASSERT_EQUAL(
            pal_command_mode_set(command, (pal_step_t)step,
                                 PAL_CONFINE_BEST_EFFORT),
            step == PAL_STEP_CGROUP || step == PAL_STEP_NAMESPACES
                    || step == PAL_STEP_SCHEDULE || step == PAL_STEP_LIMITS
                    || step == PAL_STEP_CAPABILITIES
                    || step == PAL_STEP_PRIVILEGES || step == PAL_STEP_LANDLOCK
                    || step == PAL_STEP_SECCOMP
                ? APR_SUCCESS
                : APR_EINVAL);
    CU_ASSERT_EQUAL(
        pal_command_mode_set(command, PAL_STEP_LIMITS, (pal_confine_mode_t)2),
        APR_EINVAL);
    TEST_OK(pal_command_cpus_set(command, &bad, 1));
    TEST_OK(pal_command_limit_set(command, PAL_LIMIT_HANDLES,
                                  (apr_uint64_t)1 << 40));
    CU_ASSERT_FALSE(holds(command, PAL_STEP_SCHEDULE));
    CU_ASSERT_FALSE(holds(command, PAL_STEP_LIMITS));
    CU_ASSERT_FALSE(holds(command, PAL_STEP_IDS));
    CU_ASSERT_FALSE(holds(command, (pal_step_t)-1));
    CU_ASSERT_FALSE(holds(command, (pal_step_t)99));
    TEST_OK(pal_command_limit_set(command, PAL_LIMIT_HANDLES, 100));
    CU_ASSERT_TRUE(test_in_valgrind() || holds(command, PAL_STEP_LIMITS));
}

/* What could not be done is told also when the child shares no memory. */
static void report_by_fork(void)
{
    CU_ASSERT_STRING_EQUAL(launch_output(launch_command("forked")), "works");
}

/* `step` cannot be done: nothing starts, or the child starts without. */
static void is_missing(pal_command_t *command, pal_step_t step)
{
    launch_failure(command, APR_ENOTIMPL, step);
    TEST_OK(pal_command_mode_set(command, step, PAL_CONFINE_BEST_EFFORT));
    CU_ASSERT_FALSE(holds(command, step));
}

static void missing(void)
{
    pal_command_t *command = launch_command("pid");

    TEST_OK(pal_command_cgroup_set(command, 2));
    is_missing(command, PAL_STEP_CGROUP);
    command = launch_command("pid");
    TEST_OK(pal_command_namespaces_set(command, PAL_NAMESPACE_UTS));
    is_missing(command, PAL_STEP_NAMESPACES);
    command = launch_command("pid");
    TEST_OK(pal_command_oom_score_set(command, 900));
    is_missing(command, PAL_STEP_SCHEDULE);
    command = launch_command("pid");
    TEST_OK(pal_command_capabilities_set(command, PAL_CAPABILITIES_BOUNDING,
                                         CAPABILITY));
    is_missing(command, PAL_STEP_CAPABILITIES);
    command = launch_command("pid");
    TEST_OK(pal_command_no_new_privs_set(command, 1));
    is_missing(command, PAL_STEP_PRIVILEGES);
    command = launch_command("pid");
    TEST_OK(pal_command_landlock_add(command, "/", PAL_FILES_READ));
    is_missing(command, PAL_STEP_LANDLOCK);
    command = launch_command("pid");
    set_filter(command, SYS_acct, EPERM);
    is_missing(command, PAL_STEP_SECCOMP);
}

static const test_case_t portable_cases[] = {
    {"ids", ids},
    {"id_limits", id_limits},
    {"dropped_groups", dropped_groups},
    {"landlock_limits", landlock_limits},
    {"missing", missing},
    {NULL, NULL},
};

static const test_case_t cases[] = {
    {"ids", ids},
    {"id_limits", id_limits},
    {"dropped_groups", dropped_groups},
    {"parent_death_after_ids", parent_death_after_ids},
    {"capabilities", capabilities},
    {"refused_capabilities", refused_capabilities},
    {"filters", filters},
    {"filtered_exec", filtered_exec},
    {"landlock", landlock},
    {"landlock_limits", landlock_limits},
    {"crowded_numbers", crowded_numbers},
    {"implied_privileges", implied_privileges},
    {"namespaces", namespaces},
    {"user_namespace", user_namespace},
    {"pid_namespace", pid_namespace},
    {"cgroup", cgroup},
    {"modes", modes},
    {"report_by_fork", report_by_fork},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    int code = child_main(argc, argv);

    return code >= 0 ? code
                     : test_main(argc, argv, "pal privilege",
                                 test_is_native() ? cases : portable_cases);
}
