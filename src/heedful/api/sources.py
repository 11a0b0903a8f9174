"""What a teacher is asked, and what its student is scored on: texts without answers, data, or its own run's rows."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from heedful.api.model import Model
from heedful.data.kind import Preparation
from heedful.data.notes import BadRows, Notes
from heedful.data.pairs.read import Pair
from heedful.data.prepare import survey
from heedful.data.readers.lines import check_exists, read_lines
from heedful.data.readers.opening import ending_of
from heedful.data.readers.rows import BadRow
from heedful.errors import HeedfulError
from heedful.results import Example
from heedful.schema import Recipe
from heedful.tasks.task import find_task

LINES = (".txt",)
"""How files end that hold a text a line."""
NO_TARGETS = (
    "Name data that it is scored on (--valid FILE), or give texts with their targets, of which some are held out."
)


@dataclass(frozen=True)
class Sources:
    """Sources in their order, each with what is right for it as far as that is known, and what is held out.

    `data` names what they stand in.
    """

    rows: dict[str, list[str]]
    valid: list[Example]
    test: list[Example]
    data: list[str]
    in_words: bool
    """Whether sources are words with a label each."""

    @property
    def has_targets(self) -> bool:
        """Whether it is known of some source what is right."""
        return any(self.rows.values())

    def digest(self) -> str:
        """All of it in a few letters: equal ones ask and score the same."""
        whole = hashlib.sha256()
        for source, targets in self.rows.items():
            whole.update("\0".join([source, *targets, "\n"]).encode())
        for side in (self.valid, self.test):
            for example in side:
                whole.update("\0".join([example.source, *example.references, "\n"]).encode())
        return whole.hexdigest()


def read_sources(teacher: Model, recipe: Recipe) -> Sources:
    """What a teacher is to be asked by a recipe whose data.train are the texts; if it names none, the training rows of
    the teacher's own run.

    What is held out are the recipe's valid and test files, else those of the teacher's run, else rows of the texts.
    Raises HeedfulError where there is nothing to ask or to score on, and for sources that are known by no text.
    """
    valid, test = held_out(teacher, recipe)
    files = recipe.data.train
    own = not files
    if own:
        recipe, files = teacher.recipe, teacher.recipe.data.train
        if not files:
            raise HeedfulError(
                f"{teacher.folder} holds no data of its own.", "Name texts that it answers: heedful distil RUN TEXTS"
            )
    if all(ending_of(file) in LINES for file in files) and teacher.source_kind in ("text", "tokens") and not own:
        rows = [(text, "") for file in files for text in lines_of(file)]
    else:
        read, held = read_data(recipe, may_hold_out=own or not valid)
        rows, valid = [(pair.source, pair.target) for pair in read], valid or held
    if not valid:
        raise HeedfulError(f"Nothing says what is right for the student of {teacher.folder}.", NO_TARGETS)
    by_source: dict[str, list[str]] = {}
    for source, target in rows:
        if source.strip():
            by_source.setdefault(located(teacher, source), []).extend([target] if target else [])
    valid, test = ([located_example(teacher, example) for example in side] for side in (valid, test))
    return Sources(by_source, valid, test, files, teacher.source_kind == "tokens")


def held_out(teacher: Model, recipe: Recipe) -> tuple[list[Example], list[Example]]:
    """What is held out by the recipe's files, or else by the teacher's own run."""
    answering, data, own = find_task(teacher.task).answering, recipe.data, teacher.data()
    valid, test = (own.valid, own.test) if own else ([], [])
    bad: list[BadRow] = []
    if data.valid != "auto":
        valid = answering.examples(teacher.trained[0], data.valid, data, bad.append)
    if data.test:
        test = answering.examples(teacher.trained[0], data.test, data, bad.append)
    return valid, test


def read_data(recipe: Recipe, may_hold_out: bool) -> tuple[list[Pair], list[Example]]:
    """The rows of a recipe's training files and, where some may be held out, those by its split."""
    learning = find_task(recipe.task).learning
    kind = learning.data_kind(recipe)
    with TemporaryDirectory(prefix="heedful-") as folder:
        notes, bad = Notes(lambda note: None, kind.row), BadRows(Path(folder) / "bad_rows.jsonl")
        preparation = Preparation(recipe, Path(folder), notes, bad, learning.decisions)
        if may_hold_out:
            found = survey(kind, preparation)
            return list(found.corpus.read_all()), kind.examples(found.valid)
        kind.begin(preparation)
        rows = list(kind.read(recipe.data.train))
        kind.end_reading()
        return rows, []


def lines_of(file: str) -> Iterator[str]:
    """The lines of a file that are not blank; raises HeedfulError for one that is no text."""
    check_exists(Path(file))
    for _, line in read_lines(file):
        if isinstance(line, BadRow):
            raise HeedfulError(f"{line.where}: {line.problem}.", line.cure)
        if line.strip():
            yield line


def located(teacher: Model, source: str) -> str:
    """A source as a file of data may name it from anywhere: pictures by their whole path."""
    is_file = teacher.source_kind == "picture" and "://" not in source
    return str(Path(source).absolute()) if is_file else source


def located_example(teacher: Model, example: Example) -> Example:
    """An example whose source is so named."""
    return Example(located(teacher, example.source), example.references, example.where)
