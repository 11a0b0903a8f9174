"""The parts apart: what the laws of whole networks do not reach, or reach only by luck.

N sources or rows   T positions   S memory positions   Q queries   D width   V vocabulary
"""

import math
import threading
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from heedful.blocks import loss
from heedful.blocks.attention import Additive, Attention, Dot, General, KeyValue, Score
from heedful.blocks.attention.masks import up_to
from heedful.blocks.dropout import Dropout
from heedful.blocks.names import Cell
from heedful.blocks.recording import record, recording
from heedful.blocks.recurrent import Recurrent
from heedful.blocks.state import State
from heedful.networks.encoders import RecurrentEncoder
from support.tiny_networks import batch, build, one_example, tiny

# Attention.

SCORES = {"additive": Additive(6, 8, 5), "dot": Dot(), "general": General(6, 8)}


@pytest.mark.parametrize("name", SCORES)
@torch.no_grad()
def test_scores_are_as_published(name: str) -> None:
    """Query by query, key by key, from the papers' formulas."""
    torch.manual_seed(0)
    score = SCORES[name]
    width = 6 if name == "dot" else 8
    queries, vectors, mask = torch.randn(2, 3, 6), torch.randn(2, 4, width), up_to(torch.tensor([4, 2]), 4)
    contexts = score(queries, score.keys(vectors), vectors, mask)
    for n, q in product(range(2), range(3)):
        real = [vector for vector, may in zip(vectors[n], mask[n], strict=True) if may]
        weights = torch.stack([published_score(score, queries[n, q], key) for key in real]).softmax(0)
        expected = sum(weight * vector for weight, vector in zip(weights, real, strict=True))
        torch.testing.assert_close(contexts[n, q], expected)


def published_score(score: Score, s: Tensor, h: Tensor) -> Tensor:
    if isinstance(score, Additive):
        return score.score.weight[0] @ torch.tanh(score.query.weight @ s + score.query.bias + score.memory.weight @ h)
    return s @ (score.memory.weight @ h) if isinstance(score, General) else s @ h


@pytest.mark.parametrize("name", SCORES)
def test_who_may_look_at_nothing_sees_zeros(name: str) -> None:
    score, vectors = SCORES[name], torch.randn(2, 4, 6 if name == "dot" else 8, requires_grad=True)
    contexts = score(torch.randn(2, 3, 6), score.keys(vectors), vectors, up_to(torch.tensor([0, 4]), 4))
    contexts.sum().backward()
    assert contexts[0].abs().max() == 0 < contexts[1].abs().max()
    assert vectors.grad is not None
    assert vectors.grad[0].abs().max() == 0 < vectors.grad[1].abs().max()
    assert torch.isfinite(vectors.grad).all()


@pytest.mark.parametrize("readable", [False, True])
def test_heads_that_may_look_at_nothing_see_zeros(readable: bool) -> None:
    attention, x = Attention(8, 2), torch.randn(2, 3, 8, requires_grad=True)
    q, k, v = (torch.randn(2, 3, 2, 4, requires_grad=True) for _ in range(3))
    mask = up_to(torch.tensor([0, 3]), 3)
    if readable:
        with record(attention):
            mixed = attention.mix(q, KeyValue(k, v), mask, causal=False)
    else:
        mixed = attention.mix(q, KeyValue(k, v), mask, causal=False)
    gradients = torch.autograd.grad(mixed.sum(), (q, k, v))
    assert mixed[0].abs().max() == 0 < mixed[1].abs().max()
    assert all(torch.isfinite(gradient).all() and gradient[0].abs().max() == 0 for gradient in gradients)
    torch.testing.assert_close(attention(x, mask=mask)[0], attention.out.bias.expand(3, 8))


