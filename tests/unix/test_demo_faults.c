/* meshdemo where things go wrong: workers and the parent killed, files that
 * are none, names that few systems take, broken outputs. Worker processes are
 * looked at from outside, through /proc. */
#include "config.h"

#include "demo.h"
#include "harness.h"

#include <pal/handle.h>

#include <apr_strings.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define MAX_WORKERS 16
#define MAX_KILLS 60

/* Processor time after which a worker must be inside the parser. */
#define BUSY_TICKS 5

/* ---- looking at workers ---- */

typedef struct proc_t {
    pid_t pid;
    pid_t parent;
    unsigned long ticks;
    char state;
} proc_t;

static int read_proc(pid_t pid, proc_t *proc)
{
    char path[64];
    char text[1024];
    const char *rest;
    unsigned long user;
    unsigned long system;
    size_t len;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "r");
    if (!file)
        return 0;
    len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[len] = '\0';
    rest = strrchr(text, ')');
    if (!rest
        || sscanf(rest + 1,
                  " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                  &proc->state, &proc->parent, &user, &system)
               != 4)
        return 0;
    proc->pid = pid;
    proc->ticks = user + system;
    return 1;
}

/* Has it the arguments of a worker? Before its exec, or if it is something
 * that a sanitizer started, it has those of the parent. */
static int is_worker(pid_t pid)
{
    char path[64];
    char text[4096];
    const char *arg;
    size_t len;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    file = fopen(path, "r");
    if (!file)
        return 0;
    len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[len] = '\0';
    arg = text + strlen(text) + 1;
    return arg < text + len && !strncmp(arg, "worker-", 7);
}

/* The living workers of `parent`. */
static int find_workers(pid_t parent, proc_t procs[MAX_WORKERS])
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    int n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    while ((entry = readdir(dir)) && n < MAX_WORKERS)
        if (atoi(entry->d_name) > 0
            && read_proc(atoi(entry->d_name), &procs[n])
            && procs[n].parent == parent && procs[n].state != 'Z'
            && is_worker(procs[n].pid))
            n++;
    closedir(dir);
    return n;
}

