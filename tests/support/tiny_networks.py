"""Tiny networks of every row and variant of the lineage, sharp enough that a law that does not hold is seen to fail.

N sources   S source positions   T target positions   V vocabulary
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import product

import torch
from torch import Tensor, nn

from heedful.blocks.embedding import Learned, Tokens
from heedful.networks.build import encoder_decoder
from heedful.networks.configs import MinGRUConfig, TransformerConfig
from heedful.networks.joins import EncoderDecoder
from heedful.networks.lineage import LINEAGE
from heedful.networks.settings import resolve
from heedful.schema import NetworkSettings, parse_settings
from heedful.tasks.joins import allowed

SOURCE_VOCABULARY, TARGET_VOCABULARY = 12, 10
PAD, BEGIN, END, FIRST = 0, 1, 2, 3
"""Token ids as tests use them: FIRST and above are words."""

SHARPNESS = 2.5  # standard deviation of the logits
SMALL = {"size": "tiny", "width": 16, "dropout": 0.0}
TRANSFORMER = {"heads": 2, "inner": 32}


def rows(**settings: object) -> list[NetworkSettings]:
    """Every row of the lineage as published, only narrow."""
    return [tiny(name, **settings) for name in allowed("translate")]


@cache
def variants() -> list[NetworkSettings]:
    """Every row with every combination of settings that it has but the published one: many, for sampling."""
    as_published = rows()
    cells, depths, tied = ("rnn", "lstm", "gru"), (1, 3), (False, True)
    networks = []
    for name in allowed("translate"):
        published = tiny(name)
        choices: dict[str, Sequence[object]] = {"depth": depths, "decoder_depth": ("auto", 2), "tied": tied}
        if published.cell != "auto" and name not in cells:
            choices["cell"] = cells
        if published.attention != "auto":
            choices["attention"] = ("additive", "dot", "general", "concat")
        if published.feeding != "auto":
            choices["feeding"] = (False, True)
        if published.norm != "auto":
            choices["norm"] = ("pre", "post")
        if published.positions != "auto":
            choices["positions"] = ("sinusoidal", "learned", "rotary")
        networks += [tiny(name, **dict(zip(choices, values, strict=True))) for values in product(*choices.values())]
    return [network for network in networks if network not in as_published]


def tiny(name: str, **settings: object) -> NetworkSettings:
    """The resolved settings of a row, narrow."""
    parts = TRANSFORMER if isinstance(LINEAGE[name].encoder, TransformerConfig | MinGRUConfig) else {}
    return resolve(parse_settings(NetworkSettings, {"name": name, **SMALL, **parts, **settings}))


def label(network: NetworkSettings) -> str:
    """How a network is called in a test's id: the row, and what differs from it."""
    plain = tiny(network.name)
    keys = [key for key in asdict(network) if getattr(network, key) != getattr(plain, key)]
    return "-".join([network.name, *(f"{key}={getattr(network, key)}" for key in keys)])


def build(network: NetworkSettings, target_vocabulary: int = TARGET_VOCABULARY, seed: int = 0) -> EncoderDecoder:
    """A sharp network in eval mode."""
    torch.manual_seed(seed)
    model = encoder_decoder(network, SOURCE_VOCABULARY, target_vocabulary, shared=False).eval()
    sharpen(model)
    return model


@torch.no_grad()
def sharpen(network: EncoderDecoder) -> None:
    """Makes fresh weights so large that the network is sure of what it says, and that every part of it matters."""
    for name, weight in network.named_parameters():
        if "bias" in name:
            weight.normal_(std=0.3)
        elif not weight.any():  # what a block adds begins at zero
            nn.init.xavier_normal_(weight)
        elif weight.dim() == 1:  # of a norm
            weight.add_(torch.randn_like(weight), alpha=0.2)
        elif "weight_hh" not in name and "gate" not in name:  # larger ones would make recurrence or product chaotic
            weight.mul_(2.5)
    for module in network.modules():
        if isinstance(module, Learned):
            module.table.weight.normal_()
        elif isinstance(module, Tokens):
            module.table.weight.normal_(std=2 / module.scale)
    decoder = network.decoder
    data = batch((5, 5), (5, 5), target_vocabulary=decoder.vocabulary)
    ratio = SHARPNESS / float(decoder.logits(network(data.source, data.source_lengths, data.target)).std())
    tied = decoder.output.linear.weight is decoder.tokens.table.weight
    decoder.output.linear.weight.mul_(max(1.0, ratio) if tied else ratio)


@dataclass(frozen=True)
class Batch:
    """Random sources and targets; behind its length each row holds padding."""

    source: Tensor  # (N, S)
    source_lengths: Tensor  # (N,)
    target: Tensor  # (N, T)  what the decoder reads: BEGIN, then words
    target_lengths: Tensor  # (N,)


def batch(
    source_lengths: Sequence[int],
    target_lengths: Sequence[int],
    seed: int = 1,
    target_vocabulary: int = TARGET_VOCABULARY,
) -> Batch:
    """A batch of these lengths."""
    rng = torch.Generator().manual_seed(seed)

    def words(lengths: Sequence[int], vocabulary: int) -> Tensor:
        rows = [torch.randint(FIRST, vocabulary, (length,), generator=rng) for length in lengths]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)

    target = words(target_lengths, target_vocabulary)
    target[:, 0] = BEGIN
    source = words(source_lengths, SOURCE_VOCABULARY)
    return Batch(source, torch.tensor(source_lengths), target, torch.tensor(target_lengths))


def one_example(data: Batch, row: int) -> Batch:
    """One example without its neighbours and its padding."""
    source, target = data.source_lengths[row : row + 1], data.target_lengths[row : row + 1]
    return Batch(data.source[row : row + 1, : source[0]], source, data.target[row : row + 1, : target[0]], target)


def join_examples(examples: Sequence[Batch], filler: int = PAD) -> Batch:
    """Examples, each without padding, as one batch whose padding holds `filler`."""

    def joined(parts: Sequence[Tensor]) -> Tensor:
        return nn.utils.rnn.pad_sequence([part[0] for part in parts], batch_first=True, padding_value=filler)

    return Batch(
        joined([example.source for example in examples]),
        torch.cat([example.source_lengths for example in examples]),
        joined([example.target for example in examples]),
        torch.cat([example.target_lengths for example in examples]),
    )


def log_probabilities(logits: Tensor, tokens: Tensor) -> Tensor:
    """What the logits (N, T, V) at each position give to the token at the next one: (N, T - 1)."""
    return logits[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:].unsqueeze(-1)).squeeze(-1)
