"""How drawings are judged: by what they are taken for among the pictures or the words of all examples.

N examples   H W sides in pixels   C colours
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from heedful.data.pictures.album import Album
from heedful.data.pictures.read import Form, read_pictures
from heedful.metrics.ranks import ranks
from heedful.metrics.scores import evaluate as measure
from heedful.results import Example, Scores
from heedful.tasks.match import learn as match
from heedful.tasks.match.learn import Matcher


def by_pixels(examples: Sequence[Example], drawn: np.ndarray, form: Form, album: Album | None, samples: int) -> Scores:
    """Scores of drawings (N, H, W, C) by where the real picture stands in the order of nearness to the drawing."""
    real = [example.references[0] for example in examples]
    gallery = list(dict.fromkeys(real))
    shown = album.of(gallery) if album else read_pictures(gallery, form)
    flat = [torch.from_numpy(side.reshape(len(side), -1).astype(np.float32)) for side in (drawn, shown)]
    alike = -torch.cdist(flat[0], flat[1]).numpy()
    right = [{place for place, one in enumerate(gallery) if one in example.references} for example in examples]
    return placed(examples, ranks(alike, right), [gallery[place] for place in alike.argmax(1)], samples)


def by_judges(
    examples: Sequence[Example], drawn: np.ndarray, real: np.ndarray, judges: Sequence[Matcher], budget: int
) -> Scores:
    """Scores of drawings (N, H, W, C) by where their sentence stands for matchers, beside ceiling and floor."""
    texts = [example.source for example in examples]
    pictures = [set(example.references) for example in examples]
    right = [{place for place, others in enumerate(pictures) if mine & others} for mine in pictures]
    words = [match.vectors(judge, 1, texts, budget) for judge in judges]

    def judged(shown: np.ndarray, name: str = "") -> Scores:
        pairs = zip(judges, words, strict=True)
        alike = torch.stack([match.seen(judge, shown, budget) @ said.T for judge, said in pairs]).mean(0).numpy()
        scores = placed(examples, ranks(alike, right), [texts[place] for place in alike.argmax(1)], 1000)
        return replace(
            scores, measures={f"{name}{key}": replace(one, name=f"{name}{key}") for key, one in scores.measures.items()}
        )

    scores, exchanged = judged(drawn), np.roll(drawn, 1, axis=0)
    beside = judged(real, "ceiling_").measures | judged(exchanged, "floor_").measures
    return replace(scores, measures=scores.measures | beside)


def placed(examples: Sequence[Example], places: Sequence[int], taken: Sequence[str], samples: int) -> Scores:
    """Scores of places; cases say what each drawing was taken for."""
    sources = [example.source for example in examples]
    scores = measure("ranks", sources, [str(place) for place in places], [("1",)] * len(places), samples=samples)
    cases = zip(scores.cases, taken, examples, strict=True)
    return replace(
        scores, cases=tuple(replace(case, said=said, references=one.references) for case, said, one in cases)
    )
