"""How the next tokens are chosen: the top of a beam, or a draw.

N sources   K beams   V vocabulary
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from heedful.recipe import Generate


class Beams(Protocol):
    """What choosing must know of a running batch."""

    score: Tensor  # (N, K)
    order: Tensor  # (N, K) dead rows -inf
    live: list[int]
    steps: list[int]


@dataclass(frozen=True)
class Choice:
    """The next hypotheses: which beam each goes on with, by which token, and its scores with it. All (N, K)."""

    beam: Tensor
    token: Tensor
    score: Tensor
    order: Tensor


Chooser = Callable[[Tensor, Tensor, Beams, Sequence[int], Generate], Choice]


def beams(log_probs: Tensor, allowed: Tensor, running: Beams, seeds: Sequence[int], settings: Generate) -> Choice:
    """The likeliest continuations of each source, as many as it has hypotheses still growing.

    `log_probs` (N, K, V) are the network's own and make the score; `allowed`, with penalties, make the order.
    """
    width = running.order.size(1)
    order = (running.order.unsqueeze(-1) + allowed).flatten(1)  # (N, K*V)
    best, where = order.topk(width, dim=1)
    beam, token = where // allowed.size(-1), where % allowed.size(-1)
    rank = torch.arange(width, device=best.device)
    live = torch.tensor(running.live, device=best.device).unsqueeze(1)
    best = best.masked_fill(rank >= live, -math.inf)
    return Choice(beam, token, running.score.gather(1, beam) + log_probs.flatten(1).gather(1, where), best)


def samples(log_probs: Tensor, allowed: Tensor, running: Beams, seeds: Sequence[int], settings: Generate) -> Choice:
    """One draw for every row, each from a generator of its own: (seed, source's seed, row, step) decide it alone."""
    odds = narrowed(allowed / settings.temperature, settings)  # (N, K, V)
    count, width = running.order.shape
    draws = [
        [np.random.default_rng((settings.seed, seed, row, step)).random() for row in range(width)]
        for seed, step in zip(seeds, running.steps, strict=True)
    ]
    share = odds.softmax(-1).double().cumsum(-1)
    point = torch.tensor(draws, device=odds.device, dtype=torch.double).unsqueeze(-1) * share[..., -1:]
    token = torch.searchsorted(share, point, right=True).clamp(max=odds.size(-1) - 1)
    beam = torch.arange(width, device=odds.device).expand(count, width)
    gained, ordered = log_probs.gather(-1, token).squeeze(-1), allowed.gather(-1, token).squeeze(-1)
    return Choice(beam, token.squeeze(-1), running.score + gained, running.order + ordered)


def narrowed(log_probs: Tensor, settings: Generate) -> Tensor:
    """Log odds with the unlikely taken out: top-k, then top-p (Holtzman et al. 2020), then min-p."""
    if 0 < settings.top_k < log_probs.size(-1):
        least = log_probs.topk(settings.top_k, dim=-1).values[..., -1:]
        log_probs = log_probs.masked_fill(log_probs < least, -math.inf)
    if settings.top_p < 1:
        ranked, where = log_probs.sort(dim=-1, descending=True)
        shares = ranked.softmax(-1)
        beyond = shares.cumsum(-1) - shares >= settings.top_p  # the token that crosses the line is still in
        log_probs = log_probs.masked_fill(beyond.scatter(-1, where, beyond), -math.inf)
    if settings.min_p > 0:
        least = log_probs.amax(-1, keepdim=True) + math.log(settings.min_p)
        log_probs = log_probs.masked_fill(log_probs < least, -math.inf)
    return log_probs
