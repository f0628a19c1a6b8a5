#include "config.h"

#include "child.h"
#include "launch.h"
#include "pal_compiler.h"

#include "harness.h"

#include <pal/pal.h>

#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *in_test_dir(const char *name)
{
    return apr_pstrcat(test_pool(), test_dir(), "/", name, NULL);
}

static const char *own_path(void)
{
    const char *path;

    TEST_OK(pal_self_path(&path, test_pool()));
    return path;
}

/* A command for a program named "tool" that is looked for in `path`. */
static pal_command_t *search_in(const char *path)
{
    pal_command_t *command;

    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_search_set(command, "tool"));
    TEST_OK(pal_command_arg_add(command, "args"));
    if (path != NULL)
        TEST_OK(pal_command_env_set(command, "PATH", path));
    return command;
}

static void program_by_search(void)
{
    const char *none = in_test_dir("none"), *denied = in_test_dir("denied");
    const char *good = in_test_dir("good");
    pal_command_t *command;
    int plain;

    CU_ASSERT_EQUAL(mkdir(none, 0755), 0);
    CU_ASSERT_EQUAL(mkdir(denied, 0755), 0);
    CU_ASSERT_EQUAL(mkdir(good, 0755), 0);
    plain = open(in_test_dir("denied/tool"), O_CREAT | O_WRONLY, 0644);
    close(plain);
    CU_ASSERT_EQUAL(symlink(own_path(), in_test_dir("good/tool")), 0);

    command = search_in(
        apr_pstrcat(test_pool(), none, ":", denied, ":", good, NULL));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "tool\n");
    TEST_OK(pal_command_argv0_set(command, "other"));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "other\n");
    launch_failure(search_in(none), ENOENT, PAL_STEP_EXEC);
    launch_failure(
        search_in(apr_pstrcat(test_pool(), denied, ":", none, NULL)), EACCES,
        PAL_STEP_EXEC);

    /* An empty folder, at the end too, is the working one. */
    command = search_in("");
    TEST_OK(pal_command_folder_set(command, good));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "tool\n");
    command = search_in(apr_pstrcat(test_pool(), none, ":", NULL));
    TEST_OK(pal_command_folder_set(command, good));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "tool\n");

    /* With a '/' it is a path, and nothing is looked for. */
    TEST_OK(pal_command_search_set(command, "./tool"));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "./tool\n");
    TEST_OK(pal_command_search_set(command, "none/tool"));
    launch_failure(command, ENOENT, PAL_STEP_EXEC);
    TEST_OK(pal_command_search_set(command, ""));
    launch_failure(command, ENOENT, PAL_STEP_PREPARE);
}

static void search_without_path(void)
{
    pal_command_t *command = search_in(NULL);

    TEST_OK(pal_command_env_clear(command));
    TEST_OK(pal_command_search_set(command, "true"));
    CU_ASSERT_EQUAL(launch_finish(launch_start(command)), 0);
    /* The parent's PATH does not count if the child has another. */
    TEST_OK(pal_command_env_set(command, "PATH", "/nonexistent"));
    launch_failure(command, ENOENT, PAL_STEP_EXEC);
}

static void program_by_handle(void)
{
    int low = open(own_path(), O_RDONLY); /* inheritable */
    int high = fcntl(low, F_DUPFD, 700);
    pal_command_t *command;

    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_program_handle_set(command, low));
    TEST_OK(pal_command_arg_add(command, "list"));
    if (test_in_valgrind()) { /* which cannot follow it */
        close(low);
        close(high);
        return;
    }
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0,1,2");
    TEST_OK(pal_command_program_handle_set(command, high));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0,1,2");
    /* In the way of another, or passed on as well. */
    TEST_OK(pal_command_handle_add(command, low, high));
    TEST_OK(pal_command_handle_add(command, high, 3));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0,1,2,3,700");

    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_program_handle_set(command, low));
    TEST_OK(pal_command_arg_add(command, "args"));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "program\n");
    TEST_OK(pal_command_argv0_set(command, "x"));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "x\n");
    CU_ASSERT_EQUAL(pal_command_program_handle_set(command, PAL_HANDLE_NONE),
                    APR_EINVAL);
    close(high);
    TEST_OK(pal_command_program_handle_set(command, high));
    launch_failure(command, EBADF, PAL_STEP_HANDLES);
    close(low);
}

