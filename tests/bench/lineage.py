#!/usr/bin/env python3
"""What the lineage of a large dbt project costs: `presscheck lineage --all`, cold and warm, next to a bare parse of the same SQL and to sqlglot.

The project is synthetic (synthetic.py): 10,000 models unless told otherwise. Everything is measured in one run, in turn (A B C, A B C, ...),
after one round that is not counted. Prints a Markdown table: median (minimum-maximum). README.md says how to read it.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import synthetic

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "presscheck"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or CACHE / "target")
# `lineage: CPU s / wall s`, which --timings prints on standard error.
PHASE = re.compile(r"^(?P<phase>[a-z][a-z ]*): (?P<cpu>[\d.]+) s / (?P<wall>[\d.]+) s", re.MULTILINE)


@dataclass
class Cost:
    """Seconds, seconds, MiB of a whole process; `work` is CPU seconds of the lineage alone, as the process itself says."""

    wall: float
    cpu: float
    peak: float
    work: float | None
    said: str


@dataclass
class Contender:
    """One command to time. Whatever `forget` holds is removed before each run."""

    name: str
    argv: list[str]
    work: "callable"
    forget: list[Path] = field(default_factory=list)
    scale: float = 1.0
    rounds: list[Cost] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sample", type=int, default=500, help="models that sqlglot reads; its time is scaled up (default: %(default)s)")
    parser.add_argument("--without", nargs="*", default=[], choices=["floor", "sqlglot", "presscheck"], help="leave out")
    parser.add_argument("--presscheck", type=Path, default=TARGET / "release" / "presscheck", help="the binary to time (default: %(default)s)")
    parser.add_argument("--arguments", default="--timings", help="more arguments of `presscheck lineage --all` (default: %(default)s)")
    parser.add_argument("--work", type=Path, default=CACHE / "bench", help="a folder for the project (default: %(default)s)")
    parser.add_argument("--generate", action="store_true", help="write the project, say what is in it, and stop")
    parser.add_argument("--as-sqlglot", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.as_sqlglot:
        print(json.dumps(sqlglot_lineage(options.as_sqlglot, options.sample)))
        return
    # A contender that writes no bytecode would be measured at its worst.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

    project = options.work / f"lineage-{options.models}-{options.seed}"
    if options.generate:
        shutil.rmtree(project, ignore_errors=True)
        print(json.dumps(synthetic.write(project, options.models, options.seed)))
        return
    # In a process apart: the kernel counts the size of the parent into the peak of a child.
    generate = [sys.executable, Path(__file__), "--generate", "--models", options.models, "--seed", options.seed, "--work", options.work]
    facts = json.loads(call(generate))
    print(f"{project}: {numbers(facts)}", file=sys.stderr)
    contenders = []
    if "floor" not in options.without:
        contenders.append(floor(project))
    if "presscheck" not in options.without:
        contenders += presscheck(options, project)
    if "sqlglot" not in options.without:
        contenders.append(peer(options, project))
    load = os.getloadavg()[0]
    for number in range(options.rounds + 1):
        for contender in contenders:
            cost = run(contender, options.work / "lineage.log")
            work = "" if cost.work is None else f" work {cost.work:.3f}"
            print(f"round {number} {contender.name}: wall {cost.wall:.2f} cpu {cost.cpu:.2f}{work}", file=sys.stderr)
            if number > 0:
                contender.rounds.append(cost)
    print(table(contenders, facts))
    print(f"\n{options.rounds} rounds, {os.cpu_count()} cores, load average {load:.1f} at the start and {os.getloadavg()[0]:.1f} at the end.")
    print(f"The project: {numbers(facts)}; seed {options.seed}.")
    for contender in contenders:
        print(f"- {contender.name}: {contender.rounds[-1].said.strip()}")


def numbers(facts: dict) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in facts.items())


def floor(project: Path) -> Contender:
    """The parser that presscheck uses, alone."""
    crate, target = HERE / "floor", TARGET / "floor"
    call(["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", crate / "Cargo.toml", "--target-dir", target])
    argv = [str(target / "release" / "floor"), str(project / "target" / "manifest.json")]
    return Contender("bare parse (sqlparser 0.63)", argv, lambda out, _: json.loads(out)["cpu"])


def presscheck(options: argparse.Namespace, project: Path) -> list[Contender]:
    if not options.presscheck.exists():
        sys.exit(f"{options.presscheck} is missing: see README.md, or say --without presscheck")
    argv = [str(options.presscheck), "lineage", "--all", "--project-dir", str(project), *options.arguments.split()]
    kept = project / "target" / "presscheck"
    return [Contender("presscheck, cold", argv, phase, [kept]), Contender("presscheck, warm", argv, phase)]


def phase(_out: str, err: str) -> float | None:
    found = {match["phase"]: float(match["cpu"]) for match in PHASE.finditer(err)}
    return found.get("lineage")


def peer(options: argparse.Namespace, project: Path) -> Contender:
    python = Path(call([HERE.parent / "make-venv", "sqlglot"]).strip()) / "bin" / "python"
    sample = min(options.sample, options.models)
    argv = [str(python), str(Path(__file__).resolve()), "--as-sqlglot", str(project), "--sample", str(sample)]
    name = "sqlglot 30 with sqlglotc" + ("" if sample == options.models else f", {sample} models scaled to {options.models:,}")
    return Contender(name, argv, lambda out, _: json.loads(out)["cpu"], scale=options.models / sample)


def call(argv: list) -> str:
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, argv))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def run(contender: Contender, log: Path) -> Cost:
    for path in contender.forget:
        shutil.rmtree(path, ignore_errors=True)
    errors = log.with_suffix(".err")
    with open(log, "wb") as output, open(errors, "wb") as told:
        start = time.perf_counter()
        child = subprocess.Popen(contender.argv, stdin=subprocess.DEVNULL, stdout=output, stderr=told)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{contender.name} ended with {child.returncode}; see {log} and {errors}")
    out, err = (open(path, errors="replace").read(100_000) for path in (log, errors))
    said = "; ".join((err if len(out) > 1000 else out + err).split("\n"))[:1000]
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, contender.work(out, err), said)


def table(contenders: list[Contender], facts: dict) -> str:
    lines = [
        "| | wall s | CPU s | of it reading SQL: CPU s | / bare parse | peak MiB | peak / manifest.json |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    base = contenders[0].rounds if contenders[0].name.startswith("bare") else []
    for contender in contenders:
        scale, rounds = contender.scale, contender.rounds
        # A scaled process is only scaled where it works: neither its start nor its memory grows with the models that it did not read.
        works = [cost.work * scale for cost in rounds if cost.work is not None]
        pairs = [(cost.work * scale, one.work) for cost, one in zip(rounds, base) if cost.work is not None]
        peaks = [cost.peak for cost in rounds]
        size = facts["bytes of manifest.json"] / (1 << 20)
        cells = [
            contender.name,
            spread([cost.wall for cost in rounds], ".2f") if scale == 1 else "",
            spread([cost.cpu for cost in rounds], ".2f") if scale == 1 else "",
            spread(works, ".3f") if works else "",
            f"{statistics.median(mine / floor for mine, floor in pairs):.2f}" if pairs else "",
            spread(peaks, ".0f"),
            f"{statistics.median(peaks) / size:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(values: list[float], shape: str) -> str:
    return f"{statistics.median(values):{shape}} ({min(values):{shape}}-{max(values):{shape}})"


def sqlglot_lineage(project: Path, sample: int) -> dict:
    """Every output column of some models, each traced to the columns of the model's direct inputs; the schema is known.

    A model is parsed and qualified once and its columns are traced together, which is the cheapest way that sqlglot offers.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.lineage import lineage
    from sqlglot.optimizer import build_scope
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.schema import MappingSchema

    manifest = json.loads((project / "target" / "manifest.json").read_text())
    catalog = json.loads((project / "target" / "catalog.json").read_text())
    tables: dict = {}
    for entry in [*catalog["nodes"].values(), *catalog["sources"].values()]:
        place = entry["metadata"]
        columns = {name: column["type"] for name, column in entry["columns"].items()}
        tables.setdefault(place["database"], {}).setdefault(place["schema"], {})[place["name"]] = columns
    schema = MappingSchema(tables, dialect="duckdb")
    models = [node["compiled_code"] for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    # Spread over the layers, because the models stand in their order.
    texts = [models[at * len(models) // sample] for at in range(sample)]
    start, edges, failed = time.process_time(), 0, 0
    for text in texts:
        try:
            tree = qualify(sqlglot.parse_one(text, dialect="duckdb"), schema=schema, dialect="duckdb", validate_qualify_columns=False, identify=False)
            roots = lineage(None, tree, schema, scope=build_scope(tree), dialect="duckdb", copy=False, trim_selects=False).values()
            edges += sum(isinstance(node.expression, exp.Table) for root in roots for node in root.walk())
        except Exception:
            failed += 1
    cpu = time.process_time() - start
    # The compiled extension lays its modules beside sqlglot's own.
    compiled = sys.modules[type(tree).__module__].__file__.endswith(".so")
    return {"sqlglot": sqlglot.__version__, "compiled": compiled, "models": sample, "failed": failed, "edges": edges, "cpu": round(cpu, 4)}


if __name__ == "__main__":
    main()
