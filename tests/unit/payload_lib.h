/* What the tests of typed messages share.
 *
 * Threads: main. */
#ifndef TESTS_PAYLOAD_LIB_H
#define TESTS_PAYLOAD_LIB_H

#include "mesh/mesh.pb-c.h"
#include "payload.h"

#define TYPE(name) &vectors__##name##__descriptor

/* The i-th of MESH__MAX_RES + 1 ports. They are never looked into here, so
 * that any address will do. */
mesh_port_t *fake_port(int i);

/* A message with resources of `kinds`: P for fake_port(i), H for the handle
 * 100 + i, - for nothing; i is the place. */
mesh_message_t *from_bytes(const void *bytes, size_t len, const char *kinds);
mesh_message_t *from_hex(const char *hex, const char *kinds);
void free_message(mesh_message_t *message);

/* Variables that have fake ports, and fields that name them. */
typedef struct slots_t {
    mesh_port_t *variables[MESH__MAX_RES + 1];
    Mesh__Port messages[MESH__MAX_RES + 1];
    Mesh__Port *pointers[MESH__MAX_RES + 1];
} slots_t;
slots_t *new_slots(void);

/* Packing `value` gives these bytes, or this status. */
void check_packed(const void *value, mesh__wrap_t wrap, const char *hex);
void check_refused(const void *value, apr_status_t status);

/* Unpacking the bytes gives this status; if that is good, packing gives
 * `again`. */
void check_decoded(const ProtobufCMessageDescriptor *type, const char *hex,
                   const char *kinds, apr_status_t status, const char *again);
void check_same(const ProtobufCMessageDescriptor *type, const char *hex,
                const char *kinds);
void check_bad(const ProtobufCMessageDescriptor *type, const char *hex,
               const char *kinds, apr_status_t status);

#endif
