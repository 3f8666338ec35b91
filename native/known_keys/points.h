/* Points of the curve y*y = x*x*x + 7, sums of many at once, and tables of the multiples of one. */
#ifndef PARLEY_POINTS_H
#define PARLEY_POINTS_H

#include "field.h"

/* x and y; (0, 0), which is on no curve with a 7, is the point at infinity. */
struct point {
    struct number x, y;
};

/* One of the sums that are made at once. */
struct sum {
    const struct point *left, *right;
    struct point *total; /* may be `left` or `right`, but no point of another sum of the same call */
    struct number divisor, product; /* for make_sums alone */
};

static inline int is_infinite(const struct point *a) { return is_zero(&a->y) && is_zero(&a->x); }

int is_on_curve(const struct point *a);

/* Set each total to left + right. Right for every two points: equal, opposite, infinite. */
void make_sums(struct sum *sums, size_t count);

/* All i * 2**(width*position) * Q for 1 <= i <= 2**(width-1): row by row, a row for each of 256/width positions. */
struct table {
    int width;     /* bits of a digit, 4 to 8 */
    int positions; /* DIGITS(width) */
    int multiples; /* in a row: 2**(width-1) */
    _Alignas(64) struct point points[];
};

/* Return a table that the caller frees, or NULL where there is no memory for it. */
struct table *make_table(const struct point *base, int width);

/* Append the points of a table whose sum is a * Q, at most one for each position; returns how many. 0 <= a < n. */
size_t select_points(struct point *selected, const struct table *table, const struct number *a);

#endif
