"""What tasks share in writing their answers: text from a decoder by the one search, whatever the source is.

N sources   T target positions
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heedful.beam_tree import BeamTree
from heedful.data import batching
from heedful.data.normal_form import normalize_text
from heedful.data.pictures.album import Album
from heedful.data.tokenizers.load import load_tokenizer
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.engines.writing import GreedyEngine, SearchingEngine, WritingEngine
from heedful.errors import HeedfulError
from heedful.generation.batch import Hypothesis
from heedful.generation.greedy import GreedyWriter, is_greedy, write_all
from heedful.generation.rules import Rules, rules_of, until
from heedful.generation.search import Search
from heedful.generation.stepper import Request, SpecialIds
from heedful.generation.watching import watch, watcher
from heedful.metrics.counts import Kind
from heedful.results import Answer
from heedful.schema import GenerateSettings, NetworkSettings, NormalForm
from heedful.tasks.answering import Answering
from heedful.tasks.inputs import Preprocessor, load_preprocessor, source_seed
from heedful.tasks.long import Lengths, limit_of
from heedful.tasks.manifests import describe_source, describe_special, describe_tokenizer, plan_config
from heedful.tasks.shortlist import NO_SHORTLIST, ShortlistFile

if TYPE_CHECKING:
    from heedful.data.pairs.prepared import Prepared
    from heedful.engines.engine import Engine
    from heedful.hub import Plan


@dataclass(frozen=True)
class TrainedSeq2Seq:
    """What reads sources and writes text: an engine, and how both sides become what it takes.

    An answer may have `stretch` tokens for each position of the source, and `slack` more. `shared`: both sides have
    one tokenizer. `shortlist`: that of its run; None: it has none.
    """

    engine: WritingEngine
    settings: NetworkSettings
    preprocessor: Preprocessor
    target: Tokenizer
    shared: bool
    scores: Kind
    stretch: float
    slack: int
    normal_form: NormalForm = "none"
    plan: "Plan | None" = None
    shortlist: ShortlistFile | None = None


class Seq2SeqAnswering(Answering["Prepared", TrainedSeq2Seq]):
    """How networks are asked that read a source and write a text."""

    def answer(
        self,
        models: Sequence[TrainedSeq2Seq],
        inputs: Sequence[str],
        settings: GenerateSettings,
        album: Album | None = None,
    ) -> list[list[Answer]]:
        """The n best answers to each source, by one model or several together (they must share the vocabularies).

        Pictures that stand in `album` are not read again. Of a text that is longer than a network can read, the
        beginning is. Raises HeedfulError if a picture cannot be read.
        """
        first, hypotheses = models[0], search_answers(models, inputs, settings, album)
        return [
            [readable_answer(first, source, hypothesis, unknown, settings.stop) for hypothesis in best]
            for source, best, unknown in zip(inputs, hypotheses, first.preprocessor.unknown_batch(inputs), strict=True)
        ]

    def score(self, models: Sequence[TrainedSeq2Seq], pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The log probability of each (source, target), the end included, as the search would report it."""
        first = models[0]
        arrays = read_sources(models, [source for source, _ in pairs])
        texts = first.target.encode_batch([normalize_text(target, first.normal_form) for _, target in pairs])
        special, engines = special_ids(first), [model.engine for model in models]
        targets = [[*ids, special.end] for ids in texts]
        limit = limit_of([engine.limit for engine in engines])
        for row, ((_, target), ids) in enumerate(zip(pairs, targets, strict=True)):
            if limit is not None and len(ids) > limit:
                what = f"This answer has {len(ids):,} tokens; the network writes {limit:,} at most: {target[:60]!r}…"
                raise HeedfulError(what, "Score a shorter one.", row)
        return log_probabilities(engines, first.preprocessor, arrays, targets, special)

    def tree(self, models: Sequence[TrainedSeq2Seq], text: str, settings: GenerateSettings) -> BeamTree:
        with watch() as watched:
            [answers] = self.answer(models, [text], settings)
        outputs, target = [answer.output for answer in answers], models[0].target
        return watched.tree(self.facts.verb, text, outputs, target.tokens, target.special_tokens.end)

    def lengths(self, models: Sequence[TrainedSeq2Seq], inputs: Sequence[str]) -> Lengths | None:
        return models[0].preprocessor.lengths(inputs, [model.engine.source_limit for model in models])

    def kind(self, model: TrainedSeq2Seq) -> Kind:
        return model.scores

    def can_answer_together(self, model: TrainedSeq2Seq, other: TrainedSeq2Seq) -> bool:
        """Whether two models can answer together: they read and write the same."""
        return model.preprocessor.same_as(other.preprocessor) and model.target.dump() == other.target.dump()

    def open_data(self, folder: Path) -> "Prepared | None":
        from heedful.data.pairs.prepared import open_run

        return open_run(folder)

    def config(self, model: TrainedSeq2Seq) -> dict[str, Any]:
        """What `Learning.load` must know beside the weights and the tokenizers."""
        fields = {key: getattr(model, key) for key in ("shared", "scores", "stretch", "slack", "normal_form")}
        return {"network": asdict(model.settings)} | fields | model.preprocessor.config() | plan_config(model.plan)

    def save(self, model: TrainedSeq2Seq, folder: Path) -> None:
        coder = model.preprocessor.coder
        if isinstance(coder, Tokenizer):
            coder.save(folder / ("tokenizer.json" if model.shared else "source.tokenizer.json"))
        if not model.shared:
            model.target.save(folder / "target.tokenizer.json")
        if model.shortlist:
            model.shortlist.copy_to(folder)

    def load(self, config: dict[str, Any], folder: Path, engine: "Engine") -> TrainedSeq2Seq:
        settings = NetworkSettings(**config["network"])
        coders = load_coders(config, folder)
        return TrainedSeq2Seq(engine.writer(), settings, **coders, shortlist=ShortlistFile(folder))

    def by_engine(self, model: TrainedSeq2Seq, engine: "Engine") -> TrainedSeq2Seq:
        return replace(model, engine=engine.writer())

    def manifest(self, model: TrainedSeq2Seq, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
        """What one must know beside exported graphs; an answer may have `stretch` tokens for each position of the
        source and `slack` more, but no more than `limit`.
        """
        fixed = settings.max_length
        stretch, slack = (model.stretch, model.slack) if fixed == "auto" else (0.0, fixed)
        return {
            "source": describe_source(model.preprocessor, folder, model.engine.source_limit),
            "target": describe_tokenizer(model.target, folder, "target"),
            "normal_form": model.normal_form,
            **describe_special(special_ids(model)),
            "stretch": stretch,
            "slack": slack,
            "limit": model.engine.limit,
        }


def load_coders(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """How a model of a run's folder reads and writes: all its fields but engine, settings and plan."""
    shared = config["shared"]
    preprocessor = load_preprocessor(config, folder / ("tokenizer.json" if shared else "source.tokenizer.json"))
    target = preprocessor.tokenizer if shared else load_tokenizer(folder / "target.tokenizer.json")
    fields = {key: config[key] for key in ("shared", "scores", "stretch", "slack", "normal_form")}
    return {"preprocessor": preprocessor, "target": target} | fields


def search_answers(
    models: Sequence[TrainedSeq2Seq],
    inputs: Sequence[str],
    settings: GenerateSettings,
    album: Album | None = None,
) -> list[list[Hypothesis]]:
    """The n best hypotheses for each source; raises HeedfulError as `Seq2SeqAnswering.answer` does."""
    first = models[0]
    arrays = read_sources(models, inputs, album)
    limits = [model.engine.limit for model in models if model.engine.limit]
    lengths = [first.preprocessor.positions_of(array) for array in arrays]
    longest = [min([length_limit(first, length, settings), *limits]) for length in lengths]
    seeds = [source_seed(array) for array in arrays] if settings.sample else [0] * len(arrays)
    requests = [Request(*request) for request in zip(arrays, lengths, longest, seeds, strict=True)]
    if settings.shortlist:
        requests = shortlisted(first, requests, settings)
    engines = [model.engine for model in models]
    if isinstance(first.engine, SearchingEngine):
        return first.engine.answers(engines, requests, settings, special_ids(first))
    if len(models) == 1 and is_greedy(settings) and watcher() is None:
        writer = greedy_writer(first)
        if writer is not None:
            return write_all(writer, requests, settings, special_ids(first))
    stepper = first.engine.stepper(engines, first.preprocessor.stack, special_ids(first))
    return Search(stepper, settings, rules(first, settings)).run(requests)


def greedy_writer(model: TrainedSeq2Seq) -> GreedyWriter[np.ndarray] | None:
    """What writes greedy answers in few calls, if its engine has that."""
    engine = model.engine
    return engine.greedy(model.preprocessor.stack) if isinstance(engine, GreedyEngine) else None


def shortlisted(
    model: TrainedSeq2Seq, requests: Sequence[Request[np.ndarray]], settings: GenerateSettings
) -> list[Request[np.ndarray]]:
    """Requests with the tokens that their answers may have; raises HeedfulError where there is no shortlist, or phrases
    that it may lack.
    """
    if settings.prefix or settings.required or settings.forbidden:
        raise HeedfulError("A shortlist may lack what generate.prefix, required and forbidden ask for.", NO_SHORTLIST)
    if model.shortlist is None:
        raise HeedfulError("Only a run has a shortlist: it is learnt from training pairs.", NO_SHORTLIST)
    shortlist = model.shortlist.shortlist
    return [replace(request, allowed=shortlist.tokens(request.source, settings.shortlist)) for request in requests]


def read_sources(
    models: Sequence[TrainedSeq2Seq], sources: Sequence[str], album: Album | None = None
) -> list[np.ndarray]:
    """Sources as arrays, of long texts the beginning; raises HeedfulError for a picture that cannot be read."""
    preprocessor = models[0].preprocessor
    if preprocessor.positions:
        return preprocessor.arrays(sources, album)
    return preprocessor.cut(preprocessor.arrays(sources), [model.engine.source_limit for model in models])


def length_limit(model: TrainedSeq2Seq, length: int, settings: GenerateSettings) -> int:
    """The most tokens that an answer may have."""
    if settings.max_length != "auto":
        return int(settings.max_length)
    return math.ceil(model.stretch * length) + model.slack


def rules(model: TrainedSeq2Seq, settings: GenerateSettings) -> Rules:
    """The request's rules, whose texts are read with the target's tokenizer."""
    target, symbols = model.target, model.scores == "symbols"
    return rules_of(settings, special_ids(model), target.encode, target.decode, target.size, symbols)


def special_ids(model: TrainedSeq2Seq) -> SpecialIds:
    """The ids that a search must know."""
    special = model.target.special_tokens
    return SpecialIds(special.begin, special.end, special.suppressed)


def readable_answer(
    model: TrainedSeq2Seq, source: str, hypothesis: Hypothesis, unknown: tuple[str, ...], stops: Sequence[str]
) -> Answer:
    """A hypothesis as people read it, up to what stopped it; `unknown` is what its source holds of that."""
    tokens = tuple(model.target.tokens(hypothesis.tokens))
    output = until(model.target.decode(hypothesis.tokens), stops)
    return Answer(source, output, hypothesis.score, hypothesis.normalised, tokens, hypothesis.complete, unknown)


def log_probabilities(
    engines: Sequence[WritingEngine],
    reads: Preprocessor,
    sources: Sequence[np.ndarray],
    targets: Sequence[Sequence[int]],
    special: SpecialIds,
) -> list[float]:
    """The log probability of each target's ids behind its source."""
    lengths = np.array([(reads.positions_of(array), len(ids)) for array, ids in zip(sources, targets, strict=True)])
    scores = np.zeros(len(targets))
    for rows in batching.order_for_inference(lengths, GenerateSettings().batch_tokens) if targets else ():
        source = reads.stack([sources[row] for row in rows])
        tokens = engines[0].log_probabilities(engines, source, [targets[row] for row in rows], special)
        scores[rows] = [values.sum() for values in tokens]
    return scores.tolist()
