#include "config.h"

#include "packet.h"

#include "event.h"

#include <mesh/status.h>

#include <pal/file.h>
#include <pal/handle.h>
#include <pal/status.h>

#include <string.h>

#define PACKET_EVENT_MAX (MESH__PACKET_MAX - MESH__PACKET_HEAD_LEN)

apr_size_t mesh__packet_event_len(const mesh_message_t *message)
{
    return MESH__EVENT_HEAD_LEN + message->res_data_len + message->len;
}

int mesh__packet_is_large(apr_size_t event_len)
{
    return event_len > PACKET_EVENT_MAX;
}

void mesh__packet_head_put(unsigned char head[MESH__PACKET_HEAD_LEN], int type)
{
    memset(head, 0, MESH__PACKET_HEAD_LEN);
    head[0] = (unsigned char)type;
}

apr_status_t mesh__packet_region_start(const mesh_message_t *message,
                                       apr_size_t res_len,
                                       pal_handle_t *ret_region)
{
    apr_size_t front = MESH__EVENT_HEAD_LEN + res_len;
    apr_size_t size = front + message->len;
    pal_handle_t region = PAL_HANDLE_NONE;
    apr_status_t rv;

    size =
        (size + MESH__REGION_UNIT - 1) / MESH__REGION_UNIT * MESH__REGION_UNIT;
    rv = pal_region_create("mesh", (apr_off_t)size, &region);
    if (rv == APR_SUCCESS && message->len > 0)
        rv = pal_region_write_at(region, (apr_off_t)front, message->data,
                                 message->len);
    if (rv != APR_SUCCESS) {
        pal_handle_close(&region);
        return rv;
    }
    *ret_region = region;
    return APR_SUCCESS;
}

apr_status_t mesh__packet_region_finish(const mesh_message_t *message,
                                        pal_handle_t region)
{
    apr_status_t rv =
        pal_region_write_at(region, 0, message->head, MESH__EVENT_HEAD_LEN);

    if (rv == APR_SUCCESS && message->res_data_len > 0)
        rv = pal_region_write_at(region, MESH__EVENT_HEAD_LEN,
                                 message->res_data, message->res_data_len);
    if (rv == APR_SUCCESS)
        rv = pal_region_seal(region);
    /* There may be no seals here: open_region does not need them. */
    return APR_STATUS_IS_ENOTIMPL(rv) ? APR_SUCCESS : rv;
}

static apr_status_t give_handles(mesh_message_t *message,
                                 pal_handle_t *handles, int n)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    if (n > 0)
        rv = mesh__message_handles_set(message, handles, n);
    if (rv != APR_SUCCESS)
        return rv;
    for (i = 0; i < n; i++)
        handles[i] = PAL_HANDLE_NONE;
    return APR_SUCCESS;
}

static apr_status_t open_inline(const unsigned char *event, apr_size_t len,
                                pal_handle_t *handles, int n_handles,
                                int handles_lost, mesh_message_t **ret_message)
{
    mesh_message_t *message = mesh__message_alloc_event(len);
    apr_status_t rv;

    if (!message)
        return APR_ENOMEM;
    if (len > 0)
        memcpy(message->event, event, len);
    message->handles_lost = handles_lost;
    rv = give_handles(message, handles, n_handles);
    if (rv != APR_SUCCESS) {
        mesh__message_free(message);
        return rv;
    }
    *ret_message = message;
    return APR_SUCCESS;
}

/* The size of the event in a region: what its head announces, not the size of
 * the region, which may be sparse and huge. */
static apr_status_t region_event_len(pal_handle_t region, apr_off_t size,
                                     mesh__event_head_t *ret_head,
                                     apr_size_t *ret_len)
{
    unsigned char head[MESH__EVENT_HEAD_LEN];
    apr_status_t rv;

    if (size < MESH__EVENT_HEAD_LEN)
        return MESH_E_TRUNCATED;
    rv = pal_region_read_at(region, 0, head, sizeof(head));
    if (rv == APR_SUCCESS)
        rv = mesh__event_head_get(head, (apr_size_t)size, ret_head);
    if (rv == APR_SUCCESS)
        *ret_len = MESH__EVENT_HEAD_LEN
                   + (apr_size_t)ret_head->n_res * MESH__RES_DATA_LEN
                   + ret_head->len;
    return rv;
}

/* Copied out before anything is believed; the region is never mapped. What is
 * read twice, the head, only says how much to copy: all that is in the copy
 * is checked again by who parses it. So where there are no seals none are
 * asked for; where there are, a peer that left them away is not one of ours.
 */
static apr_status_t open_region(pal_handle_t region, pal_handle_t *handles,
                                int n_handles, apr_size_t limit,
                                mesh_message_t **ret_message)
{
    mesh_message_t *message;
    mesh__event_head_t head;
    apr_size_t len, want;
    apr_off_t size;
    apr_status_t rv = pal_region_check(region, &size);

    if (APR_STATUS_IS_ENOTIMPL(rv))
        rv = pal_file_size(region, &size);
    if (rv == APR_SUCCESS)
        rv = region_event_len(region, size, &head, &len);
    if (rv != APR_SUCCESS)
        return rv;
    want = len > limit ? len - head.len : len;
    message = mesh__message_alloc_event(want);
    if (!message)
        return APR_ENOMEM;
    rv = pal_region_read_at(region, 0, message->event, want);
    if (rv == APR_SUCCESS && want < len) {
        head.len = 0;
        mesh__event_head_put(message->event, &head);
        message->handles_lost = 1;
    }
    if (rv == APR_SUCCESS)
        rv = give_handles(message, handles, n_handles);
    if (rv != APR_SUCCESS) {
        mesh__message_free(message);
        return rv;
    }
    *ret_message = message;
    return APR_SUCCESS;
}

apr_status_t mesh__packet_open(const unsigned char *packet, apr_size_t len,
                               pal_handle_t *handles, int n_handles,
                               int handles_lost, apr_size_t limit,
                               mesh_message_t **ret_message)
{
    if (len < MESH__PACKET_HEAD_LEN)
        return MESH_E_TRUNCATED;
    *ret_message = NULL;
    switch (packet[0]) {
    case MESH__PACKET_EVENT:
        return open_inline(packet + MESH__PACKET_HEAD_LEN,
                           len - MESH__PACKET_HEAD_LEN, handles, n_handles,
                           handles_lost, ret_message);
    case MESH__PACKET_RELEASE_HANDLES: /* never needed here */
        return len < 2 * MESH__PACKET_HEAD_LEN ? MESH_E_TRUNCATED
                                               : APR_SUCCESS;
    case MESH__PACKET_LARGE_EVENT:
        if (handles_lost || n_handles < 1)
            return PAL_E_HANDLES_LOST;
        return open_region(handles[0], handles + 1, n_handles - 1, limit,
                           ret_message);
    default:
        return MESH_E_PROTOCOL;
    }
}
