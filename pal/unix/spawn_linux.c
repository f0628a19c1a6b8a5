#include "config.h"

#include "spawn_unix.h"

#include "child_linux.h"
#include "launcher_unix.h"
#include "pidfd.h"
#include "plant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Making a child process on Linux, at a cost that grows neither with the
 * parent's memory nor with its descriptors (up to the highest one passed on).
 *
 * The child is a clone that shares memory and descriptor table with the
 * parent, which sleeps until it runs the program. Before it changes anything
 * it takes its own copy of the lower part of the table
 * (close_range(2), CLOSE_RANGE_UNSHARE); nothing is changed in the shared
 * one, so other threads may use theirs all the while, and the parent's POSIX
 * record locks survive.
 *
 * What is missing (old kernel, seccomp, valgrind) is replaced step by step:
 *   close_range        the table is copied, strangers found in /proc/self/fd
 *   clone, these flags fork, a shared page, a pipe that tells of the exec
 *   pidfd              spawn->pidfd is -1; the caller waits by pid
 */

#ifndef CLONE_PIDFD
#    define CLONE_PIDFD 0x1000
#endif

/* ThreadSanitizer takes clone for a fork and, in the memory of the parent too,
 * notes that no more threads may be made. The C library's other name for it
 * is not intercepted. */
#if defined(__SANITIZE_THREAD__)
int __clone(int (*fn)(void *arg), void *stack, int flags, void *arg, ...);
#    define clone __clone
#endif

#define STACK_SIZE (64 << 10)

/* A child that takes other ids while it shares our memory has the kernel mark
 * that memory as not to be dumped or looked into, for as long as it does; the
 * mark is taken away again, by one launch at a time so that none mistakes the
 * mark of another for the program's own. */
static pthread_mutex_t mark_lock = PTHREAD_MUTEX_INITIALIZER;

/* valgrind ends a program that uses such clone flags. It shows by the
 * libraries that it preloads. */
static int is_in_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");

    return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

/* The flags of clone for `namespaces`. */
static int clone_flags(int namespaces)
{
    static const struct {
        int kind, flag;
    } rows[] = {
        {PAL_NAMESPACE_USER, CLONE_NEWUSER}, {PAL_NAMESPACE_PID, CLONE_NEWPID},
        {PAL_NAMESPACE_MOUNT, CLONE_NEWNS},  {PAL_NAMESPACE_NET, CLONE_NEWNET},
        {PAL_NAMESPACE_IPC, CLONE_NEWIPC},   {PAL_NAMESPACE_UTS, CLONE_NEWUTS},
    };
    int flags = 0;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (namespaces & rows[i].kind)
            flags |= rows[i].flag;
    return flags;
}

/* The text that makes the id of the command, or else that of this process,
 * stand for that of this process. */
static void write_map(char *map, size_t size, const pal__setting_t *id,
                      unsigned int own)
{
    (void)snprintf(map, size, "%u %u 1",
                   id->is_set ? (unsigned int)id->value : own, own);
}

static void prepare_child(pal__child_t *child, const pal__spawn_t *spawn)
{
    const pal_command_t *command = spawn->command;
    int i;

    memset(child, 0, sizeof(*child));
    child->spawn = spawn;
    child->parent = getpid();
    child->cgroup = -1;
    for (i = 0; i < PAL__N_KEPT; i++)
        child->opened[i] = -1;
    if (command->program_kind == PAL__PROGRAM_HANDLE)
        child->opened[PAL__KEPT_PROGRAM] = (int)command->program_handle;
    child->result.held = pal__command_wanted(command);
    child->filter.len = (unsigned short)command->n_filter;
    child->filter.filter = (struct sock_filter *)command->filter;
    (void)snprintf(child->oom_score, sizeof(child->oom_score), "%d",
                   (int)command->oom_score.value);
    child->namespaces =
        clone_flags(command->namespaces | spawn->entry->namespaces);
    if (child->namespaces != 0) {
        write_map(child->uid_map, sizeof(child->uid_map), &command->uid,
                  geteuid());
        write_map(child->gid_map, sizeof(child->gid_map), &command->gid,
                  getegid());
    }
    /* An empty range is refused with EINVAL by a kernel that has the call. */
    child->has_close_range =
        syscall(SYS_close_range, 1L, 0L, 0L) != 0 && errno == EINVAL;
}

/* After `step` in the parent: like settle in the child. */
static int settled(pal__child_t *child, pal_step_t step, int fd)
{
    if (fd >= 0)
        return 1;
    if (child->spawn->command->modes[step] == PAL_CONFINE_BEST_EFFORT) {
        child->result.held &= ~(1u << step);
        return 1;
    }
    child->result.err = errno;
    child->result.step = step;
    return 0;
}

/* Open what is to be opened for the child; 0 and its result, if a step that
 * needs it has failed so. */
