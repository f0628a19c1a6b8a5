#include "config.h"

#include "harness.h"

#include <pal/pal.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include <windows.h>

#include <shellapi.h>

enum { N_THREADS = 8, N_ROUNDS = 24, LINE = 40000 };

#define LIMIT (10 * APR_USEC_PER_SEC)
#define STEP 12000 /* us: some are a start apart, under Wine */

/* ---- the child: this program with "child" and what it shall do ---- */

static void print(const char *text)
{
    DWORD n;

    WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), text, (DWORD)strlen(text), &n,
              NULL);
    WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), "\n", 1, &n, NULL);
}

/* What both parsers make of the arguments, from `first` on. */
static void print_args(char **argv, int first)
{
    WCHAR **wide;
    char text[1024];
    int n, i;

    wide = CommandLineToArgvW(GetCommandLineW(), &n);
    for (i = first; wide != NULL && i < n; i++) {
        WideCharToMultiByte(CP_UTF8, 0, wide[i], -1, text, sizeof(text), NULL,
                            NULL);
        print(text);
        print(strcmp(text, argv[i]) == 0 ? "same" : argv[i]);
    }
}

static void wait_for_input_end(void)
{
    char byte;
    DWORD n;

    while (ReadFile(GetStdHandle(STD_INPUT_HANDLE), &byte, 1, &n, NULL)
           && n > 0)
        continue;
}

/* Start `depth` descendants, each by the one before; print the pids. */
static void run_tree(const char *depth, apr_pool_t *pool)
{
    pal_process_t *process;
    pal_command_t *command;

    print(apr_itoa(pool, (int)GetCurrentProcessId()));
    if (atoi(depth) > 0 && pal_command_create(&command, pool) == APR_SUCCESS) {
        pal_command_self_set(command);
        pal_command_arg_add(command, "child");
        pal_command_arg_add(command, "tree");
        pal_command_arg_add(command, apr_itoa(pool, atoi(depth) - 1));
        pal_command_die_with_parent_set(command, 0);
        if (pal_process_start(&process, command) != APR_SUCCESS)
            print("failed");
    }
    Sleep(INFINITE);
}

/* Own a job with a tree in it. */
static void run_owner(apr_pool_t *pool)
{
    pal_command_t *command;
    pal_process_t *process;
    pal_job_t *job;

    if (pal_job_create(&job, pool) == APR_SUCCESS
        && pal_job_open(job) == APR_SUCCESS
        && pal_command_create(&command, pool) == APR_SUCCESS) {
        pal_command_self_set(command);
        pal_command_arg_add(command, "child");
        pal_command_arg_add(command, "tree");
        pal_command_arg_add(command, "2");
        pal_command_job_set(command, job);
        if (pal_process_start(&process, command) == APR_SUCCESS)
            Sleep(INFINITE);
    }
    print("failed");
}

/* Its pid by itself, and of the process that is held. */
static void print_parent(apr_pool_t *pool)
{
    pal_process_t *parent;

    print(apr_psprintf(pool, "%" APR_INT64_T_FMT, pal_self_parent_pid()));
    if (pal_self_parent(&parent) == APR_SUCCESS) {
        if (APR_STATUS_IS_TIMEUP(pal_process_wait(parent, 0)))
            print(apr_psprintf(pool, "%" APR_INT64_T_FMT,
                               pal_process_pid(parent)));
        pal_process_close(&parent);
    }
}

static int n_privileges(void)
{
    struct {
        DWORD n;
        LUID_AND_ATTRIBUTES privileges[64];
    } held = {0};
    HANDLE token;
    DWORD size;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return -1;
    if (!GetTokenInformation(token, TokenPrivileges, &held, sizeof(held),
                             &size))
        held.n = (DWORD)-1;
    CloseHandle(token);
    return (int)held.n;
}

