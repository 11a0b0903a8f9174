"""Gradient reach: how much an output still feels an input, ‖∂ target(t) / ∂ x(s)‖ (Bengio et al. 1994; Pascanu et al.
2013, equation 5): in a recurrent network it fades with the distance, in a Transformer it need not.

S units   D width   K answers that are explained
"""

import numpy as np
import torch
from torch import Tensor, nn

from heedful.explain.found import Found, make_map, numbered, rows_name
from heedful.explain.target import Target
from heedful.tasks.trace import Trace


def lacks(network: nn.Module) -> str:
    """Every network has gradients."""
    return ""


def gradient_reach(trace: Trace, target: Target) -> Found:
    """A map of each source: the norm of the target's gradient by each input vector."""
    vectors = {number: vector[None] for number, vector in enumerate(trace.vectors())}
    gradients = gradients_of(trace, target, vectors)
    amounts: dict[int, np.ndarray] = {}
    maps = []
    for number, parts in gradients.items():
        norms = torch.stack([part[0].norm(dim=-1) for part in parts])
        amounts[number] = norms.cpu().numpy()
        name, rows = numbered("gradient_reach", trace, number), rows_name(trace, target.steps)
        maps.append(make_map(name, rows, trace.reading_name(number), "lengths", norms, range(len(norms))))
    return Found(tuple(maps), amounts)


def gradients_of(trace: Trace, target: Target, vectors: dict[int, Tensor]) -> dict[int, list[Tensor]]:
    """For each source, and each explained answer, the target's gradient (R, S, D) at these input vectors."""
    leaves = {number: value.detach().requires_grad_() for number, value in vectors.items()}
    # what an embedding puts out may be all that needs a gradient; cuDNN would want recurrent layers in training for one
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        outputs = trace.outputs(leaves)
        found: dict[int, list[Tensor]] = {number: [] for number in leaves}
        for place in range(len(target.steps)):
            value, keep = target.only([place]).of(outputs).sum(), place + 1 < len(target.steps)
            parts = torch.autograd.grad(value, list(leaves.values()), retain_graph=keep, allow_unused=True)
            for (number, leaf), part in zip(leaves.items(), parts, strict=True):
                found[number].append(torch.zeros_like(leaf) if part is None else part)
    return found
