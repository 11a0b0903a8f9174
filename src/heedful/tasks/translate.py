"""translate, many to many: a text in, a text out. Spelling to sounds, one language to another, any pairs.

N sources   S source positions   T target positions
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from heedful.blocks.attention.masks import up_to
from heedful.blocks.loss import cross_entropy
from heedful.blocks.recording import record
from heedful.blocks.state import State
from heedful.data import batching
from heedful.data import text as data
from heedful.data.check import check_pairs
from heedful.data.pairs import normalised
from heedful.data.tokenizers import BOS, EOS, PAD, UNK, Tokenizer
from heedful.errors import HeedfulError
from heedful.generation.rules import Rules, Special, rules_of
from heedful.generation.score import score as log_probability
from heedful.generation.search import Hypothesis, Job, Search
from heedful.metrics import baselines
from heedful.metrics.text import evaluate as measure
from heedful.networks.joins import EncoderDecoder, encoder_decoder
from heedful.networks.lineage import learning_rate
from heedful.networks.lineage import resolve as resolve_network
from heedful.results import Alignment, Answer, Example, Findings, Measure, Scores
from heedful.sections import Generate, Network, Recipe
from heedful.training.loop import Batch, Work

SPECIAL = Special(BOS, EOS, never=(PAD, BOS, UNK))
SLACK = 10  # tokens that an answer may have beyond what the training pairs' lengths suggest


@dataclass(frozen=True)
class Translator:
    """A network with what it takes to read and write text.

    `stretch` is how much longer than sources targets are at the most (one pair in a thousand is beyond it).
    """

    network: EncoderDecoder
    source: Tokenizer
    target: Tokenizer
    settings: Network
    shared: bool
    scores: Literal["symbols", "text"]
    stretch: float
    normal_form: Literal["none", "NFC"]


def prepare(recipe: Recipe, folder: Path, say: Callable[[str], None], start: Translator | None) -> data.Prepared:
    """The recipe's data under `folder`; with the tokenizers of `start`, if its weights are the beginning."""
    return data.prepare(recipe, folder, say, (start.source, start.target) if start else None)


def opened(folder: Path) -> data.Prepared | None:
    """The data that was prepared in a run's folder, if it is still there."""
    return data.opened(folder / "data") if (folder / "data" / "prepared.json").exists() else None


def resolve(recipe: Recipe) -> Recipe:
    """The recipe with the network's settings decided, and the learning rate that goes with them."""
    network, train = resolve_network(recipe.network), recipe.train
    if train.learning_rate == "auto":
        train = train.model_copy(update={"learning_rate": learning_rate(network)})
    return recipe.model_copy(update={"network": network, "train": train})


def build(recipe: Recipe, prepared: data.Prepared) -> Translator:
    """A translator with fresh weights, which the recipe's seed decides."""
    torch.manual_seed(recipe.seed)
    source, target = prepared.source, prepared.target
    shared = recipe.data.shared_tokenizer
    network = encoder_decoder(recipe.network, source.size, target.size, shared)
    lengths = np.asarray(prepared.train.lengths) + 1
    stretch = float(np.quantile(lengths[:, 1] / lengths[:, 0], 0.999))
    scores, form = prepared.default_scores, recipe.data.normalize
    return Translator(network, source, target, recipe.network, shared, scores, round(stretch, 3), form)


def work(model: Translator, prepared: data.Prepared, recipe: Recipe) -> Work:
    """What the loop needs."""
    valid = batching.sample(prepared.valid, recipe.train.valid_limit, recipe.seed)
    greedy = recipe.generate.model_copy(update={"beam": 1, "n_best": 1})
    best = primary(model)

    def score() -> dict[str, float]:
        measures = evaluate([model], valid, greedy, samples=0, ter=False).measures
        return {name: one.value for name, one in measures.items()}

    return Work(
        network=model.network,
        plan=lambda epoch: batching.plan(prepared.train.lengths, int(recipe.train.batch_tokens), recipe.seed, epoch),
        collate=Collate(prepared.train),
        loss=Loss(recipe.train.label_smoothing),
        score=score,
        primary=best,
        higher_is_better=best == "chrf",
        where=lambda rows: [prepared.train.where(int(row)) for row in rows],
    )


def primary(model: Translator) -> str:
    """The score that "best" goes by."""
    return "symbol_error" if model.scores == "symbols" else "chrf"