/* Only what every process is left with stays, and what is held says so. */
static void run_confined(apr_pool_t *pool)
{
    pal_confine_t *confine;

    if (pal_confine_create(&confine, pool) != APR_SUCCESS
        || pal_confine_layer_set(confine, PAL_CONFINE_NO_NEW_PRIVS,
                                 PAL_CONFINE_STRICT)
               != APR_SUCCESS
        || pal_confine_layer_set(confine, PAL_CONFINE_FILES,
                                 PAL_CONFINE_BEST_EFFORT)
               != APR_SUCCESS
        || pal_confine_layer_set(confine, PAL_CONFINE_SYSCALLS,
                                 PAL_CONFINE_STRICT)
               != APR_SUCCESS)
        print("failed");
    else
        print(apr_psprintf(pool, "applied %d", pal_confine_apply(confine)));
    print(apr_psprintf(pool, "held %d %d %d",
                       pal_confine_held(confine, PAL_CONFINE_NO_NEW_PRIVS),
                       pal_confine_held(confine, PAL_CONFINE_FILES),
                       pal_confine_held(confine, PAL_CONFINE_SYSCALLS)));
    print(n_privileges() <= 1 ? "none left" : "some left");
}

static void say_goodbye(void)
{
    print("exit handler");
}

static int run_child(int argc, char **argv)
{
    apr_pool_t *pool;
    const char *what = argc > 2 ? argv[2] : "", *argv0;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (strcmp(what, "args") == 0)
        print_args(argv, 3);
    else if (strcmp(what, "argv0") == 0
             && pal_self_argv0(&argv0, pool) == APR_SUCCESS)
        print(argv0);
    else if (strcmp(what, "env") == 0)
        print(getenv(argv[3]) != NULL ? getenv(argv[3]) : "unset");
    else if (strcmp(what, "set") == 0)
        return SetEvent((HANDLE)(intptr_t)atoi(argv[3])) ? 0 : 1;
    else if (strcmp(what, "wait") == 0)
        wait_for_input_end();
    else if (strcmp(what, "tree") == 0)
        run_tree(argv[3], pool);
    else if (strcmp(what, "owner") == 0)
        run_owner(pool);
    else if (strcmp(what, "parent") == 0)
        print_parent(pool);
    else if (strcmp(what, "confined") == 0)
        run_confined(pool);
    else if (strcmp(what, "exit") == 0 && atexit(say_goodbye) == 0)
        pal_self_exit(9);
    return 7;
}

/* ---- the tests ---- */

static pal_command_t *child_command(const char *what, const char *arg)
{
    pal_command_t *command;

    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_self_set(command));
    TEST_OK(pal_command_arg_add(command, "child"));
    TEST_OK(pal_command_arg_add(command, what));
    if (arg != NULL)
        TEST_OK(pal_command_arg_add(command, arg));
    return command;
}

/* Start it, read all it prints, and reap it. */
static char *run(pal_command_t *command, int *ret_code)
{
    char *text = apr_pcalloc(test_pool(), LINE);
    apr_size_t used = 0, n;
    pal_process_t *process;
    pal_handle_t output;

    TEST_OK(pal_command_stdio_set(command, 1, PAL_STDIO_PIPE));
    TEST_OK(pal_process_start(&process, command));
    TEST_OK(pal_process_pipe_take(process, 1, &output));
    do {
        TEST_OK(pal_file_read(output, text + used, LINE - used - 1, &n));
        used += n;
    } while (n > 0);
    pal_handle_close(&output);
    TEST_OK(pal_process_wait(process, LIMIT));
    *ret_code = pal_process_exit_code(process);
    pal_process_close(&process);
    return text;
}

static void test_arguments(void)
{
    static const char *const args[] = {
        "",          " ",      "a b",      "\"",       "\\",
        "a\\",       "a b\\",  "\\\\\"x",  "\"a\" b",  "\t",
        "c:\\d e\\", "%PATH%", "^&|<>()!", "--x=\"y\""};
    pal_command_t *command = child_command("args", NULL);
    char *text, *line, *next;
    int code, i;

    for (i = 0; i < (int)(sizeof(args) / sizeof(args[0])); i++)
        TEST_OK(pal_command_arg_add(command, args[i]));
    text = run(command, &code);
    CU_ASSERT_EQUAL(code, 7);
    for (i = 0, line = text; i < (int)(sizeof(args) / sizeof(args[0])); i++) {
        next = strchr(line, '\n');
        CU_ASSERT_PTR_NOT_NULL_FATAL(next);
        *next = '\0';
        CU_ASSERT_STRING_EQUAL(line, args[i]);
        line = next + 1;
        CU_ASSERT_EQUAL_FATAL(strncmp(line, "same\n", 5), 0);
        line += 5;
    }
}

