"""How the pictures of a run are read: facts of the first of them, and the form that is made of what is decided."""

import statistics
from collections.abc import Sequence
from dataclasses import replace

from heedful.data.facts import Decisions, PictureFacts
from heedful.data.pictures.read import LARGEST, SMALLEST, Form, header
from heedful.errors import HeedfulError
from heedful.schema import DataSettings

Header = tuple[int, int, bool]
"""Width, height, and whether all is gray."""


def choose_form(
    references: Sequence[str], data: DataSettings, decisions: Decisions, few_named: bool = False
) -> tuple[Form, str]:
    """The form for pictures such as these, and a note about what was chosen and why.

    `few_named`: there are few in all, each with the name of a class. Raises HeedfulError if none can be read, or for a
    side that is not allowed.
    """
    refuse_side(data)
    if data.picture != "auto" and data.colours != "auto":
        form = Form(data.picture, data.colours, data.fit)
        return form, f"pictures are read as {form} (fit={form.fit})"
    facts = replace(picture_facts(headers(references)), few_named=few_named)
    settings = decisions.picture_settings(facts, data)
    form = Form(settings.size, settings.colours, data.fit)
    quantity = "all" if facts.all_gray else "not all"
    why = (
        f"of the first {facts.sample_size:,} the median shorter side is {facts.median_side:g}, and {quantity} are gray"
    )
    fit = "" if facts.all_square else f" (fit={form.fit})"
    return form, f"pictures are read as {form}{fit}: {why} (data.picture, data.colours)"


def picture_facts(headers: Sequence[Header]) -> PictureFacts:
    """What pictures of these headers are."""
    return PictureFacts(
        sample_size=len(headers),
        median_side=statistics.median(min(width, height) for width, height, _ in headers),
        all_gray=all(gray for _, _, gray in headers),
        all_square=all(width == height for width, height, _ in headers),
    )


def refuse_side(data: DataSettings) -> None:
    """Raises HeedfulError for pictures of a side that is not allowed."""
    if data.picture != "auto" and not SMALLEST <= data.picture <= LARGEST:
        raise HeedfulError(f"data.picture={data.picture} is not a side in pixels from {SMALLEST} to {LARGEST:,}.")


def headers(references: Sequence[str]) -> list[Header]:
    """The headers of those that can be read; raises HeedfulError if there are none."""
    readable_headers, first_error = [], None
    for reference in references:
        try:
            readable_headers.append(header(reference))
        except HeedfulError as error:
            first_error = first_error or error
    if not readable_headers:
        raise first_error or HeedfulError("There are no pictures to learn from.")
    return readable_headers


def adapt_form(form: Form, data: DataSettings) -> Form:
    """A form that goes with weights that exist, with what a recipe asks for otherwise."""
    size = form.size if data.picture == "auto" else data.picture
    colours = form.colours if data.colours == "auto" else data.colours
    resizing = form.resizing.scale(size / form.size) if form.resizing else None
    return replace(form, size=size, colours=colours, fit=data.fit, resizing=resizing)
