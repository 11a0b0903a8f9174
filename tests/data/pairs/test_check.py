"""A look at the data: every kind of trouble is found, counted and placed; clean data has nothing to say."""

from dataclasses import replace
from pathlib import Path

import pytest

from heedful.data.pairs.check import check_pairs
from heedful.errors import HeedfulError
from heedful.recipe import build
from heedful.results import Findings
from heedful.tasks.task import find_task

CLEAN = [(f"The {n}th cat of {m} sat on the mat.", f"Cat {n} of {m} sat.") for n in range(10) for m in range(9)]

DATA = build("translate").data


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, rows: list[tuple[str, ...]]) -> str:
    Path(name).write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return name


def describe(findings: Findings) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(finding.level, finding.text, finding.lines) for finding in findings.findings]


def test_clean_data_has_nothing_to_say() -> None:
    findings = check_pairs(replace(DATA, train=[write("a.tsv", CLEAN)]))
    assert describe(findings) == []
    assert findings.title == "a.tsv"
    assert findings.summary == "90 pairs · source 9 words, target 5 words (nine in ten) · 1 file"
    assert {name: [(b.low, b.high, b.count, b.value) for b in bins] for name, bins in findings.histograms.items()} == {
        "source: words": [(9, 9, 90, 100.0)],
        "target: words": [(5, 5, 90, 100.0)],
    }


@pytest.mark.filterwarnings("error")
def test_nothing_but_empty_sources_is_a_finding() -> None:
    """And no warning of the arithmetic: there is no usual ratio of their lengths."""
    rows: list[tuple[str, ...]] = [("", f"the {n} cats sat") for n in range(3)]
    assert ("!", "3 pairs with an empty source") in [
        finding[:2] for finding in describe(check_pairs(replace(DATA, train=[write("a.tsv", rows)])))
    ]


TROUBLE = {
    "empty source": (("", "Cat."), "!", "1 pair with an empty source"),
    "empty target": (("The cat.", " "), "!", "1 pair with an empty target"),
    "long": (
        ("The cat sat on the mat as a cat sat on a mat.", "Cat."),
        "!",
        "1 pair where one side is over 3 times as long as the other",
    ),
    "equal": (("The mat sat.", "The mat sat."), "!", "1 pair whose target is the source itself"),
    "duplicate": (CLEAN[4], "!", "1 pair that occurred before, word for word"),
    "references": ((CLEAN[4][0], "The cat sat."), "i", "1 source with several targets: each counts as right"),
    "control": (("The cat\x07 sat.", "Cat sat."), "!", "1 pair with control characters"),
    "lost": (
        ("The c\ufffdt.", "Cat."),
        "!",
        "1 pair with the replacement character \ufffd (something was lost before)",
    ),
    "mojibake": (("The cÃ©t.", "Cat."), "!", "1 pair with what looks like UTF-8 once read as Latin-1 (Ã©, â€™)"),
    "invisible": (("The c\u200bat.", "Cat."), "!", "1 pair with invisible characters (zero width, direction marks, …)"),
    "spaces": (("The  cat.", "Cat."), "!", "1 pair with white space at an end, or two spaces in a row"),
    "decomposed": (
        ("The co\u0308t.", "Cat."),
        "i",
        "1 pair with decomposed characters (NFD): data.normalize=NFC makes them one",
    ),
    "rare": (("The x cat.", "Cat."), "i", "1 character of the source occurs once: x"),
    "bad": (("The cat.",), "x", "a.tsv line 91: 1 column where 2 are needed (source<TAB>target)"),
}


@pytest.mark.parametrize("case", TROUBLE)
def test_trouble_is_found_and_placed(case: str) -> None:
    row, level, text = TROUBLE[case]
    entries = describe(check_pairs(replace(DATA, train=[write("a.tsv", [*CLEAN, row])])))
    matching = [entry for entry in entries if entry[:2] == (level, text)]
    assert len(matching) == 1, entries
    assert matching[0][2] in ((), ("a.tsv line 91",))


def test_many_troubles_come_in_order_of_weight_with_their_first_places() -> None:
    rows = [*CLEAN, *[("bad",)] * 5, *[("é" * 3, "e\u0301 \u00e9")] * 4]
    entries = describe(check_pairs(replace(DATA, train=[write("a.tsv", rows)])))
    assert [level for level, _, _ in entries] == sorted((level for level, _, _ in entries), key="x!i".index)
    assert [text for level, text, _ in entries if level == "x"][3:] == ["2 further bad rows"]
    repeated_lines = next(lines for _, text, lines in entries if text.startswith("3 pairs that occurred before"))
    assert repeated_lines == ("a.tsv line 97", "a.tsv line 98", "a.tsv line 99")


def test_mixed_forms_weigh_more() -> None:
    rows = [*CLEAN, ("sch\u00f6n", "Cat."), ("scho\u0308n", "Cat.")]
    findings = check_pairs(replace(DATA, train=[write("a.tsv", rows)]))
    text = "1 pair with decomposed characters (NFD), 1 with composed ones (NFC): data.normalize=NFC makes them one"
    assert ("!", text, ("a.tsv line 92",)) in describe(findings)
    assert text not in str(check_pairs(build("translate", {"data.train": ["a.tsv"], "data.normalize": "NFC"}).data))


