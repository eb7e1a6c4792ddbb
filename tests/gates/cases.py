"""The table of gates: for each of them, inputs that show what it does.

Sizes are names, so that one line gives several cases: usual sizes, all of them different (square
arrays hide mistakes), T = 0, and every size 1. Values lie where a gate is smooth; ties are in
`test_ties.py`.
"""

from typing import Any

import numpy as np

from minigrad import gates
from minigrad.types import Array
from tests.gates.samples import (
    SIZES,
    B,
    Case,
    H,
    K,
    T,
    V,
    case,
    key,
    odd,
    places,
    positive,
    real,
    some,
    uneven,
    whole,
)

__all__ = ["CASES", "SIZES", "Case"]


def _unary() -> list[Case]:
    smooth = {
        gates.Negative: (np.negative, real),
        gates.Abs: (np.abs, real),
        gates.Exp: (np.exp, real),
        gates.Expm1: (np.expm1, real),
        gates.Log: (np.log, positive),
        gates.Log1p: (np.log1p, positive),
        gates.Sqrt: (np.sqrt, positive),
        gates.Tanh: (np.tanh, real),
        gates.Sin: (np.sin, real),
        gates.Cos: (np.cos, real),
        gates.Sign: (np.sign, real),
        gates.Floor: (np.floor, uneven),
        gates.Ceil: (np.ceil, uneven),
        gates.Round: (np.rint, uneven),
        gates.Relu: (lambda x: np.maximum(x, 0), real),
        gates.Sigmoid: (lambda x: 1 / (1 + np.exp(-x)), real),
        gates.Softplus: (lambda x: np.log1p(np.exp(x)), real),
        gates.Isnan: (np.isnan, odd),
        gates.Isinf: (np.isinf, odd),
        gates.Isfinite: (np.isfinite, odd),
        gates.LogicalNot: (np.logical_not, real),
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
        gates.Add: (np.add, real),
        gates.Subtract: (np.subtract, real),
        gates.Multiply: (np.multiply, real),
        gates.Divide: (np.divide, positive),
        gates.Maximum: (np.maximum, real),
        gates.Minimum: (np.minimum, real),
        gates.Remainder: (np.remainder, positive),
        gates.FloorDivide: (np.floor_divide, positive),
        gates.Power: (np.power, positive),
        gates.Less: (np.less, real),
        gates.LessEqual: (np.less_equal, real),
        gates.Greater: (np.greater, real),
        gates.GreaterEqual: (np.greater_equal, real),
        gates.Equal: (np.equal, real),
        gates.NotEqual: (np.not_equal, real),
        gates.LogicalAnd: (np.logical_and, real),
        gates.LogicalOr: (np.logical_or, real),
        gates.LogicalXor: (np.logical_xor, real),
    }
    cases = []
    for gate, (like, sample) in smooth.items():
        cases += [
            case(gate(), sample("T", "B"), sample("T", "B"), like=like),
            case(gate(), sample("T", "B", "H"), sample("B", 1), like=like),
            case(gate(), sample("T", 1), sample("H", 1, "B"), like=like),
            case(gate(), sample(), sample("T", dtype="float64"), like=like),
            case(gate(), whole("T", "B"), whole("B", low=1), like=like)
            if gate is not gates.Power
            else case(gate(), whole("T", "B"), whole("B", low=0, high=4), like=like),
            case(gate(), whole("T", low=1), sample("B", "T"), like=like),
        ]
    return cases


ELEMENTWISE = [
    *_unary(),
    *_binary(),
    case(gates.Power(), real("T", "B"), whole("B", low=-3), like=np.power),
    case(gates.Power(), real("T", "B"), whole(low=2, high=3, dtype="int32"), like=np.power),
    case(gates.Remainder(), real("T", "B"), real("B"), like=np.remainder),
    case(gates.Remainder(), whole("T", "B"), whole("B", low=-3, high=-1), like=np.remainder),
    case(gates.Equal(), whole("T", "B"), whole("T", 1), like=np.equal),
    case(gates.LogicalAnd(), some("T", "B"), some("B"), like=np.logical_and),
    case(gates.LogicalOr(), some("T", "B"), some("B"), like=np.logical_or),
    case(gates.LogicalXor(), some("T", "B"), some("B"), like=np.logical_xor),
    case(gates.LogicalNot(), some("T", "B"), like=np.logical_not),
    case(gates.Where(), some("T", "B"), real("T", "B"), real("B"), like=np.where),
    case(gates.Where(), some("B", 1), real("T", 1, 1), real("H", dtype="float64"), like=np.where),
    case(gates.Where(), some(), real("T", "B"), real(), like=np.where),
    case(gates.Where(), some("T"), whole("T"), whole(dtype="int32"), like=np.where),
    case(
        gates.Clip(), real("T", "B"), real("B", high=-1), real("T", 1, low=1, dtype="float64"),
        like=np.clip,
    ),
    case(gates.Clip(), real("T", "B"), real(low=-1, high=-1), real(low=1, high=1), like=np.clip),
    case(gates.Clip(), whole("T", "B"), whole(low=-2, high=-1), whole("B", low=1), like=np.clip),
]  # fmt: skip