@pytest.mark.parametrize(("masked", "causal"), [(False, False), (True, False), (False, True)])
def test_bfloat16_attention_stays_by_the_fused_kernel(masked: bool, causal: bool) -> None:
    """On a CPU it takes the readable path, as that is faster there: within a hundredth of the float32 result."""
    torch.manual_seed(0)
    attention, mask = Attention(32, 2), up_to(torch.tensor([5, 2, 7]), 7) if masked else None
    parts = [torch.randn(3, 7, 2, 16, requires_grad=True) for _ in range(3)]
    halves = [part.detach().bfloat16().requires_grad_() for part in parts]
    exact, rounded = (attention.mix(query, KeyValue(*memory), mask, causal) for query, *memory in (parts, halves))
    assert rounded.dtype == torch.bfloat16
    weights = torch.randn_like(exact)
    pairs = [(exact, rounded.float())]
    pairs += zip(
        torch.autograd.grad((exact * weights).sum(), parts),
        (gradient.float() for gradient in torch.autograd.grad((rounded * weights.bfloat16()).sum(), halves)),
        strict=True,
    )
    for expected, actual in pairs:
        assert (expected - actual).norm() < 0.01 * expected.norm()


# Dropout.


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_dropout_drops_its_share_at_every_place_alike(p: float) -> None:
    """Each place on its own: eight neighbours come from one random number. The mean stays, and so does eval mode."""
    torch.manual_seed(0)
    dropout, x, draws = Dropout(p), torch.ones(1000, 16, requires_grad=True), 1000
    output = dropout(x)
    output.sum().backward()
    assert x.grad is not None and torch.equal(x.grad, output)
    error = 5 * math.sqrt(p * (1 - p) / draws)  # five standard deviations
    is_kept = (output != 0).float()
    assert ((1 - is_kept).mean(0) - p).abs().max() < error + 1 / 512
    pairs = (is_kept.T @ is_kept) / draws - is_kept.mean(0).outer(is_kept.mean(0))
    assert pairs.fill_diagonal_(0).abs().max() < 5 * p * (1 - p) / math.sqrt(draws)
    assert output.mean().item() == pytest.approx(1, abs=error)
    assert torch.equal(dropout.eval()(x), x)


# Recurrent stacks.


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("lengths", [None, (5, 5, 5, 5), (5, 1, 3, 2), (2, 0, 5, 1)], ids=str)
@pytest.mark.parametrize("half", [False, True], ids=["float32", "bfloat16"])
def test_the_fused_recurrence_is_the_readable_one(
    cell: Cell, bidirectional: bool, lengths: tuple[int, ...] | None, half: bool
) -> None:
    """Forward and backward, in training with the same dropout mask, from a state that is not zero.

    In bfloat16 on any processor, though not every one has a fused LSTM for it.
    """
    torch.manual_seed(0)
    stack = Recurrent(cell, 6, 8, 3, dropout=0.5, bidirectional=bidirectional)
    x, real = torch.randn(4, 5, 6, requires_grad=True), None if lengths is None else torch.tensor(lengths)
    start = tuple(torch.randn(4, 8, requires_grad=True) for _ in stack.widths)
    inputs = [x, *start, *stack.parameters()]

    def run() -> list[Tensor]:
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            outputs, hidden = stack(x, start, real)
        results = torch.cat([outputs.flatten(), *(part.flatten() for part in hidden)]).float()
        return [results, *torch.autograd.grad((results * torch.linspace(-1, 1, len(results))).sum(), inputs)]

    fused = run()
    with record(stack) as maps:
        readable = run()
    assert maps
    for actual, expected in zip(fused, readable, strict=True):
        if half:
            assert (actual - expected).norm() <= 0.06 * expected.norm()
        else:
            torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@torch.no_grad()
def test_reading_backwards_is_reading_the_mirrored_source(cell: Cell) -> None:
    """Sutskever's reversal: the state begins at the source's end, the memory keeps its order."""
    network = build(tiny("sutskever2014", cell=cell))
    data = batch((6, 3), (1, 1))
    memory = network.read(data.source, data.source_lengths)
    assert isinstance(network.encoder, RecurrentEncoder)
    network.encoder.reverse = False
    for row in range(2):
        single = one_example(data, row)
        mirrored = network.read(single.source.flip(1), single.source_lengths)
        torch.testing.assert_close(memory.summary[row], mirrored.summary[0])
        torch.testing.assert_close(memory.vectors[row, : single.source.size(1)], mirrored.vectors[0].flip(0))


