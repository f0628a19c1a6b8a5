/* Signals on Windows: what the console tells of. SIGINT is Ctrl+C, SIGBREAK
 * Ctrl+Break; there are no others.
 *
 * A handler has no baton, so there is a table by event for the whole process.
 * The system calls a handler on a thread of its own, so it may take a lock. */
#include "config.h"

#include "../pal_private.h"

#include <pal/loop.h>

#include <stdlib.h>

#include <signal.h>
#include <windows.h>

struct pal_signal_t {
    pal__alarm_t alarm;
    pal_loop_t *loop;
    DWORD event;
};

static SRWLOCK lock = SRWLOCK_INIT; /* for the table */
static pal_signal_t *signals[CTRL_BREAK_EVENT + 1];

static BOOL WINAPI on_event(DWORD event)
{
    pal_signal_t *signal = NULL;

    AcquireSRWLockShared(&lock);
    if (event <= CTRL_BREAK_EVENT)
        signal = signals[event];
    if (signal != NULL)
        pal__alarm_raise(signal->loop, &signal->alarm);
    ReleaseSRWLockShared(&lock);
    return signal != NULL;
}

/* Under the lock. The handler is there while there is any signal. */
static apr_status_t put(pal_signal_t *signal)
{
    DWORD other = CTRL_C_EVENT + CTRL_BREAK_EVENT - signal->event;

    if (signals[signal->event] != NULL)
        return APR_EEXIST;
    if (signals[other] == NULL && !SetConsoleCtrlHandler(on_event, TRUE))
        return APR_FROM_OS_ERROR(GetLastError());
    signals[signal->event] = signal;
    return APR_SUCCESS;
}

apr_status_t pal_signal_create(pal_signal_t **ret_signal, pal_loop_t *loop,
                               int number, pal_signal_fn_t fn, void *baton)
{
    pal_signal_t *signal;
    apr_status_t rv;

    if (number != SIGINT && number != SIGBREAK)
        return APR_EINVAL;
    signal = calloc(1, sizeof(*signal));
    if (signal == NULL)
        return APR_ENOMEM;
    signal->loop = loop;
    signal->event = number == SIGINT ? CTRL_C_EVENT : CTRL_BREAK_EVENT;
    signal->alarm.fn = fn;
    signal->alarm.baton = baton;
    AcquireSRWLockExclusive(&lock);
    rv = put(signal);
    ReleaseSRWLockExclusive(&lock);
    if (rv != APR_SUCCESS) {
        free(signal);
        return rv;
    }
    pal__alarm_add(loop, &signal->alarm);
    *ret_signal = signal;
    return APR_SUCCESS;
}

void pal_signal_close(pal_signal_t **signal)
{
    pal_signal_t *closing = *signal;

    if (closing == NULL)
        return;
    AcquireSRWLockExclusive(&lock);
    signals[closing->event] = NULL;
    if (signals[CTRL_C_EVENT] == NULL && signals[CTRL_BREAK_EVENT] == NULL)
        (void)SetConsoleCtrlHandler(on_event, FALSE);
    ReleaseSRWLockExclusive(&lock);
    pal__alarm_remove(closing->loop, &closing->alarm);
    free(closing);
    *signal = NULL;
}
