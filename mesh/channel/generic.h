/* Types with a part that the application chooses. protobuf-c has no generics:
 * the descriptor of the outer type is copied with the application's type in
 * place of one field's. */
#ifndef MESH_GENERIC_H
#define MESH_GENERIC_H

#include <mesh/message.h>

#include "payload.h"

#define MESH__GENERIC_MAX_FIELDS 4

typedef struct mesh__generic_t {
    ProtobufCMessageDescriptor type;
    ProtobufCFieldDescriptor fields[MESH__GENERIC_MAX_FIELDS];
} mesh__generic_t;

/* `outer` with `part` as the type of its message field `index`. The result
 * must outlive what is packed or unpacked with it. */
void mesh__generic_init(mesh__generic_t *generic,
                        const ProtobufCMessageDescriptor *outer,
                        unsigned index,
                        const ProtobufCMessageDescriptor *part);

/* Pack a value and send it on a port. */
apr_status_t mesh__send_value(mesh_port_t *port, const ProtobufCMessage *value,
                              mesh__wrap_t wrap, int last);

#endif
