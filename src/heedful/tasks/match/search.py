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

from heedful.data.pictures.files import is_folder, pictures_and_notes, pictures_in
from heedful.data.pictures.read import Form, read_picture
from heedful.data.readers.rows import count
from heedful.errors import HeedfulError
from heedful.results import Answer
from heedful.schema import GenerateSettings
from heedful.tasks.match.matcher import (
    TrainedMatcher,
    best_texts,
    candidate_texts,
    embed_in_templates,
    embed_pictures,
    embed_pixels,
)
from heedful.tasks.match.vectors import CachedVectors, FileStamp, Vectors, file_stamps, open_cache
from heedful.training.progress import Listener

AT_ONCE = 128  # pictures in memory
PATIENCE = 30.0  # seconds of work that a power cut may cost
NO_VECTORS = np.zeros((0, 0), np.float32)
FORMAT = 1  # of how pictures are read: vectors that were kept by another are made anew


@dataclass(frozen=True)
class Gallery:
    """Pictures by name, and their unit vectors (P, D) under each of several matchers."""

    names: tuple[str, ...]
    vectors: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class PictureFinder:
    """Finds pictures by words, and words for pictures, by the vectors of several matchers. Implements `Finder`."""

    models: Sequence[TrainedMatcher]

    def search(
        self, texts: Sequence[str], sources: Sequence[str], settings: GenerateSettings, listener: Listener
    ) -> list[list[Answer]]:
        """The n best pictures of `sources` for each text, with their cosines; several models give the mean of theirs.

        Raises HeedfulError as `open_gallery` does.
        """
        vectors = embed_for_all(self.models, texts, settings)
        say_of_texts(self.models[0], listener)
        gallery = open_gallery(self.models, sources, settings, listener)
        # folders may lie in one another
        rows = [*{name: row for row, name in enumerate(gallery.names)}.values()]
        answers: list[list[Answer]] = []
        for text, column in zip(texts, cosines(gallery, vectors).T, strict=True):
            best = sorted(rows, key=lambda row: -column[row])[: settings.n_best]
            unknown = self.models[0].words.unknown(text)
            scored = [(gallery.names[row], float(column[row])) for row in best]
            answers.append([Answer(text, name, cosine, cosine, unknown=unknown) for name, cosine in scored])
        return answers

    def among(
        self, sources: Sequence[str], texts: Sequence[str], settings: GenerateSettings, listener: Listener
    ) -> list[list[Answer]]:
        """The n best texts (none given: of those of training) for each picture of `sources`; see `best_texts`."""
        texts = candidate_texts(self.models, texts)
        vectors = embed_for_all(self.models, texts, settings)
        gallery = open_gallery(self.models, sources, settings, listener)
        if self.models[0].of_texts:
            return nearest_texts(gallery.names, cosines(gallery, vectors), texts, settings.n_best)
        return best_texts(self.models, cosines(gallery, vectors), gallery.names, texts, settings.n_best)

    def embed(self, inputs: Sequence[str], texts: bool, settings: GenerateSettings, listener: Listener) -> Vectors:
        """Unit vectors of pictures and of all in folders, or of texts; raises HeedfulError for several models."""
        if len(self.models) > 1:
            raise HeedfulError("Embeddings of several models are in different spaces.", "Ask one model for them.")
        say_of_texts(self.models[0], listener)
        if texts:
            return Vectors(tuple(inputs), embed_in_templates(self.models[0], inputs, settings))
        gallery = open_gallery(self.models, inputs, settings, listener)
        return Vectors(gallery.names, gallery.vectors[0])


def embed_for_all(
    models: Sequence[TrainedMatcher], texts: Sequence[str], settings: GenerateSettings
) -> list[np.ndarray]:
    """The vectors (M, D) of texts under each model: made before those of pictures, which take long."""
    return [embed_in_templates(model, texts, settings) for model in models]


def cosines(gallery: Gallery, vectors: Sequence[np.ndarray]) -> np.ndarray:
    """Cosines (P, M) of a gallery and texts."""
    return np.mean([pictures @ texts.T for pictures, texts in zip(gallery.vectors, vectors, strict=True)], axis=0)


