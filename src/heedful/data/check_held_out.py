"""What training would hold out to choose by, told before training, in the words of the preparation itself."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from heedful.data.facts import Decisions
from heedful.data.kind import DataKind, Preparation
from heedful.data.notes import BadRows, Notes
from heedful.data.pairs.check import WEIGHT
from heedful.data.prepare import survey
from heedful.errors import HeedfulError
from heedful.results import Finding, Findings
from heedful.schema import Recipe


def with_held_out(findings: Findings, kind: DataKind[Any], recipe: Recipe, decisions: Decisions) -> Findings:
    """The findings, and what a preparation by `kind` says of the rows that it holds out where no file says which."""
    if recipe.data.valid != "auto":
        return findings
    entries = [*held_out_findings(kind, recipe, decisions), *findings.findings]
    return replace(findings, findings=tuple(sorted(entries, key=lambda finding: WEIGHT[finding.level])))


def held_out_findings(kind: DataKind[Any], recipe: Recipe, decisions: Decisions) -> list[Finding]:
    """What a survey says of valid: what limits the score as a warning, and what would stop training.

    Bad rows are passed over, as they are findings of their own. What a survey writes is in a temporary folder.
    """
    recipe = replace(recipe, data=replace(recipe.data, bad_rows="skip"))
    with TemporaryDirectory() as name:
        notes, bad = Notes(lambda note: None, kind.row), BadRows(Path(name) / "bad_rows.jsonl")
        try:
            survey(kind, Preparation(recipe, Path(name) / "data", notes, bad, decisions))
        except HeedfulError as error:
            return [Finding("!", f"training would stop: {error.problem}", 1, advice=error.cure)]
        finally:
            bad.close(Path(name) / "bad.jsonl")
    said = [note for note in notes.lines if note.startswith("valid: ")]
    return [Finding("!" if note in notes.limits else "i", note, 1) for note in said]
