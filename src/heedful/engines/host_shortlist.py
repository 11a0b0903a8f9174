# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""The vocabulary product on the host, over the tokens alone that the sources of a batch may be answered with.

N sources   K beams   R = N * K rows   U tokens that some source may take   D width   V vocabulary
"""

from collections.abc import Mapping, Sequence

import numpy as np

from heedful.generation.allowed import AllowedTokens
from heedful.generation.stepper import Floats

Layer = Mapping[str, np.ndarray]
"""An output layer: `weight` (V, D) and, if it has one, `bias` (V,)."""


class ShortlistedLayers:
    """Rows of output layers, one a decoder, which are gathered when sources join or leave, and not at each step."""

    def __init__(self, layers: Sequence[Layer], allowed: AllowedTokens) -> None:
        self.allowed = allowed
        self.rows = [{name: part[allowed.tokens] for name, part in layer.items()} for layer in layers]
        closed = np.where(allowed.mask, np.float32(0), np.float32(-np.inf))  # (N, U)
        self.offsets = [closed + rows["bias"] if "bias" in rows else closed for rows in self.rows]

    def log_probs(self, outputs: Sequence[Floats]) -> list[Floats]:
        """Of outputs (R, D), one array a decoder: (R, U), -inf where the row's source may not go."""
        return [
            log_softmax(part @ rows["weight"].T, offset)
            for part, rows, offset in zip(outputs, self.rows, self.offsets, strict=True)
        ]

    def of_all(self, log_probs: Floats, vocabulary: int) -> Floats:
        """The same (R, U) by the tokens' ids: (R, V)."""
        whole = np.full((len(log_probs), vocabulary), -np.inf, log_probs.dtype)
        whole[:, self.allowed.tokens] = log_probs
        return whole


def log_softmax(logits: Floats, offset: Floats) -> Floats:
    """Of logits (R, U) with what is added to those of each source (N, U), in the array that they are in."""
    by_source = logits.reshape(len(offset), -1, logits.shape[1])
    by_source += offset[:, None]
    logits -= log_sum(logits)
    return logits


def log_sum(log_probs: Floats) -> Floats:
    """The logarithm of the sum of each row's exponentials: (R, V) -> (R, 1); -inf where there is nothing."""
    highest = log_probs.max(1, keepdims=True)
    finite = np.where(highest > -np.inf, highest, 0)
    with np.errstate(divide="ignore"):
        return finite + np.log(np.exp(log_probs - finite).sum(1, keepdims=True))
