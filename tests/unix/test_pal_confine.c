#include "config.h"

#include "harness.h"

#include <pal/confine.h>
#include <pal/file.h>
#include <pal/region.h>
#include <pal/status.h>

#include <apr_strings.h>

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Numbers that old headers lack; the same on all but one architecture. */
#ifndef SYS_clone3
#    define SYS_clone3 435
#endif
#ifndef SYS_landlock_create_ruleset
#    define SYS_landlock_create_ruleset 444
#    define SYS_landlock_restrict_self 446
#endif
#define UNKNOWN_SYSCALL 4000

#define LAYER(layer) (1 << (layer))
#define NO_NEW_PRIVS LAYER(PAL_CONFINE_NO_NEW_PRIVS)
#define FILES LAYER(PAL_CONFINE_FILES)
#define SYSCALLS LAYER(PAL_CONFINE_SYSCALLS)

/* What a child holds when it gives up its rights. */
static pid_t parent;
static const char *existing;      /* a file that can be opened before */
static const char *missing;       /* a file that could be made before */
static int file = -1;             /* `existing`, open */
static int packets[2] = {-1, -1}; /* SOCK_SEQPACKET */
static int tcp = -1;              /* an unconnected socket */
static int listener = -1;         /* a listening socket; its port: */
static struct sockaddr_in listener_address;
static int abstract_socket = -1; /* listening, and its address: */
static struct sockaddr_un abstract_address;
static socklen_t abstract_len;
static int stream = -1; /* an unconnected local socket */
static int loop = -1;   /* epoll */
static int timer = -1;
static int event = -1;

