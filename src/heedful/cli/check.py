"""heedful check: look at the data before training on it."""

from pathlib import Path

from heedful.cli.words import FromFlag, OutputFlag, TaskAndFiles, TestFlag, ValidFlag, recipe_of


def run(
    words: TaskAndFiles,
    valid: ValidFlag = None,
    test: TestFlag = None,
    start: FromFlag = None,
    output: OutputFlag = None,
) -> int:
    """Look at the data before training on it: bad rows, duplicates, leaks into test data, lengths, odd characters;
    and at what training would hold out where no file says it.

    \b
    heedful check translate pairs.tsv
    heedful check translate pairs.tsv --test test.tsv data.columns=2,1
    heedful check classify mails.csv --from runs/bert        also: rows that are longer than these weights read

    -o is the page's folder, by default runs/check-<data>. Exit code 0: clean, or warnings only; 1: bad rows;
    2: the command itself was wrong.
    """
    recipe = recipe_of("check", words, {"data.valid": valid, "data.test": test, "start": start})

    from heedful.api.run_folder import data_stem
    from heedful.api.verbs import check
    from heedful.report.pages import check_page
    from heedful.report.terminal import findings_text

    result = check(recipe)
    folder = output or Path("runs") / f"check-{data_stem(recipe)}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(check_page(result), encoding="utf-8")
    print(findings_text(result))
    print(f"page: {folder / 'index.html'}")
    return int(any(finding.level == "x" for finding in result.findings))
