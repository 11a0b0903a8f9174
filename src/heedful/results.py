"""Plain results: what tasks, metrics, check and explain hand to whoever prints or draws them.

No tensor, no network, no HTML: frozen records of numbers and texts, so that a terminal, a page, a notebook and a
server can all show the same thing.
"""

import math
import operator
import sys
from array import array
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, overload

View = Literal["texts", "classes", "captions", "drawings", "matches", "steps", "passages", "gaps"]
"""How answers are drawn."""


class Result:
    """What shows itself: in a terminal in at most ten lines, in a notebook as the report's pages do."""

    def __repr__(self) -> str:
        return shown().text_of(self)

    def _repr_html_(self) -> str:
        return shown().html_of(self)


def shown() -> Any:
    """What draws results: the only import from below of what is above, when one is shown and no sooner."""
    from heedful.report import notebook

    return notebook


@dataclass(frozen=True)
class Measure:
    """A score with its 95 % interval (low = high = value where none was computed).

    `value` is in the unit people write: percent for error rates and accuracies, 0 to 100 for BLEU and chrF.
    """

    name: str
    value: float
    low: float
    high: float
    higher_is_better: bool
    signature: str = ""


@dataclass(frozen=True, repr=False)
class Answer(Result):
    """What a model gave for one input. `score` is the log probability; `normalised` what ordered the beam."""

    source: str
    output: str
    score: float
    normalised: float
    tokens: tuple[str, ...] = ()
    complete: bool = True
    """False: the longest allowed answer was reached before the end token."""
    unknown: tuple[str, ...] = ()
    """Pieces of a text asked that the model's vocabulary does not have."""
    track: "Track | None" = None
    """For an answer in step with its source."""
    picture: bytes = b""
    """For an answer that is a picture: a PNG file."""
    note: str = ""
    """What is odd, but accepted, about the source."""
    ids: tuple[int, ...] = ()
    """Where an answer is single tokens: which of the vocabulary they are."""
    cut: str = ""
    """How much was read of a source that is longer than the network reads at once."""
    engine: str = field(default="", compare=False)
    """What computed it: by all the answer is the same."""
    device: str = field(default="", compare=False)
    """Where that was, likewise: cpu, or a GPU as cuda:0."""
    precision: str = field(default="", compare=False)
    """What numbers it was computed with."""

    def plain(self) -> dict[str, Any]:
        """As JSON would have it: a picture in base64, and without what another kind of answer has."""
        fields: dict[str, Any] = asdict(self) | {"picture": b64encode(self.picture).decode()}
        if self.track:
            fields["track"]["probabilities"] = tuple(self.track.probabilities)
        return {
            key: value
            for key, value in fields.items()
            if key not in ("ids", "track", "picture", "note", "cut", "engine", "device", "precision") or value
        }


def blank_answer(source: str, cut: str = "") -> Answer:
    """The answer to a blank source, or to one that is left out, which `cut` explains: nothing, and no score."""
    return Answer(source, "", math.nan, math.nan, track=Track((), (), ()), cut=cut)


class Rows(Sequence[tuple[float, ...]]):
    """Rows of numbers, which are held in eight bytes each: a series may have millions."""

    def __init__(self, content: bytes, width: int) -> None:
        self.values, self.width = array("d"), width
        self.values.frombytes(content)

    def __len__(self) -> int:
        return len(self.values) // self.width

    @overload
    def __getitem__(self, row: int) -> tuple[float, ...]: ...
    @overload
    def __getitem__(self, row: slice) -> "Rows": ...
    def __getitem__(self, row: int | slice) -> "tuple[float, ...] | Rows":
        first = range(0, len(self.values), self.width)[row]
        if isinstance(first, int):
            return tuple(self.values[first : first + self.width])
        return Rows(b"".join(self.values[at : at + self.width].tobytes() for at in first), self.width)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(operator.eq, self, other))

    def __repr__(self) -> str:
        return repr(tuple(self))

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """By which numpy reads them without making objects of all."""
        address, _ = self.values.buffer_info()
        return {
            "version": 3,
            "typestr": "<f8" if sys.byteorder == "little" else ">f8",
            "shape": (len(self), self.width),
            "data": (address, True),
        }


