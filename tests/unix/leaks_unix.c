#include "leaks.h"

#include <apr_strings.h>
#include <apr_tables.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __has_feature
#    if __has_feature(address_sanitizer)
#        define HAVE_LEAK_SANITIZER 1
#    endif
#endif
#ifdef __SANITIZE_ADDRESS__
#    define HAVE_LEAK_SANITIZER 1
#endif
#ifdef HAVE_LEAK_SANITIZER
#    include <sanitizer/lsan_interface.h>
#endif

enum { MAX_DESCRIPTORS = 65536 };

struct leaks_t {
    unsigned char open[MAX_DESCRIPTORS];
};

static const char *hang_message;

leaks_t *leaks_snapshot(apr_pool_t *pool)
{
    leaks_t *now = apr_pcalloc(pool, sizeof(*now));
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;

    if (folder == NULL) {
        perror("/proc/self/fd");
        exit(1);
    }
    while ((entry = readdir(folder)) != NULL) {
        int fd = atoi(entry->d_name);

        if (entry->d_name[0] != '.' && fd != dirfd(folder)
            && fd < MAX_DESCRIPTORS) {
            now->open[fd] = 1;
        }
    }
    closedir(folder);
    return now;
}

static int report_descriptors(const leaks_t *before, apr_pool_t *pool)
{
    leaks_t *now = leaks_snapshot(pool);
    int n = 0;

    for (int fd = 0; fd < MAX_DESCRIPTORS; fd++) {
        if (now->open[fd] && !before->open[fd]) {
            char target[256];
            ssize_t len = readlink(apr_psprintf(pool, "/proc/self/fd/%d", fd),
                                   target, sizeof(target) - 1);

            target[len < 0 ? 0 : len] = '\0';
            printf("  left open: descriptor %d (%s)\n", fd, target);
            n++;
        }
    }
    return n;
}

/* Children by thread, since each thread lists only its own. */
static apr_array_header_t *list_children(apr_pool_t *pool)
{
    apr_array_header_t *pids = apr_array_make(pool, 4, sizeof(pid_t));
    DIR *threads = opendir("/proc/self/task");
    struct dirent *entry;

    while (threads != NULL && (entry = readdir(threads)) != NULL) {
        const char *path =
            apr_psprintf(pool, "/proc/self/task/%s/children", entry->d_name);
        FILE *file = entry->d_name[0] != '.' ? fopen(path, "re") : NULL;
        int pid;

        while (file != NULL && fscanf(file, "%d", &pid) == 1) {
            APR_ARRAY_PUSH(pids, pid_t) = pid;
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    if (threads != NULL) {
        closedir(threads);
    }
    return pids;
}

static int report_children(apr_pool_t *pool)
{
    apr_array_header_t *pids = list_children(pool);
    siginfo_t info;

    for (int i = 0; i < pids->nelts; i++) {
        pid_t pid = APR_ARRAY_IDX(pids, i, pid_t);

        printf("  left behind: child %d\n", (int)pid);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    /* A kernel may lack the list of children, but can tell if there is one. */
    if (pids->nelts == 0
        && waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
        printf("  left behind: a child\n");
        return 1;
    }
    return pids->nelts;
}

static int report_memory(void)
{
#ifdef HAVE_LEAK_SANITIZER
    static int is_known;

    /* What has leaked once would be found after every further case. */
    if (!is_known && __lsan_do_recoverable_leak_check() != 0) {
        printf("  left behind: memory\n");
        is_known = 1;
        return 1;
    }
#endif
    return 0;
}

int leaks_report(const leaks_t *before, apr_pool_t *pool)
{
    return report_descriptors(before, pool) + report_children(pool)
           + report_memory();
}

static void on_deadline(int number)
{
    ssize_t ignored = write(1, hang_message, strlen(hang_message));

    (void)number;
    (void)ignored;
    _exit(1);
}

void deadline_arm(int seconds, const char *message)
{
    struct itimerval timer = {{0, 0}, {seconds, 0}};
    struct sigaction action;

    hang_message = message;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_deadline;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

void deadline_disarm(void)
{
    struct itimerval timer = {{0, 0}, {0, 0}};

    setitimer(ITIMER_REAL, &timer, NULL);
}
