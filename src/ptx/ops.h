/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ops - the one table of PTX operations and suffixes.
 *
 * Included by ptx.h. Every opcode and every suffix that is not a type has one row here
 * and an enum value made from it; nothing else in the tree spells them. An instruction
 * that these tables do not know is kept as VG_PTX_OP_UNKNOWN with its text.
 */

/*
 * Groups of suffixes: an opcode takes the suffixes of the groups in its row. A suffix
 * stands in one group, an opcode may name many. PACKED are types without a row in
 * VG_PTX_TYPES: an instruction with one is kept as unknown.
 */
#define VG_PTX_GROUPS(X) \
    X(ROUND)             \
    X(RINT)              \
    X(FTZ)               \
    X(SAT)               \
    X(FNAN)              \
    X(XORSIGN)           \
    X(RELU)              \
    X(APPROX)            \
    X(CC)                \
    X(PACK)              \
    X(PACKED)            \
    X(HALF)              \
    X(COMPARE)           \
    X(BOOL)              \
    X(ATOMIC)            \
    X(SHIFT)             \
    X(PERMUTE)           \
    X(TESTP)             \
    X(SPACE)             \
    X(TO)                \
    X(VECTOR)            \
    X(CACHE)             \
    X(POLICY)            \
    X(ORDER)             \
    X(SCOPE)             \
    X(PROXY)             \
    X(UNIFORM)           \
    X(INDEX)             \
    X(BARRIER)           \
    X(SHUFFLE)           \
    X(COPY)              \
    X(TENSOR)            \
    X(MBARRIER)          \
    X(GRID)              \
    X(MATRIX)            \
    X(MULTIMEM)          \
    X(TEXTURE)           \
    X(VIDEO)

enum vg_ptx_group {
#define X(name) VG_PTX_GROUP_##name,
    VG_PTX_GROUPS(X)
#undef X
    VG_PTX_GROUP_COUNT,
};

/*
 * X(name, text, group): every suffix that is not a type, state spaces and vectors
 * included. "lo" and "hi" are comparisons too (setp.lo.u32), "and", "or" and "xor"
 * atomic operations too. .nan is a comparison, .NaN says what min and max answer.
 */
