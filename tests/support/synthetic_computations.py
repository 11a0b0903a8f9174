"""Attention to be computed in a page, made up: once so that it is done by hand, once with every step there is."""

import math

import numpy as np

from heedful.computations import AddedPositions, Computation, Head, Norm
from heedful.explanations import Explanation, Map, Units
from support.synthetic_results import ARABIC, BREAKING, LONG


def two_keys() -> Explanation:
    """One query that gives its first key 1/3 and its second 2/3, one that gives both the same, and a key that is
    padding; names that break things.
    """
    units = {"read": Units("words", (BREAKING, ARABIC, LONG)), "answered": Units("words", ("a", BREAKING))}
    keys = [[0.0, 0.0], [math.log(2), 0.0], [9.0, 9.0]]
    head = Head("decoder.attention", [[1.0, 0.0], [0.0, 1.0]], keys, [[3.0], [6.0], [99.0]], [[5.0], [4.5]])
    computation = Computation(
        "decoder.attention", "dot", "answered", "read", "answered", (head,), real=(True, True, False)
    )
    weights = [[1 / 3, 2 / 3, 0.0], [0.5, 0.5, 0.0]]
    maps = (Map("decoder.attention", "answered", "read", "shares", weights, (0, 1)),)
    return Explanation(
        "translate", BREAKING, LONG, "step-by-step", units, maps, notes=(BREAKING,), computations=(computation,)
    )


def every_step() -> Explanation:
    """Two heads of a decoder that looks back, with positions added, and queries and keys normed and rotated."""
    rng, names = np.random.default_rng(0), (*"abcdefghijklmnopqrstuvwxyz", BREAKING, LONG)
    count = len(names)
    units = {"answered": Units("words", names), "decoded": Units("words", ("<s>", *names[:-1]))}
    even = [[1 / (row + 1)] * (row + 1) + [0.0] * (count - row - 1) for row in range(count)]
    titles = [f"decoder.0.self_attention.head{head}" for head in range(2)]
    heads = tuple(Head(title, *(rng.normal(size=(count, 8)).tolist() for _ in range(4))) for title in titles)
    computation = Computation(
        "decoder.0.self_attention",
        "scaled dot",
        "answered",
        "decoded",
        "decoded",
        heads,
        causal=True,
        query_norm=Norm((1.0,) * 8, 1e-5),
        key_norm=Norm((1.0,) * 8, 1e-5),
        angles=rng.normal(size=(count, 4)).tolist(),
    )
    added = AddedPositions("sinusoidal", 100, *(rng.normal(size=(count, 16)).tolist() for _ in range(2)))
    maps = tuple(Map(title, "answered", "decoded", "shares", even, tuple(range(count))) for title in titles)
    return Explanation(
        "translate",
        "a b",
        "A B",
        "step-by-step",
        units,
        maps,
        computations=(computation,),
        positions={"decoded": added},
    )
