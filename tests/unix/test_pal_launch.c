#include "config.h"

#include "child.h"
#include "launch.h"
#include "pal_compiler.h"

#include "harness.h"

#include <pal/pal.h>

#include <apr_general.h>
#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_byte(pal_handle_t handle, char byte)
{
    CU_ASSERT_EQUAL_FATAL(write((int)handle, &byte, 1), 1);
}

static int has_line(const char *text, const char *line)
{
    size_t len = strlen(line);

    for (; text != NULL; text = strchr(text, '\n')) {
        text += *text == '\n';
        if (strncmp(text, line, len) == 0 && text[len] == '\n')
            return 1;
    }
    return 0;
}

static void arguments(void)
{
    pal_command_t *command = launch_command_with("args", "");
    const char *own;

    TEST_OK(pal_self_argv0(&own, test_pool()));
    TEST_OK(pal_command_arg_add(command, "two words"));
    CU_ASSERT_STRING_EQUAL(
        launch_output(command),
        apr_pstrcat(test_pool(), own, "\n\ntwo words\n", NULL));
    TEST_OK(pal_command_argv0_set(command, "other"));
    TEST_OK(pal_command_arg_add(command, "*"));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "other\n\ntwo words\n*\n");
}

static void program_by_path(void)
{
    pal_command_t *command;
    const char *path;

    TEST_OK(pal_self_path(&path, test_pool()));
    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_program_set(command, "/nonexistent"));
    TEST_OK(pal_command_program_set(command, path));
    TEST_OK(pal_command_arg_add(command, "args"));
    CU_ASSERT_STRING_EQUAL(launch_output(command),
                           apr_pstrcat(test_pool(), path, "\n", NULL));
}

/* The later of the two ways to name a program counts. */
static void program_or_self(void)
{
    pal_command_t *command = launch_command_with("exit", "3");

    TEST_OK(pal_command_program_set(command, "/bin/false"));
    CU_ASSERT_EQUAL(launch_finish(launch_start(command)), 1);
    TEST_OK(pal_command_self_set(command));
    CU_ASSERT_EQUAL(launch_finish(launch_start(command)), 3);
}

static void copies(void)
{
    pal_command_t *command = launch_command("args"), *copy;

    TEST_OK(pal_command_argv0_set(command, "x"));
    TEST_OK(pal_command_arg_add(command, "both"));
    TEST_OK(pal_command_env_clear(command));
    TEST_OK(pal_command_env_set(command, "A", "1"));
    TEST_OK(pal_command_copy(&copy, command, test_pool()));
    TEST_OK(pal_command_arg_add(copy, "copy"));
    TEST_OK(pal_command_arg_add(command, "first"));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "x\nboth\nfirst\n");
    CU_ASSERT_STRING_EQUAL(launch_output(copy), "x\nboth\ncopy\n");

    command = launch_command("env");
    TEST_OK(pal_command_env_clear(command));
    TEST_OK(pal_command_env_set(command, "A", "1"));
    TEST_OK(pal_command_copy(&copy, command, test_pool()));
    TEST_OK(pal_command_env_set(copy, "A", "2"));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "A=1\n");
    CU_ASSERT_STRING_EQUAL(launch_output(copy), "A=2\n");
}

