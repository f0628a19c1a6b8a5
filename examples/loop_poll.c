/* pal's loop inside a loop around poll(2):
 *
 *   loop_poll [PROGRAM [ARG...]] */
#include "loop_guest.h"

#include <stdio.h>

#include <poll.h>

int main(int argc, char **argv)
{
    apr_time_t end = apr_time_now() + GUEST_DEADLINE_MS * 1000;
    struct pollfd wanted;
    guest_t guest;

    (void)argc;
    guest_open(&guest, argv + 1);
    wanted.fd = (int)guest.handle;
    wanted.events = POLLIN;
    while (!guest_is_over(&guest)) {
        int timeout = guest_timeout(&guest);

        if (apr_time_now() > end) { /* this loop's own business */
            fputs("time is up\n", stderr);
            return 1;
        }
        if (timeout < 0 || timeout > GUEST_DEADLINE_MS)
            timeout = GUEST_DEADLINE_MS;
        (void)poll(&wanted, 1, timeout);
        guest_check(pal_loop_dispatch(guest.loop), "pal_loop_dispatch");
    }
    return guest_close(&guest);
}
