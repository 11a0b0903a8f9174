"""The command line. `heedful` and `heedful --help` answer from this file alone: no torch, no pydantic, no typer."""

import os
import sys

from heedful.cli.commands import COMMANDS

SHAPES = """\
   one to one      one to many     many to one     many to many         in step
       ○              ○ ○ ○            ○                 ○ ○ ○            ○ ○ ○
       ↑              ↑ ↑ ↑            ↑                 ↑ ↑ ↑            ↑ ↑ ↑
       ■              ■→■→■        ■ → ■ → ■       ■→■→■→■→■→■            ■→■→■
       ↑              ↑            ↑   ↑   ↑       ↑ ↑ ↑                  ↑ ↑ ↑
       □              □            □   □   □       □ □ □                  □ □ □

    classify        caption           draw          translate           label
"""


def main() -> None:
    """The `heedful` command."""
    # Threads that wait by spinning take the processor from those they wait for, once anything else runs on it. A
    # short spin, then sleep: docs/log.md has the figures.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # Texts go in and out as UTF-8 whatever the locale says; what stderr cannot show, it spells out.
    for stream, errors in ((sys.stdout, "strict"), (sys.stderr, "backslashreplace")):
        stream.reconfigure(encoding="utf-8", errors=errors)  # pyright: ignore[reportAttributeAccessIssue]
    try:
        code = answer(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) has gone. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def answer(words: list[str]) -> int:
    """Does what the words of a command line say and returns the exit code."""
    if "_HEEDFUL_COMPLETE" not in os.environ:
        if not words:
            print(welcome(), end="")
            return 0
        if words[0] in ("--help", "-h", "help"):
            print(overview(), end="")
            return 0
        if words[0] == "--version":
            from importlib.metadata import version

            print(f"heedful {version('heedful')}")
            return 0
    from heedful.cli.group import run

    return run(words)


def welcome() -> str:
    """What `heedful` alone shows: the five shapes, and a few commands to begin with."""
    return f"""\
Heedful: something goes in, is read into vectors, and something comes out. Five shapes:

{SHAPES}
Begin with
   heedful demo                               see it work, about five minutes
   heedful train translate pairs.tsv          your own data: source<TAB>target on each line
   heedful train classify photos/             your own pictures: a folder a class
   heedful networks                           what there is, from the plain RNN to the Transformer

All commands: heedful --help
"""


def overview() -> str:
    """What `heedful --help` shows: a line for each command."""
    rows = "\n".join(f"  {command.name:<10}  {command.help}" for command in COMMANDS)
    return f"""\
Usage: heedful COMMAND …

{rows}

heedful COMMAND --help tells more of one. heedful --version prints the version.
heedful --install-completion teaches your shell to complete all of these.
"""
