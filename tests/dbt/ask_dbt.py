"""Asks dbt 1.12 what each line of selectors.txt selects (`include` or `include ! exclude`). Called by remake, inside the project."""

import sys
from pathlib import Path

from dbt.cli.main import dbtRunner

# presscheck does not read these.
OTHERS = ("unit_test.", "saved_query.", "operation.", "analysis.", "function.")


def main(selectors: Path, out: Path) -> None:
    runner = dbtRunner()
    told = []
    for line in selectors.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        include, _, exclude = line.partition(" ! ")
        argv = ["--quiet", "ls", "--output", "json", "--output-keys", "unique_id", "--select", include]
        result = runner.invoke(argv + (["--exclude", exclude] if exclude else []))
        if not result.success:
            sys.exit(f"{line}: {result.exception}")
        ids = sorted(item.split('"')[3] for item in result.result or [])
        told.append("\n  ".join([line] + [one for one in ids if not one.startswith(OTHERS)]))
    out.write_text("\n".join(told) + "\n")


main(Path(sys.argv[1]), Path(sys.argv[2]))
