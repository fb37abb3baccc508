#!/usr/bin/env python3
"""What forty checks of six million rows cost: presscheck, dbt and Soda, next to SQL that was written by hand for the engine.

The commands run in turn (A B C, A B C, ...), after one round that is not counted. On PostgreSQL the server's CPU counts, too. Prints a Markdown
table: median (minimum-maximum) of each, and the median of the ratios within a round. README.md says how to read it.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import questions
from bench import CACHE, ROOT, TARGET, call, driver, spread

RAW = """import json, sys
engine, target, path = sys.argv[1:]
if engine == "duckdb":
    import duckdb
    cursor = duckdb.connect(target, read_only=True)
else:
    import psycopg2
    connection = psycopg2.connect(target)
    connection.autocommit = True
    cursor = connection.cursor()
wrong = []
for query in json.load(open(path)):
    cursor.execute(query["sql"])
    for (name, low, high), value in zip(query["answers"], cursor.fetchone()):
        if value is None or not low <= float(value) <= high:
            wrong.append(name)
print(wrong)
sys.exit(bool(wrong))
"""
DATA = """import sys, duckdb, duckdb_extensions
duckdb_extensions.import_extension("tpch")
to = duckdb.connect(sys.argv[1])
to.execute("set memory_limit = '6GB'; load tpch; call dbgen(sf = 1)")
seconds = "to_seconds((l_orderkey * 8 + l_linenumber) % 86400)"
to.execute(f"alter table lineitem add column l_updated_at timestamp; update lineitem set l_updated_at = l_receiptdate::timestamp + {seconds}")
to.execute("alter table orders add column o_updated_at timestamp; update orders set o_updated_at = o_orderdate::timestamp")
for table in "lineitem orders".split():
    to.execute(f"create or replace table kept as from {table}; drop table {table}; alter table kept rename to {table}")
    to.execute(f"copy {table} to '{sys.argv[2]}/{table}.csv' (header false)")
for table in "customer part partsupp supplier nation region".split():
    to.execute(f"drop table {table}")
to.execute("checkpoint")
"""


@dataclass
class Contender:
    """One command to time, and the exit code of a run in which every check passed."""

    name: str
    argv: list
    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    rounds: list[tuple[float, float, float]] = field(default_factory=list)


class Server:
    """A PostgreSQL server of our own, on loopback. CPU is read when a command's sessions have ended."""

    def __init__(self, folder: Path, port: int):
        self.port, self.data = port, folder / "data"
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if not binaries:
            sys.exit("PostgreSQL's server programs are missing (on Debian: apt-get install postgresql)")
        self.binaries = binaries[-1]
        self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        if not (self.data / "PG_VERSION").exists():
            self.data.mkdir(parents=True, exist_ok=True)
            if self.user:
                shutil.chown(self.data, "postgres", "postgres")
            call([*self.user, self.binaries / "initdb", "-U", "bench", "-A", "trust", "--locale=C", "-E", "UTF8", "-D", self.data])
        settings = "shared_buffers=2GB work_mem=64MB maintenance_work_mem=512MB max_wal_size=16GB fsync=off max_parallel_workers_per_gather=2"
        options = [word for setting in settings.split() for word in ("-c", setting)]
        self.process = subprocess.Popen(
            [*self.user, self.binaries / "postgres", "-D", self.data, "-p", str(port), "-h", "127.0.0.1", "-k", "", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        while subprocess.run(self.psql("postgres", "select 1"), capture_output=True).returncode != 0:
            time.sleep(0.2)

    def psql(self, database: str, sql: str) -> list[str]:
        return ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "bench", "-d", database, "-c", sql]

    def load(self, csv: Path) -> None:
        if "bench" in call(self.psql("postgres", "select datname from pg_database")).split():
            return
        call(self.psql("postgres", "create database filling"))
        tables = {"lineitem": questions.COLUMNS | {"l_updated_at": "timestamp"}, "orders": questions.ORDERS}
        for table, columns in tables.items():
            call(self.psql("filling", f"create table {table} ({', '.join(' '.join(column) for column in columns.items())})"))
            call(self.psql("filling", f"\\copy {table} from '{csv / table}.csv' (format csv)"))
            call(self.psql("filling", f"vacuum (analyze, freeze) {table}"))
        call(self.psql("postgres", "alter database filling rename to bench"))

    def cpu(self) -> float:
        """Seconds of the sessions that have ended; waits until all have."""
        while call(self.psql("postgres", "select count(*) from pg_stat_activity where datname = 'bench'")).strip() != "0":
            time.sleep(0.1)
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=["duckdb", "postgres"], default="duckdb")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--presscheck", type=Path, default=TARGET / "release" / "presscheck", help="the binary to time (default: %(default)s)")
    parser.add_argument("--without", nargs="*", default=[], choices=["dbt", "dbt2", "soda", "per-check"])
    parser.add_argument("--many", action="store_true", help="ask four hundred checks of the same table, too")
    parser.add_argument("--work", type=Path, default=CACHE / "bench" / "suite", help="a folder for data and projects (default: %(default)s)")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.update(DBT_SEND_ANONYMOUS_USAGE_STATS="false", DO_NOT_TRACK="1", SODA_CORE_TELEMETRY_ENABLED="false", PGPASSWORD="-")
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    data = work / "bench.duckdb"
    if not (work / "data.made").exists():
        data.unlink(missing_ok=True)
        call([venv("tpch") / "bin/python", "-c", DATA, data, work])
        (work / "data.made").touch()
    server = None
    try:
        if options.engine == "postgres":
            # The server's own user does not see root's home.
            server = Server(Path("/var/tmp/presscheck_bench") if os.getuid() == 0 else work / "postgres", 54329)
            server.load(work)
        compare(contenders(options, work, data, server), options.rounds, server)
    finally:
        if server:
            server.stop()


