/* The poller on Windows: one completion port for everything.
 *
 * Operations of pipes arrive there by themselves; waits for other handles
 * (watch_win32.c) and interrupts are posted to it. What arrives makes a
 * source ready, and pal__poller_deliver calls what is ready.
 *
 * Completions tell of an edge. What is level triggered comes about by arming:
 * before each wait, every source that was called since the last one looks
 * again, and starts its next operation or says that it is ready still. So a
 * source is in one of two lists, or in none while its operation is under way.
 *
 * A deadline is kept by a waitable timer of high resolution whose call to the
 * waiting thread ends the wait: the timeout of the port itself is as coarse
 * as the system's tick. It is set only when the next deadline is earlier than
 * what it is set to. While a loop waits, calls that others queued to its
 * thread (QueueUserAPC) run.
 *
 * In a foreign loop one thread of ours takes completions off the port and
 * sets an event; they are looked at by the loop's thread, and the helper does
 * not go on until they were. */
#include "config.h"

#include "poller_iocp.h"

#include "../pal_compiler.h"
#include "../pal_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FETCHED 128
#define N_BUCKETS 1024
#define US_PER_MS 1000
#define TICKS_PER_US 10 /* of the waitable timer */

/* Since Windows 10 1803; a system that does not know it refuses. */
#ifndef CREATE_WAITABLE_TIMER_HIGH_RESOLUTION
#    define CREATE_WAITABLE_TIMER_HIGH_RESOLUTION 0x00000002
#endif

/* Completion keys. */
enum { KEY_OPERATION, KEY_SOURCE, KEY_INTERRUPT, KEY_QUIT };

typedef struct batch_t {
    OVERLAPPED_ENTRY entries[MAX_FETCHED];
    ULONG n;
} batch_t;

/* The thread that waits in place of the loop. */
typedef struct helper_t {
    HANDLE port; /* borrowed */
    HANDLE thread;
    HANDLE ready;  /* set while `batch` is full: the foreign loop's handle */
    HANDLE resume; /* set when it was emptied */
    batch_t batch;
} helper_t;

struct pal__port_t {
    HANDLE handle;
    LONG refs;
};

struct pal__source_t {
    pal__source_t *prev, *next; /* in one of the rings, or one of its own */
    pal__source_t *bucket_next;
    pal__poller_t *poller;
    const pal__source_ops_t *ops;
    void *baton;
    OVERLAPPED overlapped;
    int is_busy;
    int is_ready;
    int is_closed;
    pal__flag_t is_posted;
};

struct pal__poller_t {
    pal__port_t *port;
    HANDLE timer;     /* NULL: the system has none of high resolution */
    apr_time_t armed; /* what it is set to, PAL__NEVER if it is off */
    apr_uint64_t armed_by;
    pal__flag_t has_rung;
    pal__flag_t is_interrupted;
    int was_interrupted;   /* by the last wait */
    helper_t *helper;      /* in a foreign loop only */
    pal__source_t unarmed; /* heads of the rings */
    pal__source_t ready;
    int n_lingering; /* closed, and their completions still come */
    batch_t batch;
    /* Whose operation a completion belongs to, by its address. It is not to
     * be trusted: whoever has a handle of the same pipe, in another process
     * too, can start operations that complete here, at an address he makes
     * up. */
    pal__source_t *buckets[N_BUCKETS];
};

static apr_status_t last_error(void)
{
    return APR_FROM_OS_ERROR(GetLastError());
}

static void ring_init(pal__source_t *head)
{
    head->prev = head->next = head;
}

static int ring_is_empty(const pal__source_t *head)
{
    return head->next == head;
}

static void ring_remove(pal__source_t *source)
{
    source->prev->next = source->next;
    source->next->prev = source->prev;
    ring_init(source);
}

static void ring_append(pal__source_t *head, pal__source_t *source)
{
    source->prev = head->prev;
    source->next = head;
    head->prev->next = source;
    head->prev = source;
}

/* Move all of `from` to the empty `to`. */
static void ring_move(pal__source_t *to, pal__source_t *from)
{
    if (ring_is_empty(from))
        return;
    to->prev = from->prev;
    to->next = from->next;
    to->prev->next = to;
    to->next->prev = to;
    ring_init(from);
}

static pal__source_t **bucket_of(pal__poller_t *poller, const OVERLAPPED *at)
{
    return &poller->buckets[((ULONG_PTR)at >> 6) % N_BUCKETS];
}

static pal__source_t *source_at(pal__poller_t *poller, const OVERLAPPED *at)
{
    pal__source_t *source = *bucket_of(poller, at);

    while (source != NULL && &source->overlapped != at)
        source = source->bucket_next;
    return source;
}

