"""All methods as one table: what each says, where it comes from, what a network must have, and how it is computed."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from heedful.errors import HeedfulError, unknown
from heedful.explain import attention, gates, integrated, occlusion, reach, rollout, step_by_step, value_zeroing
from heedful.explain.faithfulness import judge
from heedful.explain.found import Found, units_of
from heedful.explain.target import Target, target_of
from heedful.explanations import Explanation
from heedful.tasks.trace import Trace


@dataclass(frozen=True)
class Method:
    """One way to explain. `lacks`: why a network has no such thing ("": it has). `contrasts`: it explains a target,
    and so why one thing was answered and not another.
    """

    says: str
    paper: str
    lacks: Callable[[nn.Module], str]
    find: Callable[[Trace, Target], Found]
    contrasts: bool = False


METHODS: dict[str, Method] = {
    "attention": Method(
        "where vectors were taken from: every layer, every head, their mean",
        "Bahdanau et al. 2015; Vaswani et al. 2017",
        attention.lacks,
        attention.attention,
    ),
    "step-by-step": Method(
        "how each weight of attention is computed: query, keys, scores, softmax, sum",
        "Bahdanau et al. 2015; Luong et al. 2015; Vaswani et al. 2017",
        attention.lacks,
        step_by_step.step_by_step,
    ),
    "rollout": Method(
        "what attention carries through all layers, residuals counted",
        "Abnar & Zuidema 2020",
        rollout.lacks,
        rollout.rollout,
    ),
    "value-zeroing": Method(
        "how much a layer's output changes without a position's value",
        "Mohebbi et al. 2023",
        value_zeroing.lacks,
        value_zeroing.value_zeroing,
    ),
    "gates": Method(
        "how open gates are, how long states are and what changes them, over time",
        "Hochreiter & Schmidhuber 1997; Cho et al. 2014",
        gates.lacks,
        gates.gates,
    ),
    "gradient-reach": Method(
        "how much an output still feels an input",
        "Bengio et al. 1994; Pascanu et al. 2013",
        reach.lacks,
        reach.gradient_reach,
        contrasts=True,
    ),
    "integrated-gradients": Method(
        "what each unit adds to the answer; the sum is complete",
        "Sundararajan et al. 2017",
        integrated.lacks,
        integrated.integrated_gradients,
        contrasts=True,
    ),
    "leave-one-out": Method(
        "what is lost of the answer without a unit",
        "Zeiler & Fergus 2014; Li et al. 2016",
        occlusion.lacks,
        occlusion.leave_one_out,
        contrasts=True,
    ),
}


def usual_method(network: nn.Module, instead: str | None) -> str:
    """What is asked for where nobody says: attention where there is some, unless one answer is held against another."""
    return "attention" if not METHODS["attention"].lacks(network) and instead is None else "integrated-gradients"


def explain(
    task: str, trace: Trace, method: str | None = None, instead: str | None = None, faithfulness: bool = True
) -> Explanation:
    """What a method says of an answer; raises HeedfulError for one that this network has nothing for."""
    name = method or usual_method(trace.network, instead)
    if name not in METHODS:
        raise unknown("method", name, METHODS)
    row = METHODS[name]
    if reason := row.lacks(trace.network):
        raise HeedfulError(f"{name} cannot explain this network: {reason}.", "What there is: heedful explain --methods")
    if instead is not None and not row.contrasts:
        contrasting = ", ".join(other for other, way in METHODS.items() if way.contrasts)
        raise HeedfulError(f"{name} holds no answer against another.", f"These do: {contrasting}.")
    target = target_of(trace, instead)
    found = row.find(trace, target)
    judged = found.amounts if faithfulness else {}
    scores = [judge(trace, target, values, number) for number, values in judged.items()]
    units = units_of(trace, target.steps) | gates.part_units(found.maps)
    named = {key for map_ in found.maps for key in (map_.rows, map_.columns)} | {"answered"}
    named |= {computation.asked for computation in found.computations}
    return Explanation(
        task,
        trace.question,
        trace.answer,
        name,
        {key: value for key, value in units.items() if key in named},
        found.maps,
        tuple(score for score in scores if score),
        "" if instead is None else instead,
        (*trace.notes, *found.notes),
        found.computations,
        found.positions,
    )
