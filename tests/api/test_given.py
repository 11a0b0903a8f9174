"""Data in memory are one file, whatever form they have: the same weights, the same rows, the same folder."""

import json
import re
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

import heedful
from heedful.api.given import files_of
from heedful.errors import HeedfulError
from heedful.results import Finding, Findings
from heedful.tasks.recipes import build
from heedful.tasks.task import find_task
from support import ROOT
from support.tiny_tasks import COLOURS, SHAPES, picture

PAIRS = [(f"{a}{b}{c}", f"{c}{b}{a}") for a in "abcdef" for b in "abc" for c in "def"]
RECORDS = [{"source": source, "target": target} for source, target in PAIRS]
COLUMNS = {name: [record[name] for record in RECORDS] for name in ("source", "target")}
FORMS: dict[str, Any] = {
    "pairs": PAIRS,
    "lists": [list(pair) for pair in PAIRS],
    "a generator": (pair for pair in PAIRS),
    "records": RECORDS,
    "columns": COLUMNS,
    "columns of arrays": {name: np.array(values) for name, values in COLUMNS.items()},
    "X and y": (COLUMNS["source"], COLUMNS["target"]),
    "series": (pd.Series(COLUMNS["source"]), pl.Series(COLUMNS["target"])),
    "numpy": np.array(PAIRS),
    "pandas": pd.DataFrame(COLUMNS),
    "pandas with an index": pd.DataFrame(COLUMNS | {"keep": True}, index=range(9, 9 + len(PAIRS))).drop(columns="keep"),
    "pandas with a named index": pd.DataFrame(COLUMNS | {"id": range(len(PAIRS))}).set_index("id"),
    "polars": pl.DataFrame(COLUMNS),
    "pyarrow": pa.table(COLUMNS),
    "datasets": datasets.Dataset.from_dict(COLUMNS),
}
SMALL: dict[str, Any] = {"steps": 2, "size": "tiny", "network": "gru", "settings": {"train.threads": 1}}
QUIET = heedful.Quiet()


def given(task: str, data: Any, folder: Path) -> Path:
    [file] = files_of(data, find_task(task).facts, folder)
    return Path(file)


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def bad_rows(findings: Findings) -> list[Finding]:
    return [finding for finding in findings.findings if finding.level == "x"]


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_of_the_same_pairs_are_one_file(form: str, tmp_path: Path) -> None:
    file = given("translate", FORMS[form], tmp_path)
    assert file == given("translate", PAIRS, tmp_path) and rows(file) == RECORDS
    assert [path.name for path in tmp_path.iterdir()] == [file.parent.name]


def test_the_same_data_have_the_weights_of_their_file_and_go_on_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in RECORDS), encoding="utf-8")
    lines: list[str] = []

    class Notes(heedful.Quiet):
        def note(self, text: str) -> None:
            lines.append(text)

    model = heedful.train("translate", PAIRS, listener=Notes(), **SMALL)
    assert model.folder == Path("runs/translate-gru") and "is finished" not in "".join(lines)
    of_file = heedful.train("translate", "pairs.jsonl", listener=QUIET, **SMALL)
    for name in ("model.safetensors", "config.json"):
        assert (model.folder / name).read_bytes() == (of_file.folder / name).read_bytes(), name
    heedful.train("translate", pd.DataFrame(COLUMNS), listener=Notes(), **SMALL)
    assert "runs/translate-gru is finished" in "".join(lines)
    with pytest.raises(HeedfulError, match="another recipe"):
        heedful.train("translate", PAIRS[1:], listener=QUIET, **SMALL)
    scores = model.evaluate(PAIRS[:5])
    assert scores.count == 5 and scores == model.evaluate(pa.table(COLUMNS).slice(0, 5))
    comparison = heedful.compare(
        "translate", COLUMNS, networks=["gru", "rnn"], size="tiny", steps=1, settings=SMALL["settings"], listener=QUIET
    )
    assert [entry.run for entry in comparison.entries] == ["runs/compare/translate/gru", "runs/compare/translate/rnn"]


