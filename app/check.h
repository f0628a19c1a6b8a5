/* Checking one document: is it well-formed XML?
 *
 * This is the code that touches untrusted bytes. It runs in the workers, or
 * with --in-process in the parent. Threads: any. */
#ifndef CHECK_H
#define CHECK_H

#include <apr.h>
#include <apr_errno.h>

#include <pal/handle.h>

typedef enum {
    VERDICT_WELL_FORMED,
    VERDICT_MALFORMED,
    VERDICT_FAILED /* could not be checked */
} verdict_kind_t;

typedef struct verdict_t {
    verdict_kind_t kind;
    int xml_error;       /* of expat; for MALFORMED, FAILED */
    apr_status_t status; /* for FAILED: reading went wrong, and why */
    apr_uint64_t line;   /* for MALFORMED: where, from 1 */
    apr_uint64_t column;
    apr_uint64_t elements; /* start tags seen */
    apr_uint64_t bytes;    /* bytes read */
} verdict_t;

/* Read `file` from its beginning, whatever its offset, and judge it. External
 * entities are not loaded. */
void check_file(pal_handle_t file, verdict_t *ret_verdict);

/* The parser's text for xml_error, or NULL if there is no such error. */
const char *check_error_text(int xml_error);

#endif
