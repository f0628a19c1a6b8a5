#include "config.h"

#include "peer_unix.h"

#include "fd.h"
#include "message_unix.h"
#include "pidfd.h"
#include "process_unix.h"

#include <pal/status.h>

#include <stddef.h>

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

void pal__peer_get(int fd, pal_peer_t *ret_peer)
{
    ret_peer->pid = ret_peer->uid = ret_peer->gid = -1;
#ifdef SO_PEERCRED
    {
        struct ucred cred;
        socklen_t len = sizeof(cred);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
            return;
        if (cred.pid > 0) /* or it is in no namespace that we see */
            ret_peer->pid = cred.pid;
        ret_peer->uid = cred.uid;
        ret_peer->gid = cred.gid;
    }
#endif
}

/* An accepted socket has the name of the listening one. The other end can bind
 * a name, too, but not to this one. */
static apr_status_t check_accepted(int fd)
{
    struct sockaddr_un address;
    socklen_t len = sizeof(address);
    int type;
    apr_status_t rv = pal__socket_type(fd, &type);

    if (rv == APR_SUCCESS
        && getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        rv = errno;
    if (rv == APR_SUCCESS && len <= offsetof(struct sockaddr_un, sun_path))
        rv = PAL_E_KIND;
    return rv;
}

apr_status_t pal_peer_process(pal_handle_t end, pal_process_t **ret_process)
{
    int fd = pal__fd_of(end);
    pal_peer_t peer;
    apr_status_t rv = check_accepted(fd);

    if (rv != APR_SUCCESS)
        return rv;
    pal__peer_get(fd, &peer);
    return pal__process_hold(ret_process, (pid_t)peer.pid,
                             pal__pidfd_of_peer(fd));
}
