"""heedful networks: the history of the field as a table."""

import textwrap


def run() -> None:
    """The history of the field as a table: read downwards, what each network added and what it still lacked."""
    from heedful.networks import lineage

    for row in lineage.describe():
        print(row["name"])
        for key, value in row.items():
            if key != "name":
                print(textwrap.fill(str(value), 100, initial_indent=f"  {key + ':':<8}", subsequent_indent=" " * 10))
        print()
    print("heedful info NETWORK draws one.")
