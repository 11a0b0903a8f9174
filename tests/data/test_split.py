"""Who is held out: whole groups, every class in proportion, as many as the rule says, whatever the order of the files.

Small cases by hand, and laws over random rows; what 0.1.0 held out is held out again for its runs.
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.data.facts import SplitFacts
from heedful.data.notes import Notes
from heedful.data.pairs.read import Pair
from heedful.data.repeats import Repeats, repeats_of
from heedful.data.split import TRAIN, VALID, Scan, Split, Traits, scan
from heedful.errors import HeedfulError
from heedful.recipe import build
from heedful.training.decide import held_out_examples

CLASSES = Traits(classes=lambda pair: [pair.target])
LABELS = Traits(lambda pair: len(pair.target.split()), lambda pair: dict.fromkeys(pair.target.split()))


def pairs_of(rows: Iterable[Sequence[str]]) -> list[Pair]:
    """Pairs of (source, target) or (source, target, group)."""
    return [Pair(row[0], row[1], row[2] if len(row) > 2 else "", "f", line) for line, row in enumerate(rows, start=1)]


def split(pairs: list[Pair], traits: Traits, seed: int = 0, method: int = 2, **data: Any) -> tuple[np.ndarray, Notes]:
    """The side of each row, and what was said."""
    settings = build("translate", {f"data.{key}": value for key, value in data.items()}).data
    notes = Notes(lambda line: None, "row")
    scanned: Scan = scan(pairs, seed, traits=traits)
    return Split(settings, seed, notes, held_out_examples, method=method).sides(scanned, [], []), notes


def held(pairs: list[Pair], sides: np.ndarray, side: int = VALID) -> list[Pair]:
    """The rows of a side."""
    return [pair for pair, where in zip(pairs, sides, strict=True) if where == side]


def test_how_much_is_held_out() -> None:
    """Never fewer for more rows, nor fewer to learn from; steps and windows count where rows have many."""
    numbers = np.array([held_out_examples(SplitFacts(rows, rows, rows)) for rows in range(1, 60_000)])
    rows = np.arange(1, 60_000)
    assert (np.diff(numbers) >= 0).all() and (np.diff(rows - numbers) >= 0).all()
    small = (rows >= 5) & (rows <= 180)
    assert (numbers[small] == rows[small] // 5).all() and (numbers[300:500] == 100).all()
    assert (numbers <= np.maximum(1, rows / 3)).all() and numbers[-1] == 2000
    assert numbers[np.array([1000, 2500, 9000, 20_000, 40_000]) - 1].tolist() == [200, 500, 500, 1000, 2000]
    for facts, examples in (
        (SplitFacts(24, 24, 480), 100),  # sentences of 20 words: five
        (SplitFacts(24, 24, 24_000), 4000),  # four clips of 1,000 steps
        (SplitFacts(4800, 24, 4800), 960),  # a fifth of 24 sources
        (SplitFacts(240_000, 24, 240_000), 2000),
        (SplitFacts(1000, 1000, 1000), 200),
    ):
        assert held_out_examples(facts) == examples, facts


ROWS = st.lists(
    st.tuples(st.integers(0, 60).map(str), st.sampled_from("aaaabbcd"), st.sampled_from(["", "", "x", "y", "z"])),
    min_size=30,
    max_size=300,
)


@given(ROWS, st.booleans(), st.integers(0, 3))
def test_no_group_is_parted_and_every_class_is_learnt(
    rows: list[tuple[str, str, str]], by_group: bool, seed: int
) -> None:
    pairs = pairs_of(rows if by_group else (row[:2] for row in rows))
    data: dict[str, Any] = {"group": "3"} if by_group else {}
    try:
        sides, notes = split(pairs, CLASSES, seed, **data)
    except HeedfulError as error:
        assert by_group and {pair.group for pair in pairs} == {pairs[0].group}, error
        return
    keys = [pair.group or pair.source for pair in pairs]
    learnt, chosen = ({key for key, side in zip(keys, sides, strict=True) if side == of} for of in (TRAIN, VALID))
    assert learnt and chosen
    parted = any("so that none is held out whole" in note for note in notes.lines)
    assert parted or not learnt & chosen
    kept = any("for hardly any would be left" in note for note in notes.lines)
    sources = [{pair.source for pair in held(pairs, sides, side)} for side in (TRAIN, VALID)]
    assert parted or kept or not sources[0] & sources[1]
    if not by_group and not parted:
        spread = Counter(name for _, name in {(pair.source, pair.target) for pair in pairs})
        missing = spread.keys() - {pair.target for pair in held(pairs, sides, TRAIN)}
        assert not [name for name in missing if spread[name] > 1] and len(missing) < len(spread)
    order = random.Random(seed).sample(range(len(pairs)), len(pairs))
    if not parted:
        again, said = split([pairs[row] for row in order], CLASSES, seed, **data)
        assert (again == sides[order]).all() and said.lines == notes.lines


@given(st.lists(st.integers(2, 90), min_size=1, max_size=8), st.integers(0, 3))
def test_each_class_gives_its_part(sizes: list[int], seed: int) -> None:
    """Of rows that repeat nothing, to within one row a class; and none is without a score where there is room."""
    names = dict(zip("abcdefgh", sizes, strict=False))
    pairs = pairs_of((f"{name} {row}", name) for name, size in names.items() for row in range(size))
    sides, notes = split(pairs, CLASSES, seed)
    wanted = held_out_examples(SplitFacts(len(pairs), len(pairs), len(pairs)))
    counts = Counter(pair.target for pair in held(pairs, sides))
    for name, size in names.items():
        share = wanted * size / len(pairs)
        assert share - 1 <= counts[name] <= max(share + 1, 1) and counts[name] < size
    assert wanted <= len(held(pairs, sides)) <= max(wanted, len(pairs) // 3)
    without = [name for name in names if not counts[name]]
    assert len(held(pairs, sides)) >= len(pairs) // 3 or not without
    assert any("without a score" in note for note in notes.lines) == bool(without)


@given(st.integers(5, 600), st.integers(0, 3))
def test_rows_without_classes_are_held_out_as_many_as_the_rule_says(rows: int, seed: int) -> None:
    pairs = pairs_of((str(row), "x") for row in range(rows))
    sides, notes = split(pairs, Traits(), seed)
    number = held_out_examples(SplitFacts(rows, rows, rows))
    assert (sides == VALID).sum() == number and len(notes.lines) == 1
    assert (split(pairs, Traits(), seed, valid_rows=min(25, rows - 1))[0] == VALID).sum() == min(25, rows - 1)


def test_sentences_keep_every_label_in_training() -> None:
    draw = random.Random(0)
    tags = [*"OOOOOOOOAAB", "C"]
    rows = [(f"s{row}", " ".join(draw.choices(tags, k=draw.randint(5, 25)))) for row in range(24)]
    rows[5] = "s5", "O O RARE O"
    pairs = pairs_of(rows)
    for seed in range(5):
        sides, notes = split(pairs, LABELS, seed)
        learnt, chosen = (
            Counter(" ".join(pair.target for pair in held(pairs, sides, side)).split()) for side in (0, 1)
        )
        assert learnt.keys() == {*tags, "RARE"} and chosen.keys() == {*tags}
        assert 0.15 < chosen.total() / (learnt + chosen).total() < 0.34
        assert 'valid: 1 of 5 classes not held out, and so without a score: "RARE"' in notes.lines


def test_few_groups() -> None:
    """The best split that there is, and its limit is said; a refusal is the last resort."""
    names = pairs_of((f"{name} {row}", "x", name) for name in "abcdef" for row in range(50))
    sides, notes = split(names, Traits(), group="3")
    assert Counter(Counter(pair.group for pair in held(names, sides)).values()) == {50: 2}
    assert notes.lines[1].startswith("valid: its rows hang together in 2 groups of 6, which are not learnt from")
    sentences = pairs_of((f"s{row % 24}", str(row)) for row in range(24 * 10))
    sides, notes = split(sentences, Traits())
    assert Counter(Counter(pair.source for pair in held(sentences, sides)).values()) == {10: 6}
    captions = pairs_of((f"caption {row % 6}", f"{row}.png") for row in range(400))
    sides, notes = split(captions, Traits())
    assert set(Counter(pair.source for pair in held(captions, sides)).values()) == {16, 17}
    assert "valid: 6 sources in 400 rows, so that none is held out whole" in notes.lines[1]
    alone = split(pairs_of(("one", str(row)) for row in range(9)), Traits())[0]
    assert (alone == VALID).sum() == 1
    crossed = pairs_of((f"s{row}", "x", name) for name in "abc" for row in range(20))
    sides, notes = split(crossed, Traits(), group="3")
    assert (sides == VALID).sum() == 20 and (sides == TRAIN).sum() == 40
    assert "for hardly any would be left" in notes.lines[2]
    unequal = pairs_of([("a", "x " * 900), ("b", "x " * 10)])
    assert held(unequal, split(unequal, LABELS)[0]) == unequal[1:]
    apart = pairs_of([("a", "x"), ("b", "y"), ("c", "z")])
    sides, notes = split(apart, CLASSES)
    assert (sides == VALID).sum() == 1, "classes of one row each"
    for pairs, problem in (
        (pairs_of([("a", "x")]), "There is one row alone, and none to hold out."),
        (pairs_of([("a", "x", "g"), ("b", "y", "g")]), "No row can be held out: all 2 are one group (data.group=3)."),
    ):
        with pytest.raises(HeedfulError) as caught:
            split(pairs, Traits(), group="3")
        assert caught.value.problem == problem
    with pytest.raises(HeedfulError, match=r"^data\.valid_rows=9 leaves nothing to learn from: there are 3 rows\."):
        split(apart, CLASSES, valid_rows=9)


def test_runs_of_0_1_0_hold_out_the_same_rows() -> None:
    """What its code chose, by the sha256 of the sides."""
    draw = random.Random(1)
    rows = [(str(draw.randint(0, 900)), "x", draw.choice("abcdefgh")) for _ in range(1000)]
    few = [(f"caption {row % 6}", f"{row}.png") for row in range(400)]
    digests = [
        sha256(split(pairs_of(case), CLASSES, 3, method=1, **data)[0].tobytes()).hexdigest()[:16]
        for case, data in (
            ([row[:2] for row in rows], {}),
            (rows, {"group": "3", "valid_rows": 200}),
            ([row[:2] for row in rows], {"valid_rows": 77}),
            (few, {}),
        )
    ]
    assert digests == ["6a315b1d6a731e2e", "b050edcbb03e91d8", "df7ccbf678d829e9", "379cfd67768b93fc"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=30))
def test_repeats_are_counted(rows: list[tuple[str, str]]) -> None:
    targets = {source: {target for other, target in rows if other == source} for source, _ in rows}
    several = {source for source in targets if len(targets[source]) > 1}
    repeated, several_rows = len(rows) - len(set(rows)), sum(source in several for source, _ in rows)
    assert repeats_of(rows) == Repeats(len(rows), len(targets), repeated, len(several), several_rows)