#define VG_PTX_MODS(X)                                                      \
    X(RN, "rn", ROUND)                                                      \
    X(RZ, "rz", ROUND)                                                      \
    X(RM, "rm", ROUND)                                                      \
    X(RP, "rp", ROUND)                                                      \
    X(RNA, "rna", ROUND)                                                    \
    X(RS, "rs", ROUND)                                                      \
    X(RNI, "rni", RINT)                                                     \
    X(RZI, "rzi", RINT)                                                     \
    X(RMI, "rmi", RINT)                                                     \
    X(RPI, "rpi", RINT)                                                     \
    X(FTZ, "ftz", FTZ)                                                      \
    X(NOFTZ, "noftz", FTZ)                                                  \
    X(SAT, "sat", SAT)                                                      \
    X(SATFINITE, "satfinite", SAT)                                          \
    X(NAN_RESULT, "NaN", FNAN)                                              \
    X(XORSIGN, "xorsign", XORSIGN)                                          \
    X(ABS, "abs", XORSIGN)                                                  \
    X(RELU, "relu", RELU)                                                   \
    X(APPROX, "approx", APPROX)                                             \
    X(FULL, "full", APPROX)                                                 \
    X(CC, "cc", CC)                                                         \
    X(PACK, "pack", PACK)                                                   \
    X(SCALED_N2_UE8M0, "scaled::n2::ue8m0", PACK)                           \
    X(F32X2, "f32x2", PACKED)                                               \
    X(U16X2, "u16x2", PACKED)                                               \
    X(S16X2, "s16x2", PACKED)                                               \
    X(E2M1X2, "e2m1x2", PACKED)                                             \
    X(E2M3X2, "e2m3x2", PACKED)                                             \
    X(E3M2X2, "e3m2x2", PACKED)                                             \
    X(UE8M0X2, "ue8m0x2", PACKED)                                           \
    X(LO, "lo", HALF)                                                       \
    X(HI, "hi", HALF)                                                       \
    X(WIDE, "wide", HALF)                                                   \
    X(EQ, "eq", COMPARE)                                                    \
    X(NE, "ne", COMPARE)                                                    \
    X(LT, "lt", COMPARE)                                                    \
    X(LE, "le", COMPARE)                                                    \
    X(GT, "gt", COMPARE)                                                    \
    X(GE, "ge", COMPARE)                                                    \
    X(LS, "ls", COMPARE)                                                    \
    X(HS, "hs", COMPARE)                                                    \
    X(EQU, "equ", COMPARE)                                                  \
    X(NEU, "neu", COMPARE)                                                  \
    X(LTU, "ltu", COMPARE)                                                  \
    X(LEU, "leu", COMPARE)                                                  \
    X(GTU, "gtu", COMPARE)                                                  \
    X(GEU, "geu", COMPARE)                                                  \
    X(NUM, "num", COMPARE)                                                  \
    X(NAN, "nan", COMPARE)                                                  \
    X(AND, "and", BOOL)                                                     \
    X(OR, "or", BOOL)                                                       \
    X(XOR, "xor", BOOL)                                                     \
    X(POPC, "popc", BOOL)                                                   \
    X(ADD, "add", ATOMIC)                                                   \
    X(INC, "inc", ATOMIC)                                                   \
    X(DEC, "dec", ATOMIC)                                                   \
    X(MIN, "min", ATOMIC)                                                   \
    X(MAX, "max", ATOMIC)                                                   \
    X(EXCH, "exch", ATOMIC)                                                 \
    X(CAS, "cas", ATOMIC)                                                   \
    X(L, "l", SHIFT)                                                        \
    X(R, "r", SHIFT)                                                        \
    X(WRAP, "wrap", SHIFT)                                                  \
    X(CLAMP, "clamp", SHIFT)                                                \
    X(SHIFTAMT, "shiftamt", SHIFT)                                          \
    X(TRAP, "trap", SHIFT)                                                  \
    X(ZERO, "zero", SHIFT)                                                  \
    X(F4E, "f4e", PERMUTE)                                                  \
    X(B4E, "b4e", PERMUTE)                                                  \
    X(RC8, "rc8", PERMUTE)                                                  \
    X(ECL, "ecl", PERMUTE)                                                  \
    X(ECR, "ecr", PERMUTE)                                                  \
    X(RC16, "rc16", PERMUTE)                                                \
    X(FINITE, "finite", TESTP)                                              \
    X(INFINITE, "infinite", TESTP)                                          \
    X(NUMBER, "number", TESTP)                                              \
    X(NOTANUMBER, "notanumber", TESTP)                                      \
    X(NORMAL, "normal", TESTP)                                              \
    X(SUBNORMAL, "subnormal", TESTP)                                        \
    X(GLOBAL, "global", SPACE)                                              \
    X(SHARED, "shared", SPACE)                                              \
    X(LOCAL, "local", SPACE)                                                \
    X(PARAM, "param", SPACE)                                                \
    X(CONST, "const", SPACE)                                                \
    X(SHARED_CTA, "shared::cta", SPACE)                                     \
    X(SHARED_CLUSTER, "shared::cluster", SPACE)                             \
    X(PARAM_ENTRY, "param::entry", SPACE)                                   \
    X(PARAM_FUNC, "param::func", SPACE)                                     \
    X(TO, "to", TO)                                                         \
    X(V2, "v2", VECTOR)                                                     \
    X(V4, "v4", VECTOR)                                                     \
    X(V8, "v8", VECTOR)                                                     \
    X(CA, "ca", CACHE)                                                      \
    X(CG, "cg", CACHE)                                                      \
    X(CS, "cs", CACHE)                                                      \
    X(LU, "lu", CACHE)                                                      \
    X(CV, "cv", CACHE)                                                      \
    X(WB, "wb", CACHE)                                                      \
    X(WT, "wt", CACHE)                                                      \
    X(NC, "nc", CACHE)                                                      \
    X(L1, "L1", CACHE)                                                      \
    X(L2, "L2", CACHE)                                                      \
    X(L1_EVICT_NORMAL, "L1::evict_normal", CACHE)                           \
    X(L1_EVICT_UNCHANGED, "L1::evict_unchanged", CACHE)                     \
    X(L1_EVICT_FIRST, "L1::evict_first", CACHE)                             \
    X(L1_EVICT_LAST, "L1::evict_last", CACHE)                               \
    X(L1_NO_ALLOCATE, "L1::no_allocate", CACHE)                             \
    X(L2_EVICT_NORMAL, "L2::evict_normal", CACHE)                           \
    X(L2_EVICT_FIRST, "L2::evict_first", CACHE)                             \
    X(L2_EVICT_LAST, "L2::evict_last", CACHE)                               \
    X(L2_CACHE_HINT, "L2::cache_hint", CACHE)                               \
    X(L2_64B, "L2::64B", CACHE)                                             \
    X(L2_128B, "L2::128B", CACHE)                                           \
    X(L2_256B, "L2::256B", CACHE)                                           \
    X(FRACTIONAL, "fractional", POLICY)                                     \
    X(RANGE, "range", POLICY)                                               \
    X(MASK, "mask", POLICY)                                                 \
    X(VOLATILE, "volatile", ORDER)                                          \
    X(WEAK, "weak", ORDER)                                                  \
    X(RELAXED, "relaxed", ORDER)                                            \
    X(ACQUIRE, "acquire", ORDER)                                            \
    X(RELEASE, "release", ORDER)                                            \
    X(ACQ_REL, "acq_rel", ORDER)                                            \
    X(SC, "sc", ORDER)                                                      \
    X(MMIO, "mmio", ORDER)                                                  \
    X(UNIFIED, "unified", ORDER)                                            \
    X(CTA, "cta", SCOPE)                                                    \
    X(CLUSTER, "cluster", SCOPE)                                            \
    X(GPU, "gpu", SCOPE)                                                    \
    X(SYS, "sys", SCOPE)                                                    \
    X(GL, "gl", SCOPE)                                                      \
    X(PROXY, "proxy", PROXY)                                                \
    X(ALIAS, "alias", PROXY)                                                \
    X(ASYNC, "async", PROXY)                                                \
    X(UNI, "uni", UNIFORM)                                                  \
    X(IDX, "idx", INDEX)                                                    \
    X(SYNC, "sync", BARRIER)                                                \
    X(ALIGNED, "aligned", BARRIER)                                          \
    X(ARRIVE, "arrive", BARRIER)                                            \
    X(RED, "red", BARRIER)                                                  \
    X(WARP, "warp", BARRIER)                                                \
    X(ALL, "all", BARRIER)                                                  \
    X(ANY, "any", BARRIER)                                                  \
    X(BALLOT, "ballot", BARRIER)                                            \
    X(UP, "up", SHUFFLE)                                                    \
    X(DOWN, "down", SHUFFLE)                                                \
    X(BFLY, "bfly", SHUFFLE)                                                \
    X(COMMIT_GROUP, "commit_group", COPY)                                   \
    X(WAIT_GROUP, "wait_group", COPY)                                       \
    X(WAIT_ALL, "wait_all", COPY)                                           \
    X(BULK, "bulk", COPY)                                                   \
    X(TENSOR, "tensor", TENSOR)                                             \
    X(MBARRIER, "mbarrier", MBARRIER)                                       \
    X(INIT, "init", MBARRIER)                                               \
    X(INVAL, "inval", MBARRIER)                                             \
    X(ARRIVE_DROP, "arrive_drop", MBARRIER)                                 \
    X(TEST_WAIT, "test_wait", MBARRIER)                                     \
    X(TRY_WAIT, "try_wait", MBARRIER)                                       \
    X(PENDING_COUNT, "pending_count", MBARRIER)                             \
    X(COMPLETE_TX, "complete_tx", MBARRIER)                                 \
    X(EXPECT_TX, "expect_tx", MBARRIER)                                     \
    X(NOCOMPLETE, "noComplete", MBARRIER)                                   \
    X(PARITY, "parity", MBARRIER)                                           \
    X(NOINC, "noinc", MBARRIER)                                             \
    X(COMPLETE_TX_BYTES, "complete_tx::bytes", MBARRIER)                    \
    X(MBARRIER_COMPLETE_TX_BYTES, "mbarrier::complete_tx::bytes", MBARRIER) \
    X(WAIT, "wait", GRID)                                                   \
    X(LAUNCH_DEPENDENTS, "launch_dependents", GRID)                         \
    X(ROW, "row", MATRIX)                                                   \
    X(COL, "col", MATRIX)                                                   \
    X(M8N8, "m8n8", MATRIX)                                                 \
    X(M8N8K4, "m8n8k4", MATRIX)                                             \
    X(M8N8K16, "m8n8k16", MATRIX)                                           \
    X(M8N8K32, "m8n8k32", MATRIX)                                           \
    X(M8N8K128, "m8n8k128", MATRIX)                                         \
    X(M16N8K4, "m16n8k4", MATRIX)                                           \
    X(M16N8K8, "m16n8k8", MATRIX)                                           \
    X(M16N8K16, "m16n8k16", MATRIX)                                         \
    X(M16N8K32, "m16n8k32", MATRIX)                                         \
    X(M16N8K64, "m16n8k64", MATRIX)                                         \
    X(M16N8K128, "m16n8k128", MATRIX)                                       \
    X(M16N8K256, "m16n8k256", MATRIX)                                       \
    X(M16N16K16, "m16n16k16", MATRIX)                                       \
    X(M8N32K16, "m8n32k16", MATRIX)                                         \
    X(M32N8K16, "m32n8k16", MATRIX)                                         \
    X(M16N16K8, "m16n16k8", MATRIX)                                         \
    X(X1, "x1", MATRIX)                                                     \
    X(X2, "x2", MATRIX)                                                     \
    X(X4, "x4", MATRIX)                                                     \
    X(TRANS, "trans", MATRIX)                                               \
    X(A, "a", MATRIX)                                                       \
    X(B, "b", MATRIX)                                                       \
    X(C, "c", MATRIX)                                                       \
    X(D, "d", MATRIX)                                                       \
    X(LOAD, "load", MATRIX)                                                 \
    X(STORE, "store", MATRIX)                                               \
    X(MMA, "mma", MATRIX)                                                   \
    X(SP, "sp", MATRIX)                                                     \
    X(THREAD, "thread", MATRIX)                                             \
    X(LD_REDUCE, "ld_reduce", MULTIMEM)                                     \
    X(ST, "st", MULTIMEM)                                                   \
    X(DIM_1D, "1d", TEXTURE)                                                \
    X(DIM_2D, "2d", TEXTURE)                                                \
    X(DIM_3D, "3d", TEXTURE)                                                \
    X(A1D, "a1d", TEXTURE)                                                  \
    X(A2D, "a2d", TEXTURE)                                                  \
    X(CUBE, "cube", TEXTURE)                                                \
    X(ACUBE, "acube", TEXTURE)                                              \
    X(LEVEL, "level", TEXTURE)                                              \
    X(GRAD, "grad", TEXTURE)                                                \
    X(BASE, "base", TEXTURE)                                                \
    X(P, "p", TEXTURE)                                                      \
    X(WIDTH, "width", TEXTURE)                                              \
    X(HEIGHT, "height", TEXTURE)                                            \
    X(SHR7, "shr7", VIDEO)                                                  \
    X(SHR15, "shr15", VIDEO)                                                \
    X(PO, "po", VIDEO)

