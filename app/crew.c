#include "config.h"

#include "crew.h"

#include "demo.pb-c.h"

#include <mesh/channel.h>
#include <mesh/rpc.h>

#include <pal/confine.h>

#include <apr_strings.h>

#include <string.h>

/* Sanitizers reserve terabytes of address space and die at once under any
 * limit of it, so programs built with them have no --memory-limit. Nor can
 * LeakSanitizer look into a confined process. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define CREW_HAS_SANITIZER 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define CREW_HAS_SANITIZER 1
#    endif
#endif
#ifndef CREW_HAS_SANITIZER
#    define CREW_HAS_SANITIZER 0
#endif

/* How long a worker may take to become ready, and to end once it is lost. */
#define START_TIMEOUT apr_time_from_sec(60)
#define END_TIMEOUT apr_time_from_sec(1)

/* Workers that are lost over one document before it has failed. */
#define MAX_ATTEMPTS 2

typedef enum {
    WORKER_OFF,
    WORKER_STARTING,
    WORKER_READY,
    WORKER_BUSY,
    WORKER_LOST
} worker_state_t;

typedef struct worker_t {
    crew_t *crew;
    worker_state_t state;
    int was_ready;  /* this launch came to something */
    int is_overdue; /* it is lost because its time was up */
    mesh_host_config_t *config;
    mesh_host_t *host;
    mesh_sender_t *calls;
    mesh_port_t *reply; /* a oneshot: that it is ready, or a verdict */
    pal_timer_t *timer;
    document_t *document;
} worker_t;

struct crew_t {
    mesh_hosts_t *hosts;
    mesh_node_t *node;
    apr_interval_time_t timeout;
    crew_fn_t fn;
    void *baton;
    int is_stopped;
    int n_failures; /* launches in a row that came to nothing */
    char why[DOCUMENT_WHY_LEN];
    int n_workers;
    worker_t *workers;
};

static void launch(worker_t *worker);

static void notify(crew_t *crew, document_t *document)
{
    if (!crew->is_stopped)
        crew->fn(crew->baton, document);
}

static void launch_failed(crew_t *crew, const char *why, apr_status_t status)
{
    char text[120];

    crew->n_failures++;
    apr_snprintf(crew->why, sizeof(crew->why), "no worker: %s%s%s", why,
                 status != APR_SUCCESS ? ": " : "",
                 status != APR_SUCCESS
                     ? mesh_status_text(status, text, sizeof(text))
                     : "");
}

/* Send the worker's document. On failure the document has its result. */
static void call(worker_t *worker)
{
    crew_t *crew = worker->crew;
    Demo__CheckCall message = DEMO__CHECK_CALL__INIT;
    Mesh__Handle file_field = MESH__HANDLE__INIT;
    Mesh__Port reply_field = MESH__PORT__INIT;
    pal_handle_t file = PAL_HANDLE_NONE;
    mesh_port_t *answer = NULL;
    apr_status_t rv;

    rv = pal_handle_dup(worker->document->file, &file);
    if (rv == APR_SUCCESS)
        rv = mesh_port_pair(crew->node, &answer, &worker->reply);
    if (rv == APR_SUCCESS) {
        file_field.slot = mesh_handle_slot(&file);
        reply_field.slot = mesh_port_slot(&answer);
        message.file = &file_field;
        message.reply = &reply_field;
        rv = mesh_send(worker->calls, &message.base);
    }
    pal_handle_close(&file);
    mesh_port_close(&answer);
    if (rv != APR_SUCCESS) {
        mesh_port_close(&worker->reply);
        document_fail(worker->document, "cannot be sent", rv);
        worker->document = NULL;
        return;
    }
    worker->state = WORKER_BUSY;
}

