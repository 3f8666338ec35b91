/* Two messages at a time through the SHA instructions: one waits for its result while the other works.

   These instructions exist in the legacy encoding only. Among AVX code they cost a hundred times as much (the upper
   halves of the registers have to be merged each time), so this unit is compiled with -mno-avx, by itself. */
#if defined(__x86_64__)
#if defined(__AVX__)
#error "compile this unit with -mno-avx"
#endif
#include <immintrin.h>

#include "group.h"

/* The state of one message, in the order that the instructions want. */
struct state {
    __m128i abef, cdgh;
};

static inline struct state load_state(const uint32_t words[8])
{
    __m128i abcd = _mm_loadu_si128((const __m128i *)words);
    __m128i efgh = _mm_loadu_si128((const __m128i *)(words + 4));
    __m128i badc = _mm_shuffle_epi32(abcd, 0xB1), hgfe = _mm_shuffle_epi32(efgh, 0x1B);
    return (struct state){_mm_alignr_epi8(badc, hgfe, 8), _mm_blend_epi16(hgfe, badc, 0xF0)};
}

static inline struct state add_states(struct state one, struct state other)
{
    return (struct state){_mm_add_epi32(one.abef, other.abef), _mm_add_epi32(one.cdgh, other.cdgh)};
}

static inline uint32_t first_word(struct state state) { return (uint32_t)_mm_extract_epi32(state.abef, 3); }

/* The digest as the first eight words of a block. */
static inline void store_words(struct state state, __m128i words[2])
{
    __m128i feba = _mm_shuffle_epi32(state.abef, 0x1B), dchg = _mm_shuffle_epi32(state.cdgh, 0xB1);
    words[0] = _mm_blend_epi16(feba, dchg, 0xF0);
    words[1] = _mm_alignr_epi8(dchg, feba, 8);
}

static inline void four_rounds(struct state *state, __m128i words, __m128i constants)
{
    __m128i sum = _mm_add_epi32(words, constants);
    state->cdgh = _mm_sha256rnds2_epu32(state->cdgh, state->abef, sum);
    state->abef = _mm_sha256rnds2_epu32(state->abef, state->cdgh, _mm_shuffle_epi32(sum, 0x0E));
}

/* Replace the oldest four words of the schedule by the next four. */
static inline void extend(__m128i words[4], int oldest)
{
    __m128i second = words[(oldest + 1) % 4], third = words[(oldest + 2) % 4], newest = words[(oldest + 3) % 4];
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(words[oldest], second), _mm_alignr_epi8(newest, third, 4));
    words[oldest] = _mm_sha256msg2_epu32(sum, newest);
}

/* Run the rounds of two blocks from `first_round` on. Uses up the words. */
static inline void run_rounds(struct state state[2], __m128i one[4], __m128i other[4], int first_round)
{
    const __m128i *constants = (const __m128i *)sha256_constants;
    struct state left = state[0], right = state[1];
#pragma GCC unroll 16
    for (int quad = 0; quad < 16; quad++) {
        if (quad < EARLY_ROUNDS / 4 && first_round > 0)
            continue;
        if (quad >= 4) {
            extend(one, quad % 4);
            extend(other, quad % 4);
        }
        __m128i added = _mm_loadu_si128(constants + quad);
        four_rounds(&left, one[quad % 4], added);
        four_rounds(&right, other[quad % 4], added);
    }
    state[0] = left, state[1] = right;
}

static inline void compress_padding(struct state state[2], const uint32_t padding[16])
{
    struct state chain[2] = {state[0], state[1]};
    __m128i one[4], other[4];
    for (int i = 0; i < 4; i++)
        one[i] = other[i] = _mm_loadu_si128((const __m128i *)(padding + 4 * i));
    run_rounds(state, one, other, 0);
    state[0] = add_states(state[0], chain[0]);
    state[1] = add_states(state[1], chain[1]);
}

static inline void hash_again(struct state state[2])
{
    const struct state start = load_state(sha256_start);
    __m128i one[4], other[4];
    store_words(state[0], one);
    store_words(state[1], other);
    one[2] = other[2] = _mm_set_epi32(0, 0, 0, (int)0x80000000u);
    one[3] = other[3] = _mm_set_epi32(256, 0, 0, 0);
    state[0] = state[1] = start;
    run_rounds(state, one, other, 0);
    state[0] = add_states(state[0], start);
    state[1] = add_states(state[1], start);
}

uint32_t screen_sha_ni(const struct group *group)
{
    const struct state chain = load_state(group->chain), early = load_state(group->early);
    const int quad = group->digit_word / 4;
    const __m128i place = _mm_cmpeq_epi32(_mm_set1_epi32(group->digit_word % 4), _mm_set_epi32(3, 2, 1, 0));
    uint32_t passed = 0;

    for (int from = 0; from < GROUP; from += 2) {
        struct state state[2] = {early, early};
        __m128i one[4], other[4];
        for (int i = 0; i < 4; i++)
            one[i] = other[i] = _mm_loadu_si128((const __m128i *)(group->words + 4 * i));
        one[quad] = _mm_or_si128(one[quad], _mm_and_si128(_mm_set1_epi32((int)group->digit[from]), place));
        other[quad] = _mm_or_si128(other[quad], _mm_and_si128(_mm_set1_epi32((int)group->digit[from + 1]), place));
        run_rounds(state, one, other, group->first_round);
        state[0] = add_states(state[0], chain);
        state[1] = add_states(state[1], chain);
        if (group->padding != NULL)
            compress_padding(state, group->padding);
        if (group->is_twice)
            hash_again(state);
        passed |= (uint32_t)(first_word(state[0]) <= group->limit) << from;
        passed |= (uint32_t)(first_word(state[1]) <= group->limit) << (from + 1);
    }
    return passed;
}
#else
typedef int nothing_here;
#endif
