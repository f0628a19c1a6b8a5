#include "config.h"

#include "walk.h"

#include <pal/file.h>
#include <pal/status.h>

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_pool.h>

#include <string.h>

/* A folder that is being walked. */
typedef struct frame_t {
    pal_handle_t folder;
    apr_pool_t *pool; /* of `entries` and `path` */
    apr_array_header_t *entries;
    int next;
    const char *path;
} frame_t;

struct walk_t {
    apr_thread_pool_t *threads;
    const char *const *paths;
    int n_paths;
    int max_open;
    pal_wake_t *wake;

    /* The walking thread's own. */
    frame_t frames[WALK_MAX_DEPTH];
    int n_frames;

    /* Shared, under `mutex`. */
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *has_room;
    document_t *first;
    document_t **last;
    int n_waiting; /* documents in the queue */
    int n_open;    /* those with a file, taken or not */
    int is_stopped;
    int is_finished;
};

/* Wait until one more file may be opened. 0: the walk is to end. */
static int wait_for_room(walk_t *walk)
{
    int go_on;

    apr_thread_mutex_lock(walk->mutex);
    while (!walk->is_stopped
           && (walk->n_open >= walk->max_open
               || walk->n_waiting >= walk->max_open))
        apr_thread_cond_wait(walk->has_room, walk->mutex);
    go_on = !walk->is_stopped;
    apr_thread_mutex_unlock(walk->mutex);
    return go_on;
}

/* The wake is signalled under the lock, because walk_stop, which comes before
 * it is closed, must be able to rely on no signal being under way. */
static void put(walk_t *walk, document_t *document)
{
    apr_thread_mutex_lock(walk->mutex);
    *walk->last = document;
    walk->last = &document->next;
    walk->n_waiting++;
    if (document->file != PAL_HANDLE_NONE)
        walk->n_open++;
    pal_wake_signal(walk->wake);
    apr_thread_mutex_unlock(walk->mutex);
}

static void put_failed(walk_t *walk, const char *path, const char *why,
                       apr_status_t status)
{
    document_t *document = document_create(path);

    if (status == PAL_E_KIND)
        document_fail(document, "not a regular file", APR_SUCCESS);
    else
        document_fail(document, why, status);
    put(walk, document);
}

/* Ownership: *folder is taken. */
static void enter(walk_t *walk, const char *path, pal_handle_t *folder)
{
    frame_t *frame = &walk->frames[walk->n_frames];
    apr_status_t rv;

    if (walk->n_frames == WALK_MAX_DEPTH) {
        put_failed(walk, path, "folders are nested too deeply", APR_SUCCESS);
        pal_handle_close(folder);
        return;
    }
    rv = apr_pool_create(&frame->pool, NULL);
    if (rv == APR_SUCCESS) {
        rv = pal_folder_list(*folder, &frame->entries, frame->pool);
        if (rv != APR_SUCCESS)
            apr_pool_destroy(frame->pool);
    }
    if (rv != APR_SUCCESS) {
        put_failed(walk, path, "", rv);
        pal_handle_close(folder);
        return;
    }
    frame->path = apr_pstrdup(frame->pool, path);
    frame->folder = *folder;
    *folder = PAL_HANDLE_NONE;
    frame->next = 0;
    walk->n_frames++;
}

static void leave(walk_t *walk)
{
    frame_t *frame = &walk->frames[--walk->n_frames];

    pal_handle_close(&frame->folder);
    apr_pool_destroy(frame->pool);
}

/* `path` could be opened. Ownership: *handle is taken. */
static void found(walk_t *walk, const char *path, pal_handle_t *handle,
                  pal_file_kind_t kind)
{
    if (kind == PAL_FILE_FOLDER) {
        enter(walk, path, handle);
    }
    else {
        document_t *document = document_create(path);

        document->file = *handle;
        *handle = PAL_HANDLE_NONE;
        put(walk, document);
    }
}

static int is_document_name(const char *name)
{
    static const char *const suffixes[] = {".xml", ".svg", ".xsd",
                                           ".xsl", ".rng", ".xhtml"};
    apr_size_t len = strlen(name);

    for (apr_size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        apr_size_t suffix_len = strlen(suffixes[i]);

        if (len >= suffix_len && !strcmp(name + len - suffix_len, suffixes[i]))
            return 1;
    }
    return 0;
}