def open_gallery(
    models: Sequence[TrainedMatcher], sources: Sequence[str], settings: GenerateSettings, listener: Listener
) -> Gallery:
    """The pictures of `sources` in their order: single ones, all in folders, samples.

    What cannot be read is left out, and said. Raises HeedfulError for a folder without any picture, and if none at all
    can be read.
    """
    if not any(map(str.strip, sources)):
        if models[0].of_texts:
            raise HeedfulError("There are no texts to search.", "Type some, or name their file: --file texts.txt")
        raise HeedfulError("There are no pictures to search.", "Name some, or a folder of them.")
    of_models = [embed_gallery(model, sources, settings, listener) for model in models]
    if not of_models[0].names:
        raise HeedfulError(f"No picture in {', '.join(sources)} can be read.")
    return Gallery(of_models[0].names, tuple(vectors.values for vectors in of_models))


def embed_gallery(
    model: TrainedMatcher, sources: Sequence[str], settings: GenerateSettings, listener: Listener
) -> Vectors:
    """The pictures of `sources` under one model, or these texts."""
    if model.of_texts:
        say_cut(model, sources, listener)
        return Vectors(tuple(sources), embed_pictures(model, sources, settings.batch_tokens))
    weights = fingerprint(model) if any(map(is_folder, sources)) else ""
    parts: list[Vectors] = []
    for folders, group in groupby(filter(str.strip, sources), is_folder):
        if folders:
            parts += [embed_folder(model, weights, source, settings, listener) for source in group]
        else:
            names = [name for source in group for name in pictures_in(source) or [source]]
            parts += embed_single(model, names, settings, listener, is_all=set(sources) == set(names))
    values = [part.values for part in parts if part.names]
    return Vectors(
        tuple(name for part in parts for name in part.names), np.concatenate(values) if values else NO_VECTORS
    )


def nearest_texts(sources: Sequence[str], similar: np.ndarray, texts: Sequence[str], n: int) -> list[list[Answer]]:
    """The n texts nearest to each source, by cosines (P, M), with these."""
    order = np.argsort(-similar, axis=1, kind="stable")[:, :n]
    answers: list[list[Answer]] = []
    for source, row, columns in zip(sources, similar, order, strict=True):
        scored = [(texts[int(column)], float(row[column])) for column in columns]
        answers.append([Answer(source, text, cosine, cosine) for text, cosine in scored])
    return answers


def say_of_texts(model: TrainedMatcher, listener: Listener) -> None:
    """Says how an encoder of texts makes vectors where its folder does not."""
    if model.note:
        listener.note(model.note)


def say_cut(model: TrainedMatcher, texts: Sequence[str], listener: Listener) -> None:
    """Says how many texts that are searched are cut; of those that are looked for, whoever asks says it."""
    lengths = model.pictures.lengths(texts, [model.engine.pictures.limit])
    if lengths is not None and lengths.long.any():
        listener.note(
            f"{count(int(lengths.long.sum()), 'text')} cut: the network reads {count(lengths.limit, 'token')}"
        )


def embed_single(
    model: TrainedMatcher, names: Sequence[str], settings: GenerateSettings, listener: Listener, is_all: bool
) -> Iterator[Vectors]:
    """The vectors of pictures by name, some at a time; what cannot be read is left out, and said.

    Raises HeedfulError if none can be read, and these are all that is asked about.
    """
    errors: list[HeedfulError] = []
    for first in range(0, len(names), AT_ONCE):
        part = names[first : first + AT_ONCE]
        pixels, part_errors = read_all(part, model.pictures.form)
        errors += part_errors
        if pixels:
            read = tuple(name for name in part if name in pixels)
            stacked = np.stack([pixels[name] for name in read])
            yield Vectors(read, embed_pixels(model, stacked, settings.batch_tokens))
    if errors and is_all and len(errors) == len(names):
        raise errors[0]
    if errors:
        listener.note(f"left out {count(len(errors), 'picture')} that cannot be read: {errors[0].problem}")


