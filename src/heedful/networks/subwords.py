"""Words labelled by a network that reads their pieces.

N texts   T words   P pieces of a word   S positions, which are pieces   C labels
"""

import torch
from torch import Tensor, nn

from heedful.networks.joins import EncoderHead


class FirstPieces(nn.Module):
    """The label of each word is that of its first piece (Devlin et al. 2019, section 5.3).

    `before` and `after` are the ids that stand around a text.
    """

    def __init__(self, inner: EncoderHead, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        super().__init__()
        self.inner, self.before, self.after = inner, before, after

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Logits (N, T, C) of words (N, T, P), told by one more than the id of each piece, 0 behind the last."""
        steps = torch.arange(words.size(1), device=words.device)
        real = (words > 0) & (steps < lengths.unsqueeze(1)).unsqueeze(-1)
        counts = real.sum(2)  # (N, T)
        first = len(self.before) + counts.cumsum(1) - counts
        sizes = len(self.before) + counts.sum(1) + len(self.after)
        read = words.new_zeros(len(words), int(sizes.max()))
        read[:, : len(self.before)] = read.new_tensor(self.before)
        for back, one in enumerate(reversed(self.after), 1):
            read.scatter_(1, (sizes - back).unsqueeze(1), one)
        places = len(self.before) - 1 + real.flatten(1).cumsum(1)
        rows = torch.arange(len(words), device=words.device).unsqueeze(1).expand_as(places)
        chosen = real.flatten(1)
        read[rows[chosen], places[chosen]] = words.flatten(1)[chosen] - 1
        logits = self.inner(read, sizes)  # (N, S, C)
        at = first.clamp(max=logits.size(1) - 1).unsqueeze(-1).expand(-1, -1, logits.size(2))
        return logits.gather(1, at)
