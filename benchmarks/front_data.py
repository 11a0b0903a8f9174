"""The sets of front.py, as files: English to German out of LibreOffice's help, and one English Bible into another."""

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cells import ROOT

from heedful.data.samples import verses

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Files:
    """The pairs of a set."""

    train: Path
    valid: Path
    test: Path

    def pairs(self, split: str) -> list[tuple[str, str]]:
        """The pairs of a split."""
        return read(getattr(self, split))


def sets(folder: Path) -> dict[str, Files]:
    """Both sets, whose files are made where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {"help": folder / "data/libreoffice-help-en-de", "verses": folder / "data/verses"}
    if not made["help"].exists():
        subprocess.run([sys.executable, str(ROOT / "examples/libreoffice_help.py")], cwd=folder, check=True)
    if not made["verses"].exists():
        made["verses"].mkdir(parents=True)
        for split in SPLITS:
            write(made["verses"] / f"{split}.tsv", verse_pairs(split))
    return {name: Files(*(place / f"{split}.tsv" for split in SPLITS)) for name, place in made.items()}


def read(path: Path) -> list[tuple[str, str]]:
    """The pairs of a TSV."""
    lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    return [(source, target) for source, _, target in (line.partition("\t") for line in lines)]


def verse_pairs(split: str) -> Iterable[tuple[str, str]]:
    """The King James Version (1769) and Young's Literal Translation (1898) of each verse that differs in them."""
    old, literal = (verses.verses()[name] for name in ("KJV", "YLT"))
    return ((old[verse], literal[verse]) for verse in verses.sides()[split] if verse in old and verse in literal)


def write(path: Path, pairs: Iterable[tuple[str, str]]) -> None:
    """A TSV without a header."""
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
