#include "config.h"

#include <pal/job.h>

#include "../job_private.h"
#include "../pal_private.h"
#include "../process_private.h"
#include "cgroup_linux.h"
#include "hold_linux.h"

#include <pal/status.h>

#include <apr_strings.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* With a cgroup the kernel knows the members, and tells when the last one has
 * ended. With process groups we keep the list of children launched; that a
 * child has ended is told by its pidfd, but that what it left in its group
 * has ended is told by nobody and must be looked for now and then. Namespaces
 * are process groups of which nothing is left when the child has ended.
 *
 * Both kinds of news come through one epoll descriptor, which a thread can
 * poll and a loop can watch. */

#ifndef SYS_pidfd_open
#    define SYS_pidfd_open 434
#endif

#define READY_TIMEOUT 10000                  /* ms, for a keeper to start */
#define SEND_TIMEOUT 2                       /* s, for one that is stopped */
#define CLOSE_TIMEOUT (5 * APR_USEC_PER_SEC) /* for members to die */
#define FIRST_LOOK APR_TIME_C(1000)          /* us between two looks */
#define LAST_LATE APR_TIME_C(8000) /* for news of a cgroup that are late */
#define LAST_LOOK APR_TIME_C(50000)
#define FIRST_PRUNE 8
#define N_FETCHED 32

/* A child launched into the job, until its group is empty. */
typedef struct member_t {
    struct member_t *next, **link;
    pid_t pid;
    int pidfd; /* or -1 */
    int has_ended;
} member_t;

typedef struct pal__hold_t {
    int way;        /* PAL_JOB_CGROUP, _NAMESPACES or _GROUPS */
    int namespaces; /* of each child */
    int epoll;
    pal__cgroup_t cgroup;
    int socket;            /* to the keeper, or -1 */
    pthread_mutex_t lock;  /* of what follows */
    pal_process_t *keeper; /* or NULL */
    member_t *members;     /* without a cgroup */
    int n_members;
    int n_running;  /* of these, of whose end we shall be told */
    int next_prune; /* number of members to look for empty groups at */

    pal_watch_t *watch; /* the rest belongs to the loop's thread */
    pal_timer_t *timer;
    apr_interval_time_t pause;
    pal_job_fn_t fn;
    void *baton;
} pal__hold_t;

/* What there is to wait for. */
typedef enum {
    STATE_EMPTY,
    STATE_TOLD,  /* the epoll descriptor tells of a change */
    STATE_UNTOLD /* somebody must look again */
} state_t;

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* ------------------------------------------------------------------------
 * Members of process groups. The lock is held. */

static void mark_ended(pal__hold_t *hold, member_t *member)
{
    if (member->has_ended)
        return;
    member->has_ended = 1;
    if (member->pidfd >= 0) {
        /* Closing is not enough: the process has the same open pidfd. */
        (void)epoll_ctl(hold->epoll, EPOLL_CTL_DEL, member->pidfd, NULL);
        hold->n_running--;
    }
}

static void forget(pal__hold_t *hold, member_t *member)
{
    mark_ended(hold, member);
    close_fd(&member->pidfd);
    *member->link = member->next;
    if (member->next != NULL)
        member->next->link = member->link;
    hold->n_members--;
    free(member);
}

/* Signal all members and their groups, and forget the empty ones. */
static apr_status_t signal_all(pal__hold_t *hold, int number)
{
    apr_status_t rv = APR_SUCCESS;
    member_t *member, *next;
    int err;

    for (member = hold->members; member != NULL; member = next) {
        next = member->next;
        err = pal__member_signal(member->pid, member->pidfd, number);
        if (err == ESRCH)
            forget(hold, member);
        else if (err != 0)
            rv = err;
    }
    hold->next_prune = 2 * hold->n_members;
    if (hold->next_prune < FIRST_PRUNE)
        hold->next_prune = FIRST_PRUNE;
    return rv;
}

static void read_news(pal__hold_t *hold)
{
    struct epoll_event fetched[N_FETCHED];
    member_t *member;
    int i, n;

    do {
        n = epoll_wait(hold->epoll, fetched, N_FETCHED, 0);
        for (i = 0; i < n; i++) {
            member = fetched[i].data.ptr; /* NULL: it is the cgroup */
            if (member != NULL && hold->way == PAL_JOB_NAMESPACES)
                forget(hold, member); /* it has left nobody */
            else if (member != NULL)
                mark_ended(hold, member);
        }
    } while (n == N_FETCHED);
}