@pytest.mark.parametrize(("name", "heeds"), [("gru", False), ("cho2014", True), ("bahdanau2015", True)])
@torch.no_grad()
def test_what_a_step_sees_of_the_source_beside_its_state(name: str, heeds: bool) -> None:
    """Nothing in the plain network, the summary from Cho on, the memory with attention."""
    network, data, other = build(tiny(name)), batch((6, 3), (4, 4)), batch((6, 3), (4, 4), seed=5)

    def forgetful(source: Tensor) -> Tensor:
        state = network.decoder.start(network.read(source, data.source_lengths))
        empty = {key: torch.zeros_like(value) for key, value in state.hidden.items()}
        return network.decoder(data.target, State(state.source, empty, state.lengths))[0]

    assert torch.equal(forgetful(data.source), forgetful(other.source)) != heeds


# The loss.


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_the_formula_in_chunks_or_whole(smoothing: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """(1 - e) · -log p(right) + e · the mean of -log p(any), summed; values, and gradients into outputs and weights."""
    torch.manual_seed(0)
    vocabulary, layer = 11, nn.Linear(6, 11)
    outputs, targets = torch.randn(10, 6, requires_grad=True), torch.randint(0, vocabulary, (10,))
    inputs = (outputs, *layer.parameters())
    log_probs = layer(outputs).log_softmax(-1)
    right = log_probs[torch.arange(10), targets]
    formula = -((1 - smoothing) * right + smoothing * log_probs.mean(-1)).sum()
    expected = [formula, *torch.autograd.grad(formula, inputs)]
    for at_once in (1, 3 * vocabulary, 4 * vocabulary + 1, 10 * vocabulary):
        monkeypatch.setattr(loss, "LOGITS_AT_ONCE", at_once)
        value = loss.cross_entropy(outputs, layer, targets, vocabulary, smoothing)
        for actual, reference in zip([value, *torch.autograd.grad(value, inputs)], expected, strict=True):
            torch.testing.assert_close(actual, reference, rtol=1e-4, atol=1e-5)


def test_no_more_logits_stand_at_once_than_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "LOGITS_AT_ONCE", 33)
    layer, sizes = nn.Linear(6, 11), []
    layer.register_forward_hook(lambda module, inputs, logits: sizes.append(logits.numel()))
    outputs = torch.randn(10, 6, requires_grad=True)
    loss.cross_entropy(outputs, layer, torch.zeros(10, dtype=torch.long), 11).backward()
    assert max(sizes) == 33
    assert len(sizes) == 2 * math.ceil(10 / 3)  # each chunk again in the backward pass


# Recording.


@torch.no_grad()
def test_maps_are_named_and_each_row_is_a_distribution() -> None:
    network, data = build(tiny("vaswani2017")), batch((5, 3), (4, 4))
    with record(network) as maps:
        network(data.source, data.source_lengths, data.target)
    shapes = {name: tuple(weights.shape) for name, weights in maps.concatenate().items()}
    assert shapes == {
        **{f"encoder.{layer}.self_attention.weights": (2, 2, 5, 5) for layer in range(2)},
        **{f"decoder.{layer}.self_attention.weights": (2, 2, 4, 4) for layer in range(2)},
        **{f"decoder.{layer}.memory.weights": (2, 2, 4, 5) for layer in range(2)},
    }
    for name, weights in maps.concatenate().items():
        torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
        if "decoder" in name and "self" in name:
            assert weights.triu(1).abs().max() == 0
        else:
            assert weights[1, ..., 3:].abs().max() == 0  # padding


@pytest.mark.parametrize("name", ["bahdanau2015", "luong2015"])
@torch.no_grad()
def test_maps_made_step_by_step_are_joined(name: str) -> None:
    network, data = build(tiny(name)), batch((5, 3), (4, 4))
    with record(network) as maps:
        network(data.source, data.source_lengths, data.target)
    weights = maps.concatenate()["decoder.attention.weights"]
    assert weights.shape == (2, 1, 4, 5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 1, 4))


def test_recording_ends_and_stays_in_its_thread() -> None:
    states = []
    with record(nn.Module()):
        other = threading.Thread(target=lambda: states.append(recording()))
        other.start()
        other.join()
        assert recording()
    assert states == [False]
    assert not recording()
