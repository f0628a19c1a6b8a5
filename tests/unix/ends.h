/* Two ends of a channel in this process, and a peer that sends what pal would
 * not. */
#ifndef TESTS_ENDS_H
#define TESTS_ENDS_H

#include <pal/channel.h>

#include <stddef.h>

enum { MAX_HANDLES = PAL_CHANNEL_MAX_HANDLES };

/* The numbers stay good while the ends are open. */
typedef struct link_t {
    pal_channel_t *here, *there;
    int here_fd, there_fd;
} link_t;

typedef struct packet_t {
    char bytes[256];
    apr_size_t len;
    pal_handle_t handles[MAX_HANDLES];
    int n_handles;
} packet_t;

/* Over sockets of that type: SOCK_SEQPACKET, SOCK_STREAM. */
void open_link(link_t *link, int type);
void close_link(link_t *link);

apr_status_t send_text(pal_channel_t *channel, const char *text,
                       const pal_handle_t *handles, int n_handles);

/* Receive into `room` bytes of the packet, which shows if it was touched. */
apr_status_t receive_some(pal_channel_t *channel, packet_t *packet,
                          apr_size_t room);
apr_status_t receive(pal_channel_t *channel, packet_t *packet);
int is_untouched(const packet_t *packet);
void close_handles(packet_t *packet);

/* The lowest free number: the same before and after if nothing leaked. */
int lowest_free(void);

/* Send `len` bytes and, in each of `n_groups` pieces of control data, `n`
 * times descriptor 0. Returns errno or 0. */
int send_raw(int fd, const void *bytes, size_t len, int n_groups, int n);

/* The same as a packet of that length, up to 60. */
int send_raw_packet(int fd, size_t len, int n_groups, int n);

/* In a child that is an ordinary user (descriptors in flight are limited for
 * each user but root) and may have 100 descriptors, call fn(baton). Returns
 * its value, 0 to 99, or 100 if there was no such child. */
int run_as_user(int (*fn)(void *baton), void *baton);

#endif
