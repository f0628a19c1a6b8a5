/* The rules of typed messages (docs/PROTOCOL.md 5), each with a case that
 * breaks it. */
#include "config.h"

#include "harness.h"

#include "hex.h"
#include "payload_lib.h"
#include "payload_optional.pb-c.h"
#include "payload_vectors.pb-c.h"
#include "wire.h"

static void test_utf8(void)
{
    static const char *const good[] = {"",
                                       "61",
                                       "7f",
                                       "c280",
                                       "dfbf",
                                       "e0a080",
                                       "ed9fbf",
                                       "ee8080",
                                       "efbfbf",
                                       "f0908080",
                                       "f48fbfbf",
                                       "61c3a962",
                                       "f09f9880e282ac"};
    static const char *const bad[] = {
        "80",     "bf",         "c080",     "c1bf",     "c2",
        "c261",   "e0",         "e09fbf",   "e080",     "eda080",
        "edbfbf", "e28261",     "f08fbfbf", "f0908061", "f4908080",
        "f5",     "f0908080f0", "ff",       "61e282"};
    unsigned char bytes[16];
    size_t i, len;

    for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
        len = hex_decode(good[i], bytes, sizeof(bytes));
        CU_ASSERT_TRUE(mesh__utf8_is_valid(bytes, len));
    }
    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        len = hex_decode(bad[i], bytes, sizeof(bytes));
        CU_ASSERT_FALSE(mesh__utf8_is_valid(bytes, len));
    }
}

static void test_scalars(void)
{
    Vectors__Everything m = VECTORS__EVERYTHING__INIT;

    check_packed(&m, MESH__WRAP_NONE, "");
    m.i32 = INT32_MIN;
    m.i64 = -1;
    m.u32 = UINT32_MAX;
    m.u64 = UINT64_MAX;
    m.s32 = INT32_MIN;
    m.s64 = INT64_MIN;
    m.f32 = 0x01020304;
    m.f64 = 0x0102030405060708;
    m.sf32 = -1;
    m.sf64 = -2;
    m.f = -0.0f;
    m.d = -0.0;
    m.b = 2;
    m.e = VECTORS__COLOUR__GREEN;
    m.s = "\xc3\xa9";
    m.y.len = 2;
    m.y.data = (uint8_t *)"\0\1";
    check_packed(&m, MESH__WRAP_NONE,
                 "0880808080f8ffffffff01"
                 "10ffffffffffffffffff01"
                 "18ffffffff0f"
                 "20ffffffffffffffffff01"
                 "28ffffffff0f"
                 "30ffffffffffffffffff01"
                 "3d04030201"
                 "410807060504030201"
                 "4dffffffff"
                 "51feffffffffffffff"
                 "5d00000080"
                 "610000000000000080"
                 "6801"
                 "7001"
                 "7a02c3a9"
                 "8201020001");
    check_same(TYPE(everything),
               "0880808080f8ffffffff0110ffffffffffffffffff0118ffffffff0f20ff"
               "ffffffffffffffff0128ffffffff0f30ffffffffffffffffff013d040302"
               "014108070605040302014dffffffff51feffffffffffffff5d0000008061"
               "0000000000000080680170017a02c3a98201020001",
               "");
    /* Defaults on the wire are read, and not written again. */
    check_decoded(TYPE(everything),
                  "080010003d00000000410000000000000000680070007a00820100", "",
                  APR_SUCCESS, "");
    /* The last one counts; order and unknown fields do not matter. */
    check_decoded(TYPE(everything), "20051801e2060361626320061802", "",
                  APR_SUCCESS, "18022006");
}

