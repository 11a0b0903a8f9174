"""The command line. `heedful` and `heedful --help` import neither torch nor pydantic nor typer."""

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
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who called us, as >&- does
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    # Input and output are UTF-8 in any locale; names of files that are not UTF-8 are written as the bytes that they
    # are, and what stderr cannot encode as escapes.
    for stream, errors in ((sys.stdout, "surrogateescape"), (sys.stderr, "backslashreplace")):
        stream.reconfigure(encoding="utf-8", errors=errors)  # pyright: ignore[reportAttributeAccessIssue]
    from heedful.cli.streams import SafeStream

    sys.stdout, sys.stderr = SafeStream(sys.stdout), SafeStream(sys.stderr)  # pyright: ignore[reportAttributeAccessIssue]
    try:
        code = answer(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the pipe (head, less) has exited. Python would fail again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:  # what was printed last did not fit on a full disk
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"The output cannot be written: {error.strerror}.", file=sys.stderr)
        code = 2
    sys.exit(code)


def answer(words: list[str]) -> int:
    """Runs the command of a command line and returns the exit code."""
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
    """The output of `heedful` alone: the five shapes, and a few commands to begin with."""
    return f"""\
Heedful: sequence models, from the plain RNN to the Transformer. Input and output have one of five shapes:

{SHAPES}
Begin with
   heedful demo                               a demonstration, about six minutes
   heedful train translate pairs.tsv          your own data: source<TAB>target on each line
   heedful train classify photos/             your own pictures: one folder per class
   heedful networks                           all networks, and what each of them added

All commands: heedful --help
"""


def overview() -> str:
    """The output of `heedful --help`: a line for each command."""
    rows = "\n".join(f"  {command.name:<10}  {command.help}" for command in COMMANDS)
    return f"""\
Usage: heedful COMMAND …

{rows}

heedful COMMAND --help describes a command. heedful --version prints the version.
heedful --install-completion installs completion for your shell.
"""
