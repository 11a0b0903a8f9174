"""The law that search is honest: greedy, beam, sampling and ensembles against what is easily seen to be right.

All under the unmodified network; constraints and penalties have tests of their own.

N sources   K beams   V vocabulary
"""

import math
import random
from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from heedful.blocks.state import State
from heedful.engines.plain import PlainStepper
from heedful.generation.batch import Hypothesis
from heedful.generation.rules import Rules
from heedful.generation.search import Search
from heedful.generation.stepper import Request, SpecialIds
from heedful.networks.joins import EncoderDecoder
from heedful.schema import GenerateSettings, NetworkSettings, parse_settings
from support.sampling import sample
from support.tiny_networks import (
    BEGIN,
    END,
    FIRST,
    PAD,
    SOURCE_VOCABULARY,
    build,
    label,
    log_probabilities,
    rows,
    tiny,
    variants,
)

SPECIAL = SpecialIds(BEGIN, END, suppressed=(PAD, BEGIN))
VOCABULARY = FIRST + 3  # three words, so that all answers can be listed
WORDS = range(FIRST, VOCABULARY)
SOURCES = tuple(
    tuple(torch.randint(FIRST, SOURCE_VOCABULARY, (length,), generator=torch.Generator().manual_seed(length)).tolist())
    for length in (7, 3, 5, 1, 9, 2, 4, 6, 8)
)

every_network = pytest.mark.parametrize("network", [*rows(), *sample(variants(), 8)], ids=label)


def answers(
    networks: Sequence[EncoderDecoder],
    sources: Sequence[Sequence[int]] = SOURCES,
    limits: Sequence[int] | None = None,
    seeds: Sequence[int] | None = None,
    **settings: Any,
) -> list[list[Hypothesis]]:
    """What the search finds; `limits` are the longest answers, 6 tokens where none are given."""
    limits, seeds = limits or [6] * len(sources), seeds or range(len(sources))
    requests = [
        Request(source, len(source), limit, seed) for source, limit, seed in zip(sources, limits, seeds, strict=True)
    ]
    return searching(networks, **settings).run(requests)


def searching(networks: Sequence[EncoderDecoder], **settings: Any) -> Search[Any]:
    """The search for answers to sources of token ids."""

    def begin(rows: Sequence[Sequence[int]], beams: int, capacity: int) -> tuple[State, ...]:
        tensors = [torch.tensor(source) for source in rows]
        lengths = torch.tensor([len(tensor) for tensor in tensors])
        source = torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True)
        memories = [network.read(source, lengths) for network in networks]
        starts = zip(networks, memories, strict=True)
        return tuple(
            network.decoder.start(memory, rows=len(rows) * beams, capacity=capacity) for network, memory in starts
        )

    stepper = PlainStepper([network.decoder for network in networks], begin, SPECIAL)
    return Search(stepper, parse_settings(GenerateSettings, settings), Rules())


@torch.no_grad()
def next_log_probabilities(network: EncoderDecoder, source: Sequence[int], tokens: Sequence[int]) -> Tensor:
    """Of the token behind BEGIN and `tokens`, by one teacher-forced call: (V,)."""
    target = torch.tensor([[BEGIN, *tokens]])
    outputs = network(torch.tensor([source]), torch.tensor([len(source)]), target)
    return network.decoder.logits(outputs)[0, -1].log_softmax(-1)


@torch.no_grad()
def teacher_forced(network: EncoderDecoder, source: Sequence[int], tokens: Sequence[int], complete: bool) -> float:
    """The log probability of an answer, its end included if it has one."""
    target = torch.tensor([[BEGIN, *tokens, *([END] if complete else [])]])
    outputs = network(torch.tensor([source]), torch.tensor([len(source)]), target)
    return log_probabilities(network.decoder.logits(outputs), target).sum().item()


