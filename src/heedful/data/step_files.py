"""Clips with a label a step, from files of every kind.

listing    .csv, .tsv or .jsonl with `file_name` and labels: a column of labels between spaces, or of the name of a
           label file, or rows of start, end and label, several a clip
folder     a.mp4 (or a.npy, or a folder a of frames) beside a.txt (a label a frame) or a.csv (start, end, label);
           tables of series; CoNLL files; or a listing called metadata
series     .csv or .tsv with a column `label`; all others are channels, but for `seconds` and the group
CoNLL      step_columns.py; sample://name/split: step_samples.py
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from heedful.data import step_samples
from heedful.data.files import read_tsv
from heedful.data.lines import missing
from heedful.data.pairs import normalised, spoken
from heedful.data.rows import BadRow, Row, count, quoted
from heedful.data.step_columns import read_conll
from heedful.data.step_labels import Labels, from_rows, label_file, of_words, on_steps
from heedful.data.step_series import SECONDS, read_table
from heedful.data.steps import FRAMES, TABLES, StepForm, Steps, open_steps
from heedful.data.tables import read_csv, read_jsonl
from heedful.data.video import ENDINGS as VIDEOS
from heedful.errors import HeedfulError, unknown
from heedful.sections import Data

COLUMNS = (".conllu", ".conll")
LISTS = (".jsonl", ".ndjson")
LABELS = (".txt", ".csv", ".tsv")
METADATA = ("metadata.csv", "metadata.jsonl", "metadata.tsv")
LABEL_NAMES = ("labels", "label")
OnBad = Callable[[BadRow], None]


@dataclass(frozen=True)
class Labelled:
    """A clip before it is opened: its reference (for words: their text), and labels, perhaps still by seconds."""

    source: str
    labels: Labels
    group: str
    file: str
    line: int
    paths: tuple[str, ...] = ()
    """What it is read from, beside the files that the recipe names."""

    @property
    def where(self) -> str:
        """As people write it: "clips.csv line 7"."""
        return f"{self.file} line {self.line}"


@dataclass(frozen=True, eq=False)
class Clip:
    """A sequence with a label for each of its steps ("": masked, counted neither in loss nor in score)."""

    source: str
    steps: Steps
    labels: tuple[str, ...]
    group: str
    file: str
    line: int

    @property
    def where(self) -> str:
        """As people write it: "clips.csv line 7"."""
        return f"{self.file} line {self.line}"


def read_clips(
    files: Sequence[str], data: Data, form: StepForm, on_bad: OnBad, passed: Counter[str] | None = None
) -> Iterator[Clip]:
    """The clips of `files`, in order, each opened once it is asked for.

    A bad row raises HeedfulError where `data.bad_rows` is "error"; else it goes to `on_bad`. Bad is a clip that
    cannot be read, or whose labels are not as many as its steps. `passed` counts what was passed over on purpose.
    """
    for one in read_labelled(files, data, on_bad, passed):
        try:
            steps = open_steps(one.source, form)
            labels = on_steps(one.labels, steps, one.where)
        except HeedfulError as error:
            labels, steps = BadRow(one.where, error.problem.rstrip("."), "", error.cure), None
        if isinstance(labels, BadRow) or steps is None:
            refuse(labels, data, on_bad)
        else:
            yield Clip(one.source, steps, labels, one.group, one.file, one.line)


def refuse(bad: object, data: Data, on_bad: OnBad) -> None:
    """Stops at a bad row, or hands it on, as the recipe says."""
    assert isinstance(bad, BadRow)
    if data.bad_rows == "error":
        raise bad.error()
    on_bad(bad)


def read_labelled(
    files: Sequence[str], data: Data, on_bad: OnBad, passed: Counter[str] | None = None
) -> Iterator[Labelled]:
    """The clips of `files` without opening them; bad rows as in `read_clips`."""
    counted = Counter() if passed is None else passed
    for file in files:
        for one in read_one(file, data, counted):
            if isinstance(one, BadRow):
                refuse(one, data, on_bad)
            else:
                yield one


def read_one(file: str, data: Data, passed: Counter[str]) -> Iterator[Labelled | BadRow]:
    """The clips of one file or folder; raises HeedfulError for what cannot hold any."""
    path, ending = Path(file), Path(file).suffix.lower()
    if file.startswith("sample://"):
        return read_sample(file)
    if not path.exists():
        raise missing(path)
    if data.format == "conll" or ending in COLUMNS:
        return read_sentences(file, data, passed)
    if ending in LISTS or (ending in TABLES and is_listing(file, data)):
        return read_listing(file, data)
    if ending in TABLES:
        return iter([table_clip(file, data)])
    if path.is_dir() and not holds_frames(path):
        return read_folder(path, data, passed)
    if path.is_dir() or ending in (".npy", *VIDEOS):
        return iter([beside(path)])
    raise HeedfulError(
        f'What is in {file}? Its ending "{ending}" does not tell.',
        "A listing or a series (.csv, .tsv, .jsonl), a video, .npy, CoNLL (.conllu, .conll or data.format=conll), "
        "or a folder of these.",
    )


def read_sample(name: str) -> Iterator[Labelled]:
    """The clips of a sample."""
    for line, one in enumerate(step_samples.read(name)):
        yield Labelled(one.source, one.labels, one.group, name, line)


def read_sentences(file: str, data: Data, passed: Counter[str]) -> Iterator[Labelled | BadRow]:
    """The sentences of a CoNLL file."""
    said = spoken(data, ("source", "target")) if data.columns else {}
    found = Counter[str]()
    for one in read_conll(file, said.get("source", ""), said.get("target", ""), data.group, found):
        if isinstance(one, BadRow):
            yield one
        else:
            yield Labelled(normalised(one.text, data.normalize), one.labels, one.group, one.file, one.line)
    passed.update({f"{what} of {file}": times for what, times in found.items()})


def is_listing(file: str, data: Data) -> bool:
    """Whether a table names files, rather than being a series itself."""
    table = read_table(file)
    said = spoken(data, ("source", "target")).get("source", "") if data.columns else ""
    return "file_name" in table.columns or (said in table.columns and not table.is_numeric(said))


def table_clip(file: str, data: Data) -> Labelled | BadRow:
    """A series with its labels in a column of its own."""
    table, name = read_table(file), label_column(data)
    if name not in table.columns:
        error = unknown(f"column of labels in {file} called", name, table.columns)
        raise HeedfulError(error.problem, f"{error.cure}\nSay which it is, as data.columns.target=activity")
    rows = [Row({name: text}, file, line) for text, line in zip(table.columns[name], table.lines, strict=True)]
    labels = from_rows(rows, file, name)
    group = table.column(data.group)[0] if data.group else ""
    return labels if isinstance(labels, BadRow) else Labelled(file, labels, group, file, table.lines[0])


def label_column(data: Data) -> str:
    """What the recipe calls the labels."""
    return spoken(data, ("source", "target")).get("target", "label") if data.columns else "label"


def channels_of(file: str, data: Data) -> tuple[str, ...]:
    """The channels of a series' table: those that the recipe names, or all that are not said to be something else."""
    table = read_table(file)
    said = spoken(data, ("source", "target")).get("source", "") if data.columns else ""
    if said:
        return tuple(name.strip() for name in said.split(","))
    found = tuple(name for name in table.columns if name not in (label_column(data), data.group, SECONDS))
    wrong = next((name for name in found if not table.is_numeric(name)), None)
    if wrong is not None:
        cure = f"Say which columns are channels, as data.columns.source={','.join(f for f in found if f != wrong)}"
        raise HeedfulError(f"{file}: column {wrong} has no numbers: {quoted(table.columns[wrong][0])}.", cure)
    if not found:
        raise HeedfulError(f"{file} has no column of numbers.", "A series needs a column a channel.")
    return found


