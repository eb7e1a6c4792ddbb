"""``minigrad verify`` and ``minigrad draw``: the lecture's circuits, checked and drawn."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..functions import exp
from ..tracing import trace
from ..variables import Variable, inputs
from ..verify import verify_grad
from .app import app
from .instruments import draw_app

__all__ = ["circuit", "draw", "neuron", "verify"]

_PICTURE = Path("circuit.svg")


def circuit() -> tuple[Variable, dict[Variable, float]]:
    """f = (x + y) · z at x=-2, y=5, z=-4."""
    x, y, z = inputs("x y z")
    q = (x + y).named("q")
    return (q * z).named("f"), {x: -2.0, y: 5.0, z: -4.0}


def neuron() -> tuple[Variable, dict[Variable, float]]:
    """A sigmoid neuron from add, multiply, exp and divide: 1 / (1 + exp(-(w0·x0 + w1·x1 + w2)))."""
    w0, x0, w1, x1, w2 = inputs("w0 x0 w1 x1 w2")
    f = 1 / (1 + exp(-(w0 * x0 + w1 * x1 + w2)))
    return f.named("f"), {w0: 2.0, x0: -1.0, w1: -3.0, x1: -2.0, w2: -3.0}


@app.command()
def verify() -> None:
    """Check gradients of the lecture's circuits against finite differences."""
    right = True
    for title, (cost, at) in {
        "f = (x + y) · z": circuit(),
        "f = 1 / (1 + exp(-(w0·x0 + w1·x1 + w2)))": neuron(),
    }.items():
        report = verify_grad(cost, at)
        right = right and bool(report)
        print(f"{title}\n{report}\n")
    raise typer.Exit(0 if right else 1)


@draw_app.command("circuit")
def draw(
    file: Annotated[Path, typer.Argument(help="A .svg, .png, .pdf or .dot file.")] = _PICTURE,
) -> None:
    """Draw (x + y) · z with values in blue and gradients in red."""
    cost, at = circuit()
    drawn: Any = trace(cost, at).draw().save(file)
    print(f"wrote {drawn}")


app.add_typer(draw_app, name="draw")