static void environment(void)
{
    pal_command_t *command = launch_command("env");
    const char *text;

    setenv("TEST_KEPT", "kept", 1);
    setenv("TEST_CHANGED", "old", 1);
    setenv("TEST_GONE", "gone", 1);
    TEST_OK(pal_command_env_set(command, "TEST_CHANGED", "x"));
    TEST_OK(pal_command_env_unset(command, "TEST_CHANGED"));
    TEST_OK(pal_command_env_set(command, "TEST_CHANGED", "new=2"));
    TEST_OK(pal_command_env_set(command, "TEST_NEW", ""));
    TEST_OK(pal_command_env_unset(command, "TEST_GONE"));
    TEST_OK(pal_command_env_unset(command, "TEST_NEVER"));
    text = launch_output(command);
    CU_ASSERT_TRUE(has_line(text, "TEST_KEPT=kept"));
    CU_ASSERT_TRUE(has_line(text, "TEST_CHANGED=new=2"));
    CU_ASSERT_TRUE(has_line(text, "TEST_NEW="));
    CU_ASSERT_PTR_NULL(strstr(text, "TEST_GONE"));
    CU_ASSERT_PTR_NULL(strstr(text, "TEST_NEVER"));
    CU_ASSERT_PTR_NULL(strstr(text, "old"));
    CU_ASSERT_STRING_EQUAL(getenv("TEST_CHANGED"), "old");
    CU_ASSERT_PTR_NULL(getenv("TEST_NEW"));

    TEST_OK(pal_command_env_clear(command));
    TEST_OK(pal_command_env_set(command, "TEST_LAST", "1"));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "TEST_LAST=1\n");

    CU_ASSERT_EQUAL(pal_command_env_set(command, "", "x"), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_command_env_set(command, "A=B", "x"), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_command_env_unset(command, "="), APR_EINVAL);
}

static void stdio(void)
{
    pal_command_t *command = launch_command("links");
    char own[256] = "";
    const char *text;

    CU_ASSERT_FATAL(readlink("/proc/self/fd/2", own, sizeof(own) - 1) > 0);
    TEST_OK(pal_command_stdio_set(command, 0, PAL_STDIO_NULL));
    text = launch_output(command);
    CU_ASSERT_PTR_EQUAL(strstr(text, "/dev/null\npipe:["), text);
    CU_ASSERT_TRUE(has_line(text, own));

    TEST_OK(pal_command_stdio_set(command, 2, PAL_STDIO_NULL));
    text = launch_output(command);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "]\n/dev/null\n"));
    CU_ASSERT_EQUAL(pal_command_stdio_set(command, 3, PAL_STDIO_NULL),
                    APR_EINVAL);
    CU_ASSERT_EQUAL(pal_command_stdio_set(command, -1, PAL_STDIO_NULL),
                    APR_EINVAL);
}

/* Closed stdio of ours is the null device in the child. */
static void closed_stdio(void)
{
    int keep = fcntl(0, F_DUPFD_CLOEXEC, 100);
    pal_command_t *command = launch_command("links");
    const char *text;

    close(0);
    text = launch_output(command);
    CU_ASSERT_PTR_EQUAL(strstr(text, "/dev/null\npipe:["), text);
    CU_ASSERT_EQUAL(dup2(keep, 0), 0);
    close(keep);
}

static int open_with_byte(char byte, int number)
{
    int ends[2], fd;

    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    write_byte(ends[1], byte);
    close(ends[1]);
    fd = fcntl(ends[0], F_DUPFD, number); /* inheritable */
    close(ends[0]);
    CU_ASSERT_EQUAL_FATAL(fd, number);
    return fd;
}

static pal_command_t *take(const char *first, const char *second,
                           const char *third)
{
    pal_command_t *command = launch_command_with("take", first);

    TEST_OK(pal_command_arg_add(command, second));
    if (third != NULL)
        TEST_OK(pal_command_arg_add(command, third));
    return command;
}

static void swapped_handles(void)
{
    pal_command_t *command = take("30", "31", "32");
    int a = open_with_byte('a', 30), b = open_with_byte('b', 31);
    int c = open_with_byte('c', 32);

    TEST_OK(pal_command_handle_add(command, a, 31));
    TEST_OK(pal_command_handle_add(command, b, 30));
    TEST_OK(pal_command_handle_add(command, c, 32));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "bac");
    close(a);
    close(b);
    close(c);
}

