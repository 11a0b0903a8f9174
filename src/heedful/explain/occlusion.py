"""Leave-one-out (Zeiler & Fergus 2014; Li et al. 2016): how much of a target is gone when a unit says nothing.

A unit's input vector is replaced by the baseline's. It sees what a unit adds alone, not what two say together.

R copies   S units   K answers that are explained
"""

import torch
from torch import Tensor, nn

from heedful.explain.found import Found, make_map, numbered, rows_at_once, rows_name
from heedful.explain.target import Target
from heedful.tasks.trace import Trace


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
    return Found(tuple(maps), amounts)


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
