#include "config.h"

#include "spawn_unix.h"

#include "plant.h"

#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* Making a child process by what POSIX has (configure
 * --disable-linux-native): vfork, and waitpid for one pid. A child that
 * takes other ids comes by fork instead, because the C library may carry its
 * ids over to the threads that it sees in the shared memory. What else a
 * command can ask for is refused before there is a child. */

/* Limits that not every system has. */
#ifndef RLIMIT_RSS
#    define RLIMIT_RSS (-1)
#endif
#ifndef RLIMIT_MEMLOCK
#    define RLIMIT_MEMLOCK (-1)
#endif
#ifndef RLIMIT_NPROC
#    define RLIMIT_NPROC (-1)
#endif
#ifndef RLIMIT_LOCKS
#    define RLIMIT_LOCKS (-1)
#endif
#ifndef RLIMIT_SIGPENDING
#    define RLIMIT_SIGPENDING (-1)
#endif
#ifndef RLIMIT_MSGQUEUE
#    define RLIMIT_MSGQUEUE (-1)
#endif
#ifndef RLIMIT_NICE
#    define RLIMIT_NICE (-1)
#endif
#ifndef RLIMIT_RTPRIO
#    define RLIMIT_RTPRIO (-1)
#endif
#ifndef RLIMIT_RTTIME
#    define RLIMIT_RTTIME (-1)
#endif

#define N_PROBES 256
#define MAX_NUMBERS (1 << 20) /* of descriptors, without a limit */

static const int resources[PAL__N_LIMITS] = {
    RLIMIT_AS,       RLIMIT_CORE,  RLIMIT_CPU,    RLIMIT_NOFILE,
    RLIMIT_FSIZE,    RLIMIT_DATA,  RLIMIT_STACK,  RLIMIT_RSS,
    RLIMIT_MEMLOCK,  RLIMIT_NPROC, RLIMIT_LOCKS,  RLIMIT_SIGPENDING,
    RLIMIT_MSGQUEUE, RLIMIT_NICE,  RLIMIT_RTPRIO, RLIMIT_RTTIME};

/* What the child has to say, through a pipe that the exec closes. */
typedef struct result_t {
    int err;
    pal_step_t step;
    unsigned int held;
} result_t;

/* Descriptors that the child needs up to the exec, and not after it. */
enum { KEPT_REPORT, KEPT_PROGRAM, N_KEPT };

typedef struct child_t {
    const pal__spawn_t *spawn;
    int kept[N_KEPT]; /* or -1 */
    int n_numbers;    /* no descriptor has one from here on */
    int spare;        /* where to look for a number that is not in use */
    result_t result;
    int from[PAL_COMMAND_MAX_HANDLES];
    struct pollfd probes[N_PROBES];
} child_t;

/* ------------------------------------------------------------------------
 * In the child: async-signal-safe calls only. */

static void report(const child_t *child)
{
    result_t result = child->result;

    (void)!write(child->kept[KEPT_REPORT], &result, sizeof(result));
}

static void fail(child_t *child, int err)
{
    child->result.err = err;
    report(child);
    _exit(127);
}

/* Go on after a step, unless it has failed and had to succeed. */
static void settle(child_t *child, pal_step_t step, int err)
{
    child->result.step = step;
    if (err == 0)
        return;
    if (child->spawn->command->modes[step] != PAL_CONFINE_BEST_EFFORT)
        fail(child, err);
    child->result.held &= ~(1u << step);
    report(child);
}

/* Everything default: what the parent ignores would stay ignored, and what
 * it handles must not run here, in its memory, once signals are let in. */
static void reset_signals(void)
{
    struct sigaction action;
    int i;

    memset(&action, 0, sizeof(action));
    action.sa_handler = SIG_DFL;
    for (i = 1; i < NSIG; i++)
        (void)sigaction(i, &action, NULL);
}

static int set_session(const pal_command_t *command)
{
    if (command->session && setsid() < 0)
        return errno;
    if (command->group.is_set && setpgid(0, (pid_t)command->group.value) != 0)
        return errno;
    if (command->terminal != PAL_HANDLE_NONE
        && ioctl((int)command->terminal, TIOCSCTTY, 0) != 0)
        return errno;
    if (command->umask.is_set)
        (void)umask((mode_t)command->umask.value);
    return 0;
}

static int enter_folder(const pal_command_t *command)
{
    int result = 0;

    if (command->folder != NULL)
        result = chdir(command->folder);
    else if (command->folder_handle != PAL_HANDLE_NONE)
        result = fchdir((int)command->folder_handle);
    return result != 0 ? errno : 0;
}

static int is_target(const pal__spawn_t *spawn, int fd)
{
    int i = 0;

    while (i < spawn->n_handles && spawn->to[i] < fd)
        i++;
    return i < spawn->n_handles && spawn->to[i] == fd;
}