static void test_environment(void)
{
    pal_command_t *command = child_command("env", "Pal_Test");
    int code;

    TEST_OK(pal_command_env_set(command, "PAL_TEST", "1"));
    TEST_OK(pal_command_env_set(command, "pal_test", "two words"));
    CU_ASSERT_STRING_EQUAL(run(command, &code), "two words\n");
    TEST_OK(pal_command_env_unset(command, "PAL_test"));
    CU_ASSERT_STRING_EQUAL(run(command, &code), "unset\n");
    TEST_OK(pal_command_env_set(command, "PAL_TEST", "\xff"));
    {
        pal_process_t *process;

        CU_ASSERT_EQUAL(pal_process_start(&process, command), APR_EINVAL);
    }
}

static void test_refusals(void)
{
    pal_command_t *command = child_command("args", NULL);
    char *line = apr_palloc(test_pool(), LINE);
    pal_process_t *process;

    memset(line, 'x', LINE - 1);
    line[LINE - 1] = '\0';
    TEST_OK(pal_command_arg_add(command, line));
    CU_ASSERT_EQUAL(pal_process_start(&process, command), E2BIG);
    command = child_command("args", NULL);
    TEST_OK(pal_command_argv0_set(command, "a\"b"));
    CU_ASSERT_EQUAL(pal_process_start(&process, command), APR_EINVAL);
    TEST_OK(pal_command_program_set(command, "no\\such\\program"));
    TEST_OK(pal_command_argv0_set(command, "x"));
    CU_ASSERT(APR_STATUS_IS_ENOENT(pal_process_start(&process, command)));
    CU_ASSERT_EQUAL(pal_command_failed_step(command), PAL_STEP_EXEC);
    command = child_command("args", NULL);
    TEST_OK(pal_command_umask_set(command, 0));
    CU_ASSERT_EQUAL(pal_process_start(&process, command), APR_ENOTIMPL);
    CU_ASSERT_EQUAL(pal_command_failed_step(command), PAL_STEP_SESSION);
}

/* Only what is listed arrives, also of what can be inherited. */
static void test_handles(void)
{
    SECURITY_ATTRIBUTES inheritable = {sizeof(inheritable), NULL, TRUE};
    HANDLE listed = CreateEventW(NULL, TRUE, FALSE, NULL);
    HANDLE other = CreateEventW(&inheritable, TRUE, FALSE, NULL);
    pal_command_t *command;
    intptr_t value = 0;
    DWORD flags = 1;
    int code;

    command =
        child_command("set", apr_itoa(test_pool(), (int)(intptr_t)other));
    TEST_OK(pal_command_handle_add(command, (pal_handle_t)listed, 5));
    (void)run(command, &code);
    CU_ASSERT_EQUAL(WaitForSingleObject(other, 0), WAIT_TIMEOUT);
    TEST_OK(pal_command_handle_value(command, 5, &value));
    CU_ASSERT_EQUAL(pal_command_handle_value(command, 6, &value), APR_ENOENT);
    command = child_command("set", apr_itoa(test_pool(), (int)value));
    TEST_OK(pal_command_handle_add(command, (pal_handle_t)listed, 5));
    TEST_OK(pal_command_handle_add(command, (pal_handle_t)listed, 9));
    (void)run(command, &code);
    CU_ASSERT_EQUAL(code, 0);
    CU_ASSERT_EQUAL(WaitForSingleObject(listed, 0), WAIT_OBJECT_0);
    CU_ASSERT(GetHandleInformation(listed, &flags));
    CU_ASSERT_EQUAL(flags & HANDLE_FLAG_INHERIT, 0);
    CloseHandle(listed);
    CloseHandle(other);
}

typedef struct starter_t {
    pal_command_t *command;
    pal_process_t *process;
    apr_status_t status;
} starter_t;

static void *APR_THREAD_FUNC start_child(apr_thread_t *thread, void *baton)
{
    starter_t *starter = baton;

    starter->status = pal_process_start(&starter->process, starter->command);
    test_thread_exit(thread);
}

