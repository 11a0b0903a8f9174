"""What the docs of the code name is there: every file, module, class, function, key and command.

What is to be written stands in the docs as: new `path`. It must not be there yet.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import heedful
from heedful.cli import COMMANDS
from heedful.networks.lineage import LINEAGE
from heedful.recipe import SECTIONS, keys
from heedful.tasks import TASKS
from support import ROOT

PACKAGE = ROOT / "src" / "heedful"
PAGES = ("docs/architecture.md", "docs/glossary.md", "CONTRIBUTING.md")
BLOCK = re.compile(r"^```.*?^```$", re.M | re.S)
OTHERS = {"lint-imports", "PIP_EXTRA_INDEX_URL", "[tool.importlinter]", "hasattr", "assert", "size", "len"}
"""What the pages name that is not ours."""
ENDINGS = (".py", ".md", ".toml", ".js", ".html", ".css", ".json", ".jsonl", ".npz", ".npy", ".safetensors", ".tsv")


def names_in(page: str) -> Iterator[tuple[bool, str]]:
    """What a page names in backticks, and whether it is yet to be written; with a name for each verb if it says so.

    Blocks of code name files and modules alone.
    """
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    for block in blocks:
        for name in re.findall(r"[\w/]+\.py\b|\bheedful(?:\.\w+)+", block):
            yield False, name
    for block in blocks:
        text = text.replace(block, "")
    for new, name in re.findall(r"(new )?`([^`\n]+)`", text):
        for verb in TASKS if "<" in name else ("",):
            yield bool(new), name.replace("<verb>", verb).replace("<Verb>", verb.title())


@cache
def texts() -> str:
    """All of the package's code."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py")))


@cache
def scopes() -> dict[str, set[str]]:
    """What is defined in each module (by its last names too) and in each class, those of its base classes among it."""
    names: dict[str, set[str]] = {}
    bases: dict[str, list[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix().removesuffix("/__init__").replace("/", ".")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inside = set(defined(tree))
        parts = module.split(".")
        for start in range(len(parts)):
            names.setdefault(".".join(parts[start:]), set()).update(inside)
        names.setdefault("heedful", set()).add(parts[0])
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                names.setdefault(node.name, set()).update(defined(node))
                bases.setdefault(node.name, []).extend(re.findall(r"\w+", " ".join(map(ast.unparse, node.bases))))
    for name in bases:
        waiting = list(bases[name])
        while waiting:
            base = waiting.pop()
            names[name] |= names.get(base, set())
            waiting += [other for other in bases.get(base, []) if other != base]
    return names


def defined(tree: ast.Module | ast.ClassDef) -> Iterator[str]:
    """The names that a module or a class defines, imports included, and what its __init__ sets."""
    for node in ast.walk(tree) if isinstance(tree, ast.ClassDef) else tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                inner = ast.unparse(target)
                yield from re.findall(r"\w+", inner.removeprefix("self."))


def is_there(name: str) -> bool:
    """Whether the tree has what a page calls by this name."""
    name = name.removesuffix("()")
    words = name.split()
    if len(words) > 1 or words[0] == "heedful":
        return is_command(words)
    if name.startswith("-"):
        return f'"{name}"' in texts()
    if name in OTHERS or re.fullmatch(r"\.\w+", name):  # an ending of files
        return True
    key, _, value = name.partition("=")
    if value:
        return key in keys()
    if "/" in name or name.endswith(ENDINGS):
        return is_path(name)
    if name in (*keys(), *SECTIONS, *TASKS, *LINEAGE, *(command.name for command in COMMANDS)):
        return True
    if name.count(".") == 1 and name.startswith("heedful."):
        last = name.removeprefix("heedful.")
        return last in heedful.__all__ or is_path(last) or is_path(f"{last}.py")
    return is_code(name.removeprefix("heedful."))


def is_command(words: list[str]) -> bool:
    """Whether a command line begins with a command of ours, or of the tools that are used here."""
    first, *arguments = words
    if first == "make":
        return f"\n{arguments[0].split('=')[0]}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
    return first != "heedful" or not arguments or arguments[0] in {command.name for command in COMMANDS} | {"--help"}


def is_path(name: str) -> bool:
    """Whether there is such a file or folder, or else whether the package writes one of that name."""
    folders = (ROOT, PACKAGE, ROOT / "docs")
    return any((place / name).exists() for place in folders) or ("/" not in name and f'"{name}"' in texts())


def is_code(name: str) -> bool:
    """Whether a dotted name is defined: in a module or a class if it says which, else anywhere."""
    owner, _, last = name.rpartition(".")
    if not owner:
        names = set().union(*scopes().values()) | scopes().keys()
        return name in names or f'"{name}"' in texts()
    if owner in ("torch", "F", "nn"):
        return True
    return name in scopes() or last in scopes().get(owner, ()) or f"{owner}.{last}" in scopes()


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_is_there(page: str) -> None:
    missing = [name for new, name in names_in(page) if "…" not in name and is_there(name) == new]
    assert not missing


@pytest.mark.parametrize(
    "name",
    [
        "tasks/reading.py",
        "Search.submitt",
        "train.layer_decy",
        "network.nrom=pre",
        "heedful trian",
        "Serch",
        "decide.x",
    ],
)
def test_what_is_not_there_is_found_missing(name: str) -> None:
    assert not is_there(name)


def test_the_order_of_rooms_is_the_contracts() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = re.search(r"```layers\n(.*?)```", page, re.S)
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    layers = next(contract["layers"] for contract in tools["importlinter"]["contracts"] if contract["id"] == "layers")
    assert block and block[1].splitlines() == layers


def test_links_lead_somewhere() -> None:
    """Of every page: to files of the repository."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    links = [
        (page, target)
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)", BLOCK.sub("", page.read_text(encoding="utf-8")))
        if "://" not in target
    ]
    assert [(page.name, target) for page, target in links if not Path(page.parent, target).exists()] == []
    assert links
