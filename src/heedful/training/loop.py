"""One loop for every task. It gets data, loss and score as functions, and knows neither task nor network."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from heedful.blocks.host import held_on_host
from heedful.data.batch import Batch
from heedful.data.batching import Rows
from heedful.data.checksums import hash_file
from heedful.data.folders import WEIGHTS, write_file
from heedful.data.readers.rows import count
from heedful.errors import HeedfulError
from heedful.metrics.measures import describe
from heedful.results import Progress
from heedful.schema import TrainSettings
from heedful.training import memory
from heedful.training.checkpoint import (
    Checkpoint,
    are_finite,
    newest_checkpoint,
    put_weights,
    save,
    weights_of,
    write_tensors,
)
from heedful.training.decide import validation_due
from heedful.training.loader import load
from heedful.training.log import Log
from heedful.training.machine import WaitingForCores, set_up_gpu
from heedful.training.optimizer import (
    Average,
    factor,
    move,
    optimizers,
    put_state,
    scale_gradients,
    set_rate,
    state_of,
)
from heedful.training.pace import Pace
from heedful.training.progress import Listener
from heedful.training.signals import Stopped, stop_signals
from heedful.training.unread import EVERY, Unread
from heedful.training.work import Before, Outcome, Position, Work

BEST = "best"  # the tensors of WEIGHTS in a checkpoint
ROOM = "Make room, and give the same command again: it goes on from the last checkpoint."
SAVE_EVERY = 120.0  # seconds between two checkpoints, beside those at each validation


class Loop:
    """Trains `work` in `folder` as the recipe's `train` section says, from its newest whole checkpoint if any."""

    def __init__(self, work: Work, train: TrainSettings, seed: int, folder: Path, listener: Listener) -> None:
        self.work, self.train, self.seed, self.folder, self.listener = work, train, seed, folder, listener
        self.device = torch.device(train.device)
        set_up_gpu()
        self.network = work.network.to(self.device)
        self.optimizers = optimizers(self.network, train)
        self.average = Average(self.network, float(train.average)) if train.average else None
        self.record = Log(folder, train.track)
        self.pace = Pace(WaitingForCores(), "train.threads" if self.device.type == "cpu" else "")
        self.position = Position()
        self.plans: dict[int, list[Rows]] = {}
        self.best_weights: dict[str, Tensor] = {}
        self.unread = Unread[Before](1 if self.device.type == "cpu" else EVERY)
        self.window: list[tuple[int, float]] = []  # tokens and seconds of the steps since the last report
        self.loss = 0.0  # of these steps, as far as it was read
        self.tokens = 0
        self.unsaved_best, self.saved_step, self.failure = False, 0, ""
        self.restore()
        self.began, self.loading = self.position.seconds, 0.0  # of which batches were waited for since then

    def run(self) -> Outcome:
        """Trains until the budget is spent, patience ends, or a signal asks to stop (saved, and raises Stopped)."""
        memory.keep_freed()
        memory.reset_peak(self.device)
        self.last_save = time.monotonic()
        with stop_signals() as requests:
            batches = self.batches()
            while not self.position.finished and not requests.stop:
                self.step(batches)
                self.position.finished = self.fraction_done() >= 1
                to_save, requests.save = requests.save, False  # once: a signal may come between two looks
                if self.position.finished or self.validation_due():
                    self.validate()
                elif to_save or time.monotonic() - self.last_save > SAVE_EVERY:
                    self.save()
                if to_save:
                    self.listener.note(self.where_saved())
            if requests.stop:
                self.save()
        if requests.stop:  # at the last step too: what follows, another part or the scores, may take long
            self.listener.end(f"{self.where_saved()}. The same command goes on from here.")
            raise Stopped(requests.stop, saved=True)
        try:
            self.save_best()
        except OSError as error:
            raise HeedfulError(f"{self.folder / WEIGHTS} cannot be written: {error.strerror}.", ROOM) from None
        steps = count(self.position.step, "step")
        loading = 100 * self.loading / max(self.position.seconds - self.began, 1e-9)
        waited = f"waited for batches {loading:.1f} % of the time"
        self.listener.end(f"{steps}, {self.best_in_words()} at step {self.position.best_step:,}; {waited}")
        speed = self.tokens / max(self.position.seconds, 1e-9)
        return Outcome(self.position, speed, memory.peak(self.device), self.work.scored)

    def best_in_words(self) -> str:
        """The best score so far, in its unit."""
        facts, best = describe(self.work.primary), self.position.best
        unit = f" {facts.unit}".rstrip()
        return f"best {facts.title} {'–' if best is None else f'{best:.{max(2, facts.digits)}f}{unit}'}"

    def step(self, batches: Iterator[tuple[Rows, Batch]]) -> None:
        """One step of the optimizer over `accumulate` batches."""
        start = time.perf_counter()
        rate = float(self.train.learning_rate) * factor(self.train, self.fraction_done(), self.position.step)
        set_rate(self.optimizers, rate)
        step_batches = [next(batches) for _ in range(self.train.accumulate)]
        self.loading += time.perf_counter() - start
        losses, count = self.gradients([batch for _, batch in step_batches])
        scale_gradients(self.network.parameters(), 1 / max(1, count))
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.train.clip or math.inf)
        before = Before(replace(self.position), self.tokens, [rows for rows, _ in step_batches])
        self.unread.add(before, losses, norm)
        if (self.position.step + 1) % self.unread.every == 0:
            self.read()
        move(self.optimizers, self.unread.stop)
        self.network.zero_grad()
        self.position.step += 1
        if self.average:
            self.average.update(self.network, self.position.step, self.unread.stop)
        seconds = time.perf_counter() - start
        self.position.seconds += seconds
        self.tokens += count
        self.report(count, seconds, rate)

    def read(self) -> None:
        """Reads what the steps that are not read yet came to; raises HeedfulError for the first that was not finite."""
        for step in self.unread.read():
            if not (math.isfinite(step.loss) and math.isfinite(step.norm)):
                self.position, self.tokens = step.before.position, step.before.tokens
                self.refuse(step.loss, step.norm, step.before.rows)
            self.loss += step.loss

    def catch_up(self) -> None:
        """The same between two steps; to wait for the device counts as training."""
        if self.unread.steps:
            start = time.perf_counter()
            self.read()
            self.position.seconds += time.perf_counter() - start

    def gradients(self, batches: Sequence[Batch]) -> tuple[list[Tensor], int]:
        """The losses of a step's batches and their tokens; the weights hold the gradients of the sum.

        When the memory of a GPU runs out, the step begins anew, with batches cut into twice as many parts from now on:
        its gradients are those of the whole batches, but for rounding. Raises HeedfulError if one example is too large.
        """
        self.network.train()
        while True:
            # dropout is a function of seed and step, so a resumed run draws what an uninterrupted one draws
            torch.manual_seed(int(np.random.default_rng((self.seed, self.position.step)).integers(2**62)))
            with suppress(torch.cuda.OutOfMemoryError):
                return self.add_gradients(batches)
            # here the error is gone, and with it what it held of the memory
            self.network.zero_grad()
            self.halve_parts(batches)

    def add_gradients(self, batches: Sequence[Batch]) -> tuple[list[Tensor], int]:
        """As `gradients`, once, in as many parts as batches are cut into now."""
        losses, tokens = list[Tensor](), 0
        for part in (part for batch in batches for part in batch.split(self.position.parts)):
            there = part.to(self.device)
            with held_on_host(there.twins(part)):
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.train.precision == "bfloat16"):
                    loss, count = self.work.loss(self.network, there)
                loss.backward()
            losses.append(loss.detach())
            tokens += count
        return losses, tokens

    def halve_parts(self, batches: Sequence[Batch]) -> None:
        """Has batches cut into twice as many parts; raises HeedfulError if each is an example already."""
        if self.position.parts >= max(map(len, batches)):
            several = any(batch.pairwise for batch in batches)
            cure = "Set data.max_tokens, or lower train.batch_tokens." if several else "Set data.max_tokens."
            raise HeedfulError("A single example does not fit into memory.", cure)
        self.position.parts *= 2
        self.listener.note(
            f"out of memory: batches are split into {self.position.parts} parts from step {self.position.step:,}"
        )

    def batches(self) -> Iterator[tuple[Rows, Batch]]:
        """Batches from where training stands, epoch after epoch; the order is a function of seed and epoch alone."""
        while True:
            plan = self.plan(self.position.epoch)[self.position.batch :]
            for rows, batch in zip(plan, load(plan, self.work.collate, self.train.workers), strict=True):
                self.position.batch += 1
                yield rows, batch
            self.position.epoch, self.position.batch = self.position.epoch + 1, 0

    def plan(self, epoch: int) -> list[Rows]:
        """The batches of an epoch; only the current one's are kept."""
        if epoch not in self.plans:
            self.plans = {epoch: self.work.plan(epoch)}
        return self.plans[epoch]

    def fraction_done(self) -> float:
        """The share of the budget that is spent."""
        if self.train.minutes is not None:
            return self.position.seconds / (self.train.minutes * 60)
        if self.train.steps is not None:
            return self.position.step / self.train.steps
        assert self.train.epochs is not None
        return (self.position.epoch + self.position.batch / len(self.plan(self.position.epoch))) / self.train.epochs

    def validation_due(self) -> bool:
        position, done = self.position, self.fraction_done()
        cost = position.validating / max(position.seconds, 1e-9)
        return validation_due(self.train, position.step, done, position.validated, cost)

    def validate(self) -> None:
        """Scores generated output, keeps the best weights, saves."""
        self.catch_up()
        start = time.perf_counter()
        self.network.eval()
        if self.average:
            self.average.swap(self.network)
        values = self.work.score()
        self.position.validating += time.perf_counter() - start
        score = values[self.work.primary]
        best, sign = self.position.best, 1 if describe(self.work.primary).higher_is_better else -1
        gain = math.inf if best is None else (score - best) * sign
        self.position.validated += 1
        self.position.stale = 0 if gain > 0 else self.position.stale + 1
        if gain >= 0:  # of equals the later one, which has learnt more than a small validation split can tell
            self.position.best, self.position.best_step = score, self.position.step
            weights = weights_of(self.network)
            self.refuse_diverged(weights)
            self.best_weights, self.unsaved_best = weights, True
        if watch := self.work.watch:
            self.attempt("what was seen", lambda: watch(self.position))
        if self.average:
            self.average.swap(self.network)
        self.log("valid", values)
        if 0 < self.train.patience <= self.position.stale:
            self.listener.note(f"no new best in {self.position.stale} validations: stopped")
            self.position.finished = True
        self.save()

    def report(self, count: int, seconds_of_step: float, rate: float) -> None:
        """The bar at every step that is read, a line of metrics.jsonl about once a second of training."""
        self.window.append((count, seconds_of_step))
        if slowness := self.pace.add(seconds_of_step, count):
            self.listener.note(slowness)
        if self.unread.steps:
            return
        counts, seconds = (sum(values) for values in zip(*self.window, strict=True))
        loss, speed = self.loss / max(1, counts), counts / max(seconds, 1e-9)
        best = "" if self.position.best is None else f" · {self.best_in_words()}"
        self.listener.step(
            self.fraction_done(),
            f"step {self.position.step:,} · loss {loss:.3f} · {speed:,.0f} {self.work.unit}/s{best}",
        )
        if seconds >= 1 or self.position.step % 100 == 0:
            self.log("train", {"loss": loss, "learning_rate": rate, "tokens_per_second": speed})
            self.window.clear()
            self.loss = 0.0

    def log(self, kind: str, values: dict[str, float]) -> None:
        """One line of metrics.jsonl."""
        epoch = self.position.epoch + self.position.batch / len(self.plan(self.position.epoch))
        line = Progress(kind, self.position.step, round(epoch, 4), round(self.position.seconds, 3), values)
        self.attempt("a line of metrics.jsonl", lambda: self.record.write(line))

    def attempt(self, what: str, write: Callable[[], None]) -> None:
        """Writes what training goes on without, and says so where the disk does not take it."""
        try:
            write()
        except OSError as error:
            self.tell_failure(what, error)

    def refuse(self, loss: float, norm: float, batches: Sequence[Rows]) -> None:
        """Stops before a step that would spoil the weights; they are saved as they are."""
        self.network.zero_grad()
        self.save()
        locations = ", ".join([location for rows in batches for location in self.work.where(rows[:5])][:5])
        examples, step = sum(map(len, batches)), self.position.step + 1
        raise HeedfulError(
            f"Step {step:,}: loss {loss}, gradient {norm}: not finite. The last good weights are saved.",
            f"The batch had these ({examples} in all): {locations}, …\nLook at them, or lower train.learning_rate.",
        )

    def save(self) -> None:
        """Writes the best weights, if they are new, and a checkpoint. Where the disk takes neither, training goes on
        from memory, what was saved before stays, and the next save tries again.
        """
        self.catch_up()
        self.last_save = time.monotonic()
        try:
            self.save_best()
            self.write_checkpoint()
            self.saved_step = self.position.step
        except OSError as error:
            self.tell_failure(f"step {self.position.step:,}", error)

    def save_best(self) -> None:
        """Writes the best weights, if they are not on the disk; raises OSError."""
        if self.unsaved_best:
            write_file(self.folder / WEIGHTS, lambda path: write_tensors(path, self.best_weights))
            self.unsaved_best = False

    def tell_failure(self, what: str, error: OSError) -> None:
        """Says what the disk did not take, once for each reason; raises HeedfulError if the folder is gone."""
        if not self.folder.is_dir():
            raise HeedfulError(f"{self.folder} is gone, and with it what was saved.", "Train again.") from None
        reason = error.strerror or str(error)
        if reason != self.failure:
            self.listener.note(
                f"{what} cannot be saved: {reason}. Training goes on, and tries again. {self.where_saved()}"
            )
        self.failure = reason

    def where_saved(self) -> str:
        """Which step is on the disk."""
        return f"saved at step {self.saved_step:,}" if self.saved_step else "nothing is saved yet"

    def refuse_diverged(self, weights: dict[str, Tensor]) -> None:
        """Raises HeedfulError for weights that are not finite: they never take the place of those that are."""
        if not are_finite(weights):
            raise HeedfulError(
                f"Training diverged: after step {self.position.step:,} the weights are not finite "
                f"({self.where_saved()}).",
                "Lower train.learning_rate, in a new folder: -o runs/NAME",
            )

    def write_checkpoint(self) -> None:
        """A checkpoint of everything that the next step depends on."""
        tensors = {"network": weights_of(self.network), BEST: self.best_weights}
        self.refuse_diverged(tensors["network"])
        tensors["optimizer"] = state_of(self.network, self.optimizers)
        if self.average:
            tensors["average"] = self.average.weights
        values: dict[str, Any] = asdict(self.position) | {"tokens": self.tokens}
        save(self.folder / "checkpoints", Checkpoint({k: v for k, v in tensors.items() if v}, values))

    def restore(self) -> None:
        """Goes back to the newest whole checkpoint, and metrics.jsonl to the same step."""
        checkpoint = newest_checkpoint(self.folder / "checkpoints", self.listener.note)
        self.record.rewind(checkpoint.values["step"] if checkpoint else 0)
        if checkpoint is None:
            return
        self.tokens = checkpoint.values.pop("tokens")
        self.position = Position(**checkpoint.values)
        self.saved_step = self.position.step
        if not self.position.finished and self.record.lacks(self.work.primary):
            self.position.best = None
            self.listener.note(f"weights are chosen by {describe(self.work.primary).title} from here on")
        put_weights(self.network, checkpoint.tensors["network"], self.folder / "checkpoints")
        self.best_weights = checkpoint.tensors.get(BEST, {})
        written = self.folder / WEIGHTS
        if self.best_weights:  # the file may be missing, spoilt, or better than what stands in the checkpoint
            best_hash = checkpoint.hashes.get(f"{BEST}.safetensors")
            self.unsaved_best = not written.is_file() or hash_file(written) != best_hash
            if self.unsaved_best and self.position.finished:
                self.listener.note(f"{written} is missing or spoilt, and written again from the checkpoint")
        put_state(self.network, self.optimizers, checkpoint.tensors.get("optimizer", {}))
        if self.average:
            self.average.weights = {
                name: value.to(self.device) for name, value in checkpoint.tensors["average"].items()
            }
        self.listener.note(f"goes on from step {self.position.step:,}")
