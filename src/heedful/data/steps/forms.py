"""Things that go step by step, each with a label: frames of a video, a series of measurements, the words of a text.

frames   a video file, a folder of frames, .npy of bytes (T, H, W) or (T, H, W, C)
series   .csv or .tsv with a column a channel, .npy of other numbers (T,) or (T, C)
tokens   the words of a text, between spaces

T steps   H W sides in pixels   C colours or channels   L letters of a word
"""

import re
from array import array
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from heedful.data.folders import children
from heedful.data.normal_form import normalize_text
from heedful.data.pictures.modes import to_mode
from heedful.data.pictures.read import Form, as_array, fit_square, header, read_picture
from heedful.data.readers.formats import endings_of
from heedful.data.readers.lines import check_exists
from heedful.data.readers.opening import ending_of
from heedful.data.readers.rows import count
from heedful.data.readers.unpacking import PACKED, content_path
from heedful.data.samples import steps as step_samples
from heedful.data.steps.buffer import FrameBuffer
from heedful.data.steps.conll import NO_BREAK
from heedful.data.steps.parts import parse_part
from heedful.data.steps.ranges import CURE as FAR_CURE
from heedful.data.steps.ranges import as_float32, far_from_training, why_no_number
from heedful.data.steps.series import read_table
from heedful.data.steps.subwords import SubwordVocabulary
from heedful.data.steps.video import ENDINGS as VIDEOS
from heedful.data.steps.video import check_not_empty, check_pixels, header_seconds, read_video
from heedful.data.steps.words import WordVocabulary
from heedful.errors import HeedfulError
from heedful.limits import beyond, limit, limit_of_file
from heedful.schema import NormalForm
from heedful.types_of_values import check_record

Kind = Literal["frames", "series", "tokens"]
TABLES = endings_of("csv", "tsv")
FRAMES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")
SAMPLE_SIZE = 8  # frames of a clip by which its colours are judged
LEVELS = 8  # colours whose levels differ by less are gray that was compressed
NPY = "Is it whole? Write it anew with numpy.save, as an array of numbers."


@dataclass(frozen=True, eq=False)
class Steps:
    """A sequence as it was read.

    `values` are (T, H, W, C) bytes, (T, C) float32, or empty for words. `seconds` (T,) tells when each step begins,
    where that is known. `note` is what is odd, but accepted, about the file.
    """

    kind: Kind
    values: np.ndarray
    words: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()
    note: str = ""

    def __len__(self) -> int:
        return len(self.words) if self.kind == "tokens" else len(self.values)


STORED = {"std": "spread", "vocabulary": "lexicon"}
"""What fields of a form are called in files."""


@dataclass(frozen=True)
class StepForm:
    """How sequences are read and made into what a network takes; saved with a model, and the same ever after.

    `picture` and `rate` are for frames (0: every frame), `channels` with their `mean` and `std` in training for
    series, `vocabulary` and the Unicode form `normalize` for words.
    """

    kind: Kind
    picture: Form | None = None
    rate: float = 0.0
    channels: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    vocabulary: WordVocabulary | SubwordVocabulary | None = None
    normalize: NormalForm = "none"

    def encode(self, steps: Steps) -> np.ndarray:
        """What a network takes: (T, H, W, C) bytes, (T, C) float32 standardised in training, or (T, 1 + L) numbers."""
        if self.vocabulary is not None:
            return self.vocabulary.encode(steps.words)
        if self.kind == "series":
            return ((steps.values - np.array(self.mean)) / np.array(self.std)).astype(np.float32)
        return steps.values

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in ("kind", "rate", "normalize")}
        fields |= {name: list(getattr(self, name)) for name in ("channels", "mean", "std")}
        fields |= {"picture": self.picture and self.picture.plain()}
        fields |= {"vocabulary": self.vocabulary and self.vocabulary.plain()}
        return {STORED.get(name, name): value for name, value in fields.items()}

    @staticmethod
    def parse(plain: dict[str, Any]) -> "StepForm":
        """The form that `plain` described.

        >>> form = StepForm("series", channels=("x", "y"), mean=(0.0, 1.0), std=(1.0, 2.0))
        >>> StepForm.parse(form.plain()) == form
        True
        """
        names = {stored: name for name, stored in STORED.items()}
        fields: dict[str, Any] = {names.get(key, key): value for key, value in plain.items()}
        fields |= {name: tuple(fields[name]) for name in ("channels", "mean", "std")}
        picture, vocabulary = fields["picture"], fields["vocabulary"]
        fields["picture"] = Form.parse(picture) if picture else None
        if vocabulary:
            fields["vocabulary"] = (SubwordVocabulary if "tokenizer" in vocabulary else WordVocabulary).parse(
                vocabulary
            )
        form = StepForm(**fields)
        check_record(form, but="normalize")
        normalize_text("", form.normalize)  # fails for a form that Unicode does not have
        if form.kind == "series" and not len(form.channels) == len(form.mean) == len(form.std) > 0:
            raise HeedfulError("Channels, means and standard deviations of a series differ in number.")
        return form


