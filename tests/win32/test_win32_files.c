/* Files, regions, kinds of handles, and what this process says of itself. */
#include "config.h"

#include "harness.h"

#include <pal/file.h>
#include <pal/handle.h>
#include <pal/region.h>
#include <pal/self.h>
#include <pal/status.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include <string.h>

#include <windows.h>

enum { N_MANY = 300, PAGE = 4096 };

/* Umlauts and a character beyond the first plane. */
#define ODD_NAME "\xc3\xa4\xc3\xb6 \xf0\x9f\x98\x80"

static char *path_of(const char *name)
{
    return apr_pstrcat(test_pool(), test_dir(), "/", name, NULL);
}

static void make_file(const char *name, const char *text)
{
    apr_file_t *file;

    TEST_OK(apr_file_open(&file, path_of(name),
                          APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_EXCL,
                          APR_FPROT_OS_DEFAULT, test_pool()));
    TEST_OK(apr_file_write_full(file, text, strlen(text), NULL));
    TEST_OK(apr_file_close(file));
}

/* A new folder, open. */
static pal_handle_t make_folder(const char *name)
{
    pal_file_kind_t kind = PAL_FILE_OTHER;
    pal_handle_t folder = PAL_HANDLE_NONE;

    TEST_OK(apr_dir_make(path_of(name), APR_FPROT_OS_DEFAULT, test_pool()));
    TEST_OK(pal_file_open(path_of(name), &folder, &kind));
    CU_ASSERT_EQUAL_FATAL(kind, PAL_FILE_FOLDER);
    return folder;
}

/* Private, with that in it; it is closed. */
static void expect_text(pal_handle_t *file, const char *text)
{
    char buf[100];
    apr_size_t len = 0;
    DWORD flags = 1;

    TEST_OK(pal_file_read_at(*file, 0, buf, sizeof(buf), &len));
    CU_ASSERT_EQUAL(len, strlen(text));
    CU_ASSERT(memcmp(buf, text, strlen(text)) == 0);
    CU_ASSERT(GetHandleInformation((HANDLE)*file, &flags));
    CU_ASSERT_EQUAL(flags & HANDLE_FLAG_INHERIT, 0);
    pal_handle_close(file);
}

/* The status, after a look that the results were left alone. */
static apr_status_t refusal(const char *path)
{
    pal_file_kind_t kind = PAL_FILE_OTHER;
    pal_handle_t file = PAL_HANDLE_NONE;
    apr_status_t rv = pal_file_open(path, &file, &kind);

    CU_ASSERT_EQUAL(file, PAL_HANDLE_NONE);
    CU_ASSERT_EQUAL(kind, PAL_FILE_OTHER);
    return rv;
}

static apr_status_t refusal_beneath(pal_handle_t folder, const char *path)
{
    pal_file_kind_t kind = PAL_FILE_OTHER;
    pal_handle_t file = PAL_HANDLE_NONE;
    apr_status_t rv = pal_file_open_beneath(folder, path, &file, &kind);

    CU_ASSERT_EQUAL(file, PAL_HANDLE_NONE);
    CU_ASSERT_EQUAL(kind, PAL_FILE_OTHER);
    return rv;
}

static void test_open(void)
{
    static const char *const devices[] = {"NUL",
                                          "nul",
                                          "\\\\.\\NUL",
                                          "//./pipe/none",
                                          "\\\\?\\pipe\\none",
                                          "\\\\here\\pipe\\none",
                                          "\\\\here\\MailSlot\\none"};
    pal_file_kind_t kind = PAL_FILE_OTHER;
    pal_handle_t file, folder = make_folder("open");
    int i;

    make_file("open/regular", "text");
    TEST_OK(pal_file_open(path_of("open/../open/regular"), &file, &kind));
    CU_ASSERT_EQUAL(kind, PAL_FILE_REGULAR);
    expect_text(&file, "text");
    for (i = 0; i < (int)(sizeof(devices) / sizeof(devices[0])); i++)
        CU_ASSERT_EQUAL(refusal(devices[i]), PAL_E_KIND);
    CU_ASSERT(APR_STATUS_IS_ENOENT(refusal(path_of("open/none"))));
    CU_ASSERT_EQUAL(refusal("\xff"), APR_EINVAL);
    CU_ASSERT_NOT_EQUAL(refusal(""), APR_SUCCESS);
    pal_handle_close(&folder);
}

