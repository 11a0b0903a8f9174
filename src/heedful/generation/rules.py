"""What an answer must and must not be: penalties on choosing, and hard constraints.

Penalties change which hypothesis is chosen, never the score that is reported for it.

N sources   K beams   V vocabulary
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rules:
    """The rules of one request, in token ids."""

    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    prefix: tuple[int, ...] = ()

    def adjust(self, allowed: Tensor, history: Tensor, steps: Sequence[int], end: int) -> Tensor:
        """Log probabilities (N, K, V) as the choice shall see them, given the tokens so far (N, K, room)."""
        if self.repetition_penalty != 1:
            allowed = self.penalise(allowed, history, steps)
        if self.no_repeat_ngram:
            allowed = self.forbid_repeats(allowed, history, steps)
        if self.prefix:
            allowed = self.force(allowed, steps)
        return allowed

    def penalise(self, allowed: Tensor, history: Tensor, steps: Sequence[int]) -> Tensor:
        """Divides the probability of tokens already said."""
        said = torch.zeros_like(allowed, dtype=torch.bool)
        for source, step in enumerate(steps):
            said[source].scatter_(1, history[source, :, :step], True)
        return allowed - said * math.log(self.repetition_penalty)

    def forbid_repeats(self, allowed: Tensor, history: Tensor, steps: Sequence[int]) -> Tensor:
        """No n-gram twice: what once followed the last n - 1 tokens may not follow them again."""
        size = self.no_repeat_ngram
        for source, step in enumerate(steps):
            if step < size:
                continue
            grams = history[source, :, :step].unfold(1, size, 1)  # (K, step - size + 1, size)
            newest = history[source, :, step - size + 1 : step].unsqueeze(1)
            again = (grams[..., :-1] == newest).all(-1)
            for beam, place in again.nonzero().tolist():
                allowed[source, beam, grams[beam, place, -1]] = -math.inf
        return allowed

    def force(self, allowed: Tensor, steps: Sequence[int]) -> Tensor:
        """Only the prefix's own token, as long as the prefix lasts."""
        for source, step in enumerate(steps):
            if step < len(self.prefix):
                forced = torch.full_like(allowed[source], -math.inf)
                forced[:, self.prefix[step]] = allowed[source, :, self.prefix[step]]
                allowed[source] = forced
        return allowed
