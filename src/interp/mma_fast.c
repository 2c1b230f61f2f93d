/* SPDX-License-Identifier: Apache-2.0 */

/*
 * mma_fast - the shapes with 16 rows that kernels are full of, as straight loops.
 *
 * A register of a fragment is, lane after lane, an 8 x 8 tile of halves or an 8 x 16 tile
 * of bytes in row order; a pair of accumulators is an 8 x 8 tile of words. The sums are
 * those of mma.c: in f64, from C on in the order of k; products of halves are exact, so
 * that a host which fuses would give the same bits.
 */

#include "interp/tensor.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define M 16u
#define N 8u

typedef double row_f64 __attribute__((vector_size(64)));

/* --- halves --- */

static inline void
widen_half(const uint32_t *row, double out[64])
{
    uint16_t h[64];
    memcpy(h, row, sizeof(h));
    for (unsigned i = 0; i < 64; i++) {
        out[i] = (double)vg_half_float(h[i]);
    }
}

static inline void
widen_bf16(const uint32_t *row, double out[64])
{
    uint16_t h[64];
    memcpy(h, row, sizeof(h));
    for (unsigned i = 0; i < 64; i++) {
        out[i] = (double)vg_bf16_float(h[i]);
    }
}

/* acc[8 rows][8] += a[8 rows][8 k] * b[8 k][8] */
static inline void
tile_f64(double *restrict acc, const double *restrict a, const double *restrict b)
{
    for (unsigned r = 0; r < 8; r += 2) {
        row_f64 s0;
        row_f64 s1;
        memcpy(&s0, acc + (size_t)r * N, sizeof(s0));
        memcpy(&s1, acc + (size_t)(r + 1) * N, sizeof(s1));
        for (unsigned k = 0; k < 8; k++) {
            row_f64 v;
            memcpy(&v, b + (size_t)k * N, sizeof(v));
            s0 += a[r * 8 + k] * v;
            s1 += a[(r + 1) * 8 + k] * v;
        }
        memcpy(acc + (size_t)r * N, &s0, sizeof(s0));
        memcpy(acc + (size_t)(r + 1) * N, &s1, sizeof(s1));
    }
}

static inline void
transpose_f64(const double *restrict from, double *restrict to)
{
    for (unsigned r = 0; r < 8; r++) {
        for (unsigned c = 0; c < 8; c++) {
            to[c * 8 + r] = from[r * 8 + c];
        }
    }
}

/* Accumulators of rows 8h to 8h+7. */
static inline void
load_acc(const struct vg_warp *w, const struct vg_mma *x, unsigned h, double *acc)
{
    if (x->c_type == VG_PTX_F32) {
        const uint32_t *even = vg_row32(w, x->c[2 * h]);
        const uint32_t *odd = vg_row32(w, x->c[2 * h + 1]);
        for (unsigned l = 0; l < VG_LANES; l++) {
            acc[2 * l] = (double)vg_bits_f32(even[l]);
            acc[2 * l + 1] = (double)vg_bits_f32(odd[l]);
        }
    } else {
        widen_half(vg_row32(w, x->c[h]), acc);
    }
}

static inline void
store_acc(const struct vg_warp *w, const struct vg_mma *x, unsigned h, const double *acc)
{
    if (x->d_type == VG_PTX_F32) {
        uint32_t *even = vg_row32(w, x->d[2 * h]);
        uint32_t *odd = vg_row32(w, x->d[2 * h + 1]);
        for (unsigned l = 0; l < VG_LANES; l++) {
            const float e = (float)acc[2 * l];
            const float o = (float)acc[2 * l + 1];
            even[l] = e == e ? vg_f32_bits(e) : 0x7fffffffu;
            odd[l] = o == o ? vg_f32_bits(o) : 0x7fffffffu;
        }
    } else {
        uint32_t *both = vg_row32(w, x->d[h]);
        for (unsigned l = 0; l < VG_LANES; l++) {
            both[l] = vg_f64_to_half(acc[2 * l]) |
                      (uint32_t)vg_f64_to_half(acc[2 * l + 1]) << 16;
        }
    }
}

static inline int
halves(struct vg_warp *w, const struct vg_iop *op, uint32_t mask, bool is_bf16)
{
    const struct vg_mma *x = op->ext;
    double a[64];
    double column[64];
    double b[2][64];
    double acc[2][64];
    const unsigned tiles = x->k / 8u;

    const int step = VG_ISA(vg_tensor_together)(w, mask);
    if (step != VG_STEP_NEXT) {
        return step;
    }
    for (unsigned t = 0; t < tiles; t++) {
        if (is_bf16) {
            widen_bf16(vg_row32(w, x->b[t]), column);
        } else {
            widen_half(vg_row32(w, x->b[t]), column);
        }
        transpose_f64(column, b[t]);
    }
    for (unsigned h = 0; h < 2; h++) {
        load_acc(w, x, h, acc[h]);
        for (unsigned t = 0; t < tiles; t++) {
            if (is_bf16) {
                widen_bf16(vg_row32(w, x->a[2 * t + h]), a);
            } else {
                widen_half(vg_row32(w, x->a[2 * t + h]), a);
            }
            tile_f64(acc[h], a, b[t]);
        }
    }
    /* D may be the registers of A, B or C: written when all is read */
    store_acc(w, x, 0, acc[0]);
    store_acc(w, x, 1, acc[1]);
    return VG_STEP_NEXT;
}

