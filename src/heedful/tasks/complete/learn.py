"""complete, text from nothing: how a text goes on. GPT, or any decoder that needs no source.

N rows   T positions   D width
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from heedful.blocks.attention.masks import up_to
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
from heedful.engines.onnx_graphs import Graph, alone_graph
from heedful.engines.plain import log_probabilities
from heedful.metrics.counts import PRIMARY, Kind
from heedful.metrics.ngrams import KneserNey
from heedful.metrics.scores import evaluate as measure
from heedful.networks.build import Spec
from heedful.networks.joins import LanguageModel
from heedful.results import Alignment, Answer, Example, Exhibits, Findings, Measure, Scores
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings, Recipe, parse_settings
from heedful.tasks import language as passages
from heedful.tasks.attention_maps import TO_ITSELF, maps_of
from heedful.tasks.complete.ask import LONGEST, Continuer, answer, beginning, continued, prompts, special
from heedful.tasks.language import DocumentPieces, Passage, opened
from heedful.tasks.manifests import describe_special, describe_tokenizer
from heedful.tasks.plans import begun, kept, planned
from heedful.tasks.plans import build as build_network
from heedful.tasks.pretrained import Given
from heedful.training import decide as defaults
from heedful.training.loop import Work

__all__ = ["answer", "opened", "prompts"]

SAMPLED = {"sample": True, "temperature": 0.8, "beam": 1}
"""What Generate means for continuations where the recipe does not say otherwise."""
DRAWN = 24  # tokens of an answer that are explained
ORDERS = {"characters": 6, "symbols": 3}
"""Of the n-grams that the baseline counts, by what a token is; 4 for pieces of words."""


def given(model: Continuer) -> Given:
    """What goes with a continuer's weights."""
    return Given(written=model.tokenizer, plan=model.plan)


def prepare(recipe: Recipe, folder: Path, say: Callable[[str], None], start: Given | None = None) -> PreparedDocuments:
    """The recipe's documents under `folder`; with the tokenizer of `start`, if its weights are the beginning."""
    return prepare_data(DocumentKind(start.written if start else None), recipe, folder, say, defaults)


def inherited(before: Recipe, start: Given) -> dict[str, object]:
    """Data settings that are taken over from where weights come from."""
    return passages.inherited(before)


def resolve(recipe: Recipe) -> Recipe:
    """The recipe with what can be decided before the data are seen."""
    return passages.resolve(recipe).with_defaults("generate", SAMPLED)


def fitted(recipe: Recipe, prepared: PreparedDocuments) -> Recipe:
    """The recipe with what the data decide: nothing here."""
    return recipe


def build(recipe: Recipe, prepared: PreparedDocuments, start: Given | None = None) -> Continuer:
    """A continuer with fresh weights, which the recipe's seed decides."""
    torch.manual_seed(recipe.seed)
    plan = begun(start, "complete", recipe.network)
    network = build_network(plan or Spec("decoder", recipe.network, outputs=prepared.tokenizer.size), LanguageModel)
    ends, form = passages.ends_of(prepared), recipe.data.normalize
    return Continuer(network, recipe.network, prepared.tokenizer, recipe.data.window, ends, form, plan)


def work(model: Continuer, prepared: PreparedDocuments, recipe: Recipe) -> Work:
    """What the loop needs."""
    pieces = DocumentPieces(prepared.train, model.window, recipe.seed, ahead=True)
    valid = batching.sample(windows(model, prepared.valid), recipe.train.valid_limit, recipe.seed)

    def score() -> dict[str, float]:
        measures = scored([model], valid, recipe.generate, samples=0).measures
        return {name: one.value for name, one in measures.items()}

    return Work(
        network=model.network,
        plan=lambda epoch: pieces.plan(int(recipe.train.batch_tokens), epoch),
        collate=Collate(pieces),
        loss=Loss(recipe.train.label_smoothing),
        score=score,
        primary=PRIMARY[kind(model)],
        higher_is_better=False,
        where=pieces.where,
    )


def kind(model: Continuer) -> Kind:
    """How answers are scored."""
    return "passages"


def together(one: Continuer, other: Continuer) -> bool:
    """Whether two continuers can write together: they have the same tokens."""
    return one.tokenizer.dump() == other.tokenizer.dump() and one.ends == other.ends


