/* SPDX-License-Identifier: Apache-2.0 */

/*
 * wire_harness - see wire_harness.h. Six properties of every call with generated code:
 * T1 what goes in and out arrives; T2 sizes are exactly those of the description; T3
 * every field matters; T4 every truncation is refused and reaches no driver; T5 no
 * corrupted word crashes; T6 a claim in a message allocates no more than the message can
 * back up, or the array limit. And what fails hands out no object.
 */

#include "wire_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "front/driver.h"

static struct wire_run *now;
static vg_dispatch_fn now_dispatch;
static size_t allocated;

/* --- values --- */

static uint64_t
mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

uint64_t
wire_number(struct wire_run *run)
{
    int index = run->index++;

    return mix(run->seed + (uint64_t)index) ^ (index == run->mutate ? 1U : 0U);
}

uint64_t
wire_count(struct wire_run *run)
{
    return 3 + (wire_number(run) & 1) * 2;
}

uint64_t
wire_handle(struct wire_run *run, enum vg_id_type type)
{
    return vg_id_make(type, false, 1, (uint32_t)wire_number(run) & VG_ID_INDEX_MAX);
}

const char *
wire_string(struct wire_run *run)
{
    return (wire_number(run) & 1) != 0 ? "first_name" : "other_names";
}

void
wire_fill(struct wire_run *run, void *out, size_t size)
{
    uint64_t value = wire_number(run);
    uint8_t *bytes = out;

    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(mix(value + i) | 1);
    }
}

struct wire_run *
wire_driver_called(void)
{
    now->driver_calls++;
    return now;
}

int
wire_result(const struct wire_run *run)
{
    return run->failing ? 1 : 0;
}

void
wire_new(struct wire_run *run, uint64_t handle)
{
    run->new_returned = handle == run->named;
}

/* --- the worker's part --- */

int
vg_worker_ready(struct vg_worker_call *call)
{
    return vg_dec_done(&call->req) ? (int)call->stale : VG_CLIENT_VIOLATION;
}

void *
vg_worker_alloc(struct vg_worker_call *call, size_t size)
{
    void *memory = calloc(1, size);

    assert_true(call->scratch_count < 8);
    allocated += size;
    return vg_worker_own(call, memory);
}

void *
vg_worker_own(struct vg_worker_call *call, void *heap)
{
    if (heap != NULL) {
        call->scratch[call->scratch_count++] = heap;
    }
    return heap;
}

void *
vg_worker_get_handle_or_null(struct vg_worker_call *call, enum vg_id_type type)
{
    vg_id id = vg_get_id(&call->req);

    if (id != 0 && vg_id_type_of(id) != type) {
        call->stale = CUDA_ERROR_INVALID_HANDLE;
        return NULL;
    }
    return vg_id_to_handle(id);
}

void *
vg_worker_get_handle(struct vg_worker_call *call, enum vg_id_type type)
{
    void *object = vg_worker_get_handle_or_null(call, type);

    if (object == NULL) {
        call->stale = CUDA_ERROR_INVALID_HANDLE;
    }
    return object;
}

CUstream
vg_worker_get_stream(struct vg_worker_call *call)
{
    return vg_worker_get_handle(call, VG_ID_STREAM);
}

CUfunction
vg_worker_get_function(struct vg_worker_call *call)
{
    return vg_worker_get_handle(call, VG_ID_FUNC);
}

CUdevice
vg_worker_get_device(struct vg_worker_call *call)
{
    return vg_get_i32(&call->req);
}

vg_id
vg_worker_get_new(struct vg_worker_call *call, enum vg_id_type type)
{
    vg_id id = vg_get_id(&call->req);

    if (vg_id_type_of(id) != type) {
        vg_dec_fail(&call->req);
    }
    return id;
}

int
vg_worker_name(struct vg_worker_call *call, vg_id id, void *object)
{
    (void)call;
    now->worker_named = object != NULL ? id : 0;
    return 0;
}

void *
vg_worker_get_dead(struct vg_worker_call *call, enum vg_id_type type, vg_id *out_id)
{
    void *object = vg_worker_get_handle(call, type);

    *out_id = vg_id_from_handle(object);
    return object;
}

