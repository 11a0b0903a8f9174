"""One search for every network: greedy, beam and sampling are one loop that differs in how it chooses.

The search knows nothing of networks but the stepper's protocol. Requests are submitted at any time; finished sources
leave the batch and waiting ones join it. What a source gets never depends on its neighbours.

Unless it is told otherwise the beam shrinks: a source keeps `beam` hypotheses, finished or not (stopping.py).
Beam 1 is greedy search exactly.

N sources in the batch   K beams   T tokens so far
"""

from bisect import insort
from collections.abc import Sequence
from typing import Generic

import numpy as np

from heedful.generation.batch import Hypothesis, SearchBatch
from heedful.generation.choose import Beams, Choice, Chooser, Continuations, FreedBeams, Samples
from heedful.generation.constrained import ConstrainedBeams, ConstrainedSamples
from heedful.generation.rules import Rules
from heedful.generation.stepper import Floats, Ints, Request, Source, Stepper
from heedful.generation.stopping import Stopping
from heedful.generation.watching import watcher
from heedful.schema import GenerateSettings


class Search(Generic[Source]):
    """Answers requests, one token of every source that is in the batch with each `step`.

    `submit` gives a request its number, `step` hands over what is answered by it, and `history` shows what is not.
    `run` is all of it at once.
    """

    def __init__(self, stepper: Stepper[Source], settings: GenerateSettings, rules: Rules) -> None:
        self.stepper, self.settings, self.rules, self.special = stepper, settings, rules, stepper.special
        self.beams = settings.n_best if settings.sample else max(settings.beam, settings.n_best)
        self.stopping = Stopping(settings, rules, self.special.end, self.beams)
        self.choose = self.chooser()
        self.watcher = watcher()
        self.submitted = 0
        self.waiting: list[tuple[int, int, Request[Source]]] = []  # by cost, of equals the oldest last
        self.batch: SearchBatch | None = None

    def chooser(self) -> Chooser:
        """How tokens are chosen."""
        settings, end, constraints = self.settings, self.special.end, self.rules.constraints
        if constraints is not None and settings.sample:
            return ConstrainedSamples(constraints, end, settings)
        if constraints is not None:
            return ConstrainedBeams(constraints, end, self.beams)
        if settings.sample:
            return Samples(settings, self.stepper.vocabulary)
        return FreedBeams(self.beams) if self.stopping.frees_slots else Beams(self.beams)

    def run(self, requests: Sequence[Request[Source]]) -> list[list[Hypothesis]]:
        """The n-best answers to each request, best first, in the order of the requests; none may be under way.

        Raises HeedfulError, before anything is read, if the rules leave no answer of a request's `max_length`.
        """
        assert not self.waiting and self.batch is None, "answers to what was submitted before would be lost"
        for longest in {request.max_length for request in requests}:
            self.rules.first(longest)
        numbers = [self.submit(request) for request in requests]
        answers: dict[int, list[Hypothesis]] = {}
        while len(answers) < len(numbers):
            answers.update(self.step())
        return [answers[number] for number in numbers]

    def submit(self, request: Request[Source]) -> int:
        """Puts a request among those that wait, and gives it a number.

        Raises HeedfulError if the rules leave no answer of its `max_length`.
        """
        self.rules.first(request.max_length)
        number, self.submitted = self.submitted, self.submitted + 1
        insort(self.waiting, (request.cost, number, request), key=lambda entry: (entry[0], -entry[1]))
        return number

    def step(self) -> list[tuple[int, list[Hypothesis]]]:
        """Lets waiting sources in and gives every source in the batch one token more.

        The numbers of the requests that are answered by it, each with its n best, best first.
        """
        self.admit()
        if self.batch is None:
            return []
        self.advance(self.batch)
        return self.collect(self.batch)

    def cancel(self, number: int) -> None:
        """Gives a request up and frees its place at once; one that has been answered is left alone."""
        self.waiting = [entry for entry in self.waiting if entry[1] != number]
        if self.batch is not None and number in self.batch.numbers:
            self.keep(self.batch, np.flatnonzero((self.batch.numbers != number) & ~self.batch.is_answered))

    def history(self, number: int) -> Ints:
        """The tokens so far (K, T) of the beams of a request that is not answered yet, the ends of those that ended
        among them; raises KeyError for any other.
        """
        if self.batch is not None:
            for source in np.flatnonzero((self.batch.numbers == number) & ~self.batch.is_answered):
                return self.batch.history[source, :, : self.batch.steps[source]].copy()
        if any(entry[1] == number for entry in self.waiting):
            return np.zeros((self.beams, 0), np.int64)
        raise KeyError(number)

    def admit(self) -> None:
        """Lets waiting sources in while the batch has room; only when half of it is free, as joining copies."""
        if not self.waiting:
            return
        budget = self.settings.batch_tokens / self.beams
        used = 0 if self.batch is None else int(self.batch.costs.sum())
        if self.batch is not None and used > budget / 2:
            return
        entries: list[tuple[int, int, Request[Source]]] = []
        while self.waiting and ((not entries and self.batch is None) or used + self.waiting[-1][0] <= budget):
            entries.append(self.waiting.pop())
            used += entries[-1][0]
        if not entries:
            return
        requests = [request for *_, request in entries]
        self.stepper.admit(requests, self.beams)
        joining = self.begin([number for _, number, _ in entries], requests)
        if self.batch is None:
            self.batch = joining
        else:
            self.batch.join(joining)

    def begin(self, numbers: Sequence[int], requests: Sequence[Request[Source]]) -> SearchBatch:
        """A batch at its beginning: one live row a source, which the first choice spreads over the beam."""
        shape = (len(requests), self.beams)
        limits = np.array([request.max_length for request in requests])
        last = [self.special.begin if request.prompt_last is None else request.prompt_last for request in requests]
        ranking_score = np.zeros(shape)
        if not self.settings.sample:
            ranking_score[:, 1:] = -np.inf
        first = [self.rules.first(request.max_length) for request in requests]
        return SearchBatch(
            numbers=np.array(numbers),
            costs=np.array([request.cost for request in requests]),
            limits=limits,
            steps=np.zeros(len(requests), np.int64),
            last=np.repeat(np.array(last), self.beams).reshape(shape),
            history=np.zeros((*shape, limits.max()), np.int64),
            draws=self.draws([request.seed for request in requests], int(limits.max())),
            score=np.zeros(shape),
            ranking_score=ranking_score,
            growing=np.full(len(requests), self.beams),
            is_answered=np.zeros(len(requests), bool),
            progress=[[progress] * self.beams if progress is not None else [] for progress in first],
            finished=[[] for _ in requests],
        )

    def draws(self, seeds: Sequence[int], capacity: int) -> Floats:
        """(N, K, capacity): (the request's seed, the source's seed, the row) alone decide the draws of a row."""
        if not self.settings.sample:
            return np.zeros((len(seeds), self.beams, 0))
        keys = [[(self.settings.seed, seed, row) for row in range(self.beams)] for seed in seeds]
        return np.array([[np.random.default_rng(key).random(capacity) for key in of_source] for of_source in keys])

    def advance(self, batch: SearchBatch) -> None:
        """One token more for every live row."""
        continuations = self.stopping.close(self.continuations(batch), batch)
        choice = self.choose(continuations, batch)
        if self.watcher is not None:
            self.watcher.offer(batch, continuations, choice, self.stopping, self.settings.sample)
        if self.stopping.frees_slots:
            choice = self.stopping.release(batch, choice)
            self.follow(batch, choice)
        else:
            self.follow(batch, choice)
            self.stopping.take(batch)
        if self.watcher is not None:
            self.watcher.move(batch, choice)

    def continuations(self, batch: SearchBatch) -> Continuations:
        """What the network says of the next tokens, as the rules have it."""
        named_tokens = self.rules.named_tokens(batch, self.special.end)
        if self.choose.count is None:
            return self.rules.apply_to_all(self.stepper.step_whole(batch.last), named_tokens, batch)
        ids = named_tokens.tokens if named_tokens else None
        candidates = self.stepper.step(batch.last, self.choose.count, ids, self.rules.renormalize)
        return self.rules.apply(candidates, named_tokens, batch)

    def follow(self, batch: SearchBatch, choice: Choice) -> None:
        """Moves every row to the hypothesis it was chosen to go on with."""
        beams = self.beams
        sources, rows = np.arange(len(batch))[:, None], np.arange(beams)
        if beams > 1 and (choice.beam != rows).any():
            self.stepper.reorder(choice.beam + sources * beams)
            history = batch.history[..., : batch.steps.max()]
            history[:] = history[sources, choice.beam]
        batch.history[sources, rows, batch.steps[:, None]] = choice.token
        batch.last, batch.score, batch.ranking_score = choice.token, choice.score, choice.ranking_score
        batch.steps += 1
        batch.progress = choice.progress or batch.progress

    def collect(self, batch: SearchBatch) -> list[tuple[int, list[Hypothesis]]]:
        """Hands over what is answered; the batch is packed when a quarter of it is empty, as that copies."""
        tops = zip(batch.ranking_score.max(1).tolist(), batch.is_answered.tolist(), strict=True)
        sources = [
            source
            for source, (best, is_answered) in enumerate(tops)
            if not is_answered and self.stopping.is_settled(batch, source, best)
        ]
        if sources and self.watcher is not None:
            self.watcher.end(batch)
        if sources:
            batch.is_answered[sources] = True
            batch.ranking_score[sources] = -np.inf  # what still stands in the batch grows no more
        answers = [(int(batch.numbers[source]), batch.finished[source][: self.settings.n_best]) for source in sources]
        mask = batch.is_answered
        if not sources and not mask.any():
            return answers
        # a source whose longest answer is reached cannot be taken along for another step
        if mask.sum() * 4 >= len(batch) or (batch.steps >= batch.limits)[mask].any():
            self.keep(batch, np.flatnonzero(~mask))
        return answers

    def keep(self, batch: SearchBatch, sources: Ints) -> None:
        """Packs the batch: only these sources stay."""
        if len(sources) == len(batch):
            return
        self.stepper.keep(sources)
        batch.keep(sources)
        self.batch = batch if len(sources) else None