/* Count by looking through all processes of the system. */
static apr_status_t count_all(pal__hold_t *hold, int *ret_count)
{
    pid_t *pids;
    member_t *member;
    size_t n = 0;
    int count;

    read_news(hold);
    if (hold->n_members == 0) {
        *ret_count = 0;
        return APR_SUCCESS;
    }
    pids = malloc((size_t)hold->n_members * sizeof(*pids));
    if (pids == NULL)
        return APR_ENOMEM;
    for (member = hold->members; member != NULL; member = member->next)
        pids[n++] = member->pid;
    qsort(pids, n, sizeof(*pids), pal__pid_order);
    count = hold->way == PAL_JOB_NAMESPACES ? pal__trees_count(pids, n)
                                            : pal__groups_count(pids, n);
    free(pids);
    if (count < 0)
        return errno;
    *ret_count = count;
    return APR_SUCCESS;
}

/* A pidfd of the process that lasts as long as the member, or -1. */
static int copy_pidfd(pal__hold_t *hold, pal_process_t *process)
{
    int pidfd = (int)pal__process_handle(process), copy;

    if (pidfd < 0)
        return -1;
    copy = fcntl(pidfd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0 && errno == EMFILE) {
        (void)signal_all(hold, 0); /* which gives some up */
        copy = fcntl(pidfd, F_DUPFD_CLOEXEC, 0);
    }
    return copy;
}

/* Follow a child that was just launched. Without memory or a descriptor for
 * it, the keeper still does; with neither, its own group tells nobody. */
static void follow(pal__hold_t *hold, pal_process_t *process)
{
    member_t *member = malloc(sizeof(*member));
    struct epoll_event event;

    if (member == NULL)
        return;
    member->pid = (pid_t)pal_process_pid(process);
    member->has_ended = 0;
    member->pidfd = copy_pidfd(hold, process);
    memset(&event, 0, sizeof(event));
    event.events = EPOLLIN;
    event.data.ptr = member;
    if (member->pidfd >= 0
        && epoll_ctl(hold->epoll, EPOLL_CTL_ADD, member->pidfd, &event) != 0)
        close_fd(&member->pidfd);
    hold->n_running += member->pidfd >= 0;
    member->next = hold->members;
    member->link = &hold->members;
    if (member->next != NULL)
        member->next->link = &member->next;
    hold->members = member;
    if (++hold->n_members >= hold->next_prune)
        (void)signal_all(hold, 0);
}

static state_t look(pal__hold_t *hold)
{
    int count;

    read_news(hold);
    if (hold->way == PAL_JOB_CGROUP)
        return pal__cgroup_is_populated(&hold->cgroup) ? STATE_TOLD
                                                       : STATE_EMPTY;
    if (hold->n_running > 0)
        return STATE_TOLD;
    (void)signal_all(hold, 0);
    /* Children whose status has not been read, or more than that? */
    if (count_all(hold, &count) == APR_SUCCESS && count == 0)
        return STATE_EMPTY;
    return STATE_UNTOLD;
}

static state_t look_locked(pal__hold_t *hold)
{
    state_t state;

    (void)pthread_mutex_lock(&hold->lock);
    state = look(hold);
    (void)pthread_mutex_unlock(&hold->lock);
    return state;
}

/* How long to wait until the next look, if no news comes first; < 0: for news
 * only. `pause` is what to wait then, and becomes longer. The kernel does not
 * tell of a cgroup within 10 ms of having told of it, so after a launch the
 * news is late. */
static apr_interval_time_t next_look(const pal__hold_t *hold, state_t state,
                                     apr_interval_time_t *pause)
{
    apr_interval_time_t now = *pause;

    if (state == STATE_TOLD
        && (hold->way != PAL_JOB_CGROUP || now > LAST_LATE))
        return -1;
    *pause = 2 * now < LAST_LOOK ? 2 * now : LAST_LOOK;
    return now;
}

/* ------------------------------------------------------------------------
 * The keeper. */

