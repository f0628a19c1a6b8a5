/* The workers, as the parent sees them: launched when there is work, given
 * one document at a time, replaced when they are lost.
 *
 *                 launch        ready         document      verdict
 *   OFF --------> STARTING ---> READY ------> BUSY -------> READY
 *    ^                |           |             |
 *    |    exit        v           v             v   port failed, time is up
 *    +-------------- LOST <-------+-------------+
 *
 * A document whose worker is lost stays with the worker's place and is tried
 * once more on the fresh worker launched there; then it has failed.
 *
 * Life cycle: crew_create; crew_give and crew_want as often as needed;
 * crew_stop. Threads: the loop's. */
#ifndef CREW_H
#define CREW_H

#include "document.h"
#include "options.h"

#include <apr_pools.h>

#include <mesh/host.h>

/* Launches in a row that may come to nothing before there are no more. Enough
 * for someone who kills workers while they start; few enough to end soon
 * where no worker can live. */
#define CREW_MAX_FAILURES 20

typedef struct crew_t crew_t;

/* Called with a document that has its result, or with NULL when a worker has
 * become ready or was lost. */
typedef void (*crew_fn_t)(void *baton, document_t *document);

/* Will workers be confined: is it wanted, and is there something for it here?
 */
int crew_confines(const options_t *options);

/* `errors` is the workers' stderr, borrowed. */
apr_status_t crew_create(crew_t **ret_crew, mesh_hosts_t *hosts,
                         const options_t *options, pal_handle_t errors,
                         crew_fn_t fn, void *baton, apr_pool_t *pool);

/* Give a document to a worker that is ready. 0: there is none now. The
 * document stays the caller's, who leaves it alone until it has its result;
 * if it could not be sent it has that at once, without a call of `fn`. */
int crew_give(crew_t *crew, document_t *document);

/* Have workers launched for `n_documents` that wait, as the limit allows. */
void crew_want(crew_t *crew, int n_documents);

int crew_n_workers(crew_t *crew);

/* NULL, or why there is no worker and will be none. */
const char *crew_given_up(crew_t *crew);

/* Let go of all workers, which then end; `fn` is not called any more. `now`:
 * kill them. */
void crew_stop(crew_t *crew, int now);

#endif
