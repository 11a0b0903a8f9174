"""How drawings are judged: by what they are taken for among the pictures or the words of all examples.

N examples   H W sides in pixels   C colours
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from heedful.data.album import Album
from heedful.data.pictures import Form, read_pictures
from heedful.metrics.ranks import ranks
from heedful.metrics.scores import evaluate as measure
from heedful.results import Example, Scores


def by_pixels(examples: Sequence[Example], drawn: np.ndarray, form: Form, album: Album | None, samples: int) -> Scores:
    """Scores of drawings (N, H, W, C) by where the real picture stands in the order of nearness to the drawing."""
    real = [example.references[0] for example in examples]
    gallery = list(dict.fromkeys(real))
    shown = album.of(gallery) if album else read_pictures(gallery, form)
    flat = [torch.from_numpy(side.reshape(len(side), -1).astype(np.float32)) for side in (drawn, shown)]
    alike = -torch.cdist(flat[0], flat[1]).numpy()
    right = [{place for place, one in enumerate(gallery) if one in example.references} for example in examples]
    return placed(examples, ranks(alike, right), [gallery[place] for place in alike.argmax(1)], samples)


def placed(examples: Sequence[Example], places: Sequence[int], taken: Sequence[str], samples: int) -> Scores:
    """Scores of places; cases say what each drawing was taken for."""
    sources = [example.source for example in examples]
    scores = measure("ranks", sources, [str(place) for place in places], [("1",)] * len(places), samples=samples)
    cases = zip(scores.cases, taken, examples, strict=True)
    return replace(
        scores, cases=tuple(replace(case, said=said, references=one.references) for case, said, one in cases)
    )
