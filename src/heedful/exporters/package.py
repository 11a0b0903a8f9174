"""A model to be exported, and whether what was written of it answers as it does."""

from dataclasses import dataclass
from pathlib import Path

from heedful.errors import HeedfulError
from heedful.hub import Published
from heedful.schema import Recipe
from heedful.tasks.models import LearnableModel

TOLERANCE = 1e-4
"""How far what was written may be from what the network says, as a share of the largest number."""


@dataclass(frozen=True)
class Package:
    """A model with its recipe. `published`: it is a folder in the Hugging Face format, as it stands there.
    `with_hashes`: hashes of its training rows go along.
    """

    folder: Path
    recipe: Recipe
    model: LearnableModel
    published: Published | None = None
    with_hashes: bool = False


@dataclass(frozen=True)
class ExportedFiles:
    """What an exporter wrote: what each file is, by name, and notes in which FOLDER stands for the folder."""

    meaning: dict[str, str]
    notes: list[str]


def agreement_note(engine: str, quantity: str, deviation: float) -> str:
    """The note of a check that went well; raises HeedfulError for one that did not."""
    if not deviation <= TOLERANCE:
        raise HeedfulError(
            f"What was written for {engine} answers otherwise: "
            f"{quantity} differ by {deviation:.1e} of the largest number.",
            "Nothing was kept. constraints.txt has versions of the libraries with which answers agree.",
        )
    return f"checked: {quantity}, by {engine} and by the network, differ by at most {deviation:.0e} of the largest"
