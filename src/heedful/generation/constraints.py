"""Phrases that every answer must hold, and phrases that none may hold, kept at the level of the decoded text.

Each hypothesis carries a proof that it can still be finished: its *completion*, tokens that, coming next, lead to a
text that keeps every constraint. A token after which no completion fits into the longest answer is not chosen. So a
search never runs dry, and a request that cannot be met is refused before it begins.

A completion spells required phrases as the tokenizer would; a hypothesis is free to spell them otherwise. The shortest
completion is not promised to be found, so a request is refused only when its longest answer is very tight.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, permutations

from heedful.errors import HeedfulError, count
from heedful.generation.phrases import UNSPACED, Phrase, plain

Ids = tuple[int, ...]
BROKEN = "\ufffd"  # how the bytes of an unfinished character are decoded
ORDERS = 24  # orders of the phrases tried for one completion: all orders of four
BRIDGES = 8  # tokens of each sort tried between what must not meet


@dataclass(frozen=True)
class Spelling:
    """How token ids and texts become one another, and which ids there are; `suppressed` are not chosen."""

    encode: Callable[[str], Sequence[int]]
    decode: Callable[[Sequence[int]], str]
    vocabulary: int
    suppressed: frozenset[int]  # the end among them
    symbols: bool = False  # texts are symbols between white space, not words

    def text(self, ids: Ids) -> str:
        """The text as phrases are looked for in it."""
        return plain(self.decode(ids))


@dataclass(frozen=True)
class ConstraintProgress:
    """A hypothesis as the constraints see it.

    `completion` is its proof: it may end once that is empty. `remaining` of its tokens are for required phrases.
    `forced`: the network wanted to end too early, and now follows the completion.
    """

    ids: Ids
    completion: Ids
    remaining: int
    forced: bool = False


class Constraints:
    """What the answers to one request must and must not hold. The prefix is token ids.

    Raises HeedfulError for a phrase that is empty, that cannot be written, or that contradicts another.
    """

    def __init__(
        self, required: Sequence[str], forbidden: Sequence[str], spelling: Spelling, prefix: Ids, no_repeat: int
    ) -> None:
        self.required = [Phrase(text, spelling.symbols) for text in required]
        self.forbidden = [Phrase(text, spelling.symbols) for text in forbidden]
        self.spelling, self.prefix, self.no_repeat = spelling, prefix, no_repeat
        self.beginning = spelling.text(prefix)
        self.firsts: dict[int, ConstraintProgress] = {}  # by the longest answer
        self.refuse_contradictions()

    def first(self, longest: int) -> ConstraintProgress:
        """The hypothesis without tokens; raises HeedfulError if no answer of `longest` tokens can be allowed."""
        if longest not in self.firsts:
            completion = self.complete(self.prefix, longest - len(self.prefix))
            if completion is None:
                raise self.impossible(longest)
            self.firsts[longest] = ConstraintProgress(
                (), self.prefix + completion, len(completion) if self.required else 0
            )
        return self.firsts[longest]

    def impossible(self, longest: int) -> HeedfulError:
        """Why no answer of `longest` tokens keeps the constraints."""
        required = ", ".join(f'"{phrase.text}"' for phrase in self.required)
        completion = self.complete(self.prefix, 1 << 30)
        if completion is not None:
            needed = len(self.prefix) + len(completion)
            return HeedfulError(
                f"An answer that holds {required or 'nothing forbidden'} takes {count(needed, 'token')}, "
                f"and it may have {longest}.",
                f"Allow more with generate.max_length={needed + 1}, or ask for less.",
            )
        clauses = {
            "begins with": f'"{self.beginning}"' if self.prefix else "",
            "holds": required,
            "does not hold": ", ".join(f'"{phrase.text}"' for phrase in self.forbidden),
            "never repeats": count(self.no_repeat, "token") if self.no_repeat else "",
        }
        condition = " and ".join(f"{verb} {text}" for verb, text in clauses.items() if text)
        return HeedfulError(f"There is no answer that {condition}.", "Leave one of these out.")

    def follow(self, progress: ConstraintProgress, token: int, room: int) -> ConstraintProgress | None:
        """The hypothesis with one token more, if it can be finished in `room` further ones."""
        ids = (*progress.ids, token)
        if progress.completion[:1] == (token,):
            completion = progress.completion[1:]
            remaining, forced = min(progress.remaining, len(completion)), progress.forced and bool(completion)
            return ConstraintProgress(ids, completion, remaining, forced)
        if progress.forced:
            return None
        completion = self.complete(ids, room, progress.completion)
        if completion is None:
            return None
        unmet = completion and self.unmet(self.spelling.text(ids))
        return ConstraintProgress(ids, completion, len(completion) if unmet else 0)

    def objection(self, progress: ConstraintProgress, token: int, end: int, room: int) -> str:
        """Why a hypothesis cannot go on with a token, or end where that is the `end`; "": it can."""
        unmet = self.unmet(self.spelling.text(progress.ids))
        if token == end:
            missing = f'"{unmet[0].text}" is still to come: generate.required' if unmet else "it cannot end here"
            return missing if progress.completion else ""
        if self.follow(progress, token, room) is not None:
            return ""
        text = self.spelling.text((*progress.ids, token))
        if held := next((phrase.text for phrase in self.forbidden if phrase.occurs_in(text)), ""):
            return f'it would hold "{held}": generate.forbidden'
        if not unmet:
            return "no answer behind it keeps every rule"
        if progress.forced:
            return f'"{unmet[0].text}" has to come now: generate.required'
        return f'"{unmet[0].text}" would no longer fit: generate.required, generate.max_length'

    def complete(self, ids: Ids, room: int, before: Ids = ()) -> Ids | None:
        """At most `room` tokens that, coming next, keep every constraint; None if none are found.

        `before`, the completion of the hypothesis that this one goes on from, serves again unless a phrase was begun
        since.
        """
        text = self.spelling.text(ids)
        if self.breaks(text):
            return None
        unmet = sorted(self.unmet(text), key=lambda phrase: -next(phrase.partial_lengths(text)))
        fresh = not unmet or next(unmet[0].partial_lengths(text)) == 0
        if unmet and fresh and before and len(before) <= room and self.keeps(ids + before):
            return before
        for bridge in self.bridges(ids, text):
            fitting = False
            for order in islice(permutations(unmet), ORDERS):
                completion = self.spell_all(ids, bridge, order, room)
                if completion is not None and self.keeps(ids + completion):
                    return completion
                fitting = fitting or completion is not None
            if not bridge and not fitting:  # a bridge parts what must not meet: it shortens nothing
                return None
        return None

    def breaks(self, text: str) -> bool:
        """Whether the text breaks a constraint whatever comes next."""
        if not text.startswith(self.beginning):
            return True
        stable = len(text.rstrip(BROKEN))
        return any(end < stable for phrase in self.forbidden for end in phrase.ends(text))

    def spell_all(self, ids: Ids, bridge: Ids, order: Sequence[Phrase], room: int) -> Ids | None:
        """The bridge, then the phrases in this order, each joined to what stands before it; None if too long."""
        completion = bridge
        for phrase in order:
            sequence = ids + completion
            text = self.spelling.text(sequence)
            if not phrase.occurs_in(text):
                budget = room - len(completion)
                more = next((m for m in self.spell(sequence, text, phrase) if len(m) <= budget), None)
                if more is None:
                    return None
                completion += more
        return completion if len(completion) <= room else None

    def spell(self, ids: Ids, text: str, phrase: Phrase) -> Iterator[Ids]:
        """Tokens that complete the phrase behind `ids` and spoil none that the text holds, the nicest first."""
        encode = self.spelling.encode
        phrases = [phrase, *(other for other in self.required if other.occurs_in(text))]
        for length in phrase.partial_lengths(text):
            suffix = phrase.text[length:]
            joined = length or not text or text[-1].isspace() or UNSPACED.match(suffix)
            for more in (suffix,) if joined else (f" {suffix}", suffix):
                ids_with_more = tuple(encode(text + more))
                after = [ids_with_more[len(ids) :]] if ids_with_more[: len(ids)] == ids else []
                for tokens in (*after, tuple(encode(more))):
                    longer = self.spelling.text(ids + tokens)
                    if self.spelling.suppressed.isdisjoint(tokens) and all(
                        other.occurs_in(longer) for other in phrases
                    ):
                        yield tokens

    def keeps(self, ids: Ids) -> bool:
        """Whether a whole answer keeps every constraint."""
        text = self.spelling.text(ids)
        broken = self.unmet(text) or any(phrase.occurs_in(text) for phrase in self.forbidden)
        return text.startswith(self.beginning) and not broken and not self.repeats(ids)

    def unmet(self, text: str) -> list[Phrase]:
        """The required phrases that a text does not hold."""
        return [phrase for phrase in self.required if not phrase.occurs_in(text)]

    def repeats(self, ids: Ids) -> bool:
        """Whether an n-gram of the forbidden length stands in it twice."""
        size = self.no_repeat
        grams = [ids[start : start + size] for start in range(len(ids) - size + 1)] if size else []
        return len(set(grams)) < len(grams)

    def bridges(self, ids: Ids, text: str) -> Iterator[Ids]:
        """What may stand between the text and a phrase: nothing, one token, or the rest of an unfinished character."""
        yield ()
        singles, parts = self.sorted_tokens
        rests = [(part,) * count for count in (1, 2, 3) for part in parts] if text.endswith(BROKEN) else []
        for bridge in (*rests, *((token,) for token in singles)):
            bridged = self.spelling.text(ids + bridge)
            if not bridged.endswith(BROKEN) and not self.breaks(bridged):
                yield bridge

    @cached_property
    def sorted_tokens(self) -> tuple[list[int], list[int]]:
        """Some tokens that are little like the phrases, letters and other signs; and all parts of characters."""
        spelling = self.spelling
        ours = set("".join(phrase.text for phrase in (*self.required, *self.forbidden))) - {" "}
        texts = {i: spelling.decode((i,)) for i in range(spelling.vocabulary) if i not in spelling.suppressed}
        characters = [i for i, text in texts.items() if text and BROKEN not in text]
        characters.sort(key=lambda i: len(ours.intersection(texts[i])))
        letters = [i for i in characters if texts[i][0].isalnum()][:BRIDGES]
        signs = [i for i in characters if not texts[i][0].isalnum()][:BRIDGES]
        return letters + signs, [i for i, text in texts.items() if text == BROKEN]

    def refuse_contradictions(self) -> None:
        """Raises HeedfulError for what no answer of any length can keep, and names the phrase."""
        for phrase in (*self.required, *self.forbidden):
            if not phrase.text:
                raise HeedfulError("A required or forbidden phrase is empty.", "Write at least one character.")
        if self.repeats(self.prefix):
            raise HeedfulError(
                f'The prefix "{self.beginning}" says {count(self.no_repeat, "token")} twice.',
                "Set generate.no_repeat_ngram=0.",
            )
        if self.breaks(self.beginning):
            bad = next(phrase for phrase in self.forbidden if phrase.occurs_in(self.beginning))
            raise HeedfulError(f'The prefix "{self.beginning}" holds the forbidden phrase "{bad.text}".')
        for bad in self.forbidden:
            for phrase in self.required:
                if bad.occurs_in(phrase.text):
                    raise HeedfulError(f'The required phrase "{phrase.text}" holds the forbidden phrase "{bad.text}".')
        for phrase in self.required:
            if next(self.spell((), "", phrase), None) is None:
                raise HeedfulError(
                    f'The required phrase "{phrase.text}" cannot be written with this model\'s vocabulary.',
                    f'Written with it, it reads "{self.spelling.decode(self.spelling.encode(phrase.text))}".',
                )