@dataclass(frozen=True)
class Collate:
    """Rows of pieces -> a batch: tokens, those behind them, and how many each row has."""

    pieces: DocumentPieces

    def __call__(self, rows: Rows) -> Batch:
        return ahead(self.pieces.tokens(rows))


def ahead(rows: Sequence[np.ndarray]) -> Batch:
    """Each token of a row beside the next one."""
    inputs, steps = padded([row[:-1] for row in rows])
    targets, _ = padded([row[1:] for row in rows])
    return Batch({"inputs": inputs, "targets": targets, "steps": steps})


@dataclass(frozen=True)
class Loss:
    """Cross entropy, summed over real tokens. What stands behind the end of a row changes nothing before it."""

    smoothing: float

    def __call__(self, network: LanguageModel, batch: Batch) -> tuple[Tensor, int]:
        outputs = network(batch["inputs"])
        real = up_to(batch["steps"], outputs.size(1))
        targets, decoder = batch["targets"][real], network.decoder
        return cross_entropy(outputs[real], decoder.logits, targets, decoder.vocabulary, self.smoothing), len(targets)


def windows(model: Continuer, examples: Sequence[Example]) -> list[Passage]:
    """The passages that documents are scored by."""
    return list(passages.passages(examples, model.tokenizer, model.window, ahead=True, whole=model.ends))


@torch.inference_mode()
def surprise(models: Sequence[Continuer], rows: Sequence[np.ndarray], settings: GenerateSettings) -> list[np.ndarray]:
    """Minus the log probability of each token of each row but the first, which is given."""
    found, lengths = [np.zeros(0)] * len(rows), np.array([len(row) - 1 for row in rows])
    decoders = [model.network.eval().decoder for model in models]
    device = decoders[0].tokens.table.weight.device
    for some in batching.order_for_inference(lengths, settings.batch_tokens) if len(rows) else ():
        batch = ahead([rows[row] for row in some]).to(device)
        outputs = [model.network(batch["inputs"], batch["steps"]) for model in models]
        real = up_to(batch["steps"], outputs[0].size(1))
        gained = torch.zeros(real.shape, dtype=torch.double, device=device)
        right = batch["targets"][real]
        gained[real] = log_probabilities(decoders, [one[real] for one in outputs], right).double()
        for row, one in zip(some, -gained.cpu().numpy(), strict=True):
            found[row] = one[: lengths[row]]
    return found


def score(models: Sequence[Continuer], pairs: Sequence[tuple[str, str]]) -> list[float]:
    """The log probability of each (text, how it goes on), without an end; raises HeedfulError if it is too long."""
    first, rows, begins = models[0], [], []
    for text, rest in pairs:
        before = beginning(first, text)
        row = [*before, *passages.asked(rest, first.tokenizer, first.normal_form)]
        if first.limit and len(row) - 1 > first.limit:
            raise passages.too_long(text + rest, len(row) - 1, first.limit, "Score a shorter one.")
        rows.append(np.array(row))
        begins.append(len(before))
    found = surprise(models, rows, GenerateSettings())
    return [float(-one[begin - 1 :].sum()) for one, begin in zip(found, begins, strict=True)]


def examples(
    model: Continuer, files: Sequence[str], data: DataSettings, on_bad: Callable[[BadRow], None]
) -> list[Example]:
    """The documents of these files."""
    return document_preparing.examples(files, data, on_bad)


def evaluate(
    models: Sequence[Continuer],
    examples: Sequence[Example],
    settings: GenerateSettings,
    *,
    samples: int = 1000,
    prepared: PreparedDocuments | None = None,
) -> Scores:
    """How surprised models are by documents, window by window; the interval is over windows."""
    return scored(models, windows(models[0], examples), settings, samples=samples)


def scored(models: Sequence[Continuer], some: Sequence[Passage], settings: GenerateSettings, *, samples: int) -> Scores:
    """The scores of passages."""
    return told(some, surprise(models, [one.ids for one in some], settings), samples)


def told(some: Sequence[Passage], found: Sequence[np.ndarray], samples: int) -> Scores:
    """Scores of passages from how surprising each of their tokens was."""
    nats = [float(one.sum()) for one in found]
    outputs = [f"{value:.6f}" for value in nats]
    references = [(f"{len(one.ids) - 1} {one.characters:.6f}",) for one in some]
    return measure(
        "passages", [one.text for one in some], outputs, references, samples=samples, logs=[-one for one in nats]
    )


