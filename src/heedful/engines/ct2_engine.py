# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""A Transformer that translates, asked through CTranslate2: whole requests in, answers out, by that library's search.

Its rules are ours for greedy search, and for beams with `finish=full renormalize=true`: the same answers in the same
order. What it would search for otherwise is refused (`lacks`). engines/ct2.py writes the model; no torch here.

N requests   S positions   T tokens
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np

from heedful.engines.host_stepper import mean
from heedful.engines.onnx_engine import FACTS
from heedful.engines.onnx_session import usual_threads
from heedful.engines.writing import SearchingEngine, Sources, WritingEngine
from heedful.errors import HeedfulError
from heedful.generation.batch import Hypothesis
from heedful.generation.stepper import Ints, Request, SpecialIds
from heedful.generation.watching import watcher
from heedful.schema import GenerateSettings
from heedful.small_files import read_json_table

PLAIN = (
    "sample",
    "close",
    "repetition_penalty",
    "no_repeat_ngram",
    "prefix",
    "required",
    "forbidden",
    "stop",
    "shortlist",  # those of its own (vmap.txt) are joined over a batch, so that neighbours would matter
)
"""Settings of the search that stand as they usually do wherever its rules are ours."""


@dataclass(frozen=True)
class Ct2Engine:
    """The folder of one translator, with its facts beside it. Implements `Engine`."""

    folder: Path

    def writer(self) -> "Ct2Translator":
        facts = read_json_table(self.folder / FACTS)
        return Ct2Translator(self.folder, facts["vocabulary"], facts["source_limit"], facts["limit"], facts["room"])

    def refuse(self) -> NoReturn:
        """Raises HeedfulError for any other part."""
        raise HeedfulError("CTranslate2 answers for translators alone.", "engine=auto answers.")

    language = reader = masked = matcher = codec = refuse


