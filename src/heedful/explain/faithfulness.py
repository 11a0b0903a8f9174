"""Whether a map's order of units is the network's own: deletion and insertion (Samek et al. 2017; Petsiuk et al. 2018).

Units are replaced by the baseline, those that the map gives most first, and what was answered should soon become
unlikely (deletion: a small area is good); or they are put back into a source that says nothing, and it should soon
become likely again (insertion: a large one is). Random orders and leave-one-out's stand beside it.

R rows   S units   K answers that are judged   P points of a curve
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from heedful.explain.found import rows_at_once
from heedful.explain.occlusion import left_out
from heedful.explain.target import Target, spread
from heedful.explanations import Area, Faithfulness
from heedful.tasks.trace import Trace

ANSWERS = 6
"""Answers that are judged: of more, some at equal distances."""
ORDERS = 48
"""Random orders over all of these, but at least `FEWEST` of each."""
FEWEST = 8
POINTS = 8
SAMPLES = 1000
"""Of the bootstrap, over answers and orders."""
MAP, LEFT_OUT, RANDOM = "map", "leave-one-out", "random"


@dataclass(frozen=True)
class Job:
    """One order of the units of a source for one explained answer, by its place."""

    place: int
    kind: str
    order: np.ndarray


def judge(trace: Trace, target: Target, amounts: np.ndarray, number: int, seed: int = 0) -> Faithfulness | None:
    """How faithful amounts (K, S) of one source are; None where there are fewer than two units to put in order."""
    places = spread(len(target.steps), ANSWERS)
    target, amounts = target.only(places), amounts[places]
    vectors = trace.vectors()
    by_loss = left_out(trace, target, vectors, number).cpu().numpy()
    rng = np.random.default_rng(seed)
    orders = max(FEWEST, ORDERS // len(places))
    jobs: list[Job] = []
    for place in range(len(places)):
        units = movable(trace, target, vectors[number], number, place)
        if len(units) < 2:
            continue
        jobs.append(Job(place, MAP, units[np.argsort(-amounts[place, units], kind="stable")]))
        jobs.append(Job(place, LEFT_OUT, units[np.argsort(-by_loss[place, units], kind="stable")]))
        jobs += [Job(place, RANDOM, rng.permutation(units)) for _ in range(orders)]
    if not jobs:
        return None
    deletion, insertion = (curves_of(trace, target, vectors, number, jobs, insert) for insert in (False, True))
    measured = measured_by(trace, target)
    return summary(trace.reading_name(number), jobs, deletion, insertion, orders, measured, rng)


def movable(trace: Trace, target: Target, vectors: Tensor, number: int, place: int) -> np.ndarray:
    """The units that say something, and that were read before this answer."""
    reading = trace.readings[number]
    says = (vectors - reading.baseline).abs().amax(-1) > 0
    units = says.nonzero()[:, 0].cpu().numpy()
    return units[units <= trace.first + target.steps[place]] if reading.encoder is None else units


def measured_by(trace: Trace, target: Target) -> str:
    """What the curves are of, in words."""
    if target.instead is not None:
        return "the probability of the answer, of the two"
    return "the probability of the answer" if trace.head(trace.run(1)).size(-1) > 1 else "the logit of the answer"


@torch.no_grad()
def curves_of(
    trace: Trace, target: Target, vectors: list[Tensor], number: int, jobs: Sequence[Job], insert: bool
) -> np.ndarray:
    """For each job what was answered is worth (jobs, P + 1), none to all of the units exchanged."""
    own, baseline = vectors[number], trace.readings[number].baseline
    begin, end = (baseline, own) if insert else (own, baseline)
    rows = [
        (job.place, job.order[: round(point * len(job.order) / POINTS)]) for job in jobs for point in range(POINTS + 1)
    ]
    if insert:  # what is never moved stays as it was read
        fixed = [np.setdiff1d(np.arange(len(own)), job.order) for job in jobs for _ in range(POINTS + 1)]
        rows = [(place, np.concatenate([units, rest])) for (place, units), rest in zip(rows, fixed, strict=True)]
    values: list[float] = []
    at_once = rows_at_once(trace, 1)
    for first in range(0, len(rows), at_once):
        part = rows[first : first + at_once]
        changed = begin.repeat(len(part), 1, 1)
        for row, (_, units) in enumerate(part):
            changed[row, units] = end[units]
        places = torch.tensor([place for place, _ in part], device=own.device)
        values += target.probability(trace.outputs({number: changed}), places).tolist()
    return np.array(values).reshape(len(jobs), POINTS + 1)


def summary(
    units: str,
    jobs: Sequence[Job],
    deletion: np.ndarray,
    insertion: np.ndarray,
    orders: int,
    measured: str,
    rng: np.random.Generator,
) -> Faithfulness:
    """Curves and areas by kind of order, and how far the map's is ahead of random ones, with intervals."""
    places = sorted({job.place for job in jobs})
    areas: list[dict[str, np.ndarray]] = []
    means: list[dict[str, np.ndarray]] = []
    for curves in (deletion, insertion):
        under = (curves[:, 1:] + curves[:, :-1]).mean(1) / 2
        by_kind = {
            kind: np.array([[under[row] for row, job in enumerate(jobs) if (job.place, job.kind) == (place, kind)]
                            for place in places])
            for kind in (MAP, LEFT_OUT, RANDOM)
        }  # fmt: skip
        areas.append(by_kind)
        means.append({kind: curves[[job.kind == kind for job in jobs]].mean(0) for kind in (MAP, LEFT_OUT, RANDOM)})
    draws = [draw(rng, len(places), orders) for _ in range(SAMPLES)]
    gain = [
        areas[0][RANDOM][rows[:, None], columns].mean(1) - areas[0][MAP][rows, 0]
        + areas[1][MAP][rows, 0] - areas[1][RANDOM][rows[:, None], columns].mean(1)
        for rows, columns in draws
    ]  # fmt: skip
    point = areas[0][RANDOM].mean(1) - areas[0][MAP][:, 0] + areas[1][MAP][:, 0] - areas[1][RANDOM].mean(1)
    judged = [
        {kind: area(by_kind[kind], curve[kind], draws) for kind in by_kind}
        for by_kind, curve in zip(areas, means, strict=True)
    ]
    low, high = np.quantile([sample.mean() for sample in gain], (0.025, 0.975))
    ahead = Area(float(point.mean()), float(low), float(high))
    return Faithfulness(units, judged[0], judged[1], ahead, len(places), orders, measured)


def draw(rng: np.random.Generator, places: int, orders: int) -> tuple[np.ndarray, np.ndarray]:
    """Answers drawn with replacement (K,), and the random orders drawn for each of them (K, orders)."""
    return rng.integers(0, places, places), rng.integers(0, orders, (places, orders))


def area(areas: np.ndarray, curve: np.ndarray, draws: Sequence[tuple[np.ndarray, np.ndarray]]) -> Area:
    """The mean of areas (K, orders or 1) with its interval."""
    single = areas.shape[1] == 1
    means = [areas[rows, 0].mean() if single else areas[rows[:, None], columns].mean() for rows, columns in draws]
    low, high = np.quantile(means, (0.025, 0.975))
    return Area(float(areas.mean()), float(low), float(high), tuple(map(float, curve)))
