"""The runtime's modules as one script, as a page that opens from disk can import none."""

import re
from functools import cache
from importlib import resources
from posixpath import join, normpath

IMPORT = re.compile(r'^import (\{[^}]*\}) from "([^"]+)";\n', re.M)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.M)


@cache
def script_of(entry: str) -> str:
    """A module of the runtime behind all that it imports, each of which keeps its names to itself."""
    modules: dict[str, str] = {}
    gather(entry, modules)
    main = modules.pop(entry)
    return "\n".join([*map(enclose, modules, modules.values()), main])


def gather(name: str, modules: dict[str, str]) -> None:
    """Puts a module behind what it imports, which it then takes from constants."""
    source = (resources.files("heedful.exporters.page") / "runtime" / name).read_text(encoding="utf-8")

    def constant(found: re.Match[str]) -> str:
        imported = normpath(join(name, "..", found[2]))
        if imported not in modules:
            gather(imported, modules)
        return f"const {found[1]} = {variable(imported)};\n"

    modules[name] = IMPORT.sub(constant, source)


def enclose(name: str, source: str) -> str:
    """A module as a constant that holds what it exports."""
    exported = ", ".join(EXPORT.findall(source))
    return f"const {variable(name)} = (() => {{\n{EXPORT.sub('', source)}\nreturn {{ {exported} }};\n}})();"


def variable(name: str) -> str:
    """What the constant of a module is called.

    >>> variable("blocks/linear.js")
    'blocks_linear'
    """
    return re.sub(r"\W", "_", name.removesuffix(".js"))