def open_steps(reference: str, form: StepForm) -> Steps:
    """The sequence that a reference names, in the form that a network was trained on.

    References: a file, a folder of frames, `sample://digit-clips/a/test#17` (from 0), a part of these as
    `day.csv#steps=0-99`, and for words the text itself.
    Raises HeedfulError, with what is wrong and where, if it cannot be read, has no step, or is of another kind.
    """
    steps = read_steps(reference, form)
    if not len(steps):
        raise HeedfulError(f"{reference or 'The text'} has no step: it is empty.")
    return steps


def open_asked(reference: str, form: StepForm) -> Steps:
    """As `open_steps`, with the punctuation of a text apart where it was in training.

    A text whose words are parted by tabs is cut already.
    """
    steps = open_steps(reference, form)
    if form.vocabulary is not None and "\t" not in reference:
        return replace(steps, words=form.vocabulary.cut(steps.words))
    return steps


def read_steps(reference: str, form: StepForm) -> Steps:
    """As `open_steps`, perhaps of no step."""
    if form.kind == "tokens":
        return Steps("tokens", np.zeros(0), words=words_of(reference, form.normalize))
    reference, first, end = parse_part(reference)
    if end >= 0:
        whole = read_steps(reference, form)
        return replace(whole, values=whole.values[first:end], seconds=whole.seconds[first:end])
    kind = kind_of(reference)
    if kind != form.kind:
        problem = f"holds {kind}" if kind else "is no file that is known"
        raise HeedfulError(f"{reference} {problem}, and {form.kind} are read here.", SUPPORTED_FILES)
    if reference.startswith("sample://"):
        values, rate = step_samples.values(reference)
        checked_values = (
            check_channels(reference, values, form) if form.kind == "series" else as_frames(reference, values, form)
        )
        return Steps(form.kind, checked_values, seconds=tuple(np.arange(len(values)) / rate) if rate else ())
    path = Path(reference)
    if form.kind == "series":
        return array_series(reference, form) if ending_of(reference) == ".npy" else table_series(reference, form)
    if path.is_dir():
        return Steps("frames", folder_frames(path, picture_form(form)))
    if ending_of(reference) == ".npy":
        return Steps("frames", as_frames(reference, read_array(reference), form))
    return video_frames(reference, form)


SUPPORTED_FILES = (
    f"Frames: {', '.join(VIDEOS)}, a folder of pictures, .npy of bytes (T, H, W) or (T, H, W, C).\n"
    "Series: .csv or .tsv with a column a channel, .npy of other numbers (T,) or (T, C)."
)


def kind_of(reference: str) -> Kind | None:
    """What a reference names, by its ending (and an array's header); None for a text.

    Raises HeedfulError if it looks like a file, and there is none.
    """
    if reference.startswith("sample://"):
        return step_samples.kind_of(reference)
    path, ending = Path(reference), ending_of(reference)
    if ending in (".npy", *TABLES, *VIDEOS):
        check_exists(path)
    if ending == ".npy":
        array = read_array(reference)
        return "frames" if array.dtype == np.uint8 and array.ndim in (3, 4) else "series"
    if ending in TABLES:
        return "series"
    return "frames" if ending in VIDEOS or path.is_dir() else None


def words_of(text: str, form: NormalForm = "none") -> tuple[str, ...]:
    """The words of a text, each in a Unicode normal form; a space that does not break belongs to its word.

    >>> words_of(" one two  three ")
    ('one', 'two', 'three')
    """
    words = (normalize_text(word, form) for word in re.split(r"[ \t\r\n]+", text) if word)
    return tuple(word.replace(" ", NO_BREAK) for word in words)  # some forms make a space of one that does not break