static void test_ranges(void)
{
    /* int32 and enum: negative numbers have ten bytes. */
    check_same(TYPE(everything), "08ffffffff07", "");
    check_bad(TYPE(everything), "088080808008", "", MESH_E_VALUE);
    check_bad(TYPE(everything), "08fffffffff7ffffffff01", "", MESH_E_VALUE);
    check_bad(TYPE(everything), "08ffffffff0f", "", MESH_E_VALUE);
    check_same(TYPE(everything), "70ffffffffffffffffff01", "");
    check_same(TYPE(everything), "707b", "");
    check_bad(TYPE(everything), "708080808010", "", MESH_E_VALUE);
    check_same(TYPE(everything), "18ffffffff0f", "");
    check_bad(TYPE(everything), "188080808010", "", MESH_E_VALUE);
    check_bad(TYPE(everything), "288080808010", "", MESH_E_VALUE);
    check_decoded(TYPE(everything), "68ffffffffffffffffff01", "", APR_SUCCESS,
                  "6801");
    /* 64 bits and no more. Longer forms than needed are fine. */
    check_decoded(TYPE(everything), "2081808000", "", APR_SUCCESS, "2001");
    check_decoded(TYPE(everything), "2080808080808080808001", "", APR_SUCCESS,
                  "2080808080808080808001");
    check_bad(TYPE(everything), "2080808080808080808002", "", MESH_E_VALUE);
    check_bad(TYPE(everything), "208080808080808080808000", "", MESH_E_VALUE);
}

static void test_repeated(void)
{
    static const char packed[] = "0a0bffffffffffffffffff0100" /* -1, 0 */
                                 "12020102"
                                 "1a03ac0203"
                                 "22017f"
                                 "2a020102"
                                 "320103"
                                 "3a080100000002000000"
                                 "42080100000000000000"
                                 "4a04ffffffff"
                                 "52080300000000000000"
                                 "5a080000803f00000080"
                                 "6208000000000000f03f"
                                 "6a020001"
                                 "72020100"
                                 "7a0161"
                                 "7a00"
                                 "82010162"
                                 "820100";

    check_same(TYPE(repeated), packed, "");
    check_decoded(TYPE(repeated),
                  "1a0101"   /* packed */
                  "1802"     /* one alone */
                  "7a0161"   /* something between */
                  "18031804" /* two */
                  "1a020506",
                  "", APR_SUCCESS, "1a060102030405067a0161");
    check_decoded(TYPE(repeated), "3d010000003a0402000000", "", APR_SUCCESS,
                  "3a080100000002000000");
    check_decoded(TYPE(repeated), "1a003a00", "", APR_SUCCESS, "");
    check_bad(TYPE(repeated), "1a0180", "", MESH_E_TRUNCATED);
    check_bad(TYPE(repeated), "1a020180", "", MESH_E_TRUNCATED);
    check_bad(TYPE(repeated), "3a03010000", "", MESH_E_TRUNCATED);
    check_bad(TYPE(repeated), "3a050100000002", "", MESH_E_TRUNCATED);
    check_bad(TYPE(repeated), "1a068080808010", "", MESH_E_TRUNCATED);
    check_bad(TYPE(repeated), "1a058080808010", "", MESH_E_VALUE);
    check_bad(TYPE(repeated), "7a01617801", "", MESH_E_WIRE);
}

static void test_strings(void)
{
    static const char *const bad[] = {"\x80", "a\xc3", "\xed\xa0\x80"};
    Vectors__Everything m = VECTORS__EVERYTHING__INIT;
    Vectors__Repeated r = VECTORS__REPEATED__INIT;
    char *texts[] = {"a", (char *)bad[0], NULL};
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        m.s = (char *)bad[i];
        check_refused(&m, MESH_E_VALUE);
    }
    m.s = NULL;
    check_packed(&m, MESH__WRAP_NONE, "");
    m.y.len = 1;
    check_refused(&m, MESH_E_VALUE);
    r.s = texts;
    r.n_s = 2;
    check_refused(&r, MESH_E_VALUE);
    r.s[1] = NULL;
    check_packed(&r, MESH__WRAP_NONE, "7a01617a00");

    check_bad(TYPE(everything), "7a0180", "", MESH_E_VALUE);
    check_bad(TYPE(everything), "7a03610062", "", MESH_E_VALUE);
    check_bad(TYPE(repeated), "7a02c3a97a01c3", "", MESH_E_VALUE);
    check_same(TYPE(everything), "820103008001", "");
}

