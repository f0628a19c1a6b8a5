#include "config.h"

#include "pidfd.h"

#include <stddef.h>

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The numbers are the same on every architecture (alpha apart). */
#ifndef SYS_pidfd_send_signal
#    define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#    define SYS_pidfd_open 434
#endif

#ifndef SO_PEERPIDFD
#    define SO_PEERPIDFD 77
#endif

/* The kernel that has the call refuses this pid with EINVAL. */
int pal__pidfd_is_there(void)
{
    return syscall(SYS_pidfd_open, 0L, 0L) < 0 && errno == EINVAL;
}

/* The kernel itself never says EPERM: that is a filter's way to say no. */
int pal__pidfd_open(pid_t pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, (long)pid, 0L);

    if (pidfd < 0 && errno == EPERM)
        errno = ENOSYS;
    return pidfd;
}

int pal__pidfd_of_peer(int socket)
{
    int pidfd = -1;
    socklen_t len = sizeof(pidfd);

    if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
        return pidfd;
    if (errno == ENOPROTOOPT)
        errno = ENOSYS;
    return -1;
}

int pal__pidfd_signal(int pidfd, int number)
{
    return (int)syscall(SYS_pidfd_send_signal, (long)pidfd, (long)number, NULL,
                        0L);
}