def read_all(names: Sequence[str], form: Form) -> tuple[dict[str, np.ndarray], list[HeedfulError]]:
    """The pictures that can be read, by name, and why others cannot be."""
    pixels: dict[str, np.ndarray] = {}
    errors: list[HeedfulError] = []
    for name in names:
        try:
            pixels[name] = read_picture(name, form)
        except HeedfulError as error:
            errors.append(error)
    return pixels, errors


def embed_folder(
    model: TrainedMatcher, weights: str, folder: str, settings: GenerateSettings, listener: Listener
) -> Vectors:
    """The vectors of a folder's pictures by their path in it: those that are kept, and the rest made now and kept."""
    files, notes = pictures_and_notes(folder)
    cache, reason = open_cache(folder, weights)
    stamps = file_stamps(folder, files)
    new, changed, removed = cache.stale(stamps)
    changes = (len(new), len(changed), len(removed))
    for line in [*describe_folder(folder, cache, reason, len(files), changes), *notes]:
        listener.note(line)
    cache.forget([*changed, *removed])
    if new or changed or removed:
        try:
            outdated = {name: stamps[name] for name in sorted([*new, *changed])}
            embed_files(model, folder, cache, outdated, settings, listener)
        finally:
            save_cache(cache, listener)
    names = [name for name in stamps if name in cache.rows]
    values = np.stack([cache.rows[name] for name in names]) if names else NO_VECTORS
    return Vectors(tuple(str(Path(folder, name)) for name in names), values)


def embed_files(
    model: TrainedMatcher,
    folder: str,
    cache: CachedVectors,
    outdated: Mapping[str, FileStamp],
    settings: GenerateSettings,
    listener: Listener,
) -> None:
    """Reads pictures and puts their vectors in; what cannot be read is left out, and said."""
    names, errors, last = list(outdated), [], time.monotonic()
    paths = {str(Path(folder, name)): name for name in names}
    if len(names) > AT_ONCE:
        listener.begin(folder, count(len(names), "picture"))
    for first in range(0, len(names), AT_ONCE):
        pixels, part_errors = read_all(list(paths)[first : first + AT_ONCE], model.pictures.form)
        errors += part_errors
        if pixels:
            rows = embed_pixels(model, np.stack(list(pixels.values())), settings.batch_tokens)
            cache.rows.update(zip(map(paths.__getitem__, pixels), rows, strict=True))
            cache.stamps.update((name, outdated[name]) for name in map(paths.__getitem__, pixels))
        if time.monotonic() > last + PATIENCE:
            save_cache(cache, listener)
            last = time.monotonic()
        done = min(len(names), first + AT_ONCE)
        listener.step(done / len(names), f"{done:,} of {count(len(names), 'picture')}")
    listener.end()
    if errors:
        listener.note(f"{folder}: left out {count(len(errors), 'picture')} that cannot be read: {errors[0].problem}")


def describe_folder(
    folder: str,
    cache: CachedVectors,
    reason: str,
    pictures: int,
    changes: tuple[int, int, int],
) -> Iterator[str]:
    """What is said of a folder before it is looked through."""
    if reason:
        yield f"{cache.path} cannot be used, and is made anew: {reason}"
    new, changed, removed = changes
    counts = {"known": pictures - new - changed, "new": new, "changed": changed, "gone": removed}
    listed = ", ".join(f"{number:,} {state}" for state, number in counts.items() if number)
    yield f"{folder}: {count(pictures, 'picture')}: {listed}; their vectors are kept in {cache.path}"


def save_cache(cache: CachedVectors, listener: Listener) -> None:
    """Writes what is known; where that cannot be, says so: the answer does not hang on it."""
    try:
        cache.save()
    except OSError as error:
        listener.note(f"{cache.path} cannot be written, and embeddings are not cached: {error.strerror}.")


def fingerprint(model: TrainedMatcher) -> str:
    """What a picture's vector hangs on: the weights that see it, and how it is read."""
    settings = json.dumps([FORMAT, model.pictures.config(), asdict(model.settings)])
    digest = blake2b(settings.encode(), digest_size=16)
    for piece in model.engine.picture_weights():
        digest.update(piece)
    return digest.hexdigest()
