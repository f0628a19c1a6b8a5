/* mesh: processes that talk over channels which can themselves be sent.
 *
 * Start with node.h (membership), then host.h (launching processes), port.h
 * and channel.h (talking). docs/ARCHITECTURE.md tells how it works inside. */
#ifndef MESH_MESH_H
#define MESH_MESH_H

#include <mesh/channel.h>
#include <mesh/host.h>
#include <mesh/message.h>
#include <mesh/node.h>
#include <mesh/port.h>
#include <mesh/rpc.h>
#include <mesh/status.h>
#include <mesh/types.h>
#include <mesh/version.h>

#endif
