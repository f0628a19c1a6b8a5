#include "config.h"

#include "launch.h"
#include "pal_compiler.h"
#include "unix/plant.h"

#include "harness.h"

#include <pal/pal.h>

#include <apr_general.h>
#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Random launches from eight threads, while others open descriptors that a
 * careless exec would pass on, and signals rain on all: the table of each
 * child is exactly as asked for. The storm runs in a process of its own
 * ("race N PLANT"), with faults planted in the copies of table_linux.c and
 * spawn_linux.c that this program is linked with, to see that they show; one
 * storm may pass a fault by, or be broken by it before it sees anything, so
 * there are more until one has seen it. Children ("report N") write their
 * tables to descriptor N. */

#define N_LAUNCHERS 8
#define N_OPENERS 2
#define N_SOURCES 6
#define MOST_SLOTS 24
#define MOST_STORMS 50
#define HANG (5 * APR_USEC_PER_SEC) /* some go into what a case may take */
#define SEEN 3                      /* the exit code of no sanitizer */

pal__plant_t pal__plant = PLANT_NONE;

/* What a child has at one number. */
typedef struct slot_t {
    int number;
    unsigned int mode;
    unsigned long long device, inode;
} slot_t;

typedef struct table_t {
    slot_t slots[MOST_SLOTS];
    int n;
} table_t;

static pal__atomic64_t stop;
static pid_t race_pid;
static volatile sig_atomic_t n_foreign;

static void add_slot(table_t *table, int number, int fd)
{
    slot_t *slot = &table->slots[table->n];
    struct stat info;

    if (table->n == MOST_SLOTS || fstat(fd, &info) != 0)
        return;
    memset(slot, 0, sizeof(*slot)); /* compared as bytes */
    slot->number = number;
    slot->mode = info.st_mode;
    slot->device = info.st_dev;
    slot->inode = info.st_ino;
    table->n++;
}

static int by_number(const void *left, const void *right)
{
    return ((const slot_t *)left)->number - ((const slot_t *)right)->number;
}

static void sort_table(table_t *table)
{
    qsort(table->slots, (size_t)table->n, sizeof(*table->slots), by_number);
}

static int run_report(int number)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    table_t table;

    memset(&table, 0, sizeof(table));
    if (folder == NULL)
        return 1;
    while ((entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder))
            add_slot(&table, atoi(entry->d_name), atoi(entry->d_name));
    closedir(folder);
    sort_table(&table);
    return write(number, &table, sizeof(table)) != sizeof(table);
}

/* Something is wrong. The others may wait for what they have lost by it, and
 * are not waited for. */
static void tell_wrong(void)
{
    _exit(SEEN);
}

typedef struct launcher_t {
    pthread_t thread;
    unsigned int seed;
    int n;
    int sources[N_SOURCES];
} launcher_t;

static int random_below(launcher_t *launcher, int n)
{
    return (int)((unsigned int)rand_r(&launcher->seed) % (unsigned int)n);
}

/* A number in the child: stdio, one of its launcher's own, near or far. */
static int random_number(launcher_t *launcher)
{
    switch (random_below(launcher, 4)) {
    case 0:
        return random_below(launcher, 3);
    case 1:
        return launcher->sources[random_below(launcher, N_SOURCES)];
    case 2:
        return 3 + random_below(launcher, 60);
    default:
        return 500 + random_below(launcher, 300);
    }
}

/* Give `from` to the child, unless its number has something already. */
static int give(pal_command_t *command, table_t *table, int from, int number)
{
    int i;

    for (i = 0; i < table->n; i++)
        if (table->slots[i].number == number)
            return 0;
    add_slot(table, number, from);
    return pal_command_handle_add(command, from, number) == APR_SUCCESS;
}

static void give_some(launcher_t *launcher, pal_command_t *command,
                      table_t *table)
{
    const int *sources = launcher->sources;
    int a = random_below(launcher, N_SOURCES);
    int b = random_below(launcher, N_SOURCES);
    int i, n = random_below(launcher, 6);

    if (random_below(launcher, 2) && a != b) { /* a swap */
        (void)give(command, table, sources[a], sources[b]);
        (void)give(command, table, sources[b], sources[a]);
    }
    for (i = 0; i < n; i++)
        (void)give(command, table, sources[random_below(launcher, N_SOURCES)],
                   random_number(launcher));
}

