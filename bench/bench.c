#include "config.h"

#include "bench.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROUNDS 99

typedef struct stage_t {
    pid_t pid;
    int ask, answer; /* pipes */
} stage_t;

/* To a stage, which is a fork of this process: the same addresses. */
typedef struct question_t {
    void (*fn)(const void *baton, double *ret_samples, int n);
    const void *baton;
    int n;
} question_t;

typedef struct samples_t {
    double values[MAX_ROUNDS * BENCH_MAX_SAMPLES];
    int n;
} samples_t;

static struct {
    stage_t stages[BENCH_MAX_STAGES];
    samples_t samples[BENCH_MAX_WAYS];
    int n_rounds;
    char **groups;  /* NULL: all */
    FILE *out;      /* or NULL */
    cpu_set_t cpus; /* that were given */
} bench;

void bench_check(int holds, const char *what, const char *file, int line)
{
    if (holds)
        return;
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, strerror(errno));
    _exit(1);
}

double bench_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

void bench_place(bench_place_t place)
{
    cpu_set_t cpus;
    int n_before = place == BENCH_SECOND;
    int cpu = 0;

    if (place == BENCH_ANYWHERE) {
        cpus = bench.cpus;
    }
    else {
        BENCH_CHECK(n_before < bench_n_cpus());
        for (;; cpu++) {
            if (CPU_ISSET(cpu, &bench.cpus) && n_before-- == 0)
                break;
        }
        CPU_ZERO(&cpus);
        CPU_SET(cpu, &cpus);
    }
    BENCH_CHECK(sched_setaffinity(0, sizeof(cpus), &cpus) == 0);
}

int bench_n_cpus(void)
{
    return CPU_COUNT(&bench.cpus);
}

void bench_start(int argc, char **argv)
{
    const char *rounds = getenv("ROUNDS");

    bench.n_rounds = rounds != NULL ? atoi(rounds) : 9;
    BENCH_CHECK(bench.n_rounds >= 1 && bench.n_rounds <= MAX_ROUNDS);
    argv++;
    if (argc > 2 && strcmp(argv[0], "-o") == 0) {
        bench.out = fopen(argv[1], "we");
        BENCH_CHECK(bench.out);
        argv += 2;
    }
    bench.groups = *argv != NULL ? argv : NULL;
    BENCH_CHECK(sched_getaffinity(0, sizeof(bench.cpus), &bench.cpus) == 0);
    bench_place(BENCH_FIRST);
}

/* All bytes or the end. */
static int read_all(int fd, void *buf, size_t len)
{
    char *at = buf;
    ssize_t n;

    for (; len > 0; at += n, len -= (size_t)n) {
        n = read(fd, at, len);
        if (n <= 0)
            return 0;
    }
    return 1;
}

static int write_all(int fd, const void *buf, size_t len)
{
    const char *at = buf;
    ssize_t n;

    for (; len > 0; at += n, len -= (size_t)n) {
        n = write(fd, at, len);
        if (n < 0)
            return 0;
    }
    return 1;
}

static void run_stage(int ask, int answer, void (*prepare)(void))
{
    static double samples[BENCH_MAX_SAMPLES];
    question_t question;

    if (prepare != NULL)
        prepare();
    while (read_all(ask, &question, sizeof(question))) {
        question.fn(question.baton, samples, question.n);
        BENCH_CHECK(
            write_all(answer, samples, (size_t)question.n * sizeof(*samples)));
    }
}

void bench_stage_start(int stage, void (*prepare)(void))
{
    stage_t *starting = &bench.stages[stage];
    int asks[2], answers[2];

    BENCH_CHECK(pipe2(asks, O_CLOEXEC) == 0);
    BENCH_CHECK(pipe2(answers, O_CLOEXEC) == 0);
    starting->pid = fork();
    BENCH_CHECK(starting->pid >= 0);
    if (starting->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)close(asks[1]);
        run_stage(asks[0], answers[1], prepare);
        _exit(0);
    }
    (void)close(asks[0]);
    (void)close(answers[1]);
    starting->ask = asks[1];
    starting->answer = answers[0];
}

