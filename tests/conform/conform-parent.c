/* The parent of the conformance service (README.md in this folder): launches
 * CHILD as its hosts and runs the tests, one line each on stdout.
 *
 * There are no --connect and no --listen yet, and the tests of the contract
 * that are not in the table below are not written. */
#include "config.h"

#include "parent.h"

#include "proc.h"

#include <stdio.h>
#include <string.h>

#define TEST_TIMEOUT apr_time_from_sec(20)

/* In the order in which they run: the
 * hosts of the first lines serve most of the others. */
static const struct test_t {
    const char *name;
    void (*fn)(parent_t *parent, int n);
    int n;
    int is_strict;
} tests[] = {
    {"launch-alpha", test_launch_alpha, 0, 0},
    {"launch-beta-with-a-long-name", test_launch_beta, 0, 0},
    {"report", test_report, 0, 0},
    {"echo-0", test_echo, 0, 0},
    {"echo-1", test_echo, 1, 0},
    {"echo-16384", test_echo, 16384, 0},
    {"echo-40000", test_echo, 40000, 0},
    {"echo-1048576", test_echo, 1048576, 0},
    {"echo-boundary", test_echo_boundary, 0, 0},
    {"echo-concurrent", test_echo_concurrent, 0, 0},
    {"scalars", test_scalars, 0, 0},
    {"scalars-zero", test_scalars_zero, 0, 0},
    {"scalars-choice", test_scalars_choice, 0, 0},
    {"fail", test_fail, 0, 0},
    {"fds-0", test_fds, 0, 0},
    {"fds-1", test_fds, 1, 0},
    {"fds-8", test_fds, 8, 0},
    {"fds-63", test_fds, 63, 0},
    {"makefile-0", test_makefile, 0, 0},
    {"makefile-5", test_makefile, 5, 0},
    {"makefile-100000", test_makefile, 100000, 0},
    {"forward", test_forward, 0, 0},
    {"forward-backlog", test_forward_backlog, 0, 0},
    {"make-channel", test_make_channel, 0, 0},
    {"share", test_share, 0, 0},
    {"bridge", test_bridge, 0, 0},
    {"drop", test_drop, 0, 0},
    {"move", test_move, 0, 0},
    {"move-read", test_move, 3, 0},
    {"host-cloexec", test_cloexec, 0, 1},
    {"requests-closed", test_requests_closed, 0, 0},
    {"exit-7", test_exit, 7, 0},
    {"abort", test_abort, 0, 0},
    {"crash", test_crash, 0, 0},
};

static int run_test(parent_t *parent, const struct test_t *test)
{
    parent->why = NULL;
    parent->deadline = apr_time_now() + TEST_TIMEOUT;
    test->fn(parent, test->n);
    if (parent->why == NULL) {
        printf("ok %s\n", test->name);
    }
    else {
        printf("FAIL %s: %s\n", test->name, parent->why);
    }
    fflush(stdout);
    apr_pool_clear(parent->test_pool);
    return parent->why == NULL;
}

/* Returns how many have failed. */
static int run_all(parent_t *parent)
{
    int n_passed = 0;
    int n_failed = 0;
    size_t i;

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        if (tests[i].is_strict
            && !(parent->is_strict && proc_sees_inheritable)) {
            continue;
        }
        if (run_test(parent, &tests[i])) {
            n_passed++;
        }
        else {
            n_failed++;
        }
    }
    printf("%d passed, %d failed\n", n_passed, n_failed);
    return n_failed;
}

static void complain(const char *what, apr_status_t status)
{
    char text[200];

    fprintf(stderr, "conform-parent: %s: %s\n", what,
            mesh_status_text(status, text, sizeof(text)));
}

static int run(parent_t *parent)
{
    apr_status_t rv;
    int n_failed;

    parent->node = mesh_hosts_node(parent->hosts);
    apr_pool_create(&parent->pool, NULL);
    apr_pool_create(&parent->test_pool, parent->pool);
    n_failed = run_all(parent);
    mesh_sender_close(&parent->alpha.requests);
    mesh_sender_close(&parent->beta.requests);
    mesh_sender_close(&parent->move_a.requests);
    rv = mesh_hosts_shutdown(parent->hosts, TEST_TIMEOUT);
    if (rv != APR_SUCCESS) {
        complain("shutdown", rv);
    }
    remote_end(&parent->alpha);
    remote_end(&parent->beta);
    remote_end(&parent->move_a);
    apr_pool_destroy(parent->pool);
    return n_failed;
}

int main(int argc, char **argv)
{
    parent_t parent = {0};
    apr_status_t rv;
    int first = 1;
    int n_failed;

    if (first < argc && strcmp(argv[first], "--strict") == 0) {
        parent.is_strict = 1;
        first++;
    }
    if (first >= argc || argv[first][0] == '-') {
        fprintf(stderr, "usage: conform-parent [--strict] CHILD [ARG...]\n");
        return 2;
    }
    parent.child = argv[first];
    parent.args = (const char *const *)argv + first + 1;

    rv = mesh_open(&parent.hosts);
    if (rv != APR_SUCCESS) {
        complain("start", rv);
        return 2;
    }
    n_failed = run(&parent);
    rv = mesh_close(&parent.hosts, TEST_TIMEOUT);
    if (rv != APR_SUCCESS) {
        complain("end", rv);
    }
    return n_failed > 0;
}
