"""What was measured when a run ended: scores.json, and the curve of metrics.jsonl."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from heedful.data.folders import write_file
from heedful.errors import HeedfulError
from heedful.report.words import choice_note
from heedful.results import Progress, Scores


@dataclass(frozen=True)
class RunFacts:
    """What was measured of a run beside its scores. `on` is the split that it was scored on."""

    on: str
    weights: int
    train_tokens_per_second: float
    generate_tokens_per_second: float
    peak_memory_mb: float
    training_seconds: float
    wall_seconds: float
    best_step: int
    steps: int
    notes: list[str]
    start: list[str]
    validated: int = 0
    """Validation examples that were scored each time in training; 0 in runs of 0.1.0, which do not tell."""


def write_scores(folder: Path, facts: RunFacts, scores: Scores) -> None:
    """Writes scores.json, which says that a run is finished."""
    table = {"facts": asdict(facts), "scores": scores.plain()}
    write_file(folder / "scores.json", lambda path: path.write_text(json.dumps(table, ensure_ascii=False)))


def read_scores(folder: Path) -> tuple[RunFacts, Scores]:
    """What `write_scores` wrote; raises HeedfulError if it is not that."""
    with damage_in(folder / "scores.json"):
        table = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
        facts = TypeAdapter(RunFacts).validate_python({"start": [], **table["facts"]})
        scores = TypeAdapter(Scores).validate_python(table["scores"])
        return facts, with_remarks(scores, choice_note(facts.on))  # 0.1.0 kept no remarks


def with_remarks(scores: Scores, *remarks: str) -> Scores:
    """The scores with what is to be known of them, once each; "" is nothing."""
    return replace(scores, remarks=tuple(dict.fromkeys([*scores.remarks, *filter(None, remarks)])))


def read_curve(folder: Path) -> list[Progress]:
    """The lines of a run's metrics.jsonl; raises HeedfulError if there are none."""
    with damage_in(folder / "metrics.jsonl"):
        lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").removesuffix("\n").split("\n")
        return [Progress(**json.loads(line)) for line in lines]


@contextmanager
def damage_in(path: Path) -> Generator[None]:
    """Has what goes wrong while a file that a run wrote is read said in words."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise HeedfulError(
            f"{path} is not as it was written: {error!r}.", "Copy it again from where it is whole."
        ) from None
