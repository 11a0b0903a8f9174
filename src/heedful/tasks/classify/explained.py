"""The class of one source, traced: the network, and what is counted beside it.

R copies of the example   S positions that were read   D width   C classes
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from heedful.data.pairs.coders import ClassNames
from heedful.explanations import Units
from heedful.networks.joins import EncoderHead
from heedful.tasks.classify.learnable import LearnableClassifier
from heedful.tasks.trace import Reading, Trace, copies, embed, pool_weights, read_source, to_device

COUNTED_BESIDE = "what is counted beside the network is in all amounts, pairs of pieces by halves; no map is of it"


def trace_class(model: LearnableClassifier, source: str, output: str | None) -> Trace:
    """The likeliest class of a source, or `output`."""
    reads, names, network = model.preprocessor, ClassNames(model.names), model.network.eval()
    [array] = reads.cut(reads.arrays([source]), [model.engine.limit])
    steps = reads.positions_of(array)
    [inputs, lengths] = to_device(network, array, np.array(steps))
    with torch.no_grad():
        number = int(network(inputs, lengths).argmax()) if output is None else names.numbers[names.known(output)]
    assert isinstance(network.encoder, nn.Module)
    side = network.sides()[0]
    reading = read_source(reads, array, side, pool_weights(network.pool, network.encoder, steps, inputs.device))
    counted = None if network.counts is None else counted_of(network, inputs, lengths, reading, embed(side[0], array))

    def run(number: int) -> Tensor:
        seen: list[Tensor] = []

        def see(module: nn.Module, asked: object, vectors: Tensor) -> None:
            seen.append(vectors)

        hook = side[0].register_forward_hook(see)
        try:
            logits = network.alone(copies(inputs, number), copies(lengths, number))
        finally:
            hook.remove()
        return (counted(logits, seen[0]) if counted else logits).unsqueeze(1)

    return Trace(
        network,
        source,
        model.names[number],
        (reading,),
        Units("words", (model.names[number],)),
        torch.tensor([number], device=inputs.device),
        run,
        lambda text: [names.numbers[names.known(text)]],
        lambda number: model.names[number],
        notes=() if counted is None else (COUNTED_BESIDE,),
    )


def counted_of(
    network: EncoderHead, inputs: Tensor, lengths: Tensor, reading: Reading, vectors: Tensor
) -> Callable[[Tensor, Tensor], Tensor]:
    """What makes logits (R, C) of the network's and of the input vectors (R, S, D) that it had.

    Counting knows no vectors. A piece counts as far as its vector has come on the straight way from the baseline's to
    its own: not at all at the one end, wholly at the other, as where pieces are there or are not.
    """
    counts = network.counts
    assert counts is not None
    parts = counts.parts(inputs, lengths)[0]  # (S, C)
    way = vectors - reading.baseline
    length = (way**2).sum(-1)

    def counted(logits: Tensor, now: Tensor) -> Tensor:
        come = ((now - reading.baseline) * way).sum(-1) / length.clamp(min=torch.finfo(length.dtype).tiny)
        there = torch.where(length > 0, come, 1.0)  # (R, S)
        share, other_share = counts.shares.unbind()
        return share * logits.float().log_softmax(-1) + other_share * (there @ parts + counts.bias)

    return counted
