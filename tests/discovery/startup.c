/* SPDX-License-Identifier: Apache-2.0 */
/*
 * startup - what NVIDIA's runtime does with a driver at a program's first call, by
 * itself.
 *
 * The order is the measured one: libcuda by name, every entry point by cuGetProcAddress,
 * the version, cuInit, private tables, loading mode, count, and for each device its
 * handle, primary context, name, memory, 111 attributes and UUID, at last the integrity
 * table. As in the runtime, one failure among them is the end. The entry points that are
 * asked for are lines of src/front/testdata/lookups.txt, whose path is in
 * DISCOVERY_LOOKUPS.
 */
#include "discovery.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "front/interop/handshake.h"

/* errors that the runtime gives for what it cannot have */
#define RUNTIME_INIT      3
#define RUNTIME_OLD       35
#define RUNTIME_SYMBOL    36
#define RUNTIME_INTEGRITY 103
#define OLDEST_DRIVER     12000
#define LAST_VERSION      12042 /* of the three that the runtime's own version makes */

typedef void (*word)(void);
typedef union {
    word call;
    uintptr_t address;
} slot_address;
typedef int (*slot_primary)(void **out, int device);
typedef void (*slot_buffer)(void **out, size_t *out_size);
typedef int (*slot_answer)(uint32_t version, uint64_t seconds, uint64_t out[2]);

static struct {
    int (*get_proc)(const char *name, void *out, int version, uint64_t flags,
                    int *status);
    int (*version)(int *out);
    int (*init)(unsigned flags);
    int (*table)(const word **out, const void *uuid);
    int (*mode)(int *out);
    int (*count)(int *out);
    int (*device)(int *out, int ordinal);
    int (*name)(char *out, int size, int device);
    int (*total)(size_t *out, int device);
    int (*attribute)(int *out, int attribute, int device);
    int (*uuid)(unsigned char *out, int device);
} cu;

static const unsigned char tables[][16] = {
    { 0x6b, 0xd5, 0xfb, 0x6c, 0x5b, 0xf4, 0xe7, 0x4a, 0x89, 0x87, 0xd9, 0x39, 0x12, 0xfd,
      0x9d, 0xf9 }, /* of the runtime itself */
    { 0xa0, 0x94, 0x79, 0x8c, 0x2e, 0x74, 0x2e, 0x74, 0x93, 0xf2, 0x08, 0x00, 0x20, 0x0c,
      0x0a, 0x66 }, /* hooks */
    { 0x42, 0xd8, 0x5a, 0x81, 0x23, 0xf6, 0xcb, 0x47, 0x82, 0x98, 0xf6, 0xe7, 0x8a, 0x3a,
      0xec, 0xdc }, /* thread storage */
    { 0xc6, 0x93, 0x33, 0x6e, 0x11, 0x21, 0xdf, 0x11, 0xa8, 0xc3, 0x68, 0xf3, 0x55, 0xd8,
      0x95, 0x93 }, /* context storage */
    { 0x26, 0x3e, 0x88, 0x60, 0x7c, 0xd2, 0x61, 0x43, 0x92, 0xf6, 0xbb, 0xd5, 0x00, 0x6d,
      0xfa, 0x7e }, /* context checks */
    { 0xd4, 0x08, 0x20, 0x55, 0xbd, 0xe6, 0x70, 0x4b, 0x8d, 0x34, 0xba, 0x12, 0x3c, 0x66,
      0xe1, 0xf2 }, /* integrity */
};
enum {
    OF_RUNTIME,
    OF_HOOKS,
    OF_THREADS,
    OF_CONTEXTS,
    OF_CHECKS,
    OF_INTEGRITY
};

/* The 111 attributes, as ranges. */
static const struct {
    int first, last;
} attributes[] = { { 1, 19 },    { 21, 43 },   { 45, 91 },   { 95, 97 },   { 99, 101 },
                   { 106, 106 }, { 108, 109 }, { 111, 121 }, { 125, 125 }, { 129, 129 } };

static bool
get(const char *name, int version, void *out)
{
    void *found = NULL;
    int status = 0;
    const int r = cu.get_proc(name, &found, version, 0, &status);

    memcpy(out, &found, sizeof(found));
    return r == 0 && found != NULL;
}

