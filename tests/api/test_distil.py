"""Distillation: what a student learns from are its teacher's answers, and what it is scored on never is."""

import json
import random
import signal
import subprocess
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from heedful import load
from heedful.api.taught import SHARD, read_result
from heedful.data.pairs.prepared import Prepared
from heedful.data.pairs.soft_labels import read_soft_labels
from heedful.data.steps.soft_labels import read_step_labels
from heedful.data.steps.store import PreparedClips
from heedful.tasks.task import find_task
from heedful.training.progress import Quiet
from support.command_line import HEEDFUL, heedful
from support.own_process import KilledAtStep, distil_texts, exit_code

THREADS = "train.threads=1 train.precision=float32 train.valid_limit=20"
SMALL = f"--size tiny {THREADS}"
STUDENT = f"--network ssru2019 --steps 20 {SMALL}"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words in capitals behind which stands what nobody can know, a teacher, and words that it never saw."""
    folder, draw = tmp_path_factory.mktemp("distil"), random.Random(0)
    words = ["".join(letters) for letters in product("abcdef", repeat=4)]
    draw.shuffle(words)
    pairs = "".join(f"{word}\t{' '.join(word.upper())} {draw.choice('XY')}\n" for word in words[:120])
    (folder / "pairs.tsv").write_text(pairs, encoding="utf-8")
    (folder / "more.txt").write_text("\n".join(words[120:]), encoding="utf-8")
    teacher = f"train translate pairs.tsv --network bahdanau2015 --steps 50 -o teacher {SMALL} generate.beam=2"
    assert heedful(teacher, folder).code == 0
    return folder


def right(workspace: Path) -> dict[str, str]:
    lines = (workspace / "pairs.tsv").read_text(encoding="utf-8").splitlines()
    return {source: target for source, _, target in (line.partition("\t") for line in lines)}


def rows_of(path: Path) -> list[tuple[str, str]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(row["source"], row["target"]) for row in rows]


def test_a_student_learns_answers_and_is_scored_on_what_is_right(workspace: Path) -> None:
    done = subprocess.run(
        [*HEEDFUL, *f"distil teacher --no-originals -o student {STUDENT}".split()],
        cwd=workspace,
        capture_output=True,
        text=True,
        check=True,
    )
    teacher, student = load(workspace / "teacher"), load(workspace / "student")
    taught_by, learnt = teacher.data(), student.data()
    assert taught_by and learnt
    held_out = {example.source for example in taught_by.valid}
    truth = right(workspace)
    answers = {source: teacher.answer(source)[0][0] for source in truth if source not in held_out}
    expected = [(source, answer.output) for source, answer in answers.items() if answer.complete]
    assert rows_of(workspace / "student/teacher/train.jsonl") == expected
    assert any(target != truth[source] for source, target in expected), "a teacher that is always right"
    store = learnt.train  # pyright: ignore[reportAttributeAccessIssue]
    sides = learnt.source, learnt.target  # pyright: ignore[reportAttributeAccessIssue]
    assert [
        tuple(side.decode(ids) for side, ids in zip(sides, store[row], strict=True)) for row in range(len(store))
    ] == (expected)
    for examples in (learnt.valid, taught_by.valid):
        assert all(example.references == (truth[example.source],) for example in examples)
    assert [example.source for example in learnt.valid] == [example.source for example in taught_by.valid]
    table = done.stdout.splitlines()
    assert [line.split()[0] for line in table[1:3]] == ["teacher", "student"]
    assert f"{student.weights:,}" in table[2] and "student minus teacher: symbol error" in done.stdout
    card = (workspace / "student/README.md").read_text()
    assert "taught by | teacher" in card and "## Beside its teacher" in card and f"{teacher.weights:,}" in card
    fingerprint = json.loads((workspace / "student/fingerprint.json").read_text())
    assert fingerprint["teacher"]["answers"] == len(expected)
    shown = repr(read_result(workspace / "student")).splitlines()
    assert table[1] in shown and max(map(len, shown)) <= 120
    assert " ".join(" ".join(shown).split()) in " ".join(done.stdout.split()), "the whole table, wrapped or not"
    shared = workspace / "shared"
    assert heedful(f"export {workspace}/student --to heedful -o shared", workspace).code == 0
    texts = "".join(path.read_text() for path in shared.iterdir() if path.suffix in (".md", ".toml", ".json"))
    assert "taught by | teacher: " in texts and "## Beside its teacher" in texts and str(workspace) not in texts
    again = heedful(f"distil teacher --no-originals -o student {STUDENT}", workspace)
    assert again.out == done.stdout, "what is finished is shown as it was measured"


def test_texts_without_answers_and_what_is_right_beside(workspace: Path) -> None:
    """Texts have answers alone; of rows whose target is known, both are learnt from."""
    assert heedful(f"distil teacher more.txt -o asked {STUDENT}", workspace).code == 0
    texts = (workspace / "more.txt").read_text().splitlines()
    assert {source for source, _ in rows_of(workspace / "asked/teacher/train.jsonl")} <= {*texts}
    assert rows_of(workspace / "asked/teacher/valid.jsonl")
    assert heedful(f"distil teacher -o both {STUDENT}", workspace).code == 0
    truth, rows = right(workspace), rows_of(workspace / "both/teacher/train.jsonl")
    originals = [(source, truth[source]) for source in dict(rows)]
    assert [row for row in rows if row in originals][: len(originals)] and {*originals} < {*rows}


def test_killed_while_it_answers_it_goes_on(workspace: Path) -> None:
    """With the same answers as one that nobody stopped, and without asking again."""
    teacher, texts, killed, whole = (workspace / name for name in ("teacher", "more.txt", "killed", "whole"))
    assert len(texts.read_text().splitlines()) > 2 * SHARD
    assert exit_code(distil_texts, teacher, texts, killed, KilledAtStep(1)) == -signal.SIGKILL
    [first] = (killed / "teacher/answers").iterdir()
    assert not (killed / "teacher/train.jsonl").exists()
    first.write_text(first.read_text().replace('"target": "', '"target": "F ', 1))  # to be known again
    for folder in (killed, whole):
        distil_texts(teacher, texts, folder, Quiet())
    rows, expected = (rows_of(folder / "teacher/train.jsonl") for folder in (killed, whole))
    assert rows == [(expected[0][0], f"F {expected[0][1]}"), *expected[1:]]
    assert not (killed / "teacher/answers").exists()


def test_a_classifier_hands_on_how_likely_each_class_is(workspace: Path) -> None:
    """Which the student's loss goes by: cross entropy with all of them, or with the class alone of what is sure."""
    draw = random.Random(0)
    texts = ["".join(draw.choices("abcdef", k=6)) for _ in range(90)]
    lines = [f"{text}\t{'vowel' if text[0] in 'ae' else draw.choice(['stop', 'other'])}\n" for text in texts]
    (workspace / "named.tsv").write_text("".join(lines), encoding="utf-8")
    small = f"--network gru --size tiny {THREADS} data.source_tokenizer=characters network.counts=0"
    assert heedful(f"train classify named.tsv --steps 30 -o sorter {small}", workspace).code == 0
    assert heedful(f"distil sorter --steps 5 -o sorted {small}", workspace).code == 0
    teacher, student = load(workspace / "sorter"), load(workspace / "sorted")
    rows = [json.loads(line) for line in (workspace / "sorted/teacher/train.jsonl").read_text().splitlines()]
    soft = [row for row in rows if "probabilities" in row]
    expected = teacher.predict_proba([row["source"] for row in soft])
    given = np.array([[row["probabilities"].get(name, 0) for name in teacher.classes] for row in soft])
    assert np.allclose(given, expected, atol=1e-4) and 0.05 < expected.max(1).min() < 0.95
    assert [row["target"] for row in soft] == [teacher.classes[best] for best in expected.argmax(1)]
    prepared = student.data()
    assert isinstance(prepared, Prepared)
    labels = read_soft_labels(prepared.train)
    assert labels is not None and student.classes == teacher.classes
    truth = dict(line.strip().split("\t") for line in lines)
    answers = iter(given)
    for row, probabilities in zip(rows, labels, strict=True):
        sure = np.array(teacher.classes) == truth[row["source"]]
        assert np.allclose(probabilities, next(answers) if "probabilities" in row else sure, atol=1e-3)
    learning, trained = find_task("classify").learning, student.learnable[0]
    work = learning.work(trained, prepared, student.recipe)
    batch = work.collate(work.plan(0)[0])
    with torch.no_grad():
        loss, number = work.loss(work.network, batch)
        logits = work.network(batch["source"], batch["lengths"]).double()
    smoothing = student.recipe.train.label_smoothing
    smooth = (1 - smoothing) * batch["soft"].double() + smoothing / len(teacher.classes)
    assert number == len(batch) and torch.isclose(loss.double(), -(smooth * logits.log_softmax(-1)).sum(), rtol=1e-4)