def together(one: Translator, other: Translator) -> bool:
    """Whether two translators can answer together: they read and write the same tokens."""
    return one.source.dump() == other.source.dump() and one.target.dump() == other.target.dump()


@dataclass(frozen=True)
class Collate:
    """Rows of the store -> a batch: source ids with </s>, the target behind <s>, and the target with </s>."""

    store: data.Store

    def __call__(self, rows: np.ndarray) -> Batch:
        pairs = [self.store[int(row)] for row in rows]
        source, lengths = batching.padded([np.append(one, EOS) for one, _ in pairs])
        inputs, steps = batching.padded([np.concatenate(([BOS], other)) for _, other in pairs])
        targets, _ = batching.padded([np.append(other, EOS) for _, other in pairs])
        return {"source": source, "lengths": lengths, "inputs": inputs, "targets": targets, "steps": steps}


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


def answer(models: Sequence[Translator], texts: Sequence[str], settings: Generate) -> list[list[Answer]]:
    """The n best answers to each text, by one translator or several together (they must share the vocabularies).

    Raises HeedfulError if a text is longer than a network can read.
    """
    first = models[0]
    ids = read_ids(models, texts)
    limits = [model.network.decoder.limit for model in models if model.network.decoder.limit]
    longest = [min([length_limit(first, len(one), settings), *limits]) for one in ids]
    jobs = [Job(len(one), limit, seed) for seed, (one, limit) in enumerate(zip(ids, longest, strict=True))]
    search = Search([m.network.decoder for m in models], begin(models, ids), SPECIAL, settings, rules(first, settings))
    return [
        [shown(first, text, one, hypothesis) for hypothesis in found]
        for text, one, found in zip(texts, ids, search.run(jobs), strict=True)
    ]


def length_limit(model: Translator, length: int, settings: Generate) -> int:
    """The most tokens that an answer may have."""
    if settings.max_length != "auto":
        return int(settings.max_length)
    return math.ceil(model.stretch * length) + SLACK


def begin(models: Sequence[Translator], ids: list[list[int]]) -> Callable[[Sequence[int], int, int], tuple[State, ...]]:
    """How the search has sources read."""

    @torch.inference_mode()
    def read(numbers: Sequence[int], beams: int, room: int) -> tuple[State, ...]:
        source, lengths = batching.padded([np.asarray(ids[number]) for number in numbers])
        states = []
        for model in models:
            device = model.network.embedding.table.weight.device
            memory = model.network.read(source.to(device), lengths.to(device))
            states.append(model.network.decoder.start(memory, rows=len(numbers) * beams, room=room))
        return tuple(states)

    return read


def rules(model: Translator, settings: Generate) -> Rules:
    """The request's rules, whose texts are read with the target's tokenizer."""
    target = model.target
    return rules_of(settings, SPECIAL, target.encode, target.decode, target.size, model.scores == "symbols")


def shown(model: Translator, text: str, ids: list[int], hypothesis: Hypothesis) -> Answer:
    """A hypothesis as people read it."""
    unknown = tuple(model.source.unknown(text)) if UNK in ids else ()
    tokens = tuple(model.target.tokens(hypothesis.tokens))
    output = model.target.decode(hypothesis.tokens)
    return Answer(text, output, hypothesis.score, hypothesis.normalised, tokens, hypothesis.complete, unknown)


def score(models: Sequence[Translator], pairs: Sequence[tuple[str, str]]) -> list[float]:
    """The log probability of each (source, target), the end included, as the search would report it."""
    first = models[0]
    ids = read_ids(models, [source for source, _ in pairs])
    targets = first.target.encode_batch([normalised(target, first.normal_form) for _, target in pairs])
    lengths = np.array([(len(one), len(other) + 1) for one, other in zip(ids, targets, strict=True)])
    found = np.zeros(len(pairs))
    decoders, read = [model.network.decoder for model in models], begin(models, ids)
    for rows in batching.order_for_inference(lengths, Generate().batch_tokens) if pairs else ():
        found[rows] = log_probability(decoders, read(rows.tolist(), 1, 0), [targets[row] for row in rows], SPECIAL)
    return found.tolist()


def read_ids(models: Sequence[Translator], texts: Sequence[str]) -> list[list[int]]:
    """Source ids with </s>, for networks that from now on answer rather than learn."""
    first = models[0]
    for model in models:
        model.network.eval()
    ids = [[*one, EOS] for one in first.source.encode_batch([normalised(text, first.normal_form) for text in texts])]
    refuse_long(models, texts, ids)
    return ids