def greedy(networks: Sequence[EncoderDecoder], source: Sequence[int], limit: int) -> list[int]:
    """The likeliest token after the likeliest token, for one source; the mean of probabilities of several networks."""
    tokens: list[int] = []
    while len(tokens) < limit:
        shares = sum(next_log_probabilities(network, source, tokens).exp() for network in networks)
        assert isinstance(shares, Tensor)
        shares[list(SPECIAL.suppressed)] = 0
        tokens.append(int(shares.argmax()))
        if tokens[-1] == END:
            return tokens[:-1]
    return tokens


@every_network
def test_beam_one_is_greedy(network: NetworkSettings) -> None:
    model = build(network, VOCABULARY)
    for source, hypotheses in zip(SOURCES, answers([model], beam=1), strict=True):
        assert list(hypotheses[0].tokens) == greedy([model], source, 6)
        assert hypotheses[0].complete == (len(hypotheses[0].tokens) < 6)


@every_network
def test_scores_are_teacher_forced_log_probabilities(network: NetworkSettings) -> None:
    """Of all the n best, which are distinct, in order, and begin with what is found alone."""
    model = build(network, VOCABULARY)
    best = answers([model], beam=4, length_penalty=0.7)
    for source, hypotheses, single in zip(
        SOURCES, answers([model], beam=4, n_best=4, length_penalty=0.7), best, strict=True
    ):
        assert hypotheses[0].tokens == single[0].tokens
        assert len({(hypothesis.tokens, hypothesis.complete) for hypothesis in hypotheses}) == len(hypotheses) == 4
        order = [(not hypothesis.complete, -hypothesis.normalised) for hypothesis in hypotheses]
        assert order == sorted(order)
        for hypothesis in hypotheses:
            tokens, complete = hypothesis.tokens, hypothesis.complete
            assert hypothesis.score == pytest.approx(
                teacher_forced(model, source, tokens, complete), rel=1e-4, abs=1e-4
            )
            assert hypothesis.normalised == pytest.approx(hypothesis.score / (len(tokens) + complete) ** 0.7)
            assert set(tokens) <= set(WORDS)


@every_network
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_a_wide_beam_finds_what_exhaustive_search_finds(network: NetworkSettings, penalty: float) -> None:
    """Its early stop leaves nothing better behind: the five best, and the best alone."""
    model, limit = build(network, VOCABULARY), 4
    sources = SOURCES[:3]
    wide = (len(WORDS) + 1) ** limit  # wide enough for all there is, cut off or not
    five = answers([model], sources, [limit] * 3, beam=wide, n_best=5, length_penalty=penalty)
    best = answers([model], sources, [limit] * 3, beam=wide, length_penalty=penalty)
    everything = [tokens for length in range(limit) for tokens in product(WORDS, repeat=length)]
    for source, hypotheses, single in zip(sources, five, best, strict=True):
        orders = {
            tokens: teacher_forced(model, source, tokens, complete=True) / (len(tokens) + 1) ** penalty
            for tokens in everything
        }
        ranked = sorted(everything, key=lambda tokens: -orders[tokens])[:5]
        assert [hypothesis.tokens for hypothesis in hypotheses] == ranked
        assert [hypothesis.tokens for hypothesis in single] == ranked[:1]


@every_network
@pytest.mark.parametrize(
    "settings",
    [{"beam": 1}, {"beam": 3, "n_best": 3}, {"beam": 3, "finish": "likely"}, {"sample": True, "n_best": 2}],
    ids=str,
)
def test_sources_leave_and_join_unseen(network: NetworkSettings, settings: dict[str, Any]) -> None:
    """Answers are the same whether sources are searched one by one, a few at a time, or all at once, in any order."""
    model, draw = build(network, VOCABULARY), random.Random(3)
    sources = [[draw.randrange(FIRST, SOURCE_VOCABULARY) for _ in range(draw.randint(1, 9))] for _ in range(24)]
    limits = [draw.randint(1, 16) for _ in sources]
    expected = answers([model], sources, limits, batch_tokens=1, **settings)
    for budget in (30, 60, 120, 10_000):
        order = draw.sample(range(24), 24)
        shuffled = [sources[number] for number in order]
        mixed = answers([model], shuffled, [limits[n] for n in order], order, batch_tokens=budget, **settings)
        for number, hypotheses in zip(order, mixed, strict=True):
            rights = expected[number]
            assert [(hypothesis.tokens, hypothesis.complete) for hypothesis in hypotheses] == [
                (right.tokens, right.complete) for right in rights
            ]
            assert [hypothesis.score for hypothesis in hypotheses] == pytest.approx(
                [right.score for right in rights], rel=1e-4, abs=1e-4
            )


