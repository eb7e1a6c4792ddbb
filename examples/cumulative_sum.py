"""A loop that adds up: `scan` as a cumulative sum, its gradient, and two other ways to the same.

Lesson: fast.ai, "Practical deep learning for coders" lesson 6, where Theano's `scan` is the loop of
a recurrent network: what goes in at each step, what is carried to the next, what is collected. The
smallest carry is a running total. Its gradient runs the loop from the other end: x_t is part of
all totals from t on, so that its gradient is the sum of theirs from t on.

    python examples/cumulative_sum.py
"""

import numpy as np

import minigrad as mg


def main(length: int = 8) -> dict[str, np.ndarray]:
    xs, weights = mg.inputs("xs weights", ("T",), "float64")

    def step(total, x):
        total = total + x
        return total, total  # the carry, and what to collect

    last, totals = mg.scan(step, mg.constant(0.0, "float64"), xs)
    cost = mg.sum(weights * totals)  # so that d cost / d totals = weights
    found = mg.function(
        [xs, weights],
        {
            "scan": totals,
            "cumulative_sum": mg.cumulative_sum(xs),
            "associative_scan": mg.associative_scan(mg.add, xs),
            "last": last,
            "gradient": mg.grad(cost, xs),
            "from the other end": mg.cumulative_sum(weights, reverse=True),
        },
    )
    rng = np.random.default_rng(0)
    numbers, factors = rng.integers(-9, 10, (2, length)).astype(np.float64)
    results = found(numbers, factors)
    for name, values in {"xs": numbers, "weights": factors, **results}.items():
        if values.ndim:
            print(f"{name:>18}  " + " ".join(f"{value:4.0f}" for value in values))

    print()
    print(mg.verify_grad(cost, {xs: numbers, weights: factors}, wrt=[xs]))
    print()
    same = ["scan", "cumulative_sum", "associative_scan"]
    far = max(abs(results[name] - np.cumsum(numbers)).max() for name in same)
    back = abs(results["gradient"] - results["from the other end"]).max()
    print(f"{', '.join(same)}: at most {far:g} from NumPy's cumsum.")
    print(f"The gradient is at most {back:g} from the weights summed from the other end.")
    return {"xs": numbers, "weights": factors, **results}


if __name__ == "__main__":
    main()
