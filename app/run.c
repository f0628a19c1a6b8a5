/* Documents come from the walk, go to the workers, and are reported in the
 * order of the walk, all on one loop:
 *
 *   walk (its thread) -> queue -> pending list -> worker -> result
 *                                 report <- head of the list
 *
 * Back-pressure goes the same way round: nothing is taken from the walk while
 * no worker is ready or MAX_PENDING documents wait for an earlier one, and
 * the walk rests while its queue is full. */
#include "config.h"

#include "run.h"

#include "check.h"
#include "complaints.h"
#include "crew.h"
#include "document.h"
#include "report.h"
#include "walk.h"

#include <mesh/host.h>

#include <pal/loop.h>

/* Documents taken from the walk and not reported yet. */
#define MAX_PENDING 4096

/* Open documents beyond one for each worker. */
#define EXTRA_OPEN 16

#define PROGRESS_INTERVAL apr_time_from_msec(200)

/* For the workers' end, once they have nothing to do. */
#define END_TIMEOUT apr_time_from_sec(2)

typedef struct run_t {
    const options_t *options;
    report_t *report;
    mesh_hosts_t *hosts;
    pal_loop_t *loop;
    pal_wake_t *wake;   /* the walk has something */
    pal_timer_t *timer; /* for the progress */
    walk_t *walk;
    complaints_t *complaints;
    crew_t *crew; /* NULL with --in-process */
    int is_over;
    int is_broken; /* over before its time */
    int n_pending;
    document_t *first; /* pending, in order */
    document_t **last;
    document_t *next; /* of these the one to be given to a worker */
} run_t;

static void end(run_t *run, int is_broken)
{
    run->is_over = 1;
    run->is_broken = is_broken;
    pal_loop_stop(run->loop);
}

static void drop_first(run_t *run)
{
    document_t *document = run->first;

    run->first = document->next;
    if (!run->first)
        run->last = &run->first;
    run->n_pending--;
    walk_close_file(run->walk, document);
    document_destroy(document);
}

/* Report what is done and has its turn. 0: that went wrong. */
static int report_done(run_t *run)
{
    while (run->first && run->first->is_done) {
        if (report_document(run->report, run->first) != APR_SUCCESS) {
            end(run, 1);
            return 0;
        }
        drop_first(run);
    }
    return 1;
}

static int take_next(run_t *run)
{
    if (run->next)
        return 1;
    if (run->n_pending == MAX_PENDING)
        return 0;
    run->next = walk_take(run->walk);
    if (!run->next)
        return 0;
    *run->last = run->next;
    run->last = &run->next->next;
    run->n_pending++;
    return 1;
}

/* See to it that the next document gets its result. 0: not now. */
static int handle_next(run_t *run)
{
    document_t *document = run->next;
    verdict_t verdict;

    if (document->is_done)
        return 1;
    if (!run->crew) {
        check_file(document->file, &verdict);
        document_judge(document, &verdict);
        return 1;
    }
    if (crew_give(run->crew, document))
        return 1;
    crew_want(run->crew, 1 + walk_n_waiting(run->walk));
    if (!crew_given_up(run->crew))
        return 0;
    document_fail(document, crew_given_up(run->crew), APR_SUCCESS);
    return 1;
}

/* Do all that can be done now. */
static void pump(run_t *run)
{
    if (run->is_over || !report_done(run))
        return;
    while (take_next(run) && handle_next(run)) {
        run->next = NULL;
        if (!report_done(run))
            return;
        if (!run->crew) {
            /* One a turn, so that the progress gets its turns too. */
            pal_wake_signal(run->wake);
            return;
        }
    }
    if (!run->first && walk_is_done(run->walk))
        end(run, 0);
}

static void on_walk(void *baton)
{
    pump(baton);
}

static void on_crew(void *baton, document_t *document)
{
    run_t *run = baton;

    if (document)
        walk_close_file(run->walk, document);
    pump(run);
}

static void on_progress(void *baton)
{
    run_t *run = baton;

    report_progress(run->report, run->crew ? crew_n_workers(run->crew) : 0);
    (void)pal_timer_start(run->timer, PROGRESS_INTERVAL);
}

static apr_status_t start_crew(run_t *run, apr_pool_t *pool)
{
    apr_status_t rv =
        complaints_create(&run->complaints, run->loop, run->report, pool);

    if (rv != APR_SUCCESS)
        return rv;
    if (run->options->confine && !crew_confines(run->options))
        report_note(run->report, "workers are not confined: there is no "
                                 "filter of system calls here");
    return crew_create(&run->crew, run->hosts, run->options,
                       complaints_handle(run->complaints), on_crew, run, pool);
}

static apr_status_t start(run_t *run, apr_pool_t *pool)
{
    const options_t *options = run->options;
    apr_status_t rv = mesh_open(&run->hosts);

    if (rv != APR_SUCCESS)
        return rv;
    run->loop = mesh_node_loop(mesh_hosts_node(run->hosts));
    rv = pal_wake_create(&run->wake, run->loop, on_walk, run);
    if (rv == APR_SUCCESS)
        rv = pal_timer_create(&run->timer, run->loop, on_progress, run);
    if (rv == APR_SUCCESS && report_shows_progress(run->report))
        rv = pal_timer_start(run->timer, PROGRESS_INTERVAL);
    if (rv == APR_SUCCESS && !options->in_process)
        rv = start_crew(run, pool);
    if (rv == APR_SUCCESS)
        rv = walk_start(&run->walk, options->paths, options->n_paths,
                        options->n_jobs + EXTRA_OPEN, run->wake, pool);
    return rv;
}

/* From any point of start on, in the reverse order. */
static void finish(run_t *run)
{
    if (run->walk)
        walk_stop(run->walk);
    if (run->crew)
        crew_stop(run->crew, run->is_broken);
    while (run->first)
        drop_first(run);
    if (run->complaints)
        complaints_unwatch(run->complaints);
    pal_timer_close(&run->timer);
    pal_wake_close(&run->wake);
    if (run->hosts)
        (void)mesh_close(&run->hosts, END_TIMEOUT);
    if (run->complaints)
        complaints_close(run->complaints);
}

int run_check(const options_t *options, apr_pool_t *pool)
{
    run_t *run = apr_pcalloc(pool, sizeof(*run));
    apr_status_t rv;

    run->options = options;
    run->last = &run->first;
    rv = report_create(&run->report, options->json, pool);
    if (rv != APR_SUCCESS)
        return 2;
    rv = start(run, pool);
    if (rv == APR_SUCCESS)
        rv = pal_loop_run(run->loop);
    if (rv != APR_SUCCESS) {
        run->is_broken = 1;
        report_trouble(run->report, "cannot run", rv);
    }
    finish(run);
    return report_end(run->report);
}