MODES: list[dict[str, Any]] = [
    {"beam": 1},
    {"beam": 3, "n_best": 3},
    {"beam": 3, "finish": "full"},
    {"sample": True, "n_best": 2},
]
CASES = sample(list(product([*rows(), *variants()], MODES)), 12)


@pytest.mark.parametrize(
    ("network", "settings"), CASES, ids=lambda part: label(part) if isinstance(part, NetworkSettings) else str(part)
)
def test_requests_come_and_go_unseen(network: NetworkSettings, settings: dict[str, Any]) -> None:
    """Submitted at any step, with others cancelled while they wait, while they are answered, and when they were: what a
    request gets is what it gets alone, and what is shown of it on the way is how its answer begins."""
    model, draw = build(network, VOCABULARY), random.Random(5)
    sources = [[draw.randrange(FIRST, SOURCE_VOCABULARY) for _ in range(draw.randint(1, 9))] for _ in range(24)]
    limits = [draw.randint(1, 16) for _ in sources]
    expected = answers([model], sources, limits, batch_tokens=1, **settings)
    search, coming = searching([model], batch_tokens=60, **settings), list(range(24))
    numbers: dict[int, int] = {}  # of requests: of their sources
    under_way, cancelled = set[int](), set[int]()
    histories: dict[int, list[list[int]]] = {}
    results: dict[int, list[Hypothesis]] = {}
    while coming or under_way:
        for _ in range(min(len(coming), draw.randrange(5))):
            source = coming.pop()
            number = search.submit(Request(sources[source], len(sources[source]), limits[source], source))
            numbers[number] = source
            under_way.add(number)
        for number in draw.sample(sorted(numbers)[-4:], min(len(numbers), draw.randrange(2))):
            search.cancel(number)
            cancelled |= {number} & under_way
            under_way.discard(number)
            with pytest.raises(KeyError):
                search.history(number)
        for number, hypotheses in search.step():
            results[number] = hypotheses
            under_way.remove(number)
            with pytest.raises(KeyError):
                search.history(number)
        histories |= {number: search.history(number).tolist() for number in under_way}
    assert search.step() == [] and len(cancelled) > 2
    assert not results.keys() & cancelled and results.keys() | cancelled == numbers.keys()
    for number, hypotheses in results.items():
        rights = expected[numbers[number]]
        assert [(hypothesis.tokens, hypothesis.complete) for hypothesis in hypotheses] == [
            (right.tokens, right.complete) for right in rights
        ]
        assert [hypothesis.score for hypothesis in hypotheses] == pytest.approx(
            [right.score for right in rights], rel=1e-4, abs=1e-4
        )
        if settings == {"beam": 1} and number in histories:
            assert [list(hypotheses[0].tokens)[: len(tokens)] for tokens in histories[number]] == histories[number]


NARROWINGS = [{}, {"temperature": 0.5}, {"top_k": 2}, {"top_p": 0.8}, {"min_p": 0.3}, {"temperature": 2.0, "top_k": 3}]


