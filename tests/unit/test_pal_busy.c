#include "config.h"

#include "busy.h"
#include "harness.h"

enum {
    WINDOW = 200,
    LOOK = 10,
    MISSES_REST = PAL__BUSY_MOST_MISSES * WINDOW * PAL__BUSY_REST_SHARE
};

/* Look until the window is over; returns when that is. */
static apr_time_t miss(pal__busy_t *busy, apr_time_t now)
{
    CU_ASSERT_TRUE(pal__busy_start(busy, now));
    do {
        now += LOOK;
    } while (pal__busy_goes_on(busy, now));
    return now;
}

static apr_time_t hit(pal__busy_t *busy, apr_time_t now)
{
    CU_ASSERT_TRUE(pal__busy_start(busy, now));
    CU_ASSERT_TRUE(pal__busy_goes_on(busy, now + LOOK));
    pal__busy_found(busy, now + 2 * LOOK);
    return now + 2 * LOOK;
}

/* Whether it rests from `now` on for exactly so long. */
static int rests(pal__busy_t *busy, apr_time_t now, apr_interval_time_t rest)
{
    return !pal__busy_start(busy, now)
           && !pal__busy_start(busy, now + rest - 1)
           && pal__busy_start(busy, now + rest);
}

static void test_off(void)
{
    pal__busy_t busy;

    pal__busy_init(&busy, 0);
    CU_ASSERT_FALSE(pal__busy_start(&busy, 1000));
}

static void test_window(void)
{
    pal__busy_t busy;

    pal__busy_init(&busy, WINDOW);
    CU_ASSERT_EQUAL(miss(&busy, 1000), 1000 + WINDOW);
    CU_ASSERT_EQUAL(hit(&busy, 2000), 2000 + 2 * LOOK);
    CU_ASSERT_EQUAL(miss(&busy, 3000), 3000 + WINDOW);
}

/* Misses in a row end in a rest; a hit between them begins a new row. */
static void test_misses(void)
{
    apr_time_t now = 1000;
    pal__busy_t busy;
    int i;

    pal__busy_init(&busy, WINDOW);
    for (i = 0; i < PAL__BUSY_MOST_MISSES - 1; i++)
        now = miss(&busy, now);
    now = hit(&busy, now);
    for (i = 0; i < PAL__BUSY_MOST_MISSES; i++)
        now = miss(&busy, now);
    CU_ASSERT_TRUE(rests(&busy, now, MISSES_REST));
}

/* One look that took long is enough, found or not. What it took decides how
 * long the rest is. */
static void test_long_look(void)
{
    const apr_interval_time_t most = PAL__BUSY_LONGEST_LOOK;
    apr_time_t now = 1000;
    pal__busy_t busy;

    pal__busy_init(&busy, WINDOW);
    CU_ASSERT_TRUE(pal__busy_start(&busy, now));
    now += most;
    CU_ASSERT_TRUE(pal__busy_goes_on(&busy, now));
    now += most + 1;
    CU_ASSERT_FALSE(pal__busy_goes_on(&busy, now));
    CU_ASSERT_TRUE(rests(&busy, now, PAL__BUSY_SHORTEST_REST));

    pal__busy_init(&busy, WINDOW);
    CU_ASSERT_TRUE(pal__busy_start(&busy, now));
    now += most + 1;
    pal__busy_found(&busy, now);
    CU_ASSERT_TRUE(rests(&busy, now, PAL__BUSY_SHORTEST_REST));

    pal__busy_init(&busy, WINDOW);
    CU_ASSERT_TRUE(pal__busy_start(&busy, now));
    now += 4000;
    CU_ASSERT_FALSE(pal__busy_goes_on(&busy, now));
    CU_ASSERT_TRUE(rests(&busy, now, 4000 * PAL__BUSY_REST_SHARE));

    pal__busy_init(&busy, WINDOW);
    CU_ASSERT_TRUE(pal__busy_start(&busy, now));
    now += PAL__BUSY_LONGEST_REST;
    CU_ASSERT_FALSE(pal__busy_goes_on(&busy, now));
    CU_ASSERT_TRUE(rests(&busy, now, PAL__BUSY_LONGEST_REST));
}

/* Rests double up to the longest; hits in a row make them short again. */
static void test_rests(void)
{
    const apr_interval_time_t most = PAL__BUSY_LONGEST_LOOK + 1;
    apr_interval_time_t rest = PAL__BUSY_SHORTEST_REST;
    apr_time_t now = 1000;
    pal__busy_t busy;
    int i;

    pal__busy_init(&busy, WINDOW);
    for (i = 0; i < 20; i++) {
        CU_ASSERT_TRUE(pal__busy_start(&busy, now));
        now += most;
        CU_ASSERT_FALSE(pal__busy_goes_on(&busy, now));
        CU_ASSERT_TRUE(rests(&busy, now, rest));
        now += rest;
        rest = rest * 2 < PAL__BUSY_LONGEST_REST ? rest * 2
                                                 : PAL__BUSY_LONGEST_REST;
    }
    CU_ASSERT_EQUAL(rest, PAL__BUSY_LONGEST_REST);

    for (i = 0; i < PAL__BUSY_HITS_TO_FORGET - 1; i++)
        now = hit(&busy, now);
    now = miss(&busy, now);
    for (i = 0; i < PAL__BUSY_HITS_TO_FORGET; i++)
        now = hit(&busy, now);
    CU_ASSERT_TRUE(pal__busy_start(&busy, now));
    now += most;
    CU_ASSERT_FALSE(pal__busy_goes_on(&busy, now));
    CU_ASSERT_TRUE(rests(&busy, now, PAL__BUSY_SHORTEST_REST));
}

static const test_case_t cases[] = {
    {"off", test_off},       {"window", test_window},
    {"misses", test_misses}, {"long_look", test_long_look},
    {"rests", test_rests},   {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal_busy", cases);
}
