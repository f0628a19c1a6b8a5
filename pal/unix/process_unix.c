#include "config.h"

#include <pal/process.h>

#include "../pal_private.h"
#include "../process_private.h"
#include "launcher_unix.h"
#include "spawn_linux.h"

#include <apr_time.h>

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child is followed by one descriptor that becomes readable when it has
 * ended: its pidfd or, where the system has none, the read end of a pipe
 * whose other end is closed by a thread that waits for this one pid. Either
 * way the status stays with the kernel until it is read here, so nobody but
 * a stray wait for all children can take it away. */

#ifndef SYS_pidfd_send_signal
#    define SYS_pidfd_send_signal 424
#endif
#ifndef P_PIDFD
#    define P_PIDFD 3
#endif

#define WAITER_STACK_SIZE (128 << 10)

struct pal_process_t {
    pid_t pid;
    int ready;        /* descriptor that tells of the end */
    int has_pidfd;    /* `ready` is one */
    pthread_t waiter; /* if it is none */
    /* Held while the status is read or a signal is sent: once the status has
     * been read the pid may be someone else's. */
    pthread_mutex_t lock;
    int has_ended;
    int exit_code;
    int exit_signal;
    int dumped_core;
    pal_watch_t *watch;
    pal_process_fn_t fn;
    void *baton;
};

typedef struct waiter_t {
    pid_t pid;
    int end; /* of the pipe, to be closed */
} waiter_t;

extern char **environ;

char *const *pal__environment(void)
{
    return environ;
}

/* Add what the child gets at `number`. What cannot be a descriptor is left to
 * the kernel to refuse. */
static void place(pal__spawn_t *spawn, pal_handle_t from, int number)
{
    spawn->from[spawn->n_handles] =
        from >= 0 && from <= INT_MAX ? (int)from : -1;
    spawn->to[spawn->n_handles] = number;
    spawn->n_handles++;
}

/* Fill the list of descriptors. *null_fd is opened at need: also for stdio
 * that is closed here, because a program without stdin gets its first file as
 * stdin; and for a number that is close-on-exec here, because then it is no
 * stdio but somebody's handle that took a closed number. */
static int place_all(pal__spawn_t *spawn, const pal_command_t *command,
                     int *null_fd)
{
    const pal__given_t *given = command->given;
    const pal__given_t *end = given + command->n_given;
    struct rlimit limit;
    int number;

    for (number = 0; number < PAL__N_STDIO; number++) {
        if (given < end && given->number == number) {
            place(spawn, (given++)->handle, number);
            continue;
        }
        if (command->stdio[number] == PAL_STDIO_INHERIT
            && fcntl(number, F_GETFD) == 0) {
            place(spawn, number, number);
            continue;
        }
        if (*null_fd < 0)
            *null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (*null_fd < 0)
            return errno;
        place(spawn, *null_fd, number);
    }
    for (; given < end; given++)
        place(spawn, given->handle, given->number);
    /* The kernel's answer to a number beyond the limit is EBADF, which is
     * what a closed handle gets. */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0
        && (rlim_t)spawn->to[spawn->n_handles - 1] >= limit.rlim_cur)
        return EMFILE;
    return 0;
}

static void *run_waiter(void *arg)
{
    waiter_t *waiter = arg;
    siginfo_t info;

    while (waitid(P_PID, (id_t)waiter->pid, &info, WEXITED | WNOWAIT) != 0
           && errno == EINTR)
        continue;
    (void)close(waiter->end);
    free(waiter);
    return NULL;
}

/* Follow a child that has no pidfd. */
static int start_waiter(pal_process_t *process)
{
    waiter_t *waiter = malloc(sizeof(*waiter));
    int ends[2], err;

    if (waiter == NULL)
        return ENOMEM;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        err = errno;
        free(waiter);
        return err;
    }
    waiter->pid = process->pid;
    waiter->end = ends[1];
    err = pal__thread_start(&process->waiter, WAITER_STACK_SIZE, run_waiter,
                            waiter);
    if (err != 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        free(waiter);
        return err;
    }
    process->ready = ends[0];
    return 0;
}

static void run_spawn(void *baton)
{
    pal__spawn(baton);
}

/* Make the child that `spawn` describes, on a thread that will not end before
 * this process if the child depends on it. Returns an errno value. */
static int spawn_child(pal__spawn_t *spawn)
{
    int err;

    if (!spawn->die_with_parent || gettid() == getpid()) {
        pal__spawn(spawn);
        return spawn->err;
    }
    err = pal__launcher_call(run_spawn, spawn);
    return err != 0 ? err : spawn->err;
}

