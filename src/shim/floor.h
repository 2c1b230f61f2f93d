/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * floor - old versions of symbols that newer C libraries moved.
 *
 * The client libraries load on glibc 2.28 and later. Since 2.34 these functions live in
 * libc under a new version; the old one is still there, and in libpthread.so.0 before,
 * which is therefore NEEDED (src/shim/meson.build). tools/check-symbols holds the line.
 */

#if defined(__GLIBC__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
__asm__(".symver pthread_create, pthread_create@GLIBC_2.2.5");
#endif
