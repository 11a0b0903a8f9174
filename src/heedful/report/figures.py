"""Plain results as figures: a drawing, the same numbers as a table, and a caption."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from heedful.data.readers.rows import count
from heedful.metrics.measures import describe
from heedful.report import compared, draw, words
from heedful.results import Alignment, Bin, Comparison, Measure, Progress, Scores

POINTS = 120  # of a drawn line; longer ones are averaged
WORST = 100.0  # percent of errors that are drawn: an untrained network that does not end its answers may make more


@dataclass(frozen=True)
class Table:
    """Rows below a head; the first column names its row."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """A drawing with its title, its caption and the same numbers as a table."""

    title: str
    drawing: Markup
    caption: str
    table: Table


@dataclass(frozen=True)
class AlignmentView:
    """An interactive alignment: a large map, and the small ones (label, drawing) whose mean it is."""

    title: str
    source: Sequence[str]
    target: Sequence[str]
    drawing: Markup
    small: Sequence[tuple[str, Markup]]
    columns: int
    maps: Sequence[Sequence[Sequence[float]]]
    caption: str
    table: Table


def learning_curves(curve: Sequence[Progress], primary: Measure | None) -> list[Figure]:
    """The loss on both splits in one drawing, and the validation score, against minutes (below) and steps (above)."""
    figures = []
    train = average_progress([p for p in curve if p.kind == "train" and "loss" in p.values], "loss")
    if len(train) > 1:
        figures.append(losses(train, [p for p in map(with_loss, curve) if p.kind == "valid" and "loss" in p.values]))
    valid = [p for p in curve if primary and p.kind == "valid" and primary.name in p.values]
    if primary and valid:
        sign = 1 if primary.higher_is_better else -1
        best = max(valid, key=lambda p: sign * p.values[primary.name])
        score = words.score(best.values[primary.name], primary.name)
        caption = f"Best on the validation split: {score} at {words.clock(best.seconds)}, step {best.step:,}."
        caption += " Each mark is one measurement of the same examples, without an interval."
        figures.append(over_time(f"Validation: {words.title(primary.name)}", {"": valid}, primary.name, caption))
    return figures


def losses(train: Sequence[Progress], valid: Sequence[Progress]) -> Figure:
    """Training loss, and beside it that on the validation split, where it was measured."""
    first, last = train[0], train[-1]
    caption = f"Loss: {first.values['loss']:.2f} at first, {last.values['loss']:.2f} at the end of training."
    if not valid:
        return over_time("Training loss", {"": train}, "loss", caption)
    best = min(valid, key=lambda p: p.values["loss"])
    caption += f" On the validation split it was least at {words.clock(best.seconds)}: {best.values['loss']:.2f}."
    caption += " There nothing is dropped or smoothed, so that it may be lower;"
    caption += " where it rises while the other falls, the training examples are learnt by heart."
    return over_time("Loss", {"training": train, "validation": valid}, "loss", caption)


def with_loss(progress: Progress) -> Progress:
    """A validation with its loss, which is the logarithm of a perplexity."""
    perplexity = progress.values.get("perplexity")
    if progress.kind != "valid" or "loss" in progress.values or not perplexity:
        return progress
    return replace(progress, values=progress.values | {"loss": math.log(perplexity)})


def over_time(title: str, curves: Mapping[str, Sequence[Progress]], name: str, caption: str) -> Figure:
    """One value of the training's progress, a line for each name."""
    longest = max(curves.values(), key=len)
    marks = [longest[i] for i in sorted({len(longest) // 2, len(longest) - 1})]
    top_labels = [(p.seconds / 60, f"step {p.step:,}") for p in marks] if len(longest) > 3 else []
    series = [
        draw.Series(curve, [(p.seconds / 60, p.values[name]) for p in progress], style)
        for style, (curve, progress) in enumerate(curves.items())
    ]
    drawing = draw.lines(series, "training minutes", words.axis(name), from_zero=name != "loss", top_labels=top_labels)
    rows = [
        [*([curve] if curve else []), words.clock(p.seconds), f"{p.step:,}", f"{p.epoch:.2f}", f"{p.values[name]:.3f}"]
        for curve, progress in curves.items()
        for p in progress
    ]
    head = [*(["split"] if len(curves) > 1 else []), "time", "step", "epoch", words.axis(name)]
    return Figure(title, drawing, caption, Table(head, rows))


def average_progress(progress: Sequence[Progress], name: str) -> list[Progress]:
    """At most POINTS records, each the mean of consecutive ones, with the step and time of the last."""
    stretch = -(-len(progress) // POINTS) or 1
    parts = [progress[i : i + stretch] for i in range(0, len(progress), stretch)]
    means = [sum(p.values[name] for p in part) / len(part) for part in parts]
    return [
        Progress(part[-1].kind, part[-1].step, part[-1].epoch, part[-1].seconds, {name: value})
        for part, value in zip(parts, means, strict=True)
    ]


def scores_by_length(scores: Scores) -> Figure | None:
    """The primary measure by length of the source."""
    bins = scores.by_length
    if not bins:
        return None
    primary = scores.measures[scores.primary]
    bars = [(words.span(bin_), bin_.value, f"{bin_.value:.1f}") for bin_ in bins]
    worst = (min if primary.higher_is_better else max)(bins, key=lambda bin_: bin_.value)
    caption = (
        f"Weakest at length {words.span(worst)}: {words.score(worst.value, primary.name)} "
        f"({count(worst.count, 'example')}). Each bar stands for about as many examples, and has no interval: "
        f"it is about {math.sqrt(len(bins)):.1f} times as wide as that of the score above."
    )
    rows = [[words.span(bin_), f"{bin_.count:,}", f"{bin_.value:.1f}"] for bin_ in bins]
    table = Table(["source length", "examples", words.axis(primary.name)], rows)
    return Figure("By source length", draw.bars(bars, "source length", words.axis(primary.name)), caption, table)


def histogram(name: str, bins: Sequence[Bin]) -> Figure:
    """How many examples have which length."""
    total = sum(bin_.count for bin_ in bins)
    fullest = max(bins, key=lambda bin_: bin_.count)
    bars = [(words.span(bin_), bin_.count, words.abbreviate(bin_.count)) for bin_ in bins]
    percent = 100 * fullest.count / (total or 1)
    caption = f"Most often {words.span(fullest)}: {fullest.count:,} of {total:,} ({percent:.0f} %)."
    caption += f" From {bins[0].low} to {bins[-1].high}."
    rows = [[words.span(bin_), f"{bin_.count:,}"] for bin_ in bins]
    return Figure(name, draw.bars(bars, name, "examples"), caption, Table([name, "examples"], rows))


def score_intervals(measures: Mapping[str, Measure], scores: Scores, noun: str = "network") -> Figure:
    """The primary score of each with its interval, on one line with the baseline and the best possible value."""
    facts, baseline = describe(scores.primary), scores.baseline.get(scores.primary)
    drawing = draw.intervals(
        list(measures.items()), words.axis(scores.primary), {"baseline": baseline.value} if baseline else {}, facts.best
    )
    better = "More" if facts.higher_is_better else "Less"
    caption = f"Dot{'s' * (len(measures) > 1)}: the score; bar{'s' * (len(measures) > 1)}: its 95 % interval."
    caption += f" {better} is better."
    if baseline:
        caption += f" The baseline is: {scores.baseline_name}."
    table = [
        [name or "score", f"{measure.value:.{max(2, facts.digits)}f}", words.interval(measure) or "–"]
        for name, measure in measures.items()
    ]
    if baseline:
        value = f"{baseline.value:.{max(2, facts.digits)}f}"
        table.append([scores.baseline_name, value, words.interval(baseline) or "–"])
    head = [noun, words.axis(scores.primary), "95 % interval"]
    return Figure("Where each one stands" if len(measures) > 1 else "", drawing, caption, Table(head, table))


def validation_curves(comparison: Comparison) -> Figure | None:
    """The validation score of all networks on one axis of training minutes."""
    primary = compared.primary(comparison)
    styles = {name: i for i, name in enumerate(compared.by_network(comparison))}
    series, rows = [], []
    for entry in comparison.entries:
        points = [(seconds / 60, value) for seconds, value in compared.valid_scores(entry)]
        if points:
            series.append(draw.Series(entry.network, points, styles[entry.network]))
        rows += [
            [entry.network, str(entry.seed), words.clock(60 * seconds), f"{value:.2f}"] for seconds, value in points
        ]
    if not series:
        return None
    top = WORST if words.unit(primary.name) and not primary.higher_is_better else math.inf
    drawing = draw.lines(series, "training minutes", words.axis(primary.name), from_zero=True, top=top)
    caption = "Each mark is a validation on generated answers. Time spent on validation itself is not counted."
    if any(value > top for line in series for _, value in line.points):
        caption += f" What lies above {top:g} % is drawn at the upper edge; the table has it."
    head = [comparison.noun, "seed", "time", words.axis(primary.name)]
    return Figure("Learning", drawing, caption, Table(head, rows))


def length_curves(comparison: Comparison) -> Figure | None:
    """The primary score by source length, a line for each network: the mean of its seeds."""
    primary = compared.primary(comparison)
    series, rows = [], []
    for style, (name, entries) in enumerate(compared.by_network(comparison).items()):
        bins = compared.bins_over_seeds(entries)
        if bins:
            series.append(draw.Series(name, [((bin_.low + bin_.high) / 2, bin_.value) for bin_ in bins], style))
        rows += [[name, words.span(bin_), f"{bin_.count:,}", f"{bin_.value:.1f}"] for bin_ in bins]
    if not series:
        return None
    drawing = draw.lines(series, "source length", words.axis(primary.name), from_zero=True)
    caption = "Each mark stands at the middle of a range of lengths that holds about as many examples as any other."
    if any(len(entries) > 1 for entries in compared.by_network(comparison).values()):
        caption += " It is the mean over seeds."
    head = [comparison.noun, "source length", "examples", words.axis(primary.name)]
    return Figure("By source length", drawing, caption, Table(head, rows))


def alignment_view(alignment: Alignment, title: str = "") -> AlignmentView:
    """An alignment as a view: its only map, or the mean of all maps with each of them beside it."""
    maps = list(alignment.maps.values())
    is_single = len(maps) == 1
    main_map = maps[0] if is_single else mean_map(maps)
    small_maps = (
        []
        if is_single
        else [
            (label(name), draw.heatmap(alignment.source, alignment.target, map_, small=True))
            for name, map_ in alignment.maps.items()
        ]
    )
    caption = "The stronger a cell's colour, the more the output (row) looked at that part of the source (column)."
    return AlignmentView(
        title=title,
        source=alignment.source,
        target=alignment.target,
        drawing=draw.heatmap(alignment.source, alignment.target, main_map),
        small=small_maps,
        columns=maps_per_layer(list(alignment.maps)),
        maps=[
            [[round(w, 3) for w in row] for row in map_] for map_ in ([main_map] if is_single else [main_map, *maps])
        ],
        caption=caption if is_single else f"{caption} Large: the mean of the {len(maps)} maps; small: each by itself.",
        table=full_table(alignment, main_map) if is_single else most_attended(alignment),
    )


def maps_per_layer(names: Sequence[str]) -> int:
    """The number of maps of each layer, so that a layer is a row of the view; 6 where layers differ."""
    layers = Counter(name.rpartition(".")[0] for name in names)
    return layers.most_common(1)[0][1] if len(set(layers.values())) == 1 else 6


def mean_map(maps: Sequence[Sequence[Sequence[float]]]) -> list[list[float]]:
    """The mean of several maps, cell by cell."""
    return [[sum(cells) / len(maps) for cells in zip(*rows, strict=True)] for rows in zip(*maps, strict=True)]


def label(name: str) -> str:
    """A map's name for people.

    >>> label("decoder.2.memory.head3"), label("decoder.attention")
    ('layer 2 · head 3', 'attention')
    """
    match = re.fullmatch(r"\w+\.(\d+)\.\w+(?:\.head(\d+))?", name)
    if match is None:
        return name.rpartition(".")[2]
    return f"layer {match[1]} · head {match[2]}" if match[2] else f"layer {match[1]}"


def full_table(alignment: Alignment, weights: Sequence[Sequence[float]]) -> Table:
    """One map in numbers."""
    rows = [
        [words.token(text), *(f"{weight:.2f}" for weight in row)]
        for text, row in zip(alignment.target, weights, strict=True)
    ]
    return Table(["", *map(words.token, alignment.source)], rows)


def most_attended(alignment: Alignment) -> Table:
    """The source token with the largest weight for each output token, in each map."""
    rows = []
    for t, text in enumerate(alignment.target):
        cells = []
        for map_ in alignment.maps.values():
            s = max(range(len(map_[t])), key=map_[t].__getitem__, default=None)
            cells.append("" if s is None else f"{words.token(alignment.source[s])} {map_[t][s]:.2f}")
        rows.append([words.token(text), *cells])
    return Table(["output", *map(label, alignment.maps)], rows)
