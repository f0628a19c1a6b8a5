#include "config.h"

#include "child_linux.h"
#include "plant.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* The kernel's struct linux_dirent64. */
typedef struct entry_t {
    apr_uint64_t inode;
    apr_int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[1];
} entry_t;

/* The number that a name in /proc/self/fd stands for, or -1. */
PAL__NO_SANITIZER static int number_of(const char *name)
{
    int number = 0;

    if (*name < '0' || *name > '9')
        return -1;
    for (; *name >= '0' && *name <= '9'; name++)
        number = number * 10 + (*name - '0');
    return number;
}

/* Close what is listed in /proc/self/fd from `low` to `high`; 0 if that
 * cannot be read. */
PAL__NO_SANITIZER static int close_listed(pal__child_t *child, int low,
                                          int high)
{
    char *entries = (char *)child->entries;
    const entry_t *entry;
    long len, used;
    int number;
    int folder = (int)pal__raw(SYS_openat, AT_FDCWD, (long)"/proc/self/fd",
                               O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

    if (folder < 0)
        return 0;
    for (;;) {
        len = pal__raw(SYS_getdents64, folder, (long)entries,
                       sizeof(child->entries), 0);
        if (len <= 0)
            break;
        for (used = 0; used < len; used += entry->size) {
            entry = (const entry_t *)(entries + used);
            number = number_of(entry->name);
            if (number >= low && number <= high && number != folder)
                (void)pal__raw(SYS_close, number, 0, 0, 0);
        }
    }
    (void)pal__raw(SYS_close, folder, 0, 0, 0);
    return len == 0;
}

/* Close all from `low` to `high`. */
PAL__NO_SANITIZER static void close_numbers(pal__child_t *child, int low,
                                            int high)
{
    if (low > high)
        return;
    if (child->has_close_range) {
        (void)pal__raw(SYS_close_range, low, high, 0, 0);
        return;
    }
    if (close_listed(child, low, high))
        return;
    /* No /proc: up to the limit, above which nothing can be opened. */
    (void)pal__raw(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)child->limit);
    for (; low <= high && (apr_uint64_t)low < child->limit[0]; low++)
        (void)pal__raw(SYS_close, low, 0, 0, 0);
}

/* Close all from `low` up to but not with `end`, except what is kept. */
PAL__NO_SANITIZER static void close_span(pal__child_t *child, int low, int end)
{
    int i, stop;

    while (low < end) {
        stop = end;
        for (i = 0; i < PAL__N_KEPT; i++)
            if (child->kept[i] >= low && child->kept[i] < stop)
                stop = child->kept[i];
        close_numbers(child, low, stop - 1);
        if (stop == end)
            return;
        low = stop + 1;
    }
}

PAL__NO_SANITIZER static int is_target(const pal__spawn_t *spawn, int fd)
{
    int i = 0;

    while (i < spawn->n_handles && spawn->to[i] < fd)
        i++;
    return i < spawn->n_handles && spawn->to[i] == fd;
}

/* Replace *fd by a copy that is in nobody's way. */
PAL__NO_SANITIZER static int move_away(pal__child_t *child, int *fd)
{
    int copy;

    do {
        copy = (int)pal__raw(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, child->spare, 0);
        if (copy < 0) /* EINVAL: beyond the limit */
            return errno == EINVAL ? EMFILE : errno;
        child->spare = copy + 1;
    } while (is_target(child->spawn, copy));
    *fd = copy;
    return 0;
}

/* Bring out of the way what lies at numbers where something goes. */
PAL__NO_SANITIZER static int clear_targets(pal__child_t *child)
{
    const pal__spawn_t *spawn = child->spawn;
    int i, err = 0;

    for (i = 0; i < spawn->n_handles && err == 0; i++)
        if (child->from[i] != spawn->to[i] && is_target(spawn, child->from[i]))
            err = move_away(child, &child->from[i]);
    for (i = 0; i < PAL__N_KEPT && err == 0; i++)
        if (child->kept[i] >= 0 && is_target(spawn, child->kept[i]))
            err = move_away(child, &child->kept[i]);
    return err;
}

PAL__NO_SANITIZER int pal__table_place(pal__child_t *child)
{
    const pal__spawn_t *spawn = child->spawn;
    const int *to = spawn->to;
    int *from = child->from;
    int *program = &child->kept[PAL__KEPT_PROGRAM];
    int i, next = 0, err;

    if (child->is_shared && !PLANTED(PLANT_NO_CUT)
        && pal__raw(SYS_close_range, child->cut, INT_MAX, CLOSE_RANGE_UNSHARE,
                    0)
               != 0)
        return errno;
    err = clear_targets(child);
    if (err != 0)
        return err;
    if (*program >= 0
        && pal__raw(SYS_fcntl, *program, F_SETFD, FD_CLOEXEC, 0) < 0)
        return errno;
    for (i = 0; i < spawn->n_handles; i++)
        if (from[i] == to[i] ? pal__raw(SYS_fcntl, from[i], F_SETFD, 0, 0) < 0
                             : pal__raw(SYS_dup3, from[i], to[i], 0, 0) < 0)
            return errno;
    for (i = 0; i < spawn->n_handles; next = to[i] + 1, i++)
        if (!PLANTED(PLANT_OPEN_GAPS))
            close_span(child, next, to[i]);
    if (!PLANTED(PLANT_OPEN_REST))
        close_span(child, next, INT_MAX);
    return 0;
}
