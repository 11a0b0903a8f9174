"""What tasks share in writing their answers: text from a decoder by the one search, whatever the source is.

N sources   T target positions
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from heedful.blocks.attention.masks import up_to
from heedful.blocks.loss import cross_entropy
from heedful.blocks.state import State
from heedful.data import batching
from heedful.data.batch import Batch, padded
from heedful.data.batching import Rows
from heedful.data.normal_form import normalize_text
from heedful.data.pictures.album import Album
from heedful.data.tokenizers.load import load_tokenizer
from heedful.data.tokenizers.special_tokens import SpecialTokens
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.engines.onnx_graphs import Graph, writer_graphs
from heedful.engines.plain import PlainStepper
from heedful.engines.plain import score as log_probability
from heedful.generation.batch import Hypothesis
from heedful.generation.rules import Rules, rules_of, until
from heedful.generation.search import Search
from heedful.generation.stepper import Request, SpecialIds
from heedful.hub import Plan
from heedful.metrics.counts import Kind
from heedful.networks.build import Spec
from heedful.networks.joins import EncoderDecoder
from heedful.results import Answer
from heedful.schema import GenerateSettings, NetworkSettings, NormalForm, parse_settings
from heedful.tasks.inputs import Reading, load_reading, refuse_long, source_seed
from heedful.tasks.made_up import made_up_sources
from heedful.tasks.manifests import describe_source, describe_special, describe_tokenizer
from heedful.tasks.plans import build, kept, planned
from heedful.tasks.pretrained import Given
from heedful.tasks.training_sources import TrainingSources, batch_of, network_source, pretrained_of

POSITIONS = 512  # of a translator, in formats that have a table for them where we have a formula
SLACK = 10  # tokens that an answer may have beyond what the training pairs' lengths suggest


@dataclass(frozen=True)
class Author:
    """A network with what it takes to read its sources and to write text.

    An answer may have `stretch` tokens for each position of the source, and `slack` more. `shared`: both sides have
    one tokenizer.
    """

    network: EncoderDecoder
    settings: NetworkSettings
    reading: Reading
    target: Tokenizer
    shared: bool
    scores: Kind
    stretch: float
    slack: int
    normal_form: NormalForm = "none"
    plan: Plan | None = None


def made(settings: NetworkSettings, read: Reading, target: Tokenizer, shared: bool) -> EncoderDecoder:
    """A network of resolved settings, with fresh weights. `shared`: both sides have one tokenizer, so one table."""
    return made_for(settings, read, target.size, shared)


def made_for(settings: NetworkSettings, read: Reading, vocabulary: int, shared: bool = False) -> EncoderDecoder:
    """The same for answers of so many different tokens."""
    return build(Spec("encoder_decoder", settings, (network_source(read),), vocabulary, shared), EncoderDecoder)


def stretch_of(lengths: np.ndarray) -> float:
    """How much longer than sources targets are at the most, end tokens counted; one pair in a thousand is beyond it."""
    both = np.asarray(lengths) + 1
    return round(float(np.quantile(both[:, 1] / both[:, 0], 0.999)), 3)


@dataclass(frozen=True)
class Collate:
    """Rows -> a batch: the source, the target behind <s>, and the target with </s>."""

    sources: TrainingSources
    marks: SpecialTokens

    def __call__(self, rows: Rows) -> Batch:
        written = [target for _, target in self.sources.pairs(rows)]
        inputs, steps = padded([np.concatenate(([self.marks.begin], target)) for target in written])
        targets, _ = padded([np.append(target, self.marks.end) for target in written])
        return self.sources(rows) | {"inputs": inputs, "targets": targets, "steps": steps}


@dataclass(frozen=True)
class Loss:
    """Label-smoothed cross entropy, summed over real target tokens."""

    smoothing: float

    def __call__(self, network: EncoderDecoder, batch: Batch) -> tuple[Tensor, int]:
        outputs = network(batch["source"], batch["lengths"], batch["inputs"])
        real = up_to(batch["steps"], outputs.size(1))
        targets = batch["targets"][real]
        decoder = network.decoder
        return cross_entropy(outputs[real], decoder.logits, targets, decoder.vocabulary, self.smoothing), len(targets)


def answer(
    models: Sequence[Author], sources: Sequence[str], settings: GenerateSettings, album: Album | None = None
) -> list[list[Answer]]:
    """The n best answers to each source, by one author or several together (they must share the vocabularies).

    Raises HeedfulError if a text is longer than a network can read, or a picture cannot be read.
    """
    found = searched(models, sources, settings, album)
    return [
        [shown(models[0], source, hypothesis, settings.stop) for hypothesis in some]
        for source, some in zip(sources, found, strict=True)
    ]


def searched(
    models: Sequence[Author], sources: Sequence[str], settings: GenerateSettings, album: Album | None = None
) -> list[list[Hypothesis]]:
    """The same as the search found it."""
    first = models[0]
    arrays = read_all(models, sources, album)
    limits = [model.network.decoder.limit for model in models if model.network.decoder.limit]
    lengths = [first.reading.positions_of(one) for one in arrays]
    longest = [min([length_limit(first, one, settings), *limits]) for one in lengths]
    seeds = [source_seed(one) for one in arrays] if settings.sample else [0] * len(arrays)
    requests = [Request(*one) for one in zip(arrays, lengths, longest, seeds, strict=True)]
    stepper = PlainStepper([model.network.decoder for model in models], begin(models), special(first))
    return Search(stepper, settings, rules(first, settings)).run(requests)


def length_limit(model: Author, length: int, settings: GenerateSettings) -> int:
    """The most tokens that an answer may have."""
    if settings.max_length != "auto":
        return int(settings.max_length)
    return math.ceil(model.stretch * length) + model.slack


def begin(models: Sequence[Author]) -> Callable[[Sequence[np.ndarray], int, int], tuple[State, ...]]:
    """How the search has sources read."""

    @torch.inference_mode()
    def read(arrays: Sequence[np.ndarray], beams: int, room: int) -> tuple[State, ...]:
        batch = batch_of(models[0].reading, arrays)
        states = []
        for model in models:
            device = model.network.decoder.tokens.table.weight.device
            memory = model.network.read(batch["source"].to(device), batch["lengths"].to(device))
            states.append(model.network.decoder.start(memory, rows=len(arrays) * beams, room=room))
        return tuple(states)

    return read


def rules(model: Author, settings: GenerateSettings) -> Rules:
    """The request's rules, whose texts are read with the target's tokenizer."""
    target = model.target
    return rules_of(settings, special(model), target.encode, target.decode, target.size, model.scores == "symbols")


def special(model: Author) -> SpecialIds:
    """The ids that a search must know."""
    marks = model.target.special_tokens
    return SpecialIds(marks.begin, marks.end, marks.suppressed)


def shown(model: Author, source: str, hypothesis: Hypothesis, stops: Sequence[str] = ()) -> Answer:
    """A hypothesis as people read it, up to what stopped it."""
    unknown = model.reading.unknown(source)
    tokens = tuple(model.target.tokens(hypothesis.tokens))
    output = until(model.target.decode(hypothesis.tokens), stops)
    return Answer(source, output, hypothesis.score, hypothesis.normalised, tokens, hypothesis.complete, unknown)


def score(models: Sequence[Author], pairs: Sequence[tuple[str, str]]) -> list[float]:
    """The log probability of each (source, target), the end included, as the search would report it."""
    first = models[0]
    arrays = read_all(models, [source for source, _ in pairs])
    targets = first.target.encode_batch([normalize_text(target, first.normal_form) for _, target in pairs])
    lengths = np.array(
        [(first.reading.positions_of(one), len(other) + 1) for one, other in zip(arrays, targets, strict=True)]
    )
    found = np.zeros(len(pairs))
    decoders, read, marked = [model.network.decoder for model in models], begin(models), special(first)
    for rows in batching.order_for_inference(lengths, GenerateSettings().batch_tokens) if pairs else ():
        found[rows] = log_probability(
            decoders, read([arrays[row] for row in rows], 1, 0), [targets[row] for row in rows], marked
        )
    return found.tolist()


def read_all(models: Sequence[Author], sources: Sequence[str], album: Album | None = None) -> list[np.ndarray]:
    """Sources as arrays, for networks that from now on answer rather than learn."""
    first = models[0]
    for model in models:
        model.network.eval()
    if first.reading.positions:
        return first.reading.arrays(sources, album)
    arrays = first.reading.arrays(sources)
    refuse_long(sources, arrays, [model.network.encoder.limit for model in models])
    return arrays


def together(one: Author, other: Author) -> bool:
    """Whether two authors can answer together: they read and write the same."""
    return one.reading.same_as(other.reading) and one.target.dump() == other.target.dump()


def given(model: Author) -> Given:
    """What goes with an author's weights."""
    return replace(pretrained_of(model.reading), written=model.target, plan=model.plan)


