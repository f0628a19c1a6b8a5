#include "config.h"

#include "complaints.h"

#include <pal/file.h>

struct complaints_t {
    report_t *report;
    pal_handle_t ends[2];
    pal_watch_t *watch;
    apr_size_t n_shown;
    apr_size_t len;
    char line[COMPLAINTS_MAX_LINE + 1];
};

static void end_line(complaints_t *complaints)
{
    complaints->line[complaints->len] = '\0';
    if (complaints->len > 0)
        report_worker_line(complaints->report, complaints->line);
    complaints->len = 0;
}

/* Read once. 0: the end, or it went wrong. */
static int read_some(complaints_t *complaints)
{
    char piece[4096];
    apr_size_t len;

    if (pal_file_read(complaints->ends[0], piece, sizeof(piece), &len)
            != APR_SUCCESS
        || len == 0)
        return 0;
    for (apr_size_t i = 0; i < len; i++) {
        if (complaints->n_shown == COMPLAINTS_MAX)
            return 1;
        if (++complaints->n_shown == COMPLAINTS_MAX) {
            end_line(complaints);
            report_worker_line(complaints->report, "(no more is shown)");
            return 1;
        }
        if (piece[i] != '\n' && piece[i] != '\0')
            complaints->line[complaints->len++] = piece[i];
        if (piece[i] == '\n' || complaints->len == COMPLAINTS_MAX_LINE)
            end_line(complaints);
    }
    return 1;
}

static void on_readable(void *baton, int events)
{
    complaints_t *complaints = baton;

    (void)events;
    if (!read_some(complaints))
        pal_watch_close(&complaints->watch);
}

apr_status_t complaints_create(complaints_t **ret_complaints, pal_loop_t *loop,
                               report_t *report, apr_pool_t *pool)
{
    complaints_t *complaints = apr_pcalloc(pool, sizeof(*complaints));
    apr_status_t rv = pal_handle_pipe(complaints->ends);

    if (rv != APR_SUCCESS)
        return rv;
    complaints->report = report;
    rv = pal_watch_create(&complaints->watch, loop, complaints->ends[0],
                          PAL_READABLE, on_readable, complaints);
    if (rv != APR_SUCCESS) {
        pal_handle_close(&complaints->ends[0]);
        pal_handle_close(&complaints->ends[1]);
        return rv;
    }
    *ret_complaints = complaints;
    return APR_SUCCESS;
}

pal_handle_t complaints_handle(complaints_t *complaints)
{
    return complaints->ends[1];
}

void complaints_unwatch(complaints_t *complaints)
{
    pal_watch_close(&complaints->watch);
}

void complaints_close(complaints_t *complaints)
{
    pal_handle_close(&complaints->ends[1]);
    while (read_some(complaints))
        continue;
    end_line(complaints);
    pal_handle_close(&complaints->ends[0]);
}
