#include "config.h"

#include "document.h"

#include <mesh/status.h>

#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

document_t *document_create(const char *path)
{
    apr_size_t len = strlen(path) + 1;
    document_t *document = calloc(1, sizeof(*document) + len);

    if (!document) {
        fputs("meshdemo: out of memory\n", stderr);
        exit(2);
    }
    document->file = PAL_HANDLE_NONE;
    memcpy(document->path, path, len);
    return document;
}

void document_destroy(document_t *document)
{
    pal_handle_close(&document->file);
    free(document);
}

/* A fixed text, and a status unless that is APR_SUCCESS. */
static void explain(document_t *document, const char *why, apr_status_t status)
{
    char text[DOCUMENT_WHY_LEN];

    if (status == APR_SUCCESS)
        apr_cpystrn(document->why, why, sizeof(document->why));
    else
        apr_snprintf(document->why, sizeof(document->why), "%s%s%s", why,
                     *why ? ": " : "",
                     mesh_status_text(status, text, sizeof(text)));
}

void document_judge(document_t *document, const verdict_t *verdict)
{
    document->is_done = 1;
    document->verdict = *verdict;
    if (verdict->kind != VERDICT_FAILED)
        return;
    if (verdict->status != APR_SUCCESS)
        explain(document, "cannot be read", verdict->status);
    else
        explain(document, check_error_text(verdict->xml_error), APR_SUCCESS);
}

void document_fail(document_t *document, const char *why, apr_status_t status)
{
    document->is_done = 1;
    memset(&document->verdict, 0, sizeof(document->verdict));
    document->verdict.kind = VERDICT_FAILED;
    explain(document, why, status);
}
