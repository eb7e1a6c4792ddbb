"""The table of gates: for each of them, inputs that show what it does.

Sizes are names, so that one line gives several cases: usual sizes, all of them different (square
arrays hide mistakes), T = 0, and every size 1. Values lie where a gate is smooth; ties are in
`test_ties.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.dims import Dim, Sizes, dim
from minigrad.gates import (
    Abs,
    Add,
    AllTrue,
    AnyTrue,
    Arange,
    Argmax,
    Argmin,
    Astype,
    BroadcastTo,
    Ceil,
    Clip,
    Concat,
    Cos,
    CumulativeSum,
    Divide,
    Equal,
    Exp,
    ExpandDims,
    Expm1,
    Extent,
    Flip,
    Floor,
    FloorDivide,
    FoldIn,
    Greater,
    GreaterEqual,
    Index,
    Isfinite,
    Isinf,
    Isnan,
    Less,
    LessEqual,
    Log,
    Log1p,
    LogicalAnd,
    LogicalNot,
    LogicalOr,
    LogicalXor,
    LogSoftmax,
    LogSumExp,
    Matmul,
    Max,
    Maximum,
    Mean,
    Min,
    Minimum,
    Multiply,
    Negative,
    NotEqual,
    OneHot,
    PermuteDims,
    Place,
    Power,
    Relu,
    Remainder,
    Reshape,
    Round,
    ScatterAdd,
    ScatterAddAlong,
    Sigmoid,
    Sign,
    Sin,
    Softmax,
    Softplus,
    Split,
    Sqrt,
    Squeeze,
    Stack,
    StopGradient,
    Subtract,
    Sum,
    Take,
    TakeAlong,
    Tanh,
    Uniform,
    Where,
)
from minigrad.graph import Array, Binding, Gate, Type

T, B, H, K, V = (Dim(name) for name in "TBHKV")

SIZES: dict[str, dict[str, int]] = {
    "usual": {"T": 5, "B": 3, "H": 4, "K": 2, "V": 7},
    "empty": {"T": 0, "B": 3, "H": 4, "K": 2, "V": 7},
    "ones": {"T": 1, "B": 1, "H": 1, "K": 1, "V": 1},
}


@dataclass(frozen=True)
class Sample:
    """A random array: its type, and what fills it, given (generator, shape, sizes)."""

    type: Type
    fill: Callable[[np.random.Generator, tuple[int, ...], Sizes], Array]


def _sample(shape: tuple[Any, ...], dtype: str, fill: Callable[..., Any]) -> Sample:
    return Sample(Type(tuple(map(dim, shape)), np.dtype(dtype)), fill)


def real(*shape: Any, low: float = -2.0, high: float = 2.0, dtype: str = "float32") -> Sample:
    """Floats between two bounds."""
    return _sample(shape, dtype, lambda rng, s, _: rng.uniform(low, high, s))


def positive(*shape: Any, dtype: str = "float32") -> Sample:
    """Floats from 0.5 to 2."""
    return real(*shape, low=0.5, high=2.0, dtype=dtype)


def uneven(*shape: Any, dtype: str = "float32") -> Sample:
    """Floats far from whole numbers and from halves, where a floor or a rounding jumps."""
    return _sample(
        shape, dtype, lambda rng, s, _: rng.integers(-3, 3, s) + rng.uniform(0.1, 0.4, s)
    )


def odd(*shape: Any, dtype: str = "float32") -> Sample:
    """Floats among which NaN and both infinities are common."""
    kinds = [0.0, -1.5, 2.0, np.nan, np.inf, -np.inf]
    return _sample(shape, dtype, lambda rng, s, _: rng.choice(kinds, s))


def whole(*shape: Any, low: int = -4, high: int = 5, dtype: str = "int64") -> Sample:
    """Integers from `low` up to, not including, `high`."""
    return _sample(shape, dtype, lambda rng, s, _: rng.integers(low, high, s))


def some(*shape: Any) -> Sample:
    """Booleans."""
    return _sample(shape, "bool", lambda rng, s, _: rng.integers(0, 2, s))


def places(size: Dim, *shape: Any, negative: bool = False, dtype: str = "int64") -> Sample:
    """Indices into an axis of `size`; with `negative` also those counted from its end."""
    return _sample(
        shape,
        dtype,
        lambda rng, s, sizes: rng.integers(-sizes[str(size)] * negative, sizes[str(size)], s),
    )


def key(*shape: Any) -> Sample:
    """Keys of random draws."""
    return _sample(shape, "uint64", lambda rng, s, _: rng.integers(0, 2**63, s))


@dataclass(frozen=True)
class Case:
    """A gate, inputs for it, and NumPy's function that it should equal at the usual sizes."""

    gate: Gate
    inputs: tuple[Sample, ...]
    like: Callable[..., Any] | None = None
    fits: tuple[str, ...] = ("usual", "empty", "ones")

    def types(self) -> list[Type]:
        """The types of the inputs, with dimension names."""
        return [sample.type for sample in self.inputs]

    def arrays(self, sizes: Sizes, seed: int = 7) -> list[Array]:
        """The inputs, in numbers, the same at each call."""
        rng, bind = np.random.default_rng(seed), Binding(sizes)
        made = [(s.type.dtype, s.fill(rng, bind(s.type.shape), sizes)) for s in self.inputs]
        return [np.asarray(array).astype(dtype) for dtype, array in made]

    def __str__(self) -> str:
        types = ", ".join(map(str, self.types()))
        return f"{self.gate!r} of {types}".replace("(), ", "")


