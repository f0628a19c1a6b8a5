/* A document on its way from the walk to the report.
 *
 * Made by the walk's thread, handed over to the loop's thread. */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include "check.h"

#define DOCUMENT_WHY_LEN 160

typedef struct document_t {
    struct document_t *next;
    pal_handle_t file; /* open until there is a result */
    int n_attempts;    /* workers that were lost over it */
    int is_done;       /* `verdict` is the result */
    verdict_t verdict;
    char why[DOCUMENT_WHY_LEN]; /* for VERDICT_FAILED */
    char path[];                /* bytes, ends with 0 */
} document_t;

/* A new one without file. Out of memory ends the program (exit code 2): the
 * workers die with it. */
document_t *document_create(const char *path);
void document_destroy(document_t *document);

/* It has its result. */
void document_judge(document_t *document, const verdict_t *verdict);

/* It could not be checked, and why: a fixed text, and a status unless that is
 * APR_SUCCESS. */
void document_fail(document_t *document, const char *why, apr_status_t status);

#endif
