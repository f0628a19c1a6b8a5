/* The loop and what goes through it: messages between two processes, timers,
 * posts from other threads; pal against the raw mechanism and libuv. */
#include "config.h"

#include "bench.h"
#include "loop_bench.h"

#include <pal/pal.h>

#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef HAVE_LIBUV
#    include <uv.h>
#endif

#define N_TRIPS 200
#define N_BUSY_TRIPS 2000
#define N_TIMERS 100000
#define N_POSTS 10000

/* What one way of talking is measured at. */
typedef struct talk_t {
    const transport_t *transport;
    bench_place_t place; /* of the peer */
    int len;
    int n_messages; /* for one sample */
    int with_burners;
} talk_t;

static apr_pool_t *pool;

/* ------------------------------------------------------------------------
 * Messages. */

static pid_t start_peer(void (*fn)(int fd, int len), int fd, int other,
                        const talk_t *talk)
{
    pid_t pid = fork();

    BENCH_CHECK(pid >= 0);
    if (pid > 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)close(other);
    bench_place(talk->place);
    if (fn != NULL)
        fn(fd, talk->len);
    else
        talk->transport->serve(fd);
    _exit(0);
}

/* A process that wants each processor all the time. */
static void start_burners(pid_t *pids)
{
    volatile int spin = 1;
    int i;

    for (i = 0; i < 2; i++) {
        pids[i] = fork();
        BENCH_CHECK(pids[i] >= 0);
        if (pids[i] > 0)
            continue;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        bench_place(i == 0 ? BENCH_FIRST : BENCH_SECOND);
        while (spin)
            continue;
    }
}

static void end_burners(const pid_t *pids)
{
    int i;

    for (i = 0; i < 2; i++) {
        BENCH_CHECK(kill(pids[i], SIGKILL) == 0);
        BENCH_CHECK(waitpid(pids[i], NULL, 0) == pids[i]);
    }
}

/* One sample: a fresh peer, and the mean over many messages. */
static double talk_once(const talk_t *talk, int is_stream)
{
    const transport_t *transport = talk->transport;
    double time;
    int ends[2];
    pid_t peer;

    BENCH_CHECK(
        socketpair(AF_UNIX, transport->socket_type | SOCK_CLOEXEC, 0, ends)
        == 0);
    peer =
        start_peer(is_stream ? transport->send : NULL, ends[1], ends[0], talk);
    (void)close(ends[1]);
    time = is_stream ? transport->receive(ends[0], talk->len, talk->n_messages)
                     : transport->ping(ends[0], talk->n_messages);
    BENCH_CHECK(waitpid(peer, NULL, 0) == peer);
    return time / talk->n_messages;
}

static void round_trip(const void *baton, double *ret_samples, int n)
{
    const talk_t *talk = baton;
    pid_t burners[2];
    int i;

    if (talk->with_burners)
        start_burners(burners);
    for (i = 0; i < n; i++)
        ret_samples[i] = talk_once(talk, 0);
    if (talk->with_burners)
        end_burners(burners);
}

static void stream(const void *baton, double *ret_samples, int n)
{
    int i;

    for (i = 0; i < n; i++)
        ret_samples[i] = talk_once(baton, 1);
}

/* ------------------------------------------------------------------------
 * Timers: one is started and stopped beside many; many go off. */

static void never(void *baton)
{
    (void)baton;
}

static void count_down(void *baton)
{
    --*(int *)baton;
}

static int is_zero(void *baton)
{
    return *(const int *)baton == 0;
}

static void raw_arm(const void *baton, double *ret_samples, int n)
{
    struct itimerspec on = {{0, 0}, {1000, 0}}, off = {{0, 0}, {0, 0}};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    double start;
    int i, k;

    (void)baton;
    for (i = 0; i < n; i++) {
        start = bench_now();
        for (k = 0; k < N_POSTS; k++) {
            (void)timerfd_settime(timer, 0, &on, NULL);
            (void)timerfd_settime(timer, 0, &off, NULL);
        }
        ret_samples[i] = (bench_now() - start) / N_POSTS;
    }
    (void)close(timer);
}

static pal_timer_t **make_timers(pal_loop_t *loop, pal_timer_fn_t fn,
                                 void *baton)
{
    pal_timer_t **timers = calloc(N_TIMERS, sizeof(pal_timer_t *));
    int i;

    BENCH_CHECK(timers != NULL);
    for (i = 0; i < N_TIMERS; i++)
        BENCH_CHECK(pal_timer_create(&timers[i], loop, fn, baton) == 0);
    return timers;
}

