"""A matcher on one picture and one text, for those who want to know why they are near.

V texts to choose among   D width
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from heedful.engines.plain_towers import PICTURES, TEXTS
from heedful.errors import HeedfulError, unknown
from heedful.explanations import Units
from heedful.networks.joins import SentenceEncoder
from heedful.schema import GenerateSettings
from heedful.tasks.match.learnable import LearnableMatcher
from heedful.tasks.match.matcher import similarity
from heedful.tasks.trace import Reading, Trace, copies, pool_weights, read_source, to_device

RIVALS = 20
"""Of the texts of training that stand beside the one that is explained: the nearest."""


def trace_match(
    model: LearnableMatcher, source: str, output: str | None, settings: GenerateSettings, instead: str | None
) -> Trace:
    """The model on a picture and its best text, or `output`: both are sources, and their scaled cosine is the logit.

    Beside it stand the nearest texts of training, and `instead`. Raises HeedfulError where no text is known.
    """
    texts = candidates(model, source, output, instead, settings)
    network, template = model.network.eval(), (settings.template or ("{}",))[0]
    words = [template.replace("{}", text) for text in texts]
    [picture] = model.pictures.cut(model.pictures.arrays([source]), [model.engine.pictures.limit])
    [first, *others] = model.words.cut(model.words.arrays(words), [model.engine.texts.limit])
    sides = [
        to_device(network, array, np.array(preprocessor.positions_of(array)))
        for preprocessor, array in ((model.pictures, picture), (model.words, first))
    ]
    with torch.no_grad():
        rivals = [
            network.embed(TEXTS, *to_device(network, array, np.array(model.words.positions_of(array))))
            for array in others
        ]

    def run(number: int) -> Tensor:
        vectors = [
            network.embed(side, *(copies(tensor, number) for tensor in tensors)) for side, tensors in enumerate(sides)
        ]
        scale = network.scale.exp().clamp(max=100)
        own = (vectors[PICTURES] * vectors[TEXTS]).sum(-1, keepdim=True)
        return scale * torch.cat([own, *(vectors[PICTURES] @ rival.T for rival in rivals)], dim=-1).unsqueeze(1)

    def find(text: str) -> Sequence[int]:
        if text not in texts:
            raise unknown("text", text, texts)
        return [texts.index(text)]

    return Trace(
        network.core,
        source,
        texts[0],
        (read_side(model, PICTURES, picture), read_side(model, TEXTS, first)),
        Units("words", (texts[0],)),
        torch.zeros(1, dtype=torch.long, device=network.scale.device),
        run,
        find,
        lambda number: texts[number],
    )


def candidates(
    model: LearnableMatcher, source: str, output: str | None, instead: str | None, settings: GenerateSettings
) -> list[str]:
    """The text that is explained, then those that it is held against."""
    ranked = list(model.texts)
    if output is None and not ranked:
        raise HeedfulError("This model keeps no texts of its own.", "Name the one to explain: --answer TEXT")
    if ranked:
        cosines = similarity([model], [source], ranked, settings)[0]
        ranked = [ranked[int(number)] for number in np.argsort(-cosines)[: RIVALS + 1]]
    first = ranked[0] if output is None else output
    return list(dict.fromkeys([first, *([instead] if instead else []), *ranked]))


def read_side(model: LearnableMatcher, side: int, array: np.ndarray) -> Reading:
    """One side's source; towers that are one network read it as its second call."""
    network, preprocessor = model.network, (model.pictures, model.words)[side]
    parts, shared = network.core.sides(), isinstance(network, SentenceEncoder)
    embedding, encoder = parts[0 if shared else side]
    assert isinstance(encoder, nn.Module)
    pool = network.pool if isinstance(network, SentenceEncoder) else "summary"
    steps = preprocessor.positions_of(array)
    weights = pool_weights(pool, encoder, steps, network.scale.device)
    reading = read_source(preprocessor, array, parts[0 if shared else side], weights)
    return Reading(reading.units, embedding, reading.baseline, encoder, side if shared else 0, weights)