static void folder_by_handle(void)
{
    int folder = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pal_command_t *command = launch_command("folder");
    char there[4096];

    CU_ASSERT_PTR_NOT_NULL_FATAL(realpath(test_dir(), there));
    TEST_OK(pal_command_folder_set(command, "/"));
    TEST_OK(pal_command_folder_handle_set(command, folder));
    CU_ASSERT_STRING_EQUAL(launch_output(command), there);
    TEST_OK(pal_command_folder_set(command, "/"));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "/");
    CU_ASSERT_EQUAL(pal_command_folder_handle_set(command, PAL_HANDLE_NONE),
                    APR_EINVAL);
    close(folder);
    folder = fcntl(0, F_DUPFD_CLOEXEC, 40);
    close(folder);
    TEST_OK(pal_command_folder_handle_set(command, folder));
    launch_failure(command, EBADF, PAL_STEP_FOLDER);
}

static void pipes(void)
{
    pal_command_t *command = launch_command("echo");
    pal_handle_t input = PAL_HANDLE_NONE, output = PAL_HANDLE_NONE;
    pal_process_t *process;
    char byte = 0;

    TEST_OK(pal_command_stdio_set(command, 0, PAL_STDIO_PIPE));
    TEST_OK(pal_command_stdio_set(command, 1, PAL_STDIO_PIPE));
    process = launch_start(command);
    TEST_OK(pal_process_pipe_take(process, 0, &input));
    TEST_OK(pal_process_pipe_take(process, 1, &output));
    CU_ASSERT_EQUAL(pal_process_pipe_take(process, 1, &output), APR_ENOENT);
    CU_ASSERT_EQUAL(pal_process_pipe_take(process, 2, &output), APR_ENOENT);
    CU_ASSERT_EQUAL(pal_process_pipe_take(process, 3, &output), APR_ENOENT);
    CU_ASSERT_EQUAL(pal_process_pipe_take(process, -1, &output), APR_ENOENT);
    CU_ASSERT_EQUAL(fcntl((int)input, F_GETFD), FD_CLOEXEC);
    CU_ASSERT_EQUAL(write((int)input, "x", 1), 1);
    CU_ASSERT_EQUAL(read((int)output, &byte, 1), 1);
    CU_ASSERT_EQUAL(byte, 'x');
    pal_handle_close(&input);
    CU_ASSERT_EQUAL(read((int)output, &byte, 1), 0);
    pal_handle_close(&output);
    CU_ASSERT_EQUAL(launch_finish(process), 0);

    /* What is not taken goes with the process, or with the launch. */
    process = launch_start(command);
    pal_process_kill(process);
    CU_ASSERT_EQUAL(launch_finish(process), -SIGKILL);
    TEST_OK(pal_command_program_set(command, "/nonexistent"));
    launch_failure(command, ENOENT, PAL_STEP_EXEC);
}