/* Bytes fields point into the message; strings do not. */
static void test_borrowed(void)
{
    mesh_message_t *message = from_hex("7a0161820102c0ff", "");
    ProtobufCMessage *value;
    Vectors__Everything *m;

    TEST_OK(mesh__payload_unpack(message, 0, TYPE(everything), &value));
    m = (Vectors__Everything *)value;
    CU_ASSERT_PTR_EQUAL(m->y.data, message->data + 6);
    CU_ASSERT_STRING_EQUAL(m->s, "a");
    CU_ASSERT((unsigned char *)m->s < message->data
              || (unsigned char *)m->s >= message->data + message->len);
    free_message(message);
}

static void test_wire(void)
{
    check_bad(TYPE(everything), "00", "", MESH_E_VALUE);
    check_bad(TYPE(everything), "8080808010", "", MESH_E_VALUE);
    check_bad(TYPE(everything), "808080808001", "", MESH_E_VALUE);
    check_decoded(TYPE(everything), "f8ffffff0f01", "", APR_SUCCESS, "");
    check_bad(TYPE(everything), "0b0c", "", MESH_E_WIRE);
    check_bad(TYPE(everything), "0c", "", MESH_E_WIRE);
    /* The wrong kind for a known field. */
    check_bad(TYPE(everything), "0d01000000", "", MESH_E_WIRE);
    check_bad(TYPE(everything), "090000000000000000", "", MESH_E_WIRE);
    check_bad(TYPE(everything), "0a00", "", MESH_E_WIRE);
    check_bad(TYPE(everything), "7801", "", MESH_E_WIRE);
    check_bad(TYPE(everything), "7e000161", "", MESH_E_WIRE);
    check_bad(TYPE(everything), "7f", "P", MESH_E_WIRE);
    check_bad(TYPE(nested), "0801", "", MESH_E_WIRE);
    check_bad(TYPE(write_pipe), "0a00", "P", MESH_E_WIRE);
    /* A message may say that it owns nothing. */
    check_decoded(TYPE(nested), "0e00020801", "", APR_SUCCESS, "0a020801");
    /* Cut off. */
    check_bad(TYPE(everything), "80", "", MESH_E_TRUNCATED);
    check_bad(TYPE(everything), "08", "", MESH_E_TRUNCATED);
    check_bad(TYPE(everything), "3d010203", "", MESH_E_TRUNCATED);
    check_bad(TYPE(everything), "4101020304050607", "", MESH_E_TRUNCATED);
    check_bad(TYPE(everything), "7a", "", MESH_E_TRUNCATED);
    check_bad(TYPE(everything), "7a0261", "", MESH_E_TRUNCATED);
    check_bad(TYPE(everything), "7affffffffffffffffff01", "",
              MESH_E_TRUNCATED);
    check_bad(TYPE(nested), "0a020896", "", MESH_E_TRUNCATED);
    check_bad(TYPE(nested), "0e", "", MESH_E_TRUNCATED);
    check_bad(TYPE(nested), "0e00", "", MESH_E_TRUNCATED);
}

static void test_oneofs(void)
{
    Vectors__Choice choice = VECTORS__CHOICE__INIT;
    Vectors__Optional optional = VECTORS__OPTIONAL__INIT;

    /* One of several is demanded; one of one is an option. */
    check_refused(&choice, MESH_E_MISSING);
    check_bad(TYPE(choice), "", "", MESH_E_MISSING);
    check_bad(TYPE(choice), "2801", "", MESH_E_MISSING);
    check_packed(&optional, MESH__WRAP_NONE, "");
    check_same(TYPE(optional), "", "");
    check_same(TYPE(optional), "080012001a00220a313233343536373839302a00", "");
    /* A message that is NULL is written as the empty one. */
    choice.v_case = VECTORS__CHOICE__V_TWO;
    check_packed(&choice, MESH__WRAP_NONE, "1200");
    /* The last choice counts; parts of one message are merged. */
    check_decoded(TYPE(choice), "120208052007", "", APR_SUCCESS, "2007");
    check_decoded(TYPE(choice), "200712020805", "", APR_SUCCESS, "12020805");
    check_decoded(TYPE(choice), "120208051203120178", "", APR_SUCCESS,
                  "12050805120178");
    check_decoded(TYPE(choice), "120208051a0208091203120178", "", APR_SUCCESS,
                  "1203120178");
    check_decoded(TYPE(either), "2201613a0208013007", "", APR_SUCCESS, "3007");
    check_decoded(TYPE(either), "300722013a3a020801", "", APR_SUCCESS,
                  "3a020801");
}

