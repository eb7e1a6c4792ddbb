"""Who likes which film: users and films as learned vectors, a rating as their dot product.

Lesson: fast.ai, "Practical deep learning for coders", lessons 5 and 6: an `Embedding` is a table of
vectors looked up by number, and the loss moves only the rows that were looked up. With a bias for
each user and each film (some are kind, some are good) the vectors only need to say who likes what.
The ratings are made up of hidden tastes, kindness, quality and noise; each user and each film has
four numbers, all in the vector or one of them as bias.

    python examples/films.py [EPOCHS]
"""

import sys

import numpy as np

import minigrad as mg
from minigrad import nn, optim

NOISE = 0.5  # the part of a rating that nobody can predict


def ratings(users, films, count, rng, factors=3):
    """(user, film, rating), each (count,); no pair comes twice."""
    tastes = rng.normal(0, 0.5, (users, factors))
    contents = rng.normal(0, 1, (films, factors))
    kindness, quality = rng.normal(0, 0.5, users), rng.normal(0, 0.7, films)
    user, film = np.divmod(rng.choice(users * films, count, replace=False), films)
    liking = (tastes[user] * contents[film]).sum(axis=1)
    rating = 3.5 + liking + kindness[user] + quality[film] + NOISE * rng.standard_normal(count)
    return user, film, rating.astype(np.float32)


class DotProduct(nn.Module):
    """rating = m + u · f, and + b_u + b_f with biases; m is the mean of all ratings."""

    def __init__(self, users, films, size, bias, mean, rng):
        small = {"rng": rng, "weight_init": nn.init.uniform}
        self.users, self.films = (nn.Embedding(n, size, **small) for n in (users, films))
        self.biases = [nn.Embedding(n, 1, **small) for n in (users, films)] if bias else []
        self.mean = mean

    def __call__(self, user, film):
        rating = self.mean + mg.sum(self.users(user) * self.films(film), axis=1)  # (B,)
        for bias, ids in zip(self.biases, (user, film), strict=False):
            rating = rating + bias(ids)[:, 0]
        return rating


def compiled(model, rate, decay):
    """(train, judge): (user, film, rating) → mean squared error."""
    user, film = mg.inputs("user film", ("B",), "int64")
    rating = mg.input("rating", ("B",))
    loss = nn.losses.mean_squared_error(model(user, film), rating)
    adam = optim.AdamW(rate, weight_decay=decay)
    train = mg.function([user, film, rating], loss, adam.updates(loss, model.parameters()))
    return train, mg.function([user, film, rating], loss)


def main(epochs=30, users=400, films=300, count=18_000, batch=100, rate=5e-3, decay=0.1):
    rng = np.random.default_rng(0)
    data = ratings(users, films, count, rng)
    cut = count * 9 // 10 // batch * batch
    known, held_out = [part[:cut] for part in data], [part[cut:] for part in data]
    mean = float(known[2].mean())
    rmse = {"the mean": float(np.sqrt(np.mean((held_out[2] - mean) ** 2)))}
    print(f"{users} users, {films} films, {cut:,} ratings known, {count - cut:,} held out")
    for name, size, bias in [("4 factors", 4, False), ("3 factors and a bias", 3, True)]:
        train, judge = compiled(DotProduct(users, films, size, bias, mean, rng), rate, decay)
        for epoch in range(1, epochs + 1):
            order = rng.permutation(cut).reshape(-1, batch)
            losses = [train(*(part[rows] for part in known)) for rows in order]
            rmse[name] = float(np.sqrt(judge(*held_out)))
            if epoch in (1, 2, 5, 10, 20, epochs):
                error = np.sqrt(np.mean(losses))
                print(f"{name:20}  epoch {epoch:2}  RMSE {error:.3f}, held out {rmse[name]:.3f}")
    shown = ", ".join(f"{name} {value:.3f}" for name, value in rmse.items())
    print(f"Predicting ratings never seen, RMSE: {shown}. The noise alone: {NOISE}.")
    return rmse


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
