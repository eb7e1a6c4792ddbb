"""Back-propagation through time by the lecture's equations, held against the graph's gradients.

Lesson: FAU Deep Learning, "Recurrent neural networks" part 2. The network is

    h_t = tanh(W_hh h_{t-1} + W_xh x_t + b_h)
    ŷ_t = softmax(W_hy h_t + b_y)                loss = - Σ_t log ŷ_t[y_t]

and, from the last step to the first, with o_t = W_hy h_t + b_y and u_t the argument of tanh,

    ∂L/∂o_t = ŷ_t - onehot(y_t)
    ∂L/∂h_t = W_hyᵀ ∂L/∂o_t + W_hhᵀ ∂L/∂u_{t+1}      (the second part is 0 for the last t)
    ∂L/∂u_t = (1 - h_t²) ⊙ ∂L/∂h_t

A weight is used at every step, and so its gradient is a sum: ∂L/∂W_hh = Σ_t ∂L/∂u_t h_{t-1}ᵀ.
`mg.grad` finds the same numbers from the three forward equations alone.

    python examples/bptt_by_hand.py [STEPS]
"""

import sys

import numpy as np

import minigrad as mg


def by_hand(w, xs, ys, h0):
    """The equations above, in NumPy: ∂L/∂o_t and ∂L/∂h_t for each t, and those of the weights."""
    h, p = [h0], []
    for x in xs:
        h.append(np.tanh(w["W_hh"] @ h[-1] + w["W_xh"] @ x + w["b_h"]))  # h[t + 1] is h_t
        o = w["W_hy"] @ h[-1] + w["b_y"]
        p.append(np.exp(o) / np.exp(o).sum())
    d = {name: np.zeros_like(value) for name, value in w.items()}
    d_o, d_h = np.array(p), np.zeros((len(xs), len(h0)))
    d_u = np.zeros(len(h0))
    for t in reversed(range(len(xs))):
        d_o[t, ys[t]] -= 1
        d_h[t] = w["W_hy"].T @ d_o[t] + w["W_hh"].T @ d_u
        d_u = (1 - h[t + 1] ** 2) * d_h[t]
        d["W_hy"] += np.outer(d_o[t], h[t + 1])
        d["b_y"] += d_o[t]
        d["W_hh"] += np.outer(d_u, h[t])
        d["W_xh"] += np.outer(d_u, xs[t])
        d["b_h"] += d_u
    return {"o": d_o, "h": d_h, **d}


def by_graph(w, xs, ys, h0):
    """The same from `mg.trace`, which keeps the gradient of all there is, in loops too."""
    p = {name: mg.parameter(value, name) for name, value in w.items()}
    seen = {}

    def step(h, x):
        h = seen["h"] = mg.tanh(p["W_hh"] @ h + p["W_xh"] @ x + p["b_h"])
        o = seen["o"] = p["W_hy"] @ h + p["b_y"]
        return h, o

    _, logits = mg.scan(step, mg.constant(h0), mg.constant(xs))
    trace = mg.trace(mg.nn.losses.softmax_cross_entropy(logits, ys, reduce="sum"), {})
    return {name: trace.grad(v) for name, v in (seen | p).items()}


def main(steps=6, inputs=3, hidden=5, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    shapes = {"W_hh": (hidden, hidden), "W_xh": (hidden, inputs), "b_h": (hidden,)}
    shapes |= {"W_hy": (classes, hidden), "b_y": (classes,)}
    w = {name: rng.normal(0, 0.5, shape) for name, shape in shapes.items()}
    data = rng.normal(size=(steps, inputs)), rng.integers(classes, size=steps), np.zeros(hidden)
    hand, graph = by_hand(w, *data), by_graph(w, *data)
    differences = {name: float(abs(hand[name] - graph[name]).max()) for name in hand}

    print("               ∂L/∂o_t, first two           ∂L/∂h_t, first two          difference")
    print("  t          by hand      graph's         by hand      graph's")
    for t in reversed(range(steps)):
        difference = max(float(abs(hand[name][t] - graph[name][t]).max()) for name in "oh")
        for k in range(2):
            pairs = "    ".join(f"{hand[n][t, k]:12.8f} {graph[n][t, k]:12.8f}" for n in "oh")
            print(f"{t:3}  {pairs}    {difference:.1e}" if k == 0 else f"     {pairs}")
    print("\nsum over t     largest    difference")
    for name in w:
        print(f"∂L/∂{name:<5} {abs(hand[name]).max():12.8f}    {differences[name]:.1e}")
    worst = max(differences.values())
    count = sum(g.size for g in hand.values())
    print(f"\nthe largest difference of all {count} numbers: {worst:.1e}")
    return hand, graph, worst


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