@dataclass(frozen=True)
class Track:
    """An answer in step: what each of T steps is, and how sure that is.

    `probabilities` has a row a step and a column a name. `windows` are the (first, behind the last) steps that were
    read at once; `disagreement` is the share of steps, in percent, that one pass over all would have answered
    otherwise (None: it was one pass).
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: Sequence[tuple[float, ...]]
    seconds: tuple[float, ...] = ()
    """When each step begins, for videos."""
    windows: tuple[tuple[int, int], ...] = ()
    disagreement: float | None = None
    words: tuple[str, ...] = ()
    """The words of a text, each a step; punctuation may stand apart that did not in the text."""
    spans: "tuple[Span, ...] | None" = None
    """The entities among the words; None where labels mark no entities."""


@dataclass(frozen=True)
class Span:
    """Words that are one entity: the number of the first, from 0, that behind the last, its type, and what they say."""

    start: int
    end: int
    label: str
    text: str


@dataclass(frozen=True)
class Example:
    """One thing to answer, and everything that counts as right. `where` is "file line N"."""

    source: str
    references: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True)
class Bin:
    """The score of the examples whose source has between `low` and `high` tokens or words, both included."""

    low: int
    high: int
    count: int
    value: float


@dataclass(frozen=True)
class Case:
    """One scored example: `error` is 0 when the answer is right and grows with what is wrong."""

    source: str
    output: str
    references: tuple[str, ...]
    error: float
    score: float | None = None
    """The log probability of the output; None where it is only the place at which the right thing was found."""
    said: str = ""
    """What people are shown, where `output` is only the place at which the right thing was found."""


@dataclass(frozen=True)
class Confusion:
    """How often each name (row: the truth) was answered as each (column)."""

    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class ClassScore:
    """One class by itself, in percent; `count` true examples (or steps)."""

    name: str
    count: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class FoldScores:
    """One fold of a cross-validation: how many examples it holds out, and the measures on them."""

    number: int
    count: int
    measures: dict[str, float]


@dataclass(frozen=True, repr=False)
class Scores(Result):
    """All that a task measured on one set of examples. `primary` names the measure that "best" goes by."""

    primary: str
    measures: dict[str, Measure]
    count: int
    baseline_name: str = ""
    baseline: dict[str, Measure] = field(default_factory=dict)
    by_length: tuple[Bin, ...] = ()
    cases: tuple[Case, ...] = ()
    confusion: Confusion | None = None
    by_class: tuple[ClassScore, ...] = ()
    reliability: tuple[Bin, ...] = ()
    """By confidence in percent (low to high): how many answers were so sure, and how many of them were right."""
    kind: str = "text"
    """What kind of answers these are, which says how they are scored."""
    remarks: tuple[str, ...] = ()
    """What is to be known with these numbers, in sentences."""
    folds: tuple[FoldScores, ...] = ()
    """Of a cross-validation: its parts."""
    against_baseline: "Paired | None" = None
    """The paired test of these answers, less the baseline's, by the primary measure; None in runs of 0.1.0."""

    def plain(self) -> dict[str, Any]:
        """As JSON would have it: a case without a score has none."""
        cases = [{key: value for key, value in asdict(case).items() if value is not None} for case in self.cases]
        return asdict(replace(self, cases=())) | {"cases": cases}


def spread_out(cases: Sequence[Case], most: int = 6) -> list[Case]:
    """A few from the worst, the middle and the best of the ranking by error; each source once."""
    ranked = sorted({case.source: case for case in cases}.values(), key=lambda case: -case.error)
    if len(ranked) <= most:
        return ranked
    third = most // 3
    middle = len(ranked) // 2 - third // 2
    return [*ranked[:third], *ranked[middle : middle + third], *ranked[-third:]]


