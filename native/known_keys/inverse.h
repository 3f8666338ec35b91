/* Inverses modulo an odd number of 256 bits. */
#ifndef PARLEY_INVERSE_H
#define PARLEY_INVERSE_H

#include "number.h"

/* Return 1 / a modulo an odd prime; 0 < a < prime. */
struct number invert(const struct number *a, const struct number *prime);

#endif