/* ---- the port ---- */

static apr_status_t port_create(pal__port_t **ret_port)
{
    pal__port_t *port = malloc(sizeof(*port));
    apr_status_t rv;

    if (port == NULL)
        return APR_ENOMEM;
    port->refs = 1;
    port->handle = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    if (port->handle == NULL) {
        rv = last_error();
        free(port);
        return rv;
    }
    *ret_port = port;
    return APR_SUCCESS;
}

void pal__port_release(pal__port_t **port)
{
    pal__port_t *releasing = *port;

    if (releasing == NULL)
        return;
    if (InterlockedDecrement(&releasing->refs) == 0) {
        (void)CloseHandle(releasing->handle);
        free(releasing);
    }
    *port = NULL;
}

static void post(pal__poller_t *poller, ULONG_PTR key, void *at)
{
    BOOL ok = PostQueuedCompletionStatus(poller->port->handle, 0, key, at);

    assert(ok);
    (void)ok;
}

/* ---- sources ---- */

apr_status_t pal__source_create(pal__source_t **ret_source, pal_loop_t *loop,
                                const pal__source_ops_t *ops, void *baton)
{
    pal__source_t *source = calloc(1, sizeof(*source));
    pal__source_t **bucket;

    if (source == NULL)
        return APR_ENOMEM;
    source->poller = pal__loop_poller(loop);
    source->ops = ops;
    source->baton = baton;
    ring_init(source);
    bucket = bucket_of(source->poller, &source->overlapped);
    source->bucket_next = *bucket;
    *bucket = source;
    pal__source_rearm(source);
    *ret_source = source;
    return APR_SUCCESS;
}

static void source_free(pal__source_t *source)
{
    pal__source_t **p = bucket_of(source->poller, &source->overlapped);

    while (*p != source)
        p = &(*p)->bucket_next;
    *p = source->bucket_next;
    free(source);
}

/* Does something still come from the port that names it? */
static int is_expected(pal__source_t *source)
{
    return source->is_busy || pal__flag_get(&source->is_posted);
}

void pal__source_close(pal__source_t **source)
{
    pal__source_t *closing = *source;
    pal__poller_t *poller;

    if (closing == NULL)
        return;
    poller = closing->poller;
    ring_remove(closing);
    closing->is_closed = 1;
    if (is_expected(closing))
        poller->n_lingering++;
    else
        source_free(closing);
    *source = NULL;
}

void pal__source_ready(pal__source_t *source)
{
    if (source->is_ready)
        return;
    ring_remove(source);
    ring_append(&source->poller->ready, source);
    source->is_ready = 1;
}

void pal__source_rearm(pal__source_t *source)
{
    pal__poller_t *poller = source->poller;

    if (source->is_ready)
        return;
    ring_remove(source);
    ring_append(&poller->unarmed, source);
    /* The foreign loop waits without asking us before. */
    if (poller->helper != NULL)
        pal__poller_interrupt(poller);
}

void pal__source_post(pal__source_t *source)
{
    if (!pal__flag_set(&source->is_posted, 1))
        post(source->poller, KEY_SOURCE, source);
}

OVERLAPPED *pal__source_start(pal__source_t *source)
{
    assert(!source->is_busy);
    memset(&source->overlapped, 0, sizeof(source->overlapped));
    source->is_busy = 1;
    return &source->overlapped;
}

void pal__source_failed(pal__source_t *source)
{
    source->is_busy = 0;
}

int pal__source_is_busy(const pal__source_t *source)
{
    return source->is_busy;
}

apr_status_t pal__source_tie(pal__source_t *source, HANDLE handle,
                             pal__port_t **ret_port)
{
    pal__port_t *port = source->poller->port;

    if (CreateIoCompletionPort(handle, port->handle, KEY_OPERATION, 0) == NULL)
        return last_error();
    (void)InterlockedIncrement(&port->refs);
    *ret_port = port;
    return APR_SUCCESS;
}

int pal__source_is_tied(const pal__source_t *source, const pal__port_t *port)
{
    return source->poller->port == port;
}

/* ---- taking completions off the port ---- */

/* Something came that names this source. */
static void arrived(pal__source_t *source)
{
    if (!source->is_closed) {
        pal__source_ready(source);
    }
    else if (!is_expected(source)) {
        source->poller->n_lingering--;
        source_free(source);
    }
}

static void operation_done(pal__poller_t *poller, const OVERLAPPED *at)
{
    pal__source_t *source = source_at(poller, at);

    if (source == NULL || !source->is_busy
        || !HasOverlappedIoCompleted(&source->overlapped))
        return;
    source->is_busy = 0;
    arrived(source);
}