def baseline(
    model: Continuer, prepared: PreparedDocuments, examples: Sequence[Example]
) -> tuple[str, dict[str, Measure]]:
    """What counting can say: interpolated Kneser-Ney over the same tokens and windows."""
    order = ORDERS.get(model.tokenizer.kind, 4)
    rows, part = passages.counted(prepared)
    some = windows(model, examples)
    found = KneserNey(rows, order, model.tokenizer.size).surprise([one.ids for one in some])
    return f"{order}-grams, Kneser-Ney{part}", told(some, found, samples=0).measures


def explain(model: Continuer, text: str, output: str | None, settings: GenerateSettings) -> Alignment:
    """What each token that goes on with `text` looked at in it, and in what was said before.

    `output` is what is to be explained in place of the model's own answer, of which as much as can be drawn is taken.
    Raises HeedfulError for more tokens than the network reads at once.
    """
    before, tokenizer = beginning(model, text), model.tokenizer
    if output is None:
        room = DRAWN if model.limit is None else min(DRAWN, model.limit - len(before) + 1)
        own = replace(settings, max_length=max(1, room), n_best=1, long_prompt="error")
        [[(whole, last)]] = continued([model], [text], own)
        said = [*whole.said, *([tokenizer.special_tokens.end] if last.complete and model.ends else [])][:DRAWN]
    else:
        said = passages.asked(output, tokenizer, model.normal_form)
    read = [*before, *said[:-1]]
    if model.limit and len(read) > model.limit:
        raise passages.too_long(text + (output or ""), len(read), model.limit, "Explain a shorter one.")
    rows = range(len(before) - 1, len(read))
    looked = maps_of(model.network, padded([np.array(read)])[:1], TO_ITSELF, rows)
    return Alignment(tuple(tokenizer.tokens(read)), tuple(tokenizer.tokens(said)), looked)


def check(recipe: Recipe) -> Findings:
    """Looks at the documents before training: bad rows, repeated ones, leaks, odd characters."""
    return check_documents(recipe.data)


def config(model: Continuer) -> dict[str, Any]:
    """What `load` must know beside the weights and the tokenizer."""
    about = {key: getattr(model, key) for key in ("window", "ends", "normal_form")}
    return {"network": asdict(model.settings)} | about | kept(model.plan)


def save(model: Continuer, folder: Path) -> None:
    """Writes the tokenizer; the caller writes config and weights."""
    model.tokenizer.save(folder / "tokenizer.json")


def load(config: dict[str, Any], folder: Path) -> Continuer:
    """The continuer of a folder, with weights still to be put in."""
    settings, tokenizer = parse_settings(NetworkSettings, config["network"]), load_tokenizer(folder / "tokenizer.json")
    about = {key: config[key] for key in ("window", "ends", "normal_form")}
    plan = planned(config)
    network = build_network(plan or Spec("decoder", settings, outputs=tokenizer.size), LanguageModel)
    return Continuer(network, settings, tokenizer, **about, plan=plan)


SHOWN = 24  # prompts that a report shows continuations of


def exhibits(models: Sequence[Continuer], scores: Scores, settings: GenerateSettings) -> Exhibits:
    """What a report shows beside the numbers: how a few texts go on."""
    asked = prompts(models[0], [case.source for case in scores.cases[:SHOWN]])
    return Exhibits("passages", answers=[one for found in answer(models, asked, settings) for one in found])


def stream(
    models: Sequence[Continuer], text: str, settings: GenerateSettings, tell: Callable[[str], object]
) -> list[list[Answer]]:
    """How a text goes on, given out while it is written."""
    return answer(models, [text], settings, tell)


def manifest(model: Continuer, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
    """What one must know beside exported graphs: `prompted`, behind the token that begins; for `slack` tokens, if
    `limit` allows.
    """
    marks, fixed = model.tokenizer.special_tokens, settings.max_length
    return {
        "target": describe_tokenizer(model.tokenizer, folder, "target"),
        "normal_form": model.normal_form,
        **describe_special(special(model)),
        "prompted": model.ends and marks.prompted,
        "slack": LONGEST if fixed == "auto" else fixed,
        "limit": model.limit,
    }


def graphs(model: Continuer, lengths: Sequence[int]) -> list[Graph]:
    """The graph of the network for ONNX."""
    return [alone_graph(model.network, len(lengths))]
