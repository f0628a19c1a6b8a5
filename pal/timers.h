/* The timers of one loop: a binary heap, earliest first, equal deadlines in
 * the order they were started. Starting and stopping is O(log n).
 *
 * Room is reserved when a timer is made, so starting one cannot fail. */
#ifndef PAL_TIMERS_H
#define PAL_TIMERS_H

#include <apr_errno.h>
#include <apr_time.h>

/* Part of each timer; owned by it. */
typedef struct pal__timer_node_t {
    apr_time_t deadline;
    apr_uint64_t order; /* of this start among all starts */
    apr_size_t place;   /* in the heap, from 1; 0 while stopped */
} pal__timer_node_t;

typedef struct pal__timers_t {
    pal__timer_node_t **heap; /* [1] to [n]; [0] is not used */
    apr_size_t n;
    apr_size_t room;
    apr_uint64_t next_order;
} pal__timers_t;

void pal__timers_init(pal__timers_t *timers);
void pal__timers_fini(pal__timers_t *timers);

/* Make room for `n` running timers in all. Errors: APR_ENOMEM. */
apr_status_t pal__timers_reserve(pal__timers_t *timers, apr_size_t n);

/* Start a stopped timer, for which there must be room. */
void pal__timers_start(pal__timers_t *timers, pal__timer_node_t *node,
                       apr_time_t deadline);

/* Stop a timer; nothing happens if it is stopped. */
void pal__timers_stop(pal__timers_t *timers, pal__timer_node_t *node);

/* The next one to fire, or NULL. */
pal__timer_node_t *pal__timers_first(const pal__timers_t *timers);

#endif
