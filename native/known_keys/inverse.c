/* The greatest common divisor from the low end, by division steps, and with it the inverse.

   With f odd, a division step takes (delta, f, g)

       to (1 - delta, g, (g - f) / 2)      where delta > 0 and g is odd,
       to (1 + delta, f, (g + f) / 2)      where delta <= 0 and g is odd,
       to (1 + delta, f, g / 2)            where g is even.

   From (1, prime, a) it reaches g = 0 and f = 1 or -1 within 741 steps for 256 bits. Which steps are taken depends on
   delta and the lowest bits alone: 62 of them are found on one word, as a matrix of four numbers, and then done to the
   long numbers at once. d and e are kept such that f = d*a and g = e*a modulo the prime; in the end d is 1/a or -1/a.

   Source: D. J. Bernstein, B.-Y. Yang, "Fast constant-time gcd computation and modular inversion" (2019), sections 8, 11;
   here in the form that takes as long as the numbers need. */
#include "inverse.h"

enum { WORDS = 5, STEPS = 62, PATIENCE = 6 };

#define LOW_BITS ((UINT64_C(1) << STEPS) - 1)

/* A signed number: the sum of word[i] * 2**(62*i), where all words but the last are in [0, 2**62). */
struct words {
    int64_t word[WORDS];
};

/* What 62 steps do: (f, g) becomes (u*f + v*g, q*f + r*g) / 2**62. |u| + |v| and |q| + |r| are at most 2**62. */
struct matrix {
    int64_t u, v, q, r;
};

static struct words to_words(const struct number *a)
{
    const uint64_t *limb = a->limb;
    return (struct words){{
        (int64_t)(limb[0] & LOW_BITS),
        (int64_t)((limb[0] >> 62 | limb[1] << 2) & LOW_BITS),
        (int64_t)((limb[1] >> 60 | limb[2] << 4) & LOW_BITS),
        (int64_t)((limb[2] >> 58 | limb[3] << 6) & LOW_BITS),
        (int64_t)(limb[3] >> 56),
    }};
}

/* The inverse of to_words, for numbers in [0, 2**256). */
static struct number from_words(const struct words *a)
{
    uint64_t word[WORDS];
    for (int i = 0; i < WORDS; i++)
        word[i] = (uint64_t)a->word[i];
    return (struct number){{
        word[0] | word[1] << 62,
        word[1] >> 2 | word[2] << 60,
        word[2] >> 4 | word[3] << 58,
        word[3] >> 6 | word[4] << 56,
    }};
}

/* Find what the next 62 steps do, from the low words of f and g; returns the delta behind them.

   Where g is halved, q and r would have to be; u and v are doubled instead, so that all four stay whole. */
static int64_t find_steps(int64_t delta, uint64_t f, uint64_t g, struct matrix *matrix)
{
    uint64_t u = 1, v = 0, q = 0, r = 1, taken;
    uint64_t negated = f * (f * f - 2); /* -1/f modulo 2**6: f * (2 - f*f) is 1/f for every odd f */
    for (int left = STEPS;;) {
        /* The bit above the steps that are left stops the count there. */
        int zeros = __builtin_ctzll(g | UINT64_C(1) << left);
        g >>= zeros;
        u <<= zeros, v <<= zeros;
        delta += zeros, left -= zeros;
        if (left == 0)
            break;
        if (delta > 0) {
            delta = -delta;
            taken = f, f = g, g = 0 - taken;
            taken = u, u = q, q = 0 - taken;
            taken = v, v = r, r = 0 - taken;
            negated = f * (f * f - 2);
        }
        /* f stays until delta is above zero again, so as many low bits of g are cleared at once, up to six. */
        int64_t bits = 1 - delta < left ? 1 - delta : left;
        uint64_t mask = (UINT64_C(1) << (bits < PATIENCE ? bits : PATIENCE)) - 1;
        uint64_t times = g * negated & mask;
        g += times * f, q += times * u, r += times * v;
    }
    *matrix = (struct matrix){(int64_t)u, (int64_t)v, (int64_t)q, (int64_t)r};
    return delta;
}

