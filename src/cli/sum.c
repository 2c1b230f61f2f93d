/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sum.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* SHA-256 as FIPS 180-4 defines it. */
struct sha {
    uint32_t state[8];
    uint64_t length;
    unsigned char block[64];
};

static const uint32_t rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
    0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
    0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
    0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
    0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
    0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
    0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2,
};

static uint32_t
turn(uint32_t x, unsigned by)
{
    return x >> by | x << (32 - by);
}

static void
sha_block(struct sha *sha)
{
    uint32_t w[64], s[8];

    for (int i = 0; i < 16; i++) {
        const unsigned char *b = sha->block + 4 * (size_t)i;
        w[i] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    }
    for (int i = 16; i < 64; i++) {
        const uint32_t a = w[i - 15], e = w[i - 2];
        w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[i - 7] +
               (turn(e, 17) ^ turn(e, 19) ^ e >> 10);
    }
    memcpy(s, sha->state, sizeof(s));
    for (int i = 0; i < 64; i++) {
        const uint32_t t1 = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) +
                            ((s[4] & s[5]) ^ (~s[4] & s[6])) + rounds[i] + w[i];
        const uint32_t t2 = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) +
                            ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof(s[0]));
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) {
        sha->state[i] += s[i];
    }
}

static void
sha_init(struct sha *sha)
{
    static const uint32_t start[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

    memcpy(sha->state, start, sizeof(start));
    sha->length = 0;
}

static void
sha_add(struct sha *sha, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        const size_t at = sha->length % sizeof(sha->block);
        const size_t room = sizeof(sha->block) - at;
        const size_t part = size < room ? size : room;

        memcpy(sha->block + at, bytes, part);
        sha->length += part;
        bytes += part;
        size -= part;
        if (part == room) {
            sha_block(sha);
        }
    }
}

static void
sha_print(struct sha *sha, const char *kind, char out[VG_SUM_SIZE])
{
    const uint64_t bits = sha->length * 8;
    unsigned char pad[72] = { 0x80 };
    const size_t used = sha->length % 64;
    const size_t count = (used < 56 ? 56 : 120) - used;

    for (size_t i = 0; i < 8; i++) {
        pad[count + i] = (unsigned char)(bits >> (56 - 8 * i));
    }
    sha_add(sha, pad, count + 8);
    int n = snprintf(out, VG_SUM_SIZE, "%s:", kind);
    for (size_t i = 0; i < 8; i++) {
        n += snprintf(out + n, VG_SUM_SIZE - (size_t)n, "%08x", sha->state[i]);
    }
}

void
vg_sum_bytes(const void *bytes, size_t size, char out[VG_SUM_SIZE])
{
    struct sha sha;

    sha_init(&sha);
    sha_add(&sha, bytes, size);
    sha_print(&sha, "file", out);
}

static int
sum_link(const char *path, char out[VG_SUM_SIZE])
{
    unsigned char target[PATH_MAX];
    struct sha sha;
    const ssize_t n = readlink(path, (char *)target, sizeof(target));

    if (n < 0) {
        return -errno;
    }
    sha_init(&sha);
    sha_add(&sha, target, (size_t)n);
    sha_print(&sha, "link", out);
    return 0;
}

int
vg_sum_path(const char *path, char out[VG_SUM_SIZE])
{
    unsigned char buffer[65536];
    struct stat info;
    struct sha sha;
    ssize_t n;

    if (lstat(path, &info) != 0) {
        return -errno;
    }
    if (S_ISLNK(info.st_mode)) {
        return sum_link(path, out);
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    sha_init(&sha);
    while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
        sha_add(&sha, buffer, (size_t)n);
    }
    const int r = n < 0 ? -errno : 0;
    (void)close(fd);
    sha_print(&sha, "file", out);
    return r;
}
