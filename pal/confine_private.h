/* What a platform provides for <pal/confine.h>, besides pal_confine_offers.
 *
 * Threads: one. */
#ifndef PAL_CONFINE_PRIVATE_H
#define PAL_CONFINE_PRIVATE_H

#include <apr_errno.h>

#include <pal/confine.h>

/* Would a layer hold for the whole process, given up now? Asked before any is.
 * Errors: PAL_E_THREADS. */
apr_status_t pal__confine_begin(void);

/* Give up what the layer stands for. They come in the order of
 * pal_confine_layer_t, no_new_privs always before another.
 * Errors: APR_ENOTIMPL: there is no such thing here. */
apr_status_t pal__confine_layer(pal_confine_layer_t layer);

#endif
