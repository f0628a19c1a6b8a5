/* pal-keeper: outlives the process that owns a job, to end its members.
 *
 *   pal-keeper OWNER [CGROUP]
 *
 * Not for people to start. Its handles are listed in hold_linux.h. It leads a
 * process group of its own, so that what ends the owner's does not end it,
 * but stays in its session.
 *
 * It works for one owner and does nothing until the owner is dead or has shut
 * down the socket. Then it kills until nobody is left, also those who tell of
 * themselves only now: launches that were under way. No more of them can come
 * once the socket has ended, or the cgroup is gone. */
#include "config.h"

#include "hold_linux.h"

#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Milliseconds between two looks at an owner that has no pidfd, and between
 * two rounds of killing. */
enum { LOOK = 5, FIRST_ROUND = 1, LAST_ROUND = 50 };

typedef struct member_t {
    pid_t pid;
    int pidfd;
} member_t;

typedef struct keeper_t {
    pid_t owner;
    int has_pidfd;      /* of the owner */
    const char *cgroup; /* name, or NULL */
    member_t *members;
    size_t n_members, n_room;
    int has_ended; /* the socket */
} keeper_t;

static void close_member(const member_t *member)
{
    if (member->pidfd >= 0)
        (void)close(member->pidfd);
}

/* Signal all members, and forget those of whom nobody is left. */
static void signal_all(keeper_t *keeper, int number)
{
    member_t *members = keeper->members;
    size_t i, n = 0;

    for (i = 0; i < keeper->n_members; i++)
        if (pal__member_signal(members[i].pid, members[i].pidfd, number)
            != ESRCH)
            members[n++] = members[i];
        else
            close_member(&members[i]);
    keeper->n_members = n;
}

/* Room for one more; those who are gone make room first. */
static int make_room(keeper_t *keeper)
{
    size_t n_room = keeper->n_room == 0 ? 64 : keeper->n_room * 2;
    member_t *members;

    if (keeper->n_members < keeper->n_room)
        return 1;
    signal_all(keeper, 0);
    if (keeper->n_members < keeper->n_room / 2)
        return 1;
    members = realloc(keeper->members, n_room * sizeof(*members));
    if (members != NULL) {
        keeper->members = members;
        keeper->n_room = n_room;
    }
    return keeper->n_members < keeper->n_room;
}

/* A member that cannot be kept must not run. */
static void add(keeper_t *keeper, const member_t *member)
{
    if (make_room(keeper)) {
        keeper->members[keeper->n_members++] = *member;
        return;
    }
    (void)pal__member_signal(member->pid, member->pidfd, SIGKILL);
    close_member(member);
}

static void read_control(struct msghdr *message, member_t *member)
{
    struct cmsghdr *part = CMSG_FIRSTHDR(message);
    struct ucred sender;

    for (; part != NULL; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET)
            continue;
        if (part->cmsg_type == SCM_RIGHTS)
            memcpy(&member->pidfd, CMSG_DATA(part), sizeof(int));
        else if (part->cmsg_type == SCM_CREDENTIALS) {
            memcpy(&sender, CMSG_DATA(part), sizeof(sender));
            member->pid = sender.pid;
        }
    }
}

/* Read what is there. */
static void read_socket(keeper_t *keeper)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct msghdr message;
    struct iovec iov;
    member_t member;
    char byte;
    ssize_t n;

    for (;;) {
        iov.iov_base = &byte;
        iov.iov_len = 1;
        memset(&message, 0, sizeof(message));
        message.msg_iov = &iov;
        message.msg_iovlen = 1;
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
        n = recvmsg(PAL__KEEPER_SOCKET, &message,
                    MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            keeper->has_ended = 1;
            return;
        }
        member.pid = 0;
        member.pidfd = -1;
        read_control(&message, &member);
        if (member.pid > 0)
            add(keeper, &member);
        else
            close_member(&member);
    }
}

