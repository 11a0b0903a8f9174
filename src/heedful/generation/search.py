"""One search for every decoder: greedy, beam and sampling are one loop that differs in how it chooses.

The search knows nothing of networks but the decoder protocol. Finished sources leave the running batch and waiting
ones join it; what a source gets never depends on its neighbours.

The beam shrinks: a source keeps `beam` hypotheses, finished or not, so beam 1 is greedy search exactly.

N sources in the batch   K beams   R = N * K rows   T positions   V vocabulary
"""

import math
from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from heedful.blocks.state import State, join
from heedful.generation.choose import Choice, Chooser, beams, samples
from heedful.generation.constraints import Track
from heedful.generation.rules import Rules, Special
from heedful.generation.steer import Steered
from heedful.networks.decoders import Decoder
from heedful.sections import Generate

FIRST_ROOM = 16  # positions for which a batch has buffers when it begins


@dataclass(frozen=True)
class Job:
    """One source to be answered. `cost` is its size in the batch (its positions)."""

    cost: int
    max_length: int
    seed: int = 0


@dataclass(frozen=True)
class Hypothesis:
    """One answer: token ids without the end, and its log probability under the unmodified network, end included.

    `normalised` is what answers are ordered by: penalised score / length ** penalty. Not complete: `max_length` was
    reached before the end token, whose probability is then not in the score.
    """

    tokens: tuple[int, ...]
    score: float
    normalised: float
    complete: bool = True


Begin = Callable[[Sequence[int], int, int], tuple[State, ...]]
"""(job numbers, beams, room) -> one state a decoder, the sources read."""


@dataclass
class Running:
    """The batch as it stands. Dead rows have order -inf."""

    states: tuple[State, ...]
    jobs: list[int]  # N numbers of jobs
    limits: list[int]  # N longest answers
    last: Tensor  # (N, K) newest token
    history: Tensor  # (N, K, room) tokens so far
    draws: Tensor  # (N, K, room) what decides each draw, in [0, 1); room 0 where nothing is drawn
    score: Tensor  # (N, K) log probability under the unmodified network
    order: Tensor  # (N, K) the same with penalties, by which the beam chooses
    growing: Tensor  # (N, 1) hypotheses still growing
    steps: list[int]  # N tokens so far
    tracks: list[list[Track]]  # N lists, one a beam where there are constraints
    done: list[list[Hypothesis]] = field(default_factory=list)  # N lists, best first


