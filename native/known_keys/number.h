/* Numbers of 256 bits: four limbs of 64, the lowest first.

   Everything in this folder works on what is public (keys, signatures, digests), so how long it takes may depend on the
   values, and does. Nothing here may ever see a secret. */
#ifndef PARLEY_NUMBER_H
#define PARLEY_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#if !defined(__SIZEOF_INT128__)
#error "no integers of 128 bits here: the package does without this extension"
#endif

__extension__ typedef unsigned __int128 uint128;
__extension__ typedef __int128 int128;

enum { LIMBS = 4, NUMBER_BYTES = 32 };

struct number {
    uint64_t limb[LIMBS];
};

static inline int is_zero(const struct number *a) { return (a->limb[0] | a->limb[1] | a->limb[2] | a->limb[3]) == 0; }

static inline int is_equal(const struct number *a, const struct number *b)
{
    return ((a->limb[0] ^ b->limb[0]) | (a->limb[1] ^ b->limb[1]) | (a->limb[2] ^ b->limb[2])
            | (a->limb[3] ^ b->limb[3])) == 0;
}

static inline int is_below(const struct number *a, const struct number *b)
{
    for (int i = LIMBS - 1; i > 0; i--)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i];
    return a->limb[0] < b->limb[0];
}

/* Set *sum to a + b modulo 2**256; returns what is carried out. */
static inline uint64_t add_numbers(struct number *sum, const struct number *a, const struct number *b)
{
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint64_t added;
        uint64_t carried = __builtin_add_overflow(a->limb[i], b->limb[i], &added);
        carry = carried + __builtin_add_overflow(added, carry, &sum->limb[i]);
    }
    return carry;
}

/* Set *difference to a - b modulo 2**256; returns 1 where a < b. */
static inline uint64_t subtract_numbers(struct number *difference, const struct number *a, const struct number *b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint64_t left;
        uint64_t borrowed = __builtin_sub_overflow(a->limb[i], b->limb[i], &left);
        borrow = borrowed + __builtin_sub_overflow(left, borrow, &difference->limb[i]);
    }
    return borrow;
}

/* Set product to a * b, all 512 bits. */
static inline void multiply_numbers(uint64_t product[2 * LIMBS], const struct number *a, const struct number *b)
{
    uint128 carry = 0;
    for (int j = 0; j < LIMBS; j++) {
        carry += (uint128)a->limb[0] * b->limb[j];
        product[j] = (uint64_t)carry;
        carry >>= 64;
    }
    product[LIMBS] = (uint64_t)carry;
    for (int i = 1; i < LIMBS; i++) {
        carry = 0;
        for (int j = 0; j < LIMBS; j++) {
            carry += (uint128)a->limb[i] * b->limb[j] + product[i + j];
            product[i + j] = (uint64_t)carry;
            carry >>= 64;
        }
        product[i + LIMBS] = (uint64_t)carry;
    }
}

/* Read 32 bytes, big endian. */
static inline struct number read_number(const uint8_t bytes[NUMBER_BYTES])
{
    struct number number = {{0}};
    for (int i = 0; i < NUMBER_BYTES; i++)
        number.limb[LIMBS - 1 - i / 8] = number.limb[LIMBS - 1 - i / 8] << 8 | bytes[i];
    return number;
}

#endif
