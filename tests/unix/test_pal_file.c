#include "config.h"

#include "filter.h"

#include "harness.h"

#include <pal/file.h>
#include <pal/status.h>

#include <apr_strings.h>

#include <stdio.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* A name that is neither text nor a line. */
#define ODD_NAME "a\nb\xff\x80\x1b[0m"

static char *path_of(const char *name)
{
    return apr_pstrcat(test_pool(), test_dir(), "/", name, NULL);
}

static void make_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t len = (ssize_t)strlen(text);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(write(fd, text, (size_t)len), len);
    CU_ASSERT_EQUAL_FATAL(fchmod(fd, mode), 0);
    CU_ASSERT_EQUAL_FATAL(close(fd), 0);
}

/* A new folder, open. */
static pal_handle_t make_folder(const char *name, const char **ret_path)
{
    pal_file_kind_t kind = PAL_FILE_OTHER;
    pal_handle_t folder = PAL_HANDLE_NONE;

    *ret_path = path_of(name);
    CU_ASSERT_EQUAL_FATAL(mkdir(*ret_path, 0755), 0);
    TEST_OK(pal_file_open(*ret_path, &folder, &kind));
    CU_ASSERT_EQUAL_FATAL(kind, PAL_FILE_FOLDER);
    return folder;
}

/* Make one of each kind in the folder: the names are their kinds. */
static void make_kinds(const char *folder)
{
    struct sockaddr_un address;
    int fd;

    make_file(apr_pstrcat(test_pool(), folder, "/regular", NULL), "text",
              0644);
    CU_ASSERT_EQUAL_FATAL(
        mkdir(apr_pstrcat(test_pool(), folder, "/folder", NULL), 0755), 0);
    CU_ASSERT_EQUAL_FATAL(
        mkfifo(apr_pstrcat(test_pool(), folder, "/fifo", NULL), 0644), 0);
    CU_ASSERT_EQUAL_FATAL(
        symlink("regular", apr_pstrcat(test_pool(), folder, "/link", NULL)),
        0);
    CU_ASSERT_EQUAL_FATAL(symlink("folder", apr_pstrcat(test_pool(), folder,
                                                        "/link-folder", NULL)),
                          0);
    CU_ASSERT_EQUAL_FATAL(
        symlink("nowhere",
                apr_pstrcat(test_pool(), folder, "/link-broken", NULL)),
        0);
    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket",
                   folder);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(
        bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    CU_ASSERT_EQUAL_FATAL(close(fd), 0);
}

static void expect_text(pal_handle_t *file, const char *text)
{
    char buf[100];
    apr_size_t len = 0;

    TEST_OK(pal_file_read_at(*file, 0, buf, sizeof(buf), &len));
    CU_ASSERT_EQUAL(len, strlen(text));
    CU_ASSERT(memcmp(buf, text, strlen(text)) == 0);
    /* Private, to read only, and blocking. */
    CU_ASSERT_EQUAL(fcntl((int)*file, F_GETFD), FD_CLOEXEC);
    CU_ASSERT_EQUAL(fcntl((int)*file, F_GETFL)
                        & (O_ACCMODE | O_NONBLOCK | O_APPEND),
                    O_RDONLY);
    pal_handle_close(file);
}

/* The call must fail with `error` and leave its results alone. */
static void expect_refused(const char *path, apr_status_t error)
{
    pal_file_kind_t kind = PAL_FILE_OTHER;
    pal_handle_t file = PAL_HANDLE_NONE;

    CU_ASSERT_EQUAL(pal_file_open(path, &file, &kind), error);
    CU_ASSERT_EQUAL(file, PAL_HANDLE_NONE);
    CU_ASSERT_EQUAL(kind, PAL_FILE_OTHER);
}