/* Wait for the answer that `reply` is for. */
static void expect(worker_t *worker, apr_interval_time_t timeout,
                   mesh_oneshot_fn_t fn)
{
    if (mesh_oneshot_ready_set(worker->reply, fn, worker) != APR_SUCCESS
        || pal_timer_start(worker->timer, timeout) != APR_SUCCESS) {
        worker->state = WORKER_LOST;
        (void)mesh_host_kill(worker->host);
    }
}

/* It is of no use any more; its exit, which is to come, tells why. */
static void lose(worker_t *worker)
{
    worker->state = WORKER_LOST;
    if (pal_timer_start(worker->timer, END_TIMEOUT) != APR_SUCCESS)
        (void)mesh_host_kill(worker->host);
}

/* The verdict in `message`. 0: there is no sensible one. */
static int read_verdict(mesh_message_t *message, verdict_t *ret_verdict)
{
    ProtobufCMessage *value;
    const Demo__Verdict *told;

    if (mesh_message_unpack(message, &demo__verdict__descriptor, &value)
        != APR_SUCCESS)
        return 0;
    told = (const Demo__Verdict *)value;
    if (told->kind > VERDICT_FAILED)
        return 0;
    if (told->kind == VERDICT_MALFORMED && !check_error_text(told->xml_error))
        return 0;
    if (told->kind == VERDICT_FAILED && told->status == APR_SUCCESS
        && !check_error_text(told->xml_error))
        return 0;
    ret_verdict->kind = (verdict_kind_t)told->kind;
    ret_verdict->xml_error = told->xml_error;
    ret_verdict->status = told->status;
    ret_verdict->line = told->line;
    ret_verdict->column = told->column;
    ret_verdict->elements = told->elements;
    ret_verdict->bytes = told->bytes;
    return 1;
}

static void on_verdict(void *baton, apr_status_t status,
                       mesh_message_t *message)
{
    worker_t *worker = baton;
    document_t *document = worker->document;
    verdict_t verdict;

    worker->reply = NULL;
    if (status != APR_SUCCESS || !read_verdict(message, &verdict)) {
        mesh_message_destroy(&message);
        lose(worker);
        return;
    }
    mesh_message_destroy(&message);
    /* It may come after the worker's time was up; it counts all the same. */
    worker->document = NULL;
    if (worker->state == WORKER_BUSY) {
        pal_timer_stop(worker->timer);
        worker->state = WORKER_READY;
    }
    document_judge(document, &verdict);
    notify(worker->crew, document);
}

/* Check the document that the worker has. */
static void check(worker_t *worker)
{
    call(worker);
    if (worker->state == WORKER_BUSY)
        expect(worker, worker->crew->timeout, on_verdict);
}

static void on_ready(void *baton, apr_status_t status, mesh_message_t *message)
{
    worker_t *worker = baton;
    document_t *document = worker->document;

    worker->reply = NULL;
    mesh_message_destroy(&message);
    if (status != APR_SUCCESS) {
        lose(worker);
        return;
    }
    pal_timer_stop(worker->timer);
    worker->crew->n_failures = 0;
    worker->was_ready = 1;
    worker->state = WORKER_READY;
    if (document)
        check(worker);
    notify(worker->crew, document && document->is_done ? document : NULL);
}

static void on_time_up(void *baton)
{
    worker_t *worker = baton;

    if (worker->state != WORKER_LOST) {
        worker->state = WORKER_LOST;
        worker->is_overdue = 1;
    }
    (void)mesh_host_kill(worker->host);
}

/* Close all that one launch has. */
static void clear(worker_t *worker)
{
    pal_timer_stop(worker->timer);
    mesh_port_close(&worker->reply);
    mesh_sender_close(&worker->calls);
    mesh_host_close(&worker->host);
    worker->state = WORKER_OFF;
    worker->was_ready = 0;
    worker->is_overdue = 0;
}

