/* The conformance programs' look into /proc (proc(5)). */
#include "config.h"

#include "proc.h"

#include <apr_strings.h>
#include <apr_time.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMM_LEN 15 /* what the kernel keeps of a name */

const char proc_null[] = "/dev/null";
const int proc_sees_inheritable = 1;

apr_status_t proc_comm(const char **ret_comm, apr_pool_t *pool)
{
    char name[64];
    FILE *file = fopen("/proc/self/comm", "re");

    if (file == NULL) {
        return errno;
    }
    if (fgets(name, sizeof(name), file) == NULL) {
        fclose(file);
        return APR_EOF;
    }
    fclose(file);
    name[strcspn(name, "\n")] = '\0';
    *ret_comm = apr_pstrdup(pool, name);
    return APR_SUCCESS;
}

const char *proc_comm_expected(const char *name, apr_pool_t *pool)
{
    return apr_pstrndup(pool, name, COMM_LEN);
}

apr_status_t proc_link(int number, const char **ret_target, apr_pool_t *pool)
{
    char target[4096];
    ssize_t len;

    len = readlink(apr_psprintf(pool, "/proc/self/fd/%d", number), target,
                   sizeof(target));
    if (len < 0) {
        return errno;
    }
    *ret_target = apr_pstrndup(pool, target, (apr_size_t)len);
    return APR_SUCCESS;
}

/* The flags of open(2), in octal, of one descriptor of another process. */
static apr_status_t read_flags(const char *path, unsigned long *ret_flags)
{
    char line[256];
    FILE *file = fopen(path, "re");
    apr_status_t rv = APR_EOF;

    if (file == NULL) {
        return errno;
    }
    while (rv != APR_SUCCESS && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "flags:", 6) == 0) {
            *ret_flags = strtoul(line + 6, NULL, 8);
            rv = APR_SUCCESS;
        }
    }
    fclose(file);
    return rv;
}

apr_status_t proc_inheritable(apr_int64_t pid, const char **ret_text,
                              apr_pool_t *pool)
{
    const char *folder =
        apr_psprintf(pool, "/proc/%" APR_INT64_T_FMT "/fdinfo", pid);
    const char *text = "";
    DIR *dir = opendir(folder);
    struct dirent *entry;
    unsigned long flags;
    apr_status_t rv = APR_SUCCESS;

    if (dir == NULL) {
        return errno;
    }
    while (rv == APR_SUCCESS && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.' || atoi(entry->d_name) <= 2) {
            continue;
        }
        rv = read_flags(apr_pstrcat(pool, folder, "/", entry->d_name, NULL),
                        &flags);
        if (rv == APR_SUCCESS && (flags & O_CLOEXEC) == 0) {
            text = apr_pstrcat(pool, text, " ", entry->d_name, NULL);
        }
    }
    closedir(dir);
    if (rv == APR_SUCCESS) {
        *ret_text = text;
    }
    return rv;
}