static void test_messages(void)
{
    Vectors__Nested m = VECTORS__NESTED__INIT;
    Vectors__Inner inner = VECTORS__INNER__INIT;

    /* Absent and empty are both read, and told apart. */
    check_packed(&m, MESH__WRAP_NONE, "");
    m.a = &inner;
    check_packed(&m, MESH__WRAP_NONE, "0a00");
    check_same(TYPE(nested), "0a00", "");
    check_decoded(TYPE(nested), "0a0010050a020803", "", APR_SUCCESS,
                  "0a0208031005");
}

static void test_maps(void)
{
    mesh_message_t *message = from_hex("0e01040a016117", "P");
    ProtobufCMessage *value;
    Vectors__Maps *m;

    TEST_OK(mesh__payload_unpack(message, 0, TYPE(maps), &value));
    m = (Vectors__Maps *)value;
    CU_ASSERT_EQUAL_FATAL(m->n_ports, 1);
    CU_ASSERT_STRING_EQUAL(m->ports[0]->key, "a");
    CU_ASSERT_PTR_EQUAL(*(mesh_port_t **)(uintptr_t)m->ports[0]->value->slot,
                        fake_port(0));
    free_message(message);

    /* Key and value are ordinary fields of an entry. */
    check_same(TYPE(maps), "0e01040a0161170e010117", "PP");
    check_same(TYPE(maps),
               "120408011200"
               "1200"
               "120412020801"
               "1a00"
               "1a020801",
               "");
    check_decoded(TYPE(maps), "1a0408001200", "", APR_SUCCESS, "1a00");
    /* What is demanded of a value is demanded of each entry. */
    check_bad(TYPE(maps), "0a030a0161", "", MESH_E_MISSING);
}

static void test_required(void)
{
    Vectors__Holder holder = VECTORS__HOLDER__INIT;
    Vectors__Part part = VECTORS__PART__INIT;

    check_bad(TYPE(part), "", "", MESH_E_MISSING);
    check_bad(TYPE(part), "0801", "P", MESH_E_MISSING);
    check_refused(&part, MESH_E_MISSING);
    /* An absent message is an empty one, with the same demands. */
    check_bad(TYPE(holder), "0801", "", MESH_E_MISSING);
    check_bad(TYPE(holder), "1200", "", MESH_E_MISSING);
    check_bad(TYPE(choice_holder), "", "", MESH_E_MISSING);
    check_bad(TYPE(choice_holder), "0a00", "", MESH_E_MISSING);
    check_same(TYPE(choice_holder), "0a020a00", "");
    check_refused(&holder, MESH_E_MISSING);
    holder.part = &part;
    check_refused(&holder, MESH_E_MISSING);
    /* Not of a message that is inside itself: the end of a list. */
    check_same(TYPE(port_chain), "17", "P");
    check_same(TYPE(port_chain), "0e01011717", "PP");
    check_bad(TYPE(port_chain), "0a0017", "P", MESH_E_MISSING);
    /* Optional ports, alone and in a message. */
    check_same(TYPE(maybe_port), "", "");
    check_same(TYPE(maybe_port), "0f", "P");
    check_same(TYPE(maybe_port), "16010117", "P");
    check_bad(TYPE(maybe_port), "1200", "", MESH_E_MISSING);
}

