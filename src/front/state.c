/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - cuInit, fork, and whether a call may go on.
 *
 * One page is wiped by the kernel when the process forks: a mark in it tells a child from
 * its parent for the price of one read. The page is made at the first call, never at
 * load. A child of a process that had used CUDA is refused for good; one of a process
 * that had not starts afresh. Devices are enumerated once, by the first cuInit that
 * succeeds.
 */

#include "front/state.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cuda_front.h"
#include "front/front_priv.h"
#include "front/storage.h"
#include "front/visible.h"

enum phase {
    PHASE_NEW,
    PHASE_READY,
    PHASE_FORKED, /* the parent had used CUDA */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int phase = PHASE_NEW;
static _Atomic(volatile uint32_t *) mark;

/* Written under @lock before the phase becomes READY, then never again. */
static int visible[VG_DEVICE_MAX];
static int visible_count;

static bool
has_forked(void)
{
    /* pairs with the release store in make_mark: the mark is set before it is seen */
    volatile uint32_t *now = atomic_load_explicit(&mark, memory_order_acquire);

    return now != NULL && *now == 0;
}

static void
make_mark(void)
{
    void *page;
    volatile uint32_t *expected = NULL;
    const size_t size = (size_t)sysconf(_SC_PAGESIZE);

    if (atomic_load_explicit(&mark, memory_order_acquire) != NULL) {
        return;
    }
    page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return;
    }
    if (madvise(page, size, MADV_WIPEONFORK) != 0) {
        munmap(page, size); /* before Linux 4.14: a child is not told from its parent */
        return;
    }
    *(volatile uint32_t *)page = 1;
    if (!atomic_compare_exchange_strong_explicit(
            &mark, &expected, page, memory_order_acq_rel, memory_order_acquire)) {
        munmap(page, size); /* another thread was first */
    }
}

__attribute__((weak)) void
vg_driver_forked(void)
{
}

/* In a child only the thread that forked is left, so nothing here can race with it. */
static void
after_fork(void)
{
    const bool used = atomic_load_explicit(&phase, memory_order_relaxed) != PHASE_NEW;

    pthread_mutex_init(&lock, NULL); /* a thread of the parent may have held it */
    vg_storage_after_fork();
    atomic_store_explicit(&phase, used ? PHASE_FORKED : PHASE_NEW, memory_order_release);
    *atomic_load_explicit(&mark, memory_order_relaxed) = 1;
    if (!used) {
        vg_driver_forked();
    }
}

CUresult
vg_front_admit(enum vg_cuda_needs needs)
{
    struct vg_context_facts facts;

    if (has_forked()) {
        after_fork();
    }
    if (needs == VG_CUDA_NEEDS_NONE) {
        return CUDA_SUCCESS;
    }
    if (vg_front_self()->callbacks > 0) {
        return CUDA_ERROR_NOT_PERMITTED;
    }
    /* pairs with the release store in vg_front_cuInit: devices are known when it is set
     */
    if (atomic_load_explicit(&phase, memory_order_acquire) != PHASE_READY) {
        return CUDA_ERROR_NOT_INITIALIZED;
    }
    if (needs == VG_CUDA_NEEDS_CTX) {
        CUresult r = vg_front_context_facts(NULL, &facts);
        if (r != CUDA_SUCCESS) {
            return r;
        }
        if (!facts.is_active) {
            return CUDA_ERROR_CONTEXT_IS_DESTROYED;
        }
    }
    return CUDA_SUCCESS;
}

bool
vg_front_is_ready(void)
{
    return !has_forked() &&
           atomic_load_explicit(&phase, memory_order_acquire) == PHASE_READY;
}

/* Fills @visible from the environment as it is now. */
static void
enumerate(void)
{
    struct vg_visible_device devices[VG_DEVICE_MAX];
    int count = vg_driver_device_count();

    if (count > VG_DEVICE_MAX) {
        count = VG_DEVICE_MAX;
    }
    for (int i = 0; i < count; i++) {
        const struct vg_device_sheet *sheet = vg_driver_device(i);
        for (int byte = 0; byte < 16; byte++) {
            devices[i].uuid[byte] = (uint8_t)sheet->uuid.bytes[byte];
        }
        devices[i].pci_domain = sheet->attributes[CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID];
        devices[i].pci_bus = sheet->attributes[CU_DEVICE_ATTRIBUTE_PCI_BUS_ID];
        devices[i].pci_device = sheet->attributes[CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID];
    }
    visible_count = vg_visible_devices(devices, count, getenv("CUDA_VISIBLE_DEVICES"),
                                       getenv("CUDA_DEVICE_ORDER"), visible);
}

CUresult
vg_front_cuInit(unsigned int flags)
{
    CUresult r = CUDA_SUCCESS;

    if (flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    make_mark();
    if (vg_front_self()->callbacks > 0) {
        return CUDA_ERROR_NOT_PERMITTED;
    }
    if (vg_front_is_ready()) {
        return CUDA_SUCCESS;
    }
    pthread_mutex_lock(&lock);
    if (atomic_load_explicit(&phase, memory_order_relaxed) == PHASE_FORKED) {
        r = CUDA_ERROR_NOT_INITIALIZED;
    } else if (atomic_load_explicit(&phase, memory_order_relaxed) == PHASE_NEW) {
        r = vg_driver_init();
        if (r == CUDA_SUCCESS) {
            enumerate();
            r = visible_count == 0 ? CUDA_ERROR_NO_DEVICE : CUDA_SUCCESS;
        }
        if (r == CUDA_SUCCESS) {
            /* pairs with the acquire loads of readers */
            atomic_store_explicit(&phase, PHASE_READY, memory_order_release);
        }
    }
    pthread_mutex_unlock(&lock);
    return r;
}

CUresult
vg_front_cuDriverGetVersion(int *version)
{
    make_mark(); /* the driver may ask its host for it */
    return version == NULL ? CUDA_ERROR_INVALID_VALUE : vg_driver_version(version);
}

int
vg_front_visible_count(void)
{
    return vg_front_is_ready() ? visible_count : 0;
}

int
vg_front_physical(CUdevice device)
{
    return device >= 0 && device < vg_front_visible_count() ? visible[device] : -1;
}

CUdevice
vg_front_ordinal(int physical)
{
    for (int i = 0; i < vg_front_visible_count(); i++) {
        if (visible[i] == physical) {
            return i;
        }
    }
    return -1;
}

const struct vg_device_sheet *
vg_front_sheet(CUdevice device)
{
    int physical = vg_front_physical(device);

    return physical < 0 ? NULL : vg_driver_device(physical);
}
