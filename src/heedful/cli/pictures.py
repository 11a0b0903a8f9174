"""What the commands that ask about pictures share: folders of them, and pictures that cannot be read."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from heedful.cli import ask
from heedful.errors import HeedfulError

if TYPE_CHECKING:
    from heedful.results import Answer

MAX_LISTED = 5  # pictures that cannot be read, each with its reason


def answer_pictures(
    answer: "Callable[[list[str]], list[list[Answer]]]", lines: Iterable[str], at_once: int, folders: bool = True
) -> "Iterator[list[Answer]]":
    """Answers in the order of the pictures; a picture that cannot be read is left out, and reported at the end.

    `folders`: they are replaced by their pictures; else `answer` takes them. Raises HeedfulError at the end, when all
    others are answered, for a picture that was named by itself; at once if none can be read.
    """
    asked = AskedPictures(answer)
    names = asked.pictures_of(lines) if folders else filter(str.strip, lines)
    yield from ask.answer_all(asked.answers, names, at_once)
    asked.report()


class AskedPictures:
    """Pictures that are asked about, by themselves or in folders, and what of them cannot be read."""

    def __init__(self, answer: "Callable[[list[str]], list[list[Answer]]]") -> None:
        self.answer = answer
        self.in_folders: set[str] = set()
        self.errors: dict[str, HeedfulError] = {}
        self.answered_count = 0

    def pictures_of(self, lines: Iterable[str]) -> Iterator[str]:
        """Pictures by name; for a folder or a sample all in it, in their order. Blank lines name nothing.

        Reports what of a folder is passed over.
        """
        from heedful.data.pictures.files import is_folder, pictures_and_notes, pictures_in

        for line in filter(str.strip, lines):
            if is_folder(line):
                pictures, notes = pictures_and_notes(line)
                for note in notes:
                    print(note, file=sys.stderr)
                names = list(map(str, pictures))
                self.in_folders.update(names)
                yield from names
            else:
                yield from pictures_in(line) or [line]

    def answers(self, names: list[str]) -> "list[list[Answer]]":
        """The answers for all that can be read: where one cannot, each half is asked for itself."""
        try:
            answers = self.answer(names)
        except HeedfulError as error:
            if error.row is not None:  # of the texts, which are the same for all
                raise
            if len(names) == 1:
                self.errors[names[0]] = error
                return []
            middle = len(names) // 2
            return [*self.answers(names[:middle]), *self.answers(names[middle:])]
        self.answered_count += len(answers)
        return answers

    def report(self) -> None:
        """Reports what was left out; raises HeedfulError if that is all, or if it was named by itself."""
        from heedful.data.readers.rows import count

        named = [error for name, error in self.errors.items() if name not in self.in_folders]
        errors = list(self.errors.values())
        if len(errors) == 1 and (named or not self.answered_count):
            raise errors[0]
        if not errors:
            return
        lines = [error.problem for error in errors[:MAX_LISTED]]
        more = len(errors) - len(lines)
        lines += [f"and {more:,} more"] * bool(more)
        if named or not self.answered_count:
            raise HeedfulError(f"{count(len(errors), 'picture')} cannot be read:", "\n".join(lines))
        print(f"left out: {count(len(errors), 'picture')} that cannot be read", *lines, sep="\n  ", file=sys.stderr)
