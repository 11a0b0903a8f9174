"""English-German pairs out of LibreOffice's help, whose pages have the same paragraph ids in every language.

    python examples/libreoffice_help.py            # writes data/libreoffice-help-en-de/{train,valid,test}.tsv
    heedful train libreoffice-help-en-de-vaswani2017           # a recipe that reads them

Needs Debian's or Ubuntu's apt-get and dpkg; nothing is installed. The texts are LibreOffice's, MPL-2.0.
Pages are split, not paragraphs: page i of the sorted list is valid if i % 20 is 0, test if it is 1 or 2. A paragraph
that several pages share counts for the first of them; Heedful then drops training pairs whose source is in test.
"""

import subprocess
import tempfile
from html.parser import HTMLParser
from pathlib import Path

PACKAGES = {"en-US": "libreoffice-help-en-us", "de": "libreoffice-help-de"}
OUTPUT = Path("data/libreoffice-help-en-de")
WORDS = range(3, 26)  # shorter ones are mostly names of menus, longer ones lists and tables run together
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        unpack(Path(folder))
        splits = aligned_paragraphs(Path(folder) / "usr/share/libreoffice/help")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name, pairs in splits.items():
        path = OUTPUT / f"{name}.tsv"
        path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
        print(f"{path}: {len(pairs):,} pairs")


def unpack(folder: Path) -> None:
    """Fetches both packages and unpacks them without installing anything."""
    subprocess.run(["apt-get", "download", *PACKAGES.values()], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    for package in sorted(folder.glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, folder], check=True)


def aligned_paragraphs(helps: Path) -> dict[str, list[tuple[str, str]]]:
    """Pairs that differ and are of 3 to 25 words on both sides, each once, by split."""
    splits: dict[str, list[tuple[str, str]]] = {"train": [], "valid": [], "test": []}
    unique: set[tuple[str, str]] = set()
    pages = sorted(page.relative_to(helps / "en-US") for page in (helps / "en-US").rglob("*.html"))
    for number, page in enumerate(pages):
        if not (helps / "de" / page).exists():
            continue
        english, german = (paragraphs(helps / language / page) for language in PACKAGES)
        split = {0: "valid", 1: "test", 2: "test"}.get(number % 20, "train")
        for name in english.keys() & german.keys():
            pair = english[name], german[name]
            clean = pair[0] != pair[1] and all(len(text.split()) in WORDS for text in pair)
            if clean and pair not in unique:
                unique.add(pair)
                splits[split].append(pair)
    return {name: sorted(pairs) for name, pairs in splits.items()}


def paragraphs(page: Path) -> dict[str, str]:
    """The text of each element that has a paragraph's id."""
    reader = Paragraphs()
    reader.feed(page.read_text(encoding="utf-8"))
    return {name: " ".join("".join(parts).split()) for name, parts in reader.texts.items()}


class Paragraphs(HTMLParser):
    """Collects the text inside elements whose id begins as those of help paragraphs do."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self.inside: list[str] = []  # tags open since the paragraph's own
        self.name = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = dict(attrs).get("id") or ""
        if not self.inside and name.startswith(("par_id", "hd_id", "tit")) and name not in self.texts:
            self.name, self.texts[name] = name, []
            self.inside = [tag]
        elif self.inside and tag not in VOID:
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.inside and tag in self.inside:
            while self.inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[self.name].append(data)


if __name__ == "__main__":
    main()