@dataclass(frozen=True)
class Ct2Translator(SearchingEngine):
    """An encoder and a decoder in CTranslate2. `room`: positions of which its format holds a table; None: of all."""

    folder: Path
    vocabulary: int
    source_limit: int | None
    limit: int | None
    room: int | None

    def answers(
        self,
        engines: Sequence[WritingEngine],
        requests: Sequence[Request[np.ndarray]],
        settings: GenerateSettings,
        special: SpecialIds,
    ) -> list[list[Hypothesis]]:
        if what := lacks(settings, len(engines), watcher() is not None):
            raise HeedfulError(f"CTranslate2 searches otherwise where it is asked for {what}.", "engine=auto answers.")
        self.check_room(request.cost for request in requests)
        found = [list[Found]()] * len(requests)
        for limit, rows in rounds(requests, settings).items():
            together = self.translate([requests[row] for row in rows], limit, settings, special)
            for row, best in zip(rows, together, strict=True):
                found[row] = [Found(each.tokens[: requests[row].max_length], each.rank) for each in best]
        pairs = [(row, each.tokens) for row, best in enumerate(found) for each in best]
        texts = [self.source_text(requests[row].source) for row, _ in pairs]
        gained = iter(self.teacher_forced(texts, [tokens for _, tokens in pairs]))
        return [[hypothesis(each, next(gained), settings, special.end) for each in best] for best in found]

    def translate(
        self, requests: Sequence[Request[np.ndarray]], limit: int, settings: GenerateSettings, special: SpecialIds
    ) -> "list[list[Found]]":
        """The n best of requests, each in at most `limit` tokens, its end counted."""
        texts, beams = [self.source_text(request.source) for request in requests], beams_of(settings)
        results = self.call(
            lambda: self.inner.translate_batch(
                texts,
                beam_size=beams,
                num_hypotheses=settings.n_best,
                length_penalty=settings.length_penalty,
                max_decoding_length=min(limit, self.room or limit),
                min_decoding_length=0,
                max_input_length=0,
                end_token=self.written[special.end],
                suppress_sequences=[[self.written[index]] for index in special.suppressed],
                return_end_token=True,
                return_scores=True,
                **self.batches(texts, settings.batch_tokens // beams),
            )
        )
        found = [
            [Found([self.ids[name] for name in answer], score) for answer, score in zip(*both, strict=True)]
            for both in ((result.hypotheses, result.scores) for result in results)
        ]
        if self.room is not None and limit > self.room:
            self.check_room(len(each.tokens) + (each.tokens[-1] != special.end) for best in found for each in best)
        return found

    def log_probabilities(
        self, engines: Sequence[Self], source: Sources, answers: Sequence[Sequence[int]], special: SpecialIds
    ) -> list[np.ndarray]:
        self.check_room(source[1])
        self.check_room(map(len, answers))
        texts = [self.source_text(row[:length]) for row, length in zip(*source, strict=True)]
        scored = [engine.teacher_forced(texts, answers) for engine in engines]
        return [mean(parts) for parts in zip(*scored, strict=True)]

    def teacher_forced(self, texts: Sequence[Sequence[str]], answers: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """The log probability of each token of each answer, in one call."""
        written = [[self.written[index] for index in answer] for answer in answers]
        batches = self.batches(texts, GenerateSettings().batch_tokens)
        results = self.call(lambda: self.inner.score_batch(texts, written, max_input_length=0, **batches))
        return [np.array(result.log_probs[: len(answer)]) for result, answer in zip(results, answers, strict=True)]

    def batches(self, texts: Sequence[Sequence[str]], most: int) -> dict[str, Any]:
        """How many padded tokens are read at once: no more than `most`, and something for each thread."""
        share = -(-sum(map(len, texts)) // usual_threads())
        return {"batch_type": "tokens", "max_batch_size": max(1, *map(len, texts), min(most, share))}

    def source_text(self, source: Ints) -> list[str]:
        """A source as the names of its ids."""
        return [self.read[index] for index in source.tolist()]

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

    @cached_property
    def inner(self) -> Any:
        """The library's own translator: as many at once as there are threads, each in one of them."""
        ctranslate2: Any = import_module("ctranslate2")  # has no types
        threads = {"inter_threads": usual_threads(), "intra_threads": 1}
        return self.call(lambda: ctranslate2.Translator(str(self.folder), compute_type="float32", **threads))

    @cached_property
    def read(self) -> list[str]:
        """The names of the source's ids."""
        return names(self.folder, "source")

    @cached_property
    def written(self) -> list[str]:
        """The names of the target's ids."""
        return names(self.folder, "target")

    @cached_property
    def ids(self) -> dict[str, int]:
        """The target's ids by their names."""
        return {name: index for index, name in enumerate(self.written)}


@dataclass(frozen=True)
class Found:
    """An answer as it was found, its end included if it has one, and what it is ranked by."""

    tokens: list[int]
    rank: float


def lacks(settings: GenerateSettings, models: int = 1, watched: bool = False) -> str | None:
    """What is asked for that its search does by other rules than ours, or not at all; None: nothing.

    >>> lacks(GenerateSettings(beam=1)), lacks(GenerateSettings(finish="full", renormalize=True))
    (None, None)
    >>> lacks(GenerateSettings(beam=1, prefix="a"))
    'generate.prefix=a'
    """
    usual = GenerateSettings()
    for name in PLAIN:
        if (value := getattr(settings, name)) != getattr(usual, name):
            return f"generate.{name}={value}"
    if beams_of(settings) > 1 and not (settings.finish == "full" and settings.renormalize):
        return "beams without generate.finish=full generate.renormalize=true"
    if models > 1:
        return "several models together"
    return "every hypothesis of its search" if watched else None


def beams_of(settings: GenerateSettings) -> int:
    """Hypotheses of a source."""
    return max(settings.beam, settings.n_best)


def rounds(requests: Sequence[Request[np.ndarray]], settings: GenerateSettings) -> dict[int, list[int]]:
    """Which requests are asked together: one call has one limit of length.

    What greedy search finds within a limit is the beginning of what it finds beyond: there limits need only be near.
    """
    near, rows = beams_of(settings) == 1 and not settings.renormalize, defaultdict[int, list[int]](list)
    for row, request in enumerate(requests):
        limit = request.max_length
        rows[1 << (limit - 1).bit_length() if near else limit].append(row)
    return rows


def hypothesis(found: Found, gained: np.ndarray, settings: GenerateSettings, end: int) -> Hypothesis:
    """An answer with its teacher-forced score, ranked as the search of ours ranks it."""
    score, length = float(gained.sum()), len(found.tokens)
    complete = found.tokens[-1:] == [end]
    rank = found.rank if settings.renormalize else score / length**settings.length_penalty
    return Hypothesis(tuple(found.tokens[: length - complete]), score, rank, complete)


def names(folder: Path, side: str) -> list[str]:
    """The names of all ids of a side."""
    path = folder / f"{side}_vocabulary.json"
    path = path if path.exists() else folder / "shared_vocabulary.json"
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