static void close_timers(pal_timer_t **timers)
{
    int i;

    for (i = 0; i < N_TIMERS; i++)
        pal_timer_close(&timers[i]);
    free(timers);
}

static void pal_arm(const void *baton, double *ret_samples, int n)
{
    pal_timer_t **timers;
    pal_loop_t *loop;
    double start;
    int i, k;

    (void)baton;
    BENCH_CHECK(pal_loop_create(&loop, pool) == 0);
    timers = make_timers(loop, never, NULL);
    for (i = 0; i < N_TIMERS; i++)
        (void)pal_timer_start(timers[i], 1000000000 + i * 7919 % 1000000);
    for (i = 0; i < n; i++) {
        start = bench_now();
        for (k = 0; k < N_POSTS; k++) {
            pal_timer_stop(timers[k]);
            (void)pal_timer_start(timers[k], 1000500000 - k);
        }
        ret_samples[i] = (bench_now() - start) / N_POSTS;
    }
    close_timers(timers);
    pal_loop_destroy(loop);
}

/* One timerfd that goes off, again and again. */
static void raw_fire(const void *baton, double *ret_samples, int n)
{
    struct itimerspec on = {{0, 0}, {0, 1}};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event;
    apr_uint64_t times;
    double start;
    int i, k;

    (void)baton;
    memset(&event, 0, sizeof(event));
    event.events = EPOLLIN;
    BENCH_CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) == 0);
    for (i = 0; i < n; i++) {
        start = bench_now();
        for (k = 0; k < N_POSTS; k++) {
            (void)timerfd_settime(timer, 0, &on, NULL);
            BENCH_CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
            BENCH_CHECK(read(timer, &times, sizeof(times)) == sizeof(times));
        }
        ret_samples[i] = (bench_now() - start) / N_POSTS;
    }
    (void)close(epoll);
    (void)close(timer);
}

static void pal_fire(const void *baton, double *ret_samples, int n)
{
    pal_timer_t **timers;
    pal_loop_t *loop;
    double start;
    int i, k, n_left;

    (void)baton;
    BENCH_CHECK(pal_loop_create(&loop, pool) == 0);
    timers = make_timers(loop, count_down, &n_left);
    for (i = 0; i < n; i++) {
        n_left = N_TIMERS;
        start = bench_now();
        for (k = 0; k < N_TIMERS; k++)
            (void)pal_timer_start(timers[k], k * 7919 % 1000);
        BENCH_CHECK(pal_loop_run_until(loop, is_zero, &n_left, -1) == 0);
        ret_samples[i] = (bench_now() - start) / N_TIMERS;
    }
    close_timers(timers);
    pal_loop_destroy(loop);
}

#ifdef HAVE_LIBUV

static uv_loop_t uv;
static int n_uv_left;

static void on_uv_timer(uv_timer_t *timer)
{
    (void)timer;
    n_uv_left--;
}

static uv_timer_t *make_uv_timers(void)
{
    uv_timer_t *timers = calloc(N_TIMERS, sizeof(uv_timer_t));
    int i;

    BENCH_CHECK(timers != NULL && uv_loop_init(&uv) == 0);
    for (i = 0; i < N_TIMERS; i++)
        (void)uv_timer_init(&uv, &timers[i]);
    return timers;
}

static void close_uv_timers(uv_timer_t *timers)
{
    int i;

    for (i = 0; i < N_TIMERS; i++)
        uv_close((uv_handle_t *)&timers[i], NULL);
    (void)uv_run(&uv, UV_RUN_DEFAULT);
    (void)uv_loop_close(&uv);
    free(timers);
}

static void libuv_arm(const void *baton, double *ret_samples, int n)
{
    uv_timer_t *timers = make_uv_timers();
    double start;
    int i, k;

    (void)baton;
    for (i = 0; i < N_TIMERS; i++)
        (void)uv_timer_start(&timers[i], on_uv_timer,
                             (uint64_t)(1000000 + i * 7919 % 1000000), 0);
    for (i = 0; i < n; i++) {
        start = bench_now();
        for (k = 0; k < N_POSTS; k++) {
            (void)uv_timer_stop(&timers[k]);
            (void)uv_timer_start(&timers[k], on_uv_timer,
                                 (uint64_t)(1500000 - k), 0);
        }
        ret_samples[i] = (bench_now() - start) / N_POSTS;
    }
    close_uv_timers(timers);
}

