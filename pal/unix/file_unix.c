#include "config.h"

#include <pal/file.h>

#include "fd.h"

#include <pal/status.h>

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef HAVE_LINUX_OPENAT2_H
#    include <linux/openat2.h>
#    include <sys/syscall.h>
#endif

/* How a name is opened.
 *
 * Opening alone can have effects, O_NONBLOCK or not: a FIFO lets its writer
 * go on, a device may rewind a tape or reset a modem. So what the name stands
 * for is pinned first, by O_PATH, which touches nothing; its kind is looked
 * at; and then that very object is opened, by "." in it if it is a folder,
 * else by its entry in /proc/self/fd. Nobody can exchange it in between.
 * openat2(2) would not help: it restricts the way, not what is there. It is
 * used for the way, where there is more than one component.
 *
 * Where O_PATH or /proc is missing it is opened by name a second time, with
 * O_NONBLOCK, and what was opened must be what was looked at. */

#ifdef O_PATH
#    define LOOK_FLAGS O_PATH
#else
#    define LOOK_FLAGS 0
#endif

#define MAX_PATH 4096 /* with the zero byte */

#define READ_FLAGS (O_RDONLY | O_NOCTTY | O_CLOEXEC)

static pal_file_kind_t kind_of_mode(mode_t mode)
{
    if (S_ISREG(mode))
        return PAL_FILE_REGULAR;
    if (S_ISDIR(mode))
        return PAL_FILE_FOLDER;
    if (S_ISLNK(mode))
        return PAL_FILE_LINK;
    return PAL_FILE_OTHER;
}

