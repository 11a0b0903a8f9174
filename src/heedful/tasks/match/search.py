"""Pictures found by words, and words for pictures, in whole folders: their vectors are kept from one time to the next.

P pictures   M texts   D width
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import groupby
from pathlib import Path

import numpy as np
import torch

from heedful.data.pictures.files import pictures_in, shown_in
from heedful.data.pictures.read import read_picture
from heedful.data.readers.rows import count
from heedful.errors import HeedfulError
from heedful.results import Answer
from heedful.schema import GenerateSettings
from heedful.tasks.match import learn as match
from heedful.tasks.match.learn import Matcher
from heedful.tasks.match.vectors import Kept, Mark, Vectors, kept, marks_of
from heedful.training.progress import Listener

AT_ONCE = 128  # pictures in memory
PATIENCE = 30.0  # seconds of work that a power cut may cost
NOTHING = np.zeros((0, 0), np.float32)
FORMAT = 1  # of how pictures are read: vectors that were kept by another are made anew


@dataclass(frozen=True)
class Gallery:
    """Pictures by name, and their unit vectors (P, D) under each of several matchers."""

    names: tuple[str, ...]
    vectors: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class PictureFinder:
    """Finds pictures by words, and words for pictures, by the vectors of several matchers."""

    models: Sequence[Matcher]

    def search(
        self, texts: Sequence[str], places: Sequence[str], settings: GenerateSettings, listener: Listener
    ) -> list[list[Answer]]:
        """The n best pictures of `places` for each text, with their cosines."""
        return search(self.models, texts, places, settings, listener)

    def among(
        self, places: Sequence[str], texts: Sequence[str], settings: GenerateSettings, listener: Listener
    ) -> list[list[Answer]]:
        """The n best texts (none given: of those of training) for each picture of `places`."""
        return among(self.models, places, texts, settings, listener)

    def embed(self, inputs: Sequence[str], texts: bool, settings: GenerateSettings, listener: Listener) -> Vectors:
        """Unit vectors of pictures and of all in folders, or of texts."""
        return embed(self.models, inputs, texts, settings, listener)


def search(
    models: Sequence[Matcher],
    texts: Sequence[str],
    places: Sequence[str],
    settings: GenerateSettings,
    listener: Listener,
) -> list[list[Answer]]:
    """The n best pictures of `places` for each text, with their cosines; several models give the mean of theirs.

    Raises HeedfulError as `gallery` does.
    """
    said = worded(models, texts, settings)
    found = gallery(models, places, settings, listener)
    once = [*{name: place for place, name in enumerate(found.names)}.values()]  # folders may lie in one another
    answers = []
    for text, row in zip(texts, cosines(found, said).T, strict=True):
        best = sorted(once, key=lambda place: -row[place])[: settings.n_best]
        unknown = models[0].words.unknown(text)
        told = [(found.names[place], float(row[place])) for place in best]
        answers.append([Answer(text, name, cosine, cosine, unknown=unknown) for name, cosine in told])
    return answers


def among(
    models: Sequence[Matcher],
    places: Sequence[str],
    texts: Sequence[str],
    settings: GenerateSettings,
    listener: Listener,
) -> list[list[Answer]]:
    """The n best texts (none given: of those of training) for each picture of `places`; see `match.chosen`."""
    texts = match.choices(models, texts)
    said = worded(models, texts, settings)
    found = gallery(models, places, settings, listener)
    return match.chosen(models, cosines(found, said), found.names, texts, settings.n_best)


def embed(
    models: Sequence[Matcher], inputs: Sequence[str], texts: bool, settings: GenerateSettings, listener: Listener
) -> Vectors:
    """Unit vectors of pictures and of all in folders, or of texts; raises HeedfulError for several models."""
    if len(models) > 1:
        raise HeedfulError("Vectors of several models have no space in common.", "Ask one model for them.")
    if texts:
        return Vectors(tuple(inputs), match.worded(models[0], inputs, settings).numpy())
    found = gallery(models, inputs, settings, listener)
    return Vectors(found.names, found.vectors[0])


def worded(models: Sequence[Matcher], texts: Sequence[str], settings: GenerateSettings) -> list[np.ndarray]:
    """The vectors (M, D) of texts under each model: made before those of pictures, which take long."""
    return [match.worded(model, texts, settings).numpy() for model in models]


def cosines(found: Gallery, said: Sequence[np.ndarray]) -> np.ndarray:
    """Cosines (P, M) of a gallery and texts."""
    return np.mean([pictures @ texts.T for pictures, texts in zip(found.vectors, said, strict=True)], axis=0)


def gallery(
    models: Sequence[Matcher], places: Sequence[str], settings: GenerateSettings, listener: Listener
) -> Gallery:
    """The pictures of `places` in their order: single ones, all in folders, samples.

    What cannot be read in a folder is left out, and said. Raises HeedfulError for a single picture that cannot be
    read, and for a folder without any.
    """
    if not any(map(str.strip, places)):
        raise HeedfulError("There are no pictures to look through.", "Name some, or a folder of them.")
    sides = [one_side(model, places, settings, listener) for model in models]
    if not sides[0].names:
        raise HeedfulError(f"No picture in {', '.join(places)} can be read.")
    return Gallery(sides[0].names, tuple(side.values for side in sides))


def one_side(model: Matcher, places: Sequence[str], settings: GenerateSettings, listener: Listener) -> Vectors:
    """The same under one model."""
    prints = fingerprint(model) if any(map(is_folder, places)) else ""
    parts: list[Vectors] = []
    for folders, some in groupby(filter(str.strip, places), is_folder):
        if folders:
            parts += [of_folder(model, prints, place, settings, listener) for place in some]
        else:
            parts += of_single(model, [name for place in some for name in pictures_in(place) or [place]], settings)
    full = [part.values for part in parts if part.names]
    return Vectors(tuple(name for part in parts for name in part.names), np.concatenate(full) if full else NOTHING)


def is_folder(place: str) -> bool:
    """Whether a place is a folder on the disk."""
    return "://" not in place and Path(place).is_dir()


def of_single(model: Matcher, names: Sequence[str], settings: GenerateSettings) -> Iterator[Vectors]:
    """The vectors of pictures by name, some at a time."""
    for first in range(0, len(names), AT_ONCE):
        some = names[first : first + AT_ONCE]
        yield Vectors(tuple(some), match.vectors(model, 0, some, settings.batch_tokens).numpy())


def of_folder(model: Matcher, prints: str, folder: str, settings: GenerateSettings, listener: Listener) -> Vectors:
    """The vectors of a folder's pictures by their path in it: those that are kept, and the rest made now and kept."""
    files, others = shown_in(folder)
    known, broken = kept(folder, prints)
    now = marks_of(folder, files)
    new, changed, gone = known.stale(now)
    for line in about(folder, known, broken, len(files), (len(new), len(changed), len(gone)), others):
        listener.note(line)
    known.forget([*changed, *gone])
    if new or changed or gone:
        try:
            fill(model, folder, known, {name: now[name] for name in sorted([*new, *changed])}, settings, listener)
        finally:
            keep(known, listener)
    names = [name for name in now if name in known.rows]
    values = np.stack([known.rows[name] for name in names]) if names else NOTHING
    return Vectors(tuple(str(Path(folder, name)) for name in names), values)


