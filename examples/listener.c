/* A server at a path, and its client:
 *
 *   listener serve PATH N    answer N clients, then end
 *   listener call PATH NAME  be one of them
 *
 * The server says when it listens, and greets; the client prints the
 * greeting. */
#include <pal/pal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE (5 * APR_USEC_PER_SEC)

/* One end of a connection: the server's, or the client's. */
typedef struct end_t {
    pal_channel_t *channel;
    pal_loop_t *loop;
    int *n_left; /* clients of the server */
} end_t;

/* What the callbacks of the server share. */
typedef struct server_t {
    pal_loop_t *loop;
    int n_left;
} server_t;

static void check(apr_status_t rv, const char *what)
{
    char text[128];

    if (rv == APR_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, pal_status_text(rv, text, sizeof(text)));
    exit(1);
}

static apr_status_t send_text(pal_channel_t *channel, const char *text)
{
    pal_bytes_t part;

    part.data = text;
    part.len = strlen(text);
    return pal_channel_send(channel, &part, 1, NULL, 0);
}

/* A text of at most `room` - 1 bytes; handles are none of our business. */
static apr_status_t receive_text(pal_channel_t *channel, char *text,
                                 apr_size_t room)
{
    pal_handle_t handles[PAL_CHANNEL_MAX_HANDLES];
    apr_size_t len = 0;
    int n = 0;
    apr_status_t rv =
        pal_channel_recv(channel, text, room - 1, &len, handles, &n);

    while (n > 0)
        pal_handle_close(&handles[--n]);
    text[len] = '\0';
    return rv;
}

/* ---- the server ---- */

static void on_request(void *baton, int events)
{
    end_t *end = baton;
    char name[100], greeting[120];
    apr_status_t rv = receive_text(end->channel, name, sizeof(name));

    (void)events;
    if (rv == APR_SUCCESS) {
        (void)snprintf(greeting, sizeof(greeting), "hello %s", name);
        (void)send_text(end->channel, greeting);
        return;
    }
    if (APR_STATUS_IS_EAGAIN(rv))
        return;
    pal_channel_close(&end->channel); /* the client has left */
    if (--*end->n_left == 0)
        pal_loop_stop(end->loop);
    free(end);
}

static void on_client(void *baton, pal_listener_t *listener)
{
    server_t *server = baton;
    pal_handle_t handle;
    pal_peer_t peer;

    while (pal_listener_accept(listener, &handle, &peer) == APR_SUCCESS) {
        end_t *end = calloc(1, sizeof(*end));

        check(end != NULL ? APR_SUCCESS : APR_ENOMEM, "a client");
        end->loop = server->loop;
        end->n_left = &server->n_left;
        check(pal_channel_open(&end->channel, &handle), "pal_channel_open");
        pal_channel_queue_set(end->channel, 10000);
        check(pal_channel_watch(end->channel, server->loop, PAL_READABLE,
                                on_request, end),
              "pal_channel_watch");
    }
}

static void serve(const char *path, int n, pal_loop_t *loop, apr_pool_t *pool)
{
    pal_listener_t *listener;
    server_t server;

    server.loop = loop;
    server.n_left = n;
    check(pal_listener_create(&listener, PAL_LISTEN_CHANNEL, pool),
          "pal_listener_create");
    check(pal_listener_open(listener, path), path);
    check(pal_listener_watch(listener, loop, on_client, &server),
          "pal_listener_watch");
    printf("listening\n");
    (void)fflush(stdout);
    check(pal_loop_run(loop), "pal_loop_run");
    pal_listener_close(listener);
}

/* ---- the client ---- */

static void on_answer(void *baton, int events)
{
    end_t *end = baton;
    char text[120];
    apr_status_t rv = receive_text(end->channel, text, sizeof(text));

    (void)events;
    if (APR_STATUS_IS_EAGAIN(rv))
        return;
    check(rv, "the answer");
    printf("%s\n", text);
    pal_loop_stop(end->loop);
}

static void call(const char *path, const char *name, pal_loop_t *loop)
{
    pal_handle_t handle;
    end_t end;

    end.loop = loop;
    check(pal_connect(&handle, PAL_LISTEN_CHANNEL, path, PATIENCE, NULL),
          path);
    check(pal_channel_open(&end.channel, &handle), "pal_channel_open");
    check(pal_channel_watch(end.channel, loop, PAL_READABLE, on_answer, &end),
          "pal_channel_watch");
    check(send_text(end.channel, name), "pal_channel_send");
    check(pal_loop_run(loop), "pal_loop_run");
    pal_channel_close(&end.channel);
}

int main(int argc, char **argv)
{
    pal_loop_t *loop;
    apr_pool_t *pool;

    if (argc != 4)
        return 2;
    check(pal_initialize(), "pal_initialize");
    check(apr_pool_create(&pool, NULL), "apr_pool_create");
    check(pal_loop_create(&loop, pool), "pal_loop_create");
    if (strcmp(argv[1], "serve") == 0)
        serve(argv[2], atoi(argv[3]), loop, pool);
    else
        call(argv[2], argv[3], loop);
    pal_loop_destroy(loop);
    apr_pool_destroy(pool);
    pal_terminate();
    return 0;
}
