#include "config.h"

#include "ends.h"
#include "harness.h"

#include <pal/pal.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT (10 * APR_USEC_PER_SEC) /* of what must not last this long */

/* A path in the folder of the program, where everyone may look. */
static const char *path_of(const char *name)
{
    CU_ASSERT_EQUAL(chmod(test_dir(), 0755), 0);
    return apr_pstrcat(test_pool(), test_dir(), "/", name, NULL);
}

static pal_listener_t *listen_at(const char *path, pal_listen_kind_t kind)
{
    pal_listener_t *listener;

    TEST_OK(pal_listener_create(&listener, kind, test_pool()));
    TEST_OK(pal_listener_open(listener, path));
    return listener;
}

static apr_status_t try_at(const char *path, int replace)
{
    pal_listener_t *listener;
    apr_status_t rv;

    TEST_OK(pal_listener_create(&listener, PAL_LISTEN_CHANNEL, test_pool()));
    pal_listener_replace_set(listener, replace);
    rv = pal_listener_open(listener, path);
    pal_listener_close(listener);
    return rv;
}

static int exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* How many entries the folder of the program has. */
static int n_entries(void)
{
    apr_array_header_t *entries;
    pal_file_kind_t kind;
    pal_handle_t folder;

    TEST_OK(pal_file_open(test_dir(), &folder, &kind));
    TEST_OK(pal_folder_list(folder, &entries, test_pool()));
    pal_handle_close(&folder);
    return entries->nelts;
}

static void bind_at(int fd, const char *path)
{
    struct sockaddr_un address;

    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    apr_cpystrn(address.sun_path, path, sizeof(address.sun_path));
    CU_ASSERT_EQUAL_FATAL(
        bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

/* A socket that somebody left behind there. */
static void leave_at(const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    bind_at(fd, path);
    (void)close(fd);
}

static int is_me(const pal_peer_t *peer)
{
    return peer->pid == getpid() && peer->uid == geteuid()
           && peer->gid == getegid();
}

/* Both ends are private, blocking and without a time limit, like those of a
 * pair. */
static int is_plain(pal_handle_t end)
{
    struct timeval limit;
    socklen_t len = sizeof(limit);
    int fd = (int)end;

    return getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &len) == 0
           && limit.tv_sec == 0 && limit.tv_usec == 0
           && fcntl(fd, F_GETFD) == FD_CLOEXEC
           && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

/* A packet with a handle, as channels. */
static void exchange(pal_handle_t *here, pal_handle_t *there)
{
    pal_handle_t zero = 0;
    packet_t packet;
    link_t link;

    TEST_OK(pal_channel_open(&link.here, here));
    TEST_OK(pal_channel_open(&link.there, there));
    TEST_OK(send_text(link.here, "hello", &zero, 1));
    TEST_OK(receive(link.there, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "hello");
    CU_ASSERT_EQUAL(packet.n_handles, 1);
    close_handles(&packet);
    TEST_OK(send_text(link.there, "back", NULL, 0));
    TEST_OK(receive(link.here, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "back");
    close_link(&link);
}

static void meet(pal_listen_kind_t kind, apr_interval_time_t timeout)
{
    const char *path = path_of("meet");
    pal_listener_t *listener = listen_at(path, kind);
    pal_handle_t here, there = 777;
    pal_peer_t peer, server;
    struct stat st;

    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL(n_entries(), 1);
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EAGAIN(pal_listener_accept(listener, &there, &peer)));
    CU_ASSERT_EQUAL(there, 777);
    TEST_OK(pal_connect(&here, kind, path, timeout, &server));
    CU_ASSERT_TRUE(is_me(&server));
    TEST_OK(pal_listener_accept(listener, &there, &peer));
    CU_ASSERT_TRUE(is_me(&peer));
    CU_ASSERT_TRUE(is_plain(here));
    CU_ASSERT_TRUE(is_plain(there));
    exchange(&here, &there);
    pal_listener_close(listener);
    CU_ASSERT_EQUAL(n_entries(), 0);
    /* Once more, with nobody interested. */
    TEST_OK(pal_listener_open(listener, path));
    TEST_OK(pal_connect(&here, kind, path, timeout, NULL));
    pal_handle_close(&here);
    pal_listener_close(listener);
}

static void meets(void)
{
    meet(PAL_LISTEN_CHANNEL, -1);
    meet(PAL_LISTEN_CHANNEL, 0);
    meet(PAL_LISTEN_STREAM, LIMIT); /* where a channel can be, too */
}

/* Streams are not channels where packets have sockets of their own; and a
 * channel is found whichever type its server was configured to make. */
static void kinds(void)
{
    const char *path = path_of("kinds");
    pal_listener_t *listener = listen_at(path, PAL_LISTEN_STREAM);
    pal_handle_t here, there;
    pal_peer_t peer;
    int fd;

    TEST_OK(pal_connect(&here, PAL_LISTEN_CHANNEL, path, 0, NULL));
    TEST_OK(pal_listener_accept(listener, &there, &peer));
    exchange(&here, &there);
    pal_listener_close(listener);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    bind_at(fd, path);
    CU_ASSERT_EQUAL(listen(fd, 1), 0);
    CU_ASSERT_EQUAL(pal_connect(&here, PAL_LISTEN_STREAM, path, 0, NULL),
                    PAL_E_KIND);
    TEST_OK(pal_connect(&here, PAL_LISTEN_CHANNEL, path, 0, NULL));
    there = accept(fd, NULL, NULL);
    exchange(&here, &there);
    (void)close(fd);
    CU_ASSERT_EQUAL(unlink(path), 0);
}

static void options(void)
{
    const char *path = path_of("options");
    pal_listener_t *listener;
    pal_handle_t end;
    pal_peer_t peer;
    struct stat st;

    TEST_OK(pal_listener_create(&listener, PAL_LISTEN_CHANNEL, test_pool()));
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EINVAL(pal_listener_mode_set(listener, 01000)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(pal_listener_mode_set(listener, -1)));
    CU_ASSERT_EQUAL(pal_listener_security_set(listener, "D:P(A;;GA;;;WD)"),
                    APR_ENOTIMPL);
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EINVAL(pal_listener_backlog_set(listener, 0)));
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EINVAL(pal_listener_accept(listener, &end, &peer)));
    TEST_OK(pal_listener_mode_set(listener, 0660));
    TEST_OK(pal_listener_backlog_set(listener, 5));
    pal_listener_close(listener); /* not open: nothing happens */
    TEST_OK(pal_listener_open(listener, path));
    CU_ASSERT_EQUAL(pal_listener_open(listener, path), PAL_E_STARTED);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0660);
    apr_pool_clear(test_pool()); /* closes it */
    CU_ASSERT_EQUAL(n_entries(), 0);
}