enum vg_ptx_mod {
#define X(name, text, group) VG_PTX_MOD_##name,
    VG_PTX_MODS(X)
#undef X
    VG_PTX_MOD_COUNT,
};

/* What an opcode does beside computing its destination. */
enum vg_ptx_op_flag {
    VG_PTX_FLAG_SIDE = 1,       /* must not be dropped */
    VG_PTX_FLAG_CONVERGENT = 2, /* what it does depends on the other lanes */
    VG_PTX_FLAG_MEMORY = 4,     /* reads or writes memory, or orders it */
    VG_PTX_FLAG_BRANCH = 8,     /* goes to a label */
    VG_PTX_FLAG_ENDS = 16, /* what follows is reached by a label only, if unguarded */
    VG_PTX_FLAG_CALL = 32,
};

/*
 * X(name, text, min_types, max_types, operands, groups, flags).
 *
 * operands: two letters each, "?" before an operand that may be left out. The first
 * letter is the kind: d  a register that is written, or _       D  the same, or {vector}
 * or d|p s  a register or a constant that is read  S  the same, or {vector} P  a
 * predicate that is written, or p|q    p  a predicate that is read, !p too v  {vector} or
 * a register                 m  [address] i  an integer constant                    l  a
 * label x  any of these and the second its width, when it is a register: 1 2  that of the
 * first, second type       L  that of the last type n m  at least that of the first,
 * second   w  the first's, doubled by .wide b q  32, 64 bits     a  32 or 64 bits     p
 * a predicate     -  not checked groups and flags: VG_PTX_GROUP_ and VG_PTX_FLAG_ names
 * without the prefix, as op_table.c defines them (G_, F_).
 */
