"""Galleries of pages: cards with pictures, the answer, and whether it is right."""

import base64
import io
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from PIL import Image

from heedful.data.pictures.png import as_png
from heedful.data.readers.rows import count
from heedful.report import words
from heedful.report.differences import mark_differences
from heedful.report.figures import Table
from heedful.results import Answer, Case, Exhibits

CARDS = 12  # cards of a gallery
SIDE = 128  # pixels of the page that a picture may take
STORED_SIDE = 2 * SIDE  # pixels of the file, for screens with two to each of the page's
GAP = 8  # between the pictures of a card
ALT_LENGTH = 160  # characters of a card's line


@dataclass(frozen=True)
class Picture:
    """A picture as a data URI of the page; `enlarged`: scaled up by an integer factor."""

    uri: str
    width: int
    height: int
    enlarged: bool
    label: str
    alt: str


@dataclass(frozen=True)
class GalleryCard:
    """An example and its answer. `right` is None where nothing is right or wrong."""

    pictures: Sequence[Picture]
    answer: str | Markup
    correction: str | Markup
    right: bool | None = None
    note: str = ""

    @property
    def width(self) -> int:
        """The width of its pictures side by side, in pixels."""
        return max(SIDE, sum(picture.width + 2 for picture in self.pictures) + GAP * (len(self.pictures) - 1))


@dataclass(frozen=True)
class Gallery:
    """Cards below a heading; if none of them has a picture, the table is shown in their place."""

    title: str
    caption: str
    cards: Sequence[GalleryCard]
    table: Table

    @property
    def has_pictures(self) -> bool:
        """Whether there is a picture to show."""
        return any(card.pictures for card in self.cards)


def galleries(cases: Sequence[Case], exhibits: Exhibits) -> list[Gallery]:
    """The galleries of a page, by the kind of answer (`Exhibits.view`)."""
    match exhibits.view:
        case "drawings":
            return drawing_galleries(cases, exhibits.pictures, exhibits.returned, exhibits.answers)
        case "classes" if cases:
            return class_galleries(cases, exhibits.pictures)
        case "captions" if cases:
            return caption_galleries(cases, exhibits.pictures)
        case "matches" if cases:
            return match_galleries(cases, exhibits.pictures)
        case _:
            return []


def class_galleries(cases: Sequence[Case], pictures: Mapping[str, bytes]) -> list[Gallery]:
    """The wrong answers of highest confidence, and a random sample."""
    scored = any(case.score is not None for case in cases)
    wrong_cases = sorted((case for case in cases if case.error), key=lambda case: -(case.score or 0.0))
    cards = [(case, class_card(case, pictures)) for case in wrong_cases[:CARDS]]
    random_cards = [(case, class_card(case, pictures)) for case in random_cases(cases)]
    note = f"{len(cards)} of {count(len(wrong_cases), 'wrong answer')}"
    note += ", those it was surest of. They are worth a look: some may be labelled wrongly." if scored else "."
    galleries = [gallery("Most sure, and wrong" if scored else "Wrong answers", note, cards)] if cards else []
    return [*galleries, gallery("A random few", random_note(random_cards, cases), random_cards)]


def class_card(case: Case, pictures: Mapping[str, bytes]) -> GalleryCard:
    """A picture or text, its answer and its class."""
    correction = "" if not case.error else f"it is {words.join_words(case.references, 'or')}"
    confidence = f"{100 * math.exp(min(0.0, case.score)):.0f} % sure" if case.score is not None else ""
    return GalleryCard(pictures_of(case.source, pictures), case.output, correction, not case.error, confidence)


def caption_galleries(cases: Sequence[Case], pictures: Mapping[str, bytes]) -> list[Gallery]:
    """Worst, best and random captions with their pictures."""
    best = sorted(cases, key=lambda case: (case.error, -len(case.output)))[:CARDS]
    worst = sorted((case for case in cases if case.error), key=lambda case: (-case.error, len(case.output)))[:CARDS]
    groups = [
        ("Its worst captions", "Struck out: said, and wrong; underlined: missing.", worst),
        ("Its best captions", "The longest of those with the fewest errors.", best),
    ]
    sections = [
        (title, note, [(case, caption_card(case, pictures)) for case in group]) for title, note, group in groups
    ]
    random_cards = [(case, caption_card(case, pictures)) for case in random_cases(cases)]
    return [
        *(gallery(title, note, cards) for title, note, cards in sections if cards),
        gallery("A random few", random_note(random_cards, cases), random_cards),
    ]


def caption_card(case: Case, pictures: Mapping[str, bytes]) -> GalleryCard:
    """A picture with its caption, and the differences from the nearest reference."""
    marks = mark_differences(case)
    if not case.error:
        return GalleryCard(pictures_of(case.source, pictures), case.output, "", True)
    alternatives = f" (or {count(marks.other_references, 'other')})" if marks.other_references else ""
    correction = Markup("right: {}{}").format(marks.reference or "(nothing)", alternatives)
    return GalleryCard(pictures_of(case.source, pictures), marks.answer or "(nothing)", correction, False)