static void sort(pal__poller_t *poller, const batch_t *batch)
{
    pal__source_t *source;
    ULONG i;

    for (i = 0; i < batch->n; i++) {
        switch (batch->entries[i].lpCompletionKey) {
        case KEY_OPERATION:
            operation_done(poller, batch->entries[i].lpOverlapped);
            break;
        case KEY_SOURCE:
            source = (pal__source_t *)batch->entries[i].lpOverlapped;
            (void)pal__flag_set(&source->is_posted, 0);
            arrived(source);
            break;
        default:
            (void)pal__flag_set(&poller->is_interrupted, 0);
            poller->was_interrupted = 1;
        }
    }
}

/* Wait on the port itself. */
static apr_status_t fetch(pal__poller_t *poller, DWORD timeout)
{
    batch_t *batch = &poller->batch;

    if (!GetQueuedCompletionStatusEx(poller->port->handle, batch->entries,
                                     MAX_FETCHED, &batch->n, timeout, TRUE)) {
        DWORD error = GetLastError();

        return error == WAIT_TIMEOUT || error == WAIT_IO_COMPLETION
                   ? APR_SUCCESS
                   : APR_FROM_OS_ERROR(error);
    }
    sort(poller, batch);
    return APR_SUCCESS;
}

/* Wait for the helper, and take what it has. */
static apr_status_t fetch_from_helper(pal__poller_t *poller, DWORD timeout)
{
    helper_t *helper = poller->helper;

    switch (WaitForSingleObjectEx(helper->ready, timeout, TRUE)) {
    case WAIT_OBJECT_0:
        sort(poller, &helper->batch);
        (void)ResetEvent(helper->ready);
        (void)SetEvent(helper->resume);
        return APR_SUCCESS;
    case WAIT_TIMEOUT:
    case WAIT_IO_COMPLETION:
        return APR_SUCCESS;
    default:
        return last_error();
    }
}

/* ---- waiting ---- */

/* That it is called ends the wait. It may also be called while the thread
 * waits for something else. */
static VOID CALLBACK timer_rang(LPVOID baton, DWORD low, DWORD high)
{
    pal__poller_t *poller = baton;

    (void)low;
    (void)high;
    (void)pal__flag_set(&poller->has_rung, 1);
}

/* The call goes to the thread that sets the timer. */
static int arm(pal__poller_t *poller, apr_time_t deadline, apr_time_t now)
{
    apr_uint64_t self = pal__thread_self();
    LARGE_INTEGER due;

    if (poller->timer == NULL)
        return 0;
    if (pal__flag_set(&poller->has_rung, 0))
        poller->armed = PAL__NEVER;
    if (deadline >= poller->armed && poller->armed_by == self)
        return 1;
    if (deadline - now > APR_INT64_MAX / TICKS_PER_US)
        return 0;
    due.QuadPart = -(deadline - now) * TICKS_PER_US;
    if (!SetWaitableTimer(poller->timer, &due, 0, timer_rang, poller, FALSE))
        return 0;
    poller->armed = deadline;
    poller->armed_by = self;
    return 1;
}

/* The timeout of a wait that shall end at `deadline`. */
static DWORD timeout_until(pal__poller_t *poller, apr_time_t deadline)
{
    apr_time_t now, ms;

    if (deadline == PAL__AT_ONCE || !ring_is_empty(&poller->ready))
        return 0;
    if (deadline == PAL__NEVER)
        return INFINITE;
    now = pal__clock_now();
    if (deadline <= now)
        return 0;
    if (arm(poller, deadline, now))
        return INFINITE;
    ms = (deadline - now - 1) / US_PER_MS + 1;
    return ms < INFINITE - 1 ? (DWORD)ms : INFINITE - 1;
}

static void arm_all(pal__poller_t *poller)
{
    pal__source_t unarmed;

    ring_init(&unarmed);
    ring_move(&unarmed, &poller->unarmed);
    while (!ring_is_empty(&unarmed)) {
        pal__source_t *source = unarmed.next;

        ring_remove(source);
        source->ops->arm(source->baton);
    }
}

apr_status_t pal__poller_wait(pal__poller_t *poller, apr_time_t deadline)
{
    DWORD timeout;

    poller->was_interrupted = 0;
    arm_all(poller);
    timeout = timeout_until(poller, deadline);

    return poller->helper != NULL ? fetch_from_helper(poller, timeout)
                                  : fetch(poller, timeout);
}

int pal__poller_has_found(pal__poller_t *poller)
{
    return poller->was_interrupted || !ring_is_empty(&poller->ready);
}

