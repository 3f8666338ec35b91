/* Screen sixteen messages, LANES at a time, one message per lane of a vector.

   Include after defining LANES (4, 8 or 16) and SCREEN, the name of the function. It is written in the vector
   extension of GCC and Clang, so that one text serves every instruction set, and the compiler's flags choose it. */
#include "group.h"

typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));

#define ROTATE(x, n) (((x) >> (n)) | ((x) << (32 - (n))))
#define CHOOSE(e, f, g) ((g) ^ ((e) & ((f) ^ (g))))
#define MAJORITY(a, b, c) (((a) & (b)) | ((c) & ((a) | (b))))
#define BIG_SIGMA_0(a) (ROTATE(a, 2) ^ ROTATE(a, 13) ^ ROTATE(a, 22))
#define BIG_SIGMA_1(e) (ROTATE(e, 6) ^ ROTATE(e, 11) ^ ROTATE(e, 25))
#define SIGMA_0(w) (ROTATE(w, 7) ^ ROTATE(w, 18) ^ ((w) >> 3))
#define SIGMA_1(w) (ROTATE(w, 17) ^ ROTATE(w, 19) ^ ((w) >> 10))

#define ROUND(a, b, c, d, e, f, g, h, w, k)                        \
    do {                                                           \
        lanes sum = h + BIG_SIGMA_1(e) + CHOOSE(e, f, g) + k + w;  \
        d += sum;                                                  \
        h = sum + BIG_SIGMA_0(a) + MAJORITY(a, b, c);              \
    } while (0)

/* Eight rounds bring every variable back to its place. */
#define EIGHT_ROUNDS(w, k)                                \
    do {                                                  \
        ROUND(a, b, c, d, e, f, g, h, (w)[0], (k)[0]);    \
        ROUND(h, a, b, c, d, e, f, g, (w)[1], (k)[1]);    \
        ROUND(g, h, a, b, c, d, e, f, (w)[2], (k)[2]);    \
        ROUND(f, g, h, a, b, c, d, e, (w)[3], (k)[3]);    \
        ROUND(e, f, g, h, a, b, c, d, (w)[4], (k)[4]);    \
        ROUND(d, e, f, g, h, a, b, c, (w)[5], (k)[5]);    \
        ROUND(c, d, e, f, g, h, a, b, (w)[6], (k)[6]);    \
        ROUND(b, c, d, e, f, g, h, a, (w)[7], (k)[7]);    \
    } while (0)

static inline lanes broadcast(uint32_t word) { return (lanes){0} + word; }

/* Run the rounds from `first_round` on; `state` holds the working variables before and after. Uses up `words`. */
static inline void run_rounds(lanes state[8], lanes words[16], int first_round)
{
    lanes a = state[0], b = state[1], c = state[2], d = state[3];
    lanes e = state[4], f = state[5], g = state[6], h = state[7];

    if (first_round == 0)
        EIGHT_ROUNDS(words, sha256_constants);
    EIGHT_ROUNDS(words + 8, sha256_constants + 8);
    for (int round = 16; round < 64; round += 16) {
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++)
            words[i] += SIGMA_0(words[(i + 1) % 16]) + words[(i + 9) % 16] + SIGMA_1(words[(i + 14) % 16]);
        EIGHT_ROUNDS(words, sha256_constants + round);
        EIGHT_ROUNDS(words + 8, sha256_constants + round + 8);
    }
    state[0] = a, state[1] = b, state[2] = c, state[3] = d;
    state[4] = e, state[5] = f, state[6] = g, state[7] = h;
}

/* Compress a block that is the same in all lanes. */
static inline void compress_padding(lanes state[8], const uint32_t padding[16])
{
    lanes chain[8], words[16];
    for (int i = 0; i < 8; i++)
        chain[i] = state[i];
    for (int i = 0; i < 16; i++)
        words[i] = broadcast(padding[i]);
    run_rounds(state, words, 0);
    for (int i = 0; i < 8; i++)
        state[i] += chain[i];
}

/* Hash the digest once more. */
static inline void hash_again(lanes state[8])
{
    lanes words[16];
    for (int i = 0; i < 8; i++) {
        words[i] = state[i];
        words[8 + i] = broadcast(0);
        state[i] = broadcast(sha256_start[i]);
    }
    words[8] = broadcast(0x80000000u);
    words[15] = broadcast(256);
    run_rounds(state, words, 0);
    for (int i = 0; i < 8; i++)
        state[i] += sha256_start[i];
}

uint32_t SCREEN(const struct group *group)
{
    uint32_t passed = 0;
    for (int from = 0; from < GROUP; from += LANES) {
        lanes state[8], words[16], digits;
        for (int i = 0; i < LANES; i++)
            digits[i] = group->digit[from + i];
        for (int i = 0; i < 8; i++)
            state[i] = broadcast(group->early[i]);
        for (int i = 0; i < 16; i++)
            words[i] = broadcast(group->words[i]);
        words[group->digit_word] |= digits;
        run_rounds(state, words, group->first_round);
        for (int i = 0; i < 8; i++)
            state[i] += group->chain[i];
        if (group->padding != NULL)
            compress_padding(state, group->padding);
        if (group->is_twice)
            hash_again(state);
        lanes good = (lanes)(state[0] <= group->limit);
        for (int i = 0; i < LANES; i++)
            passed |= (good[i] & 1u) << (from + i);
    }
    return passed;
}
