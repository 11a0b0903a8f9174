"""Rules of generation: penalties leave reported scores true, draws are narrowed as defined, nothing runs over.

The laws of search without rules are in laws/test_search.py, constraints in test_constraints.py.
"""

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from heedful.blocks.state import State
from heedful.engines.plain import PlainStepper
from heedful.generation.batch import Hypothesis
from heedful.generation.choose import locate, narrow
from heedful.generation.rules import Rules
from heedful.generation.search import Search
from heedful.generation.stepper import Request
from support.tiny_networks import BEGIN, END, FIRST, PAD, build, tiny
from support.tiny_search import PIECES, SPECIAL, TableStepper, answers, generate, network, score, scores, start


@pytest.mark.parametrize("name", ["gru", "vaswani2017"])
@pytest.mark.parametrize("size", [0, 1, 2, 3])
@pytest.mark.parametrize("penalty", [1.0, 3.0])
def test_penalties_choose_and_scores_stay_true(name: str, size: int, penalty: float) -> None:
    """Against all answers, penalised from the definition: no n-gram twice, tokens said before at lower odds."""
    model, limit = network(name), 5
    settings = generate(beam=700, n_best=3, length_penalty=0.6)
    everything = [
        Hypothesis(tuple(FIRST + i for i in ids), 0.0, 0.0)
        for length in range(limit)
        for ids in product(range(len(PIECES)), repeat=length)
        if not size or len(set(grams := [ids[at : at + size] for at in range(length - size + 1)])) == len(grams)
    ]
    repetitions = [
        sum(t in hypothesis.tokens[:at] for at, t in enumerate(hypothesis.tokens)) for hypothesis in everything
    ]
    for number, hypotheses in enumerate(answers(model, Rules(penalty, size), settings, [limit] * 3)):
        order = {
            hypothesis.tokens: (score - count * math.log(penalty)) / (len(hypothesis.tokens) + 1) ** 0.6
            for hypothesis, count, score in zip(everything, repetitions, scores(model, number, everything), strict=True)
        }
        right = sorted(order, key=lambda tokens: -order[tokens])[:3]
        assert [hypothesis.tokens for hypothesis in hypotheses] == right
        assert [hypothesis.normalised for hypothesis in hypotheses] == pytest.approx(
            [order[tokens] for tokens in right], rel=1e-4
        )
        assert [hypothesis.score for hypothesis in hypotheses] == pytest.approx(
            scores(model, number, hypotheses), rel=1e-4
        )


@given(
    st.lists(st.integers(-80, 80).map(lambda tenths: tenths / 10), min_size=2, max_size=12, unique=True),
    st.integers(0, 13),
    st.floats(0.05, 1),
    st.floats(0, 0.9),
)
def test_narrowing_keeps_what_its_definitions_say(logits: list[float], top_k: int, top_p: float, min_p: float) -> None:
    """Top-k, then the fewest that hold top-p of what is left, then what has min-p of the likeliest one's share."""
    shares = torch.tensor(logits, dtype=torch.double).softmax(-1).tolist()
    expected = sorted(range(len(shares)), key=lambda i: -shares[i])[: top_k or None]
    total = sum(shares[i] for i in expected)
    if top_p < 1:
        fewest = next(
            n for n in range(1, len(expected) + 1) if sum(shares[i] for i in expected[:n]) >= top_p * total - 1e-9
        )
        expected = expected[:fewest]
    expected = [i for i in expected if shares[i] >= min_p * shares[expected[0]]]
    settings = generate(sample=True, top_k=top_k, top_p=top_p, min_p=min_p)
    narrowed = narrow(torch.tensor(logits, dtype=torch.double).log_softmax(-1).numpy(), settings)
    assert {i for i, log_prob in enumerate(narrowed.tolist()) if log_prob > -math.inf} == set(expected)


MODES = st.sampled_from(
    [
        {"beam": 1},
        {"beam": 4, "n_best": 4},
        {"beam": 4, "finish": "sure", "n_best": 4},
        {"beam": 3, "finish": "full"},
        {"sample": True, "top_k": 3, "n_best": 2},
    ]
)


