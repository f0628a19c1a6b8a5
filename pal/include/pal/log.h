/* One structured log hook.
 *
 * pal and mesh never print. An object that has something to report is given
 * a log, and calls its hook with a level, an area ("pal.process",
 * "mesh.host"), a fixed message and a list of fields. A NULL log is valid
 * everywhere and drops everything.
 *
 * Life cycle: pal_log_create; hand it to others; it dies with its pool, after
 * everything it was handed to.
 *
 * Threads: the hook may be called on any thread, also on several at once, and
 * with locks of the library held: it must not call back into mesh. */
#ifndef PAL_LOG_H
#define PAL_LOG_H

#include <apr_file_io.h>
#include <apr_pools.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    PAL_LOG_ERROR,
    PAL_LOG_WARNING,
    PAL_LOG_INFO,
    PAL_LOG_DEBUG
} pal_log_level_t;

/* A field: `text` if it is not NULL, else `number`. */
typedef struct pal_log_field_t {
    const char *key;
    const char *text;
    apr_int64_t number;
} pal_log_field_t;

typedef struct pal_log_event_t {
    pal_log_level_t level;
    const char *area;
    const char *message;
    const pal_log_field_t *fields;
    int n_fields;
} pal_log_event_t;

typedef void (*pal_log_fn_t)(void *baton, const pal_log_event_t *event);
typedef struct pal_log_t pal_log_t;

/* A log that passes events up to and including `level` to `fn`. */
apr_status_t pal_log_create(pal_log_t **ret_log, pal_log_level_t level,
                            pal_log_fn_t fn, void *baton, apr_pool_t *pool);

/* A log that writes one line an event to `file` (which outlives it):
 * `LEVEL AREA: MESSAGE key=value ...`, values quoted and escaped where they
 * are not plain. */
apr_status_t pal_log_create_text(pal_log_t **ret_log, pal_log_level_t level,
                                 apr_file_t *file, apr_pool_t *pool);

/* The same as one JSON object a line (RFC 8259):
 *   {"time":"2026-01-31T23:59:59.000001Z","level":"info","area":"mesh.host",
 *    "message":"host ended","fields":{"pid":42,"name":"worker"}}
 * The time is that of the system's clock at the call, in UTC. Lines are ASCII,
 * everything else in strings is escaped; a byte that is not UTF-8 becomes
 * U+FFFD. Lines are at most 2048 bytes: long strings end in "...", and where
 * fields had to be left out "truncated":true follows. Keys are passed on as
 * they are given, also twice. */
apr_status_t pal_log_create_json(pal_log_t **ret_log, pal_log_level_t level,
                                 apr_file_t *file, apr_pool_t *pool);

/* Pass one event on. Everything is borrowed for the call. */
void pal_log_write(pal_log_t *log, pal_log_level_t level, const char *area,
                   const char *message, const pal_log_field_t *fields,
                   int n_fields);

/* Would an event of this level be passed on? */
int pal_log_enabled(pal_log_t *log, pal_log_level_t level);

#ifdef __cplusplus
}
#endif
#endif