static void test_open_beneath(void)
{
    static const char *const wrong[] = {
        "",   ".",    "..",  "a/",     "a/..",         "a/../b", "./a", "a//b",
        "/a", "a\\b", "c:a", "file:s", "\\\\?\\c:\\a", "a/b:$s", "\xff"};
    pal_file_kind_t kind = PAL_FILE_OTHER;
    pal_handle_t file, folder = make_folder("beneath");
    char *deep = apr_pcalloc(test_pool(), 4097);
    pal_handle_t inner = make_folder("beneath/a");
    int i;

    make_file("beneath/a/file", "below");
    make_file("beneath/" ODD_NAME, "odd");
    TEST_OK(pal_file_open_beneath(folder, "a/file", &file, &kind));
    CU_ASSERT_EQUAL(kind, PAL_FILE_REGULAR);
    CU_ASSERT(APR_STATUS_IS_ENOTDIR(refusal_beneath(file, "a"))
              || APR_STATUS_IS_ENOENT(refusal_beneath(file, "a")));
    expect_text(&file, "below");
    TEST_OK(pal_file_open_beneath(folder, ODD_NAME, &file, &kind));
    expect_text(&file, "odd");
    TEST_OK(pal_file_open_beneath(folder, "a", &file, &kind));
    CU_ASSERT_EQUAL(kind, PAL_FILE_FOLDER);
    pal_handle_close(&file);
    for (i = 0; i < (int)(sizeof(wrong) / sizeof(wrong[0])); i++)
        CU_ASSERT_EQUAL(refusal_beneath(folder, wrong[i]), APR_EINVAL);
    CU_ASSERT(APR_STATUS_IS_ENOENT(refusal_beneath(folder, "none")));
    CU_ASSERT(APR_STATUS_IS_ENOENT(refusal_beneath(folder, "nul")));
    CU_ASSERT(APR_STATUS_IS_ENOENT(refusal_beneath(folder, "none/file")));
    CU_ASSERT(APR_STATUS_IS_ENOTDIR(refusal_beneath(folder, "a/file/more"))
              || APR_STATUS_IS_ENOENT(refusal_beneath(folder, "a/file/more")));
    for (i = 0; i < 4096; i++)
        deep[i] = i % 2 == 0 ? 'x' : '/';
    deep[4095] = 'x';
    CU_ASSERT_EQUAL(refusal_beneath(folder, deep), APR_ENAMETOOLONG);
    deep[4095] = '\0';
    CU_ASSERT(APR_STATUS_IS_ENOENT(refusal_beneath(folder, deep)));
    pal_handle_close(&inner);
    pal_handle_close(&folder);
    CU_ASSERT_EQUAL(refusal_beneath(folder, "a"), APR_EBADF);
}

