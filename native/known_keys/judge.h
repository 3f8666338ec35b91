/* Whether one known key made signatures: the verdict of recovering each signer and comparing it with the key. */
#ifndef PARLEY_JUDGE_H
#define PARLEY_JUDGE_H

#include "points.h"

enum { DIGEST_BYTES = 32, SIGNATURE_BYTES = 65, GENERATOR_WIDTH = 8, KEY_WIDTH = 5 };

extern const struct point generator;

/* Judge `count` digests of 32 bytes and signatures of 65; writes 1 or 0 for each.

   Returns 0 where there is no memory for it, and 1 otherwise. */
int judge(const struct table *of_generator, const struct table *of_key, const uint8_t *digests,
          const uint8_t *signatures, size_t count, uint8_t *verdicts);

#endif
