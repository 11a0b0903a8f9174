"""The codes that drawings are written in, as token ids: which there are, and how many for which pictures."""

from collections.abc import Sequence

import numpy as np

from heedful.data.pictures.read import Form
from heedful.errors import HeedfulError

PAD, BEGIN, END, FIRST = 0, 1, 2, 3
"""Token ids: a code is FIRST and its number. A drawing is as long as its grid, so END is never said."""
HALVINGS = 2
GRAYS = 17  # levels of the direct way
TINY = 12  # pixels a side, up to which gray pictures take it


def refuse_odd_side(codes: int, form: Form) -> None:
    """Raises HeedfulError for pictures whose side the codebook cannot halve."""
    if form.size % 2**HALVINGS and not is_direct(codes, form):
        below = form.size // 2**HALVINGS * 2**HALVINGS
        raise HeedfulError(
            f"Pictures to draw need a side that is halved {HALVINGS} times, and data.picture is {form.size}.",
            f"Take {max(below, 2**HALVINGS)} or {below + 2**HALVINGS}.",
        )


def direct_codes(form: Form) -> int:
    """How many codes there are where each pixel is one; 0: pictures of this form need a codebook."""
    return GRAYS if is_tiny(form) else 0


def is_direct(codes: int, form: Form) -> bool:
    """Whether each pixel is a code, its level of gray, and there is nothing to learn about codes."""
    return codes == GRAYS and is_tiny(form)


def is_tiny(form: Form) -> bool:
    """Whether pictures are so small and gray that each pixel can be a code."""
    return form.colours == "gray" and form.size <= TINY


def format_codes(tokens: Sequence[int]) -> str:
    """The codes of token ids as a text."""
    return " ".join(str(token - FIRST) for token in tokens)


def parse_codes(texts: Sequence[str]) -> np.ndarray:
    """Texts of S codes each as codes (N, S)."""
    return np.array([[int(code) for code in text.split()] for text in texts])
