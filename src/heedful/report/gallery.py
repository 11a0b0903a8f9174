"""Pictures in pages: cards with a picture, what was said of it, and whether that is right."""

import base64
import io
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from PIL import Image

from heedful.report import words
from heedful.report.differences import marked
from heedful.report.figures import Table
from heedful.results import Answer, Case, Exhibits

SHOWN = 12  # cards of a gallery
SIDE = 128  # pixels of the page that a picture may take
STORED = 2 * SIDE  # pixels of the file, for screens with two to each of the page's
GAP = 8  # between the pictures of a card
TEXT = 160  # characters of a card's line


@dataclass(frozen=True)
class Picture:
    """A picture that stands in the page itself; `grown` ones are enlarged by whole pixels."""

    uri: str
    width: int
    height: int
    grown: bool
    label: str
    alt: str


@dataclass(frozen=True)
class Card:
    """One thing and what was made of it. `right` is None where nothing is right or wrong."""

    pictures: Sequence[Picture]
    said: str | Markup
    due: str | Markup
    right: bool | None = None
    note: str = ""

    @property
    def width(self) -> int:
        """Pixels that its pictures take side by side, as far as there is room for so many."""
        return max(SIDE, sum(one.width + 2 for one in self.pictures) + GAP * (len(self.pictures) - 1))


@dataclass(frozen=True)
class Gallery:
    """Cards below a heading; without any picture among them the table stands for them."""

    title: str
    see: str
    cards: Sequence[Card]
    table: Table

    @property
    def drawn(self) -> bool:
        """Whether there is a picture to show."""
        return any(card.pictures for card in self.cards)


def galleries(cases: Sequence[Case], exhibits: Exhibits) -> list[Gallery]:
    """What a page shows of scored cases."""
    match exhibits.view:
        case "drawings":
            return drawings(cases, exhibits.pictures, exhibits.returned, exhibits.answers)
        case "classes" if cases:
            return classified(cases, exhibits.pictures)
        case "captions" if cases:
            return captioned(cases, exhibits.pictures)
        case "matches" if cases:
            return matched(cases, exhibits.pictures)
        case _:
            return []


def classified(cases: Sequence[Case], pictures: Mapping[str, bytes]) -> list[Gallery]:
    """The surest of the wrong answers, and a random few."""
    known = any(case.score is not None for case in cases)
    wrong = sorted((case for case in cases if case.error), key=lambda case: -(case.score or 0.0))
    cards = [(case, class_card(case, pictures)) for case in wrong[:SHOWN]]
    drawn = [(case, class_card(case, pictures)) for case in few(cases)]
    note = f"{len(cards)} of {words.counted(len(wrong), 'wrong answer')}"
    note += ", those it was surest of. They are worth a look: some may be labelled wrongly." if known else "."
    found = [gallery("Most sure, and wrong" if known else "Wrong answers", note, cards)] if cards else []
    return [*found, gallery("A random few", random_note(drawn, cases), drawn)]


def class_card(case: Case, pictures: Mapping[str, bytes]) -> Card:
    """A picture or text, its answer and its class."""
    due = "" if not case.error else f"it is {words.listed(case.references, 'or')}"
    sure = f"{100 * math.exp(min(0.0, case.score)):.0f} % sure" if case.score is not None else ""
    return Card(found(case.source, pictures), case.output, due, not case.error, sure)


def captioned(cases: Sequence[Case], pictures: Mapping[str, bytes]) -> list[Gallery]:
    """Best, worst and random captions under their pictures."""
    best = sorted(cases, key=lambda case: (case.error, -len(case.output)))[:SHOWN]
    worst = sorted((case for case in cases if case.error), key=lambda case: (-case.error, len(case.output)))[:SHOWN]
    groups = [
        ("Its worst captions", "Struck out: said, and wrong; underlined: missing.", worst),
        ("Its best captions", "The longest of those with the fewest errors.", best),
    ]
    shown = [(title, note, [(case, caption_card(case, pictures)) for case in some]) for title, note, some in groups]
    drawn = [(case, caption_card(case, pictures)) for case in few(cases)]
    return [
        *(gallery(title, note, cards) for title, note, cards in shown if cards),
        gallery("A random few", random_note(drawn, cases), drawn),
    ]


def caption_card(case: Case, pictures: Mapping[str, bytes]) -> Card:
    """A picture with its caption, held against the nearest reference."""
    one = marked(case)
    if not case.error:
        return Card(found(case.source, pictures), case.output, "", True)
    others = f" (or {words.counted(one.others, 'other')})" if one.others else ""
    due = Markup("right: {}{}").format(one.right or "(nothing)", others)
    return Card(found(case.source, pictures), one.answer or "(nothing)", due, False)