static int open_pid(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* Has the process ended, within `ms`? */
static int has_ended(int pid_fd, int ms)
{
    struct pollfd item = {pid_fd, POLLIN, 0};

    return poll(&item, 1, ms) == 1;
}

static pid_t pid_of(const demo_t *demo)
{
    return (pid_t)pal_process_pid(demo->process);
}

/* Wait for a worker that is deep inside the parser, and is not `old`. */
static pid_t wait_for_busy_worker(const demo_t *demo, pid_t old)
{
    int self = open_pid(pid_of(demo));
    proc_t procs[MAX_WORKERS];
    pid_t found = 0;

    CU_ASSERT_FATAL(self >= 0);
    while (!found && !has_ended(self, 2)) {
        int n = find_workers(pid_of(demo), procs);

        for (int i = 0; i < n; i++)
            if (procs[i].pid != old && procs[i].ticks >= BUSY_TICKS)
                found = procs[i].pid;
    }
    close(self);
    CU_ASSERT_FATAL(found > 0);
    return found;
}

/* ---- results ---- */

static const char *make_many(const char *name, int n)
{
    const char *folder = demo_folder(name);

    for (int i = 0; i < n; i++)
        demo_file(folder, apr_psprintf(test_pool(), "%05d.xml", i), "<a/>");
    return folder;
}

/* ---- workers that are killed ---- */

/* Whenever one is seen it is killed, some dozens in all: each document has
 * one result all the same, and it is the right one or that its workers
 * died. */
static void killed_at_random(void)
{
    int n = test_in_sanitizer() ? 3000 : 8000;
    int n_kills = 0;
    int pace = test_in_sanitizer() ? 50 : 1; /* let some of them start */
    const char *folder = make_many("random", n);
    proc_t procs[MAX_WORKERS];
    demo_t demo;
    int n_dead = 0;
    int self;

    demo_start(&demo, demo_command(&demo, ARGS("--json", "-j", "4", folder)));
    self = open_pid(pid_of(&demo));
    CU_ASSERT_FATAL(self >= 0);
    while (n_kills < MAX_KILLS && !has_ended(self, pace)) {
        int n_workers = find_workers(pid_of(&demo), procs);

        if (n_workers > 0) {
            kill(procs[n_kills % n_workers].pid, SIGKILL);
            n_kills++;
        }
    }
    close(self);
    demo_finish(&demo);
    CU_ASSERT_EQUAL_FATAL(demo.n_lines, n);
    for (int i = 0; i < n; i++) {
        json_t *json = demo_result(&demo, i);
        const char *why = json_string(json_get(json, "failed"));

        CU_ASSERT_STRING_EQUAL(
            json_string(json_get(json, "path")),
            apr_psprintf(test_pool(), "%s/%05d.xml", folder, i));
        if (why) {
            CU_ASSERT_STRING_EQUAL(why, "worker died (signal 9)");
            n_dead++;
        }
        else {
            CU_ASSERT(json_bool(json_get(json, "well_formed")));
        }
    }
    CU_ASSERT(n_kills > 0);
    CU_ASSERT(2 * n_dead <= n_kills);
    CU_ASSERT_EQUAL(demo.code, n_dead ? 2 : 0);
}

/* A document that kills its worker is tried once more, then given up. The
 * others are checked. */
static void killed_twice(void)
{
    const char *folder = demo_folder("twice");
    demo_t demo;
    pid_t first;

    demo_file(folder, "1.xml", "<a>");
    demo_slow_file(folder, "2.xml");
    demo_file(folder, "3.xml", "<b>");
    demo_start(&demo, demo_command(&demo, ARGS("-j", "1", folder)));
    first = wait_for_busy_worker(&demo, 0);
    kill(first, SIGKILL);
    kill(wait_for_busy_worker(&demo, first), SIGSEGV);
    demo_finish(&demo);
    CU_ASSERT_EQUAL(demo.code, 2);
    CU_ASSERT_STRING_EQUAL(
        demo.out,
        apr_pstrcat(test_pool(), folder, "/1.xml:1:4: no element found\n",
                    folder, "/3.xml:1:4: no element found\n", NULL));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(demo.err, apr_pstrcat(test_pool(), folder,
                                     test_in_sanitizer()
                                         ? "/2.xml: worker died ("
                                         : "/2.xml: worker died (signal 11)\n",
                                     NULL)));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(demo.err, "3 documents, 2 malformed, 1 failed\n"));
}

/* A worker that is stopped is overdue; so is the one after it. */
static void stopped_worker(void)
{
    const char *folder = demo_folder("stopped");
    demo_t demo;
    pid_t first;

    demo_slow_file(folder, "1.xml");
    demo_start(&demo, demo_command(&demo, ARGS("-j", "1", "--json",
                                               "--timeout", "3", folder)));
    first = wait_for_busy_worker(&demo, 0);
    kill(first, SIGSTOP);
    kill(wait_for_busy_worker(&demo, first), SIGSTOP);
    demo_finish(&demo);
    CU_ASSERT_EQUAL(demo.code, 2);
    CU_ASSERT_STRING_EQUAL(
        json_string(json_get(demo_result(&demo, 0), "failed")),
        "timed out after 3 s");
}

/* The line `name` of /proc/PID/status. */
static const char *status_line(pid_t pid, const char *name)
{
    char path[64];
    char line[256];
    const char *found = "";
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    while (fgets(line, sizeof(line), file))
        if (!strncmp(line, name, strlen(name)))
            found = apr_pstrdup(test_pool(), line);
    fclose(file);
    return found;
}

