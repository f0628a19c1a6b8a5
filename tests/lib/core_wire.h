/* A link without a socket, for tests of the core: what one core sends, as
 * another receives it. And random numbers that a seed decides. */
#ifndef TESTS_CORE_WIRE_H
#define TESTS_CORE_WIRE_H

#include "core.h"

typedef struct wire_random_t {
    apr_uint64_t state;
} wire_random_t;

void wire_random_init(wire_random_t *random, apr_uint64_t seed);

/* A number from 0 to n - 1. */
int wire_random_below(wire_random_t *random, int n);

/* A random source of a core; the baton is a wire_random_t. */
void wire_random_fill(void *baton, void *buf, apr_size_t len);

/* Make of a message that came out for another node the event that arrives
 * there. Takes the message. */
mesh_message_t *wire_pass(mesh_message_t *sent);

/* An event of given parts; `body` may be NULL if `len` is 0. */
mesh_message_t *wire_event(const mesh_id_t *port, int type, int flags,
                           apr_uint64_t seq, const void *body, apr_size_t len);

/* The same for a message with ResourceData in front of the payload. */
mesh_message_t *wire_event_res(const mesh_id_t *port, int flags,
                               apr_uint64_t seq, const mesh__res_data_t *res,
                               int n_res);

#endif
