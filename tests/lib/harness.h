/* Running the cases of one test program.
 *
 * A program has a table of cases and calls test_main from main. Each case is
 * run through CUnit with a deadline (20 s, longer under valgrind; seconds in
 * the environment variable TEST_DEADLINE), and fails if it leaves an open
 * descriptor, a child process or, under AddressSanitizer, memory behind.
 *
 * Threads: everything here and every CU_ASSERT on the main thread only; what
 * other threads find out is brought there. */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <CUnit/CUnit.h>

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_thread_proc.h>

typedef struct test_case_t {
    const char *name;
    void (*fn)(void);
} test_case_t;

/* Run the cases of the table, which ends with an empty one, or only those
 * named in argv[1...]. The last line of output is "N passed, N failed".
 * Returns the exit status: 0 if at least one case ran and none failed. */
int test_main(int argc, char **argv, const char *suite,
              const test_case_t *cases);

/* A private temporary folder, removed with all in it at the end. */
const char *test_dir(void);

/* The path of a file of the source tree, from the pool of the case. */
const char *test_data(const char *path);

/* Pool of the running case, destroyed after it. */
apr_pool_t *test_pool(void);

/* How often a stress test does something: `n` in a plain run, a 20th under
 * sanitizers, a 1000th under valgrind, at least 1. The environment variable
 * STRESS overrides the divisor. */
int test_scale(int n);
int test_in_sanitizer(void);
int test_in_valgrind(void);

/* Does pal use what only Linux has? If not (configure --disable-linux-native),
 * some of it is not to be had: APR_ENOTIMPL. */
int test_is_native(void);

/* End a thread that is to be joined. To return from it is not enough for APR
 * on Windows; and apr_thread_exit unwinds the stack without the knowledge of
 * AddressSanitizer, which this tells. */
_Noreturn void test_thread_exit(apr_thread_t *thread);

/* Assert that `expr` is APR_SUCCESS; print the status and end the case if
 * not. */
#define TEST_OK(expr) test_ok((expr), #expr, __FILE__, __LINE__)
void test_ok(apr_status_t status, const char *expr, const char *file,
             int line);

#endif
