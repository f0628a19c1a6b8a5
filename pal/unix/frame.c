#include "config.h"

#include "frame.h"

#include <pal/status.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_ROOM 4096         /* at least, and kept between packets */
#define UNSEEN_ROOM (64 << 10) /* at most, before any byte has come */

void pal__frame_init(pal__frame_t *frame)
{
    memset(frame, 0, sizeof(*frame));
}

void pal__frame_fini(pal__frame_t *frame)
{
    free(frame->body);
    frame->body = NULL;
}

void pal__frame_head_put(unsigned char *head, apr_size_t len)
{
    int i;

    for (i = 0; i < PAL__FRAME_HEAD_LEN; i++)
        head[i] = (unsigned char)(len >> (8 * i) & 0xff);
}

static apr_size_t head_get(const unsigned char *head)
{
    apr_size_t len = 0;
    int i;

    for (i = 0; i < PAL__FRAME_HEAD_LEN; i++)
        len |= (apr_size_t)head[i] << (8 * i);
    return len;
}

static apr_status_t grow(pal__frame_t *frame)
{
    apr_size_t room = 2 * frame->n_body;
    unsigned char *body;

    if (room < UNSEEN_ROOM)
        room = UNSEEN_ROOM;
    if (room > frame->len)
        room = frame->len;
    if (room < KEPT_ROOM)
        room = KEPT_ROOM;
    body = realloc(frame->body, room);
    if (body == NULL)
        return APR_ENOMEM;
    frame->body = body;
    frame->room = room;
    return APR_SUCCESS;
}

apr_status_t pal__frame_room(pal__frame_t *frame, unsigned char **ret_at,
                             apr_size_t *ret_len)
{
    apr_size_t left;
    apr_status_t rv;

    if (frame->is_bad)
        return PAL_E_FRAMING;
    if (frame->n_head < PAL__FRAME_HEAD_LEN) {
        *ret_at = frame->head + frame->n_head;
        *ret_len = PAL__FRAME_HEAD_LEN - frame->n_head;
        return APR_SUCCESS;
    }
    if (frame->n_body == frame->room) {
        rv = grow(frame);
        if (rv != APR_SUCCESS)
            return rv;
    }
    left = frame->len - frame->n_body;
    *ret_at = frame->body + frame->n_body;
    *ret_len = frame->room - frame->n_body;
    if (*ret_len > left)
        *ret_len = left;
    return APR_SUCCESS;
}

apr_status_t pal__frame_took(pal__frame_t *frame, apr_size_t len,
                             apr_size_t max)
{
    if (frame->n_head == PAL__FRAME_HEAD_LEN) {
        assert(len <= frame->room - frame->n_body
               && len <= frame->len - frame->n_body);
        frame->n_body += len;
        return frame->n_body == frame->len ? APR_SUCCESS : APR_EAGAIN;
    }
    assert(len <= PAL__FRAME_HEAD_LEN - frame->n_head);
    frame->n_head += len;
    if (frame->n_head < PAL__FRAME_HEAD_LEN)
        return APR_EAGAIN;
    frame->len = head_get(frame->head);
    if (frame->len == 0 || frame->len > max) {
        frame->is_bad = 1;
        return PAL_E_FRAMING;
    }
    return APR_EAGAIN;
}

int pal__frame_is_begun(const pal__frame_t *frame)
{
    return frame->n_head > 0;
}

void pal__frame_clear(pal__frame_t *frame)
{
    frame->n_head = 0;
    frame->n_body = 0;
    frame->len = 0;
    if (frame->room > KEPT_ROOM) {
        free(frame->body);
        frame->body = NULL;
        frame->room = 0;
    }
}
