#include "config.h"

#include "pidfd.h"

#include <errno.h>

int pal__pidfd_is_there(void)
{
    return 0;
}

int pal__pidfd_open(pid_t pid)
{
    (void)pid;
    errno = ENOSYS;
    return -1;
}

int pal__pidfd_of_peer(int socket)
{
    (void)socket;
    errno = ENOSYS;
    return -1;
}

int pal__pidfd_signal(int pidfd, int number)
{
    (void)pidfd;
    (void)number;
    errno = ENOSYS;
    return -1;
}
