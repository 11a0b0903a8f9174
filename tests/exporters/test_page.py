"""Networks in a page: its runtime says what torch says of the same weights, reads texts as our tokenizers do, and the
page answers in a browser from disk.
"""

from itertools import product
from pathlib import Path

import pytest
import torch
from torch import nn

from heedful.blocks.pixels import Pixels
from heedful.data.tokenizers.learn import KINDS
from heedful.exporters.page.describe import describe
from heedful.exporters.page.weights import blob_of, round_weights
from heedful.networks.build import Spec, build
from heedful.networks.joins import EncoderDecoder, EncoderHead, LanguageModel, Network
from heedful.networks.settings import Join, allowed_rows, fit_pictures, resolve
from heedful.networks.sources import PictureSource, Source, TextSource
from heedful.schema import NetworkSettings, parse_settings
from support.node import ask_runtime
from support.sampling import sample

JOINS: tuple[Join, ...] = ("encoder_decoder", "decoder", "encoder_pooled")
VOCABULARY, CLASSES = 30, 5
SIDE = 12
PIXELS = Pixels(SIDE, (0.3, 0.4, 0.5), (0.2, 0.3, 0.25))

CASES = [
    (join, name, size, source)
    for join, size in product(JOINS, ("tiny", "small"))
    for name in allowed_rows(join)
    for source in (("text", "picture") if join == "encoder_pooled" else ("text",))
]
VARIANTS = [
    ("encoder_decoder", name, {key: value})
    for name, key, values in (
        ("luong2015", "attention", ("dot", "concat")),
        ("luong2015", "feeding", (False,)),
        ("luong2015", "cell", ("rnn", "gru")),
        ("bahdanau2015", "attention", ("dot", "general")),
        ("bahdanau2015", "cell", ("lstm",)),
        ("vaswani2017", "positions", ("learned", "rotary")),
        ("vaswani2017", "norm", ("pre",)),
        ("vaswani2017", "activation", ("gelu", "gelu_tanh", "quick_gelu", "silu")),
        ("cho2014", "decoder_depth", (2,)),
        ("gru", "tied", (True,)),
    )
    for value in values
]


@torch.no_grad()
def stir(network: Network) -> None:
    """Makes every weight matter, and gives them the values that a page has."""
    for name, weight in network.named_parameters():
        if "bias" in name:
            weight.normal_(std=0.3)
        elif weight.dim() == 1:
            weight.add_(torch.randn_like(weight), alpha=0.2)
        elif not weight.any():
            nn.init.xavier_normal_(weight)
        elif "table" in name or "output.linear" in name:
            weight.normal_(std=0.5)
    round_weights(network)


def question_of(join: Join, name: str, changes: dict[str, object], source_kind: str = "text") -> tuple[dict, torch.Tensor]:
    """A question for the runtime, and the logits (T, V) that torch gives to it."""
    torch.manual_seed(0)
    extra = {"pool": "summary"} if join == "encoder_pooled" else {}
    settings = resolve(parse_settings(NetworkSettings, {"name": name, **changes}), join, extra=extra)
    source: Source = TextSource(VOCABULARY)
    if source_kind == "picture":
        settings = fit_pictures(parse_settings(NetworkSettings, vars(settings) | {"stem": 0, "patch": "auto"}), SIDE)
        source = PictureSource(PIXELS)
    outputs = CLASSES if join == "encoder_pooled" else VOCABULARY
    network = build(Spec(join, settings, () if join == "decoder" else (source,), outputs)).eval()
    stir(network)
    ids = torch.randint(4, VOCABULARY, (1, 9))
    read = torch.randint(0, 256, (1, SIDE, SIDE, 3), dtype=torch.uint8) if source_kind == "picture" else ids
    tokens = torch.randint(4, VOCABULARY, (1, 7))
    blob = blob_of(network)
    question = {"kind": "logits", "network": describe(network, settings), "weights": blob.text, "layout": blob.layout}
    given = {"source": read.flatten().tolist(), "tokens": tokens[0].tolist()}
    return question | given, logits_of(network, read, tokens)


@torch.inference_mode()
def logits_of(network: Network, source: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """What torch says (T, V)."""
    positions = network.embedding.positions if source.dim() > 2 else source.size(1)
    lengths = torch.tensor([positions])
    if isinstance(network, EncoderDecoder):
        return network.decoder.logits(network(source, lengths, tokens))[0]
    if isinstance(network, LanguageModel):
        return network.decoder.logits(network(tokens))[0]
    assert isinstance(network, EncoderHead)
    return network(source, lengths)


def test_logits_are_those_of_torch(tmp_path: Path) -> None:
    asked = [question_of(join, name, {"size": size}, kind) for join, name, size, kind in sample(CASES, 8)]
    asked += [question_of(join, name, {"size": "tiny", **changes}) for join, name, changes in sample(VARIANTS, 4)]
    answers = ask_runtime([question for question, _ in asked], tmp_path)
    for (question, expected), answer in zip(asked, answers, strict=True):
        assert expected.std() > 0.3, "a network that says nothing proves nothing"
        assert (torch.tensor(answer) - expected).abs().max() < 1e-3, question["network"]