static void libuv_fire(const void *baton, double *ret_samples, int n)
{
    uv_timer_t *timers = make_uv_timers();
    double start;
    int i, k;

    (void)baton;
    for (i = 0; i < n; i++) {
        n_uv_left = N_TIMERS;
        start = bench_now();
        for (k = 0; k < N_TIMERS; k++)
            (void)uv_timer_start(&timers[k], on_uv_timer, k % 2, 0);
        while (n_uv_left > 0)
            (void)uv_run(&uv, UV_RUN_ONCE);
        ret_samples[i] = (bench_now() - start) / N_TIMERS;
    }
    close_uv_timers(timers);
}

#endif

/* ------------------------------------------------------------------------
 * Posts: a ball between two threads. */

typedef struct ball_t {
    pal_loop_t *loops[2];
    int events[2]; /* of the raw way */
#ifdef HAVE_LIBUV
    uv_loop_t uvs[2];
    uv_async_t asyncs[2];
#endif
    int n_left[2];
} ball_t;

static void raw_play(ball_t *ball, int side)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    apr_uint64_t one = 1, n;
    struct epoll_event event;

    memset(&event, 0, sizeof(event));
    event.events = EPOLLIN;
    BENCH_CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ball->events[side], &event)
                == 0);
    while (ball->n_left[side]-- > 0) {
        BENCH_CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
        BENCH_CHECK(read(ball->events[side], &n, sizeof(n)) == sizeof(n));
        BENCH_CHECK(write(ball->events[!side], &one, sizeof(one))
                    == sizeof(one));
    }
    (void)close(epoll);
}

static void raw_throw(ball_t *ball)
{
    apr_uint64_t one = 1;

    BENCH_CHECK(write(ball->events[0], &one, sizeof(one)) == sizeof(one));
}

static void on_second(void *baton);

static void on_first(void *baton)
{
    ball_t *ball = baton;

    ball->n_left[0]--;
    BENCH_CHECK(pal_loop_post(ball->loops[1], on_second, ball) == 0);
}

static void on_second(void *baton)
{
    ball_t *ball = baton;

    if (--ball->n_left[1] > 0)
        BENCH_CHECK(pal_loop_post(ball->loops[0], on_first, ball) == 0);
}

static void pal_play(ball_t *ball, int side)
{
    BENCH_CHECK(
        pal_loop_run_until(ball->loops[side], is_zero, &ball->n_left[side], -1)
        == 0);
}

static void pal_throw(ball_t *ball)
{
    BENCH_CHECK(pal_loop_post(ball->loops[0], on_first, ball) == 0);
}

#ifdef HAVE_LIBUV

static void on_async(uv_async_t *async)
{
    ball_t *ball = async->data;
    int side = async == &ball->asyncs[1];

    if (--ball->n_left[side] == 0)
        uv_stop(&ball->uvs[side]);
    if (side == 0 || ball->n_left[side] > 0)
        (void)uv_async_send(&ball->asyncs[!side]);
}

static void libuv_play(ball_t *ball, int side)
{
    (void)uv_run(&ball->uvs[side], UV_RUN_DEFAULT);
}

static void libuv_throw(ball_t *ball)
{
    (void)uv_async_send(&ball->asyncs[0]);
}

#endif

typedef struct game_t {
    void (*play)(ball_t *ball, int side);
    void (*serve)(ball_t *ball);
    bench_place_t place; /* of the other thread */
} game_t;

typedef struct player_t {
    const game_t *game;
    ball_t *ball;
} player_t;

static void *play_there(void *baton)
{
    player_t *player = baton;

    bench_place(player->game->place);
    player->game->play(player->ball, 1);
    return NULL;
}

static void open_ball(ball_t *ball)
{
    int i;

    for (i = 0; i < 2; i++) {
        ball->n_left[i] = N_TRIPS;
        ball->events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        BENCH_CHECK(pal_loop_create(&ball->loops[i], pool) == 0);
#ifdef HAVE_LIBUV
        BENCH_CHECK(uv_loop_init(&ball->uvs[i]) == 0);
        (void)uv_async_init(&ball->uvs[i], &ball->asyncs[i], on_async);
        ball->asyncs[i].data = ball;
#endif
    }
}

