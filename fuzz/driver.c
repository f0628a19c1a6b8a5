/* Runs an entry point made for libFuzzer on the files of its corpus, with any
 * compiler: fuzz_packet reads fuzz/corpus/packet, or the files and folders it
 * is given. */
#include "fuzz.h"

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int n_passed;
static int n_failed;

static void run_file(const char *path, apr_pool_t *parent)
{
    apr_pool_t *pool;
    apr_file_t *file;
    apr_finfo_t info;
    unsigned char *bytes;
    apr_size_t len;
    int ok = 0;

    apr_pool_create(&pool, parent);
    if (apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, 0, pool)
            == APR_SUCCESS
        && apr_file_info_get(&info, APR_FINFO_SIZE, file) == APR_SUCCESS) {
        len = (apr_size_t)info.size;
        /* Of exactly this size, so that a sanitizer sees a read beyond. */
        bytes = malloc(len > 0 ? len : 1);
        ok = bytes != NULL
             && (len == 0
                 || apr_file_read_full(file, bytes, len, NULL) == APR_SUCCESS);
        if (ok) {
            printf("%s\n", path);
            ok = LLVMFuzzerTestOneInput(bytes, len) == 0;
        }
        free(bytes);
    }
    if (ok) {
        n_passed++;
    }
    else {
        printf("failed: %s\n", path);
        n_failed++;
    }
    apr_pool_destroy(pool);
}

static void run_folder(const char *path, apr_pool_t *pool)
{
    apr_dir_t *dir;
    apr_finfo_t info;

    if (apr_dir_open(&dir, path, pool) != APR_SUCCESS) {
        printf("no corpus: %s\n", path);
        n_failed++;
        return;
    }
    while (apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        if (info.name[0] != '.') {
            run_file(apr_pstrcat(pool, path, "/", info.name, NULL), pool);
        }
    }
    apr_dir_close(dir);
}

static const char *corpus_of(const char *argv0, apr_pool_t *pool)
{
    const char *name = strstr(apr_filepath_name_get(argv0), "fuzz_");
    const char *srcdir = getenv("srcdir");

    return apr_pstrcat(pool, srcdir != NULL ? srcdir : ".", "/fuzz/corpus/",
                       name != NULL ? name + strlen("fuzz_") : "", NULL);
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;

    if (apr_initialize() != APR_SUCCESS
        || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        apr_finfo_t info;

        if (apr_stat(&info, argv[i], APR_FINFO_TYPE, pool) == APR_SUCCESS
            && info.filetype == APR_DIR) {
            run_folder(argv[i], pool);
        }
        else {
            run_file(argv[i], pool);
        }
    }
    if (argc <= 1) {
        run_folder(corpus_of(argv[0], pool), pool);
    }
    apr_pool_destroy(pool);
    apr_terminate();
    printf("%d passed, %d failed\n", n_passed, n_failed);
    return n_passed == 0 || n_failed > 0;
}
