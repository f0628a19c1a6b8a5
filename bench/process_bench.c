/* Starting, ending and holding processes: pal against the raw mechanism and
 * other libraries, all with the same tiny program. */
#include "config.h"

#include "bench.h"

#include <pal/pal.h>

#include <apr_general.h>
#include <apr_thread_proc.h>

#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef HAVE_LIBUV
#    include <uv.h>
#endif

#define N_ALIVE 1000
#define N_DESCRIPTORS 10000
#define N_TOUCHED ((size_t)1 << 30)

enum { SMALL, BIG }; /* stages */

typedef struct child_t {
    pid_t pid;
    pal_process_t *process;
    apr_pool_t *pool;
    apr_proc_t apr;
#ifdef HAVE_LIBUV
    uv_process_t uv;
#endif
    int has_ended;
} child_t;

/* A way to have children. `reap` returns when the status has been read. */
typedef struct method_t {
    void (*start)(child_t *child, int stays);
    void (*kill)(child_t *child);
    void (*reap)(child_t *child);
} method_t;

extern char **environ;

/* Of the stage. */
static const char *tiny;
static int told, heard; /* to and from the children that stay */
static apr_pool_t *pool;
static pal_loop_t *loop;
static pal_command_t *commands[2], *job_command;
static child_t children[N_ALIVE];
#ifdef HAVE_LIBUV
static uv_loop_t uv;
#endif

static char **arguments(int stays)
{
    static char *ends[2], *waits[3];

    ends[0] = waits[0] = (char *)tiny;
    waits[1] = (char *)"stay";
    return stays ? waits : ends;
}

/* ------------------------------------------------------------------------
 * Ways. */

static void raw_start(child_t *child, int stays)
{
    char **argv = arguments(stays);
    pid_t pid = vfork();

    if (pid == 0) {
        (void)execve(tiny, argv, environ);
        _exit(127);
    }
    BENCH_CHECK(pid > 0);
    child->pid = pid;
}

static void raw_kill(child_t *child)
{
    BENCH_CHECK(kill(child->pid, SIGKILL) == 0);
}

static void raw_reap(child_t *child)
{
    BENCH_CHECK(waitpid(child->pid, NULL, 0) == child->pid);
}

static void posix_start(child_t *child, int stays)
{
    BENCH_CHECK(
        posix_spawn(&child->pid, tiny, NULL, NULL, arguments(stays), environ)
        == 0);
}

static void apr_start(child_t *child, int stays)
{
    apr_procattr_t *attr;

    BENCH_CHECK(apr_pool_create(&child->pool, pool) == 0);
    BENCH_CHECK(apr_procattr_create(&attr, child->pool) == 0);
    BENCH_CHECK(apr_procattr_cmdtype_set(attr, APR_PROGRAM) == 0);
    BENCH_CHECK(apr_proc_create(
                    &child->apr, tiny, (const char *const *)arguments(stays),
                    (const char *const *)environ, attr, child->pool)
                == 0);
}

static void apr_kill(child_t *child)
{
    BENCH_CHECK(apr_proc_kill(&child->apr, SIGKILL) == 0);
}

static void apr_reap(child_t *child)
{
    BENCH_CHECK(APR_STATUS_IS_CHILD_DONE(
        apr_proc_wait(&child->apr, NULL, NULL, APR_WAIT)));
    apr_pool_destroy(child->pool);
}

static void pal_start(child_t *child, int stays)
{
    BENCH_CHECK(pal_process_start(&child->process, commands[stays]) == 0);
}

static void pal_kill(child_t *child)
{
    BENCH_CHECK(pal_process_kill(child->process) == 0);
}

static void pal_reap(child_t *child)
{
    BENCH_CHECK(pal_process_wait(child->process, -1) == 0);
    pal_process_close(&child->process);
}

static void job_start(child_t *child, int stays)
{
    (void)stays;
    BENCH_CHECK(pal_process_start(&child->process, job_command) == 0);
}

static void on_end(void *baton, pal_process_t *process)
{
    child_t *child = baton;

    (void)process;
    child->has_ended = 1;
}

static int has_ended(void *baton)
{
    return ((const child_t *)baton)->has_ended;
}

static void loop_start(child_t *child, int stays)
{
    child->has_ended = 0;
    pal_start(child, stays);
    BENCH_CHECK(pal_process_watch(child->process, loop, on_end, child) == 0);
}

static void loop_reap(child_t *child)
{
    BENCH_CHECK(pal_loop_run_until(loop, has_ended, child, -1) == 0);
    pal_process_close(&child->process);
}

static const method_t by_vfork = {raw_start, raw_kill, raw_reap};
static const method_t by_posix_spawn = {posix_start, raw_kill, raw_reap};
static const method_t by_apr = {apr_start, apr_kill, apr_reap};
static const method_t by_pal = {pal_start, pal_kill, pal_reap};
static const method_t by_pal_job = {job_start, pal_kill, pal_reap};
static const method_t by_pal_loop = {loop_start, pal_kill, loop_reap};

