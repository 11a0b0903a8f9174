"""What was chosen, counted and left out while data was prepared: said at once, and kept."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from heedful.data.readers.rows import BadRow, count

Say = Callable[[str], None]


def ignore(bad: BadRow) -> None:
    """Passes over a bad row that is counted elsewhere."""


class Notes:
    """What was chosen and counted, said at once and kept; `row` is what a row of the data is called."""

    def __init__(self, say: Say, row: str = "pair") -> None:
        self.say, self.row, self.lines = say, row, []
        self.limits: list[str] = []

    def __call__(self, note: str) -> None:
        self.lines.append(note)
        self.say(note)

    def limit(self, note: str) -> None:
        """Says what limits the score on a side, whose name the note begins with: it stands beside the score as well."""
        self(note)
        self.limits.append(note)

    def report_left_out(self, number: int, reason: str, first: str) -> None:
        """Says how many rows were left out and where the first of them stands, if any were."""
        if number:
            self(f"left out: {count(number, self.row)} {reason}" + (f" (first: {first})" if first else ""))


class BadRows:
    """Counts the rows that are skipped, and lists them in a file."""

    def __init__(self, path: Path) -> None:
        self.count, self.first, self.path = 0, "", path
        self.stream = path.open("w", encoding="utf-8")

    def __call__(self, bad: BadRow) -> None:
        self.count += 1
        self.first = self.first or f"{bad.where}: {bad.problem}"
        line = {"where": bad.where, "problem": bad.problem, "text": bad.text}
        self.stream.write(json.dumps(line) + "\n")

    def close(self, final: Path) -> None:
        """Moves the list to its place; without bad rows there is no list."""
        self.stream.close()
        if self.count:
            os.replace(self.path, final)
        else:
            self.path.unlink()
            final.unlink(missing_ok=True)
