/* Packets on a byte stream, the receiving side: the length of each in 4
 * bytes, least significant first, and then its bytes. It is told where the
 * next bytes may go and how many came; nothing here does I/O.
 *
 * Life cycle: pal__frame_init; pal__frame_room and pal__frame_took in turns
 * until the latter says that a packet is whole; pal__frame_clear, and so on;
 * pal__frame_fini. */
#ifndef PAL_FRAME_H
#define PAL_FRAME_H

#include <apr_errno.h>

#define PAL__FRAME_HEAD_LEN 4

typedef struct pal__frame_t {
    unsigned char head[PAL__FRAME_HEAD_LEN];
    apr_size_t n_head; /* of which there are */
    unsigned char *body;
    apr_size_t len; /* of the body, as announced */
    apr_size_t n_body;
    apr_size_t room; /* at `body` */
    int is_bad;
} pal__frame_t;

void pal__frame_init(pal__frame_t *frame);
void pal__frame_fini(pal__frame_t *frame);

/* Write the head of a packet of that length. */
void pal__frame_head_put(unsigned char *head, apr_size_t len);

/* Where the next bytes are to be put, and how many at most: never beyond the
 * packet, so that the next one's are still to be received. Memory is taken as
 * the bytes come, whatever was announced.
 * Errors: APR_ENOMEM; PAL_E_FRAMING: the head was bad. */
apr_status_t pal__frame_room(pal__frame_t *frame, unsigned char **ret_at,
                             apr_size_t *ret_len);

/* So many bytes were put there. APR_SUCCESS: the packet is whole, frame->len
 * bytes at frame->body. `max` is the largest that is accepted.
 * Errors: APR_EAGAIN: more is to come; PAL_E_FRAMING: it is empty or above
 * `max`. */
apr_status_t pal__frame_took(pal__frame_t *frame, apr_size_t len,
                             apr_size_t max);

/* Are there bytes of a packet that is not whole? */
int pal__frame_is_begun(const pal__frame_t *frame);

/* The packet is done with. */
void pal__frame_clear(pal__frame_t *frame);

#endif