def _softmax(x: Array, axis: int) -> Array:
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


ALONG_AXIS = [
    entry
    for axis in range(3)
    for entry in (
        case(gates.Softmax(axis), real("T", "B", "H"), like=lambda x, a=axis: _softmax(x, a)),
        case(
            gates.LogSoftmax(axis), real("T", "B", "H"),
            like=lambda x, a=axis: np.log(_softmax(x, a)),
        ),
        case(
            gates.LogSumExp(axis, axis == 1), real("T", "B", "H"),
            like=lambda x, a=axis: np.log(np.exp(x).sum(axis=a, keepdims=a == 1)),
        ),
        case(
            gates.CumulativeSum(axis), real("T", "B", "H"),
            like=lambda x, a=axis: np.cumsum(x, a),
        ),
        case(
            gates.CumulativeSum(axis, reverse=True), real("T", "B", "H"),
            like=lambda x, a=axis: np.flip(np.cumsum(np.flip(x, a), a), a),
        ),
        case(gates.Flip(axis), real("T", "B", "H"), like=lambda x, a=axis: np.flip(x, a)),
        case(
            gates.Argmax(axis, axis == 1), real("T", "B", "H"), fits="usual ones",
            like=lambda x, a=axis: np.argmax(x, a, keepdims=a == 1),
        ),
        case(
            gates.Argmin(axis, axis == 1), real("T", "B", "H"), fits="usual ones",
            like=lambda x, a=axis: np.argmin(x, a, keepdims=a == 1),
        ),
    )
] + [
    case(gates.CumulativeSum(0), whole("T", "B", dtype="int32"), like=lambda x: np.cumsum(x, 0)),
    case(gates.CumulativeSum(1), some("T", "B"), like=lambda x: np.cumsum(x, 1)),
    case(gates.Softmax(0), real("B", dtype="float64"), like=lambda x: _softmax(x, 0)),
    case(gates.LogSumExp(0), real("T", dtype="float64"), like=lambda x: np.log(np.exp(x).sum())),
]  # fmt: skip

FUNCTIONS: dict[Any, Any] = {
    gates.Sum: np.sum, gates.Mean: np.mean, gates.Max: np.max,
    gates.Min: np.min, gates.AllTrue: np.all, gates.AnyTrue: np.any,
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
        fits="usual ones" if gate in (gates.Max, gates.Min, gates.Mean) else "usual empty ones",
        like=lambda x, f=like, a=axes, k=keepdims: f(x, axis=a, keepdims=k),
    )
    for gate, like in FUNCTIONS.items()
    for axes, keepdims in AXES
    for sample in ([real] if gate not in (gates.AllTrue, gates.AnyTrue) else [some])
] + [
    case(gate((0,)), sample, like=lambda x, f=like: f(x, axis=0), fits="usual ones")
    for gate, like in FUNCTIONS.items()
    for sample in (
        real("T", "B", dtype="float64"),
        whole("T", "B", dtype="int32"),
        some("T", "B"),
    )
] + [
    case(gates.Sum(()), real(), like=np.sum),
    case(gates.Sum((1,)), real("T", "B"), like=lambda x: x.sum(axis=1)),
    case(gates.Max((1,)), real("T", "B"), like=lambda x: x.max(axis=1)),
    case(gates.Mean((1,)), real("T", "B"), like=lambda x: x.mean(axis=1)),
]  # fmt: skip