static void test_list(void)
{
    apr_array_header_t *entries = NULL;
    const pal_folder_entry_t *entry;
    pal_handle_t folder = make_folder("list");
    pal_handle_t inner;
    int i, round;

    TEST_OK(pal_folder_list(folder, &entries, test_pool()));
    CU_ASSERT_EQUAL(entries->nelts, 0);
    inner = make_folder("list/folder");
    for (i = 0; i < N_MANY; i++)
        make_file(apr_psprintf(test_pool(), "list/%d", i), "");
    make_file("list/" ODD_NAME, "");
    for (round = 0; round < 2; round++) {
        TEST_OK(pal_folder_list(folder, &entries, test_pool()));
        CU_ASSERT_EQUAL_FATAL(entries->nelts, N_MANY + 2);
        entry = (const pal_folder_entry_t *)entries->elts;
        for (i = 1; i < entries->nelts; i++)
            CU_ASSERT(strcmp(entry[i - 1].name, entry[i].name) < 0);
        CU_ASSERT_EQUAL(entry[0].kind, PAL_FILE_REGULAR);
        CU_ASSERT_STRING_EQUAL(entry[N_MANY].name, "folder");
        CU_ASSERT_EQUAL(entry[N_MANY].kind, PAL_FILE_FOLDER);
        CU_ASSERT_STRING_EQUAL(entry[N_MANY + 1].name, ODD_NAME);
    }
    pal_handle_close(&inner);
    pal_handle_close(&folder);
    CU_ASSERT_EQUAL(pal_folder_list(folder, &entries, test_pool()), APR_EBADF);
}

static void test_read_and_write(void)
{
    pal_file_kind_t kind;
    pal_handle_t file = PAL_HANDLE_NONE, ends[2];
    apr_off_t size = -1;
    apr_size_t len = 99;
    char buf[8];

    make_file("numbers", "0123456789");
    TEST_OK(pal_file_open(path_of("numbers"), &file, &kind));
    TEST_OK(pal_file_size(file, &size));
    CU_ASSERT_EQUAL(size, 10);
    TEST_OK(pal_file_read(file, buf, 3, &len));
    CU_ASSERT(len == 3 && memcmp(buf, "012", 3) == 0);
    TEST_OK(pal_file_read_at(file, 7, buf, sizeof(buf), &len));
    CU_ASSERT(len == 3 && memcmp(buf, "789", 3) == 0);
    TEST_OK(pal_file_read_at(file, 1000, buf, sizeof(buf), &len));
    CU_ASSERT_EQUAL(len, 0);
    len = 99;
    CU_ASSERT_EQUAL(pal_file_read_at(file, -1, buf, 1, &len), APR_EINVAL);
    CU_ASSERT(APR_STATUS_IS_EACCES(pal_file_write(file, "x", 1)));
    pal_handle_close(&file);
    CU_ASSERT_EQUAL(pal_file_read(file, buf, 1, &len), APR_EBADF);
    CU_ASSERT_EQUAL(pal_file_read_at(file, 0, buf, 1, &len), APR_EBADF);
    CU_ASSERT_EQUAL(pal_file_size(file, &size), APR_EBADF);
    TEST_OK(pal_handle_pipe(ends));
    CU_ASSERT_EQUAL(pal_file_size(ends[0], &size), PAL_E_KIND);
    CU_ASSERT(len == 99 && size == 10);
    TEST_OK(pal_file_write(ends[1], "xy", 2));
    TEST_OK(pal_file_read(ends[0], buf, sizeof(buf), &len));
    CU_ASSERT(len == 2 && memcmp(buf, "xy", 2) == 0);
    pal_handle_close(&ends[0]);
    CU_ASSERT_EQUAL(pal_file_write(ends[1], "x", 1),
                    APR_FROM_OS_ERROR(ERROR_BROKEN_PIPE));
    pal_handle_close(&ends[1]);
}

static void expect_kind(pal_handle_t handle, pal_handle_kind_t expected)
{
    pal_handle_kind_t kind;

    TEST_OK(pal_handle_kind(handle, &kind));
    CU_ASSERT_EQUAL(kind, expected);
}

