#include "config.h"

#include <pal/process.h>

#include "../pal_private.h"
#include "../process_private.h"
#include "launcher_unix.h"
#include "pidfd.h"
#include "process_unix.h"

#include <pal/privilege.h>

#include <apr_time.h>

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child is followed by one descriptor that becomes readable when it has
 * ended: its pidfd or, where the system has none, the read end of a pipe
 * whose other end is closed by a thread that waits for this one pid. Either
 * way the status stays with the kernel until it is read here, so nobody but
 * a stray wait for all children can take it away. */

#define WAITER_STACK_SIZE (128 << 10)

struct pal__waiter_t {
    pthread_mutex_t gate; /* held by the launch until `pid` is known */
    pid_t pid;            /* 0: there is nobody to wait for */
    int end;              /* of the pipe, to be closed */
};

static void free_waiter(struct pal__waiter_t *waiter)
{
    (void)close(waiter->end);
    (void)pthread_mutex_destroy(&waiter->gate);
    free(waiter);
}

static void *run_waiter(void *arg)
{
    struct pal__waiter_t *waiter = arg;
    siginfo_t info;

    (void)pthread_mutex_lock(&waiter->gate);
    (void)pthread_mutex_unlock(&waiter->gate);
    while (waiter->pid != 0
           && waitid(P_PID, (id_t)waiter->pid, &info, WEXITED | WNOWAIT) != 0
           && errno == EINTR)
        continue;
    free_waiter(waiter);
    return NULL;
}

int pal__process_expect(pal_process_t *process)
{
    struct pal__waiter_t *waiter = malloc(sizeof(*waiter));
    int ends[2], err;

    if (waiter == NULL)
        return ENOMEM;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        err = errno;
        free(waiter);
        return err;
    }
    (void)pthread_mutex_init(&waiter->gate, NULL);
    (void)pthread_mutex_lock(&waiter->gate);
    waiter->pid = 0;
    waiter->end = ends[1];
    err = pal__thread_start(&process->waiter, WAITER_STACK_SIZE, run_waiter,
                            waiter);
    if (err != 0) {
        (void)pthread_mutex_unlock(&waiter->gate);
        free_waiter(waiter);
        (void)close(ends[0]);
        return err;
    }
    process->expecting = waiter;
    process->ready = ends[0];
    return 0;
}

/* Let the waiter go and wait for `pid`, or end. */
static void open_gate(pal_process_t *process, pid_t pid)
{
    struct pal__waiter_t *waiter = process->expecting;

    process->expecting = NULL;
    waiter->pid = pid;
    (void)pthread_mutex_unlock(&waiter->gate);
}

/* Take back pal__process_expect. */
static void dismiss_waiter(pal_process_t *process)
{
    if (process->expecting == NULL)
        return;
    open_gate(process, 0);
    (void)pthread_join(process->waiter, NULL);
    (void)close(process->ready);
    process->ready = -1;
}

pal_process_t *pal__process_new(void)
{
    pal_process_t *process = calloc(1, sizeof(*process));
    int i;

    if (process == NULL)
        return NULL;
    (void)pthread_mutex_init(&process->lock, NULL);
    process->ready = -1;
    process->exit_code = -1;
    for (i = 0; i < PAL__N_STDIO; i++)
        process->pipes[i] = PAL_HANDLE_NONE;
    return process;
}

int pal__process_follow(pal_process_t *process, pid_t pid, int pidfd)
{
    int err = 0;

    if (pidfd < 0 && process->expecting == NULL)
        err = pal__process_expect(process);
    if (err != 0)
        return err;
    if (pidfd < 0)
        open_gate(process, pid);
    else {
        dismiss_waiter(process);
        process->ready = pidfd;
        process->has_pidfd = 1;
    }
    process->pid = pid;
    return 0;
}

void pal__process_free(pal_process_t *process)
{
    int i;

    dismiss_waiter(process);
    for (i = 0; i < PAL__N_STDIO; i++)
        pal_handle_close(&process->pipes[i]);
    (void)pthread_mutex_destroy(&process->lock);
    free(process);
}

apr_status_t pal__process_hold(pal_process_t **ret_process, pid_t pid,
                               int pidfd)
{
    pal_process_t *process;
    int err;

    if (pidfd < 0)
        return errno == ENOSYS ? APR_ENOTIMPL : errno;
    process = pal__process_new();
    err = process == NULL ? ENOMEM : pal__process_follow(process, pid, pidfd);
    if (err != 0) {
        (void)close(pidfd);
        return err;
    }
    process->is_attached = 1;
    *ret_process = process;
    return APR_SUCCESS;
}

apr_status_t pal_process_attach(pal_process_t **ret_process, apr_int64_t pid)
{
    if (pid <= 0 || pid > INT_MAX)
        return APR_EINVAL;
    return pal__process_hold(ret_process, (pid_t)pid,
                             pal__pidfd_open((pid_t)pid));
}

apr_status_t pal_process_pipe_take(pal_process_t *process, int number,
                                   pal_handle_t *ret_handle)
{
    if (number < 0 || number >= PAL__N_STDIO
        || process->pipes[number] == PAL_HANDLE_NONE)
        return APR_ENOENT;
    *ret_handle = process->pipes[number];
    process->pipes[number] = PAL_HANDLE_NONE;
    return APR_SUCCESS;
}

pal_handle_t pal__process_handle(pal_process_t *process)
{
    return process->has_pidfd ? process->ready : PAL_HANDLE_NONE;
}

apr_int64_t pal_process_pid(pal_process_t *process)
{
    return process->pid;
}

