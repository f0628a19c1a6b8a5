/* Messages waiting: in the order they came, or by sequence number. Both are
 * chained through the messages and allocate nothing. */
#ifndef MESH_CORE_QUEUE_H
#define MESH_CORE_QUEUE_H

#include "message.h"

/* First in, first out. All zero is empty. */
typedef struct mesh__queue_t {
    mesh_message_t *first;
    mesh_message_t *last;
} mesh__queue_t;

void mesh__queue_put(mesh__queue_t *queue, mesh_message_t *message);

/* NULL if it is empty. */
mesh_message_t *mesh__queue_take(mesh__queue_t *queue);

/* Early events: a pairing heap, the root of which has the lowest number.
 * Numbers wrap: of two that are less than 2^63 apart, the one that comes
 * first is lower. */
void mesh__early_put(mesh_message_t **heap, mesh_message_t *message);

/* Take the root. The heap must not be empty. */
mesh_message_t *mesh__early_take(mesh_message_t **heap);

#endif
