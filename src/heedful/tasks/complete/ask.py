"""How a trained network goes on with a text: by the one search, in stretches if the answer outgrows the network.

N prompts   R = N * K rows   K answers
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from heedful.blocks.state import State
from heedful.data.batch import padded
from heedful.data.normal_form import normalize_text
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.engines.plain import PlainStepper
from heedful.errors import HeedfulError
from heedful.generation.batch import Hypothesis
from heedful.generation.rules import Rules, rules_of, until
from heedful.generation.search import Search
from heedful.generation.stepper import Request, SpecialIds
from heedful.hub import Plan
from heedful.networks.joins import LanguageModel
from heedful.results import Answer
from heedful.schema import GenerateSettings, NetworkSettings, NormalForm
from heedful.tasks import language as passages
from heedful.tasks.inputs import source_seed

LONGEST = 256  # tokens of an answer, where the request does not say
SHOWN, BEGINNING = 8, 40  # prompts to show what a model does, and their characters

Tell = Callable[[str], object]


@dataclass(frozen=True)
class Continuer:
    """A network with what it takes to read a text and to go on with it.

    `window` tokens are read at once, as in training; `ends`: it has learnt where documents end.
    """

    network: LanguageModel
    settings: NetworkSettings
    tokenizer: Tokenizer
    window: int
    ends: bool
    normal_form: NormalForm = "none"
    plan: Plan | None = None

    @property
    def limit(self) -> int | None:
        """The most tokens that it can read at once."""
        return passages.limit_of(self.settings, self.window, writes=True)


@dataclass(frozen=True)
class Stretch:
    """An answer that may still grow: what the network shall read, and all that was said before."""

    prompt: tuple[int, ...]  # with <s>, or the end of what was read and said so far
    said: tuple[int, ...] = ()
    score: float = 0.0
    times: int = 0  # that it outgrew the network
    kept: int = 0  # tokens that were read anew the last time


def answer(
    models: Sequence[Continuer], sources: Sequence[str], settings: GenerateSettings, tell: Tell | None = None
) -> list[list[Answer]]:
    """How each text goes on, by one model or several together: the n best, or n draws.

    `tell` is given the text of a single answer piece by piece as it is written. Raises HeedfulError for a text with
    more tokens than the network reads at once, unless only its end shall be read.
    """
    found = continued(models, sources, settings, tell)
    return [
        [shown(models[0], source, one, before, settings) for before, one in some]
        for source, some in zip(sources, found, strict=True)
    ]


def continued(
    models: Sequence[Continuer], sources: Sequence[str], settings: GenerateSettings, tell: Tell | None = None
) -> list[list[tuple[Stretch, Hypothesis]]]:
    """The same as the search found it: all that was said, and its last stretch."""
    first = models[0]
    begun = [begin_with(models, source, settings) for source in sources]
    wanted = LONGEST if settings.max_length == "auto" else int(settings.max_length)
    one_way = len(sources) == 1 and settings.n_best == 1 and (settings.sample or settings.beam == 1)
    telling = Telling(first.tokenizer, tuple(settings.stop), tell) if tell and one_way else None
    search = searching(models, settings)
    found: list[list[tuple[Stretch, Hypothesis]]] = [[] for _ in sources]
    growing = list(enumerate(begun))
    while growing:
        answers = written(search, models, growing, wanted, settings, telling)
        growing = sorted_out(growing, answers, found, models, wanted)
        # from now on each is an answer of its own
        search = searching(models, replace(settings, n_best=1))
    if telling:
        telling.end()
    return [ranked(some, settings) for some in found]


def begin_with(models: Sequence[Continuer], source: str, settings: GenerateSettings) -> Stretch:
    """A text as the network shall read it."""
    first, limit = models[0], limit_of(models)
    ids = tuple(beginning(first, source))
    if limit is None or len(ids) <= limit:
        return Stretch(ids)
    if settings.long_prompt == "end":
        return Stretch(ids[-limit // 2 :], kept=limit // 2)
    cure = "Shorten it, or let only its end be read: long_prompt=end (generate.long_prompt)."
    raise passages.too_long(source, len(ids), limit, cure)


def beginning(model: Continuer, text: str) -> list[int]:
    """The ids of a text as the network learnt to read it: behind <s>, if it has learnt how documents begin."""
    ids = passages.asked(text, model.tokenizer, model.normal_form)
    marks = model.tokenizer.special_tokens
    return [marks.begin, *ids] if (model.ends and marks.prompted) or not ids else ids


def limit_of(models: Sequence[Continuer]) -> int | None:
    """The tokens that all of the models can read at once; None: any number."""
    return min((model.limit for model in models if model.limit), default=None)


def searching(models: Sequence[Continuer], settings: GenerateSettings) -> Search[tuple[int, ...]]:
    """The search for what goes on with prompts."""
    first = models[0]
    target, marked = first.tokenizer, special(first)
    rules: Rules = rules_of(settings, marked, target.encode, target.decode, target.size, target.kind == "symbols")
    decoders = [model.network.eval().decoder for model in models]
    return Search(PlainStepper(decoders, begin(models), marked), settings, rules)


def special(model: Continuer) -> SpecialIds:
    """The ids that a search must know; who has not learnt where documents end never ends one."""
    marks = model.tokenizer.special_tokens
    return SpecialIds(marks.begin, marks.end, marks.suppressed if model.ends else (*marks.suppressed, marks.end))


def begin(models: Sequence[Continuer]) -> Callable[[Sequence[tuple[int, ...]], int, int], tuple[State, ...]]:
    """How the search has prompts read: all of each but its last token, once for all of its answers."""

    @torch.inference_mode()
    def read(prompts: Sequence[tuple[int, ...]], beams: int, room: int) -> tuple[State, ...]:
        rows = [np.array(prompt[:-1], dtype=np.int64) for prompt in prompts]
        states = []
        for model in models:
            decoder = model.network.decoder
            device = decoder.tokens.table.weight.device
            state = decoder.start(None, rows=len(rows), room=room + max(map(len, rows)))
            if any(map(len, rows)):
                tokens, lengths = (one.to(device) for one in padded(rows))
                _, state = decoder(tokens, state, lengths)
            every = torch.arange(len(rows), device=device).unsqueeze(1).expand(-1, beams)
            states.append(state if beams == 1 else state.select(every))
        return tuple(states)

    return read


def written(
    search: Search[tuple[int, ...]],
    models: Sequence[Continuer],
    growing: Sequence[tuple[int, Stretch]],
    wanted: int,
    settings: GenerateSettings,
    telling: "Telling | None",
) -> list[list[Hypothesis]]:
    """The next stretch of each (with the number of its source), as long as the network can read it."""
    limit, twins, requests = limit_of(models), Counter[tuple[int, ...]](), []
    for place, one in growing:
        most = wanted - len(one.said)
        if limit is not None:
            most = min(most, limit - len(one.prompt) + 1)
        # equal answers to one text go on differently, and one alone as the first of its equals
        twins[place, *one.said] += 1
        seed = source_seed(np.array([*one.prompt, *one.said, *([twins[place, *one.said]] if one.said else [])]))
        requests.append(Request(one.prompt, len(one.prompt), most, seed, len(one.prompt) - 1, one.prompt[-1]))
    some = [one for _, one in growing]
    refuse_rules(some, wanted, requests, settings)
    return [streamed(search, requests[0], telling, some[0].said)] if telling else search.run(requests)


def streamed(
    search: Search[tuple[int, ...]], request: Request[tuple[int, ...]], telling: "Telling", before: tuple[int, ...]
) -> list[Hypothesis]:
    """The answers to one request, told while the only one grows behind what was said `before`."""
    number, answered = search.submit(request), dict[int, list[Hypothesis]]()
    while not answered:
        answered = dict(search.step())
        spoken = [one.tokens for one in answered[number]] if answered else search.history(number).tolist()
        for tokens in spoken:
            telling.watch((*before, *tokens))
    return answered[number]


def refuse_rules(
    some: Sequence[Stretch], wanted: int, requests: Sequence[Request[tuple[int, ...]]], settings: GenerateSettings
) -> None:
    """Raises HeedfulError if an answer is bound by rules about the whole of it, and outgrows the network."""
    pairs = zip(some, requests, strict=True)
    short = next((request for one, request in pairs if request.max_length < wanted - len(one.said)), None)
    if short and (settings.prefix or settings.required or settings.forbidden):
        raise HeedfulError(
            f"An answer with a prefix, required or forbidden texts must fit into the network: "
            f"{short.max_length:,} tokens are left behind this text, and {wanted:,} are asked for.",
            f"Ask for fewer, as generate.max_length={max(1, short.max_length)}.",
        )


def sorted_out(
    growing: Sequence[tuple[int, Stretch]],
    answers: Sequence[list[Hypothesis]],
    found: list[list[tuple[Stretch, Hypothesis]]],
    models: Sequence[Continuer],
    wanted: int,
) -> list[tuple[int, Stretch]]:
    """Puts what is done into `found`, and gives back what goes on, with the end of it to be read anew."""
    limit, on = limit_of(models), []
    for (place, before), some in zip(growing, answers, strict=True):
        for one in some:
            said, score = before.said + one.tokens, before.score + one.score
            if one.complete or len(said) >= wanted or limit is None:
                found[place].append((replace(before, said=said, score=score), one))
                continue
            kept = (before.prompt + one.tokens)[-max(1, limit // 2) :]
            on.append((place, Stretch(kept, said, score, before.times + 1, len(kept))))
    return on


def ranked(some: list[tuple[Stretch, Hypothesis]], settings: GenerateSettings) -> list[tuple[Stretch, Hypothesis]]:
    """As the search has them; where some outgrew the network, finished answers first, then by score over length."""
    if not any(before.times for before, _ in some):
        return some
    return sorted(some, key=lambda pair: (not pair[1].complete, -normal(pair[0], settings)))


def normal(one: Stretch, settings: GenerateSettings) -> float:
    """A score that does not hang on the length."""
    return one.score / max(1, len(one.said)) ** settings.length_penalty


def shown(model: Continuer, source: str, last: Hypothesis, whole: Stretch, settings: GenerateSettings) -> Answer:
    """An answer as people read it."""
    text = until(model.tokenizer.decode(whole.said), settings.stop)
    unknown = tuple(model.tokenizer.unknown(normalize_text(source, model.normal_form)))
    tokens = tuple(model.tokenizer.tokens(whole.said))
    notes = [] if whole.times or not whole.kept else [f"only the last {whole.kept:,} tokens of the text were read"]
    if whole.times:
        often = "once" if whole.times == 1 else f"{whole.times:,} times"
        notes.append(
            f"the answer outgrew the {model.limit:,} tokens that the network reads at once: {often} it went on from "
            f"the last {whole.kept:,} alone"
        )
    return Answer(
        source, text, whole.score, normal(whole, settings), tokens, last.complete, unknown, note="; ".join(notes)
    )


@dataclass
class Telling:
    """Gives out a text while it grows: no half character, and nothing that may turn out to be a stop."""

    tokenizer: Tokenizer
    stops: tuple[str, ...]
    tell: Tell
    told: int = 0
    text: str = ""

    def watch(self, tokens: tuple[int, ...]) -> None:
        """Takes in the tokens so far."""
        ids = [i for i in tokens if i != self.tokenizer.special_tokens.end]
        self.text = until(self.tokenizer.decode(ids), self.stops)
        held = max((len(stop) - 1 for stop in self.stops), default=0)
        safe = len(self.text.rstrip("\ufffd")) - held
        if safe > self.told:
            self.tell(self.text[self.told : safe])
            self.told = safe

    def end(self) -> None:
        """Gives out what was held back."""
        self.tell(self.text[self.told :])
        self.told = len(self.text)


def prompts(model: Continuer, texts: Sequence[str]) -> list[str]:
    """Beginnings of a few texts, to show how a model goes on with them: short enough to be read by it."""
    found = []
    for text in texts[:SHOWN]:
        begun = " ".join(text[: 2 * BEGINNING].split())[:BEGINNING].rsplit(" ", 1)[0]
        while model.limit and len(beginning(model, begun)) > model.limit // 2 and begun:
            begun = begun[: len(begun) // 2]
        found.append(begun)
    return found
