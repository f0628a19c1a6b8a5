#include "config.h"

#include "ends.h"

#include "harness.h"

#include <string.h>

#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

void open_link(link_t *link, int type)
{
    pal_handle_t ends[2];
    int sockets[2];

    memset(link, 0, sizeof(*link));
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, sockets),
                          0);
    ends[0] = link->here_fd = sockets[0];
    ends[1] = link->there_fd = sockets[1];
    TEST_OK(pal_channel_open(&link->here, &ends[0]));
    TEST_OK(pal_channel_open(&link->there, &ends[1]));
    CU_ASSERT_EQUAL(ends[0], PAL_HANDLE_NONE);
    CU_ASSERT_EQUAL(ends[1], PAL_HANDLE_NONE);
}

void close_link(link_t *link)
{
    pal_channel_close(&link->here);
    pal_channel_close(&link->there);
}

apr_status_t send_text(pal_channel_t *channel, const char *text,
                       const pal_handle_t *handles, int n_handles)
{
    pal_bytes_t part;

    part.data = text;
    part.len = strlen(text);
    return pal_channel_send(channel, &part, 1, handles, n_handles);
}

apr_status_t receive_some(pal_channel_t *channel, packet_t *packet,
                          apr_size_t room)
{
    int i;

    memset(packet->bytes, 0, sizeof(packet->bytes));
    packet->len = 777;
    packet->n_handles = -1;
    for (i = 0; i < MAX_HANDLES; i++)
        packet->handles[i] = PAL_HANDLE_NONE;
    return pal_channel_recv(channel, packet->bytes, room, &packet->len,
                            packet->handles, &packet->n_handles);
}

apr_status_t receive(pal_channel_t *channel, packet_t *packet)
{
    return receive_some(channel, packet, sizeof(packet->bytes) - 1);
}

int is_untouched(const packet_t *packet)
{
    int i;

    for (i = 0; i < MAX_HANDLES; i++) {
        if (packet->handles[i] != PAL_HANDLE_NONE)
            return 0;
    }
    return packet->len == 777 && packet->n_handles == -1;
}

void close_handles(packet_t *packet)
{
    int i;

    for (i = 0; i < packet->n_handles; i++)
        pal_handle_close(&packet->handles[i]);
}

int lowest_free(void)
{
    int fd = dup(0);

    CU_ASSERT_FATAL(fd >= 0);
    (void)close(fd);
    return fd;
}

int send_raw(int fd, const void *bytes, size_t len, int n_groups, int n)
{
    union {
        struct cmsghdr align;
        char bytes[2048];
    } control;
    struct iovec vector;
    struct msghdr message;
    struct cmsghdr *header;
    int g;

    vector.iov_base = (void *)bytes;
    vector.iov_len = len;
    memset(&control, 0, sizeof(control)); /* the descriptors, too */
    memset(&message, 0, sizeof(message));
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen =
        (size_t)n_groups * CMSG_SPACE((size_t)n * sizeof(int));
    header = CMSG_FIRSTHDR(&message);
    for (g = 0; g < n_groups; g++) {
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
        header = CMSG_NXTHDR(&message, header);
    }
    /* Not by the function: musl's takes no more than 1 KiB. */
    return syscall(SYS_sendmsg, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0
               ? errno
               : 0;
}

int send_raw_packet(int fd, size_t len, int n_groups, int n)
{
    char bytes[64] = {0};
    int type = 0;
    socklen_t type_len = sizeof(type);

    (void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len);
    if (type == SOCK_SEQPACKET)
        return send_raw(fd, bytes, len, n_groups, n);
    bytes[0] = (char)len;
    return send_raw(fd, bytes, 4 + len, n_groups, n);
}

/* A user of its own: what is in flight is counted over all processes of a
 * user, and other tests run meanwhile. */
static int become_user(void)
{
    return geteuid() != 0 || setuid(100000 + (uid_t)getpid()) == 0
           || setuid(65534) == 0;
}

int run_as_user(int (*fn)(void *baton), void *baton)
{
    struct rlimit limit = {100, 100};
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        /* valgrind has numbers of its own above the limit. */
        if ((!test_in_valgrind() && setrlimit(RLIMIT_NOFILE, &limit) != 0)
            || !become_user())
            _exit(100);
        _exit(fn(baton));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return 100;
    return WEXITSTATUS(status);
}
