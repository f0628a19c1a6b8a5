#include "config.h"

#include <pal/handle.h>

#include "fd.h"
#include "message_unix.h"
#include "region_unix.h"

#include <limits.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Numbers that pal chooses stay clear of stdin, stdout and stderr, so that a
 * program whose stdio is closed does not print into one of our handles. */
#define LOWEST_NUMBER 3

int pal__fd_of(pal_handle_t handle)
{
    return handle >= 0 && handle <= INT_MAX ? (int)handle : -1;
}

void pal_handle_close(pal_handle_t *handle)
{
    /* Not repeated on EINTR: the descriptor is gone all the same on Linux,
     * and its number may be another thread's by now. */
    if (*handle != PAL_HANDLE_NONE)
        (void)close(pal__fd_of(*handle));
    *handle = PAL_HANDLE_NONE;
}

apr_status_t pal_handle_dup(pal_handle_t handle, pal_handle_t *ret_handle)
{
    int fd = fcntl(pal__fd_of(handle), F_DUPFD_CLOEXEC, LOWEST_NUMBER);

    if (fd < 0)
        return errno;
    *ret_handle = fd;
    return APR_SUCCESS;
}

apr_status_t pal_handle_adopt(intptr_t value, pal_handle_t *ret_handle)
{
    int flags = fcntl(pal__fd_of(value), F_GETFD);

    if (flags < 0)
        return errno;
    if (fcntl(pal__fd_of(value), F_SETFD, flags | FD_CLOEXEC) != 0)
        return errno;
    *ret_handle = value;
    return APR_SUCCESS;
}

static int is_channel(int fd)
{
    int type;

    return pal__socket_type(fd, &type) == APR_SUCCESS
           && (type == SOCK_SEQPACKET || type == SOCK_STREAM);
}

apr_status_t pal_handle_kind(pal_handle_t handle, pal_handle_kind_t *ret_kind)
{
    int fd = pal__fd_of(handle);
    pal_handle_kind_t kind = PAL_HANDLE_OTHER;
    struct stat st;

    if (fstat(fd, &st) != 0)
        return errno;
    if (S_ISREG(st.st_mode))
        kind = pal__region_is(fd) ? PAL_HANDLE_REGION : PAL_HANDLE_FILE;
    else if (S_ISDIR(st.st_mode))
        kind = PAL_HANDLE_FOLDER;
    else if (S_ISFIFO(st.st_mode))
        kind = PAL_HANDLE_PIPE;
    else if (S_ISSOCK(st.st_mode) && is_channel(fd))
        kind = PAL_HANDLE_CHANNEL;
    *ret_kind = kind;
    return APR_SUCCESS;
}

apr_status_t pal_handle_pipe(pal_handle_t ret_ends[2])
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    ret_ends[0] = ends[0];
    ret_ends[1] = ends[1];
    return APR_SUCCESS;
}