def test_a_labeller_hands_on_how_likely_each_label_is(workspace: Path) -> None:
    """At each word; words without a label teach nothing."""
    draw = random.Random(0)
    texts = [["".join(draw.choices("abcdef", k=3)) for _ in range(draw.randint(2, 6))] for _ in range(60)]
    tag = {
        word: draw.choice("XY") if word[0] in "ab" else "_" if word[0] == "c" else "Z"
        for words in texts
        for word in words
    }
    lines = ["".join(f"{word}\t{tag[word]}\n" for word in words) for words in texts]
    (workspace / "tags.conll").write_text("\n".join(lines), encoding="utf-8")
    small = f"--network frame --size tiny {THREADS}"
    assert heedful(f"train label tags.conll --steps 20 -o tagger {small}", workspace).code == 0
    assert heedful(f"distil tagger --steps 5 -o tagged {small}", workspace).code == 0
    teacher, student = load(workspace / "tagger"), load(workspace / "tagged")
    rows = [json.loads(line) for line in (workspace / "tagged/teacher/train.jsonl").read_text().splitlines()]
    prepared = student.data()
    assert isinstance(prepared, PreparedClips) and prepared.names == teacher.classes
    labels = read_step_labels(prepared.train)
    assert labels is not None and len(labels) == sum(len(row["tokens"]) for row in rows)
    for row, probabilities in zip(rows, np.split(labels, prepared.train.ends[1:-1]), strict=True):
        if "probabilities" in row:
            expected = teacher.predict_proba(" ".join(row["tokens"]))
            assert row["tags"] == [teacher.classes[best] for best in expected.argmax(1)]
        else:
            assert row["tags"] == [None if tag[word] == "_" else tag[word] for word in row["tokens"]]
            expected = np.array([[name == label for name in teacher.classes] for label in row["tags"]])
        assert np.allclose(probabilities, expected, atol=1e-3)
    work = find_task("label").learning.work(student.learnable[0], prepared, student.recipe)
    batch = work.collate(work.plan(0)[0])
    with torch.no_grad():
        loss, number = work.loss(work.network, batch)
        logits = work.network(batch["source"], batch["lengths"]).double()
    smoothing, is_labelled = student.recipe.train.label_smoothing, batch["labels"] >= 0
    smooth = (1 - smoothing) * batch["soft"].double() + smoothing / len(teacher.classes)
    assert 0 < number == is_labelled.sum() < batch["lengths"].sum()
    assert torch.isclose(loss.double(), -(smooth * logits.log_softmax(-1))[is_labelled].sum(), rtol=1e-4)
    truth = (workspace / "tagged/teacher/valid.jsonl").read_text().splitlines()
    for row in map(json.loads, truth):
        assert row["tags"] == [None if tag[word] == "_" else tag[word] for word in row["tokens"]]