static void far_handles(void)
{
    pal_command_t *command = take("0", "2", "60");
    int a = open_with_byte('a', 700), b = open_with_byte('b', 40);
    int c = open_with_byte('c', 41);

    /* Onto stdio, over a number of ours, and a later call wins. */
    TEST_OK(pal_command_handle_add(command, b, 60));
    TEST_OK(pal_command_handle_add(command, a, 0));
    TEST_OK(pal_command_handle_add(command, b, 2));
    TEST_OK(pal_command_handle_add(command, c, 60));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "abc");
    close(a);
    close(b);
    close(c);
}

/* Each of several numbers gets the same handle, one of them its own. */
static void one_handle_often(void)
{
    pal_command_t *command = launch_command("list");
    int fd = open_with_byte('x', 44);

    TEST_OK(pal_command_handle_add(command, fd, 44));
    TEST_OK(pal_command_handle_add(command, fd, 3));
    TEST_OK(pal_command_handle_add(command, fd, 43));
    TEST_OK(pal_command_handle_add(command, fd, 45));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0,1,2,3,43,44,45");
    TEST_OK(pal_command_handles_clear(command));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0,1,2");
    close(fd);
}

static void handle_limits(void)
{
    pal_command_t *command = launch_command("list");
    int i;

    CU_ASSERT_EQUAL(pal_command_handle_add(command, 0, -1), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_command_handle_add(command, PAL_HANDLE_NONE, 3),
                    APR_EINVAL);
    CU_ASSERT_EQUAL(
        pal_command_handle_add(command, 2, PAL_COMMAND_MAX_NUMBER + 1),
        PAL_E_LIMIT);
    for (i = 3; i < PAL_COMMAND_MAX_HANDLES; i++)
        TEST_OK(pal_command_handle_add(command, 2, i));
    CU_ASSERT_EQUAL(pal_command_handle_add(command, 2, i), PAL_E_LIMIT);
    TEST_OK(pal_command_handle_add(command, 2, i - 1)); /* replaces */
    TEST_OK(pal_command_handle_add(command, 2, 0));
    CU_ASSERT_PTR_NOT_NULL(strstr(launch_output(command), ",254,255"));
}

/* The highest number there is, with a limit that allows it. */
static void highest_number(void)
{
    pal_command_t *command = launch_command("list");
    struct rlimit old, limit;

    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = old;
    TEST_OK(pal_command_handle_add(command, 2, PAL_COMMAND_MAX_NUMBER));
    if (old.rlim_max > PAL_COMMAND_MAX_NUMBER) {
        limit.rlim_cur = PAL_COMMAND_MAX_NUMBER + 1;
        CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
        CU_ASSERT_STRING_EQUAL(launch_output(command), "0,1,2,4095");
    }
    limit.rlim_cur = 1000;
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
    {
        pal_process_t *process = NULL;

        CU_ASSERT_EQUAL(pal_process_start(&process, command), APR_EMFILE);
        CU_ASSERT_PTR_NULL(process);
    }
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &old), 0);
}

/* What another thread has to tell. */
typedef struct noise_t {
    pal__atomic64_t stop;
    long disturbed;
} noise_t;

/* Open and close descriptors that a careless exec would pass on. */
static void *make_noise(void *arg)
{
    noise_t *noise = arg;
    int fd, copy, high;

    while (pal__atomic64_get(&noise->stop) == 0) {
        fd = open("/dev/null", O_RDONLY);
        copy = dup(fd);
        high = fcntl(fd, F_DUPFD, 300);
        if (fd < 0 || copy < 0 || high < 0 || fcntl(copy, F_GETFD) != 0
            || fcntl(high, F_GETFD) != 0)
            noise->disturbed++;
        if (close(fd) != 0 || close(copy) != 0 || close(high) != 0)
            noise->disturbed++;
    }
    return NULL;
}