/* If another child had the writing end of a pipe, its end would not come. */
static void test_threads(void)
{
    apr_thread_t *threads[N_THREADS];
    starter_t starters[N_THREADS];
    pal_handle_t input, output;
    apr_status_t rv;
    apr_size_t n;
    char byte;
    int i;

    for (i = 0; i < N_THREADS; i++) {
        memset(&starters[i], 0, sizeof(starters[i]));
        starters[i].command = child_command("wait", NULL);
        TEST_OK(pal_command_stdio_set(starters[i].command, 0, PAL_STDIO_PIPE));
        TEST_OK(pal_command_stdio_set(starters[i].command, 1, PAL_STDIO_PIPE));
    }
    for (i = 0; i < N_THREADS; i++)
        TEST_OK(apr_thread_create(&threads[i], NULL, start_child, &starters[i],
                                  test_pool()));
    for (i = 0; i < N_THREADS; i++)
        TEST_OK(apr_thread_join(&rv, threads[i]));
    for (i = 0; i < N_THREADS; i++) {
        TEST_OK(starters[i].status);
        TEST_OK(pal_process_pipe_take(starters[i].process, 0, &input));
        TEST_OK(pal_process_pipe_take(starters[i].process, 1, &output));
        pal_handle_close(&input);
        TEST_OK(pal_file_read(output, &byte, 1, &n));
        CU_ASSERT_EQUAL(n, 0);
        pal_handle_close(&output);
        TEST_OK(pal_process_wait(starters[i].process, LIMIT));
        pal_process_close(&starters[i].process);
    }
}

static void test_kill(void)
{
    pal_command_t *command = child_command("tree", "0");
    pal_process_t *process;

    TEST_OK(pal_command_stdio_set(command, 1, PAL_STDIO_NULL));
    TEST_OK(pal_process_start(&process, command));
    CU_ASSERT(APR_STATUS_IS_TIMEUP(pal_process_wait(process, 0)));
    TEST_OK(pal_process_kill(process));
    TEST_OK(pal_process_wait(process, LIMIT));
    TEST_OK(pal_process_kill(process));
    CU_ASSERT_EQUAL(pal_process_exit_code(process), -1);
    CU_ASSERT_EQUAL(pal_process_exit_signal(process), 9);
    pal_process_close(&process);
}

/* Read the pid that a member prints, and take hold of it. */
static pal_process_t *read_member(pal_handle_t output)
{
    pal_process_t *member;
    char line[32];
    apr_size_t used = 0, n = 1;

    while (used < sizeof(line) - 1 && n > 0) {
        TEST_OK(pal_file_read(output, line + used, 1, &n));
        if (n == 0 || line[used] == '\n')
            break;
        used++;
    }
    line[used] = '\0';
    TEST_OK(pal_process_attach(&member, atoi(line)));
    return member;
}

static void test_job(void)
{
    pal_command_t *command = child_command("tree", "2");
    pal_process_t *process, *members[3];
    pal_handle_t output;
    pal_job_t *job;
    int i, n;

    TEST_OK(pal_job_create(&job, test_pool()));
    CU_ASSERT_EQUAL(pal_job_kill(job), APR_EINVAL);
    TEST_OK(pal_job_open(job));
    CU_ASSERT_EQUAL(pal_job_held(job), PAL_JOB_OBJECT);
    TEST_OK(pal_job_limit_set(job, PAL_JOB_LIMIT_PROCESSES, 10));
    TEST_OK(pal_command_job_set(command, job));
    TEST_OK(pal_command_stdio_set(command, 1, PAL_STDIO_PIPE));
    TEST_OK(pal_process_start(&process, command));
    TEST_OK(pal_process_pipe_take(process, 1, &output));
    for (i = 0; i < 3; i++)
        members[i] = read_member(output);
    TEST_OK(pal_job_count(job, &n));
    CU_ASSERT_EQUAL(n, 3);
    CU_ASSERT(APR_STATUS_IS_TIMEUP(pal_job_wait(job, 1000)));
    TEST_OK(pal_job_kill(job));
    TEST_OK(pal_job_wait(job, LIMIT));
    for (i = 0; i < 3; i++) {
        TEST_OK(pal_process_wait(members[i], LIMIT));
        pal_process_close(&members[i]);
    }
    pal_job_close(job);
    pal_process_close(&process);
    pal_handle_close(&output);
}

static void on_empty(void *baton, pal_job_t *job)
{
    (void)job;
    ++*(int *)baton;
}

static int is_told(void *baton)
{
    return *(int *)baton > 0;
}