/* The child's end is the other end of ours. */
static void stderr_by_pipe(void)
{
    pal_command_t *command = launch_command("links");
    pal_handle_t errors = PAL_HANDLE_NONE, output = PAL_HANDLE_NONE;
    char text[1024] = "", *third;
    pal_process_t *process;
    struct stat info;
    char byte;

    TEST_OK(pal_command_stdio_set(command, 1, PAL_STDIO_PIPE));
    TEST_OK(pal_command_stdio_set(command, 2, PAL_STDIO_PIPE));
    process = launch_start(command);
    TEST_OK(pal_process_pipe_take(process, 1, &output));
    TEST_OK(pal_process_pipe_take(process, 2, &errors));
    CU_ASSERT_EQUAL(launch_finish(process), 0);
    CU_ASSERT_TRUE(read((int)output, text, sizeof(text) - 1) > 0);
    CU_ASSERT_EQUAL(fstat((int)errors, &info), 0);
    third = strrchr(text, '[');
    CU_ASSERT_PTR_NOT_NULL_FATAL(third);
    CU_ASSERT_EQUAL(strtoull(third + 1, NULL, 10), info.st_ino);
    CU_ASSERT_EQUAL(read((int)errors, &byte, 1), 0);
    pal_handle_close(&output);
    pal_handle_close(&errors);
}

static void stderr_into_stdout(void)
{
    pal_command_t *command = launch_command("links");
    const char *text, *line;

    TEST_OK(pal_command_stdio_set(command, 2, PAL_STDIO_STDOUT));
    text = launch_output(command);
    line = strchr(text, '\n');
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    CU_ASSERT_EQUAL(strncmp(line, "\npipe:[", 7), 0);
    CU_ASSERT_EQUAL(strcspn(line + 1, "\n") * 2 + 3, strlen(line));
    CU_ASSERT_EQUAL(
        strncmp(line + 1, strrchr(line + 1, 'p') - 2, strcspn(line + 1, "\n")),
        0);
    CU_ASSERT_EQUAL(pal_command_stdio_set(command, 1, PAL_STDIO_STDOUT),
                    APR_EINVAL);
    CU_ASSERT_EQUAL(
        pal_command_stdio_set(command, 1, (pal_stdio_t)(PAL_STDIO_CLOSED + 1)),
        APR_EINVAL);
}

static void closed_numbers(void)
{
    pal_command_t *command = launch_command("list");
    pal_command_t *none = launch_command("exit");
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    TEST_OK(pal_command_stdio_set(command, 0, PAL_STDIO_CLOSED));
    TEST_OK(pal_command_stdio_set(command, 2, PAL_STDIO_CLOSED));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "1");
    TEST_OK(pal_command_handle_add(command, fd, 0));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0,1");
    close(fd);

    TEST_OK(pal_command_stdio_set(none, 0, PAL_STDIO_CLOSED));
    TEST_OK(pal_command_stdio_set(none, 1, PAL_STDIO_CLOSED));
    TEST_OK(pal_command_stdio_set(none, 2, PAL_STDIO_STDOUT));
    CU_ASSERT_EQUAL(launch_finish(launch_start(none)), 0);
}

static void sessions(void)
{
    pal_command_t *command = launch_command("session");

    TEST_OK(pal_command_stdio_set(command, 0, PAL_STDIO_NULL));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0 0 0");
    TEST_OK(pal_command_session_set(command, 1));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "1 1 0");
    TEST_OK(pal_command_group_set(command, 0));
    launch_failure(command, EPERM, PAL_STEP_SESSION);
    TEST_OK(pal_command_session_set(command, 0));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0 1 0");
    TEST_OK(pal_command_group_set(command, getpgrp()));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0 0 0");
    TEST_OK(pal_command_group_set(command, APR_INT32_MAX));
    launch_failure(command, EPERM, PAL_STEP_SESSION);
    CU_ASSERT_EQUAL(pal_command_group_set(command, -1), APR_EINVAL);
}

static void terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
    pal_command_t *command = launch_command("session");

    if (master < 0) /* a machine without pseudo-terminals */
        return;
    CU_ASSERT_EQUAL(grantpt(master), 0);
    CU_ASSERT_EQUAL(unlockpt(master), 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CU_ASSERT_FATAL(slave >= 0);
    TEST_OK(pal_command_handle_add(command, slave, 0));
    TEST_OK(pal_command_terminal_set(command, slave));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "1 1 1");
    close(slave);
    slave = fcntl(master, F_DUPFD_CLOEXEC, 40);
    close(slave);
    close(master);
    TEST_OK(pal_command_handles_clear(command));
    TEST_OK(pal_command_terminal_set(command, slave));
    launch_failure(command, EBADF, PAL_STEP_SESSION);
    CU_ASSERT_EQUAL(pal_command_terminal_set(command, PAL_HANDLE_NONE),
                    APR_EINVAL);
}