/* Say how the worker ended, of a document or a start that took too long. */
static void describe_end(const worker_t *worker, mesh_host_t *host, char *buf,
                         apr_size_t len)
{
    int signal = mesh_host_exit_signal(host);

    if (worker->is_overdue)
        apr_snprintf(buf, len, "timed out after %d s",
                     (int)apr_time_sec(worker->was_ready
                                           ? worker->crew->timeout
                                           : START_TIMEOUT));
    else if (signal != 0)
        apr_snprintf(buf, len, "worker died (signal %d)", signal);
    else
        apr_snprintf(buf, len, "worker died (exit code %d)",
                     mesh_host_exit_code(host));
}

static void on_exited(void *baton, mesh_host_t *host, apr_status_t status)
{
    worker_t *worker = baton;
    crew_t *crew = worker->crew;
    document_t *document = worker->document;
    char how[DOCUMENT_WHY_LEN];

    (void)status;
    if (crew->is_stopped)
        return;
    describe_end(worker, host, how, sizeof(how));
    if (!worker->was_ready)
        launch_failed(crew, how, APR_SUCCESS);
    else if (document)
        document->n_attempts++;
    clear(worker);
    if (document) {
        if (document->n_attempts < MAX_ATTEMPTS)
            launch(worker);
        else
            document_fail(document, how, APR_SUCCESS);
        if (worker->state == WORKER_OFF) {
            worker->document = NULL;
            if (!document->is_done)
                document_fail(document, crew->why, APR_SUCCESS);
            notify(crew, document);
            return;
        }
    }
    notify(crew, NULL);
}

/* Launch a worker once. On failure nothing is left of it. */
static apr_status_t launch_once(worker_t *worker)
{
    crew_t *crew = worker->crew;
    Demo__WorkerStart start = DEMO__WORKER_START__INIT;
    Mesh__Port calls_field = MESH__PORT__INIT;
    Mesh__Port ready_field = MESH__PORT__INIT;
    mesh_receiver_t *receiver = NULL;
    mesh_port_t *calls = NULL;
    mesh_port_t *ready = NULL;
    apr_status_t rv;

    rv = mesh_channel_create(crew->node, &worker->calls, &receiver);
    if (rv == APR_SUCCESS)
        rv = mesh_receiver_to_port(&receiver, &calls);
    if (rv == APR_SUCCESS)
        rv = mesh_port_pair(crew->node, &ready, &worker->reply);
    if (rv == APR_SUCCESS) {
        calls_field.slot = mesh_port_slot(&calls);
        ready_field.slot = mesh_port_slot(&ready);
        start.calls = &calls_field;
        start.ready = &ready_field;
        rv = mesh_host_launch(&worker->host, crew->hosts, worker->config,
                              &start.base);
    }
    mesh_port_close(&ready);
    mesh_port_close(&calls);
    mesh_receiver_close(&receiver);
    if (rv != APR_SUCCESS)
        clear(worker);
    return rv;
}

/* Launch a worker, or leave it OFF if that goes wrong too often. */
static void launch(worker_t *worker)
{
    crew_t *crew = worker->crew;
    pal_step_t step;
    char why[80];

    while (crew->n_failures < CREW_MAX_FAILURES) {
        apr_status_t rv = launch_once(worker);

        if (rv == APR_SUCCESS) {
            worker->state = WORKER_STARTING;
            expect(worker, START_TIMEOUT, on_ready);
            return;
        }
        step = mesh_host_config_failed_step(worker->config);
        apr_snprintf(why, sizeof(why), "cannot be launched%s%s",
                     step != PAL_STEP_NONE ? ": " : "",
                     step != PAL_STEP_NONE ? pal_step_name(step) : "");
        launch_failed(crew, why, rv);
    }
}

int crew_confines(const options_t *options)
{
    return options->confine && pal_confine_offers(PAL_CONFINE_SYSCALLS);
}