/* Take the next step in the innermost folder. */
static void step(walk_t *walk)
{
    frame_t *frame = &walk->frames[walk->n_frames - 1];
    const pal_folder_entry_t *entry;
    pal_handle_t handle = PAL_HANDLE_NONE;
    pal_file_kind_t kind;
    apr_pool_t *pool;
    const char *path;
    apr_status_t rv;

    if (frame->next == frame->entries->nelts) {
        leave(walk);
        return;
    }
    entry = &APR_ARRAY_IDX(frame->entries, frame->next, pal_folder_entry_t);
    frame->next++;
    if (entry->kind == PAL_FILE_LINK
        || (entry->kind != PAL_FILE_FOLDER && !is_document_name(entry->name)))
        return;
    rv = apr_pool_create(&pool, NULL);
    if (rv != APR_SUCCESS) {
        put_failed(walk, frame->path, "", rv);
        return;
    }
    path = apr_pstrcat(pool, frame->path,
                       frame->path[strlen(frame->path) - 1] == '/' ? "" : "/",
                       entry->name, NULL);
    rv = pal_file_open_beneath(frame->folder, entry->name, &handle, &kind);
    if (rv == APR_SUCCESS)
        found(walk, path, &handle, kind);
    else
        put_failed(walk, path, "", rv);
    apr_pool_destroy(pool);
}

static void walk_path(walk_t *walk, const char *path)
{
    pal_handle_t handle = PAL_HANDLE_NONE;
    pal_file_kind_t kind;
    apr_status_t rv = pal_file_open(path, &handle, &kind);

    if (rv == APR_SUCCESS)
        found(walk, path, &handle, kind);
    else
        put_failed(walk, path, "", rv);
    while (walk->n_frames > 0 && wait_for_room(walk))
        step(walk);
}

static void *APR_THREAD_FUNC walk_main(apr_thread_t *thread, void *baton)
{
    walk_t *walk = baton;

    (void)thread;
    for (int i = 0; i < walk->n_paths && wait_for_room(walk); i++)
        walk_path(walk, walk->paths[i]);
    while (walk->n_frames > 0)
        leave(walk);
    apr_thread_mutex_lock(walk->mutex);
    walk->is_finished = 1;
    pal_wake_signal(walk->wake);
    apr_thread_mutex_unlock(walk->mutex);
    return NULL;
}

apr_status_t walk_start(walk_t **ret_walk, const char *const *paths,
                        int n_paths, int max_open, pal_wake_t *wake,
                        apr_pool_t *pool)
{
    walk_t *walk = apr_pcalloc(pool, sizeof(*walk));
    apr_status_t rv;

    walk->paths = paths;
    walk->n_paths = n_paths;
    walk->max_open = max_open;
    walk->wake = wake;
    walk->last = &walk->first;
    rv = apr_thread_mutex_create(&walk->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv == APR_SUCCESS)
        rv = apr_thread_cond_create(&walk->has_room, pool);
    if (rv == APR_SUCCESS)
        rv = apr_thread_pool_create(&walk->threads, 1, 1, pool);
    if (rv != APR_SUCCESS)
        return rv;
    rv = apr_thread_pool_push(walk->threads, walk_main, walk,
                              APR_THREAD_TASK_PRIORITY_NORMAL, walk);
    if (rv != APR_SUCCESS) {
        (void)apr_thread_pool_destroy(walk->threads);
        return rv;
    }
    *ret_walk = walk;
    return APR_SUCCESS;
}

document_t *walk_take(walk_t *walk)
{
    document_t *document;

    apr_thread_mutex_lock(walk->mutex);
    document = walk->first;
    if (document) {
        walk->first = document->next;
        if (!walk->first)
            walk->last = &walk->first;
        document->next = NULL;
        walk->n_waiting--;
        apr_thread_cond_signal(walk->has_room);
    }
    apr_thread_mutex_unlock(walk->mutex);
    return document;
}

int walk_n_waiting(walk_t *walk)
{
    int n;

    apr_thread_mutex_lock(walk->mutex);
    n = walk->n_waiting;
    apr_thread_mutex_unlock(walk->mutex);
    return n;
}

int walk_is_done(walk_t *walk)
{
    int is_done;

    apr_thread_mutex_lock(walk->mutex);
    is_done = walk->is_finished && !walk->first;
    apr_thread_mutex_unlock(walk->mutex);
    return is_done;
}

void walk_close_file(walk_t *walk, document_t *document)
{
    if (document->file == PAL_HANDLE_NONE)
        return;
    pal_handle_close(&document->file);
    apr_thread_mutex_lock(walk->mutex);
    walk->n_open--;
    apr_thread_cond_signal(walk->has_room);
    apr_thread_mutex_unlock(walk->mutex);
}

void walk_stop(walk_t *walk)
{
    document_t *document;

    apr_thread_mutex_lock(walk->mutex);
    walk->is_stopped = 1;
    apr_thread_cond_signal(walk->has_room);
    apr_thread_mutex_unlock(walk->mutex);
    (void)apr_thread_pool_tasks_cancel(walk->threads, walk);
    (void)apr_thread_pool_destroy(walk->threads);
    while ((document = walk_take(walk)))
        document_destroy(document);
}