/* What is at the path stays, unless it is a socket of nobody. */
static void occupied(void)
{
    const char *path = path_of("occupied");
    int type, fd, replace;

    for (replace = 0; replace < 2; replace++) {
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        CU_ASSERT_FATAL(fd >= 0);
        (void)close(fd);
        CU_ASSERT_EQUAL(try_at(path, replace), PAL_E_KIND);
        CU_ASSERT_EQUAL(unlink(path), 0);
        CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
        CU_ASSERT_EQUAL(try_at(path, replace), PAL_E_KIND);
        CU_ASSERT_EQUAL(rmdir(path), 0);
        CU_ASSERT_EQUAL(symlink("nowhere", path), 0);
        CU_ASSERT_EQUAL(try_at(path, replace), PAL_E_KIND);
        CU_ASSERT_EQUAL(unlink(path), 0);
        leave_at(path_of("left"));
        CU_ASSERT_EQUAL(symlink("left", path), 0);
        CU_ASSERT_EQUAL(try_at(path, replace), PAL_E_KIND);
        CU_ASSERT_TRUE(exists(path_of("left")));
        CU_ASSERT_EQUAL(unlink(path), 0);
        TEST_OK(try_at(path_of("left"), replace));
        CU_ASSERT_EQUAL(n_entries(), 0);
    }
    for (type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        bind_at(fd, path); /* need not listen */
        CU_ASSERT_TRUE(APR_STATUS_IS_EEXIST(try_at(path, 0)));
        CU_ASSERT_TRUE(exists(path));
        TEST_OK(try_at(path, 1));
        CU_ASSERT_FALSE(exists(path));
        (void)close(fd);
    }
    CU_ASSERT_EQUAL(n_entries(), 0);
}

/* One that was replaced keeps its clients, and does not remove the path of its
 * successor. */
static void replaced(void)
{
    const char *path = path_of("replaced");
    pal_listener_t *first = listen_at(path, PAL_LISTEN_CHANNEL), *second;
    pal_handle_t here, there;
    pal_peer_t peer;

    CU_ASSERT_TRUE(APR_STATUS_IS_EEXIST(try_at(path, 0)));
    TEST_OK(pal_connect(&here, PAL_LISTEN_CHANNEL, path, 0, NULL));
    TEST_OK(pal_listener_create(&second, PAL_LISTEN_CHANNEL, test_pool()));
    pal_listener_replace_set(second, 1);
    TEST_OK(pal_listener_open(second, path));
    TEST_OK(pal_listener_accept(first, &there, &peer));
    exchange(&here, &there);
    pal_listener_close(first);
    TEST_OK(pal_connect(&here, PAL_LISTEN_CHANNEL, path, 0, NULL));
    TEST_OK(pal_listener_accept(second, &there, NULL));
    exchange(&here, &there);
    pal_listener_close(second);
    CU_ASSERT_EQUAL(n_entries(), 0);
}

