/* Runs a program with its output in a pipe, for a limited time:
 *
 *   process SECONDS PROGRAM [ARG...]
 *
 * PROGRAM is a path. What it writes is copied to our own output, each piece
 * with its length in front; then it is said how it ended. */
#include <pal/pal.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct run_t {
    pal_process_t *process;
    pal_handle_t output;
    pal_watch_t *watch;
} run_t;

static void check(apr_status_t rv, const char *what)
{
    char text[128];

    if (rv == APR_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, pal_status_text(rv, text, sizeof(text)));
    exit(1);
}

static void on_output(void *baton, int events)
{
    run_t *run = baton;
    char piece[4096];
    apr_size_t len;

    (void)events;
    check(pal_file_read(run->output, piece, sizeof(piece), &len), "reading");
    if (len > 0)
        printf("%lu: %.*s", (unsigned long)len, (int)len, piece);
    else
        pal_watch_close(&run->watch);
}

static void on_end(void *baton, pal_process_t *process)
{
    (void)baton;
    (void)process; /* is_over asks it */
}

static int is_over(void *baton)
{
    const run_t *run = baton;

    return run->watch == NULL && pal_process_has_ended(run->process);
}

int main(int argc, char **argv)
{
    pal_handle_t pipe[2];
    pal_command_t *command;
    pal_loop_t *loop;
    apr_pool_t *pool;
    apr_status_t rv;
    run_t run;
    int i;

    if (argc < 3)
        return 2;
    check(pal_initialize(), "pal_initialize");
    check(apr_pool_create(&pool, NULL), "apr_pool_create");
    check(pal_loop_create(&loop, pool), "pal_loop_create");
    check(pal_handle_pipe(pipe), "pal_handle_pipe");

    check(pal_command_create(&command, pool), "pal_command_create");
    check(pal_command_program_set(command, argv[2]), argv[2]);
    for (i = 3; i < argc; i++)
        check(pal_command_arg_add(command, argv[i]), argv[i]);
    check(pal_command_handle_add(command, pipe[1], 1), "the pipe");
    rv = pal_process_start(&run.process, command);
    check(rv, pal_step_name(pal_command_failed_step(command)));
    pal_handle_close(&pipe[1]); /* or the output would never end */

    run.output = pipe[0];
    check(pal_watch_create(&run.watch, loop, run.output, PAL_READABLE,
                           on_output, &run),
          "pal_watch_create");
    check(pal_process_watch(run.process, loop, on_end, NULL),
          "pal_process_watch");
    rv = pal_loop_run_until(loop, is_over, &run,
                            apr_time_from_sec(atoi(argv[1])));
    if (APR_STATUS_IS_TIMEUP(rv)) {
        check(pal_process_kill(run.process), "pal_process_kill");
        check(pal_process_wait(run.process, -1), "pal_process_wait");
    }
    printf("%s: code %d, signal %d\n",
           APR_STATUS_IS_TIMEUP(rv) ? "time is up" : "ended",
           pal_process_exit_code(run.process),
           pal_process_exit_signal(run.process));

    if (run.watch != NULL)
        pal_watch_close(&run.watch);
    pal_handle_close(&run.output);
    pal_process_close(&run.process);
    pal_loop_destroy(loop);
    apr_pool_destroy(pool);
    pal_terminate();
    return 0;
}
