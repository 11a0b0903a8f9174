"""How a trained masked language model is asked what stands at masks, and scored by what it takes masked tokens for.

N rows   S positions   V vocabulary   M masked positions   n answers
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heedful.data import batching
from heedful.data.documents import prepared as documents
from heedful.data.documents.prepared import PreparedDocuments
from heedful.data.documents.read import document_notes
from heedful.data.normal_form import normalize_text
from heedful.data.readers.rows import BadRow
from heedful.data.tokenizers.load import load_tokenizer
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.engines.reading import MaskedTokenEngine
from heedful.errors import for_each
from heedful.metrics.bootstrap import interval
from heedful.metrics.classes import SMALLEST_PROBABILITY
from heedful.metrics.counts import Kind
from heedful.metrics.ngrams import NeighbourNgrams
from heedful.metrics.passages import perplexity_counts
from heedful.metrics.scores import evaluate
from heedful.results import Answer, Example, Scores, Track
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings, NormalForm
from heedful.tasks import language
from heedful.tasks.answering import Answering
from heedful.tasks.fill.masks import (
    LEADING,
    MASK,
    MaskedText,
    Masking,
    ends_inside,
    format_tokens,
    join_parts,
    load_masking,
    mask_window,
    parse_masked,
)
from heedful.tasks.fill.whole_words import marks, offered
from heedful.tasks.long import Lengths, limit_of
from heedful.tasks.manifests import describe_tokenizer, plan_config

if TYPE_CHECKING:
    from heedful.engines.engine import Engine
    from heedful.hub import Plan

SAMPLE_TEXTS, PROMPTS, CONTEXT = 8, 100, 40  # texts and masks to show what a model does, and the characters beside each
AT_ONCE = 64  # windows whose probabilities are held at once


@dataclass(frozen=True)
class TrainedMaskedLanguageModel:
    """What says which tokens stand at masks, and what it takes to read texts with them.

    A masked token is read as the tokenizer's id for it. `window` tokens are read at once, as in training; `ends`:
    it has learnt where documents end.
    """

    engine: MaskedTokenEngine
    settings: NetworkSettings
    tokenizer: Tokenizer
    window: int
    ends: bool
    masking: Masking
    normal_form: NormalForm = "none"
    plan: "Plan | None" = None

    @property
    def limit(self) -> int | None:
        """The most tokens that it can read at once."""
        return language.limit_of(self.settings, self.window, writes=False)

    def parse(self, text: str) -> MaskedText:
        """A text with masks as people write it; raises HeedfulError if there is none."""
        return parse_masked(text, self.tokenizer, self.normal_form, self.ends)


class FillAnswering(Answering[PreparedDocuments, TrainedMaskedLanguageModel]):
    """How masked language models are asked; several give the mean of their probabilities."""

    known_by = "line"

    def answer(
        self, models: Sequence[TrainedMaskedLanguageModel], inputs: Sequence[str], settings: GenerateSettings
    ) -> list[list[Answer]]:
        """Each text with its masks filled: the likeliest token at each of them, then the next ones, n in all.

        An answer's track has the tokens and how likely each is. A text with more tokens than the network reads at once
        is read in windows around its masks. Raises HeedfulError for a text without a mask.
        """
        first = models[0]
        texts = for_each(first.parse, inputs)
        distributions = probabilities_by_windows(models, texts, settings)
        return [
            fill(first, source, text, values, settings)
            for source, text, values in zip(inputs, texts, distributions, strict=True)
        ]

    def score(self, models: Sequence[TrainedMaskedLanguageModel], pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The log probability of each (text with masks, the same text filled); raises HeedfulError if they do not
        fit.
        """
        first = models[0]
        texts = for_each(first.parse, [source for source, _ in pairs])
        distributions = probabilities_by_windows(models, texts, GenerateSettings())

        def score_row(row: int) -> float:
            return texts[row].log_probability(distributions[row], *pairs[row], first.tokenizer)

        return for_each(score_row, range(len(pairs)))

    def evaluate(
        self,
        models: Sequence[TrainedMaskedLanguageModel],
        examples: Sequence[Example],
        settings: GenerateSettings,
        *,
        samples: int = 1000,
        data: PreparedDocuments | None = None,
    ) -> Scores:
        """How often masked tokens of documents are told; the interval is over windows."""
        return score_windows(models, masked_windows(models[0], examples), settings, samples)

    def baseline(
        self, model: TrainedMaskedLanguageModel, data: PreparedDocuments, examples: Sequence[Example]
    ) -> tuple[str, Scores]:
        """What counting can say of a masked token from the tokens on both sides of it."""
        rows, part = language.baseline_rows(data)
        between = NeighbourNgrams(rows, model.tokenizer.size + 1)
        windows, likeliest, right = masked_windows(model, examples), list[np.ndarray](), list[np.ndarray]()
        for window in windows:
            padded = np.concatenate([[-1], window.ids, [-1]])
            positions = np.flatnonzero(window.masked) + 1
            values = np.stack([between.probabilities(int(padded[at - 1]), int(padded[at + 1])) for at in positions])
            likeliest.append(best_tokens(values, model.tokenizer, 1)[:, 0])
            right.append(values[np.arange(len(window.truth)), window.truth])
        scores = measure(model.tokenizer, windows, likeliest, right, samples=1000)
        return f"both neighbours, counted{part}", scores

    def kind(self, model: TrainedMaskedLanguageModel) -> Kind:
        return "gaps"

    def can_answer_together(self, model: TrainedMaskedLanguageModel, other: TrainedMaskedLanguageModel) -> bool:
        """Whether two can answer together: they have the same tokens."""
        return model.tokenizer.dump() == other.tokenizer.dump() and model.ends == other.ends

    def open_data(self, folder: Path) -> PreparedDocuments | None:
        return documents.open_run(folder)

    def examples(
        self,
        model: TrainedMaskedLanguageModel,
        files: Sequence[str],
        settings: DataSettings,
        on_bad: Callable[[BadRow], None],
    ) -> list[Example]:
        """The documents of these files."""
        return documents.examples(files, settings, on_bad)

    def contents(self, model: TrainedMaskedLanguageModel, examples: Sequence[Example]) -> Iterator[tuple[str, bytes]]:
        return language.contents(examples)

    def example_notes(
        self, model: TrainedMaskedLanguageModel, files: Sequence[str], settings: DataSettings
    ) -> list[str]:
        return document_notes(files, settings)

    def lengths(self, models: Sequence[TrainedMaskedLanguageModel], inputs: Sequence[str]) -> Lengths | None:
        limit = limit_of([model.limit for model in models])
        if limit is None:
            return None
        return Lengths(np.array([len(models[0].parse(text).ids) for text in inputs], np.int64), limit)

    def example_lengths(
        self, models: Sequence[TrainedMaskedLanguageModel], examples: Sequence[Example]
    ) -> Lengths | None:
        """Of documents, which are scored in windows."""
        first, limit = models[0], limit_of([model.limit for model in models])
        return language.document_lengths(examples, first.tokenizer, first.ends, ahead=False, limit=limit)

    def prompts(self, model: TrainedMaskedLanguageModel, texts: Sequence[str]) -> list[str]:
        """Texts with a mask, short enough to be read by the model and by people."""
        unmasked = [Example(text, ()) for text in texts[:SAMPLE_TEXTS] if MASK not in text]
        windows = [window.text(model.tokenizer) for window in masked_windows(model, unmasked)]
        around = CONTEXT if model.limit is None else min(CONTEXT, max(0, model.limit // 2 - 2))
        prompts: list[str] = []
        for before, mask, behind in (text.partition(MASK) for text in (*texts, *windows) if MASK in text):
            text = before[len(before) - min(around, len(before)) :] + mask + behind.partition(MASK)[0][:around]
            if model.limit is None or len(model.parse(text).ids) <= model.limit:
                prompts.append(text)
        return prompts[:PROMPTS]

    def config(self, model: TrainedMaskedLanguageModel) -> dict[str, Any]:
        fields = {"window": model.window, "ends": model.ends, "normal_form": model.normal_form}
        masking = {"share": model.masking.fraction, "words": model.masking.whole_words}
        return {"network": asdict(model.settings), "gaps": masking} | fields | plan_config(model.plan)

    def save(self, model: TrainedMaskedLanguageModel, folder: Path) -> None:
        model.tokenizer.save(folder / "tokenizer.json")

    def load(self, config: dict[str, Any], folder: Path, engine: "Engine") -> TrainedMaskedLanguageModel:
        settings, tokenizer = NetworkSettings(**config["network"]), load_tokenizer(folder / "tokenizer.json")
        fields = (config["window"], config["ends"], load_masking(config, tokenizer), config["normal_form"])
        return TrainedMaskedLanguageModel(engine.masked(), settings, tokenizer, *fields)

    def by_engine(self, model: TrainedMaskedLanguageModel, engine: "Engine") -> TrainedMaskedLanguageModel:
        return replace(model, engine=engine.masked())

    def manifest(self, model: TrainedMaskedLanguageModel, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
        """`never`: the entries of the vocabulary that fill no mask; `leads`: the blank before a mask is the masked
        token's own.
        """
        tokenizer = model.tokenizer
        special, entries = tokenizer.special_tokens, model.engine.vocabulary
        around = {"before": [special.begin], "after": [special.end]} if model.ends else {"before": [], "after": []}
        return {
            "source": describe_tokenizer(tokenizer, folder, "source") | around,
            "normal_form": model.normal_form,
            "gap": {"text": MASK, "token": tokenizer.mask, "leads": tokenizer.kind in LEADING},
            "never": sorted({*special.skipped, *range(tokenizer.size, entries)}),
            "limit": model.limit,
        }


def fill(
    model: TrainedMaskedLanguageModel, source: str, text: MaskedText, values: np.ndarray, settings: GenerateSettings
) -> list[Answer]:
    """A text with its masks filled in n ways, by the probabilities (M, V) of tokens."""
    tokenizer, answers = model.tokenizer, list[Answer]()
    parts = [normalize_text(part, model.normal_form) for part in text.parts]
    unknown = tuple(piece for part in parts for piece in tokenizer.unknown(part))
    for ids in best_fillings(tokenizer, text, values, settings).T:
        chosen = values[np.arange(len(ids)), ids]
        score = float(np.log(np.maximum(chosen, SMALLEST_PROBABILITY)).sum())
        texts = [tokenizer.decode([token]) for token in ids]
        words = tuple(
            text.strip() or tokenizer.tokens([token])[0] for text, token in zip(texts, ids.tolist(), strict=True)
        )
        track = Track(("probability",), words, tuple((float(value),) for value in chosen))
        if (
            settings.whole_words
        ):  # what begins a text, or stands behind a bracket, has no blank before it, but may be one
            texts = [
                word.lstrip(" ") or word if gap == "start" else word for word, gap in zip(texts, text.gaps, strict=True)
            ]
        output = join_parts(tokenizer, text.parts, behind_blanks(tokenizer, text, ids, texts))
        numbers = tuple(ids.tolist())
        mean = score / len(ids)
        answers.append(Answer(source, output, score, mean, words, unknown=unknown, track=track, ids=numbers))
    return answers


def refuse_long(models: Sequence[TrainedMaskedLanguageModel], source: str, text: MaskedText) -> None:
    """Raises HeedfulError if a model cannot read so long a text at once."""
    limit = limit_of([model.limit for model in models])
    if limit is not None and len(text.ids) > limit:
        raise language.length_error(source, len(text.ids), limit, "Shorten it around its gaps.")


def masked_windows(model: TrainedMaskedLanguageModel, examples: Sequence[Example]) -> list[MaskedText]:
    """The windows of documents with the masks that a model is scored by: the same ones for every model, always."""
    passages = language.passages(examples, model.tokenizer, model.window, ahead=False, ends=model.ends)
    inside = ends_inside(model.tokenizer, model.masking)
    windows = (mask_window(passage.ids, model.tokenizer, model.masking, inside) for passage in passages)
    return [window for window in windows if len(window.truth)]


def score_windows(
    models: Sequence[TrainedMaskedLanguageModel],
    windows: Sequence[MaskedText],
    settings: GenerateSettings,
    samples: int,
) -> Scores:
    """How often masked tokens of windows are told."""
    tokenizer, likeliest, right = models[0].tokenizer, list[np.ndarray](), list[np.ndarray]()
    # one part after another: the probabilities of all windows at once would fill the memory
    for low in range(0, len(windows), AT_ONCE):
        part = windows[low : low + AT_ONCE]
        for window, values in zip(part, probabilities(models, part, settings), strict=True):
            likeliest.append(best_tokens(values, tokenizer, 1)[:, 0])
            right.append(values[np.arange(len(window.truth)), window.truth])
    return measure(tokenizer, windows, likeliest, right, samples)


def measure(
    tokenizer: Tokenizer,
    windows: Sequence[MaskedText],
    likeliest: Sequence[np.ndarray],
    right: Sequence[np.ndarray],
    samples: int,
) -> Scores:
    """Scores of the likeliest tokens at masks, given the probabilities of the right ones."""
    outputs, references = (
        ["\t".join(format_tokens(tokenizer, ids)) for ids in rows]
        for rows in (likeliest, [window.truth for window in windows])
    )
    nats = np.array([-np.log(np.maximum(values, SMALLEST_PROBABILITY)).sum() for values in right])
    texts = [window.text(tokenizer) for window in windows]
    accepted = [(reference,) for reference in references]
    scores = evaluate("gaps", texts, outputs, accepted, samples=samples, logs=(-nats).tolist())
    perplexity = interval(perplexity_counts(nats, np.array([len(window.truth) for window in windows])), samples)
    return replace(scores, measures=scores.measures | {perplexity.name: perplexity})


def probabilities_by_windows(
    models: Sequence[TrainedMaskedLanguageModel], texts: Sequence[MaskedText], settings: GenerateSettings
) -> list[np.ndarray]:
    """As `probabilities`; of a text that is too long to be read at once, each mask in the window that it is most in the
    middle of.
    """
    limit = limit_of([model.limit for model in models])
    pieces = [(row, *piece) for row, text in enumerate(texts) for piece in text.pieces(limit)]
    values: list[list[np.ndarray]] = [[] for _ in texts]
    parts = probabilities(models, [piece for _, piece, _ in pieces], settings)
    for (row, _, asked), part in zip(pieces, parts, strict=True):
        values[row].append(part[asked])
    return [rows[0] if len(rows) == 1 else np.concatenate(rows) for rows in values]


def probabilities(
    models: Sequence[TrainedMaskedLanguageModel], texts: Sequence[MaskedText], settings: GenerateSettings
) -> list[np.ndarray]:
    """What each entry of the vocabulary gets at each mask: (M, V) for each text, in float64."""
    values: list[np.ndarray] = [np.zeros(0)] * len(texts)
    lengths = np.array([len(text.ids) for text in texts])
    for rows in batching.order_for_inference(lengths, settings.batch_tokens) if len(texts) else ():
        source, sizes = batching.pad([texts[row].ids for row in rows])
        masked, _ = batching.pad([texts[row].masked for row in rows])
        outputs = [model.engine(source, sizes, masked.astype(bool)).astype(np.float64) for model in models]
        ends = np.cumsum([len(texts[row].truth) for row in rows])
        for row, part in zip(rows, np.split(np.mean(outputs, axis=0), ends[:-1]), strict=True):
            values[row] = part
    return values


def behind_blanks(tokenizer: Tokenizer, text: MaskedText, ids: np.ndarray, words: Sequence[str]) -> list[str]:
    """Words in place of masks with the blank that is a token's own, which some decoders leave out of a first word."""
    leads = marks(tokenizer)[0][ids] & (tokenizer.kind in LEADING)
    return [
        f" {word}" if lead and gap != "start" and not word.startswith(" ") else word
        for word, lead, gap in zip(words, leads.tolist(), text.gaps, strict=True)
    ]


def best_fillings(
    tokenizer: Tokenizer, text: MaskedText, probabilities: np.ndarray, settings: GenerateSettings
) -> np.ndarray:
    """The likeliest tokens (M, n) to fill the masks of a text: whole words where such are asked for.

    Where fewer than n may fill some mask, there are so many; a mask that none may fill is filled by any.
    """
    if not settings.whole_words:
        return best_tokens(probabilities, tokenizer, settings.n_best)
    allowed = offered(tokenizer, text.gaps)
    allowed[:, [*tokenizer.special_tokens.skipped]] = False
    allowed[~allowed.any(1)] = True
    values = np.where(allowed, probabilities[:, : tokenizer.size], -1)
    return best_tokens(values, tokenizer, min(settings.n_best, int(allowed.sum(1).min())))


def best_tokens(probabilities: np.ndarray, tokenizer: Tokenizer, n: int) -> np.ndarray:
    """The likeliest tokens (M, n) that stand for text."""
    values = probabilities[:, : tokenizer.size].copy()
    values[:, [*tokenizer.special_tokens.skipped]] = -1
    return np.argsort(-values, axis=1, kind="stable")[:, :n]