/* What a worker is while it lives. */
static void assert_confined(pid_t pid)
{
    int is_native = test_is_native();

    CU_ASSERT_STRING_EQUAL(status_line(pid, "Name:"),
                           "Name:\tmeshdemo-worker\n");
    CU_ASSERT_STRING_EQUAL(status_line(pid, "NoNewPrivs:"),
                           is_native ? "NoNewPrivs:\t1\n"
                                     : "NoNewPrivs:\t0\n");
    CU_ASSERT_STRING_EQUAL(status_line(pid, "Seccomp:"),
                           is_native ? "Seccomp:\t2\n" : "Seccomp:\t0\n");
}

/* The parent killed at once: all workers are gone within a second, also the
 * one deep inside the parser. Without a parent-death signal that one goes on,
 * and notices afterwards; the others have noticed. */
static void killed_parent(void)
{
    const char *folder = demo_folder("parent");
    proc_t procs[MAX_WORKERS];
    int fds[MAX_WORKERS];
    demo_t demo;
    pid_t busy;
    int n;

    demo_slow_file(folder, "1.xml");
    if (test_is_native())
        demo_slow_file(folder, "2.xml");
    else
        demo_file(folder, "2.xml", "<a/>");
    demo_start(&demo, demo_command(&demo, ARGS("-j", "3", folder)));
    busy = wait_for_busy_worker(&demo, 0);
    assert_confined(busy);
    n = find_workers(pid_of(&demo), procs);
    CU_ASSERT(n >= 1);
    for (int i = 0; i < n; i++) {
        fds[i] = open_pid(procs[i].pid);
        CU_ASSERT(fds[i] >= 0);
    }
    kill(pid_of(&demo), SIGKILL);
    demo_finish(&demo);
    CU_ASSERT_EQUAL(demo.code, -SIGKILL);
    for (int i = 0; i < n; i++) {
        if (!test_is_native() && procs[i].pid == busy) {
            CU_ASSERT(!has_ended(fds[i], 0));
            kill(busy, SIGKILL);
        }
        CU_ASSERT(has_ended(fds[i], 1000));
        close(fds[i]);
    }
}

/* ---- files that are none ---- */

static void links_and_fifos(void)
{
    const char *folder = demo_folder("kinds");
    const char *inner = demo_folder("kinds/inner");
    const char *outer = demo_folder("outside");
    const char *target = demo_file(outer, "target.xml", "<a");
    const char *link = demo_path(folder, "link.xml");
    const char *link_to_folder = demo_path(folder, "link");
    const char *fifo = demo_path(inner, "fifo.xml");
    demo_t demo;

    CU_ASSERT_EQUAL_FATAL(symlink(target, link), 0);
    CU_ASSERT_EQUAL_FATAL(symlink(outer, link_to_folder), 0);
    CU_ASSERT_EQUAL_FATAL(symlink("nowhere", demo_path(folder, "l.xml")), 0);
    CU_ASSERT_EQUAL_FATAL(symlink("..", demo_path(inner, "up")), 0);
    CU_ASSERT_EQUAL_FATAL(mkfifo(fifo, 0600), 0);
    CU_ASSERT_EQUAL_FATAL(mkfifo(demo_path(inner, "fifo"), 0600), 0);

    demo_run(&demo, ARGS(folder));
    CU_ASSERT_EQUAL(demo.code, 2);
    CU_ASSERT_STRING_EQUAL(demo.out, "");
    CU_ASSERT_STRING_EQUAL(demo.err,
                           apr_pstrcat(test_pool(), fifo,
                                       ": not a regular file\n"
                                       "1 documents, 0 malformed, 1 failed\n",
                                       NULL));

    demo_run(&demo, ARGS(link, link_to_folder, "/dev/null",
                         demo_path(inner, "fifo")));
    CU_ASSERT_EQUAL(demo.code, 2);
    CU_ASSERT_STRING_EQUAL(
        demo.out, apr_pstrcat(test_pool(), link, ":1:1: unclosed token\n",
                              link_to_folder,
                              "/target.xml:1:1: unclosed token\n", NULL));
    CU_ASSERT_STRING_EQUAL(
        demo.err,
        apr_pstrcat(test_pool(), "/dev/null: not a regular file\n", inner,
                    "/fifo: not a regular file\n"
                    "4 documents, 2 malformed, 2 failed\n",
                    NULL));
}