static void test_kinds(void)
{
    pal_handle_t folder = make_folder("kinds"), file, region, ends[2], adopted;
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    pal_file_kind_t kind;
    pal_handle_kind_t none = PAL_HANDLE_OTHER;

    make_file("kinds/file", "");
    TEST_OK(pal_file_open_beneath(folder, "file", &file, &kind));
    TEST_OK(pal_region_create("", PAGE, &region));
    TEST_OK(pal_handle_pipe(ends));
    expect_kind(folder, PAL_HANDLE_FOLDER);
    expect_kind(file, PAL_HANDLE_FILE);
    expect_kind(region, PAL_HANDLE_REGION);
    expect_kind(ends[0], PAL_HANDLE_PIPE);
    expect_kind((pal_handle_t)event, PAL_HANDLE_OTHER);
    CU_ASSERT_EQUAL(pal_handle_kind(PAL_HANDLE_NONE, &none), APR_EBADF);
    TEST_OK(pal_handle_adopt((intptr_t)event, &adopted));
    CU_ASSERT_EQUAL(adopted, (pal_handle_t)event);
    pal_handle_close(&adopted);
    CU_ASSERT(
        APR_STATUS_IS_EBADF(pal_handle_adopt((intptr_t)event, &adopted)));
    CU_ASSERT_EQUAL(adopted, PAL_HANDLE_NONE);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    pal_handle_close(&region);
    pal_handle_close(&file);
    pal_handle_close(&folder);
}

/* Written through a mapping and by a call, read through another handle. */
static void test_region(void)
{
    const int flags = PAL_REGION_READ | PAL_REGION_WRITE;
    const apr_size_t size = 2 * PAL_REGION_UNIT + PAGE;
    pal_handle_t region = PAL_HANDLE_NONE, other = PAL_HANDLE_NONE;
    apr_off_t seen = 77;
    void *memory = NULL;
    char back[4];

    TEST_OK(pal_region_create("mesh", (apr_off_t)size, &region));
    TEST_OK(pal_region_map(region, 0, size, flags, &memory));
    memset(memory, 'a', size);
    TEST_OK(pal_region_unmap(memory, size));
    TEST_OK(pal_region_write_at(region, 2 * PAL_REGION_UNIT, "part", 4));
    TEST_OK(pal_region_read_at(region, 2 * PAL_REGION_UNIT - 2, back, 4));
    CU_ASSERT(memcmp(back, "aapa", 4) == 0);
    CU_ASSERT(APR_STATUS_IS_ENOTIMPL(pal_region_seal(region)));
    TEST_OK(pal_handle_dup(region, &other));
    pal_handle_close(&region);
    CU_ASSERT(APR_STATUS_IS_ENOTIMPL(pal_region_check(other, &seen)));
    CU_ASSERT_EQUAL(seen, 77);
    TEST_OK(pal_file_size(other, &seen));
    CU_ASSERT_EQUAL(seen, (apr_off_t)size);
    TEST_OK(pal_region_map(other, 2 * PAL_REGION_UNIT, 100, PAL_REGION_READ,
                           &memory));
    pal_handle_close(&other); /* the mapping stays */
    CU_ASSERT(memcmp(memory, "part", 4) == 0);
    TEST_OK(pal_region_unmap(memory, 100));
    TEST_OK(pal_region_create("", 0, &region)); /* of a page all the same */
    TEST_OK(pal_file_size(region, &seen));
    CU_ASSERT_EQUAL(seen, PAGE);
    pal_handle_close(&region);
}

static void test_region_limits(void)
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
        {0, PAL_REGION_UNIT + 1, PAL_REGION_READ},
        {PAL_REGION_UNIT, 1, PAL_REGION_READ},
        {0, (apr_size_t)-1, PAL_REGION_READ},
    };
    pal_handle_t region = PAL_HANDLE_NONE;
    void *memory = NULL;
    char buf[4] = "";
    int i;

    CU_ASSERT_EQUAL(pal_region_create("", -1, &region), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_region_read_at(region, 0, buf, 1), APR_EBADF);
    CU_ASSERT_EQUAL(pal_region_write_at(region, 0, buf, 1), APR_EBADF);
    CU_ASSERT_EQUAL(pal_region_map(region, 0, 1, PAL_REGION_READ, &memory),
                    APR_EBADF);
    TEST_OK(pal_region_create("", PAL_REGION_UNIT, &region));
    TEST_OK(pal_region_read_at(region, PAL_REGION_UNIT - 4, buf, 4));
    CU_ASSERT_EQUAL(pal_region_read_at(region, PAL_REGION_UNIT - 3, buf, 4),
                    APR_EOF);
    CU_ASSERT_EQUAL(pal_region_read_at(region, -1, buf, 1), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_region_write_at(region, PAL_REGION_UNIT - 3, buf, 4),
                    APR_EINVAL);
    CU_ASSERT_EQUAL(pal_region_write_at(region, 1, buf, (apr_size_t)-1),
                    APR_EINVAL);
    for (i = 0; i < (int)(sizeof(wrong) / sizeof(wrong[0])); i++)
        CU_ASSERT_EQUAL(pal_region_map(region, wrong[i].offset, wrong[i].len,
                                       wrong[i].flags, &memory),
                        APR_EINVAL);
    CU_ASSERT_PTR_NULL(memory);
    pal_handle_close(&region);
}

