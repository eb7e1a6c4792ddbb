"""Derivatives as graphs: vjp (reverse mode), grad of a scalar, jvp (forward mode) from two vjps.

A gate states one rule, its `vjp`; since the rule is written with Variables, what comes out is a
graph like any other and can be differentiated again.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .dims import show_shape
from .errors import ArgumentError, GateError, GradientError
from .functions import astype, ones_like, zeros_like
from .graph import Apply, applies, leaves, substitute
from .groups import entered, mirrored
from .interpret import label
from .tree import flatten, unflatten
from .variables import Input, Variable, as_variables
from .where import located

__all__ = ["grad", "jvp", "vjp"]


def pull(
    order: Iterable[Apply], cotangents: Mapping[Variable, Variable], wrt: Collection[Variable]
) -> dict[Variable, Variable]:
    """Cotangents of `wrt` from those of outputs, back through the applications of a sorted walk.

    Only what depends on `wrt` is visited; a variable used n times gets the sum of n contributions.
    A variable that no cotangent reaches is not in the result. What it builds is in the group
    "gradient", where each group of the order has a twin.
    """
    order = list(order)
    varied = set(wrt)
    for apply in order:
        if any(v in varied for v in apply.inputs):
            varied.update(v for v in apply.outputs if v.type.differentiable)
    total = {v: ct for v, ct in cotangents.items() if v in varied}
    with mirrored("gradient") as twin:
        for apply in reversed(order):
            incoming = [total.get(v) for v in apply.outputs]
            needed = [v in varied for v in apply.inputs]
            if not any(needed) or all(ct is None for ct in incoming):
                continue
            with located(apply.where), entered(twin(apply.group)):
                contributions = apply.gate.pullback(apply, incoming, needed)
                for v, ct in _checked(apply, contributions, needed):
                    total[v] = total[v] + ct if v in total else ct
    return {v: total[v] for v in wrt if v in total}


def _checked(
    apply: Apply, contributions: Iterable[Variable | None], needed: Iterable[bool]
) -> list[tuple[Variable, Variable]]:
    """The contributions that count, each of its input's type; GateError when a rule is wrong."""
    found = list(contributions)
    if len(found) != len(apply.inputs):
        raise GateError(
            f"{apply.gate}.vjp gave {len(found)} cotangents for {len(apply.inputs)} inputs",
            apply.where,
        )
    pairs = []
    for v, ct, need in zip(apply.inputs, found, needed, strict=True):
        if not need or ct is None:
            continue
        if ct.type != v.type:
            raise GateError(
                f"{apply.gate}.vjp gave {ct.type} for an input that is {v.type}", apply.where
            )
        pairs.append((v, ct))
    return pairs


def _flat(tree: Any, what: str) -> tuple[list[Variable], Any]:
    found, paths, structure = flatten(tree)
    for v, path in zip(found, paths, strict=True):
        if not isinstance(v, Variable):
            raise ArgumentError(f"{what}{path} must be a Variable, and is {v!r}")
    return found, structure


def _seeds(tree: Any, cotangents: Any, what: str) -> list[Variable]:
    """Cotangents (or tangents) as Variables of the type of what in `tree` they belong to."""
    variables, paths, _ = flatten(tree)
    given, had, _ = flatten(cotangents)
    if had != paths:
        raise ArgumentError(
            f"the {what}s must be nested as what they belong to, {paths}, and are {had}"
        )
    found = []
    for v, ct in zip(variables, given, strict=True):
        (ct,) = as_variables(ct) if isinstance(ct, Variable) else as_variables(v, ct)[1:]
        if ct.shape != v.shape:
            raise GradientError(
                f"the {what} of {label(v)} needs its shape {show_shape(v.shape)}, and has "
                f"{show_shape(ct.shape)}"
            )
        found.append(astype(ct, v.dtype))
    return found


def _by_variable(
    variables: Iterable[Variable], cotangents: Iterable[Variable]
) -> dict[Variable, Variable]:
    """The cotangent of each variable: the sum, where one is there several times."""
    total: dict[Variable, Variable] = {}
    for v, ct in zip(variables, cotangents, strict=True):
        total[v] = total[v] + ct if v in total else ct
    return total


