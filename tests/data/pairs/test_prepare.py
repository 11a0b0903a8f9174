"""Preparing: nothing leaks between splits, nothing is left out in silence, nothing half done is taken for done."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.data.folders import limits_of
from heedful.data.notes import Say
from heedful.data.pairs.check import check_pairs
from heedful.data.pairs.kind import PairKind
from heedful.data.pairs.prepared import Prepared, example_notes, examples
from heedful.data.pairs.sources import kind_of_source
from heedful.data.prepare import prepare as prepare_data
from heedful.data.tokenizers.learn import learn
from heedful.data.tokenizers.special_tokens import UNK
from heedful.errors import HeedfulError
from heedful.recipe import build
from heedful.results import Example
from heedful.schema import Recipe
from heedful.training import decide
from support import own_process


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def recipe(train: str = "pairs.tsv", **data: Any) -> Recipe:
    seed = data.pop("seed", 0)
    return build("translate", {"data.train": [train], "seed": seed, **{f"data.{k}": v for k, v in data.items()}})


def prepare(recipe: Recipe, folder: Path, say: Say, pretrained: tuple[Any, Any] = (None, None)) -> Prepared:
    return prepare_data(PairKind(pretrained=pretrained), recipe, folder, say, decide)


def write(name: str, rows: list[tuple[str, ...]]) -> str:
    Path(name).write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return name


def words(number: int) -> list[tuple[str, str]]:
    """Made-up words with their letters as symbols; every seventh has a second reading."""
    rows = []
    for i in range(number):
        word = "".join("abcdefghij"[int(digit)] for digit in str(i * 37 + 11))
        rows.append((word, " ".join(word.upper())))
        if i % 7 == 0:
            rows.append((word, " ".join(word.upper()[::-1])))
    return rows


def training_pairs(prepared: Prepared) -> list[tuple[str, str]]:
    rows = (prepared.train[i] for i in range(len(prepared.train)))
    return [(prepared.source.decode(source), prepared.target.decode(target)) for source, target in rows]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_words_and_symbols_from_file_to_store() -> None:
    rows = words(400)
    write("pairs.tsv", rows)
    write("test.tsv", rows[:3])
    notes: list[str] = []
    prepared = prepare(recipe(test=["test.tsv"]), Path("run"), notes.append)
    assert (prepared.source.kind, prepared.target.kind) == ("characters", "symbols")
    assert prepared.test == [
        Example("bb", ("B B",), "test.tsv line 1")
        if rows[0][1] == rows[1][1]
        else Example(rows[0][0], (rows[0][1], rows[1][1]), "test.tsv line 1"),
        Example(rows[2][0], (rows[2][1],), "test.tsv line 3"),
    ]
    held_out = {example.source for example in (*prepared.valid, *prepared.test)}
    assert training_pairs(prepared) == [row for row in rows if row[0] not in held_out]
    assert rows[int(prepared.train.where(9).removeprefix("pairs.tsv line ")) - 1] == training_pairs(prepared)[9]
    pairs = sum(len(example.references) for example in prepared.valid)
    assert 99 <= pairs <= 101, "at least 100, but for words with two readings"
    assert notes == prepared.notes
    assert "left out: 3 pairs whose source also stands in test" in notes
    assert f"valid: {pairs} pairs held out by seed 0 (none given)" in notes
    assert "source: 10 characters of the training side (one word a line)" in notes
    assert f"train: {len(prepared.train)} pairs" in notes


ROWS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("xyz"), st.sampled_from("1234")), min_size=40)


@given(ROWS, st.booleans(), st.integers(0, 3))
def test_no_source_and_no_group_on_two_sides(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], by_group: bool, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("split")
    rows = [*rows, ("i", "x", "5"), ("j", "x", "6")]
    columns = {"columns": ["1", "2"], "group": "3"} if by_group else {"columns": ["1", "2"]}
    file = write(str(folder / "pairs.tsv"), rows)
    settings = recipe(
        file, valid_rows=25, source_tokenizer="characters", target_tokenizer="characters", seed=seed, **columns
    )
    prepared = prepare(settings, folder / "run", lambda note: None)
    within = any("none is held out whole" in note for note in prepared.notes)
    kept = any("hardly any would be left" in note for note in prepared.notes)
    assert not within or (not by_group and len({row[0] for row in rows}) < 10)
    learnt = {source for source, _ in training_pairs(prepared)}
    held_out = {example.source for example in prepared.valid}
    assert held_out and learnt and (within or kept or not held_out & learnt)
    if by_group and not kept:
        lines = [int(prepared.train.where(i).rpartition(" ")[2]) - 1 for i in range(len(prepared.train))]
        groups = {rows[line][2] for line in lines}
        ungrouped_sources = {row[0] for row in rows if row[2] not in groups}
        assert held_out & ungrouped_sources and all(rows[line][0] not in held_out for line in lines)
    left_out_count = sum(int(note.split()[2]) for note in prepared.notes if note.startswith("left out"))
    first = next(note for note in prepared.notes if note.startswith("valid: ") and "held out" in note)
    assert len(prepared.train) + int(first.split()[1]) + left_out_count == len(rows)


def test_the_same_data_is_prepared_once_and_other_data_anew() -> None:
    write("pairs.tsv", words(200))
    notes: list[str] = []
    first = prepare(recipe(), Path("run"), notes.append)
    notes.clear()
    reopened = prepare(recipe(), Path("run"), notes.append)
    assert notes == [f"data as prepared before: {len(first.train)} training pairs"]
    assert (reopened.notes, reopened.valid, training_pairs(reopened)) == (
        first.notes,
        first.valid,
        training_pairs(first),
    )
    assert prepare(recipe(seed=1), Path("run"), notes.append).valid != first.valid
    prepare(recipe(), Path("run2"), notes.append)
    assert content(Path("run2/data")) == content(prepare(recipe(), Path("run"), notes.append).train.folder.parent)
    write("pairs.tsv", [*words(200), ("new", "N E W")])
    assert len(prepare(recipe(), Path("run"), notes.append).train) in (len(first.train), len(first.train) + 1)
    assert notes[-1].startswith("valid: ")


SPOILING: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "altered": lambda path: path.write_bytes(bytes(255 - byte for byte in path.read_bytes())),
    "gone": lambda path: path.unlink(),
}


def test_spoilt_data_are_said_and_prepared_again() -> None:
    """Whatever happens to whichever file; what 0.1.0 prepared has no checksums, and what cannot be opened is spoilt."""
    write("pairs.tsv", words(60))
    notes: list[str] = []
    rows = len(prepare(recipe(), Path("run"), notes.append).train)
    data, whole = Path("run/data"), content(Path("run/data"))
    assert len(whole) > 8
    for name in whole:
        for spoil in SPOILING.values():
            spoil(data / name)
            notes.clear()
            prepare(recipe(), Path("run"), notes.append)
            if name == "checksums.json" and spoil is SPOILING["gone"]:
                assert notes == [f"data as prepared before: {rows} training pairs"]
                spoil(data / "train/source.npy")
                prepare(recipe(), Path("run"), notes.append)
            expected = "cannot be opened" if len(notes) > 1 and "before" in notes[0] else str(data / name)
            assert any(note.startswith("data are prepared again: ") and expected in note for note in notes), notes
            assert content(data) == whole
    assert not list(Path("run").glob("data.*"))


def test_spoilt_data_that_would_be_others_are_refused() -> None:
    """As when another version learns another tokenizer: the run began with the ids of the old one."""
    write("pairs.tsv", words(60))
    prepare(recipe(), Path("run"), lambda note: None)
    path = Path("run/data/checksums.json")
    checksums = json.loads(path.read_text("utf-8"))
    checksums["train/source.npy"]["sha256"] = "0" * 64
    path.write_text(json.dumps(checksums), "utf-8")
    before = content(Path("run/data"))
    with pytest.raises(HeedfulError, match=r"other data if prepared again: train/source\.npy differ"):
        prepare(recipe(), Path("run"), lambda note: None)
    assert content(Path("run/data")) == before


def test_a_preparation_killed_at_any_note_is_done_again() -> None:
    write("pairs.tsv", [*words(200), ("", "x")])
    write("test.tsv", words(3))
    settings = {"data.train": ["pairs.tsv"], "data.test": ["test.tsv"]}
    uninterrupted = prepare(build("translate", settings), Path("whole"), lambda note: None)
    for note in (1, len(uninterrupted.notes) // 2, len(uninterrupted.notes)):
        assert own_process.is_killed_at_note(note, own_process.prepare, build("translate", settings), Path("run"))
        assert not Path("run/data").exists()
    notes: list[str] = []
    prepare(build("translate", settings), Path("run"), notes.append)
    assert notes == uninterrupted.notes
    assert content(Path("run")) == content(Path("whole"))


def test_many_rows_give_what_few_give(monkeypatch: pytest.MonkeyPatch) -> None:
    write("pairs.tsv", [*words(300), ("a", "b", "c"), ("zq", "Z Q")])
    in_memory = prepare(recipe(bad_rows="skip"), Path("few"), lambda note: None)
    # With a sample smaller than the file, rows are read again instead of being kept.
    monkeypatch.setattr(PairKind, "rows_in_memory", 40)
    read_twice = prepare(recipe(bad_rows="skip"), Path("many"), lambda note: None)
    assert (training_pairs(read_twice), read_twice.valid, read_twice.notes) == (
        training_pairs(in_memory),
        in_memory.valid,
        in_memory.notes,
    )
    notes: list[str] = []
    bpe = {"source_tokenizer": "bpe", "target_tokenizer": "unigram", "vocabulary": 300, "valid": [], "bad_rows": "skip"}
    prepared = prepare(recipe(**bpe), Path("bpe"), notes.append)
    assert len(prepared.train) == len(words(300)) + 1
    assert any(
        "learnt from 40 of 344 training pairs, drawn by seed 0 (as the recipe says)" in note for note in notes
    ), notes
    assert Path("many/bad_rows.jsonl").read_text() == Path("few/bad_rows.jsonl").read_text()


def test_all_that_is_left_out_is_counted_and_listed() -> None:
    rows = [
        ("one", "1"),
        ("two", "2 2 2 2 2 2"),
        ("", "3"),
        ("four", " "),
        ("bad",),
        ("a b c d e f g h i", "9 9 9"),
        ("six", "6"),
    ]
    write("pairs.tsv", rows)
    filters = {"max_tokens": 8, "max_ratio": 5.0, "min_tokens": 1}
    kinds = {"source_tokenizer": "symbols", "target_tokenizer": "symbols"}
    notes: list[str] = []
    prepared = prepare(recipe(valid=[], bad_rows="skip", **filters, **kinds), Path("run"), notes.append)
    assert training_pairs(prepared) == [("one", "1"), ("six", "6")]
    problem = "1 column where 2 are needed (source<TAB>target)"
    assert [note for note in notes if note.startswith("left out")] == [
        f"left out: 1 bad row, listed in bad_rows.jsonl (first: pairs.tsv line 5: {problem})",
        "left out: 2 pairs with an empty side (first: pairs.tsv line 3)",
        "left out: 1 pair with one side over 5 times as long as the other (data.max_ratio) (first: pairs.tsv line 2)",
        "left out: 1 pair with a side over 8 tokens (data.max_tokens) (first: pairs.tsv line 6)",
    ]
    bad_rows = [json.loads(line) for line in Path("run/bad_rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert bad_rows == [{"where": "pairs.tsv line 5", "problem": problem, "text": "bad"}]
    assert not list(Path("run/data").rglob("bad_rows*"))


def test_tokenizers_know_the_training_side_only() -> None:
    write("pairs.tsv", words(100))
    write("valid.tsv", [("zebra", "Z E B R A")])
    notes: list[str] = []
    prepared = prepare(recipe(valid=["valid.tsv"]), Path("run"), notes.append)
    assert prepared.source.unknown("zebra") == ["z", "r"]
    assert "valid: 2 tokens of the sources never seen in training" in notes
    assert "valid: 2 tokens of the references never seen in training" in notes


def test_kept_overlap_is_said() -> None:
    write("pairs.tsv", words(20))
    notes: list[str] = []
    prepared = prepare(recipe(valid=["pairs.tsv"], overlap="keep"), Path("run"), notes.append)
    assert len(prepared.train) == len(words(20))
    assert "kept: 23 training pairs whose source also stands in valid (data.overlap=keep)" in notes


def test_tokenizers_shared_given_and_sentences() -> None:
    sentences = [(f"The {n} cats sat on mat number {n * 7}.", f"{n} cats; mat {n * 7}!") for n in range(300)]
    write("pairs.tsv", sentences)
    notes: list[str] = []
    shared = prepare(recipe(shared_tokenizer=True), Path("shared"), notes.append)
    assert shared.source.dump() == shared.target.dump()
    assert f"source and target: BPE {shared.source.size:,} learnt from the training side (sentences)" in notes
    tokenizer = learn("characters", ["0123456789 acehmnorstubT"], 0)
    prepared = prepare(recipe(), Path("given"), notes.append, (tokenizer, tokenizer))
    assert prepared.source.dump() == tokenizer.dump()
    unknown_count = sum(UNK in prepared.train[i][0] for i in range(len(prepared.train)))
    assert unknown_count == len(prepared.train)
    assert any("without an entry in the vocabulary" in note for note in prepared.notes)


def test_how_files_are_written_and_normalised_is_said() -> None:
    Path("pairs.tsv").write_bytes("\ufeffscho\u0308n\tnice\r\n".encode())
    notes: list[str] = []
    prepared = prepare(recipe(valid=[], normalize="NFC"), Path("run"), notes.append)
    assert training_pairs(prepared) == [("sch\u00f6n", "nice")]
    assert notes[:3] == [
        "pairs.tsv begins with a byte order mark; it is passed over",
        "pairs.tsv has Windows line ends (CRLF); they are read as plain ones",
        "every text is given the Unicode form NFC",
    ]


def test_examples_group_references_and_keep_order() -> None:
    write("test.tsv", [("b", "1"), ("a", "2"), ("b", "3"), ("b", "1")])
    grouped_examples = examples(["test.tsv"], recipe().data, lambda bad: None)
    assert grouped_examples == [Example("b", ("1", "3"), "test.tsv line 1"), Example("a", ("2",), "test.tsv line 2")]


@pytest.mark.parametrize(
    ("rows", "changes", "start"),
    [
        ([("a", "")], {}, "There is no pair to learn from in pairs.tsv."),
        ([("a",)], {"bad_rows": "skip"}, "There is no pair to learn from in pairs.tsv.\n  pairs.tsv line 1: 1 column"),
        ([("a", "b")], {}, "There is one pair alone, and none to hold out.\n  Add some more, or give a file"),
        (
            [("a", "b", "g")] * 5,
            {"columns": ["1", "2"], "group": "3"},
            "No pair can be held out: all 5 are one group (data.group=3).",
        ),
        ([("a", "b")] * 5, {"valid_rows": 5}, "data.valid_rows=5 leaves nothing to learn from: there are 5 pairs."),
        (
            [("a", "b")],
            {"valid": [], "max_tokens": 1, "min_tokens": 2},
            "The length filters leave no pair to learn from.",
        ),
        ([("a", "b")], {"valid": ["none.tsv"]}, "There is no file none.tsv."),
        ([("a", "b")], {"valid": ["pairs.tsv"]}, "There is no pair to learn from in pairs.tsv.\n  All of them share"),
        ([("a", "b")] * 9, {"valid": [], "source_tokenizer": "sybmols"}, 'There is no tokenizer "sybmols".'),
        (
            [("a", "b")],
            {"valid": [], "shared_tokenizer": True, "source_tokenizer": "bpe", "target_tokenizer": "symbols"},
            "One shared tokenizer cannot be both bpe and symbols.",
        ),
    ],
)
def test_mistakes_are_named(rows: list[tuple[str, ...]], changes: dict[str, Any], start: str) -> None:
    write("pairs.tsv", rows)
    with pytest.raises(HeedfulError) as caught:
        prepare(recipe(**changes), Path("run"), lambda note: None)
    assert str(caught.value).startswith(start)
    assert not Path("run").exists()


def test_all_rows_say_whether_sources_are_pictures() -> None:
    """However many of the first say otherwise; both kinds are reported, in training and by check."""
    texts = [(f"a text {n}", "ab"[n % 2]) for n in range(1500)]
    pictures = [(f"{n}.png", "ab"[n % 2]) for n in range(1400)]
    for rows, kind, number in (([*pictures, *texts], "text", 1400), ([*texts, *pictures, *pictures], "picture", 2800)):
        Path("t.csv").write_text("text,label\n" + "".join(f"{source},{target}\n" for source, target in rows))
        settings = build("classify", {"data.train": ["t.csv"]}).data
        assert kind_of_source(settings) == kind
        note = f"{number:,} of {len(rows):,} sources are names of pictures: all are read as {kind}s"
        assert [finding.text for finding in check_pairs(settings, classes=True).findings].count(note) == 1
        assert example_notes(["t.csv"], settings).count(note) == 1
    write("pairs.tsv", [*pictures, *texts])
    notes: list[str] = []
    prepare(recipe(), Path("run"), notes.append)
    assert "1,400 of 2,900 sources are names of pictures: all are read as texts" in notes
    write("pairs.tsv", [*texts, *pictures, *pictures])
    with pytest.raises(HeedfulError, match=r"^pairs\.tsv holds pictures, and translate reads texts"):
        prepare(recipe(), Path("new"), notes.append)


def test_columns_are_said_where_files_are_checked_and_scored_on() -> None:
    Path("t.csv").write_text("id;question;answer\n" + "".join(f"{n};what {n};that {n}\n" for n in range(9)))
    settings = build("translate", {"data.train": ["t.csv"]}).data
    columns = "source is the column question, target is the column answer"
    said = ["t.csv: its columns are separated by semicolons", f"t.csv: {columns}"]
    assert example_notes(["t.csv"], settings) == said
    assert [finding.text for finding in check_pairs(settings).findings if finding.text.startswith("t.csv")] == said


def test_texts_that_end_like_names_of_pictures_are_texts() -> None:
    """What sources are is decided by most of them, not by the first, and said."""
    notes: list[str] = []
    write("pairs.tsv", [("see screen.png", "x"), *words(59)[:59]])
    prepared = prepare(recipe(), Path("data"), notes.append)
    assert "1 of 60 sources are names of pictures: all are read as texts" in notes
    assert "see screen.png" in [prepared.source.decode(ids) for ids in texts_of(prepared)] + [
        example.source for example in prepared.valid
    ]


def texts_of(prepared: Prepared) -> list[list[int]]:
    """The ids of the training sources."""
    return [prepared.train[row][0].tolist() for row in range(len(prepared.train))]


def test_classes_count_row_by_row_and_texts_by_source() -> None:
    """A text in two classes is two examples of which one can be right; a text with two translations is one example with
    two right answers. Both, and what repeats, are told, in training as where a file is scored.
    """
    rows = [("a", "x"), ("b", "y"), ("a", "y"), ("b", "y"), ("c", "x"), ("a", "x")]
    write("few.tsv", rows)
    write("many.tsv", [*rows, *((str(number), "xy"[number % 2]) for number in range(40))])
    learnt, notes = recipe("many.tsv", valid=["few.tsv"], overlap="keep"), list[str]()
    classified = prepare_data(PairKind(("text", "name")), learnt, Path("classes"), notes.append, decide)
    assert [(example.source, example.references) for example in classified.valid] == [
        (source, (name,)) for source, name in rows
    ]
    assert notes[-2:] == [
        "valid: 2 texts repeat another, and are scored as often as they stand there",
        "valid: 1 source of 3 has several classes (3 texts), which contradict each other, and are scored as they stand",
    ]
    assert "train: 2 texts repeat another, and are learnt from as often as they stand there" in notes
    few, of_files = learnt.data, {"data": learnt.data, "on_bad": lambda bad: None}
    assert examples(["few.tsv"], **of_files, merge_sources=False) == classified.valid
    assert [note.replace("row", "text") for note in example_notes(["few.tsv"], few, classified.target)][-2:] == [
        note.removeprefix("valid: ") for note in notes[-2:]
    ]
    notes.clear()
    translated = prepare(learnt, Path("texts"), notes.append)
    assert [example.references for example in translated.valid] == [("x", "y"), ("y",), ("x",)]
    assert notes[-2:] == [
        "valid: 2 pairs repeat another, and count once",
        "valid: 1 source of 3 has several targets (3 pairs), each of which is right",
    ]
    assert "train: 1 source of 43 has several targets (3 pairs), each of which is right" in notes
    assert examples(["few.tsv"], **of_files) == translated.valid
    assert example_notes(["few.tsv"], few)[-2:] == [
        "2 rows repeat another, and count once",
        "1 source of 3 has several targets (3 rows), each of which is right",
    ]


def test_a_run_that_held_out_other_rows_goes_on_with_them() -> None:
    """Where its data are spoilt or lost, they are split again as its fingerprint says: 0.1.0 held out one in twenty. A
    new run of the same recipe holds out as now.
    """
    write("pairs.tsv", [(f"{number} words", "x y") for number in range(200)])
    new = prepare(recipe(), Path("new"), lambda note: None)
    assert len(new.valid) == 44 and new.fingerprint["split"] == 2
    first = new.fingerprint.copy()
    del first["split"]
    Path("run").mkdir()
    Path("run/fingerprint.json").write_text(json.dumps({"data": first}), "utf-8")
    run = prepare(recipe(), Path("run"), lambda note: None)
    assert len(run.valid) == 10 and run.fingerprint == first
    whole = content(Path("run/data"))
    for spoilt in ("data/train/source.npy", "data/prepared.json", "data"):
        shutil.rmtree(Path("run", spoilt)) if spoilt == "data" else Path("run", spoilt).write_bytes(b"")
        assert prepare(recipe(), Path("run"), lambda note: None).valid == run.valid
        assert content(Path("run/data")).keys() == whole.keys()
    Path("run/fingerprint.json").unlink()
    assert prepare(recipe(), Path("run"), lambda note: None).valid == run.valid
    assert len(prepare(recipe(seed=1), Path("run"), lambda note: None).valid) == 44
    assert prepare(
        recipe(valid=["pairs.tsv"], overlap="keep"), Path("named"), lambda note: None
    ).fingerprint.keys() == (first.keys())


def test_what_limits_a_score_is_kept_beside_the_notes() -> None:
    write("pairs.tsv", [(f"caption {number % 6}", f"{number} x") for number in range(400)])
    prepared = prepare(recipe(), Path("few"), lambda note: None)
    limits = json.loads(Path("few/data/prepared.json").read_text("utf-8"))["limits"]
    assert limits == limits_of(Path("few/data"), "valid") == [note for note in prepared.notes if "400 pairs" in note]
    assert len(limits) == 1 and not limits_of(Path("few/data"), "test") and not limits_of(Path("none"), "valid")
