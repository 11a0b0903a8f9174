"""What tasks share in learning from sources: batches of the training side, pictures varied by seed, epoch and row.

N sources   S positions
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from heedful.blocks.pixels import Pixels
from heedful.data import batching
from heedful.data.batch import Batch, pad_rows
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
from heedful.tasks.inputs import Preprocessor
from heedful.tasks.pretrained import Pretrained
from heedful.training.decide import augmentations

FEW_PICTURES, LARGE_SIDE = 10_000, 64
"""Pictures from which little is learnt, and the side from which they show more than that."""


def preprocessor_of(
    coder: Tokenizer | Album, train: Store, recipe: Recipe, start: Pretrained | None = None
) -> Preprocessor:
    """How a network of this recipe reads what was prepared.

    Pictures are told by the colours that the weights of `start` were learnt with, or by the training side's.
    """
    if isinstance(coder, Tokenizer):
        return Preprocessor(coder, normal_form=recipe.data.normalize)
    pixels_of_start = start.colours(coder.form) if start else None
    if pixels_of_start:
        return Preprocessor(coder.form, pixels_of_start, picture_positions(recipe.network, pixels_of_start.size))
    numbers = np.unique(np.concatenate([train[row][0] for row in range(len(train))]))
    pixels = Pixels(coder.form.size, *coder.statistics(numbers))
    return Preprocessor(coder.form, pixels, picture_positions(recipe.network, pixels.size))


def network_source(preprocessor: Preprocessor) -> Source:
    """What a network is told of the sources that are read so."""
    return (
        TextSource(preprocessor.tokenizer.size) if preprocessor.pixels is None else PictureSource(preprocessor.pixels)
    )


def pretrained_of(preprocessor: Preprocessor) -> Pretrained:
    """What goes with the weights of who reads so."""
    if isinstance(preprocessor.coder, Tokenizer):
        return Pretrained(words=preprocessor.coder)
    return Pretrained(form=preprocessor.form, pixels=preprocessor.pixels)


def batch_of(preprocessor: Preprocessor, arrays: Sequence[np.ndarray]) -> Batch:
    """Sources as one batch: source and lengths."""
    source, lengths = preprocessor.stack(arrays)
    return Batch({"source": torch.from_numpy(source), "lengths": torch.from_numpy(lengths)})


def batches_of(
    preprocessor: Preprocessor,
    sources: Sequence[str],
    budget: int,
    limits: Sequence[int | None],
    album: Album | None = None,
) -> Iterator[tuple[np.ndarray, Batch]]:
    """As `Preprocessor.stacks`, as tensors."""
    for rows, (source, lengths) in preprocessor.stacks(sources, budget, limits, album):
        yield rows, Batch({"source": torch.from_numpy(source), "lengths": torch.from_numpy(lengths)})


def picture_batch(preprocessor: Preprocessor, pixels: torch.Tensor) -> Batch:
    """Pictures (N, H, W, C) as a batch."""
    return Batch({"source": pixels, "lengths": torch.full((len(pixels),), preprocessor.positions)})


@dataclass(frozen=True)
class TrainingSources:
    """Sources of the training store as batches; a picture is varied by seed, epoch and row alone."""

    store: Store
    coder: Tokenizer | Album
    preprocessor: Preprocessor
    kinds: Sequence[str]
    seed: int

    def __call__(self, rows: Rows) -> Batch:
        sources = [source for source, _ in self.pairs(rows)]
        if isinstance(self.coder, Tokenizer):
            source, lengths = pad_rows([np.array(self.coder.special_tokens.around(ids)) for ids in sources])
            return Batch({"source": source, "lengths": lengths})
        pixels = torch.from_numpy(self.coder.pixels(np.concatenate(sources).astype(np.int64)))
        return picture_batch(self.preprocessor, augment(pixels, self.kinds, self.seeds(rows)) if self.kinds else pixels)

    def pairs(self, rows: Rows) -> list[tuple[np.ndarray, np.ndarray]]:
        """The numbers of each source and target."""
        return [self.store[int(row)] for row in rows.rows]

    def seeds(self, rows: Rows) -> list[int]:
        """What the draws for each example depend on."""
        return rows.seeds(self.seed, len(self.store))

    def lengths(self) -> np.ndarray:
        """Positions of each row's source and target, (rows, 2)."""
        lengths = np.array(self.store.lengths)
        if self.preprocessor.positions:
            lengths[:, 0] = self.preprocessor.positions
        return lengths

    def plan(self, recipe: Recipe, epoch: int, by_length: bool = True) -> list[Rows]:
        """The batches of an epoch; `by_length`: rows of like lengths in one batch."""
        lengths = self.lengths() if by_length else np.full_like(self.store.lengths, self.lengths().max())
        return batching.plan(lengths, int(recipe.train.batch_tokens), recipe.seed, epoch)

    def where(self, rows: Rows) -> list[str]:
        """The files and lines of these."""
        return [self.store.where(int(row)) for row in rows.rows]


def training_sources(
    recipe: Recipe, store: Store, coder: Tokenizer | Album, preprocessor: Preprocessor, kinds: Sequence[str]
) -> TrainingSources:
    """The training side; `kinds` are what auto augments by."""
    return TrainingSources(store, coder, preprocessor, augmentations(recipe.train, kinds), recipe.seed)


def refuse_augmentation(recipe: Recipe) -> None:
    """Raises HeedfulError if pictures are to be varied or mixed where there are none."""
    for key, verb in (("augment", "varies"), ("mix", "mixes")):
        if getattr(recipe.train, key) not in ("auto", [], 0.0):
            raise HeedfulError(f"train.{key} {verb} pictures, and there are none here.", f"Leave train.{key} out.")


def picture_advice(recipe: Recipe, prepared: Prepared, better: str) -> str:
    """What would do better than to begin from nothing with few pictures: weights that saw many; "" for small ones."""
    album, train = prepared.source, prepared.train
    if not isinstance(album, Album) or album.form.size < LARGE_SIDE or album.size >= FEW_PICTURES:
        return ""
    number = count(len({int(train[row][0][0]) for row in range(len(train))}), "picture")
    command = shlex.join(["heedful", "train", recipe.task, *recipe.data.train, "--from", better])
    advice = f"this starts from scratch, and {number} teach little; weights that were learnt from millions do better"
    return f"{advice}: {command}"