def case(gate: Gate, *inputs: Sample, like: Any = None, fits: str = "usual empty ones") -> Case:
    return Case(gate, inputs, like, tuple(fits.split()))


def _unary() -> list[Case]:
    smooth = {
        Negative: (np.negative, real),
        Abs: (np.abs, real),
        Exp: (np.exp, real),
        Expm1: (np.expm1, real),
        Log: (np.log, positive),
        Log1p: (np.log1p, positive),
        Sqrt: (np.sqrt, positive),
        Tanh: (np.tanh, real),
        Sin: (np.sin, real),
        Cos: (np.cos, real),
        Sign: (np.sign, real),
        Floor: (np.floor, uneven),
        Ceil: (np.ceil, uneven),
        Round: (np.rint, uneven),
        Relu: (lambda x: np.maximum(x, 0), real),
        Sigmoid: (lambda x: 1 / (1 + np.exp(-x)), real),
        Softplus: (lambda x: np.log1p(np.exp(x)), real),
        Isnan: (np.isnan, odd),
        Isinf: (np.isinf, odd),
        Isfinite: (np.isfinite, odd),
        LogicalNot: (np.logical_not, real),
    }
    cases = []
    for gate, (like, sample) in smooth.items():
        cases += [
            case(gate(), sample("T", "B"), like=like),
            case(gate(), sample(dtype="float64"), like=like),
            case(gate(), whole("B", low=1, dtype="int64"), like=like),
        ]
    return cases


def _binary() -> list[Case]:
    smooth = {
        Add: (np.add, real),
        Subtract: (np.subtract, real),
        Multiply: (np.multiply, real),
        Divide: (np.divide, positive),
        Maximum: (np.maximum, real),
        Minimum: (np.minimum, real),
        Remainder: (np.remainder, positive),
        FloorDivide: (np.floor_divide, positive),
        Power: (np.power, positive),
        Less: (np.less, real),
        LessEqual: (np.less_equal, real),
        Greater: (np.greater, real),
        GreaterEqual: (np.greater_equal, real),
        Equal: (np.equal, real),
        NotEqual: (np.not_equal, real),
        LogicalAnd: (np.logical_and, real),
        LogicalOr: (np.logical_or, real),
        LogicalXor: (np.logical_xor, real),
    }
    cases = []
    for gate, (like, sample) in smooth.items():
        cases += [
            case(gate(), sample("T", "B"), sample("T", "B"), like=like),
            case(gate(), sample("T", "B", "H"), sample("B", 1), like=like),
            case(gate(), sample("T", 1), sample("H", 1, "B"), like=like),
            case(gate(), sample(), sample("T", dtype="float64"), like=like),
            case(gate(), whole("T", "B"), whole("B", low=1), like=like)
            if gate is not Power
            else case(gate(), whole("T", "B"), whole("B", low=0, high=4), like=like),
            case(gate(), whole("T", low=1), sample("B", "T"), like=like),
        ]
    return cases


