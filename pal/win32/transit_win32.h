/* Handles on their way in a packet. A pipe carries bytes only, so the packet
 * carries values, and a process that holds the other one's process handle
 * duplicates: into a child that it sends to, out of a child that it receives
 * from. What a value means is agreed by who is at the other end:
 *
 *   nobody told yet   both ends may be in this process: the packet names an
 *                     entry of a table of this process, by a number that
 *                     nobody can guess
 *   a process         values to it are its own already; values from it are
 *                     duplicated out of it, and closed there
 *   the launcher      the same the other way round: values to it are copies
 *                     made here, for it to take out
 *
 * A value that came from a process is only ever looked up in that process, so
 * it cannot make us hand over something of our own.
 *
 * Each packet has a head: kind (1 byte), 0 (1 byte), the number of handles (2
 * bytes), then 4 bytes for each, or 16 for the entry; numbers are
 * little-endian. A packet that ends with its head says that no more comes.
 *
 * Threads: any. */
#ifndef PAL_TRANSIT_WIN32_H
#define PAL_TRANSIT_WIN32_H

#include <apr_errno.h>

#include <pal/channel.h>

#include <windows.h>

#define PAL__TRANSIT_HEAD_LEN 4
#define PAL__TRANSIT_MAX_LEN                                                  \
    (PAL__TRANSIT_HEAD_LEN + 4 * PAL_CHANNEL_MAX_HANDLES)

typedef enum {
    PAL__PEER_UNTOLD,
    PAL__PEER_PROCESS,
    PAL__PEER_LAUNCHER
} pal__peer_kind_t;

typedef struct pal__peer_t {
    pal__peer_kind_t kind;
    HANDLE process; /* of PAL__PEER_PROCESS */
    int is_ours;    /* the pipe was made by this process, both ends */
} pal__peer_t;

/* Make the head of a packet with copies of these handles. `owner` is for
 * pal__transit_forget.
 * Errors: APR_EBADF: one of them is no handle; APR_EPIPE: the process has
 * ended; APR_ENOTIMPL: nobody can duplicate for the other end. */
apr_status_t pal__transit_pack(const pal__peer_t *peer, const void *owner,
                               const pal_handle_t *handles, int n,
                               unsigned char *head, apr_size_t *ret_len);

/* The packet with this head was not sent. */
void pal__transit_undo(const pal__peer_t *peer, const unsigned char *head);

/* What follows the first PAL__TRANSIT_HEAD_LEN bytes of a head, in bytes.
 * Errors: PAL_E_FRAMING. */
apr_status_t pal__transit_rest(const unsigned char *head, apr_size_t *ret_len);

/* Take the handles of a packet that came with this head, of which `rest` is
 * the part after the first bytes.
 * Ownership: the handles are the caller's.
 * Errors: PAL_E_HANDLES_LOST: not all of them can be had; then none is. */
apr_status_t pal__transit_unpack(const pal__peer_t *peer,
                                 const unsigned char *head,
                                 const unsigned char *rest,
                                 pal_handle_t *handles, int *ret_n);

/* The channel `owner` is closed. If the other end is gone, too, what it sent
 * to this process and nobody took is closed. */
void pal__transit_forget(const void *owner, int is_lost);

#endif
