"""How likely given answers are: teacher-forced, in one call a decoder.

R rows   T positions   D width   V vocabulary
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from heedful.blocks.state import State
from heedful.generation.rules import Special
from heedful.networks.decoders import Decoder

LOGITS_AT_ONCE = 1 << 24  # 64 MiB of float32


@torch.inference_mode()
def score(
    decoders: Sequence[Decoder],
    states: Sequence[State],
    answers: Sequence[Sequence[int]],
    special: Special,
    complete: Sequence[bool] | None = None,
) -> list[float]:
    """The log probability of each answer, its end included: what `Search` reports for it.

    `states` are fresh, one a decoder (several: the mean of their probabilities), with a row for each answer.
    `answers` are token ids without beginning and end; where `complete` is False the end is not counted.
    """
    ends = [[special.end] if whole else [] for whole in (complete or [True] * len(answers))]
    targets = [[*answer, *end] for answer, end in zip(answers, ends, strict=True)]
    device = states[0].lengths.device
    lengths = torch.tensor([len(target) for target in targets], device=device)
    size = max(map(len, targets), default=0)
    if not size:
        return [0.0] * len(targets)
    padded = torch.tensor([[*target, *[special.end] * (size - len(target))] for target in targets], device=device)
    inputs = torch.cat((torch.full_like(padded[:, :1], special.begin), padded[:, :-1]), dim=1)
    outputs = [decoder(inputs, state, lengths)[0] for decoder, state in zip(decoders, states, strict=True)]
    real = torch.arange(size, device=device) < lengths.unsqueeze(1)  # (R, T)
    gained = torch.zeros(real.shape, dtype=torch.double, device=device)
    gained[real] = log_probabilities(decoders, [one[real] for one in outputs], padded[real]).double()
    return gained.sum(1).tolist()


def log_probabilities(decoders: Sequence[Decoder], outputs: Sequence[Tensor], targets: Tensor) -> Tensor:
    """Of targets (M,) by each decoder's outputs (M, D), mean over decoders; never all logits at once."""
    rows = max(1, LOGITS_AT_ONCE // decoders[0].vocabulary)
    found = []
    for start in range(0, len(targets), rows):
        some = targets[start : start + rows].unsqueeze(1)
        of_each = []
        for decoder, one in zip(decoders, outputs, strict=True):
            logits = decoder.logits(one[start : start + rows]).float()
            of_each.append((logits.gather(1, some) - logits.logsumexp(1, keepdim=True)).squeeze(1))
        found.append(torch.stack(of_each).logsumexp(0) - math.log(len(decoders)))
    return torch.cat(found)
