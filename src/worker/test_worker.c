/* SPDX-License-Identifier: Apache-2.0 */
/* Id tables and ticket order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "worker/ids.h"
#include "worker/tickets.h"

static int objects[100000];

static void
client_names_and_the_worker_finds(void **state)
{
    struct vg_ids *ids = vg_ids_create();
    const vg_id id = vg_id_make(VG_ID_STREAM, false, 3, 700);

    (void)state;
    assert_int_equal(vg_ids_insert(ids, id, &objects[0], 0), 0);
    assert_int_equal(vg_ids_insert(ids, id, &objects[1], 0), VG_IDS_TAKEN);
    assert_ptr_equal(vg_ids_lookup(ids, id, VG_ID_STREAM), &objects[0]);
    assert_null(vg_ids_lookup(ids, id, VG_ID_EVENT));
    assert_null(
        vg_ids_lookup(ids, vg_id_make(VG_ID_STREAM, false, 4, 700), VG_ID_STREAM));
    vg_ids_forget(ids, id);
    assert_null(vg_ids_lookup(ids, id, VG_ID_STREAM));
    assert_int_equal(vg_ids_count(ids), 0);
    vg_ids_destroy(ids);
}

static void
bad_names_are_refused(void **state)
{
    struct vg_ids *ids = vg_ids_create();

    (void)state;
    assert_int_equal(vg_ids_insert(ids, 0, objects, 0), VG_IDS_TAKEN);
    assert_int_equal(vg_ids_insert(ids, 2, objects, 0), VG_IDS_TAKEN);
    assert_int_equal(vg_ids_insert(ids, UINT64_MAX, objects, 0), VG_IDS_TAKEN);
    /* the server space is not the client's to name; generation 0 is nobody's */
    assert_int_equal(vg_ids_insert(ids, vg_id_make(VG_ID_STREAM, true, 1, 0), objects, 0),
                     VG_IDS_TAKEN);
    assert_int_equal(
        vg_ids_insert(ids, vg_id_make(VG_ID_STREAM, false, 0, 0), objects, 0),
        VG_IDS_TAKEN);
    vg_ids_destroy(ids);
}

static void
same_object_has_the_same_id(void **state)
{
    struct vg_ids *ids = vg_ids_create();
    const vg_id mine = vg_id_make(VG_ID_CTX, false, 1, 0);

    (void)state;
    assert_int_equal(vg_ids_insert(ids, mine, &objects[5], 0), 0);
    assert_true(vg_ids_name(ids, VG_ID_CTX, &objects[5], 0, 0) == mine);

    const vg_id a = vg_ids_name(ids, VG_ID_GNODE, &objects[6], 0, 0);
    assert_true(vg_id_is_server(a));
    assert_true(vg_ids_name(ids, VG_ID_GNODE, &objects[6], 0, 0) == a);
    assert_true(vg_ids_name(ids, VG_ID_GRAPH, &objects[6], 0, 0) != a);
    vg_ids_forget(ids, a);
    const vg_id b = vg_ids_name(ids, VG_ID_GNODE, &objects[6], 0, 0);
    assert_true(b != a && vg_id_index(b) == vg_id_index(a));
    assert_null(vg_ids_lookup(ids, a, VG_ID_GNODE));
    vg_ids_destroy(ids);
}

static void
parts_go_with_their_whole(void **state)
{
    struct vg_ids *ids = vg_ids_create();
    const vg_id context = vg_id_make(VG_ID_CTX, false, 1, 0);
    const vg_id graph = vg_id_make(VG_ID_GRAPH, false, 1, 0);
    const vg_id stream = vg_id_make(VG_ID_STREAM, false, 1, 0);

    (void)state;
    assert_int_equal(vg_ids_insert(ids, context, &objects[0], 0), 0);
    assert_int_equal(vg_ids_insert(ids, graph, &objects[1], 0), 0);
    assert_int_equal(vg_ids_insert(ids, stream, &objects[2], context), 0);
    for (int i = 100; i < 1100; i++) {
        assert_true(vg_ids_name(ids, VG_ID_GNODE, &objects[i], 0, graph) != 0);
    }
    assert_int_equal(vg_ids_count(ids), 1003);
    vg_ids_forget(ids, graph);
    assert_int_equal(vg_ids_count(ids), 2);
    vg_ids_forget_context(ids, context);
    assert_int_equal(vg_ids_count(ids), 1);
    assert_non_null(vg_ids_lookup(ids, context, VG_ID_CTX));
    vg_ids_destroy(ids);
}

static void
many_objects_keep_their_ids(void **state)
{
    struct vg_ids *ids = vg_ids_create();
    vg_id *names = calloc(100000, sizeof(*names));

    (void)state;
    for (int i = 0; i < 100000; i++) {
        names[i] = vg_ids_name(ids, VG_ID_FUNC, &objects[i], 0, 0);
    }
    for (int i = 0; i < 100000; i += 97) {
        assert_ptr_equal(vg_ids_lookup(ids, names[i], VG_ID_FUNC), &objects[i]);
        assert_true(vg_ids_name(ids, VG_ID_FUNC, &objects[i], 0, 0) == names[i]);
    }
    free(names);
    vg_ids_destroy(ids);
}

/* --- tickets --- */

#define THREADS 4
#define TURNS   2000

static struct vg_tickets *tickets;
static _Atomic uint64_t order;
static _Atomic int wrong;

static void *
take_turns(void *arg)
{
    const uint64_t first = (uint64_t)(uintptr_t)arg;

    for (uint64_t i = 0; i < TURNS; i++) {
        const uint64_t ticket = 1 + first + i * THREADS;
        if (vg_tickets_enter(tickets, ticket) != 0 ||
            atomic_fetch_add(&order, 1) + 1 != ticket) {
            atomic_store(&wrong, 1);
        }
        vg_tickets_leave(tickets);
    }
    return NULL;
}

static void
turns_come_in_order_across_threads(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    tickets = vg_tickets_create();
    /* started in the wrong order on purpose */
    for (int i = THREADS - 1; i >= 0; i--) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, take_turns, (void *)(uintptr_t)i), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&wrong), 0);
    assert_int_equal(atomic_load(&order), THREADS * TURNS);
    assert_int_equal(vg_tickets_enter(tickets, 5), VG_TICKETS_USED);
    vg_tickets_destroy(tickets);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_names_and_the_worker_finds),
        cmocka_unit_test(bad_names_are_refused),
        cmocka_unit_test(same_object_has_the_same_id),
        cmocka_unit_test(parts_go_with_their_whole),
        cmocka_unit_test(many_objects_keep_their_ids),
        cmocka_unit_test(turns_come_in_order_across_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