void
vg_worker_forget(struct vg_worker_call *call, vg_id id)
{
    (void)call;
    assert_int_not_equal(id, 0);
}

void
vg_worker_put_handle(struct vg_worker_call *call, enum vg_id_type type, void *object)
{
    assert_int_equal(vg_id_type_of(vg_id_from_handle(object)), type);
    vg_put_id(&call->rep, vg_id_from_handle(object));
}

/* Runs a dispatch function over a copy of @size bytes that is exactly as large. */
static int
dispatch(const void *bytes, size_t size, struct vg_enc *out_reply)
{
    struct vg_worker_call call = { 0 };
    uint8_t *copy = malloc(size + (size == 0));
    int result;

    assert_non_null(copy);
    if (size != 0) {
        memcpy(copy, bytes, size);
    }
    allocated = 0;
    vg_dec_init(&call.req, copy, size);
    vg_enc_init(&call.rep, NULL, 0);
    result = now_dispatch(&call);
    for (unsigned i = 0; i < call.scratch_count; i++) {
        free(call.scratch[i]);
    }
    if (result != 0 && !call.body_on_error) {
        call.rep.size = 0;
    }
    if (out_reply != NULL) {
        *out_reply = call.rep;
    } else {
        vg_enc_fini(&call.rep);
    }
    free(copy);
    return result;
}

/* --- the client's part --- */

CUstream
vg_front_default_stream(void)
{
    return CU_STREAM_LEGACY;
}

int
vg_front_physical(CUdevice device)
{
    return device;
}

CUdevice
vg_front_ordinal(int physical)
{
    return physical;
}

void
vg_call_begin(struct vg_call *call, unsigned number)
{
    memset(call, 0, sizeof(*call));
    call->number = (uint16_t)number;
    vg_enc_init(&call->req, call->inline_buffer, sizeof(call->inline_buffer));
}

void
vg_call_fail(struct vg_call *call, CUresult result)
{
    if (call->result == CUDA_SUCCESS) {
        call->result = result;
    }
}

static void
exchange(struct vg_call *call)
{
    struct vg_enc reply;
    size_t size;
    int result;

    assert_false(vg_enc_failed(&call->req));
    now->request = malloc(call->req.size + 1);
    assert_non_null(now->request);
    now->request_bytes = call->req.size;
    if (call->req.size != 0) {
        memcpy(now->request, call->req.data, call->req.size);
    }
    result = dispatch(now->request, now->request_bytes, &reply);
    vg_call_fail(call, (CUresult)result);
    now->reply_bytes = reply.size;
    size = reply.size - (now->reply_cut < reply.size ? now->reply_cut : reply.size);
    call->reply = malloc(size + 1);
    assert_non_null(call->reply);
    if (size != 0) {
        memcpy(call->reply, reply.data, size);
    }
    vg_dec_init(&call->rep, call->reply, size);
    vg_enc_fini(&reply);
}

void
vg_call_post(struct vg_call *call)
{
    if (call->result == CUDA_SUCCESS) {
        exchange(call);
        assert_int_equal(now->reply_bytes, 0);
    }
}

bool
vg_call_wait(struct vg_call *call, size_t reply_size)
{
    if (call->result != CUDA_SUCCESS) {
        return false;
    }
    exchange(call);
    if (call->result == CUDA_SUCCESS && vg_dec_left(&call->rep) != reply_size) {
        call->result = CUDA_ERROR_UNKNOWN;
    }
    return call->result == CUDA_SUCCESS;
}

CUresult
vg_call_end(struct vg_call *call)
{
    if (call->result == CUDA_SUCCESS) {
        /* what was announced has been read, all of it */
        assert_true(vg_dec_done(&call->rep));
    }
    vg_enc_fini(&call->req);
    free(call->reply);
    return call->result;
}

void
vg_call_put_handle_or_null(struct vg_call *call, enum vg_id_type type, const void *handle)
{
    vg_id id = vg_id_from_handle(handle);

    if (id != 0 && vg_id_type_of(id) != type) {
        vg_call_fail(call, CUDA_ERROR_INVALID_HANDLE);
    }
    vg_put_id(&call->req, id);
}

