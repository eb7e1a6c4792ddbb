"""Weights of recurrent cells in PyTorch's names and layout.

PyTorch's weight_ih is ours transposed, the gates in the same order. It has two biases where one is
enough: bias_ih is ours, bias_hh is zeros, but for the part of a GRU that r scales, bias_hn.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from ..types import Array
from ..variables import Parameter, set_values
from .cells import GatedCell, GRUCell

__all__ = ["load_state_dict", "state_dict"]

_MATRICES = ("weight_ih", "weight_hh", "weight_hr")


def state_dict(cells: Mapping[str, Any]) -> dict[str, Array]:
    """The arrays of cells, each called by PyTorch's name and the end that stands for its cell."""
    found: dict[str, Array] = {}
    for end, cell in cells.items():
        arrays = {name: p.get_value() for name, p in _checked(cell).items()}
        bias = arrays["bias"]
        hidden = np.zeros_like(bias)
        if isinstance(cell, GRUCell):
            hidden[-cell.hidden_size :] = arrays["bias_hn"]
        found |= {f"{name}_{end}": arrays[name].T.copy() for name in _MATRICES[:2]}
        found |= {f"bias_ih_{end}": bias, f"bias_hh_{end}": hidden}
        if "weight_hr" in arrays:
            found[f"weight_hr_{end}"] = arrays["weight_hr"].T.copy()
    return found


def load_state_dict(cells: Mapping[str, Any], arrays: Mapping[str, npt.ArrayLike]) -> None:
    """Take arrays of `state_dict`'s names, all or none; without any biases they are zeros."""
    given = {name: np.asarray(array) for name, array in arrays.items()}
    expected = state_dict(cells)
    if not any(name.startswith("bias") for name in given):
        given |= {n: np.zeros_like(a) for n, a in expected.items() if n.startswith("bias")}
    set_values({name: Parameter(a, name) for name, a in expected.items()}, given)  # if they fit
    for end, cell in cells.items():
        ours = _checked(cell)
        for name in _MATRICES:
            if name in ours:
                ours[name].set_value(given[f"{name}_{end}"].T)
        bias, hidden = given[f"bias_ih_{end}"], given[f"bias_hh_{end}"]
        if isinstance(cell, GRUCell):
            last = slice(-cell.hidden_size, None)
            ours["bias_hn"].set_value(hidden[last])
            hidden = np.concatenate([hidden[: -cell.hidden_size], np.zeros_like(hidden[last])])
        ours["bias"].set_value(bias + hidden)


def _checked(cell: Any) -> dict[str, Parameter]:
    """The parameters of a cell that PyTorch has too."""
    if not isinstance(cell, GatedCell):
        raise ArgumentError(f"PyTorch has no layer of {type(cell).__name__}")
    for what, has in {
        "layer normalisation": cell.layer_norm,
        "learned initial state": cell.learned_state,
        "peepholes": getattr(cell, "peephole", None) is not None,
        "zoneout": cell.zones_out,  # in use too: the mean of old and new
    }.items():
        if has:
            raise ArgumentError(
                f"PyTorch's layers have no {what}, as this {type(cell).__name__} has"
            )
    if isinstance(cell, GRUCell) and not cell.reset_after:
        raise ArgumentError("PyTorch's GRU resets after the product, and this one before it")
    return cell.parameters()