static int
mma_f16(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    return halves(w, op, mask, false);
}

static int
mma_bf16(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    return halves(w, op, mask, true);
}

/* --- bytes --- */

static inline void
widen_bytes(const uint32_t *row, bool is_signed, int16_t out[128])
{
    uint8_t u[128];
    memcpy(u, row, sizeof(u));
    if (is_signed) {
        for (unsigned i = 0; i < 128; i++) {
            out[i] = (int16_t)((u[i] ^ 0x80) - 0x80);
        }
    } else {
        for (unsigned i = 0; i < 128; i++) {
            out[i] = u[i];
        }
    }
}

/* sum[8 rows][8] += a[8 rows][16 k] * b, where b holds pairs of k: [8 pairs][8][2] */
static inline void
tile_s32(int32_t *restrict sum, const int16_t *restrict a, const int16_t *restrict b)
{
#if defined(__AVX2__)
    __m256i pair[8];
    for (unsigned p = 0; p < 8; p++) {
        pair[p] = _mm256_loadu_si256((const __m256i *)(const void *)(b + (size_t)p * 16));
    }
    for (unsigned r = 0; r < 8; r++) {
        __m256i *at = (__m256i *)(void *)(sum + (size_t)r * N);
        __m256i s = _mm256_loadu_si256(at);
        for (unsigned p = 0; p < 8; p++) {
            int32_t two;
            memcpy(&two, a + (size_t)r * 16 + (size_t)p * 2, 4);
            s = _mm256_add_epi32(s, _mm256_madd_epi16(_mm256_set1_epi32(two), pair[p]));
        }
        _mm256_storeu_si256(at, s);
    }
#else
    for (unsigned r = 0; r < 8; r++) {
        for (unsigned p = 0; p < 8; p++) {
            const int32_t low = a[r * 16 + p * 2];
            const int32_t high = a[r * 16 + p * 2 + 1];
            for (unsigned n = 0; n < N; n++) {
                sum[r * N + n] += low * b[p * 16 + n * 2] + high * b[p * 16 + n * 2 + 1];
            }
        }
    }
#endif
}

static inline void
finish_bytes(const struct vg_warp *w, const struct vg_mma *x, unsigned h, int32_t *sum)
{
    for (unsigned i = 0; i < 2; i++) {
        const uint32_t *c = vg_row32(w, x->c[2 * h + i]);
        for (unsigned l = 0; l < VG_LANES; l++) {
            const int64_t all = (int64_t)(int32_t)c[l] + sum[2 * l + i];
            sum[2 * l + i] = (int32_t)vg_tensor_s32(all, x->saturate);
        }
    }
}

static int
mma_bytes(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct vg_mma *x = op->ext;
    int16_t a[128];
    int16_t column[128];
    int16_t b[2][128];
    int32_t sum[2][64];
    const unsigned tiles = x->k / 16u;

    const int step = VG_ISA(vg_tensor_together)(w, mask);
    if (step != VG_STEP_NEXT) {
        return step;
    }
    memset(sum, 0, sizeof(sum));
    for (unsigned t = 0; t < tiles; t++) {
        widen_bytes(vg_row32(w, x->b[t]), x->b_type == VG_PTX_S8, column);
        for (unsigned n = 0; n < N; n++) {
            for (unsigned p = 0; p < 8; p++) {
                memcpy(&b[t][p * 16 + n * 2], &column[n * 16 + p * 2], 4);
            }
        }
    }
    for (unsigned h = 0; h < 2; h++) {
        for (unsigned t = 0; t < tiles; t++) {
            widen_bytes(vg_row32(w, x->a[2 * t + h]), x->a_type == VG_PTX_S8, a);
            tile_s32(sum[h], a, b[t]);
        }
        finish_bytes(w, x, h, sum[h]);
    }
    for (unsigned i = 0; i < 4; i++) {
        uint32_t *d = vg_row32(w, x->d[i]);
        for (unsigned l = 0; l < VG_LANES; l++) {
            d[l] = (uint32_t)sum[i / 2][2 * l + i % 2];
        }
    }
    return VG_STEP_NEXT;
}

vg_iop_fn *
VG_ISA(vg_mma_fast)(const struct vg_mma *x)
{
    const bool bytes = (x->a_type == VG_PTX_S8 || x->a_type == VG_PTX_U8) &&
                       (x->b_type == VG_PTX_S8 || x->b_type == VG_PTX_U8);
    if (x->m != M) {
        return NULL;
    }
    if (bytes && (x->k == 16 || x->k == 32)) {
        return mma_bytes;
    }
    if (x->a_type != x->b_type || (x->k != 8 && x->k != 16)) {
        return NULL;
    }
    return x->a_type == VG_PTX_F16 ? mma_f16 : x->a_type == VG_PTX_BF16 ? mma_bf16 : NULL;
}
