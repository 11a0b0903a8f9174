"""The families, a row each, and which of them a config.json names."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from heedful.errors import HeedfulError
from heedful.hub import bert, captioner, clip, distilbert, gpt2, marian, qwen3, roberta, vit, words
from heedful.hub.family import Family, plain_words

FAMILIES: dict[str, Family] = {
    "gpt2": Family(
        gpt2.TASKS,
        gpt2.plan,
        gpt2.config_of,
        gpt2.build,
        gpt2.table,
        gpt2.plan_of,
        prefix=gpt2.PREFIX,
        computed=gpt2.COMPUTED,
        twins=gpt2.twins,
        words=plain_words(gpt2.WORDS),
        tokenizer="GPT2Tokenizer",
    ),
    "qwen3": qwen3.family(),
    "bert": bert.family(),
    "distilbert": distilbert.family(),
    "roberta": roberta.family(),
    "xlm-roberta": roberta.family_across_languages(),
    "vit": Family(
        vit.TASKS,
        vit.plan,
        vit.config_of,
        vit.build,
        vit.table,
        vit.plan_of,
        prefix=vit.PREFIX,
        unused_names=vit.UNUSED_NAMES,
        prepare_weights=vit.prepare_weights,
        pictures="ViTImageProcessor",
    ),
    "clip": Family(
        clip.TASKS,
        clip.plan,
        clip.config_of,
        clip.build,
        clip.table,
        clip.plan_of,
        computed=clip.COMPUTED,
        check_weights=clip.check_scale,
        prepare_weights=clip.prepare_weights,
        words=plain_words(clip.WORDS),
        tokenizer="CLIPTokenizer",
        pictures="CLIPImageProcessor",
    ),
    "marian": Family(
        marian.TASKS,
        marian.plan,
        marian.config_of,
        marian.build,
        marian.table,
        marian.plan_of,
        computed=marian.COMPUTED,
        twins=marian.twins,
        check_tensors=marian.check_positions,
        words=marian.read_words,
        target_words=marian.read_target_words,
        tokenizer="MarianTokenizer",
    ),
    "captioner": Family(
        captioner.TASKS,
        captioner.plan,
        captioner.config_of,
        captioner.build,
        captioner.table,
        computed=captioner.COMPUTED,
        unused_names=captioner.UNUSED_NAMES,
        twins=captioner.twins,
        prepare_weights=vit.prepare_weights,
        words=plain_words(captioner.WORDS),
        tokenizer="GPT2Tokenizer",
        pictures="ViTImageProcessor",
    ),
}

TYPES = {
    "gpt2": "gpt2",
    "qwen3": "qwen3",
    "bert": "bert",
    "distilbert": "distilbert",
    "roberta": "roberta",
    "xlm-roberta": "xlm-roberta",
    "vit": "vit",
    "clip": "clip",
    "marian": "marian",
    "vision-encoder-decoder": "captioner",
}
"""Families by what a config.json calls them (model_type)."""

TASKS_OF_ENDINGS = {
    "ForMaskedLM": "fill",
    "ForPreTraining": "fill",
    "ForSequenceClassification": "classify",
    "ForTokenClassification": "label",
    "ForImageClassification": "classify",
    "ForCausalLM": "complete",
    "LMHeadModel": "complete",
    "ForConditionalGeneration": "translate",
}
"""What the endings of architectures say of what they can do, whoever's they are."""


def family_of(table: Mapping[str, Any], folder: Path) -> tuple[Family, str]:
    """The family and the architecture that a config.json names.

    Raises HeedfulError for one that is not read; it says what is, and guesses no other: programs write these names.
    """
    path = folder / "config.json"
    if "auto_map" in table or "custom_pipelines" in table:
        raise words.own_code(path)
    kind, architectures = table.get("model_type"), table.get("architectures")
    named = architectures[0] if isinstance(architectures, list) and architectures else None
    if not isinstance(kind, str) or not kind:
        of = f" beside its architecture {named}" if named else ""
        raise HeedfulError(
            f"{path} names no family (model_type){of}.",
            f"Heedful reads {', '.join(TYPES)}. Take the folder as it was published, or write it anew with\n"
            "save_pretrained, which names the family.",
        )
    if kind not in TYPES:
        raise unread_family(kind, named, path)
    family = FAMILIES[TYPES[kind]]
    if named is None:
        raise HeedfulError(
            f"{path} names no architecture.",
            f'Add one that its weights have, as "architectures": ["NAME"]: {", ".join(family.tasks)}.',
        )
    if named not in family.tasks:
        raise unread_architecture(kind, str(named), family, folder)
    return family, named


def unread_family(kind: str, architecture: Any, path: Path) -> HeedfulError:
    """The error for a family that nothing here reads: what is read, and what of it does the same."""
    of = f" ({architecture})" if architecture else ""
    lines = [f"It reads {', '.join(TYPES)} (docs/hub.md)."]
    ending = next((ending for ending in TASKS_OF_ENDINGS if str(architecture).endswith(ending)), "")
    if ending:
        task = TASKS_OF_ENDINGS[ending]
        same = types_with(lambda name, tasks: name.endswith(ending) and task in tasks)
        same = same or types_with(lambda name, tasks: task in tasks)
        lines.append(
            f"For what this one does (heedful {task}), take a model of {' or '.join(same)}, or train your own:"
        )
        lines.append(f"heedful train {task} DATA")
    lines.append("One family cannot be converted into another.")
    return HeedfulError(f"{path} is of the family {kind}{of}, which Heedful does not read.", "\n".join(lines))


def types_with(fits: Callable[[str, tuple[str, ...]], bool]) -> list[str]:
    """The families with an architecture that fits, by its name and what it can do."""
    return [kind for kind, name in TYPES.items() if any(fits(*item) for item in FAMILIES[name].tasks.items())]


def unread_architecture(kind: str, architecture: str, family: Family, folder: Path) -> HeedfulError:
    """The error for layers on top that nothing here reads; what is below them can be kept."""
    lines = [f"Of {kind} it reads {', '.join(family.tasks)}."]
    if family.prefix and (base := next((name for name in family.tasks if is_base(name)), None)):
        lines += [
            "What is below its layers on top can be kept, where transformers is installed, and trained with --from:",
            f'{base}.from_pretrained("{folder}").save_pretrained("{folder.name}-base")',
        ]
    where = folder / "config.json"
    return HeedfulError(
        f"{where} is of the family {kind}, with the architecture {architecture}, which Heedful does not read.",
        "\n".join(lines),
    )


def is_base(architecture: str) -> bool:
    """Whether an architecture has no layers on top."""
    return architecture.endswith("Model") and "Head" not in architecture
