#include "config.h"

#include "harness.h"

#include "timers.h"

#include <stdlib.h>

enum { MANY = 100000 };

static apr_uint32_t random_state;

static apr_uint32_t next_random(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return random_state >> 8;
}

/* Take the first out and check that it is not before the last one. */
static pal__timer_node_t *pop(pal__timers_t *timers,
                              const pal__timer_node_t *last)
{
    pal__timer_node_t *first = pal__timers_first(timers);

    if (first == NULL)
        return NULL;
    if (last != NULL
        && (first->deadline < last->deadline
            || (first->deadline == last->deadline
                && first->order < last->order)))
        CU_FAIL("out of order");
    pal__timers_stop(timers, first);
    CU_ASSERT_EQUAL(first->place, 0);
    return first;
}

static void test_order(void)
{
    pal__timers_t timers;
    pal__timer_node_t nodes[4] = {{0}};

    pal__timers_init(&timers);
    CU_ASSERT_PTR_NULL(pal__timers_first(&timers));
    TEST_OK(pal__timers_reserve(&timers, 4));
    pal__timers_start(&timers, &nodes[0], 30);
    pal__timers_start(&timers, &nodes[1], 10);
    pal__timers_start(&timers, &nodes[2], 30);
    pal__timers_start(&timers, &nodes[3], 20);
    CU_ASSERT_PTR_EQUAL(pop(&timers, NULL), &nodes[1]);
    CU_ASSERT_PTR_EQUAL(pop(&timers, NULL), &nodes[3]);
    CU_ASSERT_PTR_EQUAL(pop(&timers, NULL), &nodes[0]);
    CU_ASSERT_PTR_EQUAL(pop(&timers, NULL), &nodes[2]);
    CU_ASSERT_PTR_NULL(pop(&timers, NULL));
    pal__timers_fini(&timers);
}

static void test_stop(void)
{
    pal__timers_t timers;
    pal__timer_node_t nodes[3] = {{0}};

    pal__timers_init(&timers);
    TEST_OK(pal__timers_reserve(&timers, 3));
    pal__timers_stop(&timers, &nodes[0]); /* not running: nothing happens */
    pal__timers_start(&timers, &nodes[0], 1);
    pal__timers_start(&timers, &nodes[1], 2);
    pal__timers_start(&timers, &nodes[2], 3);
    pal__timers_stop(&timers, &nodes[2]);
    pal__timers_stop(&timers, &nodes[0]);
    pal__timers_stop(&timers, &nodes[0]);
    CU_ASSERT_PTR_EQUAL(pal__timers_first(&timers), &nodes[1]);
    pal__timers_stop(&timers, &nodes[1]);
    CU_ASSERT_PTR_NULL(pal__timers_first(&timers));
    pal__timers_fini(&timers);
}

static void test_reserve(void)
{
    pal__timers_t timers;
    pal__timer_node_t nodes[40] = {{0}};
    int i;

    pal__timers_init(&timers);
    for (i = 0; i < 40; i++) {
        TEST_OK(pal__timers_reserve(&timers, (apr_size_t)i + 1));
        pal__timers_start(&timers, &nodes[i], 40 - i);
    }
    CU_ASSERT_EQUAL(pal__timers_reserve(&timers, (apr_size_t)-1 / 8),
                    APR_ENOMEM);
    CU_ASSERT_PTR_EQUAL(pal__timers_first(&timers), &nodes[39]);
    pal__timers_fini(&timers);
}

/* Starts, restarts and stops at random, then the rest in order. */
static void test_many(void)
{
    pal__timers_t timers;
    pal__timer_node_t *nodes = calloc(MANY, sizeof(*nodes));
    pal__timer_node_t *last = NULL;
    pal__timer_node_t *node;
    apr_size_t n_running = 0, n_popped = 0;
    int i;

    CU_ASSERT_PTR_NOT_NULL_FATAL(nodes);
    random_state = 1;
    pal__timers_init(&timers);
    TEST_OK(pal__timers_reserve(&timers, MANY));
    for (i = 0; i < 3 * MANY; i++) {
        node = &nodes[next_random() % MANY];
        if (node->place != 0)
            n_running--;
        pal__timers_stop(&timers, node);
        if (next_random() % 4 == 0)
            continue;
        pal__timers_start(&timers, node, (apr_time_t)(next_random() % 5000));
        n_running++;
    }
    CU_ASSERT_EQUAL(timers.n, n_running);
    while ((node = pop(&timers, last)) != NULL) {
        last = node;
        n_popped++;
    }
    CU_ASSERT_EQUAL(n_popped, n_running);
    pal__timers_fini(&timers);
    free(nodes);
}

static const test_case_t cases[] = {
    {"order", test_order}, {"stop", test_stop}, {"reserve", test_reserve},
    {"many", test_many},   {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal_timers", cases);
}