/* One of stdio that nothing was given for. */
static void choose_stdio(launcher_t *launcher, pal_command_t *command,
                         table_t *table, int number, int null_fd)
{
    int i, n = table->n;

    for (i = 0; i < n; i++)
        if (table->slots[i].number == number)
            return;
    switch (random_below(launcher, number == 2 ? 4 : 3)) {
    case 0:
        add_slot(table, number, number);
        break;
    case 1:
        (void)pal_command_stdio_set(command, number, PAL_STDIO_NULL);
        add_slot(table, number, null_fd);
        break;
    case 2:
        (void)pal_command_stdio_set(command, number, PAL_STDIO_CLOSED);
        break;
    default:
        (void)pal_command_stdio_set(command, number, PAL_STDIO_STDOUT);
        for (i = 0; i < n; i++)
            if (table->slots[i].number == 1) {
                table->slots[n] = table->slots[i];
                table->slots[n].number = number;
                table->n++;
            }
    }
}

/* What a child tells. It rains signals here, too. */
static int read_table(int from, table_t *told)
{
    ssize_t n;

    do {
        n = read(from, told, sizeof(*told));
    } while (n < 0 && errno == EINTR);
    return n == sizeof(*told);
}

/* A launch with a random table; whether the child had that one. */
static int launch_one(launcher_t *launcher, apr_pool_t *pool, int null_fd)
{
    pal_handle_t ends[2] = {PAL_HANDLE_NONE, PAL_HANDLE_NONE};
    pal_process_t *process = NULL;
    int report, i, is_right = 0;
    pal_command_t *command;
    table_t table, told;

    memset(&table, 0, sizeof(table));
    memset(&told, 0, sizeof(told));
    if (pal_command_create(&command, pool) != APR_SUCCESS
        || pal_handle_pipe(ends) != APR_SUCCESS)
        return 0;
    give_some(launcher, command, &table);
    do {
        report = random_number(launcher);
    } while (report < 3 || !give(command, &table, (int)ends[1], report)
             || table.slots[table.n - 1].number != report);
    for (i = 0; i < 3; i++)
        choose_stdio(launcher, command, &table, i, null_fd);
    (void)pal_command_die_with_parent_set(command, random_below(launcher, 2));
    if (pal_command_self_set(command) == APR_SUCCESS
        && pal_command_arg_add(command, "report") == APR_SUCCESS
        && pal_command_arg_add(command, apr_itoa(pool, report)) == APR_SUCCESS
        && pal_process_start(&process, command) == APR_SUCCESS) {
        pal_handle_close(&ends[1]);
        sort_table(&table);
        is_right = read_table((int)ends[0], &told)
                   && memcmp(&told, &table, sizeof(told)) == 0
                   && pal_process_wait(process, -1) == APR_SUCCESS
                   && pal_process_exit_code(process) == 0;
    }
    pal_process_close(&process);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    return is_right;
}

static void *launch_many(void *arg)
{
    launcher_t *launcher = arg;
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC), i, ends[2];
    apr_pool_t *pool;

    /* Near and far, private and not. */
    for (i = 0; i < N_SOURCES; i += 2) {
        if (pipe2(ends, i == 0 ? O_CLOEXEC : 0) != 0)
            tell_wrong();
        launcher->sources[i] = ends[0];
        launcher->sources[i + 1] = fcntl(ends[1], F_DUPFD, i * 160);
        close(ends[1]);
    }
    for (i = 0; i < launcher->n; i++) {
        apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
        if (!launch_one(launcher, pool, null_fd))
            tell_wrong();
        apr_pool_destroy(pool);
    }
    return NULL;
}

/* Descriptors stay, or come and go everywhere, and none is ever disturbed. */
static void *open_many(void *arg)
{
    int stays = open("/dev/null", O_RDONLY), low, high;

    while (pal__atomic64_get(&stop) == 0) {
        low = open("/dev/null", O_RDONLY);
        high = fcntl(low, F_DUPFD, 300);
        if (low < 0 || high < 0 || fcntl(low, F_GETFD) != 0
            || fcntl(high, F_GETFD) != 0 || fcntl(stays, F_GETFD) != 0
            || close(low) != 0 || close(high) != 0 || n_foreign != 0)
            tell_wrong();
    }
    return arg;
}

/* In a child, in our memory, no handler of ours may run. */
static void on_urgent(int number)
{
    (void)number;
    if (syscall(SYS_getpid) != race_pid)
        n_foreign = 1;
}

static void *rain_signals(void *arg)
{
    while (pal__atomic64_get(&stop) == 0)
        kill(0, SIGURG);
    return arg;
}

/* Returns 0 if all children and this process are as they should be, or ends
 * in tell_wrong. */
