"""A model of any task as ONNX files, beside a description of what goes in and what comes out.

N sources   S positions   T tokens
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from heedful.api.export import agreed
from heedful.api.model import Model
from heedful.data.folders import write_json
from heedful.data.steps.subwords import SubwordVocabulary
from heedful.data.steps.words import WordVocabulary
from heedful.data.tokenizers.special_tokens import EOS
from heedful.engines import onnx_files
from heedful.engines.onnx_graphs import (
    Example,
    Graph,
    Reader,
    Stepper,
    alone_graph,
    answer_graph,
    filler_graph,
    paint_graph,
    tower_graph,
    writer_graphs,
)
from heedful.exporters.manifest import about
from heedful.networks.decoders import Decoder
from heedful.networks.joins import AnyEncoder, Drawing, EncoderHead, Filler, LanguageModel, TwoTowers
from heedful.networks.subwords import FirstPieces
from heedful.tasks import task
from heedful.tasks.inputs import Reading
from heedful.tasks.label.task import Labeller

__all__ = ["require", "write"]
require = onnx_files.require

TRACED, CHECKED = (6, 4, 3), (9, 1, 4, 7, 2)
"""Lengths of made-up sources: by which graphs are traced, and on which the files are checked."""
STEPS = 5  # tokens of a check


def write(model: Model, folder: Path) -> tuple[dict[str, str], list[str]]:
    """Writes the graphs, tokenizers and export.json, and checks one batch; returns what is what, and notes."""
    trained = model.trained[0]
    trained.network.eval()
    made = graphs(trained, TRACED)
    for graph in made:
        onnx_files.write_graph(graph, folder)
    task(model.task).save(trained, folder)
    if isinstance(trained, Labeller) and isinstance(trained.form.vocabulary, SubwordVocabulary):
        trained.form.vocabulary.tokenizer.save(folder / "tokenizer.json")
    write_json(folder / "export.json", {"library": "heedful", "task": model.task} | about(model, folder))
    meaning = {f"{graph.name}.onnx": graph.about for graph in made} | {
        "export.json": "how sources are made, what answers mean"
    }
    return meaning, [checked(trained, folder), used(made)]


def checked(trained: Any, folder: Path) -> str:
    """What the check of the files found."""
    if find_spec("onnxruntime") is None:
        return 'not checked: onnxruntime is not installed (pip install "heedful[bench]")'
    return agreed("onnxruntime", f"answers to a batch of {len(CHECKED)}", difference(trained, folder))


def used(made: Sequence[Graph]) -> str:
    """A line how to use the files."""
    if made[0].name in ("encoder", "step"):
        return "use: the loop of 40 lines in docs/export.md, without Heedful and PyTorch"
    given = ", ".join(f'"{name}": …' for name in made[0].inputs)
    return f'use: onnxruntime.InferenceSession("FOLDER/{made[0].name}.onnx").run(None, {{{given}}})'


def graphs(trained: Any, lengths: Sequence[int]) -> list[Graph]:
    """The graphs of a trained model, with made-up sources of these lengths."""
    network = trained.network
    if isinstance(network, TwoTowers):
        limits = [cast("AnyEncoder", one).limit for one in network.encoders]
        sides = zip((trained.pictures, trained.words), ("pictures", "texts"), limits, strict=True)
        made = [(name, *made_up(read, lengths, limit)) for read, name, limit in sides]
        return [tower_graph(network, side, *one) for side, one in enumerate(made)]
    if isinstance(network, LanguageModel):
        return [alone_graph(network, len(lengths))]
    if isinstance(network, Filler):
        return [filler_graph(network, texts(network.vocabulary, lengths, network.encoder.limit))]
    if isinstance(network, FirstPieces):
        read = Reading(trained.form.vocabulary.tokenizer)
        return [answer_graph(network.inner, *made_up(read, lengths, network.inner.encoder.limit))]
    if isinstance(trained, Labeller):
        return [answer_graph(network, steps(trained, lengths), 0)]
    inner = network.writer if isinstance(network, Drawing) else network
    example, positions = made_up(trained.reading, lengths, inner.encoder.limit)
    if isinstance(inner, EncoderHead):
        return [answer_graph(inner, example, positions)]
    made = writer_graphs(inner, example, positions)
    return [*made, paint_graph(network.codebook)] if isinstance(network, Drawing) else made


def made_up(read: Reading, lengths: Sequence[int], limit: int | None) -> tuple[Example, int]:
    """Sources that nobody wrote, of these lengths, and the positions of each (0: they differ)."""
    luck = torch.Generator().manual_seed(len(lengths))
    if read.positions:
        form = read.form
        shape = (len(lengths), form.size, form.size, form.channels)
        return {"source": torch.randint(0, 256, shape, dtype=torch.uint8, generator=luck)}, read.positions
    return texts(read.tokenizer.size, lengths, limit), 0


def texts(vocabulary: int, lengths: Sequence[int], limit: int | None) -> Example:
    """Texts that nobody wrote, of these lengths, or as long as a network can read."""
    lengths, luck = [min(one, limit or one) for one in lengths], torch.Generator().manual_seed(len(lengths))
    source = torch.randint(EOS, vocabulary, (len(lengths), max(lengths)), generator=luck)
    return {"source": source, "lengths": torch.tensor(lengths)}


def steps(model: Labeller, lengths: Sequence[int]) -> Example:
    """The same for what is labelled in step."""
    luck, shape = torch.Generator().manual_seed(len(lengths)), (len(lengths), max(lengths))
    form = model.form
    if isinstance(form.vocabulary, WordVocabulary):
        words, letters = form.vocabulary.sizes
        first = torch.randint(0, words, (*shape, 1), generator=luck)
        width = form.vocabulary.encode(("",)).shape[1] - 1
        source: Tensor = torch.cat([first, torch.randint(0, letters, (*shape, width), generator=luck)], dim=-1)
    elif form.picture is not None:
        pixels = form.picture.size, form.picture.size, form.picture.channels
        source = torch.randint(0, 256, (*shape, *pixels), dtype=torch.uint8, generator=luck)
    else:
        source = torch.randn((*shape, len(form.mean)), generator=luck)
    return {"source": source, "lengths": torch.tensor(lengths)}


def difference(trained: Any, folder: Path) -> float:
    """How far the files' answers are from the network's, as a share of the largest number; the worst of all files."""
    found = []
    if isinstance(trained.network, LanguageModel):
        return onnx_files.difference_alone(trained.network, asked(trained.network.decoder), folder)
    for graph in graphs(trained, CHECKED):
        if isinstance(graph.module, Reader):
            tokens = asked(graph.module.network.decoder)
            found.append(onnx_files.difference_in_steps(graph.module, graph.inputs, tokens, folder))
        elif not isinstance(graph.module, Stepper):  # which was asked together with the reader
            found.append(onnx_files.difference(graph, folder))
    return max(found)


def asked(decoder: Decoder) -> Tensor:
    """Tokens that nobody wrote, a few for each source."""
    luck, steps = torch.Generator().manual_seed(0), min(STEPS, decoder.limit or STEPS)
    return torch.randint(0, decoder.vocabulary, (len(CHECKED), steps), generator=luck)
