"""Writes what is generated: the reference recipe, complete networks on one page, and the table of their weights.

python docs/make_pages.py          writes them; tests/docs/test_pages.py holds them to the code
"""

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields
from importlib import import_module
from pathlib import Path
from types import FrameType, NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import tomli_w
import torch
from torch import nn

from heedful.blocks.recording import record
from heedful.networks import lineage, weights
from heedful.networks.build import Spec, build
from heedful.networks.meta import meta_device
from heedful.networks.settings import Join, main_join, resolve
from heedful.networks.sources import TextSource
from heedful.networks.weights import VOCABULARY
from heedful.recipe import SECTIONS, listed, own_keys, tasks_of
from heedful.schema import NetworkSettings, Recipe, Size
from heedful.tasks import TASKS
from heedful.tasks.recipes import uses

FOLDER = Path(__file__).parent
PACKAGE = Path(inspect.getfile(lineage)).parents[1]
TASK = "translate"
"""The task of the reference recipe."""
WIDTH = 118  # of a comment

NETWORKS = {
    "bahdanau2015": "Bahdanau's translator: the first network with attention.",
    "gpt": "GPT: a decoder alone, which predicts each token from those before it.",
    "bert": "BERT: an encoder alone, which predicts masked tokens from both sides.",
    "touvron2023": "The Transformer that stayed; since-2019.md has its equations, papers and figures.",
    "ssru2019": "What Firefox's translator runs; since-2019.md has its equations, papers and figures.",
    "mingru2024": "The recurrence that trains in parallel; since-2019.md has its equations, papers and figures.",
}
"""The rows that have a page of their own, and a sentence about each."""
LEGEND = (
    "Everything below is the code of this package: the network's row of the lineage, the functions that build modules "
    "from it, the modules, and the functions that one call of the network runs, in the order of their first calls. For "
    "a fused kernel its readable twin is shown, which is tested to give the same numbers. "
    "N sources, R rows, S source positions, T target positions, D width, V vocabulary."
)
SILENT = {"recording", "note", "__iter__", "pack", "unpack", "replace", "cache", "refuse_more", "of_layer", "widths"}
"""Functions that a page leaves out, since they compute nothing."""


def pages() -> dict[Path, str]:
    """The text of each page by its file."""
    networks = {FOLDER / f"{name}-on-a-page.md": network_page(name) for name in NETWORKS}
    return {FOLDER / "reference.toml": reference(), weights.FILE: weights.dump(all_networks())} | networks


def all_networks() -> dict[str, nn.Module]:
    """Each row of the lineage at each size, in the join that shows all it has, without memory for its weights."""
    with meta_device():
        return {
            f"{name} {size}": build(spec_of(name, main_join(name), size))
            for name in lineage.LINEAGE
            for size in get_args(Size)
        }


# The reference recipe


def reference() -> str:
    """Every key of a recipe with its description, its values, its default, and the tasks that use it."""
    parts = [
        "# Every key of a recipe, with its default. Made by docs/make_pages.py from src/heedful/schema.py.\n"
        "# As it is, this recipe changes nothing: leave out what you do not need. The same keys can be set on the\n"
        "# command line, such as train.steps=500. Where a key lists tasks, no other task may set it.",
        "\n\n".join(entry(key, key.name, Recipe) for key in own_keys()),
    ]
    for section, table in SECTIONS.items():
        entries = [entry(key, f"{section}.{key.name}", table) for key in fields(table)]
        parts += [f"[{section}]\n{comment(str(table.__doc__))}", *entries]
    return "\n\n".join(parts) + "\n"


def entry(key: "Field[Any]", dotted: str, table: type) -> str:
    """A key below its description. A key without a value is written as a comment."""
    default = key.default_factory() if key.default_factory is not MISSING else key.default
    value = TASK if dotted == "task" else default
    hint, limits = get_type_hints(table)[key.name], key.metadata["limits"]
    allowed = " | ".join(map(json.dumps, TASKS)) if dotted == "task" else values(hint, limits)
    lines = [comment(key.metadata["description"]), comment(f"values: {allowed}")]
    tasks = tasks_of(dotted, uses())
    if tasks:
        lines.append(comment(f"tasks: {listed(tasks)}"))
    return "\n".join([*lines, setting(key.name, value)])


def setting(name: str, value: Any) -> str:
    """A key with its value; TOML has no null."""
    if value is None:
        return f"# {name} = …  (not set)"
    return f"{name} = {{}}" if value == {} else tomli_w.dumps({name: value}).strip()


def values(hint: Any, limits: dict[str, Any]) -> str:
    """The allowed values of a key, in words."""
    if get_origin(hint) is Literal:
        return " | ".join(json.dumps(value) for value in get_args(hint))
    if get_origin(hint) is list:
        inner = get_args(hint)[0]
        each = f", each with {json.dumps(limits['holds'])}" if "holds" in limits else ""
        return "a list of strings" + each if inner is str else f"a list of {values(inner, limits)}"
    if get_origin(hint) is dict:
        return "a table of strings"
    if hint in (int, float):
        kind = "an integer" if hint is int else "a number"
        signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
        bounds = " and ".join(f"{signs[name]} {limit}" for name, limit in limits.items() if name in signs)
        return f"{kind} {bounds}".strip()
    if hint in (str, bool):
        return "a string" if hint is str else "true | false"
    return " | ".join(values(part, limits) for part in get_args(hint) if part is not NoneType)


