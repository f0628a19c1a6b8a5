#include "config.h"

#include "hold_linux.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#    define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#    define SYS_pidfd_send_signal 424
#endif
#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#    define PIDFD_SIGNAL_PROCESS_GROUP (1U << 2) /* since Linux 6.9 */
#endif

enum { KILL_ROUNDS = 3 };

/* 0 if somebody is there, even if not for us to signal. */
static int outcome(long result)
{
    return result == 0 || errno == EPERM ? 0 : errno;
}

static int send_to(int pidfd, int number, unsigned int flags)
{
    return outcome(syscall(SYS_pidfd_send_signal, (long)pidfd, (long)number,
                           NULL, (long)flags));
}

/* A group keeps its number from being given to another process. So if the
 * leader is gone and there is a process of this number, the group was gone
 * before it, and whatever has the number now is none of ours. */
static int signal_group(pid_t pid, int is_leader_gone, int number)
{
    if (is_leader_gone && outcome(kill(pid, 0)) == 0)
        return ESRCH;
    return outcome(kill(-pid, number));
}

int pal__member_signal(pid_t pid, int pidfd, int number)
{
    int child = ENOSYS, group = EINVAL;

    if (pidfd >= 0) {
        child = send_to(pidfd, number, 0);
        group = send_to(pidfd, number, PIDFD_SIGNAL_PROCESS_GROUP);
    }
    if (group == EINVAL || group == ENOSYS)
        group = signal_group(pid, child == ESRCH, number);
    return child == 0 ? 0 : group;
}

int pal__pid_order(const void *left, const void *right)
{
    pid_t l = *(const pid_t *)left, r = *(const pid_t *)right;

    return (l > r) - (l < r);
}

/* What there is to know of a process. */
typedef struct about_t {
    pid_t pid, parent, group;
    int is_headless; /* its first thread has ended, others have not */
    int counts;      /* in the tree of a root */
} about_t;

/* Read it of the one that has the folder `name` in /proc; 0 if it does not
 * run any more, -1 and errno if there is no room to look. A headless one looks
 * like a zombie, but runs, and has all the children that it had. */
static int read_about(int proc, const char *name, about_t *about)
{
    char path[64], stat[512], *after;
    int fd, n_threads;
    ssize_t len;
    char state;

    (void)snprintf(path, sizeof(path), "%.20s/stat", name);
    fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -1 : 0;
    len = read(fd, stat, sizeof(stat) - 1);
    (void)close(fd);
    stat[len < 0 ? 0 : len] = '\0';
    after = strrchr(stat, ')'); /* a program's name may have one too */
    about->pid = (pid_t)atoi(name);
    about->counts = 0;
    if (after == NULL
        || sscanf(after + 1,
                  " %c %d %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
                  " %*s %*s %d",
                  &state, &about->parent, &about->group, &n_threads)
               != 4)
        return 0;
    about->is_headless = state == 'Z' && n_threads > 1;
    return about->is_headless || strchr("ZXx", state) == NULL;
}

static int is_in(pid_t pid, const pid_t *pids, size_t n)
{
    return bsearch(&pid, pids, n, sizeof(pid), pal__pid_order) != NULL;
}

/* The next process that runs; 0 at the end, -1 and errno if it is not known.
 */
static int next_about(DIR *proc, about_t *about)
{
    struct dirent *entry;
    int result = 0;

    while (result == 0 && (entry = readdir(proc)) != NULL)
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
            result = read_about(dirfd(proc), entry->d_name, about);
    return result;
}

int pal__groups_count(const pid_t *groups, size_t n)
{
    DIR *proc = opendir("/proc");
    about_t about;
    int count = 0, result;

    if (proc == NULL)
        return -1;
    while ((result = next_about(proc, &about)) > 0)
        count += is_in(about.group, groups, n);
    (void)closedir(proc);
    return result < 0 ? -1 : count;
}

