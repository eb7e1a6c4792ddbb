"""The equations of an explanation are computed as they stand: they give the graph's gradients."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.graph import Binding
from minigrad.interpret import evaluate
from minigrad.picture.words.chain_rule import ChainRule
from minigrad.picture.words.forward import Equation
from minigrad.picture.words.loop_body import OverSteps, Row, Rows
from minigrad.picture.words.terms import Name, Number, Step, Term, moved
from minigrad.variables import Variable
from tests.helpers import Array

T, B = 4, 3


class Reader:
    """Computes equations one after the other, as a reader would with pencil and paper."""

    def __init__(self, rule: ChainRule, values: Mapping[Variable, Any]) -> None:
        self.known = {rule.given[v]: np.asarray(a, v.dtype) for v, a in values.items()}
        self.known = {self._key(name): a for name, a in self.known.items()}
        self.read(rule.forward)
        self.read(rule.backward)

    @staticmethod
    def _key(name: Name) -> tuple[Any, ...]:
        return name.base, tuple(map(str, name.steps)), name.of is not None

    def read(self, equations: Sequence[Equation]) -> None:
        i = 0
        while i < len(equations):
            if equations[i].name:
                self._compute(equations[i], None)
                i += 1
                continue
            block = i + 1
            while block < len(equations) and equations[block].depth:
                block += 1
            ends = [part for part in equations[i].words if isinstance(part, Step)][1:]
            if ends:
                first, last = (int(str(end)) for end in ends)
                way = 1 if first <= last else -1
                for t in range(first, last + way, way):
                    for equation in equations[i + 1 : block]:
                        self._compute(equation, t)
            i = block

    def _compute(self, equation: Equation, t: int | None) -> None:
        assert equation.name
        name: Any = equation.name if t is None else moved(equation.name, "t", Step("", t))
        terms = equation.terms
        if "".join(w for w in equation.words if isinstance(w, str)).endswith(" it is 0"):
            (end,) = [str(w) for w in equation.words[4:] if isinstance(w, Step)][-1:]
            terms = terms[:-1] if str(t) == end else terms
        total: Any = sum(self.value(term, t) for term in terms)
        shape = Binding({"B": B})(name.shape)
        self.known[self._key(name)] = np.broadcast_to(total, shape)

    def value(self, term: Term, t: int | None) -> Any:
        if isinstance(term, Number):
            return term.value
        if isinstance(term, Name):
            found: Any = term if t is None else moved(term, "t", Step("", t))
            return self._look_up(found)
        if isinstance(term.gate, OverSteps):
            return sum(self.value(term.operands[0], t) for t in range(1, T + 1))
        if isinstance(term.gate, Rows):
            return np.stack([self.value(term.operands[0], t) for t in range(1, T + 1)])
        operands = [np.asarray(self.value(o, t)) for o in term.operands]
        if isinstance(term.gate, Row):
            assert t is not None
            return operands[0][t - 1]
        if isinstance(term.gate, mg.gates.TakeAlong):  # whose axis of size 1 is not written
            return np.take_along_axis(operands[0], operands[1][..., None], -1)[..., 0]
        result = term.gate.bind(Binding({"B": B})).forward(np, *operands)
        return result[term.output] if isinstance(result, tuple) else result

    def _look_up(self, name: Name) -> Any:
        key = self._key(name)
        if key in self.known:
            return self.known[key]
        base, steps, is_derivative = key
        if steps == (f"1:{T}",):
            return np.stack([self.known[base, (str(t),), is_derivative] for t in range(1, T + 1)])
        rows = [(base, whole, is_derivative) for whole in ((f"1:{T}",), ())]
        stack = next((self.known[row] for row in rows if row in self.known), None)
        assert stack is not None, name
        assert 1 <= int(steps[0]) <= T
        return stack[int(steps[0]) - 1]


def check(cost: Variable, wrt: Sequence[Variable], values: Mapping[Variable, Array]) -> None:
    rule = ChainRule(cost, wrt)
    reader = Reader(rule, values)
    expected = evaluate(mg.grad(cost, list(wrt)), values)
    for v, gradient in zip(wrt, expected, strict=True):
        found = reader.known[Reader._key(rule.derivative(rule.name_of(v)))]
        np.testing.assert_allclose(found, gradient, rtol=1e-9, atol=1e-12)


def leaves(**shapes: Any) -> tuple[dict[str, Variable], dict[Variable, Array]]:
    rng = np.random.default_rng(0)
    made: dict[str, Variable] = {n: mg.input(n, s, "float64") for n, s in shapes.items()}
    sizes = Binding({"B": B})
    return made, {v: rng.normal(size=sizes(v.shape)) for v in made.values()}


def test_a_recurrent_step_and_a_readout() -> None:
    p, at = leaves(x=("B", 2), h=("B", 5), W=(2, 5), U=(5, 5), b=(5,), V=(5, 7))
    y = mg.input("y", ("B",), "int64")
    h = mg.tanh(p["x"] @ p["W"] + p["h"] @ p["U"] + p["b"])
    loss = mg.nn.losses.softmax_cross_entropy(h @ p["V"], y)
    check(loss, list(p.values()), {**at, y: np.array([0, 6, 3])})


def test_an_lstm_step() -> None:
    cell = mg.nn.LSTMCell(2, 5, rng=0, dtype="float64", peepholes=False)
    p, at = leaves(x=("B", 2), h=("B", 5), c=("B", 5))
    out, (_, c) = cell(p["x"], (p["h"], p["c"]))
    at |= {w: w.get_value() for w in cell.parameters().values()}
    check((out * out).mean() + c.sum(), list(at), at)


@pytest.mark.parametrize("reverse", [False, True])
def test_through_time(reverse: bool) -> None:
    p, at = leaves(x=(T, "B", 2), s=("B", 5), W=(2, 5), U=(5, 5), b=(5,), V=(5, 7))
    y = mg.input("y", (T, "B"), "int64")

    def step(h: Variable, x: Variable) -> tuple[Variable, Variable]:
        h = mg.tanh(x @ p["W"] + h @ p["U"] + p["b"]).named("h")
        return h, (h @ p["V"]).named("o")

    _, o = mg.scan(step, p["s"], p["x"], reverse=reverse)
    loss = mg.nn.losses.softmax_cross_entropy(o, y).named("L")
    labels = np.random.default_rng(1).integers(0, 7, (T, B))
    check(loss, list(p.values()), {**at, y: labels})


@pytest.mark.parametrize("layer", [mg.nn.LSTM, mg.nn.GRU])
def test_layers_through_time(layer: Any) -> None:
    """All outputs count, and the states of two layers."""
    p, at = leaves(x=(T, "B", 2))
    net = layer(2, 5, num_layers=2, rng=0, dtype="float64")
    ys, _ = net(p["x"])
    at |= {w: w.get_value() for w in net.parameters().values()}
    check((ys * ys).sum(), list(at), at)