def comment(text: str) -> str:
    """A text as TOML comments."""
    return textwrap.fill(text, WIDTH, initial_indent="# ", subsequent_indent="#   ")


# Whole networks


def network_page(name: str) -> str:
    """A row of the lineage, the functions that build it, its modules, and the code that runs, in the order of calls."""
    join = main_join(name)
    network, built = traced(lambda: build(spec_of(name, join)))
    network.eval()
    with record(network):  # so that the readable twins of fused kernels run
        _, ran = traced(lambda: run(network, join))
    beginnings = ("initialise_normal", "initialise_zero")
    builders = [code for code in built if code[0] == "heedful.networks.build" or code[1] in beginnings]
    return "\n".join(
        [
            f"# {name} on a page",
            "",
            "<!-- Made by docs/make_pages.py from the code; tests/docs/test_pages.py holds it to the code. -->",
            "",
            textwrap.fill(f"{NETWORKS[name]} {LEGEND}", WIDTH),
            "",
            "## Its row (`networks/lineage.py`)",
            "",
            fenced(row_source(name)),
            "",
            "What the row leaves out has a default in `networks/configs.py`; width, depth and heads come from `SIZE`.",
            "",
            "## From the row to modules (`networks/build.py`)",
            "",
            *sources(builders),
            f'## Its modules (size "tiny", vocabularies of {VOCABULARY:,})',
            "",
            fenced("\n".join(tree(network)), ""),
            "",
            "## What runs",
            "",
            *sources(ran),
        ]
    )


def spec_of(name: str, join: Join, size: Size = "tiny") -> Spec:
    """A network of a row at a size, in the join that shows all it has."""
    settings = resolve(NetworkSettings(name=name, size=size), join)
    return Spec(join, settings, (TextSource(VOCABULARY),) if join == "encoder_decoder" else (), VOCABULARY)


def run(network: Any, join: Join) -> torch.Tensor:
    """The logits of one text."""
    tokens, lengths = torch.arange(1, 6).unsqueeze(0), torch.tensor([5])
    if join == "encoder_decoder":
        return network.decoder.logits(network(tokens, lengths, tokens))
    outputs = network(tokens, lengths)
    return network.decoder.logits(outputs) if join == "decoder" else network.logits(outputs)


Code = tuple[str, str]
"""A function: its module and its qualified name."""


def traced(call: Callable[[], Any]) -> tuple[Any, list[Code]]:
    """What a call returns, and the functions of the package that it ran, in the order of their first calls."""
    seen: dict[Code, None] = {}

    def note_call(frame: FrameType, event: str, _: object) -> None:
        module, name = frame.f_globals.get("__name__", ""), frame.f_code.co_qualname
        if event == "call" and module.startswith("heedful.") and "<" not in name and not name.endswith("__init__"):
            seen.setdefault((module, name))

    sys.setprofile(note_call)
    try:
        result = call()
    finally:
        sys.setprofile(None)
    return result, [code for code in seen if code[1].rpartition(".")[2] not in SILENT]


def sources(codes: list[Code]) -> Iterator[str]:
    """The source of functions; the methods of a class stand together, where its first one is called."""
    groups: dict[Code, list[Code]] = {}
    for module, name in codes:
        owner = name.rpartition(".")[0] or name
        groups.setdefault((module, owner), []).append((module, name))
    for (module, owner), members in groups.items():
        described = look_up((module, owner))
        path = f"{module.removeprefix('heedful.').replace('.', '/')}.py"
        summary = inspect.cleandoc(described.__doc__ or "").partition("\n\n")[0] if inspect.isclass(described) else ""
        yield f"**`{owner}`** (`{path}`){': ' + ' '.join(summary.split()) if summary else ''}"
        yield ""
        yield fenced("\n\n\n".join(textwrap.dedent(inspect.getsource(look_up(code))).strip() for code in members))
        yield ""


def look_up(code: Code) -> Any:
    """The function or class of a module and a qualified name."""
    found: Any = import_module(code[0])
    for part in code[1].split("."):
        found = inspect.getattr_static(found, part)
    return found.fget if isinstance(found, property) else found.__func__ if isinstance(found, classmethod) else found


def row_source(name: str) -> str:
    """A row as it stands in the table."""
    text = Path(inspect.getfile(lineage)).read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == name:
                    lines = text.splitlines()[key.lineno - 1 : value.end_lineno]
                    return textwrap.dedent("\n".join(lines))
    raise KeyError(name)


def tree(module: nn.Module, name: str = "network", depth: int = 0) -> Iterator[str]:
    """Modules below one another, each with the shapes of the weights that are its own."""
    shapes = [f"{key} {' × '.join(map(str, weight.shape))}" for key, weight in module.named_parameters(recurse=False)]
    yield f"{'    ' * depth}{name}: {type(module).__name__}{'  (' + ', '.join(shapes) + ')' if shapes else ''}"
    children = list(module.named_children())
    several = isinstance(module, nn.ModuleList) and len(children) > 1
    for key, child in children[:1] if several else children:
        yield from tree(child, f"{key} to {len(children) - 1}" if several else key, depth + 1)


def fenced(text: str, language: str = "python") -> str:
    """A text as a block of code."""
    return f"```{language}\n{text}\n```"


if __name__ == "__main__":
    for file, text in pages().items():
        file.write_text(text.rstrip() + "\n", encoding="utf-8")