static void test_resources(void)
{
    mesh_message_t *message;
    ProtobufCMessage *value;
    Vectors__Ports *ports;

    check_bad(TYPE(write_pipe), "0f", "H", MESH_E_RESOURCE);
    check_bad(TYPE(write_pipe), "0f", "", MESH_E_RESOURCE);
    check_bad(TYPE(write_pipe), "0f", "-", MESH_E_RESOURCE);
    check_bad(TYPE(ports), "0f0f", "P", MESH_E_RESOURCE);
    check_bad(TYPE(either), "17", "P", MESH_E_RESOURCE);
    check_same(TYPE(either), "17", "H");
    /* A message owns what it says, and no more. */
    check_bad(TYPE(maybe_port), "16020117", "P", MESH_E_RESOURCE);
    check_bad(TYPE(maybe_port), "16000117", "P", MESH_E_RESOURCE);
    check_bad(TYPE(maybe_port), "120117", "P", MESH_E_RESOURCE);
    check_bad(TYPE(maybe_port), "16ffffffff0f0117", "P", MESH_E_RESOURCE);
    /* Left over is what the message does not name. */
    check_decoded(TYPE(maybe_port), "0f", "PPH", APR_SUCCESS, "0f");

    /* Unknown fields take their resources along: bare, in a message that has
     * one more than it names, and a port that comes again. */
    message = from_hex("1f1e02012f0f0f", "HHPPP");
    TEST_OK(mesh__payload_unpack(message, 0, TYPE(ports), &value));
    ports = (Vectors__Ports *)value;
    CU_ASSERT_EQUAL_FATAL(ports->n_p, 2);
    CU_ASSERT_EQUAL(ports->p[0]->slot, (uintptr_t)&message->res[3].u.port);
    CU_ASSERT_EQUAL(ports->p[1]->slot, (uintptr_t)&message->res[4].u.port);
    free_message(message);

    message = from_hex("0f0f", "PP");
    TEST_OK(mesh__payload_unpack(message, 0, TYPE(write_pipe), &value));
    CU_ASSERT_EQUAL(((Vectors__WritePipe *)value)->port->slot,
                    (uintptr_t)&message->res[1].u.port);
    free_message(message);
}

static void test_resources_refused(void)
{
    slots_t *slots = new_slots();
    Vectors__Ports m = VECTORS__PORTS__INIT;
    Vectors__Either either = VECTORS__EITHER__INIT;
    Mesh__Handle handle_slot = MESH__HANDLE__INIT;
    intptr_t handle = MESH__HANDLE_NONE;

    m.p = slots->pointers;
    m.n_p = 3;
    slots->variables[1] = NULL;
    check_refused(&m, MESH_E_RESOURCE);
    slots->variables[1] = fake_port(1);
    slots->messages[1].slot = 0;
    check_refused(&m, MESH_E_RESOURCE);
    /* The same variable twice. */
    slots->messages[1].slot = (uintptr_t)&slots->variables[2];
    check_refused(&m, MESH_E_RESOURCE);
    slots->messages[1].slot = (uintptr_t)&slots->variables[1];
    slots->pointers[1] = NULL;
    check_refused(&m, MESH_E_RESOURCE);
    m.n_p = 1;
    check_packed(&m, MESH__WRAP_NONE, "0f");

    either.v_case = VECTORS__EITHER__V_PORT;
    check_refused(&either, MESH_E_RESOURCE);
    either.v_case = VECTORS__EITHER__V_HANDLE;
    handle_slot.slot = (uintptr_t)&handle;
    either.handle = &handle_slot;
    check_refused(&either, MESH_E_RESOURCE);
    handle = 0; /* a descriptor like any other */
    check_packed(&either, MESH__WRAP_NONE, "17");
    CU_ASSERT_EQUAL(handle, 0);
    CU_ASSERT_PTR_EQUAL(slots->variables[0], fake_port(0));
}

/* A slot's bytes are an address: they neither leave nor come in. */
static void test_naked_slot(void)
{
    mesh_port_t *variable = fake_port(0);
    Mesh__Port slot = MESH__PORT__INIT;

    slot.slot = (uintptr_t)&variable;
    check_refused(&slot, MESH_E_RESOURCE);
    check_bad(&mesh__port__descriptor, "090100000000000000", "", MESH_E_WIRE);
    check_bad(&mesh__handle__descriptor, "", "", MESH_E_WIRE);
}

