/* Two processes that talk by sockets and epoll, without any library. */
#include "config.h"

#include "bench.h"
#include "loop_bench.h"

#include <string.h>

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define POLL_WINDOW 50.0 /* microseconds */

static char buffer[LARGE];

static int watch(int fd, unsigned int events)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event;

    memset(&event, 0, sizeof(event));
    event.events = events;
    event.data.fd = fd;
    BENCH_CHECK(epoll >= 0
                && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    return epoll;
}

static void wait_for(int epoll)
{
    struct epoll_event event;

    while (epoll_wait(epoll, &event, 1, -1) < 0)
        BENCH_CHECK(errno == EINTR);
}

/* One message after a wait; 0 at the end. */
static int receive_one(int epoll, int fd)
{
    wait_for(epoll);
    return recv(fd, buffer, SMALL, MSG_DONTWAIT) == SMALL;
}

static void send_one(int fd, int len)
{
    (void)!send(fd, buffer, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void serve(int fd)
{
    int epoll = watch(fd, EPOLLIN);

    while (receive_one(epoll, fd))
        send_one(fd, SMALL);
}

static double ping(int fd, int n)
{
    int epoll = watch(fd, EPOLLIN);
    double start = bench_now();
    int i;

    for (i = 0; i < n; i++) {
        send_one(fd, SMALL);
        BENCH_CHECK(receive_one(epoll, fd));
    }
    start = bench_now() - start;
    (void)close(epoll);
    (void)close(fd);
    return start;
}

/* Look for POLL_WINDOW, then sleep. */
static int poll_one(int fd)
{
    double end = bench_now() + POLL_WINDOW;
    struct pollfd ready;
    ssize_t n;

    do {
        n = recv(fd, buffer, SMALL, MSG_DONTWAIT);
        if (n >= 0)
            return n == SMALL;
    } while (bench_now() < end);
    ready.fd = fd;
    ready.events = POLLIN;
    (void)poll(&ready, 1, -1);
    return recv(fd, buffer, SMALL, MSG_DONTWAIT) == SMALL;
}

static void serve_polling(int fd)
{
    while (poll_one(fd))
        send_one(fd, SMALL);
}

static double ping_polling(int fd, int n)
{
    double start = bench_now();
    int i;

    for (i = 0; i < n; i++) {
        send_one(fd, SMALL);
        BENCH_CHECK(poll_one(fd));
    }
    start = bench_now() - start;
    (void)close(fd);
    return start;
}

static void send_stream(int fd, int len)
{
    int epoll = watch(fd, EPOLLOUT);

    for (;;) {
        if (send(fd, buffer, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            continue;
        if (errno != EAGAIN)
            return;
        wait_for(epoll);
    }
}

/* Receive until nothing is there, at most n. */
static int receive_there(int fd, int len, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        if (recv(fd, buffer, (size_t)len, MSG_DONTWAIT) != len) {
            BENCH_CHECK(errno == EAGAIN);
            break;
        }
    }
    return i;
}

static double receive_stream(int fd, int len, int n)
{
    int epoll = watch(fd, EPOLLIN);
    double start = 0;
    int i;

    for (i = -1; i < n;) {
        wait_for(epoll);
        if (i < 0) {
            i += receive_there(fd, len, 1);
            start = bench_now();
        }
        i += receive_there(fd, len, n - i);
    }
    start = bench_now() - start;
    (void)close(epoll);
    (void)close(fd);
    return start;
}

/* ------------------------------------------------------------------------
 * With descriptors. */

typedef union control_t {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
} control_t;

static void send_rights(int fd, int len)
{
    int epoll = watch(fd, EPOLLOUT);
    struct msghdr message;
    struct iovec vector;
    control_t control;

    memset(&message, 0, sizeof(message));
    memset(&control, 0, sizeof(control));
    vector.iov_base = buffer;
    vector.iov_len = (size_t)len;
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof(control);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &epoll, sizeof(int));
    for (;;) {
        if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            continue;
        if (errno != EAGAIN)
            return;
        wait_for(epoll);
    }
}

static int receive_right(int fd, int len)
{
    struct msghdr message;
    struct iovec vector;
    control_t control;
    int got;

    memset(&message, 0, sizeof(message));
    vector.iov_base = buffer;
    vector.iov_len = (size_t)len;
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof(control);
    if (recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != len) {
        BENCH_CHECK(errno == EAGAIN);
        return 0;
    }
    memcpy(&got, CMSG_DATA(&control.header), sizeof(int));
    (void)close(got);
    return 1;
}

static double receive_rights(int fd, int len, int n)
{
    int epoll = watch(fd, EPOLLIN);
    double start = 0;
    int i;

    for (i = -1; i < n;) {
        wait_for(epoll);
        while (i < n && receive_right(fd, len)) {
            if (i++ < 0)
                start = bench_now();
        }
    }
    start = bench_now() - start;
    (void)close(epoll);
    (void)close(fd);
    return start;
}

const transport_t bench_raw = {SOCK_SEQPACKET, serve, ping, send_stream,
                               receive_stream};
const transport_t bench_raw_polling = {SOCK_SEQPACKET, serve_polling,
                                       ping_polling, NULL, NULL};
const transport_t bench_raw_rights = {SOCK_SEQPACKET, NULL, NULL, send_rights,
                                      receive_rights};
