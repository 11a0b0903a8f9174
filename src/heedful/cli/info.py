"""heedful info: a run or a network, its shape, weights and memory."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli.words import SizeFlag
from heedful.errors import HeedfulError, nearest, unknown
from heedful.report.terminal import columns

if TYPE_CHECKING:
    from torch import nn

    from heedful.hub import Plan
    from heedful.schema import NetworkSettings

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A model's folder or hub name, or a row of `heedful networks`.")
]

VOCABULARY = 1000
ADAM = 4  # weights, gradient, and AdamW's two moments


def run(name: Name, size: SizeFlag = None) -> None:
    """The shape of a run or a network, drawn, with its tensors, weights and memory.

    \b
    heedful info runs/mine
    heedful info vaswani2017 --size base
    heedful info openai-community/gpt2
    """
    from heedful.networks.lineage import LINEAGE, shape

    if not Path(name).exists() and name in LINEAGE:
        settings = resolved(name, size or "small")
        print(told(settings, unbuilt(settings), f"with vocabularies of {VOCABULARY:,} entries", shape(name)))
        return
    if not Path(name).exists() and "/" not in name and nearest(name, LINEAGE):
        raise unknown("network", name, LINEAGE)

    from heedful import api

    model = api.load(name)
    network, plan = model.trained[0].network, getattr(model.trained[0], "plan", None)
    if size is not None:
        kind = "published" if plan else f"a run, of size {model.recipe.network.size}"
        raise HeedfulError(f"{name} is {kind}.", "--size goes with a network.")
    sides = f"{vocabularies(network)}{'published' if plan else 'trained'} to {model.task}"
    print(told(model.recipe.network, network, sides, model.task, model.source_kind == "picture", plan))


def vocabularies(network: "nn.Module") -> str:
    """How many entries each side has that reads or writes tokens."""
    from heedful.blocks.embedding import Tokens

    sizes = [f"{part.table.num_embeddings:,}" for part in network.modules() if isinstance(part, Tokens)]
    return f"vocabularies of {' and '.join(sizes)} entries, " if sizes else ""


def resolved(name: str, size: str) -> "NetworkSettings":
    """A row's settings at a size; raises HeedfulError for an unknown size."""
    from heedful.networks.lineage import LINEAGE, resolve, shape
    from heedful.tasks.recipes import build

    settings = build("translate", {"network.name": name, "network.size": size}).network
    return resolve(settings, shape(name) if name in LINEAGE else "translate")


def unbuilt(settings: "NetworkSettings", vocabulary: int = VOCABULARY) -> "nn.Module":
    """The network without memory for its weights: their shapes alone."""
    import torch

    from heedful.networks.joins import encoder_decoder, filler, language_model
    from heedful.networks.lineage import shape

    with torch.device("meta"):
        match shape(settings.name):
            case "translate":
                return encoder_decoder(settings, vocabulary, vocabulary, shared=False)
            case "complete":
                return language_model(settings, vocabulary)
            case _:
                return filler(settings, vocabulary)


def told(
    settings: "NetworkSettings",
    network: "nn.Module",
    sides: str,
    task: str,
    pictured: bool = False,
    plan: "Plan | None" = None,
) -> str:
    """All there is to say about a network; one that was published may have a side of another kind to read with."""
    from heedful.networks.lineage import LINEAGE

    row = LINEAGE[settings.name]
    reads = plan.sides.get("encoder", settings) if plan else settings
    decided = [f"{name}: {decisions(side)}" for name, side in plan.sides.items()] if plan else [decisions(settings)]
    weights = sum(weight.numel() for weight in network.parameters())
    megabytes = weights * 4 / 1e6
    return "\n".join(
        [
            f"{settings.name} {plan.architecture if plan else settings.size} · {row.paper}",
            f"  added:  {row.added}",
            f"  lacked: {row.lacked}",
            "",
            drawing(settings, task, pictured, reads),
            *decided,
            sides,
            "",
            columns(tensors(network), left={1}),
            "",
            f"{weights:,} weights: {megabytes:,.1f} MB in float32, {megabytes * ADAM:,.1f} MB to train them",
        ]
    )


def decisions(settings: "NetworkSettings") -> str:
    """Settings that are decided."""
    told = asdict(settings).items()
    return ", ".join(f"{key} {value}" for key, value in told if key not in ("name", "size") and value != "auto")


