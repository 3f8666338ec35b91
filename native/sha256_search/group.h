/* Sixteen messages that differ in the last digit of a counter, as one block of SHA-256 and what comes around it.

   A message is data || counter. All that sixteen neighbouring counters have in common is laid out once, in scalar
   code (group.c); what is left is the same 16 words with one digit filled in, and that is what the units do, one
   per instruction set: unit_portable.c, unit_avx2.c, unit_avx512.c (one source, lanes.h) and unit_sha_ni.c.

   A unit only screens: it reports the counters whose digest starts with a word that is low enough. group.c decides. */
#ifndef PARLEY_GROUP_H
#define PARLEY_GROUP_H

#include <stddef.h>
#include <stdint.h>

enum { GROUP = 16, EARLY_ROUNDS = 8 };

struct group {
    uint32_t chain[8];       /* state before the block that holds the last digit */
    uint32_t early[8];       /* the working variables before first_round, which is the same for all sixteen */
    const uint32_t *words;   /* the 16 words of the block, with all bits of the last digit zero */
    const uint32_t *padding; /* the block after it, or NULL */
    uint32_t digit[GROUP];   /* what the last digit adds to words[digit_word], by its value */
    uint32_t limit;          /* the highest first word of a digest that can be good */
    int digit_word;          /* 0..15 */
    int first_round;         /* 0 or EARLY_ROUNDS: where a unit takes over */
    int is_twice;            /* whether the digest is hashed once more */
};

/* Bit i of the result: the message with the last digit i has a digest whose first word is at most `limit`. */
typedef uint32_t screen_function(const struct group *);

extern const uint32_t sha256_constants[64];
extern const uint32_t sha256_start[8];

uint32_t screen_portable(const struct group *);
#if defined(__x86_64__)
uint32_t screen_avx2(const struct group *);
uint32_t screen_avx512(const struct group *);
uint32_t screen_sha_ni(const struct group *);
#endif

/* What to search for, and where. */
struct search {
    const uint8_t *data; /* in front of the counter */
    size_t size_bytes;
    int is_hex;          /* counter in lower-case hexadecimal and two hashes; else 8 bytes big endian and one */
    uint32_t highest[8]; /* the largest good digest, as words */
    uint64_t first;      /* the first counter to try */
    uint64_t last;       /* the last one, at least `first` */
};

/* Returns 1 with the smallest good counter in *found, or 0 when there is none from first to last. */
int search_run(const struct search *, screen_function *, uint64_t *found);

#endif