@given(
    st.integers(0, 1000),
    MODES,
    st.sampled_from([1.0, 1.5, 100.0]),
    st.integers(0, 3),
    st.booleans(),
    st.booleans(),
    st.sampled_from([(), (5,), (7, 7)]),
)
def test_few_candidates_decide_as_all_tokens_do(
    seed: int,
    mode: dict[str, object],
    penalty: float,
    size: int,
    renormalize: bool,
    close: bool,
    prefix: tuple[int, ...],
) -> None:
    """By an engine that is a table: from the best of each row and the named tokens the same is chosen as from all, and
    scores are sums of the table's entries."""
    draw, vocabulary = np.random.default_rng(seed), 24
    table = draw.normal(size=(6, 12, vocabulary, vocabulary)) * 2
    table -= np.log(np.exp(table).sum(-1, keepdims=True))
    rules, settings = Rules(penalty, size, prefix, renormalize=renormalize, close=close), generate(**mode)
    requests = [Request(source, 1, int(draw.integers(2, 12)), seed=source) for source in range(6)]
    partial, full = (
        Search(TableStepper(table, SPECIAL, every), settings, rules).run(requests) for every in (False, True)
    )
    assert partial == full
    for request, hypotheses in zip(requests, partial, strict=True):
        for hypothesis in hypotheses:
            ended = hypothesis.complete or (close and len(hypothesis.tokens) < request.max_length)
            score, ranking_score = 0.0, 0.0
            for position, token in enumerate([*hypothesis.tokens, *[END] * ended]):
                before = hypothesis.tokens[:position]
                log_probs = table[request.source, position, before[-1] if before else BEGIN]
                score += 0.0 if close and position == request.max_length - 1 else log_probs[token]
                ranking_score += as_ruled(log_probs, before, rules, position == request.max_length - 1)[token]
            assert (hypothesis.score, hypothesis.normalised) == pytest.approx(
                (score, ranking_score / (len(hypothesis.tokens) + ended))
            )


def as_ruled(log_probs: np.ndarray, before: tuple[int, ...], rules: Rules, last: bool) -> np.ndarray:
    """The log probabilities (V,) of what may follow some tokens, by the definitions of the rules."""
    if rules.close and last:
        return np.where(np.arange(len(log_probs)) == END, 0.0, -np.inf)
    if len(before) < len(rules.prefix):
        return np.where(np.arange(len(log_probs)) == rules.prefix[len(before)], log_probs, -np.inf)
    size, allowed = rules.no_repeat_ngram, log_probs.copy()
    allowed[list(set(before))] -= math.log(rules.repetition_penalty)
    grams = [before[start : start + size] for start in range(len(before) - size + 1)] if size else []
    again = [gram[-1] for gram in grams if gram[:-1] == before[len(before) - size + 1 :]]
    allowed[[*SPECIAL.suppressed, *again]] = -np.inf
    return allowed - np.log(np.exp(allowed).sum()) if rules.renormalize else allowed


@pytest.mark.parametrize("guidance", [1.0, 2.5])
@pytest.mark.parametrize("name", ["lstm", "vaswani2017"])
@pytest.mark.parametrize("k", [1, 3, 2000])
def test_candidates_are_the_best_of_the_whole_distribution(name: str, guidance: float, k: int) -> None:
    """Of two networks, with named tokens and what is left, over a vocabulary that is searched in blocks."""
    draw, vocabulary = np.random.default_rng(k), 1000
    networks = [network(row, vocabulary) for row in (name, "gru")]

    def read_sources(numbers: Sequence[int], beams: int, capacity: int) -> tuple[State, ...]:
        return tuple(start(net, numbers, beams, capacity) for net in networks)

    decoders = [net.decoder for net in networks]
    partial, full = (PlainStepper(decoders, read_sources, SPECIAL, guidance) for _ in range(2))
    for stepper in (partial, full):
        stepper.admit([Request(number, 1, 5) for number in range(4)], 3)
    for _ in range(4):
        tokens, named_tokens = draw.integers(FIRST, vocabulary, (4, 3)), draw.integers(FIRST, 9, (4, 3, 4))
        candidates, expected = partial.step(tokens, k, named_tokens, with_remainder=True), full.step_whole(tokens)
        assert candidates.named_log_probs is not None and (guidance == 1) == np.array_equal(
            expected.unguided, expected.guided
        )
        for values, of_named in (
            (expected.guided, candidates.named_log_probs.guided),
            (expected.unguided, candidates.named_log_probs.unguided),
        ):
            assert np.isneginf(values[..., [PAD, BEGIN]]).all()
            assert np.allclose(of_named, np.take_along_axis(values, named_tokens, -1), atol=1e-5)
        remaining = expected.guided.copy()
        np.put_along_axis(remaining, named_tokens, -np.inf, -1)
        assert np.allclose(candidates.likeliest.guided, -np.sort(-remaining, -1)[..., :k], atol=1e-5)
        assert candidates.remainder is not None and np.allclose(
            candidates.remainder, np.log(np.exp(remaining).sum(-1)), atol=1e-5
        )
        real = candidates.likeliest.guided > -np.inf
        for values, best in (
            (expected.guided, candidates.likeliest.guided),
            (expected.unguided, candidates.likeliest.unguided),
        ):
            assert np.allclose(np.take_along_axis(values, candidates.tokens, -1)[real], best[real], atol=1e-5)
        rows = draw.integers(3, size=(4, 3)) + np.arange(4)[:, None] * 3
        for stepper in (partial, full):
            stepper.reorder(rows)