/* Told once, by the loop, when the last member ends, or has ended before. */
static void test_job_watch(void)
{
    pal_command_t *command = child_command("wait", NULL);
    pal_process_t *process;
    pal_handle_t input;
    pal_loop_t *loop;
    pal_job_t *job;
    int n = 0;

    TEST_OK(pal_loop_create(&loop, test_pool()));
    TEST_OK(pal_job_create(&job, test_pool()));
    CU_ASSERT_EQUAL(pal_job_watch(job, loop, on_empty, &n), APR_EINVAL);
    TEST_OK(pal_job_open(job));
    TEST_OK(pal_command_job_set(command, job));
    TEST_OK(pal_command_stdio_set(command, 0, PAL_STDIO_PIPE));
    TEST_OK(pal_process_start(&process, command));
    TEST_OK(pal_process_pipe_take(process, 0, &input));
    TEST_OK(pal_job_watch(job, loop, on_empty, &n));
    CU_ASSERT_EQUAL(pal_job_watch(job, loop, on_empty, &n), APR_EEXIST);
    CU_ASSERT_EQUAL(pal_job_wait(job, 0), APR_EEXIST);
    CU_ASSERT(APR_STATUS_IS_TIMEUP(pal_loop_step(loop, 0)));
    pal_handle_close(&input);
    TEST_OK(pal_loop_run_until(loop, is_told, &n, LIMIT));
    TEST_OK(pal_process_wait(process, LIMIT));
    pal_process_close(&process);
    TEST_OK(pal_job_watch(job, loop, on_empty, &n));
    CU_ASSERT_EQUAL(n, 1);
    n = 0;
    TEST_OK(pal_loop_run_until(loop, is_told, &n, LIMIT));
    TEST_OK(pal_job_watch(job, loop, on_empty, &n));
    TEST_OK(pal_job_watch(job, loop, NULL, NULL));
    CU_ASSERT(APR_STATUS_IS_TIMEUP(pal_loop_step(loop, 0)));
    CU_ASSERT_EQUAL(n, 1);
    TEST_OK(pal_job_wait(job, 0));
    pal_job_close(job);
    pal_loop_destroy(loop);
}

/* The members of a job go with its owner, whatever was under way. */
static void test_owner_dies(void)
{
    pal_process_t *owner, *members[3];
    pal_command_t *command = child_command("owner", NULL);
    pal_handle_t output;
    int round, i, n;

    TEST_OK(pal_command_stdio_set(command, 1, PAL_STDIO_PIPE));
    for (round = 0; round < N_ROUNDS; round++) {
        apr_size_t len;
        char byte;

        TEST_OK(pal_process_start(&owner, command));
        TEST_OK(pal_process_pipe_take(owner, 1, &output));
        n = round % 4;
        for (i = 0; i < n; i++)
            members[i] = read_member(output);
        CU_ASSERT(
            APR_STATUS_IS_TIMEUP(pal_process_wait(owner, round / 4 * STEP)));
        TEST_OK(pal_process_kill(owner));
        TEST_OK(pal_process_wait(owner, LIMIT));
        for (i = 0; i < n; i++) {
            TEST_OK(pal_process_wait(members[i], LIMIT));
            pal_process_close(&members[i]);
        }
        /* Nobody has the pipe any more: no member that was not yet told. */
        do {
            TEST_OK(pal_file_read(output, &byte, 1, &len));
        } while (len > 0);
        pal_handle_close(&output);
        pal_process_close(&owner);
    }
}

static void run_found(pal_command_t *command)
{
    int code;

    TEST_OK(pal_command_arg_add(command, "child"));
    TEST_OK(pal_command_env_set(
        command, "PATH",
        apr_pstrcat(test_pool(), "c:\\none;;", test_dir(), NULL)));
    (void)run(command, &code);
    CU_ASSERT_EQUAL(code, 7);
}

static apr_status_t search_status(const char *name)
{
    pal_command_t *command;
    pal_process_t *process;

    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_search_set(command, name));
    TEST_OK(pal_command_env_set(command, "PATH", test_dir()));
    return pal_process_start(&process, command);
}

/* By its name with or without the suffix in the folders of the child's PATH,
 * and by a handle. */
