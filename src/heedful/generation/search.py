"""One search for every decoder: greedy, beam and sampling are one loop that differs in how it chooses.

The search knows nothing of networks but the decoder protocol. Finished sources leave the running batch and waiting
ones join it; what a source gets never depends on its neighbours.

The beam shrinks: a source keeps `beam` hypotheses, finished or not, so beam 1 is greedy search exactly.

N sources in the batch   K beams   R = N * K rows   T positions   V vocabulary
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from heedful.blocks.state import State
from heedful.generation.choose import Choice, Chooser, beams, samples
from heedful.generation.rules import Rules
from heedful.networks.decoders import Decoder
from heedful.recipe import Generate


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


@dataclass(frozen=True)
class Special:
    """Token ids that the search must know. `never` are not chosen: padding, the beginning, the unknown."""

    begin: int
    end: int
    never: tuple[int, ...] = ()


Begin = Callable[[Sequence[int], int, int], tuple[State, ...]]
"""(job numbers, beams, room) -> one state a decoder, the sources read."""


@dataclass
class Running:
    """The batch as it stands. Dead rows have order -inf."""

    states: tuple[State, ...]
    jobs: list[int]  # N numbers of jobs
    last: Tensor  # (N, K) newest token
    history: Tensor  # (N, K, room) tokens so far
    score: Tensor  # (N, K) log probability under the unmodified network
    order: Tensor  # (N, K) the same with penalties, by which the beam chooses
    steps: list[int]  # N tokens so far
    live: list[int]  # N hypotheses still growing
    done: list[list[Hypothesis]] = field(default_factory=list)  # N lists


class Search:
    """Answers jobs by one or several decoders (an ensemble: the mean of their probabilities, step by step).

    `decoders` share a vocabulary. `begin` reads the sources of some jobs.
    """

    def __init__(self, decoders: Sequence[Decoder], begin: Begin, special: Special, settings: Generate, rules: Rules) -> None:
        self.decoders, self.begin, self.special, self.settings, self.rules = decoders, begin, special, settings, rules
        self.beams = settings.n_best if settings.sample else max(settings.beam, settings.n_best)
        self.choose: Chooser = samples if settings.sample else beams

    @torch.inference_mode()
    def run(self, jobs: Sequence[Job]) -> list[list[Hypothesis]]:
        """The n-best answers of each job, best first, in the order of the jobs."""
        waiting = sorted(range(len(jobs)), key=lambda number: jobs[number].cost)  # longest is popped first
        answers: list[list[Hypothesis]] = [[] for _ in jobs]
        running: Running | None = None
        while waiting or running:
            running = self.admit(running, waiting, jobs)
            self.step(running, jobs)
            running = self.leave(running, jobs, answers, bool(waiting))
        return answers

    def admit(self, running: Running | None, waiting: list[int], jobs: Sequence[Job]) -> Running:
        """Lets waiting sources in while the batch has room for them; only when half of it is free, as joining copies."""
        budget = self.settings.batch_tokens / self.beams
        used = sum(jobs[number].cost for number in running.jobs) if running else 0
        if running and used > budget / 2:
            return running
        new: list[int] = []
        while waiting and (not new and not running or used + jobs[waiting[-1]].cost <= budget):
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
        room = max(jobs[number].max_length for number in new)
        states = self.begin(new, beams, room)
        device = states[0].lengths.device
        order = torch.full((count, beams), -math.inf, device=device)
        order[:, : beams if self.settings.sample else 1] = 0.0
        return Running(
            states,
            new,
            torch.full((count, beams), self.special.begin, device=device),
            torch.zeros(count, beams, room, dtype=torch.long, device=device),
            torch.zeros(count, beams, device=device),
            order,
            [0] * count,
            [beams] * count,
            [[] for _ in new],
        )

    def step(self, running: Running, jobs: Sequence[Job]) -> None:
        """One token more for every live row."""
        log_probs = self.predict(running)  # (N, K, V)
        allowed = log_probs.clone()
        allowed[..., list(self.special.never)] = -math.inf
        allowed = self.rules.adjust(allowed, running.history, running.steps, self.special.end)
        numbers = running.jobs
        choice = self.choose(log_probs, allowed, running, [jobs[number].seed for number in numbers], self.settings)
        self.follow(running, choice)
        self.finish(running, jobs)

    def predict(self, running: Running) -> Tensor:
        """Log probabilities of the next token, (N, K, V) in float32; the states move on."""
        tokens = running.last.reshape(-1, 1)
        made, states = [], []
        for decoder, state in zip(self.decoders, running.states, strict=True):
            outputs, state = decoder(tokens, state)
            made.append(decoder.logits(outputs[:, -1]).float().log_softmax(-1))
            states.append(state)
        running.states = tuple(states)
        mean = made[0] if len(made) == 1 else torch.stack(made).logsumexp(0) - math.log(len(made))
        return mean.unflatten(0, running.last.shape)

    def follow(self, running: Running, choice: Choice) -> None:
        """Moves every row to the hypothesis it was chosen to go on with."""
        count, beams = running.last.shape
        rows = choice.beam + torch.arange(count, device=choice.beam.device).unsqueeze(1) * beams  # (N, K)
        if not self.settings.sample and beams > 1:
            running.states = tuple(state.select(rows) for state in running.states)
            running.history = running.history.flatten(0, 1)[rows]
        places = torch.tensor(running.steps, device=rows.device).view(-1, 1, 1).expand(-1, beams, 1)
        running.history = running.history.scatter(2, places, choice.token.unsqueeze(-1))
        running.last, running.score, running.order = choice.token, choice.score, choice.order
        running.steps = [steps + 1 for steps in running.steps]

    def finish(self, running: Running, jobs: Sequence[Job]) -> None:
        """Takes the hypotheses that ended out of their beams, and those that may grow no longer."""
        ended = running.last == self.special.end
        alive = running.order > -math.inf
        full = torch.tensor([jobs[n].max_length <= s for n, s in zip(running.jobs, running.steps, strict=True)])
        over = alive & (ended | full.to(alive.device).unsqueeze(1))
        for source, beam in over.nonzero().tolist():
            complete = bool(ended[source, beam])
            length = running.steps[source]
            tokens = running.history[source, beam, : length - complete].tolist()
            order = running.order[source, beam].item()
            normalised = order / length**self.settings.length_penalty
            score = running.score[source, beam].item()
            running.done[source].append(Hypothesis(tuple(tokens), score, normalised, complete))
            running.live[source] -= 1
        running.order = running.order.masked_fill(over, -math.inf)

    def leave(self, running: Running, jobs: Sequence[Job], answers: list[list[Hypothesis]], more: bool) -> Running | None:
        """Hands over the sources that are done; the batch is packed when a quarter of it is empty, as that copies."""
        best = running.order.amax(1).tolist()
        stay = [s for s in range(len(running.jobs)) if not self.settled(running, s, best[s], jobs)]
        gone = len(running.jobs) - len(stay)
        if stay and gone * 4 < len(running.jobs):
            return running
        for source in set(range(len(running.jobs))) - set(stay):
            ranked = sorted(running.done[source], key=lambda h: (not h.complete, -h.normalised))
            answers[running.jobs[source]] = ranked[: self.settings.n_best]
        return pack(running, stay) if stay else None

    def settled(self, running: Running, source: int, best: float, jobs: Sequence[Job]) -> bool:
        """Whether nothing that still grows can come among the n best.

        Log probabilities only fall, so a hypothesis of order score s can at best end at s / max_length ** penalty.
        """
        if running.live[source] <= 0 or best == -math.inf:
            return True
        complete = sorted((h.normalised for h in running.done[source] if h.complete), reverse=True)
        if self.settings.sample or len(complete) < self.settings.n_best:
            return False
        bound = best / jobs[running.jobs[source]].max_length ** self.settings.length_penalty
        return complete[self.settings.n_best - 1] >= bound


def merge(one: Running, two: Running) -> Running:
    """Two batches as one."""
    room = max(one.history.size(2), two.history.size(2))

    def wide(history: Tensor) -> Tensor:
        return torch.nn.functional.pad(history, (0, room - history.size(2)))

    return Running(
        tuple(State.cat(pair) for pair in zip(one.states, two.states, strict=True)),
        one.jobs + two.jobs,
        torch.cat((one.last, two.last)),
        torch.cat((wide(one.history), wide(two.history))),
        torch.cat((one.score, two.score)),
        torch.cat((one.order, two.order)),
        one.steps + two.steps,
        one.live + two.live,
        one.done + two.done,
    )


def pack(running: Running, stay: list[int]) -> Running:
    """The batch with only the sources that stay."""
    if len(stay) == len(running.jobs):
        return running
    sources = torch.tensor(stay, device=running.last.device)
    beams = running.last.size(1)
    rows = sources.unsqueeze(1) * beams + torch.arange(beams, device=sources.device)
    return Running(
        tuple(state.select(rows, sources) for state in running.states),
        [running.jobs[s] for s in stay],
        running.last[sources],
        running.history[sources],
        running.score[sources],
        running.order[sources],
        *([values[s] for s in stay] for values in (running.steps, running.live, running.done)),
    )
