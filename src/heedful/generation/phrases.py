"""Whether a text holds a phrase, told by the text alone, however it was spelt in tokens.

A phrase is held where its characters stand and neither of its ends is inside a word. White space of any length is the
same, and so are é written as one character and as two; upper and lower case differ.

An end is inside a word if letters, digits, marks or underscores stand on both sides of it: "art" is not in "part",
but in "state-of-the-art" and "l'art". Scripts that put no spaces between words (Chinese, Japanese, Thai, …) have no
such inside: 猫 is in 黒猫. In no script does an end part a character from the marks and joiners that belong to it.

Where a text is a list of symbols parted by white space (phones), whole symbols take the place of words.
"""

import re
from collections.abc import Iterator
from unicodedata import category, normalize

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029"
    "\u3031-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9ff\uaa60-\uaadf\uf900-\ufaff"
    "\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U000323af]"
)
"""Letters of scripts that are written without spaces between words."""
JOINER = "\u200d"  # makes one sign of the two beside it, as in 👩‍🚒
TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"  # of skin


class Phrase:
    """A phrase to be looked for; `symbols`: as whole symbols between white space.

    >>> Phrase("York").occurs_in("New York."), Phrase("York").occurs_in("Yorkshire")
    (True, False)
    >>> Phrase("AH", symbols=True).occurs_in("K AH0")
    False
    """

    def __init__(self, text: str, symbols: bool = False) -> None:
        words = plain(text).split()
        self.text, self.symbols = " ".join(words), symbols
        pattern = r"\s+".join(map(re.escape, words))
        self.pattern = re.compile(f"(?=({pattern}))")  # looks ahead, so that overlaps are found

    def occurs_in(self, text: str) -> bool:
        """Whether the whole text, as `plain` gives it, holds the phrase."""
        return any(True for _ in self.ends(text))

    def ends(self, text: str) -> Iterator[int]:
        """Where in the text the phrase ends, each time it is held."""
        for match in self.pattern.finditer(text):
            low, high = match.span(1)
            if not self.inside(text, low) and not self.inside(text, high):
                yield high

    def partial_lengths(self, text: str) -> Iterator[int]:
        """How many characters of the phrase the text may end with already: the most first, 0 last."""
        for length in range(min(len(self.text), len(text)), 0, -1):
            if text.endswith(self.text[:length]) and not self.inside(text, len(text) - length):
                yield length
        yield 0

    def inside(self, text: str, position: int) -> bool:
        """Whether the position between two characters is inside a word (or symbol)."""
        if position in (0, len(text)):
            return False
        before, behind = text[position - 1], text[position]
        if self.symbols:
            return not before.isspace() and not behind.isspace()
        if before == JOINER or belongs(behind):
            return True
        while position > 1 and belongs(text[position - 1]):
            position -= 1
        return in_word(text[position - 1]) and in_word(behind)


def plain(text: str) -> str:
    """The text with each character in its one canonical spelling."""
    return normalize("NFC", text)


def belongs(character: str) -> bool:
    """Whether a character only changes the one before it."""
    return category(character)[0] == "M" or character == JOINER or character in TONES


def in_word(character: str) -> bool:
    """Whether words go on through it."""
    return (character.isalnum() or character == "_") and not UNSPACED.match(character)