MATMUL = [
    case(gates.Matmul(), a, b, like=np.matmul)
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
    case(gates.Reshape((T * B, H)), real("T", "B", "H"), like=lambda x: x.reshape(15, 4)),
    case(gates.Reshape((H, B, T)), real("T", "B", "H"), like=lambda x: x.reshape(4, 3, 5)),
    case(gates.Reshape(()), real(1, 1), like=lambda x: x.reshape(())),
    case(gates.Reshape((1, B)), some("B"), like=lambda x: x.reshape(1, 3)),
    case(gates.PermuteDims((1, 0)), real("T", "B"), like=np.transpose),
    case(gates.PermuteDims((2, 0, 1)), real("T", "B", "H"), like=lambda x: x.transpose(2, 0, 1)),
    case(gates.PermuteDims(()), real(), like=np.transpose),
    case(gates.BroadcastTo((T, B)), real(), like=lambda x: np.broadcast_to(x, (5, 3))),
    case(gates.BroadcastTo((T, B)), real("B"), like=lambda x: np.broadcast_to(x, (5, 3))),
    case(
        gates.BroadcastTo((K, T, B, H)), real("T", 1, "H"),
        like=lambda x: np.broadcast_to(x, (2, 5, 3, 4)),
    ),
    case(gates.BroadcastTo((1, B, T)), real(1, 1), like=lambda x: np.broadcast_to(x, (1, 3, 5))),
    case(gates.ExpandDims((0,)), real("T", "B"), like=lambda x: x[None]),
    case(gates.ExpandDims((1, 3)), real("T", "B"), like=lambda x: x[:, None, :, None]),
    case(gates.ExpandDims((0, 1)), whole(), like=lambda x: x[None, None]),
    case(gates.Squeeze((0,)), real(1, "T", "B"), like=lambda x: x[0]),
    case(gates.Squeeze((1, 3)), real("T", 1, "B", 1), like=lambda x: x[:, 0, :, 0]),
    case(gates.Squeeze(()), real("T", 1), like=lambda x: x),
    case(
        gates.Concat(0), real("T", "B"), real("K", "B"), real(1, "B"),
        like=lambda *x: np.concatenate(x),
    ),
    case(gates.Concat(1), real("T", "B"), real("T", "H", dtype="float64"), whole("T", "K"),
         like=lambda *x: np.concatenate(x, 1)),
    case(
        gates.Concat(2), real("T", "B", "H"), real("T", "B", "K"),
        like=lambda *x: np.concatenate(x, 2),
    ),
    case(gates.Concat(0), real("T"), like=lambda x: x),
    case(gates.Stack(0), real("T", "B"), real("T", "B"), like=lambda *x: np.stack(x)),
    case(
        gates.Stack(1), real("T", "B"), real("T", "B"), real("T", "B"),
        like=lambda *x: np.stack(x, 1),
    ),
    case(
        gates.Stack(2), real("T", "B"), real("T", "B", dtype="float64"),
        like=lambda *x: np.stack(x, 2),
    ),
    case(gates.Stack(0), real(), whole(), real(), like=lambda *x: np.stack(x)),
    case(gates.Split((T,), 0), real("T", "B"), like=lambda x: (x,)),
    case(
        gates.Split((B, H, K), 0), real(B + H + K, "T"), like=lambda x: np.split(x, [3, 7]),
    ),
    case(gates.Split((T, T), 1), real("B", 2 * T), like=lambda x: np.split(x, 2, axis=1)),
]  # fmt: skip

