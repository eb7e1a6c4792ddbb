"""Memory that is used again: no value is read after another was written over it."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import NotFiniteError
from minigrad.graph import leaves
from minigrad.variables import Variable
from tests.differential import assert_compiled_right

W, h0 = mg.input("W", (16, 16), "float64"), mg.input("h0", (8, 16), "float64")
x = mg.input("x", (16, 16), "float64")
rng = np.random.default_rng(0)
AT = {W: rng.normal(size=(16, 16)) / 4, h0: rng.normal(size=(8, 16)), x: rng.normal(size=(16, 16))}


def right(*outputs: Variable) -> None:
    needed = {v: AT[v] for v in leaves(outputs) if v in AT}
    assert_compiled_right(list(outputs), needed)


def test_a_carry_that_is_another_ones_old_value() -> None:
    def step(carry: tuple[Variable, ...], _: None) -> tuple[tuple[Variable, ...], None]:
        h, k, s = carry
        n = mg.tanh(h @ W + s)
        return (n, h, mg.tanh(s + k * n)), None

    right(*mg.scan(step, (h0, h0 + 1, h0 * 0), length=5)[0])


def test_carries_that_change_places() -> None:
    right(*mg.scan(lambda c, _: ((c[1], mg.tanh(c[0] @ W)), None), (h0, h0 + 1), length=5)[0])


def test_a_last_carry_that_is_a_transposed_weight() -> None:
    last, ys = mg.scan(lambda c, _: (W.T, mg.tanh(c @ W.T)), x, length=3)
    z = mg.exp(ys[0] @ W * 0.01) @ W
    right(last @ W, z, mg.tanh(z) @ last)


class ViewOfOut(mg.Gate):
    def infer(self, x):
        return x

    def forward(self, xp, x, out=None):
        return xp.transpose(xp.tanh(x, out=out))


class CopyCalledView(mg.Gate):
    view = True

    def infer(self, x):
        return x

    def forward(self, xp, x, out=None):
        return xp.copy(x)


class InTwoSteps(mg.gates.Relu):
    def forward(self, xp, x, out=None):
        r = xp.maximum(x, 0, out=out)
        return xp.add(r, xp.multiply(xp.minimum(x, 0), 0.1), out=out)


@pytest.mark.parametrize("gate", [ViewOfOut(), CopyCalledView(), InTwoSteps()], ids=str)
def test_gates_that_do_what_they_like_with_out(gate: mg.Gate) -> None:
    right(gate(mg.sin(x)) @ mg.exp(W), gate(mg.sin(x) * 2))


class OwnTable(mg.Gate):
    table = np.ones((3,))

    def infer(self):
        return mg.Type((3,), np.dtype("float64"))

    def forward(self, xp, out=None):
        return xp.asarray(self.table) if xp is np else self.table[xp.zeros(())]


def test_a_gates_own_array_is_not_given_away() -> None:
    f = mg.function([], OwnTable()())
    f()[:] = 7
    assert f().tolist() == [1, 1, 1]


class OtherShape(mg.Gate):
    def infer(self, x):
        return x

    def forward(self, xp, x, out=None):
        return x[:1]


def test_a_forward_against_its_rule_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"other_shape.infer says float64 \(16, 16\), its forward gave"
    ):
        mg.function([x], OtherShape()(x) * 2)(AT[x])


def test_sums_keep_their_dtype() -> None:
    a, b = mg.input("a", (3, 2, 4), "int32"), mg.input("b", (3, 4, 5), "int32")
    at = {v: np.arange(np.prod(v.shape)).reshape(v.shape).astype("int32") for v in (a, b)}
    assert_compiled_right([(a @ b).sum(axis=0)], at)
    p, q = mg.inputs("p q", (5,), "bool")
    last, _ = mg.scan(lambda h, row: ((h + row[0]) + row[1], None), 0.0, (p, q))
    assert mg.function([p, q], last)(np.ones(5, bool), np.ones(5, bool)) == 10


def test_check_nan_names_the_step_whatever_could_leave_the_loop() -> None:
    xs = mg.input("xs", ("T",))
    _, ys = mg.scan(lambda h, v: (h, mg.log(v)), 0.0, xs)
    with pytest.raises(NotFiniteError, match="log made a NaN in time step 3"):
        mg.function([xs], ys, check_nan=True)([1, 2, 3, -1, 2])


def test_compiling_renames_nobodys_variables() -> None:
    a = mg.input("xs", ("T", 3)) * 2
    _, ys = mg.scan(lambda h, row: (h, row.named("row")), 0.0, a)
    mg.function([a.owner.inputs[0]], ys, optimize={"share": False})
    assert a.name is None
