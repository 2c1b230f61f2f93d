/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory - the arena, pinned ranges, and the one look-up of addresses.
 *
 * Lock: a reader-writer lock, innermost. Kernels look addresses up as readers; whoever
 * allocates or frees writes. Pages go back to the system before the range does, so that
 * nobody's new bytes are thrown away.
 */
#include "soft/memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "account/account.h"
#include "base/log.h"
#include "soft/heap.h"
#include "soft/settings.h"

#define PAGE ((uint64_t)4096)

struct range {
    uint64_t base, size;
    struct vg_context *context;
    uint64_t id;
    unsigned flags;
    bool is_registered;
};

static struct {
    pthread_rwlock_t lock;
    struct vg_heap heap;
    uint64_t total;
    struct range *ranges; /* sorted by base */
    size_t n_ranges, capacity;
    uint64_t next_id;
} memory = { .lock = PTHREAD_RWLOCK_INITIALIZER, .next_id = (uint64_t)1 << 40 };

static void
read_lock(void)
{
    pthread_rwlock_rdlock(&memory.lock);
}

static void
write_lock(void)
{
    pthread_rwlock_wrlock(&memory.lock);
}

static void
unlock(void)
{
    pthread_rwlock_unlock(&memory.lock);
}

static bool
map_at(uint64_t base, uint64_t size)
{
    void *wanted = (void *)(uintptr_t)base; // NOLINT(performance-no-int-to-ptr)
    void *got =
        mmap(wanted, size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == MAP_FAILED) {
        return false;
    }
    if (got != wanted) { /* a kernel that does not know FIXED_NOREPLACE */
        munmap(got, size);
        errno = EEXIST;
        return false;
    }
    madvise(got, size, MADV_DONTDUMP);
    madvise(got, size, MADV_DONTFORK);
    return true;
}

