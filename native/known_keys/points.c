/* Additions have one inversion each in plain coordinates, and one inversion for hundreds of them when they are done at
   once: of the products of all divisors, the last is inverted, and the single inverses are read off on the way back.
   So a sum of many points is made by halves (level by level, all pairs of a level at once), which takes six
   multiplications for each addition. No other coordinates are needed but in one chain of doublings. */
#include "points.h"

#include <stdlib.h>

#include "inverse.h"
#include "scalar.h"

enum { MAXIMUM_POSITIONS = DIGITS(4), POINT_ALIGNMENT = 64 };

/* X, Y, Z for x = X / Z**2, y = Y / Z**3. */
struct scaled {
    struct number x, y, z;
};

static const struct number seven = {{7, 0, 0, 0}};

int is_on_curve(const struct point *a)
{
    struct number cube = field_square(&a->x), square = field_square(&a->y);
    cube = field_multiply(&cube, &a->x);
    cube = field_add(&cube, &seven);
    return is_equal(&square, &cube);
}

/* What a sum divides by: x2 - x1, or 2*y1 where the points are equal; 0 where nothing is divided.

   2*y1 is never 0: the curve has no point of order two. */
static struct number find_divisor(const struct sum *sum)
{
    struct number divisor = {{0}};
    if (is_infinite(sum->left) || is_infinite(sum->right))
        return divisor;
    if (!is_equal(&sum->left->x, &sum->right->x))
        return field_subtract(&sum->right->x, &sum->left->x);
    if (is_equal(&sum->left->y, &sum->right->y))
        return field_add(&sum->left->y, &sum->left->y);
    return divisor;
}

/* Set the total where nothing is divided: one of the two is infinite, or they are opposite. */
static void finish_without_division(const struct sum *sum)
{
    const struct point infinite = {{{0}}, {{0}}};
    *sum->total = is_infinite(sum->left) ? *sum->right : is_infinite(sum->right) ? *sum->left : infinite;
}

/* Set the total by the line through both points, or by the tangent. */
static void finish(const struct sum *sum, const struct number *inverse)
{
    const struct point left = *sum->left, right = *sum->right;
    struct number slope = field_subtract(&right.y, &left.y), x, y;
    if (is_equal(&left.x, &right.x)) { /* then they are equal: 3*x1*x1 */
        struct number square = field_square(&left.x);
        slope = field_add(&square, &square);
        slope = field_add(&slope, &square);
    }
    slope = field_multiply(&slope, inverse);
    x = field_square(&slope);
    x = field_subtract(&x, &left.x);
    x = field_subtract(&x, &right.x);
    y = field_subtract(&left.x, &x);
    y = field_multiply(&slope, &y);
    sum->total->x = x;
    sum->total->y = field_subtract(&y, &left.y);
}

void make_sums(struct sum *sums, size_t count)
{
    struct number product = field_one;
    for (size_t i = 0; i < count; i++) {
        sums[i].divisor = find_divisor(&sums[i]);
        sums[i].product = product; /* of all divisors before */
        if (!is_zero(&sums[i].divisor))
            product = field_multiply(&product, &sums[i].divisor);
    }
    struct number inverse = invert(&product, &field_modulus);
    for (size_t i = count; i-- > 0;) {
        if (is_zero(&sums[i].divisor)) {
            finish_without_division(&sums[i]);
            continue;
        }
        struct number own = field_multiply(&inverse, &sums[i].product);
        inverse = field_multiply(&inverse, &sums[i].divisor);
        finish(&sums[i], &own);
    }
}

/* Double a point that is not infinite: with S = 4*X*Y**2 and M = 3*X**2,
   X' = M**2 - 2*S, Y' = M*(S - X') - 8*Y**4, Z' = 2*Y*Z. */
static void double_scaled(struct scaled *a)
{
    struct number square = field_square(&a->y), s, m, t;
    a->z = field_multiply(&a->y, &a->z);
    a->z = field_add(&a->z, &a->z);
    s = field_multiply(&a->x, &square);
    s = field_add(&s, &s);
    s = field_add(&s, &s);
    t = field_square(&a->x);
    m = field_add(&t, &t);
    m = field_add(&m, &t);
    a->x = field_square(&m);
    a->x = field_subtract(&a->x, &s);
    a->x = field_subtract(&a->x, &s);
    t = field_square(&square);
    for (int i = 0; i < 3; i++)
        t = field_add(&t, &t);
    s = field_subtract(&s, &a->x);
    a->y = field_multiply(&m, &s);
    a->y = field_subtract(&a->y, &t);
}

/* Write the first point of each row: the base doubled `width` times for each position. */
static void fill_bases(struct table *table, const struct point *base)
{
    struct scaled chain[MAXIMUM_POSITIONS];
    struct number products[MAXIMUM_POSITIONS], inverse;
    chain[0] = (struct scaled){base->x, base->y, field_one};
    products[0] = field_one;
    for (int i = 1; i < table->positions; i++) {
        chain[i] = chain[i - 1];
        for (int j = 0; j < table->width; j++)
            double_scaled(&chain[i]);
        products[i] = field_multiply(&products[i - 1], &chain[i].z);
    }
    inverse = invert(&products[table->positions - 1], &field_modulus);
    for (int i = table->positions - 1; i > 0; i--) {
        struct point *first = &table->points[i * table->multiples];
        struct number own = field_multiply(&inverse, &products[i - 1]), square = field_square(&own);
        inverse = field_multiply(&inverse, &chain[i].z);
        first->x = field_multiply(&chain[i].x, &square);
        square = field_multiply(&square, &own);
        first->y = field_multiply(&chain[i].y, &square);
    }
    table->points[0] = *base;
}

/* Fill the rows, each time to twice the length: what is there plus the last of it. */
static void fill_rows(struct table *table, struct sum *sums)
{
    for (int have = 1; have < table->multiples; have *= 2) {
        size_t count = 0;
        for (int position = 0; position < table->positions; position++) {
            struct point *row = &table->points[position * table->multiples];
            for (int i = 0; i < have; i++)
                sums[count++] = (struct sum){.left = &row[i], .right = &row[have - 1], .total = &row[have + i]};
        }
        make_sums(sums, count);
    }
}

struct table *make_table(const struct point *base, int width)
{
    const int positions = DIGITS(width), multiples = 1 << (width - 1);
    const size_t count = (size_t)positions * (size_t)multiples;
    struct sum *sums = malloc(count / 2 * sizeof *sums);
    struct table *table = aligned_alloc(POINT_ALIGNMENT, sizeof *table + count * sizeof *table->points);
    if (sums == NULL || table == NULL) {
        free(table);
        free(sums);
        return NULL;
    }
    table->width = width, table->positions = positions, table->multiples = multiples;
    fill_bases(table, base);
    fill_rows(table, sums);
    free(sums);
    return table;
}

size_t select_points(struct point *selected, const struct table *table, const struct number *a)
{
    const struct number zero = {{0}};
    int digits[MAXIMUM_POSITIONS];
    /* -a has the same digits with the other sign, and the smaller of the two fits into them. */
    int is_negative = is_below(&scalar_half, a);
    struct number magnitude = is_negative ? scalar_negate(a) : *a;
    size_t count = 0;

    split_scalar(digits, &magnitude, table->width);
    for (int position = 0; position < table->positions; position++) {
        int digit = is_negative ? -digits[position] : digits[position];
        if (digit == 0)
            continue;
        selected[count] = table->points[position * table->multiples + (digit < 0 ? -digit : digit) - 1];
        if (digit < 0)
            selected[count].y = field_subtract(&zero, &selected[count].y);
        count++;
    }
    return count;
}
