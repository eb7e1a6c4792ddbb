"""Landscapes that descent goes through: the cliff of a recurrent unit, and a saddle."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np

from .. import optim
from ..autodiff import grad
from ..compile import function
from ..functions import full, sigmoid
from ..loops import scan
from ..types import Array
from ..variables import Parameter, Variable, input
from .plots import SERIES, new_axes

__all__ = [
    "ErrorSurface",
    "descent",
    "draw_error_surface",
    "draw_saddle_race",
    "error_surface",
    "racers",
    "saddle_race",
]


# ---------------------------------------------------------------- the cliff


@dataclass(frozen=True, eq=False)
class ErrorSurface:
    """The error (m, n) of a recurrent unit for each b (m,) and w (n,)."""

    w: Array
    b: Array
    error: Array


def _error(w: Variable, b: Variable, steps: int, start: float, target: float) -> Variable:
    def step(h: Variable, _: None) -> tuple[Variable, None]:
        return sigmoid(w * h + b), None

    last, _ = scan(step, full(w.shape, start, w.dtype), length=steps)
    error: Variable = (last - target) ** 2
    return error


def error_surface(
    w: tuple[float, float] = (3.8, 5.4),
    b: tuple[float, float] = (-2.6, -1.6),
    points: int = 201,
    steps: int = 50,
    start: float = 0.5,
    target: float = 0.7,
) -> ErrorSurface:
    """The squared error of one recurrent unit, (h_T - target)², over its weight and its bias:

        h_t = σ(w h_{t-1} + b),   h_0 = start,   T = steps

    From w = 4 on the unit may stay low or high for ever, and where b = -w/2 the least change
    decides which: there is a cliff (after Pascanu, Mikolov and Bengio, "On the difficulty of
    training recurrent neural networks", 2013, figure 6). `w` and `b` are the ends of what is shown.

    >>> surface = error_surface((4, 7), (-3.4, -2), points=3)
    >>> surface.error.round(2).tolist()
    [[0.44, 0.44, 0.07], [0.38, 0.04, 0.08], [0.04, 0.07, 0.09]]
    """
    columns, rows = np.linspace(*w, points), np.linspace(*b, points)
    W, B = (input(name, ("m", "n"), "float64") for name in "wb")
    run = function([W, B], _error(W, B, steps, start, target), name="error surface")
    return ErrorSurface(columns, rows, run(*np.meshgrid(columns, rows)))


def descent(
    begin: tuple[float, float] = (4.8, -2.1),
    rate: float = 1.5,
    updates: int = 30,
    max_norm: float | None = None,
    steps: int = 50,
    start: float = 0.5,
    target: float = 0.7,
) -> Array:
    """The places (w, b, error) of gradient descent on such a surface: (updates + 1, 3).

    `max_norm` clips the norm of the gradient.
    """
    w, b = (Parameter(np.float64(x), name) for x, name in zip(begin, "wb", strict=True))
    error = _error(w, b, steps, start, target)
    gradients = grad(error, [w, b])
    if max_norm is not None:
        gradients = optim.clip_by_global_norm(gradients, max_norm)
    run = function([], (w, b, error), optim.SGD(rate).updates(gradients, [w, b]), name="descent")
    return np.array([run() for _ in range(updates + 1)])


def draw_error_surface(
    surface: ErrorSurface, paths: Mapping[str, Array] | None = None, ax: Any = None
) -> Any:
    """The error as a heat map, or as a surface on 3-D axes, and paths of `descent` on it.

    The axes, for more. Raises PictureError where there is no matplotlib.
    """
    ax = new_axes(7, 4.6) if ax is None else ax
    solid = ax.name == "3d"
    columns, rows = np.meshgrid(surface.w, surface.b)
    if solid:
        ax.computed_zorder = False  # paths lie on the surface, and not half below it
        every = slice(None, None, -(-len(surface.w) // 101))  # or it takes long
        grid = (array[every, every] for array in (columns, rows, surface.error))
        ax.plot_surface(*grid, cmap="Blues", rstride=1, cstride=1)
        ax.view_init(40, 25)
        ax.set_zlabel("error")
    else:
        image = ax.pcolormesh(columns, rows, surface.error, cmap="Blues", rasterized=True)
        ax.figure.colorbar(image, ax=ax, label="error", fraction=0.05, pad=0.02)
    for style, (name, path) in zip(cycle(_ON_BLUE), (paths or {}).items(), strict=False):
        shown = _within(surface, path).T if solid else path.T[:2]
        ax.plot(*shown, label=name, markersize=3.5, linewidth=1.4, zorder=3, **style)
    ax.set(
        xlabel="w",
        ylabel="b",
        xlim=(surface.w[0], surface.w[-1]),
        ylim=(surface.b[0], surface.b[-1]),
    )
    if paths:
        light = {"facecolor": "#f4f8fd", "edgecolor": "none", "labelcolor": "#111111"}  # as the map
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, framealpha=1, **light)
    return ax


def _within(surface: ErrorSurface, path: Array) -> Array:
    """A path with gaps where it is beyond the surface: 3-D axes do not cut it off."""
    w, b = path.T[:2]
    w_in = (w >= surface.w[0]) & (w <= surface.w[-1])
    b_in = (b >= surface.b[0]) & (b <= surface.b[-1])
    return np.where((w_in & b_in)[:, None], path, np.nan)


_ON_BLUE = (
    {"color": "#d62728", "linestyle": "--", "marker": "x"},
    {"color": "#111111", "linestyle": "-", "marker": "o"},
    {"color": "#d98200", "linestyle": ":", "marker": "s"},
)


# ---------------------------------------------------------------- the saddle


def racers(rate: float) -> dict[str, optim.Optimizer]:
    """All with one rate; the other settings are the usual ones."""
    return {
        "SGD": optim.SGD(rate),
        "momentum": optim.SGD(rate, momentum=0.9),
        "Nesterov": optim.SGD(rate, momentum=0.9, nesterov=True),
        "Adagrad": optim.Adagrad(rate),
        "RMSprop": optim.RMSprop(rate, decay=0.9),
        "Adam": optim.Adam(rate),
    }


def saddle_race(
    optimizers: Mapping[str, optim.Optimizer] | None = None,
    updates: int = 60,
    begin: tuple[float, float] = (1.0, 1e-2),
) -> dict[str, Array]:
    """The places (x, y) of each optimiser as it descends x² - y²: (updates + 1, 2) by name.

    Without `optimizers`, six of them with one learning rate race.

    >>> paths = saddle_race({"SGD": optim.SGD(0.1)}, updates=2)
    >>> paths["SGD"].round(4).tolist()
    [[1.0, 0.01], [0.8, 0.012], [0.64, 0.0144]]
    """
    paths = {}
    for name, optimizer in (racers(0.05) if optimizers is None else optimizers).items():
        x, y = (Parameter(np.float64(at), n) for at, n in zip(begin, "xy", strict=True))
        moves = optimizer.updates(x**2 - y**2, [x, y])
        run = function([], (x, y), moves, name=name)
        paths[name] = np.array([run() for _ in range(updates + 1)])
    return paths


def draw_saddle_race(paths: Mapping[str, Array], ax: Any = None) -> Any:
    """Contour lines of x² - y², and the path of each optimiser with a mark at every other step.

    The axes, for more. Raises PictureError where there is no matplotlib.
    """
    ax = new_axes(7, 4.6) if ax is None else ax
    reach_x, reach_y = 1.25, 1.5
    x, y = np.meshgrid(np.linspace(-reach_x, reach_x, 101), np.linspace(-0.4, reach_y, 101))
    levels = np.linspace(-2, 1.5, 15)
    lines = ax.contour(
        x, y, x**2 - y**2, levels, colors="#80808070", linewidths=0.8, linestyles="solid"
    )
    ax.clabel(lines, levels[2:-2:2], fontsize=8, colors="#808690")
    for style, (name, path) in zip(cycle(SERIES), paths.items(), strict=False):
        ax.plot(*path.T, label=name, markersize=4, markevery=2, linewidth=1.4, **style)
    ax.set(xlabel="x", ylabel="y", xlim=(-reach_x, reach_x), ylim=(-0.4, reach_y))
    if paths:
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return ax
