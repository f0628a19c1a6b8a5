#include "config.h"

#include "queue.h"

#include <stddef.h>

void mesh__queue_put(mesh__queue_t *queue, mesh_message_t *message)
{
    message->next = NULL;
    if (queue->first == NULL)
        queue->first = message;
    else
        queue->last->next = message;
    queue->last = message;
}

mesh_message_t *mesh__queue_take(mesh__queue_t *queue)
{
    mesh_message_t *message = queue->first;

    if (message != NULL) {
        queue->first = message->next;
        message->next = NULL;
    }
    return message;
}

/* The one with the higher root becomes a child of the other. Siblings are
 * chained by `next`. */
static mesh_message_t *meld(mesh_message_t *a, mesh_message_t *b)
{
    if (a == NULL)
        return b;
    if (b == NULL)
        return a;
    if ((apr_int64_t)(b->seq - a->seq) < 0) {
        mesh_message_t *swap = a;

        a = b;
        b = swap;
    }
    b->next = a->child;
    a->child = b;
    return a;
}

void mesh__early_put(mesh_message_t **heap, mesh_message_t *message)
{
    message->next = NULL;
    message->child = NULL;
    *heap = meld(*heap, message);
}

mesh_message_t *mesh__early_take(mesh_message_t **heap)
{
    mesh_message_t *root = *heap;
    mesh_message_t *rest = root->child;
    mesh_message_t *pairs = NULL;
    mesh_message_t *merged = NULL;

    /* Two passes, neither recursive: meld neighbours from left to right, then
     * the results from right to left. */
    while (rest != NULL) {
        mesh_message_t *a = rest;
        mesh_message_t *b = a->next;

        rest = b != NULL ? b->next : NULL;
        a->next = NULL;
        if (b != NULL)
            b->next = NULL;
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs != NULL) {
        mesh_message_t *a = pairs;

        pairs = a->next;
        a->next = NULL;
        merged = meld(merged, a);
    }
    root->child = NULL;
    *heap = merged;
    return root;
}
