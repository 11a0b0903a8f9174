"""A look at clips: labels, lengths, ranges and leaks are told with what stands there, and what to do about it."""

from pathlib import Path

import numpy as np
import pytest

from heedful.data.steps.check import check_clips
from heedful.results import Finding
from heedful.training import decide
from support.video_clips import frames, put, recipe

HEADER = "x,z,label\n"


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def findings_of(*train: str, **data: object) -> list[Finding]:
    return list(check_clips(recipe(*train, **data).data, decide).findings)


def find(findings: list[Finding], text: str) -> Finding:
    [finding] = [finding for finding in findings if text in finding.text]
    return finding


def series(name: str, labels: str, first: float = 0.0) -> str:
    """A table of one label a letter, whose channel x counts up and z stands still."""
    return put(name, HEADER + "".join(f"{first + step},7,{label}\n" for step, label in enumerate(labels)))


def test_labels_are_counted_and_the_rare_ones_shown() -> None:
    train = series("a.csv", "u" * 30 + "d" * 9 + "s")
    findings = findings_of(train, valid=[series("v.csv", "un", 0.5)])
    assert find(findings, "train: steps by label").text.endswith("u 30 (75 %), d 9 (22.5 %), s 1 (2.5 %)")
    single, few = find(findings, "train: 1 label on a single step: s"), find(findings, "train: 1 label on fewer than")
    assert (single.lines, single.rows) == (("a.csv line 41",), ("x 39, z 7",)) and single.advice
    assert (few.lines, few.rows, few.level) == (("a.csv line 32",), ("x 30, z 7",), "!")
    unseen = find(findings, "valid: 1 label never in training: n")
    assert (unseen.lines, unseen.rows) == (("v.csv line 3",), ("x 1.5, z 7",)) and unseen.advice


def test_of_many_labels_the_rarest_is_told() -> None:
    text = find(findings_of(series("a.csv", "aabbccddeeffgghhiijjkkl")), "steps by label").text
    assert text.endswith("j 2 (8.7 %) …; rarest: l 1 (4.35 %)") and "k 2" not in text


def test_ranges_of_channels_are_those_of_the_data() -> None:
    findings = findings_of(series("a.csv", "ud"), series("b.csv", "udu", -4))
    ranges = find(findings, "ranges of 2 channels")
    assert (ranges.lines, ranges.rows) == (("x", "z"), ("-4 to 1, mean -1.6", "7 to 7, mean 7"))
    constant = find(findings, "constant")
    assert (constant.lines, constant.rows) == (("z",), ("always 7",)) and constant.advice
    lengths = find(findings, "train: clips have 2 to 3 steps")
    assert lengths.rows == ("a.csv, 2 steps", "b.csv, 3 steps") and lengths.lines == ("a.csv line 2", "b.csv line 2")


@pytest.mark.parametrize("split", ["train", "test"])
def test_far_values_are_told_as_training_refuses_them(split: str) -> None:
    train, far = series("a.csv", "ud" * 9), put("f.csv", HEADER + "0,7,u\n1e20,7,d\n")
    files = {"train": [train], "valid": [series("v.csv", "udu", 0.5)], "test": []}
    files[split] = [*files[split], far]
    found = findings_of(*files["train"], valid=files["valid"], test=files["test"])[0]
    assert found.level == "x" and found.lines == ("f.csv line 3",) and found.advice
    assert "column x is 1e+20, far out of its range in training" in found.text


def test_far_values_of_an_array_are_named_by_their_step() -> None:
    values = np.arange(40.0).reshape(20, 2)
    values[6, 1] = -1e20
    np.save("a.npy", values)
    put("a.txt", "u\n" * 20)
    found = findings_of("a.npy")[0]
    assert found.level == "x" and found.text.startswith("a.txt line 1: a.npy: step 6 of channel 2 is -1e+20")


def test_the_same_clip_under_another_name_is_a_leak() -> None:
    frames("one/a.npy", 3)
    frames("one/b.npy", 4, seed=1)
    frames("two/c.npy", 3)
    for name in ("one/a.txt", "one/b.txt", "two/c.txt"):
        put(name, "u\nd\nu\nu\n" if "b" in name else "u\nd\nu\n")
    leak = find(findings_of("one", valid=["two"]), "1 clip of valid also in training")
    assert leak.level == "!" and leak.lines == ("two/c.txt line 1",) and leak.advice
    assert leak.rows == ("two/c.npy, 3 steps, as one/a.txt line 1",)


def test_sentences_are_shown() -> None:
    put("a.conll", "Anna P\nsees O\n\nLee P\nsleeps V\nwell O\n")
    put("t.conll", "Anna P\nsees O\n")
    findings = findings_of("a.conll", test=["t.conll"])
    assert find(findings, "train: 1 label on a single step: V").rows == ('"sleeps" in "Lee sleeps well"',)
    assert find(findings, "1 clip of test also in training").rows == ('"Anna sees", as a.conll line 1',)
    assert find(findings, "train: clips have 2 to 3 steps").rows == ('"Anna sees"', '"Lee sleeps well"')