/* Several want the place of a dead one: one gets it. */
enum { N_RIVALS = 4 };

typedef struct rival_t {
    const char *path;
    pal_listener_t *listener;
    apr_status_t status;
} rival_t;

static void *APR_THREAD_FUNC compete(apr_thread_t *thread, void *baton)
{
    rival_t *rival = baton;

    (void)thread;
    rival->status = pal_listener_open(rival->listener, rival->path);
    return NULL;
}

static void rivals(void)
{
    const char *path = path_of("rivals");
    apr_thread_t *threads[N_RIVALS];
    rival_t list[N_RIVALS];
    int i, round, n_rounds = test_scale(200);
    apr_status_t rv;

    for (i = 0; i < N_RIVALS; i++) {
        list[i].path = path;
        TEST_OK(pal_listener_create(&list[i].listener, PAL_LISTEN_CHANNEL,
                                    test_pool()));
    }
    for (round = 0; round < n_rounds; round++) {
        int n = 0;

        leave_at(path);
        for (i = 0; i < N_RIVALS; i++)
            TEST_OK(apr_thread_create(&threads[i], NULL, compete, &list[i],
                                      test_pool()));
        for (i = 0; i < N_RIVALS; i++) {
            TEST_OK(apr_thread_join(&rv, threads[i]));
            n += list[i].status == APR_SUCCESS;
            CU_ASSERT_TRUE(list[i].status == APR_SUCCESS
                           || APR_STATUS_IS_EEXIST(list[i].status));
        }
        CU_ASSERT_EQUAL(n, 1);
        CU_ASSERT_EQUAL(n_entries(), 1);
        for (i = 0; i < N_RIVALS; i++)
            pal_listener_close(list[i].listener);
        CU_ASSERT_EQUAL(n_entries(), 0);
    }
}

static void *APR_THREAD_FUNC leave(apr_thread_t *thread, void *baton)
{
    (void)thread;
    pal_listener_close(baton);
    return NULL;
}

/* A close removes nothing of one that takes the place at that very time. */
static void handover(void)
{
    const char *path = path_of("handover");
    int round, n_rounds = test_scale(1500);
    pal_listener_t *first, *second;
    apr_thread_t *thread;
    apr_status_t rv;

    TEST_OK(pal_listener_create(&first, PAL_LISTEN_CHANNEL, test_pool()));
    TEST_OK(pal_listener_create(&second, PAL_LISTEN_CHANNEL, test_pool()));
    pal_listener_replace_set(second, 1);
    for (round = 0; round < n_rounds; round++) {
        TEST_OK(pal_listener_open(first, path));
        TEST_OK(apr_thread_create(&thread, NULL, leave, first, test_pool()));
        TEST_OK(pal_listener_open(second, path));
        TEST_OK(apr_thread_join(&rv, thread));
        CU_ASSERT_EQUAL(n_entries(), 1);
        pal_listener_close(second);
        CU_ASSERT_EQUAL(n_entries(), 0);
    }
}