static void expect_refused_beneath(pal_handle_t folder, const char *name,
                                   apr_status_t error)
{
    pal_file_kind_t kind = PAL_FILE_OTHER;
    pal_handle_t file = PAL_HANDLE_NONE;

    CU_ASSERT_EQUAL(pal_file_open_beneath(folder, name, &file, &kind), error);
    CU_ASSERT_EQUAL(file, PAL_HANDLE_NONE);
    CU_ASSERT_EQUAL(kind, PAL_FILE_OTHER);
}

static void open_by_path(void)
{
    pal_file_kind_t kind = PAL_FILE_OTHER;
    pal_handle_t file = PAL_HANDLE_NONE;
    const char *path;
    pal_handle_t folder = make_folder("by-path", &path);

    make_kinds(path);
    TEST_OK(pal_file_open(path_of("by-path/regular"), &file, &kind));
    CU_ASSERT_EQUAL(kind, PAL_FILE_REGULAR);
    expect_text(&file, "text");
    /* The user's own links are followed. */
    TEST_OK(pal_file_open(path_of("by-path/link"), &file, &kind));
    CU_ASSERT_EQUAL(kind, PAL_FILE_REGULAR);
    expect_text(&file, "text");
    TEST_OK(pal_file_open(path_of("by-path/link-folder"), &file, &kind));
    CU_ASSERT_EQUAL(kind, PAL_FILE_FOLDER);
    pal_handle_close(&file);
    TEST_OK(pal_file_open(path_of("by-path/folder/../regular"), &file, &kind));
    expect_text(&file, "text");
    expect_refused(path_of("by-path/link-broken"), ENOENT);
    expect_refused(path_of("by-path/missing"), ENOENT);
    expect_refused("", ENOENT);
    expect_refused(path_of("by-path/regular/more"), ENOTDIR);
    expect_refused(path_of("by-path/fifo"), PAL_E_KIND);
    expect_refused(path_of("by-path/socket"), PAL_E_KIND);
    expect_refused("/dev/null", PAL_E_KIND);
    expect_refused("/dev/tty", PAL_E_KIND);
    pal_handle_close(&folder);
}

static void open_beneath(void)
{
    pal_file_kind_t kind = PAL_FILE_OTHER;
    pal_handle_t file = PAL_HANDLE_NONE;
    pal_handle_t none = PAL_HANDLE_NONE;
    const char *path;
    pal_handle_t folder = make_folder("beneath", &path);

    make_kinds(path);
    TEST_OK(pal_file_open_beneath(folder, "regular", &file, &kind));
    CU_ASSERT_EQUAL(kind, PAL_FILE_REGULAR);
    expect_refused_beneath(file, "regular", ENOTDIR);
    expect_text(&file, "text");
    TEST_OK(pal_file_open_beneath(folder, "folder", &file, &kind));
    CU_ASSERT_EQUAL(kind, PAL_FILE_FOLDER);
    pal_handle_close(&file);
    expect_refused_beneath(folder, "link", PAL_E_KIND);
    expect_refused_beneath(folder, "link-folder", PAL_E_KIND);
    expect_refused_beneath(folder, "link-broken", PAL_E_KIND);
    expect_refused_beneath(folder, "fifo", PAL_E_KIND);
    expect_refused_beneath(folder, "socket", PAL_E_KIND);
    expect_refused_beneath(folder, "missing", ENOENT);
    expect_refused_beneath(folder, "", APR_EINVAL);
    expect_refused_beneath(folder, ".", APR_EINVAL);
    expect_refused_beneath(folder, "..", APR_EINVAL);
    expect_refused_beneath(folder, "folder/", APR_EINVAL);
    expect_refused_beneath(folder, "folder/../regular", APR_EINVAL);
    expect_refused_beneath(folder, "folder/..", APR_EINVAL);
    expect_refused_beneath(folder, "./regular", APR_EINVAL);
    expect_refused_beneath(folder, "folder//regular", APR_EINVAL);
    expect_refused_beneath(folder, "/", APR_EINVAL);
    expect_refused_beneath(folder, "/etc/passwd", APR_EINVAL);
    expect_refused_beneath(none, "regular", APR_EBADF);
    make_file(path_of("beneath/..."), "dots", 0644);
    TEST_OK(pal_file_open_beneath(folder, "...", &file, &kind));
    expect_text(&file, "dots");
    make_file(path_of("beneath/" ODD_NAME), "odd", 0644);
    TEST_OK(pal_file_open_beneath(folder, ODD_NAME, &file, &kind));
    expect_text(&file, "odd");
    pal_handle_close(&folder);
}