static void nothing_else_arrives(void)
{
    noise_t noise[2] = {{{0}, 0}, {{0}, 0}};
    int far = open_with_byte('f', 200), strange = open_with_byte('s', 40);
    int i, n_wrong = 0, n = test_scale(400);
    pthread_t threads[2];

    for (i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, make_noise, &noise[i]);
    for (i = 0; i < n; i++) {
        pal_command_t *command = launch_command("list");

        TEST_OK(pal_command_handle_add(command, far, 60));
        n_wrong += strcmp(launch_output(command), "0,1,2,60") != 0;
    }
    for (i = 0; i < 2; i++) {
        pal__atomic64_set(&noise[i].stop, 1);
        pthread_join(threads[i], NULL);
        CU_ASSERT_EQUAL(noise[i].disturbed, 0);
    }
    CU_ASSERT_EQUAL(n_wrong, 0);
    close(far);
    close(strange);
}

static void on_signal(int number)
{
    (void)number;
}

/* Ignored, handled and blocked here is default and let in there. */
static void signals(void)
{
    sigset_t set, old;
    const char *text;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGRTMAX, SIG_IGN);
    signal(SIGUSR2, on_signal);
    sigfillset(&set);
    sigdelset(&set, SIGALRM); /* the deadline */
    pthread_sigmask(SIG_SETMASK, &set, &old);
    text = launch_output(launch_command("signals"));
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    CU_ASSERT_TRUE(sigismember(&set, SIGUSR1));
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGRTMAX, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
    CU_ASSERT_STRING_EQUAL(text, "SigBlk:\t0000000000000000\n"
                                 "SigIgn:\t0000000000000000\n");
}

/* No handler of ours ever runs in a child. */
static void signal_storm(void)
{
    const char *n = launch_number(test_scale(300));

    CU_ASSERT_STRING_EQUAL(launch_output(launch_command_with("storm", n)),
                           "calm");
}

static void folder(void)
{
    pal_command_t *command = launch_command("folder");
    char own[4096], there[4096];

    CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(own, sizeof(own)));
    CU_ASSERT_PTR_NOT_NULL_FATAL(realpath(test_dir(), there));
    CU_ASSERT_STRING_EQUAL(launch_output(command), own);
    TEST_OK(pal_command_folder_set(command, test_dir()));
    CU_ASSERT_STRING_EQUAL(launch_output(command), there);
}

static void limits(void)
{
    static const struct {
        pal_limit_t limit;
        int resource;
        apr_uint64_t value;
        const char *text;
    } rows[] = {
        {PAL_LIMIT_MEMORY, RLIMIT_AS, (apr_uint64_t)4 << 30,
         "4294967296,4294967296"},
        {PAL_LIMIT_CORE, RLIMIT_CORE, 0, "0,0"},
        {PAL_LIMIT_CPU, RLIMIT_CPU, 77, "77,77"},
        {PAL_LIMIT_HANDLES, RLIMIT_NOFILE, 99, "99,99"},
        {PAL_LIMIT_FILE, RLIMIT_FSIZE, 1 << 20, "1048576,1048576"},
        {PAL_LIMIT_DATA, RLIMIT_DATA, 1 << 30, "1073741824,1073741824"},
        {PAL_LIMIT_STACK, RLIMIT_STACK, 1 << 22, "4194304,4194304"},
        {PAL_LIMIT_RESIDENT, RLIMIT_RSS, 1 << 30, "1073741824,1073741824"},
        {PAL_LIMIT_LOCKED, RLIMIT_MEMLOCK, 4096, "4096,4096"},
        {PAL_LIMIT_PROCESSES, RLIMIT_NPROC, 2000, "2000,2000"},
        {PAL_LIMIT_FILE_LOCKS, RLIMIT_LOCKS, 50, "50,50"},
        {PAL_LIMIT_SIGNALS, RLIMIT_SIGPENDING, 60, "60,60"},
        {PAL_LIMIT_QUEUES, RLIMIT_MSGQUEUE, 7000, "7000,7000"},
        {PAL_LIMIT_NICE, RLIMIT_NICE, 0, "0,0"},
        {PAL_LIMIT_RT_PRIORITY, RLIMIT_RTPRIO, 0, "0,0"},
        {PAL_LIMIT_RT_TIME, RLIMIT_RTTIME, 90000, "90000,90000"},
    };
    pal_command_t *command;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        /* The sanitizers need more address space than anyone would allow,
         * and valgrind keeps the limits of some for itself. */
        if ((test_in_sanitizer()
             && (rows[i].limit == PAL_LIMIT_MEMORY
                 || rows[i].limit == PAL_LIMIT_DATA))
            || (test_in_valgrind()
                && (rows[i].limit == PAL_LIMIT_HANDLES
                    || rows[i].limit == PAL_LIMIT_DATA
                    || rows[i].limit == PAL_LIMIT_STACK)))
            continue;
        command =
            launch_command_with("limit", launch_number(rows[i].resource));
        TEST_OK(pal_command_limit_set(command, rows[i].limit, 1 << 20));
        TEST_OK(pal_command_limit_set(command, rows[i].limit, rows[i].value));
        CU_ASSERT_STRING_EQUAL(launch_output(command), rows[i].text);
    }
    command = launch_command("limit");
    CU_ASSERT_EQUAL(pal_command_limit_set(
                        command, (pal_limit_t)(PAL_LIMIT_RT_TIME + 1), 1),
                    APR_EINVAL);
}