@pytest.mark.parametrize("nothing", [None, float("nan"), np.nan, pd.NA, pd.NaT])
def test_what_is_missing_is_a_bad_row_with_its_number(
    nothing: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame([*PAIRS[:6], ("x", nothing)], columns=["source", "target"])
    first = pd.DataFrame([("x", nothing), *PAIRS], columns=["source", "target"])
    for data, line in (
        ([*PAIRS[:6], (nothing, "x"), *PAIRS[6:]], 7),
        (table, 7),
        ([(nothing, "x"), *PAIRS], 1),
        (first, 1),
    ):
        with pytest.raises(HeedfulError, match=rf"runs/inputs/\w{{16}}/translate.jsonl line {line}: "):
            heedful.train("translate", data, listener=QUIET, **SMALL)
        [bad] = bad_rows(heedful.check("translate", data))
        assert f"line {line}" in "".join(bad.lines)
    assert not Path("runs/translate-gru").exists()


GRAY = np.arange(48, dtype=np.uint8).reshape(12, 2, 2)
GAPS: dict[str, tuple[str, Any, Any]] = {
    "pictures": ("classify", [(None, "a"), *((shade, "ab"[n % 2]) for n, shade in enumerate(GRAY))], "file_name"),
    "classes": ("classify", [(GRAY[0], None), *((shade, "ab"[n % 2]) for n, shade in enumerate(GRAY))], "target"),
    "words": ("label", [(None, ["A"]), *([["w", f"n{n}"], ["A", "B"]] for n in range(9))], "no word"),
    "tags": ("label", [(["w"], None), *([["w", f"n{n}"], ["A", "B"]] for n in range(9))], "1 column"),
    "series": ("label", [(None, ["A"]), *((np.arange(2.0) + n, ["A", "B"]) for n in range(9))], "no file in"),
    "labels": (
        "label",
        [(np.arange(2.0), None), *((np.arange(2.0) + n, ["A", "B"]) for n in range(9))],
        "no labels in",
    ),
}


@pytest.mark.parametrize("case", GAPS)
def test_a_first_row_may_lack_what_others_have(case: str, tmp_path: Path) -> None:
    task, data, problem = GAPS[case]
    file = given(task, data, tmp_path / "inputs")
    said: list[str] = []
    learning = find_task(task).learning
    changes = {"data.train": [str(file)], "data.valid": "auto", "data.bad_rows": "skip", "data.overlap": "keep"}
    prepared: Any = learning.prepare(build(task, changes), tmp_path / "run", said.append)
    assert len(prepared.train) + len(prepared.valid) == len(data) - 1
    [left_out] = [line for line in said if line.startswith("left out: 1 bad row")]
    assert "line 1: " in left_out and problem in left_out


@pytest.mark.parametrize(
    "task, wrong, problem",
    [
        ("translate", 7, "Data cannot be of type int."),
        ("translate", [("a", "b"), ("a", "b", "c")], "Row 2 has 3 values, and 2 are needed: source, target."),
        ("translate", [("a", "b"), 5], "Row 2 is of type int"),
        ("translate", [], "There is no row"),
        ("translate", {"source": ["a"], "target": ["b", "c"]}, "source has 1, target has 2"),
        ("translate", [("a", object())], "target of row 1 is of type object"),
        ("translate", datasets.DatasetDict({"train": FORMS["datasets"]}), "data sets, and not one: train"),
        ("classify", [(np.zeros((4, 4)), "a"), (np.full((4, 4), -1.0), "a")], "source of row 2 has levels"),
        (
            "classify",
            (np.zeros((3, 5)), ["a", "b", "a"]),
            "source of row 1 is a numpy.ndarray, and no text",
        ),
        ("translate", [("a", ["b", "c"])], "target of row 1 is a list, and no text."),
        ("label", [(["a", "b"], ["X"])], "Row 1 has 2 words and 1 label"),
        ("label", [{"a": 1}], "No column is the source: a."),
    ],
)
def test_what_are_no_data_is_named(task: str, wrong: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(HeedfulError, match=re.escape(problem)):
        given(task, wrong, tmp_path)
    assert not list(tmp_path.iterdir())


def test_numbers_and_dates_are_texts(tmp_path: Path) -> None:
    data = [(7, np.int64(8)), (True, pd.Timestamp("2026-01-02")), (np.str_("a"), {"en": "b"})]
    assert [tuple(row.values()) for row in rows(given("translate", data, tmp_path))] == [
        ("7", "8"), ("true", "2026-01-02T00:00:00"), ("a", {"en": "b"}),
    ]  # fmt: skip


def test_pictures_in_every_form_are_the_same_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    kinds = [(colour, shape) for _ in range(4) for colour in range(len(COLOURS)) for shape in range(2)]
    arrays = np.stack([picture(*kind, rng) for kind in kinds])
    labels = [SHAPES[shape] for _, shape in kinds]
    for number, pixels in enumerate(arrays):
        Image.fromarray(pixels).save(f"{number}.png")
    images = [Image.open(f"{number}.png") for number in range(len(arrays))]
    paths = [Path(f"{number}.png") for number in range(len(arrays))]
    features = datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=list(SHAPES)))
    hub = datasets.Dataset.from_dict(
        {"image": [str(path) for path in paths], "label": [SHAPES.index(label) for label in labels]}, features=features
    )
    weights = set[bytes]()
    forms: list[Any] = [
        (arrays, labels),
        (arrays / 255, np.array(labels)),
        list(zip(images, labels, strict=True)),
        list(zip(paths, labels, strict=True)),
        list(zip(map(str, paths), labels, strict=True)),
        pd.DataFrame({"image": images, "label": labels}),
        hub,
    ]
    small = SMALL | {"network": "vit", "steps": 1, "settings": {"train.threads": 1, "data.overlap": "keep"}}
    for number, form in enumerate(forms):
        model = heedful.train("classify", form, valid=forms[0], output=f"out/{number}", listener=QUIET, **small)
        weights.add((model.folder / "model.safetensors").read_bytes())
        assert model.classes == tuple(sorted(set(labels)))
    assert len(weights) == 1 and not Path("runs").exists() and Path("out/inputs").is_dir()
    files = {given("draw", list(sides), tmp_path / "draw") for sides in (
        zip(images, labels, strict=True), zip(labels, images, strict=True), zip(labels, arrays, strict=True)
    )}  # fmt: skip
    assert len(files) == 1
    missing = (arrays, [labels[0], None, *labels[2:]])
    assert any("line 2" in "".join(bad.lines) for bad in bad_rows(heedful.check("classify", missing)))