/* In a child: end it with a line that tells what did not hold. */
#define CHECK(cond)                                                           \
    do {                                                                      \
        if (!(cond))                                                          \
            child_failed(#cond, __LINE__);                                    \
    } while (0)

static void child_failed(const char *what, int line)
{
    char text[300];
    int n;

    n = snprintf(text, sizeof(text), "child: line %d: %s: errno %d\n", line,
                 what, errno);
    (void)!write(2, text, (size_t)n);
    _exit(1);
}

static int fails_with(long result, int error)
{
    return result < 0 && errno == error;
}

static void hold_things(void)
{
    socklen_t len = sizeof(listener_address);

    parent = getpid();
    existing = apr_pstrcat(test_pool(), test_dir(), "/existing", NULL);
    missing = apr_pstrcat(test_pool(), test_dir(), "/missing", NULL);
    file = open(existing, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CU_ASSERT_FATAL(file >= 0);
    CU_ASSERT_EQUAL_FATAL(pwrite(file, "held bytes", 10, 0), 10);
    CU_ASSERT_EQUAL_FATAL(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, packets), 0);
    tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_FATAL(tcp >= 0);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    listener_address.sin_family = AF_INET;
    listener_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener_address.sin_port = 0;
    CU_ASSERT_EQUAL_FATAL(bind(listener, (struct sockaddr *)&listener_address,
                               sizeof(listener_address)),
                          0);
    CU_ASSERT_EQUAL_FATAL(listen(listener, 4), 0);
    CU_ASSERT_EQUAL_FATAL(
        getsockname(listener, (struct sockaddr *)&listener_address, &len), 0);
    /* Bound without a name the kernel chooses an abstract one. */
    abstract_socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    stream = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    abstract_address.sun_family = AF_UNIX;
    CU_ASSERT_EQUAL_FATAL(bind(abstract_socket,
                               (struct sockaddr *)&abstract_address,
                               sizeof(sa_family_t)),
                          0);
    CU_ASSERT_EQUAL_FATAL(listen(abstract_socket, 4), 0);
    abstract_len = sizeof(abstract_address);
    CU_ASSERT_EQUAL_FATAL(getsockname(abstract_socket,
                                      (struct sockaddr *)&abstract_address,
                                      &abstract_len),
                          0);
    loop = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CU_ASSERT_FATAL(loop >= 0 && timer >= 0 && event >= 0);
}

static void release_things(void)
{
    int *held[] = {&file,   &packets[0], &packets[1],      &tcp,   &listener,
                   &stream, &loop,       &abstract_socket, &timer, &event};
    size_t i;

    for (i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
        (void)close(*held[i]);
        *held[i] = -1;
    }
    (void)unlink(existing);
}

/* In a child: give up rights by `layers`, strictly. */
static void confine(int layers)
{
    pal_confine_t *confine;
    int layer;

    CHECK(pal_confine_create(&confine, test_pool()) == APR_SUCCESS);
    for (layer = 0; layer <= PAL_CONFINE_SYSCALLS; layer++)
        if (layers & LAYER(layer))
            CHECK(pal_confine_layer_set(confine, (pal_confine_layer_t)layer,
                                        PAL_CONFINE_STRICT)
                  == APR_SUCCESS);
    CHECK(!pal_confine_held(confine, PAL_CONFINE_NO_NEW_PRIVS));
    CHECK(pal_confine_apply(confine) == APR_SUCCESS);
    for (layer = PAL_CONFINE_FILES; layer <= PAL_CONFINE_SYSCALLS; layer++)
        CHECK(pal_confine_held(confine, (pal_confine_layer_t)layer)
              == !!(layers & LAYER(layer)));
    CHECK(pal_confine_held(confine, PAL_CONFINE_NO_NEW_PRIVS)); /* implied */
    CHECK(pal_confine_apply(confine) == APR_EINVAL);
}

/* The wait status of a child that calls fn after giving up `layers`. */
static int status_of_child(int layers, void (*fn)(void))
{
    int status = -1;
    pid_t child;

    child = fork();
    CU_ASSERT_FATAL(child >= 0);
    if (child == 0) {
        if (layers)
            confine(layers);
        fn();
        _exit(0);
    }
    CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
    return status;
}

/* Is each of the layers there? If not, asking for it strictly must fail. */
static int offered(int layers)
{
    pal_confine_t *confine;
    int layer;

    for (layer = 0; layer <= PAL_CONFINE_SYSCALLS; layer++) {
        if (!(layers & LAYER(layer))
            || pal_confine_offers((pal_confine_layer_t)layer))
            continue;
        TEST_OK(pal_confine_create(&confine, test_pool()));
        TEST_OK(pal_confine_layer_set(confine, (pal_confine_layer_t)layer,
                                      PAL_CONFINE_STRICT));
        CU_ASSERT_EQUAL(pal_confine_apply(confine), APR_ENOTIMPL);
        return 0;
    }
    return 1;
}

static void in_child(int layers, void (*fn)(void))
{
    if (!offered(layers))
        return;
    hold_things();
    CU_ASSERT_EQUAL(status_of_child(layers, fn), 0);
    release_things();
}

/* What is done after giving up rights. */

static void use_held_file(void)
{
    char buf[16];
    apr_size_t len;
    apr_off_t size;

    CHECK(pal_file_read_at(file, 5, buf, sizeof(buf), &len) == APR_SUCCESS);
    CHECK(len == 5 && memcmp(buf, "bytes", 5) == 0);
    CHECK(pal_file_size(file, &size) == APR_SUCCESS && size == 10);
    CHECK(pal_file_write(file, "HELD", 4) == APR_SUCCESS);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    CHECK(pal_file_read(file, buf, 4, &len) == APR_SUCCESS);
    CHECK(len == 4 && memcmp(buf, "HELD", 4) == 0);
}

static void use_memory(void)
{
    size_t size = (size_t)64 << 20;
    char *blocks[256];
    char *block;
    int i;

    block = malloc(size);
    CHECK(block);
    memset(block, 1, size);
    block = realloc(block, 2 * size);
    CHECK(block && block[size - 1] == 1);
    free(block);
    for (i = 0; i < 256; i++) {
        blocks[i] = malloc(100000); /* below glibc's bound for mmap: brk */
        CHECK(blocks[i]);
        memset(blocks[i], i, 100000);
    }
    for (i = 255; i >= 0; i--)
        free(blocks[i]);
}

static void use_region(void)
{
    char buf[4];
    apr_off_t size;
    apr_status_t rv;
    pal_handle_t region;

    CHECK(pal_region_create("test", 8192, &region) == APR_SUCCESS);
    CHECK(pal_region_write_at(region, 8000, "mesh", 4) == APR_SUCCESS);
    rv = pal_region_seal(region);
    CHECK(rv == APR_SUCCESS || APR_STATUS_IS_ENOTIMPL(rv));
    CHECK(pal_region_check(region, &size) == rv);
    CHECK(rv != APR_SUCCESS || size == 8192);
    CHECK(pal_region_read_at(region, 8000, buf, 4) == APR_SUCCESS);
    CHECK(memcmp(buf, "mesh", 4) == 0);
    pal_handle_close(&region);
}

/* A packet with a descriptor, there and back. */
static void use_channel(void)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    char byte = 'm';
    struct iovec part = {&byte, 1};
    struct msghdr message;
    struct cmsghdr *header;
    int got;

    memset(&control, 0, sizeof(control));
    memset(&message, 0, sizeof(message));
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof(control);
    header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &file, sizeof(int));
    CHECK(sendmsg(packets[0], &message, MSG_NOSIGNAL) == 1);
    memset(&control, 0, sizeof(control));
    CHECK(recvmsg(packets[1], &message, MSG_CMSG_CLOEXEC) == 1);
    header = CMSG_FIRSTHDR(&message);
    CHECK(header && header->cmsg_type == SCM_RIGHTS);
    memcpy(&got, CMSG_DATA(header), sizeof(int));
    CHECK(fcntl(got, F_GETFD) == FD_CLOEXEC);
    CHECK((fcntl(got, F_GETFL) & O_ACCMODE) == O_RDWR);
    CHECK(close(got) == 0);
}

