"""The runtime's modules as one script, as a page that opens from disk can import none."""

import re
from functools import cache
from importlib import resources
from posixpath import join, normpath

IMPORT = re.compile(r'^import \{[^}]*\} from "([^"]+)";\n', re.M)
EXPORT = re.compile(r"^export ", re.M)


@cache
def script_of(entry: str) -> str:
    """A module of the runtime with all that it imports, each once, before what imports it."""
    modules: dict[str, str] = {}
    gather(entry, modules)
    return "\n".join(f"// {name}\n{source}" for name, source in modules.items())


def gather(name: str, modules: dict[str, str]) -> None:
    """Puts a module behind what it imports."""
    source = (resources.files("heedful.exporters.page") / "runtime" / name).read_text(encoding="utf-8")
    for path in IMPORT.findall(source):
        imported = normpath(join(name, "..", path))
        if imported not in modules:
            gather(imported, modules)
    modules[name] = EXPORT.sub("", IMPORT.sub("", source))