/* Wait for the socket or, at most `timeout` milliseconds, for the owner. */
static void wait_for_news(keeper_t *keeper, int with_owner, int timeout)
{
    struct pollfd fds[2];

    fds[0].fd = keeper->has_ended ? -1 : PAL__KEEPER_SOCKET;
    fds[0].events = POLLIN;
    fds[1].fd = with_owner ? PAL__KEEPER_OWNER : -1;
    fds[1].events = POLLIN;
    (void)poll(fds, 2, timeout);
    if (!keeper->has_ended)
        read_socket(keeper);
}

static int is_owner_ready(void)
{
    struct pollfd owner;

    owner.fd = PAL__KEEPER_OWNER;
    owner.events = POLLIN;
    return poll(&owner, 1, 0) == 1;
}

static int is_owner_dead(const keeper_t *keeper)
{
    return keeper->has_pidfd ? is_owner_ready() : getppid() != keeper->owner;
}

/* Is everyone dead, if not buried? Who would read their status may take his
 * time, and is not always there. */
static int are_all_dead(keeper_t *keeper)
{
    pid_t *groups;
    size_t i;
    int n;

    if (keeper->n_members == 0)
        return 1;
    groups = malloc(keeper->n_members * sizeof(*groups));
    if (groups == NULL)
        return 0;
    for (i = 0; i < keeper->n_members; i++)
        groups[i] = keeper->members[i].pid;
    qsort(groups, keeper->n_members, sizeof(*groups), pal__pid_order);
    n = pal__groups_count(groups, keeper->n_members);
    free(groups);
    return n == 0;
}

/* Kill all in the cgroup; returns whether it is gone. The owner makes it when
 * the keeper is ready, so it may not be there yet, and will not be. */
static int end_cgroup(const char *name)
{
    int folder = pal__cgroup_open(PAL__KEEPER_CGROUPS, name);

    if (folder < 0)
        return errno == ENOENT;
    (void)pal__cgroup_kill(folder);
    (void)close(folder);
    return pal__cgroup_remove(PAL__KEEPER_CGROUPS, name) == 0;
}

/* One round; returns whether it was the last. */
static int kill_all(keeper_t *keeper)
{
    if (keeper->cgroup != NULL)
        return end_cgroup(keeper->cgroup);
    signal_all(keeper, SIGKILL);
    return keeper->has_ended && are_all_dead(keeper);
}

static void keep(keeper_t *keeper)
{
    int pause = FIRST_ROUND;

    while (!keeper->has_ended && !is_owner_dead(keeper))
        wait_for_news(keeper, keeper->has_pidfd,
                      keeper->has_pidfd ? -1 : LOOK);
    /* Those who told of themselves before the owner's death. */
    if (!keeper->has_ended)
        read_socket(keeper);
    while (!kill_all(keeper)) {
        wait_for_news(keeper, 0, pause);
        if (pause < LAST_ROUND)
            pause *= 2;
    }
}

/* What is meant for the owner, or for anyone, is not meant for the keeper;
 * and it keeps nothing of the system busy but itself. */
static void settle(void)
{
    struct rlimit limit;
    int number;

    (void)setpgid(0, 0);
    for (number = 1; number < NSIG; number++)
        (void)signal(number, SIG_IGN); /* KILL and STOP refuse */
    if (chdir("/") != 0)
        return;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    static const char ready = PAL__KEEPER_READY;
    keeper_t keeper;

    if (argc < 2)
        return 2;
    memset(&keeper, 0, sizeof(keeper));
    keeper.owner = (pid_t)atoi(argv[1]);
    keeper.cgroup = argc > 2 ? argv[2] : NULL;
    /* What stands in for a pidfd, the null device, is always ready; and a dead
     * owner is noticed either way. */
    keeper.has_pidfd = !is_owner_ready();
    settle();
    if (send(PAL__KEEPER_SOCKET, &ready, 1, MSG_NOSIGNAL) != 1)
        return 1;
    keep(&keeper);
    signal_all(&keeper, 0);
    free(keeper.members);
    return 0;
}