int pal_process_held(pal_process_t *process, pal_step_t step)
{
    return (int)step >= 0 && (int)step < PAL__N_STEPS
           && (process->held >> step & 1) != 0;
}

/* Without a pidfd the pid is as safe, as long as it has not been reaped. */
apr_status_t pal_process_signal(pal_process_t *process, int number)
{
    apr_status_t rv = APR_SUCCESS;
    int failed = 0;

    (void)pthread_mutex_lock(&process->lock);
    if (!process->has_ended) {
        failed = !process->has_pidfd
                 || pal__pidfd_signal(process->ready, number) != 0;
        if (failed && !process->is_attached
            && (!process->has_pidfd || errno == ENOSYS || errno == EPERM))
            failed = kill(process->pid, number) != 0;
        if (failed && errno != ESRCH)
            rv = errno;
    }
    (void)pthread_mutex_unlock(&process->lock);
    return rv;
}

apr_status_t pal_process_kill(pal_process_t *process)
{
    return pal_process_signal(process, SIGKILL);
}

apr_status_t pal_process_abort(pal_process_t *process)
{
    return pal_process_signal(process, SIGABRT);
}

/* Wait for the end, at most so many milliseconds (-1: no limit). */
static int poll_ready(pal_process_t *process, int timeout)
{
    struct pollfd ready;

    ready.fd = process->ready;
    ready.events = POLLIN;
    ready.revents = 0;
    return poll(&ready, 1, timeout) > 0;
}

static apr_interval_time_t microseconds(const struct timeval *time)
{
    return (apr_interval_time_t)time->tv_sec * APR_USEC_PER_SEC
           + time->tv_usec;
}

/* Read the status of a child, if it has ended. */
static void reap_child(pal_process_t *process)
{
    struct rusage usage;
    int status = 0;
    pid_t pid;

    memset(&usage, 0, sizeof(usage));
    do {
        pid = wait4(process->pid, &status, WNOHANG, &usage);
    } while (pid < 0 && errno == EINTR);
    if (pid == 0)
        return;
    process->has_ended = 1;
    if (pid < 0) {
        /* SIGCHLD is ignored, or others waited for any child. */
        assert(errno == ECHILD);
        return;
    }
    if (WIFEXITED(status))
        process->exit_code = WEXITSTATUS(status);
    else
        process->exit_signal = WTERMSIG(status);
    process->dumped_core = WIFSIGNALED(status) && WCOREDUMP(status);
    process->user_time = microseconds(&usage.ru_utime);
    process->system_time = microseconds(&usage.ru_stime);
    process->peak_memory = (apr_uint64_t)usage.ru_maxrss * 1024;
}

/* Look whether it has ended. */
static int reap(pal_process_t *process)
{
    if (process->has_ended)
        return 1;
    (void)pthread_mutex_lock(&process->lock);
    if (process->is_attached)
        process->has_ended = poll_ready(process, 0);
    else
        reap_child(process);
    (void)pthread_mutex_unlock(&process->lock);
    if (process->has_ended && !process->has_pidfd)
        (void)pthread_join(process->waiter, NULL);
    return process->has_ended;
}

apr_status_t pal_process_wait(pal_process_t *process,
                              apr_interval_time_t timeout)
{
    apr_time_t start = pal__clock_now();
    apr_interval_time_t left = timeout;

    if (reap(process))
        return APR_SUCCESS;
    while (timeout < 0) {
        (void)poll_ready(process, -1);
        if (reap(process))
            return APR_SUCCESS;
    }
    for (; left > 0; left = timeout - (pal__clock_now() - start)) {
        left = left / 1000 + 1; /* milliseconds, rounded up */
        (void)poll_ready(process, left < INT_MAX ? (int)left : INT_MAX);
        if (reap(process))
            return APR_SUCCESS;
    }
    return APR_TIMEUP;
}

static void on_ready(void *baton, int events)
{
    pal_process_t *process = baton;
    pal_process_fn_t fn = process->fn;

    (void)events;
    if (!reap(process))
        return;
    pal_watch_close(&process->watch);
    fn(process->baton, process); /* may close the process */
}

apr_status_t pal_process_watch(pal_process_t *process, pal_loop_t *loop,
                               pal_process_fn_t fn, void *baton)
{
    if (fn == NULL) {
        if (process->watch != NULL)
            pal_watch_close(&process->watch);
        return APR_SUCCESS;
    }
    if (process->watch != NULL)
        return APR_EEXIST;
    process->fn = fn;
    process->baton = baton;
    /* Readable also after the status was read, so one who comes late is
     * called all the same. */
    return pal_watch_create(&process->watch, loop, process->ready,
                            PAL_READABLE, on_ready, process);
}

int pal_process_has_ended(pal_process_t *process)
{
    return process->has_ended;
}

int pal_process_exit_code(pal_process_t *process)
{
    return process->exit_code;
}

int pal_process_exit_signal(pal_process_t *process)
{
    return process->exit_signal;
}

int pal_process_dumped_core(pal_process_t *process)
{
    return process->dumped_core;
}

apr_interval_time_t pal_process_user_time(pal_process_t *process)
{
    return process->user_time;
}

apr_interval_time_t pal_process_system_time(pal_process_t *process)
{
    return process->system_time;
}

apr_uint64_t pal_process_peak_memory(pal_process_t *process)
{
    return process->peak_memory;
}

void pal_process_close(pal_process_t **process)
{
    pal_process_t *closing = *process;

    if (closing == NULL)
        return;
    if (closing->watch != NULL)
        pal_watch_close(&closing->watch);
    if (!reap(closing) && !closing->has_pidfd)
        (void)pthread_detach(closing->waiter);
    (void)close(closing->ready);
    pal__process_free(closing);
    *process = NULL;
}