class Search:
    """Answers jobs by one or several decoders (an ensemble: the mean of their probabilities, step by step).

    `decoders` share a vocabulary. `begin` reads the sources of some jobs.
    """

    def __init__(
        self, decoders: Sequence[Decoder], begin: Begin, special: Special, settings: Generate, rules: Rules
    ) -> None:
        self.decoders, self.begin, self.special, self.settings, self.rules = decoders, begin, special, settings, rules
        self.beams = settings.n_best if settings.sample else max(settings.beam, settings.n_best)
        self.choose: Chooser = samples if settings.sample else beams
        if rules.constraints is not None:
            steered = Steered(rules.constraints, special.end)
            self.choose = steered.samples if settings.sample else steered.beams

    @torch.inference_mode()
    def run(self, jobs: Sequence[Job]) -> list[list[Hypothesis]]:
        """The n-best answers of each job, best first, in the order of the jobs.

        Raises HeedfulError, before anything is read, if the rules leave no answer of a job's `max_length`.
        """
        for longest in {job.max_length for job in jobs}:
            self.rules.first(longest)
        waiting = sorted(range(len(jobs)), key=lambda number: jobs[number].cost)  # longest is popped first
        answers: list[list[Hypothesis]] = [[] for _ in jobs]
        running: Running | None = None
        while waiting or running:
            running = self.admit(running, waiting, jobs)
            self.step(running)
            running = self.leave(running, answers)
        return answers

    def admit(self, running: Running | None, waiting: list[int], jobs: Sequence[Job]) -> Running:
        """Lets waiting sources in while the batch has room; only when half of it is free, as joining copies."""
        budget = self.settings.batch_tokens / self.beams
        used = sum(jobs[number].cost for number in running.jobs) if running else 0
        if running and used > budget / 2:
            return running
        new: list[int] = []
        while waiting and ((not new and not running) or used + jobs[waiting[-1]].cost <= budget):
            new.append(waiting.pop())
            used += jobs[new[-1]].cost
        if not new:
            assert running is not None
            return running
        fresh = self.fresh(new, jobs)
        return merge(running, fresh) if running else fresh

    def fresh(self, new: list[int], jobs: Sequence[Job]) -> Running:
        """A batch at its beginning: one live row a source, which the first choice spreads over the beam."""
        count, beams = len(new), self.beams
        limits = [jobs[number].max_length for number in new]
        room = max(limits)
        states = self.begin(new, beams, min(room, FIRST_ROOM))
        device = states[0].lengths.device
        order = torch.full((count, beams), -math.inf, device=device)
        order[:, : beams if self.settings.sample else 1] = 0.0
        tracks = [self.rules.first(limit) for limit in limits]
        return Running(
            states,
            new,
            limits,
            torch.full((count, beams), self.special.begin, device=device),
            torch.zeros(count, beams, room, dtype=torch.long, device=device),
            self.draws([jobs[number].seed for number in new], room).to(device),
            torch.zeros(count, beams, device=device),
            order,
            torch.full((count, 1), beams, device=device),
            [0] * count,
            [[track] * beams if track is not None else [] for track in tracks],
            [[] for _ in new],
        )

    def draws(self, seeds: Sequence[int], room: int) -> Tensor:
        """(N, K, room): (the request's seed, the source's seed, the row) alone decide the draws of a row."""
        if not self.settings.sample:
            return torch.zeros(len(seeds), self.beams, 0, dtype=torch.double)
        drawn = [
            [np.random.default_rng((self.settings.seed, seed, row)).random(room) for row in range(self.beams)]
            for seed in seeds
        ]
        return torch.from_numpy(np.array(drawn))

    def step(self, running: Running) -> None:
        """One token more for every live row."""
        log_probs = self.predict(running)  # (N, K, V)
        for token in self.special.never:
            log_probs[..., token] = -math.inf
        allowed = self.rules.adjust(log_probs, running.history, running.steps)
        self.follow(running, self.choose(log_probs, allowed, running, self.settings))
        self.finish(running)

    def predict(self, running: Running) -> Tensor:
        """Log probabilities of the next token, (N, K, V) in float32; the states move on."""
        tokens, room, most = running.last.reshape(-1, 1), max(running.steps) + 1, max(running.limits)
        made, states = [], []
        for decoder, state in zip(self.decoders, running.states, strict=True):
            outputs, state = decoder(tokens, state.widen(room, most))
            made.append(decoder.logits(outputs[:, -1]).float().log_softmax(-1))
            states.append(state)
        running.states = tuple(states)
        # rounding must not lift a mean above 0: the early stop counts on log probabilities that only fall
        mean = made[0] if len(made) == 1 else (torch.stack(made).logsumexp(0) - math.log(len(made))).clamp_(max=0)
        return mean.unflatten(0, running.last.shape)

    def follow(self, running: Running, choice: Choice) -> None:
        """Moves every row to the hypothesis it was chosen to go on with."""
        count, beams = running.last.shape
        if not self.settings.sample and beams > 1:
            rows = choice.beam + torch.arange(count, device=choice.beam.device).unsqueeze(1) * beams  # (N, K)
            read = max(running.steps) + 1
            running.states = tuple(state.reorder(rows, read) for state in running.states)
            running.history = running.history.flatten(0, 1)[rows]
        places = torch.tensor(running.steps, device=running.last.device).view(-1, 1, 1).expand(-1, beams, 1)
        running.history.scatter_(2, places, choice.token.unsqueeze(-1))
        running.last, running.score, running.order = choice.token, choice.score, choice.order
        running.steps = [steps + 1 for steps in running.steps]
        running.tracks = choice.tracks or running.tracks

    def finish(self, running: Running) -> None:
        """Takes the hypotheses that ended out of their beams, and those that may grow no longer."""
        over = running.last == self.special.end
        full = [limit <= steps for limit, steps in zip(running.limits, running.steps, strict=True)]
        if any(full):
            over = over | torch.tensor(full, device=over.device).unsqueeze(1)
        over = over & (running.order > -math.inf)
        where = over.nonzero()
        if not len(where):
            return
        tokens, scores, orders = (part[over].tolist() for part in (running.history, running.score, running.order))
        for (source, _), said, score, order in zip(where.tolist(), tokens, scores, orders, strict=True):
            length = running.steps[source]
            complete = said[length - 1] == self.special.end
            normalised = order / length**self.settings.length_penalty
            hypothesis = Hypothesis(tuple(said[: length - complete]), score, normalised, complete)
            insort(running.done[source], hypothesis, key=lambda one: (not one.complete, -one.normalised))
        running.order = running.order.masked_fill(over, -math.inf)
        running.growing = running.growing - over.sum(1, keepdim=True)

    def leave(self, running: Running, answers: list[list[Hypothesis]]) -> Running | None:
        """Hands over the sources that are done; the batch is packed when a quarter of it is empty, as that copies."""
        best = running.order.amax(1).tolist()
        stay = [source for source in range(len(running.jobs)) if not self.settled(running, source, best[source])]
        gone = set(range(len(running.jobs))).difference(stay)
        # a source whose room is spent cannot be taken along for another step
        spent = any(running.steps[source] >= running.limits[source] for source in gone)
        if stay and not spent and len(gone) * 4 < len(running.jobs):
            return running
        for source in gone:
            answers[running.jobs[source]] = running.done[source][: self.settings.n_best]
        return pack(running, stay) if stay else None

    def settled(self, running: Running, source: int, best: float) -> bool:
        """Whether nothing that still grows can come among the n best, where `best` is its highest order score.

        Log probabilities and penalties only lower a score, so what stands at s can at best end at
        s / limit ** penalty.
        """
        if best == -math.inf:
            return True
        done, wanted = running.done[source], self.settings.n_best
        if self.settings.sample or len(done) < wanted or not done[wanted - 1].complete:
            return False
        return done[wanted - 1].normalised >= best / running.limits[source] ** self.settings.length_penalty


