#include "config.h"

#include "scratch_file.h"

#include <apr_file_io.h>
#include <apr_portable.h>
#include <apr_strings.h>

apr_status_t scratch_file(const void *data, apr_size_t len,
                          pal_handle_t *ret_file, apr_pool_t *scratch)
{
    apr_off_t start = 0;
    const char *folder;
    apr_os_file_t os_file;
    apr_file_t *file;
    apr_status_t rv = apr_temp_dir_get(&folder, scratch);

    if (rv == APR_SUCCESS)
        rv = apr_file_mktemp(
            &file, apr_pstrcat(scratch, folder, "/mesh-XXXXXX", NULL), 0,
            scratch);
    if (rv != APR_SUCCESS)
        return rv;
    rv = apr_file_write_full(file, data, len, NULL);
    if (rv == APR_SUCCESS)
        rv = apr_file_seek(file, APR_SET, &start);
    if (rv == APR_SUCCESS)
        rv = apr_os_file_get(&os_file, file);
    if (rv == APR_SUCCESS)
        rv = pal_handle_dup((pal_handle_t)os_file, ret_file);
    (void)apr_file_close(file);
    return rv;
}
