"""The Unicode normal form of texts: one for what a network learns from and what it is asked later."""

import unicodedata

from heedful.schema import NormalForm


def normalize_text(text: str, form: NormalForm) -> str:
    """A text in a Unicode normal form; "none" leaves it as it is.

    >>> normalize_text("e\\u0301", "NFC")
    'é'
    """
    return text if form == "none" else unicodedata.normalize(form, text)