static void no_new_privs(void)
{
    pal_command_t *command = launch_command("privs");

    CU_ASSERT_STRING_EQUAL(launch_output(command), "0");
    TEST_OK(pal_command_no_new_privs_set(command, 1));
    if (!test_is_native()) {
        launch_failure(command, APR_ENOTIMPL, PAL_STEP_PRIVILEGES);
        return;
    }
    CU_ASSERT_STRING_EQUAL(launch_output(command), "1");
    TEST_OK(pal_command_no_new_privs_set(command, 0));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0");
}

static void failures(void)
{
    pal_command_t *command;
    const char *plain = apr_pstrcat(test_pool(), test_dir(), "/plain", NULL);
    FILE *file = fopen(plain, "w");
    int closed = fcntl(0, F_DUPFD_CLOEXEC, 20);

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fclose(file);
    close(closed);

    TEST_OK(pal_command_create(&command, test_pool()));
    launch_failure(command, APR_EINVAL, PAL_STEP_PREPARE);
    TEST_OK(pal_command_program_set(command, "/nonexistent/program"));
    launch_failure(command, ENOENT, PAL_STEP_EXEC);
    TEST_OK(pal_command_program_set(command, plain));
    launch_failure(command, EACCES, PAL_STEP_EXEC);
    CU_ASSERT_EQUAL(chmod(plain, 0755), 0);
    launch_failure(command, ENOEXEC, PAL_STEP_EXEC);

    command = launch_command("list");
    TEST_OK(pal_command_folder_set(command, "/nonexistent"));
    launch_failure(command, ENOENT, PAL_STEP_FOLDER);
    TEST_OK(pal_command_folder_set(command, plain));
    launch_failure(command, ENOTDIR, PAL_STEP_FOLDER);

    command = launch_command("list");
    TEST_OK(pal_command_limit_set(command, PAL_LIMIT_HANDLES,
                                  (apr_uint64_t)1 << 40));
    launch_failure(command, EPERM, PAL_STEP_LIMITS);

    command = launch_command("list");
    TEST_OK(pal_command_handle_add(command, closed, 7));
    launch_failure(command, EBADF, PAL_STEP_HANDLES);
    TEST_OK(pal_command_handles_clear(command));
    TEST_OK(pal_command_handle_add(command, INTPTR_MAX / 2 + 1, 7));
    launch_failure(command, EBADF, PAL_STEP_HANDLES);
    TEST_OK(pal_command_handles_clear(command));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0,1,2");
}

