/* pal: processes, handles, an event loop and local channels, over APR.
 *
 * Start with pal_initialize. Each module's header says what it is for, its
 * life cycle and its threads. */
#ifndef PAL_PAL_H
#define PAL_PAL_H

#include <pal/channel.h>
#include <pal/confine.h>
#include <pal/file.h>
#include <pal/handle.h>
#include <pal/job.h>
#include <pal/listener.h>
#include <pal/log.h>
#include <pal/loop.h>
#include <pal/privilege.h>
#include <pal/process.h>
#include <pal/region.h>
#include <pal/self.h>
#include <pal/status.h>
#include <pal/stream.h>
#include <pal/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Counted: calls apr_initialize. Call it before anything else, and
 * pal_terminate as often at the end. Threads: main. */
apr_status_t pal_initialize(void);
void pal_terminate(void);

#ifdef __cplusplus
}
#endif
#endif
