#include "config.h"

#include "check.h"

#include <pal/file.h>

#include <expat.h>
#include <string.h>

/* Bytes read at a time. */
#define CHECK_PIECE 65536

static void XMLCALL on_element(void *baton, const XML_Char *name,
                               const XML_Char **attributes)
{
    apr_uint64_t *n_elements = baton;

    (void)name;
    (void)attributes;
    ++*n_elements;
}

/* Say what the parser stopped at. What lies with us or with this build of
 * expat is no fault of the document. */
static void judge(XML_Parser parser, verdict_t *verdict)
{
    verdict->xml_error = (int)XML_GetErrorCode(parser);
    switch (verdict->xml_error) {
    case XML_ERROR_NO_MEMORY:
    case XML_ERROR_UNKNOWN_ENCODING:
    case XML_ERROR_UNEXPECTED_STATE:
    case XML_ERROR_FEATURE_REQUIRES_XML_DTD:
        verdict->kind = VERDICT_FAILED;
        break;
    default:
        verdict->kind = VERDICT_MALFORMED;
        verdict->line = XML_GetCurrentLineNumber(parser);
        verdict->column = XML_GetCurrentColumnNumber(parser) + 1;
        break;
    }
}

static void fail(verdict_t *verdict, apr_status_t status)
{
    verdict->kind = VERDICT_FAILED;
    verdict->status = status;
}

void check_file(pal_handle_t file, verdict_t *ret_verdict)
{
    verdict_t verdict;
    XML_Parser parser = XML_ParserCreate(NULL);

    memset(&verdict, 0, sizeof(verdict));
    verdict.kind = VERDICT_WELL_FORMED;
    if (!parser) {
        fail(&verdict, APR_ENOMEM);
        *ret_verdict = verdict;
        return;
    }
    XML_SetUserData(parser, &verdict.elements);
    XML_SetStartElementHandler(parser, on_element);
    for (;;) {
        void *piece = XML_GetBuffer(parser, CHECK_PIECE);
        apr_size_t len;
        apr_status_t rv;

        if (!piece) {
            judge(parser, &verdict);
            break;
        }
        rv = pal_file_read_at(file, (apr_off_t)verdict.bytes, piece,
                              CHECK_PIECE, &len);
        if (rv != APR_SUCCESS) {
            fail(&verdict, rv);
            break;
        }
        verdict.bytes += len;
        if (XML_ParseBuffer(parser, (int)len, len == 0) != XML_STATUS_OK) {
            judge(parser, &verdict);
            break;
        }
        if (len == 0)
            break;
    }
    XML_ParserFree(parser);
    *ret_verdict = verdict;
}

const char *check_error_text(int xml_error)
{
    if (xml_error <= XML_ERROR_NONE)
        return NULL;
    return XML_ErrorString((enum XML_Error)xml_error);
}
