"""heedful networks: the history of the field as a table."""

import textwrap


def run() -> None:
    """The history of the field as a table: read downwards, what each network added and what it still lacked."""
    from heedful.cli.info import VOCABULARY, resolved, unbuilt
    from heedful.networks.lineage import allowed, describe
    from heedful.sections import SIZES
    from heedful.tasks import BUILT

    for row in describe():
        counts = {size: sum(w.numel() for w in unbuilt(resolved(row["name"], size)).parameters()) for size in SIZES}
        sizes = ", ".join(f"{size} {count / 1e6:.2f} M" for size, count in counts.items())
        print(row["name"])
        for key, value in {**row, "weights": sizes}.items():
            if key != "name":
                print(textwrap.fill(value, 100, initial_indent=f"  {key + ':':<10}", subsequent_indent=" " * 12))
        print()
    for name in BUILT:
        missing = [row["name"] for row in describe() if row["name"] not in allowed(name)]
        print(f"{name + ':':<11}every network" + (f" but {', '.join(missing)}" if missing else ""))
    print(f"\nWeights are counted with vocabularies of {VOCABULARY:,} entries.")
    print("heedful info NETWORK draws one.")
