#include "config.h"

#include "transit_win32.h"

#include "pipe_win32.h"

#include <pal/status.h>

#include <apr_general.h>

#include <stdlib.h>
#include <string.h>

#define TOKEN_LEN 16
#define VALUE_LEN 4
#define N_BUCKETS 64

/* Kinds of heads. */
enum { NO_HANDLES, IN_TABLE, OF_RECEIVER, OF_SENDER };

/* Handles on their way inside this process. */
typedef struct entry_t {
    struct entry_t *next;
    unsigned char token[TOKEN_LEN];
    const void *owner;
    int n;
    pal_handle_t handles[PAL_CHANNEL_MAX_HANDLES];
} entry_t;

/* The one table of the process: the two ends of a channel know nothing of
 * each other but what goes through the pipe. */
static SRWLOCK table_lock = SRWLOCK_INIT;
static entry_t *table[N_BUCKETS];

static void put_number(unsigned char *at, unsigned long value, int n_bytes)
{
    for (; n_bytes > 0; n_bytes--, value >>= 8)
        *at++ = (unsigned char)(value & 0xff);
}

static unsigned long get_number(const unsigned char *at, int n_bytes)
{
    unsigned long value = 0;

    while (n_bytes > 0)
        value = value << 8 | at[--n_bytes];
    return value;
}

static void close_all(pal_handle_t *handles, int n)
{
    while (n > 0)
        pal_handle_close(&handles[--n]);
}

/* ---- the table ---- */

static entry_t **bucket_of(const unsigned char *token)
{
    return &table[token[0] % N_BUCKETS];
}

static apr_status_t table_add(const void *owner, const pal_handle_t *handles,
                              int n, unsigned char *token)
{
    entry_t *entry = calloc(1, sizeof(*entry));
    apr_status_t rv = APR_SUCCESS;
    entry_t **bucket;

    if (entry == NULL)
        return APR_ENOMEM;
    entry->owner = owner;
    rv = apr_generate_random_bytes(entry->token, TOKEN_LEN);
    for (; rv == APR_SUCCESS && entry->n < n; entry->n++) {
        rv = pal_handle_dup(handles[entry->n], &entry->handles[entry->n]);
        if (rv != APR_SUCCESS)
            break;
    }
    if (rv != APR_SUCCESS) {
        close_all(entry->handles, entry->n);
        free(entry);
        return rv;
    }
    memcpy(token, entry->token, TOKEN_LEN);
    bucket = bucket_of(token);
    AcquireSRWLockExclusive(&table_lock);
    entry->next = *bucket;
    *bucket = entry;
    ReleaseSRWLockExclusive(&table_lock);
    return APR_SUCCESS;
}

static entry_t *table_take(const unsigned char *token)
{
    entry_t **p = bucket_of(token);
    entry_t *entry;

    AcquireSRWLockExclusive(&table_lock);
    while (*p != NULL && memcmp((*p)->token, token, TOKEN_LEN) != 0)
        p = &(*p)->next;
    entry = *p;
    if (entry != NULL)
        *p = entry->next;
    ReleaseSRWLockExclusive(&table_lock);
    return entry;
}

static entry_t *table_take_of(const void *owner)
{
    entry_t *entry = NULL;
    int i;

    AcquireSRWLockExclusive(&table_lock);
    for (i = 0; i < N_BUCKETS && entry == NULL; i++) {
        entry_t **p = &table[i];

        while (*p != NULL && (*p)->owner != owner)
            p = &(*p)->next;
        entry = *p;
        if (entry != NULL)
            *p = entry->next;
    }
    ReleaseSRWLockExclusive(&table_lock);
    return entry;
}

void pal__transit_forget(const void *owner, int is_lost)
{
    entry_t *entry;
    int i;

    if (is_lost) {
        while ((entry = table_take_of(owner)) != NULL) {
            close_all(entry->handles, entry->n);
            free(entry);
        }
        return;
    }
    /* The next owner at this address is another one. */
    AcquireSRWLockExclusive(&table_lock);
    for (i = 0; i < N_BUCKETS; i++) {
        for (entry = table[i]; entry != NULL; entry = entry->next) {
            if (entry->owner == owner)
                entry->owner = NULL;
        }
    }
    ReleaseSRWLockExclusive(&table_lock);
}