/* Opens "a/b/file" and what it must not open. */
static void open_below(pal_handle_t folder)
{
    static const struct {
        const char *path;
        apr_status_t error;
    } refused[] = {
        {"a/link-up/regular", PAL_E_KIND},  /* to ".." */
        {"a/link-here/file", PAL_E_KIND},   /* to a folder beneath */
        {"a/link-root/etc", PAL_E_KIND},    /* to "/" */
        {"link-folder/b/file", PAL_E_KIND}, /* the first */
        {"a/b/link", PAL_E_KIND},           /* the last */
        {"a/b/fifo", PAL_E_KIND},
        {"a/fifo/file", ENOTDIR},
        {"a/b/file/more", ENOTDIR},
        {"a/none/file", ENOENT},
        {"a/b/none", ENOENT},
    };
    pal_file_kind_t kind = PAL_FILE_OTHER;
    pal_handle_t file = PAL_HANDLE_NONE;
    size_t i;

    TEST_OK(pal_file_open_beneath(folder, "a/b/file", &file, &kind));
    CU_ASSERT_EQUAL(kind, PAL_FILE_REGULAR);
    expect_text(&file, "below");
    TEST_OK(pal_file_open_beneath(folder, "a/.../..b", &file, &kind));
    expect_text(&file, "dots");
    TEST_OK(pal_file_open_beneath(folder, "a/b", &file, &kind));
    CU_ASSERT_EQUAL(kind, PAL_FILE_FOLDER);
    pal_handle_close(&file);
    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        expect_refused_beneath(folder, refused[i].path, refused[i].error);
}

static void make_link(const char *target, const char *name)
{
    CU_ASSERT_EQUAL_FATAL(symlink(target, path_of(name)), 0);
}

/* By openat2, and where that is missing, filtered or gives up. */
static void paths(void)
{
    static const int errors[] = {ENOSYS, EPERM, EAGAIN};
    const char *path;
    pal_handle_t folder = make_folder("paths", &path);
    int i, status;
    pid_t child;

    CU_ASSERT_EQUAL_FATAL(mkdir(path_of("paths/a"), 0755), 0);
    CU_ASSERT_EQUAL_FATAL(mkdir(path_of("paths/a/b"), 0755), 0);
    CU_ASSERT_EQUAL_FATAL(mkdir(path_of("paths/a/..."), 0755), 0);
    CU_ASSERT_EQUAL_FATAL(mkfifo(path_of("paths/a/fifo"), 0644), 0);
    CU_ASSERT_EQUAL_FATAL(mkfifo(path_of("paths/a/b/fifo"), 0644), 0);
    make_file(path_of("paths/regular"), "above", 0644);
    make_file(path_of("paths/a/b/file"), "below", 0644);
    make_file(path_of("paths/a/.../..b"), "dots", 0644);
    make_link("..", "paths/a/link-up");
    make_link("b", "paths/a/link-here");
    make_link("/", "paths/a/link-root");
    make_link("a", "paths/link-folder");
    make_link("file", "paths/a/b/link");
    open_below(folder);
    for (i = 0; i < 3; i++) {
        child = fork();
        CU_ASSERT_FATAL(child >= 0);
        if (child == 0) {
            if (!filter_call(SYS_openat2, 0, errors[i]))
                _exit(2);
            open_below(folder);
            _exit(CU_get_number_of_failures() > 0);
        }
        CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
        CU_ASSERT_EQUAL(status, 0);
    }
    pal_handle_close(&folder);
}