/* One line of the list, "name: version flags export, ...": every answer must be the
 * export. Return: how many were asked, or -1. */
static int
look_up_line(void *library, char *line)
{
    char *at = strchr(line, ':');
    int count = 0;

    *at++ = '\0';
    const char *name = strcmp(line, "\"\"") == 0 ? "" : line;
    for (char *rest, *part = strtok_r(at, ",\n", &rest); part != NULL;
         part = strtok_r(NULL, ",\n", &rest)) {
        int version = 0;
        int status = -1;
        unsigned flags = 0;
        char wanted[128];
        void *found = &count;
        if (sscanf(part, "%d %u %127s", &version, &flags, wanted) != 3) {
            return -1;
        }
        if (cu.get_proc(name, &found, version, flags, &status) != 0 ||
            found != (wanted[0] == '-' ? NULL : dlsym(library, wanted)) ||
            (status == 0) != (found != NULL)) {
            fprintf(stderr, "lookup of '%s' for %d is wrong\n", name, version);
            return -1;
        }
        count++;
    }
    return count;
}

static int
look_up_all(void *library)
{
    const char *path = getenv("DISCOVERY_LOOKUPS");
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    char line[1024];
    int count = 0;

    if (file == NULL) {
        fprintf(stderr, "DISCOVERY_LOOKUPS names no list\n");
        return RUNTIME_INIT;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] == '#' || strchr(line, ':') == NULL) {
            continue;
        }
        const int more = look_up_line(library, line);
        if (more < 0) {
            fclose(file);
            return RUNTIME_INIT;
        }
        count += more;
    }
    fclose(file);
    return count > 400 ? 0 : RUNTIME_INIT;
}

static int
get_entries(void)
{
    void *ignored;

    if (!get("cuInit", 2000, &cu.init) || !get("cuGetExportTable", 3000, &cu.table)) {
        return RUNTIME_SYMBOL;
    }
    if (!get("cuGetProcAddress", 11030, &ignored) ||
        !get("cuGetProcAddress", 12000, &ignored) ||
        !get("cuDriverGetVersion", 2020, &cu.version)) {
        return RUNTIME_OLD;
    }
    return get("cuModuleGetLoadingMode", 11070, &cu.mode) &&
                   get("cuDeviceGetCount", 2000, &cu.count) &&
                   get("cuDeviceGet", 2000, &cu.device) &&
                   get("cuDeviceGetName", 2000, &cu.name) &&
                   get("cuDeviceTotalMem", 3020, &cu.total) &&
                   get("cuDeviceGetAttribute", 2000, &cu.attribute) &&
                   get("cuDeviceGetUuid", 9020, &cu.uuid)
               ? 0
               : RUNTIME_INIT;
}

static int
ask_attributes(int device, struct found *out)
{
    int value[130] = { 0 };
    int count = 0;

    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        for (int a = attributes[i].first; a <= attributes[i].last; a++, count++) {
            if (cu.attribute(&value[a], a, device) != 0) {
                fprintf(stderr, "attribute %d of device %d failed\n", a, device);
                return RUNTIME_INIT;
            }
        }
    }
    if (count != 111) {
        return RUNTIME_INIT;
    }
    out->major = value[75];
    out->minor = value[76];
    snprintf(out->pci, sizeof(out->pci), "%04x:%02x:%02x.0", value[50], value[33],
             value[34]);
    return 0;
}

static int
ask_device(int ordinal, const word *runtime, struct found *out)
{
    unsigned char uuid[16];
    void *primary = NULL;
    int device = -1;

    if (cu.device(&device, ordinal) != 0 ||
        ((slot_primary)runtime[2])(&primary, device) != 0 || primary == NULL ||
        cu.name(out->name, sizeof(out->name), device) != 0 ||
        cu.total(&out->total, device) != 0 || ask_attributes(device, out) != 0 ||
        cu.uuid(uuid, device) != 0) {
        return RUNTIME_INIT;
    }
    uuid_text(uuid, out->id);
    snprintf(out->library, sizeof(out->library), "CUDA");
    return 0;
}