def test_series_and_words_have_a_label_a_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    series = rng.normal(size=(12, 6, 2)).astype(np.float32)
    labels = np.where(series[:, :, 0] > 0, "high up", "low")
    forms: list[Any] = [(series, labels), list(zip(series, labels.tolist(), strict=True))]
    forms.append([{"x": values, "labels": names} for values, names in zip(series, labels, strict=True)])
    files = {given("label", form, tmp_path / "inputs") for form in forms}
    assert len(files) == 1
    model = heedful.train("label", (series, labels), output="out/series", listener=QUIET, **SMALL)
    assert model.classes == ("high up", "low") and model.evaluate((series[:3], labels[:3])).count == 3
    words = [(["New York", "is", f"n{number}"], ["LOC", None, "O"]) for number in range(12)]
    tagger = heedful.train("label", words, output="out/words", listener=QUIET, **SMALL)
    assert tagger.classes == ("LOC", "O")
    assert tagger.predict([["New York", "is"]])[0].count("\t") == 1
    assert tagger.predict("New York is").count("\t") == 2


def test_texts_in_a_list_are_documents_and_files_stay_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    texts = ["once upon a time", "there was a cat"]
    assert rows(given("complete", texts, tmp_path / "a")) == [{"text": text} for text in texts]
    assert given("complete", pd.Series(texts), tmp_path / "a") == given("complete", pl.Series(texts), tmp_path / "a")
    Path("a b.txt").write_text("text", encoding="utf-8")
    facts = find_task("complete").facts
    assert files_of(["a b.txt", "c.txt"], facts, tmp_path) == ["a b.txt", "c.txt"]
    assert files_of(Path("a b.txt"), facts, tmp_path) == ["a b.txt"]


def test_a_file_that_was_spoilt_is_written_again(tmp_path: Path) -> None:
    file = given("translate", PAIRS, tmp_path)
    right = file.read_bytes()
    file.write_bytes(b"spoilt")
    assert given("translate", PAIRS, tmp_path) == file and file.read_bytes() == right


def test_keywords_that_contradict_are_refused() -> None:
    with pytest.raises(HeedfulError, match="2 budgets: minutes, steps"):
        heedful.train("translate", PAIRS, minutes=1, steps=2)
    with pytest.raises(HeedfulError, match="seed is set twice"):
        heedful.train("translate", "pairs.tsv", seed=1, settings={"seed": 2})
    with pytest.raises(HeedfulError, match="nothing to learn from"):
        heedful.train("translate")


def test_the_page_about_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S):
        exec(block, names)
    assert {path.name for path in Path("runs").iterdir()} == {"inputs", "translate-gru", "mine", "told"}