/* Replace *fd by a copy that is in nobody's way. */
static int move_away(child_t *child, int *fd)
{
    int copy;

    do {
        copy = fcntl(*fd, F_DUPFD_CLOEXEC, child->spare);
        if (copy < 0) /* EINVAL: beyond the limit */
            return errno == EINVAL ? EMFILE : errno;
        child->spare = copy + 1;
    } while (is_target(child->spawn, copy));
    *fd = copy;
    return 0;
}

/* Is it one of the numbers to be closed? */
static int is_rest(const child_t *child, int fd)
{
    const pal__spawn_t *spawn = child->spawn;
    int last = spawn->n_handles > 0 ? spawn->to[spawn->n_handles - 1] : -1;

    if (fd < last ? PLANTED(PLANT_OPEN_GAPS) : PLANTED(PLANT_OPEN_REST))
        return 0;
    return fd != child->kept[KEPT_REPORT] && fd != child->kept[KEPT_PROGRAM]
           && !is_target(spawn, fd);
}

/* Close what is open and was not asked for. One look at many numbers costs
 * less than a close of each. */
static void close_rest(child_t *child)
{
    struct pollfd *probes = child->probes;
    int low, n, i;

    for (low = 0; low < child->n_numbers; low += n) {
        n = child->n_numbers - low;
        if (n > N_PROBES)
            n = N_PROBES;
        for (i = 0; i < n; i++) {
            probes[i].fd = low + i;
            probes[i].events = probes[i].revents = 0;
        }
        (void)poll(probes, (nfds_t)n, 0);
        for (i = 0; i < n; i++)
            if (!(probes[i].revents & POLLNVAL)
                && is_rest(child, probes[i].fd))
                (void)close(probes[i].fd);
    }
}

/* Bring the descriptors to their numbers, and close all others. */
static int place_handles(child_t *child)
{
    const pal__spawn_t *spawn = child->spawn;
    const int *to = spawn->to;
    int *from = child->from;
    int i, err = 0;

    for (i = 0; i < spawn->n_handles && err == 0; i++)
        if (from[i] != to[i] && is_target(spawn, from[i]))
            err = move_away(child, &from[i]);
    for (i = 0; i < N_KEPT && err == 0; i++)
        if (child->kept[i] >= 0 && is_target(spawn, child->kept[i]))
            err = move_away(child, &child->kept[i]);
    if (err != 0)
        return err;
    if (child->kept[KEPT_PROGRAM] >= 0
        && fcntl(child->kept[KEPT_PROGRAM], F_SETFD, FD_CLOEXEC) < 0)
        return errno;
    for (i = 0; i < spawn->n_handles; i++)
        if (from[i] == to[i] ? fcntl(from[i], F_SETFD, 0) < 0
                             : dup2(from[i], to[i]) < 0)
            return errno;
    close_rest(child);
    return 0;
}

static int set_limits(const pal_command_t *command)
{
    const pal__setting_t *limits = command->limits;
    struct rlimit limit;
    int i, err = 0;

    for (i = 0; i < PAL__N_LIMITS; i++) {
        limit.rlim_cur = limit.rlim_max = (rlim_t)limits[i].value;
        if (limits[i].is_set && setrlimit(resources[i], &limit) != 0)
            err = errno;
    }
    return err;
}

static int set_ids(const pal_command_t *command)
{
    int drops = command->uid.is_set && geteuid() == 0;
    uid_t uid = (uid_t)command->uid.value;
    gid_t gid = (gid_t)command->gid.value;

    if (command->n_groups >= 0) {
        if (setgroups((size_t)command->n_groups, command->groups) != 0)
            return errno;
    }
    else if (drops && setgroups(0, NULL) != 0)
        return errno;
    /* The saved ids follow. */
    if (command->gid.is_set && setregid(gid, gid) != 0)
        return errno;
    if (command->uid.is_set && setreuid(uid, uid) != 0)
        return errno;
    return 0;
}

static void run_program(child_t *child)
{
    const pal__spawn_t *spawn = child->spawn;
    char *const *program = spawn->programs;
    int is_denied = 0;

    if (child->kept[KEPT_PROGRAM] >= 0) {
        (void)fexecve(child->kept[KEPT_PROGRAM], spawn->argv, spawn->envp);
        fail(child, errno);
    }
    if (program == NULL) {
        /* It leads to the running program also when its file is gone. */
        (void)execve("/proc/self/exe", spawn->argv, spawn->envp);
        fail(child, errno);
    }
    for (; *program != NULL; program++) {
        (void)execve(*program, spawn->argv, spawn->envp);
        is_denied |= errno == EACCES;
        if (errno != EACCES && errno != ENOENT && errno != ENOTDIR
            && errno != ENODEV && errno != ESTALE && errno != ETIMEDOUT)
            fail(child, errno);
    }
    fail(child, is_denied ? EACCES : errno);
}