#define VG_PTX_OPS(X)                                                                    \
    X(ABS, "abs", 1, 1, "d1 s1", G_FTZ, 0)                                               \
    X(ACTIVEMASK, "activemask", 1, 1, "d1", 0, F_CONVERGENT)                             \
    X(ADD, "add", 1, 2, "d1 sL s1", G_ROUND | G_FTZ | G_SAT | G_CC | G_PACKED, 0)        \
    X(ADDC, "addc", 1, 1, "d1 s1 s1", G_CC, 0)                                           \
    X(ALLOCA, "alloca", 1, 1, "d1 s1 ?i-", 0, F_SIDE)                                    \
    X(AND, "and", 1, 1, "d1 s1 s1", 0, 0)                                                \
    X(APPLYPRIORITY, "applypriority", 0, 0, "m- i-", G_SPACE | G_CACHE, F_MEMORY)        \
    X(ATOM, "atom", 1, 1, "Dn m- Sn ?Sn ?sq",                                            \
      G_SPACE | G_ORDER | G_SCOPE | G_ATOMIC | G_BOOL | G_FTZ | G_CACHE | G_VECTOR,      \
      F_MEMORY | F_SIDE)                                                                 \
    X(BAR, "bar", 0, 1, "x- ?x- ?x- ?x-", G_BARRIER | G_BOOL | G_SCOPE,                  \
      F_SIDE | F_CONVERGENT)                                                             \
    X(BARRIER, "barrier", 0, 1, "?x- ?x- ?x- ?x-",                                       \
      G_BARRIER | G_BOOL | G_SCOPE | G_ORDER, F_SIDE | F_CONVERGENT)                     \
    X(BFE, "bfe", 1, 1, "d1 s1 sb sb", 0, 0)                                             \
    X(BFI, "bfi", 1, 1, "d1 s1 s1 sb sb", 0, 0)                                          \
    X(BFIND, "bfind", 1, 1, "db s1", G_SHIFT, 0)                                         \
    X(BMSK, "bmsk", 1, 1, "d1 sb sb", G_SHIFT, 0)                                        \
    X(BRA, "bra", 0, 0, "l-", G_UNIFORM, F_BRANCH)                                       \
    X(BREV, "brev", 1, 1, "d1 s1", 0, 0)                                                 \
    X(BRKPT, "brkpt", 0, 0, "", 0, F_SIDE)                                               \
    X(BRX, "brx", 0, 0, "sb l-", G_UNIFORM | G_INDEX, F_BRANCH | F_ENDS)                 \
    X(CALL, "call", 0, 0, "", G_UNIFORM, F_SIDE | F_CALL)                                \
    X(CLZ, "clz", 1, 1, "db s1", 0, 0)                                                   \
    X(CNOT, "cnot", 1, 1, "d1 s1", 0, 0)                                                 \
    X(COPYSIGN, "copysign", 1, 1, "d1 s1 s1", 0, 0)                                      \
    X(COS, "cos", 1, 1, "d1 s1", G_APPROX | G_FTZ, 0)                                    \
    X(CP, "cp", 0, 2, "?x- ?x- ?x- ?x- ?x- ?x-",                                         \
      G_SPACE | G_CACHE | G_COPY | G_BARRIER | G_ATOMIC | G_BOOL | G_TENSOR | G_ORDER |  \
          G_SCOPE | G_FTZ | G_PROXY | G_MBARRIER,                                        \
      F_MEMORY | F_SIDE)                                                                 \
    X(CREATEPOLICY, "createpolicy", 1, 1, "dq ?x- ?x- ?x-",                              \
      G_CACHE | G_POLICY | G_SPACE, 0)                                                   \
    X(CVT, "cvt", 2, 3, "dn Sm ?s- ?s-",                                                 \
      G_ROUND | G_RINT | G_FTZ | G_SAT | G_RELU | G_PACKED | G_PACK, 0)                  \
    X(CVTA, "cvta", 1, 1, "d1 s1", G_SPACE | G_TO, 0)                                    \
    X(DISCARD, "discard", 0, 0, "m- i-", G_SPACE | G_CACHE, F_MEMORY | F_SIDE)           \
    X(DIV, "div", 1, 1, "d1 s1 s1", G_ROUND | G_APPROX | G_FTZ, 0)                       \
    X(DP2A, "dp2a", 2, 2, "db sb sb sb", G_HALF, 0)                                      \
    X(DP4A, "dp4a", 2, 2, "db sb sb sb", 0, 0)                                           \
    X(ELECT, "elect", 0, 0, "Db sb", G_BARRIER, F_CONVERGENT)                            \
    X(EX2, "ex2", 1, 1, "d1 s1", G_APPROX | G_FTZ, 0)                                    \
    X(EXIT, "exit", 0, 0, "", 0, F_ENDS | F_SIDE)                                        \
    X(FENCE, "fence", 0, 0, "?x- ?x-",                                                   \
      G_ORDER | G_SCOPE | G_PROXY | G_BARRIER | G_SPACE, F_MEMORY | F_SIDE)              \
    X(FMA, "fma", 1, 2, "d1 s- s- s1", G_ROUND | G_FTZ | G_SAT | G_RELU | G_PACKED, 0)   \
    X(FNS, "fns", 1, 1, "db sb sb sb", 0, 0)                                             \
    X(GETCTARANK, "getctarank", 1, 1, "db s1", G_SPACE, 0)                               \
    X(GRIDDEPCONTROL, "griddepcontrol", 0, 0, "", G_GRID, F_SIDE)                        \
    X(ISSPACEP, "isspacep", 0, 0, "dp sa", G_SPACE, 0)                                   \
    X(ISTYPEP, "istypep", 0, 0, "dp s-", G_TEXTURE, 0)                                   \
    X(LD, "ld", 1, 1, "Dn m- ?sq", G_SPACE | G_CACHE | G_ORDER | G_SCOPE | G_VECTOR,     \
      F_MEMORY)                                                                          \
    X(LDMATRIX, "ldmatrix", 1, 3, "D- m-", G_SPACE | G_BARRIER | G_MATRIX,               \
      F_MEMORY | F_CONVERGENT)                                                           \
    X(LDU, "ldu", 1, 1, "Dn m-", G_SPACE | G_VECTOR, F_MEMORY)                           \
    X(LG2, "lg2", 1, 1, "d1 s1", G_APPROX | G_FTZ, 0)                                    \
    X(LOP3, "lop3", 1, 1, "D1 s1 s1 s1 i- ?pp", G_BOOL, 0)                               \
    X(MAD, "mad", 1, 1, "dw s1 s1 sw", G_HALF | G_ROUND | G_FTZ | G_SAT | G_CC, 0)       \
    X(MAD24, "mad24", 1, 1, "d1 s1 s1 s1", G_HALF | G_SAT, 0)                            \
    X(MADC, "madc", 1, 1, "d1 s1 s1 s1", G_HALF | G_CC, 0)                               \
    X(MAPA, "mapa", 1, 1, "d1 s1 sb", G_SPACE, 0)                                        \
    X(MATCH, "match", 1, 1, "Db s1 sb", G_BARRIER, F_SIDE | F_CONVERGENT)                \
    X(MAX, "max", 1, 1, "d1 s1 s1 ?s1", G_FTZ | G_FNAN | G_RELU | G_XORSIGN, 0)          \
    X(MBARRIER, "mbarrier", 1, 1, "?x- ?x- ?x- ?x- ?x-",                                 \
      G_MBARRIER | G_BARRIER | G_SPACE | G_ORDER | G_SCOPE, F_MEMORY | F_SIDE)           \
    X(MEMBAR, "membar", 0, 0, "", G_SCOPE | G_PROXY, F_MEMORY | F_SIDE)                  \
    X(MIN, "min", 1, 1, "d1 s1 s1 ?s1", G_FTZ | G_FNAN | G_RELU | G_XORSIGN, 0)          \
    X(MMA, "mma", 4, 4, "v- v- v- v- ?s- ?i- ?x- ?x- ?x- ?x-",                           \
      G_BARRIER | G_MATRIX | G_SAT | G_BOOL, F_CONVERGENT)                               \
    X(MOV, "mov", 1, 1, "D1 S1", 0, 0)                                                   \
    X(MOVMATRIX, "movmatrix", 1, 1, "db sb", G_BARRIER | G_MATRIX, F_CONVERGENT)         \
    X(MUL, "mul", 1, 1, "dw s1 s1", G_HALF | G_ROUND | G_FTZ | G_SAT | G_PACKED, 0)      \
    X(MUL24, "mul24", 1, 1, "d1 s1 s1", G_HALF, 0)                                       \
    X(MULTIMEM, "multimem", 1, 2, "x- x- ?x-",                                           \
      G_SPACE | G_ORDER | G_SCOPE | G_ATOMIC | G_BOOL | G_VECTOR | G_MULTIMEM,           \
      F_MEMORY | F_SIDE)                                                                 \
    X(NANOSLEEP, "nanosleep", 1, 1, "s1", 0, F_SIDE)                                     \
    X(NEG, "neg", 1, 1, "d1 s1", G_FTZ, 0)                                               \
    X(NOT, "not", 1, 1, "d1 s1", 0, 0)                                                   \
    X(OR, "or", 1, 1, "d1 s1 s1", 0, 0)                                                  \
    X(PMEVENT, "pmevent", 0, 0, "i-", G_POLICY, F_SIDE)                                  \
    X(POPC, "popc", 1, 1, "db s1", 0, 0)                                                 \
    X(PREFETCH, "prefetch", 0, 0, "x-", G_SPACE | G_CACHE | G_TENSOR, F_MEMORY)          \
    X(PREFETCHU, "prefetchu", 0, 0, "m-", G_CACHE, F_MEMORY)                             \
    X(PRMT, "prmt", 1, 1, "d1 s1 s1 sb", G_PERMUTE, 0)                                   \
    X(RCP, "rcp", 1, 1, "d1 s1", G_APPROX | G_ROUND | G_FTZ, 0)                          \
    X(RED, "red", 1, 1, "m- Sn ?sq",                                                     \
      G_SPACE | G_ORDER | G_SCOPE | G_ATOMIC | G_BOOL | G_FTZ | G_CACHE | G_VECTOR |     \
          G_COPY | G_MBARRIER | G_PROXY,                                                 \
      F_MEMORY | F_SIDE)                                                                 \
    X(REDUX, "redux", 1, 1, "d1 s1 sb",                                                  \
      G_BARRIER | G_ATOMIC | G_BOOL | G_FNAN | G_XORSIGN, F_SIDE | F_CONVERGENT)         \
    X(REM, "rem", 1, 1, "d1 s1 s1", 0, 0)                                                \
    X(RET, "ret", 0, 0, "", G_UNIFORM, F_ENDS | F_SIDE)                                  \
    X(RSQRT, "rsqrt", 1, 1, "d1 s1", G_APPROX | G_FTZ, 0)                                \
    X(SAD, "sad", 1, 1, "d1 s1 s1 s1", 0, 0)                                             \
    X(SELP, "selp", 1, 1, "d1 s1 s1 pp", 0, 0)                                           \
    X(SET, "set", 2, 2, "d1 s2 s2 ?pp", G_COMPARE | G_BOOL | G_FTZ | G_HALF, 0)          \
    X(SETMAXNREG, "setmaxnreg", 1, 1, "i-", G_BARRIER | G_ATOMIC, F_SIDE | F_CONVERGENT) \
    X(SETP, "setp", 1, 1, "Pp s1 s1 ?pp", G_COMPARE | G_BOOL | G_FTZ | G_HALF, 0)        \
    X(SHF, "shf", 1, 1, "d1 s1 s1 sb", G_SHIFT, 0)                                       \
    X(SHFL, "shfl", 1, 1, "Db sb sb sb ?sb", G_SHUFFLE | G_INDEX | G_BARRIER,            \
      F_SIDE | F_CONVERGENT)                                                             \
    X(SHL, "shl", 1, 1, "d1 s1 sb", 0, 0)                                                \
    X(SHR, "shr", 1, 1, "d1 s1 sb", 0, 0)                                                \
    X(SIN, "sin", 1, 1, "d1 s1", G_APPROX | G_FTZ, 0)                                    \
    X(SLCT, "slct", 2, 2, "d1 s1 s1 s2", G_FTZ, 0)                                       \
    X(SQRT, "sqrt", 1, 1, "d1 s1", G_APPROX | G_ROUND | G_FTZ, 0)                        \
    X(ST, "st", 1, 1, "m- Sn ?sq",                                                       \
      G_SPACE | G_CACHE | G_ORDER | G_SCOPE | G_VECTOR | G_COPY | G_MBARRIER | G_PROXY,  \
      F_MEMORY | F_SIDE)                                                                 \
    X(STACKRESTORE, "stackrestore", 1, 1, "s1", 0, F_SIDE)                               \
    X(STACKSAVE, "stacksave", 1, 1, "d1", 0, F_SIDE)                                     \
    X(STMATRIX, "stmatrix", 1, 1, "m- S-", G_SPACE | G_BARRIER | G_MATRIX,               \
      F_MEMORY | F_SIDE | F_CONVERGENT)                                                  \
    X(SUB, "sub", 1, 2, "d1 sL s1", G_ROUND | G_FTZ | G_SAT | G_CC | G_PACKED, 0)        \
    X(SUBC, "subc", 1, 1, "d1 s1 s1", G_CC, 0)                                           \
    X(SULD, "suld", 1, 1, "D- m-", G_TEXTURE | G_MATRIX | G_CACHE | G_VECTOR | G_SHIFT,  \
      F_MEMORY)                                                                          \
    X(SUQ, "suq", 1, 1, "db m-", G_TEXTURE, 0)                                           \
    X(SURED, "sured", 1, 1, "m- S-", G_TEXTURE | G_MATRIX | G_ATOMIC | G_BOOL | G_SHIFT, \
      F_MEMORY | F_SIDE)                                                                 \
    X(SUST, "sust", 1, 1, "m- S-", G_TEXTURE | G_MATRIX | G_CACHE | G_VECTOR | G_SHIFT,  \
      F_MEMORY | F_SIDE)                                                                 \
    X(SZEXT, "szext", 1, 1, "d1 s1 sb", G_SHIFT, 0)                                      \
    X(TANH, "tanh", 1, 1, "d1 s1", G_APPROX, 0)                                          \
    X(TESTP, "testp", 1, 1, "dp s1", G_TESTP, 0)                                         \
    X(TEX, "tex", 2, 2, "D- m- ?x- ?x- ?x-", G_TEXTURE | G_VECTOR, F_MEMORY)             \
    X(TLD4, "tld4", 2, 2, "D- m- ?x- ?x-", G_TEXTURE | G_MATRIX | G_SHIFT | G_VECTOR,    \
      F_MEMORY)                                                                          \
    X(TRAP, "trap", 0, 0, "", 0, F_ENDS | F_SIDE)                                        \
    X(TXQ, "txq", 1, 1, "db m- ?x-", G_TEXTURE, 0)                                       \
    X(VABSDIFF, "vabsdiff", 3, 3, "x- x- x- ?x-", G_VIDEO | G_SAT | G_ATOMIC, 0)         \
    X(VADD, "vadd", 3, 3, "x- x- x- ?x-", G_VIDEO | G_SAT | G_ATOMIC, 0)                 \
    X(VMAD, "vmad", 3, 3, "x- x- x- x-", G_VIDEO | G_SAT | G_ATOMIC, 0)                  \
    X(VMAX, "vmax", 3, 3, "x- x- x- ?x-", G_VIDEO | G_SAT | G_ATOMIC, 0)                 \
    X(VMIN, "vmin", 3, 3, "x- x- x- ?x-", G_VIDEO | G_SAT | G_ATOMIC, 0)                 \
    X(VSET, "vset", 2, 2, "x- x- x- ?x-", G_VIDEO | G_COMPARE | G_HALF | G_ATOMIC, 0)    \
    X(VSHL, "vshl", 3, 3, "x- x- x- ?x-", G_VIDEO | G_SAT | G_SHIFT | G_ATOMIC, 0)       \
    X(VSHR, "vshr", 3, 3, "x- x- x- ?x-", G_VIDEO | G_SAT | G_SHIFT | G_ATOMIC, 0)       \
    X(VSUB, "vsub", 3, 3, "x- x- x- ?x-", G_VIDEO | G_SAT | G_ATOMIC, 0)                 \
    X(VOTE, "vote", 1, 1, "d1 pp ?sb", G_BARRIER | G_UNIFORM, F_SIDE | F_CONVERGENT)     \
    X(WMMA, "wmma", 1, 4, "x- x- ?x- ?x-",                                               \
      G_BARRIER | G_MATRIX | G_SPACE | G_SAT | G_BOOL, F_MEMORY | F_SIDE | F_CONVERGENT) \
    X(XOR, "xor", 1, 1, "d1 s1 s1", 0, 0)

enum vg_ptx_op {
    VG_PTX_OP_UNKNOWN = 0,
#define X(name, text, min_types, max_types, operands, groups, flags) VG_PTX_OP_##name,
    VG_PTX_OPS(X)
#undef X
    VG_PTX_OP_COUNT,
};

/* "unknown" for VG_PTX_OP_UNKNOWN. */
const char *vg_ptx_op_name(enum vg_ptx_op op);
/* enum vg_ptx_op_flag, ored. An unknown opcode has all but BRANCH, ENDS and CALL. */
unsigned vg_ptx_op_flags(enum vg_ptx_op op);
const char *vg_ptx_mod_name(enum vg_ptx_mod mod);
