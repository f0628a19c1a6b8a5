#include "config.h"

#include "report.h"

#include "escape.h"

#include <mesh/status.h>

#include <pal/self.h>

#include <apr_errno.h>
#include <apr_file_io.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <apr_time.h>

#include <inttypes.h>
#include <stdio.h>

struct report_t {
    int json;
    int is_terminal; /* stderr */
    int is_prompt;   /* stdout is one too: flush every line */
    int has_bar;     /* one is on the screen */
    int is_broken;   /* stdout, or the run itself */
    apr_time_t started;
    apr_uint64_t n_documents;
    apr_uint64_t n_malformed;
    apr_uint64_t n_failed;
    apr_uint64_t bytes;
    apr_pool_t *scratch; /* cleared with every document */
};

static int is_terminal(apr_file_t *file)
{
    apr_os_file_t handle;

    return apr_os_file_get(&handle, file) == APR_SUCCESS
           && pal_self_is_terminal((pal_handle_t)handle);
}

apr_status_t report_create(report_t **ret_report, int json, apr_pool_t *pool)
{
    report_t *report = apr_pcalloc(pool, sizeof(*report));
    apr_status_t rv = apr_pool_create(&report->scratch, pool);
    apr_file_t *file;

    if (rv != APR_SUCCESS)
        return rv;
    report->json = json;
    report->is_terminal =
        apr_file_open_stderr(&file, pool) == APR_SUCCESS && is_terminal(file);
    report->is_prompt =
        apr_file_open_stdout(&file, pool) == APR_SUCCESS && is_terminal(file);
    report->started = apr_time_now();
    *ret_report = report;
    return APR_SUCCESS;
}

static void clear_bar(report_t *report)
{
    if (report->has_bar)
        fputs("\r\x1b[K", stderr);
    report->has_bar = 0;
}

void report_trouble(report_t *report, const char *what, apr_status_t status)
{
    char text[120];

    clear_bar(report);
    report->is_broken = 1;
    if (status == APR_SUCCESS)
        fprintf(stderr, "meshdemo: %s\n", what);
    else
        fprintf(stderr, "meshdemo: %s: %s\n", what,
                mesh_status_text(status, text, sizeof(text)));
}

void report_note(report_t *report, const char *text)
{
    clear_bar(report);
    fprintf(stderr, "meshdemo: %s\n", text);
}

void report_worker_line(report_t *report, const char *line)
{
    apr_pool_clear(report->scratch);
    clear_bar(report);
    fprintf(stderr, "meshdemo: worker: %s\n",
            escape_text(line, report->scratch));
}

static int print_json(report_t *report, const document_t *document)
{
    const verdict_t *verdict = &document->verdict;
    int is_escaped;
    const char *path =
        escape_json(document->path, &is_escaped, report->scratch);
    const char *mark = is_escaped ? ",\"path_escaped\":true" : "";

    if (verdict->kind == VERDICT_FAILED)
        return printf(
            "{\"path\":%s%s,\"failed\":%s}\n", path, mark,
            escape_json(document->why, &is_escaped, report->scratch));
    if (verdict->kind == VERDICT_WELL_FORMED)
        return printf("{\"path\":%s%s,\"well_formed\":true,\"line\":null,"
                      "\"column\":null,\"message\":null,"
                      "\"elements\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n",
                      path, mark, verdict->elements, verdict->bytes);
    return printf("{\"path\":%s%s,\"well_formed\":false,"
                  "\"line\":%" PRIu64 ",\"column\":%" PRIu64 ",\"message\":%s,"
                  "\"elements\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n",
                  path, mark, verdict->line, verdict->column,
                  escape_json(check_error_text(verdict->xml_error),
                              &is_escaped, report->scratch),
                  verdict->elements, verdict->bytes);
}

static int print_text(report_t *report, const document_t *document)
{
    const verdict_t *verdict = &document->verdict;
    const char *path;

    if (verdict->kind == VERDICT_WELL_FORMED)
        return 0;
    path = escape_text(document->path, report->scratch);
    clear_bar(report);
    if (verdict->kind == VERDICT_FAILED) {
        fprintf(stderr, "%s: %s\n", path, document->why);
        return 0;
    }
    return printf("%s:%" PRIu64 ":%" PRIu64 ": %s\n", path, verdict->line,
                  verdict->column, check_error_text(verdict->xml_error));
}

/* stdout is of no use any more. Returns why. */
static apr_status_t give_up(report_t *report)
{
    apr_status_t rv = apr_get_os_error();

    report_trouble(report, "stdout", rv);
    return rv != APR_SUCCESS ? rv : APR_EGENERAL;
}

apr_status_t report_document(report_t *report, const document_t *document)
{
    int rc;

    apr_pool_clear(report->scratch);
    report->n_documents++;
    report->bytes += document->verdict.bytes;
    if (document->verdict.kind == VERDICT_MALFORMED)
        report->n_malformed++;
    if (document->verdict.kind == VERDICT_FAILED)
        report->n_failed++;
    if (report->json) {
        clear_bar(report);
        rc = print_json(report, document);
    }
    else {
        rc = print_text(report, document);
    }
    if (rc < 0 || (rc > 0 && report->is_prompt && fflush(stdout) != 0))
        return give_up(report);
    return APR_SUCCESS;
}

int report_shows_progress(report_t *report)
{
    return report->is_terminal;
}

void report_progress(report_t *report, int n_workers)
{
    apr_interval_time_t elapsed = apr_time_now() - report->started;
    double mb_per_s = elapsed > 0 ? (double)report->bytes / (double)elapsed
                                  : 0.0; /* bytes a microsecond */

    fprintf(stderr, "\r%" PRIu64 " documents, %.1f MB/s, %d workers\x1b[K",
            report->n_documents, mb_per_s, n_workers);
    report->has_bar = 1;
}

int report_end(report_t *report)
{
    if (!report->is_broken && fflush(stdout) != 0)
        (void)give_up(report);
    clear_bar(report);
    fprintf(stderr,
            "%" PRIu64 " documents, %" PRIu64 " malformed, %" PRIu64
            " failed\n",
            report->n_documents, report->n_malformed, report->n_failed);
    if (report->n_failed > 0 || report->is_broken)
        return 2;
    return report->n_malformed > 0 ? 1 : 0;
}
