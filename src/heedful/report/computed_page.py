"""The page that computes attention: it holds queries, keys and values, and its view does the rest."""

import base64
import sys
import zlib
from array import array
from typing import Any

from heedful.computations import Computation, Matrix, Norm
from heedful.explanations import Explanation
from heedful.report import explained, explained_page, pages
from heedful.report.computed import first_query, map_of

LARGEST = 32_767
"""Of a number of two bytes with a sign."""
VIEWS = {
    "attention_arithmetic": None,
    "strips": None,
    "attention_tables": None,
    "attention_steps": None,
    "computation": ("computation", "mountComputation"),
}


class Packer:
    """Matrices in two bytes a number, each by its largest, behind one another."""

    def __init__(self) -> None:
        self.numbers = array("h")

    def add(self, matrix: Matrix) -> dict[str, Any]:
        """Where a matrix stands, as the view reads it; rows of nothing are left out."""
        if not len(matrix):
            return {"at": 0, "rows": 0, "width": 0, "largest": 0.0}
        largest = max(max(map(abs, row)) for row in matrix)
        place = {"at": len(self.numbers), "rows": len(matrix), "width": len(matrix[0]), "largest": largest}
        factor = LARGEST / largest if largest else 0.0
        for row in matrix:
            self.numbers.extend(round(value * factor) for value in row)
        return place

    def packed(self) -> str:
        """All of them, deflated, in base64."""
        numbers = self.numbers[:]
        if sys.byteorder == "big":
            numbers.byteswap()
        return base64.b64encode(zlib.compress(numbers.tobytes(), 9)).decode()


def page_of(explanation: Explanation, says: str = "", paper: str = "") -> str:
    """The page of an explanation: of what is computed, where it holds that, or else of its maps."""
    draw = computation_page if explanation.computations else explained_page.explanation_page
    return draw(explanation, says, paper)


def computation_page(explanation: Explanation, says: str = "", paper: str = "") -> str:
    """The page; `says` and `paper` are those of the method."""
    return pages.page(
        "computation.html",
        kind="explanation",
        title="One weight of attention, step by step",
        **pages.view_script(VIEWS),
        question=explanation.question.replace("\t", " "),
        answer=explanation.answer.replace("\t", " "),
        notes=explanation.notes,
        says=says,
        paper=paper,
        data=view_data(explanation),
        most=explained_page.most_table(explanation),
    )


def view_data(explanation: Explanation) -> dict[str, Any]:
    """Units and computations as the view reads them, with their numbers packed."""
    packer = Packer()
    first, head, row = first_query(explanation)
    content = {
        "units": {key: {"names": [*map(explained.unit_name, units.names)]} for key, units in explanation.units.items()},
        "names": {key: explained.side_name(explanation.units, key) for key in explanation.units},
        "computations": [layer_data(explanation, each, packer) for each in explanation.computations],
        "positions": {
            name: {"kind": each.kind, "width": each.width}
            | {key: packer.add(getattr(each, key)) for key in ("vectors", "added")}
            for name, each in explanation.positions.items()
        },
        "start": {"computation": 0, "head": first.heads.index(head), "row": row},
    }
    return {"content": content, "numbers": packer.packed()}


def layer_data(explanation: Explanation, computation: Computation, packer: Packer) -> dict[str, Any]:
    """One attention, with what its heads' weights and sums are held against."""
    heads = [
        {key: packer.add(getattr(head, key)) for key in ("queries", "keys", "values", "sums")}
        | {"weights": packer.add(map_of(explanation, head).weights)}
        for head in computation.heads
    ]
    fields = {
        key: getattr(computation, key) for key in ("score", "rows", "columns", "asked", "causal", "real", "vector")
    }
    norms = {key: norm_data(getattr(computation, key)) for key in ("query_norm", "key_norm")}
    more = {"label": explained.name_label(computation.name), "scale": computation.scale}
    return fields | norms | more | {"angles": packer.add(computation.angles), "heads": heads}


def norm_data(norm: Norm | None) -> dict[str, Any] | None:
    """A norm's own numbers, of which there are few, as they are."""
    if norm is None:
        return None
    return {key: getattr(norm, key) for key in ("scales", "shifts", "centred", "epsilon")}
