"""What was looked into at every validation, as a view with a slider, and as a table for whoever has no script."""

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from heedful.explanations import History, Units, Watched
from heedful.report import explained, words
from heedful.report.figures import Table
from heedful.report.samples import right_text
from heedful.results import Measure, Progress

NAMED = 40  # units a side, at most, that are named


@dataclass(frozen=True)
class MomentsView:
    """The data of the view's script, and every answer as a table."""

    data: dict[str, Any]
    table: Table


def moments_view(history: History, curve: Sequence[Progress], primary: Measure | None) -> MomentsView | None:
    """The view; None where fewer than two moments were seen, between which nothing changes."""
    if len(history.moments) < 2:
        return None
    scores = {line.step: line.values for line in curve if line.kind == "valid"}
    values = [scores.get(moment.step, {}).get(primary.name) if primary else None for moment in history.moments]
    content = b"".join(moment.weights for moment in history.moments)
    data = {
        "steps": [moment.step for moment in history.moments],
        "scores": values,
        "said": [words.score(value, primary.name) if primary and value is not None else "" for value in values],
        "measure": words.title(primary.name) if primary else "",
        "examples": [example_data(history, at) for at in range(len(history.watched))],
        "packed": base64.b64encode(zlib.compress(content, 9)).decode(),
    }
    return MomentsView(data, answers_table(history, data["said"], data["measure"]))


def example_data(history: History, at: int) -> dict[str, Any]:
    """One example as the view reads it."""
    watched = history.watched[at]
    answers = [moment.answers[at] for moment in history.moments]
    pictures = [moment.pictures[at] for moment in history.moments if moment.pictures]
    picture = next((png_address(units.picture) for units in watched.units.values() if units.picture), "")
    return {
        "question": "" if picture else flat(watched.question),
        "picture": picture,
        "right": flat(right_text(watched.accepted)) if not pictures else "",
        "answers": list(map(flat, answers)),
        "correct": [answer in watched.accepted for answer in answers],
        "pictures": list(map(png_address, pictures)),
        "maps": maps_data(watched),
    }


def maps_data(watched: Watched) -> list[dict[str, Any]]:
    """What stands along both sides of each map."""
    return [
        {
            "label": explained.map_label(watched.units, map_),
            "gates": map_.scale == "openings",
            "rows": names_of(watched.units[map_.rows]),
            "columns": names_of(watched.units[map_.columns]),
            "height": len(watched.units[map_.rows]),
            "width": len(watched.units[map_.columns]),
            **(grid_data(watched.units[map_.columns]) if map_.scale == "shares" else {}),
        }
        for map_ in watched.maps
    ]


def grid_data(units: Units) -> dict[str, Any]:
    """Where patches lie in their picture, if these are some."""
    return {"grid": units.grid, "lead": units.lead} if units.grid and units.picture else {}


def names_of(units: Units) -> list[str]:
    """The names of units, where there is room for them."""
    return [explained.unit_name(name) for name in units.names] if len(units) <= NAMED else []


def png_address(content: bytes) -> str:
    """A picture as a data address."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def flat(text: str) -> str:
    """A text in a line."""
    return words.shorten(text.replace("\t", " "), 200)


def answers_table(history: History, said: Sequence[str], measure: str) -> Table:
    """What was answered at each step."""
    questions = [flat(watched.question) for watched in history.watched]
    accepted = [watched.accepted for watched in history.watched]
    rows = [
        [f"{moment.step:,}", score, *map(marked, moment.answers, accepted)]
        for moment, score in zip(history.moments, said, strict=True)
    ]
    return Table(
        ["step", measure, *questions], [*rows, ["right", "", *(flat(right_text(answers)) for answers in accepted)]]
    )


def marked(answer: str, accepted: Sequence[str]) -> str:
    """An answer in a line, with a sign if it is right."""
    return f"{flat(answer)}{' ✓' * (answer in accepted)}"
