"""When a hypothesis is finished, what becomes of its slot in the beam, and when nothing better can be found.

Where slots are kept, the beam shrinks. Where they are freed, `beam` hypotheses grow until the source is done, and
what was cut off stands beside what ended, as in the library of Wolf et al. 2020.

N sources   K beams   T tokens so far   C tokens among which a row can go on
"""

from bisect import insort
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from heedful.generation.batch import Hypothesis, SearchBatch
from heedful.generation.choose import Choice, Continuations, highest
from heedful.generation.rules import Rules
from heedful.generation.stepper import Bools, Ints
from heedful.schema import GenerateSettings


class Stopping:
    """Takes what is finished out of a batch of `beams` a source, whose answers end with the token `end`."""

    def __init__(self, settings: GenerateSettings, rules: Rules, end: int, beams: int) -> None:
        self.settings, self.rules, self.end, self.beams = settings, rules, end, beams
        shrinks = settings.sample or beams == 1 or rules.constraints is not None
        self.finish = "shrink" if shrinks else settings.finish

    @property
    def frees_slots(self) -> bool:
        """Whether a finished hypothesis frees its slot for another."""
        return self.finish != "shrink"

    def close(self, continuations: Continuations, batch: SearchBatch) -> Continuations:
        """Where an answer must be closed, nothing but the end may be its last token, and it costs nothing."""
        if not self.rules.close:
            return continuations
        closing = batch.steps + 1 >= batch.limits
        if not closing.any():
            return continuations
        tokens, index = continuations.tokens, self.end
        if tokens is not None:
            tokens, index = tokens.copy(), 0
            tokens[closing, :, index] = self.end
        unguided, allowed = continuations.unguided.copy(), continuations.allowed.copy()
        for log_probs in (unguided, allowed):
            log_probs[closing] = -np.inf
            log_probs[closing, :, index] = 0.0
        return Continuations(tokens, unguided, allowed)

    def release(self, batch: SearchBatch, choice: Choice) -> Choice:
        """Of candidates, best first, those that go on. What ends is taken if no more than the beam holds stand before.

        The batch has not moved yet: its rows are those that the candidates go on from.
        """
        sources, width, tokens = np.arange(len(batch))[:, None], batch.last.shape[1], None
        if self.rules.stops:
            tokens = batch.history[sources, choice.beam]
            tokens[sources, np.arange(tokens.shape[1]), batch.steps[:, None]] = choice.token
        over = self.over(choice.token, batch.steps + 1, batch.limits, tokens)
        if not over.any():
            return choice.select((slice(None), slice(width)))
        for source, index in np.argwhere(over[:, :width] & (choice.ranking_score[:, :width] > -np.inf)).tolist():
            before = batch.history[source, choice.beam[source, index], : batch.steps[source]].tolist()
            score, ranking_score = float(choice.score[source, index]), float(choice.ranking_score[source, index])
            self.enter(batch, source, [*before, int(choice.token[source, index])], score, ranking_score)
        growing = replace(choice, ranking_score=np.where(over, -np.inf, choice.ranking_score))
        return growing.select((sources, highest(growing.ranking_score, width)))

    def take(self, batch: SearchBatch) -> None:
        """Takes the hypotheses that have ended out of their beams, and those that may grow no longer."""
        over = self.over(batch.last, batch.steps, batch.limits, batch.history if self.rules.stops else None)
        over &= batch.ranking_score > -np.inf
        if not over.any():
            return
        for source, beam in np.argwhere(over).tolist():
            tokens = batch.history[source, beam, : batch.steps[source]].tolist()
            score, ranking_score = float(batch.score[source, beam]), float(batch.ranking_score[source, beam])
            self.enter(batch, source, tokens, score, ranking_score)
        batch.ranking_score[over] = -np.inf
        batch.growing = batch.growing - over.sum(1)

    def over(self, last: Ints, steps: Ints, limits: Ints, tokens: Ints | None) -> Bools:
        """Which hypotheses are finished, by their newest tokens and, where there are stops, by all their `tokens`."""
        over = (last == self.end) | (limits <= steps)[:, None]
        if tokens is None:
            return over
        has_stop = [
            [self.rules.has_stop(row[:step]) for row in rows]
            for rows, step in zip(tokens.tolist(), steps.tolist(), strict=True)
        ]
        return over | np.array(has_stop)

    def enter(self, batch: SearchBatch, source: int, tokens: Sequence[int], score: float, ranking_score: float) -> None:
        """Writes down what is finished, `tokens` with its end."""
        length, finished = len(tokens), batch.finished[source]
        ended, complete = tokens[-1] == self.end, self.completes(tokens, int(batch.limits[source]))
        normalised = ranking_score / length**self.settings.length_penalty
        hypothesis = Hypothesis(tuple(tokens[: length - ended]), score, normalised, complete)
        insort(finished, hypothesis, key=self.rank)
        if self.frees_slots:
            del finished[self.beams :]

    def completes(self, tokens: Sequence[int], limit: int) -> bool:
        """Whether a finished hypothesis ended of itself, rather than at the longest answer."""
        closed = self.rules.close and len(tokens) >= limit
        return (tokens[-1] == self.end and not closed) or self.rules.has_stop(tokens)

    def rank(self, hypothesis: Hypothesis) -> tuple[bool, float]:
        """What orders finished hypotheses, the best lowest."""
        return not self.frees_slots and not hypothesis.complete, -hypothesis.normalised

    def is_settled(self, batch: SearchBatch, source: int, best: float) -> bool:
        """Whether nothing that still grows can come among the n best, where `best` is its highest ranking score.

        Ranking scores only fall, so what stands at s can at best end at s / limit ** penalty. `likely` compares all
        that are finished with s / length ** penalty, as if it ended now; `full` compares nothing.
        """
        if best == -np.inf:
            return True
        finished = batch.finished[source]
        count = self.beams if self.finish in ("likely", "full") else self.settings.n_best
        if self.settings.sample or len(finished) < count or not finished[count - 1].complete:
            return False
        length = int((batch.steps if self.finish == "likely" else batch.limits)[source])
        return self.finish == "full" or finished[count - 1].normalised >= best / length**self.settings.length_penalty
