"""Random draws in C: the bits of `gates/random.py`, word by word."""

from collections.abc import Sequence

from ...dims import product
from ...gates import Uniform
from ..plan import Call
from .layout import Layout, laid_out
from .lines import Lines
from .text import Uncovered

__all__ = ["write_fold_in", "write_uniform"]

_GAMMA = "0x9E3779B97F4A7C15ull"


def write_fold_in(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    key, number = (x.over(out.shape) for x in inputs)
    counters = kernel.nest(out.shape, call.apply)
    z = kernel.fresh("z")
    kernel.line(f"uint64_t {z} = {kernel.at(key, counters)};")
    _mix(kernel, z)
    kernel.line(f"{z} += ((uint64_t){kernel.at(number, counters)} + 1) * {_GAMMA};")
    _mix(kernel, z)
    kernel.line(f"{kernel.at(out, counters)} = {z};")
    kernel.close(len(counters))


def write_uniform(kernel: Lines, call: Call, inputs: Sequence[Layout], out: Layout) -> None:
    """Two numbers of each word; of float64 each has 21 bits of another word too."""
    (key,), gate = inputs, call.gate
    assert isinstance(gate, Uniform)
    rank, count = len(key.shape), int(product(gate.shape))  # type: ignore[arg-type]  # bound
    if out.strides != laid_out(out.type, out.base, out.size).strides:
        raise Uncovered("random numbers with gaps between them")
    outer = kernel.nest(key.shape, call.apply)
    for counter in outer:
        out = out.row(counter)
    start, z, h = (kernel.fresh(stem) for stem in ("key", "z", "h"))
    kernel.line(f"const uint64_t {start} = {kernel.at(key, outer)};")
    (i,) = kernel.nest([(count + 1) // 2])
    kernel.line(f"uint64_t {z} = {start} + ({i} + 1) * {_GAMMA};")
    _mix(kernel, z)
    kernel.line("uint32_t half[2];")
    kernel.line(f"memcpy(half, &{z}, 8);")
    kernel.line(f"for (int {h} = 0; {h} < 2 && 2 * {i} + {h} < {count}; ++{h}) {{")
    kernel.depth += 1
    if gate.dtype.itemsize == 4:
        kind, value = "float", f"(half[{h}] >> 8) * 0x1p-24f"
    else:
        kernel.line(f"uint64_t low = {start} + ({(count + 3) // 2} + 2 * {i} + {h}) * {_GAMMA};")
        _mix(kernel, "low")
        kind, value = "double", f"half[{h}] * 0x1p-32 + (low >> 43) * 0x1p-53"
    kernel.line(f"(({kind} *)({kernel.address(out)}))[2 * {i} + {h}] = {value};")
    kernel.close(2 + rank)


def _mix(kernel: Lines, z: str) -> None:
    kernel.line(f"{z} = ({z} ^ ({z} >> 30)) * 0xBF58476D1CE4E5B9ull;")
    kernel.line(f"{z} = ({z} ^ ({z} >> 27)) * 0x94D049BB133111EBull;")
    kernel.line(f"{z} ^= {z} >> 31;")