static void use_loop(void)
{
    struct itimerspec soon = {{0, 0}, {0, 1000}};
    struct epoll_event ready;
    uint64_t n = 1;

    memset(&ready, 0, sizeof(ready));
    ready.events = EPOLLIN;
    CHECK(epoll_ctl(loop, EPOLL_CTL_ADD, timer, &ready) == 0);
    CHECK(epoll_ctl(loop, EPOLL_CTL_ADD, packets[0], &ready) == 0);
    CHECK(timerfd_settime(timer, 0, &soon, NULL) == 0);
    CHECK(epoll_wait(loop, &ready, 1, 10000) == 1);
    CHECK(read(timer, &n, sizeof(n)) == sizeof(n));
    CHECK(write(event, &n, sizeof(n)) == sizeof(n));
    CHECK(read(event, &n, sizeof(n)) == sizeof(n));
}

static void use_rest(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct timespec time;
    struct stat st;
    sigset_t set;
    char byte;
    int type = 0;
    socklen_t len = sizeof(type);
    int copy;

    CHECK(pthread_mutex_lock(&mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    CHECK(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time) == 0);
    time.tv_sec = 0;
    time.tv_nsec = 1;
    CHECK(nanosleep(&time, NULL) == 0);
    CHECK(getrandom(&byte, 1, 0) == 1);
    CHECK(fstat(file, &st) == 0 && S_ISREG(st.st_mode));
    copy = dup(file);
    CHECK(copy >= 0 && close(copy) == 0);
    CHECK(getsockopt(packets[0], SOL_SOCKET, SO_TYPE, &type, &len) == 0);
    CHECK(type == SOCK_SEQPACKET);
    CHECK(sigemptyset(&set) == 0);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 0) == 0);
    CHECK(syscall(SYS_tkill, getpid(), 0) == 0);
    CHECK(shutdown(packets[0], SHUT_RDWR) == 0);
}

static void use_all(void)
{
    use_held_file();
    use_memory();
    use_region();
    use_channel();
    use_loop();
    use_rest();
}

/* Everything that would open or change something by its path. */
static void no_files(int error)
{
    CHECK(fails_with(open(existing, O_RDONLY), error));
    CHECK(fails_with(open(existing, O_WRONLY), error));
    CHECK(fails_with(open(existing, O_RDWR | O_TRUNC), error));
    CHECK(fails_with(open(missing, O_WRONLY | O_CREAT, 0600), error));
    CHECK(fails_with(open("/", O_RDONLY | O_DIRECTORY), error));
    CHECK(fails_with(open("/dev/null", O_RDWR), error));
    CHECK(fails_with(open("/proc/self/mem", O_RDWR), error));
    CHECK(fails_with(truncate(existing, 0), error));
    CHECK(fails_with(unlink(existing), error));
    CHECK(fails_with(mkdir(missing, 0700), error));
    CHECK(fails_with(symlink(existing, missing), error));
    CHECK(fails_with(mkfifo(missing, 0600), error));
}