/* All processes that run, to be freed; NULL and errno. */
static about_t *list_all(DIR *proc, size_t *ret_n)
{
    about_t *all = NULL, *more;
    size_t n = 0, n_room = 0;
    about_t about;
    int result;

    while ((result = next_about(proc, &about)) > 0) {
        if (n == n_room) {
            n_room = 2 * n_room + 256;
            more = realloc(all, n_room * sizeof(*all));
            if (more == NULL) {
                free(all);
                return NULL;
            }
            all = more;
        }
        all[n++] = about;
    }
    if (result < 0) {
        free(all);
        return NULL;
    }
    *ret_n = n;
    return all;
}

/* Does its parent count? `all` is in the order of pids. */
static int is_below(const about_t *about, const about_t *all, size_t n)
{
    const about_t *parent =
        bsearch(&about->parent, all, n, sizeof(*all), pal__pid_order);

    return parent != NULL && parent->counts;
}

int pal__trees_count(const pid_t *roots, size_t n)
{
    DIR *proc = opendir("/proc");
    size_t n_all = 0, i;
    int count = 0, last;
    about_t *all;

    if (proc == NULL)
        return -1;
    all = list_all(proc, &n_all);
    (void)closedir(proc);
    if (all == NULL)
        return -1;
    qsort(all, n_all, sizeof(*all), pal__pid_order); /* it comes first */
    do {
        last = count;
        for (i = 0; i < n_all; i++)
            if (!all[i].counts
                && (is_in(all[i].pid, roots, n)
                    || is_below(&all[i], all, n_all))) {
                all[i].counts = 1;
                count++;
            }
    } while (count > last);
    free(all);
    return count;
}

static FILE *open_procs(int folder)
{
    int fd = openat(folder, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *procs = fd >= 0 ? fdopen(fd, "r") : NULL;

    if (procs == NULL && fd >= 0)
        (void)close(fd);
    return procs;
}

static int is_listed(int folder, pid_t pid)
{
    FILE *procs = open_procs(folder);
    pid_t listed = -1;

    if (procs == NULL)
        return 0;
    while (listed != pid && fscanf(procs, "%d", &listed) == 1)
        continue;
    (void)fclose(procs);
    return listed == pid;
}

/* Another process may have been given the number meanwhile: if it is listed
 * still when we have the pidfd, what we have is in the cgroup. Where there are
 * no pidfds, being listed just now has to do. */
static int kill_listed(int folder, pid_t pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, (long)pid, 0L);
    int err = ESRCH;

    if (is_listed(folder, pid))
        err = pidfd >= 0 ? send_to(pidfd, SIGKILL, 0)
                         : outcome(kill(pid, SIGKILL));
    if (pidfd >= 0)
        (void)close(pidfd);
    return err == 0;
}

/* cgroup.kill signals the first thread of each process, and has no effect on
 * those in which that one has ended. Returns how many of them there were. */
static int kill_headless(int folder)
{
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FILE *procs = proc >= 0 ? open_procs(folder) : NULL;
    about_t about;
    char name[16];
    int n = 0, pid;

    while (procs != NULL && fscanf(procs, "%d", &pid) == 1) {
        (void)snprintf(name, sizeof(name), "%d", pid);
        if (read_about(proc, name, &about) > 0 && about.is_headless)
            n += kill_listed(folder, pid);
    }
    if (procs != NULL)
        (void)fclose(procs);
    if (proc >= 0)
        (void)close(proc);
    return n;
}

static int write_kill(int folder)
{
    int fd = openat(folder, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    int err = 0;

    if (fd < 0 || write(fd, "1", 1) != 1)
        err = errno;
    if (fd >= 0)
        (void)close(fd);
    return err;
}

int pal__cgroup_kill(int folder)
{
    int i, n, err;

    /* Again, for what the headless ones started before they were killed. */
    for (i = 0, n = 1; i < KILL_ROUNDS && n > 0; i++) {
        err = write_kill(folder);
        if (err != 0)
            return err;
        n = kill_headless(folder);
    }
    return 0;
}

int pal__cgroup_open(int parent, const char *name)
{
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int pal__cgroup_remove(int parent, const char *name)
{
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    return errno;
}
