#include "config.h"

#include "timers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 16

void pal__timers_init(pal__timers_t *timers)
{
    memset(timers, 0, sizeof(*timers));
}

void pal__timers_fini(pal__timers_t *timers)
{
    free(timers->heap);
    memset(timers, 0, sizeof(*timers));
}

apr_status_t pal__timers_reserve(pal__timers_t *timers, apr_size_t n)
{
    apr_size_t room = timers->room == 0 ? FIRST_ROOM : timers->room;
    pal__timer_node_t **heap;

    if (n <= timers->room)
        return APR_SUCCESS;
    while (room < n) {
        if (room > (apr_size_t)-1 / sizeof(*heap) / 4)
            return APR_ENOMEM;
        room *= 2;
    }
    heap = realloc(timers->heap, (room + 1) * sizeof(*heap));
    if (heap == NULL)
        return APR_ENOMEM;
    timers->heap = heap;
    timers->room = room;
    return APR_SUCCESS;
}

static int is_before(const pal__timer_node_t *a, const pal__timer_node_t *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline
                                      : a->order < b->order;
}

static void put(pal__timers_t *timers, pal__timer_node_t *node,
                apr_size_t place)
{
    timers->heap[place] = node;
    node->place = place;
}

/* Put `node` at the free `place` or above it. */
static void put_up(pal__timers_t *timers, pal__timer_node_t *node,
                   apr_size_t place)
{
    while (place > 1 && is_before(node, timers->heap[place / 2])) {
        put(timers, timers->heap[place / 2], place);
        place /= 2;
    }
    put(timers, node, place);
}

/* Put `node` at the free `place` or below it. */
static void put_down(pal__timers_t *timers, pal__timer_node_t *node,
                     apr_size_t place)
{
    while (2 * place <= timers->n) {
        apr_size_t child = 2 * place;

        if (child < timers->n
            && is_before(timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!is_before(timers->heap[child], node))
            break;
        put(timers, timers->heap[child], place);
        place = child;
    }
    put(timers, node, place);
}

void pal__timers_start(pal__timers_t *timers, pal__timer_node_t *node,
                       apr_time_t deadline)
{
    assert(node->place == 0 && timers->n < timers->room);
    node->deadline = deadline;
    node->order = timers->next_order++;
    timers->n++;
    put_up(timers, node, timers->n);
}

void pal__timers_stop(pal__timers_t *timers, pal__timer_node_t *node)
{
    apr_size_t place = node->place;
    pal__timer_node_t *last;

    if (place == 0)
        return;
    node->place = 0;
    last = timers->heap[timers->n];
    timers->n--;
    if (last == node)
        return;
    if (place > 1 && is_before(last, timers->heap[place / 2]))
        put_up(timers, last, place);
    else
        put_down(timers, last, place);
}

pal__timer_node_t *pal__timers_first(const pal__timers_t *timers)
{
    return timers->n == 0 ? NULL : timers->heap[1];
}