def test_a_header_and_a_foreign_way_of_writing() -> None:
    Path("a.tsv").write_bytes(b"\xef\xbb\xbfword\tphones\r\n" + b"".join(f"{s}\t{t}\r\n".encode() for s, t in CLEAN))
    entries = describe(check_pairs(replace(DATA, train=["a.tsv"])))
    assert entries[0][1].startswith("the first line looks like a header (word, phones); name the columns if it is one")
    assert [text for _, text, _ in entries if text.startswith("a.tsv ")] == [
        "a.tsv begins with a byte order mark; it is passed over",
        "a.tsv has Windows line ends (CRLF); they are read as plain ones",
    ]


def test_what_stands_in_two_splits_or_only_in_the_test() -> None:
    files = [write("a.tsv", CLEAN)]
    write("valid.tsv", [CLEAN[7], ("The \u03a9 cat.", "Cat.")])
    test = [write("test.tsv", [CLEAN[8], CLEAN[7]])]
    entries = describe(check_pairs(replace(DATA, train=files, valid=["valid.tsv"], test=test)))
    assert ("!", "1 pair of train whose source also stands in valid.tsv", ("a.tsv line 8",)) in entries
    assert ("!", "2 pairs of train whose source also stands in test.tsv", ("a.tsv line 8", "a.tsv line 9")) in entries
    assert ("!", "1 pair of valid whose source also stands in test.tsv", ("valid.tsv line 1",)) in entries
    assert ("!", "1 character of the source stands in valid and never in training: \u03a9", ()) in entries


def test_symbols_are_counted_as_symbols() -> None:
    rows = [("abba", "A B B A"), ("baba", "B A B A"), ("aab", "A A B")] * 40
    findings = check_pairs(replace(DATA, train=[write("a.tsv", rows)], test=[write("t.tsv", [("bab", "B XX A")])]))
    assert set(findings.histograms) == {"source: characters", "target: symbols"}
    assert ("!", "1 symbol of the target stands in test and never in training: XX", ()) in describe(findings)


def test_nothing_at_all_is_an_error() -> None:
    Path("a.dict").write_text("# only a comment\n")
    with pytest.raises(HeedfulError, match=r"There are no pairs in a\.dict"):
        check_pairs(replace(DATA, train=["a.dict"]))


def test_findings_show_their_rows_and_say_what_to_do() -> None:
    rows = [*CLEAN, ("The  cat\x1b.", "Cat."), CLEAN[4], ("The cat.",)]
    findings = check_pairs(replace(DATA, train=[write("a.tsv", rows)], test=[write("b.tsv", CLEAN[:2])])).findings
    shown = {finding.text: (finding.lines, finding.rows) for finding in findings}
    repeated = ("a.tsv line 92",), ('"The 0th cat of 4 sat on the mat." → "Cat 0 of 4 sat."',)
    assert shown["1 pair that occurred before, word for word"] == repeated
    assert shown["1 pair with control characters"] == (("a.tsv line 91",), ('"The  cat\\x1b." → "Cat."',))
    assert shown["a.tsv line 93: 1 column where 2 are needed (source<TAB>target)"][1] == ('"The cat."',)
    leaks = next(finding for finding in findings if "stands in b.tsv" in finding.text)
    assert leaks.rows[0] == '"The 0th cat of 0 sat on the mat." → "Cat 0 of 0 sat."' and len(leaks.rows) == 2
    assert all(finding.advice for finding in findings if finding.level != "i")


LONG = " ".join(["cat"] * 21)
TRAIN_SOURCE, TRAIN_TARGET, TEST_SOURCE = ("1 pair whose source", "1 pair whose target", "test: 2 pairs whose source")


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({}, {TRAIN_SOURCE: "cuts them", TRAIN_TARGET: "leaves them out", TEST_SOURCE: "cuts them"}),
        ({"data.long": "error"}, dict.fromkeys((TRAIN_SOURCE, TRAIN_TARGET, TEST_SOURCE), "stops at the first")),
        ({"data.max_tokens": 20}, {TEST_SOURCE: "cuts them"}),
        ({"data.source_tokenizer": "tokenizer.json"}, {TRAIN_TARGET: "leaves them out"}),
        ({"network.context": 21}, {}),
        ({"network.positions": "sinusoidal", "network.context": "auto"}, {}),
        ({"start": "owner/model"}, {}),
    ],
)
def test_rows_longer_than_the_network_reads_are_shown(settings: dict[str, object], advice: dict[str, str]) -> None:
    train, test = write("a.tsv", [*CLEAN, (LONG, f"A{LONG}")]), write("t.tsv", [(f"B{LONG}", LONG), (f"C{LONG}", LONG)])
    keys = {"data.train": [train], "data.test": [test], "network.positions": "learned", "network.context": 20}
    findings = find_task("translate").learning.check(build("translate", keys | settings)).findings
    found = {finding.text.partition(" has more words")[0]: finding for finding in findings if "context" in finding.text}
    assert found.keys() == advice.keys() and all(advice[text] in found[text].advice for text in found)
    for finding in found.values():
        assert finding.lines[0] in ("a.tsv line 91", "t.tsv line 1") and "cat cat" in finding.rows[0]
