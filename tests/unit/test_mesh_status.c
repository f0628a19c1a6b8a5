#include "config.h"

#include "harness.h"

#include <mesh/mesh.h>

#include <pal/pal.h>

#include <stdio.h>
#include <string.h>

#define TEXT_ROW(name, n, text) {name, n, text},

static const struct {
    apr_status_t status;
    int distance;
    const char *text;
} rows[] = {MESH_STATUS_MAP(TEXT_ROW)};

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static void own_texts(void)
{
    char buf[128];
    int i;

    for (i = 0; i < N_ROWS; i++) {
        CU_ASSERT_EQUAL(rows[i].status, MESH_E_START + rows[i].distance);
        CU_ASSERT_PTR_EQUAL(mesh_status_text(rows[i].status, buf, sizeof(buf)),
                            buf);
        CU_ASSERT(strlen(rows[i].text) > 0);
        CU_ASSERT_STRING_EQUAL(buf, rows[i].text);
    }
}

/* Those of pal and the system; as much of one as there is room for. */
static void other_texts(void)
{
    char buf[128], expected[128];

    (void)pal_status_text(PAL_E_KIND, expected, sizeof(expected));
    (void)mesh_status_text(PAL_E_KIND, buf, sizeof(buf));
    CU_ASSERT_STRING_EQUAL(buf, expected);
    (void)pal_status_text(APR_EBADF, expected, sizeof(expected));
    (void)mesh_status_text(APR_EBADF, buf, sizeof(buf));
    CU_ASSERT_STRING_EQUAL(buf, expected);
    (void)mesh_status_text(rows[0].status, buf, 4);
    CU_ASSERT_EQUAL(strlen(buf), 3);
    CU_ASSERT(strncmp(buf, rows[0].text, 3) == 0);
    buf[0] = 'x';
    (void)mesh_status_text(rows[0].status, buf, 0);
    CU_ASSERT_EQUAL(buf[0], 'x');
}

static void version(void)
{
    char expected[32];

    (void)snprintf(expected, sizeof(expected), "%d.%d.%d", MESH_VERSION_MAJOR,
                   MESH_VERSION_MINOR, MESH_VERSION_PATCH);
    CU_ASSERT_STRING_EQUAL(mesh_version(), expected);
}

static void id_text(void)
{
    mesh_id_t id;
    char buf[MESH_ID_TEXT_LEN];
    int i;

    for (i = 0; i < 16; i++)
        id.bytes[i] = (unsigned char)(0xff - i * 0x11);
    CU_ASSERT_PTR_EQUAL(mesh_id_text(&id, buf), buf);
    CU_ASSERT_STRING_EQUAL(buf, "ffeeddccbbaa99887766554433221100");
}

static const test_case_t cases[] = {
    {"own_texts", own_texts},
    {"other_texts", other_texts},
    {"version", version},
    {"id_text", id_text},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "mesh status", cases);
}
