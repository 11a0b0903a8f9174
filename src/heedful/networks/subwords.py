"""Words labelled by a network that reads their pieces.

N texts   T words   P pieces of a word   S positions, which are pieces   C labels
"""

import torch
from torch import Tensor

from heedful.networks.joins import EncoderHead, Network


class FirstPieces(Network):
    """The label of each word is that of its first piece (Devlin et al. 2019, section 5.3).

    `before` and `after` are the ids that stand around a text.
    """

    def __init__(self, inner: EncoderHead, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        super().__init__()
        self.inner, self.before, self.after = inner, before, after

    @property
    def core(self) -> EncoderHead:
        return self.inner

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Logits (N, T, C) of words (N, T, P), each piece one more than its id, 0 behind the last."""
        limit = self.inner.encoder.limit
        if limit is not None:  # of a word with more pieces than there are positions, the first ones
            words = words[:, :, : max(1, limit - len(self.before) - len(self.after))]
        steps = torch.arange(words.size(1), device=words.device)
        real = (words > 0) & (steps < lengths.unsqueeze(1)).unsqueeze(-1)
        counts = real.sum(2)  # (N, T)
        first = len(self.before) + counts.cumsum(1) - counts
        sizes = len(self.before) + counts.sum(1) + len(self.after)
        pieces = words.new_zeros(len(words), int(sizes.max()))
        pieces[:, : len(self.before)] = pieces.new_tensor(self.before)
        for back, token in enumerate(reversed(self.after), 1):
            pieces.scatter_(1, (sizes - back).unsqueeze(1), token)
        positions = len(self.before) - 1 + real.flatten(1).cumsum(1)
        rows = torch.arange(len(words), device=words.device).unsqueeze(1).expand_as(positions)
        chosen = real.flatten(1)
        pieces[rows[chosen], positions[chosen]] = words.flatten(1)[chosen] - 1
        logits = self.inner(pieces, sizes)  # (N, S, C)
        index = first.clamp(max=logits.size(1) - 1).unsqueeze(-1).expand(-1, -1, logits.size(2))
        return logits.gather(1, index)
