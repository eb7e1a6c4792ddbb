"""Gates of one's own: three rules make one, and a wrong rule is found out."""

from typing import Any

import pytest

import minigrad as mg
from minigrad import gates
from minigrad.errors import GateError, GradientError
from minigrad.graph import Gate
from minigrad.types import Type
from minigrad.variables import Variable


class Cube(Gate):
    """x³, in ten lines."""

    symbol = "x³"

    def infer(self, x: Type) -> Type:
        return x

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return xp.multiply(x * x, x, out=out)

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Variable:
        return cotangent * 3 * x * x


def test_a_gate_of_ones_own_can_be_differentiated_again_and_again() -> None:
    x = mg.input("x")
    y = Cube()(x)
    assert str(y.owner.gate) == "cube"
    found = []
    for _ in range(5):
        found.append(float(y.eval({x: 2.0})))
        y = mg.grad(y, x, unused="zeros")
    assert found == [8, 12, 12, 6, 0]


class Wrong(Gate):
    """A gate whose rules can be made wrong, one at a time."""

    def infer(self, x: Type) -> Type:
        return x

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x

    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Any:
        return cotangent


class NoInfer(Gate):
    pass


class NoForward(Gate):
    infer = Wrong.infer


class NoVjp(Gate):
    infer = Wrong.infer
    forward = Wrong.forward


class WrongForward(Wrong):
    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x.astype("float64")


class TooManyCotangents(Wrong):
    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Any:
        return cotangent, cotangent


class WrongCotangent(Wrong):
    def vjp(self, cotangent: Variable, output: Variable, x: Variable) -> Any:
        return cotangent.sum()


@pytest.mark.parametrize(
    ("gate", "error", "message"),
    [
        (NoInfer, GateError, "NoInfer defines no infer"),
        (NoForward, GateError, "NoForward defines no forward"),
        (NoVjp, GradientError, "no_vjp has no gradient rule: define vjp"),
        (WrongForward, GateError, r"wrong_forward.infer says float32 \(3,\), .*float64 \(3,\)"),
        (TooManyCotangents, GateError, "vjp gave 2 cotangents for 1 inputs"),
        (WrongCotangent, GateError, r"vjp gave float32 \(\) for an input that is float32 \(3,\)"),
    ],
)
def test_a_gate_with_a_wrong_rule_is_found_out(
    gate: type[Gate], error: type[Exception], message: str
) -> None:
    def use() -> None:
        x = mg.input("x", (3,))
        y = gate()(x)
        y.eval({x: [1, 2, 3]})
        mg.grad(y.sum(), x)

    with pytest.raises(error, match=message):
        use()


def test_gates_are_equal_when_their_settings_are() -> None:
    assert gates.Sum((0,)) == gates.Sum((0,)) != gates.Sum((1,))
    assert gates.Add() == gates.Add() != gates.Multiply()
    assert gates.Max((0,)) != gates.Min((0,))
    assert len({gates.Tanh(), gates.Tanh(), gates.Exp()}) == 2