def refuse_long(models: Sequence[Translator], texts: Sequence[str], ids: list[list[int]]) -> None:
    """Raises HeedfulError for the first source with more positions than a network has."""
    limits = [model.network.encoder.limit for model in models if model.network.encoder.limit]
    for text, one in zip(texts, ids, strict=True):
        if limits and len(one) > min(limits):
            raise HeedfulError(
                f"This text has {len(one):,} tokens; the network was made for {min(limits):,}: {text[:60]!r}…",
                "Shorten it, or train with network.positions=sinusoidal, which has no limit.",
            )


def evaluate(
    models: Sequence[Translator],
    examples: Sequence[Example],
    settings: Generate,
    *,
    samples: int = 1000,
    ter: bool = True,
) -> Scores:
    """Scores the 1-best answers to examples; the same in training (samples=0) and afterwards."""
    sources = [example.source for example in examples]
    best = [found[0] for found in answer(models, sources, settings.model_copy(update={"n_best": 1}))]
    lengths = [len(ids) for ids in models[0].source.encode_batch(sources)]
    references = [example.references for example in examples]
    outputs = [one.output for one in best]
    return measure(models[0].scores, sources, outputs, references, samples=samples, lengths=lengths, ter=ter)


def baseline(model: Translator, prepared: data.Prepared, examples: Sequence[Example]) -> tuple[str, dict[str, Measure]]:
    """What needs no network: the answer of the nearest training source (symbols), the source itself (text)."""
    sources = [example.source for example in examples]
    if model.scores == "text":
        name, outputs = "copy of the source", baselines.copy(sources)
    else:
        pairs = [prepared.train[row] for row in range(len(prepared.train))]
        nearest = baselines.Nearest(
            [model.source.decode(one) for one, _ in pairs], [model.target.decode(other) for _, other in pairs]
        )
        name, outputs = "nearest training source", nearest.answers(sources)
    references = [example.references for example in examples]
    return name, measure(model.scores, sources, outputs, references).measures


def explain(model: Translator, text: str, output: str) -> Alignment:
    """What each token of `output` looked at in `text`, from one teacher-forced call on the finished answer."""
    model.network.eval()
    source_ids, target_ids = [*model.source.encode(text), EOS], model.target.encode(output)
    source, lengths = batching.padded([np.asarray(source_ids)])
    inputs, _ = batching.padded([np.asarray([BOS, *target_ids])])
    with torch.inference_mode(), record(model.network) as maps:
        model.network(source, lengths, inputs)
    looked: dict[str, list[list[float]]] = {}
    for name, weights in maps.whole().items():
        if not name.endswith((".memory.weights", ".attention.weights")) or "self_attention" in name:
            continue
        name = name.removesuffix(".weights")
        heads = weights[0].tolist()  # H x T x S
        looked |= {name: heads[0]} if len(heads) == 1 else {f"{name}.head{n}": head for n, head in enumerate(heads)}
    return Alignment(
        (*model.source.tokens(source_ids[:-1]), "</s>"), (*model.target.tokens(target_ids), "</s>"), looked
    )


def check(recipe: Recipe) -> Findings:
    """Looks at the data before training: bad rows, leaks, odd lengths and characters."""
    valid = [] if recipe.data.valid == "auto" else recipe.data.valid
    return check_pairs(recipe.data.train, valid, recipe.data.test, recipe.data)


def config(model: Translator) -> dict[str, Any]:
    """What `load` must know beside the weights and the tokenizers."""
    return {
        "network": model.settings.model_dump(),
        "shared": model.shared,
        "scores": model.scores,
        "stretch": model.stretch,
        "normal_form": model.normal_form,
    }


def save(model: Translator, folder: Path) -> None:
    """Writes the tokenizers; the caller writes config and weights."""
    model.source.save(folder / ("tokenizer.json" if model.shared else "source.tokenizer.json"))
    if not model.shared:
        model.target.save(folder / "target.tokenizer.json")


def load(config: dict[str, Any], folder: Path) -> Translator:
    """The translator of a folder, with weights still to be put in."""
    shared = config["shared"]
    source = Tokenizer.load(folder / ("tokenizer.json" if shared else "source.tokenizer.json"))
    target = source if shared else Tokenizer.load(folder / "target.tokenizer.json")
    settings = Network.model_validate(config["network"])
    network = encoder_decoder(settings, source.size, target.size, shared)
    return Translator(
        network, source, target, settings, shared, config["scores"], config["stretch"], config["normal_form"]
    )
