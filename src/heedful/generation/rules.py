"""What an answer must and must not be: penalties on choosing, and hard constraints.

Penalties change which hypothesis is chosen, never the score that is reported for it. They never lift a token above
probability 1, and constraints only ever take tokens away: the early stop of the search counts on it.

N sources   K beams   T tokens so far   M named tokens   k best tokens   V vocabulary
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from heedful.errors import HeedfulError, count
from heedful.generation.batch import SearchBatch
from heedful.generation.choose import Continuations
from heedful.generation.constraints import ConstraintProgress, Constraints, Spelling
from heedful.generation.stepper import Bools, Candidates, Floats, Ints, LogProbs, SpecialIds
from heedful.schema import GenerateSettings


@dataclass(frozen=True)
class NamedTokens:
    """The tokens that the rules are about, (N, K, M), and what each adds to their log probabilities: -inf forbids.

    The first of a row is the one that it may always go on with; rows that name fewer than others repeat it, and
    `distinct` is False there.
    """

    tokens: Ints
    penalties: Floats
    distinct: Bools


@dataclass(frozen=True)
class Rules:
    """The rules of one request, in token ids; phrases go by the text. At `stops`, written as `decode` does, it ends.

    `renormalize`: in choosing, tokens that are not allowed leave their share to the rest. `close`: the last token that
    an answer may have is the end.
    """

    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    prefix: tuple[int, ...] = ()
    constraints: Constraints | None = None
    stops: tuple[str, ...] = ()
    decode: Callable[[Sequence[int]], str] | None = None
    renormalize: bool = False
    close: bool = False

    def has_stop(self, tokens: Sequence[int]) -> bool:
        """Whether one of the stops stands in an answer so far."""
        if not self.stops or self.decode is None:
            return False
        text = self.decode(tokens)
        return any(stop in text for stop in self.stops)

    def named_tokens(self, batch: SearchBatch, end: int) -> NamedTokens | None:
        """The tokens whose log probabilities must be known, however unlikely they are, to choose by these rules."""
        steps = int(batch.steps.max()) if self.looks_back else 0
        repeats = bool(self.no_repeat_ngram) and steps >= self.no_repeat_ngram
        penalised = self.repetition_penalty != 1 and steps > 0
        if not (repeats or penalised or self.constraints or (self.prefix and self.forces(batch).any())):
            return None
        onward = self.onward(batch, end)[..., None]
        if not (repeats or penalised):
            return NamedTokens(onward, np.zeros(onward.shape), np.ones(onward.shape, bool))
        history = batch.history[..., :steps]  # (N, K, T), of each source its first `steps`
        is_repeat = self.repetition_mask(history, batch.steps) if repeats else np.zeros(history.shape, bool)
        is_named = is_repeat | (np.arange(steps) < batch.steps[:, None, None]) if penalised else is_repeat
        return penalise(onward, history, is_repeat, is_named, -math.log(self.repetition_penalty))

    @property
    def looks_back(self) -> bool:
        """Whether it matters which tokens an answer holds already."""
        return self.repetition_penalty != 1 or self.no_repeat_ngram > 0

    def forces(self, batch: SearchBatch) -> Bools:
        """Which sources (N,) are still at the prefix."""
        return batch.steps < len(self.prefix)

    def onward(self, batch: SearchBatch, end: int) -> Ints:
        """The token (N, K) by which each row can go on whatever else is forbidden: prefix, completion, end."""
        tokens = np.full(batch.last.shape, end)
        for source, rows in enumerate(batch.progress):
            tokens[source, : len(rows)] = [row.completion[0] if row.completion else end for row in rows]
        for source in np.flatnonzero(self.forces(batch)):
            tokens[source] = self.prefix[batch.steps[source]]
        return tokens

    def repetition_mask(self, history: Ints, steps: Ints) -> Bools:
        """The positions (N, K, T) of tokens that would end an n-gram for the second time: no n-gram twice."""
        size, longest = self.no_repeat_ngram, history.shape[2]
        is_repeat = np.zeros(history.shape, bool)
        is_repeat[..., size - 1 :] = np.arange(size - 1, longest) < steps[:, None, None]
        newest = np.clip(np.arange(1 - size, 0) + steps[:, None], 0, None)  # (N, n - 1) positions of the last n - 1
        for number in range(size - 1):
            latest = np.take_along_axis(history, newest[:, None, number, None], 2)  # (N, K, 1)
            is_repeat[..., size - 1 :] &= history[..., number : longest - size + 1 + number] == latest
        return is_repeat

    def apply(self, candidates: Candidates, named_tokens: NamedTokens | None, batch: SearchBatch) -> Continuations:
        """Candidates as the choice shall see them."""
        tokens, unguided, allowed = candidates.tokens, candidates.likeliest.unguided, candidates.likeliest.guided
        shares = [] if candidates.remainder is None else [candidates.remainder[..., None]]
        if named_tokens and candidates.named_log_probs:
            adjusted = np.where(
                named_tokens.distinct, candidates.named_log_probs.guided + named_tokens.penalties, -np.inf
            )
            shares.append(adjusted)
            tokens = np.concatenate((tokens, named_tokens.tokens), -1)
            unguided = np.concatenate((unguided, candidates.named_log_probs.unguided), -1)
            allowed = np.concatenate((allowed, adjusted), -1)
        if self.renormalize:
            allowed = normalise(allowed, log_sum(np.concatenate(shares, -1)))
        for source in np.flatnonzero(self.forces(batch)) if self.prefix else ():  # what is forced is not penalised
            allowed[source] = -np.inf
            first = candidates.tokens.shape[2]
            allowed[source, :, first] = unguided[source, :, first]
        return Continuations(tokens, unguided, allowed)

    def apply_to_all(self, log_probs: LogProbs, named_tokens: NamedTokens | None, batch: SearchBatch) -> Continuations:
        """The same where all tokens are at hand, by their id."""
        unguided, allowed = log_probs.unguided, log_probs.guided
        if named_tokens:
            allowed = allowed.copy()
            adjusted = np.take_along_axis(allowed, named_tokens.tokens, -1) + named_tokens.penalties
            np.put_along_axis(allowed, named_tokens.tokens, adjusted, -1)
        if self.renormalize:
            allowed = normalise(allowed, log_sum(allowed))
        for source in np.flatnonzero(self.forces(batch)) if self.prefix else ():
            token = self.prefix[int(batch.steps[source])]
            allowed[source] = -np.inf
            allowed[source, :, token] = unguided[source, :, token]
        return Continuations(None, unguided, allowed)

    def first(self, longest: int) -> ConstraintProgress | None:
        """The hypothesis that holds no token yet, where there are constraints.

        Raises HeedfulError if no answer of `longest` tokens keeps the rules.
        """
        if len(self.prefix) > longest:
            raise HeedfulError(
                f"The prefix takes {count(len(self.prefix), 'token')}, and an answer may have {longest}.",
                f"Allow more: generate.max_length={len(self.prefix) + 1}.",
            )
        return self.constraints.first(longest) if self.constraints else None


def penalise(onward: Ints, history: Ints, forbidden: Bools, is_named: Bools, penalty: float) -> NamedTokens:
    """Each token once: `onward` (N, K, 1), and those that stand in `history` (N, K, T) where `is_named` says so.

    The penalty counts once, and what is `forbidden` anywhere is so.
    """
    unused = 2 * int(history.max()) + 2
    keys = np.where(is_named, 2 * history + ~forbidden, unused)
    keys.sort(-1)  # of the same token what forbids it comes first
    tokens, penalties = keys // 2, np.where(keys % 2, penalty, -np.inf)
    distinct = keys < unused
    distinct[..., 1:] &= tokens[..., 1:] != tokens[..., :-1]
    is_onward = distinct & (tokens == onward)
    of_onward = np.where(is_onward, penalties, 0.0).min(-1, keepdims=True)
    distinct &= ~is_onward
    return NamedTokens(
        np.concatenate((onward, np.where(distinct, tokens, onward)), -1),
        np.concatenate((of_onward, np.where(distinct, penalties, of_onward)), -1),
        np.concatenate((np.ones(onward.shape, bool), distinct), -1),
    )


def log_sum(log_shares: Floats) -> Floats:
    """The logarithm of the sum of shares (..., L), kept as the last dimension."""
    highest = log_shares.max(-1, keepdims=True)
    highest = np.where(highest > -np.inf, highest, 0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(log_shares - highest).sum(-1, keepdims=True)) + highest


def normalise(allowed: Floats, total: Floats) -> Floats:
    """Log shares of a total; what is not allowed stays so."""
    with np.errstate(invalid="ignore"):
        return np.where(allowed > -np.inf, allowed - total, -np.inf)


def until(text: str, stops: Sequence[str]) -> str:
    """A text before the first of these.

    >>> until("one. two", [". ", "x"])
    'one'
    """
    return text[: min((start for stop in stops if (start := text.find(stop)) >= 0), default=len(text))]


def rules_of(
    settings: GenerateSettings,
    special: SpecialIds,
    encode: Callable[[str], Sequence[int]],
    decode: Callable[[Sequence[int]], str],
    vocabulary: int,
    symbols: bool = False,
) -> Rules:
    """The rules that the settings ask for, where `encode` and `decode` are the answers' tokenizer.

    `symbols`: the answers are symbols parted by white space, and phrases are matched as whole ones, not as words.
    Raises HeedfulError, naming the text, for a prefix or phrase that no answer can hold.
    """
    suppressed = frozenset((special.end, *special.suppressed))
    prefix = tuple(encode(settings.prefix)) if settings.prefix else ()
    written, size = decode(prefix), settings.no_repeat_ngram
    if settings.prefix and (written != settings.prefix or not suppressed.isdisjoint(prefix)):
        raise HeedfulError(
            f'The prefix "{settings.prefix}" cannot be written with this model\'s vocabulary.',
            f'Written with it, it reads "{written}".',
        )
    stops = tuple(settings.stop)
    if "" in stops:
        raise HeedfulError("generate.stop has an empty text, which every answer holds.", "Leave it out.")
    if not (settings.prefix or settings.required or settings.forbidden):
        shares, close = settings.renormalize, settings.close
        return Rules(settings.repetition_penalty, size, stops=stops, decode=decode, renormalize=shares, close=close)
    spelling = Spelling(encode, decode, vocabulary, suppressed, symbols)
    constraints = Constraints(settings.required, settings.forbidden, spelling, prefix, size)
    return Rules(settings.repetition_penalty, size, prefix, constraints, stops, decode, settings.renormalize)
