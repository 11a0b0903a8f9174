"""Leave-one-out (Zeiler & Fergus 2014; Li et al. 2016): how much of a target is gone when a unit says nothing.

A unit's input vector is replaced by the baseline's. It sees what a unit adds alone, not what two say together; of two
sources, as a picture and its text, what a unit of each says only together with one of the other is a map of its own.

R copies   S units   K answers that are explained
"""

import torch
from torch import Tensor, nn

from heedful.explain.found import Found, make_map, numbered, rows_at_once, rows_name
from heedful.explain.target import Target
from heedful.tasks.trace import Trace

PAIRS = 2048
"""Pairs of units of two sources that are left out together at the most."""


def lacks(network: nn.Module) -> str:
    """Every network has it."""
    return ""


def leave_one_out(trace: Trace, target: Target) -> Found:
    """A map of each source: the target's loss for each unit that is left out."""
    vectors, maps, amounts = trace.vectors(), [], {}
    for number in range(len(trace.readings)):
        losses = left_out(trace, target, vectors, number)
        amounts[number] = losses.cpu().numpy()
        columns, rows = trace.reading_name(number), rows_name(trace, target.steps)
        name = numbered("leave_one_out", trace, number)
        maps.append(make_map(name, rows, columns, "amounts", losses, range(len(losses))))
    if len(trace.readings) == 2 and len(vectors[0]) * len(vectors[1]) <= PAIRS:
        together = left_out_together(trace, target, vectors)
        maps.append(make_map("leave_one_out.together", "read.1", "read.0", "amounts", together))
    return Found(tuple(maps), amounts)


@torch.no_grad()
def left_out_together(trace: Trace, target: Target, vectors: list[Tensor]) -> Tensor:
    """What a unit of the second source and one of the first add together beyond what each adds alone, (S1, S0), to the
    first answer: f(all) - f(without one) - f(without the other) + f(without both).
    """
    losses = [left_out(trace, target, vectors, number)[0] for number in range(2)]
    whole = target.of(trace.outputs({0: vectors[0][None]}))[0, 0]
    pairs = torch.cartesian_prod(*(torch.arange(len(part), device=part.device) for part in reversed(vectors)))
    without: list[Tensor] = []
    for part in pairs.split(rows_at_once(trace, 1)):
        changed = {number: vector.repeat(len(part), 1, 1) for number, vector in enumerate(vectors)}
        for number, units in ((1, part[:, 0]), (0, part[:, 1])):
            changed[number][torch.arange(len(part)), units] = trace.readings[number].baseline[units]
        without.append(target.of(trace.outputs(changed))[:, 0])
    both = torch.cat(without).view(len(vectors[1]), len(vectors[0]))
    return losses[1].unsqueeze(1) + losses[0] - whole + both


@torch.no_grad()
def left_out(trace: Trace, target: Target, vectors: list[Tensor], number: int) -> Tensor:
    """How much each unit of a source adds to the target, (K, S)."""
    own, baseline = vectors[number], trace.readings[number].baseline
    whole = target.of(trace.outputs({number: own[None]}))[0]
    units = torch.arange(len(own), device=own.device)
    losses: list[Tensor] = []
    for part in units.split(rows_at_once(trace, len(target.steps))):
        changed = own.repeat(len(part), 1, 1)
        changed[torch.arange(len(part)), part] = baseline[part]
        losses.append(whole - target.of(trace.outputs({number: changed})))
    return torch.cat(losses).T
