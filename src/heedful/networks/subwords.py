"""Words labelled by a network that reads their pieces.

N texts   T words   P pieces of a word   S positions, which are pieces   C labels
"""

import torch
from torch import Tensor

from heedful.blocks.host import held_on_host, on_host, send
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
        # where each piece stands is reckoned by the host: its shape, too, depends on how many there are
        pieces, sizes, first = self.lay_out(on_host(words), on_host(lengths))
        there, sizes_there = send(pieces, words.device), send(sizes, words.device)
        with held_on_host([(sizes_there, sizes)]):
            logits = self.inner(there, sizes_there)  # (N, S, C)
        index = send(first, words.device).clamp(max=logits.size(1) - 1).unsqueeze(-1).expand(-1, -1, logits.size(2))
        return logits.gather(1, index)

    def lay_out(self, words: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The pieces (N, S) of words (N, T, P), how many each text has (N,), where the first of each word is (N, T)."""
        limit = self.inner.encoder.limit
        if limit is not None:  # of a word with more pieces than there are positions, the first ones
            words = words[:, :, : max(1, limit - len(self.before) - len(self.after))]
        steps = torch.arange(words.size(1))
        real = (words > 0) & (steps < lengths.unsqueeze(1)).unsqueeze(-1)
        counts = real.sum(2)  # (N, T)
        first = len(self.before) + counts.cumsum(1) - counts
        sizes = len(self.before) + counts.sum(1) + len(self.after)
        pieces = words.new_zeros(len(words), int(sizes.max()))
        pieces[:, : len(self.before)] = pieces.new_tensor(self.before)
        for back, token in enumerate(reversed(self.after), 1):
            pieces.scatter_(1, (sizes - back).unsqueeze(1), token)
        positions = len(self.before) - 1 + real.flatten(1).cumsum(1)
        rows = torch.arange(len(words)).unsqueeze(1).expand_as(positions)
        chosen = real.flatten(1)
        pieces[rows[chosen], positions[chosen]] = words.flatten(1)[chosen] - 1
        return pieces, sizes, first
