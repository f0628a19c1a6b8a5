/* pal's loop inside libuv's:
 *
 *   loop_uv [PROGRAM [ARG...]] */
#include "loop_guest.h"

#include <uv.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct host_t {
    guest_t guest;
    uv_loop_t loop;
    uv_prepare_t prepare;
    uv_poll_t poll;
    uv_timer_t timer, deadline;
} host_t;

static void dispatch(host_t *host)
{
    guest_check(pal_loop_dispatch(host->guest.loop), "pal_loop_dispatch");
    if (guest_is_over(&host->guest))
        uv_stop(&host->loop);
}

static void on_timeout(uv_timer_t *timer)
{
    dispatch(timer->data);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    dispatch(poll->data);
}

/* Before each wait. */
static void on_prepare(uv_prepare_t *prepare)
{
    host_t *host = prepare->data;
    int timeout = guest_timeout(&host->guest);

    (void)uv_timer_stop(&host->timer);
    if (timeout < 0)
        return;
    uv_update_time(&host->loop);
    (void)uv_timer_start(&host->timer, on_timeout, (uint64_t)timeout, 0);
}

static void on_deadline(uv_timer_t *timer)
{
    (void)timer;
    fputs("time is up\n", stderr);
    exit(1);
}

int main(int argc, char **argv)
{
    host_t host;

    (void)argc;
    guest_open(&host.guest, argv + 1);
    (void)uv_loop_init(&host.loop);
    (void)uv_timer_init(&host.loop, &host.timer);
    (void)uv_timer_init(&host.loop, &host.deadline);
    (void)uv_prepare_init(&host.loop, &host.prepare);
    if (uv_poll_init(&host.loop, &host.poll, (int)host.guest.handle) != 0)
        return 1;
    host.timer.data = host.prepare.data = host.poll.data = &host;
    (void)uv_timer_start(&host.deadline, on_deadline, GUEST_DEADLINE_MS, 0);
    (void)uv_prepare_start(&host.prepare, on_prepare);
    (void)uv_poll_start(&host.poll, UV_READABLE, on_ready);
    (void)uv_run(&host.loop, UV_RUN_DEFAULT);

    uv_close((uv_handle_t *)&host.timer, NULL);
    uv_close((uv_handle_t *)&host.deadline, NULL);
    uv_close((uv_handle_t *)&host.prepare, NULL);
    uv_close((uv_handle_t *)&host.poll, NULL);
    (void)uv_run(&host.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&host.loop);
    return guest_close(&host.guest);
}
