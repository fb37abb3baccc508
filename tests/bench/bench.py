#!/usr/bin/env python3
"""What one `presscheck check` of the sample costs, next to `dbt test` of the same project, in dbt Core 1.12 and dbt 2.x.

The commands run in turn (A B C, A B C, ...), so that the drift of a shared machine hits them alike, after one round that is not counted.
Prints a Markdown table: median (minimum-maximum) of each, and the median of the ratios within a round. README.md says how to read it.
"""

import argparse
import base64
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "presscheck"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or CACHE / "target")
AS_OF = "2026-11-23T11:40:00+00:00"

# dbt 2.x loads its database through an ADBC driver, which it would download; DuckDB's own package for Node holds the same library.
DRIVER = "@duckdb/node-bindings-linux-x64@1.5.6-r.1"
DRIVER_SHA512 = "IXcrZJE6kEqM0Z4wwdVnGBHX/frOS33VPNAwDXQ/Q+Fs84b058Qe94chrCCIcNJlG8Y3UHIUU4eBeCQxW5mN1Q=="
MANIFEST = """manifest_version = 1
name = "DuckDB"
version = "1.5.6"
[ADBC]
version = "1.1.0"
[Driver]
entrypoint = "duckdb_adbc_init"
[Driver.shared]
linux_amd64 = "{library}"
"""


@dataclass
class Contender:
    """One command to time. `exits` are the exit codes of a run that did its work: a failed check is a result, not an error."""

    name: str
    version: str
    argv: list[str]
    project: Path
    exits: tuple[int, ...]
    env: dict[str, str] = field(default_factory=dict)
    rounds: list["Cost"] = field(default_factory=list)


@dataclass
class Cost:
    """Seconds, seconds, MiB; the processes that the command waits for are included."""

    wall: float
    cpu: float
    peak: float
    exit: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--presscheck", type=Path, default=TARGET / "release" / "presscheck", help="the binary to time (default: %(default)s)")
    parser.add_argument("--peers-only", action="store_true", help="time dbt alone")
    parser.add_argument("--work", type=Path, default=CACHE / "bench", help="a folder for the copies of the sample (default: %(default)s)")
    options = parser.parse_args()
    # A contender that writes no bytecode, or waits for a server of statistics, would be measured at its worst.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.update(DBT_SEND_ANONYMOUS_USAGE_STATS="false", DO_NOT_TRACK="1")
    options.work.mkdir(parents=True, exist_ok=True)

    contenders = [] if options.peers_only else [presscheck(options.presscheck, options.work)]
    contenders += [dbt("1.12", options.work, {}), dbt("2", options.work, driver(options.work))]
    load = os.getloadavg()[0]
    for number in range(options.rounds + 1):
        for contender in contenders:
            cost = run(contender, options.work / f"{contender.project.name}.log")
            print(f"round {number} {contender.name}: wall {cost.wall:.2f} cpu {cost.cpu:.2f} exit {cost.exit}", file=sys.stderr)
            if number > 0:
                contender.rounds.append(cost)
    print(table(contenders))
    print(f"\n{options.rounds} rounds, {os.cpu_count()} cores, load average {load:.1f} at the start and {os.getloadavg()[0]:.1f} at the end.")
    for contender in contenders:
        print(f"- {contender.name}: {contender.version}; its output: {options.work / contender.project.name}.log")


def presscheck(binary: Path, work: Path) -> Contender:
    if not binary.exists():
        sys.exit(f'{binary} is missing. Build it:  eval "$(tests/stage-duckdb)" && CARGO_TARGET_DIR={TARGET} cargo build --release --locked')
    project = work / "presscheck"
    shutil.rmtree(project, ignore_errors=True)
    call([binary, "demo", "--into", project])
    argv = [str(binary), "check", "--project-dir", str(project), "--as-of", AS_OF]
    return Contender("presscheck check", call([binary, "--version"]).split("\n")[0], argv, project, (0, 1))


def dbt(release: str, work: Path, env: dict[str, str]) -> Contender:
    """A copy of the sample with a warehouse that this dbt built itself: DuckDB 1.5 cannot open a file of DuckDB 2.0."""
    binary = Path(call([ROOT / "tests" / "make-venv", f"dbt-{release}"]).strip()) / "bin" / "dbt"
    project = work / f"dbt-{release}"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(ROOT / "sample_project", project, ignore=shutil.ignore_patterns("*.duckdb*", "target", "logs"))
    for command in ("seed", "run"):
        call([binary, command, "--profiles-dir", project], cwd=project, env=env)
    argv = [str(binary), "test", "--project-dir", str(project), "--profiles-dir", str(project)]
    said = [line.strip(" -") for line in call([binary, "--version"]).splitlines()]
    version = next(line for line in said if line.startswith(("installed:", "dbt-"))).removeprefix("installed:").strip()
    return Contender(f"dbt {release} test", version, argv, project, (0, 1), env)


def driver(work: Path) -> dict[str, str]:
    folder = work / "adbc"
    library = folder / "libduckdb.so"
    if not library.exists():
        folder.mkdir(exist_ok=True)
        packed = folder / json.loads(call(["npm", "pack", "--json", DRIVER], cwd=folder))[0]["filename"]
        if base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode() != DRIVER_SHA512:
            sys.exit(f"{packed} is not the {DRIVER} that was pinned")
        with tarfile.open(packed) as archive, archive.extractfile("package/libduckdb.so") as inside, open(f"{library}.new", "wb") as outside:
            shutil.copyfileobj(inside, outside)
        os.replace(f"{library}.new", library)
        packed.unlink()
    (folder / "duckdb.toml").write_text(MANIFEST.format(library=library))
    return {"ADBC_DRIVER_PATH": str(folder)}


def call(argv: list, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = subprocess.run([str(word) for word in argv], cwd=cwd, env=os.environ | (env or {}), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, argv))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def run(contender: Contender, log: Path) -> Cost:
    with open(log, "wb") as output:
        start = time.perf_counter()
        child = subprocess.Popen(
            contender.argv,
            cwd=contender.project,
            env=os.environ | contender.env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in contender.exits:
        sys.exit(f"{contender.name} ended with {child.returncode}; see {log}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, child.returncode)


def table(contenders: list[Contender]) -> str:
    first = contenders[0]
    lines = [
        f"| command | wall s | CPU s | peak MiB | wall / {first.name} | CPU / {first.name} | exit |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for contender in contenders:
        pairs = list(zip(contender.rounds, first.rounds))
        cells = [
            contender.name,
            spread([cost.wall for cost in contender.rounds], ".3f"),
            spread([cost.cpu for cost in contender.rounds], ".3f"),
            spread([cost.peak for cost in contender.rounds], ".0f"),
            f"{statistics.median(one.wall / base.wall for one, base in pairs):.1f}",
            f"{statistics.median(one.cpu / base.cpu for one, base in pairs):.1f}",
            ", ".join(map(str, sorted({cost.exit for cost in contender.rounds}))),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(values: list[float], shape: str) -> str:
    return f"{statistics.median(values):{shape}} ({min(values):{shape}}-{max(values):{shape}})"


if __name__ == "__main__":
    main()
