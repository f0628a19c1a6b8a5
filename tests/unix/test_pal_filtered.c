#include "config.h"

#include "filter.h"
#include "launch.h"

#include "harness.h"

#include <pal/pal.h>

#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <unistd.h>

/* Old kernels and strict sandboxes: what launches are made of is refused, one
 * by one and all together, and the tests of processes and jobs pass all the
 * same. They run as they are, in processes ("run WHAT ERRNO PROGRAM CASE...")
 * that have got a filter and pass it on to whatever they start. */

#define FOLDER "tests/unix/"

static const char *const launch_cases[] = {
    "test_pal_launch", "stdio",       "closed_stdio",  "swapped_handles",
    "far_handles",     "signals",     "signal_storm",  "nothing_else_arrives",
    "failures",        "limits",      "locks_survive", "replaced_executable",
    "handle_limits",   "environment", "highest_number"};

static const char *const builder_cases[] = {"test_pal_builder",
                                            "program_by_search",
                                            "program_by_handle",
                                            "folder_by_handle",
                                            "pipes",
                                            "stderr_into_stdout",
                                            "closed_numbers",
                                            "sessions",
                                            "terminal",
                                            "masks",
                                            "priorities",
                                            "hook",
                                            "closed_handles",
                                            "signal_by_number",
                                            "attached",
                                            "use_of_resources",
                                            "attached_parent",
                                            "parent_unchanged"};

static const char *const process_cases[] = {
    "test_pal_process",   "exit_status",     "waits_with_timeout",
    "close_without_wait", "close_running",   "ignored_sigchld",
    "watch_on_loop",      "closed_watch",    "kill_from_thread",
    "dies_with_parent",   "outlives_parent", "launches_from_threads",
    "without_memory"};

static const char *const privilege_cases[] = {"test_pal_privilege",
                                              "ids",
                                              "dropped_groups",
                                              "parent_death_after_ids",
                                              "capabilities",
                                              "refused_capabilities",
                                              "filters",
                                              "filtered_exec",
                                              "landlock",
                                              "crowded_numbers",
                                              "namespaces",
                                              "user_namespace",
                                              "pid_namespace",
                                              "cgroup",
                                              "modes"};

static const char *const job_cases[] = {
    "test_pal_job",  "life",        "trees",       "wait_for_orphans",
    "close_kills",   "owner_dies",  "pool_closes", "watched",
    "failed_launch", "own_session", "own_cgroup",  "outlive",
    "threads"};

static const char *const fault_cases[] = {"test_pal_job_faults",
                                          "keeper_is_killed"};

/* Run them with `what` refused. */
static void run(const char *what, int err, const char *const *cases, size_t n)
{
    pal_command_t *command = launch_command_with("run", what);
    size_t i;

    TEST_OK(pal_command_arg_add(command, launch_number(err)));
    TEST_OK(pal_command_arg_add(
        command, apr_pstrcat(test_pool(), FOLDER, cases[0], NULL)));
    for (i = 1; i < n; i++)
        TEST_OK(pal_command_arg_add(command, cases[i]));
    if (getenv("STRESS") == NULL) /* it is the number of runs that counts */
        TEST_OK(pal_command_env_set(command, "STRESS", "20"));
    TEST_OK(pal_command_stdio_set(command, 2, PAL_STDIO_STDOUT));
    (void)launch_output(command); /* which looks at the exit code */
}

#define RUN(what, err, cases)                                                 \
    run((what), (err), (cases), sizeof(cases) / sizeof(*(cases)))

/* Whatever is refused, regions say so and no more. */
static void try_region(const char *what, int err)
{
    pal_command_t *command = launch_command_with("region", what);
    int fails = strcmp(what, "memfd") == 0 || strcmp(what, "all") == 0;
    int rv = !fails ? APR_SUCCESS : err == ENOSYS ? APR_ENOTIMPL : err;

    TEST_OK(pal_command_arg_add(command, launch_number(err)));
    CU_ASSERT_STRING_EQUAL(launch_output(command), launch_number(rv));
}

static void run_all(const char *what, int err)
{
    if (test_in_valgrind()) /* which has its own way of all that */
        return;
    RUN(what, err, launch_cases);
    RUN(what, err, builder_cases);
    RUN(what, err, process_cases);
    RUN(what, err, privilege_cases);
    try_region(what, err);
}

static void no_close_range(void)
{
    run_all("close_range", ENOSYS);
}

static void denied_close_range(void)
{
    run_all("close_range", EPERM);
}

static void no_clone(void)
{
    run_all("clone", ENOSYS);
}

static void denied_clone(void)
{
    run_all("clone", EPERM);
}

static void no_pidfd(void)
{
    run_all("pidfd", ENOSYS);
}

static void denied_pidfd(void)
{
    run_all("pidfd", EPERM);
}

static void no_memfd(void)
{
    run_all("memfd", ENOSYS);
}

static void denied_memfd(void)
{
    run_all("memfd", EPERM);
}

static void nothing(void)
{
    run_all("all", ENOSYS);
}

static void all_denied(void)
{
    run_all("all", EPERM);
}

static void jobs_of(const char *what)
{
    if (test_in_valgrind())
        return;
    RUN(what, ENOSYS, job_cases);
    RUN(what, EPERM, job_cases);
    RUN(what, ENOSYS, fault_cases);
    RUN(what, EPERM, fault_cases);
}

static void jobs_without_close_range(void)
{
    jobs_of("close_range");
}

static void jobs_without_clone(void)
{
    jobs_of("clone");
}

static void jobs_without_pidfd(void)
{
    jobs_of("pidfd");
}

static void jobs_without_all(void)
{
    jobs_of("all");
}

/* A filter holds, or these tests would show nothing. */
static void filters_hold(void)
{
    pal_command_t *command = launch_command_with("region", "memfd");

    TEST_OK(pal_command_arg_add(command, launch_number(EXDEV)));
    CU_ASSERT_STRING_EQUAL(launch_output(command), launch_number(EXDEV));
}

static const test_case_t cases[] = {
    {"filters_hold", filters_hold},
    {"no_close_range", no_close_range},
    {"denied_close_range", denied_close_range},
    {"no_clone", no_clone},
    {"denied_clone", denied_clone},
    {"no_pidfd", no_pidfd},
    {"denied_pidfd", denied_pidfd},
    {"no_memfd", no_memfd},
    {"denied_memfd", denied_memfd},
    {"nothing", nothing},
    {"all_denied", all_denied},
    {"jobs_without_close_range", jobs_without_close_range},
    {"jobs_without_clone", jobs_without_clone},
    {"jobs_without_pidfd", jobs_without_pidfd},
    {"jobs_without_all", jobs_without_all},
    {NULL, NULL},
};

/* What a region can be made of is told by its status. */
static int make_region(void)
{
    pal_handle_t region = PAL_HANDLE_NONE;
    apr_status_t rv = pal_region_create("x", 4096, &region);

    pal_handle_close(&region);
    return printf("%d", (int)rv) < 0;
}

int main(int argc, char **argv)
{
    if (argc > 3
        && (strcmp(argv[1], "run") == 0 || strcmp(argv[1], "region") == 0)) {
        if (!filter_set(argv[2], atoi(argv[3])))
            return 99;
        if (argc == 4)
            return make_region();
        execv(argv[4], argv + 4);
        return 98;
    }
    return test_main(argc, argv, "pal filtered", cases);
}
