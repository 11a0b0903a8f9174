"""What tasks share in learning from sources: batches of the training side, pictures varied by seed, epoch and row.

N sources   S positions
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from heedful.blocks.pixels import Pixels
from heedful.data import batching
from heedful.data.batch import Batch, padded
from heedful.data.batching import Rows
from heedful.data.pairs.prepared import Prepared
from heedful.data.pictures.album import Album
from heedful.data.pictures.augment import augment
from heedful.data.readers.rows import count
from heedful.data.store import Store
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError
from heedful.networks.settings import picture_positions
from heedful.networks.sources import PictureSource, Source, TextSource
from heedful.schema import Recipe
from heedful.tasks.inputs import Reading
from heedful.tasks.pretrained import Pretrained
from heedful.training.decide import augmentations

FEW, LARGE = 10_000, 64
"""Pictures from which little is learnt, and the side from which they show more than that."""


def reading_of(coder: Tokenizer | Album, train: Store, recipe: Recipe, start: Pretrained | None = None) -> Reading:
    """How a network of this recipe reads what was prepared.

    Pictures are told by the colours that the weights of `start` were learnt with, or by the training side's.
    """
    if isinstance(coder, Tokenizer):
        return Reading(coder, normal_form=recipe.data.normalize)
    kept = start.colours(coder.form) if start else None
    if kept:
        return Reading(coder.form, kept, picture_positions(recipe.network, kept.size))
    numbers = np.unique(np.concatenate([train[row][0] for row in range(len(train))]))
    pixels = Pixels(coder.form.size, *coder.statistics(numbers))
    return Reading(coder.form, pixels, picture_positions(recipe.network, pixels.size))


def network_source(reading: Reading) -> Source:
    """What a network is told of the sources that are read so."""
    return TextSource(reading.tokenizer.size) if reading.pixels is None else PictureSource(reading.pixels)


def pretrained_of(reading: Reading) -> Pretrained:
    """What goes with the weights of who reads so."""
    if isinstance(reading.coder, Tokenizer):
        return Pretrained(words=reading.coder)
    return Pretrained(form=reading.form, pixels=reading.pixels)


def batch_of(reading: Reading, arrays: Sequence[np.ndarray]) -> Batch:
    """Sources as one batch: source and lengths."""
    source, lengths = reading.stack(arrays)
    return Batch({"source": torch.from_numpy(source), "lengths": torch.from_numpy(lengths)})


def batches_of(
    reading: Reading, sources: Sequence[str], budget: int, limits: Sequence[int | None], album: Album | None = None
) -> Iterator[tuple[np.ndarray, Batch]]:
    """As `Reading.stacks`, as tensors."""
    for rows, (source, lengths) in reading.stacks(sources, budget, limits, album):
        yield rows, Batch({"source": torch.from_numpy(source), "lengths": torch.from_numpy(lengths)})


def picture_batch(reading: Reading, pixels: torch.Tensor) -> Batch:
    """Pictures (N, H, W, C) as a batch."""
    return Batch({"source": pixels, "lengths": torch.full((len(pixels),), reading.positions)})


@dataclass(frozen=True)
class TrainingSources:
    """Sources of the training store as batches; a picture is varied by seed, epoch and row alone."""

    store: Store
    coder: Tokenizer | Album
    reading: Reading
    kinds: Sequence[str]
    seed: int

    def __call__(self, rows: Rows) -> Batch:
        sources = [source for source, _ in self.pairs(rows)]
        if isinstance(self.coder, Tokenizer):
            source, lengths = padded([np.array(self.coder.special_tokens.around(ids)) for ids in sources])
            return Batch({"source": source, "lengths": lengths})
        pixels = torch.from_numpy(self.coder.pixels(np.concatenate(sources).astype(np.int64)))
        return picture_batch(self.reading, augment(pixels, self.kinds, self.seeds(rows)) if self.kinds else pixels)

    def pairs(self, rows: Rows) -> list[tuple[np.ndarray, np.ndarray]]:
        """The numbers of each source and target."""
        return [self.store[int(row)] for row in rows.rows]

    def seeds(self, rows: Rows) -> list[int]:
        """What the draws for each example depend on."""
        return rows.seeds(self.seed, len(self.store))

    def lengths(self) -> np.ndarray:
        """Positions of each row's source and target, (rows, 2)."""
        lengths = np.array(self.store.lengths)
        if self.reading.positions:
            lengths[:, 0] = self.reading.positions
        return lengths

    def plan(self, recipe: Recipe, epoch: int, together: bool = True) -> list[Rows]:
        """The batches of an epoch; `together`: rows of like lengths in one batch."""
        lengths = self.lengths() if together else np.full_like(self.store.lengths, self.lengths().max())
        return batching.plan(lengths, int(recipe.train.batch_tokens), recipe.seed, epoch)

    def where(self, rows: Rows) -> list[str]:
        """The files and lines of these."""
        return [self.store.where(int(row)) for row in rows.rows]


def training_sources(
    recipe: Recipe, store: Store, coder: Tokenizer | Album, reading: Reading, kinds: Sequence[str]
) -> TrainingSources:
    """The training side; `kinds` are what auto augments by."""
    return TrainingSources(store, coder, reading, augmentations(recipe.train, kinds), recipe.seed)


def refuse_varied(recipe: Recipe) -> None:
    """Raises HeedfulError if pictures are to be varied or mixed where there are none."""
    for key, does in (("augment", "varies"), ("mix", "mixes")):
        if getattr(recipe.train, key) not in ("auto", [], 0.0):
            raise HeedfulError(f"train.{key} {does} pictures, and there are none here.", f"Leave train.{key} out.")


def picture_advice(recipe: Recipe, prepared: Prepared, better: str) -> str:
    """What would do better than to begin from nothing with few pictures: weights that saw many; "" for small ones."""
    album, train = prepared.source, prepared.train
    if not isinstance(album, Album) or album.form.size < LARGE or album.size >= FEW:
        return ""
    few = count(len({int(train[row][0][0]) for row in range(len(train))}), "picture")
    command = f"heedful train {recipe.task} {' '.join(recipe.data.train)} --from {better}"
    return (
        f"this starts from scratch, and {few} teach little; weights that were learnt from millions do better: {command}"
    )
