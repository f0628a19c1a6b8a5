#include "config.h"

#include <pal/self.h>

#include "fd.h"

#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXE_LINK "/proc/self/exe"
#define DELETED " (deleted)"

/* What the kernel can have is limited by its build; 2^20 is beyond any. */
#define MAX_CPUS (1 << 20)

#define NAME_SIZE 16 /* of the kernel, with the zero byte */

apr_int64_t pal_self_pid(void)
{
    return getpid();
}

int pal_self_cpus(void)
{
    int n_room = CPU_SETSIZE, n_cpus = 0;
    cpu_set_t *set;

    /* EINVAL: the kernel's set is larger than the room given. */
    for (; n_cpus == 0 && n_room <= MAX_CPUS; n_room *= 2) {
        set = CPU_ALLOC((size_t)n_room);
        if (set == NULL)
            break;
        if (sched_getaffinity(0, CPU_ALLOC_SIZE((size_t)n_room), set) == 0)
            n_cpus = CPU_COUNT_S(CPU_ALLOC_SIZE((size_t)n_room), set);
        CPU_FREE(set);
    }
    return n_cpus > 0 ? n_cpus : 1;
}

/* The kernel marks the path of a file that was removed or replaced; but a
 * file may also be called so. */
static void drop_mark(char *path)
{
    size_t len = strlen(path), mark_len = strlen(DELETED);
    struct stat named, running;

    if (len <= mark_len || strcmp(path + len - mark_len, DELETED) != 0)
        return;
    if (stat(path, &named) == 0 && stat(EXE_LINK, &running) == 0
        && named.st_dev == running.st_dev && named.st_ino == running.st_ino)
        return;
    path[len - mark_len] = '\0';
}

apr_status_t pal_self_path(const char **ret_path, apr_pool_t *pool)
{
    char link[PATH_MAX];
    ssize_t len = readlink(EXE_LINK, link, sizeof(link) - 1);
    char *path;

    if (len < 0)
        return errno;
    link[len] = '\0';
    drop_mark(link);
    path = apr_palloc(pool, strlen(link) + 1);
    if (path == NULL)
        return APR_ENOMEM;
    strcpy(path, link);
    *ret_path = path;
    return APR_SUCCESS;
}

apr_status_t pal_self_handle(pal_handle_t *ret_program)
{
    /* O_PATH: a program may be one that cannot be read. */
    int fd = open(EXE_LINK, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return errno;
    *ret_program = fd;
    return APR_SUCCESS;
}

/* Read from `fd` until the first zero byte, the end, or `len` bytes; *ret_len
 * is what was read before it. */
static apr_status_t read_word(int fd, char *buf, size_t len, size_t *ret_len)
{
    size_t used = 0;
    ssize_t n;
    char *end;

    while (used < len) {
        n = read(fd, buf + used, len - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        end = n > 0 ? memchr(buf + used, '\0', (size_t)n) : buf + used;
        if (end != NULL) {
            *ret_len = (size_t)(end - buf);
            return APR_SUCCESS;
        }
        used += (size_t)n;
    }
    return APR_ENAMETOOLONG;
}

apr_status_t pal_self_argv0(const char **ret_argv0, apr_pool_t *pool)
{
    char buf[PATH_MAX];
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    apr_status_t rv;
    size_t len = 0;
    char *argv0;

    if (fd < 0)
        return errno;
    rv = read_word(fd, buf, sizeof(buf), &len);
    (void)close(fd);
    if (rv != APR_SUCCESS)
        return rv;
    argv0 = apr_palloc(pool, len + 1);
    if (argv0 == NULL)
        return APR_ENOMEM;
    memcpy(argv0, buf, len);
    argv0[len] = '\0';
    *ret_argv0 = argv0;
    return APR_SUCCESS;
}

apr_status_t pal_self_name_set(const char *name)
{
    return prctl(PR_SET_NAME, name, 0, 0, 0) == 0 ? APR_SUCCESS : errno;
}

apr_status_t pal_self_name(const char **ret_name, apr_pool_t *pool)
{
    char *name = apr_palloc(pool, NAME_SIZE);

    if (name == NULL)
        return APR_ENOMEM;
    if (prctl(PR_GET_NAME, name, 0, 0, 0) != 0)
        return errno;
    *ret_name = name;
    return APR_SUCCESS;
}

apr_int64_t pal_self_parent_pid(void)
{
    return getppid();
}

apr_status_t pal_self_parent(pal_process_t **ret_process)
{
    pal_process_t *process = NULL;
    apr_status_t rv;
    pid_t pid;

    for (;;) {
        pid = getppid();
        if (pid == 0)
            return ESRCH;
        rv = pal_process_attach(&process, pid);
        /* It lived all the while, or there is another one. */
        if (getppid() == pid)
            break;
        if (rv == APR_SUCCESS)
            pal_process_close(&process);
    }
    if (rv == APR_SUCCESS)
        *ret_process = process;
    return rv;
}

apr_status_t pal_self_env_take(const char *name, const char **ret_value,
                               apr_pool_t *pool)
{
    const char *value = getenv(name);
    char *copy = NULL;

    if (value != NULL) {
        copy = apr_palloc(pool, strlen(value) + 1);
        if (copy == NULL)
            return APR_ENOMEM;
        strcpy(copy, value);
        if (unsetenv(name) != 0)
            return errno;
    }
    *ret_value = copy;
    return APR_SUCCESS;
}

int pal_self_is_terminal(pal_handle_t handle)
{
    return isatty(pal__fd_of(handle));
}

void pal_self_exit(int code)
{
    _exit(code);
}
