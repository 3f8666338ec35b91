/* What is done once for sixteen counters, and the exact check of what a unit lets pass. */
#include "group.h"

#include <string.h>

enum { BLOCK_BYTES = 64, BINARY_BYTES = 8 };

const uint32_t sha256_start[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

const uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* The end of the message: what is left of the data after whole blocks, the counter, the padding. */
struct tail {
    const struct search *search;
    uint32_t whole[8];    /* state after the whole blocks of the data */
    uint32_t words[32];   /* one block or two */
    size_t start;         /* place of the counter's first byte */
    size_t last;          /* place of its last byte, which holds the last digit */
    int block;            /* which of the two blocks that is */
    int blocks;
};

static uint32_t rotate(uint32_t word, int count) { return word >> count | word << (32 - count); }

/* Run rounds 0 to `rounds` on the working variables. */
static void run_rounds(uint32_t v[8], const uint32_t block[16], int rounds)
{
    uint32_t w[64];
    memcpy(w, block, BLOCK_BYTES);
    for (int i = 16; i < rounds; i++) {
        uint32_t low = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t high = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + low + w[i - 7] + high;
    }
    for (int i = 0; i < rounds; i++) {
        uint32_t choice = v[6] ^ (v[4] & (v[5] ^ v[6])), majority = (v[0] & v[1]) | (v[2] & (v[0] | v[1]));
        uint32_t sum = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) + choice
            + sha256_constants[i] + w[i];
        uint32_t other = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) + majority;
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += sum;
        v[0] = sum + other;
    }
}

static void compress(uint32_t state[8], const uint32_t block[16])
{
    uint32_t variables[8];
    memcpy(variables, state, sizeof variables);
    run_rounds(variables, block, 64);
    for (int i = 0; i < 8; i++)
        state[i] += variables[i];
}

static unsigned get_byte(const uint32_t *words, size_t place) { return words[place / 4] >> (24 - place % 4 * 8) & 0xff; }

static void put_byte(uint32_t *words, size_t place, unsigned value)
{
    unsigned shift = 24 - place % 4 * 8;
    words[place / 4] = (words[place / 4] & ~(0xffu << shift)) | (uint32_t)value << shift;
}

/* Compress the whole blocks of the data. */
static void begin(struct tail *tail, const struct search *search)
{
    tail->search = search;
    memcpy(tail->whole, sha256_start, sizeof tail->whole);
    for (size_t from = 0; search->size_bytes - from >= BLOCK_BYTES; from += BLOCK_BYTES) {
        uint32_t words[16] = {0};
        for (size_t i = 0; i < BLOCK_BYTES; i++)
            put_byte(words, i, search->data[from + i]);
        compress(tail->whole, words);
    }
}

/* Write the tail for the sixteen counters from `base` on, a multiple of sixteen. */
static void lay_out(struct tail *tail, uint64_t base)
{
    const struct search *search = tail->search;
    size_t left = search->size_bytes % BLOCK_BYTES, length = BINARY_BYTES;
    if (search->is_hex)
        for (length = 1; length < 16 && base >> (4 * length) != 0;)
            length++;
    memset(tail->words, 0, sizeof tail->words);
    for (size_t i = 0; i < left; i++)
        put_byte(tail->words, i, search->data[search->size_bytes - left + i]);
    for (size_t i = 0; i < length; i++) {
        size_t behind = length - 1 - i;
        unsigned value = search->is_hex ? (unsigned char)"0123456789abcdef"[base >> (4 * behind) & 15]
                                        : (unsigned)(base >> (8 * behind) & 0xff);
        put_byte(tail->words, left + i, search->is_hex && behind == 0 ? 0 : value);
    }
    tail->start = left;
    tail->last = left + length - 1;
    tail->block = tail->last >= BLOCK_BYTES;
    put_byte(tail->words, left + length, 0x80);
    tail->blocks = left + length + 1 + 8 <= BLOCK_BYTES ? 1 : 2;
    uint64_t bits = (uint64_t)(search->size_bytes + length) * 8;
    tail->words[16 * tail->blocks - 2] = (uint32_t)(bits >> 32);
    tail->words[16 * tail->blocks - 1] = (uint32_t)bits;
}

