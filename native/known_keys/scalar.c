#include "scalar.h"

enum { GAP_LIMBS = 3 };

const struct number scalar_modulus = {{
    UINT64_C(0xBFD25E8CD0364141), UINT64_C(0xBAAEDCE6AF48A03B), UINT64_C(0xFFFFFFFFFFFFFFFE), UINT64_MAX,
}};

const struct number scalar_half = {{
    UINT64_C(0xDFE92F46681B20A0), UINT64_C(0x5D576E7357A4501D), UINT64_MAX, UINT64_C(0x7FFFFFFFFFFFFFFF),
}};

/* 2**256 - n, which is also 2**256 modulo n: 129 bits. */
static const uint64_t gap[GAP_LIMBS] = {UINT64_C(0x402DA1732FC9BEBF), UINT64_C(0x4551231950B75FC4), 1};

struct number scalar_reduce(const struct number *a)
{
    struct number less;
    return subtract_numbers(&less, a, &scalar_modulus) ? *a : less; /* 2**256 < 2n */
}

/* Set wide to its lower half + its upper half * gap, which is the same modulo n. */
static void fold(uint64_t wide[2 * LIMBS])
{
    uint64_t folded[2 * LIMBS] = {wide[0], wide[1], wide[2], wide[3]};
    for (int i = 0; i < LIMBS; i++) {
        uint128 carry = 0;
        for (int j = 0; j < GAP_LIMBS; j++) {
            carry += (uint128)wide[LIMBS + i] * gap[j] + folded[i + j];
            folded[i + j] = (uint64_t)carry;
            carry >>= 64;
        }
        for (int j = i + GAP_LIMBS; j < 2 * LIMBS; j++) {
            carry += folded[j];
            folded[j] = (uint64_t)carry;
            carry >>= 64;
        }
    }
    for (int i = 0; i < 2 * LIMBS; i++)
        wide[i] = folded[i];
}

struct number scalar_multiply(const struct number *a, const struct number *b)
{
    uint64_t wide[2 * LIMBS];
    multiply_numbers(wide, a, b);
    /* 512 bits, at most 386, at most 260, at most 257, at most 256. */
    while ((wide[4] | wide[5] | wide[6] | wide[7]) != 0)
        fold(wide);
    struct number folded = {{wide[0], wide[1], wide[2], wide[3]}};
    return scalar_reduce(&folded);
}

struct number scalar_negate(const struct number *a)
{
    struct number negated;
    subtract_numbers(&negated, &scalar_modulus, a);
    return negated;
}

void split_scalar(int digits[], const struct number *a, int width)
{
    const uint64_t full = UINT64_C(1) << width;
    uint64_t carry = 0;
    for (int i = 0; i < DIGITS(width); i++) {
        int limb = i * width / 64, shift = i * width % 64;
        uint64_t bits = a->limb[limb] >> shift;
        if (shift + width > 64 && limb + 1 < LIMBS)
            bits |= a->limb[limb + 1] << (64 - shift);
        bits = (bits & (full - 1)) + carry;
        carry = bits > full / 2;
        digits[i] = (int)bits - (carry ? (int)full : 0);
    }
}
