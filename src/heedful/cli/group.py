"""Imports a command's module only when that command is called, and prints every error in a few plain lines."""

import errno
import signal
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from heedful.cli.commands import COMMANDS
from heedful.errors import HeedfulError, name_not_utf8, nearest, unknown

USAGE_ERROR = 2
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
OUT_OF_MEMORY = HeedfulError(
    "There is not enough memory.", "Lower train.batch_tokens or generate.batch_tokens, or choose a smaller network."
)
SIGNALLED = 128  # and the number of the signal, as shells count


def run(words: list[str]) -> int:
    """Runs one command; returns its exit code: 0 done, 1 it found something bad, 2 a mistake, 130 stopped by Ctrl-C,
    143 and 129 by SIGTERM and SIGHUP.
    """
    try:
        return app(words, prog_name="heedful", standalone_mode=False) or 0
    except HeedfulError as error:
        print(error, file=sys.stderr)
    except BrokenPipeError:  # a reader that has gone
        raise
    except OSError as error:
        print(system_error(error), file=sys.stderr)
    except UnicodeEncodeError as error:
        if not str(error).endswith("surrogates not allowed"):
            raise
        print(name_not_utf8(error), file=sys.stderr)
    except MemoryError:
        print(OUT_OF_MEMORY, file=sys.stderr)
    except Exception as error:
        # What typer finds wrong with flags. The classes are a private copy of click's in newer versions of it.
        if "can't allocate memory" in str(error):  # torch's, by its words alone
            print(OUT_OF_MEMORY, file=sys.stderr)
        elif not hasattr(error, "format_message"):
            raise
        else:
            print(usage(error), file=sys.stderr)
    return USAGE_ERROR


def system_error(error: OSError) -> HeedfulError:
    """What the system says: of a full disk (which names no file), a folder that is gone or may not be written to."""
    reason = error.strerror or str(error)
    cure = "Make room, and give the same command again." if error.errno in FULL else ""
    return HeedfulError(f"{error.filename}: {reason}." if error.filename else f"Writing failed: {reason}.", cure)


def usage(error: Any) -> HeedfulError:
    """The error for a misused flag or argument."""
    command = error.ctx.command_path if error.ctx else "heedful"
    if hasattr(error, "possibilities"):
        return no_flag(command, error.option_name, error.ctx)
    return HeedfulError(f"{command}: {error.format_message()}", f"{command} --help shows how it is used.")


def no_flag(command: str, flag: str, context: Any) -> HeedfulError:
    """The error for a flag that a command does not have: the nearest flag, or the recipe's key of that name."""
    from heedful.recipe import keys

    word = flag.lstrip("-").replace("-", "_")
    key = next((key for key in keys() if word and word in (key, key.rpartition(".")[2])), None)
    flags = [option for parameter in context.command.params for option in parameter.opts if option.startswith("-")]
    match = nearest(flag, flags)
    if key and not match:
        return HeedfulError(f"{command} has no flag {flag}.", f"It is a key of the recipe: write {key}=…")
    hint = f" Did you mean {match}?" if match else ""
    return HeedfulError(f"{command} has no flag {flag}.{hint}", f"Flags: {', '.join([*flags, '--help'])}.")


class Commands(TyperGroup):
    """The commands of the table, each imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [command.name for command in COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        names = self.list_commands(ctx)
        if cmd_name in names:
            return make_command(cmd_name)
        if ctx.resilient_parsing:  # A shell asks for completions of half a word.
            return None
        raise unknown("command", cmd_name, names)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            from heedful.training.signals import Stopped

            if isinstance(stop, Stopped):  # a run has said so itself
                return SIGNALLED + stop.number
            print(str(stop) or "Stopped.", file=sys.stderr)
            return SIGNALLED + signal.SIGINT


def make_command(name: str) -> Any:
    """The command of a name, from its own module; that of a task without one is made of the task's facts."""
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    if find_spec(f"heedful.cli.{name}"):
        module = import_module(f"heedful.cli.{name}")
        single.command(name, cls=getattr(module, "Command", None))(module.run)
    else:
        from heedful.cli import verb

        single.command(name)(verb.make_command(name))
    return get_command(single)


app = typer.Typer(cls=Commands, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback()
def heedful() -> None:
    """Sequence models of every era."""
