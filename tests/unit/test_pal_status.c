#include "config.h"

#include "harness.h"

#include <pal/pal.h>

#include <stdio.h>
#include <string.h>

#define TEXT_ROW(name, n, text) {name, n, text},

static const struct {
    apr_status_t status;
    int distance;
    const char *text;
} rows[] = {PAL_STATUS_MAP(TEXT_ROW)};

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static void test_own_texts(void)
{
    char buf[128];
    int i;

    for (i = 0; i < N_ROWS; i++) {
        CU_ASSERT_EQUAL(rows[i].status, PAL_E_START + i + 1);
        CU_ASSERT_EQUAL(rows[i].distance, i + 1);
        CU_ASSERT_PTR_EQUAL(pal_status_text(rows[i].status, buf, sizeof(buf)),
                            buf);
        CU_ASSERT_STRING_EQUAL(buf, rows[i].text);
    }
    CU_ASSERT_EQUAL(PAL_E_START, APR_OS_START_USERERR + 46000);
    CU_ASSERT_EQUAL(PAL_E_END, PAL_E_START + N_ROWS + 1);
}

static void test_other_texts(void)
{
    static const apr_status_t statuses[] = {APR_SUCCESS, APR_EOF, APR_EBADF,
                                            APR_TIMEUP, PAL_E_END};
    char buf[128], expected[128];
    apr_size_t i;

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        (void)apr_strerror(statuses[i], expected, sizeof(expected));
        (void)pal_status_text(statuses[i], buf, sizeof(buf));
        CU_ASSERT_STRING_EQUAL(buf, expected);
    }
}

static void test_short_buffers(void)
{
    char buf[8];

    memset(buf, 'x', sizeof(buf));
    CU_ASSERT_PTR_EQUAL(pal_status_text(PAL_E_KIND, buf, 0), buf);
    CU_ASSERT_EQUAL(buf[0], 'x');
    (void)pal_status_text(PAL_E_KIND, buf, 1);
    CU_ASSERT_STRING_EQUAL(buf, "");
    (void)pal_status_text(PAL_E_KIND, buf, 7);
    CU_ASSERT_STRING_EQUAL(buf, "handle");
    CU_ASSERT_EQUAL(buf[7], 'x');
    (void)pal_status_text(APR_EBADF, buf, 1);
    CU_ASSERT_STRING_EQUAL(buf, "");
}

static void test_version(void)
{
    char expected[32];

    (void)snprintf(expected, sizeof(expected), "%d.%d.%d", PAL_VERSION_MAJOR,
                   PAL_VERSION_MINOR, PAL_VERSION_PATCH);
    CU_ASSERT_STRING_EQUAL(pal_version(), expected);
}

/* It is counted: after one of two ends, APR still works. */
static void test_initialize(void)
{
    apr_pool_t *pool;

    TEST_OK(pal_initialize());
    TEST_OK(pal_initialize());
    pal_terminate();
    TEST_OK(apr_pool_create(&pool, NULL));
    apr_pool_destroy(pool);
    pal_terminate();
}

static const test_case_t cases[] = {
    {"own_texts", test_own_texts},         {"other_texts", test_other_texts},
    {"short_buffers", test_short_buffers}, {"version", test_version},
    {"initialize", test_initialize},       {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal_status", cases);
}
