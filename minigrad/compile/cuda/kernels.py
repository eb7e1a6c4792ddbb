"""Groups of gates as CUDA kernels.

Where all gates work element by element, a thread does one element of each:

    y = tanh(x * w) + 1       e = blockIdx.x * blockDim.x + threadIdx.x
                              y[e] = tanh(x[e] * w[e]) + 1

Otherwise a block of threads does one row, and its threads wait for each other between gates that
do not fit into one loop. A row becomes one number in shared memory, in halves:

    s = Σ x * x               for (j = threadIdx.x; j < n; j += blockDim.x) r += …
                              shared[threadIdx.x] = r, and so on: 128 + 128, 64 + 64, …
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from ...gates import Mean
from ...graph import Apply
from ..c.grouping import Grouping, Work, fold_of, joins
from ..c.layout import Layout
from ..c.lines import Lines
from ..c.text import C_TYPES, Uncovered
from ..plan import Array, Call

__all__ = ["THREADS", "Kernel", "Threads", "each_element", "threads_for"]

THREADS = 256  # of a block, at most; a power of two
_LONGEST = 2**13  # elements of a row that one block does quicker than several, where rows are few
_MANY = 256  # rows, which keep a GPU busy by themselves


def threads_for(count: int) -> int:
    """So many threads of a block for so many elements: a power of two, whole warps."""
    threads = 32
    while threads < min(count, THREADS):
        threads *= 2
    return threads


class Kernel(Lines):
    """The lines of a kernel."""

    blocks = threads = 1
    finds_index = shares = False

    def function(self, name: str, counters: Sequence[str]) -> str:
        """The whole kernel; `counters` are the steps of loops that it is given."""
        given = [f"char *__restrict__ {base}" for base in self.bases.values()]
        given += [f"const int64_t {t}" for t in counters]
        given += ["uint8_t *outside"] * self.finds_index
        head = f'extern "C" __global__ void {name}({", ".join(given)}) {{'
        return "\n".join([head, *self.text, "}", ""])

    def unravel(self, text: str, shape: Sequence[int]) -> list[str]:
        """The place in each axis of element number `text`."""
        counters = ["0"] * len(shape)
        long = [k for k, n in enumerate(shape) if n > 1]
        for k in reversed(long):
            if k == long[0]:
                counters[k] = text
                break
            counters[k], rest = self.fresh("i"), self.fresh("r")
            self.line(f"const uint32_t {rest} = {text} / {shape[k]};")
            self.line(f"const uint32_t {counters[k]} = {text} - {rest} * {shape[k]};")
            text = rest
        return [f"(int64_t){i}" if i != "0" else i for i in counters]


def each_element(kernel: Kernel, shape: Sequence[int], apply: Apply | None = None) -> list[str]:
    """Let a thread do each element of an array; its place in each axis."""
    count = prod(shape)
    if count >= 2**31:
        raise Uncovered("an array of 2³¹ elements")
    kernel.threads = threads_for(count)
    kernel.blocks = -(-count // kernel.threads)
    kernel.line("const uint32_t e = blockIdx.x * blockDim.x + threadIdx.x;", apply)
    kernel.line(f"if (e >= {count}) return;")
    return kernel.unravel("e", shape)


@dataclass
class Threads(Grouping):
    """A group as a kernel."""

    lines: Kernel
    by_rows: bool = False
    """Whether a block does a row."""

    def takes(self, call: Call) -> bool:
        before = self.works, self.last
        if (self.works and self.alone) or not super().takes(call):
            return False
        *others, work = self.works
        by_rows = self.by_rows or work.is_reduction or bool(others and not joins(others, work))
        if by_rows and self.longest > _LONGEST and self.rows < _MANY:
            self.works, self.last = before
            if not self.works:
                raise Uncovered("a few long rows, for which one block each is too little")
            return False
        self.by_rows = by_rows
        return True

    @property
    def rows(self) -> int:
        return prod(self.works[0].shape[:-1])

    @property
    def longest(self) -> int:
        """The elements of the longest row."""
        return max(prod(work.shape[-1:]) for work in self.works)

    @property
    def written(self) -> list[tuple[Array, Apply]]:
        return [(w.call.outputs[0], w.call.apply) for w in self.works]

    # ------------------------------------------------------------ writing

    def write_nest(self) -> None:
        if self.by_rows:
            self.write_rows()
            return
        layouts = [x for work in self.works for x, _ in work.touched]
        counters = each_element(self.lines, _merged(self.works[0].shape, layouts))
        self.elements(self.works, {}, counters, {})

    def write_rows(self) -> None:
        kernel = self.lines
        kernel.blocks, kernel.threads = self.rows, threads_for(self.longest)
        outer = kernel.unravel("blockIdx.x", self.works[0].shape[:-1])
        for k, together in enumerate(self.together(self.works)):
            if k:
                kernel.line("__syncthreads();")
            self.inner(together, outer)

    def inner(self, together: Sequence[Work], outer: Sequence[str]) -> None:
        """A loop in which the threads of a block share the elements of a row."""
        kernel, shape, j = self.lines, together[0].shape, self.lines.fresh("j")
        totals = {id(w): self.begin(w, outer) for w in together if w.is_reduction}
        n = prod(shape[-1:])
        kernel.line(f"for (int64_t {j} = threadIdx.x; {j} < {n}; {j} += blockDim.x) {{")
        kernel.depth += 1
        self.elements(together, {}, [*outer, j] if shape else [], totals)
        kernel.close(1)
        for k, work in enumerate(w for w in together if w.is_reduction):
            if k:
                kernel.line("__syncthreads();")
            self.end(work, totals[id(work)], outer)

    # ------------------------------------------------------------ one number of each row

    def begin(self, work: Work, outer: Sequence[str]) -> str:
        """The variable of a thread for its part of a row."""
        (x,), start, r = work.reads, fold_of(work)[0], self.lines.fresh("r")
        assert x
        start = self.lines.at(x, [*outer, "0"]) if start == "first" else start
        self.lines.line(f"{C_TYPES[x.type.dtype.name]} {r} = {start};", work.call.apply)
        return r

    def end(self, work: Work, r: str, outer: Sequence[str]) -> None:
        """Each thread has its part; then half of them have it, and so on."""
        kernel, kind = self.lines, C_TYPES[work.out.type.dtype.name]
        s, half = kernel.fresh("s"), kernel.fresh("half")
        if not kernel.shares:
            kernel.line(f"__shared__ double shared[{THREADS}];")
            kernel.shares = True
        here, there = f"{s}[threadIdx.x]", f"{s}[threadIdx.x + {half}]"
        kernel.line(f"{kind} *const {s} = ({kind} *)shared;")
        kernel.line(f"{here} = {r};")
        kernel.line("__syncthreads();")
        kernel.line(f"for (int {half} = blockDim.x / 2; {half} > 0; {half} /= 2) {{")
        step = fold_of(work)[1].format(here, there)
        kernel.line(f"    if (threadIdx.x < {half}) {here} = {step};")
        kernel.line("    __syncthreads();")
        kernel.line("}")
        scale = f" / {work.shape[-1]}" if isinstance(work.call.gate, Mean) else ""
        kernel.line(f"if (threadIdx.x == 0) {kernel.at(work.out, [*outer, '0'])} = {s}[0]{scale};")


def _merged(shape: Sequence[int], layouts: Sequence[Layout]) -> list[int]:
    """The sizes of axes, where an axis that goes on in the next one is a part of that, and 1."""
    sizes = list(shape)
    for i in range(len(shape) - 1):
        if all(x.strides[i] == x.strides[i + 1] * shape[i + 1] for x in layouts) or sizes[i] == 1:
            sizes[i], sizes[i + 1] = 1, sizes[i] * sizes[i + 1]
    return sizes
