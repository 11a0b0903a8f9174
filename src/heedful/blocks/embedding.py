"""How things become vectors: tokens, and the positions they stand at.

R rows   T positions   D width   V vocabulary
"""

import math

import torch
from torch import Tensor, nn

from heedful.errors import HeedfulError


class Tokens(nn.Module):
    """A vector for each entry of the vocabulary.

    `scaled`: initialised with standard deviation 1/√D and multiplied by √D when read (Vaswani et al. 2017, section
    3.4), so that the logits of a tied output layer begin small. Others are initialised with standard deviation `std`,
    0.3: docs/log.md has the trials.
    """

    def __init__(self, vocabulary: int, width: int, scaled: bool = False, std: float = 0.3) -> None:
        super().__init__()
        self.scale = math.sqrt(width) if scaled else 1.0
        self.table = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.table.weight, std=1 / self.scale if scaled else std)

    def forward(self, tokens: Tensor) -> Tensor:
        """(R, T) -> (R, T, D)."""
        return self.table(tokens) * self.scale


class Positions(nn.Module):
    """Tells a network that mixes all positions alike where each one stands.

    `limit` is the number of positions it can tell apart (None: no limit). Either something is added to the vectors
    (`forward`), or queries and keys are rotated (`rotary`).
    """

    limit: int | None = None
    adds = False
    """Whether something is added to the vectors."""

    def refuse_more(self, steps: int) -> None:
        """Raises HeedfulError for more positions than can be told apart."""
        if self.limit is not None and steps > self.limit:
            raise HeedfulError(
                f"A sequence has {steps:,} positions; this network can tell {self.limit:,} apart.",
                f"Shorten the sequences, or train a network with more positions: network.context={steps}.",
            )

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """x (R, T, D) at positions (R or 1, T) -> (R, T, D)."""
        return x

    def rotary(self, positions: Tensor) -> tuple[Tensor, Tensor] | None:
        """Cosines and sines (R or 1, T, 1, E) by which queries and keys are rotated, or None."""
        return None


class Sinusoidal(Positions):
    """Sinusoidal position embeddings, Vaswani et al. 2017, section 3.5."""

    adds = True

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        angles = sinusoid_angles(positions, self.width)  # (R, T, D/2)
        return x + torch.cat((angles.sin(), angles.cos()), dim=-1).to(x.dtype)


class Learned(Positions):
    """Learned position embeddings: a trained vector for each of `limit` positions, the first one in row `first`."""

    adds = True

    def __init__(self, width: int, limit: int, first: int = 0) -> None:
        super().__init__()
        self.limit, self.first = limit, first
        self.table = nn.Embedding(first + limit, width)
        nn.init.normal_(self.table.weight, std=0.02)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        return x + self.table(positions + self.first if self.first else positions)


class Rotary(Positions):
    """Rotary position embeddings: queries and keys are rotated, so that products see distances (Su et al. 2021)."""

    def __init__(self, head_width: int) -> None:
        super().__init__()
        self.head_width = head_width

    def rotary(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        angles = sinusoid_angles(positions, self.head_width).repeat(1, 1, 2).unsqueeze(2)  # (R, T, 1, E)
        return angles.cos(), angles.sin()


def sinusoid_angles(positions: Tensor, width: int) -> Tensor:
    """Angles (R, T, width / 2) of sinusoids whose wavelengths grow from 2π to 10,000 · 2π."""
    rates = torch.exp(torch.arange(0, width, 2, device=positions.device) * (-math.log(10_000.0) / width))
    return positions.unsqueeze(-1) * rates
