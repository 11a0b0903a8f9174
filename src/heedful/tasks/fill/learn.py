"""fill, words left out of a text: what stands in the gaps, by a network that sees both sides of them. BERT.

N rows   S positions   D width   V vocabulary   G gaps
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from heedful.blocks.loss import cross_entropy
from heedful.data import batching
from heedful.data.batch import Batch, padded
from heedful.data.batching import Rows
from heedful.data.documents import prepared as document_preparing
from heedful.data.documents.check import check_documents
from heedful.data.documents.kind import DocumentKind
from heedful.data.documents.prepared import PreparedDocuments
from heedful.data.prepare import prepare as prepare_data
from heedful.data.readers.rows import BadRow
from heedful.data.tokenizers.load import load_tokenizer
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.engines.onnx_graphs import Graph, filler_graph
from heedful.metrics.bootstrap import interval
from heedful.metrics.counts import PRIMARY, Kind
from heedful.metrics.ngrams import Between
from heedful.metrics.passages import perplexity_counts
from heedful.metrics.scores import evaluate as measure
from heedful.networks.build import Spec
from heedful.networks.joins import MaskedLanguageModel
from heedful.results import Alignment, Example, Findings, Measure, Scores
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings, NormalForm, Recipe, parse_settings
from heedful.tasks import language as passages
from heedful.tasks.attention_maps import TO_ITSELF, maps_of
from heedful.tasks.fill.ask import Guesser, answer, best, guesses, prompts, refuse_long, score, windows
from heedful.tasks.fill.masks import GAP, LEADING, LEAST, Gapped, Gaps, asked, ends_inside, shown_gaps
from heedful.tasks.language import DocumentPieces, opened
from heedful.tasks.made_up import made_up_texts
from heedful.tasks.manifests import describe_tokenizer
from heedful.tasks.plans import begun, kept, planned
from heedful.tasks.plans import build as build_network
from heedful.tasks.pretrained import Given
from heedful.training import decide as defaults
from heedful.training.loop import Work

__all__ = ["answer", "opened", "prompts", "score"]

AT_ONCE = 64  # windows whose probabilities are held at once


def given(model: Guesser) -> Given:
    """What goes with a guesser's weights."""
    return Given(words=model.tokenizer, plan=model.plan)


def prepare(recipe: Recipe, folder: Path, say: Callable[[str], None], start: Given | None = None) -> PreparedDocuments:
    """The recipe's documents under `folder`; with the tokenizer of `start`, if its weights are the beginning."""
    return prepare_data(DocumentKind(start.words if start else None), recipe, folder, say, defaults)


def inherited(before: Recipe, start: Given) -> dict[str, object]:
    """Data settings that are taken over from where weights come from."""
    return passages.inherited(before)


def resolve(recipe: Recipe) -> Recipe:
    """The recipe with what can be decided before the data are seen."""
    return passages.resolve(recipe)


def fitted(recipe: Recipe, prepared: PreparedDocuments) -> Recipe:
    """The recipe with what the data decide: nothing here."""
    return recipe


def advice(recipe: Recipe, prepared: PreparedDocuments) -> str:
    """What would learn sooner than a network that has to find out first which places are neighbours; docs/log.md."""
    if recipe.network.positions != "learned":
        return ""
    return (
        f"{recipe.network.name} learns its places, and takes thousands of steps until a gap is told by its neighbours; "
        "network.positions=rotary network.norm=pre learns much sooner, and so does --network gru"
    )


def build(recipe: Recipe, prepared: PreparedDocuments, start: Given | None = None) -> Guesser:
    """A guesser with fresh weights, which the recipe's seed decides."""
    torch.manual_seed(recipe.seed)
    gaps = Gaps(recipe.train.mask, recipe.train.whole_words, prepared.tokenizer.special_tokens)
    about = (recipe.data.window, passages.ends_of(prepared), gaps, recipe.data.normalize)
    plan = begun(start, "fill", recipe.network)
    if plan:
        return Guesser(build_network(plan, MaskedLanguageModel), recipe.network, prepared.tokenizer, *about, plan)
    return made(recipe.network, prepared.tokenizer, *about)


def made(
    settings: NetworkSettings, tokenizer: Tokenizer, window: int, ends: bool, gaps: Gaps, form: NormalForm
) -> Guesser:
    """A guesser of resolved settings; a gap has an entry of its own in the vocabulary."""
    network = build_network(Spec("encoder_tokens", settings, outputs=tokenizer.size + 1), MaskedLanguageModel)
    return Guesser(network, settings, tokenizer, window, ends, gaps, form)


