/* A channel on a byte stream whose other end is in hostile hands. */
#include "config.h"

#include "ends.h"
#include "harness.h"

#include "unix/frame.h"

#include <pal/status.h>

#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

/* What was announced is believed when it comes. */
static void announcements(void)
{
    static const char *const bad[] = {"\xff\xff\xff\xff", "\x01\x00\x02\x00",
                                      "\x00\x00\x00\x80", "\x00\x00\x00\x00"};
    packet_t packet;
    link_t link;
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        open_link(&link, SOCK_STREAM);
        CU_ASSERT_EQUAL(send_raw_packet(link.here_fd, 3, 0, 0), 0);
        CU_ASSERT_EQUAL(send_raw(link.here_fd, bad[i], 4, 1, 3), 0);
        CU_ASSERT_EQUAL(send_raw_packet(link.here_fd, 3, 0, 0), 0);
        TEST_OK(receive(link.there, &packet));
        CU_ASSERT_EQUAL(receive(link.there, &packet), PAL_E_FRAMING);
        CU_ASSERT_EQUAL(receive(link.there, &packet), PAL_E_FRAMING);
        CU_ASSERT_TRUE(is_untouched(&packet));
        close_link(&link);
    }
}

/* The largest that is allowed, of which nothing comes. */
static void costs(void)
{
    pal__frame_t frame;
    unsigned char *at;
    apr_size_t len, have = 0;

    pal__frame_init(&frame);
    TEST_OK(pal__frame_room(&frame, &at, &len));
    CU_ASSERT_EQUAL_FATAL(len, 4);
    memcpy(at, "\x00\x00\x00\x40", 4);
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EAGAIN(pal__frame_took(&frame, 4, 0x40000000)));
    TEST_OK(pal__frame_room(&frame, &at, &len));
    CU_ASSERT_TRUE(frame.room <= 65536);
    for (; have < 1000000; have += len) {
        TEST_OK(pal__frame_room(&frame, &at, &len));
        CU_ASSERT_TRUE(have <= 65536 || frame.room <= 2 * have);
        memset(at, 0, len);
        CU_ASSERT_TRUE(
            APR_STATUS_IS_EAGAIN(pal__frame_took(&frame, len, 0x40000000)));
    }
    pal__frame_fini(&frame);
}

/* It hangs up in the middle of the head, of the body. */
static void hang_ups(void)
{
    packet_t packet;
    link_t link;
    size_t len;

    for (len = 0; len < 8; len++) {
        open_link(&link, SOCK_STREAM);
        if (len > 0)
            CU_ASSERT_EQUAL(
                send_raw(link.here_fd, "\x04\x00\x00\x00gone", len, 1, 2), 0);
        CU_ASSERT_EQUAL(receive(link.there, &packet), APR_EAGAIN);
        pal_channel_close(&link.here);
        CU_ASSERT_EQUAL(receive(link.there, &packet),
                        len > 0 ? APR_ECONNRESET : APR_EOF);
        CU_ASSERT_TRUE(is_untouched(&packet));
        close_link(&link);
    }
}

/* Byte by byte, with descriptors anywhere: they are the packet's, up to the
 * number that one may have. */
static void trickle(void)
{
    static const char bytes[] = "\x64\x00\x00\x00";
    packet_t packet;
    link_t link;
    int n, i, lowest;

    for (n = 0; n < 3; n++) {
        open_link(&link, SOCK_STREAM);
        lowest = lowest_free();
        for (i = 0; i < 104; i++) {
            CU_ASSERT_EQUAL(send_raw(link.here_fd, i < 4 ? bytes + i : "x", 1,
                                     n > 0 && i % 2, n),
                            0);
            if (i < 103)
                CU_ASSERT_EQUAL(receive(link.there, &packet), APR_EAGAIN);
        }
        CU_ASSERT_EQUAL(receive(link.there, &packet),
                        n < 2 ? APR_SUCCESS : PAL_E_HANDLES_LOST);
        CU_ASSERT_EQUAL(packet.len, 100);
        CU_ASSERT_EQUAL(packet.n_handles, n == 1 ? 52 : 0);
        close_handles(&packet);
        CU_ASSERT_EQUAL(lowest_free(), lowest);
        /* The next packet has its own. */
        CU_ASSERT_EQUAL(send_raw_packet(link.here_fd, 3, 1, 1), 0);
        TEST_OK(receive(link.there, &packet));
        CU_ASSERT_EQUAL(packet.n_handles, 1);
        close_handles(&packet);
        close_link(&link);
    }
}

/* Two packets in one call of the system; and descriptors of a packet that
 * never gets whole are closed with the channel. */
static void glued(void)
{
    packet_t packet;
    link_t link;

    open_link(&link, SOCK_STREAM);
    CU_ASSERT_EQUAL(send_raw(link.here_fd,
                             "\x01\x00\x00\x00y\x02\x00\x00\x00yz\x09", 12, 0,
                             0),
                    0);
    TEST_OK(receive(link.there, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "y");
    TEST_OK(receive(link.there, &packet));
    CU_ASSERT_STRING_EQUAL(packet.bytes, "yz");
    CU_ASSERT_EQUAL(receive(link.there, &packet), APR_EAGAIN);
    CU_ASSERT_EQUAL(send_raw(link.here_fd, "\x00", 1, 1, 20), 0);
    CU_ASSERT_EQUAL(receive(link.there, &packet), APR_EAGAIN);
    close_link(&link);
}

static const test_case_t cases[] = {
    {"announcements", announcements},
    {"costs", costs},
    {"hang_ups", hang_ups},
    {"trickle", trickle},
    {"glued", glued},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal_framing", cases);
}
