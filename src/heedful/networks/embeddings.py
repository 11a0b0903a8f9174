"""What goes in, as vectors: each source has its own way to (N, S, D), and every encoder reads the result.

N sources   S positions   D width   H W sides in pixels   C colours or channels   L letters of a word
"""

from typing import Literal

import torch
from torch import Tensor, nn

from heedful.blocks.embedding import Learned, Tokens
from heedful.blocks.names import PositionName
from heedful.blocks.pixels import Pixels
from heedful.blocks.vision import Patch, Patches, PatchPositions

PIXELS_AT_ONCE = 2**18
"""Of a clip that is answered: the maps of 100 frames fit a processor's cache, those of an hour no memory."""


class PictureEmbedding(nn.Module):
    """Pictures (N, H, W, C) as bytes: patches or rows with position embeddings, behind a class token if asked for.

    `positions`: 2-D, sinusoidal (`grid`) or `learned`; learned 1-D ones, which begin with the class token (`line`); or
    none.
    """

    def __init__(
        self,
        pixels: Pixels,
        width: int,
        patch: Patch,
        stem: int,
        positions: PositionName | Literal["auto", "none"] = "none",
        token: bool = False,
    ) -> None:
        super().__init__()
        self.patches = Patches(pixels, width, patch, stem)
        grid = self.patches.grid
        self.places = PatchPositions(positions, grid, width) if positions in ("grid", "learned") else None
        # contents as large as positions; without positions blank rows stay blank: docs/log.md
        self.norm = nn.LayerNorm(width) if self.places is not None else nn.Identity()
        self.token = nn.Parameter(torch.randn(width) * 0.02) if token else None
        self.positions = grid[0] * grid[1] + token
        self.line = Learned(width, self.positions) if positions == "line" else None

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.norm(self.patches(pictures))
        if self.places is not None:
            x = x + self.places(self.patches.grid, x.device).to(x)
        if self.token is not None:
            x = torch.cat([self.token.to(x.dtype).expand(x.size(0), 1, -1), x], dim=1)
        return x if self.line is None else self.line(x, torch.arange(self.positions, device=x.device).unsqueeze(0))


class SegmentEmbedding(nn.Module):
    """Words (N, S), or (N, S, 2) with the number of the text that each belongs to (Devlin et al. 2019, figure 2).

    Words alone belong to text 0.
    """

    def __init__(self, tokens: Tokens, texts: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.texts = nn.Embedding(texts, tokens.table.embedding_dim)

    def forward(self, words: Tensor) -> Tensor:
        if words.dim() == 2:
            return self.tokens(words) + self.texts.weight[0]
        return self.tokens(words[..., 0]) + self.texts(words[..., 1])


class FrameEmbedding(nn.Module):
    """Clips (N, S, H, W, C) as bytes: each frame through the same patches, and its patches' vectors averaged."""

    def __init__(self, pixels: Pixels, width: int, patch: Patch, stem: int) -> None:
        super().__init__()
        self.patches = Patches(pixels, width, patch, stem)

    def forward(self, clips: Tensor) -> Tensor:
        frames = clips.flatten(0, 1)
        number = max(1, PIXELS_AT_ONCE // (clips.size(2) * clips.size(3)))
        if not torch.is_inference_mode_enabled() or len(frames) <= number:
            return self.vectors(frames).view(*clips.shape[:2], -1)
        parts = [self.vectors(frames[at : at + number]) for at in range(0, len(frames), number)]
        return torch.cat(parts).view(*clips.shape[:2], -1)

    def vectors(self, frames: Tensor) -> Tensor:
        """Frames (N, H, W, C) -> (N, D)."""
        return self.patches(frames).relu().mean(1)


class SeriesEmbedding(nn.Module):
    """Numbers (N, S, C), already of mean 0 and standard deviation 1 in training."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, width)

    def forward(self, series: Tensor) -> Tensor:
        return self.linear(series)


class WordEmbedding(nn.Module):
    """Words (N, S, 1 + L): the word's own vector beside one of its letters (Kim et al. 2016, section 2.2).

    The first number is the word's, the others its letters', 0 behind the last. Convolutions over three letters and a
    maximum over the word: beginnings and endings are known in words never seen.
    """

    def __init__(self, words: int, letters: int, width: int) -> None:
        super().__init__()
        self.words = Tokens(words, width)
        self.letters = Tokens(letters, width // 4)
        self.convolution = nn.Conv1d(width // 4, width, 3, padding=1)
        self.linear = nn.Linear(2 * width, width)

    def forward(self, words: Tensor) -> Tensor:
        letters = words[..., 1:].flatten(0, 1)  # (N * S, L)
        real = (letters > 0).unsqueeze(1)
        features = self.convolution((self.letters(letters).transpose(1, 2)) * real)
        strongest = features.relu().masked_fill(~real, 0).amax(-1).unflatten(0, words.shape[:2])
        return self.linear(torch.cat([self.words(words[..., 0]), strongest], dim=-1))