/* Like openat, but goes on after a signal. */
static int open_name(int folder, const char *name, int flags)
{
    int fd;

    do {
        fd = openat(folder, name, flags);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* What the name stands for; *ret_pin is -1 where nothing can be pinned. */
static apr_status_t look(int folder, const char *name, int nofollow,
                         int *ret_pin, struct stat *ret_st)
{
    apr_status_t rv;
    int pin;

    if (LOOK_FLAGS == 0) {
        if (fstatat(folder, name, ret_st, nofollow ? AT_SYMLINK_NOFOLLOW : 0)
            != 0)
            return errno;
        *ret_pin = -1;
        return APR_SUCCESS;
    }
    pin = open_name(folder, name, LOOK_FLAGS | nofollow | O_CLOEXEC);
    if (pin < 0)
        return errno;
    if (fstat(pin, ret_st) != 0) {
        rv = errno;
        (void)close(pin);
        return rv;
    }
    *ret_pin = pin;
    return APR_SUCCESS;
}

/* Open what is pinned; -1 with ENOENT if it must be done by name. */
static int open_pinned(int pin, pal_file_kind_t kind)
{
    char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];

    if (pin < 0) {
        errno = ENOENT;
        return -1;
    }
    if (kind == PAL_FILE_FOLDER)
        return open_name(pin, ".", READ_FLAGS | O_DIRECTORY);
    (void)apr_snprintf(path, sizeof(path), "/proc/self/fd/%d", pin);
    return open_name(AT_FDCWD, path, READ_FLAGS);
}

static apr_status_t open_same(int folder, const char *name, int nofollow,
                              const struct stat *looked, int *ret_fd)
{
    apr_status_t rv;
    struct stat st;
    int fd;

    fd = open_name(folder, name, READ_FLAGS | O_NONBLOCK | nofollow);
    if (fd < 0)
        return nofollow && errno == ELOOP ? PAL_E_KIND : errno;
    if (fstat(fd, &st) != 0 || fcntl(fd, F_SETFL, 0) != 0)
        rv = errno;
    else if (st.st_dev != looked->st_dev || st.st_ino != looked->st_ino
             || (st.st_mode & S_IFMT) != (looked->st_mode & S_IFMT))
        rv = PAL_E_KIND;
    else {
        *ret_fd = fd;
        return APR_SUCCESS;
    }
    (void)close(fd);
    return rv;
}

/* `nofollow` is O_NOFOLLOW or 0. */
static apr_status_t open_file(int folder, const char *name, int nofollow,
                              pal_handle_t *ret_handle,
                              pal_file_kind_t *ret_kind)
{
    pal_file_kind_t kind = PAL_FILE_OTHER;
    apr_status_t rv;
    struct stat st;
    int pin = -1;
    int fd;

    rv = look(folder, name, nofollow, &pin, &st);
    if (rv != APR_SUCCESS)
        return rv;
    kind = kind_of_mode(st.st_mode);
    if (kind != PAL_FILE_REGULAR && kind != PAL_FILE_FOLDER)
        rv = PAL_E_KIND;
    else {
        fd = open_pinned(pin, kind);
        if (fd < 0 && errno == ENOENT)
            rv = open_same(folder, name, nofollow, &st, &fd);
        else if (fd < 0)
            rv = errno;
    }
    if (pin >= 0)
        (void)close(pin);
    if (rv != APR_SUCCESS)
        return rv;
    *ret_handle = fd;
    *ret_kind = kind;
    return APR_SUCCESS;
}

apr_status_t pal_file_open(const char *path, pal_handle_t *ret_handle,
                           pal_file_kind_t *ret_kind)
{
    return open_file(AT_FDCWD, path, 0, ret_handle, ret_kind);
}

/* May the path be followed, component by component? */
static int is_downward(const char *path)
{
    size_t len;

    for (;; path += len + 1) {
        len = strcspn(path, "/");
        if (len == 0 || (len <= 2 && strncmp(path, "..", len) == 0))
            return 0;
        if (path[len] == '\0')
            return 1;
    }
}

/* Open the folder that `path` leads to, all at once; -1 with ENOSYS or what
 * else tells that it must be done step by step. */
static int open_way_at_once(int folder, const char *path)
{
#if defined(HAVE_LINUX_OPENAT2_H) && defined(SYS_openat2)
    struct open_how how;
    int fd;

    memset(&how, 0, sizeof(how));
    how.flags = LOOK_FLAGS | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    do {
        fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
    } while (fd < 0 && errno == EINTR);
    return fd;
#else
    (void)folder;
    (void)path;
    errno = ENOSYS;
    return -1;
#endif
}

/* The same by components, which this takes apart. */
static int open_way(int folder, char *path)
{
    const int flags = LOOK_FLAGS | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd, at = folder, err;
    struct stat st;
    char *name, *end;

    for (name = path;; name = end + 1) {
        end = strchr(name, '/');
        if (end)
            *end = '\0';
        fd = open_name(at, name, flags);
        err = errno;
        /* Systems do not agree on what a link is then. */
        if (fd < 0 && err == ENOTDIR
            && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0
            && S_ISLNK(st.st_mode))
            err = ELOOP;
        if (at != folder)
            (void)close(at);
        at = fd;
        errno = err;
        if (fd < 0 || !end)
            return fd;
    }
}

apr_status_t pal_file_open_beneath(pal_handle_t folder, const char *path,
                                   pal_handle_t *ret_handle,
                                   pal_file_kind_t *ret_kind)
{
    char way[MAX_PATH];
    apr_status_t rv;
    char *name;
    int fd;

    if (!is_downward(path))
        return APR_EINVAL;
    if (strlen(path) >= sizeof(way))
        return APR_ENAMETOOLONG;
    strcpy(way, path);
    name = strrchr(way, '/');
    if (!name)
        return open_file(pal__fd_of(folder), path, O_NOFOLLOW, ret_handle,
                         ret_kind);
    *name++ = '\0';
    fd = open_way_at_once(pal__fd_of(folder), way);
    /* Not there, filtered, or given up as others rename what is on the way. */
    if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EAGAIN))
        fd = open_way(pal__fd_of(folder), way);
    if (fd < 0)
        return errno == ELOOP ? PAL_E_KIND : errno;
    rv = open_file(fd, name, O_NOFOLLOW, ret_handle, ret_kind);
    (void)close(fd);
    return rv;
}

static int compare_entries(const void *left, const void *right)
{
    return strcmp(((const pal_folder_entry_t *)left)->name,
                  ((const pal_folder_entry_t *)right)->name);
}