int pal__poller_deliver(pal__poller_t *poller)
{
    int n_called = 0;
    int n = 0;

    for (; n < MAX_FETCHED && !ring_is_empty(&poller->ready); n++) {
        pal__source_t *source = poller->ready.next;

        /* Nothing is known of it after the call. What becomes ready again
         * does so at the next wait. */
        ring_remove(source);
        ring_append(&poller->unarmed, source);
        source->is_ready = 0;
        n_called += source->ops->call(source->baton);
    }
    if (poller->helper != NULL) {
        arm_all(poller);
        if (!ring_is_empty(&poller->ready))
            pal__poller_interrupt(poller);
    }
    return n_called;
}

void pal__poller_interrupt(pal__poller_t *poller)
{
    if (!pal__flag_set(&poller->is_interrupted, 1))
        post(poller, KEY_INTERRUPT, NULL);
}

/* ---- in a foreign loop ---- */

static int has_quit(const batch_t *batch)
{
    ULONG i;

    for (i = 0; i < batch->n; i++) {
        if (batch->entries[i].lpCompletionKey == KEY_QUIT)
            return 1;
    }
    return 0;
}

static DWORD WINAPI help(LPVOID baton)
{
    helper_t *helper = baton;
    batch_t *batch = &helper->batch;
    BOOL ok;

    for (;;) {
        ok = GetQueuedCompletionStatusEx(helper->port, batch->entries,
                                         MAX_FETCHED, &batch->n, INFINITE,
                                         FALSE);
        assert(ok);
        (void)ok;
        if (has_quit(batch))
            return 0;
        (void)SetEvent(helper->ready);
        (void)WaitForSingleObject(helper->resume, INFINITE);
    }
}

static void helper_free(helper_t *helper)
{
    if (helper->ready != NULL)
        (void)CloseHandle(helper->ready);
    if (helper->resume != NULL)
        (void)CloseHandle(helper->resume);
    free(helper);
}

static apr_status_t helper_create(helper_t **ret_helper, HANDLE port)
{
    helper_t *helper = calloc(1, sizeof(*helper));
    apr_status_t rv;

    if (helper == NULL)
        return APR_ENOMEM;
    helper->port = port;
    helper->ready = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (helper->ready != NULL)
        helper->resume = CreateEventW(NULL, FALSE, FALSE, NULL);
    if (helper->resume != NULL)
        helper->thread = CreateThread(NULL, 0, help, helper, 0, NULL);
    if (helper->thread == NULL) {
        rv = last_error();
        helper_free(helper);
        return rv;
    }
    *ret_helper = helper;
    return APR_SUCCESS;
}

apr_status_t pal__poller_handle(pal__poller_t *poller,
                                pal_handle_t *ret_handle)
{
    apr_status_t rv = APR_SUCCESS;

    if (poller->helper == NULL)
        rv = helper_create(&poller->helper, poller->port->handle);
    if (rv == APR_SUCCESS)
        *ret_handle = (pal_handle_t)poller->helper->ready;
    return rv;
}

apr_status_t pal__poller_prepare(pal__poller_t *poller)
{
    (void)poller; /* the helper waits all the time */
    return APR_SUCCESS;
}

static void helper_end(pal__poller_t *poller)
{
    helper_t *helper = poller->helper;

    post(poller, KEY_QUIT, NULL);
    (void)SetEvent(helper->resume);
    (void)WaitForSingleObject(helper->thread, INFINITE);
    (void)CloseHandle(helper->thread);
    sort(poller, &helper->batch);
    poller->helper = NULL;
    helper_free(helper);
}

/* ---- life ---- */

apr_status_t pal__poller_create(pal__poller_t **ret_poller, apr_pool_t *pool)
{
    pal__poller_t *poller = apr_palloc(pool, sizeof(*poller));
    apr_status_t rv;

    if (poller == NULL)
        return APR_ENOMEM;
    memset(poller, 0, sizeof(*poller));
    poller->armed = PAL__NEVER;
    ring_init(&poller->unarmed);
    ring_init(&poller->ready);
    rv = port_create(&poller->port);
    if (rv != APR_SUCCESS)
        return rv;
    poller->timer = CreateWaitableTimerExW(
        NULL, NULL, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION,
        TIMER_MODIFY_STATE | SYNCHRONIZE);
    *ret_poller = poller;
    return APR_SUCCESS;
}

void pal__poller_destroy(pal__poller_t *poller)
{
    apr_status_t rv = APR_SUCCESS;

    if (poller->helper != NULL)
        helper_end(poller);
    /* The system may still write into the OVERLAPPED of a closed source. */
    while (poller->n_lingering > 0 && rv == APR_SUCCESS)
        rv = fetch(poller, INFINITE);
    assert(rv == APR_SUCCESS);
    if (poller->timer != NULL)
        (void)CloseHandle(poller->timer);
    pal__port_release(&poller->port);
}
