"""Translation memories: units in two languages, and which one is the source."""

import gzip
from pathlib import Path

import pytest

from heedful.data.pairs.read import read_pairs
from heedful.data.readers.rows import BadRow
from heedful.errors import HeedfulError
from heedful.recipe import build, parse

HEAD = '<?xml version="1.0"?><!DOCTYPE tmx SYSTEM "tmx14.dtd"><tmx version="1.4"><header srclang="{}"/><body>'


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def unit(**segments: str) -> str:
    variants = (f'<tuv xml:lang="{code.replace("_", "-")}"><seg>{text}</seg></tuv>' for code, text in segments.items())
    return f"<tu>{''.join(variants)}</tu>"


def memory(*units: str, source: str = "*all*") -> bytes:
    return (HEAD.format(source) + "\n".join(units) + "</body></tmx>").encode()


def pairs(*settings: str, file: str = "m.tmx") -> tuple[list[tuple[str, str]], list[str]]:
    bad: list[BadRow] = []
    data = build("translate", parse(["data.bad_rows=skip", *settings])).data
    read = [(pair.source, pair.target) for pair in read_pairs([file], data, bad.append)]
    return read, [f"{row.where}: {row.problem}" for row in bad]


UNITS = unit(de_DE="Die <hi>alte</hi> Uhr", en="the &lt;old&gt; clock"), unit(de="nur"), unit(en="cat", de="Katze")


def test_units_are_pairs_in_the_order_that_the_file_or_the_recipe_says() -> None:
    Path("m.tmx").write_bytes(memory(*UNITS))
    forward = [("Die alte Uhr", "the <old> clock"), ("Katze", "cat")]
    backward = [(target, source) for source, target in forward]
    assert pairs() == (forward, ["m.tmx tu 2: no segment in en"])
    assert pairs("data.columns=en,de") == (backward, ["m.tmx tu 2: no segment in en"])
    Path("m.tmx.gz").write_bytes(gzip.compress(memory(*UNITS, source="EN-us")))
    assert pairs(file="m.tmx.gz")[0] == backward
    Path("m.tmx").write_bytes(memory(*UNITS).decode().encode("utf-16"))
    assert pairs()[0] == forward


def test_a_third_language_needs_a_choice() -> None:
    Path("m.tmx").write_bytes(memory(*UNITS, unit(de="ja", fr="oui")))
    with pytest.raises(HeedfulError) as caught:
        pairs()
    assert caught.value.problem == "m.tmx tu 4: a third language, fr, beside de-DE and en."
    assert pairs("data.columns.source=fr", "data.columns.target=de")[0] == [("oui", "ja")]


@pytest.mark.parametrize(
    "content",
    [
        memory(*UNITS)[:-20],
        b"no XML",
        b'<!DOCTYPE tmx [<!ENTITY a "b">]><tmx><body><tu><tuv xml:lang="en"><seg>&a;</seg></tuv></tu></body></tmx>',
        memory(),
        memory(unit(de="nur")),
    ],
)
def test_what_is_no_memory_is_told(content: bytes) -> None:
    Path("m.tmx").write_bytes(content)
    with pytest.raises(HeedfulError, match=r"m\.tmx"):
        pairs()
