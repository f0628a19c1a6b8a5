#include "config.h"

#include "child.h"
#include "filter.h"
#include "harness.h"
#include "launch.h"
#include "pal_compiler.h"

#include <pal/pal.h>

#include <apr_general.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

/* A check of a child: say what is wrong and end with status 1. */
#define NEED(condition) need((condition), #condition, __LINE__)
static void need(int holds, const char *condition, int line)
{
    if (!holds) {
        printf("child.c:%d: %s, errno %d\n", line, condition, errno);
        fflush(stdout);
        _exit(1);
    }
}

static apr_pool_t *new_pool(void)
{
    apr_pool_t *pool;

    NEED(apr_initialize() == APR_SUCCESS);
    NEED(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    return pool;
}

static int child_args(char **args)
{
    for (; *args != NULL; args++)
        puts(*args);
    return 0;
}

static int by_number(const void *left, const void *right)
{
    return *(const int *)left - *(const int *)right;
}

static int child_list(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int numbers[5000], n = 0, i;
    struct dirent *entry;

    NEED(folder != NULL);
    while ((entry = readdir(folder)) != NULL && n < 5000)
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder))
            numbers[n++] = atoi(entry->d_name);
    closedir(folder);
    qsort(numbers, (size_t)n, sizeof(*numbers), by_number);
    for (i = 0; i < n; i++)
        printf("%s%d", i > 0 ? "," : "", numbers[i]);
    return 0;
}

static int child_links(void)
{
    char name[32], link[256];
    ssize_t len;
    int i;

    for (i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "/proc/self/fd/%d", i);
        len = readlink(name, link, sizeof(link) - 1);
        link[len < 0 ? 0 : len] = '\0';
        puts(link);
    }
    return 0;
}

static int child_take(char **numbers)
{
    char byte;

    for (; *numbers != NULL; numbers++) {
        NEED(read(atoi(*numbers), &byte, 1) == 1);
        putchar(byte);
    }
    return 0;
}

static int child_signals(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    unsigned long long set;

    NEED(status != NULL);
    while (fgets(line, sizeof(line), status) != NULL) {
        if (strncmp(line, "SigBlk:", 7) != 0
            && strncmp(line, "SigIgn:", 7) != 0)
            continue;
        set = strtoull(line + 7, NULL, 16);
        if (!test_is_native()) /* the C library keeps 32 and 33 to itself */
            set &= ~(3ull << 31);
        printf("%.7s\t%016llx\n", line, set);
    }
    fclose(status);
    return 0;
}

/* The value of a line of /proc/self/status. */
static int child_status(const char *name)
{
    FILE *status = fopen("/proc/self/status", "r");
    size_t len = strlen(name);
    char line[4096], *value;

    NEED(status != NULL);
    while (fgets(line, sizeof(line), status) != NULL) {
        value = line + len + 1;
        if (strncmp(line, name, len) != 0 || line[len] != ':')
            continue;
        value += strspn(value, " \t");
        value[strcspn(value, "\n")] = '\0';
        fputs(value, stdout);
    }
    fclose(status);
    return 0;
}

static int child_file(const char *path)
{
    char text[4096];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(file, text, sizeof(text));

    NEED(len >= 0 && fwrite(text, 1, (size_t)len, stdout) == (size_t)len);
    close(file);
    return 0;
}

static int child_open(const char *path, const char *how)
{
    int file = open(path, *how == 'w' ? O_WRONLY : O_RDONLY);

    printf("%d", file < 0 ? errno : 0);
    close(file);
    return 0;
}

static int child_session(void)
{
    printf("%d %d %d", getsid(0) == getpid(), getpgid(0) == getpid(),
           tcgetsid(0) == getpid());
    return 0;
}

/* Which namespace of a kind it is in. */
static int child_namespace(const char *kind)
{
    char path[64], link[64];
    ssize_t len;

    snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
    len = readlink(path, link, sizeof(link) - 1);
    NEED(len > 0);
    link[len] = '\0';
    fputs(link, stdout);
    return 0;
}

/* Use memory, and the CPU for a while. */
static int child_burn(int megabytes)
{
    size_t size = (size_t)megabytes << 20;
    char *memory = malloc(size);
    clock_t begin = clock();
    int is_same;

    NEED(memory != NULL);
    while (clock() - begin < CLOCKS_PER_SEC / 20)
        memset(memory, (int)clock(), size);
    is_same = memory[size / 2] == memory[size / 3];
    free(memory);
    return is_same ? 0 : 1;
}

static int child_limit(int resource)
{
    struct rlimit limit;

    NEED(getrlimit(resource, &limit) == 0);
    printf("%lld,%lld", (long long)limit.rlim_cur, (long long)limit.rlim_max);
    return 0;
}

