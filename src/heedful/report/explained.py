"""Explanations as plain text and as tables: the map that tells most, what it gives most, and whether it is faithful."""

import csv
import io
import json
from collections.abc import Mapping, Sequence

from heedful.data.readers.rows import count
from heedful.explanations import Area, Explanation, Faithfulness, Map, Units
from heedful.report import words
from heedful.report.columns import columns
from heedful.report.figures import label
from heedful.report.stretches import stretches

NAMES = {
    "read": "what was read",
    "answered": "the answer",
    "explained": "of the answer",
    "decoded": "what the decoder had read",
    "written": "what was read, and written",
}
ORDINALS = {"read.0": "first ", "read.1": "second "}
KINDS = {"patches": "picture", "frames": "video", "series": "series"}
IN_TIME = ("frames", "series")
SHADES = " ░▒▓█"
WIDEST = 100  # columns of a terminal that shades may take
MOST_ROWS, MOST_NAMED = 40, 4
GRIDS = 6  # answers whose patches are drawn


def explanation_text(explanation: Explanation) -> str:
    """All that a terminal shows of an explanation."""
    parts = [heading(explanation)]
    first = explanation.maps[0]
    if first.scale == "openings" or explanation.units[first.rows].kind == "parts":
        parts += [f"{map_.name}\n{shaded(explanation, map_)}" for map_ in explanation.maps]
    else:
        shown = main_maps(explanation)
        names = [f"{map_.name}\n" if len(shown) > 1 else "" for map_ in shown]
        parts += [name + map_text(explanation, map_) for name, map_ in zip(names, shown, strict=True)]
    parts += [faithfulness_text(score, side_name(explanation.units, score.units)) for score in explanation.faithfulness]
    parts.append("\n".join(explanation.notes))
    return "\n\n".join(part for part in parts if part)


def map_label(units: Mapping[str, Units], map_: Map) -> str:
    """A map's name for people, with the side that it is of."""
    name, _, side = map_.name.partition(".")
    if side in ("0", "1"):
        return f"{name.replace('_', ' ')}: {side_name(units, f'read.{side}')}"
    return name_label(map_.name)


def side_name(units: Mapping[str, Units], key: str) -> str:
    """What the units of that name are, in words; "": parts of a network."""
    if key not in ORDINALS:
        return NAMES.get(key, "")
    kinds = {other: KINDS.get(units[other].kind, "text") for other in ORDINALS if other in units}
    ordinal = ORDINALS[key] if len(set(kinds.values())) < len(kinds) else ""
    return f"the {ordinal}{kinds[key]}"


def name_label(name: str) -> str:
    """The name of a map or of an attention for people.

    >>> name_label("decoder.2.memory.head3"), name_label("decoder.attention")
    ('decoder, memory: layer 2 · head 3', 'decoder attention')
    """
    parts = name.split(".")
    if len(parts) < 3 or parts[-1] in ("gates", "states"):
        return " ".join(parts).replace("_", " ")
    place = 4 if parts[-1].startswith("head") else 3
    side, kind = " ".join(parts[: 1 - place]), parts[2 - place]
    place = label(".".join(parts[-place:]))
    return f"{side}, {kind.replace('_', ' ')}: {place}"


def unit_name(name: str) -> str:
    """A unit as people are shown it: blanks can be seen where they are all of it, or at an end of it."""
    return name if name.strip("▁ \n\t") == name and name else words.token(name)


def heading(explanation: Explanation) -> str:
    """What was asked, how, and what for."""
    instead = f", and not {explanation.instead}" if explanation.instead else ""
    return f"{explanation.method}: {short(explanation.question)} → {short(answer_text(explanation))}{instead}"


def answer_text(explanation: Explanation) -> str:
    """What was answered; labels in time by their runs."""
    if explanation.units["answered"].kind not in IN_TIME:
        return explanation.answer.replace("\t", " ")
    runs = stretches(explanation.answer.split("\t"))
    return ", ".join(f"{name} × {end - start:,}" if end - start > 1 else name for name, start, end in runs)


def short(text: str) -> str:
    """A question or an answer in a line."""
    text = text.replace("\t", " ")
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def row_names(units: Units) -> list[str]:
    """What units are called beside their numbers: those that were picked of many steps with their place."""
    names = [unit_name(name) for name in units.names]
    if units.kind not in IN_TIME or not units.places:
        return names
    return [f"{name} at {place + 1:,}" for name, place in zip(names, units.places, strict=True)]


def main_maps(explanation: Explanation) -> list[Map]:
    """The maps that tell most: the first one of each source."""
    first: dict[str, Map] = {}
    for map_ in explanation.maps:
        if map_.rows in ("answered", "explained"):
            first.setdefault(map_.columns, map_)
    chosen = [map_ for key, map_ in first.items() if key != "decoded"]
    return chosen or [explanation.maps[0]]


def map_text(explanation: Explanation, map_: Map) -> str:
    """One map: shades of patches, shades of words where they fit, or what each answer gets most from."""
    side = explanation.units[map_.columns]
    if side.grid:
        return grids(explanation, map_)
    width = sum(min(14, len(name)) + 2 for name in side.names)
    if map_.scale == "amounts" or width > WIDEST or len(map_.weights) > MOST_ROWS:
        return most_given(explanation, map_)
    return shaded(explanation, map_)