def contenders(options: argparse.Namespace, work: Path, data: Path, server: Server | None) -> list[Contender]:
    engine, folder = options.engine, work / options.engine
    shutil.rmtree(folder, ignore_errors=True)
    if server:
        schema, raw = "public", f"host=127.0.0.1 port={server.port} user=bench dbname=bench"
        target = {"host": "127.0.0.1", "port": server.port, "user": "bench", "password": "-", "dbname": "bench", "schema": schema}
        source, dataset = {"host": "127.0.0.1", "port": server.port, "user": "bench", "password": "-", "database": "bench"}, "bench/bench/public"
    else:
        schema, raw = "main", str(data)
        target = {"path": str(data), "config_options": {"access_mode": "read_only"}}
        source, dataset = {"database": str(data), "read_only": True, "schema": schema}, "bench/main"
    python = venv("dbt-1.12") / "bin/python"
    ours = folder / "presscheck"
    questions.write_presscheck(ours, engine, "bench", schema, questions.checks())
    questions.write_dbt(folder / "dbt", engine, schema, target)
    questions.write_soda(folder / "soda", engine, source, dataset)
    for name in ("profiles.yml", "dbt_project.yml"):
        shutil.copy(folder / "dbt" / name, ours / name)
    if options.many:
        questions.write_presscheck(folder / "many", engine, "bench", schema, questions.many())
        for name in ("profiles.yml", "dbt_project.yml"):
            shutil.copy(folder / "dbt" / name, folder / "many" / name)
    if not options.presscheck.exists():
        sys.exit(f'{options.presscheck} is missing. Build it:  eval "$(tests/stage-duckdb)" && cargo build --release --locked')
    found = [Contender("tuned SQL", [python, "-c", RAW, engine, raw, folder / "tuned.json"], folder)]
    questions.write(folder / "tuned.json", json.dumps(questions.tuned(engine)))
    found.append(Contender("presscheck check", [options.presscheck, "check", "--profiles-dir", ours], ours))
    if options.many:
        found.append(Contender("presscheck check of 400", [options.presscheck, "check", "--profiles-dir", folder / "many"], folder / "many"))
    if "per-check" not in options.without:
        questions.write(folder / "per_check.json", json.dumps(questions.per_check(engine)))
        found.append(Contender("a query for each check", [python, "-c", RAW, engine, raw, folder / "per_check.json"], folder))
    if "dbt" not in options.without:
        found.append(Contender("dbt 1.12 test", [venv("dbt-1.12") / "bin/dbt", "test", "--profiles-dir", "."], folder / "dbt"))
    if "dbt2" not in options.without and engine == "duckdb":
        shutil.copytree(folder / "dbt", folder / "dbt2")
        argv = [venv("dbt-2") / "bin/dbt", "test", "--profiles-dir", "."]
        found.append(Contender("dbt 2 test", argv, folder / "dbt2", driver(CACHE / "bench")))
    if "soda" not in options.without:
        argv = [venv("soda") / "bin/soda", "contract", "verify", "-ds", "source.yml", "-c", "lineitem.yml"]
        found.append(Contender("soda 4.28", argv, folder / "soda"))
    return found


def compare(found: list[Contender], rounds: int, server: Server | None) -> None:
    for number in range(rounds + 1):
        for one in found:
            before = server.cpu() if server else 0
            with open(one.folder.parent / f"{one.name.replace(' ', '_')}.log", "wb") as log:
                start = time.perf_counter()
                child = subprocess.Popen(
                    list(map(str, one.argv)), cwd=one.folder, env=os.environ | one.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
                _, status, usage = os.wait4(child.pid, 0)
            wall = time.perf_counter() - start
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode != 0:
                sys.exit(f"{one.name} ended with {child.returncode}; see {log.name}")
            own = usage.ru_utime + usage.ru_stime
            cpu = own + (server.cpu() - before if server else 0)
            print(f"round {number} {one.name}: wall {wall:.2f} cpu {cpu:.2f}, of it {own:.3f} not the server's", file=sys.stderr)
            if number:
                one.rounds.append((wall, cpu, usage.ru_maxrss / 1024, own))
    aside = "of it the command's own | " if server else ""
    print(f"| command | wall s | CPU s | {aside}peak MiB | CPU / tuned SQL |\n| --- | --- | --- | {'--- | ' if server else ''}--- | --- |")
    for one in found:
        walls, cpus, peaks, owns = zip(*one.rounds)
        ratio = statistics.median(of[1] / base[1] for of, base in zip(one.rounds, found[0].rounds))
        own = f"{spread(owns, '.3f')} | " if server else ""
        print(f"| {one.name} | {spread(walls, '.2f')} | {spread(cpus, '.2f')} | {own}{spread(peaks, '.0f')} | {ratio:.2f} |")
    print(f"\n{rounds} rounds, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the end.")


def venv(name: str) -> Path:
    return Path(call([ROOT / "tests" / "make-venv", name]).strip())


if __name__ == "__main__":
    main()