static int open_for_child(pal__child_t *child)
{
    const pal_command_t *command = child->spawn->command;
    int *opened = child->opened;
    int i;

    if (command->cgroup != PAL_HANDLE_NONE) {
        child->cgroup =
            openat((int)command->cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (!settled(child, PAL_STEP_CGROUP, child->cgroup))
            return 0;
    }
    if (command->rules != NULL) {
        opened[PAL__KEPT_RULESET] = pal__landlock_open(command->rules);
        if (!settled(child, PAL_STEP_LANDLOCK, opened[PAL__KEPT_RULESET]))
            return 0;
    }
    if (command->die_with_parent && (child->namespaces & CLONE_NEWPID)) {
        opened[PAL__KEPT_PARENT] = pal__pidfd_open(child->parent);
        if (!settled(child, PAL_STEP_PARENT, opened[PAL__KEPT_PARENT]))
            return 0;
    }
    for (i = 0; i < child->spawn->n_handles; i++)
        if (child->spawn->from[i] >= child->cut)
            child->cut = child->spawn->from[i] + 1;
    for (i = 0; i < PAL__N_KEPT; i++)
        if (opened[i] >= child->cut)
            child->cut = opened[i] + 1;
    return 1;
}

static void close_for_child(pal__child_t *child)
{
    if (child->cgroup >= 0)
        (void)close(child->cgroup);
    if (child->opened[PAL__KEPT_RULESET] >= 0)
        (void)close(child->opened[PAL__KEPT_RULESET]);
    if (child->opened[PAL__KEPT_PARENT] >= 0)
        (void)close(child->opened[PAL__KEPT_PARENT]);
}

/* Put to where it begins what a child before this one may have changed, in
 * the memory that it shared. */
static void arm_child(pal__child_t *child)
{
    const pal__spawn_t *spawn = child->spawn;

    memcpy(child->from, spawn->from,
           sizeof(*spawn->from) * (size_t)spawn->n_handles);
    memcpy(child->kept, child->opened, sizeof(child->kept));
    child->spare = 0;
    child->pidfd = -1;
    child->is_in_cgroup = child->has_begun = 0;
    child->report = NULL;
    child->result.err = 0;
}

/* Make it in the cgroup of its job. Kernels that have heard of both clone3 and
 * cgroup.kill may take an earlier kill of that cgroup for one of now, and the
 * child is dead before it begins: then it is as if there had been none. -1 and
 * errno, if there is none. */
static pid_t clone_into(pal__child_t *child, int flags, char *stack)
{
    pid_t pid;

    child->is_in_cgroup = 1;
    pid = pal__clone_into(child, flags, stack, STACK_SIZE);
    if (pid >= 0 && child->has_begun)
        return pid;
    child->is_in_cgroup = 0;
    if (pid < 0)
        return pid;
    (void)syscall(SYS_wait4, (long)pid, NULL, (long)__WALL, NULL);
    if (child->pidfd >= 0)
        (void)close(child->pidfd);
    child->pidfd = -1;
    errno = ECANCELED;
    return -1;
}

/* A child that cannot be made in the cgroup goes there by itself, or tells
 * what is wrong with it. Returns the pid; -1, and errno. */
static pid_t clone_child(pal__child_t *child, int flags, char *stack)
{
    pid_t pid;

    if ((flags & CLONE_VM) != 0 && child->spawn->entry->cgroup_folder >= 0) {
        pid = clone_into(child, flags, stack);
        if (pid >= 0 || errno == EAGAIN || errno == ENOMEM)
            return pid;
    }
    return clone(pal__child_run, stack + STACK_SIZE, flags | SIGCHLD, child,
                 &child->pidfd);
}

/* Make it with `flags`, on a stack of its own. Returns an errno value. */
static int make_child(pal__child_t *child, int flags, pid_t *ret_pid)
{
    const pal_command_t *command = child->spawn->command;
    int marks = (flags & CLONE_VM) != 0
                && (command->uid.is_set || command->gid.is_set);
    int was_dumpable = 0, err = 0;
    char *stack;
    pid_t pid;

    stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return errno;
    if (marks) {
        (void)pthread_mutex_lock(&mark_lock);
        was_dumpable = prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L) == 1;
    }
    pid = clone_child(child, flags | child->namespaces, stack);
    if (pid < 0)
        err = errno;
    else
        *ret_pid = pid;
    if (marks) {
        if (was_dumpable)
            (void)prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
        (void)pthread_mutex_unlock(&mark_lock);
    }
    (void)munmap(stack, STACK_SIZE);
    return err;
}

/* The parent sleeps in clone until the child execs or ends. Returns errno if
 * there was no child, and then spawn->pid is not set. */
