/* Bytes of packets (docs/PROTOCOL.md 4.1), and what a received packet is. No
 * I/O but reading the sealed region of a large event. */
#ifndef MESH_PACKET_H
#define MESH_PACKET_H

#include "message.h"

#include <pal/channel.h>
#include <pal/region.h>

enum {
    MESH__PACKET_EVENT = 1,
    MESH__PACKET_RELEASE_HANDLES = 2,
    MESH__PACKET_LARGE_EVENT = 3
};

#define MESH__PACKET_HEAD_LEN 8
#define MESH__PACKET_MAX 16384 /* with the head */
#define MESH__REGION_UNIT 4096 /* sizes of large events are multiples */

/* Length of the message's event: head, resources, payload. */
apr_size_t mesh__packet_event_len(const mesh_message_t *message);

/* Does the event need a region? */
int mesh__packet_is_large(apr_size_t event_len);

void mesh__packet_head_put(unsigned char head[MESH__PACKET_HEAD_LEN],
                           int type);

/* Make the region of a large event, with the payload at its place; the rest
 * is written by mesh__packet_region_finish when the core has numbered it.
 * `res_len`: length of the resource data that will precede the payload. */
apr_status_t mesh__packet_region_start(const mesh_message_t *message,
                                       apr_size_t res_len,
                                       pal_handle_t *ret_region);
apr_status_t mesh__packet_region_finish(const mesh_message_t *message,
                                        pal_handle_t region);

/* Make a message of a received packet: APR_SUCCESS and *ret_message NULL if
 * there is nothing to do for it. Handles it uses are taken (NONE in the
 * array). An event of more than `limit` bytes comes without its payload and
 * is marked handles_lost, so that its port fails.
 * Errors, all of which end the link: MESH_E_PROTOCOL; MESH_E_TRUNCATED;
 * PAL_E_KIND, PAL_E_SEALS, APR_EOF of a bad region; APR_ENOMEM. */
apr_status_t mesh__packet_open(const unsigned char *packet, apr_size_t len,
                               pal_handle_t *handles, int n_handles,
                               int handles_lost, apr_size_t limit,
                               mesh_message_t **ret_message);

#endif