def video_frames(file: str, form: StepForm) -> Steps:
    """A video's frames and times."""
    picture, seconds, end = picture_form(form), array("d"), 0.0
    frames = FrameBuffer(file, (picture.size, picture.size, picture.channels))
    for frame in read_video(file, form.rate):
        frames.add(as_array(fit_square(to_mode(frame.image, picture.mode), picture)))
        seconds.append(frame.start)
        end = frame.end
    header_duration = header_seconds(file)
    is_odd = header_duration is not None and abs(header_duration - end) > max(0.5, 0.1 * end)
    note = f"{file} says that it lasts {header_duration:.1f} seconds, and its frames last {end:.1f}" if is_odd else ""
    return Steps("frames", frames.all(), seconds=tuple(seconds), note=note)


def folder_frames(folder: Path, picture: Form) -> np.ndarray:
    """The frames in a folder."""
    frames = FrameBuffer(str(folder), (picture.size, picture.size, picture.channels))
    for path in frame_files(folder):
        frames.add(read_picture(str(path), picture))
    return frames.all()


def frame_files(folder: Path) -> list[Path]:
    """The frames in a folder, in the order of the numbers in their names."""
    paths = [path for path in children(folder) if path.suffix.lower() in FRAMES]
    if not paths:
        raise HeedfulError(f"The folder {folder} has no frames.", f"Known endings: {', '.join(FRAMES)}.")
    check_count(str(folder), len(paths))
    return sorted(paths, key=natural_key)


