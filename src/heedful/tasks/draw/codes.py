"""What drawings are made of: a codebook that pictures go through and come back from, and batches of its codes.

N pictures   H W sides in pixels   C colours   S codes of a picture
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from heedful.blocks.codebook import Codebook, GrayLevels
from heedful.blocks.loss import cross_entropy
from heedful.data import batching
from heedful.data.batch import Batch
from heedful.data.batching import Rows
from heedful.data.pairs import prepared as preparing
from heedful.data.pictures.album import Album
from heedful.data.pictures.read import Form
from heedful.data.tokenizers.special_tokens import EOS
from heedful.errors import HeedfulError
from heedful.networks.joins import Drawing
from heedful.schema import Recipe
from heedful.tasks.training_sources import TrainingSources
from heedful.training.loop import Work

PAD, BEGIN, END, FIRST = 0, 1, 2, 3
"""Token ids: a code is FIRST and its number. A drawing is as long as its grid, so END is never said."""
BATCH = 16  # pictures: more steps teach more than surer ones
HALVINGS = 2
WIDTHS = {"tiny": 32, "small": 64, "base": 128}
"""Channels of the convolutions by size."""
GRAYS = 17  # levels of the direct way
TINY = 12  # pixels a side, up to which gray pictures take it
CODES = 1024  # of the codebook, about
RATE = 2e-3  # peak learning rate, which suits convolutions of any width here


def fitting(codes: Literal["auto"] | int, form: Form) -> int:
    """How many codes there are for pictures of this form; raises HeedfulError for a side that cannot be halved."""
    if codes == "auto":
        codes = GRAYS if tiny(form) else CODES
    if form.size % 2**HALVINGS and not (codes == GRAYS and tiny(form)):
        below = form.size // 2**HALVINGS * 2**HALVINGS
        raise HeedfulError(
            f"Pictures to draw need a side that is halved {HALVINGS} times, and data.picture is {form.size}.",
            f"Take {max(below, 2**HALVINGS)} or {below + 2**HALVINGS}.",
        )
    return codes


def made(codes: int, size: str, form: Form) -> Codebook | GrayLevels:
    """A codebook with fresh weights; for tiny gray pictures the direct way."""
    if codes == GRAYS and tiny(form):
        return GrayLevels(form.size, GRAYS)
    return Codebook(form.size, form.channels, WIDTHS[size], HALVINGS, codes)


def tiny(form: Form) -> bool:
    """Whether pictures are so small and gray that each pixel can be a code."""
    return form.colours == "gray" and form.size <= TINY


def learning(codebook: Codebook, prepared: preparing.Prepared, recipe: Recipe) -> Work:
    """What the loop needs to learn the codebook."""
    numbers = np.unique(np.concatenate([prepared.train[row][1] for row in range(len(prepared.train))]))
    sample = batching.sample(prepared.valid, recipe.train.valid_limit, recipe.seed)
    valid = prepared.target.of([example.references[0] for example in sample])

    def plan(epoch: int) -> list[Rows]:
        order = np.random.default_rng((recipe.seed, epoch)).permutation(numbers)
        return [Rows(epoch, order[at : at + BATCH]) for at in range(0, len(order), BATCH)]

    def collate(rows: Rows) -> Batch:
        return Batch({"pictures": torch.from_numpy(prepared.target.pixels(rows.rows.astype(np.int64)))})

    return Work(
        network=codebook,
        plan=plan,
        collate=collate,
        loss=reconstruction,
        score=lambda: measured(codebook, valid),
        primary="reconstruction_error",
        higher_is_better=False,
        where=lambda rows: [f"picture {int(number)}" for number in rows.rows],
    )


def reconstruction(codebook: Codebook, batch: Batch) -> tuple[Tensor, int]:
    """How far what comes back is from the picture: absolute and squared, which keep edges and flat colours."""
    wanted = batch["pictures"].float() / 255
    apart = codebook(batch["pictures"]).float() - wanted
    return (apart.abs() + 4 * apart.square()).flatten(1).mean(1).sum(), len(wanted)


def coded(codebook: Codebook | GrayLevels, album: Album, device: torch.device) -> np.ndarray:
    """The codes of every picture of the album, (pictures, S)."""
    codebook.eval()
    found = []
    for at in range(0, album.size, BATCH):
        pixels = torch.from_numpy(album.pixels(np.arange(at, min(at + BATCH, album.size))))
        found.append(codebook.encode(pixels.to(device)).cpu().numpy().astype(np.int32))
    return np.concatenate(found)


def returned(codebook: Codebook | GrayLevels, pictures: np.ndarray) -> np.ndarray:
    """Pictures (N, H, W, C) as their codes give them back."""
    device = next((weight.device for weight in codebook.parameters()), None)
    return codebook.decode(codebook.encode(torch.from_numpy(pictures).to(device))).cpu().numpy()


def measured(codebook: Codebook, pictures: np.ndarray) -> dict[str, float]:
    """How far pictures (N, H, W, C) are from what comes back of them, in percent of full brightness, and how many of
    the codes are used, in percent.
    """
    device, apart, used = next(codebook.parameters()).device, [], np.zeros(codebook.size, bool)
    for at in range(0, len(pictures), BATCH):
        some = torch.from_numpy(pictures[at : at + BATCH]).to(device)
        codes = codebook.encode(some)
        used[codes.cpu().numpy()] = True
        apart.append((codebook.decode(codes).float() - some.float()).abs().flatten(1).mean(1).cpu().numpy() / 2.55)
    return {"reconstruction_error": float(np.concatenate(apart).mean()), "codes_used": float(100 * used.mean())}


@dataclass(frozen=True)
class Collate:
    """Rows -> a batch: sentences, some left empty, and codes."""

    sources: TrainingSources
    codes: np.ndarray
    dropped: float

    def __call__(self, rows: Rows) -> Batch:
        pictures = [int(picture[0]) for _, picture in self.sources.pairs(rows)]
        targets = torch.from_numpy(self.codes[pictures]).long() + FIRST
        inputs = torch.cat([torch.full_like(targets[:, :1], BEGIN), targets[:, :-1]], dim=1)
        batch = self.sources(rows)
        drawn = [np.random.default_rng(seed).random() for seed in self.sources.seeds(rows)]
        empty = torch.tensor(drawn) < self.dropped
        batch["source"][empty, 0] = EOS
        batch["lengths"][empty] = 1
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
