/* The worker's side: a host of the mesh that checks one document after the
 * other. By the time it runs it can do no more than that. */
#ifndef WORKER_H
#define WORKER_H

#include <mesh/host.h>

/* For mesh_run_host_if_launched. */
apr_status_t worker_main(mesh_self_t *self, void *baton);

#endif