def natural_key(path: Path) -> list[tuple[int, str]]:
    """A key by which frame2 stands before frame10."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def as_frames(name: str, values: np.ndarray, form: StepForm) -> np.ndarray:
    """Frames (T, H, W) or (T, H, W, C) of bytes in the form of a model."""
    target_form = picture_form(form)
    values = values[..., None] if values.ndim == 3 else values
    if values.shape[1:] == (target_form.size, target_form.size, target_form.channels):
        return np.asarray(values)
    frames = FrameBuffer(name, (target_form.size, target_form.size, target_form.channels))
    for frame in values:
        image = Image.fromarray(frame[..., 0] if values.shape[3] == 1 else frame)
        frames.add(as_array(fit_square(to_mode(image, target_form.mode), target_form)))
    return frames.all()


def picture_form(form: StepForm) -> Form:
    """The form of frames, which those have."""
    assert form.picture is not None
    return form.picture


def read_array(file: str) -> np.ndarray:
    """A .npy file as a memory map; raises HeedfulError if it is none, or of a shape that means nothing here."""
    check_not_empty(file, "an array")
    try:
        with content_path(file) as path, np.errstate(over="ignore"):  # sizes that no number holds, which are refused
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except HeedfulError:
        raise
    except Exception as error:
        # A header is a line of Python, and numpy lets through what its tokenizer and parser say of a spoilt one.
        raise HeedfulError(f"{file} cannot be read as .npy: {str(error).rstrip('.')}.", NPY) from None
    frames = array.dtype == np.uint8 and (array.ndim == 3 or (array.ndim == 4 and array.shape[3] in (1, 3)))
    series = array.dtype.kind in "fiu" and array.ndim in (1, 2)
    if not frames and not series:
        shape = " × ".join(map(str, array.shape))
        raise HeedfulError(
            f"{file} holds {array.dtype} of {shape}, which is neither frames nor series.", SUPPORTED_FILES
        )
    check_size(file, array, frames, PACKED if path != file else 1)
    return array


def check_size(file: str, array: np.ndarray, frames: bool, per_byte: float) -> None:
    """Raises HeedfulError for more than is read of one array, by its header: a file may have holes, and be no size.

    A byte of the file may hold `per_byte` of the array.
    """
    if frames:
        check_count(file, len(array))
        check_pixels(file, array.shape[2], array.shape[1], "Make them smaller.")
    name = "pictures_bytes" if frames else "series_numbers"
    most = limit_of_file(name, file, per_byte / array.itemsize)
    if array.size > most:
        problem = f"{file} has {array.size:,} {'bytes' if frames else 'numbers'}, and at most {most:,} are read."
        raise beyond(name, problem, "Cut it into parts.", array.size)


def check_count(name: str, frames: int) -> None:
    """Raises HeedfulError for more frames than are read."""
    if frames > limit("frames"):
        problem = f"{name} has {frames:,} frames, and at most {limit('frames'):,} are read."
        raise beyond("frames", problem, "Cut it into parts.", frames)


def array_series(file: str, form: StepForm) -> Steps:
    """A series from .npy, whose channels are called 1, 2, …"""
    array = read_array(file)
    return Steps("series", check_channels(file, array.reshape(len(array), -1), form))


def check_channels(name: str, values: np.ndarray, form: StepForm) -> np.ndarray:
    """A series (T, C) as float32; raises HeedfulError for another number of channels, or a step that is no number."""
    if values.shape[1] != len(form.channels):
        requirement = f"{count(len(form.channels), 'channel')} are read here: {', '.join(form.channels)}"
        raise HeedfulError(f"{name} has {count(values.shape[1], 'channel')}, and {requirement}.")
    held = as_float32(values)
    not_finite = np.argwhere(~np.isfinite(held))
    if len(not_finite):
        step, channel = not_finite[0]
        value = values[step, channel]
        problem = f"{place_in_series(name, step, channel, form)} is {value}, which {why_no_number(float(value))}"
        raise HeedfulError(f"{problem}.", "Mend it, or leave the clip out.")
    return check_far(name, held, form)


def check_far(name: str, values: np.ndarray, form: StepForm) -> np.ndarray:
    """The values; raises HeedfulError for one that is far out of what its channel was in training."""
    far = far_from_training(values, np.array(form.mean), np.array(form.std)) if form.mean else None
    if far:
        step, channel = far
        trained = f"(there its mean was {form.mean[channel]:g}, its standard deviation {form.std[channel]:g})"
        problem = f"is {values[far]:g}, far out of its range in training {trained}"
        raise HeedfulError(f"{place_in_series(name, step, channel, form)} {problem}.", FAR_CURE)
    return values


def place_in_series(name: str, step: int, channel: int, form: StepForm) -> str:
    """A value of a series as people find it: by the line of a table, or the step (from 0) of anything else."""
    name, first, _ = parse_part(name)
    step += first
    if is_table(name):
        return f"{place_of_step(name, step)}: column {form.channels[channel]}"
    return f"{place_of_step(name, step)} of channel {channel + 1}"


def place_of_step(name: str, step: int) -> str:
    """A step as people find it: by the line of a table, or its number (from 0) in anything else."""
    return read_table(name).where(step) if is_table(name) else f"{name}: step {step:,}"


def is_table(name: str) -> bool:
    """Whether a reference names a table."""
    return ending_of(name) in TABLES and "://" not in name


def table_series(file: str, form: StepForm) -> Steps:
    """A series from a table."""
    table = read_table(file)
    seconds = tuple(float(value) for value in table.numbers(["seconds"])[:, 0]) if table.has_times else ()
    values = as_float32(table.numbers(form.channels))
    return Steps("series", check_far(file, values, form), seconds=seconds)


def frame_header(reference: str) -> tuple[int, int, bool]:
    """Width, height, and whether all is gray, of a clip's first frames."""
    path = Path(reference)
    if reference.startswith("sample://") or ending_of(reference) == ".npy":
        values = step_samples.values(reference)[0] if reference.startswith("sample://") else read_array(reference)
        return values.shape[2], values.shape[1], values.ndim == 3 or values.shape[3] == 1
    if path.is_dir():
        headers = [header(str(frame_path)) for frame_path in frame_files(path)[:SAMPLE_SIZE]]
        return headers[0][0], headers[0][1], all(gray for _, _, gray in headers)
    images = [frame.image for frame, _ in zip(read_video(reference), range(SAMPLE_SIZE), strict=False)]
    return images[0].width, images[0].height, all(is_gray(image) for image in images)


def is_gray(image: Image.Image) -> bool:
    """Whether the three colours are nearly equal everywhere."""
    pixels = np.asarray(image.convert("RGB")).astype(np.int16)
    return bool((pixels.max(axis=2) - pixels.min(axis=2) < LEVELS).all())