def work(model: Guesser, prepared: PreparedDocuments, recipe: Recipe) -> Work:
    """What the loop needs."""
    pieces = DocumentPieces(prepared.train, model.window, recipe.seed, ahead=False)
    valid = batching.sample(windows(model, prepared.valid), recipe.train.valid_limit, recipe.seed)

    def score() -> dict[str, float]:
        measures = scored([model], valid, recipe.generate, samples=0).measures
        return {name: one.value for name, one in measures.items()}

    return Work(
        network=model.network,
        plan=lambda epoch: pieces.plan(int(recipe.train.batch_tokens), epoch),
        collate=Collate(pieces, model.gaps, model.tokenizer.size, ends_inside(model.tokenizer, model.gaps)),
        loss=Loss(recipe.train.label_smoothing),
        score=score,
        primary=PRIMARY[kind(model)],
        higher_is_better=True,
        where=pieces.where,
    )


def kind(model: Guesser) -> Kind:
    """How answers are scored."""
    return "gaps"


def together(one: Guesser, other: Guesser) -> bool:
    """Whether two guessers can answer together: they have the same tokens."""
    return one.tokenizer.dump() == other.tokenizer.dump() and one.ends == other.ends


@dataclass(frozen=True)
class Collate:
    """Rows of pieces -> a batch: what is read, what stood there, and where that is asked for.

    The gaps of a piece hang on the seed, the epoch and its row: on nothing else.
    """

    pieces: DocumentPieces
    gaps: Gaps
    size: int
    inside: np.ndarray

    def __call__(self, rows: Rows) -> Batch:
        texts, seeds = self.pieces.tokens(rows), self.pieces.seeds(rows)
        marks = [self.gaps.places(ids, self.inside, seed) for ids, seed in zip(texts, seeds, strict=True)]
        read = [
            self.gaps.spoilt(ids, mark, self.size, seed) for ids, mark, seed in zip(texts, marks, seeds, strict=True)
        ]
        source, lengths = padded(read)
        targets, _ = padded(texts)
        asked_for, _ = padded(marks)
        return Batch({"source": source, "lengths": lengths, "targets": targets, "gaps": asked_for.bool()})


@dataclass(frozen=True)
class Loss:
    """Cross entropy, summed over the gaps."""

    smoothing: float

    def __call__(self, network: MaskedLanguageModel, batch: Batch) -> tuple[Tensor, int]:
        outputs, gaps = network(batch["source"], batch["lengths"]), batch["gaps"]
        targets = batch["targets"][gaps]
        return cross_entropy(outputs[gaps], network.logits, targets, network.vocabulary, self.smoothing), len(targets)


def examples(
    model: Guesser, files: Sequence[str], data: DataSettings, on_bad: Callable[[BadRow], None]
) -> list[Example]:
    """The documents of these files."""
    return document_preparing.examples(files, data, on_bad)


def evaluate(
    models: Sequence[Guesser],
    examples: Sequence[Example],
    settings: GenerateSettings,
    *,
    samples: int = 1000,
    prepared: PreparedDocuments | None = None,
) -> Scores:
    """How often gaps in documents are filled with what stood there; the interval is over windows."""
    return scored(models, windows(models[0], examples), settings, samples=samples)


def scored(models: Sequence[Guesser], some: Sequence[Gapped], settings: GenerateSettings, *, samples: int) -> Scores:
    """The scores of windows with gaps."""
    tokenizer, right, said = models[0].tokenizer, [], []
    # one window after another: the probabilities of all of them at once would fill the memory
    for low in range(0, len(some), AT_ONCE):
        part = some[low : low + AT_ONCE]
        for one, shares in zip(part, guesses(models, part, settings), strict=True):
            said.append(best(shares, tokenizer, 1)[:, 0])
            right.append(shares[np.arange(len(one.truth)), one.truth])
    return told(tokenizer, some, said, right, samples)


def told(
    tokenizer: Tokenizer,
    some: Sequence[Gapped],
    said: Sequence[np.ndarray],
    right: Sequence[np.ndarray],
    samples: int,
) -> Scores:
    """Scores of what was said at the gaps, given how likely what stood there was taken to be."""
    outputs, references = (
        ["\t".join(shown_gaps(tokenizer, one)) for one in ids] for ids in (said, [one.truth for one in some])
    )
    nats = np.array([-np.log(np.maximum(one, LEAST)).sum() for one in right])
    sources = [one.text(tokenizer) for one in some]
    scores = measure("gaps", sources, outputs, [(one,) for one in references], samples=samples, logs=(-nats).tolist())
    perplexity = interval(perplexity_counts(nats, np.array([len(one.truth) for one in some])), samples)
    return replace(scores, measures=scores.measures | {perplexity.name: perplexity})