static int start_by_clone(pal__child_t *child, pal__spawn_t *spawn)
{
    int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
    int err;

    child->is_shared = child->has_close_range;
    if (child->is_shared)
        flags |= CLONE_FILES;
    err = make_child(child, flags, &spawn->pid);
    if (err == 0)
        spawn->pidfd = child->pidfd; /* Linux before 5.2 leaves it alone */
    return err;
}

/* A copy of everything: the C library's fork, or clone for what that cannot
 * do. The pipe closes when the child execs; a process that the program forks
 * by itself at this moment, and that does not exec, would keep it open: one
 * reason why this way comes last. */
static int start_by_fork(pal__child_t *child, pal__spawn_t *spawn)
{
    int ends[2], err = 0;
    char byte;

    child->report = mmap(NULL, sizeof(*child->report), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (child->report == MAP_FAILED)
        return errno;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        err = errno;
        (void)munmap(child->report, sizeof(*child->report));
        return err;
    }
    child->is_shared = 0;
    child->kept[PAL__KEPT_EXEC] = ends[1];
    *child->report = child->result;
    if (child->namespaces != 0)
        err = make_child(child, 0, &spawn->pid);
    else {
        spawn->pid = fork();
        if (spawn->pid == 0)
            (void)pal__child_run(child);
        if (spawn->pid < 0)
            err = errno;
    }
    (void)close(ends[1]);
    if (err == 0) {
        spawn->pidfd = pal__pidfd_open(spawn->pid);
        while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
            continue;
        child->result = *child->report;
    }
    (void)close(ends[0]);
    (void)munmap(child->report, sizeof(*child->report));
    return err;
}

/* Errors that mean "not this way", not "not now". */
static int is_refusal(int err)
{
    return err == EPERM || err == EACCES || err == EINVAL || err == ENOSYS;
}

/* Start it in the best way there is; after a failure no child is left. The
 * result is in child->result. */
static void start(pal__child_t *child, pal__spawn_t *spawn)
{
    int in_valgrind = is_in_valgrind(), err = ENOSYS;

    arm_child(child);
    if (!in_valgrind)
        err = start_by_clone(child, spawn);
    if (is_refusal(err) && !(in_valgrind && child->namespaces != 0))
        err = start_by_fork(child, spawn);
    if (err != 0) {
        child->result.err = err;
        child->result.step =
            child->namespaces != 0 && err != EAGAIN && err != ENOMEM
                ? PAL_STEP_NAMESPACES
                : PAL_STEP_CLONE;
    }
    else if (child->result.err != 0) {
        (void)syscall(SYS_wait4, (long)spawn->pid, NULL, (long)__WALL, NULL);
        if (spawn->pidfd >= 0)
            (void)close(spawn->pidfd);
    }
}

/* Start it with all signals blocked: no handler may run in the child, which
 * is in the parent's memory. */
static void start_blocked(pal__child_t *child, pal__spawn_t *spawn)
{
    static const apr_uint64_t all = ~(apr_uint64_t)0;
    const pal_command_t *command = spawn->command;
    int least = clone_flags(spawn->entry->namespaces);
    apr_uint64_t old = 0;

    /* Raw: the C library leaves out the signals it uses itself. */
    if (!PLANTED(PLANT_SIGNALS))
        (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old,
                      PAL__SIGNAL_SET_SIZE);
    start(child, spawn);
    if (child->result.err != 0 && child->result.step == PAL_STEP_NAMESPACES
        && command->modes[PAL_STEP_NAMESPACES] == PAL_CONFINE_BEST_EFFORT
        && child->namespaces != least) {
        child->namespaces = least;
        child->result.held &= ~(1u << PAL_STEP_NAMESPACES);
        start(child, spawn);
    }
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL,
                  PAL__SIGNAL_SET_SIZE);
}

static void spawn_here(void *baton)
{
    pal__spawn_t *spawn = baton;
    char link[PATH_MAX];
    char *own[2] = {link, NULL};
    pal__child_t child;
    ssize_t len;

    /* Under valgrind the link leads to valgrind, but reads right. */
    if (spawn->command->program_kind == PAL__PROGRAM_SELF
        && is_in_valgrind()) {
        len = readlink("/proc/self/exe", link, sizeof(link) - 1);
        link[len < 0 ? 0 : len] = '\0';
        spawn->programs = own;
    }
    prepare_child(&child, spawn);
    if (open_for_child(&child))
        start_blocked(&child, spawn);
    close_for_child(&child);
    spawn->err = child.result.err;
    spawn->step = child.result.step;
    spawn->held = child.result.held;
}

/* On a thread that will not end before this process if the child depends on
 * it. */
void pal__spawn(pal__spawn_t *spawn)
{
    int err = 0;

    if (!spawn->command->die_with_parent || gettid() == getpid())
        spawn_here(spawn);
    else
        err = pal__launcher_call(spawn_here, spawn);
    if (err != 0)
        spawn->err = err;
}
