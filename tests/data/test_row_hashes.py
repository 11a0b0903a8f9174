"""Rows that were learnt from are known again by what they hold, whatever kind of data they are."""

import json
from pathlib import Path

import numpy as np
import pytest

from heedful import recipe as recipes
from heedful.api.known_rows import known_rows
from heedful.data.row_hashes import ROW_HASHES, RowHashWriter, find_row_hashes, hash_content, read_row_hashes
from heedful.errors import HeedfulError
from heedful.schema import Recipe
from heedful.tasks.joins import allowed
from heedful.tasks.task import find_task
from support.tiny_tasks import COLUMN, TASKS, recipe, write_data

ALIKE = ("draw", "complete", "fill")
"""Tasks of few different texts, which stand in both files."""


def values_of(rows: range) -> np.ndarray:
    return np.array([hash_content(str(row).encode()) for row in rows], np.uint64)


@pytest.mark.parametrize("limit", [10_000, 900, 40])
def test_hashes_of_a_sample_tell_what_they_can(limit: int, tmp_path: Path) -> None:
    writer = RowHashWriter(limit)
    for row in [*range(1000), *range(1000)]:
        writer.add(str(row).encode())
    note = writer.write(tmp_path)
    hashes = read_row_hashes(tmp_path / ROW_HASHES)
    told = hashes.told(values_of(range(1000)))
    assert (hashes.rows, told.sum(), len(hashes.hashes)) == (2000, min(limit, 1000), min(limit, 1000))
    assert (hashes.known(values_of(range(1000))) == told).all()
    assert not hashes.known(values_of(range(1000, 2000))).any()
    others = hashes.told(values_of(range(1000, 6000))).mean()
    assert others == pytest.approx(min(1, limit / 1000), abs=0.15)
    assert bool(note) == hashes.is_sample == (limit < 1000)
    if note:
        assert note.startswith(f"{limit:,} hashes are kept of 2,000 training rows")


def test_another_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / ROW_HASHES).write_bytes(b"not one")
    with pytest.raises(HeedfulError, match="cannot be read"):
        read_row_hashes(tmp_path / ROW_HASHES)


def told(asked: Recipe, folder: Path, file: str) -> str:
    """What is said of a file's rows by a model that was not trained yet, on data that were prepared for it."""
    learning = find_task(asked.task).learning
    resolved = learning.resolve(asked)
    data = learning.prepare(resolved, folder, lambda note: None)
    resolved = learning.resolve_for_data(resolved, data)
    model = learning.build(resolved, data)
    examples = learning.answering.examples(model, [file], resolved.data, lambda bad: None)
    return known_rows(folder, asked.task, model, examples)


@pytest.mark.parametrize("task", TASKS)
def test_every_row_of_the_training_file_is_known_and_none_of_another(task: str, tmp_path: Path) -> None:
    files = write_data(tmp_path, 1)
    asked = recipe(files, task, allowed(task)[0])
    column = COLUMN.get(task, "texts")
    note = told(asked, tmp_path / "run", files[f"train-{column}"])
    known, _, rest = note.partition(" of ")
    assert known == rest.split()[0].replace(",", "") != "0", note
    assert Path(files[f"train-{column}"]).stem in note or Path(files[f"train-{column}"]).name in note, note
    assert task in ALIKE or not told(asked, tmp_path / "run", files[f"valid-{column}"])


def test_rows_of_a_pair_of_files_are_named_by_line(tmp_path: Path) -> None:
    """Also those in another Unicode form; held-out rows and rows that filters left out were not learnt from."""
    rows = [f"w\u00f6rd{number}\tW {number}" for number in range(40)]
    (tmp_path / "train.tsv").write_text("\n".join([*rows, "l o n g\tL"]), "utf-8")
    (tmp_path / "valid.tsv").write_text("held\tH", "utf-8")
    other = ["new\tN", "wo\u0308rd3\tOTHER", "held\tH", "w\u00f6rd7\tW 7", "l o n g\tL"]
    (tmp_path / "other.tsv").write_text("\n".join(other), "utf-8")
    settings = {
        "data.train": [str(tmp_path / "train.tsv")],
        "data.valid": [str(tmp_path / "valid.tsv")],
        "data.normalize": "NFC",
        "data.source_tokenizer": "characters",
        "data.max_tokens": 6,
        "train.threads": 1,
    }
    note = told(recipes.build("translate", settings), tmp_path / "run", str(tmp_path / "other.tsv"))
    place = tmp_path / "other.tsv"
    assert note == f"2 of 5 sources were learnt from ({place} line 2, {place} line 4): new ones may score worse"
    (tmp_path / "run/data" / ROW_HASHES).unlink()
    assert find_row_hashes(tmp_path / "run") is None


def test_a_clip_of_which_a_part_is_held_out_is_known(tmp_path: Path) -> None:
    rows = [f"{step % 7},{step},{('up', 'down')[step // 3 % 2]}" for step in range(60)]
    for name, first in (("day.csv", 0), ("other.csv", 1)):
        (tmp_path / name).write_text("\n".join(["x,y,label", *rows[first:]]), "utf-8")
    settings = {"data.train": [str(tmp_path / "day.csv")], "network.name": "gru", "train.threads": 1}
    asked = recipes.build("label", settings)
    assert told(asked, tmp_path / "run", str(tmp_path / "day.csv")).startswith("1 of 1 source was learnt from")
    assert not told(asked, tmp_path / "run", str(tmp_path / "other.csv"))


def test_lines_of_a_document_are_known_wherever_they_stand(tmp_path: Path) -> None:
    lines = [f"This is line number {number} of a long text." for number in range(60)]
    (tmp_path / "book.txt").write_text("\n".join(lines), "utf-8")
    quoted = ["Something that stands nowhere else.", "}", lines[3], "", lines[5]]
    (tmp_path / "other.jsonl").write_text(json.dumps({"text": "\n".join(quoted)}), "utf-8")
    settings = {"data.train": [str(tmp_path / "book.txt")], "network.name": "gru", "train.threads": 1}
    note = told(recipes.build("complete", settings), tmp_path / "run", str(tmp_path / "other.jsonl"))
    place = f"{tmp_path / 'other.jsonl'} line 1"
    assert note.startswith(f"2 of 3 lines were learnt from ({place}, line 3 in it, {place}, line 5 in it)")
