"""Translation memories (.tmx): a unit holds the same segment in several languages. Through defusedxml, streamed.

code   a language as the file writes it: "en", "EN-US"
"""

import shlex
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from heedful.data.readers.lines import check_readable, problem_of
from heedful.data.readers.opening import opened
from heedful.data.readers.rows import BadRow, TextRow
from heedful.errors import HeedfulError

LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
MEND = "Mend the file: what follows cannot be read."
Unit = dict[str, list[str]]
"""The segments of a unit by code; several of a language are further references."""


def read_tmx(file: str, columns: Sequence[str]) -> Iterator[TextRow | BadRow]:
    """The units as rows whose line is the number of the unit. Two languages are source and target.

    The source is the language that `srclang` says, or else the first. `columns` choose among more. A unit that lacks
    one of the two is a bad row. Raises HeedfulError for more than two languages, if none are chosen.
    """
    chosen = [name for name in columns if not name.isdigit() and name not in ("source", "target")]
    languages = list(chosen)
    waiting: list[tuple[int, Unit]] = []
    for number, source_language, unit in units(file):
        if not chosen:
            for code in sorted(unit, key=lambda code: not same(code, source_language)):
                if not any(same(code, language) for language in languages):
                    languages.append(code)
            if len(languages) > 2:
                raise HeedfulError(
                    f"{file} tu {number}: a third language, {languages[2]}, beside {languages[0]} and {languages[1]}.",
                    f"Choose two, source first, as {shlex.quote(f'data.columns={languages[0]},{languages[1]}')}",
                )
        waiting.append((number, unit))
        if len(languages) > 1:
            for earlier in waiting:
                yield from rows_of(*earlier, in_order(languages, chosen, source_language), chosen, file)
            waiting.clear()
    if waiting:
        raise HeedfulError(
            f"{file} has segments in {languages[0] if languages else 'no language'} only.", "Two needed."
        )


def in_order(languages: list[str], chosen: list[str], source_language: str) -> list[str]:
    """The languages, the source first."""
    return languages if chosen else sorted(languages, key=lambda code: not same(code, source_language))


def rows_of(number: int, unit: Unit, languages: list[str], chosen: list[str], file: str) -> Iterator[TextRow | BadRow]:
    """A row for each way to choose one segment in each language."""
    where = f"{file} tu {number}"
    segments = [
        [text for code, texts in unit.items() if same(code, language) for text in texts] for language in languages
    ]
    missing = next((language for language, texts in zip(languages, segments, strict=True) if not any(texts)), None)
    if missing:
        yield BadRow(where, f"no segment in {missing}", " ".join(text for texts in unit.values() for text in texts))
        return
    for texts in product(*(filter(None, texts) for texts in segments)):
        problem = next((problem for text in texts if (problem := problem_of(text))), None)
        names = chosen or ["source", "target"]
        yield BadRow(where, problem, "") if problem else TextRow(dict(zip(names, texts, strict=True)), file, number)


def same(code: str, other: str) -> bool:
    """Whether two codes mean the same language, where one may leave out the country.

    >>> same("EN-US", "en"), same("en-US", "en-GB")
    (True, False)
    """
    one, two = (text.lower().replace("_", "-") for text in (code, other))
    return one == two or one == two.partition("-")[0] or two == one.partition("-")[0]


def units(file: str) -> Iterator[tuple[int, str, Unit]]:
    """Number (from 1), language of the source and segments of each unit, one in memory at a time.

    The text inside of inline tags is kept. Raises HeedfulError for what is no XML, or declares entities.
    """
    check_readable(file)
    try:
        from defusedxml import DefusedXmlException
        from defusedxml.ElementTree import ParseError, iterparse
    except ImportError:
        raise HeedfulError(f"{file} needs defusedxml to be read.", 'pip install "heedful[data]"') from None
    number, language, parents = 0, "", []
    with opened(file) as stream:
        try:
            for event, element in iterparse(stream, events=("start", "end")):
                if event == "start":
                    parents.append(element)
                    if plain(element.tag) == "header":
                        language = element.get("srclang", "")
                    continue
                parents.pop()
                if plain(element.tag) == "tu":
                    number += 1
                    yield number, element.get("srclang", language), segments_of(element)
                    if parents:
                        parents[-1].clear()
        except (ParseError, ValueError, LookupError) as error:
            reason = "entities are declared" if isinstance(error, DefusedXmlException) else str(error)
            raise HeedfulError(f"{file} is not TMX beyond tu {number}: {reason}.", MEND) from None
    if not number:
        raise HeedfulError(f"{file} has no translation unit (tu).", "A .tmx is a translation memory.")


def segments_of(unit: Any) -> Unit:
    """The segments of a unit by language."""
    segments: Unit = {}
    for variant in unit:
        if plain(variant.tag) == "tuv":
            code = variant.get(LANGUAGE) or variant.get("lang") or "unknown"
            texts = ["".join(part.itertext()) for part in variant if plain(part.tag) == "seg"]
            segments.setdefault(code, []).extend(text.strip() for text in texts)
    return segments


def plain(tag: str) -> str:
    """An element's name without its namespace."""
    return tag.rpartition("}")[2]