def shaded(explanation: Explanation, map_: Map) -> str:
    """A row for each row, a shade for each column, by the largest of the map; long sides are averaged together."""
    names, side = explanation.units[map_.rows].names, explanation.units[map_.columns]
    largest = 1.0 if map_.scale == "openings" else map_.largest or 1.0
    power = 1.0 if map_.scale == "openings" else 0.5
    if sum(min(14, len(name)) + 2 for name in side.names) > WIDEST:
        step = -(-len(side) // (WIDEST - 20))
        rows = [
            [
                name,
                "".join(shade(mean(row[at : at + step]), largest, power) for at in range(0, len(row), step)),
                span(row),
            ]
            for name, row in zip(names, map_.weights, strict=True)
        ]
        return columns(rows, left_aligned={0, 1, 2})
    width = max(len(words.shorten_token(name)) for name in side.names)
    rows = [["", *(words.shorten_token(name).ljust(width) for name in side.names)]]
    for name, row in zip(names, map_.weights, strict=True):
        rows.append([words.shorten_token(name), *(shade(weight, largest, power) * width for weight in row)])
    return columns(rows, left_aligned=set(range(len(side) + 1)))


def mean(values: Sequence[float]) -> float:
    """The mean."""
    return sum(values) / max(1, len(values))


def span(row: Sequence[float]) -> str:
    """Between which numbers a row lies."""
    return f"{min(row):.2f} to {max(row):.2f}"


def shade(weight: float, largest: float, power: float = 0.5) -> str:
    """The sign for a number: the eye takes the square root for even."""
    return SHADES[min(len(SHADES) - 1, round((abs(weight) / largest) ** power * (len(SHADES) - 1)))]


def grids(explanation: Explanation, map_: Map) -> str:
    """The patches of the first answers as shades, two signs wide, by the largest of the map."""
    names, side, largest = explanation.units[map_.rows].names, explanation.units[map_.columns], map_.largest or 1.0
    assert side.grid
    parts = []
    for name, row in list(zip(names, map_.weights, strict=True))[:GRIDS]:
        cells = [shade(weight, largest) * 2 for weight in row[side.lead :]]
        lines = ["".join(cells[at : at + side.grid[1]]) for at in range(0, len(cells), side.grid[1])]
        parts.append("\n".join([unit_name(name), *(f"│{line}│" for line in lines)]))
    more = len(names) - GRIDS
    return "\n".join([*parts, *([f"… and {more:,} more"] if more > 0 else [])])


def most_given(explanation: Explanation, map_: Map) -> str:
    """For each answer what it gets most from, with the numbers."""
    names, side = row_names(explanation.units[map_.rows]), explanation.units[map_.columns].names
    rows = []
    for name, row in list(zip(names, map_.weights, strict=True))[:MOST_ROWS]:
        order = sorted(range(len(row)), key=lambda at: -abs(row[at]))[:MOST_NAMED]
        cells = [f"{unit_name(side[at])} {number(row[at], map_)}" for at in order if row[at]]
        rows.append([name, "←", *cells])
    wide = max(map(len, rows))
    more = len(names) - MOST_ROWS
    text = columns([[*row, *[""] * (wide - len(row))] for row in rows], left_aligned=set(range(wide)))
    return text + (f"\n… and {more:,} more" if more > 0 else "")


def number(value: float, map_: Map) -> str:
    """A number of a map, with its sign where numbers have signs."""
    return f"{value:+.2f}".replace("-", "−") if map_.scale == "amounts" else f"{value:.2f}"


def faithfulness_text(score: Faithfulness, side: str) -> str:
    """Areas of the map, of leave-one-out and of random orders, and what they mean; `side`: what the units are."""
    of = f" {side}" if score.units in ORDINALS else ""
    rows = [[f"faithful?{of}", "deletion (low is good)", "insertion (high is good)"]]
    rows += [[kind, area(score.deletion[kind]), area(score.insertion[kind])] for kind in score.deletion]
    return f"{columns(rows, left_aligned={0, 1, 2})}\n{gain_text(score)}"


def area(area: Area) -> str:
    """An area with its interval."""
    return f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})"


def gain_text(score: Faithfulness) -> str:
    """The finding in a sentence."""
    gain = score.gain
    if gain.low > 0:
        finding = "its order of units is better than chance"
    elif gain.high < 0:
        finding = "its order of units is worse than chance"
    else:
        finding = "its order of units may be chance"
    numbers = f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})".replace("-", "−")
    return f"{finding}: {numbers} ahead of random orders, areas under {score.measured}"


def explanation_csv(explanation: Explanation) -> str:
    """Every number of every map in a line of its own."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["map", "row", "column", "row_name", "column_name", "weight"])
    for map_ in explanation.maps:
        rows, side = explanation.units[map_.rows].names, explanation.units[map_.columns].names
        for row, weights in enumerate(map_.weights):
            for column, weight in enumerate(weights):
                writer.writerow([map_.name, row, column, rows[row], side[column], f"{weight:.6g}"])
    return stream.getvalue()


def explanation_json(explanation: Explanation) -> str:
    """All of it but pictures."""
    return json.dumps(explanation.plain(), ensure_ascii=False, indent=1) + "\n"


def lines_of(explanation: Explanation) -> list[str]:
    """What matters of it in a few lines, for a notebook's text."""
    units: Units = explanation.units["answered"]
    lines = [heading(explanation), f"{count(len(units), 'answer')}, {count(len(explanation.maps), 'map')}"]
    lines += most_given(explanation, main_maps(explanation)[0]).splitlines()[:5]
    return lines + [gain_text(score) for score in explanation.faithfulness]
