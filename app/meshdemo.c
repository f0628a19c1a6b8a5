/* meshdemo: check untrusted XML documents in worker processes that can hurt
 * nothing. A small program that shows parent and child:
 *
 *   options.c     the command line
 *   run.c         the parent: from the walk to the workers to the report
 *   walk.c        finds and opens documents, on a thread
 *   crew.c        the workers as the parent sees them
 *   worker.c      the worker: its whole life
 *   check.c       what a worker does: the parser
 *   report.c      text, JSON, progress, summary; escape.c its file names
 *   complaints.c  what workers write on stderr */
#include "config.h"

#include "options.h"
#include "run.h"
#include "worker.h"

#include <mesh/host.h>

#include <pal/pal.h>

#include <apr_pools.h>
#include <apr_signal.h>

#include <stdio.h>

int main(int argc, char **argv)
{
    options_t options;
    apr_pool_t *pool;
    int code = 2;

    mesh_run_host_if_launched("meshdemo", worker_main, NULL);

#ifdef SIGPIPE
    /* Whoever reads stdout may go away: an error of writing, said as such. */
    (void)apr_signal(SIGPIPE, SIG_IGN);
#endif
    if (pal_initialize() != APR_SUCCESS
        || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        fputs("meshdemo: cannot start\n", stderr);
        return 2;
    }
    switch (options_read(&options, argc, (const char *const *)argv, pool)) {
    case OPTIONS_CHECK:
        code = run_check(&options, pool);
        break;
    case OPTIONS_DONE:
        code = 0;
        break;
    case OPTIONS_WRONG:
        break;
    }
    apr_pool_destroy(pool);
    pal_terminate();
    return code;
}