def vjp(outputs: Any, wrt: Any, cotangents: Any, unused: str = "error") -> Any:
    """cotangents · d outputs / d wrt, in the structure of `wrt`: the product of reverse mode.

    `outputs` and `cotangents` are Variables or nested structures alike, shapes equal pairwise.
    `wrt` may hold any variables, also inner ones. What no path joins to the outputs is an error, or
    with ``unused="zeros"`` zeros. Raises GradientError for that, and for an integer `wrt`.

    >>> import minigrad as mg
    >>> x = mg.input("x", (3,))
    >>> mg.vjp(x * x, x, mg.constant([1.0, 10.0, 100.0], "float32")).eval({x: [1, 2, 3]})
    array([  2.,  40., 600.], dtype=float32)
    """
    outs, _ = _flat(outputs, "outputs")
    targets, structure = _flat(wrt, "wrt")
    if unused not in ("error", "zeros"):
        raise ArgumentError(f'unused is "error" or "zeros", not {unused!r}')
    for v in targets:
        if not v.type.differentiable:
            raise GradientError(
                f"{label(v)} is {v.dtype}, and only floats have a gradient: leave it out of wrt, "
                'or make it a float with .astype("float32")',
                v.where,
            )
    with mirrored("gradient"):
        seeds = _seeds(outputs, cotangents, "cotangent")
        found = pull(applies(outs), _by_variable(outs, seeds), targets)
        for v in targets:
            if v not in found and unused == "error":
                raise GradientError(
                    f"no gradient reaches {label(v)}: the outputs do not depend on it, or only "
                    "through integers or stop_gradient. Leave it out of wrt, or pass "
                    'unused="zeros"',
                    v.where,
                )
        return unflatten(structure, [found[v] if v in found else zeros_like(v) for v in targets])


def grad(cost: Variable, wrt: Any, unused: str = "error") -> Any:
    """d cost / d wrt as new graphs, in the structure of `wrt`.

    `cost` is a scalar (); each gradient has the shape and dtype of its variable. `wrt` may be any
    Variable or nested structure of them, not only leaves.

    >>> import minigrad as mg
    >>> x, y, z = mg.inputs("x y z")
    >>> f = (x + y) * z
    >>> [float(g.eval({x: -2.0, y: 5.0, z: -4.0})) for g in mg.grad(f, [x, y, z])]
    [-4.0, -4.0, 3.0]

    Raises GradientError when the cost is not a float scalar, does not depend on a `wrt` (unless
    ``unused="zeros"``), or a `wrt` is an integer.
    """
    if not isinstance(cost, Variable):
        raise ArgumentError(f"the cost must be a Variable, and is {cost!r}")
    if cost.shape == () and not cost.type.differentiable:
        raise GradientError(
            f"the cost must be a float scalar, and {label(cost)} is {cost.type}: make it one with "
            '.astype("float32") before the gates whose gradient you want',
            cost.where,
        )
    if cost.shape != ():
        raise GradientError(
            f"the cost must be a float scalar, and {label(cost)} is {cost.type}: take its .mean() "
            "or .sum(), or use mg.vjp with a cotangent of its shape",
            cost.where,
        )
    with mirrored("gradient"):
        with located(cost.where):
            one = ones_like(cost)
        return vjp(cost, wrt, one, unused)


def jvp(outputs: Any, wrt: Any, tangents: Any) -> Any:
    """d outputs / d wrt · tangents, in the structure of `outputs`: the product of forward mode.

    Made of two vjps: u ↦ vjp(outputs, wrt, u) is linear in u, and its own vjp with the tangents as
    cotangents is the transpose of the transpose. The dummy u drops out.
    (J. Townsend, "A new trick for calculating Jacobian vector products", 2017.)

    >>> import minigrad as mg
    >>> x = mg.input("x", (3,))
    >>> mg.jvp(x * x, x, mg.constant([1.0, 10.0, 100.0], "float32")).eval({x: [1, 2, 3]})
    array([  2.,  40., 600.], dtype=float32)

    An output that does not depend on `wrt` has the tangent zeros.
    """
    outs, structure = _flat(outputs, "outputs")
    targets, _ = _flat(wrt, "wrt")
    with mirrored("tangent"):
        seeds = _seeds(wrt, tangents, "tangent")
        dummies: list[Variable] = [Input(v.type, f"u{i}") for i, v in enumerate(outs)]
        rows = vjp(outs, targets, dummies, unused="zeros")
        reached = pull(applies(rows), _by_variable(rows, seeds), dummies)
        # A linear map's derivative does not depend on where it is taken: any u left over may be 0.
        pairs = zip(dummies, outs, strict=True)
        found = [reached[u] if u in reached else zeros_like(v) for u, v in pairs]
        still = [u for u in leaves(found) if u in set(dummies)]
        found = substitute(found, {u: zeros_like(u) for u in still})
    return unflatten(structure, found)
