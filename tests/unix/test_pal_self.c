#include "config.h"

#include "child.h"
#include "launch.h"

#include "harness.h"

#include <pal/pal.h>

#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void ids(void)
{
    CU_ASSERT_EQUAL(pal_self_pid(), getpid());
    CU_ASSERT_EQUAL(pal_self_parent_pid(), getppid());
}

static void cpus(void)
{
    cpu_set_t all, one;
    int cpu = 0;

    CU_ASSERT_EQUAL_FATAL(sched_getaffinity(0, sizeof(all), &all), 0);
    CU_ASSERT_EQUAL(pal_self_cpus(), CPU_COUNT(&all));
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    CU_ASSERT_EQUAL_FATAL(sched_setaffinity(0, sizeof(one), &one), 0);
    CU_ASSERT_EQUAL(pal_self_cpus(), 1);
    CU_ASSERT_EQUAL(sched_setaffinity(0, sizeof(all), &all), 0);
}

static void path(void)
{
    const char *own;
    struct stat named, running;

    TEST_OK(pal_self_path(&own, test_pool()));
    CU_ASSERT_EQUAL(own[0], '/');
    CU_ASSERT_EQUAL_FATAL(stat(own, &named), 0);
    CU_ASSERT_EQUAL_FATAL(stat("/proc/self/exe", &running), 0);
    /* valgrind lets the link read right, not lead right */
    CU_ASSERT_TRUE(test_in_valgrind() || named.st_ino == running.st_ino);
}

/* Under a name that is of no use for finding it. */
static void handle(void)
{
    pal_handle_t program = PAL_HANDLE_NONE;
    pal_command_t *command;
    const char *own;

    TEST_OK(pal_self_path(&own, test_pool()));
    TEST_OK(pal_self_handle(&program));
    CU_ASSERT_EQUAL(fcntl((int)program, F_GETFD), FD_CLOEXEC);
    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_program_handle_set(command, program));
    TEST_OK(pal_command_arg_add(command, "path"));
    CU_ASSERT_TRUE(test_in_valgrind()
                   || strcmp(launch_output(command), own) == 0);
    pal_handle_close(&program);
}

/* Also an empty one, which the kernel passes on. */
static void argv0(void)
{
    pal_command_t *command = launch_command("argv0");

    TEST_OK(pal_command_argv0_set(command, "a b"));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "a b");
    TEST_OK(pal_command_argv0_set(command, ""));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "");
}

static const char *comm(void)
{
    static char text[32];
    FILE *file = fopen("/proc/self/comm", "r");

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_PTR_NOT_NULL(fgets(text, sizeof(text), file));
    fclose(file);
    return text;
}

static void name(void)
{
    const char *now = "";

    TEST_OK(pal_self_name_set("worker"));
    CU_ASSERT_STRING_EQUAL(comm(), "worker\n");
    TEST_OK(pal_self_name(&now, test_pool()));
    CU_ASSERT_STRING_EQUAL(now, "worker");
    TEST_OK(pal_self_name_set("a name of more than 15 bytes"));
    CU_ASSERT_STRING_EQUAL(comm(), "a name of more \n");
    TEST_OK(pal_self_name(&now, test_pool()));
    CU_ASSERT_STRING_EQUAL(now, "a name of more ");
}

/* In a child that outlives its parent, which goes when told by `leave`: says
 * by `say` that it has held that one, and which way it learnt of its end. */
static void orphan(int say, int leave)
{
    apr_int64_t parent_pid = pal_self_parent_pid();
    pal_process_t *parent = NULL;
    apr_status_t rv = pal_self_parent(&parent);
    char answer = '-';

    if (APR_STATUS_IS_ENOTIMPL(rv))
        answer = 'n';
    else if (rv == APR_SUCCESS && pal_process_pid(parent) == parent_pid
             && APR_STATUS_IS_TIMEUP(pal_process_wait(parent, 0))
             && write(leave, "x", 1) == 1
             && pal_process_wait(parent, -1) == APR_SUCCESS
             && pal_self_parent_pid() != parent_pid)
        answer = 'y';
    (void)!write(say, &answer, 1);
    _exit(0);
}

static void parent(void)
{
    int say[2], leave[2], status = -1;
    char answer = 0;
    pid_t middle;

    CU_ASSERT_EQUAL_FATAL(pipe2(say, O_CLOEXEC), 0);
    CU_ASSERT_EQUAL_FATAL(pipe2(leave, O_CLOEXEC), 0);
    middle = fork();
    CU_ASSERT_FATAL(middle >= 0);
    if (middle == 0) {
        if (fork() == 0)
            orphan(say[1], leave[1]);
        (void)close(leave[1]);
        _exit(read(leave[0], &answer, 1) < 0);
    }
    CU_ASSERT_EQUAL(close(say[1]), 0);
    CU_ASSERT_EQUAL(close(leave[0]), 0);
    CU_ASSERT_EQUAL(close(leave[1]), 0);
    CU_ASSERT_EQUAL(waitpid(middle, &status, 0), middle);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT_EQUAL(read(say[0], &answer, 1), 1);
    CU_ASSERT_EQUAL(answer, test_is_native() ? 'y' : 'n');
    CU_ASSERT_EQUAL(close(say[0]), 0);
}

static void takes_variables(void)
{
    const char *value = "untouched";

    setenv("TEST_TAKEN", "a=b", 1);
    TEST_OK(pal_self_env_take("TEST_TAKEN", &value, test_pool()));
    CU_ASSERT_STRING_EQUAL(value, "a=b");
    CU_ASSERT_PTR_NULL(getenv("TEST_TAKEN"));
    TEST_OK(pal_self_env_take("TEST_TAKEN", &value, test_pool()));
    CU_ASSERT_PTR_NULL(value);
}

static void terminals(void)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    int plain = open("/dev/null", O_RDONLY | O_CLOEXEC);

    CU_ASSERT_TRUE(terminal < 0 || pal_self_is_terminal(terminal));
    CU_ASSERT_FALSE(pal_self_is_terminal(plain));
    CU_ASSERT_FALSE(pal_self_is_terminal(PAL_HANDLE_NONE));
    close(plain);
    if (terminal >= 0)
        close(terminal);
}

/* Handlers of atexit do not run: the child has one that says so. */
static void exits(void)
{
    CU_ASSERT_STRING_EQUAL(launch_output(launch_command("exit_at_once")), "");
}

static const test_case_t cases[] = {
    {"ids", ids},
    {"cpus", cpus},
    {"path", path},
    {"handle", handle},
    {"argv0", argv0},
    {"name", name},
    {"parent", parent},
    {"takes_variables", takes_variables},
    {"terminals", terminals},
    {"exits", exits},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    int code = child_main(argc, argv);

    return code >= 0 ? code : test_main(argc, argv, "pal self", cases);
}