static void nested_too_deeply(void)
{
    const char *folder = demo_folder("deep");
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    demo_t demo;

    for (int i = 0; i < 250; i++) {
        int next;

        CU_ASSERT_EQUAL_FATAL(mkdirat(fd, "d", 0700), 0);
        next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
        close(fd);
        fd = next;
        CU_ASSERT_FATAL(fd >= 0);
    }
    close(fd);
    demo_file(folder, "e.xml", "<a/>");
    demo_run(&demo, ARGS("--json", folder));
    CU_ASSERT_EQUAL(demo.code, 2);
    CU_ASSERT_EQUAL_FATAL(demo.n_lines, 2);
    CU_ASSERT_STRING_EQUAL(
        json_string(json_get(demo_result(&demo, 0), "failed")),
        "folders are nested too deeply");
    CU_ASSERT(json_bool(json_get(demo_result(&demo, 1), "well_formed")));
}

/* Run meshdemo as a user who may not do everything. The program is opened
 * before, because its folder may be closed to that user. */
static int run_as_nobody(const char *folder, const char *out_path)
{
    const char *program = getenv("MESHDEMO");
    int status = -1;
    int fd = open(program ? program : "app/meshdemo", O_RDONLY | O_CLOEXEC);
    pid_t child;

    CU_ASSERT_FATAL(fd >= 0);
    child = fork();
    CU_ASSERT_FATAL(child >= 0);
    if (child == 0) {
        char *const args[] = {"meshdemo", "check", "--json", (char *)folder,
                              NULL};
        char *const environment[] = {NULL};
        int out = open(out_path, O_WRONLY | O_CREAT, 0600);
        int null = open("/dev/null", O_WRONLY);

        if (dup2(out, 1) < 0 || dup2(null, 2) < 0
            || (geteuid() == 0
                && (setgroups(0, NULL) || setgid(65534) || setuid(65534))))
            _exit(99);
        fexecve(fd, args, environment);
        _exit(99);
    }
    close(fd);
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void unreadable(void)
{
    const char *folder = demo_folder("closed");
    const char *closed = demo_folder("closed/a");
    const char *out_path = demo_path(test_dir(), "out-of-nobody");
    char text[4096] = "";
    demo_t demo;
    int fd;

    CU_ASSERT_EQUAL(chmod(test_dir(), 0755), 0);
    CU_ASSERT_EQUAL(chmod(closed, 0), 0);
    CU_ASSERT_EQUAL(chmod(demo_file(folder, "b.xml", "<a/>"), 0), 0);
    CU_ASSERT_EQUAL(chmod(demo_file(folder, "c.xml", "<a/>"), 0644), 0);
    CU_ASSERT_EQUAL(run_as_nobody(folder, out_path), 2);
    fd = open(out_path, O_RDONLY);
    CU_ASSERT(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    demo.lines = demo_split(text, &demo.n_lines);
    CU_ASSERT_EQUAL_FATAL(demo.n_lines, 3);
    CU_ASSERT_STRING_EQUAL(
        json_string(json_get(demo_result(&demo, 0), "path")), closed);
    CU_ASSERT_STRING_EQUAL(
        json_string(json_get(demo_result(&demo, 0), "failed")),
        "Permission denied");
    CU_ASSERT_STRING_EQUAL(
        json_string(json_get(demo_result(&demo, 1), "failed")),
        "Permission denied");
    CU_ASSERT(json_bool(json_get(demo_result(&demo, 2), "well_formed")));
    CU_ASSERT_EQUAL(chmod(closed, 0700), 0);
}

/* ---- outputs ---- */

static void broken_stdout(void)
{
    const char *folder = make_many("broken", 3000);
    pal_handle_t ends[2];
    pal_command_t *command;
    pal_handle_t full;
    demo_t demo;

    TEST_OK(pal_handle_pipe(ends));
    pal_handle_close(&ends[0]);
    command = demo_command(&demo, ARGS("--json", folder));
    TEST_OK(pal_command_handle_add(command, ends[1], 1));
    demo_start(&demo, command);
    pal_handle_close(&ends[1]);
    demo_finish(&demo);
    CU_ASSERT_EQUAL(demo.code, 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(demo.err, "meshdemo: stdout: Broken pipe"));

    TEST_OK(pal_handle_adopt(open("/dev/full", O_WRONLY), &full));
    command = demo_command(&demo, ARGS("--json", folder));
    TEST_OK(pal_command_handle_add(command, full, 1));
    demo_start(&demo, command);
    pal_handle_close(&full);
    demo_finish(&demo);
    CU_ASSERT_EQUAL(demo.code, 2);
}

/* On a terminal there is a progress bar, and it is gone at the end. */
static void progress(void)
{
    const char *folder = demo_folder("progress");
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    pal_command_t *command;
    pal_handle_t other;
    char text[8192] = "";
    const char *bar, *line;
    demo_t demo;
    size_t len = 0;
    ssize_t n;

    CU_ASSERT_EQUAL_FATAL(grantpt(terminal), 0);
    CU_ASSERT_EQUAL_FATAL(unlockpt(terminal), 0);
    TEST_OK(
        pal_handle_adopt(open(ptsname(terminal), O_RDWR | O_NOCTTY), &other));
    demo_file(folder, "1.xml", "<a/>");
    demo_slow_file(folder, "2.xml");
    command = demo_command(&demo, ARGS("-j", "1", "--timeout", "1", folder));
    TEST_OK(pal_command_handle_add(command, other, 2));
    demo_start(&demo, command);
    demo_finish(&demo);
    pal_handle_close(&other);
    while (len < sizeof(text) - 1
           && (n = read(terminal, text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(terminal);
    bar = strstr(text, "\r1 documents, 0.0 MB/s, 1 workers\x1b[K");
    CU_ASSERT_PTR_NOT_NULL_FATAL(bar);
    CU_ASSERT_PTR_NOT_NULL(strstr(bar, "\r\x1b[K"));
    /* Between the two it may be there again. */
    line = strstr(bar, "/2.xml: timed out after 1 s\r\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(line, "2 documents, 0 malformed, 1 failed\r\n"));
}

static void hostile_names(void)
{
    static const demo_name_t names[] = {
        {"1 new\nline.xml", "1 new\\nline.xml", 1},
        {"2 \x1b[31m\x07.xml", "2 \\x1b[31m\\x07.xml", 1},
        {"3 back\\slash\".xml", "3 back\\\\slash\".xml", 1},
        {"4 \xff\xc3.xml", "4 \\xff\\xc3.xml", 0},
        {"5 \xed\xa0\x80\xc0\xaf.xml", "5 \\xed\\xa0\\x80\\xc0\\xaf.xml", 0},
    };

    demo_names(names, sizeof(names) / sizeof(names[0]));
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"hostile_names", hostile_names},
        {"killed_at_random", killed_at_random},
        {"killed_twice", killed_twice},
        {"stopped_worker", stopped_worker},
        {"killed_parent", killed_parent},
        {"links_and_fifos", links_and_fifos},
        {"nested_too_deeply", nested_too_deeply},
        {"unreadable", unreadable},
        {"broken_stdout", broken_stdout},
        {"progress", progress},
        {NULL, NULL},
    };

    return test_main(argc, argv, "demo_faults", cases);
}
