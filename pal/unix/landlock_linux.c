#include "config.h"

#include "child_linux.h"

#include <stdint.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Landlock as newer kernels than our C library's headers have it. */
#ifndef SYS_landlock_create_ruleset
#    define SYS_landlock_create_ruleset 444
#endif
#ifndef SYS_landlock_add_rule
#    define SYS_landlock_add_rule 445
#endif
#define ONLY_VERSION 1u /* flag: only tell the version */
#define PATH_BENEATH 1u /* kind of rule */

/* Rights, a bit each. Bits 4 to 12 remove and make files of all kinds. */
#define RIGHT_EXECUTE 0x1u
#define RIGHT_WRITE_FILE 0x2u
#define RIGHT_READ_FILE 0x4u
#define RIGHT_READ_FOLDER 0x8u
#define RIGHTS_FOLDER 0x1ff0u
#define RIGHT_REFER 0x2000u    /* version 2: to move between folders */
#define RIGHT_TRUNCATE 0x4000u /* version 3 */
#define RIGHT_IOCTL 0x8000u    /* version 5: of devices */
#define RIGHTS_OF_FILES                                                       \
    (RIGHT_EXECUTE | RIGHT_WRITE_FILE | RIGHT_READ_FILE | RIGHT_TRUNCATE      \
     | RIGHT_IOCTL)

/* The kernel's struct landlock_path_beneath_attr is packed: 12 bytes, which
 * this one begins with. */
typedef struct beneath_t {
    uint64_t rights;
    int32_t folder;
} beneath_t;

static uint64_t rights_of(const pal__rule_t *rule)
{
    uint64_t rights = 0;

    if (rule->rights & PAL_FILES_READ)
        rights |= RIGHT_READ_FILE | RIGHT_READ_FOLDER | RIGHT_IOCTL;
    if (rule->rights & PAL_FILES_WRITE)
        rights |= RIGHT_WRITE_FILE | RIGHTS_FOLDER | RIGHT_REFER
                  | RIGHT_TRUNCATE | RIGHT_IOCTL;
    if (rule->rights & PAL_FILES_EXECUTE)
        rights |= RIGHT_EXECUTE;
    return rights;
}

/* Let a rule's rights, of those `known` to the kernel, through. Returns an
 * errno value. */
static int add_rule(int ruleset, const pal__rule_t *rule, uint64_t known)
{
    int fd = (int)rule->handle, err = 0;
    beneath_t beneath;
    struct stat info;

    if (rule->path != NULL)
        fd = open(rule->path, O_PATH | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0)
        err = rule->path == NULL ? EBADF : errno;
    else {
        beneath.rights = rights_of(rule) & known;
        if (!S_ISDIR(info.st_mode))
            beneath.rights &= RIGHTS_OF_FILES;
        beneath.folder = fd;
        if (syscall(SYS_landlock_add_rule, (long)ruleset, (long)PATH_BENEATH,
                    &beneath, 0L)
            != 0)
            err = errno;
    }
    if (rule->path != NULL && fd >= 0)
        (void)close(fd);
    return err;
}

int pal__landlock_open(const pal__rule_t *rules)
{
    /* Version 1 has the first 13 rights. */
    static const unsigned char n_rights[] = {0, 13, 14, 15, 15, 16};
    static const long last = sizeof(n_rights) - 1;
    long version =
        syscall(SYS_landlock_create_ruleset, NULL, 0L, (long)ONLY_VERSION);
    uint64_t known;
    int ruleset, err = 0;

    if (version < 0)
        return -1;
    known = ((uint64_t)1 << n_rights[version < last ? version : last]) - 1;
    ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &known, sizeof(known), 0L);
    if (ruleset < 0)
        return -1;
    for (; rules != NULL && err == 0; rules = rules->next)
        err = add_rule(ruleset, rules, known);
    if (err != 0) {
        (void)close(ruleset);
        errno = err;
        return -1;
    }
    return ruleset;
}
