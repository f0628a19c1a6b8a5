/* Signals: a handler for each number that has a source, which raises the
 * source's alarm.
 *
 * A handler has no baton, so there is a table by number for the whole
 * process. A handler may run on any thread, and may just be running while its
 * source is closed; so it counts itself in, and closing waits until no handler
 * is inside. A handler that comes later finds the place closed. In a child
 * made by fork() the handler raises the alarm of the child's copy, which
 * nobody looks at: the parent sees nothing of it. */
#include "config.h"

#include "../pal_compiler.h"
#include "../pal_private.h"

#include <pal/loop.h>

#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#ifndef NSIG
#    define NSIG 65
#endif

struct pal_signal_t {
    pal__alarm_t alarm;
    pal_loop_t *loop;
    int number;
    struct sigaction before; /* what was there */
};

typedef struct place_t {
    pal__flag_t is_open; /* `signal` is set, and stays */
    pal_signal_t *signal;
    pal__count_t n_inside; /* handlers */
} place_t;

static place_t places[NSIG];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* who has a place */

static void on_signal(int number)
{
    place_t *place = &places[number];
    int err = errno;

    (void)pal__count_add(&place->n_inside, 1);
    if (pal__flag_get(&place->is_open))
        pal__alarm_raise(place->signal->loop, &place->signal->alarm);
    (void)pal__count_add(&place->n_inside, -1);
    errno = err;
}

/* After these the instruction that caused them would be run again, and cause
 * them again. */
static int is_fault(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGFPE
           || number == SIGILL || number == SIGTRAP || number == SIGSYS;
}

static apr_status_t open_place(pal_signal_t *signal)
{
    place_t *place = &places[signal->number];
    struct sigaction action;

    if (place->signal != NULL)
        return APR_EEXIST;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    (void)sigemptyset(&action.sa_mask);
    place->signal = signal;
    (void)pal__flag_set(&place->is_open, 1);
    if (sigaction(signal->number, &action, &signal->before) != 0) {
        (void)pal__flag_set(&place->is_open, 0);
        place->signal = NULL;
        return errno;
    }
    return APR_SUCCESS;
}

apr_status_t pal_signal_create(pal_signal_t **ret_signal, pal_loop_t *loop,
                               int number, pal_signal_fn_t fn, void *baton)
{
    pal_signal_t *signal;
    apr_status_t rv;

    if (number <= 0 || number >= NSIG || is_fault(number))
        return APR_EINVAL;
    signal = calloc(1, sizeof(*signal));
    if (signal == NULL)
        return APR_ENOMEM;
    signal->loop = loop;
    signal->number = number;
    signal->alarm.fn = fn;
    signal->alarm.baton = baton;
    (void)pthread_mutex_lock(&lock);
    rv = open_place(signal);
    (void)pthread_mutex_unlock(&lock);
    if (rv != APR_SUCCESS) {
        free(signal);
        return rv;
    }
    pal__alarm_add(loop, &signal->alarm);
    *ret_signal = signal;
    return APR_SUCCESS;
}

/* Somebody else's handler in place of ours stays. */
static void restore(const pal_signal_t *signal)
{
    struct sigaction now;

    if (sigaction(signal->number, NULL, &now) == 0
        && now.sa_handler == on_signal)
        (void)sigaction(signal->number, &signal->before, NULL);
}

void pal_signal_close(pal_signal_t **signal)
{
    pal_signal_t *closing = *signal;
    place_t *place;

    if (closing == NULL)
        return;
    place = &places[closing->number];
    (void)pthread_mutex_lock(&lock);
    restore(closing);
    (void)pal__flag_set(&place->is_open, 0);
    while (pal__count_add(&place->n_inside, 0) > 0)
        pal__thread_yield();
    place->signal = NULL;
    (void)pthread_mutex_unlock(&lock);
    pal__alarm_remove(closing->loop, &closing->alarm);
    free(closing);
    *signal = NULL;
}
