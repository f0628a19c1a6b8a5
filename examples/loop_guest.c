#include "loop_guest.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_TICKS 5
#define N_POSTS 100
#define TICK 2000

void guest_check(apr_status_t rv, const char *what)
{
    char text[128];

    if (rv == APR_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, pal_status_text(rv, text, sizeof(text)));
    exit(1);
}

static void on_tick(void *baton)
{
    guest_t *guest = baton;

    if (++guest->n_ticks < N_TICKS)
        guest_check(pal_timer_start(guest->timer, TICK), "pal_timer_start");
}

static void on_post(void *baton)
{
    guest_t *guest = baton;

    guest->n_posts++;
}

static void *APR_THREAD_FUNC run_thread(apr_thread_t *thread, void *baton)
{
    guest_t *guest = baton;
    int i;

    (void)thread;
    for (i = 0; i < N_POSTS; i++)
        guest_check(pal_loop_post(guest->loop, on_post, guest),
                    "pal_loop_post");
    return NULL;
}

static void on_end(void *baton, pal_process_t *process)
{
    (void)baton;
    (void)process; /* guest_is_over asks it */
}

static void start_child(guest_t *guest, char **argv)
{
    const char *program = *argv != NULL ? *argv++ : "/bin/true";
    pal_command_t *command;

    guest_check(pal_command_create(&command, guest->pool), program);
    guest_check(pal_command_program_set(command, program), program);
    for (; *argv != NULL; argv++)
        guest_check(pal_command_arg_add(command, *argv), *argv);
    guest_check(pal_process_start(&guest->process, command), program);
    guest_check(pal_process_watch(guest->process, guest->loop, on_end, NULL),
                "pal_process_watch");
}

void guest_open(guest_t *guest, char **argv)
{
    int events;

    memset(guest, 0, sizeof(*guest));
    guest_check(pal_initialize(), "pal_initialize");
    guest_check(apr_pool_create(&guest->pool, NULL), "apr_pool_create");
    guest_check(pal_loop_create(&guest->loop, guest->pool), "pal_loop_create");
    guest_check(pal_loop_host_handle(guest->loop, &guest->handle, &events),
                "pal_loop_host_handle");
    start_child(guest, argv);
    guest_check(pal_timer_create(&guest->timer, guest->loop, on_tick, guest),
                "pal_timer_create");
    guest_check(pal_timer_start(guest->timer, TICK), "pal_timer_start");
    guest_check(apr_thread_create(&guest->thread, NULL, run_thread, guest,
                                  guest->pool),
                "apr_thread_create");
}

int guest_timeout(guest_t *guest)
{
    apr_interval_time_t timeout = pal_loop_prepare(guest->loop);

    if (timeout < 0)
        return -1;
    timeout = (timeout + 999) / 1000;
    return timeout < INT_MAX ? (int)timeout : INT_MAX;
}

int guest_is_over(const guest_t *guest)
{
    return guest->n_ticks == N_TICKS && guest->n_posts == N_POSTS
           && pal_process_has_ended(guest->process);
}

int guest_close(guest_t *guest)
{
    int code = pal_process_exit_code(guest->process);
    apr_status_t rv;

    guest_check(apr_thread_join(&rv, guest->thread), "apr_thread_join");
    printf("%d ticks, %d posts, code %d\n", guest->n_ticks, guest->n_posts,
           code);
    pal_timer_close(&guest->timer);
    pal_process_close(&guest->process);
    pal_loop_destroy(guest->loop);
    apr_pool_destroy(guest->pool);
    pal_terminate();
    return code == 0 ? 0 : 1;
}