void
vg_call_put_handle(struct vg_call *call, enum vg_id_type type, const void *handle)
{
    vg_call_put_handle_or_null(call, type, handle);
    if (handle == NULL) {
        vg_call_fail(call, CUDA_ERROR_INVALID_HANDLE);
    }
}

void
vg_call_put_stream(struct vg_call *call, CUstream stream)
{
    vg_call_put_handle(call, VG_ID_STREAM, stream);
}

void
vg_call_put_function(struct vg_call *call, const void *function)
{
    vg_call_put_handle(call, VG_ID_FUNC, function);
}

void
vg_call_put_device(struct vg_call *call, CUdevice device)
{
    vg_put_i32(&call->req, device);
}

void *
vg_call_put_new(struct vg_call *call, enum vg_id_type type)
{
    now->named = vg_id_make(type, false, 7, 77);
    vg_put_id(&call->req, now->named);
    return vg_id_to_handle(now->named);
}

void
vg_call_put_dead(struct vg_call *call, enum vg_id_type type, const void *handle)
{
    vg_call_put_handle(call, type, handle);
}

void *
vg_call_get_handle(struct vg_call *call, enum vg_id_type type, vg_id parent)
{
    vg_id id = vg_get_id(&call->rep);

    (void)parent;
    assert_int_equal(vg_id_type_of(id), type);
    return vg_id_to_handle(id);
}

/* --- runs --- */

static void
run_init(struct wire_run *run, const struct wire_test *test, uint64_t seed)
{
    memset(run, 0, sizeof(*run));
    run->seed = seed;
    run->mutate = -1;
    vg_enc_init(&run->sent, NULL, 0);
    vg_enc_init(&run->seen, NULL, 0);
    vg_enc_init(&run->given, NULL, 0);
    vg_enc_init(&run->got, NULL, 0);
    now = run;
    now_dispatch = test->dispatch;
}

static CUresult
run_begin(struct wire_run *run, const struct wire_test *test, uint64_t seed, int mutate,
          bool absent)
{
    run_init(run, test, seed);
    run->mutate = mutate;
    run->absent = absent;
    return test->run(run);
}

static void
run_end(struct wire_run *run)
{
    vg_enc_fini(&run->sent);
    vg_enc_fini(&run->seen);
    vg_enc_fini(&run->given);
    vg_enc_fini(&run->got);
    free(run->request);
}

static void
assert_equal_bytes(const struct wire_test *test, const struct vg_enc *a,
                   const struct vg_enc *b)
{
    if (a->size != b->size || (a->size != 0 && memcmp(a->data, b->data, a->size) != 0)) {
        fail_msg("%s: what arrived is not what was passed", test->name);
    }
}

static void
test_round_trip(void **state)
{
    struct wire_run run;

    (void)state;
    for (size_t i = 0; i < wire_test_count; i++) {
        for (uint64_t seed = 1; seed <= 6; seed++) {
            assert_int_equal(
                run_begin(&run, &wire_tests[i], seed * 1000, -1, seed % 2 == 0),
                CUDA_SUCCESS);
            assert_int_equal(run.driver_calls, 1);
            assert_equal_bytes(&wire_tests[i], &run.sent, &run.seen);
            assert_equal_bytes(&wire_tests[i], &run.given, &run.got);
            if (run.named != 0) {
                assert_int_equal(run.worker_named, run.named);
                assert_true(run.new_returned);
            }
            run_end(&run);
        }
    }
}

static void
check_exact_size(const struct wire_test *test, bool absent)
{
    struct wire_run run;

    run_begin(&run, test, 5, -1, absent);
    if (run.request_bytes != run.request_size) {
        fail_msg("%s: %zu bytes sent, %zu promised", test->name, run.request_bytes,
                 run.request_size);
    }
    run_end(&run);
}

static void
test_exact_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < wire_test_count; i++) {
        check_exact_size(&wire_tests[i], false);
        check_exact_size(&wire_tests[i], true);
    }
}