/* ---- another process ---- */

static int has_ended(HANDLE process)
{
    return WaitForSingleObject(process, 0) == WAIT_OBJECT_0;
}

static void close_there(HANDLE process, pal_handle_t value)
{
    (void)DuplicateHandle(process, (HANDLE)value, NULL, NULL, 0, FALSE,
                          DUPLICATE_CLOSE_SOURCE);
}

static apr_status_t give(HANDLE process, pal_handle_t handle,
                         pal_handle_t *ret_value)
{
    HANDLE value;
    DWORD flags;

    if (!GetHandleInformation((HANDLE)handle, &flags))
        return APR_EBADF;
    if (!DuplicateHandle(GetCurrentProcess(), (HANDLE)handle, process, &value,
                         0, FALSE, DUPLICATE_SAME_ACCESS)) {
        DWORD error = GetLastError();

        return has_ended(process) ? APR_EPIPE : APR_FROM_OS_ERROR(error);
    }
    *ret_value = (pal_handle_t)value;
    return APR_SUCCESS;
}

/* Whether it succeeds or not, `value` is closed there. */
static apr_status_t take(HANDLE process, pal_handle_t value,
                         pal_handle_t *ret_handle)
{
    HANDLE handle;

    /* What stands for "this process" there would be a handle of the process
     * itself, with all rights. */
    if (!pal__handle_is_plain(value))
        return APR_EBADF;
    if (!DuplicateHandle(process, (HANDLE)value, GetCurrentProcess(), &handle,
                         0, FALSE,
                         DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE))
        return APR_FROM_OS_ERROR(GetLastError());
    *ret_handle = (pal_handle_t)handle;
    return APR_SUCCESS;
}

/* ---- heads ---- */

static pal_handle_t value_at(const unsigned char *rest, int i)
{
    return (pal_handle_t)get_number(rest + i * VALUE_LEN, VALUE_LEN);
}

/* Undo the first `n` copies. */
static void undo_values(const pal__peer_t *peer, const unsigned char *head,
                        int n)
{
    const unsigned char *rest = head + PAL__TRANSIT_HEAD_LEN;

    while (n > 0) {
        pal_handle_t value = value_at(rest, --n);

        if (head[0] == OF_RECEIVER)
            close_there(peer->process, value);
        else
            pal_handle_close(&value);
    }
}

static apr_status_t pack_values(const pal__peer_t *peer,
                                const pal_handle_t *handles, int n,
                                unsigned char *head)
{
    unsigned char *at = head + PAL__TRANSIT_HEAD_LEN;
    pal_handle_t value = PAL_HANDLE_NONE;
    apr_status_t rv;
    int i;

    for (i = 0; i < n; i++, at += VALUE_LEN) {
        if (head[0] == OF_RECEIVER)
            rv = give(peer->process, handles[i], &value);
        else
            rv = pal_handle_dup(handles[i], &value);
        if (rv != APR_SUCCESS) {
            undo_values(peer, head, i);
            return rv;
        }
        put_number(at, (unsigned long)value, VALUE_LEN);
    }
    return APR_SUCCESS;
}

apr_status_t pal__transit_pack(const pal__peer_t *peer, const void *owner,
                               const pal_handle_t *handles, int n,
                               unsigned char *head, apr_size_t *ret_len)
{
    apr_size_t len = PAL__TRANSIT_HEAD_LEN;
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < n; i++) {
        if (!pal__handle_is_plain(handles[i]))
            return APR_EBADF;
    }
    head[0] = NO_HANDLES;
    head[1] = 0;
    put_number(head + 2, (unsigned long)n, 2);
    if (n > 0 && peer->kind == PAL__PEER_UNTOLD) {
        if (!peer->is_ours)
            return APR_ENOTIMPL;
        head[0] = IN_TABLE;
        rv = table_add(owner, handles, n, head + PAL__TRANSIT_HEAD_LEN);
        len += TOKEN_LEN;
    }
    else if (n > 0) {
        head[0] = peer->kind == PAL__PEER_PROCESS ? OF_RECEIVER : OF_SENDER;
        rv = pack_values(peer, handles, n, head);
        len += (apr_size_t)n * VALUE_LEN;
    }
    if (rv == APR_SUCCESS)
        *ret_len = len;
    return rv;
}