/* The kind of one entry. Not every file system tells it with the name. */
static apr_status_t kind_of_entry(int folder, const struct dirent *entry,
                                  pal_file_kind_t *ret_kind)
{
    struct stat st;

#ifdef DT_UNKNOWN
    if (entry->d_type != DT_UNKNOWN) {
        *ret_kind = kind_of_mode((mode_t)DTTOIF(entry->d_type));
        return APR_SUCCESS;
    }
#endif
    if (fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    *ret_kind = kind_of_mode(st.st_mode);
    return APR_SUCCESS;
}

static apr_status_t read_entries(DIR *dir, apr_array_header_t *entries)
{
    pal_folder_entry_t *new_entry;
    struct dirent *entry;
    pal_file_kind_t kind = PAL_FILE_OTHER;
    apr_status_t rv;

    for (;;) {
        errno = 0;
        entry = readdir(dir);
        if (!entry)
            return errno;
        if (strcmp(entry->d_name, ".") == 0
            || strcmp(entry->d_name, "..") == 0)
            continue;
        rv = kind_of_entry(dirfd(dir), entry, &kind);
        if (APR_STATUS_IS_ENOENT(rv))
            continue; /* removed since */
        if (rv != APR_SUCCESS)
            return rv;
        new_entry = apr_array_push(entries);
        new_entry->name = apr_pstrdup(entries->pool, entry->d_name);
        new_entry->kind = kind;
    }
}

apr_status_t pal_folder_list(pal_handle_t folder,
                             apr_array_header_t **ret_entries,
                             apr_pool_t *pool)
{
    apr_array_header_t *entries;
    apr_status_t rv;
    DIR *dir;
    int fd;

    /* Opened again: a duplicate would share the offset in the folder. */
    fd = open_name(pal__fd_of(folder), ".", READ_FLAGS | O_DIRECTORY);
    if (fd < 0)
        return errno;
    dir = fdopendir(fd);
    if (!dir) {
        rv = errno;
        (void)close(fd);
        return rv;
    }
    entries = apr_array_make(pool, 16, sizeof(pal_folder_entry_t));
    rv = read_entries(dir, entries);
    (void)closedir(dir);
    if (rv != APR_SUCCESS)
        return rv;
    qsort(entries->elts, (size_t)entries->nelts, sizeof(pal_folder_entry_t),
          compare_entries);
    *ret_entries = entries;
    return APR_SUCCESS;
}

apr_status_t pal_file_read_at(pal_handle_t file, apr_off_t offset, void *buf,
                              apr_size_t len, apr_size_t *ret_len)
{
    ssize_t n;

    do {
        n = pread(pal__fd_of(file), buf, len, offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno;
    *ret_len = (apr_size_t)n;
    return APR_SUCCESS;
}

/* After a failed read or write: may it be tried again? A handle that came
 * from elsewhere may be one that does not block; then this waits. */
static int try_again(int fd, short events)
{
    struct pollfd wanted = {fd, events, 0};
    int result;

    if (errno == EINTR)
        return 1;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return 0;
    do {
        result = poll(&wanted, 1, -1);
    } while (result < 0 && errno == EINTR);
    return result > 0;
}

apr_status_t pal_file_read(pal_handle_t file, void *buf, apr_size_t len,
                           apr_size_t *ret_len)
{
    int fd = pal__fd_of(file);
    ssize_t n;

    do {
        n = read(fd, buf, len);
    } while (n < 0 && try_again(fd, POLLIN));
    if (n < 0)
        return errno;
    *ret_len = (apr_size_t)n;
    return APR_SUCCESS;
}

apr_status_t pal_file_write(pal_handle_t file, const void *buf, apr_size_t len)
{
    const char *next = buf;
    int fd = pal__fd_of(file);
    ssize_t n;

    while (len > 0) {
        n = write(fd, next, len);
        if (n < 0 && try_again(fd, POLLOUT))
            continue;
        if (n < 0)
            return errno;
        next += n;
        len -= (apr_size_t)n;
    }
    return APR_SUCCESS;
}

apr_status_t pal_file_size(pal_handle_t file, apr_off_t *ret_size)
{
    struct stat st;

    if (fstat(pal__fd_of(file), &st) != 0)
        return errno;
    if (!S_ISREG(st.st_mode))
        return PAL_E_KIND;
    *ret_size = st.st_size;
    return APR_SUCCESS;
}