static void masks(void)
{
    pal_command_t *command = launch_command_with("status", "Umask");

    TEST_OK(pal_command_umask_set(command, 0123));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0123");
    CU_ASSERT_EQUAL(pal_command_umask_set(command, -1), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_command_umask_set(command, 01000), APR_EINVAL);
}

static int first_cpu(void)
{
    cpu_set_t set;
    int cpu = 0;

    CU_ASSERT_EQUAL_FATAL(sched_getaffinity(0, sizeof(set), &set), 0);
    while (!CPU_ISSET(cpu, &set))
        cpu++;
    return cpu;
}

static void priorities(void)
{
    int cpu = first_cpu(), bad = PAL_COMMAND_MAX_CPUS - 1;
    pal_command_t *command = launch_command("nice");

    TEST_OK(pal_command_nice_set(command, 7));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "7");
    CU_ASSERT_EQUAL(pal_command_nice_set(command, 20), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_command_nice_set(command, -21), APR_EINVAL);

    command = launch_command_with("status", "Cpus_allowed_list");
    TEST_OK(pal_command_cpus_set(command, &cpu, 1));
    if (!test_is_native()) {
        launch_failure(command, APR_ENOTIMPL, PAL_STEP_SCHEDULE);
        return;
    }
    CU_ASSERT_STRING_EQUAL(launch_output(command), launch_number(cpu));
    TEST_OK(pal_command_cpus_set(command, &bad, 1));
    launch_failure(command, EINVAL, PAL_STEP_SCHEDULE);
    CU_ASSERT_EQUAL(pal_command_cpus_set(command, &cpu, 0), APR_EINVAL);
    bad = -1;
    CU_ASSERT_EQUAL(pal_command_cpus_set(command, &bad, 1), APR_EINVAL);
    bad = PAL_COMMAND_MAX_CPUS;
    CU_ASSERT_EQUAL(pal_command_cpus_set(command, &bad, 1), PAL_E_LIMIT);

    command = launch_command_with("file", "/proc/self/oom_score_adj");
    TEST_OK(pal_command_oom_score_set(command, 900));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "900\n");
    CU_ASSERT_EQUAL(pal_command_oom_score_set(command, 1001), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_command_oom_score_set(command, -1001), APR_EINVAL);
}

/* This process stays as it is, whatever its children ask for. */
static void parent_unchanged(void)
{
    pal_command_t *command =
        launch_command_with("file", "/proc/self/oom_score_adj");
    const char *before =
        apr_pstrdup(test_pool(), launch_output(launch_command_with(
                                     "file", "/proc/self/oom_score_adj")));
    mode_t mask = umask(022);

    if (test_is_native())
        TEST_OK(pal_command_oom_score_set(command, 999));
    TEST_OK(pal_command_umask_set(command, 077));
    TEST_OK(pal_command_folder_set(command, "/"));
    TEST_OK(pal_command_limit_set(command, PAL_LIMIT_CORE, 0));
    CU_ASSERT_STRING_EQUAL(launch_output(command),
                           test_is_native() ? "999\n" : before);
    CU_ASSERT_STRING_EQUAL(
        launch_output(launch_command_with("file", "/proc/self/oom_score_adj")),
        before);
    CU_ASSERT_EQUAL(umask(mask), 022);
}

PAL__NO_SANITIZER static int write_word(void *word)
{
    return syscall(SYS_write, 1L, word, 4L) == 4 ? 0 : EIO;
}

