"""The reference as the tests read it: `REFERENCE[group][case][role][name]` is an array."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Roles = dict[str, dict[str, Array]]


def _read(path: Path) -> dict[str, dict[str, Roles]]:
    """All arrays lie end to end in `values`; `index` has the place and shape of each."""
    with np.load(path) as file:
        values, index = file["values"], json.loads(str(file["index"]))

    def cut(place: tuple[int, list[int]]) -> Array:
        start, shape = place
        return values[start : start + int(np.prod(shape))].reshape(shape)

    return {
        group: {
            case: {
                role: {name: cut(place) for name, place in places.items()}
                for role, places in roles.items()
            }
            for case, roles in cases.items()
        }
        for group, cases in index.items()
    }


REFERENCE = _read(Path(__file__).with_name("reference.npz"))


def assert_close(found: Any, reference: Array, what: str) -> None:
    """Equal up to rounding in float64."""
    found = np.asarray(found)
    assert found.shape == reference.shape, what
    assert found.dtype == np.float64, what
    np.testing.assert_allclose(found, reference, rtol=1e-9, atol=1e-11, err_msg=what)
