#include "config.h"

#include "harness.h"

#include <pal/loop.h>

#include <apr_thread_proc.h>

#include <stdlib.h>
#include <string.h>

#define LIMIT (10 * APR_USEC_PER_SEC) /* of what must not last this long */

enum { N_THREADS = 4 };

static pal_loop_t *make_loop(void)
{
    pal_loop_t *loop = NULL;

    TEST_OK(pal_loop_create(&loop, test_pool()));
    return loop;
}

static int is_set(void *baton)
{
    return *(int *)baton != 0;
}

typedef struct sender_t {
    pal_loop_t *loop;
    struct note_t *notes;
    int n;
    int n_seen;
    int is_in_order;
    int is_mine, is_inside; /* as the thread saw it */
    apr_status_t status;
} sender_t;

typedef struct note_t {
    sender_t *sender;
    int number;
} note_t;

static void on_note(void *baton)
{
    note_t *note = baton;

    if (note->number != note->sender->n_seen++)
        note->sender->is_in_order = 0;
}

static void *APR_THREAD_FUNC post_notes(apr_thread_t *thread, void *baton)
{
    sender_t *sender = baton;
    int i;

    sender->is_mine = pal_loop_is_mine(sender->loop);
    sender->is_inside = pal_loop_is_inside(sender->loop);
    for (i = 0; i < sender->n && sender->status == APR_SUCCESS; i++) {
        sender->notes[i].sender = sender;
        sender->notes[i].number = i;
        sender->status =
            pal_loop_post(sender->loop, on_note, &sender->notes[i]);
    }
    test_thread_exit(thread);
}

static int all_seen(void *baton)
{
    sender_t *senders = baton;
    int i;

    for (i = 0; i < N_THREADS; i++) {
        if (senders[i].n_seen < senders[i].n)
            return 0;
    }
    return 1;
}

static void test_post(void)
{
    pal_loop_t *loop = make_loop();
    apr_thread_t *threads[N_THREADS];
    sender_t senders[N_THREADS];
    apr_status_t rv;
    int i;

    for (i = 0; i < N_THREADS; i++) {
        memset(&senders[i], 0, sizeof(senders[i]));
        senders[i].loop = loop;
        senders[i].n = test_scale(100000);
        senders[i].notes = calloc((apr_size_t)senders[i].n, sizeof(note_t));
        senders[i].is_in_order = 1;
        TEST_OK(apr_thread_create(&threads[i], NULL, post_notes, &senders[i],
                                  test_pool()));
    }
    TEST_OK(pal_loop_run_until(loop, all_seen, senders, LIMIT));
    for (i = 0; i < N_THREADS; i++) {
        TEST_OK(apr_thread_join(&rv, threads[i]));
        TEST_OK(senders[i].status);
        CU_ASSERT_TRUE(senders[i].is_in_order);
        CU_ASSERT_EQUAL(senders[i].n_seen, senders[i].n);
        CU_ASSERT_FALSE(senders[i].is_mine);
        CU_ASSERT_FALSE(senders[i].is_inside);
        free(senders[i].notes);
    }
}

/* A ball between this thread and another, by wakes alone: a lost wake is a
 * hang. */
typedef struct player_t {
    pal_loop_t *loop;
    pal_wake_t *wake;
    struct player_t *other;
    int n_left;
    int is_done;
} player_t;

static void on_ball(void *baton)
{
    player_t *player = baton;

    if (player->n_left-- > 0)
        pal_wake_signal(player->other->wake);
    player->is_done = player->n_left <= 0;
}

typedef struct partner_t {
    player_t player;
    pal_loop_t *loop;
    apr_status_t status;
} partner_t;

static void *APR_THREAD_FUNC play(apr_thread_t *thread, void *baton)
{
    partner_t *partner = baton;

    partner->status = pal_loop_run_until(partner->loop, is_set,
                                         &partner->player.is_done, LIMIT);
    test_thread_exit(thread);
}

static void test_wake(void)
{
    player_t here = {0};
    partner_t there;
    apr_thread_t *thread;
    apr_status_t rv;

    memset(&there, 0, sizeof(there));
    here.loop = make_loop();
    there.loop = make_loop();
    here.other = &there.player;
    there.player.other = &here;
    here.n_left = there.player.n_left = test_scale(20000);
    TEST_OK(pal_wake_create(&here.wake, here.loop, on_ball, &here));
    TEST_OK(pal_wake_create(&there.player.wake, there.loop, on_ball,
                            &there.player));
    TEST_OK(apr_thread_create(&thread, NULL, play, &there, test_pool()));
    pal_wake_signal(there.player.wake);
    TEST_OK(pal_loop_run_until(here.loop, is_set, &here.is_done, LIMIT));
    TEST_OK(apr_thread_join(&rv, thread));
    TEST_OK(there.status);
    pal_wake_close(&here.wake);
    pal_wake_close(&there.player.wake);
}

static void *APR_THREAD_FUNC stop_there(apr_thread_t *thread, void *baton)
{
    pal_loop_stop(baton);
    test_thread_exit(thread);
}

static void test_stop(void)
{
    pal_loop_t *loop = make_loop();
    int n = test_scale(2000);
    apr_thread_t *thread;
    apr_status_t rv;
    int i;

    for (i = 0; i < n; i++) {
        TEST_OK(
            apr_thread_create(&thread, NULL, stop_there, loop, test_pool()));
        TEST_OK(pal_loop_run(loop));
        TEST_OK(apr_thread_join(&rv, thread));
    }
}

/* Who ran it last owns it. */
static void test_owner(void)
{
    pal_loop_t *loop = make_loop();
    apr_thread_t *thread;
    partner_t partner;
    apr_status_t rv;

    memset(&partner, 0, sizeof(partner));
    partner.loop = loop;
    partner.player.is_done = 1;
    TEST_OK(apr_thread_create(&thread, NULL, play, &partner, test_pool()));
    TEST_OK(apr_thread_join(&rv, thread));
    TEST_OK(partner.status);
    CU_ASSERT_FALSE(pal_loop_is_mine(loop));
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    CU_ASSERT_TRUE(pal_loop_is_mine(loop));
}

static const test_case_t cases[] = {
    {"post", test_post},   {"wake", test_wake}, {"stop", test_stop},
    {"owner", test_owner}, {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal_loop_threads", cases);
}
