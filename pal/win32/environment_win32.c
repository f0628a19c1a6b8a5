#include "config.h"

#include "../process_private.h"
#include "block_win32.h"
#include "wide_win32.h"

#include <stdlib.h>
#include <string.h>

#include <errno.h>

#define MAX_VARIABLE 32767 /* units, with the zero */

typedef struct variable_t {
    WCHAR *text;
    apr_size_t name_len;
    int order; /* in the list it came from */
} variable_t;

/* Where the name ends; that of a drive's working directory begins with the
 * character that ends others. */
static apr_size_t wide_name_len(const WCHAR *text)
{
    return text[0] == '=' ? 1 + wcscspn(text + 1, L"=") : wcscspn(text, L"=");
}

static int compare_names(const variable_t *a, const variable_t *b)
{
    return CompareStringOrdinal(a->text, (int)a->name_len, b->text,
                                (int)b->name_len, TRUE)
           - CSTR_EQUAL;
}

static int compare_variables(const void *left, const void *right)
{
    const variable_t *a = left, *b = right;
    int result = compare_names(a, b);

    return result != 0 ? result : a->order - b->order;
}

static apr_status_t read_variables(variable_t *variables, char *const *envp,
                                   int *ret_n)
{
    apr_status_t rv = APR_SUCCESS;
    int n = 0;

    for (; *envp != NULL && rv == APR_SUCCESS; envp++) {
        rv = pal__wide(&variables[n].text, *envp);
        if (rv != APR_SUCCESS)
            break;
        variables[n].name_len = wide_name_len(variables[n].text);
        variables[n].order = n;
        if (wcslen(variables[n].text) >= MAX_VARIABLE)
            rv = E2BIG;
        n++;
    }
    *ret_n = n;
    return rv;
}

/* Sorted variables, one after the other, then an empty string. */
static WCHAR *join(const variable_t *variables, int n)
{
    apr_size_t size = 2; /* an empty block has two zeros too */
    WCHAR *block, *at;
    int i;

    for (i = 0; i < n; i++)
        size += wcslen(variables[i].text) + 1;
    block = calloc(size, sizeof(*block));
    at = block;
    for (i = 0; i < n && block != NULL; i++) {
        if (i + 1 < n && compare_names(&variables[i], &variables[i + 1]) == 0)
            continue;
        size = wcslen(variables[i].text) + 1;
        memcpy(at, variables[i].text, size * sizeof(*at));
        at += size;
    }
    return block;
}

apr_status_t pal__block_make(WCHAR **ret_block, char *const *envp)
{
    variable_t *variables;
    WCHAR *block = NULL;
    apr_status_t rv;
    int n = 0;

    while (envp[n] != NULL)
        n++;
    variables = calloc((apr_size_t)n + 1, sizeof(*variables));
    if (variables == NULL)
        return APR_ENOMEM;
    rv = read_variables(variables, envp, &n);
    if (rv == APR_SUCCESS) {
        qsort(variables, (apr_size_t)n, sizeof(*variables), compare_variables);
        block = join(variables, n);
        if (block == NULL)
            rv = APR_ENOMEM;
    }
    while (n > 0)
        free(variables[--n].text);
    free(variables);
    if (rv == APR_SUCCESS)
        *ret_block = block;
    return rv;
}

int pal__environment_is_name(const char *a, const char *b, apr_size_t len)
{
    WCHAR wide_a[256], wide_b[256];
    int n_a, n_b;

    if (memcmp(a, b, len) == 0)
        return 1;
    /* Longer ones are told apart by case here, and found equal when the
     * block is made. */
    n_a = MultiByteToWideChar(CP_UTF8, 0, a, (int)len, wide_a, 256);
    n_b = MultiByteToWideChar(CP_UTF8, 0, b, (int)len, wide_b, 256);
    return n_a > 0
           && CompareStringOrdinal(wide_a, n_a, wide_b, n_b, TRUE)
                  == CSTR_EQUAL;
}

/* One block: the list and its strings. */
apr_status_t pal__environment_get(char ***ret_environment)
{
    WCHAR *strings = GetEnvironmentStringsW();
    const WCHAR *at;
    apr_size_t n = 1, units = 0, len;
    char **environment, *text, **item;

    if (strings == NULL)
        return APR_ENOMEM;
    for (at = strings; *at != '\0'; at += len) {
        len = wcslen(at) + 1;
        units += len;
        n++;
    }
    environment = malloc(n * sizeof(*environment) + 3 * units);
    if (environment == NULL) {
        (void)FreeEnvironmentStringsW(strings);
        return APR_ENOMEM;
    }
    item = environment;
    text = (char *)(environment + n);
    for (at = strings; *at != '\0'; at += len) {
        len = wcslen(at) + 1;
        *item++ = text;
        text += WideCharToMultiByte(CP_UTF8, 0, at, (int)len, text,
                                    (int)(3 * len), NULL, NULL);
    }
    *item = NULL;
    (void)FreeEnvironmentStringsW(strings);
    *ret_environment = environment;
    return APR_SUCCESS;
}

void pal__environment_put(char **environment)
{
    free(environment);
}
