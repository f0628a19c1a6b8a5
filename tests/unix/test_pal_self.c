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
#include <unistd.h>

static void ids(void)
{
    CU_ASSERT_EQUAL(pal_self_pid(), getpid());
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
    TEST_OK(pal_self_name_set("worker"));
    CU_ASSERT_STRING_EQUAL(comm(), "worker\n");
    TEST_OK(pal_self_name_set("a name of more than 15 bytes"));
    CU_ASSERT_STRING_EQUAL(comm(), "a name of more \n");
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
    {"argv0", argv0},
    {"name", name},
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