static int child_folder(void)
{
    char path[4096];

    NEED(getcwd(path, sizeof(path)) != NULL);
    fputs(path, stdout);
    return 0;
}

static int child_path(void)
{
    const char *path;

    NEED(pal_self_path(&path, new_pool()) == APR_SUCCESS);
    fputs(path, stdout);
    return 0;
}

static int child_argv0(void)
{
    const char *argv0;

    NEED(pal_self_argv0(&argv0, new_pool()) == APR_SUCCESS);
    fputs(argv0, stdout);
    return 0;
}

static void say_handler(void)
{
    (void)!write(1, "handler", 7);
}

static int child_exit_at_once(void)
{
    NEED(atexit(say_handler) == 0);
    pal_self_exit(0);
    return 1;
}

static int child_locked(const char *path)
{
    struct flock lock = {0};
    int fd = open(path, O_RDWR);

    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    NEED(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0);
    printf("%d", lock.l_type == F_UNLCK ? 0 : (int)lock.l_pid);
    return 0;
}

static int child_die(int number)
{
    signal(number, SIG_DFL);
    raise(number);
    return 0;
}

static int child_echo(void)
{
    char byte;

    while (read(0, &byte, 1) == 1)
        NEED(write(1, &byte, 1) == 1);
    return 0;
}

static pal_command_t *self_command(const char *name, apr_pool_t *pool)
{
    pal_command_t *command;

    NEED(pal_command_create(&command, pool) == APR_SUCCESS);
    NEED(pal_command_self_set(command) == APR_SUCCESS);
    NEED(pal_command_arg_add(command, name) == APR_SUCCESS);
    return command;
}

static void *start_on_thread(void *command)
{
    pal_process_t *process;

    NEED(pal_process_start(&process, command) == APR_SUCCESS);
    return (void *)syscall(SYS_gettid);
}

/* Wait until the system has forgotten a thread that was joined: by then its
 * children have got their parent-death signals. */
static void wait_until_gone(long thread)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/task/%ld", thread);
    while (access(path, F_OK) == 0)
        sched_yield();
}

static void child_parent(const char *on, const char *where)
{
    pal_command_t *command = self_command("echo", new_pool());
    pthread_t thread;
    void *tid;

    NEED(pal_command_handle_add(command, 3, 1) == APR_SUCCESS);
    NEED(pal_command_die_with_parent_set(command, atoi(on)) == APR_SUCCESS);
    if (strcmp(where, "main") == 0)
        start_on_thread(command);
    else {
        NEED(pthread_create(&thread, NULL, start_on_thread, command) == 0);
        NEED(pthread_join(thread, &tid) == 0);
        wait_until_gone((long)tid);
    }
    NEED(close(3) == 0 && write(1, "r", 1) == 1);
    for (;;)
        pause();
}

static int child_replace(void)
{
    apr_pool_t *pool = new_pool();
    pal_command_t *command = self_command("args", pool);
    pal_process_t *process;
    const char *path, *again;
    FILE *file;

    NEED(pal_self_path(&path, pool) == APR_SUCCESS);
    NEED(unlink(path) == 0);
    NEED(pal_self_path(&again, pool) == APR_SUCCESS);
    NEED(strcmp(path, again) == 0);
    file = fopen(path, "w");
    NEED(file != NULL && fputs("no program", file) >= 0 && fclose(file) == 0);
    NEED(pal_process_start(&process, command) == APR_SUCCESS);
    NEED(pal_process_wait(process, -1) == APR_SUCCESS);
    NEED(pal_process_exit_code(process) == 0);
    pal_process_close(&process);
    return 0;
}

static pid_t storm_pid;
static volatile sig_atomic_t n_foreign;

static void on_urgent(int number)
{
    (void)number;
    if (syscall(SYS_getpid) != storm_pid)
        n_foreign = 1;
}

static void *make_storm(void *stop)
{
    while (pal__atomic64_get(stop) == 0)
        kill(0, SIGURG); /* the whole group, the new child too */
    return NULL;
}

static int child_storm(int n)
{
    pal_command_t *command = self_command("args", new_pool());
    pal__atomic64_t stop = {0};
    pal_process_t *process;
    pthread_t thread;

    NEED(setpgid(0, 0) == 0);
    storm_pid = getpid();
    signal(SIGURG, on_urgent);
    NEED(pal_command_stdio_set(command, 1, PAL_STDIO_NULL) == APR_SUCCESS);
    NEED(pthread_create(&thread, NULL, make_storm, &stop) == 0);
    for (; n > 0; n--) {
        NEED(pal_process_start(&process, command) == APR_SUCCESS);
        NEED(pal_process_wait(process, -1) == APR_SUCCESS);
        NEED(pal_process_exit_code(process) == 0);
        pal_process_close(&process);
    }
    pal__atomic64_set(&stop, 1);
    NEED(pthread_join(thread, NULL) == 0);
    NEED(n_foreign == 0);
    fputs("calm", stdout);
    return 0;
}

