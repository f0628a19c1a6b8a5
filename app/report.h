/* What people and programs get to see: results on stdout, as lines of text or
 * JSON; on stderr what failed (text only), the progress on a terminal, and
 * the summary.
 *
 * Life cycle: report_create; report_document for each, in order; report_end.
 * Threads: one. */
#ifndef REPORT_H
#define REPORT_H

#include "document.h"

#include <apr_pools.h>

typedef struct report_t report_t;

apr_status_t report_create(report_t **ret_report, int json, apr_pool_t *pool);

/* Print the result of one document.
 * Errors: stdout could not be written; that has been said on stderr. */
apr_status_t report_document(report_t *report, const document_t *document);

/* The run itself went wrong: a line on stderr, exit code 2. */
void report_trouble(report_t *report, const char *what, apr_status_t status);

/* Something to know about the run: a line on stderr. */
void report_note(report_t *report, const char *text);

/* What a worker had to say on its stderr: any bytes, one line. */
void report_worker_line(report_t *report, const char *line);

/* Is there a terminal for report_progress? */
int report_shows_progress(report_t *report);
void report_progress(report_t *report, int n_workers);

/* Clear the progress, print the summary. Returns the exit code of the
 * program. */
int report_end(report_t *report);

#endif
