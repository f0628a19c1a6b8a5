/* Measuring ways of doing one thing against each other.
 *
 * Absolute figures hold for one machine and one hour only. So the ways of one
 * group take turns, round by round; the median of each in a round is divided
 * by that of the raw mechanism in the same round, and what counts is the
 * median of these ratios. Everything runs pinned to one processor, which shows
 * the cost of the code and not that of waking another processor up, unless it
 * asks for another place.
 *
 * A measurement is made inside a stage: a process of its own that has been
 * prepared (much memory, many descriptors) and otherwise sleeps, so that
 * parents large and small can take turns too.
 *
 *   bench_start(argc, argv);
 *   bench_stage_start(0, prepare);    stages in the order of their numbers
 *   bench_group("spawn", "us", ways, n_ways);
 *   return bench_finish();
 *
 * Arguments: [-o FILE] [GROUP...]. FILE gets one JSON object a line, and only
 * the groups named are measured. Environment: ROUNDS. */
#ifndef BENCH_H
#define BENCH_H

#define BENCH_MAX_STAGES 4
#define BENCH_MAX_WAYS 32
#define BENCH_MAX_SAMPLES 256 /* of one way in one round */

typedef struct bench_way_t {
    const char *row; /* what is measured, */
    const char *way; /* and how it is done */
    int stage;
    double must; /* highest ratio to the first way of its group; 0: any */
    int n_samples;
    /* Measure n times. */
    void (*fn)(const void *baton, double *ret_samples, int n);
    const void *baton;
} bench_way_t;

void bench_start(int argc, char **argv);

/* Make a stage, which calls `prepare` first unless that is NULL. */
void bench_stage_start(int stage, void (*prepare)(void));

/* Measure ways[0..n_ways-1]; the first is the raw one. */
void bench_group(const char *group, const char *unit, const bench_way_t *ways,
                 int n_ways);

/* End the stages; returns the exit status. */
int bench_finish(void);

/* Where the calling thread runs: on the first or the second of the processors
 * that the program was given, or on any of them. */
typedef enum { BENCH_FIRST, BENCH_SECOND, BENCH_ANYWHERE } bench_place_t;
void bench_place(bench_place_t place);
int bench_n_cpus(void);

/* Microseconds of a steady clock. */
double bench_now(void);

/* End the program with a message if it is not so. */
#define BENCH_CHECK(what) bench_check((what) != 0, #what, __FILE__, __LINE__)
void bench_check(int holds, const char *what, const char *file, int line);

#endif
