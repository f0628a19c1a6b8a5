#include "config.h"

#include "busy.h"

#include <string.h>

void pal__busy_init(pal__busy_t *busy, apr_interval_time_t window)
{
    memset(busy, 0, sizeof(*busy));
    busy->window = window;
    busy->rest = PAL__BUSY_SHORTEST_REST;
}

int pal__busy_start(pal__busy_t *busy, apr_time_t now)
{
    if (busy->window == 0 || now < busy->rest_end)
        return 0;
    busy->start = busy->last = now;
    return 1;
}

static void begin_rest(pal__busy_t *busy, apr_time_t now,
                       apr_interval_time_t lost)
{
    if (busy->rest < lost * PAL__BUSY_REST_SHARE)
        busy->rest = lost * PAL__BUSY_REST_SHARE;
    if (busy->rest > PAL__BUSY_LONGEST_REST)
        busy->rest = PAL__BUSY_LONGEST_REST;
    busy->rest_end = now + busy->rest;
    busy->rest *= 2;
    busy->n_misses = busy->n_hits = 0;
}

/* Whether somebody else had the processor meanwhile. */
static int was_away(const pal__busy_t *busy, apr_time_t now)
{
    return now - busy->last > PAL__BUSY_LONGEST_LOOK;
}

int pal__busy_goes_on(pal__busy_t *busy, apr_time_t now)
{
    if (was_away(busy, now)) {
        begin_rest(busy, now, now - busy->last);
        return 0;
    }
    busy->last = now;
    if (now - busy->start < busy->window)
        return 1;
    busy->n_hits = 0;
    if (++busy->n_misses == PAL__BUSY_MOST_MISSES)
        begin_rest(busy, now, busy->n_misses * busy->window);
    return 0;
}

void pal__busy_found(pal__busy_t *busy, apr_time_t now)
{
    if (was_away(busy, now)) {
        begin_rest(busy, now, now - busy->last);
        return;
    }
    busy->n_misses = 0;
    if (++busy->n_hits == PAL__BUSY_HITS_TO_FORGET) {
        busy->n_hits = 0;
        busy->rest = PAL__BUSY_SHORTEST_REST;
    }
}
