# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Transformers that translate or complete, asked through CTranslate2: whole requests in, answers out, by that library's
search (ct2_search.py has its rules). engines/ct2.py writes the models; no torch here.

N requests   S positions   T tokens
"""

import json
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Self

import numpy as np

from heedful.engines.ct2_search import Found, beams_of, hypothesis, lacks, limits_are_near, within
from heedful.engines.host_stepper import mean
from heedful.engines.onnx_engine import FACTS
from heedful.engines.onnx_session import usual_threads
from heedful.engines.writing import SearchingEngine, Sources, Tell
from heedful.errors import HeedfulError
from heedful.generation.batch import Hypothesis
from heedful.generation.stepper import Ints, Request, Source, SpecialIds
from heedful.generation.unscored import scores_are_read
from heedful.generation.watching import watcher
from heedful.schema import GenerateSettings, Precision
from heedful.small_files import read_json_table

ROWS: dict[Precision, int] = {"float32": 128, "int8": 32}
"""Inputs of tens of tokens that are answered quickest together: of more a core's cache holds less."""
LOGITS_AT_ONCE = 1 << 24
"""Numbers of log probabilities that scores are read from: 64 MiB."""


@dataclass(frozen=True)
class Ct2Engine:
    """The folder of one model, with its facts beside it: the same files for both precisions. Implements `Engine`."""

    folder: Path
    precision: Precision = "float32"

    def writer(self) -> "Ct2Translator":
        facts = read_json_table(self.folder / FACTS)
        common = self.folder, facts["vocabulary"], facts["room"], self.precision
        return Ct2Translator(*common, facts["source_limit"], facts["limit"])

    def language(self) -> "Ct2LanguageModel":
        facts = read_json_table(self.folder / FACTS)
        return Ct2LanguageModel(self.folder, facts["vocabulary"], facts["room"], self.precision)

    def in_int8(self) -> "Ct2Engine":
        return Ct2Engine(self.folder, "int8")

    def refuse(self) -> NoReturn:
        """Raises HeedfulError for any other part."""
        raise HeedfulError("CTranslate2 answers for what translates or completes alone.", "engine=auto answers.")

    reader = masked = matcher = codec = refuse


