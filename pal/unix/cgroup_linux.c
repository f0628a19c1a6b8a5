#include "config.h"

#include "cgroup_linux.h"

#include "hold_linux.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* Names in mountinfo have spaces and the like as "\040". */
static void unescape(char *text)
{
    char *to = text;

    for (; *text != '\0'; text++) {
        if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3'
            && text[2] >= '0' && text[2] <= '7' && text[3] >= '0'
            && text[3] <= '7') {
            *to++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8
                           + (text[3] - '0'));
            text += 3;
        }
        else
            *to++ = *text;
    }
    *to = '\0';
}

/* Find the mount of the cgroup2 hierarchy: where it is, and which part of the
 * hierarchy it shows. Returns an errno value. */
static int find_mount(char point[PATH_MAX], char root[PATH_MAX])
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char *line = NULL, *type;
    size_t room = 0;
    int is_found = 0;

    if (file == NULL)
        return errno;
    while (!is_found && getline(&line, &room, file) > 0) {
        type = strstr(line, " - ");
        is_found =
            type != NULL && strncmp(type + 3, "cgroup2 ", 8) == 0
            && sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) == 2;
    }
    free(line);
    (void)fclose(file);
    if (!is_found)
        return ENOENT;
    unescape(root);
    unescape(point);
    return 0;
}

/* Where this process is in the hierarchy. Returns an errno value. */
static int find_place(char place[PATH_MAX])
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    char *line = NULL;
    size_t room = 0;
    int is_found = 0;

    if (file == NULL)
        return errno;
    while (!is_found && getline(&line, &room, file) > 0)
        is_found = strncmp(line, "0::/", 4) == 0
                   && sscanf(line + 3, "%4095[^\n]", place) == 1;
    free(line);
    (void)fclose(file);
    return is_found ? 0 : ENOENT;
}

/* The folder of the cgroup of this process. The mount may show a part of the
 * hierarchy that it is not in. Returns an errno value. */
static int open_own(int *ret_folder)
{
    char point[PATH_MAX], root[PATH_MAX], place[PATH_MAX];
    char path[2 * PATH_MAX];
    int err = find_mount(point, root);
    size_t len;

    if (err == 0)
        err = find_place(place);
    if (err != 0)
        return err;
    len = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(place, root, len) != 0 || strstr(place, "/..") != NULL
        || (place[len] != '/' && place[len] != '\0'))
        return ENOENT;
    (void)snprintf(path, sizeof(path), "%s%s", point, place + len);
    *ret_folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_folder < 0 ? errno : 0;
}

apr_status_t pal__cgroup_find(pal__cgroup_t *cgroup)
{
    unsigned long long mark = 0;
    int err;

    cgroup->parent = cgroup->folder = cgroup->procs = cgroup->events = -1;
    err = open_own(&cgroup->parent);
    /* Who enters must be allowed to leave where he is. */
    if (err == 0
        && (faccessat(cgroup->parent, ".", W_OK, AT_EACCESS) != 0
            || faccessat(cgroup->parent, "cgroup.procs", W_OK, AT_EACCESS) != 0
            || getrandom(&mark, sizeof(mark), 0) != (ssize_t)sizeof(mark)))
        err = errno;
    if (err != 0) {
        pal__cgroup_close(cgroup);
        return err;
    }
    (void)snprintf(cgroup->name, sizeof(cgroup->name), "pal-job-%ld-%llx",
                   (long)getpid(), mark);
    return APR_SUCCESS;
}

apr_status_t pal__cgroup_make(pal__cgroup_t *cgroup)
{
    int err = 0;

    if (mkdirat(cgroup->parent, cgroup->name, 0755) != 0)
        return errno;
    cgroup->folder = pal__cgroup_open(cgroup->parent, cgroup->name);
    if (cgroup->folder >= 0)
        cgroup->procs =
            openat(cgroup->folder, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (cgroup->procs >= 0)
        cgroup->events =
            openat(cgroup->folder, "cgroup.events", O_RDONLY | O_CLOEXEC);
    if (cgroup->events < 0
        || faccessat(cgroup->folder, "cgroup.kill", W_OK, AT_EACCESS) != 0)
        err = errno;
    if (err != 0)
        (void)pal__cgroup_remove(cgroup->parent, cgroup->name);
    return err;
}

void pal__cgroup_close(pal__cgroup_t *cgroup)
{
    if (cgroup->folder >= 0)
        (void)pal__cgroup_remove(cgroup->parent, cgroup->name);
    close_fd(&cgroup->events);
    close_fd(&cgroup->procs);
    close_fd(&cgroup->folder);
    close_fd(&cgroup->parent);
}

int pal__cgroup_is_populated(const pal__cgroup_t *cgroup)
{
    char text[256];
    ssize_t len = pread(cgroup->events, text, sizeof(text) - 1, 0);

    /* It cannot be read once the keeper has removed it. */
    text[len < 0 ? 0 : len] = '\0';
    return strstr(text, "populated 1") != NULL;
}

apr_status_t pal__cgroup_count(const pal__cgroup_t *cgroup, int *ret_count)
{
    int fd = openat(cgroup->folder, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    int count = 0, err = 0;
    char text[4096];
    ssize_t n, i;

    if (fd < 0)
        return errno;
    while ((n = read(fd, text, sizeof(text))) > 0)
        for (i = 0; i < n; i++)
            count += text[i] == '\n';
    if (n < 0)
        err = errno;
    (void)close(fd);
    if (err == 0)
        *ret_count = count;
    return err;
}

apr_status_t pal__cgroup_write(const pal__cgroup_t *cgroup, const char *file,
                               const char *value)
{
    int fd = openat(cgroup->folder, file, O_WRONLY | O_CLOEXEC);
    size_t len = strlen(value);
    int err = 0;

    if (fd < 0)
        return errno == ENOENT ? APR_ENOTIMPL : errno;
    if (write(fd, value, len) != (ssize_t)len)
        err = errno;
    (void)close(fd);
    return err;
}