CUresult
vg_memory_init(uint64_t size)
{
    static const uint64_t places[] = { 0x550000000000, 0x400000000000, 0x200000000000 };
    const struct vg_settings *settings = vg_settings_get();
    if (settings->arena_size != 0) {
        if (!map_at(settings->arena_base, settings->arena_size)) {
            vg_log(VG_LOG_ERROR, "cannot map device memory at %#llx: %s (RLIMIT_AS?)",
                   (unsigned long long)settings->arena_base, strerror(errno));
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
        vg_heap_init(&memory.heap, settings->arena_base, settings->arena_size);
        memory.total = size;
        return CUDA_SUCCESS;
    }
    /* twice the size, so that holes between blocks never make us refuse what is free */
    size = (size + PAGE - 1) & ~(PAGE - 1);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (map_at(places[i], 2 * size)) {
            vg_heap_init(&memory.heap, places[i], 2 * size);
            memory.total = size;
            return CUDA_SUCCESS;
        }
    }
    vg_log(VG_LOG_ERROR, "cannot map %llu bytes of device memory: %s (RLIMIT_AS?)",
           (unsigned long long)size, strerror(errno));
    return CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult
vg_memory_alloc(struct vg_context *context, uint64_t size, uint64_t align,
                enum vg_memory_kind kind, uint64_t *out)
{
    write_lock();
    struct vg_heap_block *block = NULL;
    uint64_t room = memory.total - memory.heap.used;
    int r = -ENOMEM;
    if (size <= room && ((size + VG_HEAP_ALIGN - 1) & ~(VG_HEAP_ALIGN - 1)) <= room) {
        r = vg_heap_alloc(&memory.heap, size, align, &block);
    }
    if (r == 0 && !vg_account_set_used(memory.heap.used)) {
        /* other processes have the rest of the device */
        vg_heap_free(&memory.heap, block->base, NULL);
        r = -ENOMEM;
    }
    if (r == 0) {
        block->owner = context;
        block->tag = (uint32_t)kind;
        block->pool = NULL;
        *out = block->base;
    }
    unlock();
    return r == 0 ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

bool
vg_memory_claim(uint64_t base)
{
    write_lock();
    struct vg_heap_block *block = vg_heap_find(&memory.heap, base);
    bool ok = block != NULL && block->base == base &&
              (block->tag == VG_MEMORY_DEVICE || block->tag == VG_MEMORY_MANAGED ||
               block->tag == VG_MEMORY_POOL);
    if (ok) {
        block->tag = VG_MEMORY_FREEING;
    }
    unlock();
    return ok;
}

static void
give_pages_back(uint64_t base, uint64_t size)
{
    uint64_t first = (base + PAGE - 1) & ~(PAGE - 1);
    uint64_t last = (base + size) & ~(PAGE - 1);
    if (first < last) {
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        madvise((void *)(uintptr_t)first, last - first, MADV_DONTNEED);
    }
}

void
vg_memory_release(uint64_t base)
{
    read_lock();
    struct vg_heap_block *block = vg_heap_find(&memory.heap, base);
    uint64_t size = block != NULL ? block->reserved : 0;
    unlock();
    give_pages_back(base, size);
    write_lock();
    vg_heap_free(&memory.heap, base, NULL);
    vg_account_set_used(memory.heap.used);
    unlock();
}

void
vg_memory_set_pool(uint64_t base, void *pool)
{
    write_lock();
    struct vg_heap_block *block = vg_heap_find(&memory.heap, base);
    if (block != NULL) {
        block->pool = pool;
    }
    unlock();
}

/* --- host ranges --- */

static size_t
range_upper(uint64_t address)
{
    size_t low = 0, high = memory.n_ranges;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memory.ranges[middle].base <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct range *
range_find(uint64_t address)
{
    size_t index = range_upper(address);
    if (index == 0) {
        return NULL;
    }
    struct range *range = &memory.ranges[index - 1];
    return address - range->base < range->size ? range : NULL;
}

static bool
range_overlaps(uint64_t base, uint64_t size)
{
    size_t index = range_upper(base);
    if (index < memory.n_ranges && memory.ranges[index].base - base < size) {
        return true;
    }
    return range_find(base) != NULL;
}

static CUresult
range_add(const struct range *range)
{
    if (memory.n_ranges == memory.capacity) {
        size_t capacity = memory.capacity != 0 ? 2 * memory.capacity : 16;
        void *grown = realloc(memory.ranges, capacity * sizeof *memory.ranges);
        if (grown == NULL) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
        memory.ranges = grown;
        memory.capacity = capacity;
    }
    size_t index = range_upper(range->base);
    memmove(&memory.ranges[index + 1], &memory.ranges[index],
            (memory.n_ranges - index) * sizeof *memory.ranges);
    memory.ranges[index] = *range;
    memory.ranges[index].id = memory.next_id++;
    memory.n_ranges++;
    return CUDA_SUCCESS;
}

static void
range_remove(struct range *range)
{
    size_t index = (size_t)(range - memory.ranges);
    memory.n_ranges--;
    memmove(range, range + 1, (memory.n_ranges - index) * sizeof *range);
}

CUresult
vg_memory_alloc_host(struct vg_context *context, uint64_t size, unsigned flags,
                     void **out)
{
    uint64_t rounded = (size + PAGE - 1) & ~(PAGE - 1);
    if (rounded < size) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    void *pointer =
        mmap(NULL, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pointer == MAP_FAILED) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    struct range range = { .base = (uintptr_t)pointer, .size = size, .context = context };
    range.flags = flags;
    write_lock();
    CUresult r = range_add(&range);
    unlock();
    if (r != CUDA_SUCCESS) {
        munmap(pointer, rounded);
        return r;
    }
    *out = pointer;
    return CUDA_SUCCESS;
}

CUresult
vg_memory_free_host(void *pointer)
{
    write_lock();
    struct range *range = range_find((uintptr_t)pointer);
    if (range == NULL || range->base != (uintptr_t)pointer || range->is_registered) {
        unlock();
        return CUDA_ERROR_INVALID_VALUE;
    }
    uint64_t size = range->size;
    range_remove(range);
    unlock();
    munmap(pointer, (size + PAGE - 1) & ~(PAGE - 1));
    return CUDA_SUCCESS;
}

CUresult
vg_memory_register(struct vg_context *context, void *pointer, uint64_t size,
                   unsigned flags)
{
    uint64_t base = (uintptr_t)pointer;
    if (size == 0 || pointer == NULL || base + size < base) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    write_lock();
    CUresult r = CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
    if (!range_overlaps(base, size)) {
        struct range range = { .base = base, .size = size, .context = context };
        range.flags = flags;
        range.is_registered = true;
        r = range_add(&range);
    }
    unlock();
    return r;
}

CUresult
vg_memory_unregister(void *pointer)
{
    write_lock();
    struct range *range = range_find((uintptr_t)pointer);
    CUresult r = CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
    if (range != NULL && range->is_registered) {
        r = CUDA_ERROR_INVALID_VALUE;
        if (range->base == (uintptr_t)pointer) {
            range_remove(range);
            r = CUDA_SUCCESS;
        }
    }
    unlock();
    return r;
}

void
vg_memory_end_context(struct vg_context *context)
{
    write_lock();
    for (size_t i = memory.heap.n_blocks; i-- > 0;) {
        struct vg_heap_block block = memory.heap.blocks[i];
        if (block.owner == context) {
            give_pages_back(block.base, block.reserved);
            vg_heap_free(&memory.heap, block.base, NULL);
        }
    }
    vg_account_set_used(memory.heap.used);
    for (size_t i = memory.n_ranges; i-- > 0;) {
        struct range range = memory.ranges[i];
        if (range.context != context) {
            continue;
        }
        range_remove(&memory.ranges[i]);
        if (!range.is_registered) {
            // NOLINTNEXTLINE(performance-no-int-to-ptr)
            munmap((void *)(uintptr_t)range.base, (range.size + PAGE - 1) & ~(PAGE - 1));
        }
    }
    unlock();
}

/* --- look-up --- */

bool
vg_memory_lookup(uint64_t address, struct vg_memory_facts *out)
{
    bool found = false;
    read_lock();
    struct vg_heap_block *block = vg_heap_find(&memory.heap, address);
    struct range *range = block == NULL ? range_find(address) : NULL;
    if (block != NULL && block->tag != VG_MEMORY_FREEING) {
        *out = (struct vg_memory_facts){
            .kind = (enum vg_memory_kind)block->tag,
            .base = block->base,
            .size = block->size,
            .context = block->owner,
            .pool = block->pool,
            .id = block->id,
        };
        found = true;
    } else if (range != NULL) {
        *out = (struct vg_memory_facts){
            .kind = range->is_registered ? VG_MEMORY_REGISTERED : VG_MEMORY_HOST,
            .base = range->base,
            .size = range->size,
            .context = range->context,
            .id = range->id,
            .flags = range->flags,
        };
        found = true;
    }
    unlock();
    return found;
}

bool
vg_memory_resolve(uint64_t address, uint64_t *lo, uint64_t *hi, bool *read_only)
{
    bool found = true;
    read_lock();
    struct vg_heap_block *block = vg_heap_find(&memory.heap, address);
    struct range *range = block == NULL ? range_find(address) : NULL;
    if (block != NULL) {
        /* the slack up to the next 256 bytes too: devices map whole pages, and loads of
         * a vector may look past the end */
        *lo = block->base;
        *hi = block->base + block->reserved;
        *read_only = block->tag == VG_MEMORY_CONSTANT;
    } else if (range != NULL) {
        *lo = range->base;
        *hi = range->base + range->size;
        *read_only = false;
    } else {
        found = false;
    }
    unlock();
    return found;
}

bool
vg_memory_contains(uint64_t address, uint64_t size)
{
    struct vg_memory_facts facts;
    if (!vg_memory_lookup(address, &facts)) {
        return false;
    }
    return size <= facts.size - (address - facts.base);
}

bool
vg_memory_is_known(uint64_t address)
{
    struct vg_memory_facts facts;
    return vg_memory_lookup(address, &facts);
}

bool
vg_memory_is_arena(uint64_t address)
{
    return address - memory.heap.base < memory.heap.size; /* neither ever changes */
}

uint64_t
vg_memory_total(void)
{
    return memory.total; /* never changes */
}

uint64_t
vg_memory_room(void)
{
    const uint64_t others = vg_account_others_lately();
    read_lock();
    const uint64_t left = memory.total - memory.heap.used;
    unlock();
    return left > others ? left - others : 0;
}

void
vg_memory_info(uint64_t *out_free, uint64_t *out_total)
{
    uint64_t others = vg_account_others();
    read_lock();
    uint64_t left = memory.total - memory.heap.used;
    *out_free = left > others ? left - others : 0;
    *out_total = memory.total;
    unlock();
}