def fill(
    model: Matcher, folder: str, known: Kept, todo: Mapping[str, Mark], settings: GenerateSettings, listener: Listener
) -> None:
    """Reads pictures and puts their vectors in; what cannot be read is left out, and said."""
    names, left_out, last = list(todo), [], time.monotonic()
    if len(names) > AT_ONCE:
        listener.begin(folder, count(len(names), "picture"))
    for first in range(0, len(names), AT_ONCE):
        good: dict[str, np.ndarray] = {}
        for name in names[first : first + AT_ONCE]:
            try:
                good[name] = read_picture(str(Path(folder, name)), model.pictures.form)
            except HeedfulError as error:
                left_out.append(error.problem)
        if good:
            rows = match.of_pixels(model, np.stack(list(good.values())), settings.batch_tokens).numpy()
            known.rows.update(zip(good, rows, strict=True))
            known.marks.update((name, todo[name]) for name in good)
        if time.monotonic() > last + PATIENCE:
            keep(known, listener)
            last = time.monotonic()
        done = min(len(names), first + AT_ONCE)
        listener.step(done / len(names), f"{done:,} of {len(names):,} pictures")
    listener.end()
    if left_out:
        listener.note(f"{folder}: left out {count(len(left_out), 'picture')} that cannot be read: {left_out[0]}")


def about(
    folder: str, known: Kept, broken: str, there: int, stale: tuple[int, int, int], others: Sequence[Path]
) -> Iterator[str]:
    """What is said of a folder before it is looked through."""
    if broken:
        yield f"{known.path} cannot be used, and is made anew: {broken}"
    new, changed, gone = stale
    counts = {"known": there - new - changed, "new": new, "changed": changed, "gone": gone}
    told = ", ".join(f"{number:,} {what}" for what, number in counts.items() if number)
    yield f"{folder}: {count(there, 'picture')}: {told}; their vectors are kept in {known.path}"
    if others:
        what = f"{count(len(others), 'file')} without a picture's ending"
        yield f"{folder}: passed over {what} (first: {others[0]})"


def keep(known: Kept, listener: Listener) -> None:
    """Writes what is known; where that cannot be, says so: the answer does not hang on it."""
    try:
        known.save()
    except OSError as error:
        listener.note(f"{known.path} cannot be written, and vectors are not kept: {error.strerror}.")


@torch.inference_mode()
def fingerprint(model: Matcher) -> str:
    """What a picture's vector hangs on: the weights that see it, and how it is read."""
    network = model.network
    found = blake2b(json.dumps([FORMAT, model.pictures.config(), asdict(model.settings)]).encode(), digest_size=16)
    for part in (network.embeddings[0], network.encoders[0], network.projections[0]):
        for name, tensor in sorted(part.state_dict().items()):
            found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
