#include "config.h"

#include "harness.h"

#include <pal/file.h>
#include <pal/region.h>
#include <pal/status.h>

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void expect_check(pal_handle_t region, apr_status_t error)
{
    apr_off_t size = 77;

    CU_ASSERT_EQUAL(pal_region_check(region, &size), error);
    CU_ASSERT_EQUAL(size, 77);
}

static void fill_seal_read(void)
{
    static unsigned char data[300000];
    static unsigned char back[300000];
    pal_handle_t region = PAL_HANDLE_NONE;
    apr_off_t size = 0;
    size_t i;

    for (i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * 7 + (i >> 8));
    TEST_OK(pal_region_create("mesh", 303104, &region));
    CU_ASSERT_EQUAL(fcntl((int)region, F_GETFD), FD_CLOEXEC);
    TEST_OK(pal_region_write_at(region, 0, data, 1000));
    TEST_OK(
        pal_region_write_at(region, 1000, data + 1000, sizeof(data) - 1000));
    TEST_OK(pal_region_write_at(region, 303104, data, 0));
    expect_check(region, PAL_E_SEALS);
    TEST_OK(pal_region_seal(region));
    TEST_OK(pal_region_check(region, &size));
    CU_ASSERT_EQUAL(size, 303104);
    TEST_OK(pal_region_read_at(region, 0, back, sizeof(back)));
    CU_ASSERT(memcmp(data, back, sizeof(data)) == 0);
    TEST_OK(pal_region_read_at(region, 303100, back, 4));
    CU_ASSERT(memcmp(back, "\0\0\0\0", 4) == 0);
    CU_ASSERT_EQUAL(pal_region_read_at(region, 303101, back, 4), APR_EOF);
    CU_ASSERT_EQUAL(pal_region_read_at(region, 303104, back, 1), APR_EOF);
    CU_ASSERT_EQUAL(pal_region_read_at(region, 1 << 30, back, 1), APR_EOF);
    CU_ASSERT_EQUAL(pal_region_read_at(region, -1, back, 1), APR_EINVAL);
    TEST_OK(pal_region_read_at(region, 303104, back, 0));
    pal_handle_close(&region);
    CU_ASSERT_EQUAL(pal_region_read_at(region, 0, back, 1), APR_EBADF);
    expect_check(region, APR_EBADF);
}

static void empty_region(void)
{
    pal_handle_t region = PAL_HANDLE_NONE;
    apr_off_t size = 77;
    char byte;

    TEST_OK(pal_region_create("", 0, &region));
    TEST_OK(pal_region_seal(region));
    TEST_OK(pal_region_check(region, &size));
    CU_ASSERT_EQUAL(size, 0);
    CU_ASSERT_EQUAL(pal_region_read_at(region, 0, &byte, 1), APR_EOF);
    pal_handle_close(&region);
}

static void wrong_arguments(void)
{
    char name[202];
    pal_handle_t region = PAL_HANDLE_NONE;

    memset(name, 'n', sizeof(name));
    name[201] = '\0';
    CU_ASSERT_EQUAL(pal_region_create(name, 0, &region), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_region_create("mesh", -1, &region), APR_EINVAL);
    CU_ASSERT_EQUAL(region, PAL_HANDLE_NONE);
    CU_ASSERT_EQUAL(pal_region_write_at(region, 0, name, 1), APR_EBADF);
    CU_ASSERT_EQUAL(pal_region_seal(region), APR_EBADF);
    name[200] = '\0';
    TEST_OK(pal_region_create(name, 100, &region));
    /* Within the size given, or not at all. */
    CU_ASSERT_EQUAL(pal_region_write_at(region, 99, name, 2), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_region_write_at(region, 101, name, 0), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_region_write_at(region, -1, name, 1), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_region_write_at(region, 1, name, (apr_size_t)-1),
                    APR_EINVAL);
    TEST_OK(pal_region_write_at(region, 99, name, 1));
    TEST_OK(pal_region_write_at(region, 100, name, 0));
    pal_handle_close(&region);
}

/* Nobody gets anything past the seals, neither of the owners. */
static void sealed_for_good(void)
{
    pal_handle_t region = PAL_HANDLE_NONE;
    pal_handle_t other = PAL_HANDLE_NONE;
    void *memory;
    int fd;

    TEST_OK(pal_region_create("mesh", 4096, &region));
    TEST_OK(pal_region_seal(region));
    TEST_OK(pal_handle_dup(region, &other));
    fd = (int)other;
    CU_ASSERT(ftruncate(fd, 0) < 0 && errno == EPERM);
    CU_ASSERT(ftruncate(fd, 8192) < 0 && errno == EPERM);
    CU_ASSERT(pwrite(fd, "x", 1, 0) < 0 && errno == EPERM);
    CU_ASSERT(pwrite(fd, "x", 1, 4096) < 0 && errno == EPERM);
    CU_ASSERT(
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) < 0
        && errno == EPERM);
    memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CU_ASSERT(memory == MAP_FAILED && errno == EPERM);
    CU_ASSERT_EQUAL(pal_region_write_at(other, 0, "x", 1), EPERM);
    CU_ASSERT_EQUAL(pal_region_seal(other), EPERM); /* the seals are sealed */
    pal_handle_close(&other);
    pal_handle_close(&region);
}