static void no_exec(int error)
{
    char name[] = "true";
    char *argv[] = {name, NULL};
    char *envp[] = {NULL};

    CHECK(fails_with(execve("/bin/true", argv, envp), error));
}

/* Calls without a wrapper worth using, or with arguments that hurt nobody. */
static void no_other_calls(void)
{
    static const struct {
        long number;
        long args[3];
    } calls[] = {
#ifdef SYS_open
        {SYS_open, {0, 0, 0}},
        {SYS_fork, {0, 0, 0}},
        {SYS_vfork, {0, 0, 0}},
#endif
        {SYS_openat, {0, 0, 0}},
        {SYS_execveat, {-1, 0, 0}},
        {SYS_clone, {SIGCHLD, 0, 0}},
        {SYS_kill, {0, 0, 0}},
        {SYS_tkill, {1, 0, 0}},
        {SYS_rt_sigqueueinfo, {1, 0, 0}},
        {SYS_rt_tgsigqueueinfo, {1, 1, 0}},
        {SYS_ptrace, {PTRACE_TRACEME, 0, 0}},
        {SYS_process_vm_readv, {1, 0, 0}},
        {SYS_process_vm_writev, {1, 0, 0}},
        {SYS_seccomp, {SECCOMP_SET_MODE_FILTER, 0, 0}},
        {SYS_prctl, {PR_SET_DUMPABLE, 1, 0}},
        {SYS_prctl, {PR_SET_PDEATHSIG, 0, 0}},
        {SYS_prlimit64, {0, RLIMIT_NOFILE, 0}},
        {SYS_setrlimit, {RLIMIT_NOFILE, 0, 0}},
        {SYS_setuid, {0, 0, 0}},
        {SYS_setgroups, {0, 0, 0}},
        {SYS_capset, {0, 0, 0}},
        {SYS_chroot, {0, 0, 0}},
        {SYS_chdir, {0, 0, 0}},
        {SYS_mount, {0, 0, 0}},
        {SYS_unshare, {0, 0, 0}},
        {SYS_setns, {-1, 0, 0}},
        {SYS_personality, {0xffffffffL, 0, 0}},
        {SYS_keyctl, {0, 0, 0}},
        {SYS_bpf, {0, 0, 0}},
        {SYS_perf_event_open, {0, 0, 0}},
        {SYS_userfaultfd, {0, 0, 0}},
        {SYS_inotify_init1, {0, 0, 0}},
        {SYS_name_to_handle_at, {-1, 0, 0}},
        {SYS_open_by_handle_at, {-1, 0, 0}},
        {SYS_shmget, {0, 4096, 0600}},
        {SYS_msgget, {0, 0600, 0}},
        {SYS_mq_open, {0, 0, 0}},
        {SYS_io_setup, {0, 0, 0}},
        {SYS_setpriority, {0, 0, 0}},
        {SYS_sched_setscheduler, {0, 0, 0}},
        {SYS_sethostname, {0, 0, 0}},
        {SYS_setsockopt, {-1, 0, 0}},
        {SYS_ioctl, {0, TIOCSTI, 0}},
        {SYS_pipe2, {0, 0, 0}},
        {SYS_fchmod, {-1, 0, 0}},
        {SYS_fchown, {-1, 0, 0}},
        {SYS_flock, {-1, 0, 0}},
    };
    size_t i;

    for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (fails_with(syscall(calls[i].number, calls[i].args[0],
                               calls[i].args[1], calls[i].args[2], 0, 0, 0),
                       EPERM))
            continue;
        (void)fprintf(stderr, "call %ld\n", calls[i].number);
        child_failed("refused", __LINE__);
    }
    CHECK(fails_with(syscall(SYS_clone3, NULL, 0), ENOSYS));
    CHECK(fails_with(syscall(UNKNOWN_SYSCALL), ENOSYS));
    CHECK(fails_with(syscall(0x40000000L | SYS_getpid), ENOSYS)); /* x32 */
}

