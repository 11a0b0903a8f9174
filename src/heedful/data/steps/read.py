"""Clips with a label a step, from files of every kind.

listing    .csv, .tsv or .jsonl with `file_name` and labels: a column of labels between spaces, or of the name of a
           label file, or rows of start, end and label, several a clip
folder     a.mp4 (or a.npy, or a folder a of frames) beside a.txt (a label a frame) or a.csv (start, end, label);
           tables of series; CoNLL files; or a listing called metadata
series     .csv or .tsv with a column `label`; all others are channels, but for `seconds` and the group
CoNLL      conll.py; sample://name/split: samples/steps.py
records    .jsonl or .parquet of words with tags (tokens.py)
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from heedful.data.folders import children
from heedful.data.readers.lines import check_exists
from heedful.data.readers.opening import MARKS, ending_of, stem_of
from heedful.data.readers.rows import BadRow, count
from heedful.data.samples import steps as step_samples
from heedful.data.steps.conll import read_conll
from heedful.data.steps.forms import FRAMES, TABLES, StepForm, Steps, kind_of, open_steps, words_of
from heedful.data.steps.labels import LabelledSource, label_file, label_steps
from heedful.data.steps.tables import LABELS, LISTS, is_listing, read_listing, roles, table_clip, unreadable_clip
from heedful.data.steps.tokens import RECORDS, holds_tokens, read_tokens
from heedful.data.steps.video import ENDINGS as VIDEOS
from heedful.errors import HeedfulError
from heedful.schema import DataSettings

COLUMNS = (".conllu", ".conll")
METADATA = ("metadata.csv", "metadata.jsonl", "metadata.tsv")
OnBad = Callable[[BadRow], None]


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
    files: Sequence[str], data: DataSettings, form: StepForm, on_bad: OnBad, skip_counts: Counter[str] | None = None
) -> Iterator[Clip]:
    """The clips of `files`, in order, each opened once it is asked for.

    A bad row raises HeedfulError where `data.bad_rows` is "error"; else it goes to `on_bad`. Bad is a clip that
    cannot be read, or whose labels are not as many as its steps. `skip_counts` counts what was passed over on purpose.
    """
    for row in read_labelled_sources(files, data, on_bad, skip_counts):
        try:
            if row.words != (form.kind == "tokens"):
                kind = "tokens" if row.words else kind_of(row.source)
                raise HeedfulError(f"this clip holds {kind}, and {form.kind} are read here")
            steps = open_steps(row.source, form)
            labels = label_steps(row.labels, steps, row.where)
        except HeedfulError as error:
            labels, steps = unreadable_clip(row.where, error), None
        if isinstance(labels, BadRow) or steps is None:
            refuse(labels, data, on_bad)
        else:
            yield Clip(row.source, steps, labels, row.group, row.file, row.line)


def refuse(bad: object, data: DataSettings, on_bad: OnBad) -> None:
    """Stops at a bad row, or hands it on, as the recipe says."""
    assert isinstance(bad, BadRow)
    if data.bad_rows == "error":
        raise bad.error()
    on_bad(bad)


def read_labelled_sources(
    files: Sequence[str], data: DataSettings, on_bad: OnBad, skip_counts: Counter[str] | None = None
) -> Iterator[LabelledSource]:
    """The clips of `files` without opening them; bad rows as in `read_clips`."""
    counts = Counter() if skip_counts is None else skip_counts
    for file in files:
        for row in read_file(file, data, counts):
            if isinstance(row, BadRow):
                refuse(row, data, on_bad)
            else:
                yield row


def read_file(file: str, data: DataSettings, skip_counts: Counter[str]) -> Iterator[LabelledSource | BadRow]:
    """The clips of one file or folder; raises HeedfulError for what cannot hold any."""
    path, ending = Path(file), ending_of(file)
    if file.startswith("sample://"):
        return read_sample(file, data)
    check_exists(path)
    if data.format == "conll" or ending in COLUMNS:
        return read_sentences(file, data, skip_counts)
    if ending in RECORDS and holds_tokens(file, data):
        return read_tokens(file, data)
    if ending in LISTS or (ending in TABLES and is_listing(file, data)):
        return read_listing(file, data)
    if ending in TABLES:
        return iter([table_clip(file, data)])
    if path.is_dir() and not holds_frames(path):
        return read_folder(path, data, skip_counts)
    if path.is_dir() or ending in (".npy", *VIDEOS):
        return iter([clip_with_sidecar(path, data)])
    raise HeedfulError(
        f'What is in {file}? Its ending "{ending}" does not tell.',
        "A listing or a series (.csv, .tsv, .jsonl), a video, .npy, CoNLL (.conllu, .conll or data.format=conll), "
        "tokens with tags (.jsonl, .parquet), or a folder of these.",
    )


def read_sample(name: str, data: DataSettings) -> Iterator[LabelledSource]:
    """The clips of a sample."""
    for line, sequence in enumerate(step_samples.read(name)):
        words = step_samples.kind_of(name) == "tokens"
        source = " ".join(words_of(sequence.source, data.normalize)) if words else sequence.source
        yield LabelledSource(source, sequence.labels, sequence.group, name, line, words=words)


def read_sentences(file: str, data: DataSettings, skip_counts: Counter[str]) -> Iterator[LabelledSource | BadRow]:
    """The sentences of a CoNLL file."""
    columns = roles(data)
    counts = Counter[str]()
    for sentence in read_conll(file, columns.get("source", ""), columns.get("target", ""), data.group, counts):
        if isinstance(sentence, BadRow):
            yield sentence
        else:
            text = " ".join(words_of(sentence.text, data.normalize))
            yield LabelledSource(text, sentence.labels, sentence.group, sentence.file, sentence.line, words=True)
    skip_counts.update({f"{event} of {file}": times for event, times in counts.items()})


def read_folder(folder: Path, data: DataSettings, skip_counts: Counter[str]) -> Iterator[LabelledSource | BadRow]:
    """The clips in a folder and the folders inside it; labels stand beside each."""
    paths = children(folder)
    listing = next((path for name in METADATA for path in paths if path.name.lower() == name), None)
    if listing:
        yield from read_listing(str(listing), data)
        return
    hidden_count = sum(1 for _ in folder.iterdir()) - len(paths)
    if hidden_count:
        skip_counts[f"hidden or system file of {folder}"] += hidden_count
    media = [path for path in paths if ending_of(path.name) in (".npy", *VIDEOS) or holds_frames(path)]
    label_files = {file for path in media for file in sidecars(path)}
    for path in paths:
        ending = ending_of(path.name)
        if path in media:
            yield clip_with_sidecar(path, data)
        elif path.is_dir():
            yield from read_folder(path, data, skip_counts)
        elif path in label_files:
            continue
        elif ending in COLUMNS or ending in TABLES or (ending in RECORDS and holds_tokens(str(path), data)):
            yield from read_file(str(path), data, skip_counts)
        else:
            skip_counts[f"other file of {folder}"] += 1


def holds_frames(path: Path) -> bool:
    """Whether this is a folder of pictures."""
    return path.is_dir() and any(child.suffix.lower() in FRAMES for child in children(path))


def sidecars(path: Path) -> list[Path]:
    """The files of labels beside a clip, their endings in small letters or in capitals, perhaps compressed."""
    stem, files = path.name if path.is_dir() else stem_of(path.name), list[Path]()
    endings = [ending + packing for ending in LABELS for packing in ("", *MARKS.values())]
    spellings = [spelling for ending in endings for spelling in (ending, ending.upper(), ending.title())]
    for file in (path.parent / (stem + spelling) for spelling in spellings):
        if file.is_file() and not any(file.samefile(other) for other in files):
            files.append(file)
    return files


def clip_with_sidecar(path: Path, data: DataSettings) -> LabelledSource | BadRow:
    """A clip with the labels that stand beside it."""
    if data.group:
        cure = "List the clips in metadata.csv in their folder, with columns file_name, labels and that one."
        raise HeedfulError(f"{path} belongs to no group: data.group={data.group} names a column of a listing.", cure)
    stem = path.name if path.is_dir() else stem_of(path.name)
    label_files = sidecars(path)
    if len(label_files) != 1:
        problem = "two files of labels stand beside it" if label_files else "no labels stand beside it"
        names = ", ".join(file.name for file in label_files) or f"{stem}.txt (a label a frame) or {stem}.csv"
        return BadRow(str(path), problem, "", f"{'They are' if label_files else 'Expected:'} {names}.")
    labels = label_file(str(label_files[0]))
    paths = (str(path), str(label_files[0]))
    return (
        labels if isinstance(labels, BadRow) else LabelledSource(str(path), labels, "", str(label_files[0]), 1, paths)
    )


def describe_skipped(skip_counts: Counter[str]) -> list[str]:
    """What was passed over, one line each.

    >>> describe_skipped(Counter({"empty node of a.conllu": 2}))
    ['passed over: 2 empty nodes of a.conllu']
    """
    parts = ((event.partition(" of "), times) for event, times in skip_counts.items())
    return [f"passed over: {count(times, event)}{of}{where}" for (event, of, where), times in parts]
