#include "config.h"

#include "../confine_private.h"

#include <pal/status.h>

#include <apr_time.h>

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What sanitizers change: they call more, and ThreadSanitizer may run a
 * thread of its own, which only looks after its memory. */
#ifdef __has_feature
#    define HAS_FEATURE(name) __has_feature(name)
#else
#    define HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
#    define SANITIZED 1
#    define MOST_THREADS 2
#elif defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#    define SANITIZED 1
#    define MOST_THREADS 1
#else
#    define SANITIZED 0
#    define MOST_THREADS 1
#endif

/* The filters, made by gen_syscalls when pal was built. */
#ifdef HAVE_SYSCALL_FILTERS
#    if SANITIZED
#        include "unix/syscalls_sanitizer.h"
#    else
#        include "unix/syscalls_worker.h"
#    endif
#else
static const struct sock_filter syscalls_worker_filter[1];
static const unsigned short syscalls_worker_own_pid[] = {0};
#endif

#define FILTER_LEN                                                            \
    (sizeof(syscalls_worker_filter) / sizeof(syscalls_worker_filter[0]))

/* Landlock as newer kernels than our C library's headers have it. A kernel
 * takes as many bytes of the attributes as its version knows. */
#ifndef SYS_landlock_create_ruleset
#    define SYS_landlock_create_ruleset 444
#    define SYS_landlock_restrict_self 446
#endif
#define LANDLOCK_VERSION 1u /* flag: only tell the version */
#define LANDLOCK_NET 3u     /* binding and connecting TCP ports */
#define LANDLOCK_SCOPE 3u   /* abstract sockets and signals */

typedef struct landlock_attr_t {
    uint64_t fs;
    uint64_t net;
    uint64_t scope;
} landlock_attr_t;

/* 0 if this kernel has no Landlock, or has it switched off. */
static int landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
                           LANDLOCK_VERSION);

    return version < 0 ? 0 : (int)version;
}

/* With no program to look at, a kernel that knows the flag says EFAULT. */
static int seccomp_is_there(void)
{
    return FILTER_LEN > 1
           && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                      SECCOMP_FILTER_FLAG_TSYNC, NULL)
                  < 0
           && errno == EFAULT;
}

int pal_confine_offers(pal_confine_layer_t layer)
{
    switch (layer) {
    case PAL_CONFINE_NO_NEW_PRIVS:
        return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0;
    case PAL_CONFINE_FILES:
        return landlock_version() > 0;
    case PAL_CONFINE_SYSCALLS:
        return seccomp_is_there();
    }
    return 0;
}

static apr_status_t count_threads(int *ret_n_threads)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    apr_status_t rv;
    int n = 0;

    if (!tasks)
        return errno;
    for (;;) {
        errno = 0;
        entry = readdir(tasks);
        if (!entry)
            break;
        n += entry->d_name[0] != '.';
    }
    rv = errno;
    (void)closedir(tasks);
    if (rv == APR_SUCCESS)
        *ret_n_threads = n;
    return rv;
}

/* Is this the only thread? One that has been joined may be listed for an
 * instant still, so a second one is looked at again for 20 ms. */
apr_status_t pal__confine_begin(void)
{
    apr_status_t rv;
    int n_threads = 0;
    int tries;

    for (tries = 0; tries < 20; tries++) {
        rv = count_threads(&n_threads);
        if (rv != APR_SUCCESS)
            return rv;
        if (n_threads <= MOST_THREADS)
            return APR_SUCCESS;
        apr_sleep(1000);
    }
    return PAL_E_THREADS;
}

static apr_status_t set_no_new_privs(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? APR_SUCCESS : errno;
}

/* A ruleset that handles every right this kernel knows, and to which no rule
 * is added, allows none of them. */
static apr_status_t close_files(void)
{
    /* Rights to files, by version: 1 has the first 13, 2 moving between
     * folders, 3 truncating, 5 ioctl on devices. */
    static const unsigned char n_rights[] = {0, 13, 14, 15, 15, 16};
    static const unsigned last = sizeof(n_rights) - 1;
    landlock_attr_t attr = {0, 0, 0};
    size_t attr_size = sizeof(attr.fs);
    apr_status_t rv = APR_SUCCESS;
    unsigned version;
    int ruleset;

    version = (unsigned)landlock_version();
    if (version == 0)
        return APR_ENOTIMPL;
    attr.fs = ((uint64_t)1 << n_rights[version < last ? version : last]) - 1;
    if (version >= 4) {
        attr.net = LANDLOCK_NET;
        attr_size += sizeof(attr.net);
    }
    if (version >= 6) {
        attr.scope = LANDLOCK_SCOPE;
        attr_size += sizeof(attr.scope);
    }
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, attr_size, 0u);
    if (ruleset < 0)
        return errno;
    if (syscall(SYS_landlock_restrict_self, ruleset, 0u) != 0)
        rv = errno;
    (void)close(ruleset);
    return rv;
}

static apr_status_t close_syscalls(void)
{
    struct sock_filter filter[FILTER_LEN];
    struct sock_fprog program = {(unsigned short)FILTER_LEN, filter};
    const unsigned short *at;
    long result;

    if (FILTER_LEN <= 1)
        return APR_ENOTIMPL;
    memcpy(filter, syscalls_worker_filter, sizeof(filter));
    for (at = syscalls_worker_own_pid; *at; at++) {
        assert(*at < FILTER_LEN);
        filter[*at].k = (unsigned)getpid();
    }
    result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                     SECCOMP_FILTER_FLAG_TSYNC, &program);
    if (result > 0)
        return PAL_E_THREADS; /* the id of one that could not be joined */
    return result == 0 ? APR_SUCCESS : errno;
}

/* In the order of layers: Landlock and seccomp want no_new_privs, and the
 * filter refuses the calls of both. */
apr_status_t pal__confine_layer(pal_confine_layer_t layer)
{
    switch (layer) {
    case PAL_CONFINE_NO_NEW_PRIVS:
        return set_no_new_privs();
    case PAL_CONFINE_FILES:
        return close_files();
    case PAL_CONFINE_SYSCALLS:
        return close_syscalls();
    }
    return APR_EINVAL;
}