static void no_sockets(void)
{
    int ends[2];

    CHECK(fails_with(socket(AF_UNIX, SOCK_STREAM, 0), EPERM));
    CHECK(fails_with(socket(AF_INET, SOCK_DGRAM, 0), EPERM));
    CHECK(fails_with(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), EPERM));
    CHECK(fails_with(connect(tcp, (struct sockaddr *)&listener_address,
                             sizeof(listener_address)),
                     EPERM));
    CHECK(fails_with(
        connect(stream, (struct sockaddr *)&abstract_address, abstract_len),
        EPERM));
    CHECK(fails_with(bind(stream, (struct sockaddr *)&abstract_address,
                          sizeof(sa_family_t)),
                     EPERM));
    CHECK(fails_with(listen(stream, 1), EPERM));
    CHECK(fails_with(accept(listener, NULL, NULL), EPERM));
}

/* Allowed calls, but not with these arguments. */
static void no_bad_arguments(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *memory;

    CHECK(fails_with(fcntl(packets[0], F_SETOWN, parent), EPERM));
    CHECK(fails_with(fcntl(packets[0], F_SETSIG, SIGKILL), EPERM));
    CHECK(fails_with(fcntl(packets[0], F_SETFL, O_NONBLOCK), EPERM));
    CHECK(fails_with(fcntl(file, F_SETLEASE, F_RDLCK), EPERM));
    memory = mmap(NULL, page, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    /* With a hint, as without one musl makes it ENOMEM. */
    CHECK(mmap(memory, page, PROT_READ | PROT_EXEC,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
          == MAP_FAILED);
    CHECK(errno == EPERM);
    CHECK(fails_with(mprotect(memory, page, PROT_READ | PROT_EXEC), EPERM));
    CHECK(mprotect(memory, page, PROT_READ) == 0);
    CHECK(fails_with(madvise(memory, page, MADV_HWPOISON), EPERM));
    CHECK(madvise(memory, page, MADV_DONTNEED) == 0);
    CHECK(munmap(memory, page) == 0);
    CHECK(fails_with(memfd_create("", MFD_CLOEXEC | MFD_HUGETLB), EPERM));
    CHECK(fails_with(
        syscall(SYS_futex, &page, 6 /* FUTEX_LOCK_PI */, 0, NULL, NULL, 0),
        EPERM));
}

static void no_processes(void)
{
    CHECK(fails_with(fork(), EPERM));
    CHECK(fails_with(kill(parent, 0), EPERM));
    CHECK(fails_with(syscall(SYS_tgkill, parent, parent, 0), EPERM));
    CHECK(fails_with(syscall(SYS_tkill, parent, 0), EPERM));
    CHECK(fails_with(kill(getpid(), 0), EPERM));
}

static void syscalls_hold(void)
{
    no_files(EPERM);
    no_exec(EPERM);
    no_sockets();
    no_processes();
    no_bad_arguments();
    no_other_calls();
    use_all();
}

static void child_of_own(void)
{
    int status;
    pid_t child;

    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        no_files(EACCES); /* handed down */
        for (;;)
            (void)pause();
    }
    CHECK(kill(child, SIGKILL) == 0);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) || status == 0);
}

static void files_hold(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, 1u);
    struct sockaddr_in any = {AF_INET, 0, {0}, {0}};

    no_files(EACCES);
    no_exec(EACCES);
    CHECK(fails_with(rename(existing, missing), EACCES));
    /* The layers are apart: this one lets processes be made. */
    child_of_own();
    CHECK(fails_with(kill(parent, 0), EPERM) == (version >= 6));
    if (version >= 4) {
        CHECK(fails_with(connect(tcp, (struct sockaddr *)&listener_address,
                                 sizeof(listener_address)),
                         EACCES));
        CHECK(fails_with(bind(tcp, (struct sockaddr *)&any, sizeof(any)),
                         EACCES));
    }
    if (version >= 6)
        CHECK(fails_with(connect(stream, (struct sockaddr *)&abstract_address,
                                 abstract_len),
                         EPERM));
    use_all();
}

/* This layer takes none of the rights: so the others' refusals are theirs. */
static void privileges_hold(void)
{
    int fd;

    CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    fd = open(existing, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && close(fd) == 0);
    fd = open(missing, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && close(fd) == 0 && unlink(missing) == 0);
    CHECK(connect(tcp, (struct sockaddr *)&listener_address,
                  sizeof(listener_address))
          == 0);
    CHECK(connect(stream, (struct sockaddr *)&abstract_address, abstract_len)
          == 0);
    CHECK(fcntl(packets[0], F_SETOWN, parent) == 0);
    CHECK(kill(parent, 0) == 0);
    CHECK(syscall(SYS_tgkill, parent, parent, 0) == 0);
    use_all();
}

