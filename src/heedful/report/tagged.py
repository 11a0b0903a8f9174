"""Tagged words in colour, truth and answer one above the other: each entity, or each word, bears its label.

A label has a colour and stands as text behind its words, and what is wrong has a sign, so that nothing is told by
colour alone.
"""

from collections.abc import Mapping, Sequence
from itertools import chain

from markupsafe import Markup

from heedful.data.readers.rows import count
from heedful.metrics.entities import are_entity_tags, entities_of
from heedful.report import timebars
from heedful.report.figures import Figure, Table
from heedful.report.timebars import Bars
from heedful.results import Case, Series, Track

WORDS = 300  # shown of a text; the caption says where there are more

Group = tuple[str, int, int]
"""Words that share a label: the label, the first of them, and where they end."""
Rows = Sequence[tuple[str, Sequence[str]]]
"""Labels by the name of who gave them: the truth, the answer, a network."""


def figures_of_cases(
    cases: Sequence[Case], tracks: Mapping[str, Track], series: Mapping[str, Series] | None = None
) -> Bars | None:
    """The worst, middle and best cases: labelled words, or bars of steps that are no words."""
    return figures_of(timebars.rows_of_cases(cases), tracks, timebars.order_of_cases(cases), series)


def figures_of(
    clips: Mapping[str, Rows],
    tracks: Mapping[str, Track],
    caption: str = "",
    series: Mapping[str, Series] | None = None,
) -> Bars | None:
    """Labelled words, or bars of steps that are no words; the first row is the truth, if any is called so."""
    if not any(track.words for track in tracks.values()):
        return timebars.bars(clips, tracks, caption, series)
    names = next(track.names for track in tracks.values() if track.words)
    in_entities = are_entity_tags(names)
    texts = {source: rows for source, rows in clips.items() if source in tracks}
    labels = chain.from_iterable(labels for rows in texts.values() for _, labels in rows)
    if in_entities:
        groups = (group for rows in texts.values() for _, row in rows for group in entities_of(row))
        labels = (label for label, _, _ in groups)
    styles = {label: style for style, label in enumerate(sorted({*labels} - {""}))}
    figures = [
        figure(f"Text {number}", tracks[source].words, rows, styles, in_entities)
        for number, (source, rows) in enumerate(texts.items(), 1)
    ]
    what = "Each entity" if in_entities else "Each word"
    note = f"{what} bears its label; ✗: wrong{'; …: not found by any answer' if in_entities else ''}."
    entries = [Markup("<li>{}</li>").format(marked("", label, styles)) for label in styles]
    legend = Markup('<ul class="legend tagged">{}</ul>').format(Markup("").join(entries))
    return Bars(legend, figures, f"{note} {caption}".strip())


def figure(title: str, words: Sequence[str], rows: Rows, styles: Mapping[str, int], in_entities: bool) -> Figure:
    """One text: its words once a row, and all labels in a table."""
    truth = rows[0][1] if rows[0][0] == "truth" else ()
    groups = {name: groups_of(labels, in_entities) for name, labels in rows}
    answers = {group for name, row in groups.items() if name != "truth" for group in row}
    lines = []
    for name, row in groups.items():
        found = answers if in_entities else {*row}  # a word of another label is marked where it was given
        signs = {group: sign for group in row if (sign := sign_of(group, name, truth, groups, found))}
        lines.append(Markup('<span class="who">{}</span><p>{}</p>').format(name, line(words, row, styles, signs)))
    table_rows = [[word, *labels] for word, *labels in zip(words, *(labels for _, labels in rows), strict=False)]
    table = Table(["word", *(name for name, _ in rows)], table_rows[: timebars.ROWS])
    caption = describe(rows, groups, truth, in_entities)
    caption += f" The first {WORDS:,} of {len(words):,} words are shown." if len(words) > WORDS else ""
    return Figure(title, Markup('<div class="tagged">{}</div>').format(Markup("").join(lines)), caption, table)


def groups_of(labels: Sequence[str], in_entities: bool) -> list[Group]:
    """The entities of a text, or its words that have a label."""
    if in_entities:
        return entities_of(labels)
    return [(label, step, step + 1) for step, label in enumerate(labels) if label]


def sign_of(
    group: Group, name: str, truth: Sequence[str], groups: Mapping[str, Sequence[Group]], found: set[Group]
) -> str:
    """✗ for what an answer has otherwise than the truth, … for what is not found; nothing for what is right."""
    if name == "truth":
        return "" if group in found or len(groups) == 1 else "…"
    return "✗" if any(truth[group[1] : group[2]]) and group not in groups["truth"] else ""


def line(
    words: Sequence[str], groups: Sequence[Group], styles: Mapping[str, int], signs: Mapping[Group, str]
) -> Markup:
    """The words of a text with its groups marked."""
    parts, end = list[str | Markup](), 0
    for group in groups:
        label, start, behind = group
        if behind > WORDS:
            break
        parts += [*words[end:start], marked(" ".join(words[start:behind]), label, styles, signs.get(group, ""))]
        end = behind
    return Markup(" ").join([*parts, *words[end:WORDS]])


def marked(text: str, label: str, styles: Mapping[str, int], sign: str = "") -> Markup:
    """Words on the colour of their label, and the label behind them."""
    words = Markup("<bdi>{}</bdi>&nbsp;").format(text) if text else Markup("")
    name = Markup("<b>{}</b>").format(f"{label} {sign}".strip())
    return Markup('<mark class="{}{}">{}{}</mark>').format(
        timebars.colour(styles[label]), {"✗": " wrong", "…": " missed"}.get(sign, ""), words, name
    )


def describe(rows: Rows, groups: Mapping[str, Sequence[Group]], truth: Sequence[str], in_entities: bool) -> str:
    """How many entities each answer found and how many it made up, or at how many words it is right."""
    parts = list[str]()
    for name, labels in rows:
        scored = [pair for pair in zip(truth, labels, strict=False) if pair[0]]
        if name == "truth" or not scored:
            continue
        who = "The answer" if name == "answer" else name
        if not in_entities:
            right = sum(true == label for true, label in scored)
            parts.append(f"{who} is right at {right:,} of {count(len(scored), 'word')}.")
            continue
        found, there = len({*groups[name]} & {*groups["truth"]}), len(groups["truth"])
        parts.append(f"{who} found {found:,} of {count(there, 'entity', 'entities')}, and named {len(groups[name]):,}.")
    return " ".join(parts)


def entities_in_words(labels: Sequence[str], words: Sequence[str]) -> str:
    """Entities as a line of text.

    >>> entities_in_words(["B-PER", "I-PER", "O", "B-LOC"], ["Anna", "Berg", "in", "Rio"])
    'PER Anna Berg · LOC Rio'
    """
    return " · ".join(f"{kind} {' '.join(words[start:end])}" for kind, start, end in entities_of(labels)) or "–"