static void run_child(child_t *child)
{
    const pal_command_t *command = child->spawn->command;
    sigset_t none;

    reset_signals();
    settle(child, PAL_STEP_SESSION, set_session(command));
    settle(child, PAL_STEP_FOLDER, enter_folder(command));
    settle(child, PAL_STEP_HANDLES, place_handles(child));
    if (command->nice.is_set)
        settle(child, PAL_STEP_SCHEDULE,
               setpriority(PRIO_PROCESS, 0, (int)command->nice.value) != 0
                   ? errno
                   : 0);
    if (command->hook != NULL)
        settle(child, PAL_STEP_HOOK, command->hook(command->hook_baton));
    settle(child, PAL_STEP_LIMITS, set_limits(command));
    settle(child, PAL_STEP_IDS, set_ids(command));
    child->result.step = PAL_STEP_EXEC;
    (void)sigemptyset(&none);
    (void)pthread_sigmask(SIG_SETMASK, &none, NULL);
    run_program(child);
}

/* ------------------------------------------------------------------------
 * In the parent. */

/* The steps of the command that cannot be done here. */
static unsigned int missing_steps(const pal_command_t *command)
{
    unsigned int missing =
        pal__command_wanted(command)
        & (1u << PAL_STEP_CGROUP | 1u << PAL_STEP_NAMESPACES
           | 1u << PAL_STEP_CAPABILITIES | 1u << PAL_STEP_PRIVILEGES
           | 1u << PAL_STEP_LANDLOCK | 1u << PAL_STEP_SECCOMP);
    int i;

    if (command->n_cpus > 0 || command->oom_score.is_set)
        missing |= 1u << PAL_STEP_SCHEDULE;
    for (i = 0; i < PAL__N_LIMITS; i++)
        if (command->limits[i].is_set && resources[i] < 0)
            missing |= 1u << PAL_STEP_LIMITS;
    return missing;
}

/* Refuse what cannot be done and must be; 0 and the result if so. */
static int look_for_missing(child_t *child)
{
    const pal_command_t *command = child->spawn->command;
    unsigned int missing = missing_steps(command);
    int step;

    for (step = 0; step < PAL__N_STEPS; step++) {
        if ((missing >> step & 1) == 0
            || command->modes[step] == PAL_CONFINE_BEST_EFFORT)
            continue;
        child->result.err = APR_ENOTIMPL;
        child->result.step = (pal_step_t)step;
        return 0;
    }
    child->result.held = pal__command_wanted(command) & ~missing;
    return 1;
}

static void prepare_child(child_t *child, const pal__spawn_t *spawn)
{
    const pal_command_t *command = spawn->command;
    struct rlimit limit;

    memset(child, 0, sizeof(*child));
    child->spawn = spawn;
    child->kept[KEPT_REPORT] = child->kept[KEPT_PROGRAM] = -1;
    if (command->program_kind == PAL__PROGRAM_HANDLE)
        child->kept[KEPT_PROGRAM] = (int)command->program_handle;
    memcpy(child->from, spawn->from,
           sizeof(*spawn->from) * (size_t)spawn->n_handles);
    child->n_numbers = MAX_NUMBERS;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < MAX_NUMBERS)
        child->n_numbers = (int)limit.rlim_cur;
}

/* Returns errno if there was no child. */
static int make_child(child_t *child, pid_t *ret_pid)
{
    const pal_command_t *command = child->spawn->command;
    int has_ids =
        command->uid.is_set || command->gid.is_set || command->n_groups >= 0;
    result_t result;
    int ends[2], err;
    ssize_t n;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    child->kept[KEPT_REPORT] = ends[1];
    pid = has_ids ? fork() : vfork();
    if (pid == 0)
        run_child(child);
    err = errno;
    (void)close(ends[1]);
    if (pid > 0) {
        err = 0;
        *ret_pid = pid;
        do {
            n = read(ends[0], &result, sizeof(result));
            if (n == sizeof(result))
                child->result = result;
        } while (n > 0 || (n < 0 && errno == EINTR));
    }
    (void)close(ends[0]);
    return err;
}

void pal__spawn(pal__spawn_t *spawn)
{
    sigset_t all, old;
    child_t child;
    int err;

    prepare_child(&child, spawn);
    if (look_for_missing(&child)) {
        /* No handler may run in the child, which is in our memory. */
        (void)sigfillset(&all);
        if (!PLANTED(PLANT_SIGNALS))
            (void)pthread_sigmask(SIG_SETMASK, &all, &old);
        err = make_child(&child, &spawn->pid);
        if (err != 0) {
            child.result.err = err;
            child.result.step = PAL_STEP_CLONE;
        }
        else if (child.result.err != 0)
            while (waitpid(spawn->pid, NULL, 0) < 0 && errno == EINTR)
                continue;
        if (!PLANTED(PLANT_SIGNALS))
            (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    spawn->pidfd = -1;
    spawn->err = child.result.err;
    spawn->step = child.result.step;
    spawn->held = child.result.held;
}
