#include "config.h"

#include "launch.h"

#include "harness.h"

#include <pal/handle.h>
#include <pal/region.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static int is_private(pal_handle_t handle)
{
    int flags = fcntl((int)handle, F_GETFD);

    return flags >= 0 && (flags & FD_CLOEXEC) != 0;
}

static void pipes(void)
{
    pal_handle_t ends[2];
    char byte = 0;

    TEST_OK(pal_handle_pipe(ends));
    CU_ASSERT_TRUE(is_private(ends[0]) && is_private(ends[1]));
    CU_ASSERT_EQUAL(write((int)ends[1], "x", 1), 1);
    CU_ASSERT_EQUAL(read((int)ends[0], &byte, 1), 1);
    CU_ASSERT_EQUAL(byte, 'x');
    pal_handle_close(&ends[1]);
    CU_ASSERT_EQUAL(ends[1], PAL_HANDLE_NONE);
    CU_ASSERT_EQUAL(read((int)ends[0], &byte, 1), 0);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[0]); /* nothing happens */
}

static void dups(void)
{
    pal_handle_t ends[2], copy, untouched = 77;
    int keep = fcntl(0, F_DUPFD_CLOEXEC, 100);

    TEST_OK(pal_handle_pipe(ends));
    close(0); /* a number that no handle of ours may take */
    TEST_OK(pal_handle_dup(ends[1], &copy));
    CU_ASSERT_TRUE(copy > 2);
    CU_ASSERT_EQUAL(dup2(keep, 0), 0);
    close(keep);
    CU_ASSERT_TRUE(is_private(copy));
    pal_handle_close(&ends[1]);
    CU_ASSERT_EQUAL(write((int)copy, "x", 1), 1);
    pal_handle_close(&copy);
    pal_handle_close(&ends[0]);

    CU_ASSERT_EQUAL(pal_handle_dup(PAL_HANDLE_NONE, &untouched), EBADF);
    CU_ASSERT_EQUAL(pal_handle_dup(INTPTR_MAX / 2 + 1, &untouched), EBADF);
    CU_ASSERT_EQUAL(untouched, 77);
}

static void adopts(void)
{
    int fd = dup(0);
    pal_handle_t handle = PAL_HANDLE_NONE;

    CU_ASSERT_FALSE(is_private(fd));
    TEST_OK(pal_handle_adopt(fd, &handle));
    CU_ASSERT_EQUAL(handle, fd);
    CU_ASSERT_TRUE(is_private(handle));
    pal_handle_close(&handle);

    handle = 77;
    CU_ASSERT_TRUE(APR_STATUS_IS_EBADF(pal_handle_adopt(fd, &handle)));
    CU_ASSERT_EQUAL(pal_handle_adopt(-5, &handle), EBADF);
    /* whose lowest 32 bits are 0, if there are more */
    CU_ASSERT_EQUAL(pal_handle_adopt(INTPTR_MAX / 2 + 1, &handle), EBADF);
    CU_ASSERT_EQUAL(handle, 77);
}

static void expect_kind(int fd, pal_handle_kind_t expected)
{
    pal_handle_kind_t kind;

    CU_ASSERT_FATAL(fd >= 0);
    TEST_OK(pal_handle_kind(fd, &kind));
    CU_ASSERT_EQUAL(kind, expected);
    close(fd);
}

static void expect_socket(int domain, int type, pal_handle_kind_t expected)
{
    int ends[2];

    if (domain != AF_UNIX)
        expect_kind(socket(domain, type, 0), expected);
    else {
        CU_ASSERT_EQUAL_FATAL(socketpair(domain, type, 0, ends), 0);
        expect_kind(ends[0], expected);
        close(ends[1]);
    }
}

static void kinds(void)
{
    pal_handle_t region = PAL_HANDLE_NONE;
    pal_handle_kind_t kind;
    int ends[2];

    expect_kind(open("/proc/self/exe", O_RDONLY), PAL_HANDLE_FILE);
    expect_kind(open("/", O_RDONLY), PAL_HANDLE_FOLDER);
    expect_kind(open("/dev/null", O_RDONLY), PAL_HANDLE_OTHER);
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    expect_kind(ends[0], PAL_HANDLE_PIPE);
    expect_kind(ends[1], PAL_HANDLE_PIPE);
    expect_socket(AF_UNIX, SOCK_SEQPACKET, PAL_HANDLE_CHANNEL);
    expect_socket(AF_UNIX, SOCK_STREAM, PAL_HANDLE_CHANNEL);
    expect_socket(AF_UNIX, SOCK_DGRAM, PAL_HANDLE_OTHER);
    expect_socket(AF_INET, SOCK_STREAM, PAL_HANDLE_OTHER);
    TEST_OK(pal_region_create("x", 1, &region));
    expect_kind((int)region, PAL_HANDLE_REGION);
    if (test_is_native()) /* takes no seals */
        expect_kind(memfd_create("x", 0), PAL_HANDLE_FILE);
    CU_ASSERT_EQUAL(pal_handle_kind(PAL_HANDLE_NONE, &kind), EBADF);
}

/* A file of a tmpfs answers questions about seals, and is no region. */
static void tmpfs_file(void)
{
    static const char path[] = "/dev/shm/pal-test-handle";
    int fd = open(path, O_RDWR | O_CREAT, 0600);

    if (fd >= 0)
        expect_kind(fd, PAL_HANDLE_FILE);
    unlink(path);
}

static const test_case_t cases[] = {
    {"pipes", pipes},           {"dups", dups},
    {"adopts", adopts},         {"kinds", kinds},
    {"tmpfs_file", tmpfs_file}, {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal handle", cases);
}