#ifdef HAVE_LIBUV

static void on_uv_end(uv_process_t *process, int64_t status, int number)
{
    child_t *child = process->data;

    (void)status;
    (void)number;
    child->has_ended = 1;
    uv_close((uv_handle_t *)process, NULL);
}

static void libuv_start(child_t *child, int stays)
{
    uv_process_options_t options;
    uv_stdio_container_t stdio[3];
    int i;

    for (i = 0; i < 3; i++) {
        stdio[i].flags = UV_INHERIT_FD;
        stdio[i].data.fd = i;
    }
    memset(&options, 0, sizeof(options));
    options.file = tiny;
    options.args = arguments(stays);
    options.stdio = stdio;
    options.stdio_count = 3;
    options.exit_cb = on_uv_end;
    child->has_ended = 0;
    child->uv.data = child;
    BENCH_CHECK(uv_spawn(&uv, &child->uv, &options) == 0);
}

static void libuv_kill(child_t *child)
{
    BENCH_CHECK(uv_process_kill(&child->uv, SIGKILL) == 0);
}

static void libuv_reap(child_t *child)
{
    while (!child->has_ended)
        (void)uv_run(&uv, UV_RUN_ONCE);
    (void)uv_run(&uv, UV_RUN_NOWAIT); /* forgets the process */
}

static const method_t by_libuv = {libuv_start, libuv_kill, libuv_reap};
#    define WITH_LIBUV(row, stage, n, fn)                                     \
        {row, "libuv", stage, 0, n, fn, &by_libuv},
#else
#    define WITH_LIBUV(row, stage, n, fn)
#endif

/* ------------------------------------------------------------------------
 * What is measured. */

/* From the call to the status. */
static void spawn(const void *baton, double *ret_samples, int n)
{
    const method_t *method = baton;
    child_t *child = children;
    double start;
    int i;

    for (i = 0; i < n; i++) {
        start = bench_now();
        method->start(child, 0);
        method->reap(child);
        ret_samples[i] = bench_now() - start;
    }
}

typedef struct call_t {
    const void *baton;
    double *samples;
    int n;
} call_t;

static void *run_call(void *arg)
{
    const call_t *call = arg;

    spawn(call->baton, call->samples, call->n);
    return NULL;
}

/* The same on another thread than the main one. */
static void spawn_on_thread(const void *baton, double *ret_samples, int n)
{
    pthread_t thread;
    call_t call;

    call.baton = baton;
    call.samples = ret_samples;
    call.n = n;
    BENCH_CHECK(pthread_create(&thread, NULL, run_call, &call) == 0);
    BENCH_CHECK(pthread_join(thread, NULL) == 0);
}

/* A child that stays, once it does. */
static void start_staying(const method_t *method, child_t *child)
{
    char byte;

    method->start(child, 1);
    BENCH_CHECK(read(heard, &byte, 1) == 1);
}

/* From telling the child to end to the status. */
static void end(const void *baton, double *ret_samples, int n)
{
    const method_t *method = baton;
    child_t *child = children;
    double start;
    int i;

    for (i = 0; i < n; i++) {
        start_staying(method, child);
        start = bench_now();
        BENCH_CHECK(write(told, "", 1) == 1);
        method->reap(child);
        ret_samples[i] = bench_now() - start;
    }
}

/* From killing the child to the status. */
static void end_by_kill(const void *baton, double *ret_samples, int n)
{
    const method_t *method = baton;
    child_t *child = children;
    double start;
    int i;

    for (i = 0; i < n; i++) {
        start_staying(method, child);
        start = bench_now();
        method->kill(child);
        method->reap(child);
        ret_samples[i] = bench_now() - start;
    }
}

/* Start many, kill them all, read every status; for each one. */
static void hold(const void *baton, double *ret_samples, int n)
{
    const method_t *method = baton;
    double start;
    int i, k;

    for (i = 0; i < n; i++) {
        start = bench_now();
        for (k = 0; k < N_ALIVE; k++)
            start_staying(method, &children[k]);
        for (k = 0; k < N_ALIVE; k++)
            method->kill(&children[k]);
        for (k = 0; k < N_ALIVE; k++)
            method->reap(&children[k]);
        ret_samples[i] = (bench_now() - start) / N_ALIVE;
    }
}

/* ------------------------------------------------------------------------
 * Stages. */

static void prepare_small(void)
{
    int in[2], out[2], stays;
    pal_job_t *job;

    BENCH_CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    BENCH_CHECK(dup2(in[0], 0) == 0 && dup2(out[1], 1) == 1);
    told = in[1];
    heard = out[0];
    BENCH_CHECK(pal_initialize() == 0);
    BENCH_CHECK(apr_pool_create(&pool, NULL) == 0);
    BENCH_CHECK(pal_loop_create(&loop, pool) == 0);
    for (stays = 0; stays < 2; stays++) {
        BENCH_CHECK(pal_command_create(&commands[stays], pool) == 0);
        BENCH_CHECK(pal_command_program_set(commands[stays], tiny) == 0);
    }
    BENCH_CHECK(pal_command_arg_add(commands[1], "stay") == 0);
    BENCH_CHECK(pal_job_create(&job, pool) == 0);
    BENCH_CHECK(pal_job_keeper_set(job, getenv("KEEPER")) == 0);
    BENCH_CHECK(pal_job_open(job) == 0);
    BENCH_CHECK(pal_command_copy(&job_command, commands[0], pool) == 0);
    BENCH_CHECK(pal_command_job_set(job_command, job) == 0);
#ifdef HAVE_LIBUV
    BENCH_CHECK(uv_loop_init(&uv) == 0);
#endif
}