static void measure(const bench_way_t *way, samples_t *samples)
{
    const stage_t *stage = &bench.stages[way->stage];
    question_t question;

    memset(&question, 0, sizeof(question));
    question.fn = way->fn;
    question.baton = way->baton;
    question.n = way->n_samples;
    BENCH_CHECK(write_all(stage->ask, &question, sizeof(question)));
    BENCH_CHECK(read_all(stage->answer, samples->values + samples->n,
                         (size_t)question.n * sizeof(double)));
    samples->n += question.n;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

/* Sorts them. */
static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof(*values), compare);
    return values[n / 2];
}

/* Of way i to the first: the median over the rounds. */
static double ratio_of(const bench_way_t *ways, int i, double *raw_medians)
{
    double ratios[MAX_ROUNDS], *values;
    int round;

    for (round = 0; round < bench.n_rounds; round++) {
        values = bench.samples[i].values + round * ways[i].n_samples;
        ratios[round] = median(values, ways[i].n_samples);
        if (i == 0)
            raw_medians[round] = ratios[round];
        ratios[round] /= raw_medians[round];
    }
    return median(ratios, bench.n_rounds);
}

static void report(const bench_way_t *way, const char *unit, double value,
                   double raw, double ratio)
{
    printf("%-20s %-22s %10.2f %-4s %7.2f", way->row, way->way, value, unit,
           ratio);
    if (way->must > 0)
        printf("   <= %.2f %s", way->must,
               ratio <= way->must ? "ok" : "MISSED");
    putchar('\n');
    if (bench.out != NULL)
        fprintf(bench.out,
                "{\"row\": \"%s, %s\", \"unit\": \"%s\", \"value\": %.3f, "
                "\"raw\": %.3f, \"ratio\": %.3f}\n",
                way->row, way->way, unit, value, raw, ratio);
}

static int is_wanted(const char *group)
{
    char **name = bench.groups;

    if (name == NULL)
        return 1;
    while (*name != NULL && strcmp(*name, group) != 0)
        name++;
    return *name != NULL;
}

void bench_group(const char *group, const char *unit, const bench_way_t *ways,
                 int n_ways)
{
    double raw_medians[MAX_ROUNDS], raw = 0, value, ratio;
    int round, i;

    assert(n_ways <= BENCH_MAX_WAYS);
    if (!is_wanted(group))
        return;
    for (i = 0; i < n_ways; i++) {
        measure(&ways[i], &bench.samples[i]); /* to warm up */
        bench.samples[i].n = 0;
    }
    for (round = 0; round < bench.n_rounds; round++)
        for (i = 0; i < n_ways; i++)
            measure(&ways[i], &bench.samples[i]);
    printf("%-20s %-22s %10s %-4s %7s   goal\n", "row", "way", "median",
           "unit", "ratio");
    for (i = 0; i < n_ways; i++) {
        ratio = ratio_of(ways, i, raw_medians);
        value = median(bench.samples[i].values, bench.samples[i].n);
        if (i == 0)
            raw = value;
        report(&ways[i], unit, value, raw, ratio);
    }
    putchar('\n');
    (void)fflush(stdout);
}

int bench_finish(void)
{
    const stage_t *stage;
    int i, status, result = 0;

    /* The last one first: it holds the pipes of those before it. */
    for (i = BENCH_MAX_STAGES - 1; i >= 0; i--) {
        stage = &bench.stages[i];
        if (stage->pid == 0)
            continue;
        (void)close(stage->ask);
        (void)close(stage->answer);
        if (waitpid(stage->pid, &status, 0) < 0 || status != 0)
            result = 1;
    }
    if (bench.out != NULL && fclose(bench.out) != 0)
        result = 1;
    return result;
}
