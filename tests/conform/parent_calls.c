/* Tests of calls: bytes, errors, descriptors (README.md 6). */
#include "config.h"

#include "parent.h"

#include "box.pb-c.h"
#include "scratch_file.h"

#include <pal/file.h>

#include <apr_strings.h>

#include <string.h>

#define N_CONCURRENT 200

static int echo_send(parent_t *parent, call_t *call, ProtobufCBinaryData input)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__Echo echo = CONFORM__ECHO__INIT;
    Conform__EchoCall body = CONFORM__ECHO_CALL__INIT;

    body.input = input;
    body.reply = &call->field;
    echo.call = &body;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_ECHO;
    request.echo = &echo;
    return request_send(parent, &parent->alpha, &request);
}

static int echo_wait(parent_t *parent, call_t *call,
                     ProtobufCBinaryData expected)
{
    const Conform__BytesBox *box;

    box = (const Conform__BytesBox *)call_wait_boxed(
        parent, call, &conform__bytes_box__descriptor);
    return box != NULL
           && check(parent, box->value.len == expected.len,
                    "%" APR_SIZE_T_FMT " bytes, not %" APR_SIZE_T_FMT,
                    box->value.len, expected.len)
           && check(parent,
                    expected.len == 0
                        || memcmp(box->value.data, expected.data, expected.len)
                               == 0,
                    "other bytes (%" APR_SIZE_T_FMT " of them)", expected.len);
}

void test_echo(parent_t *parent, int n)
{
    ProtobufCBinaryData input = pattern(parent, (apr_size_t)n);
    call_t *call = call_begin(parent);

    if (call != NULL && echo_send(parent, call, input)) {
        echo_wait(parent, call, input);
    }
}

void test_echo_boundary(parent_t *parent, int n)
{
    for (n = 16200; n <= 16279 && parent->why == NULL; n++) {
        test_echo(parent, n);
    }
}

void test_echo_concurrent(parent_t *parent, int n)
{
    call_t *calls[N_CONCURRENT];
    int i;

    (void)n;
    for (i = 0; i < N_CONCURRENT; i++) {
        calls[i] = call_begin(parent);
        if (calls[i] == NULL
            || !echo_send(parent, calls[i],
                          pattern(parent, (apr_size_t)i * 100))) {
            return;
        }
    }
    for (i = 0; i < N_CONCURRENT; i++) {
        if (!echo_wait(parent, calls[i],
                       pattern(parent, (apr_size_t)i * 100))) {
            return;
        }
    }
}

static void check_fail(parent_t *parent, mesh_message_t *answer)
{
    ProtobufCMessage *value;
    const char *const *texts;
    apr_status_t rv;
    int n_texts;

    rv = mesh_answer(answer, &conform__number__descriptor, &value, &texts,
                     &n_texts);
    if (check_status(parent, rv, MESH_E_REMOTE, "answer")
        && check(parent, n_texts == 2, "%d messages, not 2", n_texts)) {
        check(parent,
              strcmp(texts[0], "conform: why not") == 0
                  && strcmp(texts[1], "root cause") == 0,
              "messages '%s', '%s'", texts[0], texts[1]);
    }
}

void test_fail(parent_t *parent, int n)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__Fail fail = CONFORM__FAIL__INIT;
    Conform__FailCall body = CONFORM__FAIL_CALL__INIT;
    call_t *call = call_begin(parent);
    mesh_message_t *answer;
    apr_status_t rv;

    (void)n;
    if (call == NULL) {
        return;
    }
    body.input = apr_pstrdup(parent->test_pool, "why not");
    body.reply = &call->field;
    fail.call = &body;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_FAIL;
    request.fail = &fail;
    if (!request_send(parent, &parent->alpha, &request)) {
        return;
    }
    rv = mesh_oneshot_recv(&call->rx, remaining(parent), &answer);
    if (check_status(parent, rv, APR_SUCCESS, "reply")) {
        check_fail(parent, answer);
        mesh_message_destroy(&answer);
    }
}

/* A file of some size, read from already: reading goes on where this stopped.
 * Adds what is left of it to *total. */
