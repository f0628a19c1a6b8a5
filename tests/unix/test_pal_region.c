#include "config.h"

#include "harness.h"

#include <pal/file.h>
#include <pal/region.h>
#include <pal/status.h>

#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SENT_LEN (1 << 20)

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void expect_check(pal_handle_t region, apr_status_t error)
{
    apr_off_t size = 77;

    CU_ASSERT_EQUAL(pal_region_check(region, &size), error);
    CU_ASSERT_EQUAL(size, 77);
}

/* Whether regions can be sealed here. */
static int has_seals(void)
{
    pal_handle_t region = PAL_HANDLE_NONE;
    apr_status_t rv;

    TEST_OK(pal_region_create("seals", 1, &region));
    rv = pal_region_seal(region);
    CU_ASSERT(rv == APR_SUCCESS || APR_STATUS_IS_ENOTIMPL(rv));
    pal_handle_close(&region);
    return rv == APR_SUCCESS;
}

/* Seal it; what comes of it where there are no seals is asserted too. */
static void expect_sealed(pal_handle_t region, apr_off_t expected)
{
    apr_off_t size = 0;

    if (has_seals()) {
        TEST_OK(pal_region_seal(region));
        TEST_OK(pal_region_check(region, &size));
    }
    else {
        CU_ASSERT(APR_STATUS_IS_ENOTIMPL(pal_region_seal(region)));
        expect_check(region, APR_ENOTIMPL);
        TEST_OK(pal_file_size(region, &size));
    }
    CU_ASSERT_EQUAL(size, expected);
}

