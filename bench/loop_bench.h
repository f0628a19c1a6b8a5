/* Ways for two processes to talk, measured by loop_bench.c. */
#ifndef LOOP_BENCH_H
#define LOOP_BENCH_H

#define SMALL 8          /* bytes of a ping */
#define LARGE (64 << 10) /* most bytes of a message */

/* All functions get an end of a socket pair, which they take over. Those of
 * the peer run in a process of their own and end it when the other end is
 * gone. */
typedef struct transport_t {
    int socket_type;
    /* Answer each ping. */
    void (*serve)(int fd);
    /* Time n round trips. */
    double (*ping)(int fd, int n);
    /* Send messages of `len` bytes, for ever. */
    void (*send)(int fd, int len);
    /* Time the receiving of n of them, after the first. */
    double (*receive)(int fd, int len, int n);
} transport_t;

extern const transport_t bench_raw, bench_raw_polling;
extern const transport_t bench_pal, bench_pal_polling;
extern const transport_t bench_libuv;

/* With a descriptor in each message; the receiver closes it. */
extern const transport_t bench_raw_rights, bench_pal_rights;

#endif