PAL__NO_SANITIZER static int refuse_all(void *err)
{
    return *(int *)err;
}

static void hook(void)
{
    pal_command_t *command = launch_command("pid");
    int err = EDOM;

    TEST_OK(pal_command_hook_set(command, write_word, (void *)"pid "));
    CU_ASSERT_EQUAL(strncmp(launch_output(command), "pid ", 4), 0);
    TEST_OK(pal_command_hook_set(command, refuse_all, &err));
    launch_failure(command, EDOM, PAL_STEP_HOOK);
    TEST_OK(pal_command_hook_set(command, NULL, NULL));
    CU_ASSERT_NOT_EQUAL(strncmp(launch_output(command), "pid ", 4), 0);
}

/* A closed handle, whatever the launch opens for itself: its number may be the
 * next to be used. */
static void closed_handles(void)
{
    int own = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int closed[12], n = sizeof(closed) / sizeof(*closed), i;
    pal_command_t *command = launch_command("list"), *with;

    TEST_OK(pal_command_stdio_set(command, 0, PAL_STDIO_PIPE));
    TEST_OK(pal_command_stdio_set(command, 1, PAL_STDIO_NULL));
    if (test_is_native()) { /* more that is opened */
        TEST_OK(pal_command_namespaces_set(command, PAL_NAMESPACE_PID));
        TEST_OK(pal_command_mode_set(command, PAL_STEP_NAMESPACES,
                                     PAL_CONFINE_BEST_EFFORT));
        TEST_OK(pal_command_landlock_add(command, "/", PAL_FILES_EXECUTE));
        TEST_OK(pal_command_mode_set(command, PAL_STEP_LANDLOCK,
                                     PAL_CONFINE_BEST_EFFORT));
    }
    for (i = 0; i < n; i++)
        closed[i] = fcntl(own, F_DUPFD_CLOEXEC, 0);
    for (i = 0; i < n; i++)
        close(closed[i]);
    for (i = 0; i < n; i++) {
        TEST_OK(pal_command_copy(&with, command, test_pool()));
        TEST_OK(pal_command_handle_add(with, closed[i], 7));
        launch_failure(with, EBADF, PAL_STEP_HANDLES);
        TEST_OK(pal_command_copy(&with, command, test_pool()));
        TEST_OK(pal_command_program_handle_set(with, closed[i]));
        launch_failure(with, EBADF, PAL_STEP_HANDLES);
        TEST_OK(pal_command_copy(&with, command, test_pool()));
        TEST_OK(pal_command_folder_handle_set(with, closed[i]));
        launch_failure(with, EBADF, PAL_STEP_FOLDER);
        TEST_OK(pal_command_copy(&with, command, test_pool()));
        TEST_OK(pal_command_terminal_set(with, closed[i]));
        launch_failure(with, EBADF, PAL_STEP_SESSION);
        TEST_OK(pal_command_copy(&with, command, test_pool()));
        TEST_OK(pal_command_cgroup_set(with, closed[i]));
        launch_failure(with, EBADF, PAL_STEP_CGROUP);
        TEST_OK(pal_command_copy(&with, command, test_pool()));
        TEST_OK(
            pal_command_landlock_handle_add(with, closed[i], PAL_FILES_READ));
        launch_failure(with, EBADF, PAL_STEP_LANDLOCK);
    }
    close(own);
}