static void fill_seal_read(void)
{
    static unsigned char data[300000];
    static unsigned char back[300000];
    pal_handle_t region = PAL_HANDLE_NONE;
    size_t i;

    for (i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * 7 + (i >> 8));
    TEST_OK(pal_region_create("mesh", 303104, &region));
    CU_ASSERT_EQUAL(fcntl((int)region, F_GETFD), FD_CLOEXEC);
    TEST_OK(pal_region_write_at(region, 0, data, 1000));
    TEST_OK(
        pal_region_write_at(region, 1000, data + 1000, sizeof(data) - 1000));
    TEST_OK(pal_region_write_at(region, 303104, data, 0));
    expect_check(region, has_seals() ? PAL_E_SEALS : APR_ENOTIMPL);
    expect_sealed(region, 303104);
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
    char byte;
    void *memory = &byte;

    TEST_OK(pal_region_create("", 0, &region));
    expect_sealed(region, 0);
    CU_ASSERT_EQUAL(pal_region_read_at(region, 0, &byte, 1), APR_EOF);
    CU_ASSERT_EQUAL(pal_region_map(region, 0, 1, PAL_REGION_READ, &memory),
                    APR_EINVAL);
    CU_ASSERT_PTR_EQUAL(memory, &byte);
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
    void *memory = NULL;
    int fd;

    if (!has_seals())
        return;
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
    memory = NULL;
    CU_ASSERT_EQUAL(pal_region_map(other, 0, 4096,
                                   PAL_REGION_READ | PAL_REGION_WRITE,
                                   &memory),
                    EPERM);
    CU_ASSERT_PTR_NULL(memory);
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

    if (!has_seals())
        return;
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

/* While somebody can write through a mapping it cannot be sealed; one to read
 * does not count. */
static void still_mapped(void)
{
    pal_handle_t region = PAL_HANDLE_NONE;
    void *to_read = NULL, *to_write = NULL;

    if (!has_seals())
        return;
    TEST_OK(pal_region_create("mesh", 4096, &region));
    TEST_OK(pal_region_map(region, 0, 4096, PAL_REGION_READ, &to_read));
    TEST_OK(pal_region_map(region, 0, 4096, PAL_REGION_READ | PAL_REGION_WRITE,
                           &to_write));
    CU_ASSERT_EQUAL(pal_region_seal(region), EBUSY);
    expect_check(region, PAL_E_SEALS);
    TEST_OK(pal_region_unmap(to_write, 4096));
    TEST_OK(pal_region_seal(region));
    TEST_OK(pal_region_unmap(to_read, 4096));
    pal_handle_close(&region);
}

/* Written through one mapping, read through others, one of a part. */
static void maps(void)
{
    const int flags = PAL_REGION_READ | PAL_REGION_WRITE;
    const apr_size_t size = 2 * PAL_REGION_UNIT + 100;
    pal_handle_t region = PAL_HANDLE_NONE, other = PAL_HANDLE_NONE;
    void *memory = NULL;
    char back[4];

    TEST_OK(pal_region_create("mesh", (apr_off_t)size, &region));
    TEST_OK(pal_region_map(region, 0, size, flags, &memory));
    memset(memory, 'a', size);
    memcpy((char *)memory + 2 * PAL_REGION_UNIT, "part", 4);
    TEST_OK(pal_region_unmap(memory, size));
    TEST_OK(pal_region_read_at(region, 2 * PAL_REGION_UNIT - 2, back, 4));
    CU_ASSERT(memcmp(back, "aapa", 4) == 0);
    expect_sealed(region, (apr_off_t)size);
    TEST_OK(pal_handle_dup(region, &other));
    pal_handle_close(&region);
    TEST_OK(pal_region_map(other, 2 * PAL_REGION_UNIT, 100, PAL_REGION_READ,
                           &memory));
    pal_handle_close(&other); /* the mapping stays */
    CU_ASSERT(memcmp(memory, "part", 4) == 0);
    CU_ASSERT_EQUAL(((char *)memory)[99], 'a');
    TEST_OK(pal_region_unmap(memory, 100));
}

static void maps_nothing(void)
{
    static const struct {
        apr_off_t offset;
        apr_size_t len;
        int flags;
    } wrong[] = {
        {0, 0, PAL_REGION_READ},
        {0, 1, 0},
        {0, 1, PAL_REGION_WRITE},
        {0, 1, 4 | PAL_REGION_READ},
        {-PAL_REGION_UNIT, 1, PAL_REGION_READ},
        {4096, 1, PAL_REGION_READ},
        {0, 2 * PAL_REGION_UNIT + 1, PAL_REGION_READ},
        {PAL_REGION_UNIT, PAL_REGION_UNIT + 1, PAL_REGION_READ},
        {2 * PAL_REGION_UNIT, 1, PAL_REGION_READ},
        {4 * PAL_REGION_UNIT, 1, PAL_REGION_READ},
        {0, (apr_size_t)-1, PAL_REGION_READ},
    };
    pal_handle_t region = PAL_HANDLE_NONE;
    void *memory = NULL;
    size_t i;

    CU_ASSERT_EQUAL(pal_region_map(region, 0, 1, PAL_REGION_READ, &memory),
                    APR_EBADF);
    TEST_OK(pal_region_create("mesh", 2 * PAL_REGION_UNIT, &region));
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CU_ASSERT_EQUAL(pal_region_map(region, wrong[i].offset, wrong[i].len,
                                       wrong[i].flags, &memory),
                        APR_EINVAL);
    CU_ASSERT_PTR_NULL(memory);
    pal_handle_close(&region);
}

/* A child does `fn` until it is killed. */
static pid_t start_sender(void (*fn)(int fd), pal_handle_t region)
{
    pid_t child = fork();

    CU_ASSERT_FATAL(child >= 0);
    if (child == 0)
        for (;;)
            fn((int)region);
    return child;
}

static void end_sender(pid_t child)
{
    CU_ASSERT_EQUAL(kill(child, SIGKILL), 0);
    CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
}

static void shrink_and_grow(int fd)
{
    if (ftruncate(fd, 0) != 0 || ftruncate(fd, SENT_LEN) != 0)
        _exit(1);
}

/* Every read is whole or says that something is missing, and no signal comes,
 * though a mapping would bring SIGBUS. */
static void sender_shrinks(void)
{
    static char back[SENT_LEN];
    pal_handle_t region = PAL_HANDLE_NONE;
    int n_whole = 0, n_short = 0;
    apr_status_t rv;
    pid_t child;

    TEST_OK(pal_region_create("mesh", SENT_LEN, &region));
    child = start_sender(shrink_and_grow, region);
    while (n_whole < 20 || n_short < 20) {
        rv = pal_region_read_at(region, 0, back, sizeof(back));
        n_whole += rv == APR_SUCCESS;
        n_short += rv == APR_EOF;
        CU_ASSERT_FATAL(rv == APR_SUCCESS || rv == APR_EOF);
    }
    expect_check(region, has_seals() ? PAL_E_SEALS : APR_ENOTIMPL);
    end_sender(child);
    pal_handle_close(&region);
}

static void write_both(int fd)
{
    static char bytes[SENT_LEN];

    bytes[0] ^= 1;
    memset(bytes, bytes[0], sizeof(bytes));
    if (pwrite(fd, bytes, sizeof(bytes), 0) < 0)
        _exit(1);
}

/* Nobody is told that bytes are final that a sender still writes. */
static void sender_writes(void)
{
    pal_handle_t region = PAL_HANDLE_NONE;
    char back[2] = {0, 0};
    pid_t child;

    TEST_OK(pal_region_create("mesh", SENT_LEN, &region));
    child = start_sender(write_both, region);
    while (!back[0])
        TEST_OK(pal_region_read_at(region, 0, back, 1));
    while (back[0])
        TEST_OK(pal_region_read_at(region, 0, back, 1));
    expect_check(region, has_seals() ? PAL_E_SEALS : APR_ENOTIMPL);
    end_sender(child);
    pal_handle_close(&region);
}

/* What a mapping of an unsealed region leads to, and a read does not. */
static void faults(void)
{
    pal_handle_t region = PAL_HANDLE_NONE;
    int status = 0;
    pid_t child;
    char byte;

    TEST_OK(pal_region_create("mesh", SENT_LEN, &region));
    child = fork();
    CU_ASSERT_FATAL(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        void *memory = NULL;
        volatile char seen;

        (void)signal(SIGBUS, SIG_DFL); /* sanitizers have their own */
        (void)setrlimit(RLIMIT_CORE, &no_core);
        if (pal_region_map(region, 0, SENT_LEN, PAL_REGION_READ, &memory)
                != APR_SUCCESS
            || ftruncate((int)region, 0) != 0)
            _exit(1);
        seen = *(volatile char *)memory;
        _exit(seen);
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    CU_ASSERT_EQUAL(pal_region_read_at(region, 0, &byte, 1), APR_EOF);
    pal_handle_close(&region);
}

/* One that can only be read is as good; it cannot be written or sealed. */
static void read_only(void)
{
    pal_handle_t region = PAL_HANDLE_NONE;
    void *memory = NULL;
    char path[64], byte = 0;
    int fd;

    TEST_OK(pal_region_create("mesh", 4096, &region));
    TEST_OK(pal_region_write_at(region, 5, "x", 1));
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", (int)region);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(pal_region_write_at(fd, 0, "x", 1), APR_EBADF);
    CU_ASSERT_EQUAL(pal_region_map(fd, 0, 4096,
                                   PAL_REGION_READ | PAL_REGION_WRITE,
                                   &memory),
                    APR_EACCES);
    CU_ASSERT_PTR_NULL(memory);
    CU_ASSERT_EQUAL(pal_region_seal(fd), has_seals() ? EPERM : APR_ENOTIMPL);
    expect_sealed(region, 4096);
    TEST_OK(pal_region_read_at(fd, 5, &byte, 1));
    CU_ASSERT_EQUAL(byte, 'x');
    if (has_seals()) {
        apr_off_t size = 0;

        TEST_OK(pal_region_check(fd, &size));
        CU_ASSERT_EQUAL(size, 4096);
    }
    CU_ASSERT_EQUAL(close(fd), 0);
    pal_handle_close(&region);
}

/* A file is no region, whether it lies in memory or not. */
static void expect_no_region(const char *folder)
{
    char *path = apr_pstrcat(test_pool(), folder, "/XXXXXX", NULL);
    apr_off_t size = 77;
    apr_status_t rv;
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0)
        return; /* no such folder here */
    rv = pal_region_check(fd, &size);
    /* The system reports a file in memory as one with seals missing. */
    CU_ASSERT(rv == PAL_E_KIND || (has_seals() && rv == PAL_E_SEALS));
    CU_ASSERT_EQUAL(size, 77);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(close(fd), 0);
}

static void files(void)
{
    expect_no_region(test_dir());
    expect_no_region("/dev/shm");
}

static void other_kinds(void)
{
    pal_handle_t ends[2];
    char byte;
    int fd;

    TEST_OK(pal_handle_pipe(ends));
    expect_check(ends[0], PAL_E_KIND);
    expect_check(ends[1], PAL_E_KIND);
    CU_ASSERT_EQUAL(pal_region_seal(ends[1]),
                    has_seals() ? APR_EINVAL : APR_ENOTIMPL);
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
        {"maps", maps},
        {"maps-nothing", maps_nothing},
        {"sender-shrinks", sender_shrinks},
        {"sender-writes", sender_writes},
        {"faults", faults},
        {"read-only", read_only},
        {"files", files},
        {"other-kinds", other_kinds},
        {"huge-pages", huge_pages},
        {"limits", limits},
        {NULL, NULL},
    };

    return test_main(argc, argv, "pal-region", cases);
}
