"""heedful check: look at the data before training on it."""

from heedful.cli import show
from heedful.cli.words import TestFlag, ValidFlag, What, recipe_of


def run(words: What, valid: ValidFlag = None, test: TestFlag = None) -> int:
    """Look at the data before training on it: bad rows, duplicates, leaks into test data, lengths, odd characters.

    \b
    heedful check translate pairs.tsv
    heedful check translate pairs.tsv --test test.tsv data.columns=2,1

    Exit code 0: clean, or warnings only; 1: bad rows; 2: the command itself was wrong.
    """
    recipe = recipe_of("check", words, {"data.valid": valid, "data.test": test})

    from heedful import api

    result = api.check(recipe)
    print(show.findings(result))
    return int(any(finding.level == "x" for finding in result.findings))
