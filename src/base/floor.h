/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * floor - for files of the client libraries that read numbers with sscanf or strtoul, or
 * that use thread keys (of glibc 2.34 in libc, of libpthread.so.0 before).
 *
 * glibc 2.38 gave these functions new names for C23's binary literals, and a library
 * built there would not load before. The libraries load on 2.28 and later, so they ask
 * for the old ones. tools/check-symbols holds the line.
 */

#if defined(__GLIBC__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 38)
__asm__(".symver __isoc23_sscanf, __isoc99_sscanf@GLIBC_2.7");
__asm__(".symver __isoc23_strtoul, strtoul@GLIBC_2.2.5");
#endif

#if defined(__GLIBC__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
__asm__(".symver pthread_key_create, pthread_key_create@GLIBC_2.2.5");
__asm__(".symver pthread_setspecific, pthread_setspecific@GLIBC_2.2.5");
#endif