/* Another program's generated code is at another address. */
static void test_by_name(void)
{
    ProtobufCMessageDescriptor port_type = mesh__port__descriptor;
    ProtobufCMessageDescriptor type = vectors__write_pipe__descriptor;
    ProtobufCFieldDescriptor field = type.fields[0];
    mesh_message_t *message = from_hex("0f", "P");
    ProtobufCMessage *value;

    field.descriptor = &port_type;
    type.fields = &field;
    TEST_OK(mesh__payload_unpack(message, 0, &type, &value));
    value->descriptor = &type;
    check_packed(value, MESH__WRAP_NONE, "0f");
    /* Of the same name, but nothing like it. */
    port_type.sizeof_message += sizeof(uint64_t);
    CU_ASSERT_EQUAL(mesh__payload_unpack(message, 0, &type, &value),
                    MESH_E_WIRE);
    free_message(message);
}

/* A slot that was taken from is empty when the message is decoded again. */
static void test_unpack_again(void)
{
    mesh_message_t *message = from_hex("0f", "P"), *other;
    ProtobufCMessage *value;
    Vectors__WritePipe *pipe;

    TEST_OK(mesh__payload_unpack(message, 0, TYPE(write_pipe), &value));
    pipe = (Vectors__WritePipe *)value;

    /* A received port can go on as it is. */
    TEST_OK(mesh__payload_pack(&other, value, MESH__WRAP_NONE));
    mesh__payload_commit(other);
    CU_ASSERT_PTR_EQUAL(other->res[0].u.port, fake_port(0));
    CU_ASSERT_PTR_NULL(*(mesh_port_t **)(uintptr_t)pipe->port->slot);
    free_message(other);

    TEST_OK(mesh__payload_unpack(message, 0, TYPE(write_pipe), &value));
    pipe = (Vectors__WritePipe *)value;
    CU_ASSERT_PTR_NULL(*(mesh_port_t **)(uintptr_t)pipe->port->slot);
    check_refused(value, MESH_E_RESOURCE);
    free_message(message);
}

static void test_commit(void)
{
    mesh_port_t *ports[2] = {fake_port(0), fake_port(1)};
    intptr_t handle = 5;
    Mesh__Port slots[2] = {MESH__PORT__INIT, MESH__PORT__INIT};
    Mesh__Handle handle_slot = MESH__HANDLE__INIT;
    Vectors__Resources m = VECTORS__RESOURCES__INIT;
    Vectors__Part part = VECTORS__PART__INIT;
    mesh_message_t *message;

    slots[0].slot = (uintptr_t)&ports[0];
    slots[1].slot = (uintptr_t)&ports[1];
    handle_slot.slot = (uintptr_t)&handle;
    m.p = &slots[0];
    m.h = &handle_slot;
    m.s = &part;
    part.p = &slots[1];
    TEST_OK(mesh__payload_pack(&message, &m.base, MESH__WRAP_NONE));
    CU_ASSERT_EQUAL(message->res[0].kind, MESH__RES_PORT);
    CU_ASSERT_PTR_NULL(message->res[0].u.port);
    CU_ASSERT_EQUAL(message->res[1].kind, MESH__RES_HANDLE);
    CU_ASSERT_EQUAL(message->res[1].u.handle, MESH__HANDLE_NONE);
    /* There is nothing to take back before the commit. */
    mesh__payload_rollback(message);
    CU_ASSERT(ports[0] == fake_port(0) && ports[1] == fake_port(1)
              && handle == 5);
    mesh__payload_commit(message);
    CU_ASSERT(!ports[0] && !ports[1] && handle == MESH__HANDLE_NONE);
    CU_ASSERT_PTR_EQUAL(message->res[2].u.port, fake_port(1));
    mesh__payload_rollback(message);
    CU_ASSERT(ports[0] == fake_port(0) && ports[1] == fake_port(1)
              && handle == 5);
    CU_ASSERT_PTR_NULL(message->res[2].u.port);
    CU_ASSERT_EQUAL(message->res[1].u.handle, MESH__HANDLE_NONE);
    /* And once more: a send may be tried again. */
    mesh__payload_commit(message);
    CU_ASSERT(!ports[0] && !ports[1] && handle == MESH__HANDLE_NONE);
    free_message(message);
}

