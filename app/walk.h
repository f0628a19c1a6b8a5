/* The walk: finds and opens the documents, in order, on a thread that may
 * wait for a slow file system.
 *
 * Of each path given by name: a file is a document, of a folder all files
 * below whose names end like those of XML documents, entries sorted by their
 * bytes, a folder's content in its place. Symbolic links are followed in the
 * paths given, not below. What cannot be read comes as a document that
 * failed.
 *
 * The walk runs ahead of its taker by at most `max_open` documents, which is
 * also the most that are open at any time.
 *
 * Life cycle: walk_start; walk_take until walk_is_done; walk_stop, at any
 * time. Threads: all of it on one, that of the loop of `wake`. */
#ifndef WALK_H
#define WALK_H

#include "document.h"

#include <apr_pools.h>

#include <pal/loop.h>

/* Folders inside each other: each takes a descriptor while its content is
 * walked. */
#define WALK_MAX_DEPTH 200

typedef struct walk_t walk_t;

/* `wake` is signalled when there is something to take, and at the end. */
apr_status_t walk_start(walk_t **ret_walk, const char *const *paths,
                        int n_paths, int max_open, pal_wake_t *wake,
                        apr_pool_t *pool);

/* The next document, the caller's; NULL if none is there now. */
document_t *walk_take(walk_t *walk);

/* How many wait to be taken. */
int walk_n_waiting(walk_t *walk);

/* Has all been taken? */
int walk_is_done(walk_t *walk);

/* Close the file of a document that was taken: there is room for another. */
void walk_close_file(walk_t *walk, document_t *document);

/* End it, also half-way. */
void walk_stop(walk_t *walk);

#endif