/* Each seal is needed; more than these do no harm. */
static void seals_missing(void)
{
    static const int seals[] = {F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW,
                                F_SEAL_WRITE};
    apr_off_t size = 0;
    size_t i;
    int fd;

    for (i = 0; i < 4; i++) {
        fd = memfd_create("partly", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        CU_ASSERT_EQUAL_FATAL(fcntl(fd, F_ADD_SEALS, ALL_SEALS & ~seals[i]),
                              0);
        expect_check(fd, PAL_E_SEALS);
        CU_ASSERT_EQUAL(close(fd), 0);
    }
    fd = memfd_create("unsealable", MFD_CLOEXEC);
    expect_check(fd, PAL_E_SEALS);
    CU_ASSERT_EQUAL(pal_region_seal(fd), EPERM);
    CU_ASSERT_EQUAL(close(fd), 0);
#ifdef F_SEAL_FUTURE_WRITE
    /* A mapping made before goes on writing under this one. */
    fd = memfd_create("future", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CU_ASSERT_EQUAL_FATAL(
        fcntl(fd, F_ADD_SEALS,
              (ALL_SEALS & ~F_SEAL_WRITE) | F_SEAL_FUTURE_WRITE),
        0);
    expect_check(fd, PAL_E_SEALS);
    CU_ASSERT_EQUAL(close(fd), 0);
    fd = memfd_create("more", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CU_ASSERT_EQUAL_FATAL(
        fcntl(fd, F_ADD_SEALS, ALL_SEALS | F_SEAL_FUTURE_WRITE), 0);
    TEST_OK(pal_region_check(fd, &size));
    CU_ASSERT_EQUAL(close(fd), 0);
#endif
}

/* While somebody can write through a mapping it cannot be sealed. */
static void still_mapped(void)
{
    pal_handle_t region = PAL_HANDLE_NONE;
    void *memory;

    TEST_OK(pal_region_create("mesh", 4096, &region));
    memory =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, (int)region, 0);
    CU_ASSERT_FATAL(memory != MAP_FAILED);
    CU_ASSERT_EQUAL(pal_region_seal(region), EBUSY);
    expect_check(region, PAL_E_SEALS);
    CU_ASSERT_EQUAL(munmap(memory, 4096), 0);
    TEST_OK(pal_region_seal(region));
    pal_handle_close(&region);
}

static void other_kinds(void)
{
    pal_handle_t ends[2];
    char byte;
    int fd;

    TEST_OK(pal_handle_pipe(ends));
    expect_check(ends[0], PAL_E_KIND);
    expect_check(ends[1], PAL_E_KIND);
    CU_ASSERT_EQUAL(pal_region_seal(ends[1]), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_region_read_at(ends[0], 0, &byte, 1), ESPIPE);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    expect_check(fd, PAL_E_KIND);
    CU_ASSERT_EQUAL(close(fd), 0);
    fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    expect_check(fd, PAL_E_KIND);
    CU_ASSERT_EQUAL(close(fd), 0);
}

static void huge_pages(void)
{
    int fd =
        memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);

    if (fd < 0)
        return; /* the kernel has none to give */
    CU_ASSERT_EQUAL_FATAL(fcntl(fd, F_ADD_SEALS, ALL_SEALS), 0);
    expect_check(fd, PAL_E_KIND);
    CU_ASSERT_EQUAL(close(fd), 0);
}

static void limits(void)
{
    struct rlimit before;
    struct rlimit none;
    pal_handle_t region = PAL_HANDLE_NONE;
    void (*handler)(int);

    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &none), 0);
    CU_ASSERT(APR_STATUS_IS_EMFILE(pal_region_create("mesh", 1, &region)));
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    /* A size that is refused leaves no descriptor behind. */
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = before;
    none.rlim_cur = 4096;
    handler = signal(SIGXFSZ, SIG_IGN);
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &none), 0);
    CU_ASSERT_EQUAL(pal_region_create("mesh", 8192, &region), EFBIG);
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    CU_ASSERT_EQUAL(region, PAL_HANDLE_NONE);
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"fill-seal-read", fill_seal_read},
        {"empty-region", empty_region},
        {"wrong-arguments", wrong_arguments},
        {"sealed-for-good", sealed_for_good},
        {"seals-missing", seals_missing},
        {"still-mapped", still_mapped},
        {"other-kinds", other_kinds},
        {"huge-pages", huge_pages},
        {"limits", limits},
        {NULL, NULL},
    };

    return test_main(argc, argv, "pal-region", cases);
}
