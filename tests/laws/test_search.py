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
    requests = [Request(one, len(one), limit, seed) for one, limit, seed in zip(sources, limits, seeds, strict=True)]
    return searching(networks, **settings).run(requests)


def searching(networks: Sequence[EncoderDecoder], **settings: Any) -> Search[Any]:
    """The search for answers to sources of token ids."""

    def begin(some: Sequence[Sequence[int]], beams: int, capacity: int) -> tuple[State, ...]:
        chosen = [torch.tensor(source) for source in some]
        lengths = torch.tensor([len(one) for one in chosen])
        source = torch.nn.utils.rnn.pad_sequence(chosen, batch_first=True)
        memories = [network.read(source, lengths) for network in networks]
        starts = zip(networks, memories, strict=True)
        return tuple(network.decoder.start(one, rows=len(some) * beams, capacity=capacity) for network, one in starts)

    stepper = PlainStepper([network.decoder for network in networks], begin, SPECIAL)
    return Search(stepper, parse_settings(GenerateSettings, settings), Rules())


@torch.no_grad()
def next_log_probabilities(network: EncoderDecoder, source: Sequence[int], tokens: Sequence[int]) -> Tensor:
    """Of the token behind BEGIN and `tokens`, by one teacher-forced call: (V,)."""
    written = torch.tensor([[BEGIN, *tokens]])
    outputs = network(torch.tensor([source]), torch.tensor([len(source)]), written)
    return network.decoder.logits(outputs)[0, -1].log_softmax(-1)


@torch.no_grad()
def teacher_forced(network: EncoderDecoder, source: Sequence[int], tokens: Sequence[int], complete: bool) -> float:
    """The log probability of an answer, its end included if it has one."""
    written = torch.tensor([[BEGIN, *tokens, *([END] if complete else [])]])
    outputs = network(torch.tensor([source]), torch.tensor([len(source)]), written)
    return log_probabilities(network.decoder.logits(outputs), written).sum().item()


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
    made = build(network, VOCABULARY)
    for source, found in zip(SOURCES, answers([made], beam=1), strict=True):
        assert list(found[0].tokens) == greedy([made], source, 6)
        assert found[0].complete == (len(found[0].tokens) < 6)


@every_network
def test_scores_are_teacher_forced_log_probabilities(network: NetworkSettings) -> None:
    """Of all the n best, which are distinct, in order, and begin with what is found alone."""
    made = build(network, VOCABULARY)
    best = answers([made], beam=4, length_penalty=0.7)
    for source, found, one in zip(SOURCES, answers([made], beam=4, n_best=4, length_penalty=0.7), best, strict=True):
        assert found[0].tokens == one[0].tokens
        assert len({(hypothesis.tokens, hypothesis.complete) for hypothesis in found}) == len(found) == 4
        order = [(not hypothesis.complete, -hypothesis.normalised) for hypothesis in found]
        assert order == sorted(order)
        for hypothesis in found:
            tokens, complete = hypothesis.tokens, hypothesis.complete
            assert hypothesis.score == pytest.approx(teacher_forced(made, source, tokens, complete), rel=1e-4, abs=1e-4)
            assert hypothesis.normalised == pytest.approx(hypothesis.score / (len(tokens) + complete) ** 0.7)
            assert set(tokens) <= set(WORDS)


@every_network
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_a_wide_beam_finds_what_exhaustive_search_finds(network: NetworkSettings, penalty: float) -> None:
    """Its early stop leaves nothing better behind: the five best, and the best alone."""
    made, limit = build(network, VOCABULARY), 4
    sources = SOURCES[:3]
    wide = (len(WORDS) + 1) ** limit  # room for all there is, cut off or not
    five = answers([made], sources, [limit] * 3, beam=wide, n_best=5, length_penalty=penalty)
    best = answers([made], sources, [limit] * 3, beam=wide, length_penalty=penalty)
    everything = [tokens for length in range(limit) for tokens in product(WORDS, repeat=length)]
    for source, some, one in zip(sources, five, best, strict=True):
        orders = {
            tokens: teacher_forced(made, source, tokens, complete=True) / (len(tokens) + 1) ** penalty
            for tokens in everything
        }
        ranked = sorted(everything, key=lambda tokens: -orders[tokens])[:5]
        assert [hypothesis.tokens for hypothesis in some] == ranked
        assert [hypothesis.tokens for hypothesis in one] == ranked[:1]