void pal__transit_undo(const pal__peer_t *peer, const unsigned char *head)
{
    entry_t *entry;

    if (head[0] == IN_TABLE) {
        entry = table_take(head + PAL__TRANSIT_HEAD_LEN);
        if (entry != NULL)
            close_all(entry->handles, entry->n);
        free(entry);
    }
    else if (head[0] != NO_HANDLES) {
        undo_values(peer, head, (int)get_number(head + 2, 2));
    }
}

apr_status_t pal__transit_rest(const unsigned char *head, apr_size_t *ret_len)
{
    apr_size_t n = get_number(head + 2, 2);

    if (head[0] > OF_SENDER || head[1] != 0 || n > PAL_CHANNEL_MAX_HANDLES
        || (head[0] == NO_HANDLES) != (n == 0))
        return PAL_E_FRAMING;
    *ret_len = head[0] == IN_TABLE ? TOKEN_LEN : n * VALUE_LEN;
    return APR_SUCCESS;
}

static apr_status_t unpack_entry(const unsigned char *rest, int n,
                                 pal_handle_t *handles)
{
    entry_t *entry = table_take(rest);
    apr_status_t rv = APR_SUCCESS;

    if (entry == NULL)
        return PAL_E_HANDLES_LOST;
    if (entry->n == n) {
        memcpy(handles, entry->handles, (size_t)n * sizeof(*handles));
    }
    else {
        close_all(entry->handles, entry->n);
        rv = PAL_E_HANDLES_LOST;
    }
    free(entry);
    return rv;
}

/* What the launcher put into this process. */
static apr_status_t unpack_own(const unsigned char *rest, int n,
                               pal_handle_t *handles)
{
    DWORD flags;
    int i;

    for (i = 0; i < n; i++) {
        handles[i] = value_at(rest, i);
        if (!pal__handle_is_plain(handles[i])
            || !GetHandleInformation((HANDLE)handles[i], &flags)) {
            close_all(handles, i);
            return PAL_E_HANDLES_LOST;
        }
    }
    return APR_SUCCESS;
}

/* All that can be taken is taken, so that the process does not keep what it
 * meant to give away. */
static apr_status_t unpack_from(HANDLE process, const unsigned char *rest,
                                int n, pal_handle_t *handles)
{
    int n_taken = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (take(process, value_at(rest, i), &handles[n_taken]) == APR_SUCCESS)
            n_taken++;
    }
    if (n_taken == n)
        return APR_SUCCESS;
    close_all(handles, n_taken);
    return PAL_E_HANDLES_LOST;
}

apr_status_t pal__transit_unpack(const pal__peer_t *peer,
                                 const unsigned char *head,
                                 const unsigned char *rest,
                                 pal_handle_t *handles, int *ret_n)
{
    int n = (int)get_number(head + 2, 2);
    apr_status_t rv = PAL_E_HANDLES_LOST;

    if (head[0] == NO_HANDLES)
        rv = APR_SUCCESS;
    else if (head[0] == IN_TABLE && peer->kind == PAL__PEER_UNTOLD)
        rv = unpack_entry(rest, n, handles);
    else if (head[0] == OF_RECEIVER && peer->kind == PAL__PEER_LAUNCHER)
        rv = unpack_own(rest, n, handles);
    else if (head[0] == OF_SENDER && peer->kind == PAL__PEER_PROCESS)
        rv = unpack_from(peer->process, rest, n, handles);
    *ret_n = rv == APR_SUCCESS ? n : 0;
    return rv;
}
