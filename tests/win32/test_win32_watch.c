/* Watches of waitable handles, and a loop in a foreign one. */
#include "config.h"

#include "harness.h"

#include <pal/channel.h>
#include <pal/handle.h>
#include <pal/loop.h>
#include <pal/status.h>

#include <string.h>

#include <windows.h>

#define LIMIT (10 * APR_USEC_PER_SEC) /* of what must not last this long */

enum { N_EVENTS = 60 };

static pal_loop_t *make_loop(void)
{
    pal_loop_t *loop = NULL;

    TEST_OK(pal_loop_create(&loop, test_pool()));
    return loop;
}

/* Set until it is reset, or until one wait has seen it. */
static HANDLE make_event(int is_manual)
{
    HANDLE event = CreateEventW(NULL, is_manual, FALSE, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(event);
    return event;
}

typedef struct watcher_t {
    pal_watch_t *watch;
    struct watcher_t *to_close;
    int n;
    int events;
} watcher_t;

static void on_handle(void *baton, int events)
{
    watcher_t *watcher = baton;

    watcher->n++;
    watcher->events = events;
    if (watcher->to_close != NULL)
        pal_watch_close(&watcher->to_close->watch);
}

static void watch(watcher_t *watcher, pal_loop_t *loop, HANDLE handle,
                  int events)
{
    memset(watcher, 0, sizeof(*watcher));
    TEST_OK(pal_watch_create(&watcher->watch, loop, (pal_handle_t)handle,
                             events, on_handle, watcher));
}

/* As often as it is signalled. */
static void test_levels(void)
{
    pal_loop_t *loop = make_loop();
    HANDLE event = make_event(1);
    watcher_t watcher;

    watch(&watcher, loop, event, PAL_READABLE);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    SetEvent(event);
    TEST_OK(pal_loop_step(loop, LIMIT));
    TEST_OK(pal_loop_step(loop, 0));
    CU_ASSERT_EQUAL(watcher.n, 2);
    CU_ASSERT_EQUAL(watcher.events, PAL_READABLE);
    TEST_OK(pal_watch_set(watcher.watch, 0));
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    TEST_OK(pal_watch_set(watcher.watch, PAL_READABLE));
    TEST_OK(pal_loop_step(loop, 0));
    ResetEvent(event);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(watcher.n, 3);
    pal_watch_close(&watcher.watch);
    pal_watch_close(&watcher.watch); /* empty: nothing happens */
    CloseHandle(event);
}

/* A wait uses the signal up: it is told once, and not lost. */
static void test_used_up(void)
{
    pal_loop_t *loop = make_loop();
    HANDLE event = make_event(0);
    HANDLE semaphore = CreateSemaphoreW(NULL, 0, 10, NULL);
    watcher_t watcher;

    watch(&watcher, loop, event, PAL_READABLE);
    SetEvent(event);
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(watcher.n, 1);
    pal_watch_close(&watcher.watch);

    watch(&watcher, loop, semaphore, PAL_READABLE);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    ReleaseSemaphore(semaphore, 3, NULL);
    while (watcher.n < 3)
        TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    pal_watch_close(&watcher.watch);
    CloseHandle(event);
    CloseHandle(semaphore);
}

static void test_errors(void)
{
    pal_loop_t *loop = make_loop();
    HANDLE event = make_event(1);
    pal_watch_t *none = NULL;
    watcher_t watcher;

    watch(&watcher, loop, event, PAL_READABLE);
    CU_ASSERT_TRUE(APR_STATUS_IS_EEXIST(pal_watch_create(
        &none, loop, (pal_handle_t)event, PAL_READABLE, on_handle, &watcher)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(
        pal_watch_set(watcher.watch, PAL_READABLE | PAL_WRITABLE)));
    pal_watch_close(&watcher.watch);
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(pal_watch_create(
        &none, loop, (pal_handle_t)event, PAL_WRITABLE, on_handle, &watcher)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EBADF(pal_watch_create(
        &none, loop, PAL_HANDLE_NONE, PAL_READABLE, on_handle, &watcher)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EBADF(pal_watch_create(
        &none, loop, 999996, PAL_READABLE, on_handle, &watcher)));
    CU_ASSERT_PTR_NULL(none);
    CloseHandle(event);
}

static int has_hung_up(void *baton)
{
    return (((watcher_t *)baton)->events & PAL_HANGUP) != 0;
}

/* Byte pipes: something to read, the end, and room as if there always was. */
static void test_pipe(void)
{
    pal_loop_t *loop = make_loop();
    pal_handle_t pipe[2];
    watcher_t watcher;
    DWORD n;
    char byte;

    TEST_OK(pal_handle_pipe(pipe));
    watch(&watcher, loop, (HANDLE)pipe[1], PAL_WRITABLE);
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(watcher.events, PAL_WRITABLE);
    pal_watch_close(&watcher.watch);
    watch(&watcher, loop, (HANDLE)pipe[0], PAL_READABLE);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 50000), APR_TIMEUP);
    CU_ASSERT_TRUE(WriteFile((HANDLE)pipe[1], "x", 1, &n, NULL));
    TEST_OK(pal_loop_step(loop, LIMIT));
    TEST_OK(pal_loop_step(loop, 0));
    CU_ASSERT_EQUAL(watcher.events, PAL_READABLE);
    CU_ASSERT_TRUE(ReadFile((HANDLE)pipe[0], &byte, 1, &n, NULL));
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    pal_handle_close(&pipe[1]);
    TEST_OK(pal_loop_run_until(loop, has_hung_up, &watcher, LIMIT));
    CU_ASSERT_EQUAL(watcher.events, PAL_READABLE | PAL_HANGUP);
    TEST_OK(pal_watch_set(watcher.watch, 0));
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(watcher.events, PAL_HANGUP);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    pal_watch_close(&watcher.watch);
    pal_handle_close(&pipe[0]);
}

/* Of two that are ready the first one called closes the other. */
static void test_close_in_callback(void)
{
    pal_loop_t *loop = make_loop();
    HANDLE events[2];
    watcher_t watchers[2];
    int i;

    for (i = 0; i < 2; i++) {
        events[i] = make_event(1);
        SetEvent(events[i]);
        watch(&watchers[i], loop, events[i], PAL_READABLE);
        watchers[i].to_close = &watchers[1 - i];
    }
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(watchers[0].n + watchers[1].n, 1);
    i = watchers[0].n > 0 ? 0 : 1;
    watchers[i].to_close = &watchers[i];
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    for (i = 0; i < 2; i++) {
        CU_ASSERT_PTR_NULL(watchers[i].watch);
        CloseHandle(events[i]);
    }
}

static void set_many(int n_waited_for)
{
    pal_loop_t *loop = make_loop();
    HANDLE events[N_EVENTS];
    watcher_t watchers[N_EVENTS];
    int i, n = 0;

    for (i = 0; i < N_EVENTS; i++) {
        events[i] = make_event(1);
        if (i >= n_waited_for)
            SetEvent(events[i]);
        watch(&watchers[i], loop, events[i], PAL_READABLE);
    }
    (void)pal_loop_step(loop, 0);
    for (i = 0; i < n_waited_for; i++)
        SetEvent(events[i]);
    while (n < N_EVENTS) {
        TEST_OK(pal_loop_step(loop, LIMIT));
        for (i = n = 0; i < N_EVENTS; i++)
            n += watchers[i].n > 0;
    }
    for (i = 0; i < N_EVENTS; i++) {
        pal_watch_close(&watchers[i].watch);
        CloseHandle(events[i]);
    }
}

/* Those that are always ready keep nobody waiting, be it the others or those
 * that become ready. (Wine's thread pool opens an event for every 63 that it
 * waits for, and keeps it for a while.) */
static void test_many(void)
{
    set_many(0);
    set_many(N_EVENTS / 2);
    set_many(N_EVENTS);
}

/* The foreign loop waits for a handle. */
static void test_hosted(void)
{
    pal_loop_t *loop = make_loop();
    HANDLE event = make_event(1);
    watcher_t watcher;
    pal_handle_t handle;
    int events = 0;

    TEST_OK(pal_loop_host_handle(loop, &handle, &events));
    CU_ASSERT_EQUAL(events, PAL_READABLE);
    watch(&watcher, loop, event, PAL_READABLE);
    while (WaitForSingleObject((HANDLE)handle, 100) == WAIT_OBJECT_0)
        TEST_OK(pal_loop_dispatch(loop)); /* it starts to wait for it */
    CU_ASSERT_EQUAL(watcher.n, 0);
    SetEvent(event);
    while (watcher.n < 2) {
        CU_ASSERT_TRUE(pal_loop_prepare(loop) < 0);
        CU_ASSERT_EQUAL_FATAL(WaitForSingleObject((HANDLE)handle, 10000),
                              WAIT_OBJECT_0);
        TEST_OK(pal_loop_dispatch(loop));
    }
    pal_watch_close(&watcher.watch);
    pal_loop_destroy(loop);
    CloseHandle(event);
}

/* Whoever has a handle of an end, in another process too, can have completions
 * arrive at the loop of who opened it, with whatever address he likes. */
static void test_made_up(void)
{
    pal_loop_t *loop = make_loop();
    pal_handle_t ends[2], copy;
    pal_channel_t *here, *there;
    pal_bytes_t part = {"x", 1};
    OVERLAPPED made_up[8];
    watcher_t watcher;
    char byte;
    int i;

    memset(&watcher, 0, sizeof(watcher));
    TEST_OK(pal_channel_pair(ends));
    TEST_OK(pal_handle_dup(ends[0], &copy));
    TEST_OK(pal_channel_open(&here, &ends[0]));
    TEST_OK(pal_channel_open(&there, &ends[1]));
    TEST_OK(pal_channel_watch(here, loop, PAL_READABLE, on_handle, &watcher));
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    memset(made_up, 0, sizeof(made_up));
    for (i = 0; i < 8; i++) {
        (void)ReadFile((HANDLE)copy, &byte, 0, NULL, &made_up[i]);
        TEST_OK(pal_channel_send(there, &part, 1, NULL, 0));
    }
    while (watcher.n < 3)
        TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(watcher.events, PAL_READABLE);
    pal_channel_close(&here);
    pal_channel_close(&there);
    CloseHandle((HANDLE)copy);
    pal_loop_destroy(loop);
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"levels", test_levels},
        {"used_up", test_used_up},
        {"errors", test_errors},
        {"pipe", test_pipe},
        {"close_in_callback", test_close_in_callback},
        {"many", test_many},
        {"hosted", test_hosted},
        {"made_up", test_made_up},
        {NULL, NULL}};

    return test_main(argc, argv, "win32_watch", cases);
}