static void all_hold(void)
{
    no_files(EPERM);
    no_exec(EPERM);
    no_processes();
    use_all();
}

/* The cases. */

static void no_new_privs_alone(void)
{
    in_child(NO_NEW_PRIVS, privileges_hold);
}

static void files_alone(void)
{
    in_child(FILES, files_hold);
}

static void syscalls_alone(void)
{
    in_child(SYSCALLS, syscalls_hold);
}

static void both(void)
{
    in_child(FILES | SYSCALLS, all_hold);
}

static void child_aborts(void)
{
    abort();
}

static void abort_works(void)
{
    int status;

    if (!offered(FILES | SYSCALLS))
        return;
    status = status_of_child(FILES | SYSCALLS, child_aborts);
    CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

#ifdef __x86_64__
/* getpid by its 32-bit number: what a 64-bit filter does not recognise must
 * not get past it. */
static long pid_by_other_abi(void)
{
    long result = 20;

    __asm__ volatile("int $0x80"
                     : "+a"(result)
                     :
                     : "memory", "r8", "r9", "r10", "r11");
    return (int)result;
}

static void other_abi_open(void)
{
    CHECK(pid_by_other_abi() == getpid());
}

static void other_abi_refused(void)
{
    CHECK(pid_by_other_abi() == -EPERM);
}

static void other_abi(void)
{
    if (!offered(SYSCALLS) || status_of_child(0, other_abi_open) != 0)
        return; /* the kernel has no such calls at all */
    CU_ASSERT_EQUAL(status_of_child(SYSCALLS, other_abi_refused), 0);
}
#endif

static void *wait_for_end(void *end)
{
    char byte;

    (void)!read(*(int *)end, &byte, 1);
    return NULL;
}

static void child_after_thread(void)
{
    CHECK(fails_with(open(existing, O_RDONLY), EACCES));
}

static void refused_with_threads(void)
{
    static const pal_confine_layer_t layers[] = {
        PAL_CONFINE_NO_NEW_PRIVS, PAL_CONFINE_FILES, PAL_CONFINE_SYSCALLS};
    pal_confine_t *confine_both;
    pthread_t thread;
    int ends[2];
    size_t i;
    int fd;

    hold_things();
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    CU_ASSERT_EQUAL_FATAL(
        pthread_create(&thread, NULL, wait_for_end, &ends[0]), 0);
    TEST_OK(pal_confine_create(&confine_both, test_pool()));
    for (i = 0; i < 3; i++)
        TEST_OK(pal_confine_layer_set(confine_both, layers[i],
                                      PAL_CONFINE_BEST_EFFORT));
    CU_ASSERT_EQUAL(pal_confine_apply(confine_both), PAL_E_THREADS);
    for (i = 0; i < 3; i++)
        CU_ASSERT(!pal_confine_held(confine_both, layers[i]));
    /* Nothing was given up. */
    CU_ASSERT_EQUAL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
    fd = open(existing, O_RDONLY | O_CLOEXEC);
    CU_ASSERT(fd >= 0 && close(fd) == 0);
    (void)close(ends[1]);
    CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
    (void)close(ends[0]);
    if (offered(FILES))
        CU_ASSERT_EQUAL(status_of_child(FILES, child_after_thread), 0);
    release_things();
}

/* An older kernel, as far as Landlock goes. */
static void hide_landlock(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SYS_landlock_create_ruleset, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SYS_landlock_restrict_self, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void child_without_landlock(void)
{
    pal_confine_t *strict;
    pal_confine_t *best_effort;
    int fd;

    hide_landlock();
    CHECK(!pal_confine_offers(PAL_CONFINE_FILES));
    CHECK(pal_confine_create(&strict, test_pool()) == APR_SUCCESS);
    CHECK(pal_confine_layer_set(strict, PAL_CONFINE_FILES, PAL_CONFINE_STRICT)
          == APR_SUCCESS);
    CHECK(
        pal_confine_layer_set(strict, PAL_CONFINE_SYSCALLS, PAL_CONFINE_STRICT)
        == APR_SUCCESS);
    CHECK(pal_confine_apply(strict) == APR_ENOTIMPL);
    CHECK(!pal_confine_held(strict, PAL_CONFINE_SYSCALLS));
    fd = open(existing, O_RDONLY);
    CHECK(fd >= 0 && close(fd) == 0);
    CHECK(pal_confine_create(&best_effort, test_pool()) == APR_SUCCESS);
    CHECK(pal_confine_layer_set(best_effort, PAL_CONFINE_FILES,
                                PAL_CONFINE_BEST_EFFORT)
          == APR_SUCCESS);
    CHECK(pal_confine_layer_set(best_effort, PAL_CONFINE_SYSCALLS,
                                PAL_CONFINE_BEST_EFFORT)
          == APR_SUCCESS);
    CHECK(pal_confine_apply(best_effort) == APR_SUCCESS);
    CHECK(!pal_confine_held(best_effort, PAL_CONFINE_FILES));
    CHECK(pal_confine_held(best_effort, PAL_CONFINE_NO_NEW_PRIVS));
    if (pal_confine_held(best_effort, PAL_CONFINE_SYSCALLS))
        CHECK(fails_with(open(existing, O_RDONLY), EPERM));
}

static void layer_missing(void)
{
    hold_things();
    CU_ASSERT_EQUAL(status_of_child(0, child_without_landlock), 0);
    release_things();
}

static void wrong_choices(void)
{
    pal_confine_t *wrong;

    TEST_OK(pal_confine_create(&wrong, test_pool()));
    CU_ASSERT_EQUAL(pal_confine_layer_set(wrong, (pal_confine_layer_t)3,
                                          PAL_CONFINE_STRICT),
                    APR_EINVAL);
    CU_ASSERT_EQUAL(
        pal_confine_layer_set(wrong, PAL_CONFINE_FILES, (pal_confine_mode_t)2),
        APR_EINVAL);
    CU_ASSERT_EQUAL(pal_confine_syscalls_set(wrong, (pal_syscalls_t)1),
                    APR_EINVAL);
    TEST_OK(pal_confine_syscalls_set(wrong, PAL_SYSCALLS_WORKER));
    CU_ASSERT_EQUAL(pal_confine_offers((pal_confine_layer_t)3), 0);
    CU_ASSERT_EQUAL(pal_confine_held(wrong, (pal_confine_layer_t)3), 0);
    TEST_OK(pal_confine_apply(wrong)); /* nothing chosen, nothing given up */
    CU_ASSERT_EQUAL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
}

/* Built without any layer: a strict one fails before anything is given up. */
static void nothing_offered(void)
{
    pal_confine_t *strict, *best_effort;
    int layer;

    for (layer = 0; layer <= PAL_CONFINE_SYSCALLS; layer++) {
        CU_ASSERT_FALSE(pal_confine_offers((pal_confine_layer_t)layer));
        TEST_OK(pal_confine_create(&strict, test_pool()));
        TEST_OK(pal_confine_layer_set(strict, (pal_confine_layer_t)layer,
                                      PAL_CONFINE_STRICT));
        CU_ASSERT_EQUAL(pal_confine_apply(strict), APR_ENOTIMPL);
        TEST_OK(pal_confine_create(&best_effort, test_pool()));
        TEST_OK(pal_confine_layer_set(best_effort, (pal_confine_layer_t)layer,
                                      PAL_CONFINE_BEST_EFFORT));
        TEST_OK(pal_confine_apply(best_effort));
        CU_ASSERT_FALSE(
            pal_confine_held(best_effort, (pal_confine_layer_t)layer));
    }
    CU_ASSERT_EQUAL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
}

int main(int argc, char **argv)
{
    static const test_case_t portable_cases[] = {
        {"nothing-offered", nothing_offered},
        {"wrong-choices", wrong_choices},
        {NULL, NULL},
    };
    static const test_case_t cases[] = {
        {"no-new-privs-alone", no_new_privs_alone},
        {"files-alone", files_alone},
        {"syscalls-alone", syscalls_alone},
        {"both", both},
        {"abort-works", abort_works},
#ifdef __x86_64__
        {"other-abi", other_abi},
#endif
        {"refused-with-threads", refused_with_threads},
        {"layer-missing", layer_missing},
        {"wrong-choices", wrong_choices},
        {NULL, NULL},
    };

    return test_main(argc, argv, "pal-confine",
                     test_is_native() ? cases : portable_cases);
}
