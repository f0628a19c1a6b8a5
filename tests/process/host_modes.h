/* What test_host does as a launched host. The first argument says what:
 *
 *   echo        sends back what comes on its port, until it is to stop
 *   ping        sends one message, waits for it to come back, returns
 *   return      returns at once
 *   fail        returns APR_EGENERAL
 *   break       returns MESH_E_PROTOCOL
 *   loop        runs the loop until it is stopped
 *   stopping    checks what blocking calls return once it is to stop
 *   stuck       says so by one message and never returns
 *   alive       writes a byte to descriptor ALIVE_HANDLE and never returns
 *   waiting     writes a byte to ALIVE_HANDLE and waits for a message
 *   count       initial message: reads files, replies how many bytes
 *   name        replies its name on its port
 *   env         replies the value of HOST_MODE_ENV on its port
 */
#ifndef TESTS_HOST_MODES_H
#define TESTS_HOST_MODES_H

#include <mesh/mesh.h>

#define ALIVE_HANDLE 5

/* To be given to mesh_run_host_if_launched, with argv. */
apr_status_t host_modes_run(mesh_self_t *self, void *baton);

#endif
