#include "config.h"

#include "harness.h"

#include "leaks.h"

#include <apr_env.h>
#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>

#include <CUnit/Basic.h>

#include <mesh/status.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define IN_SANITIZER 1
#elif defined(__has_feature)
#    define IN_SANITIZER                                                      \
        (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#    define IN_SANITIZER 0
#endif

enum { DEADLINE = 20, SLOWDOWN_SANITIZER = 3, SLOWDOWN_VALGRIND = 30 };

static apr_pool_t *program_pool;
static apr_pool_t *case_pool;
static apr_pool_t *leaks_pool;
static leaks_t *case_leaks;
static const char *folder;
static int n_run;
static int n_failed;
static unsigned int failures_before;

int test_in_sanitizer(void)
{
    return IN_SANITIZER;
}

int test_in_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");

    return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

int test_is_native(void)
{
#ifdef HAVE_LINUX_NATIVE
    return 1;
#else
    return 0;
#endif
}

void test_thread_exit(apr_thread_t *thread)
{
    apr_thread_exit(thread, APR_SUCCESS);
    abort();
}

int test_scale(int n)
{
    const char *stress = getenv("STRESS");
    int divisor = stress != NULL        ? atoi(stress)
                  : test_in_valgrind()  ? 1000
                  : test_in_sanitizer() ? 20
                                        : 1;

    if (divisor > 1) {
        n /= divisor;
    }
    return n > 0 ? n : 1;
}

static int deadline(void)
{
    const char *seconds = getenv("TEST_DEADLINE");

    if (seconds != NULL && atoi(seconds) > 0) {
        return atoi(seconds);
    }
    return test_in_valgrind()    ? DEADLINE * SLOWDOWN_VALGRIND
           : test_in_sanitizer() ? DEADLINE * SLOWDOWN_SANITIZER
                                 : DEADLINE;
}

apr_pool_t *test_pool(void)
{
    return case_pool;
}

void test_ok(apr_status_t status, const char *expr, const char *file, int line)
{
    char text[200];

    if (status == APR_SUCCESS) {
        CU_assertImplementation(CU_TRUE, (unsigned int)line, expr, file, "",
                                CU_FALSE);
        return;
    }
    mesh_status_text(status, text, sizeof(text));
    /* CUnit keeps copies of the strings. */
    CU_assertImplementation(
        CU_FALSE, (unsigned int)line,
        apr_psprintf(case_pool, "%s: status %d, %s", expr, (int)status, text),
        file, "", CU_TRUE);
}

const char *test_data(const char *path)
{
    const char *srcdir = getenv("srcdir");

    return apr_pstrcat(case_pool, srcdir != NULL ? srcdir : ".", "/", path,
                       NULL);
}

const char *test_dir(void)
{
    const char *parent;
    const char *path;
    unsigned char random[8];
    char hex[17];

    if (folder != NULL) {
        return folder;
    }
    if (apr_temp_dir_get(&parent, program_pool) != APR_SUCCESS
        || apr_generate_random_bytes(random, sizeof(random)) != APR_SUCCESS) {
        fprintf(stderr, "no temporary folder\n");
        exit(1);
    }
    for (int i = 0; i < 8; i++) {
        apr_snprintf(hex + 2 * i, 3, "%02x", random[i]);
    }
    path = apr_pstrcat(program_pool, parent, "/mesh-test-", hex, NULL);
    if (apr_dir_make(path,
                     APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_UEXECUTE,
                     program_pool)
        != APR_SUCCESS) {
        fprintf(stderr, "cannot make %s\n", path);
        exit(1);
    }
    folder = path;
    return folder;
}

static void remove_folder(const char *path, apr_pool_t *parent)
{
    apr_pool_t *pool;
    apr_dir_t *dir;
    apr_finfo_t info;

    apr_pool_create(&pool, parent);
    if (apr_dir_open(&dir, path, pool) == APR_SUCCESS) {
        while (apr_dir_read(&info, APR_FINFO_NAME | APR_FINFO_TYPE, dir)
               == APR_SUCCESS) {
            const char *child = apr_pstrcat(pool, path, "/", info.name, NULL);

            if (strcmp(info.name, ".") == 0 || strcmp(info.name, "..") == 0) {
                continue;
            }
            if (info.filetype == APR_DIR) {
                remove_folder(child, pool);
            }
            else {
                (void)apr_file_remove(child, pool);
            }
        }
        apr_dir_close(dir);
    }
    (void)apr_dir_remove(path, pool);
    apr_pool_destroy(pool);
}

static void before_case(void)
{
    const char *name = CU_get_current_test()->pName;

    /* Lives longer than the case's own pool, whose clean-ups may close. */
    apr_pool_create(&leaks_pool, program_pool);
    apr_pool_create(&case_pool, program_pool);
    failures_before = CU_get_number_of_failures();
    case_leaks = leaks_snapshot(leaks_pool);
    deadline_arm(deadline(), apr_psprintf(leaks_pool,
                                          "\n%s: not done after %d s\n"
                                          "%d passed, %d failed\n",
                                          name, deadline(), n_run - n_failed,
                                          n_failed + 1));
}

static void after_case(void)
{
    apr_pool_destroy(case_pool);
    case_pool = NULL;
    if (leaks_report(case_leaks, leaks_pool) > 0) {
        CU_FAIL("something was left behind");
    }
    deadline_disarm();
    apr_pool_destroy(leaks_pool);
    n_run++;
    if (CU_get_number_of_failures() != failures_before) {
        n_failed++;
    }
}

static int is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(name, argv[i]) == 0) {
            return 1;
        }
    }
    return argc <= 1;
}

/* A case that is asked for and not there would pass unseen. */
static int are_known(int argc, char **argv, const test_case_t *cases)
{
    int i, n_unknown = 0;

    for (i = 1; i < argc; i++) {
        const test_case_t *c = cases;

        while (c->name != NULL && strcmp(c->name, argv[i]) != 0)
            c++;
        if (c->name == NULL)
            printf("no case %s\n", argv[i]);
        n_unknown += c->name == NULL;
    }
    if (n_unknown > 0)
        printf("0 passed, %d failed\n", n_unknown);
    return n_unknown == 0;
}

static void run_cases(int argc, char **argv, const char *name,
                      const test_case_t *cases)
{
    CU_pSuite suite;

    if (CU_initialize_registry() != CUE_SUCCESS) {
        return;
    }
    suite = CU_add_suite_with_setup_and_teardown(name, NULL, NULL, before_case,
                                                 after_case);
    for (const test_case_t *c = cases; suite != NULL && c->name != NULL; c++) {
        if (is_wanted(c->name, argc, argv)) {
            CU_add_test(suite, c->name, c->fn);
        }
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    CU_cleanup_registry();
}

int test_main(int argc, char **argv, const char *suite,
              const test_case_t *cases)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!are_known(argc, argv, cases))
        return 1;
    if (apr_initialize() != APR_SUCCESS
        || apr_pool_create(&program_pool, NULL) != APR_SUCCESS) {
        fprintf(stderr, "cannot start APR\n");
        return 1;
    }
    run_cases(argc, argv, suite, cases);
    if (folder != NULL) {
        remove_folder(folder, program_pool);
    }
    apr_pool_destroy(program_pool);
    apr_terminate();
    printf("%d passed, %d failed\n", n_run - n_failed, n_failed);
    return n_run == 0 || n_failed > 0;
}
