"""How the next tokens are chosen: the top of a beam, or a draw.

N sources   K beams   V vocabulary
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from heedful.generation.constraints import Track
from heedful.schema import GenerateSettings


class Beams(Protocol):
    """What choosing must know of a running batch."""

    score: Tensor  # (N, K)
    order: Tensor  # (N, K) dead rows -inf
    growing: Tensor  # (N, 1) hypotheses still growing
    draws: Tensor  # (N, K, room) what decides each draw, in [0, 1); room 0 where nothing is drawn
    steps: list[int]
    limits: list[int]
    tracks: list[list[Track]]


@dataclass(frozen=True)
class Choice:
    """The next hypotheses: which beam each goes on with, by which token, and its scores with it. All (N, K)."""

    beam: Tensor
    token: Tensor
    score: Tensor
    order: Tensor
    tracks: list[list[Track]] = field(default_factory=list)


Chooser = Callable[[Tensor, Tensor, Beams, GenerateSettings], Choice]
"""`log_probs` (N, K, V) are the network's own and make the score; `allowed`, with penalties, make the order."""


def beams(log_probs: Tensor, allowed: Tensor, running: Beams, settings: GenerateSettings) -> Choice:
    """The likeliest continuations of each source, as many as it has hypotheses still growing."""
    width = running.order.size(1)
    if width == 1:
        gained, token = allowed.max(-1)
        own = gained if allowed is log_probs else log_probs.gather(-1, token.unsqueeze(-1)).squeeze(-1)
        return Choice(torch.zeros_like(token), token, running.score + own, running.order + gained)
    beam, token, order = likeliest(allowed, running, width)
    order = order.masked_fill(torch.arange(width, device=order.device) >= running.growing, -math.inf)
    return chosen(log_probs, running, beam, token, order)


def candidates(log_probs: Tensor, allowed: Tensor, running: Beams, settings: GenerateSettings) -> Choice:
    """Twice as many of the likeliest continuations as the beam holds, best first: `beam` go on even if as many end."""
    return chosen(log_probs, running, *likeliest(allowed, running, 2 * running.order.size(1)))


def likeliest(allowed: Tensor, running: Beams, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The beams, tokens and orders (N, count) of the likeliest continuations of each source."""
    # the best of all are among the best of each, and those are found faster
    each, tokens = allowed.topk(min(count, allowed.size(-1)), dim=-1)
    order, place = (running.order.unsqueeze(-1) + each).flatten(1).topk(count, dim=1)
    return place // each.size(-1), tokens.flatten(1).gather(1, place), order


def samples(log_probs: Tensor, allowed: Tensor, running: Beams, settings: GenerateSettings) -> Choice:
    """One draw for every row."""
    odds = narrowed(allowed / settings.temperature, settings)  # (N, K, V)
    share = odds.softmax(-1).double().cumsum(-1)
    places = torch.tensor(running.steps, device=odds.device).view(-1, 1, 1).expand(-1, odds.size(1), 1)
    point = running.draws.gather(2, places) * share[..., -1:]
    token = torch.searchsorted(share, point, right=True).clamp(max=odds.size(-1) - 1)
    beam = torch.arange(odds.size(1), device=odds.device).expand(len(odds), -1)
    order = running.order + allowed.gather(-1, token).squeeze(-1)
    return chosen(log_probs, running, beam, token.squeeze(-1), order)


def chosen(log_probs: Tensor, running: Beams, beam: Tensor, token: Tensor, order: Tensor) -> Choice:
    """The choice of these continuations (N, K), scored by the network's own log probabilities."""
    place = beam * log_probs.size(-1) + token
    return Choice(beam, token, running.score.gather(1, beam) + log_probs.flatten(1).gather(1, place), order)


def narrowed(log_probs: Tensor, settings: GenerateSettings) -> Tensor:
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