static void prepare_big(void)
{
    struct rlimit limit = {2 * N_DESCRIPTORS, 2 * N_DESCRIPTORS};
    char *memory;
    int i;

    prepare_small();
    memory = mmap(NULL, N_TOUCHED, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    BENCH_CHECK(memory != MAP_FAILED);
    (void)madvise(memory, N_TOUCHED, MADV_NOHUGEPAGE);
    memset(memory, 1, N_TOUCHED);
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    for (i = 0; i < N_DESCRIPTORS; i++)
        BENCH_CHECK(fcntl(told, F_DUPFD_CLOEXEC, 3) >= 0);
}

/* The first of each group is what the others are compared with. */
static const bench_way_t spawn_ways[] = {
    {"spawn", "vfork, exec", SMALL, 0, 40, spawn, &by_vfork},
    {"spawn", "pal", SMALL, 1.15, 40, spawn, &by_pal},
    {"spawn", "pal, loop", SMALL, 1.15, 40, spawn, &by_pal_loop},
    {"spawn", "pal, job", SMALL, 1.15, 40, spawn, &by_pal_job},
    {"spawn", "posix_spawn", SMALL, 0, 40, spawn, &by_posix_spawn},
    {"spawn", "apr_proc_create", SMALL, 0, 40, spawn, &by_apr},
    WITH_LIBUV("spawn", SMALL, 40, spawn){"thread spawn", "pal", SMALL, 1.15,
                                          40, spawn_on_thread, &by_pal},
    {"thread spawn", "vfork, exec", SMALL, 0, 40, spawn_on_thread, &by_vfork},
    {"big spawn", "pal", BIG, 1.15, 40, spawn, &by_pal},
    {"big spawn", "pal, loop", BIG, 1.15, 40, spawn, &by_pal_loop},
    {"big spawn", "pal, job", BIG, 1.15, 40, spawn, &by_pal_job},
    {"big spawn", "vfork, exec", BIG, 0, 20, spawn, &by_vfork},
    {"big spawn", "posix_spawn", BIG, 0, 20, spawn, &by_posix_spawn},
    {"big spawn", "apr_proc_create", BIG, 0, 5, spawn, &by_apr},
    WITH_LIBUV("big spawn", BIG, 5, spawn)};

static const bench_way_t exit_ways[] = {
    {"exit", "waitpid", SMALL, 0, 40, end, &by_vfork},
    {"exit", "pal", SMALL, 0, 40, end, &by_pal},
    {"exit", "pal, loop", SMALL, 0, 40, end, &by_pal_loop},
    {"exit", "apr_proc_wait", SMALL, 0, 40, end, &by_apr},
    WITH_LIBUV("exit", SMALL, 40, end)};

static const bench_way_t kill_ways[] = {
    {"kill", "kill, waitpid", SMALL, 0, 40, end_by_kill, &by_vfork},
    {"kill", "pal", SMALL, 0, 40, end_by_kill, &by_pal},
    {"kill", "pal, loop", SMALL, 0, 40, end_by_kill, &by_pal_loop},
    {"kill", "apr_proc_kill", SMALL, 0, 40, end_by_kill, &by_apr},
    WITH_LIBUV("kill", SMALL, 40, end_by_kill)};

static const bench_way_t alive_ways[] = {
    {"1000 alive", "vfork, exec", SMALL, 0, 1, hold, &by_vfork},
    {"1000 alive", "pal", SMALL, 0, 1, hold, &by_pal},
    {"1000 alive", "pal, loop", SMALL, 0, 1, hold, &by_pal_loop},
    {"1000 alive", "posix_spawn", SMALL, 0, 1, hold, &by_posix_spawn},
    {"1000 alive", "apr_proc_create", SMALL, 0, 1, hold, &by_apr},
    WITH_LIBUV("1000 alive", SMALL, 1, hold)};

#define N_OF(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(int argc, char **argv)
{
    tiny = getenv("TINY");
    BENCH_CHECK(tiny);
    bench_start(argc, argv);
    bench_stage_start(SMALL, prepare_small);
    bench_stage_start(BIG, prepare_big);
    bench_group("spawn", "us", spawn_ways, N_OF(spawn_ways));
    bench_group("exit", "us", exit_ways, N_OF(exit_ways));
    bench_group("kill", "us", kill_ways, N_OF(kill_ways));
    bench_group("alive", "us", alive_ways, N_OF(alive_ways));
    return bench_finish();
}