static void close_ball(ball_t *ball)
{
    int i;

    for (i = 0; i < 2; i++) {
        (void)close(ball->events[i]);
        pal_loop_destroy(ball->loops[i]);
#ifdef HAVE_LIBUV
        uv_close((uv_handle_t *)&ball->asyncs[i], NULL);
        (void)uv_run(&ball->uvs[i], UV_RUN_DEFAULT);
        (void)uv_loop_close(&ball->uvs[i]);
#endif
    }
}

static void post(const void *baton, double *ret_samples, int n)
{
    player_t player;
    pthread_t thread;
    ball_t ball;
    double start;
    int i;

    player.game = baton;
    player.ball = &ball;
    for (i = 0; i < n; i++) {
        open_ball(&ball);
        BENCH_CHECK(pthread_create(&thread, NULL, play_there, &player) == 0);
        start = bench_now();
        player.game->serve(&ball);
        player.game->play(&ball, 0);
        ret_samples[i] = (bench_now() - start) / N_TRIPS;
        BENCH_CHECK(pthread_join(thread, NULL) == 0);
        close_ball(&ball);
    }
}

/* ------------------------------------------------------------------------
 * What is measured. */

static const talk_t raw_same = {&bench_raw, BENCH_FIRST, SMALL, N_TRIPS, 0};
static const talk_t pal_same = {&bench_pal, BENCH_FIRST, SMALL, N_TRIPS, 0};
static const talk_t raw_two = {&bench_raw, BENCH_SECOND, SMALL, N_TRIPS, 0};
static const talk_t pal_two = {&bench_pal, BENCH_SECOND, SMALL, N_TRIPS, 0};
static const talk_t raw_polling = {&bench_raw_polling, BENCH_SECOND, SMALL,
                                   N_TRIPS, 0};
static const talk_t pal_polling = {&bench_pal_polling, BENCH_SECOND, SMALL,
                                   N_TRIPS, 0};
static const talk_t raw_busy = {&bench_raw, BENCH_SECOND, SMALL, N_BUSY_TRIPS,
                                1};
static const talk_t raw_polling_busy = {&bench_raw_polling, BENCH_SECOND,
                                        SMALL, N_BUSY_TRIPS, 1};
static const talk_t pal_busy = {&bench_pal, BENCH_SECOND, SMALL, N_BUSY_TRIPS,
                                1};
static const talk_t pal_polling_busy = {&bench_pal_polling, BENCH_SECOND,
                                        SMALL, N_BUSY_TRIPS, 1};
static const talk_t raw_64 = {&bench_raw, BENCH_FIRST, 64, 20000, 0};
static const talk_t pal_64 = {&bench_pal, BENCH_FIRST, 64, 20000, 0};
static const talk_t raw_64k = {&bench_raw, BENCH_FIRST, LARGE, 1000, 0};
static const talk_t pal_64k = {&bench_pal, BENCH_FIRST, LARGE, 1000, 0};
static const talk_t raw_rights = {&bench_raw_rights, BENCH_FIRST, 1, 5000, 0};
static const talk_t pal_rights = {&bench_pal_rights, BENCH_FIRST, 1, 5000, 0};
static const game_t raw_game = {raw_play, raw_throw, BENCH_FIRST};
static const game_t pal_game = {pal_play, pal_throw, BENCH_FIRST};
static const game_t raw_game_two = {raw_play, raw_throw, BENCH_SECOND};
static const game_t pal_game_two = {pal_play, pal_throw, BENCH_SECOND};

#ifdef HAVE_LIBUV
static const talk_t uv_same = {&bench_libuv, BENCH_FIRST, SMALL, N_TRIPS, 0};
static const talk_t uv_two = {&bench_libuv, BENCH_SECOND, SMALL, N_TRIPS, 0};
static const talk_t uv_64 = {&bench_libuv, BENCH_FIRST, 64, 20000, 0};
static const talk_t uv_64k = {&bench_libuv, BENCH_FIRST, LARGE, 1000, 0};
static const game_t uv_game = {libuv_play, libuv_throw, BENCH_FIRST};
static const game_t uv_game_two = {libuv_play, libuv_throw, BENCH_SECOND};
#    define WITH_LIBUV(row, n, fn, baton) {row, "libuv", 0, 0, n, fn, baton},
#else
#    define WITH_LIBUV(row, n, fn, baton)
#endif

static const bench_way_t same_ways[] = {
    {"8 B, one core", "epoll, SEQPACKET", 0, 0, 20, round_trip, &raw_same},
    {"8 B, one core", "pal", 0, 1.15, 20, round_trip, &pal_same},
    WITH_LIBUV("8 B, one core", 20, round_trip, &uv_same)};