CREATION = [
    case(gates.Arange(T), like=lambda: np.arange(5)),
    case(gates.Arange(3), like=lambda: np.arange(3)),
    case(gates.Extent(T * B, np.dtype("float32")), like=lambda: np.float32(15)),
    case(gates.Extent(T, np.dtype("int64")), like=lambda: np.int64(5)),
    case(gates.Astype(np.dtype("float64")), real("T", "B"), like=lambda x: x.astype("float64")),
    case(
        gates.Astype(np.dtype("float32")), real("T", dtype="float64"),
        like=lambda x: x.astype("float32"),
    ),
    case(gates.Astype(np.dtype("int32")), real("T", "B"), like=lambda x: x.astype("int32")),
    case(gates.Astype(np.dtype("float32")), some("T"), like=lambda x: x.astype("float32")),
    case(
        gates.Lookup(), places(V, "T", "B"), real(V, H),
        like=lambda ids, table: table[ids],
    ),
    case(
        gates.Lookup(), whole("T", "B", low=-2, high=9), real(V, H, dtype="float64"),
        like=lambda ids, table: (ids[..., None] == np.arange(len(table))) @ table, fits="usual",
    ),
    case(
        gates.SegmentSum(6), whole("T", low=-2, high=9), real("T", H),
        like=lambda ids, x: (ids == np.arange(6)[:, None]) @ x,
    ),
    case(
        gates.OneHot(V, np.dtype("float32")), places(V, "T", "B"),
        like=lambda ids: np.eye(7, dtype="float32")[ids],
    ),
    case(
        gates.OneHot(V, np.dtype("int64")), places(V, dtype="uint8"),
        like=lambda ids: np.eye(7, dtype="int64")[ids],
    ),
    case(
        gates.OneHot(B, np.dtype("bool")), places(B, "T"),
        like=lambda i: np.eye(3, dtype=bool)[i],
    ),
    case(gates.StopGradient(), real("T", "B"), like=lambda x: x),
    case(gates.StopGradient(), whole("T"), like=lambda x: x),
]  # fmt: skip

INDEXING = [
    case(gates.Index(((0, T, 1), 0)), real("T", "B"), like=lambda x: x[:, 0]),
    case(gates.Index(((1, T, 2), (0, B - 1, 1))), real("T", "B"), like=lambda x: x[1::2, :-1]),
    case(gates.Index((T - 1, (0, B, 1))), real("T", "B"), like=lambda x: x[-1], fits="usual ones"),
    case(
        gates.Index(((1, 5, 3), 1, (0, 4, 2))), real("T", "B", "H"),
        like=lambda x: x[1:5:3, 1, :4:2],
        fits="usual",
    ),
    case(gates.Index(()), real(), like=lambda x: x),
    case(gates.Place(((0, T, 1), 0), (T, B)), real("T")),
    case(gates.Place(((1, T, 2), (0, B - 1, 1)), (T, B)), real(T // 2, B - 1)),
    case(gates.Place((T - 1, (0, B, 1)), (T, B)), real("B"), fits="usual ones"),
    case(gates.Take(0), real("V", "B"), places(V, "T"), like=lambda x, i: np.take(x, i, 0)),
    case(gates.Take(0), real("V", "B"), places(V), like=lambda x, i: np.take(x, i, 0)),
    case(gates.Take(1), real("T", "V", "H"), places(V, "B", "K", dtype="int32"),
         like=lambda x, i: np.take(x, i, 1)),
    case(gates.Take(2), real("T", "B", "V"), places(V, "H", negative=True),
         like=lambda x, i: np.take(x, i, 2)),
    case(gates.Take(0), whole("V"), places(V, "T", "B", dtype="uint8"), like=lambda x, i: x[i]),
    case(gates.ScatterAdd(0, V), real("T", "B"), places(V, "T", negative=True)),
    case(gates.ScatterAdd(0, V), real("B"), places(V)),
    case(gates.ScatterAdd(1, V), real("T", "B", "K", "H"), places(V, "B", "K")),
    case(gates.ScatterAdd(1, V), real("K", "T"), places(V, "T")),
    case(gates.TakeAlong(0), real("V", "B"), places(V, "T", "B", negative=True),
         like=lambda x, i: np.take_along_axis(x, i, 0)),
    case(gates.TakeAlong(1), real("T", "V", "H"), places(V, "T", "B", "H"),
         like=lambda x, i: np.take_along_axis(x, i, 1)),
    case(gates.TakeAlong(1), real("T", "V"), places(V, "T", 1),
         like=lambda x, i: np.take_along_axis(x, i, 1)),
    case(gates.ScatterAddAlong(0, V), real("T", "B"), places(V, "T", "B", negative=True)),
    case(gates.ScatterAddAlong(1, V), real("T", "B", "H"), places(V, "T", "B", "H")),
]  # fmt: skip

RANDOM = [
    case(gates.FoldIn(), key(), whole(low=0)),
    case(gates.FoldIn(), key("T"), whole(low=0)),
    case(gates.FoldIn(), key(), whole("T", low=0)),
    case(gates.FoldIn(), key("T", 1), whole("B", low=0, dtype="int32")),
    case(gates.Uniform((T, B), np.dtype("float32")), key()),
    case(gates.Uniform((), np.dtype("float64")), key()),
    case(gates.Uniform((B,), np.dtype("float64")), key("T", "K")),
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
