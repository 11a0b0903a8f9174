"""What a student learns from: its teacher's answers, beside what is right for those held out, as files of data.

In the student's run folder:

teacher/teacher.json            who answered what, asked how, and what that took
teacher/answers/000000.json     a shard each, while it answers; gone when all are in train.jsonl
teacher/train.jsonl             a source with the teacher's answer a line, and with what was right, if that is wanted
teacher/valid.jsonl test.jsonl  sources with what is right by the data: never an answer
"""

import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from heedful.api.model import Model
from heedful.api.scores import damage_in
from heedful.api.sources import Sources
from heedful.data.folders import write_file
from heedful.data.pairs.soft_labels import COLUMN
from heedful.data.readers.rows import count
from heedful.data.steps.forms import words_of
from heedful.distillations import Distillation
from heedful.errors import HeedfulError
from heedful.report.words import join_words
from heedful.results import Answer
from heedful.small_files import read_json_table
from heedful.tasks.task import find_task
from heedful.tasks.teaching import Lesson
from heedful.training.checkpoint import weights_of
from heedful.training.progress import Listener

FOLDER, ABOUT, ANSWERS = "teacher", "teacher.json", "answers"
LEFT_OUT = "left_out"  # in place of a row, why there is none
RESULT = "distilled.json"
"""In the student's folder: itself beside its teacher."""
LEAST, DIGITS = 1e-4, 4
"""The least probability that is handed on, and the digits of each."""
SPLITS = ("train", "valid", "test")
SHARD = 500  # sources that are answered before their answers are written
IDENTITY = ("weights", "asked", "sources", "originals")
"""Keys of teacher.json by which answers are known to be those that are asked for."""


@dataclass(frozen=True)
class Taught:
    """What a teacher's answers are and took: teacher.json."""

    teacher: str
    data: list[str]
    weights: str
    asked: dict[str, Any]
    sources: str
    originals: bool
    answers: int = 0
    original_pairs: int = 0
    left_out: dict[str, int] = field(default_factory=dict[str, int])
    seconds: float = 0.0
    done: bool = False

    def describe(self) -> str:
        """As a card has it."""
        originals = f", beside {count(self.original_pairs, 'original pair')}" if self.original_pairs else ""
        answers = f"{count(self.answers, 'answer')} to {', '.join(self.data)} in {self.seconds / 60:.1f} minutes"
        return f"{self.teacher}: {answers}{originals}"


def files_of_student(folder: Path) -> dict[str, str]:
    """The data files of a student's run, by split."""
    return {split: str(folder / FOLDER / f"{split}.jsonl") for split in SPLITS}


def read_taught(folder: Path) -> Taught | None:
    """What was written of a student's teacher; None for a run that has none."""
    path = folder / FOLDER / ABOUT
    if not path.is_file():
        return None
    with damage_in(path):
        return Taught(**read_json_table(path))


def read_result(folder: Path) -> Distillation | None:
    """The student of a run's folder beside its teacher; None for a run that has none, or is not scored yet."""
    path = folder / RESULT
    if not path.is_file():
        return None
    with damage_in(path):
        return TypeAdapter(Distillation).validate_json(path.read_bytes())


def write_result(folder: Path, result: Distillation) -> None:
    """Writes what `read_result` reads."""
    text = json.dumps(asdict(result), ensure_ascii=False)
    write_file(folder / RESULT, lambda path: path.write_text(text, encoding="utf-8"))


def prepare_lesson(teacher: Model, name: str, sources: Sources, originals: bool, folder: Path) -> Taught:
    """What a teacher is to be asked for, before anything is written.

    Raises HeedfulError if the student's folder holds other answers.
    """
    lesson = Taught(
        name,
        sources.data,
        weights_digest(teacher),
        asdict(teacher.recipe.generate),
        sources.digest(),
        originals and sources.has_targets,
    )
    before = read_taught(folder)
    differ = [key for key in IDENTITY if before and getattr(before, key) != getattr(lesson, key)]
    if before and differ:
        raise HeedfulError(
            f"{folder / FOLDER} holds other answers of {before.teacher}: {join_words(differ)} differ.",
            "Take another folder: -o runs/NAME",
        )
    return lesson


def write_held_out(sources: Sources, folder: Path) -> None:
    """Writes what a student is scored on."""
    (folder / FOLDER).mkdir(exist_ok=True)
    for split, examples in (("valid", sources.valid), ("test", sources.test)):
        pairs = [(example.source, reference) for example in examples for reference in example.references]
        rows = [row_of(source, reference, sources.in_words) for source, reference in pairs]
        write_rows(folder / FOLDER / f"{split}.jsonl", rows)