ELEMENTWISE = [
    *_unary(),
    *_binary(),
    case(Power(), real("T", "B"), whole("B", low=-3), like=np.power),
    case(Power(), real("T", "B"), whole(low=2, high=3, dtype="int32"), like=np.power),
    case(Remainder(), real("T", "B"), real("B"), like=np.remainder),
    case(Remainder(), whole("T", "B"), whole("B", low=-3, high=-1), like=np.remainder),
    case(Equal(), whole("T", "B"), whole("T", 1), like=np.equal),
    case(LogicalAnd(), some("T", "B"), some("B"), like=np.logical_and),
    case(LogicalOr(), some("T", "B"), some("B"), like=np.logical_or),
    case(LogicalXor(), some("T", "B"), some("B"), like=np.logical_xor),
    case(LogicalNot(), some("T", "B"), like=np.logical_not),
    case(Where(), some("T", "B"), real("T", "B"), real("B"), like=np.where),
    case(Where(), some("B", 1), real("T", 1, 1), real("H", dtype="float64"), like=np.where),
    case(Where(), some(), real("T", "B"), real(), like=np.where),
    case(Where(), some("T"), whole("T"), whole(dtype="int32"), like=np.where),
    case(
        Clip(), real("T", "B"), real("B", high=-1), real("T", 1, low=1, dtype="float64"),
        like=np.clip,
    ),
    case(Clip(), real("T", "B"), real(low=-1, high=-1), real(low=1, high=1), like=np.clip),
    case(Clip(), whole("T", "B"), whole(low=-2, high=-1), whole("B", low=1), like=np.clip),
]  # fmt: skip


def _softmax(x: Array, axis: int) -> Array:
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


ALONG_AXIS = [
    entry
    for axis in range(3)
    for entry in (
        case(Softmax(axis), real("T", "B", "H"), like=lambda x, a=axis: _softmax(x, a)),
        case(LogSoftmax(axis), real("T", "B", "H"), like=lambda x, a=axis: np.log(_softmax(x, a))),
        case(
            LogSumExp(axis, axis == 1), real("T", "B", "H"),
            like=lambda x, a=axis: np.log(np.exp(x).sum(axis=a, keepdims=a == 1)),
        ),
        case(CumulativeSum(axis), real("T", "B", "H"), like=lambda x, a=axis: np.cumsum(x, a)),
        case(
            CumulativeSum(axis, reverse=True), real("T", "B", "H"),
            like=lambda x, a=axis: np.flip(np.cumsum(np.flip(x, a), a), a),
        ),
        case(Flip(axis), real("T", "B", "H"), like=lambda x, a=axis: np.flip(x, a)),
        case(
            Argmax(axis, axis == 1), real("T", "B", "H"), fits="usual ones",
            like=lambda x, a=axis: np.argmax(x, a, keepdims=a == 1),
        ),
        case(
            Argmin(axis, axis == 1), real("T", "B", "H"), fits="usual ones",
            like=lambda x, a=axis: np.argmin(x, a, keepdims=a == 1),
        ),
    )
] + [
    case(CumulativeSum(0), whole("T", "B", dtype="int32"), like=lambda x: np.cumsum(x, 0)),
    case(CumulativeSum(1), some("T", "B"), like=lambda x: np.cumsum(x, 1)),
    case(Softmax(0), real("B", dtype="float64"), like=lambda x: _softmax(x, 0)),
    case(LogSumExp(0), real("T", dtype="float64"), like=lambda x: np.log(np.exp(x).sum())),
]  # fmt: skip

FUNCTIONS: dict[Any, Any] = {
    Sum: np.sum, Mean: np.mean, Max: np.max, Min: np.min, AllTrue: np.all, AnyTrue: np.any,
}  # fmt: skip
AXES = [
    ((), False),
    ((0,), False),
    ((1,), True),
    ((0, 2), False),
    ((1, 2), True),
    ((0, 1, 2), False),
]

REDUCTIONS = [
    case(
        gate(axes, keepdims), sample("T", "B", "H"),
        fits="usual ones" if gate in (Max, Min, Mean) else "usual empty ones",
        like=lambda x, f=like, a=axes, k=keepdims: f(x, axis=a, keepdims=k),
    )
    for gate, like in FUNCTIONS.items()
    for axes, keepdims in AXES
    for sample in ([real] if gate not in (AllTrue, AnyTrue) else [some])
] + [
    case(gate((0,)), sample, like=lambda x, f=like: f(x, axis=0), fits="usual ones")
    for gate, like in FUNCTIONS.items()
    for sample in (
        real("T", "B", dtype="float64"),
        whole("T", "B", dtype="int32"),
        some("T", "B"),
    )
] + [
    case(Sum(()), real(), like=np.sum),
    case(Sum((1,)), real("T", "B"), like=lambda x: x.sum(axis=1)),
    case(Max((1,)), real("T", "B"), like=lambda x: x.max(axis=1)),
    case(Mean((1,)), real("T", "B"), like=lambda x: x.mean(axis=1)),
]  # fmt: skip