/* Its end of the socket, and the means to see who has sent what. */
static apr_status_t make_socket(pal__hold_t *hold, int *ret_other)
{
    struct timeval timeout = {SEND_TIMEOUT, 0};
    int ends[2], on = 1, err;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return errno;
    if (setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0
        || setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &timeout,
                      sizeof(timeout))
               != 0) {
        err = errno;
        (void)close(ends[0]);
        (void)close(ends[1]);
        return err;
    }
    hold->socket = ends[0];
    *ret_other = ends[1];
    return APR_SUCCESS;
}

static apr_status_t describe_keeper(pal_command_t *command,
                                    const pal_job_t *job, int other, int owner)
{
    const pal__hold_t *hold = job->hold;
    apr_status_t rv = pal_command_program_set(command, job->keeper);

    if (rv == APR_SUCCESS)
        rv = pal_command_env_clear(command);
    if (rv == APR_SUCCESS)
        rv = pal_command_die_with_parent_set(command, 0);
    if (rv == APR_SUCCESS)
        rv = pal_command_handle_add(command, other, PAL__KEEPER_SOCKET);
    if (rv == APR_SUCCESS)
        rv = owner >= 0
                 ? pal_command_handle_add(command, owner, PAL__KEEPER_OWNER)
                 : pal_command_stdio_set(command, PAL__KEEPER_OWNER,
                                         PAL_STDIO_NULL);
    if (rv == APR_SUCCESS)
        rv =
            pal_command_stdio_set(command, PAL__KEEPER_STDERR, PAL_STDIO_NULL);
    if (rv == APR_SUCCESS)
        rv = pal_command_arg_add(
            command, apr_psprintf(command->pool, "%ld", (long)getpid()));
    if (rv == APR_SUCCESS && hold->way == PAL_JOB_CGROUP)
        rv = pal_command_handle_add(command, hold->cgroup.parent,
                                    PAL__KEEPER_CGROUPS);
    if (rv == APR_SUCCESS && hold->way == PAL_JOB_CGROUP)
        rv = pal_command_arg_add(command, hold->cgroup.name);
    return rv;
}

static int is_ready(int socket)
{
    struct pollfd fd;
    char byte = 0;
    int n;

    fd.fd = socket;
    fd.events = POLLIN;
    do {
        n = poll(&fd, 1, READY_TIMEOUT);
    } while (n < 0 && errno == EINTR);
    return n == 1 && recv(socket, &byte, 1, MSG_DONTWAIT) == 1
           && byte == PAL__KEEPER_READY;
}

/* Does the status say that there is no such program, rather than that there
 * is no room for another process? */
static int is_missing(apr_status_t rv, pal_command_t *command)
{
    return rv != APR_SUCCESS
           && pal_command_failed_step(command) == PAL_STEP_EXEC;
}

static apr_status_t start_keeper(pal_job_t *job, apr_pool_t *scratch)
{
    int other = -1;
    int owner = (int)syscall(SYS_pidfd_open, (long)getpid(), 0L);
    pal_command_t *command;
    pal__hold_t *hold = job->hold;
    apr_status_t rv = make_socket(hold, &other);

    if (rv == APR_SUCCESS)
        rv = pal_command_create(&command, scratch);
    if (rv == APR_SUCCESS)
        rv = describe_keeper(command, job, other, owner);
    if (rv == APR_SUCCESS) {
        rv = pal_process_start(&hold->keeper, command);
        if (is_missing(rv, command))
            rv = PAL_E_KEEPER;
    }
    close_fd(&owner);
    close_fd(&other);
    if (rv == APR_SUCCESS && !is_ready(hold->socket))
        rv = PAL_E_KEEPER;
    return rv;
}

/* End it. With members left that would not die, it goes on by itself. */
static void stop_keeper(pal__hold_t *hold, int is_empty)
{
    if (hold->keeper != NULL && is_empty) {
        (void)pal_process_kill(hold->keeper);
        (void)pal_process_wait(hold->keeper, -1);
    }
    /* Copies of this process may have the socket: closing is not enough. */
    if (hold->socket >= 0)
        (void)shutdown(hold->socket, SHUT_RDWR);
    close_fd(&hold->socket);
    pal_process_close(&hold->keeper);
}