def teach(teacher: Model, lesson: Taught, sources: Sources, folder: Path, listener: Listener) -> Taught:
    """Has all sources answered, and writes what the student of a run's folder learns from.

    What was answered before is not asked again.
    """
    place, before = folder / FOLDER, read_taught(folder)
    if before and before.done:
        listener.note(f"answered before: {before.describe()}")
        return before
    write_about(place, lesson)
    answer_shards(teacher, sources, place / ANSWERS, listener)
    taught = collect(lesson, sources, place)
    for reason, number in taught.left_out.items():
        listener.note(f"left out: {count(number, 'source')} {reason}")
    return taught


def answer_shards(teacher: Model, sources: Sources, place: Path, listener: Listener) -> None:
    """Asks for what is not answered yet, and writes a shard at a time: each is there whole, or not at all."""
    place.mkdir(exist_ok=True)
    texts, lesson = list(sources.rows), find_task(teacher.task).facts.lesson
    listener.begin("teacher", count(len(texts), "source"))
    for start in range(0, len(texts), SHARD):
        path = place / f"{start // SHARD:06}.json"
        if path.exists():
            continue
        clock = time.monotonic()
        answers = [best for best, *_ in teacher.answer(texts[start : start + SHARD], scored=False)]
        shard = {"seconds": time.monotonic() - clock, "answers": [answer_row(answer, lesson) for answer in answers]}
        write_file(path, lambda partial, shard=shard: partial.write_text(json.dumps(shard), encoding="utf-8"))
        done = min(start + SHARD, len(texts))
        listener.step(done / len(texts), f"{done:,} of {len(texts):,} answered")
    listener.end()


def answer_row(answer: Answer, lesson: Lesson) -> dict[str, Any]:
    """What is kept of an answer: a row of data or, if it is not learnt from, why."""
    if answer.cut:
        return {LEFT_OUT: "longer than the teacher reads"}
    if not answer.complete:
        return {LEFT_OUT: "whose answer is unfinished"}
    if not answer.output.strip():
        return {LEFT_OUT: "whose answer is empty"}
    track = answer.track
    row = row_of_words(track.words, track.labels) if track and track.words else row_of(answer.source, answer.output)
    if lesson.hands_on == "probabilities" and track:
        columns = zip(track.names, zip(*track.probabilities, strict=True), strict=True)
        likely = {name: [float(f"{p:.{DIGITS}g}") for p in column] for name, column in columns if max(column) >= LEAST}
        row[COLUMN] = likely if track.words else {name: column[0] for name, column in likely.items()}
    return row


def row_of(source: str, target: str, in_words: bool = False) -> dict[str, Any]:
    """A row of a data file; `in_words`: of words, with a label for each, joined by tabs."""
    return row_of_words(words_of(source), target.split("\t")) if in_words else {"source": source, "target": target}


def row_of_words(words: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """A row of tagged words, of which some may have no label."""
    return {"tokens": list(words), "tags": [label or None for label in labels]}


def collect(lesson: Taught, sources: Sources, place: Path) -> Taught:
    """Writes train.jsonl from all shards, notes what they took, and removes them."""
    shards = [read_json_table(path) for path in sorted((place / ANSWERS).glob("*.json"))]
    answers: list[dict[str, Any]] = [row for shard in shards for row in shard["answers"]]
    left_out = Counter(row[LEFT_OUT] for row in answers if LEFT_OUT in row)
    rows, originals = list[dict[str, Any]](), 0
    for (source, targets), answer in zip(sources.rows.items(), answers, strict=True):
        rows += [answer] if LEFT_OUT not in answer else []
        if lesson.originals:
            rows += [row_of(source, target, sources.in_words) for target in targets]
            originals += len(targets)
    if left_out.total() == len(answers):
        raise HeedfulError(f"{lesson.teacher} gave no answer that can be learnt from.")
    write_rows(place / "train.jsonl", rows)
    taught = replace(
        lesson,
        answers=len(answers) - left_out.total(),
        original_pairs=originals,
        left_out=dict(left_out),
        seconds=sum(shard["seconds"] for shard in shards),
        done=True,
    )
    write_about(place, taught)
    shutil.rmtree(place / ANSWERS)
    return taught


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes a file of rows, whole or not at all; none without rows."""
    if rows:
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        write_file(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def write_about(place: Path, taught: Taught) -> None:
    """Writes teacher.json."""
    text = json.dumps(asdict(taught), indent=1, ensure_ascii=False)
    write_file(place / ABOUT, lambda path: path.write_text(text, encoding="utf-8"))


def weights_digest(teacher: Model) -> str:
    """The sha256 of a teacher's weights, of all together if they are several."""
    whole = hashlib.sha256()
    for model in teacher.learnable:
        for name, tensor in sorted(weights_of(model.network).items()):
            whole.update(f"{name} {tuple(tensor.shape)}\n".encode())
            whole.update(tensor.contiguous().numpy().tobytes())
    return whole.hexdigest()
