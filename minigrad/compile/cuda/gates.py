"""Gates of their own kernel, a thread for each element: what picks and puts, random numbers.

CuPy has most of them, but wraps an index around that is outside of its axis, has no `mode` in
`take`, and no additions of int64 that may meet. Here such an index is noted: see `writer`.
"""

from collections.abc import Callable, Sequence

from ...gates import FoldIn, Lookup, OneHot, ScatterAdd, ScatterAddAlong, Take, TakeAlong, Uniform
from ...graph import Gate
from ..c.layout import Layout
from ..c.text import C_TYPES, Uncovered
from ..plan import Array, Call
from .kernels import Kernel, each_element

__all__ = ["KERNELS", "SOURCE"]

SOURCE = """
/* SplitMix64: see minigrad/gates/random.py */
MG_FUNCTION uint64_t mg_mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}
#define MG_WORD(key, i) mg_mix((key) + (uint64_t)(i) * 0x9E3779B97F4A7C15ull)

MG_FUNCTION void mg_add(float *p, float x) { atomicAdd(p, x); }
#if !defined __CUDA_ARCH__ || __CUDA_ARCH__ >= 600
MG_FUNCTION void mg_add(double *p, double x) { atomicAdd(p, x); }
#endif
MG_FUNCTION void mg_add(int32_t *p, int32_t x) { atomicAdd(p, x); }
MG_FUNCTION void mg_add(uint32_t *p, uint32_t x) { atomicAdd(p, x); }
MG_FUNCTION void mg_add(uint64_t *p, uint64_t x) { atomicAdd((unsigned long long *)p, x); }
MG_FUNCTION void mg_add(int64_t *p, int64_t x) { mg_add((uint64_t *)p, (uint64_t)x); }
"""


def _value(kernel: Kernel, array: Array, counters: Sequence[str]) -> str:
    """An element of what a gate reads."""
    return kernel.literals.get(array) or kernel.at(kernel.layout(array), counters)


def _put(kernel: Kernel, out: Layout, counters: Sequence[str], value: str) -> None:
    kernel.line(f"{kernel.at(out, counters)} = {value};")


# ---------------------------------------------------------------- random numbers


def _fold_in(kernel: Kernel, call: Call, out: Layout) -> None:
    counters = each_element(kernel, out.shape, call.apply)
    key, number = (_spread(kernel, a, out, counters) for a in call.inputs)
    _put(kernel, out, counters, f"MG_WORD(mg_mix({key}), (uint64_t)({number}) + 1)")


def _spread(kernel: Kernel, array: Array, out: Layout, counters: Sequence[str]) -> str:
    """The element of an array that is broadcast over the result."""
    if array in kernel.literals:
        return kernel.literals[array]
    return kernel.at(kernel.layout(array).over(out.shape), counters)


def _uniform(kernel: Kernel, call: Call, out: Layout) -> None:
    """Number i is the lower half of word i / 2 of its key, or the upper one: see `Uniform`."""
    counters = each_element(kernel, out.shape, call.apply)
    keys = len(call.inputs[0].type.shape)
    drawn, count = "0", 1
    for i, n in zip(reversed(counters[keys:]), reversed(out.shape[keys:]), strict=True):
        drawn, count = f"{drawn} + {i} * {count}", count * n
    kernel.line(f"const uint64_t key = {_value(kernel, call.inputs[0], counters[:keys])};")
    kernel.line(f"const uint64_t i = {drawn};")
    kernel.line("const uint32_t bits = (uint32_t)(MG_WORD(key, i / 2 + 1) >> (i % 2 ? 32 : 0));")
    if out.type.dtype.itemsize == 4:
        _put(kernel, out, counters, "(float)(bits >> 8) * 0x1p-24f")
        return
    words = (count + 1) // 2
    kernel.line(f"const double low = (double)(MG_WORD(key, i + {words + 1}) >> 43);")
    _put(kernel, out, counters, "bits * 0x1p-32 + low * 0x1p-53")


# ---------------------------------------------------------------- what picks and puts