def config(model: Author) -> dict[str, Any]:
    """What `load` must know beside the weights and the tokenizers."""
    about = {key: getattr(model, key) for key in ("shared", "scores", "stretch", "slack", "normal_form")}
    return {"network": asdict(model.settings)} | about | model.reading.config() | kept(model.plan)


def save(model: Author, folder: Path) -> None:
    """Writes the tokenizers; the caller writes config and weights."""
    read = model.reading.coder
    if isinstance(read, Tokenizer):
        read.save(folder / ("tokenizer.json" if model.shared else "source.tokenizer.json"))
    if not model.shared:
        model.target.save(folder / "target.tokenizer.json")


def load(config: dict[str, Any], folder: Path) -> Author:
    """The author of a folder, with weights still to be put in."""
    shared, settings = config["shared"], parse_settings(NetworkSettings, config["network"])
    read = load_reading(config, folder / ("tokenizer.json" if shared else "source.tokenizer.json"))
    target = read.tokenizer if shared else load_tokenizer(folder / "target.tokenizer.json")
    about = {key: config[key] for key in ("shared", "scores", "stretch", "slack", "normal_form")}
    plan = planned(config)
    network = build(plan, EncoderDecoder) if plan else made(settings, read, target, shared)
    return Author(network, settings, read, target, **about, plan=plan)


def manifest(model: Author, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
    """What one must know beside exported graphs; an answer may have `stretch` tokens for each position of the source
    and `slack` more, but no more than `limit`.
    """
    fixed = settings.max_length
    stretch, slack = (model.stretch, model.slack) if fixed == "auto" else (0.0, fixed)
    return {
        "source": describe_source(model.reading, folder),
        "target": describe_tokenizer(model.target, folder, "target"),
        "normal_form": model.normal_form,
        **describe_special(special(model)),
        "stretch": stretch,
        "slack": slack,
        "limit": model.network.decoder.limit,
    }


def graphs(model: Author, lengths: Sequence[int]) -> list[Graph]:
    """The graphs of the network for ONNX, with made-up sources of these lengths."""
    return writer_graphs(model.network, *made_up_sources(model.reading, lengths, model.network.encoder.limit))


def writing_limits(model: Author, search: GenerateSettings) -> dict[str, Any]:
    """Keys of generation_config.json that say how an answer begins, and how long it may be."""
    length = model.slack + 1 if model.stretch == 0 else POSITIONS
    return {"decoder_start_token_id": model.target.special_tokens.begin, "num_beams": search.beam, "max_length": length}
