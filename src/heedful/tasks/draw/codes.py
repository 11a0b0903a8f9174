"""How the codebook of drawings learns, through which pictures go and come back, and batches of its codes.

N pictures   H W sides in pixels   C colours   S codes of a picture
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from heedful.blocks.codebook import Codebook, GrayLevels
from heedful.blocks.loss import cross_entropy
from heedful.data import batching
from heedful.data.batch import Batch
from heedful.data.batching import Rows
from heedful.data.pairs.prepared import Prepared
from heedful.data.pictures.album import Album
from heedful.data.pictures.read import Form
from heedful.data.tokenizers.special_tokens import EOS
from heedful.engines.plain_writing import PlainCodec
from heedful.engines.writing import PictureCodec
from heedful.networks.joins import Drawing
from heedful.schema import Recipe
from heedful.tasks.draw.code_ids import BEGIN, FIRST, GRAYS, HALVINGS, is_direct
from heedful.tasks.training_sources import TrainingSources
from heedful.training.work import Work

BATCH = 16  # pictures: more steps teach more than surer ones
WIDTHS = {"tiny": 32, "small": 64, "base": 128}
"""Channels of the convolutions by size."""
RATE = 2e-3  # peak learning rate, which suits convolutions of any width here


def build_codebook(codes: int, size: str, form: Form) -> Codebook | GrayLevels:
    """A codebook with fresh weights; for tiny gray pictures the direct way."""
    if is_direct(codes, form):
        return GrayLevels(form.size, GRAYS)
    return Codebook(form.size, form.channels, WIDTHS[size], HALVINGS, codes)


def codebook_work(codebook: Codebook, data: Prepared, recipe: Recipe) -> Work:
    """What the loop needs to learn the codebook."""
    numbers = np.unique(np.concatenate([data.train[row][1] for row in range(len(data.train))]))
    sample = batching.sample(data.valid, recipe.train.valid_limit, recipe.seed)
    valid = data.target.of([example.references[0] for example in sample])

    def plan(epoch: int) -> list[Rows]:
        order = np.random.default_rng((recipe.seed, epoch)).permutation(numbers)
        return [Rows(epoch, order[start : start + BATCH]) for start in range(0, len(order), BATCH)]

    def collate(rows: Rows) -> Batch:
        return Batch({"pictures": torch.from_numpy(data.target.pixels(rows.rows.astype(np.int64)))})

    return Work(
        network=codebook,
        plan=plan,
        collate=collate,
        loss=reconstruction_loss,
        score=lambda few=None: measure_codebook(codebook, valid[:few]),
        primary="reconstruction_error",
        where=lambda rows: [f"picture {int(number)}" for number in rows.rows],
    )


def reconstruction_loss(codebook: Codebook, batch: Batch) -> tuple[Tensor, int]:
    """How far what comes back is from the picture: absolute and squared, which keep edges and flat colours."""
    pictures = batch["pictures"].float() / 255
    difference = codebook(batch["pictures"]).float() - pictures
    return (difference.abs() + 4 * difference.square()).flatten(1).mean(1).sum(), len(pictures)


def encode_album(codec: PictureCodec, album: Album) -> np.ndarray:
    """The codes of every picture of the album, (pictures, S)."""
    batches = (np.arange(start, min(start + BATCH, album.size)) for start in range(0, album.size, BATCH))
    return np.concatenate([codec.encode(album.pixels(numbers)).astype(np.int32) for numbers in batches])


def measure_codebook(codebook: Codebook, pictures: np.ndarray) -> dict[str, float]:
    """How far pictures (N, H, W, C) are from what comes back of them, in percent of full brightness, and how many of
    the codes are used, in percent.
    """
    codec, errors, codes_used = PlainCodec(codebook), [], np.zeros(codebook.size, bool)
    for start in range(0, len(pictures), BATCH):
        batch = pictures[start : start + BATCH]
        codes = codec.encode(batch)
        codes_used[codes] = True
        difference = codec.decode(codes).astype(np.float32) - batch.astype(np.float32)
        errors.append(np.abs(difference).reshape(len(batch), -1).mean(1) / 2.55)
    return {"reconstruction_error": float(np.concatenate(errors).mean()), "codes_used": float(100 * codes_used.mean())}


@dataclass(frozen=True)
class Collate:
    """Rows -> a batch: sentences, some left empty, and codes."""

    sources: TrainingSources
    codes: np.ndarray
    drop_probability: float

    def __call__(self, rows: Rows) -> Batch:
        pictures = [int(picture[0]) for _, picture in self.sources.pairs(rows)]
        targets = torch.from_numpy(self.codes[pictures]).long() + FIRST
        inputs = torch.cat([torch.full_like(targets[:, :1], BEGIN), targets[:, :-1]], dim=1)
        batch = self.sources(rows)
        draws = [np.random.default_rng(seed).random() for seed in self.sources.seeds(rows)]
        without_source = torch.tensor(draws) < self.drop_probability
        batch["source"][without_source, 0] = EOS
        batch["lengths"][without_source] = 1
        return batch | {"inputs": inputs, "targets": targets}


@dataclass(frozen=True)
class Loss:
    """Label-smoothed cross entropy, summed over codes."""

    smoothing: float

    def __call__(self, network: Drawing, batch: Batch) -> tuple[Tensor, int]:
        outputs = network(batch["source"], batch["lengths"], batch["inputs"])
        decoder, targets = network.writer.decoder, batch["targets"].flatten()
        loss = cross_entropy(outputs.flatten(0, 1), decoder.logits, targets, decoder.vocabulary, self.smoothing)
        return loss, len(targets)
