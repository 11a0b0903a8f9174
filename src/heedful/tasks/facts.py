"""All that is known of a task without a model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from heedful.results import View
from heedful.tasks.teaching import Lesson

if TYPE_CHECKING:
    from heedful.networks.settings import Join

Shape = Literal["one to one", "one to many", "many to one", "many to many", "many to many, in step"]
SourceKind = Literal["text", "picture", "frames", "series", "tokens"]
"""What a model is asked with: tokens are the words of a text, each of which is answered for."""
SOURCES: dict[SourceKind, str] = {
    "text": "a text",
    "picture": "a picture",
    "frames": "a video",
    "series": "a series of numbers",
    "tokens": "a text",
}


@dataclass(frozen=True)
class TaskFacts:
    """All that is known of a task without a model: said here once, read everywhere."""

    verb: str
    shape: Shape
    join: "Join"
    """How it joins the parts of a network."""
    sources: tuple[SourceKind, ...]
    """The kinds of what goes in; a model has one of them."""
    takes: str
    """What goes in, in words."""
    gives: str
    """What comes out, in words."""
    asked_with: str
    """What stands behind a model's folder on a command line."""
    data: str
    """What people have: the files of an example."""
    hub_tasks: Mapping[SourceKind, str]
    """What the Hugging Face hub calls it, by what goes in; a series has no name there."""
    lesson: Lesson
    """What its trained models hand on to a student."""
    columns: tuple[str, ...] = ("source", "target")
    """What a row of its data holds, where nobody names it."""
    network: str = "vaswani2017"
    """The row of the lineage that auto means."""
    unit: str = "tokens"
    """What its speed is counted in."""
    view: View = "texts"
    """How its answers are drawn."""
    searches: bool = False
    """Whether its answers are searched for with a beam."""
    aligns: bool = False
    """Whether reports draw what an answer looked at in its source."""
    by_windows: bool = False
    """Whether it answers piece by piece, so that what is too long for a network can be read in windows."""
    judged_by: str = ""
    """The verb of the models that can tell what its answers are taken for."""
    exported_as: str = ""
    """The family of published weights whose layout a network that was trained here fits."""
    runs_in_ct2: bool = False
    """Whether CTranslate2 runs its Transformers."""
    keys: frozenset[str] = field(default=frozenset())
    """Dotted keys of a recipe that it uses and some other task does not."""

    @property
    def writes(self) -> bool:
        """Whether it answers step by step, each step by what stands before it: slowly."""
        return self.join == "encoder_decoder"

    def takes_from(self, source: SourceKind) -> str:
        """What goes into a model of this kind of source, in words."""
        return SOURCES[source] if len(self.sources) > 1 else self.takes