def drawings(
    cases: Sequence[Case], pictures: Mapping[str, bytes], returned: Mapping[str, bytes], answers: Sequence[Answer]
) -> list[Gallery]:
    """Each prompt's drawings beside the real picture, in the order of the answers."""
    by_prompt: dict[str, list[bytes]] = {}
    for answer in answers:
        if answer.picture:
            by_prompt.setdefault(answer.source, []).append(answer.picture)
    case_of = {case.source: case for case in cases}
    cards = []
    for prompt, drawn in list(by_prompt.items())[: 2 * SHOWN]:
        case = case_of.get(prompt, Case(prompt, "", (), 0.0))
        shown = [picture(png, "drawn", f"drawing: {prompt}") for png in drawn]
        real = next((one for one in (*case.references, prompt) if one in pictures), "")
        if real:
            shown.append(picture(pictures[real], "real", f"real picture: {prompt}"))
        if real in returned:
            shown.append(picture(returned[real], "through codes", f"as its codes give it back: {prompt}"))
        other = case.said if case.said not in (prompt, *case.references) else ""
        if other in pictures:
            shown.append(picture(pictures[other], "taken for", f"taken for: {other}"))
        taken = f"taken for: {other}" if other and other not in pictures else ""
        cards.append((case, Card(shown, prompt, taken, note=rank(case))))
    if not cards:
        return []
    note = f"{len(cards)} of {words.counted(len(by_prompt), 'prompt')}, each with what was drawn for it"
    note += " and the real picture beside it." if any(len(card.pictures) > 1 for _, card in cards) else "."
    if any(one.label == "through codes" for _, card in cards for one in card.pictures):
        note += " Through codes: the real picture as its codes give it back, about the best that codes can draw."
    if any(card.note for _, card in cards):
        note += " Found as number 1: a judge that sees only the drawing holds the right thing for the likeliest of all."
    return [gallery("What it draws", note, cards)]


def matched(cases: Sequence[Case], pictures: Mapping[str, bytes]) -> list[Gallery]:
    """Those whose partner was found last, and a random few."""
    worst = sorted(cases, key=lambda case: -case.error)[:SHOWN]
    cards = [(case, match_card(case, pictures)) for case in worst if case.error]
    drawn = [(case, match_card(case, pictures)) for case in few(cases)]
    late = "How many others were held for likelier, these were worst."
    found = [gallery("Found last", late, cards)] if cards else []
    return [*found, gallery("A random few", random_note(drawn, cases), drawn)]


def match_card(case: Case, pictures: Mapping[str, bytes]) -> Card:
    """A picture or text, what it belongs to, and at which place that was found."""
    partners = [one for one in case.references if not one.isdigit()]
    shown = [one for reference in (case.source, *partners) for one in found(reference, pictures)]
    texts = words.listed([one for one in (case.source, *partners) if one not in pictures][:3], "or")
    # What was held for likeliest is told where it is another thing, and can be read.
    if case.said and case.said not in (*partners, *pictures):
        return Card(shown, case.said, f"it is {texts}" if texts else "", not case.error, rank(case))
    return Card(shown, texts or case.source, "", not case.error, rank(case))


def rank(case: Case) -> str:
    """At which place the right thing was found, where the answer is such a number."""
    return f"found as number {int(case.output):,}" if case.output.isdigit() else ""


def few(cases: Sequence[Case]) -> list[Case]:
    """As many as a gallery holds, at random but always the same."""
    return random.Random(0).sample(list(cases), min(SHOWN, len(cases)))


def random_note(drawn: Sequence[object], cases: Sequence[Case]) -> str:
    """How the random few were chosen."""
    return f"{len(drawn)} of {len(cases):,}, drawn with seed 0."


def gallery(title: str, see: str, cards: Sequence[tuple[Case, Card]]) -> Gallery:
    """Cards with the table that says the same; it names each source, so that it can be found again."""
    rows = [
        [
            case.source,
            " ".join((case.said or case.output).split()),
            words.listed(case.references, "or") or "–",
            {True: "right", False: "wrong", None: ""}[card.right],
            card.note,
        ]
        for case, card in cards
    ]
    head = ["source", "answer", "right would be", "", "more"]
    # A column that says nothing is left out.
    kept = [i for i in range(len(head)) if i == 0 or any(row[i] not in ("", "–") for row in rows)]
    return Gallery(
        title,
        see,
        [card for _, card in cards],
        Table([head[i] for i in kept], [[row[i] for i in kept] for row in rows]),
    )


def found(reference: str, pictures: Mapping[str, bytes]) -> list[Picture]:
    """The picture of a reference, if there is one."""
    return [picture(pictures[reference], "", reference)] if reference in pictures else []


def picture(png: bytes, label: str, alt: str) -> Picture:
    """A PNG file for a page: large ones are made smaller, small ones enlarged by whole pixels, so that each is seen."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        if max(image.size) > STORED:
            image.thumbnail((STORED, STORED))
            png = as_png(image)
        width, height = image.size
    times = SIDE // max(width, height)
    scale = times if times else SIDE / max(width, height)
    uri = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return Picture(uri, max(1, round(width * scale)), max(1, round(height * scale)), times > 1, label, alt[:TEXT])


def as_png(image: Image.Image) -> bytes:
    """A picture as the bytes of a PNG file."""
    written = io.BytesIO()
    image.save(written, format="PNG")
    return written.getvalue()