def read_listing(file: str, data: Data) -> Iterator[Labelled | BadRow]:
    """The clips that a table names, in the order in which they are first named."""
    ending = Path(file).suffix.lower()
    read = read_jsonl(file) if ending in LISTS else read_tsv(file, header=True) if ending == ".tsv" else read_csv(file)
    said = spoken(data, ("source", "target")) if data.columns else {}
    source, clips = said.get("source", "file_name"), dict[str, list[Row]]()
    for row in read:
        if isinstance(row, BadRow):
            yield row
        elif source not in row.columns or not row.columns[source].strip():
            yield BadRow(row.where, f"no file in column {source}", "\t".join(row.columns.values()))
        else:
            clips.setdefault(row.columns[source].strip(), []).append(row)
    for name, rows in clips.items():
        yield listed(name, rows, said.get("target", ""), data)


def listed(name: str, rows: list[Row], target: str, data: Data) -> Labelled | BadRow:
    """One clip of a listing, from its rows."""
    first, folder = rows[0], Path(rows[0].file).parent
    key = target or next((key for key in LABEL_NAMES if key in first.columns), "labels")
    if key not in first.columns:
        cure = f"The columns are {', '.join(first.columns)}; name it, as data.columns.target=…"
        return BadRow(first.where, f"no labels in column {key} (one text, labels between spaces)", "", cure)
    if data.group and data.group not in first.columns:
        raise unknown(f"column for group in {first.file} called", data.group, first.columns)
    text, paths = first.columns[key].strip(), (str(folder / name),)
    if "start" in first.columns or "start_step" in first.columns:
        labels = from_rows(rows, first.file, key)
    elif len(rows) > 1:
        return BadRow(rows[1].where, f"{name} stands in line {first.line} too, and neither row has start and end", "")
    elif Path(text).suffix.lower() in LABELS and len(text.split()) == 1:
        if not (folder / text).is_file():
            return BadRow(first.where, f"there is no file {folder / text}", text)
        labels, paths = label_file(str(folder / text)), (*paths, str(folder / text))
    else:
        labels = of_words(text, first.where)
    if isinstance(labels, BadRow):
        return labels
    return Labelled(paths[0], labels, first.columns.get(data.group, ""), first.file, first.line, paths)