def baseline(
    model: Guesser, prepared: PreparedDocuments, examples: Sequence[Example]
) -> tuple[str, dict[str, Measure]]:
    """What counting can say of a gap from the tokens on both sides of it."""
    rows, part = passages.counted(prepared)
    between = Between(rows, model.tokenizer.size + 1)
    some, said, right = windows(model, examples), [], []
    for one in some:
        padded = np.concatenate([[-1], one.ids, [-1]])
        places = np.flatnonzero(one.gaps) + 1
        shares = np.stack([between.probabilities(int(padded[at - 1]), int(padded[at + 1])) for at in places])
        said.append(best(shares, model.tokenizer, 1)[:, 0])
        right.append(shares[np.arange(len(one.truth)), one.truth])
    return f"both neighbours, counted{part}", told(model.tokenizer, some, said, right, samples=0).measures


def explain(model: Guesser, text: str, output: str | None, settings: GenerateSettings) -> Alignment:
    """What each gap of `text` looked at; it is called by the guess at it, or by what `output` has there.

    Raises HeedfulError as `answer` and `score` do.
    """
    tokenizer, one = model.tokenizer, asked(text, model.tokenizer, model.normal_form, model.ends)
    refuse_long([model], text, one)
    if output is None:
        said = best(guesses([model], [one], settings)[0], tokenizer, 1)[:, 0].tolist()
    else:
        said = one.filled(text, output, tokenizer)
    looked = maps_of(model.network, padded([one.ids]), TO_ITSELF, np.flatnonzero(one.gaps).tolist())
    read = [GAP if gap else token for token, gap in zip(tokenizer.tokens(one.ids), one.gaps, strict=True)]
    return Alignment(tuple(read), tuple(shown_gaps(tokenizer, np.array(said))), looked)


def check(recipe: Recipe) -> Findings:
    """Looks at the documents before training: bad rows, repeated ones, leaks, odd characters."""
    return check_documents(recipe.data)


def config(model: Guesser) -> dict[str, Any]:
    """What `load` must know beside the weights and the tokenizer."""
    about = {key: getattr(model, key) for key in ("window", "ends", "normal_form")}
    gaps = {"share": model.gaps.share, "words": model.gaps.words}
    return {"network": asdict(model.settings), "gaps": gaps} | about | kept(model.plan)


def save(model: Guesser, folder: Path) -> None:
    """Writes the tokenizer; the caller writes config and weights."""
    model.tokenizer.save(folder / "tokenizer.json")


def load(config: dict[str, Any], folder: Path) -> Guesser:
    """The guesser of a folder, with weights still to be put in."""
    settings, tokenizer = parse_settings(NetworkSettings, config["network"]), load_tokenizer(folder / "tokenizer.json")
    gaps = Gaps(**config["gaps"], marks=tokenizer.special_tokens)
    about, plan = (config["window"], config["ends"], gaps, config["normal_form"]), planned(config)
    if plan is None:
        return made(settings, tokenizer, *about)
    return Guesser(build_network(plan, MaskedLanguageModel), settings, tokenizer, *about, plan)


def manifest(model: Guesser, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
    """What one must know beside exported graphs, and which entries of the vocabulary fill no gap.

    `leads`: the blank before a gap is the gap's own.
    """
    words = model.tokenizer
    marks, entries = words.special_tokens, model.network.vocabulary
    around = {"before": [marks.begin], "after": [marks.end]} if model.ends else {"before": [], "after": []}
    return {
        "source": describe_tokenizer(words, folder, "source") | around,
        "normal_form": model.normal_form,
        "gap": {"text": GAP, "token": words.mask, "leads": words.kind in LEADING},
        "never": sorted({*marks.skipped, *range(words.size, entries)}),
        "limit": model.limit,
    }


def graphs(model: Guesser, lengths: Sequence[int]) -> list[Graph]:
    """The graph of the network for ONNX, with made-up texts of these lengths."""
    network = model.network
    return [filler_graph(network, made_up_texts(network.vocabulary, lengths, network.encoder.limit))]
