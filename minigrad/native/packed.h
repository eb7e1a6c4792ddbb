/* C = A B for a B that is multiplied with many A, of one REAL type.
 *
 * BLAS packs B into the order in which its kernels read it, at every call. Of a loop whose weights
 * are the same in every step that is up to half the time, so here it is done once, before the loop:
 *
 *     pack(b)  columns 0 … 31 of row 0, those of row 1, …, then columns 32 … 63 of row 0, …
 *
 * (32 floats, or 16 doubles: a panel of 128 bytes; the last one is filled up with zeros.) A product
 * goes through panel after panel, and in each through tiles of a few rows of A, whose results stay
 * in registers until they are done: after Goto and van de Geijn, Anatomy of high-performance matrix
 * multiplication, 2008. Strides are in elements, of both axes.
 */

#define NAMED_(name, REAL) name##_##REAL
#define NAMED(name, REAL) NAMED_(name, REAL)
#define NAME(name) NAMED(name, REAL)
#define PANEL (128 / (long)sizeof(REAL))  /* columns of a panel */
#define LANES (VECTOR / (long)sizeof(REAL)) /* columns of a vector */

typedef REAL NAME(vector) __attribute__((vector_size(VECTOR)));

/* The panels from one to another. */
void NAME(pack)(long from, long to, long k, long n, const REAL *b, long row, long column,
                REAL *packed) {
    packed += from * k * PANEL;
    for (long first = from * PANEL; first < to * PANEL; first += PANEL)
        for (long l = 0; l < k; ++l, packed += PANEL)
            for (long j = 0; j < PANEL; ++j)
                packed[j] = first + j < n ? b[l * row + (first + j) * column] : 0;
}

/* R rows of the product, and the columns of a panel, of which `wide` are written. */
#define TILE(R)                                                                                    \
    FUSED static void NAME(tile_##R)(long k, const REAL *restrict a, long row, long column,        \
                                     const REAL *restrict panel, REAL *restrict c, long c_row,     \
                                     long c_column, long wide) {                                   \
        NAME(vector) sums[R][VECTORS];                                                             \
        UNROLLED for (int i = 0; i < R; ++i)                                                       \
            UNROLLED for (int j = 0; j < VECTORS; ++j) sums[i][j] = (NAME(vector)){0};             \
        for (long l = 0; l < k; ++l) {                                                             \
            NAME(vector) b[VECTORS];                                                               \
            UNROLLED for (int j = 0; j < VECTORS; ++j)                                             \
                memcpy(&b[j], panel + l * PANEL + j * LANES, VECTOR);                              \
            UNROLLED for (int i = 0; i < R; ++i) {                                                 \
                const NAME(vector) x = a[i * row + l * column] - (NAME(vector)){0};                \
                UNROLLED for (int j = 0; j < VECTORS; ++j) sums[i][j] += x * b[j];                 \
            }                                                                                      \
        }                                                                                          \
        if (c_column == 1 && wide >= PANEL) {                                                      \
            UNROLLED for (int i = 0; i < R; ++i)                                                   \
                UNROLLED for (int j = 0; j < VECTORS; ++j)                                         \
                    memcpy(c + i * c_row + j * LANES, &sums[i][j], VECTOR);                        \
            return;                                                                                \
        }                                                                                          \
        REAL row_of_c[PANEL];                                                                      \
        UNROLLED for (int i = 0; i < R; ++i) {                                                     \
            UNROLLED for (int j = 0; j < VECTORS; ++j)                                             \
                memcpy(row_of_c + j * LANES, &sums[i][j], VECTOR);                                 \
            for (long j = 0; j < PANEL && j < wide; ++j)                                           \
                c[i * c_row + j * c_column] = row_of_c[j];                                         \
        }                                                                                          \
    }
TILE(1) TILE(2) TILE(3)
#if MOST > 3
TILE(4) TILE(5) TILE(6) TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
#endif

typedef void NAME(tile)(long, const REAL *, long, long, const REAL *, REAL *, long, long, long);

/* `lined_up`: memory for a copy of A where its rows are so far apart that a cache has the same few
 * places for all of them; NULL where they are not. */
void NAME(product)(long m, long n, long k, const REAL *a, long row, long column,
                   const REAL *packed, REAL *c, long c_row, long c_column, REAL *lined_up) {
    static NAME(tile) *const tiles[] = {
        0, NAME(tile_1), NAME(tile_2), NAME(tile_3),
#if MOST > 3
        NAME(tile_4), NAME(tile_5), NAME(tile_6), NAME(tile_7), NAME(tile_8),
        NAME(tile_9), NAME(tile_10), NAME(tile_11), NAME(tile_12),
#endif
    };
    const long parts = (m + MOST - 1) / MOST;
    for (long p = 0; lined_up && p < parts; ++p) {
        const long i = m * p / parts, rows = m * (p + 1) / parts - i;
        for (long l = 0; l < k; ++l)
            for (long r = 0; r < rows; ++r)
                lined_up[i * k + l * rows + r] = a[(i + r) * row + l * column];
    }
    for (long j = 0; j < n; j += PANEL)
        for (long p = 0; p < parts; ++p) {
            const long i = m * p / parts, rows = m * (p + 1) / parts - i;
            const REAL *first = lined_up ? lined_up + i * k : a + i * row;
            tiles[rows](k, first, lined_up ? 1 : row, lined_up ? rows : column, packed + j * k,
                        c + i * c_row + j * c_column, c_row, c_column, n - j);
        }
}

#undef TILE
#undef LANES
#undef PANEL
#undef NAME
#undef NAMED
#undef NAMED_