/* What a sender may pass off as a region. */
static void test_no_regions(void)
{
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    HANDLE section;
    pal_handle_t file;
    pal_file_kind_t kind;
    apr_off_t size = 77;
    char byte;

    CU_ASSERT_EQUAL(pal_region_check((pal_handle_t)event, &size), PAL_E_KIND);
    CU_ASSERT_EQUAL(pal_region_read_at((pal_handle_t)event, 0, &byte, 1),
                    PAL_E_KIND);
    CloseHandle(event);
    make_file("no-region", "text");
    TEST_OK(pal_file_open(path_of("no-region"), &file, &kind));
    CU_ASSERT_EQUAL(pal_region_check(file, &size), PAL_E_KIND);
    section =
        CreateFileMappingW((HANDLE)file, NULL, PAGE_READONLY, 0, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(section);
    CU_ASSERT_EQUAL(pal_region_check((pal_handle_t)section, &size),
                    PAL_E_KIND);
    CloseHandle(section);
    pal_handle_close(&file);
    section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                 PAGE_READWRITE | SEC_RESERVE, 0, PAGE, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(section);
    CU_ASSERT_EQUAL(pal_region_read_at((pal_handle_t)section, 0, &byte, 1),
                    PAL_E_KIND);
    CloseHandle(section);
    CU_ASSERT_EQUAL(size, 77);
}

static void test_self(void)
{
    const char *text = NULL;
    pal_handle_t program, ends[2];

    CU_ASSERT_EQUAL(pal_self_pid(), GetCurrentProcessId());
    CU_ASSERT(pal_self_cpus() >= 1);
    TEST_OK(pal_self_path(&text, test_pool()));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "test_win32_files"));
    TEST_OK(pal_self_handle(&program));
    expect_kind(program, PAL_HANDLE_FILE);
    pal_handle_close(&program);
    TEST_OK(pal_self_name_set("work \xc3\xa4"));
    TEST_OK(pal_self_name(&text, test_pool()));
    CU_ASSERT_STRING_EQUAL(text, "work \xc3\xa4");
    SetEnvironmentVariableW(L"PAL_TAKEN", L"\x00e4=b");
    TEST_OK(pal_self_env_take("pal_taken", &text, test_pool()));
    CU_ASSERT_STRING_EQUAL(text, "\xc3\xa4=b");
    TEST_OK(pal_self_env_take("PAL_TAKEN", &text, test_pool()));
    CU_ASSERT_PTR_NULL(text);
    TEST_OK(pal_handle_pipe(ends));
    CU_ASSERT_FALSE(pal_self_is_terminal(ends[0]));
    CU_ASSERT_FALSE(pal_self_is_terminal(PAL_HANDLE_NONE));
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"open", test_open},
        {"open_beneath", test_open_beneath},
        {"list", test_list},
        {"read_and_write", test_read_and_write},
        {"kinds", test_kinds},
        {"region", test_region},
        {"region_limits", test_region_limits},
        {"no_regions", test_no_regions},
        {"self", test_self},
        {NULL, NULL}};

    return test_main(argc, argv, "win32_files", cases);
}