static int file_make(parent_t *parent, int i, pal_handle_t *ret_file,
                     apr_uint64_t *total)
{
    ProtobufCBinaryData bytes = pattern(parent, (apr_size_t)i * 1000 + 1);
    char buf[1];
    apr_size_t len = 0;
    apr_status_t rv;

    rv = scratch_file(bytes.data, bytes.len, ret_file, parent->test_pool);
    if (rv == APR_SUCCESS && i % 2 == 1) {
        rv = pal_file_read(*ret_file, buf, 1, &len);
    }
    *total += bytes.len - len;
    return check_status(parent, rv, APR_SUCCESS, "making a file");
}

static void fds_call(parent_t *parent, const Conform__FdsCall *body,
                     call_t *call, apr_uint64_t total)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__Fds fds = CONFORM__FDS__INIT;
    const Conform__NumberBox *box;

    fds.call = (Conform__FdsCall *)body;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_FDS;
    request.fds = &fds;
    if (!request_send(parent, &parent->alpha, &request)) {
        return;
    }
    box = (const Conform__NumberBox *)call_wait_boxed(
        parent, call, &conform__number_box__descriptor);
    if (box != NULL) {
        check(parent, box->value == total,
              "%" APR_UINT64_T_FMT " bytes, not %" APR_UINT64_T_FMT,
              box->value, total);
    }
}

void test_fds(parent_t *parent, int n)
{
    Conform__FdsCall body = CONFORM__FDS_CALL__INIT;
    const Mesh__Handle field = MESH__HANDLE__INIT;
    Mesh__Handle fields[MESH_MAX_HANDLES];
    Mesh__Handle *pointers[MESH_MAX_HANDLES];
    pal_handle_t files[MESH_MAX_HANDLES];
    call_t *call = call_begin(parent);
    apr_uint64_t total = 0;
    int is_ok = call != NULL;
    int i;

    for (i = 0; i < n; i++) {
        files[i] = PAL_HANDLE_NONE;
        fields[i] = field;
        fields[i].slot = mesh_handle_slot(&files[i]);
        pointers[i] = &fields[i];
        is_ok = is_ok && file_make(parent, i, &files[i], &total);
    }
    if (is_ok) {
        body.n_input = (size_t)n;
        body.input = pointers;
        body.reply = &call->field;
        fds_call(parent, &body, call, total);
    }
    for (i = 0; i < n; i++) {
        pal_handle_close(&files[i]);
    }
}

/* The whole of it and no more. */
static void check_file(parent_t *parent, pal_handle_t file,
                       ProtobufCBinaryData expected)
{
    apr_size_t cap = expected.len + 1;
    char *buf = apr_palloc(parent->test_pool, cap);
    apr_size_t len;
    apr_size_t got = 0;
    apr_status_t rv;

    do {
        rv = pal_file_read(file, buf + got, cap - got, &len);
        if (!check_status(parent, rv, APR_SUCCESS, "reading the file")) {
            return;
        }
        got += len;
    } while (len > 0 && got < cap);
    check(parent, got == expected.len && memcmp(buf, expected.data, got) == 0,
          "other content");
}

void test_makefile(parent_t *parent, int n)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__MakeFile make_file = CONFORM__MAKE_FILE__INIT;
    Conform__MakeFileCall body = CONFORM__MAKE_FILE_CALL__INIT;
    const Conform__HandleBox *box;
    call_t *call = call_begin(parent);
    pal_handle_t file;

    if (call == NULL) {
        return;
    }
    body.input = pattern(parent, (apr_size_t)n);
    body.reply = &call->field;
    make_file.call = &body;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_MAKE_FILE;
    request.make_file = &make_file;
    if (!request_send(parent, &parent->alpha, &request)) {
        return;
    }
    box = (const Conform__HandleBox *)call_wait_boxed(
        parent, call, &conform__handle_box__descriptor);
    if (box != NULL) {
        file = mesh_handle_take(box->value->slot);
        check_file(parent, file, body.input);
        pal_handle_close(&file);
    }
}

void test_drop(parent_t *parent, int n)
{
    Conform__ConformRequest request = CONFORM__CONFORM_REQUEST__INIT;
    Conform__Drop drop = CONFORM__DROP__INIT;
    Conform__DropCall body = CONFORM__DROP_CALL__INIT;
    call_t *call = call_begin(parent);

    (void)n;
    if (call == NULL) {
        return;
    }
    body.input = 5;
    body.reply = &call->field;
    drop.call = &body;
    request.request_case = CONFORM__CONFORM_REQUEST__REQUEST_DROP;
    request.drop = &drop;
    if (request_send(parent, &parent->alpha, &request)) {
        call_wait_end(parent, call, MESH_E_CLOSED);
    }
}
