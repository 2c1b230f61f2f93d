/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings - the environment of the software GPU, read once. A value that cannot be read
 * is named in the log and the default stands.
 */
#include "soft/settings.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define GIB ((uint64_t)1 << 30)
#define MIB ((uint64_t)1 << 20)

static struct vg_settings settings;
static pthread_once_t once = PTHREAD_ONCE_INIT;

bool
vg_settings_parse_size(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (end == text || errno != 0 || *text == '-') {
        return false;
    }
    static const char units[] = "KMGT";
    const char *unit = *end != '\0' ? strchr(units, *end & ~0x20) : NULL;
    unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;
    if (unit != NULL) {
        end++;
        if (*end == 'i') {
            end++;
        }
    }
    if (*end == 'B') {
        end++;
    }
    if (*end != '\0' || value > UINT64_MAX >> shift) {
        return false;
    }
    *out = (uint64_t)value << shift;
    return true;
}

static uint64_t
read_meminfo_available(void)
{
    FILE *file = fopen("/proc/meminfo", "re");
    if (file == NULL) {
        return 0;
    }
    char line[128];
    unsigned long long kib = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) {
            break;
        }
    }
    fclose(file);
    return (uint64_t)kib * 1024;
}

/* Return: the number in a one-line file, or UINT64_MAX ("max", or no such file). */
static uint64_t
read_limit(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return UINT64_MAX;
    }
    unsigned long long value;
    int n = fscanf(file, "%llu", &value);
    fclose(file);
    return n == 1 ? value : UINT64_MAX;
}

/* The least limit on the way from our control group to the root (cgroup 2, then 1). */
static uint64_t
read_cgroup_limit(void)
{
    uint64_t limit = read_limit("/sys/fs/cgroup/memory.max");
    uint64_t v1 = read_limit("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    limit = v1 < limit ? v1 : limit;
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (file == NULL) {
        return limit;
    }
    char line[1024], path[1200];
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "0::/", 4) != 0) {
            continue;
        }
        line[strcspn(line, "\n")] = '\0';
        for (char *slash; (slash = strrchr(line + 3, '/')) != NULL; *slash = '\0') {
            snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", line + 3);
            uint64_t here = read_limit(path);
            limit = here < limit ? here : limit;
        }
    }
    fclose(file);
    return limit;
}

static uint64_t
default_memory(void)
{
    uint64_t size = read_meminfo_available() / 2;
    uint64_t cgroup = read_cgroup_limit() / 2;
    size = cgroup < size ? cgroup : size;
    size = size < 16 * GIB ? size : 16 * GIB;
    size -= size % MIB;
    return size < 64 * MIB ? 64 * MIB : size;
}

static unsigned
count_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        return (unsigned)CPU_COUNT(&set);
    }
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}

static void
refuse(const char *name, const char *value)
{
    vg_log(VG_LOG_ERROR, "%s: cannot read '%s'; the default stands", name, value);
}

static unsigned
read_count(const char *name, unsigned standard, unsigned max)
{
    const char *text = getenv(name);
    if (text == NULL || *text == '\0') {
        return standard;
    }
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value == 0 || value > max) {
        refuse(name, text);
        return standard;
    }
    return (unsigned)value;
}

static void
read_capability(void)
{
    settings.cc_major = 8;
    settings.cc_minor = 0;
    const char *text = getenv("VGPU_SOFT_CC");
    if (text == NULL || *text == '\0') {
        return;
    }
    unsigned major, minor;
    char rest;
    if (sscanf(text, "%2u.%1u%c", &major, &minor, &rest) != 2) {
        if (sscanf(text, "%3u%c", &major, &rest) != 1) {
            refuse("VGPU_SOFT_CC", text);
            return;
        }
        minor = major % 10;
        major /= 10;
    }
    if (major == 0) {
        refuse("VGPU_SOFT_CC", text);
        return;
    }
    settings.cc_major = major;
    settings.cc_minor = minor;
}

static void
read_arena(void)
{
    const char *text = getenv("VGPU_SOFT_ARENA");
    if (text == NULL || *text == '\0') {
        return;
    }
    char *colon;
    unsigned long long base = strtoull(text, &colon, 0);
    uint64_t size = 0;
    if (*colon != ':' || !vg_settings_parse_size(colon + 1, &size) || base == 0 ||
        base % 4096 != 0 || size == 0) {
        refuse("VGPU_SOFT_ARENA", text);
        return;
    }
    settings.arena_base = base;
    settings.arena_size = size;
}

/* A copy of @path with our process number for the first %p. */
static char *
expand_path(const char *path)
{
    const char *mark = strstr(path, "%p");
    char *copy = NULL;
    if (mark == NULL) {
        return strdup(path);
    }
    if (asprintf(&copy, "%.*s%d%s", (int)(mark - path), path, (int)getpid(), mark + 2) <
        0) {
        return NULL;
    }
    return copy;
}

static void
read_environment(void)
{
    read_capability();
    read_arena();
    unsigned cpus = count_cpus();
    settings.sms = read_count("VGPU_SOFT_SMS", cpus, 1024);
    settings.threads = read_count("VGPU_SOFT_THREADS", cpus, 1024);
    const char *memory = getenv("VGPU_SOFT_MEMORY");
    if (memory == NULL || *memory == '\0') {
        settings.memory = default_memory();
    } else if (!vg_settings_parse_size(memory, &settings.memory)) {
        refuse("VGPU_SOFT_MEMORY", memory);
        settings.memory = default_memory();
    } else {
        settings.memory_is_set = true;
    }
    if (settings.arena_size != 0 && settings.memory > settings.arena_size) {
        settings.memory = settings.arena_size;
    }
    const char *stats = getenv("VGPU_SOFT_STATS");
    settings.stats = stats != NULL && *stats != '\0' ? expand_path(stats) : NULL;
}

const struct vg_settings *
vg_settings_get(void)
{
    pthread_once(&once, read_environment);
    return &settings;
}
