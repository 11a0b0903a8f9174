"""A look at clips before training on them: bad rows, how long they are, labels, ranges of channels, leaks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from heedful.data.facts import Decisions
from heedful.data.notes import ignore
from heedful.data.pairs.check import LEAKS, MAX_LISTED, WEIGHT, bad_row_finding, histogram
from heedful.data.readers.files import valid_files
from heedful.data.readers.rows import BadRow, count
from heedful.data.steps.choose import choose_step_form
from heedful.data.steps.forms import StepForm, open_steps, place_in_series
from heedful.data.steps.ranges import FAR, Ranges, usual_ranges
from heedful.data.steps.read import read_clips
from heedful.data.steps.statistics import FIRST, ChannelStatistics, ClipStatistics, Place, collect_statistics, is_used
from heedful.data.steps.tables import far_clip
from heedful.errors import HeedfulError
from heedful.results import Finding, Findings
from heedful.schema import DataSettings

FEW = 20  # steps
UNLABELLED = "They are read, and counted neither in the loss nor in the score. Label them if that is not meant."
RARE = "Add clips that have them: what is seen so seldom is hardly learnt, and may stand in training or in valid alone."
UNSEEN = "They will never be answered. Add clips with them to the training files, or mend how they are written."
CONSTANT = "Nothing can be learnt from it. Of tables it can be left out: data.columns.source names the channels."
HELD_OUT = "Held-out clips should stand in one file alone."


def check_clips(data: DataSettings, decisions: Decisions) -> Findings:
    """What stands out in the clips to learn from, choose by and test on, and between them.

    Of each clip only a digest, its length and its extremes are kept. Raises HeedfulError for a file that cannot be
    read as a whole.
    """
    form, why = choose_step_form(data, decisions)
    splits = {"train": data.train, "valid": valid_files(data), "test": data.test}
    statistics_by_split = dict[str, ClipStatistics]()
    for name, files in splits.items():
        if files:
            statistics_by_split[name] = collect_statistics(files, data, form, statistics_by_split)
    train = statistics_by_split["train"]
    if not train.lengths and not train.bad_count:
        raise HeedfulError(f"There are no clips in {', '.join(data.train)}.")
    findings = [finding for name, split in statistics_by_split.items() for finding in findings_within(name, split)]
    findings += findings_of_far(statistics_by_split, data, form)
    findings += findings_between(statistics_by_split, data.overlap)
    findings += findings_of_channels(train, form)
    findings.append(Finding("i", why, len(train.lengths)))
    findings.sort(key=lambda finding: WEIGHT[finding.level])
    steps, classes = sum(train.lengths), count(len(train.labels), "label")
    names = f"{classes}: {', '.join(train.labels)}" if train.labels else classes
    summary = f"{count(len(train.lengths), 'clip')} · {count(steps, 'step')} · {names}"
    return Findings(", ".join(data.train), summary, tuple(findings), {"steps": histogram(np.array(train.lengths))})


def findings_within(name: str, statistics: ClipStatistics) -> Iterator[Finding]:
    """What stands out in one split."""
    yield from findings_of_bad(statistics.bad, statistics.bad_count)
    if not statistics.lengths:
        return
    steps = sum(statistics.lengths)
    unlabelled = steps - sum(statistics.labels.values())
    if unlabelled:
        text = f"{name}: {count(unlabelled, 'step')} of {steps:,} without a label: not counted"
        yield finding_at("i", text, unlabelled, statistics.unlabelled, UNLABELLED)
    yield from findings_of_lengths(name, statistics)
    yield from findings_of_labels(name, statistics)


def findings_of_bad(bad: Sequence[BadRow], number: int) -> Iterator[Finding]:
    """The first bad rows, and how many more there are."""
    yield from map(bad_row_finding, bad[:FIRST])
    if number > FIRST:
        yield Finding("x", count(number - FIRST, "further bad row"), number - FIRST)


def findings_of_lengths(name: str, statistics: ClipStatistics) -> Iterator[Finding]:
    """How long the shortest and the longest clip are, and which these are."""
    low, high = min(statistics.lengths), max(statistics.lengths)
    if low < high:
        median = int(np.median(statistics.lengths))
        text = f"{name}: clips have {low:,} to {high:,} steps, at the median {median:,}; the shortest and the longest"
        yield finding_at("i", text, 2, [statistics.shortest, statistics.longest])


def findings_of_labels(name: str, statistics: ClipStatistics) -> Iterator[Finding]:
    """How often each label occurs, and those that occur once, or on few steps."""
    labels, total = statistics.labels, sum(statistics.labels.values())
    if not labels:
        return
    shares = [f"{label} {number:,} ({100 * number / total:.3g} %)" for label, number in labels.items()]
    rarest = f" …; rarest: {shares[-1]}" if len(shares) > MAX_LISTED else ""
    yield Finding("i", f"{name}: steps by label: {', '.join(shares[:MAX_LISTED])}{rarest}", len(labels))
    single = [label for label, number in labels.items() if number == 1]
    few = [label for label, number in labels.items() if 1 < number < FEW]
    for group, phrase in ((single, "on a single step"), (few, f"on fewer than {FEW} steps")):
        if group:
            text = f"{name}: {count(len(group), 'label')} {phrase}: {', '.join(group)}"
            yield finding_at("!", text, len(group), [statistics.first_places[label] for label in group[:FIRST]], RARE)


def findings_between(statistics_by_split: Mapping[str, ClipStatistics], overlap: str) -> Iterator[Finding]:
    """Labels that training never shows, and clips that stand in two splits, whatever their files are called."""
    train = statistics_by_split["train"]
    for name, statistics in statistics_by_split.items():
        unseen = [label for label in statistics.labels if label not in train.labels]
        if unseen:
            text = f"{name}: {count(len(unseen), 'label')} never in training: {', '.join(unseen)}"
            places = [statistics.first_places[label] for label in unseen[:FIRST]]
            yield finding_at("!", text, len(unseen), places, UNSEEN)
        for other, (number, places) in statistics.shared.items():
            where, advice = ("training", LEAKS[overlap]) if other == "train" else (other, HELD_OUT)
            yield finding_at("!", f"{count(number, 'clip')} of {name} also in {where}", number, places, advice)


def findings_of_channels(train: ClipStatistics, form: StepForm) -> Iterator[Finding]:
    """The range of each channel in training, and those that never change."""
    steps = sum(train.lengths)
    if form.kind != "series" or not steps:
        return
    channels = train.channels
    ranges = zip(form.channels, channels.low, channels.high, channels.total / steps, strict=True)
    texts = tuple(f"{low:g} to {high:g}, mean {mean:g}" for _, low, high, mean in ranges)
    yield Finding("i", f"ranges of {count(len(texts), 'channel')}", len(texts), form.channels, texts)
    constant = np.flatnonzero(channels.low == channels.high)
    if len(constant):
        names = tuple(form.channels[channel] for channel in constant)
        rows = tuple(f"always {channels.low[channel]:g}" for channel in constant)
        text = f"{count(len(names), 'channel')} constant over all training steps"
        yield Finding("!", text, len(names), names, rows, CONSTANT)


def findings_of_far(
    statistics_by_split: Mapping[str, ClipStatistics], data: DataSettings, form: StepForm
) -> Iterator[Finding]:
    """Clips with a value so far out of its channel's range that training refuses them."""
    train = statistics_by_split["train"]
    if form.kind != "series" or not train.channels.clips:
        return
    every = read_clips(data.train, replace(data, bad_rows="skip"), form, ignore)
    values = (np.asarray(clip.steps.values) for clip in every if is_used(clip, data))
    ranges = usual_ranges(values, sum(train.lengths))
    for statistics in statistics_by_split.values():
        bad, number = far_clips(statistics.channels, ranges, form)
        yield from findings_of_bad(bad, number)


def far_clips(channels: ChannelStatistics, ranges: Ranges, form: StepForm) -> tuple[list[BadRow], int]:
    """The first of those clips, opened once more to find the step, and how many there are."""
    bad, number = list[BadRow](), 0
    for where, source, extremes in channels.clips:
        if not (np.abs(extremes - ranges.median) > FAR * ranges.scale).any():
            continue
        number += 1
        if len(bad) < FIRST:
            values = open_steps(source, form).values
            far = ranges.first_far(values)
            assert far, "its extremes are far"
            bad.append(far_clip(where, place_in_series(source, *far, form), ranges, far[1], float(values[far])))
    return bad, number


def finding_at(level: str, text: str, number: int, places: Sequence[Place], advice: str = "") -> Finding:
    """A finding with the places where it was seen, and what stands there."""
    return Finding(
        level,
        text,
        number,
        tuple(place.where for place in places),
        tuple(place.row for place in places),
        advice,
    )