/* Has it gone? Not if there never was one. */
static int has_lost_keeper(pal__hold_t *hold)
{
    int is_lost;

    (void)pthread_mutex_lock(&hold->lock);
    is_lost = hold->keeper != NULL
              && pal_process_wait(hold->keeper, 0) == APR_SUCCESS;
    (void)pthread_mutex_unlock(&hold->lock);
    return is_lost;
}

/* ------------------------------------------------------------------------
 * Open and close. */

static void release(pal_job_t *job, int is_empty)
{
    pal__hold_t *hold = job->hold;

    job->hold = NULL;
    stop_keeper(hold, is_empty);
    while (hold->members != NULL)
        forget(hold, hold->members);
    if (hold->way == PAL_JOB_CGROUP)
        pal__cgroup_close(&hold->cgroup);
    close_fd(&hold->epoll);
    (void)pthread_mutex_destroy(&hold->lock);
    free(hold);
}

static apr_status_t make_hold(pal_job_t *job, int way)
{
    pal__hold_t *hold = calloc(1, sizeof(*hold));
    apr_status_t rv;

    if (hold == NULL)
        return APR_ENOMEM;
    hold->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (hold->epoll < 0) {
        rv = errno;
        free(hold);
        return rv;
    }
    (void)pthread_mutex_init(&hold->lock, NULL);
    hold->way = way;
    hold->socket = -1;
    hold->cgroup.parent = hold->cgroup.folder = hold->cgroup.procs =
        hold->cgroup.events = -1;
    hold->next_prune = FIRST_PRUNE;
    job->hold = hold;
    return APR_SUCCESS;
}

static apr_status_t watch_cgroup(pal__hold_t *hold)
{
    struct epoll_event event;

    memset(&event, 0, sizeof(event));
    event.events = EPOLLPRI | EPOLLET;
    if (epoll_ctl(hold->epoll, EPOLL_CTL_ADD, hold->cgroup.events, &event)
        != 0)
        return errno;
    return APR_SUCCESS;
}

/* What a way has failed with. It is not to be had then, and another may do;
 * but not because there was no room for it now, of which the program hears
 * rather than be held by less. */
static apr_status_t judge(apr_status_t rv)
{
    return rv == APR_SUCCESS || rv == EMFILE || rv == ENFILE || rv == ENOMEM
               ? rv
               : APR_ENOTIMPL;
}

/* Can a child be made in `namespaces`, and tied to us? It can, if all that is
 * left to fail is to run a folder. */
static apr_status_t try_namespaces(int namespaces, apr_pool_t *scratch)
{
    pal_process_t *process;
    pal_command_t *command;
    apr_status_t rv = pal_command_create(&command, scratch);
    pal_step_t step;

    if (rv == APR_SUCCESS)
        rv = pal_command_program_set(command, "/");
    if (rv == APR_SUCCESS)
        rv = pal_command_namespaces_set(command, namespaces);
    if (rv != APR_SUCCESS)
        return rv;
    rv = pal_process_start(&process, command);
    step = pal_command_failed_step(command);
    if (step == PAL_STEP_EXEC)
        return APR_SUCCESS;
    return step == PAL_STEP_NAMESPACES || step == PAL_STEP_PARENT ? judge(rv)
                                                                  : rv;
}

static apr_status_t find_namespaces(pal__hold_t *hold, apr_pool_t *scratch)
{
    apr_status_t rv;

    hold->namespaces = PAL_NAMESPACE_PID;
    rv = try_namespaces(hold->namespaces, scratch);
    if (rv == APR_ENOTIMPL) {
        hold->namespaces |= PAL_NAMESPACE_USER;
        rv = try_namespaces(hold->namespaces, scratch);
    }
    return rv;
}

/* Open the job this way or not at all. The keeper comes before the cgroup, so
 * that there is always somebody to remove it. */
static apr_status_t try_way(pal_job_t *job, int way, apr_pool_t *scratch)
{
    apr_status_t rv = make_hold(job, way);

    if (rv != APR_SUCCESS)
        return rv;
    if (way == PAL_JOB_CGROUP)
        rv = judge(pal__cgroup_find(&job->hold->cgroup));
    if (way == PAL_JOB_NAMESPACES)
        rv = find_namespaces(job->hold, scratch);
    if (rv == APR_SUCCESS && job->die_with_parent && job->keeper != NULL)
        rv = start_keeper(job, scratch);
    if (rv == APR_SUCCESS && way == PAL_JOB_CGROUP)
        rv = judge(pal__cgroup_make(&job->hold->cgroup));
    if (rv == APR_SUCCESS && way == PAL_JOB_CGROUP)
        rv = judge(watch_cgroup(job->hold));
    if (rv != APR_SUCCESS)
        release(job, 1);
    return rv;
}