/* The first numbers that are no stdio, swapped. */
static void first_numbers_swapped(void)
{
    pal_command_t *command = launch_command_with("take", "3");
    int ends[2][2], kept[2], i;

    for (i = 0; i < 2; i++) {
        kept[i] = fcntl(3 + i, F_DUPFD_CLOEXEC, 50);
        CU_ASSERT_EQUAL_FATAL(pipe2(ends[i], O_CLOEXEC), 0);
        CU_ASSERT_EQUAL(write(ends[i][1], i == 0 ? "a" : "b", 1), 1);
        close(ends[i][1]);
        ends[i][1] = fcntl(ends[i][0], F_DUPFD_CLOEXEC, 50);
        close(ends[i][0]);
    }
    for (i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(dup2(ends[i][1], 3 + i), 3 + i);
        close(ends[i][1]);
    }
    TEST_OK(pal_command_arg_add(command, "4"));
    TEST_OK(pal_command_handle_add(command, 3, 4));
    TEST_OK(pal_command_handle_add(command, 4, 3));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "ba");
    for (i = 0; i < 2; i++) {
        close(3 + i);
        if (kept[i] >= 0) {
            CU_ASSERT_EQUAL(dup3(kept[i], 3 + i, O_CLOEXEC), 3 + i);
            close(kept[i]);
        }
    }
}

static void count_end(void *baton, pal_process_t *process)
{
    *(int *)baton += pal_process_has_ended(process);
}

static int has_counted(void *baton)
{
    return *(int *)baton > 0;
}

static void get_signals(struct sigaction *actions, sigset_t *mask)
{
    int number;

    memset(actions, 0, NSIG * sizeof(*actions)); /* some are not to be had */
    for (number = 1; number < NSIG; number++)
        (void)sigaction(number, NULL, &actions[number]);
    pthread_sigmask(SIG_SETMASK, NULL, mask);
}

/* Launches, waits and watches leave the program's signals alone. */
static void own_signals(void)
{
    struct sigaction before[NSIG], after[NSIG];
    pal_process_t *process;
    sigset_t masks[2];
    pal_loop_t *loop;
    int n_ends = 0, number;

    get_signals(before, &masks[0]);
    TEST_OK(pal_loop_create(&loop, test_pool()));
    CU_ASSERT_EQUAL(launch_finish(launch_start(launch_command("exit"))), 0);
    process = launch_start(launch_command("exit"));
    TEST_OK(pal_process_watch(process, loop, count_end, &n_ends));
    TEST_OK(pal_loop_run_until(loop, has_counted, &n_ends, -1));
    CU_ASSERT_EQUAL(launch_finish(process), 0);
    pal_loop_destroy(loop);
    get_signals(after, &masks[1]);
    for (number = 1; number < NSIG; number++) {
        CU_ASSERT_EQUAL(after[number].sa_handler, before[number].sa_handler);
        CU_ASSERT_EQUAL(after[number].sa_flags, before[number].sa_flags);
        CU_ASSERT_EQUAL(sigismember(&masks[1], number),
                        sigismember(&masks[0], number));
    }
}

static void signal_by_number(void)
{
    pal_command_t *command = launch_command("echo");
    pal_process_t *process;

    TEST_OK(pal_command_stdio_set(command, 0, PAL_STDIO_PIPE));
    process = launch_start(command);
    TEST_OK(pal_process_signal(process, 0));
    CU_ASSERT_EQUAL(pal_process_signal(process, 1000), EINVAL);
    TEST_OK(pal_process_signal(process, SIGUSR1));
    TEST_OK(pal_process_wait(process, -1));
    CU_ASSERT_EQUAL(pal_process_exit_signal(process), SIGUSR1);
    TEST_OK(pal_process_signal(process, SIGUSR1));
    pal_process_close(&process);
}

static void use_of_resources(void)
{
    pal_process_t *process = launch_start(launch_command_with("burn", "40"));
    apr_interval_time_t used;

    CU_ASSERT_EQUAL(pal_process_user_time(process), 0);
    CU_ASSERT_EQUAL(pal_process_peak_memory(process), 0);
    TEST_OK(pal_process_wait(process, -1));
    used = pal_process_user_time(process) + pal_process_system_time(process);
    CU_ASSERT_TRUE(used >= 40000);
    CU_ASSERT_TRUE(used < 20 * APR_USEC_PER_SEC);
    CU_ASSERT_TRUE(pal_process_user_time(process) > 0);
    CU_ASSERT_TRUE(pal_process_peak_memory(process) >= 40u << 20);
    CU_ASSERT_EQUAL(pal_process_exit_code(process), 0);
    CU_ASSERT_EQUAL(pal_process_user_time(process)
                        + pal_process_system_time(process),
                    used);
    pal_process_close(&process);
}

