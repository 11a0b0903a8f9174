"""Which column plays which role, by the names that people give to columns; only where one column alone can."""

import re
from collections.abc import Iterable, Mapping, Sequence

PICTURES = (
    *("file name", "filename", "image", "image name", "image path", "img", "path", "file", "photo", "picture"),
    "filepath",
)
TEXTS = ("text", "sentence", "title", "content", "body", "document", "article", "review", "comment", "message", "post")
USUAL = {
    "source": ("source", "src", "input", "question", "prompt", "instruction", "query", *TEXTS, *PICTURES),
    "target": (
        *("target", "tgt", "trg", "label", "class", "category", "output", "answer", "response", "translation"),
        *("summary", "caption", "sentiment", "class name", "label name", "completion", "reference"),
    ),
    "text": TEXTS,
}
CAPTIONS = (*USUAL["target"], "text", "title", "sentence", "description", "prompt", "comment")
"""What belongs to a picture."""
ISO_CODES = (
    "aa ab af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo "
    "es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ik io is it iu ja jv ka kg "
    "ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl "
    "nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv "
    "sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
LANGUAGE_NAMES = (
    "arabic bulgarian catalan chinese croatian czech danish deutsch dutch english estonian finnish french german greek "
    "hebrew hindi hungarian indonesian irish italian japanese korean latin latvian lithuanian norwegian persian polish "
    "portuguese romanian russian serbian slovak slovenian spanish swedish thai turkish ukrainian vietnamese"
)
CODES, LANGUAGES = frozenset(ISO_CODES.split()), frozenset(LANGUAGE_NAMES.split())


def usual_columns(names: Sequence[str], roles: Iterable[str], first: Mapping[str, str]) -> dict[str, list[str]]:
    """The columns that each role could be, by their names; exactly one is an answer. `first` is a row of the file.

    >>> usual_columns(["id", "Sentence", "label"], ("source", "target"), {})
    {'source': ['Sentence'], 'target': ['label']}
    >>> usual_columns(["id", "translation.en", "translation.de"], ("source", "target"), {"id": "7"})
    {'source': ['translation.en'], 'target': ['translation.de']}
    """
    found = {role: [role] if role in names else named(names, USUAL[role]) for role in roles}
    if list(found) == ["text"] and len(names) == 1:
        return {"text": list(names)}
    if "target" in found:
        pictures = [name for name in named(names, PICTURES) if "." in first.get(name, "")[-6:]]
        if len(pictures) == 1 and "source" not in names:
            found["source"] = pictures
            found["target"] = ["target"] if "target" in names else named(names, CAPTIONS)
        languages = language_columns(names, first)
        taken = [name for columns in found.values() for name in columns]
        languages = [name for name in languages if name not in taken]
        missing = [role for role, columns in found.items() if not columns]
        if len(languages) == len(missing):
            found |= {role: [name] for role, name in zip(missing, languages, strict=True)}
    return found


def named(names: Iterable[str], usual: Sequence[str]) -> list[str]:
    """Those of the names that are usual ones, however they are written."""
    return [name for name in names if re.sub(r"[\s_-]+", " ", name.strip().lower()) in usual]


def language_columns(names: Iterable[str], first: Mapping[str, str]) -> list[str]:
    """The columns that are called after a language: en, pt_BR, translation.de, German."""
    languages = [name for name in names if is_language(name) and not first.get(name, "").isdigit()]
    return languages if len(languages) <= 2 else [name for name in languages if name.lower() not in ("id", "no")]


def is_language(name: str) -> bool:
    """Whether a name is the code of a language, perhaps with a country, or its English name."""
    last = name.strip().rpartition(".")[2]
    return last.lower() in LANGUAGES or (
        last.partition("_")[0].partition("-")[0].lower() in CODES
        and re.fullmatch(r"[A-Za-z]{2}([_-][A-Za-z]{2,4})?", last) is not None
    )


def is_header(fields: Sequence[str]) -> bool:
    """Whether the first line of a table holds the names of columns: it names a source and a target, both plainly."""
    if len(fields) < 2 or len(set(fields)) < len(fields):
        return False
    return all(len(columns) == 1 for columns in usual_columns(fields, ("source", "target"), {}).values())
