/* Cases that do what the harness must catch. Run by test_harness. */
#include "harness.h"

#include <stdlib.h>

#include <fcntl.h>
#include <unistd.h>

static void fine(void)
{
    CU_ASSERT_PTR_NOT_NULL(test_pool());
}

static void fails(void)
{
    CU_FAIL("on purpose");
}

static void fails_fatally(void)
{
    TEST_OK(APR_EGENERAL);
    exit(3);
}

static void leaves_descriptor(void)
{
    CU_ASSERT(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
}

static void leaves_child(void)
{
    pid_t pid = fork();

    while (pid == 0) {
        pause();
    }
    CU_ASSERT(pid > 0);
}

static void leaves_memory(void)
{
    for (int i = 0; i < 100; i++) {
        CU_ASSERT_PTR_NOT_NULL(malloc(100));
    }
}

static void hangs(void)
{
    for (;;) {
        pause();
    }
}

static const test_case_t cases[] = {{"fine", fine},
                                    {"fails", fails},
                                    {"fails_fatally", fails_fatally},
                                    {"leaves_descriptor", leaves_descriptor},
                                    {"leaves_child", leaves_child},
                                    {"leaves_memory", leaves_memory},
                                    {"hangs", hangs},
                                    {NULL, NULL}};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "faulty", cases);
}
