"""How prompts go on: by the one search, in stretches if an answer outgrows the network. Tokens in, tokens out.

N prompts   K answers
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from heedful.data.readers.rows import count
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.engines.writing import LanguageEngine, SearchingEngine
from heedful.errors import HeedfulError
from heedful.generation.batch import Hypothesis
from heedful.generation.rules import rules_of, until
from heedful.generation.search import Search
from heedful.generation.stepper import Request, SpecialIds
from heedful.schema import GenerateSettings
from heedful.tasks.inputs import source_seed

LONGEST = 256  # tokens of an answer, where the request does not say

Prompt = tuple[int, ...]
Send = Callable[[str], object]


@dataclass(frozen=True)
class Continuation:
    """An answer, or the beginning of one that may still grow: what the network shall read, and all that was written.

    `restarts`: how often it outgrew the network; `reread`: the tokens that were read anew the last time.
    """

    prompt: Prompt  # with <s>, or the end of what was read and written so far
    tokens: tuple[int, ...] = ()
    score: float = 0.0
    restarts: int = 0
    reread: int = 0
    complete: bool = False

    def normalised(self, settings: GenerateSettings) -> float:
        """A score that does not hang on the length."""
        return self.score / max(1, len(self.tokens)) ** settings.length_penalty


@dataclass(frozen=True)
class ContinuationSearch:
    """The search for what goes on with prompts, by all `engines` together.

    `limit`: the tokens that all of them can read at once; None: any number.
    """

    engines: Sequence[LanguageEngine]
    tokenizer: Tokenizer
    special: SpecialIds
    limit: int | None
    settings: GenerateSettings

    def run(self, prompts: Sequence[Continuation], send: Send | None = None) -> list[list[Continuation]]:
        """The n best of each, or n draws. `send` is given the text of a single one piece by piece as it is written.

        Raises HeedfulError for rules about the whole of an answer that does not fit into the network.
        """
        single = len(prompts) == 1 and self.settings.n_best == 1 and (self.settings.sample or self.settings.beam == 1)
        stream = TextStream(self.tokenizer, tuple(self.settings.stop), send) if send and single else None
        settings = self.settings
        ended: list[list[Continuation]] = [[] for _ in prompts]
        growing = list(enumerate(prompts))
        while growing:
            growing = self.sort_out(growing, self.extend(settings, growing, stream), ended)
            # from now on each is an answer of its own
            settings = replace(self.settings, n_best=1)
        if stream:
            stream.end()
        return [self.rank(continuations) for continuations in ended]

    def search(self, settings: GenerateSettings) -> Search[Prompt]:
        """The search for one stretch of each."""
        tokenizer = self.tokenizer
        symbols = tokenizer.kind == "symbols"
        rules = rules_of(settings, self.special, tokenizer.encode, tokenizer.decode, tokenizer.size, symbols)
        return Search(self.engines[0].stepper(self.engines, self.special), settings, rules)

    @property
    def max_tokens(self) -> int:
        """The most tokens of an answer."""
        return LONGEST if self.settings.max_length == "auto" else int(self.settings.max_length)

    def extend(
        self, settings: GenerateSettings, growing: Sequence[tuple[int, Continuation]], stream: "TextStream | None"
    ) -> list[list[Hypothesis]]:
        """The next stretch of each (with the number of its prompt), as long as the network can read it."""
        twins, requests = Counter[tuple[int, ...]](), list[Request[Prompt]]()
        for number, before in growing:
            prompt, most = before.prompt, self.max_tokens - len(before.tokens)
            if self.limit is not None:
                most = min(most, self.limit - len(prompt) + 1)
            # equal answers to one text go on differently, and one alone as the first of its equals
            twins[number, *before.tokens] += 1
            twin = [twins[number, *before.tokens]] if before.tokens else []
            seed = source_seed(np.array([*prompt, *before.tokens, *twin]))
            requests.append(Request(prompt, len(prompt), most, seed, len(prompt) - 1, prompt[-1]))
        self.refuse_rules([before for _, before in growing], requests)
        engine, before = self.engines[0], growing[0][1].tokens
        if isinstance(engine, SearchingEngine):
            tell = (lambda tokens: stream.update((*before, *tokens))) if stream else None
            return engine.answers(self.engines, requests, settings, self.special, tell)
        search = self.search(settings)
        return [stream.follow(search, requests[0], before)] if stream else search.run(requests)

    def refuse_rules(self, growing: Sequence[Continuation], requests: Sequence[Request[Prompt]]) -> None:
        """Raises HeedfulError if an answer is bound by rules about the whole of it, and outgrows the network."""
        pairs = zip(growing, requests, strict=True)
        short = (
            request.max_length for before, request in pairs if request.max_length + len(before.tokens) < self.max_tokens
        )
        room, settings = next(short, None), self.settings
        if room is not None and (settings.prefix or settings.required or settings.forbidden):
            raise HeedfulError(
                f"An answer with a prefix, required or forbidden texts must fit into the network: "
                f"{count(room, 'token')} of {self.max_tokens:,} {'is' if room == 1 else 'are'} left behind this text.",
                f"Ask for fewer, as generate.max_length={max(1, room)}.",
            )

    def sort_out(
        self,
        growing: Sequence[tuple[int, Continuation]],
        stretches: Sequence[list[Hypothesis]],
        ended: list[list[Continuation]],
    ) -> list[tuple[int, Continuation]]:
        """Puts what has ended into `ended`, and gives back what goes on, with the end of it to be read anew."""
        onward: list[tuple[int, Continuation]] = []
        for (number, before), hypotheses in zip(growing, stretches, strict=True):
            for stretch in hypotheses:
                tokens, score = before.tokens + stretch.tokens, before.score + stretch.score
                if stretch.complete or len(tokens) >= self.max_tokens or self.limit is None:
                    ended[number].append(replace(before, tokens=tokens, score=score, complete=stretch.complete))
                    continue
                end = (before.prompt + stretch.tokens)[-max(1, self.limit // 2) :]
                onward.append((number, Continuation(end, tokens, score, before.restarts + 1, len(end))))
        return onward

    def rank(self, continuations: list[Continuation]) -> list[Continuation]:
        """As the search has them; where some outgrew the network, complete ones first, then by score over length."""
        if not any(continuation.restarts for continuation in continuations):
            return continuations
        return sorted(continuations, key=lambda answer: (not answer.complete, -answer.normalised(self.settings)))


@dataclass
class TextStream:
    """Sends a text while it grows: no half character, and nothing that may turn out to be a stop."""

    tokenizer: Tokenizer
    stops: tuple[str, ...]
    send: Send
    sent: int = 0
    text: str = ""

    def follow(self, search: Search[Prompt], request: Request[Prompt], before: tuple[int, ...]) -> list[Hypothesis]:
        """The answers to one request, sent while the only one grows behind what was written `before`."""
        number, hypotheses = search.submit(request), dict[int, list[Hypothesis]]()
        while not hypotheses:
            hypotheses = dict(search.step())
            written = (
                [stretch.tokens for stretch in hypotheses[number]] if hypotheses else search.history(number).tolist()
            )
            for tokens in written:
                self.update((*before, *tokens))
        return hypotheses[number]

    def update(self, tokens: tuple[int, ...]) -> None:
        """Takes in the tokens so far."""
        ids = [token for token in tokens if token != self.tokenizer.special_tokens.end]
        self.text = until(self.tokenizer.decode(ids), self.stops)
        pending = max((len(stop) - 1 for stop in self.stops), default=0)
        safe = len(self.text.rstrip("\ufffd")) - pending
        if safe > self.sent:
            self.send(self.text[self.sent : safe])
            self.sent = safe

    def end(self) -> None:
        """Sends what was held back."""
        self.send(self.text[self.sent :])
        self.sent = len(self.text)
