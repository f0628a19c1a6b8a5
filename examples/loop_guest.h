/* What the examples of foreign loops have in pal's loop: a child, a timer that
 * ticks, and a thread that posts.
 *
 *   guest_open; run a foreign loop until guest_is_over; guest_close */
#ifndef LOOP_GUEST_H
#define LOOP_GUEST_H

#include <pal/pal.h>

#include <apr_thread_proc.h>

#define GUEST_DEADLINE_MS 20000 /* for the foreign loop to watch over */

typedef struct guest_t {
    apr_pool_t *pool;
    pal_loop_t *loop;
    pal_handle_t handle; /* to be waited for, to be readable */
    pal_process_t *process;
    pal_timer_t *timer;
    int n_ticks;
    apr_thread_t *thread;
    int n_posts;
} guest_t;

/* End the program with a message if `rv` is an error. */
void guest_check(apr_status_t rv, const char *what);

/* Start all three; argv: [PROGRAM [ARG...]], by default /bin/true. Ends the
 * program by the status 77, "skipped", where no foreign loop can host. */
void guest_open(guest_t *guest, char **argv);

/* How long to wait, in milliseconds, rounded up; -1: no limit. */
int guest_timeout(guest_t *guest);

/* Have all three happened? */
int guest_is_over(const guest_t *guest);

/* Returns the exit status for the program. */
int guest_close(guest_t *guest);

#endif
