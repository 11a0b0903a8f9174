"""IBM model 1 against a plain dense twin, and what expectation maximisation promises."""

import random
from collections import defaultdict

import numpy as np
import pytest

from heedful.data.pairs import ibm_model_1
from support.sampling import SEED

SOURCES, TARGETS, EMPTY = 9, 7, 9
Pairs = list[tuple[np.ndarray, np.ndarray]]


@pytest.fixture
def pairs() -> Pairs:
    rng = random.Random(SEED)

    def side(vocabulary: int, shortest: int) -> np.ndarray:
        return np.array([rng.randrange(vocabulary) for _ in range(rng.randint(shortest, 6))], np.uint16)

    return [(side(SOURCES, 0), side(TARGETS, n % 3)) for n in range(40)]


def dense(pairs: Pairs, iterations: int) -> dict[tuple[int, int], float]:
    """t(target | source) by the equations of Brown et al. 1993 (section 4.1), a pair of tokens at a time."""
    t = defaultdict[tuple[int, int], float](lambda: 1 / TARGETS)
    for _ in range(iterations):
        counts, totals = defaultdict[tuple[int, int], float](float), defaultdict[int, float](float)
        for source, target in pairs:
            read = [*source.tolist(), EMPTY]
            for f in target.tolist():
                share = sum(t[e, f] for e in read)
                for e in read:
                    counts[e, f] += t[e, f] / share
                    totals[e] += t[e, f] / share
        t = defaultdict(float, {(e, f): value / totals[e] for (e, f), value in counts.items()})
    return dict(t)


@pytest.mark.parametrize("at_once", [1, 50, 1 << 22])
def test_it_learns_what_the_equations_say(pairs: Pairs, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ibm_model_1, "AT_ONCE", at_once)
    learned = ibm_model_1.learn(pairs, SOURCES, TARGETS, iterations=4)
    keys = zip(learned.sources.tolist(), learned.targets.tolist(), strict=True)
    expected = dense(pairs, 4)
    assert dict(zip(keys, learned.probabilities, strict=True)) == pytest.approx(expected, abs=1e-12)


def test_the_likelihood_never_falls(pairs: Pairs) -> None:
    steps = np.diff(ibm_model_1.learn(pairs, SOURCES, TARGETS, iterations=20).log_likelihoods)
    assert len(steps) == 19 and (steps > -1e-9).all() and steps[0] > 1


def test_of_too_many_pairs_some_are_learnt_from(pairs: Pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ibm_model_1.learn(pairs[::2], SOURCES, TARGETS)
    links = sum((len(source) + 1) * len(target) for source, target in pairs)
    monkeypatch.setattr(ibm_model_1, "LINKS", -(-links // 2))
    assert ibm_model_1.learn(pairs, SOURCES, TARGETS).log_likelihoods == expected.log_likelihoods


def test_of_no_pairs_nothing_is_learnt() -> None:
    assert not len(ibm_model_1.learn([], SOURCES, TARGETS).probabilities)
