/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * priv - what the parts of the interpreter share.
 *
 * Registers are rows of 32 lanes: uint32_t[32] for everything up to 32 bits (narrower
 * values are kept zero-extended), uint64_t[32] for 64 bits, one uint32_t mask for a
 * predicate. A slot is a row's byte offset; its bit 0 says that the row is in the
 * kernel's table of constants, which is why an immediate costs no more than a register.
 *
 * A decoded instruction (struct vg_iop) is a handler and its slots. A handler does all
 * lanes of the mask it is given and returns what the warp's loop has to do next.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "interp/interp.h"
#include "ptx/ptx.h"

#define VG_LANES 32
#define VG_FULL  0xffffffffu

/* Generic addresses of the windows: the low 32 bits are the offset, the high bits lie
 * above every address that a process can have. */
#define VG_WINDOW_SHARED 0x01f1000000000000ull
#define VG_WINDOW_LOCAL  0x01f2000000000000ull
#define VG_WINDOW_PARAM  0x01f3000000000000ull
#define VG_WINDOW_GRID   0x01f5000000000000ull
#define VG_WINDOW_SIZE   0x0000000100000000ull

#define VG_MAX_BARRIERS 16
#define VG_MAX_WARPS    32
#define VG_MAX_DEPTH    64

enum vg_step {
    VG_STEP_NEXT = 0,
    VG_STEP_BRANCH,  /* the lanes go to op->imm */
    VG_STEP_INDEXED, /* w->taken lanes go to w->target, the others come again */
    VG_STEP_EXIT,    /* the lanes end */
    VG_STEP_RETURN,  /* the lanes leave the function */
    VG_STEP_CALL,    /* w->taken lanes make w->call, those of w->want come again */
    VG_STEP_BARRIER, /* the group waits at w->barrier */
    VG_STEP_GATHER,  /* the group waits for the lanes of w->want to come here */
    VG_STEP_MEET,    /* the group waits for w->want, wherever they wait (bar.warp.sync) */
    VG_STEP_YIELD,   /* go on, but let others run first */
    VG_STEP_FAULT,
};

struct vg_warp;
struct vg_iop;
struct vg_block;
struct vg_call;
struct vg_code;

typedef int vg_iop_fn(struct vg_warp *w, const struct vg_iop *op, uint32_t mask);

/* op->mode of barrier instructions */
enum {
    VG_BARRIER_SYNC,
    VG_BARRIER_ARRIVE,
    VG_BARRIER_AND,
    VG_BARRIER_OR,
    VG_BARRIER_POPC
};

enum {
    VG_GUARD_NONE,
    VG_GUARD_IF,
    VG_GUARD_UNLESS
};

struct vg_iop {
    vg_iop_fn *run;
    uint32_t d, a, b, c;
    uint32_t guard; /* slot of the predicate */
    uint8_t guard_kind;
    uint8_t size;  /* bytes of a memory element */
    uint8_t count; /* elements of a vector, lanes, registers */
    uint8_t mode;  /* rounding, comparison, width: the handler's own */
    uint32_t e, f; /* further slots or numbers */
    uint32_t line;
    int64_t imm;
    const uint32_t *slots; /* of vectors and calls */
    const void *ext;
#if defined(VG_INTERP_MUTATE)
    struct {
        vg_iop_fn *run;
        uint64_t flip;
        uint32_t slot;
        uint32_t number;
        uint8_t bits; /* of the result's register; 0: no result */
    } mutant;
#endif
};

enum vg_group_state {
    VG_GROUP_READY,
    VG_GROUP_BARRIER,
    VG_GROUP_GATHER,
    VG_GROUP_MEET,
    VG_GROUP_CALL, /* its lanes are in a deeper frame */
};

struct vg_group {
    uint32_t pc, mask;
    uint32_t want;
    uint8_t state;
    uint8_t barrier;
};

struct vg_frame {
    const struct vg_code *code;
    uint8_t *regs;
    uint8_t *params; /* for each lane: the .param variables of this frame */
    size_t regs_cap, params_cap;
    const struct vg_call *call; /* that made this frame */
    uint32_t caller;            /* the calling group's program counter */
    uint32_t call_mask;
    uint32_t local_base; /* of this frame's .local variables */
    uint32_t n_groups;
    struct vg_group groups[VG_LANES];
};

struct vg_warp {
    uint8_t *base[2]; /* registers of the current frame, constants of its code */
    struct vg_block *block;
    uint32_t index;
    uint32_t live; /* lanes that have not ended */
    uint32_t all;  /* lanes that exist */
    uint32_t first_thread;

    /* written by a handler, read by the loop */
    uint32_t taken, want, target, barrier;
    const struct vg_call *call;

    uint32_t depth;
    uint32_t turn; /* rotates when a slice ends */
    struct vg_frame *frame;
    struct vg_frame *frames[VG_MAX_DEPTH];
    uint8_t *local; /* local_size bytes for each lane */
    uint32_t local_size;
    size_t local_cap;
    uint64_t steps;
};