def _index(kernel: Kernel, call: Call, counters: Sequence[str], size: int) -> str:
    """An index that may count from the end. One outside of its axis is noted, and nothing done."""
    kernel.finds_index = True
    site = len(kernel.sites)
    kernel.sites.append((call, size))
    kernel.line(f"int64_t k = (int64_t)({_value(kernel, call.inputs[1], counters)});")
    kernel.line(f"k += k < 0 ? {size} : 0;")
    kernel.line(f"if (k < 0 || k >= {size}) {{ outside[{site}] = 1; return; }}")
    return "k"


def _one_hot(kernel: Kernel, call: Call, out: Layout) -> None:
    counters = each_element(kernel, out.shape, call.apply)
    id = f"(int64_t)({_value(kernel, call.inputs[0], counters[:-1])})"
    _put(kernel, out, counters, f"{id} == {counters[-1]}")


def _take(kernel: Kernel, call: Call, out: Layout) -> None:
    x, ids = call.inputs
    axis, rank = call.gate.axis, len(ids.type.shape)  # type: ignore[attr-defined]
    counters = each_element(kernel, out.shape, call.apply)
    picked = counters[axis : axis + rank]
    k = _index(kernel, call, picked, int(x.type.shape[axis]))
    there = [*counters[:axis], k, *counters[axis + rank :]]
    _put(kernel, out, counters, _value(kernel, x, there))


def _take_along(kernel: Kernel, call: Call, out: Layout) -> None:
    x, axis = call.inputs[0], call.gate.axis  # type: ignore[attr-defined]
    counters = each_element(kernel, out.shape, call.apply)
    k = _index(kernel, call, counters, int(x.type.shape[axis]))
    _put(kernel, out, counters, _value(kernel, x, [*counters[:axis], k, *counters[axis + 1 :]]))


def _zeros(kernel: Kernel, call: Call, out: Layout) -> None:
    _put(kernel, out, each_element(kernel, out.shape, call.apply), "0")


def _scatter(kernel: Kernel, call: Call, out: Layout) -> None:
    """Equal places add up in any order, so the last bits of floats may differ from run to run."""
    if out.type.dtype.itemsize < 4:
        raise Uncovered("additions of less than 32 bits")
    x, ids = call.inputs
    axis, rank = call.gate.axis, len(ids.type.shape)  # type: ignore[attr-defined]
    counters = each_element(kernel, [int(n) for n in x.type.shape], call.apply)  # type: ignore[arg-type]
    along = isinstance(call.gate, ScatterAddAlong)
    picked = counters if along else counters[axis : axis + rank]
    k = _index(kernel, call, picked, out.shape[axis])
    there = [*counters[:axis], k, *counters[axis + (1 if along else rank) :]]
    kind, place = C_TYPES[out.type.dtype.name], kernel.at(out, there)
    kernel.line(f"mg_add(&{place}, ({kind})({_value(kernel, x, counters)}));")


def _lookup(kernel: Kernel, call: Call, out: Layout) -> None:
    """one_hot(ids) @ table: a row of the table, but NaN where another row is not finite.

    A third input says how many elements of each column are not finite.
    """
    ids, table, wrong = call.inputs
    rows, _ = table.type.shape
    kind = C_TYPES[table.type.dtype.name]
    *place, j = each_element(kernel, out.shape, call.apply)
    kernel.line(f"const int64_t k = (int64_t)({_value(kernel, ids, place)});")
    found = _value(kernel, table, ["k", j])
    kernel.line(f"const {kind} x = k < 0 || k >= {rows} ? ({kind})0 : ({kind})({found});")
    others = f"{_value(kernel, wrong, [j])} - (x - x != 0)"
    _put(kernel, out, [*place, j], f"{others} > 0 ? ({kind})NAN : x")


Writer = Callable[[Kernel, Call, Layout], None]
KERNELS: dict[type[Gate], Sequence[Writer]] = {
    FoldIn: [_fold_in],
    Lookup: [_lookup],
    OneHot: [_one_hot],
    ScatterAdd: [_zeros, _scatter],
    ScatterAddAlong: [_zeros, _scatter],
    Take: [_take],
    TakeAlong: [_take_along],
    Uniform: [_uniform],
}
"""The kernels of a gate, one after another."""