@every_network
@pytest.mark.parametrize(
    "settings",
    [{"beam": 1}, {"beam": 3, "n_best": 3}, {"beam": 3, "finish": "likely"}, {"sample": True, "n_best": 2}],
    ids=str,
)
def test_sources_leave_and_join_unseen(network: NetworkSettings, settings: dict[str, Any]) -> None:
    """Answers are the same whether sources are searched one by one, a few at a time, or all at once, in any order."""
    made, draw = build(network, VOCABULARY), random.Random(3)
    sources = [[draw.randrange(FIRST, SOURCE_VOCABULARY) for _ in range(draw.randint(1, 9))] for _ in range(24)]
    limits = [draw.randint(1, 16) for _ in sources]
    expected = answers([made], sources, limits, batch_tokens=1, **settings)
    for budget in (30, 60, 120, 10_000):
        order = draw.sample(range(24), 24)
        some = [sources[number] for number in order]
        mixed = answers([made], some, [limits[n] for n in order], order, batch_tokens=budget, **settings)
        for number, found in zip(order, mixed, strict=True):
            right = expected[number]
            assert [(one.tokens, one.complete) for one in found] == [(one.tokens, one.complete) for one in right]
            assert [one.score for one in found] == pytest.approx([one.score for one in right], rel=1e-4, abs=1e-4)


WAYS: list[dict[str, Any]] = [
    {"beam": 1},
    {"beam": 3, "n_best": 3},
    {"beam": 3, "finish": "full"},
    {"sample": True, "n_best": 2},
]
ASKED = sample(list(product([*rows(), *variants()], WAYS)), 12)


@pytest.mark.parametrize(
    ("network", "settings"), ASKED, ids=lambda part: label(part) if isinstance(part, NetworkSettings) else str(part)
)
def test_requests_come_and_go_unseen(network: NetworkSettings, settings: dict[str, Any]) -> None:
    """Submitted at any step, with others cancelled while they wait, while they are answered, and when they were: what a
    request gets is what it gets alone, and what is shown of it on the way is how its answer begins."""
    made, draw = build(network, VOCABULARY), random.Random(5)
    sources = [[draw.randrange(FIRST, SOURCE_VOCABULARY) for _ in range(draw.randint(1, 9))] for _ in range(24)]
    limits = [draw.randint(1, 16) for _ in sources]
    expected = answers([made], sources, limits, batch_tokens=1, **settings)
    search, coming = searching([made], batch_tokens=60, **settings), list(range(24))
    numbers: dict[int, int] = {}  # of requests: of their sources
    under_way, cancelled = set[int](), set[int]()
    histories: dict[int, list[list[int]]] = {}
    answered: dict[int, list[Hypothesis]] = {}
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
        for number, found in search.step():
            answered[number] = found
            under_way.remove(number)
            with pytest.raises(KeyError):
                search.history(number)
        histories |= {number: search.history(number).tolist() for number in under_way}
    assert search.step() == [] and len(cancelled) > 2
    assert not answered.keys() & cancelled and answered.keys() | cancelled == numbers.keys()
    for number, found in answered.items():
        right = expected[numbers[number]]
        assert [(one.tokens, one.complete) for one in found] == [(one.tokens, one.complete) for one in right]
        assert [one.score for one in found] == pytest.approx([one.score for one in right], rel=1e-4, abs=1e-4)
        if settings == {"beam": 1} and number in histories:
            assert [list(found[0].tokens)[: len(tokens)] for tokens in histories[number]] == histories[number]


NARROWINGS = [{}, {"temperature": 0.5}, {"top_k": 2}, {"top_p": 0.8}, {"min_p": 0.3}, {"temperature": 2.0, "top_k": 3}]