apr_status_t pal_job_open(pal_job_t *job)
{
    static const int ways[] = {PAL_JOB_CGROUP, PAL_JOB_NAMESPACES,
                               PAL_JOB_GROUPS};
    apr_status_t rv = APR_ENOTIMPL;
    apr_pool_t *scratch;
    size_t i;

    if (job->hold != NULL)
        return APR_EEXIST;
    if (apr_pool_create(&scratch, job->pool) != APR_SUCCESS)
        return APR_ENOMEM;
    for (i = 0; i < sizeof(ways) / sizeof(*ways) && rv == APR_ENOTIMPL; i++)
        if ((job->ways & ways[i]) != 0)
            rv = try_way(job, ways[i], scratch);
    apr_pool_destroy(scratch);
    return rv;
}

static void end_watch(pal__hold_t *hold)
{
    if (hold->watch != NULL)
        pal_watch_close(&hold->watch);
    if (hold->timer != NULL)
        pal_timer_close(&hold->timer);
}

void pal_job_close(pal_job_t *job)
{
    int is_empty = 1;

    if (job->hold == NULL)
        return;
    end_watch(job->hold);
    if (job->die_with_parent) {
        (void)pal_job_kill(job);
        is_empty = pal_job_wait(job, CLOSE_TIMEOUT) == APR_SUCCESS;
    }
    release(job, is_empty);
}

/* ------------------------------------------------------------------------
 * Use. */

int pal_job_held(pal_job_t *job)
{
    pal__hold_t *hold = job->hold;

    if (hold == NULL)
        return 0;
    return hold->keeper != NULL && !has_lost_keeper(hold)
               ? hold->way | PAL_JOB_KEEPER
               : hold->way;
}

/* Wait until there is room to tell the keeper of a member. If the child had to
 * wait for it, so had the launcher thread, and every other launch. */
