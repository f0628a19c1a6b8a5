#include "config.h"

#include "generic.h"

#include "node.h"

#include <assert.h>
#include <string.h>

void mesh__generic_init(mesh__generic_t *generic,
                        const ProtobufCMessageDescriptor *outer,
                        unsigned index, const ProtobufCMessageDescriptor *part)
{
    assert(outer->n_fields <= MESH__GENERIC_MAX_FIELDS);
    assert(index < outer->n_fields);
    generic->type = *outer;
    memcpy(generic->fields, outer->fields,
           outer->n_fields * sizeof(generic->fields[0]));
    generic->fields[index].descriptor = part;
    generic->type.fields = generic->fields;
}

apr_status_t mesh__send_value(mesh_port_t *port, const ProtobufCMessage *value,
                              mesh__wrap_t wrap, int last)
{
    mesh_message_t *message;
    apr_status_t rv = mesh__message_pack(&message, value, wrap);

    if (rv != APR_SUCCESS)
        return rv;
    return mesh__message_send_packed(port, &message, last);
}