/* Set *a, *b to (u*a + v*b) / 2**62 and (q*a + r*b) / 2**62, which have no rest. */
static void apply(struct words *a, struct words *b, const struct matrix *t)
{
    int128 first = (int128)t->u * a->word[0] + (int128)t->v * b->word[0];
    int128 second = (int128)t->q * a->word[0] + (int128)t->r * b->word[0];
    for (int i = 1; i < WORDS; i++) {
        first = (first >> STEPS) + (int128)t->u * a->word[i] + (int128)t->v * b->word[i];
        second = (second >> STEPS) + (int128)t->q * a->word[i] + (int128)t->r * b->word[i];
        a->word[i - 1] = (int64_t)((uint64_t)first & LOW_BITS);
        b->word[i - 1] = (int64_t)((uint64_t)second & LOW_BITS);
    }
    a->word[WORDS - 1] = (int64_t)(first >> STEPS);
    b->word[WORDS - 1] = (int64_t)(second >> STEPS);
}

/* The same modulo the prime: as much of it is added as makes the rest vanish.

   `negated` is -1/prime modulo 2**62. Each time |d| and |e| grow by at most one prime; after twelve times they are below
   2**260, for which there is room. */
static void apply_modulo(struct words *a, struct words *b, const struct matrix *t, const struct words *prime,
                         uint64_t negated)
{
    int128 first = (int128)t->u * a->word[0] + (int128)t->v * b->word[0];
    int128 second = (int128)t->q * a->word[0] + (int128)t->r * b->word[0];
    int64_t one = (int64_t)((uint64_t)first * negated & LOW_BITS);
    int64_t other = (int64_t)((uint64_t)second * negated & LOW_BITS);
    first += (int128)prime->word[0] * one;
    second += (int128)prime->word[0] * other;
    for (int i = 1; i < WORDS; i++) {
        int128 of_first = (int128)t->u * a->word[i] + (int128)t->v * b->word[i];
        int128 of_second = (int128)t->q * a->word[i] + (int128)t->r * b->word[i];
        first = (first >> STEPS) + of_first + (int128)prime->word[i] * one;
        second = (second >> STEPS) + of_second + (int128)prime->word[i] * other;
        a->word[i - 1] = (int64_t)((uint64_t)first & LOW_BITS);
        b->word[i - 1] = (int64_t)((uint64_t)second & LOW_BITS);
    }
    a->word[WORDS - 1] = (int64_t)(first >> STEPS);
    b->word[WORDS - 1] = (int64_t)(second >> STEPS);
}

static int is_zero_words(const struct words *a)
{
    int64_t all = 0;
    for (int i = 0; i < WORDS; i++)
        all |= a->word[i];
    return all == 0;
}

/* Add a multiple of b to a, and carry. */
static void add_words(struct words *a, const struct words *b, int64_t times)
{
    int64_t carry = 0;
    for (int i = 0; i < WORDS; i++) {
        carry += a->word[i] + times * b->word[i];
        a->word[i] = i + 1 < WORDS ? (int64_t)((uint64_t)carry & LOW_BITS) : carry;
        carry >>= STEPS;
    }
}

/* Return -1/odd modulo 2**64: odd is its own inverse modulo 8, and each round doubles the bits that are right. */
static uint64_t negated_inverse(uint64_t odd)
{
    uint64_t inverse = odd;
    for (int bits = 3; bits < 64; bits *= 2)
        inverse *= 2 - odd * inverse;
    return 0 - inverse;
}

/* Return a, or -a, in [0, prime); at most some dozen primes have to be added or taken away. */
static struct number to_residue(const struct words *a, int is_negated, const struct words *prime)
{
    struct words positive = {{0}};
    add_words(&positive, a, is_negated ? -1 : 1);
    while (positive.word[WORDS - 1] < 0)
        add_words(&positive, prime, 1);
    for (;;) {
        struct words less = positive;
        add_words(&less, prime, -1);
        if (less.word[WORDS - 1] < 0)
            return from_words(&positive);
        positive = less;
    }
}

struct number invert(const struct number *a, const struct number *prime)
{
    const struct words modulus = to_words(prime);
    const uint64_t negated = negated_inverse(prime->limb[0]);
    struct words f = modulus, g = to_words(a), d = {{0}}, e = {{1}};
    int64_t delta = 1;

    while (!is_zero_words(&g)) {
        struct matrix steps;
        /* The lowest words have 62 bits, as many as there are steps. */
        delta = find_steps(delta, (uint64_t)f.word[0], (uint64_t)g.word[0], &steps);
        apply(&f, &g, &steps);
        apply_modulo(&d, &e, &steps, &modulus, negated);
    }
    return to_residue(&d, f.word[WORDS - 1] < 0, &modulus);
}
