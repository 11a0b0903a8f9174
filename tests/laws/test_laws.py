"""The laws that hold for every network of the lineage: steps and wholes, neighbours, fast paths and readable ones.

The laws of search are in test_search.py, those of training (saved, resumed, same seed) in
test_training.py, and that it learns in test_learning.py.

N sources   R rows = N * K   K beams   T target positions   V vocabulary
"""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from heedful.blocks.attention.masks import up_to
from heedful.blocks.recording import record
from heedful.blocks.state import State
from heedful.networks.joins import EncoderDecoder
from heedful.schema import NetworkSettings
from support.sampling import sample
from support.tiny_networks import (
    FIRST,
    PAD,
    TARGET_VOCABULARY,
    Batch,
    batch,
    build,
    join_examples,
    label,
    log_probabilities,
    one_example,
    rows,
    variants,
)

OF_LARGEST = 1e-5
"""How far two float32 results may be apart, as a share of the largest of them."""

OF_NORM_BFLOAT16 = 0.1
"""How far logits of bfloat16, which keeps 8 bits, may be from those of float32, as a share of their norm."""

COSINE_BFLOAT16 = 0.98
"""Of gradients: all but two of these networks, whose 16 numbers a vector round badly, are above 0.99."""

every_network = pytest.mark.parametrize("network", [*rows(), *sample(variants(), 16)], ids=label)

LENGTHS = (7, 3, 5, 1)


def assert_same(actual: Tensor, expected: Tensor, tolerance: float = OF_LARGEST) -> None:
    assert actual.shape == expected.shape
    assert torch.isfinite(actual).all()
    assert (actual - expected).abs().max() <= tolerance * expected.abs().max()


def logits_of(network: EncoderDecoder, data: Batch) -> Tensor:
    """Teacher-forced logits (N, T, V)."""
    return network.decoder.logits(network(data.source, data.source_lengths, data.target))


def start(network: EncoderDecoder, data: Batch, beams: int = 1, capacity: int = 0) -> State:
    memory = network.read(data.source, data.source_lengths)
    return network.decoder.start(memory, rows=len(data.source) * beams, capacity=capacity)


def words(count: int, steps: int, seed: int = 2) -> Tensor:
    return torch.randint(FIRST, TARGET_VOCABULARY, (count, steps), generator=torch.Generator().manual_seed(seed))


@every_network
@torch.no_grad()
def test_the_networks_tried_here_are_sure_and_heed_what_they_read(network: NetworkSettings) -> None:
    """Otherwise most of what follows could not fail."""
    model, data = build(network), batch(LENGTHS, [6] * 4)
    logits = logits_of(model, data)
    other_source = logits_of(model, batch(LENGTHS, [6] * 4, seed=5))[:, 0]  # behind BEGIN alone
    target = data.target.clone()
    target[:, 1] = (target[:, 1] - FIRST + 1) % (TARGET_VOCABULARY - FIRST) + FIRST
    other_target = logits_of(model, Batch(data.source, data.source_lengths, target, data.target_lengths))
    entropy = -(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1).mean() / math.log(TARGET_VOCABULARY)
    assert entropy < 0.9
    assert (other_source - logits[:, 0]).abs().max() > 1e-2 * logits.abs().max()
    assert (other_target - logits)[:, 2:].abs().max() > 1e-3 * logits.abs().max()
    assert torch.equal(other_target[:, 0], logits[:, 0])  # nothing sees what is yet to come


# Law 1: step by step = all at once.


@every_network
@pytest.mark.parametrize("sizes", [(1,) * 6, (3, 1, 2), (6,)], ids=str)
@torch.no_grad()
def test_steps_make_the_whole(network: NetworkSettings, sizes: tuple[int, ...]) -> None:
    """Single steps, unequal chunks and one call with buffers, two beams a source: the one call of training."""
    model, data, tokens = build(network), batch(LENGTHS, [1] * 4), words(8, 6)
    expected, _ = model.decoder(tokens, start(model, data, beams=2))
    state, parts = start(model, data, beams=2, capacity=6), []
    for chunk in tokens.split(sizes, dim=1):
        outputs, state = model.decoder(chunk, state)
        parts.append(outputs)
    assert_same(model.decoder.logits(torch.cat(parts, 1)), model.decoder.logits(expected))
    assert state.lengths.tolist() == [6] * 8


