/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * limits - how much a PTX text may ask of us.
 *
 * PTX comes from outside: each number that the text can grow is held against one of these
 * before memory is taken. They are far above what compilers write (the largest kernels
 * seen have some 50,000 registers and 25,000 instructions).
 */

#define VG_PTX_MAX_TEXT      (1024u * 1024u * 1024u) /* bytes of one module */
#define VG_PTX_MAX_DEPTH     64u                     /* nested { } in a body */
#define VG_PTX_MAX_REGS      (4u * 1024u * 1024u)    /* registers of a function */
#define VG_PTX_MAX_SYMBOLS   (1024u * 1024u)        /* functions, variables of a module */
#define VG_PTX_MAX_VARS      (1024u * 1024u)        /* variables of a function */
#define VG_PTX_MAX_PARAMS    8192u                  /* parameters of a function */
#define VG_PTX_MAX_OPERANDS  16u                    /* operands of an instruction */
#define VG_PTX_MAX_ELEMENTS  128u                   /* items of { } or ( ) in one */
#define VG_PTX_MAX_SUFFIXES  24u                    /* suffixes of a mnemonic */
#define VG_PTX_MAX_MNEMONIC  256u                   /* bytes of a mnemonic */
#define VG_PTX_MAX_NAME      16384u                 /* bytes of an identifier */
#define VG_PTX_MAX_DIMS      8u                     /* dimensions of an array */
#define VG_PTX_MAX_ALIGN     4096u                  /* bytes */
#define VG_PTX_MAX_VAR_SIZE  ((uint64_t)1 << 40)    /* bytes, without an initialiser */
#define VG_PTX_MAX_INIT_SIZE (256u * 1024u * 1024u) /* bytes of a variable with one */
