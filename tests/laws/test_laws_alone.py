"""The laws of steps, neighbours and fast paths for networks of one side: those that write from nothing, and those that
say what is missing.

N texts   R rows   T positions   V vocabulary
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from heedful.blocks.attention.masks import up_to
from heedful.blocks.embedding import Learned, Tokens
from heedful.blocks.recording import record
from heedful.blocks.state import State
from heedful.networks.build import language_model, masked_language_model
from heedful.schema import NetworkSettings, parse_settings
from heedful.tasks.joins import allowed, resolve

VOCABULARY, FIRST, OF_LARGEST = 12, 3, 1e-5
LENGTHS = (7, 3, 5, 1)

writers = pytest.mark.parametrize("name", allowed("complete"))
fillers = pytest.mark.parametrize("name", allowed("fill"))
both_tasks = pytest.mark.parametrize(
    ("task", "name"), [(task, name) for task in ("complete", "fill") for name in allowed(task)]
)


def build(task: str, name: str, dropout: float = 0.0) -> Any:
    """A narrow network in eval mode whose weights all matter."""
    base = parse_settings(NetworkSettings, {"name": name, "size": "tiny", "width": 16, "dropout": dropout})
    settings = resolve(base, task)
    torch.manual_seed(0)
    model = (language_model if task == "complete" else masked_language_model)(settings, VOCABULARY).eval()
    with torch.no_grad():
        for weight_name, weight in model.named_parameters():
            if weight.dim() == 1:
                weight.add_(torch.randn_like(weight), alpha=0.2)
            elif "weight_hh" not in weight_name:
                weight.normal_(std=0.5)
        for module in model.modules():
            if isinstance(module, Tokens | Learned):
                module.table.weight.normal_(std=1 / getattr(module, "scale", 1))
    return model


def texts(seed: int = 1) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(FIRST, VOCABULARY, (1, length), generator=generator) for length in LENGTHS]


def together(texts: list[Tensor], filler: int = 0) -> tuple[Tensor, Tensor]:
    padded = nn.utils.rnn.pad_sequence([text[0] for text in texts], batch_first=True, padding_value=filler)
    return padded, torch.tensor([text.size(1) for text in texts])


def logits(task: str, network: Any, tokens: Tensor, lengths: Tensor) -> Tensor:
    outputs = network(tokens, lengths)
    return network.decoder.logits(outputs) if task == "complete" else network.logits(outputs)


def assert_same(actual: Tensor, expected: Tensor, tolerance: float = OF_LARGEST) -> None:
    assert actual.shape == expected.shape and torch.isfinite(actual).all()
    assert (actual - expected).abs().max() <= tolerance * expected.abs().max()


@writers
@pytest.mark.parametrize("sizes", [(1,) * 6, (3, 1, 2), (6,)], ids=str)
@torch.no_grad()
def test_steps_from_nothing_make_the_whole(name: str, sizes: tuple[int, ...]) -> None:
    decoder, rows = build("complete", name).decoder, together([text.repeat(1, 6)[:, :6] for text in texts()])[0]
    expected, _ = decoder(rows, decoder.start(None, rows=4))
    state, parts = decoder.start(None, rows=4, capacity=6), []
    for chunk in rows.split(sizes, dim=1):
        outputs, state = decoder(chunk, state)
        parts.append(outputs)
    assert_same(decoder.logits(torch.cat(parts, 1)), decoder.logits(expected))
    assert state.lengths.tolist() == [6] * 4


@writers
@torch.no_grad()
def test_unequal_prompts_go_on_as_each_would_alone(name: str) -> None:
    """Joined with others on the way, and forked: two ways on from one point."""
    decoder, prompts = build("complete", name).decoder, texts()
    states = []
    for group in (prompts[:3], prompts[3:]):
        tokens, lengths = together(group)
        states.append(decoder(tokens, decoder.start(None, rows=len(group), capacity=9), lengths)[1])
    point = State.cat(states).select(torch.tensor([[3], [0], [2], [0]]), torch.tensor([3, 0, 2, 0]))
    continuations = torch.randint(FIRST, VOCABULARY, (4, 2), generator=torch.Generator().manual_seed(5))
    branches = [point.select(torch.arange(4).view(4, 1)), point]
    for branch, continuation in zip(branches, (continuations, continuations.flip(1)), strict=True):
        outputs, _ = decoder(continuation, branch.widen(9, 12))
        for row, old in enumerate((3, 0, 2, 0)):
            row_tokens = torch.cat((prompts[old][0], continuation[row])).unsqueeze(0)
            expected, _ = decoder(row_tokens, decoder.start(None))
            assert_same(decoder.logits(outputs[row : row + 1]), decoder.logits(expected[:, -2:]))


@both_tasks
@torch.no_grad()
def test_a_text_beside_others_is_as_it_is_alone(task: str, name: str) -> None:
    """In any order, whatever the padding holds."""
    network, alone = build(task, name), texts()
    expected = [logits(task, network, text, torch.tensor([text.size(1)])) for text in alone]
    for order in ([0, 1, 2, 3], [2, 3, 0], [1, 3]):
        for filler in (0, FIRST):
            actual = logits(task, network, *together([alone[number] for number in order], filler))
            for row, number in enumerate(order):
                assert_same(actual[row : row + 1, : LENGTHS[number]], expected[number])


@both_tasks
@torch.no_grad()
def test_what_is_seen_of_a_text(task: str, name: str) -> None:
    """Who writes sees nothing that is yet to come; who fills gaps sees both sides, but for the yardstick."""
    network, text = build(task, name), texts()[0]
    other = text.clone()
    other[0, 3] = (text[0, 3] - FIRST + 1) % (VOCABULARY - FIRST) + FIRST
    before, after = (logits(task, network, tokens, torch.tensor([7]))[0] for tokens in (text, other))
    changed = ((before - after).abs().amax(-1) > 1e-4 * before.abs().max()).tolist()
    sees = {"complete": [False] * 3 + [True] * 4, "fill": [True] * 7}[task]
    assert changed == ([False] * 3 + [True] + [False] * 3 if name == "frame" else sees)


def gradients(task: str, network: Any, texts: list[Tensor]) -> dict[str, Tensor]:
    """Of the log probability of each text's own tokens."""
    network.zero_grad()
    tokens, lengths = together(texts)
    shares = logits(task, network, tokens, lengths).log_softmax(-1)
    shares.gather(-1, tokens.unsqueeze(-1))[up_to(lengths, tokens.size(1))].sum().backward()
    return {key: weight.grad.clone() for key, weight in network.named_parameters() if weight.grad is not None}


def assert_gradients_same(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert actual.keys() == expected.keys()
    largest = max(gradient.abs().max() for gradient in expected.values())
    for name, gradient in expected.items():
        assert (actual[name] - gradient).abs().max() <= 1e-4 * gradient.abs().max() + 1e-6 * largest, name


@both_tasks
def test_a_batch_of_texts_has_the_gradients_of_all(task: str, name: str) -> None:
    network = build(task, name)
    parts = [gradients(task, network, [text]) for text in texts()]
    joined = gradients(task, network, texts())
    assert_gradients_same(joined, {key: sum(part[key] for part in parts) for key in joined})  # type: ignore[misc]


@both_tasks
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_recorded_is_fast(task: str, name: str, training: bool) -> None:
    """Forward and backward; in training with the same dropout mask."""
    network = build(task, name, dropout=0.3).train(training)
    torch.manual_seed(3)
    fast, fast_gradients = logits(task, network, *together(texts())), gradients(task, network, texts())
    torch.manual_seed(3)
    with record(network) as maps:
        slow, slow_gradients = logits(task, network, *together(texts())), gradients(task, network, texts())
    assert maps or name == "frame"
    assert_same(slow, fast)
    assert_gradients_same(slow_gradients, fast_gradients)
