"""How well can emoji in new skin tones be named without a network? The nearest picture, and the tone by its colour.

    pip install "heedful[demo]"
    python benchmarks/openmoji_baseline.py

Learns on sample://openmoji/train, and is scored on test, as a network is: any name of an identical picture is right.
The thing is that of the training picture whose pixels are nearest; its tones are those whose colour, learnt from
training, covers most of the picture, or of its left and its right half where there are two. Nothing is chosen on valid.

N pictures   S side
"""

import re
from collections import Counter

import numpy as np

from heedful.data.samples import openmoji
from heedful.metrics.baselines import NearestPicture
from heedful.metrics.scores import evaluate

SIDE = 48
TONES = ("light", "medium-light", "medium", "medium-dark", "dark")
TONE_NAME = re.compile(r"\b(?:light|medium-light|medium|medium-dark|dark) skin tone")


def main() -> None:
    sides = openmoji.split(unseen=False)
    train = sides["train"]
    pictures = pixels([emoji.text for emoji in train])
    skins = skin_colours(pictures, [emoji.tones for emoji in train])
    nearest = NearestPicture(pictures, [emoji.name for emoji in train])
    names: dict[bytes, list[str]] = {}
    for emoji in sides["test"]:
        names.setdefault(openmoji.drawn(emoji.text, SIDE).tobytes(), []).append(emoji.name)
    queries = np.stack([np.frombuffer(picture, np.uint8).reshape(SIDE, SIDE, 3) for picture in names])
    outputs_nearest = nearest.answers(queries)
    toned = [in_tones(name, picture, skins) for name, picture in zip(outputs_nearest, queries, strict=True)]
    sources = [f"picture {number}" for number in range(len(queries))]
    for label, outputs in (("nearest picture", outputs_nearest), ("and the tone by its colour", toned)):
        measures = evaluate("captions", sources, outputs, [tuple(accepted) for accepted in names.values()]).measures
        exact, token = measures["exact"], measures["token_f1"]
        print(f"{label:28} exact {exact.value:.1f} % ({exact.low:.1f} to {exact.high:.1f}), token F1 {token.value:.1f}")


def pixels(texts: list[str]) -> np.ndarray:
    """The pictures (N, S, S, 3)."""
    return np.stack([openmoji.drawn(text, SIDE) for text in texts])


def skin_colours(pictures: np.ndarray, tones: list[tuple[str, ...]]) -> dict[str, np.ndarray]:
    """The colour of each tone: the one that pictures of it have and others have not."""
    colours = {}
    for tone in TONES:
        counts: Counter[bytes] = Counter()
        for picture, its in zip(pictures, tones, strict=True):
            if len(its) == 1:
                distinct = {pixel.tobytes() for pixel in np.unique(picture.reshape(-1, 3), axis=0)}
                counts.update(dict.fromkeys(distinct, 1 if its[0] == tone else -1))
        colours[tone] = np.frombuffer(max(counts, key=lambda colour: counts[colour]), np.uint8)
    return colours


def in_tones(name: str, picture: np.ndarray, skins: dict[str, np.ndarray]) -> str:
    """A name with its tones exchanged for those of the picture."""
    halves = [picture[:, : SIDE // 2], picture[:, SIDE // 2 :]]
    parts = halves if len(TONE_NAME.findall(name)) == 2 else [picture] * 2
    tones = iter(max(TONES, key=lambda tone: int((part == skins[tone]).all(-1).sum())) for part in parts)
    return TONE_NAME.sub(lambda _: f"{next(tones)} skin tone", name)


if __name__ == "__main__":
    main()
