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

#ifndef SYS_pidfd_send_signal
#    define SYS_pidfd_send_signal 424
#endif
#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#    define PIDFD_SIGNAL_PROCESS_GROUP (1U << 2) /* since Linux 6.9 */
#endif

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

/* The process group of the process that has the folder `name` in /proc, or 0
 * if it does not run any more. */
static pid_t group_of(int proc, const char *name)
{
    char path[64], stat[512], *after;
    int fd, group = 0;
    ssize_t len;
    char state;

    (void)snprintf(path, sizeof(path), "%.20s/stat", name);
    fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    len = read(fd, stat, sizeof(stat) - 1);
    (void)close(fd);
    stat[len < 0 ? 0 : len] = '\0';
    after = strrchr(stat, ')'); /* a program's name may have one too */
    if (after == NULL || sscanf(after + 1, " %c %*d %d", &state, &group) != 2
        || strchr("ZXx", state) != NULL)
        return 0;
    return group;
}

int pal__groups_count(const pid_t *groups, size_t n)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int count = 0;
    pid_t group;

    if (proc == NULL)
        return -1;
    while ((entry = readdir(proc)) != NULL) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        group = group_of(dirfd(proc), entry->d_name);
        count += group != 0
                 && bsearch(&group, groups, n, sizeof(group), pal__pid_order)
                        != NULL;
    }
    (void)closedir(proc);
    return count;
}

int pal__cgroup_kill(int folder)
{
    int fd = openat(folder, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    int err = 0;

    if (fd < 0 || write(fd, "1", 1) != 1)
        err = errno;
    if (fd >= 0)
        (void)close(fd);
    return err;
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
