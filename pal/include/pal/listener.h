/* Being found by others at a path: listening there, and connecting to it.
 * On Unix the path is that of a local socket (unix(7)); on Windows the name
 * of a pipe.
 *
 * Life cycle of a server: pal_listener_create, options, pal_listener_open,
 * pal_listener_watch, pal_listener_accept as often as there is someone,
 * pal_listener_close.
 *
 *   static void on_client(void *baton, pal_listener_t *listener)
 *   {
 *       pal_channel_t *channel;
 *       pal_handle_t end;
 *       pal_peer_t peer;
 *
 *       while (pal_listener_accept(listener, &end, &peer) == APR_SUCCESS) {
 *           if (peer.uid != own_uid
 *               || pal_channel_open(&channel, &end) != APR_SUCCESS)
 *               pal_handle_close(&end);
 *           else
 *               serve(channel);
 *       }
 *   }
 *
 *   pal_listener_create(&listener, PAL_LISTEN_CHANNEL, pool);
 *   pal_listener_open(listener, "/run/example/socket");
 *   pal_listener_watch(listener, loop, on_client, NULL);
 *   pal_loop_run(loop);
 *   pal_listener_close(listener);
 *
 * A client calls pal_connect, which waits, or pal_connector_open, which tells
 * on a loop, and opens the end it gets.
 *
 * Threads: a listener and a connector on the loop's thread; pal_connect and
 * pal_peer_process: any. */
#ifndef PAL_LISTENER_H
#define PAL_LISTENER_H

#include <apr_pools.h>
#include <apr_time.h>

#include <pal/handle.h>
#include <pal/loop.h>
#include <pal/process.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the ends are for: channel.h, stream.h. */
typedef enum { PAL_LISTEN_CHANNEL, PAL_LISTEN_STREAM } pal_listen_kind_t;

/* Who made the connection, at that time, as the system says; -1: it does not
 * tell. The process may have ended since, and another have its pid. */
typedef struct pal_peer_t {
    apr_int64_t pid, uid, gid;
} pal_peer_t;

typedef struct pal_listener_t pal_listener_t;
typedef struct pal_connector_t pal_connector_t;

/* A listener that is not open. It is closed with its pool, too. */
apr_status_t pal_listener_create(pal_listener_t **ret_listener,
                                 pal_listen_kind_t kind, apr_pool_t *pool);

/* Options, before it is opened.
 *
 * Access mode of the socket (chmod(2)): who may write to it may connect. The
 * default is 0600. Windows: 0600, the own user only; any other, everyone of
 * this machine.
 * Errors: APR_EINVAL for more than 0777. */
apr_status_t pal_listener_mode_set(pal_listener_t *listener, int mode);

/* Windows: who may connect, as a security descriptor in SDDL, in place of the
 * mode; pal_listener_open says if it is none.
 * Errors: APR_ENOTIMPL elsewhere. */
apr_status_t pal_listener_security_set(pal_listener_t *listener,
                                       const char *sddl);

/* How many connections may wait to be accepted; 128 by default. The system
 * may cut it (net.core.somaxconn on Linux).
 * Errors: APR_EINVAL below 1. */
apr_status_t pal_listener_backlog_set(pal_listener_t *listener, int n);

/* Take the place of another that is listening there; it is not told. Windows:
 * nobody can, and the setting does nothing. */
void pal_listener_replace_set(pal_listener_t *listener, int on);

/* Listen at `path`. The socket is made under another name in the same folder,
 * and gets its own when nobody can connect any more who may not. What a server
 * that is gone left there is replaced. Of several that try at once one
 * succeeds. While a place is taken from another, or left, there is a file
 * ".NAME.lock" beside it.
 * Errors: APR_EEXIST: somebody listens there (and replacing was not asked
 * for), or it cannot be seen whether, or somebody else goes on taking the
 * place for 20 ms; PAL_E_KIND: there is something else than a socket, or a
 * symbolic link; PAL_E_LIMIT: the path is too long (on Linux only the last
 * component can be: about 80 bytes); PAL_E_STARTED: it is open already; those
 * of open(2) on the folder and of bind(2). */
apr_status_t pal_listener_open(pal_listener_t *listener, const char *path);

/* Have `fn` called while somebody waits to be accepted; NULL: no more.
 * Errors: APR_EEXIST: there is a watch already; APR_EINVAL: it is not open. */
typedef void (*pal_listener_fn_t)(void *baton, pal_listener_t *listener);
apr_status_t pal_listener_watch(pal_listener_t *listener, pal_loop_t *loop,
                                pal_listener_fn_t fn, void *baton);

/* Accept one connection; *ret_peer, unless it is NULL, is who made it. With no
 * descriptor or memory left for it, the client goes on waiting, and the watch
 * pauses for 100 ms instead of calling again at once.
 * Ownership: *ret_end is the caller's: for pal_channel_open or
 * pal_stream_open.
 * Errors: APR_EAGAIN: nobody waits; APR_EMFILE, APR_ENFILE, APR_ENOMEM: see
 * above; APR_EINVAL: it is not open. */
apr_status_t pal_listener_accept(pal_listener_t *listener,
                                 pal_handle_t *ret_end, pal_peer_t *ret_peer);

/* Listen no more: clients that wait are turned away. The path is removed if
 * it still is that of this listener, which may be opened again. */
void pal_listener_close(pal_listener_t *listener);

/* Take hold of the process that made the connection, by an end from
 * pal_listener_accept, as pal_process_attach does, without a moment in which
 * its pid could become another's.
 * Ownership: *ret_process is the caller's, to be closed.
 * Errors: PAL_E_KIND: it is no such end (of one from pal_channel_pair the
 * system would name the maker of the pair); ESRCH: it is gone, which newer
 * systems show by a process that has ended; APR_ENOTIMPL: the system cannot
 * (Linux before 6.5). */
apr_status_t pal_peer_process(pal_handle_t end, pal_process_t **ret_process);

/* Connect to what listens at `path`, waiting at most `timeout` (0: not at all,
 * < 0: no limit) for it to have room for one more. *ret_peer, unless it is
 * NULL, is who opened the listener.
 * Ownership: *ret_end is the caller's.
 * Errors: APR_TIMEUP; APR_ENOENT: there is no such path; APR_ECONNREFUSED:
 * nobody listens there; PAL_E_KIND: it is no socket, or one for something
 * else than `kind`; APR_EACCES; PAL_E_LIMIT: the path is too long. */
apr_status_t pal_connect(pal_handle_t *ret_end, pal_listen_kind_t kind,
                         const char *path, apr_interval_time_t timeout,
                         pal_peer_t *ret_peer);

/* The same on a loop: `fn` is called once, never from within this call, with
 * the status that pal_connect would return.
 * Ownership: *end is the callback's for the taking (it sets it to
 * PAL_HANDLE_NONE), and closed after it otherwise. The connector is the
 * caller's, to be closed, also inside the callback; before it came, that gives
 * up. */
typedef void (*pal_connect_fn_t)(void *baton, apr_status_t status,
                                 pal_handle_t *end, const pal_peer_t *peer);
apr_status_t pal_connector_open(pal_connector_t **ret_connector,
                                pal_listen_kind_t kind, const char *path,
                                pal_loop_t *loop, apr_interval_time_t timeout,
                                pal_connect_fn_t fn, void *baton);
void pal_connector_close(pal_connector_t **connector);

#ifdef __cplusplus
}
#endif
#endif
