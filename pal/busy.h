/* When a loop may poll before it sleeps, and when it had better not.
 *
 *   rests      --start, the rest is over--------------------> polls
 *   polls      --found something in time--------------------> polls, a hit
 *   polls      --found nothing within the window: a miss----> polls, or rests
 *                                       after MOST_MISSES in a row
 *   polls      --one look or yield took LONGEST_LOOK: others
 *                want this processor--------------------------> rests
 *
 * A rest is at least REST_SHARE times as long as what was lost before it, and
 * twice as long as the rest before, from SHORTEST_REST to LONGEST_REST; hits
 * in a row, HITS_TO_FORGET of them, make the next one the shortest again. So
 * what trying costs is a fiftieth at first, and next to nothing after a while.
 *
 * Pure: the clock is an argument. */
#ifndef PAL_BUSY_H
#define PAL_BUSY_H

#include <apr_time.h>

#define PAL__BUSY_LONGEST_WINDOW 1000
#define PAL__BUSY_LONGEST_LOOK 50
#define PAL__BUSY_MOST_MISSES 8
#define PAL__BUSY_SHORTEST_REST 10000
#define PAL__BUSY_LONGEST_REST (4 * APR_USEC_PER_SEC)
#define PAL__BUSY_REST_SHARE 50
#define PAL__BUSY_HITS_TO_FORGET 64

typedef struct pal__busy_t {
    apr_interval_time_t window; /* 0: never poll */
    apr_time_t start;           /* of this poll */
    apr_time_t last;            /* when the last look began */
    apr_time_t rest_end;
    apr_interval_time_t rest; /* how long the next one is */
    int n_misses, n_hits;     /* in a row */
} pal__busy_t;

/* Poll for at most `window` from now on, 0: not at all. */
void pal__busy_init(pal__busy_t *busy, apr_interval_time_t window);

/* Before the first look: whether to poll. */
int pal__busy_start(pal__busy_t *busy, apr_time_t now);

/* After a look that found nothing, and a yield: whether to look again. */
int pal__busy_goes_on(pal__busy_t *busy, apr_time_t now);

/* After a look that found something, but for the first. */
void pal__busy_found(pal__busy_t *busy, apr_time_t now);

#endif