struct vg_barrier {
    bool busy;
    uint32_t expect; /* threads, or 0 for all */
    uint32_t arrived[VG_MAX_WARPS];
    uint32_t waiting[VG_MAX_WARPS];
    uint32_t any, all, count; /* for bar.red */
};

#define VG_RANGE_CACHE 16

struct vg_block {
    const struct vg_interp_launch *launch;
    const struct vg_interp_kernel *kernel;
    struct vg_interp_fault *fault;
    uint32_t id[3];
    uint32_t n_threads, n_warps;
    uint8_t *shared;
    uint32_t shared_size, shared_cap;
    uint64_t workspace; /* of the grid, for cooperative groups; or 0 */
    uint8_t *workspace_bytes;
    uint32_t n_ranges, next_range;
    struct vg_interp_range ranges[VG_RANGE_CACHE];
    struct vg_barrier barriers[VG_MAX_BARRIERS];
    uint32_t short_turns; /* turns left that are short, after a barrier */
    struct vg_warp *warps;
    struct vg_block *next; /* in the kernel's pool */
};

/* A function's instructions; one for the kernel, one for each function it may call. */
struct vg_code {
    const struct vg_ptx_func *func;
    struct vg_iop *ops;
    uint32_t n_ops;
    uint32_t regs_size;   /* bytes of rows */
    uint32_t params_size; /* bytes of .param variables for one lane */
    uint32_t local_size;  /* bytes of .local variables */
    uint8_t *consts;
    const struct vg_sreg_row *sregs;
    uint32_t n_sregs;
    uint32_t local_row; /* slot of the row with local_base, or UINT32_MAX */
    /* parameters and results: offsets in the frame's .param area */
    const uint32_t *param_offsets;
    const uint32_t *return_offsets;
    /* the same for .reg parameters: slots */
    uint32_t *param_slots;
    uint32_t *return_slots;
};

struct vg_sreg_row {
    uint32_t slot;
    uint8_t sreg, component;
    bool wide;
};

static inline uint8_t *
vg_row(const struct vg_warp *w, uint32_t slot)
{
    return w->base[slot & 1] + (slot & ~1u);
}

static inline uint32_t *
vg_row32(const struct vg_warp *w, uint32_t slot)
{
    return __builtin_assume_aligned(vg_row(w, slot), 64);
}

static inline uint64_t *
vg_row64(const struct vg_warp *w, uint32_t slot)
{
    return __builtin_assume_aligned(vg_row(w, slot), 64);
}

static inline uint32_t *
vg_pred(const struct vg_warp *w, uint32_t slot)
{
    return (uint32_t *)(void *)vg_row(w, slot);
}

static inline void
vg_pred_set(const struct vg_warp *w, uint32_t slot, uint32_t mask, uint32_t bits)
{
    uint32_t *p = vg_pred(w, slot);
    *p = (*p & ~mask) | (bits & mask);
}

#if defined(__clang_analyzer__)
/* an analyser learns nothing from the second lane on */
#define VG_WALK               1
#define VG_EACH_LANE(l, mask) for (uint32_t m_ = (mask) != 0, l = 0; m_ != 0; m_ = 0)
#else
#define VG_WALK VG_LANES
#define VG_EACH_LANE(l, mask)                                                            \
    for (uint32_t m_ = (mask), l = 0; m_ != 0 && ((l = (uint32_t)__builtin_ctz(m_)), 1); \
         m_ &= m_ - 1)
#endif

#if defined(__clang__)
#define VG_VECTOR _Pragma("clang loop vectorize(assume_safety)")
#else
#define VG_VECTOR _Pragma("GCC ivdep")
#endif

/* Fills the block's fault; @lane of @w. Return: VG_STEP_FAULT. */
int vg_fault(struct vg_warp *w, const struct vg_iop *op, uint32_t lane,
             enum vg_interp_fault_kind kind, uint64_t address, const char *text);

/* --- memory (mem_access.c) --- */

/* Host bytes of a generic address, or NULL with the fault filled. */
uint8_t *vg_mem_at(struct vg_warp *w, const struct vg_iop *op, uint32_t lane,
                   uint64_t address, uint32_t size, bool is_write);
/* The same for an offset in a window; @space is shared, local or param. */
uint8_t *vg_mem_window(struct vg_warp *w, const struct vg_iop *op, uint32_t lane,
                       enum vg_ptx_space space, uint64_t offset, uint32_t size);
/* The range of the arena that holds @address, from the block's cache; NULL: none. */
const struct vg_interp_range *vg_mem_range(struct vg_block *block, uint64_t address);

/* --- decoding (decode.c) --- */

struct vg_dec;
typedef int vg_decode_fn(struct vg_dec *d, const struct vg_ptx_insn *insn);

/* What a build for one instruction set gives: the decoders, each with its handlers. */
struct vg_isa {
    const char *name;
    vg_decode_fn *integer, *logic, *compare, *floating, *approx, *half, *convert, *memory,
        *atomic, *warp, *tensor, *control, *video;
};

