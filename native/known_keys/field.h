/* The field that the curve is over: the integers modulo p = 2**256 - 0x1000003D1.

   Every element is kept as its one number in [0, p), so that equal elements have equal limbs. */
#ifndef PARLEY_FIELD_H
#define PARLEY_FIELD_H

#include "number.h"

/* 2**256 - p, which is also 2**256 modulo p. */
#define FIELD_GAP UINT64_C(0x1000003D1)

static const struct number field_modulus = {{0 - FIELD_GAP, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
static const struct number field_one = {{1, 0, 0, 0}};

/* Say whether a number of 256 bits is p or more. All but the lowest limb of p are full, which nothing random is. */
static inline int is_beyond_field(const struct number *a)
{
    return (a->limb[3] & a->limb[2] & a->limb[1]) == UINT64_MAX && a->limb[0] >= field_modulus.limb[0];
}

/* Add a number below 2**128; returns what is carried out. Nearly never does it reach the upper half. */
static inline uint64_t add_low(struct number *a, uint128 added)
{
    uint128 low = ((uint128)a->limb[1] << 64 | a->limb[0]) + added;
    a->limb[0] = (uint64_t)low;
    a->limb[1] = (uint64_t)(low >> 64);
    return low < added && ++a->limb[2] == 0 && ++a->limb[3] == 0;
}

static inline struct number field_add(const struct number *a, const struct number *b)
{
    struct number sum;
    uint64_t carry = add_numbers(&sum, a, b);
    add_low(&sum, FIELD_GAP & (0 - carry)); /* a + b < 2p, so nothing more is carried out */
    if (is_beyond_field(&sum))
        add_low(&sum, FIELD_GAP);
    return sum;
}

static inline struct number field_subtract(const struct number *a, const struct number *b)
{
    struct number difference;
    /* Without a branch on which of the two is larger: that cannot be foreseen. */
    uint64_t gap = FIELD_GAP & (0 - subtract_numbers(&difference, a, b));
    /* a - b + p >= 1, so nothing is borrowed by the highest limb; nearly never does one borrow at all. */
    if (difference.limb[0] < gap && difference.limb[1]-- == 0 && difference.limb[2]-- == 0)
        difference.limb[3]--;
    difference.limb[0] -= gap;
    return difference;
}

/* Fold 512 bits to the element that they are: 2**256 is 0x1000003D1, once for the upper half and once for the carry. */
static inline struct number field_fold(const uint64_t wide[2 * LIMBS])
{
    struct number folded;
    uint128 carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        carry += (uint128)wide[LIMBS + i] * FIELD_GAP + wide[i];
        folded.limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
    /* What is carried out here leaves less than 2**67 behind: the sum was below 2**256 + 2**34 * 0x1000003D1. */
    if (add_low(&folded, carry * FIELD_GAP) || is_beyond_field(&folded))
        add_low(&folded, FIELD_GAP);
    return folded;
}

static inline struct number field_multiply(const struct number *a, const struct number *b)
{
    uint64_t wide[2 * LIMBS];
    multiply_numbers(wide, a, b);
    return field_fold(wide);
}

static inline struct number field_square(const struct number *a) { return field_multiply(a, a); }

#endif