static void test_raw_message(void)
{
    mesh_message_t *message = from_hex("", "P");

    mesh__payload_commit(message);
    mesh__payload_rollback(message);
    CU_ASSERT_PTR_EQUAL(message->res[0].u.port, fake_port(0));
    free_message(message);
}

static void check_channel(const char *hex, const char *kinds,
                          apr_status_t status, int has_value, int at)
{
    mesh_message_t *message = from_hex(hex, kinds);
    int ret_port = -7;

    CU_ASSERT_EQUAL(mesh__payload_open_channel(message, &ret_port), status);
    CU_ASSERT_EQUAL(ret_port, status == APR_SUCCESS ? at : -7);
    CU_ASSERT_EQUAL(message->has_value, has_value);
    free_message(message);
}

static void test_channel(void)
{
    /* A value of any wire type. */
    check_channel("0801", "", APR_SUCCESS, 1, -1);
    check_channel("0a00", "", APR_SUCCESS, 1, -1);
    check_channel("0d01000000", "", APR_SUCCESS, 1, -1);
    check_channel("090100000000000000", "", APR_SUCCESS, 1, -1);
    check_channel("0e01010f", "P", APR_SUCCESS, 1, -1);
    check_channel("0f", "H", APR_SUCCESS, 1, -1);
    /* One more sender; unknown fields are skipped with what they own. */
    check_channel("17", "P", APR_SUCCESS, 0, 0);
    check_channel("1f17", "HP", APR_SUCCESS, 0, 1);
    check_channel("1f1e010017202a", "HHP", APR_SUCCESS, 0, 2);
    check_channel("17", "H", MESH_E_RESOURCE, 0, 0);
    check_channel("17", "", MESH_E_RESOURCE, 0, 0);
    check_channel("1001", "", MESH_E_WIRE, 0, 0);
    check_channel("1200", "", MESH_E_WIRE, 0, 0);
    check_channel("", "", MESH_E_MISSING, 0, 0);
    check_channel("1801", "", MESH_E_MISSING, 0, 0);
    check_channel("08010801", "", MESH_E_VALUE, 0, 0);
    check_channel("080117", "P", MESH_E_VALUE, 0, 0);
    check_channel("1717", "PP", MESH_E_VALUE, 0, 0);
    check_channel("0a02", "", MESH_E_TRUNCATED, 0, 0);
    check_channel("080113", "", MESH_E_WIRE, 0, 0);
}

static void test_channel_value(void)
{
    mesh_message_t *message = from_hex("3f0e010308041738"
                                       "01",
                                       "HP");
    ProtobufCMessage *value;
    Vectors__Part *part;
    int at;

    TEST_OK(mesh__payload_open_channel(message, &at));
    CU_ASSERT_EQUAL(message->value_wire, MESH__WIRE_MESSAGE);
    CU_ASSERT_EQUAL(message->value_len, 3);
    CU_ASSERT_PTR_EQUAL(message->value, message->data + 4);
    CU_ASSERT_EQUAL(message->value_n_res, 1);
    CU_ASSERT_PTR_EQUAL(message->value_res, &message->res[1]);
    TEST_OK(mesh__payload_unpack(message, 0, TYPE(part), &value));
    part = (Vectors__Part *)value;
    CU_ASSERT_EQUAL(part->n, 4);
    CU_ASSERT_EQUAL(part->p->slot, (uintptr_t)&message->res[1].u.port);
    free_message(message);

    /* A number is no message; in its box it is one. */
    message = from_hex("089601", "");
    TEST_OK(mesh__payload_open_channel(message, &at));
    CU_ASSERT_EQUAL(message->value_wire, MESH__WIRE_VARINT);
    CU_ASSERT_EQUAL(message->value_len, 2);
    CU_ASSERT_EQUAL(mesh__payload_unpack(message, 0, TYPE(inner), &value),
                    MESH_E_WIRE);
    TEST_OK(mesh__payload_unpack(message, 1, TYPE(boxed_number), &value));
    CU_ASSERT_EQUAL(((Vectors__BoxedNumber *)value)->message, 150);
    free_message(message);
}

