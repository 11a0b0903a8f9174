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
FILE_NAME, NUMBER = re.compile(r"\S\.\w{2,5}$"), re.compile(r"[-+]?[\d.,]+")
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
WORDS_BESIDE = (
    "id ids uid uuid index idx number no nr num count length len size date time timestamp year lang language url link "
    "author user sender score scores rating votes rank type format tokens"
)
BESIDE = frozenset(WORDS_BESIDE.split())
"""Words of names of columns that hold something about a text or a class, and not itself."""


def usual_columns(
    names: Sequence[str], roles: Iterable[str], first: Mapping[str, str], partly: bool = False
) -> dict[str, list[str]]:
    """The columns that each role could be, by their names; exactly one is an answer. `first` is a row of the file.

    `partly`: where no name is a usual one, those count that have one among their words.

    >>> usual_columns(["id", "Sentence", "label"], ("source", "target"), {})
    {'source': ['Sentence'], 'target': ['label']}
    >>> usual_columns(["id", "translation.en", "translation.de"], ("source", "target"), {"id": "7"})
    {'source': ['translation.en'], 'target': ['translation.de']}
    >>> usual_columns(["id", "Question text", "categoryName"], ("source", "target"), {}, partly=True)
    {'source': ['Question text'], 'target': ['categoryName']}
    """
    found = {role: [role] if role in names else named(names, USUAL[role]) for role in roles}
    if list(found) == ["text"] and len(names) == 1:
        return {"text": list(names)}
    if "target" in found:
        pictures = [name for name in named(names, PICTURES) if "." in first.get(name, "")[-6:]]
        if len(pictures) == 1 and "source" not in names:
            found["source"] = pictures
            found["target"] = ["target"] if "target" in names else named(names, CAPTIONS)
        found |= by_language(found, names, first)
    if partly:
        found |= by_words(found, names, first)
        found |= by_language(found, names, first) if "target" in found else {}
    return found


def by_language(found: Mapping[str, list[str]], names: Sequence[str], first: Mapping[str, str]) -> dict[str, list[str]]:
    """The columns called after languages, for the roles that no column plays, if there are as many of both."""
    taken = [name for columns in found.values() for name in columns]
    languages = [name for name in language_columns(names, first) if name not in taken]
    missing = [role for role, columns in found.items() if not columns]
    return (
        {role: [name] for role, name in zip(missing, languages, strict=True)} if len(languages) == len(missing) else {}
    )


def by_words(found: Mapping[str, list[str]], names: Sequence[str], first: Mapping[str, str]) -> dict[str, list[str]]:
    """The columns with a usual name among their words, for the roles that no column plays.

    A name with words of both sides is the target's: the text of an answer, the sentiment of a review.
    """
    taken = {name for columns in found.values() for name in columns}
    free = [name for name in names if name not in taken and BESIDE.isdisjoint(words_of(name))]
    pictures = [name for name in partly_named(free, PICTURES) if FILE_NAME.search(first.get(name, ""))]
    free = [name for name in free if name not in pictures]
    targets = partly_named(free, USUAL["target"])
    if pictures or named(found.get("source", ()), PICTURES):
        targets = named(free, CAPTIONS) or partly_named(free, CAPTIONS)
    texts = [name for name in free if not NUMBER.fullmatch(first.get(name, "").strip())]
    asked = [word for word in USUAL["source"] if word not in PICTURES]
    sources = pictures or [name for name in partly_named(texts, asked) if name not in targets]
    candidates = {"source": sources, "target": targets, "text": partly_named(texts, TEXTS)}
    return {role: candidates[role] for role, columns in found.items() if not columns}


def partly_named(names: Iterable[str], usual: Sequence[str]) -> list[str]:
    """Those of the names that have several words, and a usual name among them.

    >>> partly_named(["review body", "commentText", "Text (en)", "context_length", "text"], TEXTS)
    ['review body', 'commentText', 'Text (en)']
    """
    found = []
    for name in names:
        words = words_of(name)
        if len(words) > 1 and any(f" {other} " in f" {' '.join(words)} " for other in usual):
            found.append(name)
    return found


def words_of(name: str) -> list[str]:
    """The words of a column's name, in lower case; what stands between dots is one.

    >>> words_of("QuestionText_en (2)"), words_of("answers.text")
    (['question', 'text', 'en', '2'], ['answers.text'])
    """
    return re.findall(r"[^\W_]+(?:\.[^\W_]+)*", re.sub(r"(?<=[a-z\d])(?=[A-Z])", " ", name).lower())


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
    """Whether the first line of a table holds the names of columns: it names a source and a target, both plainly.

    >>> is_header(["question", "answer"]), is_header(["picture", "text"]), is_header(["a question", "text"])
    (True, True, False)
    """
    if len(fields) < 2 or len(set(fields)) < len(fields):
        return False
    if len(named(fields, PICTURES)) == len(named(fields, CAPTIONS)) == 1:
        return True  # a text, which alone would be a source, belongs to the picture
    return all(len(columns) == 1 for columns in usual_columns(fields, ("source", "target"), {}).values())