MATMUL = [
    case(Matmul(), a, b, like=np.matmul)
    for a, b in (
        (real("K"), real("K")),
        (real("T"), real("T")),
        (real("K"), real("K", "H")),
        (real("B", "K"), real("K")),
        (real("B", "K"), real("K", "H")),
        (real("B", "T"), real("T", "H")),
        (real("T", "B", "K"), real("K")),
        (real("T", "B", "K"), real("K", "H")),
        (real("K"), real("T", "K", "H")),
        (real("B", "K"), real("T", "K", "H")),
        (real("T", "B", "K"), real("T", "K", "H")),
        (real("T", "B", "K"), real(1, "K", "H")),
        (real(1, "B", "K"), real("T", "K", "H")),
        (real("T", 1, "B", "K"), real("V", "K", "H")),
        (real("V", "T", "B", "K"), real("K", "H")),
        (real("B", "K", dtype="float64"), real("K", "H")),
        (whole("B", "K"), real("K", "H", dtype="float64")),
        (whole("B", "K", dtype="int32"), whole("K", "H", dtype="int32")),
    )
]

SHAPES = [
    case(Reshape((T * B, H)), real("T", "B", "H"), like=lambda x: x.reshape(15, 4)),
    case(Reshape((H, B, T)), real("T", "B", "H"), like=lambda x: x.reshape(4, 3, 5)),
    case(Reshape(()), real(1, 1), like=lambda x: x.reshape(())),
    case(Reshape((1, B)), some("B"), like=lambda x: x.reshape(1, 3)),
    case(PermuteDims((1, 0)), real("T", "B"), like=np.transpose),
    case(PermuteDims((2, 0, 1)), real("T", "B", "H"), like=lambda x: x.transpose(2, 0, 1)),
    case(PermuteDims(()), real(), like=np.transpose),
    case(BroadcastTo((T, B)), real(), like=lambda x: np.broadcast_to(x, (5, 3))),
    case(BroadcastTo((T, B)), real("B"), like=lambda x: np.broadcast_to(x, (5, 3))),
    case(
        BroadcastTo((K, T, B, H)), real("T", 1, "H"),
        like=lambda x: np.broadcast_to(x, (2, 5, 3, 4)),
    ),
    case(BroadcastTo((1, B, T)), real(1, 1), like=lambda x: np.broadcast_to(x, (1, 3, 5))),
    case(ExpandDims((0,)), real("T", "B"), like=lambda x: x[None]),
    case(ExpandDims((1, 3)), real("T", "B"), like=lambda x: x[:, None, :, None]),
    case(ExpandDims((0, 1)), whole(), like=lambda x: x[None, None]),
    case(Squeeze((0,)), real(1, "T", "B"), like=lambda x: x[0]),
    case(Squeeze((1, 3)), real("T", 1, "B", 1), like=lambda x: x[:, 0, :, 0]),
    case(Squeeze(()), real("T", 1), like=lambda x: x),
    case(
        Concat(0), real("T", "B"), real("K", "B"), real(1, "B"),
        like=lambda *x: np.concatenate(x),
    ),
    case(Concat(1), real("T", "B"), real("T", "H", dtype="float64"), whole("T", "K"),
         like=lambda *x: np.concatenate(x, 1)),
    case(Concat(2), real("T", "B", "H"), real("T", "B", "K"), like=lambda *x: np.concatenate(x, 2)),
    case(Concat(0), real("T"), like=lambda x: x),
    case(Stack(0), real("T", "B"), real("T", "B"), like=lambda *x: np.stack(x)),
    case(Stack(1), real("T", "B"), real("T", "B"), real("T", "B"), like=lambda *x: np.stack(x, 1)),
    case(Stack(2), real("T", "B"), real("T", "B", dtype="float64"), like=lambda *x: np.stack(x, 2)),
    case(Stack(0), real(), whole(), real(), like=lambda *x: np.stack(x)),
    case(Split((T,), 0), real("T", "B"), like=lambda x: (x,)),
    case(
        Split((B, H, K), 0), real(B + H + K, "T"), like=lambda x: np.split(x, [3, 7]),
    ),
    case(Split((T, T), 1), real("B", 2 * T), like=lambda x: np.split(x, 2, axis=1)),
]  # fmt: skip

