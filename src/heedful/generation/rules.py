"""What an answer must and must not be: penalties on choosing, and hard constraints.

Penalties change which hypothesis is chosen, never the score that is reported for it. They never lift a token above
probability 1, and constraints only ever take tokens away: the early stop of the search counts on it.

N sources   K beams   T tokens so far   V vocabulary
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from heedful.errors import HeedfulError
from heedful.generation.constraints import Constraints, Spelling, Track
from heedful.schema import GenerateSettings


@dataclass(frozen=True)
class Special:
    """Token ids that the search must know. `never` are not chosen: padding, the beginning, the unknown."""

    begin: int
    end: int
    never: tuple[int, ...] = ()


@dataclass(frozen=True)
class Rules:
    """The rules of one request, in token ids; phrases go by the text. At `stops`, written as `decode` does, it ends.

    `renormalize`: in choosing, what may not be said leaves its share to the rest. `close`: the last token that an
    answer may have is the end.
    """

    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    prefix: tuple[int, ...] = ()
    constraints: Constraints | None = None
    stops: tuple[str, ...] = ()
    decode: Callable[[Sequence[int]], str] | None = None
    renormalize: bool = False
    close: bool = False

    def stopped(self, said: Sequence[int]) -> bool:
        """Whether one of the stops stands in what was said."""
        if not self.stops or self.decode is None:
            return False
        text = self.decode(said)
        return any(stop in text for stop in self.stops)

    def adjust(self, log_probs: Tensor, history: Tensor, steps: Sequence[int]) -> Tensor:
        """Log probabilities (N, K, V) as the choice shall see them, given the tokens so far (N, K, room)."""
        allowed = log_probs
        if self.repetition_penalty != 1 or self.no_repeat_ngram:
            said = history[..., : max(steps)]  # (N, K, T), of each source its first `steps`
            counts = torch.tensor(steps, device=said.device).view(-1, 1, 1)
            if self.repetition_penalty != 1:
                allowed = self.penalise(allowed, said, counts)
            if self.no_repeat_ngram and said.size(2) >= self.no_repeat_ngram:
                allowed = self.forbid_repeats(allowed, said, counts)
        if self.renormalize:
            allowed = allowed.log_softmax(-1).masked_fill(allowed == -math.inf, -math.inf)
        if any(step < len(self.prefix) for step in steps):
            allowed = self.force(allowed, log_probs, steps)
        return allowed

    def penalise(self, allowed: Tensor, said: Tensor, counts: Tensor) -> Tensor:
        """Divides the probability of tokens already said."""
        real = torch.arange(said.size(2), device=said.device) < counts
        return allowed - marked(allowed, said, real) * math.log(self.repetition_penalty)

    def forbid_repeats(self, allowed: Tensor, said: Tensor, counts: Tensor) -> Tensor:
        """No n-gram twice: what once followed the last n - 1 tokens may not follow them again."""
        size = self.no_repeat_ngram
        grams = said.unfold(2, size, 1)  # (N, K, T - n + 1, n)
        newest = torch.arange(1 - size, 0, device=said.device) + counts  # places of the last n - 1
        before = said.gather(2, newest.clamp(min=0).expand(-1, said.size(1), -1)).unsqueeze(2)
        real = torch.arange(grams.size(2), device=said.device) + size <= counts
        again = (grams[..., :-1] == before).all(-1) & real
        return allowed.masked_fill(marked(allowed, grams[..., -1], again), -math.inf)

    def force(self, allowed: Tensor, log_probs: Tensor, steps: Sequence[int]) -> Tensor:
        """Only the prefix's own token, as long as the prefix lasts; what is forced is not penalised."""
        forced = allowed.clone()
        for source, step in enumerate(steps):
            if step < len(self.prefix):
                token = self.prefix[step]
                forced[source] = -math.inf
                forced[source, :, token] = log_probs[source, :, token]
        return forced

    def first(self, longest: int) -> Track | None:
        """The hypothesis that has said nothing, where there are constraints.

        Raises HeedfulError if no answer of `longest` tokens keeps the rules.
        """
        if len(self.prefix) > longest:
            raise HeedfulError(
                f"The prefix takes {len(self.prefix)} tokens, and an answer may have {longest}.",
                f"Allow more: generate.max_length={len(self.prefix) + 1}.",
            )
        return self.constraints.first(longest) if self.constraints else None


def until(text: str, stops: Sequence[str]) -> str:
    """A text before the first of these.

    >>> until("one. two", [". ", "x"])
    'one'
    """
    return text[: min((place for stop in stops if (place := text.find(stop)) >= 0), default=len(text))]


def marked(like: Tensor, tokens: Tensor, chosen: Tensor) -> Tensor:
    """(N, K, V), True at the tokens (N, K, T) that are chosen (N, 1 or K, T)."""
    counts = torch.zeros_like(like).scatter_add_(2, tokens, chosen.expand_as(tokens).to(like.dtype))
    return counts > 0


def rules_of(
    settings: GenerateSettings,
    special: Special,
    encode: Callable[[str], Sequence[int]],
    decode: Callable[[Sequence[int]], str],
    vocabulary: int,
    symbols: bool = False,
) -> Rules:
    """The rules that the settings ask for, where `encode` and `decode` are the answers' tokenizer.

    `symbols`: the answers are symbols parted by white space, and phrases are matched as whole ones, not as words.
    Raises HeedfulError, naming the text, for a prefix or phrase that no answer can hold.
    """
    never = frozenset((special.end, *special.never))
    prefix = tuple(encode(settings.prefix)) if settings.prefix else ()
    written, size = decode(prefix), settings.no_repeat_ngram
    if settings.prefix and (written != settings.prefix or not never.isdisjoint(prefix)):
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
    spelling = Spelling(encode, decode, vocabulary, never, symbols)
    constraints = Constraints(settings.required, settings.forbidden, spelling, prefix, size)
    return Rules(settings.repetition_penalty, size, prefix, constraints, stops, decode, settings.renormalize)
