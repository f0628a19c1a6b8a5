/* pal's loop inside GLib's main loop, as a source of it:
 *
 *   loop_glib [PROGRAM [ARG...]] */
#include "loop_guest.h"

#include <glib-unix.h>
#include <glib.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct source_t {
    GSource source; /* first: GLib knows it by this */
    guest_t *guest;
    gpointer tag; /* of the handle */
    GMainLoop *main;
} source_t;

static gboolean prepare(GSource *source, gint *ret_timeout)
{
    source_t *own = (source_t *)source;

    *ret_timeout = guest_timeout(own->guest);
    return *ret_timeout == 0;
}

static gboolean check(GSource *source)
{
    source_t *own = (source_t *)source;

    return g_source_query_unix_fd(source, own->tag) != 0
           || guest_timeout(own->guest) == 0;
}

static gboolean dispatch(GSource *source, GSourceFunc fn, gpointer baton)
{
    source_t *own = (source_t *)source;

    (void)fn;
    (void)baton;
    guest_check(pal_loop_dispatch(own->guest->loop), "pal_loop_dispatch");
    if (guest_is_over(own->guest))
        g_main_loop_quit(own->main);
    return G_SOURCE_CONTINUE;
}

static gboolean on_deadline(gpointer baton)
{
    (void)baton;
    fputs("time is up\n", stderr);
    exit(1);
}

int main(int argc, char **argv)
{
    static GSourceFuncs functions = {
        .prepare = prepare, .check = check, .dispatch = dispatch};
    guest_t guest;
    source_t *own;

    (void)argc;
    guest_open(&guest, argv + 1);
    own = (source_t *)g_source_new(&functions, sizeof(*own));
    own->guest = &guest;
    own->main = g_main_loop_new(NULL, FALSE);
    own->tag = g_source_add_unix_fd(&own->source, (gint)guest.handle, G_IO_IN);
    (void)g_source_attach(&own->source, NULL);
    (void)g_timeout_add(GUEST_DEADLINE_MS, on_deadline, NULL);
    g_main_loop_run(own->main);
    g_main_loop_unref(own->main);
    g_source_destroy(&own->source);
    g_source_unref(&own->source);
    return guest_close(&guest);
}
