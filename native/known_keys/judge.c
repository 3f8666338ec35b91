/* A signature r || s || v over the digest z is right when R = (z/s)*G + (r/s)*Q has x(R) = r and the parity of y(R) that
   v - 27 says. That is the verdict of recovering the key: R is the point with this x and this parity, and r*Q = s*R - z*G
   has one solution Q. With v of 27 or 28, x(R) is r itself and not r + n.

   Who signs knows Q = d*G and chooses z, r and s, so nothing here may be left to chance: points that meet equal or
   opposite ones are what a forger would try, and `make_sums` is right for all of them. */
#include "judge.h"

#include <stdlib.h>

#include "inverse.h"
#include "scalar.h"

/* Signatures that are judged at once share the inversions; more of them would leave the processor's cache. */
enum { GROUP = 16, V_OF_EVEN = 27, MAXIMUM_POINTS = DIGITS(GENERATOR_WIDTH) + DIGITS(KEY_WIDTH) };

const struct point generator = {
    {{UINT64_C(0x59F2815B16F81798), UINT64_C(0x029BFCDB2DCE28D9), UINT64_C(0x55A06295CE870B07),
      UINT64_C(0x79BE667EF9DCBBAC)}},
    {{UINT64_C(0x9C47D08FFB10D4B8), UINT64_C(0xFD17B448A6855419), UINT64_C(0x5DA4FBFC0E1108A8),
      UINT64_C(0x483ADA7726A3C465)}},
};

/* A signature of the right form, and the points that are left to be added up to R. */
struct candidate {
    struct number z, r, s, product;
    uint64_t parity; /* that y(R) should have */
    uint8_t *verdict;
    size_t count;
    struct point points[MAXIMUM_POINTS];
};

/* Read a digest and a signature; returns 0 where the form is not the right one. */
static int read_candidate(struct candidate *candidate, const uint8_t *digest, const uint8_t *signature)
{
    struct number z = read_number(digest);
    candidate->z = scalar_reduce(&z);
    candidate->r = read_number(signature);
    candidate->s = read_number(signature + NUMBER_BYTES);
    candidate->parity = (uint64_t)signature[2 * NUMBER_BYTES] - V_OF_EVEN;
    return candidate->parity <= 1 && !is_zero(&candidate->r) && is_below(&candidate->r, &scalar_modulus)
        && !is_zero(&candidate->s) && !is_below(&scalar_half, &candidate->s);
}

/* Select the points whose sum is R, with one inversion for all candidates. */
static void find_points(struct candidate *candidates, size_t count, const struct table *of_generator,
                        const struct table *of_key)
{
    struct number product = {{1, 0, 0, 0}};
    for (size_t i = 0; i < count; i++) {
        candidates[i].product = product; /* of every s before */
        product = scalar_multiply(&product, &candidates[i].s);
    }
    struct number inverse = invert(&product, &scalar_modulus);
    for (size_t i = count; i-- > 0;) {
        struct candidate *one = &candidates[i];
        struct number own = scalar_multiply(&inverse, &one->product);
        struct number u1 = scalar_multiply(&one->z, &own), u2 = scalar_multiply(&one->r, &own);
        inverse = scalar_multiply(&inverse, &one->s);
        one->count = select_points(one->points, of_generator, &u1);
        one->count += select_points(one->points + one->count, of_key, &u2);
    }
}

/* Add up the points of all candidates: each level halves how many there are. */
static void add_up(struct candidate *candidates, size_t count, struct sum *sums)
{
    for (size_t made = 1; made > 0;) {
        made = 0;
        for (size_t i = 0; i < count; i++) {
            struct candidate *one = &candidates[i];
            size_t left = (one->count + 1) / 2; /* with an odd one, which waits */
            for (size_t j = 0; left + j < one->count; j++) {
                struct point *point = &one->points[j];
                sums[made++] = (struct sum){.left = point, .right = point + left, .total = point};
            }
            one->count = left;
        }
        if (made > 0)
            make_sums(sums, made);
    }
}

/* u2 is not 0, so there was at least one point. */
static void decide(const struct candidate *candidate)
{
    const struct point *sum = candidate->points;
    *candidate->verdict = !is_infinite(sum) && is_equal(&sum->x, &candidate->r)
        && (sum->y.limb[0] & 1) == candidate->parity;
}

int judge(const struct table *of_generator, const struct table *of_key, const uint8_t *digests,
          const uint8_t *signatures, size_t count, uint8_t *verdicts)
{
    const size_t room = count == 0 ? 1 : count < GROUP ? count : GROUP;
    struct candidate *candidates = malloc(room * sizeof *candidates);
    struct sum *sums = malloc(room * (MAXIMUM_POINTS / 2) * sizeof *sums);
    int is_possible = candidates != NULL && sums != NULL;

    for (size_t from = 0; is_possible && from < count; from += GROUP) {
        size_t read = 0;
        for (size_t i = from; i < count && i < from + GROUP; i++) {
            verdicts[i] = 0;
            candidates[read].verdict = &verdicts[i];
            read += (size_t)read_candidate(&candidates[read], digests + i * DIGEST_BYTES,
                                           signatures + i * SIGNATURE_BYTES);
        }
        if (read == 0)
            continue;
        find_points(candidates, read, of_generator, of_key);
        add_up(candidates, read, sums);
        for (size_t i = 0; i < read; i++)
            decide(&candidates[i]);
    }
    free(sums);
    free(candidates);
    return is_possible;
}