static void test_program(void)
{
    static const char *const names[] = {"found", "found.exe", "FOUND"};
    const char *folder = test_dir(), *self;
    pal_command_t *command;
    pal_handle_t program;
    int i;

    TEST_OK(pal_self_path(&self, test_pool()));
    TEST_OK(apr_file_copy(self,
                          apr_pstrcat(test_pool(), folder, "/found.exe", NULL),
                          APR_FPROT_OS_DEFAULT, test_pool()));
    TEST_OK(apr_file_copy(self,
                          apr_pstrcat(test_pool(), folder, "/batch.bat", NULL),
                          APR_FPROT_OS_DEFAULT, test_pool()));
    for (i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
        TEST_OK(pal_command_create(&command, test_pool()));
        TEST_OK(pal_command_search_set(command, names[i]));
        run_found(command);
    }
    CU_ASSERT(APR_STATUS_IS_ENOENT(search_status("none")));
    CU_ASSERT(APR_STATUS_IS_ENOENT(search_status("")));
    CU_ASSERT_EQUAL(search_status("batch.bat"), ENOEXEC);
    CU_ASSERT_EQUAL(search_status("batch.BAT. "), ENOEXEC);
    TEST_OK(pal_self_handle(&program));
    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_program_handle_set(command, program));
    run_found(command);
    pal_handle_close(&program);
}

/* What a child learns of itself. */
static void test_self(void)
{
    pal_command_t *command = child_command("argv0", NULL);
    int code;

    TEST_OK(pal_command_argv0_set(command, "a b"));
    CU_ASSERT_STRING_EQUAL(run(command, &code), "a b\n");
    TEST_OK(pal_command_argv0_set(command, "\xc3\xa4"));
    CU_ASSERT_STRING_EQUAL(run(command, &code), "\xc3\xa4\n");
    CU_ASSERT_STRING_EQUAL(run(child_command("parent", NULL), &code),
                           apr_psprintf(test_pool(), "%d\n%d\n",
                                        (int)GetCurrentProcessId(),
                                        (int)GetCurrentProcessId()));
    CU_ASSERT_STRING_EQUAL(run(child_command("exit", NULL), &code), "");
    CU_ASSERT_EQUAL(code, 9);
}

/* That files are not closed is what holding them strictly says. */
static void test_confined(void)
{
    pal_confine_t *confine;
    int code;

    CU_ASSERT_STRING_EQUAL(run(child_command("confined", NULL), &code),
                           "applied 0\nheld 1 0 1\nnone left\n");
    TEST_OK(pal_confine_create(&confine, test_pool()));
    TEST_OK(
        pal_confine_layer_set(confine, PAL_CONFINE_FILES, PAL_CONFINE_STRICT));
    CU_ASSERT(APR_STATUS_IS_ENOTIMPL(pal_confine_apply(confine)));
    CU_ASSERT_FALSE(pal_confine_offers(PAL_CONFINE_FILES));
    CU_ASSERT_FALSE(pal_confine_held(confine, PAL_CONFINE_NO_NEW_PRIVS));
}

/* What the calls do to a child is not to be seen under Wine. */
static void test_sandbox(void)
{
    pal_command_t *command = child_command("args", NULL);
    int code;

    TEST_OK(pal_command_no_new_privs_set(command, 1));
    TEST_OK(pal_command_limit_set(command, PAL_LIMIT_MEMORY, 256 << 20));
    TEST_OK(pal_command_windows_set(command, PAL_WINDOWS_LOW_INTEGRITY
                                                 | PAL_WINDOWS_NO_CHILDREN
                                                 | PAL_WINDOWS_MITIGATIONS));
    (void)run(command, &code);
    CU_ASSERT_EQUAL(code, 7);
    CU_ASSERT_EQUAL(pal_command_windows_set(command, 64), APR_EINVAL);
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {{"arguments", test_arguments},
                                        {"environment", test_environment},
                                        {"refusals", test_refusals},
                                        {"handles", test_handles},
                                        {"threads", test_threads},
                                        {"kill", test_kill},
                                        {"job", test_job},
                                        {"job_watch", test_job_watch},
                                        {"owner_dies", test_owner_dies},
                                        {"program", test_program},
                                        {"self", test_self},
                                        {"confined", test_confined},
                                        {"sandbox", test_sandbox},
                                        {NULL, NULL}};

    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return run_child(argc, argv);
    return test_main(argc, argv, "win32_process", cases);
}
