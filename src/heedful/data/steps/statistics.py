"""One pass over the clips of a split: what `check` needs to know of them, and no clip itself.

T steps   C channels
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from heedful.data.readers.rows import BadRow, count, quote
from heedful.data.steps.forms import StepForm, is_table, place_of_step
from heedful.data.steps.read import Clip, read_clips
from heedful.data.steps.store import digest_of_steps
from heedful.schema import DataSettings

FIRST = 3


@dataclass(frozen=True)
class Place:
    """A clip, or a step of it: its file and line, and what stands there."""

    where: str
    row: str


@dataclass
class ChannelStatistics:
    """The values of series by channel (C,), over all steps.

    `clips` has, of each clip that is learnt from or scored, file and line, reference, and its own extremes (2, C).
    """

    low: np.ndarray
    high: np.ndarray
    total: np.ndarray
    clips: list[tuple[str, str, np.ndarray]] = field(default_factory=list)

    @staticmethod
    def none(channels: int) -> "ChannelStatistics":
        """Those of no step."""
        return ChannelStatistics(np.full(channels, np.inf), np.full(channels, -np.inf), np.zeros(channels))

    def add(self, values: np.ndarray) -> np.ndarray:
        """Takes in the values (T, C) of a clip, and gives their extremes (2, C)."""
        extremes = np.stack([values.min(axis=0), values.max(axis=0)])
        self.low, self.high = np.minimum(self.low, extremes[0]), np.maximum(self.high, extremes[1])
        self.total = self.total + values.sum(axis=0, dtype=np.float64)
        return extremes


@dataclass
class ClipStatistics:
    """What one split holds."""

    channels: ChannelStatistics
    lengths: list[int] = field(default_factory=list)
    shortest: Place = Place("", "")
    longest: Place = Place("", "")
    labels: Counter[str] = field(default_factory=Counter)
    first_places: dict[str, Place] = field(default_factory=dict)
    """Of each label, the first step that has it."""
    unlabelled: list[Place] = field(default_factory=list)
    """The first steps without a label of clips that have some."""
    digests: dict[bytes, str] = field(default_factory=dict)
    """By what is in it, where the first such clip stands."""
    shared: dict[str, tuple[int, list[Place]]] = field(default_factory=dict)
    """By the name of another split: how many clips stand in both, and the first of them."""
    bad: list[BadRow] = field(default_factory=list)
    bad_count: int = 0

    def refuse(self, bad: BadRow) -> None:
        """Counts a bad row, and keeps the first few."""
        self.bad_count += 1
        if len(self.bad) < FIRST:
            self.bad.append(bad)

    def add(self, clip: Clip, form: StepForm, data: DataSettings, others: Mapping[str, "ClipStatistics"]) -> None:
        """Takes in a clip; `others` are the splits that were looked at before."""
        self.notice_length(clip)
        self.notice_labels(clip, form)
        self.notice_copies(clip, others)
        if form.kind == "series":
            extremes = self.channels.add(clip.steps.values)
            if is_used(clip, data):
                self.channels.clips.append((clip.where, clip.source, extremes))

    def notice_length(self, clip: Clip) -> None:
        """Keeps the length, and the first of the shortest and of the longest clips."""
        steps = len(clip.steps)
        if steps < min(self.lengths, default=steps + 1):
            self.shortest = Place(clip.where, describe_clip(clip))
        if steps > max(self.lengths, default=0):
            self.longest = Place(clip.where, describe_clip(clip))
        self.lengths.append(steps)

    def notice_labels(self, clip: Clip, form: StepForm) -> None:
        """Counts labels, and keeps the first step of each."""
        for label in dict.fromkeys(clip.labels):
            if label and label not in self.first_places:
                self.first_places[label] = place_of(clip, clip.labels.index(label), form)
            elif not label and len(self.unlabelled) < FIRST:
                self.unlabelled.append(place_of(clip, clip.labels.index(label), form))
        self.labels.update(label for label in clip.labels if label)

    def notice_copies(self, clip: Clip, others: Mapping[str, "ClipStatistics"]) -> None:
        """Counts a clip that stands in another split too, by what is in it."""
        digest = digest_of_steps(clip.source, clip.steps)
        self.digests.setdefault(digest, clip.where)
        for name, other in others.items():
            if twin := other.digests.get(digest):
                number, first = self.shared.get(name, (0, []))
                place = Place(clip.where, f"{describe_clip(clip)}, as {twin}")
                self.shared[name] = number + 1, [*first, place] if number < FIRST else first


def collect_statistics(
    files: Sequence[str], data: DataSettings, form: StepForm, others: Mapping[str, ClipStatistics]
) -> ClipStatistics:
    """One pass over the clips of some files; bad rows are counted and passed over."""
    statistics = ClipStatistics(ChannelStatistics.none(len(form.channels)))
    for clip in read_clips(files, replace(data, bad_rows="skip"), form, statistics.refuse):
        statistics.add(clip, form, data, others)
    statistics.labels = Counter(dict(statistics.labels.most_common()))
    return statistics


def is_used(clip: Clip, data: DataSettings) -> bool:
    """Whether a clip is learnt from, as far as its labels and its length say."""
    return any(clip.labels) and data.min_tokens <= len(clip.labels) <= (data.max_tokens or np.inf)


def place_of(clip: Clip, step: int, form: StepForm) -> Place:
    """A step as people find it: a line of a table with its numbers, a word in its sentence, or the number of it."""
    if form.kind == "tokens":
        return Place(clip.where, f"{quote(clip.steps.words[step])} in {describe_clip(clip)}")
    if form.kind == "series" and is_table(clip.source):
        pairs = zip(form.channels[:FIRST], clip.steps.values[step], strict=False)
        more = ", …" if len(form.channels) > FIRST else ""
        return Place(place_of_step(clip.source, step), ", ".join(f"{name} {value:g}" for name, value in pairs) + more)
    return Place(clip.where, place_of_step(clip.source, step))


def describe_clip(clip: Clip) -> str:
    """A clip in a few words: a sentence, or the name of a file and how long it is."""
    if clip.steps.kind == "tokens":
        return quote(" ".join(clip.steps.words))
    return f"{clip.source}, {count(len(clip.steps), 'step')}"
