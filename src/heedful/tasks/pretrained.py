"""What goes with weights that exist: how their network reads and writes, and what its rows stand for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from heedful.blocks.pixels import Pixels
from heedful.data.pictures.choose import adapt_form
from heedful.data.pictures.read import Form
from heedful.data.readers.rows import count
from heedful.data.steps.forms import StepForm
from heedful.data.steps.subwords import SubwordVocabulary
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.schema import DataSettings

if TYPE_CHECKING:
    from heedful.hub import Plan


@dataclass(frozen=True)
class Pretrained:
    """The tokenizers that texts are read and written with, the form of pictures and what their colours are told by,
    the form of sequences; the names of classes or labels; how many codes a picture is drawn in; the plan of a network
    that was published.
    """

    words: Tokenizer | None = None
    written: Tokenizer | None = None
    form: Form | None = None
    pixels: Pixels | None = None
    steps: StepForm | None = None
    names: tuple[str, ...] = ()
    codes: int = 0
    plan: "Plan | None" = None

    def picture(self, data: DataSettings) -> Form | None:
        """The form of pictures, with what a recipe asks for otherwise."""
        return adapt_form(self.form, data) if self.form else None

    def picture_settings(self) -> dict[str, object]:
        """Keys of a recipe's data section that say how pictures are read, if they are."""
        form = self.form
        return {"picture": form.size, "colours": form.colours, "fit": form.fit} if form else {}

    def colours(self, form: Form) -> Pixels | None:
        """What pictures of a form are, with the colours that weights were learnt with."""
        if self.pixels is None or len(self.pixels.mean) != form.channels:
            return None
        return replace(self.pixels, size=form.size)


def differing_parts(new: Pretrained, pretrained: Pretrained) -> dict[str, str]:
    """Parts whose rows stand for something else in two networks, with what."""
    reasons: dict[str, str] = {}
    if new.words and pretrained.words and not same_vocabulary(new.words, pretrained.words):
        reasons["embedding"] = "another vocabulary"
    fixed = new.steps and new.steps.kind != "frames" and not isinstance(new.steps.vocabulary, SubwordVocabulary)
    if new.steps and fixed and not same_steps(new.steps, pretrained.steps):
        reasons["embedding"] = "other words" if new.steps.kind == "tokens" else "other channels"
    differ = new.written and pretrained.written and not same_vocabulary(new.written, pretrained.written)
    if differ or new.codes != pretrained.codes:
        reasons |= dict.fromkeys(("decoder.tokens", "decoder.output"), "another vocabulary")
    if new.names and {*new.names} != {*pretrained.names}:
        reasons["head"] = f"{count(len(new.names), 'class', 'classes')}{count_others(new.names, pretrained.names)}"
    return reasons


def order(names: Sequence[str], pretrained_names: Sequence[str]) -> list[int]:
    """Where each class stood, if they are the same ones."""
    return [pretrained_names.index(name) for name in names] if {*names} == {*pretrained_names} else []


def count_others(names: Sequence[str], pretrained_names: Sequence[str]) -> str:
    """How many classes there were elsewhere."""
    if not pretrained_names:
        return ""
    new_count = len({*names} - {*pretrained_names})
    return f", {len(pretrained_names):,} there" + (
        f", which {new_count:,} of these are not among" if len(names) == len(pretrained_names) else ""
    )


def same_vocabulary(tokenizer: Tokenizer, other: Tokenizer) -> bool:
    """Whether two vocabularies are the same."""
    return tokenizer.dump() == other.dump()


def same_steps(form: StepForm, other: StepForm | None) -> bool:
    """Whether two forms tell the same words, or the same channels."""
    return other is not None and (form.kind, form.channels, form.vocabulary) == (
        other.kind,
        other.channels,
        other.vocabulary,
    )
