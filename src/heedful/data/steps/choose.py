"""How the clips of a run are read: what the first of them hold, and the form that is made of what is decided."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from heedful.data.facts import Decisions
from heedful.data.notes import ignore
from heedful.data.pictures.choose import Header, adapt_form, picture_facts, refuse_side
from heedful.data.pictures.read import Form
from heedful.data.readers.formats import endings_of
from heedful.data.readers.lines import encoding_notes
from heedful.data.readers.opening import ending_of
from heedful.data.readers.rows import BadRow, count
from heedful.data.samples import steps as step_samples
from heedful.data.steps.forms import TABLES, StepForm, frame_header, is_table, kind_of, read_array
from heedful.data.steps.labels import LabelledSource
from heedful.data.steps.read import COLUMNS, describe_skipped, read_labelled_sources
from heedful.data.steps.series import read_table
from heedful.data.steps.tables import channels_of
from heedful.data.steps.tokens import RECORDS, token_columns
from heedful.errors import HeedfulError
from heedful.schema import DataSettings

TEXTS = (*endings_of("jsonl"), *TABLES, *COLUMNS)
SAMPLE_SIZE = 20  # clips by which form and kind are chosen


def choose_step_form(data: DataSettings, decisions: Decisions) -> tuple[StepForm, str]:
    """What the training clips are, and how they are read; and a note about it.

    Raises HeedfulError if there is no clip.
    """
    bad: list[BadRow] = []
    clips = list(islice(read_labelled_sources(data.train, replace(data, bad_rows="skip"), bad.append), SAMPLE_SIZE))
    if not clips:
        cure = f"{bad[0].where}: {bad[0].problem}" if bad else ""
        raise HeedfulError(f"There is no clip to learn from in {', '.join(data.train)}.", cure)
    first = clips[0]
    kind = "tokens" if first.words else kind_of(first.source)
    if kind == "tokens":
        named = "".join(f"; {note}" for note in column_notes([first.file], data))
        return StepForm("tokens", normalize=data.normalize), f"each word is a step{named}"
    if kind == "series":
        channels = channels_in(first.source, data)
        note = (is_table(first.source) and read_table(first.source).note) or ""
        why = f"{count(len(channels), 'channel')}: {', '.join(channels)}"
        return StepForm("series", channels=channels), f"{why}; {note}" if note else why
    if kind == "frames":
        return choose_frames_form(clips, data, decisions)
    raise HeedfulError(f"{first.where}: {first.source} is no clip that is known.")


def example_notes(files: Sequence[str], data: DataSettings) -> list[str]:
    """How files are read that are scored on, and what of them is passed over."""
    skip_counts = Counter[str]()
    for _ in read_labelled_sources(files, replace(data, bad_rows="skip"), ignore, skip_counts):
        pass
    return [*text_notes(files), *column_notes(files, data), *describe_skipped(skip_counts)]


def text_notes(files: Sequence[str]) -> list[str]:
    """What is unusual about how text files are written."""
    texts = [file for file in dict.fromkeys(files) if ending_of(file) in TEXTS and "://" not in file]
    return [note for file in texts for note in encoding_notes(file)]


def column_notes(files: Sequence[str], data: DataSettings) -> list[str]:
    """Which columns of records hold words and labels, each pair of columns once."""
    found = [token_columns(file, data) for file in files if ending_of(file) in RECORDS]
    named = dict.fromkeys(columns for columns in found if columns)
    return [f"words are {words}, labels {labels} (data.columns)" for words, labels in named]


def channels_in(reference: str, data: DataSettings) -> tuple[str, ...]:
    """The channels of a series: by name in a table, or else by number."""
    if reference.startswith("sample://"):
        return step_samples.CHANNELS
    if ending_of(reference) in TABLES:
        return channels_of(reference, data)
    array = read_array(reference)
    return tuple(str(channel) for channel in range(1, 1 + (array.shape[1] if array.ndim == 2 else 1)))


def choose_frames_form(
    clips: Sequence[LabelledSource], data: DataSettings, decisions: Decisions
) -> tuple[StepForm, str]:
    """Size and colours of frames."""
    refuse_side(data)
    facts = picture_facts(headers(clips))
    settings = decisions.picture_settings(facts, data)
    form = Form(settings.size, settings.colours, data.fit)
    why = f"in the first {count(facts.sample_size, 'clip')} the median shorter side is {facts.median_side:g}"
    rate = f", {data.frame_rate:g} a second (data.frame_rate)" if data.frame_rate else ""
    quantity = f"{'all' if facts.all_gray else 'not all'} are gray"
    note = f"frames are read as {form}{rate}: {why}, and {quantity} (data.picture, data.colours)"
    return StepForm("frames", form, data.frame_rate), note


def headers(clips: Sequence[LabelledSource]) -> list[Header]:
    """The headers of the first frames of those clips that can be read; raises HeedfulError if there are none."""
    readable_headers, first_error = [], None
    for clip in clips:
        try:
            readable_headers.append(frame_header(clip.source))
        except HeedfulError as error:
            first_error = first_error or error
    if not readable_headers:
        raise first_error or AssertionError
    return readable_headers


def adapt_step_form(pretrained: StepForm, form: StepForm, data: DataSettings) -> StepForm | None:
    """The form that goes with weights, as these data ask for it; None: they are series of other channels.

    Raises HeedfulError for steps of another kind than the weights were learnt from.
    """
    if pretrained.kind != form.kind:
        raise HeedfulError(
            f"The weights to start from read {pretrained.kind}, and {', '.join(data.train)} holds {form.kind}.",
            "Leave --from out, or take weights that were learnt from the like.",
        )
    if pretrained.kind == "series" and pretrained.channels != form.channels:
        return None
    if pretrained.picture is None:
        return pretrained
    return replace(pretrained, picture=adapt_form(pretrained.picture, data), rate=data.frame_rate)