@dataclass(frozen=True)
class Paired:
    """Is A better than B on the same examples? `difference` is A - B with its interval; `p` two-sided, and where it is
    one of several `tests` made together, adjusted for their number.
    """

    measure: str
    difference: float
    low: float
    high: float
    p: float
    examples: int = 0
    """How many answers of each were compared; 0: nobody noted it."""
    runs: int = 1
    """Of how many runs each side is the mean."""
    tests: int = 1
    """Of how many tests it is one."""


@dataclass(frozen=True, repr=False)
class Alignment(Result):
    """What each output token looked at. `maps[name]` has a row for each target token, a column for each source token.

    Names are the same in all networks: `decoder.attention` for one map, `decoder.2.memory.head3` where there are
    layers and heads.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    maps: dict[str, list[list[float]]]


@dataclass(frozen=True)
class Series:
    """What was measured at each of T steps, by the names of its channels: rows of as many numbers."""

    channels: tuple[str, ...]
    rows: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Exhibits:
    """What a report shows of answers beside the numbers.

    `pictures` are PNG files by reference (of drawings also by prompt: the real ones), `returned` the same as a codebook
    gives them back; `tracks` tell the time of the steps of sources, `series` what was measured at them; `answers` are
    drawings or continuations.
    """

    view: View = "texts"
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    returned: Mapping[str, bytes] = field(default_factory=dict)
    tracks: Mapping[str, Track] = field(default_factory=dict)
    series: Mapping[str, Series] = field(default_factory=dict)
    answers: Sequence[Answer] = ()
    alignments: Sequence[Alignment] = ()


@dataclass(frozen=True)
class NetworkFacts:
    """A network as people look at it: its diagram in signs, its settings in words, and its tensors (a row each, below
    their head).
    """

    name: str
    title: str
    added: str
    lacked: str
    diagram: str
    settings: tuple[str, ...]
    tensors: tuple[tuple[str, ...], ...]
    size: str


@dataclass(frozen=True)
class Finding:
    """One thing `check` noticed: level "x" a bad row, "!" a warning, "i" worth knowing.

    `lines` name examples, `rows` show what stands there, in the same order; `advice` says what to do about it.
    """

    level: str
    text: str
    count: int
    lines: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True, repr=False)
class Findings(Result):
    """What `check` saw in the data: a summary line, findings in order of weight, and histograms by name.

    `pictures`: a few of each class, or of all, by what stands above them: names and PNG files.
    """

    title: str
    summary: str
    findings: tuple[Finding, ...]
    histograms: dict[str, tuple[Bin, ...]] = field(default_factory=dict)
    pictures: dict[str, tuple[tuple[str, bytes], ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """One line of metrics.jsonl; `values`: loss, learning_rate and tokens_per_second, or the scores of a validation."""

    kind: str
    """train, valid, test, start or end."""
    step: int
    epoch: float
    seconds: float
    """Training seconds so far, over all sittings; validation apart."""
    values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One network, or one setting, of a comparison, and one seed."""

    network: str
    """What is compared, by its name."""
    seed: int
    run: str
    weights: int
    scores: Scores
    curve: tuple[Progress, ...]
    train_tokens_per_second: float
    generate_tokens_per_second: float
    peak_memory_mb: float
    alignment: Alignment | None = None
    samples: tuple[Answer, ...] = ()
    training_seconds: float = 0.0


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """Several networks on the same data under the same budget."""

    task: str
    data: str
    budget: str
    entries: tuple[Entry, ...]
    paired: dict[str, Paired] = field(default_factory=dict)
    """Keyed "a vs b": best against each other."""
    notes: tuple[str, ...] = ()
    over_runs: dict[str, dict[str, Measure]] = field(default_factory=dict)
    """By network, then by measure: the mean over seeds, its interval over seeds and examples. Empty for one seed."""
    view: View = "texts"
    unit: str = "tokens"
    """What speed is counted in."""
    noun: str = "network"
    """What is compared, in a word: "network" or "setting"; entries are called by it."""