def read_folder(folder: Path, data: Data, passed: Counter[str]) -> Iterator[Labelled | BadRow]:
    """The clips in a folder and the folders inside it; labels stand beside each."""
    listing = next((folder / name for name in METADATA if (folder / name).is_file()), None)
    if listing:
        yield from read_listing(str(listing), data)
        return
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    media = [path for path in inside if path.suffix.lower() in (".npy", *VIDEOS) or holds_frames(path)]
    taken = {file for path in media for file in sidecars(path)}
    for path in inside:
        ending = path.suffix.lower()
        if path in media:
            yield beside(path)
        elif path.is_dir():
            yield from read_folder(path, data, passed)
        elif path in taken:
            continue
        elif ending in COLUMNS or ending in TABLES:
            yield from read_one(str(path), data, passed)
        else:
            passed[f"other file of {folder}"] += 1


def holds_frames(path: Path) -> bool:
    """Whether this is a folder of pictures."""
    return path.is_dir() and any(one.suffix.lower() in FRAMES for one in path.iterdir())


def sidecars(path: Path) -> list[Path]:
    """The files of labels beside a clip."""
    stem = path.name if path.is_dir() else path.stem
    return [file for ending in LABELS if (file := path.parent / (stem + ending)).is_file()]


def beside(path: Path) -> Labelled | BadRow:
    """A clip with the labels that stand beside it."""
    stem = path.name if path.is_dir() else path.stem
    found = sidecars(path)
    if len(found) != 1:
        problem = "two files of labels stand beside it" if found else "no labels stand beside it"
        names = ", ".join(file.name for file in found) or f"{stem}.txt (a label a frame) or {stem}.csv"
        return BadRow(str(path), problem, "", f"{'They are' if found else 'Wanted is'} {names}.")
    labels = label_file(str(found[0]))
    paths = (str(path), str(found[0]))
    return labels if isinstance(labels, BadRow) else Labelled(str(path), labels, "", str(found[0]), 1, paths)


def described(passed: Counter[str]) -> list[str]:
    """What was passed over, one line each.

    >>> described(Counter({"empty node of a.conllu": 2}))
    ['passed over: 2 empty nodes of a.conllu']
    """
    parts = ((what.partition(" of "), times) for what, times in passed.items())
    return [f"passed over: {count(times, what)}{of}{where}" for (what, of, where), times in parts]