extern const struct vg_isa vg_isa_base;
extern const struct vg_isa vg_isa_v3;

/* The instruction set in use; a test may ask for "base". */
const struct vg_isa *vg_isa_pick(void);

/* Appends one decoded instruction with the current guard. Never NULL: an allocation that
 * fails is remembered and reported at the end. */
struct vg_iop *vg_dec_emit(struct vg_dec *d, vg_iop_fn *run);
/* The same with d, a, b, c filled. */
struct vg_iop *vg_dec_emit4(struct vg_dec *d, vg_iop_fn *run, const uint32_t slots[4]);
/* The instruction emitted last. */
struct vg_iop *vg_dec_last(struct vg_dec *d);
/* Slot of a source read as @type. */
uint32_t
vg_dec_src(struct vg_dec *d, const struct vg_ptx_operand *o, enum vg_ptx_type type);
/* Slot of a source predicate; !p becomes a temporary. */
uint32_t vg_dec_pred(struct vg_dec *d, const struct vg_ptx_operand *o);
/* Slot of a destination written as @type; a sink is a scratch row. The result may be
 * narrower than the register: vg_dec_finish() then widens. */
uint32_t
vg_dec_dst(struct vg_dec *d, const struct vg_ptx_operand *o, enum vg_ptx_type type);
/* A scratch row of @bits. */
uint32_t vg_dec_temp(struct vg_dec *d, unsigned bits);
/* A row that holds @value in every lane. */
uint32_t vg_dec_const(struct vg_dec *d, uint64_t value, unsigned bits);
uint32_t
vg_dec_sreg(struct vg_dec *d, enum vg_ptx_sreg sreg, uint8_t component, unsigned bits);
/* The predicate that holds the carry flag (9.7.2). */
uint32_t vg_dec_carry(struct vg_dec *d);
unsigned vg_dec_reg_bits(const struct vg_dec *d, uint32_t reg);
uint32_t vg_dec_reg_slot(const struct vg_dec *d, uint32_t reg);
/* A copy of @count slots that lives as long as the kernel. */
const uint32_t *vg_dec_slots(struct vg_dec *d, const uint32_t *slots, size_t count);
/* Zeroed memory that lives as long as the kernel; NULL is remembered. */
void *vg_dec_alloc(struct vg_dec *d, size_t size);
/* Says that the form, or @what about it, is not carried. Return: VG_INTERP_UNSUPPORTED */
int vg_dec_refuse(struct vg_dec *d, const char *what);

/* An address operand, decoded: value = row a (bits wide) + imm, in @space. */
struct vg_dec_address {
    uint32_t slot; /* UINT32_MAX: none, the address is imm alone */
    bool wide;     /* the row is 64 bits */
    int64_t imm;
    enum vg_ptx_space space; /* a symbol's own space, else VG_PTX_GENERIC */
    bool is_own_param;       /* a .param variable of this frame, imm is its offset */
};
int vg_dec_address(struct vg_dec *d, const struct vg_ptx_operand *o,
                   struct vg_dec_address *out);
/* The value of a symbol in its own space. */
int vg_dec_symbol(struct vg_dec *d, const struct vg_ptx_operand *o,
                  struct vg_dec_address *out);
/* Records a branch target to be filled in when all pcs are known. */
void vg_dec_target(struct vg_dec *d, struct vg_iop *op, uint32_t insn);
/* The code of another function of the module, decoded on demand. */
struct vg_code *vg_dec_callee(struct vg_dec *d, uint32_t func_index);
const struct vg_ptx_module *vg_dec_module(const struct vg_dec *d);
const struct vg_ptx_func *vg_dec_func(const struct vg_dec *d);
/* Offset in the frame's .param area of a symbol of scope FUNC, PARAM or RETURN. */
uint32_t vg_dec_param_offset(const struct vg_dec *d, uint8_t scope, uint32_t symbol);

/* --- running (exec.c, frame.c, barrier.c) --- */

/* Runs one warp for a slice. Return: VG_STEP_YIELD when the slice is used up,
 * VG_STEP_BARRIER when every group waits, VG_STEP_EXIT when the warp has ended,
 * VG_STEP_FAULT. */
int vg_warp_run(struct vg_warp *w, uint64_t slice);
/* Looks whether groups that wait for lanes may go on, after lanes moved or ended. */
void vg_groups_check(struct vg_warp *w);

/* Return: 0, or VG_STEP_FAULT when memory has run out. */
int vg_frame_push(struct vg_warp *w, const struct vg_code *code, uint32_t mask);
void vg_frame_pop(struct vg_warp *w);
/* Copies the arguments of w->call into the new frame, the results back. */
void vg_call_enter(struct vg_warp *w, const struct vg_frame *caller);
void vg_call_leave(struct vg_warp *w, const struct vg_frame *callee);

/* The lanes of @mask arrive at the barrier of @op. */
void vg_barrier_arrive(struct vg_warp *w, const struct vg_iop *op, uint32_t mask);
/* Releases the barriers that are complete, after an arrival or an end. */
void vg_barrier_check(struct vg_block *block);
