#include "config.h"

#include "launcher_unix.h"

#include <stddef.h>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* A launch needs little, but the sanitizers and static thread-local data of
 * the program take their share. */
#define LAUNCHER_STACK_SIZE (256 << 10)

/* One call; it lives on the stack of the thread that waits for it. */
typedef struct call_t {
    struct call_t *next;
    void (*fn)(void *baton);
    void *baton;
    int is_done;
} call_t;

/* The one piece of process-wide state in pal: there can be only one set of
 * parent-death signals per thread, and no thread ends when a library would
 * like it to. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t has_work, has_done;
    call_t *first, **last;
    pid_t owner; /* process that has the thread; another one after a fork */
} launcher = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
              PTHREAD_COND_INITIALIZER,  NULL,
              &launcher.first,           0};

static void *run_launcher(void *arg)
{
    call_t *call;

    (void)pthread_mutex_lock(&launcher.lock);
    for (;;) {
        while (launcher.first == NULL)
            (void)pthread_cond_wait(&launcher.has_work, &launcher.lock);
        call = launcher.first;
        launcher.first = call->next;
        if (launcher.first == NULL)
            launcher.last = &launcher.first;
        (void)pthread_mutex_unlock(&launcher.lock);
        call->fn(call->baton);
        (void)pthread_mutex_lock(&launcher.lock);
        call->is_done = 1;
        (void)pthread_cond_broadcast(&launcher.has_done);
    }
    return arg;
}

int pal__thread_start(pthread_t *ret_thread, size_t stack_size,
                      void *(*fn)(void *), void *arg)
{
    pthread_attr_t attr;
    sigset_t all, old;
    int err = pthread_attr_init(&attr);

    if (err != 0)
        return err;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    err = pthread_attr_setstacksize(&attr, stack_size);
    if (err == 0)
        err = pthread_create(ret_thread, &attr, fn, arg);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)pthread_attr_destroy(&attr);
    return err;
}

/* Make the thread if this process has none. The lock is held. */
static int need_thread(void)
{
    pthread_t thread;
    int err;

    if (launcher.owner == getpid())
        return 0;
    launcher.first = NULL; /* calls of another process, if any */
    launcher.last = &launcher.first;
    err = pal__thread_start(&thread, LAUNCHER_STACK_SIZE, run_launcher, NULL);
    if (err == 0) {
        (void)pthread_detach(thread);
        launcher.owner = getpid();
    }
    return err;
}

apr_status_t pal__launcher_call(void (*fn)(void *baton), void *baton)
{
    call_t call;
    int err, cancel;

    call.next = NULL;
    call.fn = fn;
    call.baton = baton;
    call.is_done = 0;
    /* The launcher writes to this stack: the thread must not end here. */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    (void)pthread_mutex_lock(&launcher.lock);
    err = need_thread();
    if (err == 0) {
        *launcher.last = &call;
        launcher.last = &call.next;
        (void)pthread_cond_signal(&launcher.has_work);
        while (!call.is_done)
            (void)pthread_cond_wait(&launcher.has_done, &launcher.lock);
    }
    (void)pthread_mutex_unlock(&launcher.lock);
    (void)pthread_setcancelstate(cancel, NULL);
    return err;
}
