/* The reader of packets on a byte stream: a file is what comes, in pieces of
 * as many bytes as its first byte says. What is read is compared with what
 * the file holds, and what it costs with what has come. */
#include "config.h"

#include "fuzz.h"

#include "unix/frame.h"

#include <pal/status.h>

#include <stdlib.h>
#include <string.h>

#define MAX_PACKET 100000
#define UNSEEN_ROOM 65536

static void must(int condition)
{
    if (!condition)
        abort();
}

/* The packet in `frame` is the one at `data`: returns its length with head. */
static size_t compare(const pal__frame_t *frame, const uint8_t *data,
                      size_t size)
{
    size_t len;

    must(size >= PAL__FRAME_HEAD_LEN);
    len = data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16
          | (size_t)data[3] << 24;
    must(len > 0 && len <= MAX_PACKET && frame->len == len);
    must(size - PAL__FRAME_HEAD_LEN >= len);
    must(memcmp(frame->body, data + PAL__FRAME_HEAD_LEN, len) == 0);
    return PAL__FRAME_HEAD_LEN + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t piece, at = 1, packet = 1;
    apr_status_t rv = APR_EAGAIN;
    pal__frame_t frame;

    if (size == 0)
        return 0;
    piece = data[0] > 0 ? data[0] : size;
    pal__frame_init(&frame);
    while (at < size && rv != PAL_E_FRAMING) {
        unsigned char *to;
        apr_size_t len;

        must(pal__frame_room(&frame, &to, &len) == APR_SUCCESS && len > 0);
        must(frame.room <= UNSEEN_ROOM || frame.room <= 2 * frame.n_body);
        if (len > piece)
            len = piece;
        if (len > size - at)
            len = size - at;
        memcpy(to, data + at, len);
        at += len;
        rv = pal__frame_took(&frame, len, MAX_PACKET);
        if (rv == APR_SUCCESS) {
            packet += compare(&frame, data + packet, size - packet);
            must(packet == at);
            pal__frame_clear(&frame);
        }
        else {
            must(rv == PAL_E_FRAMING || APR_STATUS_IS_EAGAIN(rv));
        }
    }
    pal__frame_fini(&frame);
    return 0;
}
