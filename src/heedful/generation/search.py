"""One search for every decoder: greedy, beam and sampling are one loop that differs in how it chooses.

The search knows nothing of networks but the decoder protocol. Finished sources leave the running batch and waiting
ones join it; what a source gets never depends on its neighbours.

Unless it is told otherwise the beam shrinks: a source keeps `beam` hypotheses, finished or not (finishing.py).
Beam 1 is greedy search exactly.

N sources in the batch   K beams   R = N * K rows   T positions   V vocabulary
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from heedful.blocks.state import State
from heedful.generation.choose import Choice, Chooser, beams, candidates, samples
from heedful.generation.finishing import Finishing
from heedful.generation.rules import Rules, Special
from heedful.generation.running import Hypothesis, Running, merge, pack
from heedful.generation.steer import Steered
from heedful.networks.decoders import Decoder
from heedful.schema import GenerateSettings

FIRST_ROOM = 16  # positions for which a batch has buffers when it begins


@dataclass(frozen=True)
class Job:
    """One source to be answered. `cost` is its size in the batch (its positions).

    `begin` reads a source and, of an answer that has begun, `read` tokens; `last` is then the next one, in place of
    the one that every answer begins with.
    """

    cost: int
    max_length: int
    seed: int = 0
    read: int = 0
    last: int | None = None


Begin = Callable[[Sequence[int], int, int], tuple[State, ...]]
"""(job numbers, beams, room) -> one state a decoder, the sources read."""


class Search:
    """Answers jobs by one or several decoders (an ensemble: the mean of their probabilities, step by step).

    `decoders` share a vocabulary. `begin` reads the sources of some jobs. Where the settings have guidance, the second
    half of the decoders and of their states has read nothing; answers are led away from what these would say.
    """

    def __init__(
        self, decoders: Sequence[Decoder], begin: Begin, special: Special, settings: GenerateSettings, rules: Rules
    ) -> None:
        self.decoders, self.begin, self.special, self.settings, self.rules = decoders, begin, special, settings, rules
        self.beams = settings.n_best if settings.sample else max(settings.beam, settings.n_best)
        self.finishing = Finishing(settings, rules, special.end, self.beams)
        self.choose: Chooser = samples if settings.sample else candidates if self.finishing.freed else beams
        if rules.constraints is not None:
            steered = Steered(rules.constraints, special.end)
            self.choose = steered.samples if settings.sample else steered.beams

    @torch.inference_mode()
    def run(self, jobs: Sequence[Job], watch: Callable[[Tensor], object] | None = None) -> list[list[Hypothesis]]:
        """The n-best answers of each job, best first, in the order of the jobs. `watch` is shown, after each step, the
        tokens so far (N, K, T) of the sources that are being answered.

        Raises HeedfulError, before anything is read, if the rules leave no answer of a job's `max_length`.
        """
        for longest in {job.max_length for job in jobs}:
            self.rules.first(longest)
        self.before = [job.read for job in jobs]
        waiting = sorted(range(len(jobs)), key=lambda number: jobs[number].cost)  # longest is popped first
        answers: list[list[Hypothesis]] = [[] for _ in jobs]
        running: Running | None = None
        while waiting or running:
            running = self.admit(running, waiting, jobs)
            self.step(running)
            if watch:
                watch(running.history[..., : max(running.steps)])
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
        lasts = [self.special.begin if (last := jobs[number].last) is None else last for number in new]
        return Running(
            states,
            new,
            limits,
            torch.tensor(lasts, device=device).unsqueeze(1).expand(-1, beams),
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
        log_probs, led = self.predict(running)  # both (N, K, V)
        for token in self.special.never:
            log_probs[..., token] = led[..., token] = -math.inf
        allowed = self.rules.adjust(led, running.history, running.steps)
        for one in (log_probs, allowed):
            self.finishing.close(one, running)
        choice = self.choose(log_probs, allowed, running, self.settings)
        if self.finishing.freed:
            self.follow(running, self.finishing.release(running, choice))
        else:
            self.follow(running, choice)
            self.finishing.take(running)

    def predict(self, running: Running) -> tuple[Tensor, Tensor]:
        """Log probabilities of the next token (N, K, V) in float32, and the same under guidance; the states move on."""
        tokens, room, most = running.last.reshape(-1, 1), self.read(running) + 1, self.read(running, running.limits)
        made, states = [], []
        for decoder, state in zip(self.decoders, running.states, strict=True):
            outputs, state = decoder(tokens, state.widen(room, most))
            made.append(decoder.logits(outputs[:, -1]).float().log_softmax(-1))
            states.append(state)
        running.states = tuple(states)
        half = len(made) if self.settings.guidance == 1 else len(made) // 2
        own = led = together(made[:half]).unflatten(0, running.last.shape)
        if half < len(made):
            blank = together(made[half:]).unflatten(0, running.last.shape)
            led = (blank + self.settings.guidance * (own - blank)).log_softmax(-1)
        return own, led

    def read(self, running: Running, steps: Sequence[int] | None = None) -> int:
        """The positions that the furthest row has read, or will have read after so many steps of each source."""
        return max(self.before[job] + step for job, step in zip(running.jobs, steps or running.steps, strict=True))

    def follow(self, running: Running, choice: Choice) -> None:
        """Moves every row to the hypothesis it was chosen to go on with."""
        count, beams = running.last.shape
        if not self.settings.sample and beams > 1:
            rows = choice.beam + torch.arange(count, device=choice.beam.device).unsqueeze(1) * beams  # (N, K)
            read = self.read(running) + 1
            running.states = tuple(state.reorder(rows, read) for state in running.states)
            running.history = running.history.flatten(0, 1)[rows]
        places = torch.tensor(running.steps, device=running.last.device).view(-1, 1, 1).expand(-1, beams, 1)
        running.history.scatter_(2, places, choice.token.unsqueeze(-1))
        running.last, running.score, running.order = choice.token, choice.score, choice.order
        running.steps = [steps + 1 for steps in running.steps]
        running.tracks = choice.tracks or running.tracks

    def leave(self, running: Running, answers: list[list[Hypothesis]]) -> Running | None:
        """Hands over the sources that are done; the batch is packed when a quarter of it is empty, as that copies."""
        best = running.order.amax(1).tolist()
        stay = [source for source, top in enumerate(best) if not self.finishing.settled(running, source, top)]
        gone = set(range(len(running.jobs))).difference(stay)
        # a source whose room is spent cannot be taken along for another step
        spent = any(running.steps[source] >= running.limits[source] for source in gone)
        if stay and not spent and len(gone) * 4 < len(running.jobs):
            running.order[list(gone)] = -math.inf  # what still stands in the batch grows no more
            return running
        for source in gone:
            answers[running.jobs[source]] = running.done[source][: self.settings.n_best]
        return pack(running, stay) if stay else None


def together(log_probs: Sequence[Tensor]) -> Tensor:
    """The mean of probabilities, as logarithms."""
    if len(log_probs) == 1:
        return log_probs[0]
    # rounding must not lift a mean above 0: the early stop counts on log probabilities that only fall
    return (torch.stack(tuple(log_probs)).logsumexp(0) - math.log(len(log_probs))).clamp_(max=0)