static void attached(void)
{
    pal_command_t *command = launch_command("echo");
    pal_process_t *process, *other = NULL;
    pal_loop_t *loop;
    int n_ends = 0;
    apr_int64_t pid;

    TEST_OK(pal_command_stdio_set(command, 0, PAL_STDIO_PIPE));
    process = launch_start(command);
    pid = pal_process_pid(process);
    if (pal_process_attach(&other, pid) == APR_ENOTIMPL) {
        CU_ASSERT_PTR_NULL(other);
        pal_process_kill(process);
        CU_ASSERT_EQUAL(launch_finish(process), -SIGKILL);
        return;
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(other);
    CU_ASSERT_EQUAL(pal_process_pid(other), pid);
    CU_ASSERT_EQUAL(pal_process_wait(other, 0), APR_TIMEUP);
    TEST_OK(pal_loop_create(&loop, test_pool()));
    TEST_OK(pal_process_watch(other, loop, count_end, &n_ends));
    TEST_OK(pal_process_kill(other));
    TEST_OK(pal_loop_run_until(loop, has_counted, &n_ends, -1));
    CU_ASSERT_EQUAL(pal_process_exit_code(other), -1);
    CU_ASSERT_EQUAL(pal_process_exit_signal(other), 0);
    TEST_OK(pal_process_kill(other));
    pal_process_close(&other);
    pal_loop_destroy(loop);
    /* The status is still there for the owner. */
    CU_ASSERT_EQUAL(launch_finish(process), -SIGKILL);
    CU_ASSERT_EQUAL(pal_process_attach(&other, pid), ESRCH);
    CU_ASSERT_EQUAL(pal_process_attach(&other, 0), APR_EINVAL);
    CU_ASSERT_PTR_NULL(other);
}

/* One that is nobody's child here. */
static void attached_parent(void)
{
    pal_process_t *parent = NULL;
    apr_status_t rv;

    if (getppid() <= 0
        || pal_process_attach(&parent, getppid()) == APR_ENOTIMPL)
        return;
    CU_ASSERT_PTR_NOT_NULL_FATAL(parent);
    rv = pal_process_signal(parent, 0);
    CU_ASSERT_TRUE(rv == APR_SUCCESS || (rv == EPERM && geteuid() != 0));
    CU_ASSERT_EQUAL(pal_process_wait(parent, 1000), APR_TIMEUP);
    CU_ASSERT_FALSE(pal_process_has_ended(parent));
    pal_process_close(&parent);
}

static const test_case_t cases[] = {
    {"program_by_search", program_by_search},
    {"search_without_path", search_without_path},
    {"program_by_handle", program_by_handle},
    {"folder_by_handle", folder_by_handle},
    {"pipes", pipes},
    {"stderr_by_pipe", stderr_by_pipe},
    {"stderr_into_stdout", stderr_into_stdout},
    {"closed_numbers", closed_numbers},
    {"sessions", sessions},
    {"terminal", terminal},
    {"masks", masks},
    {"priorities", priorities},
    {"parent_unchanged", parent_unchanged},
    {"hook", hook},
    {"closed_handles", closed_handles},
    {"first_numbers_swapped", first_numbers_swapped},
    {"own_signals", own_signals},
    {"signal_by_number", signal_by_number},
    {"use_of_resources", use_of_resources},
    {"attached", attached},
    {"attached_parent", attached_parent},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    int code = child_main(argc, argv);

    return code >= 0 ? code : test_main(argc, argv, "pal builder", cases);
}
