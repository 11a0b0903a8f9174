"""A model of any task as ONNX files, beside a description of what goes in and what comes out.

N sources   S positions   T tokens
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from heedful.api.exporting import agreed
from heedful.api.model import Model
from heedful.data.folders import write_json
from heedful.data.step_words import Lexicon
from heedful.data.tokenizers import EOS, Tokenizer
from heedful.errors import HeedfulError
from heedful.generation.rules import Special
from heedful.hub import onnx_files
from heedful.hub.onnx_graphs import (
    Example,
    Graph,
    Reader,
    Stepper,
    answer_graph,
    paint_graph,
    tower_graph,
    writer_graphs,
)
from heedful.networks.joins import Drawing, EncoderHead, TwoTowers
from heedful.sections import Generate
from heedful.tasks import codes, draw, task, writing
from heedful.tasks.continuing import Continuer
from heedful.tasks.guessing import Guesser
from heedful.tasks.label import Labeller
from heedful.tasks.reading import Reading

__all__ = ["require", "write"]
require = onnx_files.require

TRACED, CHECKED = (6, 4, 3), (9, 1, 4, 7, 2)
"""Lengths of made-up sources: by which graphs are traced, and on which the files are checked."""
STEPS = 5  # tokens of a check


def write(model: Model, folder: Path) -> tuple[dict[str, str], list[str]]:
    """Writes the graphs, tokenizers and export.json, and checks one batch; returns what is what, and notes."""
    trained = model.trained[0]
    refuse_texts(model)
    trained.network.eval()
    made = graphs(trained, TRACED)
    for graph in made:
        onnx_files.write_graph(graph, folder)
    task(model.task).save(trained, folder)
    write_json(folder / "export.json", {"library": "heedful", "task": model.task} | about(model, folder))
    meaning = {f"{graph.name}.onnx": graph.about for graph in made} | {
        "export.json": "how sources are made, what answers mean"
    }
    return meaning, [checked(trained, folder), used(made)]


def refuse_texts(model: Model) -> None:
    """Raises HeedfulError for what there are no graphs for: models that go on with texts or fill them, and published
    models of texts, whose marks export.json does not tell.
    """
    trained = model.trained[0]
    if isinstance(trained, Continuer | Guesser):
        raise HeedfulError(
            f"{model.folder} was trained to {model.task}, and that is not written as ONNX.",
            "--to hf writes it for transformers, where the network is gpt or bert.",
        )
    if getattr(trained, "plan", None) and not (model.task == "classify" and trained.reading.positions):
        raise HeedfulError(
            f"{model.folder} was published for texts, with a vocabulary whose marks the files here do not tell.",
            "Its own library exports it: optimum-cli export onnx.",
        )


def checked(trained: Any, folder: Path) -> str:
    """What the check of the files found."""
    if find_spec("onnxruntime") is None:
        return 'not checked: onnxruntime is not installed (pip install "heedful[bench]")'
    return agreed("onnxruntime", f"answers to a batch of {len(CHECKED)}", difference(trained, folder))


def used(made: Sequence[Graph]) -> str:
    """A line how to use the files."""
    if len(made) > 1 and made[0].name == "encoder":
        return "use: the loop of 40 lines in docs/export.md, with onnxruntime, numpy and tokenizers alone"
    given = ", ".join(f'"{name}": …' for name in made[0].inputs)
    return f'use: onnxruntime.InferenceSession("FOLDER/{made[0].name}.onnx").run(None, {{{given}}})'


def graphs(trained: Any, lengths: Sequence[int]) -> list[Graph]:
    """The graphs of a trained model, with made-up sources of these lengths."""
    network = trained.network
    if isinstance(network, TwoTowers):
        sides = (trained.pictures, "pictures"), (trained.words, "texts")
        made = [(side, name, *made_up(read, lengths)) for side, (read, name) in enumerate(sides)]
        return [tower_graph(network, *one) for one in made]
    example, positions = steps(trained, lengths) if isinstance(trained, Labeller) else made_up(trained.reading, lengths)
    if isinstance(network, EncoderHead):
        return [answer_graph(network, example, positions)]
    if isinstance(network, Drawing):
        return [*writer_graphs(network.writer, example, positions), paint_graph(network.codebook)]
    return writer_graphs(network, example, positions)


def made_up(read: Reading, lengths: Sequence[int]) -> tuple[Example, int]:
    """Sources that nobody wrote, of these lengths, and the positions of each (0: they differ)."""
    luck = torch.Generator().manual_seed(len(lengths))
    if read.positions:
        form = read.form
        shape = (len(lengths), form.size, form.size, form.channels)
        return {"source": torch.randint(0, 256, shape, dtype=torch.uint8, generator=luck)}, read.positions
    shape = (len(lengths), max(lengths))
    source = torch.randint(EOS, read.tokenizer.size, shape, generator=luck)
    return {"source": source, "lengths": torch.tensor(lengths)}, 0


def steps(model: Labeller, lengths: Sequence[int]) -> tuple[Example, int]:
    """The same for what is labelled in step."""
    luck, shape = torch.Generator().manual_seed(len(lengths)), (len(lengths), max(lengths))
    form = model.form
    if isinstance(form.lexicon, Lexicon):
        words, letters = form.lexicon.sizes
        first = torch.randint(0, words, (*shape, 1), generator=luck)
        width = form.lexicon.encode(("",)).shape[1] - 1
        source: Tensor = torch.cat([first, torch.randint(0, letters, (*shape, width), generator=luck)], dim=-1)
    elif form.picture is not None:
        pixels = form.picture.size, form.picture.size, form.picture.channels
        source = torch.randint(0, 256, (*shape, *pixels), dtype=torch.uint8, generator=luck)
    else:
        source = torch.randn((*shape, len(form.mean)), generator=luck)
    return {"source": source, "lengths": torch.tensor(lengths)}, 0


def difference(trained: Any, folder: Path) -> float:
    """How far the files' answers are from the network's, as a share of the largest number; the worst of all files."""
    found = []
    for graph in graphs(trained, CHECKED):
        if isinstance(graph.module, Reader):
            vocabulary, luck = graph.module.network.decoder.vocabulary, torch.Generator().manual_seed(0)
            tokens = torch.randint(0, vocabulary, (len(CHECKED), STEPS), generator=luck)
            found.append(onnx_files.difference_in_steps(graph.module, graph.inputs, tokens, folder))
        elif not isinstance(graph.module, Stepper):  # which was asked together with the reader
            found.append(onnx_files.difference(graph, folder))
    return max(found)


def about(model: Model, folder: Path) -> dict[str, Any]:
    """What one must know beside the graphs: how sources are made, and what answers mean."""
    trained = model.trained[0]
    network = trained.network
    if isinstance(network, TwoTowers):
        sides = {"pictures": sourced(trained.pictures, folder), "texts": sourced(trained.words, folder)}
        return sides | {"end": EOS, "scale": network.scale.exp().clamp(max=100).item()}
    if isinstance(trained, Labeller):
        return {"source": trained.form.plain(), "names": list(trained.names), "window": trained.window}
    source = {"source": sourced(trained.reading, folder)}
    if isinstance(network, EncoderHead):
        return source | {"end": EOS, "names": list(trained.names)}
    if isinstance(network, Drawing):
        return source | specials(draw.SPECIAL) | {"first": codes.FIRST, "length": network.codebook.positions}
    target = {"target": spelling(trained.target, folder, "target"), "normal_form": trained.normal_form}
    return source | target | specials(writing.special(trained)) | longest(trained, model.recipe.generate)


def longest(author: writing.Author, settings: Generate) -> dict[str, float | int | None]:
    """The most tokens of an answer: `stretch` for each position of the source and `slack`; never beyond `limit`."""
    fixed = settings.max_length
    grows = (author.stretch, author.slack) if fixed == "auto" else (0.0, fixed)
    return {"stretch": grows[0], "slack": grows[1], "limit": author.network.decoder.limit}


def sourced(read: Reading, folder: Path) -> dict[str, Any]:
    """How sources are read: pictures of which form, or texts by which tokenizer."""
    return read.form.plain() if read.positions else spelling(read.tokenizer, folder, "source")


def spelling(tokenizer: Tokenizer, folder: Path, side: str) -> dict[str, Any]:
    """A tokenizer's file, and how its ids become the network's: the unknown one is 3, others are moved by `shift`."""
    own = folder / f"{side}.tokenizer.json"
    name = own.name if own.exists() else "tokenizer.json"
    return {"tokenizer": name, "shift": tokenizer.shift, "unknown": tokenizer.unk}


def specials(special: Special) -> dict[str, Any]:
    """The token that begins an answer, the one that ends it, and those that are never chosen."""
    return {"begin": special.begin, "end": special.end, "never": list(special.never)}