@every_network
@pytest.mark.parametrize("settings", NARROWINGS, ids=str)
def test_samples_follow_the_distribution(network: NetworkSettings, settings: dict[str, Any]) -> None:
    """Of all answers of up to two tokens, by Pearson's chi-square; scores stay those of the unmodified network."""
    model, source, draws = build(network, VOCABULARY), SOURCES[0], 1500
    (hypotheses,) = answers([model], [source], [2], sample=True, n_best=draws, **settings)
    counts = Counter((hypothesis.tokens, hypothesis.complete) for hypothesis in hypotheses)
    expected = {}
    for first, p in narrow(next_log_probabilities(model, source, []), settings).items():
        if first == END:
            expected[(), True] = p
            continue
        for last, q in narrow(next_log_probabilities(model, source, [first]), settings).items():
            outcome = ((first,), True) if last == END else ((first, last), False)
            expected[outcome] = p * q
    assert counts.keys() <= expected.keys()
    assert sum(counts.values()) == draws
    rare = {outcome: draws * p for outcome, p in expected.items() if draws * p < 5}  # together: else one draw decides
    cells = [(counts[outcome], draws * p) for outcome, p in expected.items() if outcome not in rare]
    cells.append((sum(counts[outcome] for outcome in rare), sum(rare.values())))
    chi_square = sum((seen - expectation) ** 2 / max(expectation, 1) for seen, expectation in cells)
    assert chi_square < 45  # of at most 12 degrees of freedom: once in 100,000, and the draws are always the same
    for hypothesis in hypotheses[:3]:
        assert hypothesis.score == pytest.approx(
            teacher_forced(model, source, hypothesis.tokens, hypothesis.complete), rel=1e-4, abs=1e-4
        )


def narrow(log_probs: Tensor, settings: dict[str, float]) -> dict[int, float]:
    """The shares of the tokens that may be drawn, from the definitions."""
    warm = {token: math.exp(log_probs[token].item() / settings.get("temperature", 1.0)) for token in (END, *WORDS)}
    ranked = sorted(warm, key=lambda token: -warm[token])
    tokens = ranked[: int(settings.get("top_k", len(ranked)))]
    total = sum(warm[token] for token in tokens)
    before = [sum(warm[token] for token in tokens[:count]) / total for count in range(len(tokens))]
    tokens = [token for token, p in zip(tokens, before, strict=True) if p < settings.get("top_p", 1.0)]
    tokens = [token for token in tokens if warm[token] >= settings.get("min_p", 0.0) * warm[tokens[0]]]
    return {token: warm[token] / sum(warm[other] for other in tokens) for token in tokens}


@pytest.mark.parametrize("seed", range(3))
def test_a_seed_decides_a_sample(seed: int) -> None:
    model = build(tiny("gru"), VOCABULARY)
    same = answers([model], seeds=[5] * 9, sample=True, n_best=3, seed=seed)
    assert answers([model], seeds=[5] * 9, sample=True, n_best=3, seed=seed) == same
    assert answers([model], seeds=[6] * 9, sample=True, n_best=3, seed=seed) != same
    assert answers([model], seeds=[5] * 9, sample=True, n_best=3, seed=seed + 1) != same


PAIRS = sample(list(product(rows(), repeat=2)), 12)


@pytest.mark.parametrize(("a", "b"), PAIRS, ids=lambda network: network.name)
def test_networks_answer_together(a: NetworkSettings, b: NetworkSettings) -> None:
    """By the mean of their probabilities at each step; a network with itself is itself."""
    model_a, model_b = build(a, VOCABULARY), build(b, VOCABULARY, seed=8)
    apart, twice = answers([model_a], beam=3, n_best=3), answers([model_a, model_a], beam=3, n_best=3)
    assert [[answer.tokens for answer in hypotheses] for hypotheses in twice] == [
        [answer.tokens for answer in hypotheses] for hypotheses in apart
    ]
    ensemble = answers([model_a, model_b], beam=1)
    assert [hypotheses[0].tokens for hypotheses in answers([model_b, model_a], beam=1)] == [
        hypotheses[0].tokens for hypotheses in ensemble
    ]
    for source, (hypothesis,) in zip(SOURCES, ensemble, strict=True):
        assert list(hypothesis.tokens) == greedy([model_a, model_b], source, 6)
        target = [*hypothesis.tokens, *([END] if hypothesis.complete else [])]
        score = 0.0
        for step, token in enumerate(target):
            odds = [next_log_probabilities(network, source, target[:step])[token] for network in (model_a, model_b)]
            score += math.log(sum(log_prob.exp().item() for log_prob in odds) / 2)
        assert hypothesis.score == pytest.approx(score, rel=1e-4, abs=1e-4)
