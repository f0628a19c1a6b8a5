#include "config.h"

#include "pidfd.h"

#include <stddef.h>

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The numbers are the same on every architecture (alpha apart). */
#ifndef SYS_pidfd_send_signal
#    define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#    define SYS_pidfd_open 434
#endif

/* The kernel itself never says EPERM: that is a filter's way to say no. */
int pal__pidfd_open(pid_t pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, (long)pid, 0L);

    if (pidfd < 0 && errno == EPERM)
        errno = ENOSYS;
    return pidfd;
}

int pal__pidfd_signal(int pidfd, int number)
{
    return (int)syscall(SYS_pidfd_send_signal, (long)pidfd, (long)number, NULL,
                        0L);
}
