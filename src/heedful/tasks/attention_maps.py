"""What a network looked at, token by token, for those who want to see it: maps of its attention as plain lists.

T tokens that were written   S positions that were looked at   H heads
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from heedful.blocks.recording import record

SOURCE_ATTENTION = ("memory", "attention")
"""How decoders of all eras call what looks at the source."""
SELF_ATTENTION = ("self_attention",)


@torch.inference_mode()
def attention_maps(
    network: nn.Module, inputs: Sequence[Tensor], kinds: Sequence[str], rows: Sequence[int]
) -> dict[str, list[list[float]]]:
    """The maps of one call on one example, those of these kinds and rows: T lists of S shares a layer and head."""
    device = next(network.parameters()).device
    with record(network.eval()) as recorded:
        network(*(tensor.to(device) for tensor in inputs))
    maps: dict[str, list[list[float]]] = {}
    for name, weights in recorded.concatenate().items():
        module, _, kind = name.rpartition(".")
        if kind != "weights" or module.rpartition(".")[2] not in kinds:
            continue
        heads = weights[0, :, list(rows)].tolist()  # H x T x S
        maps |= {module: heads[0]} if len(heads) == 1 else {f"{module}.head{n}": head for n, head in enumerate(heads)}
    return maps