static apr_status_t configure(worker_t *worker, const options_t *options,
                              pal_handle_t errors, int number,
                              apr_pool_t *pool)
{
    char *name = apr_psprintf(pool, "worker-%d", number);
    pal_command_t *command;
    apr_status_t rv;

    rv = mesh_host_config_create(&worker->config, name, pool);
    if (rv != APR_SUCCESS)
        return rv;
    command = mesh_host_config_command(worker->config);
    rv = pal_command_handle_add(command, errors, 2);
    if (rv == APR_SUCCESS)
        rv = pal_command_limit_set(command, PAL_LIMIT_CORE, 0);
    if (rv == APR_SUCCESS && !CREW_HAS_SANITIZER)
        rv = pal_command_limit_set(command, PAL_LIMIT_MEMORY, options->memory);
    if (rv == APR_SUCCESS && CREW_HAS_SANITIZER && options->confine)
        rv = pal_command_env_set(command, "LSAN_OPTIONS", "detect_leaks=0");
    if (crew_confines(options))
        mesh_host_config_confine_set(worker->config, MESH_CONFINE_WORKER,
                                     MESH_CONFINE_FIRST);
    mesh_host_config_exited_set(worker->config, on_exited, worker);
    return rv;
}

apr_status_t crew_create(crew_t **ret_crew, mesh_hosts_t *hosts,
                         const options_t *options, pal_handle_t errors,
                         crew_fn_t fn, void *baton, apr_pool_t *pool)
{
    crew_t *crew = apr_pcalloc(pool, sizeof(*crew));
    apr_status_t rv = APR_SUCCESS;

    crew->hosts = hosts;
    crew->node = mesh_hosts_node(hosts);
    crew->timeout = options->timeout;
    crew->fn = fn;
    crew->baton = baton;
    crew->workers = apr_pcalloc(pool, (apr_size_t)options->n_jobs
                                          * sizeof(*crew->workers));
    while (rv == APR_SUCCESS && crew->n_workers < options->n_jobs) {
        worker_t *worker = &crew->workers[crew->n_workers];

        worker->crew = crew;
        rv = configure(worker, options, errors, crew->n_workers + 1, pool);
        if (rv == APR_SUCCESS)
            rv = pal_timer_create(&worker->timer, mesh_node_loop(crew->node),
                                  on_time_up, worker);
        if (rv == APR_SUCCESS)
            crew->n_workers++;
    }
    if (rv != APR_SUCCESS) {
        crew_stop(crew, 1);
        return rv;
    }
    *ret_crew = crew;
    return APR_SUCCESS;
}

int crew_give(crew_t *crew, document_t *document)
{
    for (int i = 0; i < crew->n_workers; i++) {
        worker_t *worker = &crew->workers[i];

        if (worker->state == WORKER_READY) {
            worker->document = document;
            check(worker);
            return 1;
        }
    }
    return 0;
}

void crew_want(crew_t *crew, int n_documents)
{
    for (int i = 0; i < crew->n_workers; i++) {
        const worker_t *worker = &crew->workers[i];

        if (worker->state == WORKER_READY
            || (worker->state == WORKER_STARTING && !worker->document))
            n_documents--;
    }
    for (int i = 0; i < crew->n_workers && n_documents > 0; i++) {
        if (crew->workers[i].state == WORKER_OFF) {
            launch(&crew->workers[i]);
            n_documents--;
        }
    }
}

int crew_n_workers(crew_t *crew)
{
    int n = 0;

    for (int i = 0; i < crew->n_workers; i++)
        n += crew->workers[i].state != WORKER_OFF;
    return n;
}

const char *crew_given_up(crew_t *crew)
{
    if (crew->n_failures < CREW_MAX_FAILURES || crew_n_workers(crew) > 0)
        return NULL;
    return crew->why;
}

void crew_stop(crew_t *crew, int now)
{
    crew->is_stopped = 1;
    for (int i = 0; i < crew->n_workers; i++) {
        worker_t *worker = &crew->workers[i];

        if (now && worker->host)
            (void)mesh_host_kill(worker->host);
        clear(worker);
        pal_timer_close(&worker->timer);
    }
}
