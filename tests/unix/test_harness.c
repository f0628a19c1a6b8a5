/* The harness itself: what it must report, it does report. */
#include "harness.h"

#include <apr_env.h>
#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_strings.h>

#include <stdio.h>
#include <string.h>

#include <sys/wait.h>

/* Run a case of the faulty program and compare its exit status, its last line
 * and a part of its output. */
static void expect(const char *args, int status, const char *last,
                   const char *part)
{
    char output[16384];
    size_t len;
    int end;
    FILE *program = popen(
        apr_pstrcat(test_pool(), "./tests/unix/faulty ", args, NULL), "r");

    CU_ASSERT_PTR_NOT_NULL_FATAL(program);
    len = fread(output, 1, sizeof(output) - 1, program);
    output[len] = '\0';
    end = pclose(program);
    CU_ASSERT(WIFEXITED(end));
    CU_ASSERT_EQUAL(WEXITSTATUS(end), status);
    CU_ASSERT(len > strlen(last)
              && strcmp(output + len - strlen(last), last) == 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, part));
}

static void passes(void)
{
    expect("fine", 0, "\n1 passed, 0 failed\n", "fine");
}

static void no_case(void)
{
    expect("fine no_such_case", 1, "\n0 passed, 1 failed\n",
           "no case no_such_case");
}

static void failures(void)
{
    expect("fine fails", 1, "\n1 passed, 1 failed\n", "on purpose");
    expect("fails_fatally fine", 1, "\n1 passed, 1 failed\n", "APR_EGENERAL");
}

static void descriptor(void)
{
    expect("leaves_descriptor fine", 1, "\n1 passed, 1 failed\n",
           "(/dev/null)");
}

static void child(void)
{
    expect("leaves_child fine", 1, "\n1 passed, 1 failed\n",
           "left behind: child");
}

static void memory(void)
{
#ifdef __SANITIZE_ADDRESS__
    expect("leaves_memory fine 2>/dev/null", 1, "\n1 passed, 1 failed\n",
           "left behind: memory");
#endif
}

static void hang(void)
{
    TEST_OK(apr_env_set("TEST_DEADLINE", "1", test_pool()));
    expect("fine hangs", 1, "\n1 passed, 1 failed\n",
           "hangs: not done after 1 s");
    TEST_OK(apr_env_delete("TEST_DEADLINE", test_pool()));
}

static void folder(void)
{
    apr_finfo_t info;
    apr_file_t *file;

    CU_ASSERT_STRING_EQUAL(test_dir(), test_dir());
    TEST_OK(apr_stat(&info, test_dir(), APR_FINFO_TYPE | APR_FINFO_PROT,
                     test_pool()));
    CU_ASSERT_EQUAL(info.filetype, APR_DIR);
    CU_ASSERT_EQUAL(info.protection & 0x77, 0);
    TEST_OK(apr_file_open(&file,
                          apr_pstrcat(test_pool(), test_dir(), "/file", NULL),
                          APR_FOPEN_CREATE | APR_FOPEN_WRITE,
                          APR_FPROT_OS_DEFAULT, test_pool()));
}

static void scale(void)
{
    CU_ASSERT_EQUAL(test_scale(1), 1);
    CU_ASSERT(test_scale(1000) >= 1 && test_scale(1000) <= 1000);
}

static const test_case_t cases[] = {
    {"passes", passes},     {"no_case", no_case},
    {"failures", failures}, {"descriptor", descriptor},
    {"child", child},       {"memory", memory},
    {"hang", hang},         {"folder", folder},
    {"scale", scale},       {NULL, NULL}};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "harness", cases);
}
