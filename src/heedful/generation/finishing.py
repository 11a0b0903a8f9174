"""When a hypothesis is finished, what becomes of its place in the beam, and when nothing better can be found.

Where places are kept, the beam shrinks. Where they are freed, `beam` hypotheses grow until the source is done, and
what was cut off stands beside what ended, as in the library of Wolf et al. 2020.

N sources   K beams   T tokens so far
"""

import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from heedful.generation.choose import Choice
from heedful.generation.rules import Rules
from heedful.generation.running import Hypothesis, Running
from heedful.schema import GenerateSettings


class Finishing:
    """Takes what is finished out of a running batch of `beams` a source, whose answers end with the token `end`."""

    def __init__(self, settings: GenerateSettings, rules: Rules, end: int, beams: int) -> None:
        self.settings, self.rules, self.end, self.beams = settings, rules, end, beams
        kept = settings.sample or beams == 1 or rules.constraints is not None
        self.way = "shrink" if kept else settings.finish

    @property
    def freed(self) -> bool:
        """Whether a finished hypothesis makes room for another."""
        return self.way != "shrink"

    def close(self, log_probs: Tensor, running: Running) -> None:
        """Where an answer must be closed, nothing but the end may be its last token (N, K, V), and it costs nothing."""
        if not self.rules.close:
            return
        for source, (limit, steps) in enumerate(zip(running.limits, running.steps, strict=True)):
            if steps + 1 >= limit:
                log_probs[source] = -math.inf
                log_probs[source, :, self.end] = 0.0

    def release(self, running: Running, choice: Choice) -> Choice:
        """Of candidates, best first, those that go on. What ends is taken if no more than the beam holds stand before.

        The batch has not moved yet: its rows are those that the candidates go on from.
        """
        width, said = running.order.size(1), None
        if self.rules.stops:
            sources = torch.arange(len(choice.beam), device=choice.beam.device).unsqueeze(1)
            said = torch.cat((running.history[sources, choice.beam], choice.token.unsqueeze(-1)), -1)
        over = self.over(choice.token, [steps + 1 for steps in running.steps], running.limits, said)
        best = over[:, :width] & (choice.order[:, :width] > -math.inf)
        for source, place in best.nonzero().tolist():
            steps = running.steps[source]
            before = running.history[source, choice.beam[source, place], :steps].tolist()
            score, order = choice.score[source, place].item(), choice.order[source, place].item()
            self.enter(running, source, [*before, int(choice.token[source, place])], score, order)
        order, place = choice.order.masked_fill(over, -math.inf).topk(width, dim=1)
        beam, token, score = (part.gather(1, place) for part in (choice.beam, choice.token, choice.score))
        return replace(choice, beam=beam, token=token, score=score, order=order)

    def take(self, running: Running) -> None:
        """Takes the hypotheses that have ended out of their beams, and those that may grow no longer."""
        over = self.over(running.last, running.steps, running.limits, running.history if self.rules.stops else None)
        over = over & (running.order > -math.inf)
        where = over.nonzero()
        if not len(where):
            return
        tokens, scores, orders = (part[over].tolist() for part in (running.history, running.score, running.order))
        for (source, _), said, score, order in zip(where.tolist(), tokens, scores, orders, strict=True):
            self.enter(running, source, said[: running.steps[source]], score, order)
        running.order = running.order.masked_fill(over, -math.inf)
        running.growing = running.growing - over.sum(1, keepdim=True)

    def over(self, last: Tensor, steps: Sequence[int], limits: Sequence[int], said: Tensor | None) -> Tensor:
        """Which hypotheses are finished, by their newest tokens and, where there are stops, by all that they said."""
        over = last == self.end
        full = [limit <= step for limit, step in zip(limits, steps, strict=True)]
        if any(full):
            over = over | torch.tensor(full, device=over.device).unsqueeze(1)
        if said is None:
            return over
        stopped = [
            [self.rules.stopped(row[:step]) for row in rows] for rows, step in zip(said.tolist(), steps, strict=True)
        ]
        return over | torch.tensor(stopped, device=over.device)

    def enter(self, running: Running, source: int, said: Sequence[int], score: float, order: float) -> None:
        """Writes down what is finished, `said` with its end."""
        length, done = len(said), running.done[source]
        ended = said[-1] == self.end
        closed = self.rules.close and length >= running.limits[source]
        complete = (ended and not closed) or self.rules.stopped(said)
        normalised = order / length**self.settings.length_penalty
        hypothesis = Hypothesis(tuple(said[: length - ended]), score, normalised, complete)
        insort(done, hypothesis, key=lambda one: (not self.freed and not one.complete, -one.normalised))
        if self.freed:
            del done[self.beams :]

    def settled(self, running: Running, source: int, best: float) -> bool:
        """Whether nothing that still grows can come among the n best, where `best` is its highest order score.

        Orders only fall, so what stands at s can at best end at s / limit ** penalty. `likely` compares all that are
        finished with s / length ** penalty, as if it ended now; `full` compares nothing.
        """
        if best == -math.inf:
            return True
        done = running.done[source]
        wanted = self.beams if self.way in ("likely", "full") else self.settings.n_best
        if self.settings.sample or len(done) < wanted or not done[wanted - 1].complete:
            return False
        length = running.steps[source] if self.way == "likely" else running.limits[source]
        return self.way == "full" or done[wanted - 1].normalised >= best / length**self.settings.length_penalty