static bool
hook_gives(const word *hooks, int slot)
{
    void *buffer = NULL;
    size_t size = 0;

    ((slot_buffer)hooks[slot])(&buffer, &size);
    return buffer != NULL && size > 0;
}

/* The third answer must cover what the driver says elsewhere: who we are, where the
 * tables lie, and which devices there are. The runtime computes the same. */
static bool
is_expected(const uint64_t answer[2], const word *const *table, uint64_t seconds,
            int count, const struct found *found)
{
    struct vg_handshake_device device[MAX_DEVICES];
    uint8_t digest[VG_MD2_SIZE];
    slot_address function;
    int driver = 0;

    memcpy(&function.call, &table[OF_INTEGRITY][1], sizeof(function.call));
    for (int i = 0; i < count && i < MAX_DEVICES; i++) {
        unsigned at[3];
        (void)sscanf(found[i].pci, "%x:%x:%x", &at[0], &at[1], &at[2]);
        memset(&device[i], 0, sizeof(device[i]));
        device[i].pci_domain = (int32_t)at[0];
        device[i].pci_bus = (int32_t)at[1];
        device[i].pci_device = (int32_t)at[2];
        if (cu.uuid(device[i].uuid, i) != 0) {
            return false;
        }
    }
    if (cu.version(&driver) != 0) {
        return false;
    }
    const struct vg_handshake facts = {
        .driver_version = (uint32_t)driver,
        .version = LAST_VERSION,
        .process = (uint32_t)getpid(),
        .thread = (uint32_t)pthread_self(),
        .cudart_table = (uint64_t)(uintptr_t)table[OF_RUNTIME],
        .integrity_table = (uint64_t)(uintptr_t)table[OF_INTEGRITY],
        .function = (uint64_t)function.address,
        .seconds = seconds,
    };
    vg_handshake_answer(&facts, device, (size_t)count, digest);
    return memcmp(digest, answer, sizeof(digest)) == 0;
}

static int
ask_integrity(const word *const *table, int count, const struct found *found)
{
    const uint64_t seconds = (uint64_t)time(NULL);
    uint64_t answer[2] = { 0 };

    for (uint32_t version = LAST_VERSION - 2; version <= LAST_VERSION; version++) {
        if (((slot_answer)table[OF_INTEGRITY][1])(version, seconds, answer) != 0) {
            return RUNTIME_INTEGRITY;
        }
    }
    return is_expected(answer, table, seconds, count, found) ? 0 : RUNTIME_INTEGRITY;
}

int
startup(void **library, int *out_driver, int *out_count, struct found *out, int capacity)
{
    const word *table[6] = { NULL };
    int mode = 0;

    *library = dlopen("libcuda.so.1", RTLD_NOW);
    if (*library == NULL || !find(*library, "cuGetProcAddress_v2", &cu.get_proc)) {
        return RUNTIME_OLD;
    }
    int r = look_up_all(*library);
    r = r != 0 ? r : get_entries();
    if (r != 0) {
        return r;
    }
    if (cu.version(out_driver) != 0 || *out_driver < OLDEST_DRIVER) {
        return RUNTIME_OLD;
    }
    r = cu.init(0);
    for (int i = OF_RUNTIME; i <= OF_HOOKS && r == 0; i++) {
        r = cu.table(&table[i], tables[i]);
    }
    r = r != 0 ? r : cu.mode(&mode);
    r = r != 0 ? r : cu.count(out_count);
    for (int i = 0; i < *out_count && i < capacity && r == 0; i++) {
        out[i].driver = *out_driver;
        r = ask_device(i, table[OF_RUNTIME], &out[i]);
    }
    if (r == 0 && !(hook_gives(table[OF_HOOKS], 2) && hook_gives(table[OF_HOOKS], 6))) {
        r = RUNTIME_OLD;
    }
    for (int i = OF_THREADS; i <= OF_INTEGRITY && r == 0; i++) {
        r = cu.table(&table[i], tables[i]);
    }
    r = r != 0 ? r : ask_integrity(table, *out_count, out);
    return r != 0 || mode == 2 ? r : RUNTIME_INIT; /* 2: modules are loaded lazily */
}