MISTAKES = {
    "no model": ("distil nothing --steps 3", ["nothing is not a run"]),
    "a task that hands on nothing": ("distil writer --steps 3", ["complete teaches no student", "translate"]),
    "no such texts": ("distil teacher moer.txt --steps 3", ["no file moer.txt", "more.txt"]),
    "unknown setting": ("distil teacher train.stepz=3", ["train.stepz", "train.steps"]),
    "no probability": ("train classify odd.jsonl --steps 3", ["odd.jsonl line ", "probabilities.b", "-0.5"]),
    "no such network": ("distil teacher --network gruu", ['Did you mean "gru"?']),
    "setting of another era": ("distil teacher --network gru network.heads=2", ["gru has no setting network.heads"]),
    "the teacher's own folder": ("distil teacher -o teacher --steps 3", ["teacher holds a run of another recipe"]),
    "nothing that is right": ("distil bare more.txt --steps 3", ["Nothing says what is right", "--valid FILE"]),
    "other answers": (f"distil teacher more.txt -o few {STUDENT}", ["few/teacher holds other answers", "sources"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_answered_in_plain_lines(case: str, workspace: Path) -> None:
    prepare_mistakes(workspace)
    line, expected = MISTAKES[case]
    before = sorted(workspace.rglob("*"))
    outcome = heedful(line, workspace)
    assert outcome.code == 2 and outcome.out == ""
    assert [words for words in expected if words not in outcome.err] == []
    assert "Traceback" not in outcome.err
    assert sorted(workspace.rglob("*")) == before, "something was left behind"


def prepare_mistakes(workspace: Path) -> None:
    """A model that hands on nothing, one without data, and a student of other texts."""
    if (workspace / "writer").exists():
        return
    text = workspace / "text.txt"
    text.write_text("one line and another\n" * 30, encoding="utf-8")
    assert heedful(f"train complete text.txt --network gru --steps 2 -o writer {SMALL}", workspace).code == 0
    load(workspace / "teacher").save(workspace / "bare")
    rows = [{"source": f"text {n}", "target": "ab"[n % 2], "probabilities": {"b": -0.5}} for n in range(20)]
    (workspace / "odd.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    (workspace / "few.txt").write_text("abcd\nfedc\n", encoding="utf-8")
    assert heedful(f"distil teacher few.txt -o few {STUDENT}", workspace).code == 0