/* Start the child and see to it that its end will be told. */
static int launch(pal_process_t *process, pal__spawn_t *spawn)
{
    int err = spawn_child(spawn);

    if (err != 0)
        return err;
    process->pid = spawn->pid;
    process->ready = spawn->pidfd;
    process->has_pidfd = spawn->pidfd >= 0;
    if (process->has_pidfd)
        return 0;
    err = start_waiter(process);
    if (err != 0) {
        (void)kill(process->pid, SIGKILL);
        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        spawn->step = PAL_STEP_CLONE;
    }
    return err;
}

apr_status_t pal__process_launch(pal_process_t **ret_process,
                                 const pal_command_t *command,
                                 const pal__job_entry_t *entry,
                                 char *const *argv, char *const *envp,
                                 pal_step_t *ret_step)
{
    pal_process_t *process = calloc(1, sizeof(*process));
    int null_fd = -1, err;
    pal__spawn_t spawn;

    *ret_step = PAL_STEP_PREPARE;
    if (process == NULL)
        return APR_ENOMEM;
    spawn.program = command->program;
    spawn.argv = argv;
    spawn.envp = envp;
    spawn.n_handles = 0;
    spawn.folder = command->folder;
    spawn.limits = command->limits;
    spawn.entry = entry;
    spawn.no_new_privs = command->no_new_privs;
    spawn.die_with_parent = command->die_with_parent;
    spawn.step = PAL_STEP_PREPARE;
    err = place_all(&spawn, command, &null_fd);
    if (err == 0)
        err = launch(process, &spawn);
    if (null_fd >= 0)
        (void)close(null_fd);
    if (err != 0) {
        *ret_step = spawn.step;
        free(process);
        return err;
    }
    (void)pthread_mutex_init(&process->lock, NULL);
    process->exit_code = -1;
    *ret_process = process;
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

static apr_status_t send_signal(pal_process_t *process, int number)
{
    apr_status_t rv = APR_SUCCESS;
    int failed = 0;

    (void)pthread_mutex_lock(&process->lock);
    if (!process->has_ended) {
        failed = !process->has_pidfd
                 || syscall(SYS_pidfd_send_signal, (long)process->ready,
                            (long)number, NULL, 0L)
                        != 0;
        if (failed && (!process->has_pidfd || errno == ENOSYS))
            failed = kill(process->pid, number) != 0;
        if (failed && errno != ESRCH)
            rv = errno;
    }
    (void)pthread_mutex_unlock(&process->lock);
    return rv;
}

apr_status_t pal_process_kill(pal_process_t *process)
{
    return send_signal(process, SIGKILL);
}

apr_status_t pal_process_abort(pal_process_t *process)
{
    return send_signal(process, SIGABRT);
}

/* waitid for this child; returns 0, or an errno value. */
static int wait_for(pal_process_t *process, siginfo_t *ret_info, int options)
{
    int rv;

    for (;;) {
        memset(ret_info, 0, sizeof(*ret_info));
        rv = process->has_pidfd ? waitid(
                 (idtype_t)P_PIDFD, (id_t)process->ready, ret_info, options)
                                : -1;
        if (!process->has_pidfd || (rv != 0 && errno == EINVAL))
            rv = waitid(P_PID, (id_t)process->pid, ret_info, options);
        if (rv == 0)
            return 0;
        if (errno != EINTR)
            return errno;
    }
}

/* Read the status if the child has ended; returns whether it has. */
static int reap(pal_process_t *process)
{
    siginfo_t info;
    int err;

    if (process->has_ended)
        return 1;
    (void)pthread_mutex_lock(&process->lock);
    err = wait_for(process, &info, WEXITED | WNOHANG);
    /* ECHILD: SIGCHLD is ignored, or others waited for any child. */
    assert(err == 0 || err == ECHILD);
    if (err != 0 || info.si_pid != 0) {
        process->has_ended = 1;
        if (err == 0 && info.si_code == CLD_EXITED)
            process->exit_code = info.si_status;
        else if (err == 0)
            process->exit_signal = info.si_status;
        process->dumped_core = err == 0 && info.si_code == CLD_DUMPED;
    }
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
    siginfo_t info;
    struct pollfd ready;

    if (timeout < 0 && !process->has_ended)
        (void)wait_for(process, &info, WEXITED | WNOWAIT);
    if (reap(process))
        return APR_SUCCESS;
    ready.fd = process->ready;
    ready.events = POLLIN;
    for (; left > 0; left = timeout - (pal__clock_now() - start)) {
        left = left / 1000 + 1; /* milliseconds, rounded up */
        ready.revents = 0;
        (void)poll(&ready, 1, left < INT_MAX ? (int)left : INT_MAX);
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
    (void)pthread_mutex_destroy(&closing->lock);
    free(closing);
    *process = NULL;
}
