/* What workers write on stderr. They do not get the parent's: a worker taken
 * over by a document could write to the terminal. They get a pipe; its lines
 * come out escaped, and only so many.
 *
 * Life cycle: complaints_create; complaints_handle for each launch;
 * complaints_unwatch while the loop is still there; complaints_close once all
 * workers have ended. Threads: the loop's. */
#ifndef COMPLAINTS_H
#define COMPLAINTS_H

#include "report.h"

#include <pal/handle.h>
#include <pal/loop.h>

/* Bytes shown in all, and in one line. */
#define COMPLAINTS_MAX 65536
#define COMPLAINTS_MAX_LINE 400

typedef struct complaints_t complaints_t;

apr_status_t complaints_create(complaints_t **ret_complaints, pal_loop_t *loop,
                               report_t *report, apr_pool_t *pool);

/* The stderr of a worker. Stays the owner's. */
pal_handle_t complaints_handle(complaints_t *complaints);

void complaints_unwatch(complaints_t *complaints);

/* Show the rest, and close the pipe. */
void complaints_close(complaints_t *complaints);

#endif