/* As deep as a path can say, and one byte more. */
static void deep_paths(void)
{
    const char *path;
    pal_handle_t folder = make_folder("deep", &path);
    char *name = apr_palloc(test_pool(), 4097);
    int i;

    for (i = 0; i < 4096; i++)
        name[i] = i % 2 == 0 ? 'x' : '/';
    name[4096] = '\0';
    name[4095] = 'x';
    expect_refused_beneath(folder, name, APR_ENAMETOOLONG);
    name[4095] = '\0';
    expect_refused_beneath(folder, name, ENOENT);
    pal_handle_close(&folder);
}

/* Opening a FIFO would let a writer that waits for a reader go on. */
static void no_effects(void)
{
    const char *path;
    pal_handle_t folder = make_folder("effects", &path);
    int fd;

    make_kinds(path);
    expect_refused_beneath(folder, "fifo", PAL_E_KIND);
    expect_refused(path_of("effects/fifo"), PAL_E_KIND);
    fd = open(path_of("effects/fifo"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    CU_ASSERT(fd < 0 && errno == ENXIO); /* still nobody reads */
    pal_handle_close(&folder);
}

static void denied_to_user(const char *path)
{
    pal_file_kind_t kind = PAL_FILE_OTHER;
    pal_handle_t folder = PAL_HANDLE_NONE;

    TEST_OK(pal_file_open(path, &folder, &kind));
    expect_refused_beneath(folder, "secret", EACCES);
    expect_refused_beneath(folder, "closed", EACCES);
    expect_refused(apr_pstrcat(test_pool(), path, "/secret", NULL), EACCES);
    pal_handle_close(&folder);
    /* A folder that may be entered but not read. */
    expect_refused(apr_pstrcat(test_pool(), path, "/passage", NULL), EACCES);
}

static void denied(void)
{
    const char *path;
    pal_handle_t folder = make_folder("denied", &path);

    make_file(path_of("denied/secret"), "", 0);
    CU_ASSERT_EQUAL_FATAL(mkdir(path_of("denied/closed"), 0), 0);
    CU_ASSERT_EQUAL_FATAL(mkdir(path_of("denied/passage"), 0111), 0);
    if (geteuid() != 0) {
        denied_to_user(path);
    }
    else {
        CU_ASSERT_EQUAL_FATAL(chmod(test_dir(), 0755), 0);
        CU_ASSERT_EQUAL_FATAL(seteuid(NOBODY), 0);
        denied_to_user(path);
        CU_ASSERT_EQUAL_FATAL(seteuid(0), 0);
    }
    pal_handle_close(&folder);
}

/* In a child whose root is `path`: nothing of /proc is there. */
static int opens_without_proc(const char *path)
{
    pal_file_kind_t kind = PAL_FILE_OTHER;
    pal_handle_t folder = PAL_HANDLE_NONE;
    pal_handle_t file = PAL_HANDLE_NONE;

    if (chroot(path) != 0 || chdir("/") != 0)
        return 1;
    if (pal_file_open("/", &folder, &kind) != APR_SUCCESS
        || kind != PAL_FILE_FOLDER)
        return 2;
    if (pal_file_open_beneath(folder, "regular", &file, &kind) != APR_SUCCESS
        || kind != PAL_FILE_REGULAR)
        return 3;
    if (fcntl((int)file, F_GETFL) & O_NONBLOCK)
        return 4;
    pal_handle_close(&file);
    if (pal_file_open("/link", &file, &kind) != APR_SUCCESS)
        return 5;
    pal_handle_close(&file);
    if (pal_file_open_beneath(folder, "link", &file, &kind) != PAL_E_KIND
        || pal_file_open_beneath(folder, "fifo", &file, &kind) != PAL_E_KIND)
        return 6;
    pal_handle_close(&folder);
    return 0;
}

static void without_proc(void)
{
    const char *path;
    pal_handle_t folder;
    int status = -1;
    pid_t child;

    if (geteuid() != 0)
        return; /* only root can take it away */
    folder = make_folder("without-proc", &path);
    make_kinds(path);
    child = fork();
    CU_ASSERT_FATAL(child >= 0);
    if (child == 0)
        _exit(opens_without_proc(path));
    CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
    pal_handle_close(&folder);
}

static const char *name_at(const apr_array_header_t *entries, int i)
{
    return APR_ARRAY_IDX(entries, i, pal_folder_entry_t).name;
}

static void list_folder(void)
{
    static const struct {
        const char *name;
        pal_file_kind_t kind;
    } wanted[] = {
        {"...", PAL_FILE_REGULAR},      {".hidden", PAL_FILE_REGULAR},
        {"A", PAL_FILE_REGULAR},        {ODD_NAME, PAL_FILE_REGULAR},
        {"fifo", PAL_FILE_OTHER},       {"folder", PAL_FILE_FOLDER},
        {"link", PAL_FILE_LINK},        {"link-broken", PAL_FILE_LINK},
        {"link-folder", PAL_FILE_LINK}, {"regular", PAL_FILE_REGULAR},
        {"socket", PAL_FILE_OTHER},     {"z", PAL_FILE_REGULAR},
        {"\xff", PAL_FILE_REGULAR},
    };
    const int n_wanted = sizeof(wanted) / sizeof(wanted[0]);
    apr_array_header_t *entries = NULL;
    pal_file_kind_t kind;
    pal_handle_t file = PAL_HANDLE_NONE;
    const char *path;
    pal_handle_t folder = make_folder("list", &path);
    int round;
    int i;

    TEST_OK(pal_folder_list(folder, &entries, test_pool()));
    CU_ASSERT_EQUAL(entries->nelts, 0);
    make_kinds(path);
    make_file(path_of("list/\xff"), "", 0644);
    make_file(path_of("list/z"), "", 0644);
    make_file(path_of("list/A"), "", 0644);
    make_file(path_of("list/..."), "", 0644);
    make_file(path_of("list/.hidden"), "", 0644);
    make_file(path_of("list/" ODD_NAME), "", 0644);
    for (round = 0; round < 2; round++) { /* the handle's offset stays */
        TEST_OK(pal_folder_list(folder, &entries, test_pool()));
        CU_ASSERT_EQUAL_FATAL(entries->nelts, n_wanted);
        for (i = 0; i < n_wanted; i++) {
            CU_ASSERT_STRING_EQUAL(name_at(entries, i), wanted[i].name);
            CU_ASSERT_EQUAL(APR_ARRAY_IDX(entries, i, pal_folder_entry_t).kind,
                            wanted[i].kind);
        }
    }
    CU_ASSERT_EQUAL(lseek((int)folder, 0, SEEK_CUR), 0);
    entries = NULL;
    TEST_OK(pal_file_open_beneath(folder, "regular", &file, &kind));
    CU_ASSERT_EQUAL(pal_folder_list(file, &entries, test_pool()), ENOTDIR);
    CU_ASSERT_PTR_NULL(entries);
    pal_handle_close(&file);
    pal_handle_close(&folder);
    CU_ASSERT_EQUAL(pal_folder_list(folder, &entries, test_pool()), APR_EBADF);
}

static void list_many(void)
{
    apr_array_header_t *entries = NULL;
    const char *path;
    pal_handle_t folder = make_folder("many", &path);
    int i;

    for (i = 0; i < 3000; i++)
        make_file(apr_psprintf(test_pool(), "%s/%d", path, i), "", 0644);
    TEST_OK(pal_folder_list(folder, &entries, test_pool()));
    CU_ASSERT_EQUAL_FATAL(entries->nelts, 3000);
    for (i = 1; i < entries->nelts; i++)
        CU_ASSERT(strcmp(name_at(entries, i - 1), name_at(entries, i)) < 0);
    pal_handle_close(&folder);
}

static void read_and_write(void)
{
    pal_file_kind_t kind;
    pal_handle_t file = PAL_HANDLE_NONE;
    apr_off_t size = -1;
    apr_size_t len = 99;
    char buf[8];

    make_file(path_of("numbers"), "0123456789", 0644);
    TEST_OK(pal_file_open(path_of("numbers"), &file, &kind));
    TEST_OK(pal_file_size(file, &size));
    CU_ASSERT_EQUAL(size, 10);
    TEST_OK(pal_file_read(file, buf, 3, &len));
    CU_ASSERT(len == 3 && memcmp(buf, "012", 3) == 0);
    TEST_OK(pal_file_read_at(file, 7, buf, sizeof(buf), &len));
    CU_ASSERT(len == 3 && memcmp(buf, "789", 3) == 0);
    TEST_OK(pal_file_read_at(file, 10, buf, sizeof(buf), &len));
    CU_ASSERT_EQUAL(len, 0);
    TEST_OK(pal_file_read_at(file, 1000, buf, sizeof(buf), &len));
    CU_ASSERT_EQUAL(len, 0);
    TEST_OK(pal_file_read(file, buf, sizeof(buf), &len)); /* not moved */
    CU_ASSERT(len == 7 && memcmp(buf, "3456789", 7) == 0);
    TEST_OK(pal_file_read(file, buf, sizeof(buf), &len));
    CU_ASSERT_EQUAL(len, 0);
    len = 99;
    CU_ASSERT_EQUAL(pal_file_read_at(file, -1, buf, 1, &len), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_file_write(file, "x", 1), APR_EBADF); /* to read */
    pal_handle_close(&file);
    CU_ASSERT_EQUAL(pal_file_read(file, buf, 1, &len), APR_EBADF);
    CU_ASSERT_EQUAL(pal_file_read_at(file, 0, buf, 1, &len), APR_EBADF);
    CU_ASSERT_EQUAL(pal_file_size(file, &size), APR_EBADF);
    CU_ASSERT_EQUAL(len, 99);
    CU_ASSERT_EQUAL(size, 10);
}

#define PIPE_LEN ((apr_size_t)1 << 20) /* more than a pipe holds */

static void *write_slowly(void *end)
{
    static char zeros[PIPE_LEN];
    pal_handle_t *out = end;
    apr_status_t rv = pal_file_write(*out, zeros, PIPE_LEN);

    pal_handle_close(out);
    return rv == APR_SUCCESS ? NULL : end;
}

/* Both ends are set not to block: the calls wait all the same. */
static void pipes(void)
{
    static char buf[70000];
    pal_handle_t ends[2];
    apr_size_t total = 0;
    apr_size_t len = 1;
    apr_off_t size = -1;
    pthread_t writer;
    void *result = ends;

    TEST_OK(pal_handle_pipe(ends));
    CU_ASSERT_EQUAL(fcntl((int)ends[0], F_SETFL, O_NONBLOCK), 0);
    CU_ASSERT_EQUAL(fcntl((int)ends[1], F_SETFL, O_NONBLOCK), 0);
    CU_ASSERT_EQUAL(pal_file_size(ends[0], &size), PAL_E_KIND);
    CU_ASSERT_EQUAL(pal_file_read_at(ends[0], 0, buf, 1, &len), ESPIPE);
    CU_ASSERT_EQUAL_FATAL(
        pthread_create(&writer, NULL, write_slowly, &ends[1]), 0);
    while (len > 0) {
        TEST_OK(pal_file_read(ends[0], buf, sizeof(buf), &len));
        total += len;
    }
    CU_ASSERT_EQUAL(total, PIPE_LEN);
    CU_ASSERT_EQUAL(pthread_join(writer, &result), 0);
    CU_ASSERT_PTR_NULL(result);
    pal_handle_close(&ends[0]);
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"open-by-path", open_by_path},
        {"open-beneath", open_beneath},
        {"paths", paths},
        {"deep-paths", deep_paths},
        {"no-effects", no_effects},
        {"denied", denied},
        {"without-proc", without_proc},
        {"list-folder", list_folder},
        {"list-many", list_many},
        {"read-and-write", read_and_write},
        {"pipes", pipes},
        {NULL, NULL},
    };

    return test_main(argc, argv, "pal-file", cases);
}