static void paths(void)
{
    char name[256];
    const char *path, *folder = path_of("");
    pal_listener_t *listener;
    pal_handle_t here, there;
    pal_peer_t peer;
    int i;

    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(try_at(path_of("no/where"), 0)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(try_at(folder, 0)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(try_at(path_of(".."), 0)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(try_at("", 0)));
    memset(name, 'x', sizeof(name));
    name[150] = '\0';
    CU_ASSERT_EQUAL(try_at(path_of(name), 0), PAL_E_LIMIT);
    CU_ASSERT_EQUAL(
        pal_connect(&here, PAL_LISTEN_CHANNEL, path_of(name), 0, NULL),
        PAL_E_LIMIT);
    /* More than the address of a socket has room for. */
    name[50] = '\0';
    for (i = 0; i < 3; i++) {
        folder = apr_pstrcat(test_pool(), folder, name, "/", NULL);
        CU_ASSERT_EQUAL_FATAL(mkdir(folder, 0700), 0);
    }
    path = apr_pstrcat(test_pool(), folder, name, NULL);
    listener = listen_at(path, PAL_LISTEN_CHANNEL);
    CU_ASSERT_TRUE(exists(path));
    CU_ASSERT_TRUE(APR_STATUS_IS_EEXIST(try_at(path, 0)));
    TEST_OK(pal_connect(&here, PAL_LISTEN_CHANNEL, path, 0, NULL));
    TEST_OK(pal_listener_accept(listener, &there, &peer));
    exchange(&here, &there);
    pal_listener_close(listener);
    CU_ASSERT_FALSE(exists(path));
    /* In the working directory, as it was then. */
    CU_ASSERT_EQUAL(chdir(test_dir()), 0);
    listener = listen_at("here", PAL_LISTEN_CHANNEL);
    TEST_OK(pal_connect(&here, PAL_LISTEN_CHANNEL, "here", 0, NULL));
    pal_handle_close(&here);
    CU_ASSERT_EQUAL(chdir("/"), 0);
    pal_listener_close(listener);
    CU_ASSERT_FALSE(exists(path_of("here")));
}

/* Other users: by the mode. */
static int connect_as_user(void *baton)
{
    pal_handle_t end;
    apr_status_t rv =
        pal_connect(&end, PAL_LISTEN_CHANNEL, baton, LIMIT, NULL);

    return rv == APR_SUCCESS ? 1 : APR_STATUS_IS_EACCES(rv) ? 2 : 3;
}

static void users(void)
{
    char *path = (char *)path_of("users");
    int is_root = geteuid() == 0;
    pal_listener_t *listener;
    pal_handle_t end;
    pal_peer_t peer;

    TEST_OK(pal_listener_create(&listener, PAL_LISTEN_CHANNEL, test_pool()));
    TEST_OK(pal_listener_open(listener, path));
    CU_ASSERT_EQUAL(run_as_user(connect_as_user, path), is_root ? 2 : 1);
    pal_listener_close(listener);
    TEST_OK(pal_listener_mode_set(listener, 0666));
    TEST_OK(pal_listener_open(listener, path));
    CU_ASSERT_EQUAL(run_as_user(connect_as_user, path), 1);
    TEST_OK(pal_listener_accept(listener, &end, &peer));
    CU_ASSERT_EQUAL(peer.uid == geteuid(), !is_root);
    CU_ASSERT_TRUE(peer.pid > 0 && peer.pid != getpid());
    pal_handle_close(&end);
    pal_listener_close(listener);
}

static void peer_process(void)
{
    const char *path = path_of("process");
    pal_listener_t *listener = listen_at(path, PAL_LISTEN_CHANNEL);
    pal_process_t *process = NULL;
    pal_handle_t end, ends[2];
    pal_peer_t peer;
    apr_status_t rv;
    int status;
    pid_t pid = fork();

    CU_ASSERT_FATAL(pid >= 0);
    if (pid == 0) {
        (void)pal_connect(&end, PAL_LISTEN_CHANNEL, path, -1, NULL);
        for (;;)
            (void)pause();
    }
    do {
        rv = pal_listener_accept(listener, &end, &peer);
    } while (APR_STATUS_IS_EAGAIN(rv));
    TEST_OK(rv);
    CU_ASSERT_EQUAL(peer.pid, pid);
    rv = pal_peer_process(end, &process);
    if (rv == APR_SUCCESS) {
        CU_ASSERT_EQUAL(pal_process_pid(process), pid);
        CU_ASSERT_TRUE(APR_STATUS_IS_TIMEUP(pal_process_wait(process, 0)));
        if (test_in_valgrind()) { /* which cannot signal by pidfd */
            CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
        }
        else {
            TEST_OK(pal_process_kill(process));
        }
        TEST_OK(pal_process_wait(process, LIMIT));
        pal_process_close(&process);
    }
    else { /* a kernel before 6.5, or the portable build */
        CU_ASSERT_TRUE(APR_STATUS_IS_ENOTIMPL(rv));
        CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    pal_handle_close(&end);
    pal_listener_close(listener);

    /* The system would name the maker of a pair, whatever the holder of the
     * other end does. */
    TEST_OK(pal_channel_pair(ends));
    CU_ASSERT_EQUAL(pal_peer_process(ends[0], &process), PAL_E_KIND);
    bind_at((int)ends[1], path);
    CU_ASSERT_EQUAL(pal_peer_process(ends[0], &process), PAL_E_KIND);
    CU_ASSERT_EQUAL(unlink(path), 0);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EBADF(pal_peer_process(PAL_HANDLE_NONE, &process)));
    CU_ASSERT_PTR_NULL(process);
}

static const test_case_t cases[] = {
    {"meets", meets},       {"kinds", kinds},
    {"options", options},   {"occupied", occupied},
    {"replaced", replaced}, {"handover", handover},
    {"rivals", rivals},     {"paths", paths},
    {"users", users},       {"peer_process", peer_process},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal_listener", cases);
}