@given(st.integers(0, 1000), st.sampled_from([1, 2, 100, 1100, 1152]), st.sampled_from([0.0, 0.5, 0.99]))
def test_points_fall_where_their_share_lies(seed: int, size: int, ruled_out: float) -> None:
    """As a search in the sums of all odds has it, where some are ruled out, at both ends, and never at one of these."""
    draw = np.random.default_rng(seed)
    odds = draw.random((3, 2, size), dtype=np.float32) * (draw.random((3, 2, size)) >= ruled_out)
    odds[..., draw.integers(size)] = 1.0
    for points in (draw.random((3, 2)), np.zeros((3, 2)), np.full((3, 2), 1 - 2.0**-53)):
        indices = locate(odds, points)
        for row, point, index in zip(odds.reshape(6, -1), points.reshape(6), indices.reshape(6), strict=True):
            sums = row.cumsum(dtype=np.float64)
            right = min(int(sums.searchsorted(point * sums[-1], side="right")), int(np.flatnonzero(row)[-1]))
            assert index == right and row[index] > 0


@pytest.mark.parametrize("mode", [{"beam": 1}, {"beam": 3, "n_best": 3}, {"sample": True, "n_best": 2}], ids=str)
@pytest.mark.parametrize("name", ["gru", "vaswani2017"])
def test_a_source_that_is_through_goes_no_further(mode: dict[str, int], name: str) -> None:
    """One that reaches its longest answer beside others that joined late, whose answers are no longer than its own."""
    model = build(tiny(name))
    with torch.no_grad():
        model.decoder.output.linear.bias[END] = -50.0  # so that answers end only where they must
    # eight at once: seven leave early, seven others join, and then the one that was there before them is through
    limits = [40] * 8 + [3] * 7 + [40]
    outputs = answers(model, Rules(), generate(**mode, batch_tokens=8 * max(mode.values())), limits)
    for number, (hypotheses, limit) in enumerate(zip(outputs, limits, strict=True)):
        assert all(len(hypothesis.tokens) == limit and not hypothesis.complete for hypothesis in hypotheses)
        assert [hypothesis.score for hypothesis in hypotheses] == pytest.approx(
            scores(model, number, hypotheses), rel=1e-4
        )


def test_no_jobs_one_job_and_answers_of_one_token() -> None:
    assert answers(network(), Rules(), generate(), []) == []
    assert len(answers(network(), Rules(), generate(), [5])) == 1
    outputs = answers(network(), Rules(), generate(), [1, 1])
    assert [len(hypotheses[0].tokens) + hypotheses[0].complete for hypotheses in outputs] == [1, 1]
    assert score([network().decoder], [start(network(), [0])], [()], SPECIAL, [False]) == [0.0]


def test_an_ensemble_scores_by_the_mean_of_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several networks, one of them twice; answers beside longer ones; logits made a few at a time."""
    monkeypatch.setattr("heedful.engines.plain.LOGITS_AT_ONCE", 3 * (FIRST + len(PIECES)))
    gru, other = network(), network("vaswani2017")
    sequences = [(3, 4), (6,), (), (5, 5, 4, 3)]
    with torch.inference_mode():
        states = [start(model, [2], len(sequences)) for model in (gru, other, gru)]
        scores = score([gru.decoder, other.decoder, gru.decoder], states, sequences, SPECIAL)
        for tokens, value in zip(sequences, scores, strict=True):
            inputs, shares = torch.tensor([[BEGIN, *tokens]]), torch.tensor([*tokens, END]).unsqueeze(1)
            first, second = (
                model.decoder.logits(model.decoder(inputs, start(model, [2]))[0][0]).softmax(-1).gather(1, shares)
                for model in (gru, other)
            )
            assert value == pytest.approx(((2 * first + second) / 3).log().sum().item(), rel=1e-4)