static apr_status_t wait_for_keeper(const pal__hold_t *hold)
{
    struct pollfd keeper;
    int n;

    keeper.fd = hold->socket;
    keeper.events = POLLOUT;
    do {
        n = poll(&keeper, 1, SEND_TIMEOUT * 1000);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno;
    if (n == 0)
        return APR_EAGAIN;
    return keeper.revents & POLLHUP ? PAL_E_KEEPER : APR_SUCCESS;
}

apr_status_t pal__job_entering(struct pal_job_t *job,
                               pal__job_entry_t *ret_entry)
{
    pal__hold_t *hold = job->hold;
    apr_status_t rv;

    if (hold == NULL)
        return APR_EINVAL;
    if (has_lost_keeper(hold))
        return PAL_E_KEEPER;
    if (hold->way == PAL_JOB_CGROUP) {
        ret_entry->cgroup = hold->cgroup.procs;
        ret_entry->cgroup_folder = hold->cgroup.folder;
    }
    else {
        rv = hold->socket >= 0 ? wait_for_keeper(hold) : APR_SUCCESS;
        if (rv != APR_SUCCESS)
            return rv;
        ret_entry->own_group = 1;
        ret_entry->keeper = hold->socket;
        ret_entry->namespaces = hold->namespaces;
    }
    return APR_SUCCESS;
}

void pal__job_entered(struct pal_job_t *job, pal_process_t *process)
{
    pal__hold_t *hold = job->hold;

    if (hold->way == PAL_JOB_CGROUP)
        return;
    (void)pthread_mutex_lock(&hold->lock);
    if (process != NULL)
        follow(hold, process);
    else
        (void)signal_all(hold, 0);
    (void)pthread_mutex_unlock(&hold->lock);
}

apr_status_t pal_job_limit_set(pal_job_t *job, pal_job_limit_t limit,
                               apr_uint64_t value)
{
    static const char *const files[] = {"memory.max", "pids.max", "cpu.max"};
    char text[64];

    if ((int)limit < 0 || limit > PAL_JOB_LIMIT_CPU || job->hold == NULL)
        return APR_EINVAL;
    if (job->hold->way != PAL_JOB_CGROUP)
        return APR_ENOTIMPL;
    /* Microseconds of each tenth of a second. */
    (void)apr_snprintf(text, sizeof(text),
                       limit == PAL_JOB_LIMIT_CPU ? "%" APR_UINT64_T_FMT
                                                    "000 100000"
                                                  : "%" APR_UINT64_T_FMT,
                       value);
    return pal__cgroup_write(&job->hold->cgroup, files[limit], text);
}

apr_status_t pal_job_kill(pal_job_t *job)
{
    pal__hold_t *hold = job->hold;
    apr_status_t rv;

    if (hold == NULL)
        return APR_EINVAL;
    (void)pthread_mutex_lock(&hold->lock);
    rv = hold->way == PAL_JOB_CGROUP ? pal__cgroup_kill(hold->cgroup.folder)
                                     : signal_all(hold, SIGKILL);
    (void)pthread_mutex_unlock(&hold->lock);
    return rv;
}

apr_status_t pal_job_count(pal_job_t *job, int *ret_count)
{
    pal__hold_t *hold = job->hold;
    apr_status_t rv;

    if (hold == NULL)
        return APR_EINVAL;
    (void)pthread_mutex_lock(&hold->lock);
    rv = hold->way == PAL_JOB_CGROUP
             ? pal__cgroup_count(&hold->cgroup, ret_count)
             : count_all(hold, ret_count);
    (void)pthread_mutex_unlock(&hold->lock);
    return rv;
}

apr_status_t pal_job_wait(pal_job_t *job, apr_interval_time_t timeout)
{
    apr_time_t start = pal__clock_now();
    apr_interval_time_t pause = FIRST_LOOK, left, next;
    pal__hold_t *hold = job->hold;
    struct pollfd news;
    state_t state;

    if (hold == NULL)
        return APR_EINVAL;
    if (hold->watch != NULL)
        return APR_EEXIST;
    news.fd = hold->epoll;
    news.events = POLLIN;
    for (;;) {
        state = look_locked(hold);
        if (state == STATE_EMPTY)
            return APR_SUCCESS;
        left =
            timeout < 0 ? APR_INT64_MAX : timeout - (pal__clock_now() - start);
        if (left <= 0)
            return APR_TIMEUP;
        next = next_look(hold, state, &pause);
        if (next >= 0 && next < left)
            left = next;
        left = left / 1000 + (left % 1000 != 0); /* ms, rounded up */
        (void)poll(&news, 1,
                   left < INT_MAX ? (int)left
                   : timeout < 0  ? -1
                                  : INT_MAX);
    }
}

/* Look what there is, and call back if it is the end. */
static void on_news(void *baton)
{
    pal_job_t *job = baton;
    pal__hold_t *hold = job->hold;
    state_t state = look_locked(hold);
    apr_interval_time_t next;

    if (state == STATE_EMPTY) {
        end_watch(hold);
        hold->fn(hold->baton, job); /* may close the job */
        return;
    }
    next = next_look(hold, state, &hold->pause);
    if (next >= 0)
        (void)pal_timer_start(hold->timer, next);
}

static void on_watch(void *baton, int events)
{
    (void)events;
    on_news(baton);
}

apr_status_t pal_job_watch(pal_job_t *job, pal_loop_t *loop, pal_job_fn_t fn,
                           void *baton)
{
    pal__hold_t *hold = job->hold;
    apr_status_t rv;

    if (hold == NULL)
        return APR_EINVAL;
    if (fn == NULL) {
        end_watch(hold);
        return APR_SUCCESS;
    }
    if (hold->watch != NULL)
        return APR_EEXIST;
    rv = pal_watch_create(&hold->watch, loop, hold->epoll, PAL_READABLE,
                          on_watch, job);
    if (rv != APR_SUCCESS)
        return rv;
    rv = pal_timer_create(&hold->timer, loop, on_news, job);
    if (rv == APR_SUCCESS) {
        hold->fn = fn;
        hold->baton = baton;
        hold->pause = FIRST_LOOK;
        /* What has happened already does not come as news. */
        rv = pal_timer_start(hold->timer, 0);
    }
    if (rv != APR_SUCCESS)
        end_watch(hold);
    return rv;
}
