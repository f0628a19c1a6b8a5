#include "config.h"

#include "lookout_unix.h"

#include "launcher_unix.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define STACK_SIZE (64 << 10)

typedef enum { STOPPED, LOOKING, QUIT } state_t;

struct pal__lookout_t {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t has_changed; /* the state */
    state_t state;
    int is_ready;     /* there is a byte in `ready` */
    int call_back[2]; /* pipes */
    int ready[2];
    struct pollfd *fds; /* the first is that of `call_back` */
    apr_size_t n;
    apr_size_t room;
};

static void put_byte(int fd)
{
    ssize_t n = write(fd, "", 1);

    assert(n == 1);
    (void)n;
}

/* If there is one. */
static void take_byte(int fd)
{
    char byte;

    (void)!read(fd, &byte, 1);
}

/* An error of poll, too, is for the loop to find. All signals are blocked. */
static void look(pal__lookout_t *lookout)
{
    int rc;

    (void)pthread_mutex_unlock(&lookout->lock);
    rc = poll(lookout->fds, (nfds_t)lookout->n, -1);
    (void)pthread_mutex_lock(&lookout->lock);
    if (rc < 0 || lookout->fds[0].revents == 0) {
        put_byte(lookout->ready[1]);
        lookout->is_ready = 1;
    }
    lookout->state = STOPPED;
    (void)pthread_cond_broadcast(&lookout->has_changed);
}

static void *run(void *arg)
{
    pal__lookout_t *lookout = arg;

    (void)pthread_mutex_lock(&lookout->lock);
    while (lookout->state != QUIT) {
        if (lookout->state == LOOKING)
            look(lookout);
        else
            (void)pthread_cond_wait(&lookout->has_changed, &lookout->lock);
    }
    (void)pthread_mutex_unlock(&lookout->lock);
    return NULL;
}

static void close_pipe(int ends[2])
{
    if (ends[0] >= 0)
        (void)close(ends[0]);
    if (ends[1] >= 0)
        (void)close(ends[1]);
}

static void release(pal__lookout_t *lookout)
{
    close_pipe(lookout->call_back);
    close_pipe(lookout->ready);
    (void)pthread_cond_destroy(&lookout->has_changed);
    (void)pthread_mutex_destroy(&lookout->lock);
    free(lookout->fds);
    free(lookout);
}

apr_status_t pal__lookout_create(pal__lookout_t **ret_lookout)
{
    pal__lookout_t *lookout = calloc(1, sizeof(*lookout));
    int err = 0;

    if (lookout == NULL)
        return APR_ENOMEM;
    lookout->call_back[0] = lookout->call_back[1] = -1;
    lookout->ready[0] = lookout->ready[1] = -1;
    (void)pthread_mutex_init(&lookout->lock, NULL);
    (void)pthread_cond_init(&lookout->has_changed, NULL);
    if (pipe2(lookout->call_back, O_CLOEXEC | O_NONBLOCK) != 0
        || pipe2(lookout->ready, O_CLOEXEC | O_NONBLOCK) != 0)
        err = errno;
    if (err == 0)
        err = pal__thread_start(&lookout->thread, STACK_SIZE, run, lookout);
    if (err != 0) {
        release(lookout);
        return err;
    }
    *ret_lookout = lookout;
    return APR_SUCCESS;
}

void pal__lookout_destroy(pal__lookout_t **lookout)
{
    pal__lookout_t *ending = *lookout;

    if (ending == NULL)
        return;
    pal__lookout_stop(ending);
    (void)pthread_mutex_lock(&ending->lock);
    ending->state = QUIT;
    (void)pthread_cond_broadcast(&ending->has_changed);
    (void)pthread_mutex_unlock(&ending->lock);
    (void)pthread_join(ending->thread, NULL);
    release(ending);
    *lookout = NULL;
}

int pal__lookout_fd(const pal__lookout_t *lookout)
{
    return lookout->ready[0];
}

struct pollfd *pal__lookout_room(pal__lookout_t *lookout, apr_size_t n)
{
    struct pollfd *fds;

    if (lookout->room < n + 1) {
        fds = realloc(lookout->fds, (n + 1) * 2 * sizeof(*fds));
        if (fds == NULL)
            return NULL;
        lookout->fds = fds;
        lookout->room = (n + 1) * 2;
    }
    return lookout->fds + 1;
}

void pal__lookout_start(pal__lookout_t *lookout, apr_size_t n)
{
    (void)pthread_mutex_lock(&lookout->lock);
    assert(lookout->state == STOPPED && n < lookout->room);
    lookout->fds[0].fd = lookout->call_back[0];
    lookout->fds[0].events = POLLIN;
    lookout->n = n + 1;
    lookout->state = LOOKING;
    (void)pthread_cond_broadcast(&lookout->has_changed);
    (void)pthread_mutex_unlock(&lookout->lock);
}

void pal__lookout_stop(pal__lookout_t *lookout)
{
    (void)pthread_mutex_lock(&lookout->lock);
    if (lookout->state == LOOKING)
        put_byte(lookout->call_back[1]);
    while (lookout->state == LOOKING)
        (void)pthread_cond_wait(&lookout->has_changed, &lookout->lock);
    take_byte(lookout->call_back[0]); /* it may have found something first */
    if (lookout->is_ready)
        take_byte(lookout->ready[0]);
    lookout->is_ready = 0;
    (void)pthread_mutex_unlock(&lookout->lock);
}
