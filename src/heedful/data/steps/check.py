"""A look at clips before training on them: bad rows, how long they are, which labels are rare or never learnt."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from heedful.data.facts import Decisions
from heedful.data.pairs.check import WEIGHT, histogram
from heedful.data.readers.files import valid_files
from heedful.data.readers.rows import BadRow, count
from heedful.data.steps.choose import choose_step_form
from heedful.data.steps.forms import StepForm
from heedful.data.steps.read import read_clips
from heedful.errors import HeedfulError
from heedful.results import Finding, Findings
from heedful.schema import DataSettings

FIRST = 3
RARE = 20  # steps


@dataclass
class ClipStatistics:
    """What one split holds."""

    lengths: list[int] = field(default_factory=list)
    labels: Counter[str] = field(default_factory=Counter)
    sources: dict[str, str] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)


def check_clips(data: DataSettings, decisions: Decisions) -> Findings:
    """What stands out in the clips to learn from, choose by and test on, and between them.

    Raises HeedfulError for a file that cannot be read as a whole.
    """
    form, _ = choose_step_form(data, decisions)
    splits = {"train": data.train, "valid": valid_files(data), "test": data.test}
    statistics_by_split = {name: collect_statistics(files, data, form) for name, files in splits.items() if files}
    findings = [
        finding for name, statistics in statistics_by_split.items() for finding in findings_within(name, statistics)
    ]
    findings += findings_between(statistics_by_split)
    findings.sort(key=lambda finding: WEIGHT[finding.level])
    train = statistics_by_split["train"]
    if not train.lengths and not train.bad:
        raise HeedfulError(f"There are no clips in {', '.join(data.train)}.")
    steps, classes = sum(train.lengths), count(len(train.labels), "label")
    summary = f"{count(len(train.lengths), 'clip')} · {count(steps, 'step')} · {classes}: {', '.join(train.labels)}"
    return Findings(", ".join(data.train), summary, tuple(findings), {"steps": histogram(np.array(train.lengths))})


def collect_statistics(files: Sequence[str], data: DataSettings, form: StepForm) -> ClipStatistics:
    """One pass over the clips of some files."""
    statistics = ClipStatistics()
    for clip in read_clips(files, replace(data, bad_rows="skip"), form, statistics.bad.append):
        statistics.lengths.append(len(clip.labels))
        statistics.labels.update(label for label in clip.labels if label)
        statistics.sources.setdefault(clip.source, f"{clip.file} line {clip.line}")
    statistics.labels = Counter(dict(statistics.labels.most_common()))
    return statistics


def findings_within(name: str, statistics: ClipStatistics) -> Iterator[Finding]:
    """What stands out in one split."""
    for bad in statistics.bad[:FIRST]:
        yield Finding("x", f"{bad.where}: {bad.problem}", 1, (bad.where,))
    if len(statistics.bad) > FIRST:
        yield Finding("x", count(len(statistics.bad) - FIRST, "further bad row"), len(statistics.bad) - FIRST)
    steps, labelled_steps = sum(statistics.lengths), sum(statistics.labels.values())
    if labelled_steps < steps:
        yield Finding(
            "i", f"{name}: {count(steps - labelled_steps, 'step')} of {steps:,} without a label: not counted", 1
        )
    rare_labels = [label for label, number in statistics.labels.items() if number < RARE]
    if rare_labels:
        yield Finding(
            "!",
            f"{name}: {count(len(rare_labels), 'label')} on fewer than {RARE} steps: {', '.join(rare_labels)}",
            len(rare_labels),
        )


def findings_between(statistics_by_split: dict[str, ClipStatistics]) -> Iterator[Finding]:
    """Clips that stand in two splits, and labels that training never shows."""
    train = statistics_by_split["train"]
    for name, statistics in statistics_by_split.items():
        if name == "train":
            continue
        unseen_labels = [label for label in statistics.labels if label not in train.labels]
        if unseen_labels:
            yield Finding(
                "!",
                f"{name}: {count(len(unseen_labels), 'label')} never in training: {', '.join(unseen_labels)}",
                len(unseen_labels),
            )
        shared_origins = [where for source, where in statistics.sources.items() if source in train.sources]
        if shared_origins:
            text = f"{count(len(shared_origins), 'clip')} of {name} also in training"
            yield Finding("!", text, len(shared_origins), tuple(shared_origins[:FIRST]))
