#include "config.h"

#include "harness.h"

#include <pal/pal.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

/* The shortest children, many of them: each one's status arrives. */

#define N_THREADS 4

typedef struct launcher_t {
    const char *program;
    apr_pool_t *pool;
    pthread_t thread;
    int n, n_bad;
} launcher_t;

/* The program next to this one. */
static const char *brief_path(void)
{
    const char *own;

    TEST_OK(pal_self_path(&own, test_pool()));
    return apr_pstrcat(test_pool(),
                       apr_pstrndup(test_pool(), own,
                                    (apr_size_t)(strrchr(own, '/') + 1 - own)),
                       "brief", NULL);
}

/* Child number i ends so: by a code, or minus a signal. */
static int end_of(int i)
{
    return i % 16 == 5 ? -SIGTERM : i % 16 == 10 ? -SIGKILL : i % 251;
}

/* One command for each way to end, used again and again. */
static apr_status_t make_commands(const launcher_t *launcher,
                                  pal_command_t **commands)
{
    apr_status_t rv = APR_SUCCESS;
    int code;

    for (code = -SIGTERM; code < 251 && rv == APR_SUCCESS; code++) {
        rv = pal_command_create(&commands[code + SIGTERM], launcher->pool);
        if (rv == APR_SUCCESS)
            rv = pal_command_program_set(commands[code + SIGTERM],
                                         launcher->program);
        if (rv == APR_SUCCESS)
            rv = pal_command_arg_add(commands[code + SIGTERM],
                                     apr_itoa(launcher->pool, code));
    }
    return rv;
}

static int ended_so(pal_process_t *process, int end)
{
    return end < 0 ? pal_process_exit_signal(process) == -end
                         && pal_process_exit_code(process) == -1
                   : pal_process_exit_code(process) == end
                         && pal_process_exit_signal(process) == 0;
}

/* Several at a time, so that some have ended before anybody waits. */
static void *launch_many(void *arg)
{
    launcher_t *launcher = arg;
    pal_command_t *commands[SIGTERM + 251];
    pal_process_t *processes[8];
    int i, k, n;

    if (make_commands(launcher, commands) != APR_SUCCESS) {
        launcher->n_bad++;
        return NULL;
    }
    for (i = 0; i < launcher->n; i += n) {
        for (n = 0; n < 8 && i + n < launcher->n; n++) {
            processes[n] = NULL;
            if (pal_process_start(&processes[n],
                                  commands[end_of(i + n) + SIGTERM])
                != APR_SUCCESS)
                launcher->n_bad++;
        }
        for (k = 0; k < n; k++) {
            launcher->n_bad +=
                processes[k] != NULL
                && (pal_process_wait(processes[k], -1) != APR_SUCCESS
                    || !ended_so(processes[k], end_of(i + k)));
            pal_process_close(&processes[k]);
        }
    }
    return NULL;
}

static void start_launchers(launcher_t *launchers, int n_threads, int n)
{
    int i;

    for (i = 0; i < n_threads; i++) {
        memset(&launchers[i], 0, sizeof(*launchers));
        launchers[i].program = brief_path();
        launchers[i].n = n / n_threads + 1;
        apr_pool_create_unmanaged_ex(&launchers[i].pool, NULL, NULL);
        CU_ASSERT_EQUAL_FATAL(pthread_create(&launchers[i].thread, NULL,
                                             launch_many, &launchers[i]),
                              0);
    }
}

static void join_launchers(launcher_t *launchers, int n_threads)
{
    int i;

    for (i = 0; i < n_threads; i++) {
        pthread_join(launchers[i].thread, NULL);
        CU_ASSERT_EQUAL(launchers[i].n_bad, 0);
        apr_pool_destroy(launchers[i].pool);
    }
}

/* A tenth of them: each part has a deadline of its own. */
static void short_lives(void)
{
    launcher_t launchers[N_THREADS];

    start_launchers(launchers, N_THREADS, test_scale(10000));
    join_launchers(launchers, N_THREADS);
}

/* Children of others: by APR, and by system(3). */
typedef struct other_t {
    const char *program;
    apr_pool_t *pool;
    pthread_t thread;
    int n, n_bad;
} other_t;

static void *run_apr(void *arg)
{
    other_t *other = arg;
    const char *args[3] = {other->program, NULL, NULL};
    apr_procattr_t *attr;
    apr_exit_why_e why;
    apr_proc_t proc;
    int i, code;

    for (i = 0; i < other->n; i++) {
        args[1] = apr_itoa(other->pool, i % 200);
        if (apr_procattr_create(&attr, other->pool) != APR_SUCCESS
            || apr_procattr_cmdtype_set(attr, APR_PROGRAM) != APR_SUCCESS
            || apr_proc_create(&proc, other->program, args, NULL, attr,
                               other->pool)
                   != APR_SUCCESS
            || apr_proc_wait(&proc, &code, &why, APR_WAIT) != APR_CHILD_DONE
            || why != APR_PROC_EXIT || code != i % 200)
            other->n_bad++;
    }
    return NULL;
}

static void *run_system(void *arg)
{
    other_t *other = arg;
    char line[32];
    int i, status;

    for (i = 0; i < other->n; i++) {
        apr_snprintf(line, sizeof(line), "exit %d", i % 200);
        status = system(line);
        other->n_bad += !WIFEXITED(status) || WEXITSTATUS(status) != i % 200;
    }
    return NULL;
}

/* Neither takes the children of the other away. */
static void other_spawners(void)
{
    static void *(*const run[2])(void *) = {run_apr, run_system};
    launcher_t launchers[2];
    other_t others[2];
    int i;

    start_launchers(launchers, 2, test_scale(1000));
    for (i = 0; i < 2; i++) {
        others[i].program = brief_path();
        others[i].n = test_scale(300);
        others[i].n_bad = 0;
        apr_pool_create_unmanaged_ex(&others[i].pool, NULL, NULL);
        CU_ASSERT_EQUAL_FATAL(
            pthread_create(&others[i].thread, NULL, run[i], &others[i]), 0);
    }
    for (i = 0; i < 2; i++) {
        pthread_join(others[i].thread, NULL);
        CU_ASSERT_EQUAL(others[i].n_bad, 0);
        apr_pool_destroy(others[i].pool);
    }
    join_launchers(launchers, 2);
}

static const test_case_t cases[] = {
    {"short_lives_1", short_lives},     {"short_lives_2", short_lives},
    {"short_lives_3", short_lives},     {"short_lives_4", short_lives},
    {"short_lives_5", short_lives},     {"short_lives_6", short_lives},
    {"short_lives_7", short_lives},     {"short_lives_8", short_lives},
    {"short_lives_9", short_lives},     {"short_lives_10", short_lives},
    {"other_spawners", other_spawners}, {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal crowd", cases);
}
