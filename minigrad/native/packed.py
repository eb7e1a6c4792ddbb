"""Matrix products whose right side is packed once, in C of our own: see packed.h."""

import ctypes
from functools import cache
from importlib.resources import files

from .compiler import load

__all__ = ["TYPES", "packed_products"]

_HEAD = """#include <stdint.h>
#include <string.h>

/* A tile is to fit into the registers of vectors: 32 with AVX-512, 16 with AVX. */
#if defined __AVX512F__
#define VECTOR 64
#define MOST 12
#elif defined __AVX__
#define VECTOR 32
#define MOST 3
#else
#define VECTOR 16
#define MOST 3
#endif
#define VECTORS (128 / VECTOR)

/* x * y + s is one instruction here, whatever the flags ask of other sources. */
#ifdef __clang__
#pragma STDC FP_CONTRACT ON
#define FUSED
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define FUSED __attribute__((optimize("fp-contract=fast"), noinline))
#define UNROLLED _Pragma("GCC unroll 12")
#endif
"""
_TABLE = "void *const packed_products[] = {pack_float, product_float, pack_double, product_double};"

TYPES = """typedef struct {
    void (*pack_float)(long, long, long, long, const float *, long, long, float *);
    void (*product_float)(long, long, long, const float *, long, long, const float *, float *, long,
                          long, float *);
    void (*pack_double)(long, long, long, long, const double *, long, long, double *);
    void (*product_double)(long, long, long, const double *, long, long, const double *, double *,
                           long, long, double *);
} packed_t;

static inline void *mg_aligned(char *memory) {
    return (void *)(((uintptr_t)memory + 63) & ~(uintptr_t)63);
}
"""
"""What functions that call them are compiled behind."""


@cache
def packed_products() -> int:
    """The address of a table of the four functions."""
    text = (files(__package__) / "packed.h").read_text(encoding="utf-8")
    each = [f"#define REAL {real}\n{text}\n#undef REAL\n" for real in ("float", "double")]
    library = load("\n".join([_HEAD, *each, _TABLE, ""]))
    return ctypes.addressof((ctypes.c_void_p * 4).in_dll(library, "packed_products"))