def drawing_galleries(
    cases: Sequence[Case], pictures: Mapping[str, bytes], decoded: Mapping[str, bytes], answers: Sequence[Answer]
) -> list[Gallery]:
    """Each prompt's drawings beside the real picture, in the order of the answers."""
    by_prompt: dict[str, list[bytes]] = {}
    for answer in answers:
        if answer.picture:
            by_prompt.setdefault(answer.source, []).append(answer.picture)
    case_of = {case.source: case for case in cases}
    cards = []
    for prompt, pngs in list(by_prompt.items())[: 2 * CARDS]:
        case = case_of.get(prompt, Case(prompt, "", (), 0.0))
        card_pictures = [picture(png, "drawn", f"drawing: {prompt}") for png in pngs]
        real_picture = next((reference for reference in (*case.references, prompt) if reference in pictures), "")
        if real_picture:
            card_pictures.append(picture(pictures[real_picture], "real", f"real picture: {prompt}"))
        if real_picture in decoded:
            card_pictures.append(
                picture(decoded[real_picture], "through codes", f"as its codes give it back: {prompt}")
            )
        mistaken_for = case.said if case.said not in (prompt, *case.references) else ""
        if mistaken_for in pictures:
            card_pictures.append(picture(pictures[mistaken_for], "taken for", f"taken for: {mistaken_for}"))
        correction = f"taken for: {mistaken_for}" if mistaken_for and mistaken_for not in pictures else ""
        cards.append((case, GalleryCard(card_pictures, prompt, correction, note=rank(case))))
    if not cards:
        return []
    note = f"{len(cards)} of {count(len(by_prompt), 'prompt')}, each with what was drawn for it"
    note += " and the real picture beside it." if any(len(card.pictures) > 1 for _, card in cards) else "."
    if any(picture.label == "through codes" for _, card in cards for picture in card.pictures):
        note += " Through codes: the real picture as its codes give it back, about the best that codes can draw."
    if any(card.note for _, card in cards):
        note += " Found as number 1: a judge that sees only the drawing holds the right thing for the likeliest of all."
    return [gallery("What it draws", note, cards)]


def match_galleries(cases: Sequence[Case], pictures: Mapping[str, bytes]) -> list[Gallery]:
    """The cases whose partner was ranked lowest, and a random sample."""
    worst = sorted(cases, key=lambda case: -case.error)[:CARDS]
    cards = [(case, match_card(case, pictures)) for case in worst if case.error]
    random_cards = [(case, match_card(case, pictures)) for case in random_cases(cases)]
    caption = "How many others were held for likelier, these were worst."
    galleries = [gallery("Found last", caption, cards)] if cards else []
    return [*galleries, gallery("A random few", random_note(random_cards, cases), random_cards)]


def match_card(case: Case, pictures: Mapping[str, bytes]) -> GalleryCard:
    """A picture or text, its partners, and the rank at which a partner was found."""
    partners = [partner for partner in case.references if not partner.isdigit()]
    card_pictures = [picture for reference in (case.source, *partners) for picture in pictures_of(reference, pictures)]
    texts = words.join_words(
        [reference for reference in (case.source, *partners) if reference not in pictures][:3], "or"
    )
    # The top-ranked answer is shown where it is not a partner, and is a text.
    if case.said and case.said not in (*partners, *pictures):
        return GalleryCard(card_pictures, case.said, f"it is {texts}" if texts else "", not case.error, rank(case))
    return GalleryCard(card_pictures, texts or case.source, "", not case.error, rank(case))


def rank(case: Case) -> str:
    """The rank of the right partner, where the output is a rank."""
    return f"found as number {int(case.output):,}" if case.output.isdigit() else ""


def random_cases(cases: Sequence[Case]) -> list[Case]:
    """A random sample of the size of a gallery, always the same."""
    return random.Random(0).sample(list(cases), min(CARDS, len(cases)))


def random_note(sample: Sequence[object], cases: Sequence[Case]) -> str:
    """How the random sample was drawn."""
    return f"{len(sample)} of {len(cases):,}, drawn with seed 0."


def gallery(title: str, caption: str, cards: Sequence[tuple[Case, GalleryCard]]) -> Gallery:
    """Cards with the same content as a table, which names each source."""
    rows = [
        [
            case.source,
            " ".join((case.said or case.output).split()),
            words.join_words(case.references, "or") or "–",
            {True: "right", False: "wrong", None: ""}[card.right],
            card.note,
        ]
        for case, card in cards
    ]
    head = ["source", "answer", "right would be", "", "more"]
    # An empty column is left out.
    columns = [i for i in range(len(head)) if i == 0 or any(row[i] not in ("", "–") for row in rows)]
    return Gallery(
        title,
        caption,
        [card for _, card in cards],
        Table([head[i] for i in columns], [[row[i] for i in columns] for row in rows]),
    )


def pictures_of(reference: str, pictures: Mapping[str, bytes]) -> list[Picture]:
    """The picture of a reference, if there is one."""
    return [picture(pictures[reference], "", reference)] if reference in pictures else []


def picture(png: bytes, label: str, alt: str) -> Picture:
    """A PNG file for a page: large ones are made smaller, small ones enlarged by whole pixels, so that each is seen."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        if max(image.size) > STORED_SIDE:
            image.thumbnail((STORED_SIDE, STORED_SIDE))
            png = as_png(image)
        width, height = image.size
    times = SIDE // max(width, height)
    scale = times if times else SIDE / max(width, height)
    uri = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return Picture(uri, max(1, round(width * scale)), max(1, round(height * scale)), times > 1, label, alt[:ALT_LENGTH])