@dataclass(frozen=True)
class Ct2Model(SearchingEngine[Source]):
    """A model of CTranslate2 that searches. `room`: positions of which its format holds a table; None: of all.

    `vocabularies`: files of which the first that there is has the names of what it writes.
    """

    folder: Path
    vocabulary: int
    room: int | None
    precision: Precision
    vocabularies: ClassVar[tuple[str, ...]]

    def answers(
        self,
        engines: Sequence[object],
        requests: Sequence[Request[Source]],
        settings: GenerateSettings,
        special: SpecialIds,
        tell: Tell | None = None,
    ) -> list[list[Hypothesis]]:
        if what := lacks(settings, len(engines), watcher() is not None):
            raise HeedfulError(f"CTranslate2 searches otherwise where it is asked for {what}.", "engine=auto answers.")
        self.check_room(request.cost for request in requests)
        found = [list[Found]()] * len(requests)
        for (most, *_), rows in self.rounds(requests, settings).items():
            limit = min(most, max(requests[row].max_length for row in rows))
            together = self.search([requests[row] for row in rows], limit, settings, special, tell)
            for row, best in zip(rows, together, strict=True):
                found[row] = within(best, requests[row].max_length, settings, special.end)
        pairs = [(requests[row].source, each.tokens) for row, best in enumerate(found) for each in best]
        gained = iter(self.scores([source for source, _ in pairs], [tokens for _, tokens in pairs]))
        return [[hypothesis(each, next(gained), settings, special.end) for each in best] for best in found]

    def scores(self, sources: Sequence[Source], answers: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """What teacher forcing gives each token of each answer, which takes up to as long as to search; NaN where
        nobody reads it.
        """
        if scores_are_read():
            return self.teacher_forced(sources, answers)
        return [np.full(len(answer), np.nan) for answer in answers]

    @abstractmethod
    def search(
        self,
        requests: Sequence[Request[Source]],
        limit: int,
        settings: GenerateSettings,
        special: SpecialIds,
        tell: Tell | None,
    ) -> list[list[Found]]:
        """The best of requests, each in at most `limit` tokens, its end counted."""

    @abstractmethod
    def rounds(
        self, requests: Sequence[Request[Source]], settings: GenerateSettings
    ) -> dict[tuple[int, ...], list[int]]:
        """Which requests are asked together: one call has one limit of length, the first of these numbers."""

    @abstractmethod
    def teacher_forced(self, sources: Sequence[Source], answers: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """The log probability of each token of each answer, in one call."""

    def found(self, answers: Sequence[Sequence[str]], scores: Sequence[float]) -> list[Found]:
        """The library's answers to one request."""
        pairs = zip(answers, scores, strict=True)
        return [Found([self.ids[name] for name in answer], score) for answer, score in pairs]

    def options(
        self, texts: Sequence[Sequence[str]], settings: GenerateSettings, special: SpecialIds
    ) -> dict[str, Any]:
        """What both kinds of models are asked by."""
        beams = beams_of(settings)
        return {
            "beam_size": beams,
            "num_hypotheses": beams if settings.close else settings.n_best,
            "length_penalty": settings.length_penalty,
            "end_token": self.written[special.end],
            "suppress_sequences": [[self.written[index]] for index in special.suppressed],
            "return_end_token": True,
            "return_scores": True,
            **batches(texts, settings.batch_tokens // beams, ROWS[self.precision]),
        }

    def check_room(self, lengths: Iterable[int]) -> None:
        """Raises HeedfulError for what is longer than the tables of positions."""
        longest = max(lengths, default=0)
        if self.room is not None and longest > self.room:
            what = f"CTranslate2 has positions for {self.room:,} tokens, and this has {longest:,}."
            raise HeedfulError(what, "engine=torch has positions for all.")

    def call(self, ask: Callable[[], Any]) -> Any:
        """What the library answers; raises HeedfulError where it fails."""
        try:
            return ask()
        except (RuntimeError, ValueError) as error:
            raise failed(self.folder, error) from None

    def open(self, kind: str) -> Any:
        """The library's own model: as many at once as there are threads, each in one of them."""
        ctranslate2: Any = import_module("ctranslate2")  # has no types
        options = {"compute_type": self.precision, "inter_threads": usual_threads(), "intra_threads": 1}
        return self.call(lambda: getattr(ctranslate2, kind)(str(self.folder), **options))

    @cached_property
    def written(self) -> list[str]:
        """The names of the ids that are written."""
        return names(self.folder, *self.vocabularies)

    @cached_property
    def ids(self) -> dict[str, int]:
        """The ids that are written by their names."""
        return {name: index for index, name in enumerate(self.written)}


@dataclass(frozen=True)
class Ct2Translator(Ct2Model[np.ndarray]):
    """An encoder and a decoder in CTranslate2. Implements `WritingEngine`."""

    source_limit: int | None
    limit: int | None
    vocabularies = ("target_vocabulary", "shared_vocabulary")

    def search(
        self,
        requests: Sequence[Request[np.ndarray]],
        limit: int,
        settings: GenerateSettings,
        special: SpecialIds,
        tell: Tell | None,
    ) -> list[list[Found]]:
        texts = [self.source_text(request.source) for request in requests]
        results = self.call(
            lambda: self.inner.translate_batch(
                texts,
                max_decoding_length=min(limit, self.room or limit),
                min_decoding_length=0,
                max_input_length=0,
                **self.options(texts, settings, special),
            )
        )
        found = [self.found(result.hypotheses, result.scores) for result in results]
        if self.room is not None and limit > self.room:
            self.check_room(len(each.tokens) + (each.tokens[-1] != special.end) for best in found for each in best)
        return found

    def rounds(
        self, requests: Sequence[Request[np.ndarray]], settings: GenerateSettings
    ) -> dict[tuple[int, ...], list[int]]:
        rows = defaultdict[tuple[int, ...], list[int]](list)
        for row, request in enumerate(requests):
            rows[(limit_of_call(request.max_length, settings),)].append(row)
        return rows

    def log_probabilities(
        self, engines: Sequence[Self], source: Sources, answers: Sequence[Sequence[int]], special: SpecialIds
    ) -> list[np.ndarray]:
        self.check_room(source[1])
        self.check_room(map(len, answers))
        sources = [row[:length] for row, length in zip(*source, strict=True)]
        scored = [engine.teacher_forced(sources, answers) for engine in engines]
        return [mean(parts) for parts in zip(*scored, strict=True)]

    def teacher_forced(self, sources: Sequence[np.ndarray], answers: Sequence[Sequence[int]]) -> list[np.ndarray]:
        texts = [self.source_text(source) for source in sources]
        written = [[self.written[index] for index in answer] for answer in answers]
        asked = {"max_input_length": 0, **batches(texts, GenerateSettings().batch_tokens, ROWS[self.precision])}
        results = self.call(lambda: self.inner.score_batch(texts, written, **asked))
        return [np.array(result.log_probs[: len(answer)]) for result, answer in zip(results, answers, strict=True)]

    def source_text(self, source: Ints) -> list[str]:
        """A source as the names of its ids."""
        return [self.read[index] for index in source.tolist()]

    @cached_property
    def inner(self) -> Any:
        """The library's own translator."""
        return self.open("Translator")

    @cached_property
    def read(self) -> list[str]:
        """The names of the source's ids."""
        return names(self.folder, "source_vocabulary", "shared_vocabulary")


@dataclass(frozen=True)
class Ct2LanguageModel(Ct2Model[tuple[int, ...]]):
    """A decoder alone in CTranslate2. Implements `LanguageEngine`."""

    vocabularies = ("vocabulary",)

    def search(
        self,
        requests: Sequence[Request[tuple[int, ...]]],
        limit: int,
        settings: GenerateSettings,
        special: SpecialIds,
        tell: Tell | None,
    ) -> list[list[Found]]:
        texts = [self.text(request.source) for request in requests]
        results = self.call(
            lambda: self.inner.generate_batch(
                texts,
                max_length=limit,
                include_prompt_in_result=False,
                callback=tell and growing(tell),
                **self.options(texts, settings, special),
            )
        )
        return [self.found(result.sequences, result.scores) for result in results]

    def rounds(
        self, requests: Sequence[Request[tuple[int, ...]]], settings: GenerateSettings
    ) -> dict[tuple[int, ...], list[int]]:
        rows, shortest = defaultdict[tuple[int, ...], list[int]](list), dict[int, int]()
        for row in sorted(range(len(requests)), key=lambda row: requests[row].cost):
            limit, length = limit_of_call(requests[row].max_length, settings), requests[row].cost
            first = shortest.setdefault(limit, length)
            if length > first and not self.reads_together(first, length, limit):
                first = shortest[limit] = length
            rows[limit, first].append(row)
        return rows

    def reads_together(self, first: int, length: int, limit: int) -> bool:
        """Whether prompts of these lengths are asked in one call, behind which `limit` tokens are written.

        The library reads the shortest at once and the rest token by token: by other roundings, which 8 bits enlarge,
        and beside a prompt of one token it returns a part of the others. No more shall be read so than are written.
        """
        has_room = self.room is None or length + limit <= self.room
        return self.precision == "float32" and first > 1 and length - first <= limit and has_room

    def log_probabilities(self, engines: Sequence[Self], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        sources = [(int(row[0]),) for row in rows]
        scored = [engine.teacher_forced(sources, [row[1:].tolist() for row in rows]) for engine in engines]
        return [mean(parts) for parts in zip(*scored, strict=True)]

    def teacher_forced(self, sources: Sequence[tuple[int, ...]], answers: Sequence[Sequence[int]]) -> list[np.ndarray]:
        texts = [self.text((*source, *answer)) for source, answer in zip(sources, answers, strict=True)]
        asked = {"max_input_length": 0, **batches(texts, LOGITS_AT_ONCE // self.vocabulary, ROWS[self.precision])}
        results = self.call(lambda: self.inner.score_batch(texts, **asked))
        pairs = zip(results, answers, strict=True)
        return [np.array(result.log_probs[len(result.log_probs) - len(answer) :]) for result, answer in pairs]

    def text(self, ids: Sequence[int]) -> list[str]:
        """Ids by their names."""
        return [self.written[index] for index in ids]

    @cached_property
    def inner(self) -> Any:
        """The library's own generator."""
        return self.open("Generator")


def growing(tell: Tell) -> Callable[[Any], bool]:
    """What the library calls with each token of an answer, and what it answers: not to stop."""
    tokens: list[int] = []

    def grow(step: Any) -> bool:
        tokens.append(step.token_id)
        tell(tokens)
        return False

    return grow


def limit_of_call(limit: int, settings: GenerateSettings) -> int:
    """Within how many tokens an answer of at most `limit` is searched for."""
    if limits_are_near(settings):
        return 1 << (limit - 1).bit_length()
    return max(1, limit - settings.close)  # the end needs no search


def batches(texts: Sequence[Sequence[str]], most: int, rows: int) -> dict[str, Any]:
    """How many padded tokens are read at once: no more than `most`, about so many rows, and something for each thread.

    >>> batches([["a", "b", "c"], ["d"]], 8000, 64)
    {'batch_type': 'tokens', 'max_batch_size': 6}
    """
    longest, share = max([1, *map(len, texts)]), -(-len(texts) // usual_threads())
    tokens = longest * share if share <= rows else rows * sum(map(len, texts)) // len(texts)
    return {"batch_type": "tokens", "max_batch_size": max(longest, min(most, tokens))}


def names(folder: Path, *files: str) -> list[str]:
    """The names of all ids of a side, which stand in the first of these files that there is."""
    paths = [folder / f"{name}.json" for name in files]
    path = next((path for path in paths if path.exists()), paths[0])
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise failed(folder, error) from None


def failed(folder: Path, error: Exception) -> HeedfulError:
    """The error for what CTranslate2 raised."""
    what = " ".join(str(error).split())[:200]
    return HeedfulError(
        f"CTranslate2 cannot answer by {folder}: {what}", f"Remove {folder}: it is made again. Or engine=torch."
    )