/* By fork: steps that fail in best effort, and all that do not, are told. */
static int child_forked(void)
{
    pal_command_t *command = self_command("args", new_pool());
    int cpu = PAL_COMMAND_MAX_CPUS - 1;
    pal_process_t *process;

    NEED(filter_set("clone", EPERM));
    NEED(pal_command_stdio_set(command, 1, PAL_STDIO_NULL) == APR_SUCCESS);
    NEED(pal_command_cpus_set(command, &cpu, 1) == APR_SUCCESS);
    NEED(pal_command_mode_set(command, PAL_STEP_SCHEDULE,
                              PAL_CONFINE_BEST_EFFORT)
         == APR_SUCCESS);
    NEED(pal_command_no_new_privs_set(command, 1) == APR_SUCCESS);
    NEED(pal_process_start(&process, command) == APR_SUCCESS);
    NEED(pal_process_held(process, PAL_STEP_PRIVILEGES));
    NEED(!pal_process_held(process, PAL_STEP_SCHEDULE));
    NEED(pal_process_wait(process, -1) == APR_SUCCESS);
    NEED(pal_process_exit_code(process) == 0);
    pal_process_close(&process);
    NEED(pal_command_mode_set(command, PAL_STEP_SCHEDULE, PAL_CONFINE_STRICT)
         == APR_SUCCESS);
    NEED(pal_process_start(&process, command) == EINVAL);
    NEED(pal_command_failed_step(command) == PAL_STEP_SCHEDULE);
    NEED(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
    fputs("works", stdout);
    return 0;
}

static int child_deathsig(void)
{
    int number = -1;

    NEED(prctl(PR_GET_PDEATHSIG, &number) == 0);
    printf("%d", number);
    return 0;
}

int child_main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    const char *first = argc > 2 ? argv[2] : "";

    if (strcmp(name, "args") == 0) {
        argv[1] = argv[0];
        return child_args(argv + 1);
    }
    if (strcmp(name, "env") == 0)
        return child_args(environ);
    if (strcmp(name, "list") == 0)
        return child_list();
    if (strcmp(name, "links") == 0)
        return child_links();
    if (strcmp(name, "take") == 0)
        return child_take(argv + 2);
    if (strcmp(name, "signals") == 0)
        return child_signals();
    if (strcmp(name, "status") == 0)
        return child_status(first);
    if (strcmp(name, "file") == 0)
        return child_file(first);
    if (strcmp(name, "open") == 0 && argc > 3)
        return child_open(first, argv[3]);
    if (strcmp(name, "session") == 0)
        return child_session();
    if (strcmp(name, "namespace") == 0)
        return child_namespace(first);
    if (strcmp(name, "pid") == 0)
        return printf("%d", (int)getpid()) < 0;
    if (strcmp(name, "nice") == 0)
        return printf("%d", getpriority(PRIO_PROCESS, 0)) < 0;
    if (strcmp(name, "call") == 0)
        return printf("%ld", syscall(SYS_personality, -1L)) < 0;
    if (strcmp(name, "burn") == 0)
        return child_burn(atoi(first));
    if (strcmp(name, "limit") == 0)
        return child_limit(atoi(first));
    if (strcmp(name, "privs") == 0)
        return printf("%d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)) < 0;
    if (strcmp(name, "folder") == 0)
        return child_folder();
    if (strcmp(name, "path") == 0)
        return child_path();
    if (strcmp(name, "argv0") == 0)
        return child_argv0();
    if (strcmp(name, "exit_at_once") == 0)
        return child_exit_at_once();
    if (strcmp(name, "locked") == 0)
        return child_locked(first);
    if (strcmp(name, "exit") == 0)
        return atoi(first);
    if (strcmp(name, "die") == 0)
        return child_die(atoi(first));
    if (strcmp(name, "echo") == 0)
        return child_echo();
    if (strcmp(name, "parent") == 0 && argc > 3)
        child_parent(first, argv[3]);
    if (strcmp(name, "replace") == 0)
        return child_replace();
    if (strcmp(name, "storm") == 0)
        return child_storm(atoi(first));
    if (strcmp(name, "deathsig") == 0)
        return child_deathsig();
    if (strcmp(name, "forked") == 0)
        return child_forked();
    return -1;
}