static const bench_way_t two_ways[] = {
    {"8 B, two cores", "epoll, SEQPACKET", 0, 0, 20, round_trip, &raw_two},
    {"8 B, two cores", "pal", 0, 1.15, 20, round_trip, &pal_two},
    WITH_LIBUV("8 B, two cores", 20, round_trip, &uv_two)};

static const bench_way_t polling_ways[] = {
    {"8 B, polling", "SEQPACKET, 50 us", 0, 0, 20, round_trip, &raw_polling},
    {"8 B, polling", "pal, 50 us", 0, 2, 20, round_trip, &pal_polling},
    {"8 B, polling", "pal, blocking", 0, 0, 20, round_trip, &pal_two}};

static const bench_way_t busy_ways[] = {
    {"8 B, cores busy", "pal, blocking", 0, 0, 1, round_trip, &pal_busy},
    {"8 B, cores busy", "pal, 50 us", 0, 1.15, 1, round_trip,
     &pal_polling_busy},
    {"8 B, cores busy", "epoll, SEQPACKET", 0, 0, 1, round_trip, &raw_busy},
    {"8 B, cores busy", "SEQPACKET, 50 us", 0, 0, 1, round_trip,
     &raw_polling_busy}};

static const bench_way_t small_ways[] = {
    {"64 B stream", "epoll, SEQPACKET", 0, 0, 5, stream, &raw_64},
    {"64 B stream", "pal", 0, 0, 5, stream, &pal_64},
    WITH_LIBUV("64 B stream", 5, stream, &uv_64)};

static const bench_way_t large_ways[] = {
    {"64 KiB stream", "epoll, SEQPACKET", 0, 0, 5, stream, &raw_64k},
    {"64 KiB stream", "pal", 0, 0, 5, stream, &pal_64k},
    WITH_LIBUV("64 KiB stream", 5, stream, &uv_64k)};

/* 0.9 of the raw throughput. */
static const bench_way_t rights_ways[] = {
    {"descriptors", "SCM_RIGHTS", 0, 0, 5, stream, &raw_rights},
    {"descriptors", "pal", 0, 1.11, 5, stream, &pal_rights}};

static const bench_way_t arm_ways[] = {
    {"timer, stop+start", "timerfd", 0, 0, 5, raw_arm, NULL},
    {"timer, stop+start", "pal", 0, 0, 5, pal_arm, NULL},
    WITH_LIBUV("timer, stop+start", 5, libuv_arm, NULL)};

static const bench_way_t fire_ways[] = {
    {"timer, start to end", "timerfd, epoll", 0, 0, 5, raw_fire, NULL},
    {"timer, start to end", "pal", 0, 0, 5, pal_fire, NULL},
    WITH_LIBUV("timer, start to end", 5, libuv_fire, NULL)};

static const bench_way_t post_ways[] = {
    {"post, one core", "eventfd, epoll", 0, 0, 10, post, &raw_game},
    {"post, one core", "pal", 0, 0, 10, post, &pal_game},
    WITH_LIBUV("post, one core", 10, post, &uv_game)};

static const bench_way_t post_two_ways[] = {
    {"post, two cores", "eventfd, epoll", 0, 0, 10, post, &raw_game_two},
    {"post, two cores", "pal", 0, 0, 10, post, &pal_game_two},
    WITH_LIBUV("post, two cores", 10, post, &uv_game_two)};

static void prepare(void)
{
    BENCH_CHECK(pal_initialize() == 0);
    BENCH_CHECK(apr_pool_create(&pool, NULL) == 0);
}

#define GROUP(name, ways)                                                     \
    bench_group(name, "us", ways, (int)(sizeof(ways) / sizeof((ways)[0])))

int main(int argc, char **argv)
{
    bench_start(argc, argv);
    bench_stage_start(0, prepare);
    GROUP("round_trip", same_ways);
    if (bench_n_cpus() > 1) {
        GROUP("two_cores", two_ways);
        GROUP("polling", polling_ways);
        GROUP("busy", busy_ways);
    }
    GROUP("small", small_ways);
    GROUP("large", large_ways);
    GROUP("rights", rights_ways);
    GROUP("arm", arm_ways);
    GROUP("fire", fire_ways);
    GROUP("post", post_ways);
    if (bench_n_cpus() > 1)
        GROUP("post_two", post_two_ways);
    return bench_finish();
}