static void step_names(void)
{
    int i, k;

    for (i = PAL_STEP_NONE; i <= PAL_STEP_EXEC; i++)
        for (k = PAL_STEP_NONE; k < i; k++)
            CU_ASSERT_STRING_NOT_EQUAL(pal_step_name((pal_step_t)i),
                                       pal_step_name((pal_step_t)k));
    CU_ASSERT_STRING_EQUAL(pal_step_name((pal_step_t)99), "unknown");
}

/* A POSIX lock is lost when its process closes any descriptor of the file;
 * what the child does must not count. */
static void locks_survive(void)
{
    const char *path = apr_pstrcat(test_pool(), test_dir(), "/locked", NULL);
    pal_command_t *command = launch_command("list");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int high = fcntl(fd, F_DUPFD, 600), low = fcntl(fd, F_DUPFD, 50);
    struct flock lock = {0};

    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    CU_ASSERT_EQUAL_FATAL(fcntl(fd, F_SETLK, &lock), 0);
    TEST_OK(pal_command_handle_add(command, high, 60));
    TEST_OK(pal_command_handle_add(command, fd, 4));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "0,1,2,4,60");
    command = launch_command("list");
    TEST_OK(pal_command_handle_add(command, high, 4));
    TEST_OK(pal_command_folder_set(command, "/nonexistent"));
    launch_failure(command, ENOENT, PAL_STEP_FOLDER);
    CU_ASSERT_STRING_EQUAL(launch_output(launch_command_with("locked", path)),
                           launch_number((int)getpid()));
    close(low);
    close(high);
    close(fd);
}

static void copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    static char buf[64 << 10];
    ssize_t n;

    CU_ASSERT_FATAL(in >= 0 && out >= 0);
    while ((n = read(in, buf, sizeof(buf))) > 0)
        CU_ASSERT_EQUAL_FATAL(write(out, buf, (size_t)n), n);
    close(in);
    close(out);
}

static void replaced_executable(void)
{
    const char *copy = apr_pstrcat(test_pool(), test_dir(), "/copy", NULL);
    pal_command_t *command;
    const char *own;

    TEST_OK(pal_self_path(&own, test_pool()));
    copy_file(own, copy);
    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_program_set(command, copy));
    TEST_OK(pal_command_argv0_set(command, "called so"));
    TEST_OK(pal_command_arg_add(command, "replace"));
    CU_ASSERT_STRING_EQUAL(launch_output(command), "called so\n");
}

/* A program whose name ends like the kernel's mark of a removed file. */
static void marked_executable(void)
{
    const char *copy =
        apr_pstrcat(test_pool(), test_dir(), "/x (deleted)", NULL);
    pal_command_t *command;
    const char *own;

    TEST_OK(pal_self_path(&own, test_pool()));
    copy_file(own, copy);
    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_program_set(command, copy));
    TEST_OK(pal_command_arg_add(command, "path"));
    CU_ASSERT_STRING_EQUAL(launch_output(command), copy);
}

static const test_case_t cases[] = {
    {"arguments", arguments},
    {"program_by_path", program_by_path},
    {"program_or_self", program_or_self},
    {"copies", copies},
    {"environment", environment},
    {"stdio", stdio},
    {"closed_stdio", closed_stdio},
    {"swapped_handles", swapped_handles},
    {"far_handles", far_handles},
    {"one_handle_often", one_handle_often},
    {"handle_limits", handle_limits},
    {"highest_number", highest_number},
    {"nothing_else_arrives", nothing_else_arrives},
    {"signals", signals},
    {"signal_storm", signal_storm},
    {"folder", folder},
    {"limits", limits},
    {"no_new_privs", no_new_privs},
    {"failures", failures},
    {"step_names", step_names},
    {"locks_survive", locks_survive},
    {"replaced_executable", replaced_executable},
    {"marked_executable", marked_executable},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    int code = child_main(argc, argv);

    return code >= 0 ? code : test_main(argc, argv, "pal launch", cases);
}