@every_network
@torch.no_grad()
def test_right_padding_leaves_the_state_as_if_it_were_not_there(network: NetworkSettings) -> None:
    """Unequal prompts go on as each would alone; so does a row that has no token yet."""
    model, data = build(network), batch(LENGTHS, [1] * 4)
    prompts, continuations, lengths = words(4, 6), words(4, 3, seed=3), torch.tensor([6, 1, 3, 0])
    outputs, state = model.decoder(prompts, start(model, data, capacity=9), lengths)
    assert state.lengths.tolist() == lengths.tolist()
    continued, _ = model.decoder(continuations, state)
    for row, length in enumerate(lengths.tolist()):
        tokens = torch.cat((prompts[row, :length], continuations[row])).unsqueeze(0)
        expected, _ = model.decoder(tokens, start(model, one_example(data, row)))
        joined = torch.cat((outputs[row : row + 1, :length], continued[row : row + 1]), 1)
        assert_same(model.decoder.logits(joined), model.decoder.logits(expected))


@every_network
@torch.no_grad()
def test_states_join_part_and_fork(network: NetworkSettings) -> None:
    """`cat` of states at unequal places, `select` of some sources and beams, then two ways on from one point."""
    model, beams = build(network), 2
    groups = [(batch((7, 3), [1] * 2), words(4, 3)), (batch((2, 9, 4), [1] * 3, seed=7), words(6, 1, seed=4))]
    states, histories = [], []
    for capacity, (data, history) in zip((8, 6), groups, strict=True):
        states.append(model.decoder(history, start(model, data, beams, capacity))[1])
        histories += [(one_example(data, row // beams), history[row]) for row in range(len(history))]
    sources, chosen = torch.tensor([3, 0, 4]), torch.tensor([[7, 7], [1, 0], [8, 9]])
    point = State.cat(states).select(chosen, sources)
    branches = [point, point.select(torch.arange(6).view(3, 2))]
    continuations = [words(6, 3, seed=5), words(6, 3, seed=6)]
    outputs_of: list[list[Tensor]] = [[], []]
    for step in range(3):  # in turns, so that a buffer that both write into is noticed
        for branch in range(2):
            outputs, branches[branch] = model.decoder(continuations[branch][:, step : step + 1], branches[branch])
            outputs_of[branch].append(outputs)
    for tokens, parts in zip(continuations, outputs_of, strict=True):
        for row, old in enumerate(chosen.flatten().tolist()):
            data, history = histories[old]
            expected, _ = model.decoder(torch.cat((history, tokens[row])).unsqueeze(0), start(model, data))
            actual = torch.cat(parts, 1)[row : row + 1]
            assert_same(model.decoder.logits(actual), model.decoder.logits(expected[:, len(history) :]))


# Law 2: a neighbour never matters.

EXAMPLES = [one_example(batch((7, 3, 5, 1), (6, 2, 4, 5)), row) for row in range(4)]
LONG = batch((13,), (11,), seed=9)


@every_network
@torch.no_grad()
def test_a_neighbour_never_matters(network: NetworkSettings) -> None:
    """Alone, in any batch, in any order, beside any length, whatever the padding holds."""
    model = build(network)
    expected = [logits_of(model, example) for example in EXAMPLES]
    summaries = [model.read(example.source, example.source_lengths).summary for example in EXAMPLES]
    for order in ([0, 1, 2, 3], [2, 3, 0], [1, 3]):
        for neighbours in ([], [LONG]):
            for filler in (PAD, FIRST):
                data = join_examples([EXAMPLES[number] for number in order] + neighbours, filler)
                logits = logits_of(model, data)
                memory = model.read(data.source, data.source_lengths)
                for row, number in enumerate(order):
                    steps = EXAMPLES[number].target.size(1)
                    assert_same(logits[row : row + 1, :steps], expected[number])
                    assert_same(memory.summary[row : row + 1], summaries[number])


@every_network
def test_the_gradient_of_a_batch_is_the_sum_of_its_examples(network: NetworkSettings) -> None:
    """And padding has none."""
    model = build(network)
    parts = [gradients(model, example)[1] for example in EXAMPLES]
    into, joined = gradients(model, join_examples(EXAMPLES, PAD))
    real = up_to(torch.tensor([example.source.size(1) for example in EXAMPLES]), into.size(1))
    assert into[~real].abs().max() == 0
    assert (into[real].norm(dim=-1) > 0).all()
    assert_gradients_same(joined, {name: torch.stack([part[name] for part in parts]).sum(0) for name in joined})


def gradients(network: EncoderDecoder, data: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Of the loss: with respect to the source's vectors, and to each weight."""
    network.zero_grad()
    vectors = network.embedding(data.source).detach().requires_grad_()
    memory = network.encoder(vectors, data.source_lengths)
    outputs, _ = network.decoder(data.target, network.decoder.start(memory))
    real = up_to(data.target_lengths, data.target.size(1))
    log_probabilities(network.decoder.logits(outputs), data.target)[real[:, 1:]].sum().backward()
    assert vectors.grad is not None
    of_weights = {name: weight.grad for name, weight in network.named_parameters() if weight.grad is not None}
    return vectors.grad, {name: gradient.clone() for name, gradient in of_weights.items()}


def assert_gradients_same(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Of each weight, but for rounding at the scale of the largest: a bias of keys has a gradient of zero."""
    assert actual.keys() == expected.keys()
    largest = max(gradient.abs().max() for gradient in expected.values())
    for name, gradient in expected.items():
        assert torch.isfinite(actual[name]).all()
        assert (actual[name] - gradient).abs().max() <= 1e-4 * gradient.abs().max() + 1e-6 * largest, name


# Law 4: fast = readable.


@every_network
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_what_is_recorded_is_what_the_fast_path_does(network: NetworkSettings, training: bool) -> None:
    """Forward and backward; in training with the same dropout mask, as both draw it at the same places, and in float64:
    among so many masks are some that bring a rectifier so near its kink that rounding in float32 decides its side.
    """
    model = build(replace(network, dropout=0.3)).train(training).to(torch.float64 if training else torch.float32)
    data = join_examples([*EXAMPLES, LONG], PAD)
    torch.manual_seed(3)
    fast, fast_gradients = logits_of(model, data), gradients(model, data)[1]
    torch.manual_seed(3)
    with record(model) as maps:
        readable, readable_gradients = logits_of(model, data), gradients(model, data)[1]
    assert maps
    assert_same(readable, fast)
    assert_gradients_same(readable_gradients, fast_gradients)


@every_network
def test_bfloat16_stays_within_its_bound(network: NetworkSettings) -> None:
    """As training uses it: the weights in float32, the products in bfloat16."""
    model, data = build(network), join_examples([*EXAMPLES, LONG], PAD)
    exact, exact_gradients = logits_of(model, data), gradients(model, data)[1]
    with torch.autocast("cpu", torch.bfloat16):
        rounded, rounded_gradients = logits_of(model, data), gradients(model, data)[1]
    assert 0 < (rounded.float() - exact).norm() <= OF_NORM_BFLOAT16 * exact.norm()
    actual, expected = (
        torch.cat([part.flatten() for part in weights.values()]) for weights in (rounded_gradients, exact_gradients)
    )
    assert torch.isfinite(actual).all()
    assert torch.cosine_similarity(actual, expected, dim=0) > COSINE_BFLOAT16
