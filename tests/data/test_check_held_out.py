"""`check` says what training would hold out, in the words in which a preparation says it."""

from pathlib import Path

import pytest

from heedful.api.verbs import check
from heedful.data.pairs.check import WEIGHT
from heedful.tasks.recipes import build
from heedful.tasks.task import find_task

PAIRS = "".join(f"eins {number}\tone {number}\n" for number in range(300))
GROUPED = "a,b,who\n" + "".join(f"eins {n},one {n},{'xyz'[n % 3]}\n" for n in range(60))
MAILS = "".join(f"mail number {number}\t{'spam' if number % 4 else 'ham'}\n" for number in range(60)) + "rare\tonce\n"
BOOK = "It was a dark and stormy night; the rain fell in torrents.\n" * 400
CLIP = "x,label\n" + "".join(f"{number % 7},{'up' if number % 40 < 20 else 'down'}\n" for number in range(200))
CASES = {
    "pairs": ("translate", "a.tsv", PAIRS, {}, "i valid: 100 pairs held out by seed 0 (none given)"),
    "rows": ("translate", "a.tsv", PAIRS, {"data.valid_rows": 7}, "i valid: 7 pairs held out by seed 0 (none given)"),
    "groups": (
        "translate",
        "a.csv",
        GROUPED,
        {"data.group": "who", "data.columns": ["a", "b"]},
        "! valid: its pairs hang together in 1 group of 3, which are not learnt from: the score is theirs, and may be "
        "another for others",
    ),
    "classes": ("classify", "a.tsv", MAILS, {}, 'i valid: 1 of 3 classes not held out, and so without a score: "once"'),
    "document": (
        "complete",
        "a.txt",
        BOOK,
        {},
        "i valid: the last 4,105 characters of the only document (none given); its first 19,495 are learnt from",
    ),
    "clip": (
        "label",
        "a.csv",
        CLIP,
        {},
        "! valid: steps 157 to 200 of the only clip's 200 (none given): it is one recording, and the score says little "
        "about others",
    ),
    "folds": (
        "translate",
        "a.tsv",
        PAIRS,
        {"data.folds": 3},
        "i valid: 100 pairs that are learnt from too; how good the network is the folds tell",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_held_out_is_said_as_a_preparation_says_it(name: str, tmp_path: Path) -> None:
    task, file, text, keys, expected = CASES[name]
    (tmp_path / file).write_text(text)
    recipe = build(task, {"data.train": [str(tmp_path / file)], **keys})
    found = [finding for finding in check(recipe).findings if finding.text.startswith("valid: ")]
    assert expected in [f"{finding.level} {finding.text}" for finding in found]
    said = list[str]()
    learning = find_task(task).learning
    learning.prepare(learning.resolve(recipe), tmp_path / "run", said.append)
    assert {finding.text for finding in found} <= set(said)


def test_what_would_stop_training_is_told_and_files_to_choose_by_are_not_held_out(tmp_path: Path) -> None:
    one, others = tmp_path / "one.tsv", tmp_path / "others.tsv"
    one.write_text("eins\tone\n")
    others.write_text(PAIRS)
    found = check("translate", one).findings
    assert [(finding.level, finding.text) for finding in found if "training would stop" in finding.text] == [
        ("!", "training would stop: There is one pair alone, and none to hold out.")
    ]
    assert [WEIGHT[finding.level] for finding in found] == sorted(WEIGHT[finding.level] for finding in found)
    assert not [finding for finding in check("translate", one, valid=others).findings if "held out" in finding.text]
    others.write_text(PAIRS + "no tab\n")
    found = check("translate", others).findings
    assert found[0].level == "x" and "valid: 100 pairs held out by seed 0 (none given)" in [f.text for f in found]
    assert {*tmp_path.iterdir()} == {one, others}
