"""Clips prepared: what is stored is what was read, training alone decides, and every choice is said."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from heedful.data.batching import Rows
from heedful.data.fingerprint import changed_files, describe_coder
from heedful.data.notes import Say
from heedful.data.pictures.read import Form
from heedful.data.prepare import prepare
from heedful.data.steps.forms import StepForm, open_steps
from heedful.data.steps.kind import StepKind
from heedful.data.steps.read import read_clips
from heedful.data.steps.store import PreparedClips
from heedful.data.steps.words import WordVocabulary
from heedful.errors import HeedfulError
from heedful.schema import Recipe
from heedful.tasks.label.clips import Collate
from heedful.tasks.label.windows import Reach, cut_windows
from heedful.training import decide
from support.video_clips import frames, put, recipe


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def prepare_steps(recipe: Recipe, folder: Path, say: Say, pretrained: StepForm | None = None) -> PreparedClips:
    return prepare(StepKind(pretrained), recipe, folder, say, decide)


def training_labels(prepared: PreparedClips) -> dict[str, tuple[str, ...]]:
    rows = ((prepared.train.where(row), prepared.train[row][1]) for row in range(len(prepared.train)))
    names = dict(enumerate(prepared.names)) | {-1: ""}
    return {where: tuple(names[int(number)] for number in labels) for where, labels in rows}


def test_frames_from_files_to_store() -> None:
    for number in range(40):
        frames(f"films/{number:02}.npy", 5 + number % 3, seed=number)
        put(f"films/{number:02}.txt", "".join("walk\n" if step % 2 else "\n" for step in range(5 + number % 3)))
    frames("films/copy.npy", 5, seed=0)
    put("films/copy.txt", "walk\n" * 5)
    frames("films/dark.npy", 2, seed=99)
    put("films/dark.txt", "\n\n")
    put("test.csv", "file_name,labels\nfilms/03.npy,walk walk run run jump\n")
    notes: list[str] = []
    prepared = prepare_steps(recipe("films", test=["test.csv"], valid_rows=4), Path("run"), notes.append)
    assert prepared.notes == notes and prepared.names == ("walk",)
    assert prepared.form.picture == Form(8, "gray")
    assert [example.references for example in prepared.test] == [("walk\twalk\trun\trun\tjump",)]
    held_out = {example.source for example in (*prepared.valid, *prepared.test)}
    assert len(held_out) == 5 and not held_out & {f"films/{where[6:8]}.npy" for where in training_labels(prepared)}
    for row in range(len(prepared.train)):
        where = prepared.train.where(row)
        file = "films/00.npy" if "copy" in where else where.removesuffix(".txt line 1") + ".npy"
        steps, labels = prepared.train[row]
        assert (steps == np.load(file)[..., None]).all() and len(steps) == len(labels) == prepared.train.lengths[row, 0]
    for reference in held_out:
        assert (prepared.steps[reference] == np.load(reference)[..., None]).all()
    assert prepared.steps["films/copy.npy"].tolist() == prepared.steps["films/00.npy"].tolist()
    assert "40 sequences of 239 frames, 15.4 kB on disk; one is identical to another, and taken for it" in notes
    assert "left out: 1 clip without any label (first: films/dark.txt line 1)" in notes
    assert "test: 3 steps with labels never seen in training, which count as wrong: run, jump" in notes
    assert "left out: 1 clip whose source also stands in test" in notes
    assert any(note.startswith("valid: 4 clips held out") for note in notes)
    restored = pickle.loads(pickle.dumps(prepared.train))
    assert (restored[3][0] == prepared.train[3][0]).all()
    notes.clear()
    prepare_steps(recipe("films", test=["test.csv"], valid_rows=4), Path("run"), notes.append)
    assert notes == [f"data as prepared before: {len(prepared.train)} training clips"]
    put("films/05.txt", "run\n" * 7)
    assert "run" in prepare_steps(recipe("films", valid_rows=4), Path("run"), notes.append).names


def test_what_changes_is_named_also_where_a_list_names_it() -> None:
    *clips, test_clip = [frames(f"{number}.npy", 2, seed=number) for number in range(5)]
    put("list.csv", "file_name,labels\n" + "".join(f"{clip},walk run\n" for clip in clips))
    put("other.csv", f"file_name,labels\n{test_clip},walk run\n")
    settings = recipe("list.csv", test=["other.csv"])
    fingerprint = prepare_steps(settings, Path("run"), lambda note: None).fingerprint
    assert changed_files(fingerprint, settings.data) == []
    frames("2.npy", 2, seed=7)
    assert changed_files(fingerprint, settings.data) == ["a clip that list.csv or other.csv names"]
    put("other.csv", f"file_name,labels\n{test_clip},walk walk\n")
    assert changed_files(fingerprint, settings.data) == ["other.csv"]


def test_series_are_standardised_by_training_alone() -> None:
    draw = np.random.default_rng(0)
    for number in range(12):
        rows = draw.normal([100_000, 3], [5, 0], (50, 2)) + (1000 if number == 11 else 0)
        lines = "".join(f"{x:.3f},{y:.3f},{'up' if x > 100_000 else 'down'}\n" for x, y in rows)
        put(f"s/{number}.csv", f"x,y,label\n{lines}")
    files = [f"s/{number}.csv" for number in range(10)]
    notes: list[str] = []
    data = {"valid": ["s/10.csv"], "test": ["s/11.csv"]}
    prepared = prepare_steps(recipe(*files, **data), Path("run"), notes.append)
    raw = np.concatenate([np.loadtxt(file, delimiter=",", skiprows=1, usecols=(0, 1)) for file in files])
    assert prepared.form.channels == ("x", "y") and prepared.form.mean == pytest.approx(raw.mean(0), rel=1e-6)
    assert prepared.form.std == pytest.approx((raw[:, 0].std(), 1), rel=1e-3)
    assert "constant over all training steps, and so without information: y" in notes
    training_values = np.concatenate([prepared.train[row][0] for row in range(10)])
    assert np.abs(training_values[:, 0].mean()) < 1e-2 and training_values[:, 0].std() == pytest.approx(1, abs=1e-2)
    values = prepared.form.encode(open_steps("s/11.csv", StepForm.parse(json.loads(json.dumps(prepared.form.plain())))))
    assert (values == prepared.steps["s/11.csv"]).all() and values[:, 0].mean() > 100
    further = prepare_steps(recipe("s/11.csv", "s/10.csv"), Path("on"), notes.append, prepared.form)
    assert further.form == prepared.form
    put("new.csv", "x,y,label\n1,2,sideways\n")
    new = prepare_steps(recipe("new.csv", valid=["s/10.csv"]), Path("new"), notes.append, prepared.form)
    assert new.form == prepared.form and new.names == ("sideways",)
    put("other.csv", "x,z,label\n1,2,up\n")
    other = prepare_steps(
        recipe("other.csv", valid=["other.csv"], overlap="keep"), Path("other"), notes.append, prepared.form
    )
    assert other.form.channels == ("x", "z") and other.form.mean == (1, 2)
    put("words.conll", "up\tup\n")
    with pytest.raises(HeedfulError, match=r"read series, and words\.conll holds tokens"):
        prepare_steps(recipe("words.conll", valid=["words.conll"]), Path("words"), notes.append, prepared.form)


def test_words_and_their_letters() -> None:
    rows = ["the cat sat", "the dog sat", "a cat ran", f"the {'x' * 11}yz{'w' * 12} ran"] * 2
    text = "\n\n".join("\n".join(f"{word} {len(word) % 3}" for word in row.split()) for row in rows)
    put("train.conll", text + "\n")
    put("test.conll", "the 0\nöbra 2\n")
    notes: list[str] = []
    prepared = prepare_steps(
        recipe("train.conll", test=["test.conll"], valid_rows=2, seed=1), Path("run"), notes.append
    )
    vocabulary = prepared.form.vocabulary
    assert isinstance(vocabulary, WordVocabulary)
    assert prepared.form == StepForm.parse(json.loads(json.dumps(prepared.form.plain())))
    assert prepared.test[0].source == "the öbra" and prepared.test[0].references == ("0\t2",)
    numbers = prepared.steps["the öbra"]
    assert (numbers == vocabulary.encode(("the", "öbra"))).all()
    assert numbers[1, 0] == 1 and numbers[0, 0] > 1 and numbers[1, 1] == 1 and numbers[0, 4] == 0
    letters = vocabulary.encode(["x" * 11 + "yz" + "w" * 12])[0, 1:]
    assert len(set(letters[:11])) == 1 and letters[11] != letters[10] and (letters[12:] == letters[23]).all()
    assert any("first and last 12 letters are read" in note for note in notes) or "x" not in vocabulary.letters
    assert "test: 50.0 % of the words seen less than twice in training, known by letters alone" in notes


@pytest.mark.parametrize("kind", ["csv", "npy"])
def test_a_number_far_out_of_its_range_is_a_bad_row_with_its_line(kind: str) -> None:
    """It neither flattens its channel nor blames another clip: the moments are those of the data without it."""
    draw = np.random.default_rng(0)
    for number in range(8):
        values = draw.normal([100_000, 3], [5, 0], (50, 2))
        values[::9, 1] = 4  # mostly constant, as a switch is
        if number in (3, 7):
            values[20, number // 7] = 1e20
        if kind == "npy":
            np.save(f"{number}.npy", values)
            put(f"{number}.txt", "a\n" * 50)
        else:
            put(f"{number}.csv", "x,y,label\n" + "".join(f"{x},{y},a\n" for x, y in values))
    files = {"train": [f"{number}.{kind}" for number in range(6)], "valid": [f"6.{kind}", f"7.{kind}"]}
    notes: list[str] = []
    skipping = recipe(*files["train"], valid=files["valid"], bad_rows="skip")
    prepared = prepare_steps(skipping, Path("run"), notes.append)
    clean = [file for file in files["train"] if not file.startswith("3")]
    alone = prepare_steps(recipe(*clean, valid=[f"6.{kind}"]), Path("clean"), notes.append)
    assert (prepared.form.mean, prepared.form.std) == (alone.form.mean, alone.form.std)
    assert len(prepared.train) == 5 and [example.source for example in prepared.valid] == [f"6.{kind}"]
    bad = [json.loads(line) for line in Path("run/bad_rows.jsonl").read_text().splitlines()]
    if kind == "csv":
        assert [row["where"] for row in bad] == ["3.csv line 22", "7.csv line 22"]
        assert bad[0]["problem"].startswith("column x is 1e+20, far out of its range in training (the median is ")
    else:
        assert [row["problem"].split(" is ")[0] for row in bad] == [
            "3.npy: step 20 of channel 1",
            "7.npy: step 20 of channel 2",
        ]
    with pytest.raises(HeedfulError, match=rf"3\.{kind}.*2[02].*is 1e\+20, far out of its range"):
        prepare_steps(recipe(*files["train"], valid=files["valid"]), Path("stops"), notes.append)
    with pytest.raises(HeedfulError, match=rf"7\.{kind}.*is 1e\+20, far out of its range in training"):
        open_steps(f"7.{kind}", prepared.form)


def test_each_clip_is_an_example_in_training_as_in_evaluate() -> None:
    """Equal sentences, or equal frames, with other labels contradict each other: not any of them is right."""
    put("train.conll", "a X\n\nb X\n\nc Y\n")
    put("test.conll", "a X\n\na Y\n\na X\n")
    for number in range(4):
        frames(f"films/{number}.npy", 2, seed=number // 2)
    put("train.csv", "file_name,labels\nfilms/0.npy,x y\n")
    put("test.csv", "file_name,labels\nfilms/2.npy,x y\nfilms/3.npy,y x\nfilms/1.npy,x x\n")
    for train, test, count in (("train.conll", "test.conll", 3), ("train.csv", "test.csv", 3)):
        settings = recipe(train, test=[test], valid=[train], overlap="keep")
        prepared = prepare_steps(settings, Path("run" + train), lambda note: None)
        clips = list(read_clips([test], settings.data, prepared.form, print))
        assert [example.references for example in prepared.test] == [("\t".join(clip.labels),) for clip in clips]
        assert len(clips) == count and [example.where for example in prepared.test] == [clip.where for clip in clips]


def test_frames_are_varied_clip_by_clip() -> None:
    """Alone and in a batch the same bytes, all frames of a clip alike, and another way in each epoch."""
    for number in range(12):
        frame = np.random.default_rng(number).integers(0, 256, (1, 12, 12), np.uint8)
        put(f"films/{number:02}.txt", "walk\n" * (2 + number % 3) + "run\n")
        np.save(f"films/{number:02}.npy", np.repeat(frame, 3 + number % 3, axis=0))
    train = prepare_steps(recipe("films", valid_rows=2), Path("run"), lambda text: None).train
    collate = Collate(train, cut_windows([train[row][0] for row in range(len(train))], Reach(0)), ("turn",), seed=0)
    batch = collate(Rows(0, np.arange(len(train))))
    for row in range(len(train)):
        alone, later = (collate(Rows(epoch, np.array([row]))) for epoch in (0, 1))
        varied = alone["source"][0]
        assert torch.equal(batch["source"][row, : len(varied)], varied)
        assert (varied == varied[:1]).all()
        assert not np.array_equal(varied.numpy(), train[row][0]) and not torch.equal(varied, later["source"][0])
        assert torch.equal(alone["labels"], later["labels"])


def test_what_is_given_is_described_in_the_words_of_the_first_release() -> None:
    """Else data that were prepared by it would not be known again."""
    words = StepForm("tokens", vocabulary=WordVocabulary(["to"], ["t", "o"]), normalize="NFC")
    assert describe_coder(words) == (
        "StepForm(kind='tokens', picture=None, rate=0.0, channels=(), mean=(), spread=(), "
        "lexicon=Lexicon(('to',), ('t', 'o')), normalize='NFC')"
    )
    frames = StepForm("frames", Form(8, "gray"), 2.0)
    assert describe_coder(frames) == (
        "StepForm(kind='frames', picture=Form(size=8, colours='gray', fit='crop', resizing=None), rate=2.0, "
        "channels=(), mean=(), spread=(), lexicon=None, normalize='none')"
    )


@pytest.mark.parametrize("kind", ["csv", "npy", "frames", "conll"])
def test_a_part_in_time_of_the_only_clip_is_held_out(kind: str) -> None:
    """Where it has the labels that it can have, each of which is learnt too; the parts are those of the whole clip,
    also when they are opened by their names. For folds it is cut into pieces.
    """
    labels = [*["rest"] * 30, *["run"] * 6, *["walk"] * 4, *["run"] * 6, *["walk"] * 4, *["rest"] * 49, "fall"]
    values = np.arange(200).reshape(100, 2) / 7
    file = "day.csv" if kind == "csv" else "day.conll" if kind == "conll" else "day.npy"
    if kind == "csv":
        rows = zip(values, labels, strict=True)
        put(file, "x,y,label\n" + "".join(f"{x},{y},{label}\n" for (x, y), label in rows))
    elif kind == "conll":
        put(file, "".join(f"w{step} {label}\n" for step, label in enumerate(labels)) + "\n")
    else:
        np.save(file, values if kind == "npy" else frames("one.npy", 100, 1) and np.load("one.npy"))
        put("day.txt", "\n".join(labels) + "\n")
    notes: list[str] = []
    prepared = prepare_steps(recipe(file), Path("run"), notes.append)
    [held_out] = prepared.valid
    learnt = [prepared.train[row] for row in range(len(prepared.train))]
    names = [[prepared.names[number] for number in numbers] for _, numbers in learnt]
    before, after = names
    held_labels = held_out.references[0].split("\t")
    assert before + held_labels + after == labels and {"run", "walk"} <= {*held_labels} and "fall" in after
    assert 'valid: 1 of 4 classes not held out, and so without a score: "fall"' in notes
    first = len(before) + 1
    assert any(note.startswith(f"valid: steps {first} to {first + 19} of the only clip's 100 (") for note in notes)
    whole = prepared.form.encode(open_steps(file if kind != "conll" else held_out.source, prepared.form))
    if kind == "conll":
        assert held_out.source.split() == [f"w{step}" for step in range(first - 1, first + 19)]
        assert (prepared.steps[held_out.source] == whole).all()
        return
    assert held_out.source == f"{file}#steps={first - 1}-{first + 18}"
    assert (np.concatenate([learnt[0][0], prepared.steps[held_out.source], learnt[1][0]]) == whole).all()
    part = prepared.form.encode(open_steps(held_out.source, prepared.form))
    assert (part == prepared.steps[held_out.source]).all()
    folds = prepare_steps(recipe(file, folds=3, fold=1), Path("fold"), notes.append)
    steps = sum(len(folds.train[row][1]) for row in range(len(folds.train)))
    assert len(folds.train) > 3 and len(folds.test) > 1 and steps < 70