/* Compute what all sixteen have in common before the word with the last digit. */
static void prepare_early(struct group *group, const struct tail *tail)
{
    memcpy(group->chain, tail->whole, sizeof group->chain);
    if (tail->block == 1)
        compress(group->chain, tail->words);
    memcpy(group->early, group->chain, sizeof group->early);
    run_rounds(group->early, group->words, group->first_round);
}

static void prepare(struct group *group, const struct tail *tail)
{
    unsigned shift = 24 - tail->last % 4 * 8;
    for (unsigned i = 0; i < GROUP; i++)
        group->digit[i] = (tail->search->is_hex ? (uint32_t)"0123456789abcdef"[i] : i) << shift;
    group->words = tail->words + 16 * tail->block;
    group->padding = tail->block == 0 && tail->blocks == 2 ? tail->words + 16 : NULL;
    group->digit_word = (int)(tail->last / 4 % 16);
    group->first_round = group->digit_word >= EARLY_ROUNDS ? EARLY_ROUNDS : 0;
    group->limit = tail->search->highest[0];
    group->is_twice = tail->search->is_hex;
    prepare_early(group, tail);
}

/* Add one to the byte at a place; returns whether there is something to carry. */
static int increment(struct tail *tail, size_t place)
{
    unsigned value = get_byte(tail->words, place);
    if (!tail->search->is_hex) {
        put_byte(tail->words, place, (value + 1) & 0xff);
        return value == 0xff;
    }
    put_byte(tail->words, place, value == 'f' ? '0' : value == '9' ? 'a' : value + 1);
    return value == 'f';
}

/* Go on to the next sixteen, which begin at `base`; on average little more than one byte changes. */
static void advance(struct group *group, struct tail *tail, uint64_t base)
{
    size_t place = tail->last;
    int carry = 1;
    if (!tail->search->is_hex) {
        unsigned value = get_byte(tail->words, place) + GROUP;
        put_byte(tail->words, place, value & 0xff);
        carry = value > 0xff;
    }
    while (carry && place > tail->start)
        carry = increment(tail, --place);
    if (carry) { /* one more digit: everything behind moves */
        lay_out(tail, base);
        prepare(group, tail);
    } else if (place < (size_t)(BLOCK_BYTES * tail->block + 4 * group->first_round)) {
        prepare_early(group, tail);
    }
}

/* Compare the whole digest of one of the sixteen. */
static int is_good(const struct group *group, const struct tail *tail, unsigned digit)
{
    uint32_t state[8], words[32];
    memcpy(state, tail->whole, sizeof state);
    memcpy(words, tail->words, sizeof words);
    words[16 * tail->block + group->digit_word] |= group->digit[digit];
    for (int block = 0; block < tail->blocks; block++)
        compress(state, words + 16 * block);
    if (group->is_twice) {
        uint32_t again[16] = {[8] = 0x80000000u, [15] = 256};
        memcpy(again, state, sizeof state);
        memcpy(state, sha256_start, sizeof state);
        compress(state, again);
    }
    for (int i = 0; i < 8; i++)
        if (state[i] != tail->search->highest[i])
            return state[i] < tail->search->highest[i];
    return 1;
}

int search_run(const struct search *search, screen_function *screen, uint64_t *found)
{
    struct tail tail;
    struct group group;
    uint64_t base = search->first / GROUP * GROUP;

    begin(&tail, search);
    lay_out(&tail, base);
    prepare(&group, &tail);
    for (;; advance(&group, &tail, base)) {
        uint32_t wanted = 0xffff;
        if (base < search->first)
            wanted &= 0xffffu << (search->first - base);
        if (search->last - base < GROUP - 1)
            wanted &= 0xffffu >> (GROUP - 1 - (search->last - base));
        wanted &= screen(&group);
        for (unsigned digit = 0; digit < GROUP; digit++)
            if (wanted >> digit & 1 && is_good(&group, &tail, digit)) {
                *found = base + digit;
                return 1;
            }
        if (search->last - base < GROUP)
            return 0;
        base += GROUP;
    }
}