def merge(one: Running, two: Running) -> Running:
    """Two batches as one."""
    return Running(
        tuple(State.cat(pair) for pair in zip(one.states, two.states, strict=True)),
        one.jobs + two.jobs,
        one.limits + two.limits,
        torch.cat((one.last, two.last)),
        side_by_side(one.history, two.history),
        side_by_side(one.draws, two.draws),
        torch.cat((one.score, two.score)),
        torch.cat((one.order, two.order)),
        torch.cat((one.growing, two.growing)),
        one.steps + two.steps,
        one.tracks + two.tracks,
        one.done + two.done,
    )


def side_by_side(one: Tensor, two: Tensor) -> Tensor:
    """(N, K, room) and (N', K, room') -> (N + N', K, the larger room)."""
    return join((one.flatten(0, 1), two.flatten(0, 1))).unflatten(0, (-1, one.size(1)))


def pack(running: Running, stay: list[int]) -> Running:
    """The batch with only the sources that stay."""
    if len(stay) == len(running.jobs):
        return running
    sources = torch.tensor(stay, device=running.last.device)
    beams = running.last.size(1)
    rows = sources.unsqueeze(1) * beams + torch.arange(beams, device=sources.device)

    def some(values: list) -> list:
        return [values[source] for source in stay]

    return Running(
        tuple(state.select(rows, sources) for state in running.states),
        some(running.jobs),
        some(running.limits),
        running.last[sources],
        running.history[sources],
        running.draws[sources],
        running.score[sources],
        running.order[sources],
        running.growing[sources],
        some(running.steps),
        some(running.tracks),
        some(running.done),
    )