@every_network
@pytest.mark.parametrize("settings", NARROWINGS, ids=str)
def test_samples_follow_the_distribution(network: NetworkSettings, settings: dict[str, Any]) -> None:
    """Of all answers of up to two tokens, by Pearson's chi-square; scores stay those of the unmodified network."""
    made, source, draws = build(network, VOCABULARY), SOURCES[0], 1500
    (found,) = answers([made], [source], [2], sample=True, n_best=draws, **settings)
    seen = Counter((one.tokens, one.complete) for one in found)
    expected = {}
    for first, share in narrow(next_log_probabilities(made, source, []), settings).items():
        if first == END:
            expected[(), True] = share
            continue
        for second, other in narrow(next_log_probabilities(made, source, [first]), settings).items():
            outcome = ((first,), True) if second == END else ((first, second), False)
            expected[outcome] = share * other
    assert seen.keys() <= expected.keys()
    assert sum(seen.values()) == draws
    chi_square = sum((seen[outcome] - draws * share) ** 2 / (draws * share) for outcome, share in expected.items())
    assert chi_square < 45  # of at most 12 degrees of freedom: once in 100,000, and the draws are always the same
    for one in found[:3]:
        assert one.score == pytest.approx(teacher_forced(made, source, one.tokens, one.complete), rel=1e-4, abs=1e-4)


def narrow(log_probs: Tensor, settings: dict[str, float]) -> dict[int, float]:
    """The shares of the tokens that may be drawn, from the definitions."""
    warm = {token: math.exp(log_probs[token].item() / settings.get("temperature", 1.0)) for token in (END, *WORDS)}
    ranked = sorted(warm, key=lambda token: -warm[token])
    kept = ranked[: int(settings.get("top_k", len(ranked)))]
    total = sum(warm[token] for token in kept)
    before = [sum(warm[token] for token in kept[:place]) / total for place in range(len(kept))]
    kept = [token for token, share in zip(kept, before, strict=True) if share < settings.get("top_p", 1.0)]
    kept = [token for token in kept if warm[token] >= settings.get("min_p", 0.0) * warm[kept[0]]]
    return {token: warm[token] / sum(warm[one] for one in kept) for token in kept}


@pytest.mark.parametrize("seed", range(3))
def test_a_seed_decides_a_sample(seed: int) -> None:
    made = build(tiny("gru"), VOCABULARY)
    same = answers([made], seeds=[5] * 9, sample=True, n_best=3, seed=seed)
    assert answers([made], seeds=[5] * 9, sample=True, n_best=3, seed=seed) == same
    assert answers([made], seeds=[6] * 9, sample=True, n_best=3, seed=seed) != same
    assert answers([made], seeds=[5] * 9, sample=True, n_best=3, seed=seed + 1) != same


PAIRS = sample(list(product(rows(), repeat=2)), 12)


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=lambda network: network.name)
def test_networks_answer_together(one: NetworkSettings, other: NetworkSettings) -> None:
    """By the mean of their probabilities at each step; a network with itself is itself."""
    first, second = build(one, VOCABULARY), build(other, VOCABULARY, seed=8)
    apart, twice = answers([first], beam=3, n_best=3), answers([first, first], beam=3, n_best=3)
    assert [[answer.tokens for answer in found] for found in twice] == [[h.tokens for h in found] for found in apart]
    ensemble = answers([first, second], beam=1)
    assert [found[0].tokens for found in answers([second, first], beam=1)] == [found[0].tokens for found in ensemble]
    for source, (found,) in zip(SOURCES, ensemble, strict=True):
        assert list(found.tokens) == greedy([first, second], source, 6)
        written = [*found.tokens, *([END] if found.complete else [])]
        score = 0.0
        for place, token in enumerate(written):
            odds = [next_log_probabilities(network, source, written[:place])[token] for network in (first, second)]
            score += math.log(sum(one.exp().item() for one in odds) / 2)
        assert found.score == pytest.approx(score, rel=1e-4, abs=1e-4)