CREATION = [
    case(Arange(T), like=lambda: np.arange(5)),
    case(Arange(3), like=lambda: np.arange(3)),
    case(Extent(T * B, np.dtype("float32")), like=lambda: np.float32(15)),
    case(Extent(T, np.dtype("int64")), like=lambda: np.int64(5)),
    case(Astype(np.dtype("float64")), real("T", "B"), like=lambda x: x.astype("float64")),
    case(
        Astype(np.dtype("float32")), real("T", dtype="float64"), like=lambda x: x.astype("float32")
    ),
    case(Astype(np.dtype("int32")), real("T", "B"), like=lambda x: x.astype("int32")),
    case(Astype(np.dtype("float32")), some("T"), like=lambda x: x.astype("float32")),
    case(OneHot(V, np.dtype("float32")), places(V, "T", "B"), like=lambda i: np.eye(7, dtype="f")[i]),
    case(OneHot(V, np.dtype("int64")), places(V, dtype="uint8"), like=lambda i: np.eye(7, dtype=int)[i]),
    case(OneHot(B, np.dtype("bool")), places(B, "T"), like=lambda i: np.eye(3, dtype=bool)[i]),
    case(StopGradient(), real("T", "B"), like=lambda x: x),
    case(StopGradient(), whole("T"), like=lambda x: x),
]  # fmt: skip

INDEXING = [
    case(Index(((0, T, 1), 0)), real("T", "B"), like=lambda x: x[:, 0]),
    case(Index(((1, T, 2), (0, B - 1, 1))), real("T", "B"), like=lambda x: x[1::2, :-1]),
    case(Index((T - 1, (0, B, 1))), real("T", "B"), like=lambda x: x[-1], fits="usual ones"),
    case(
        Index(((1, 5, 3), 1, (0, 4, 2))), real("T", "B", "H"), like=lambda x: x[1:5:3, 1, :4:2],
        fits="usual",
    ),
    case(Index(()), real(), like=lambda x: x),
    case(Place(((0, T, 1), 0), (T, B)), real("T")),
    case(Place(((1, T, 2), (0, B - 1, 1)), (T, B)), real(T // 2, B - 1)),
    case(Place((T - 1, (0, B, 1)), (T, B)), real("B"), fits="usual ones"),
    case(Take(0), real("V", "B"), places(V, "T"), like=lambda x, i: np.take(x, i, 0)),
    case(Take(0), real("V", "B"), places(V), like=lambda x, i: np.take(x, i, 0)),
    case(Take(1), real("T", "V", "H"), places(V, "B", "K", dtype="int32"),
         like=lambda x, i: np.take(x, i, 1)),
    case(Take(2), real("T", "B", "V"), places(V, "H", negative=True),
         like=lambda x, i: np.take(x, i, 2)),
    case(Take(0), whole("V"), places(V, "T", "B", dtype="uint8"), like=lambda x, i: x[i]),
    case(ScatterAdd(0, V), real("T", "B"), places(V, "T", negative=True)),
    case(ScatterAdd(0, V), real("B"), places(V)),
    case(ScatterAdd(1, V), real("T", "B", "K", "H"), places(V, "B", "K")),
    case(ScatterAdd(1, V), real("K", "T"), places(V, "T")),
    case(TakeAlong(0), real("V", "B"), places(V, "T", "B", negative=True),
         like=lambda x, i: np.take_along_axis(x, i, 0)),
    case(TakeAlong(1), real("T", "V", "H"), places(V, "T", "B", "H"),
         like=lambda x, i: np.take_along_axis(x, i, 1)),
    case(TakeAlong(1), real("T", "V"), places(V, "T", 1),
         like=lambda x, i: np.take_along_axis(x, i, 1)),
    case(ScatterAddAlong(0, V), real("T", "B"), places(V, "T", "B", negative=True)),
    case(ScatterAddAlong(1, V), real("T", "B", "H"), places(V, "T", "B", "H")),
]  # fmt: skip

RANDOM = [
    case(FoldIn(), key(), whole(low=0)),
    case(FoldIn(), key("T"), whole(low=0)),
    case(FoldIn(), key(), whole("T", low=0)),
    case(FoldIn(), key("T", 1), whole("B", low=0, dtype="int32")),
    case(Uniform((T, B), np.dtype("float32")), key()),
    case(Uniform((), np.dtype("float64")), key()),
    case(Uniform((B,), np.dtype("float64")), key("T", "K")),
]

CASES: list[Case] = [
    *ELEMENTWISE,
    *ALONG_AXIS,
    *REDUCTIONS,
    *MATMUL,
    *SHAPES,
    *CREATION,
    *INDEXING,
    *RANDOM,
]
