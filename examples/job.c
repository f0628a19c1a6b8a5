/* Runs a program and, when it has ended, ends all that it has left behind:
 *
 *   job PROGRAM [ARG...]
 *
 * PROGRAM is a path. Should we be killed ourselves, the same happens. The
 * environment variable KEEPER may name the keeper program. */
#include <pal/pal.h>

#include <stdio.h>
#include <stdlib.h>

static void check(apr_status_t rv, const char *what)
{
    char text[128];

    if (rv == APR_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, pal_status_text(rv, text, sizeof(text)));
    exit(1);
}

int main(int argc, char **argv)
{
    const char *keeper = getenv("KEEPER");
    pal_process_t *process;
    pal_command_t *command;
    pal_job_t *job;
    apr_pool_t *pool;
    int i, n_left;

    if (argc < 2)
        return 2;
    check(pal_initialize(), "pal_initialize");
    check(apr_pool_create(&pool, NULL), "apr_pool_create");
    check(pal_job_create(&job, pool), "pal_job_create");
    if (keeper != NULL)
        check(pal_job_keeper_set(job, keeper), keeper);
    check(pal_job_open(job), "pal_job_open");
    printf("held by %s\n",
           pal_job_held(job) & PAL_JOB_CGROUP ? "a cgroup" : "groups");
    (void)fflush(stdout); /* the program may write there too */

    check(pal_command_create(&command, pool), "pal_command_create");
    check(pal_command_program_set(command, argv[1]), argv[1]);
    for (i = 2; i < argc; i++)
        check(pal_command_arg_add(command, argv[i]), argv[i]);
    check(pal_command_job_set(command, job), "pal_command_job_set");
    check(pal_process_start(&process, command),
          pal_step_name(pal_command_failed_step(command)));
    check(pal_process_wait(process, -1), "pal_process_wait");
    check(pal_job_count(job, &n_left), "pal_job_count");
    check(pal_job_kill(job), "pal_job_kill");
    check(pal_job_wait(job, apr_time_from_sec(5)), "pal_job_wait");
    printf("code %d, %d left behind\n", pal_process_exit_code(process),
           n_left);

    pal_process_close(&process);
    pal_job_close(job);
    apr_pool_destroy(pool);
    pal_terminate();
    return 0;
}