static void test_oneshot(void)
{
    mesh_message_t *message = from_hex("1801", "");
    ProtobufCMessage *value;

    TEST_OK(mesh__payload_open_oneshot(message));
    CU_ASSERT_TRUE(message->has_value);
    CU_ASSERT_EQUAL(message->value_len, 0);
    TEST_OK(mesh__payload_unpack(message, 0, TYPE(inner), &value));
    CU_ASSERT_EQUAL(mesh__payload_unpack(message, 0, TYPE(choice), &value),
                    MESH_E_MISSING);
    free_message(message);

    message = from_hex("", "");
    TEST_OK(mesh__payload_open_oneshot(message));
    TEST_OK(mesh__payload_unpack(message, 1, TYPE(plain_number), &value));
    CU_ASSERT_EQUAL(((Vectors__PlainNumber *)value)->v, 0);
    free_message(message);

    /* Field 2 means nothing here. */
    message = from_hex("170a020805", "P");
    TEST_OK(mesh__payload_open_oneshot(message));
    TEST_OK(mesh__payload_unpack(message, 0, TYPE(inner), &value));
    CU_ASSERT_EQUAL(((Vectors__Inner *)value)->x, 5);
    free_message(message);

    message = from_hex("0a000a00", "");
    CU_ASSERT_EQUAL(mesh__payload_open_oneshot(message), MESH_E_VALUE);
    CU_ASSERT_FALSE(message->has_value);
    free_message(message);
}

static void test_wraps(void)
{
    slots_t *slots = new_slots();
    Vectors__Inner inner = VECTORS__INNER__INIT;
    Vectors__Ports ports = VECTORS__PORTS__INIT;

    check_packed(&inner, MESH__WRAP_NONE, "");
    check_packed(&inner, MESH__WRAP_CHANNEL, "0a00");
    check_packed(&inner, MESH__WRAP_ONESHOT, "");
    inner.x = 1;
    check_packed(&inner, MESH__WRAP_CHANNEL, "0a020801");
    check_packed(&inner, MESH__WRAP_ONESHOT, "0a020801");
    ports.p = slots->pointers;
    ports.n_p = 2;
    check_packed(&ports, MESH__WRAP_CHANNEL, "0e02020f0f");
    check_packed(&ports, MESH__WRAP_ONESHOT, "0e02020f0f");
}

static void test_optional(void)
{
    Optional__Optional m = OPTIONAL__OPTIONAL__INIT;
    const ProtobufCMessageDescriptor *type = &optional__optional__descriptor;

    check_packed(&m, MESH__WRAP_NONE, "");
    m.has_n = 1;
    m.has_y = 1;
    check_packed(&m, MESH__WRAP_NONE, "08001a00");
    check_same(type, "", "");
    check_same(type, "080012001a0022002f", "P");
    check_same(type, "2601012f", "P");
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"utf8", test_utf8},
        {"scalars", test_scalars},
        {"ranges", test_ranges},
        {"repeated", test_repeated},
        {"strings", test_strings},
        {"borrowed", test_borrowed},
        {"wire", test_wire},
        {"oneofs", test_oneofs},
        {"messages", test_messages},
        {"maps", test_maps},
        {"required", test_required},
        {"resources", test_resources},
        {"resources-refused", test_resources_refused},
        {"naked-slot", test_naked_slot},
        {"by-name", test_by_name},
        {"unpack-again", test_unpack_again},
        {"commit", test_commit},
        {"raw-message", test_raw_message},
        {"channel", test_channel},
        {"channel-value", test_channel_value},
        {"oneshot", test_oneshot},
        {"wraps", test_wraps},
        {"optional", test_optional},
        {NULL, NULL},
    };

    return test_main(argc, argv, "payload", cases);
}
