"""The run folder's own report: a page and a model card, from what was measured."""

from typing import Any

from heedful.api.model import Model
from heedful.results import Scores


def write_report(model: Model, scores: Scores, facts: dict[str, Any]) -> None:
    """report.html and README.md."""
