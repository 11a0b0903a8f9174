"""How a trained language model is asked how texts go on, and scored by how much documents surprise it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heedful.beam_tree import BeamTree
from heedful.data import batching
from heedful.data.documents import prepared as documents
from heedful.data.documents.prepared import PreparedDocuments
from heedful.data.documents.read import document_notes
from heedful.data.normal_form import normalize_text
from heedful.data.readers.rows import BadRow, count
from heedful.data.tokenizers.load import load_tokenizer
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.engines.writing import LanguageEngine
from heedful.errors import for_each
from heedful.generation.rules import until
from heedful.generation.stepper import SpecialIds
from heedful.generation.watching import watch
from heedful.metrics.counts import Kind
from heedful.metrics.ngrams import KneserNey
from heedful.metrics.scores import evaluate
from heedful.results import Answer, Example, Exhibits, Scores
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings, NormalForm
from heedful.tasks import language
from heedful.tasks.answering import Answering
from heedful.tasks.complete.continuation import LONGEST, Continuation, ContinuationSearch, Send
from heedful.tasks.language import Passage
from heedful.tasks.long import Lengths, limit_of, windows
from heedful.tasks.manifests import describe_special, describe_tokenizer, plan_config

if TYPE_CHECKING:
    from heedful.engines.engine import Engine
    from heedful.hub import Plan

PROMPTS, BEGINNING = 8, 40  # prompts to show what a model does, and their characters
CONTINUED_PASSAGES = 24  # of the passages that it was scored on, those that a report shows continuations of
ORDERS = {"characters": 6, "symbols": 3}
"""Of the n-grams that the baseline counts, by what a token is; 4 for pieces of words."""


@dataclass(frozen=True)
class TrainedLanguageModel:
    """What goes on with tokens, and what it takes to read a text.

    `window` tokens are read at once, as in training; `ends`: it has learnt where documents end.
    """

    engine: LanguageEngine
    settings: NetworkSettings
    tokenizer: Tokenizer
    window: int
    ends: bool
    normal_form: NormalForm = "none"
    plan: "Plan | None" = None

    @property
    def limit(self) -> int | None:
        """The most tokens that it can read at once."""
        return language.limit_of(self.settings, self.window, writes=True)

    @property
    def special(self) -> SpecialIds:
        """The ids that a search must know; who has not learnt where documents end never ends one."""
        special = self.tokenizer.special_tokens
        suppressed = special.suppressed if self.ends else (*special.suppressed, special.end)
        return SpecialIds(special.begin, special.end, suppressed)

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        return language.encode_text(text, self.tokenizer, self.normal_form)

    def encode_prompt(self, text: str) -> list[int]:
        """The same as the network learnt to read it: behind <s>, if it has learnt how documents begin."""
        ids, special = self.encode(text), self.tokenizer.special_tokens
        return [special.begin, *ids] if (self.ends and special.prompted) or not ids else ids


class CompleteAnswering(Answering[PreparedDocuments, TrainedLanguageModel]):
    """How language models are asked."""

    known_by = "line"

    def answer(
        self, models: Sequence[TrainedLanguageModel], inputs: Sequence[str], settings: GenerateSettings
    ) -> list[list[Answer]]:
        """How each text goes on, by one model or several together: the n best, or n draws.

        Raises HeedfulError for a text with more tokens than the network reads at once, unless only its end shall be
        read.
        """
        return answer(models, inputs, settings)

    def stream(
        self,
        models: Sequence[TrainedLanguageModel],
        text: str,
        settings: GenerateSettings,
        tell: Callable[[str], object],
    ) -> list[list[Answer]]:
        return answer(models, [text], settings, tell)

    def tree(self, models: Sequence[TrainedLanguageModel], text: str, settings: GenerateSettings) -> BeamTree:
        """Of what the network reads at once: an answer that outgrows it goes on by a search of its own."""
        with watch() as watched:
            [answers] = answer(models, [text], settings)
        tokenizer, outputs = models[0].tokenizer, [each.output for each in answers]
        return watched.tree(self.facts.verb, text, outputs, tokenizer.tokens, models[0].special.end)

    def score(self, models: Sequence[TrainedLanguageModel], pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The log probability of each (text, how it goes on), without an end.

        What is too long to be read at once is read in windows, each token behind half a window or more.
        """
        first, rows, begins = models[0], list[np.ndarray](), list[int]()
        for text, continuation in pairs:
            prompt = first.encode_prompt(text)
            rows.append(np.array([*prompt, *first.encode(continuation)]))
            begins.append(len(prompt))
        scores = log_probabilities_by_windows(models, rows, GenerateSettings())
        return [float(values[begin - 1 :].sum()) for values, begin in zip(scores, begins, strict=True)]

    def evaluate(
        self,
        models: Sequence[TrainedLanguageModel],
        examples: Sequence[Example],
        settings: GenerateSettings,
        *,
        samples: int = 1000,
        data: PreparedDocuments | None = None,
    ) -> Scores:
        """How surprised models are by documents, window by window; the interval is over windows."""
        return score_passages(models, passages(models[0], examples), settings, samples)

    def baseline(
        self, model: TrainedLanguageModel, data: PreparedDocuments, examples: Sequence[Example]
    ) -> tuple[str, Scores]:
        """What counting can say: interpolated Kneser-Ney over the same tokens and windows."""
        order = ORDERS.get(model.tokenizer.kind, 4)
        rows, part = language.baseline_rows(data)
        windows = passages(model, examples)
        counts = KneserNey(rows, order, model.tokenizer.size)
        surprise = counts.surprise([passage.ids for passage in windows])
        return f"{order}-grams, Kneser-Ney{part}", measure(windows, surprise, samples=1000)

    def kind(self, model: TrainedLanguageModel) -> Kind:
        return "passages"

    def can_answer_together(self, model: TrainedLanguageModel, other: TrainedLanguageModel) -> bool:
        """Whether two can write together: they have the same tokens."""
        return model.tokenizer.dump() == other.tokenizer.dump() and model.ends == other.ends

    def open_data(self, folder: Path) -> PreparedDocuments | None:
        return documents.open_run(folder)

    def examples(
        self,
        model: TrainedLanguageModel,
        files: Sequence[str],
        settings: DataSettings,
        on_bad: Callable[[BadRow], None],
    ) -> list[Example]:
        """The documents of these files."""
        return documents.examples(files, settings, on_bad)

    def contents(self, model: TrainedLanguageModel, examples: Sequence[Example]) -> Iterator[tuple[str, bytes]]:
        return language.contents(examples)

    def example_notes(self, model: TrainedLanguageModel, files: Sequence[str], settings: DataSettings) -> list[str]:
        return document_notes(files, settings)

    def example_lengths(self, models: Sequence[TrainedLanguageModel], examples: Sequence[Example]) -> Lengths | None:
        """Of documents, which are scored in windows."""
        first, limit = models[0], limit_of([model.limit for model in models])
        return language.document_lengths(examples, first.tokenizer, first.ends, ahead=True, limit=limit)

    def prompts(self, model: TrainedLanguageModel, texts: Sequence[str]) -> list[str]:
        """Beginnings of a few texts: short enough to be read by the model."""
        prompts: list[str] = []
        for text in texts[:PROMPTS]:
            prompt = " ".join(text[: 2 * BEGINNING].split())[:BEGINNING].rsplit(" ", 1)[0]
            while model.limit and len(model.encode_prompt(prompt)) > model.limit // 2 and prompt:
                prompt = prompt[: len(prompt) // 2]
            prompts.append(prompt)
        return prompts

    def exhibits(self, models: Sequence[TrainedLanguageModel], scores: Scores, settings: GenerateSettings) -> Exhibits:
        """How a few texts go on."""
        prompts = self.prompts(models[0], [case.source for case in scores.cases[:CONTINUED_PASSAGES]])
        answers = answer(models, prompts, settings)
        return Exhibits("passages", answers=[continuation for best in answers for continuation in best])

    def config(self, model: TrainedLanguageModel) -> dict[str, Any]:
        fields = {"window": model.window, "ends": model.ends, "normal_form": model.normal_form}
        return {"network": asdict(model.settings)} | fields | plan_config(model.plan)

    def save(self, model: TrainedLanguageModel, folder: Path) -> None:
        model.tokenizer.save(folder / "tokenizer.json")

    def load(self, config: dict[str, Any], folder: Path, engine: "Engine") -> TrainedLanguageModel:
        settings, tokenizer = NetworkSettings(**config["network"]), load_tokenizer(folder / "tokenizer.json")
        fields = (config["window"], config["ends"], config["normal_form"])
        return TrainedLanguageModel(engine.language(), settings, tokenizer, *fields)

    def by_engine(self, model: TrainedLanguageModel, engine: "Engine") -> TrainedLanguageModel:
        return replace(model, engine=engine.language())

    def manifest(self, model: TrainedLanguageModel, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
        """`prompted`: texts are read behind the token that begins; `slack`: the tokens of an answer, if `limit`
        allows.
        """
        fixed = settings.max_length
        return {
            "target": describe_tokenizer(model.tokenizer, folder, "target"),
            "normal_form": model.normal_form,
            **describe_special(model.special),
            "prompted": model.ends and model.tokenizer.special_tokens.prompted,
            "slack": LONGEST if fixed == "auto" else fixed,
            "limit": model.limit,
        }


def answer(
    models: Sequence[TrainedLanguageModel], texts: Sequence[str], settings: GenerateSettings, send: Send | None = None
) -> list[list[Answer]]:
    """How each text goes on; `send` is given the text of a single answer piece by piece as it is written."""
    continuations = continue_texts(models, texts, settings, send)
    return [
        [to_answer(models[0], text, continuation, settings) for continuation in best]
        for text, best in zip(texts, continuations, strict=True)
    ]


def continue_texts(
    models: Sequence[TrainedLanguageModel], texts: Sequence[str], settings: GenerateSettings, send: Send | None = None
) -> list[list[Continuation]]:
    """The same as tokens."""
    first, limit = models[0], limit_of([model.limit for model in models])
    prompts = for_each(lambda text: begin(first, text, limit, settings), texts)
    engines = [model.engine for model in models]
    return ContinuationSearch(engines, first.tokenizer, first.special, limit, settings).run(prompts, send)


def begin(model: TrainedLanguageModel, text: str, limit: int | None, settings: GenerateSettings) -> Continuation:
    """A text as the network shall read it, of which it can read `limit` tokens."""
    ids = tuple(model.encode_prompt(text))
    if limit is None or len(ids) <= limit:
        return Continuation(ids)
    if settings.long_prompt != "error":
        return Continuation(ids[-limit // 2 :], reread=limit // 2)
    cure = "Shorten it, or let only its end be read: long_prompt=end (generate.long_prompt)."
    raise language.length_error(text, len(ids), limit, cure)


def to_answer(
    model: TrainedLanguageModel, source: str, continuation: Continuation, settings: GenerateSettings
) -> Answer:
    """A continuation as people read it."""
    tokenizer, reread = model.tokenizer, continuation.reread
    text = until(tokenizer.decode(continuation.tokens), settings.stop)
    unknown = tuple(tokenizer.unknown(normalize_text(source, model.normal_form)))
    note = ""
    if continuation.restarts:
        often = "once" if continuation.restarts == 1 else f"{continuation.restarts:,} times"
        note = (
            f"the answer outgrew the {model.limit:,} tokens that the network reads at once: {often} it went on from "
            f"the last {reread:,} alone"
        )
    elif reread:
        note = f"only the last {count(reread, 'token')} of the text {'was' if reread == 1 else 'were'} read"
    return Answer(
        source,
        text,
        continuation.score,
        continuation.normalised(settings),
        tuple(tokenizer.tokens(continuation.tokens)),
        continuation.complete,
        unknown,
        note=note,
    )


def passages(model: TrainedLanguageModel, examples: Sequence[Example]) -> list[Passage]:
    """The windows that documents are scored by."""
    return list(language.passages(examples, model.tokenizer, model.window, ahead=True, ends=model.ends))


def score_passages(
    models: Sequence[TrainedLanguageModel], windows: Sequence[Passage], settings: GenerateSettings, samples: int
) -> Scores:
    """How surprised models are by passages."""
    scores = log_probabilities(models, [passage.ids for passage in windows], settings)
    return measure(windows, [-values for values in scores], samples)


def measure(windows: Sequence[Passage], surprise: Sequence[np.ndarray], samples: int) -> Scores:
    """Scores of passages from minus the log probability of each of their tokens but the first."""
    nats = [float(values.sum()) for values in surprise]
    outputs = [f"{value:.6f}" for value in nats]
    references = [(f"{len(passage.ids) - 1} {passage.characters:.6f}",) for passage in windows]
    texts = [passage.text for passage in windows]
    return evaluate("passages", texts, outputs, references, samples=samples, logs=[-value for value in nats])


def log_probabilities_by_windows(
    models: Sequence[TrainedLanguageModel], rows: Sequence[np.ndarray], settings: GenerateSettings
) -> list[np.ndarray]:
    """As `log_probabilities`; of a row that is too long to be read at once, each token in the first window it is in."""
    limit = limit_of([model.limit for model in models])
    pieces = [(row, *span) for row, ids in enumerate(rows) for span in windows(len(ids) - 1, limit or 0)]
    parts = log_probabilities(models, [rows[row][low : high + 1] for row, low, high in pieces], settings)
    values = [np.zeros(len(ids) - 1) for ids in rows]
    done = [0] * len(rows)
    for (row, low, high), part in zip(pieces, parts, strict=True):
        values[row][done[row] : high] = part[done[row] - low :]
        done[row] = high
    return values


def log_probabilities(
    models: Sequence[TrainedLanguageModel], rows: Sequence[np.ndarray], settings: GenerateSettings
) -> list[np.ndarray]:
    """The log probability of each token of each row but the first, which is given."""
    values, lengths = [np.zeros(0)] * len(rows), np.array([len(row) - 1 for row in rows])
    engines = [model.engine for model in models]
    for numbers in batching.order_for_inference(lengths, settings.batch_tokens) if len(rows) else ():
        batch = engines[0].log_probabilities(engines, [rows[number] for number in numbers])
        for number, row in zip(numbers, batch, strict=True):
            values[number] = row
    return values
