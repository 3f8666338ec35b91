/* Numbers modulo n, the order of the curve, each kept as its one number in [0, n). */
#ifndef PARLEY_SCALAR_H
#define PARLEY_SCALAR_H

#include "number.h"

extern const struct number scalar_modulus;
extern const struct number scalar_half; /* (n - 1) / 2: the largest s that is right */

/* Return a number of 256 bits modulo n. */
struct number scalar_reduce(const struct number *a);

struct number scalar_multiply(const struct number *a, const struct number *b);

/* Return n - a; 0 < a < n. */
struct number scalar_negate(const struct number *a);

/* How many signed digits a number of 255 bits has: the highest of them has a bit less than it may, for a carry. */
#define DIGITS(width) (255 / (width) + 1)

/* Write a number as signed digits: the sum of digit[i] * 2**(width*i), each in [-2**(width-1), 2**(width-1)].

   a <= n / 2 < 2**255. */
void split_scalar(int digits[], const struct number *a, int width);

#endif
