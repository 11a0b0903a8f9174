"""benchmarks/peers.py: all sides answer the same in processes of their own, and the table says who was faster."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from support import ROOT


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """The script and its table as modules."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("peers"), importlib.import_module("peers_table")


def test_both_sides_give_the_same_answers_and_stand_in_the_table(scripts: tuple[Any, Any], tmp_path: Path) -> None:
    peers, table = scripts
    options = peers.Options(
        turns=1, tiny=True, sides=("auto", "CTranslate2"), work=tmp_path / "work", results=tmp_path / "peers.jsonl"
    )
    peers.measure(["small"], options)
    page = tmp_path / "speed.md"
    page.write_text(f"before\n{table.BEGIN}\nan older table\n{table.END}\nbehind\n")
    table.write(options.results, page)
    lines = table.read_lines(options.results)
    for line in lines:
        assert line["alike"] == 1 or line["precision"] == "int8"
        assert all(speed > 0 for speed in (line["ours"] | line["theirs"]).values())
        best = max(line["theirs"].values())
        assert line["ratio"] == pytest.approx(
            line["ours"]["auto" + " int8" * (line["precision"] == "int8")] / best, 0.01
        )
    ways = {(line["way"], line["precision"]) for line in lines}
    assert len(ways) == len(lines) == 8
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("behind\n") and "an older table" not in text
    assert all(f"| {way}, {precision} |" in text for way, precision in ways)