static int run_race(int n)
{
    int strange = open("/dev/null", O_RDONLY), i;
    pthread_t openers[N_OPENERS], rain;
    launcher_t launchers[N_LAUNCHERS];

    setpgid(0, 0);
    race_pid = getpid();
    signal(SIGURG, on_urgent);
    for (i = 20; i < 900; i += 110) /* between the numbers, and above */
        (void)fcntl(strange, F_DUPFD, i);
    pthread_create(&rain, NULL, rain_signals, NULL);
    for (i = 0; i < N_OPENERS; i++)
        pthread_create(&openers[i], NULL, open_many, NULL);
    for (i = 0; i < N_LAUNCHERS; i++) {
        memset(&launchers[i], 0, sizeof(*launchers));
        launchers[i].n = n / N_LAUNCHERS + 1;
        launchers[i].seed = (unsigned int)(i + 1);
        pthread_create(&launchers[i].thread, NULL, launch_many, &launchers[i]);
    }
    for (i = 0; i < N_LAUNCHERS; i++)
        pthread_join(launchers[i].thread, NULL);
    pal__atomic64_set(&stop, 1);
    for (i = 0; i < N_OPENERS; i++)
        pthread_join(openers[i], NULL);
    pthread_join(rain, NULL);
    if (n_foreign != 0)
        tell_wrong();
    return 0;
}

/* Run the storm with one fault. Returns its exit code; -1 if it has not ended
 * by itself, and so tells nothing. */
static int run_storm(pal__plant_t plant)
{
    pal_command_t *command;
    pal_process_t *process;
    int code;

    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_self_set(command));
    TEST_OK(pal_command_arg_add(command, "race"));
    TEST_OK(
        pal_command_arg_add(command, apr_itoa(test_pool(), test_scale(1000))));
    TEST_OK(pal_command_arg_add(command, apr_itoa(test_pool(), (int)plant)));
    if (plant != PLANT_NONE) { /* which may make it say anything */
        TEST_OK(pal_command_stdio_set(command, 1, PAL_STDIO_NULL));
        TEST_OK(pal_command_stdio_set(command, 2, PAL_STDIO_NULL));
        TEST_OK(pal_command_limit_set(command, PAL_LIMIT_CORE, 0));
    }
    TEST_OK(pal_process_start(&process, command));
    if (pal_process_wait(process, plant == PLANT_NONE ? -1 : HANG)
        != APR_SUCCESS) {
        kill(-(pid_t)pal_process_pid(process), SIGKILL);
        pal_process_kill(process);
        TEST_OK(pal_process_wait(process, -1));
    }
    code = pal_process_exit_signal(process) == 0
               ? pal_process_exit_code(process)
               : -1;
    pal_process_close(&process);
    return code;
}

/* Does a storm see the fault? */
static int is_seen(pal__plant_t plant)
{
    int i;

    for (i = 0; i < MOST_STORMS; i++)
        if (run_storm(plant) == SEEN)
            return 1;
    return 0;
}

static void tables_are_exact(void)
{
    CU_ASSERT_EQUAL(run_storm(PLANT_NONE), 0);
}

/* Where there is no shared table, some faults cannot be had. */
static int shares_table(void)
{
    return test_is_native() && !test_in_valgrind()
           && syscall(SYS_close_range, 1u, 0u, 0u) != 0 && errno == EINVAL;
}

static void missing_cut_is_seen(void)
{
    CU_ASSERT_TRUE(!shares_table() || is_seen(PLANT_NO_CUT));
}

static void open_rest_is_seen(void)
{
    CU_ASSERT_TRUE(is_seen(PLANT_OPEN_REST));
}

static void open_gaps_are_seen(void)
{
    CU_ASSERT_TRUE(is_seen(PLANT_OPEN_GAPS));
}

/* ThreadSanitizer holds handlers back until it is safe to call them. */
#ifdef __SANITIZE_THREAD__
#    define CALLS_HANDLERS_AT_ONCE 0
#else
#    define CALLS_HANDLERS_AT_ONCE 1
#endif

static void let_in_signals_are_seen(void)
{
    CU_ASSERT_TRUE(!CALLS_HANDLERS_AT_ONCE || !shares_table()
                   || is_seen(PLANT_SIGNALS));
}

static const test_case_t cases[] = {
    {"tables_are_exact", tables_are_exact},
    {"missing_cut_is_seen", missing_cut_is_seen},
    {"open_rest_is_seen", open_rest_is_seen},
    {"open_gaps_are_seen", open_gaps_are_seen},
    {"let_in_signals_are_seen", let_in_signals_are_seen},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "report") == 0)
        return run_report(atoi(argv[2]));
    if (argc == 4 && strcmp(argv[1], "race") == 0) {
        pal__plant = (pal__plant_t)atoi(argv[3]);
        if (apr_initialize() != APR_SUCCESS)
            return 2;
        return run_race(atoi(argv[2]));
    }
    return test_main(argc, argv, "pal race", cases);
}
