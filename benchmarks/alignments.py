"""Does attention align letters with sounds as counting does? IBM model 1 beside the maps of networks, on cmudict.

    make demo; python benchmarks/alignments.py runs/demo/bahdanau2015 runs/demo/vaswani2017

IBM model 1 (Brown et al. 1993, section 4.2) learns by EM alone which letter a sound comes from, of pairs without order;
it has no empty word here. Of test words as the dictionary has them, each sound's letter is the one with the largest
weight, of the map or of the model. Beside both: letters drawn at random, and the letter at the same share of the word.
"""

import argparse
import random
from collections.abc import Sequence

import numpy as np

from heedful import load
from heedful.data.samples.read import read

ROUNDS, WORDS, SEED = 10, 400, 0
Pair = tuple[list[str], list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="networks with attention that were trained on cmudict")
    options = parser.parse_args()
    table = ibm_model_1(pairs("train"))
    words = random.Random(SEED).sample(pairs("test"), WORDS)
    counted = [[int(np.argmax([table.get((letter, sound), 0.0) for letter in word])) for sound in sounds]
               for word, sounds in words]  # fmt: skip
    rng = random.Random(SEED)
    others = {
        "random letters": [[rng.randrange(len(word)) for _ in sounds] for word, sounds in words],
        "the same share": [
            [round(at * (len(word) - 1) / max(1, len(sounds) - 1)) for at in range(len(sounds))]
            for word, sounds in words
        ],
    }
    print("| letters of | the same as model 1 | or the next one |\n|---|---|---|")
    for name, aligned in (others | {run: attended(run, words) for run in options.runs}).items():
        same, near = agreement(aligned, counted, 0), agreement(aligned, counted, 1)
        print(f"| {name} | {100 * same:.1f} % | {100 * near:.1f} % |")


def pairs(side: str) -> list[Pair]:
    """The words of a side, as letters and sounds."""
    return [(list(row.columns["source"]), row.columns["target"].split()) for row in read(f"sample://cmudict/{side}")]


def ibm_model_1(rows: Sequence[Pair]) -> dict[tuple[str, str], float]:
    """t(sound | letter), by EM from equal chances."""
    kinds: dict[tuple[str, str], int] = {}
    cells, sums = list[int](), list[int]()  # of each letter beside each sound: which kind, and whose sound it explains
    sound_number = 0
    for word, sounds in rows:
        for sound in sounds:
            cells += [kinds.setdefault((letter, sound), len(kinds)) for letter in word]
            sums += [sound_number] * len(word)
            sound_number += 1
    letters = {letter: number for number, letter in enumerate(dict.fromkeys(letter for letter, _ in kinds))}
    letter_of, cell, place = np.array([letters[letter] for letter, _ in kinds]), np.array(cells), np.array(sums)
    chances = np.ones(len(kinds))
    for _ in range(ROUNDS):
        shares = chances[cell] / np.bincount(place, chances[cell])[place]
        counts = np.bincount(cell, shares, len(kinds))
        chances = counts / np.bincount(letter_of, counts)[letter_of]
    return dict(zip(kinds, chances.tolist(), strict=True))


def attended(run: str, words: Sequence[Pair]) -> list[list[int]]:
    """The letter with the largest weight in the mean of a network's maps over the source, for each sound."""
    model, found = load(run), list[list[int]]()
    for word, sounds in words:
        maps = model.align("".join(word), " ".join(sounds)).maps
        mean = np.mean([weights for name, weights in maps.items() if "self_attention" not in name], axis=0)
        found.append(mean[: len(sounds), : len(word)].argmax(1).tolist())
    return found


def agreement(first: Sequence[Sequence[int]], second: Sequence[Sequence[int]], apart: int) -> float:
    """The share of sounds whose letters are at most so far apart."""
    return float(
        np.mean(
            [abs(a - b) <= apart for one, two in zip(first, second, strict=True) for a, b in zip(one, two, strict=True)]
        )
    )


if __name__ == "__main__":
    main()