def drawing(
    settings: "NetworkSettings", task: str, pictured: bool = False, reader: "NetworkSettings | None" = None
) -> str:
    """As in the figure of the five shapes: how positions are joined, and what the answer is made from."""
    from heedful.networks.configs import RecurrentAnswer
    from heedful.networks.lineage import WRITTEN, writer

    if task == "complete":
        writes = "→" if isinstance(writer(settings), RecurrentAnswer) else "⇒"
        told_too = "each step after the last" if writes == "→" else "each position looks at those before it"
        return f"{ALONE.replace('~', writes)}\n   {writes} {told_too}\n"
    reads = joined(reader or settings, task)
    if task not in WRITTEN:
        alone = pictured and task == "classify"
        return f"{READERS['picture' if alone else task].replace('~', reads)}\n   {legend(settings, reads, alone)}\n"
    decoder = writer(settings)
    recurrent = isinstance(decoder, RecurrentAnswer)
    bridge = "── one vector ──▶" if recurrent and decoder.looks == "never" else "══ all positions ══▶"
    writes, gap = "→" if recurrent else "⇒", " " * len(bridge)
    middle, arrows, below, source = (
        ("   ■   ", "   ↑   ", "   □   ", "a picture")
        if pictured
        else (f"   ■ {reads} ■ {reads} ■   ", "   ↑   ↑   ↑   ", "   □   □   □   ", "source")
    )
    answer, so_far = ("    ○       a picture", "its codes") if task == "draw" else ("○   ○   ○   target", "target")
    told_too = "each step after the last" if recurrent else "each position looks at those before it"
    return "\n".join(
        [
            f"{' ' * len(middle)}{gap}  {answer}",
            f"{' ' * len(middle)}{gap}  ↑   ↑   ↑",
            f"{middle}{bridge}  ■ {writes} ■ {writes} ■",
            f"{arrows}{gap}  ↑   ↑   ↑",
            f"{below}{gap}  ·   ○   ○   {so_far} so far",
            f"   {source}",
            "",
            f"   {legend(settings, reads, pictured)}   {writes} {told_too}",
            "",
        ]
    )


def legend(settings: "NetworkSettings", reads: str, pictured: bool) -> str:
    """How what goes in is read; of one picture, whose parts the drawing does not show, in words alone."""
    if not pictured:
        return f"{reads} {JOINED[reads]}".strip()
    if settings.patch == "whole":
        return "the picture as a whole"
    return f"{'rows' if settings.patch == 'rows' else 'patches'} of the picture: {JOINED[reads]}"


def joined(settings: "NetworkSettings", task: str) -> str:
    """The sign for how the encoder joins positions."""
    from heedful.networks.configs import FrameReader, RecurrentReader
    from heedful.networks.lineage import reader

    encoder = reader(settings)
    if isinstance(encoder, FrameReader):
        return " "
    if isinstance(encoder, RecurrentReader):
        both = encoder.bidirectional or (task == "label" and not settings.causal)
        return "⇄" if both else "←" if encoder.reverse else "→"
    return "→" if settings.causal is True else "═"


JOINED = {
    "═": "every position looks at every other",
    "⇄": "read both ways",
    "←": "read backwards",
    "→": "read forwards",
    " ": "each position by itself",
}

# Where text is written from nothing.
ALONE = """\
   ○   ○   ○   text
   ↑   ↑   ↑
   ■ ~ ■ ~ ■
   ↑   ↑   ↑
   ·   ○   ○   text so far
"""

# Where nothing is written, by task; ~ stands for how positions are joined. A picture is one thing, a text many.
READERS = {
    "picture": """\
   ○   one answer
   ↑
   ■
   ↑
   □   a picture
""",
    "classify": """\
           ○   one answer
           ↑
   ■ ~ ■ ~ ■
   ↑   ↑   ↑
   □   □   □   source
""",
    "label": """\
   ○   ○   ○   an answer for each position
   ↑   ↑   ↑
   ■ ~ ■ ~ ■
   ↑   ↑   ↑
   □   □   □   source
""",
    "fill": """\
       ○       the word that is missing
       ↑
   ■ ~ ■ ~ ■
   ↑   ↑   ↑
   □   ?   □   text with a gap
""",
    "match": """\
           ●  near or far?  ●
           ↑                ↑
   ■ ~ ■ ~ ■        ■ ~ ■ ~ ■
   ↑   ↑   ↑        ↑   ↑   ↑
   □   □   □        □   □   □
   picture          text
""",
}


def tensors(network: "nn.Module") -> list[list[str]]:
    """A row for each tensor of weights; those that differ only in the layer they are in stand together."""
    alike: dict[tuple[str, tuple[int, ...]], int] = {}
    for name, weight in network.named_parameters():
        key = (re.sub(r"\.\d+(?=\.|$)", ".*", name), tuple(weight.shape))
        alike[key] = alike.get(key, 0) + 1
    rows = [["tensor", "shape", "times", "weights"]]
    for (name, shape), times in alike.items():
        count = times
        for side in shape:
            count *= side
        rows.append([name, " × ".join(map(str, shape)), str(times), f"{count:,}"])
    return rows
