/* The command line of meshdemo. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <apr_pools.h>
#include <apr_time.h>

#define OPTIONS_MAX_JOBS 256

typedef struct options_t {
    int n_jobs;
    int json;
    int confine;
    int in_process;
    apr_interval_time_t timeout;
    apr_uint64_t memory; /* bytes */
    const char *const *paths;
    int n_paths;
} options_t;

typedef enum {
    OPTIONS_CHECK, /* go on and check */
    OPTIONS_DONE,  /* help or version was printed: exit 0 */
    OPTIONS_WRONG  /* a message is on stderr: exit 2 */
} options_result_t;

/* Read the command line into `options`; strings stay where they are. */
options_result_t options_read(options_t *options, int argc,
                              const char *const *argv, apr_pool_t *pool);

#endif