static void
check_fields(const struct wire_test *test)
{
    struct wire_run base;
    struct wire_run run;

    run_begin(&base, test, 9, -1, false);
    for (int field = 0; field < base.fields; field++) {
        run_begin(&run, test, 9, field, false);
        if (run.request_bytes == base.request_bytes &&
            memcmp(run.request, base.request, base.request_bytes) == 0) {
            fail_msg("%s: value %d does not matter", test->name, field);
        }
        run_end(&run);
    }
    run_end(&base);
}

static void
test_every_field_matters(void **state)
{
    (void)state;
    for (size_t i = 0; i < wire_test_count; i++) {
        check_fields(&wire_tests[i]);
    }
}

static void
test_truncation(void **state)
{
    struct wire_run run;

    (void)state;
    for (size_t i = 0; i < wire_test_count; i++) {
        size_t reply;

        run_begin(&run, &wire_tests[i], 11, -1, false);
        reply = run.reply_bytes;
        run.driver_calls = 0;
        for (size_t size = 0; size < run.request_bytes; size++) {
            assert_int_equal(dispatch(run.request, size, NULL), VG_CLIENT_VIOLATION);
        }
        /* the buffer has one byte more than was sent */
        run.request[run.request_bytes] = 0;
        assert_int_equal(dispatch(run.request, run.request_bytes + 1, NULL),
                         VG_CLIENT_VIOLATION);
        assert_int_equal(run.driver_calls, 0);
        run_end(&run);
        for (size_t cut = 1; cut <= reply; cut++) {
            run_init(&run, &wire_tests[i], 11);
            run.reply_cut = cut;
            assert_int_not_equal(wire_tests[i].run(&run), CUDA_SUCCESS);
            run_end(&run);
        }
    }
}

/* A call that fails hands out nothing, unless it is one that returns something then. */
static void
test_failure(void **state)
{
    struct wire_run run;

    (void)state;
    for (size_t i = 0; i < wire_test_count; i++) {
        run_init(&run, &wire_tests[i], 19);
        run.failing = true;
        assert_int_equal(wire_tests[i].run(&run), 1);
        assert_false(run.new_returned);
        assert_int_equal(run.worker_named, 0);
        if (wire_tests[i].on_error) {
            assert_equal_bytes(&wire_tests[i], &run.given, &run.got);
        } else {
            assert_int_equal(run.reply_bytes, 0);
        }
        run_end(&run);
    }
}

static void
test_corruption(void **state)
{
    static const uint32_t patterns[] = {
        0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 100000
    };
    struct wire_run run;

    (void)state;
    for (size_t i = 0; i < wire_test_count; i++) {
        run_begin(&run, &wire_tests[i], 13, -1, false);
        for (size_t at = 0; at + 4 <= run.request_bytes; at++) {
            for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
                uint8_t kept[4];

                memcpy(kept, run.request + at, 4);
                memcpy(run.request + at, &patterns[p], 4);
                dispatch(run.request, run.request_bytes, NULL);
                memcpy(run.request + at, kept, 4);
            }
        }
        run_end(&run);
    }
}

static void
check_allocation(const struct wire_test *test, struct wire_run *run, size_t bit)
{
    uint8_t *byte = run->request + bit / 8;
    const uint8_t kept = *byte;
    const size_t limit = test->returns_array ? 3 * VG_ARRAY_MAX * sizeof(uint64_t)
                                             : run->request_bytes * 4;

    *byte ^= (uint8_t)(1U << bit % 8);
    dispatch(run->request, run->request_bytes, NULL);
    *byte = kept;
    if (allocated > limit) {
        fail_msg("%s: %zu bytes for a message of %zu", test->name, allocated,
                 run->request_bytes);
    }
}

static void
test_allocation_cap(void **state)
{
    struct wire_run run;

    (void)state;
    for (size_t i = 0; i < wire_test_count; i++) {
        run_begin(&run, &wire_tests[i], 17, -1, false);
        for (size_t bit = 0; bit < run.request_bytes * 8; bit++) {
            check_allocation(&wire_tests[i], &run, bit);
        }
        run_end(&run);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_exact_size),
        cmocka_unit_test(test_every_field_matters),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_corruption),
        cmocka_unit_test(test_allocation_cap),
    };

    wire_driver_load();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
