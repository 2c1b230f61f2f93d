/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pointer - what an address is: answered here for pinned and managed memory, asked of the
 * worker for device memory. Anything else is unknown to CUDA.
 */
#include <string.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "shim/call.h"
#include "shim/conn.h"
#include "shim/memory.h"

/* Bytes that an attribute takes at the program's address; 0 for one that is unknown. */
static size_t
size_of(CUpointer_attribute attribute)
{
    static const uint8_t sizes[] = {
        [CU_POINTER_ATTRIBUTE_CONTEXT] = 8,
        [CU_POINTER_ATTRIBUTE_MEMORY_TYPE] = 4,
        [CU_POINTER_ATTRIBUTE_DEVICE_POINTER] = 8,
        [CU_POINTER_ATTRIBUTE_HOST_POINTER] = 8,
        [CU_POINTER_ATTRIBUTE_SYNC_MEMOPS] = 4,
        [CU_POINTER_ATTRIBUTE_BUFFER_ID] = 8,
        [CU_POINTER_ATTRIBUTE_IS_MANAGED] = 4,
        [CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL] = 4,
        [CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE] = 4,
        [CU_POINTER_ATTRIBUTE_RANGE_START_ADDR] = 8,
        [CU_POINTER_ATTRIBUTE_RANGE_SIZE] = 8,
        [CU_POINTER_ATTRIBUTE_MAPPED] = 4,
        [CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES] = 8,
        [CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE] = 4,
        [CU_POINTER_ATTRIBUTE_ACCESS_FLAGS] = 4,
        [CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE] = 8,
        [CU_POINTER_ATTRIBUTE_MAPPING_SIZE] = 8,
        [CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR] = 8,
        [CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID] = 8,
    };

    return (size_t)attribute < sizeof(sizes) ? sizes[attribute] : 0;
}

static uint64_t
ordinal_of(vg_id context)
{
    struct vg_context_facts facts;

    if (vg_driver_context_facts((CUcontext)vg_id_to_handle(context), &facts) !=
        CUDA_SUCCESS) {
        return (uint64_t)CU_DEVICE_INVALID;
    }
    return (uint64_t)vg_front_ordinal(facts.physical);
}

/* Host memory that CUDA knows: pinned, managed, or registered pages. */
static CUresult
host_value(CUpointer_attribute attribute, uint64_t address,
           const struct vg_window_block *block, bool is_mapped, uint64_t *out)
{
    const bool managed = (block->flags & VG_WINDOW_MANAGED) != 0;

    switch ((int)attribute) {
    case CU_POINTER_ATTRIBUTE_CONTEXT:
        *out = block->context;
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
        *out = managed ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
        *out = address;
        return is_mapped ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
        *out = address;
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_BUFFER_ID:
    case CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID:
        *out = block->base >> 12; /* unique among what lives at the same time */
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
        *out = managed;
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
        *out = ordinal_of(block->context);
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
        *out = block->base;
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
        *out = block->size;
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_MAPPED:
        *out = is_mapped;
        return CUDA_SUCCESS;
    default:
        *out = 0;
        return CUDA_SUCCESS;
    }
}

static CUresult
device_value(CUpointer_attribute attribute, uint64_t address, uint64_t *out)
{
    struct vg_call call;

    vg_call_begin(&call, VG_CUDA_cuPointerGetAttribute);
    vg_put_i32(&call.req, (int32_t)attribute);
    vg_put_u64(&call.req, address);
    if (vg_call_wait(&call, 8)) {
        if (attribute == CU_POINTER_ATTRIBUTE_CONTEXT) {
            *out = vg_id_from_handle(vg_call_get_handle(&call, VG_ID_CTX, 0));
        } else if (attribute == CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE) {
            *out = vg_id_from_handle(vg_call_get_handle(&call, VG_ID_POOL, 0));
        } else {
            *out = vg_get_u64(&call.rep);
        }
        if (attribute == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL) {
            *out = (uint64_t)vg_front_ordinal((int)*out);
        }
    }
    return vg_call_end(&call);
}

static CUresult
value_of(CUpointer_attribute attribute, uint64_t address, uint64_t *out)
{
    struct vg_window_block block;

    if (vg_is_device_address(address)) {
        return device_value(attribute, address, out);
    }
    if (vg_window_find(address, &block)) {
        return host_value(attribute, address, &block, true, out);
    }
    if (vg_registered_find(address, &block)) {
        return host_value(attribute, address, &block, false, out);
    }
    return CUDA_ERROR_INVALID_VALUE;
}

CUresult
vg_drv_cuPointerGetAttribute(void *data, CUpointer_attribute attribute, CUdeviceptr ptr)
{
    const size_t size = size_of(attribute);
    uint64_t value = 0;

    if (data == NULL || size == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const CUresult result = value_of(attribute, ptr, &value);
    if (result == CUDA_SUCCESS) {
        memcpy(data, &value, size); /* little-endian: the low bytes */
    }
    return result;
}

/* An unknown address is no error here: every value is then that of "nothing". */
CUresult
vg_drv_cuPointerGetAttributes(unsigned int count, CUpointer_attribute *attributes,
                              void **data, CUdeviceptr ptr)
{
    if (count == 0 || attributes == NULL || data == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (unsigned i = 0; i < count; i++) {
        const size_t size = size_of(attributes[i]);
        uint64_t value = 0;
        if (size == 0 || data[i] == NULL) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        const CUresult result = value_of(attributes[i], ptr, &value);
        if (result != CUDA_SUCCESS && result != CUDA_ERROR_INVALID_VALUE) {
            return result;
        }
        if (result != CUDA_SUCCESS) {
            value = attributes[i] == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL
                        ? (uint64_t)CU_DEVICE_INVALID
                        : 0;
        }
        memcpy(data[i], &value, size);
    }
    return CUDA_SUCCESS;
}
