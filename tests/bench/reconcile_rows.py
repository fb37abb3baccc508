#!/usr/bin/env python3
"""What it costs to compare 1.5 million orders in PostgreSQL with a copy in DuckDB, of which 14 rows differ: presscheck, reladiff, and two floors.

The floors: DuckDB attaches the PostgreSQL and joins everything; psql copies the table to nowhere. The commands run in turn, after one round that is
not counted; the server's CPU counts, too. Prints a Markdown table: median (minimum-maximum) of each, and the median of the ratios within a round.
Every command must find the 14 keys, or it is not timed. README.md says how to read it.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import questions
from bench import CACHE, ROOT, TARGET, call, spread
from suite import Contender, Server

COLUMNS = "o_custkey o_orderstatus o_totalprice o_orderdate o_orderpriority o_clerk o_shippriority o_comment o_updated_at".split()
# reladiff does not know DuckDB's DATE.
KNOWN = [column for column in COLUMNS if column != "o_orderdate"]

DATA = """import sys, duckdb, duckdb_extensions
duckdb_extensions.import_extension("tpch")
to = duckdb.connect(sys.argv[1])
to.execute("set memory_limit = '6GB'; load tpch; call dbgen(sf = 1)")
to.execute("alter table orders add column o_updated_at timestamp; update orders set o_updated_at = o_orderdate::timestamp")
to.execute(f"copy orders to '{sys.argv[2]}' (header false)")
to.execute("create table copied as from orders order by o_orderkey; drop table orders; alter table copied rename to orders")
for table in "lineitem customer part partsupp supplier nation region".split():
    to.execute(f"drop table {table}")
keys = [key for (key,) in to.execute("select o_orderkey from orders where o_orderkey % 400000 = 7 or o_orderkey % 800000 = 133 order by 1").fetchall()]
alter = {
    "o_totalprice = o_totalprice + 0.01": keys[:5],
    "o_orderstatus = 'X'": keys[5:8],
    "o_comment = null": keys[8:10],
}
for change, of in alter.items():
    to.execute(f"update orders set {change} where o_orderkey in ({', '.join(map(str, of))})")
to.execute(f"delete from orders where o_orderkey in ({', '.join(map(str, keys[10:12]))})")
free = to.execute("select o_orderkey + 16 from orders where o_orderkey % 32 = 1 order by 1 limit 2 offset 9000").fetchall()
for (key,) in free:
    to.execute(f"insert into orders select {key}, * exclude (o_orderkey) from orders where o_orderkey = {key - 16}")
to.execute("checkpoint")
print(sorted(keys[:12] + [key for (key,) in free]))
"""
ATTACH = """import sys, duckdb, duckdb_extensions
dsn, path, columns = sys.argv[1:]
duckdb_extensions.import_extension("postgres_scanner")
here = duckdb.connect(path, read_only=True)
here.execute("load postgres_scanner")
here.execute(f"attach '{dsn}' as there (type postgres, read_only)")
apart = " or ".join(f"l.{column} is distinct from r.{column}" for column in columns.split())
sql = f"select coalesce(l.o_orderkey, r.o_orderkey) from there.public.orders l full join orders r on l.o_orderkey = r.o_orderkey where l.o_orderkey is null or r.o_orderkey is null or {apart}"
print(sorted(key for (key,) in here.execute(sql).fetchall()))
"""
MODEL = f"select {', '.join(questions.ORDERS)} from landed"
MANIFEST = {
    "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "dbt_version": "1.12.6", "adapter_type": "duckdb",
                 "generated_at": "2026-11-22T00:00:00Z", "project_name": "rows"},
    "nodes": {"model.rows.orders": {
        "unique_id": "model.rows.orders", "resource_type": "model", "name": "orders", "alias": "orders", "package_name": "rows", "path": "orders.sql",
        "original_file_path": "models/orders.sql", "fqn": ["rows", "orders"], "database": "rows", "schema": "main", "language": "sql",
        "relation_name": '"rows"."main"."orders"', "raw_code": MODEL, "compiled_code": MODEL, "checksum": {"name": "none", "checksum": ""},
        "config": {"materialized": "table"}, "columns": {}, "tags": [], "depends_on": {"nodes": [], "macros": []}}},
    "sources": {}, "macros": {}, "exposures": {}, "metrics": {}, "groups": {}, "selectors": {}, "disabled": {}, "parent_map": {}, "child_map": {}, "docs": {},
    "semantic_models": {}, "unit_tests": {}, "saved_queries": {},
}
CONTRACT = """version: 1
contract: rows
owners: {technical: {team: Data}}
metrics:
  revenue: {title: Revenue, column: orders.o_totalprice}
checks:
  - reconcile_rows:
      name: copy
      left: {model: orders}
      right: {connection: there, relation: public.orders}
      key: [o_orderkey]
      strategy: STRATEGY
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--strategy", nargs="+", choices=["auto", "stream", "checksums"], default=["stream", "checksums"],
                        help="how presscheck compares, each a command of its own (default: stream checksums)")
    parser.add_argument("--presscheck", type=Path, default=TARGET / "release" / "presscheck", help="the binary to time (default: %(default)s)")
    parser.add_argument("--work", type=Path, default=CACHE / "bench" / "rows", help="a folder for data (default: %(default)s)")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.update(PGPASSWORD="-", DO_NOT_TRACK="1")
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if not options.presscheck.exists():
        sys.exit(f'{options.presscheck} is missing. Build it:  eval "$(tests/stage-duckdb)" && cargo build --release --locked')
    data, csv, keys = work / "rows.duckdb", work / "orders.csv", work / "keys.json"
    if not keys.exists():
        data.unlink(missing_ok=True)
        found = call([venv("tpch") / "bin/python", "-c", DATA, data, csv])
        keys.write_text(found.splitlines()[-1])
    wanted = json.loads(keys.read_text())
    assert len(wanted) == 14, wanted
    # The server's own user does not see root's home.
    server = Server(Path("/var/tmp/presscheck_rows") if os.getuid() == 0 else work / "postgres", 54331)
    try:
        load(server, csv)
        compare(contenders(options, work, data, server), wanted, work, server, options.rounds)
    finally:
        server.stop()


def venv(name: str) -> Path:
    return Path(call([ROOT / "tests" / "make-venv", name]).strip())


def load(server: Server, csv: Path) -> None:
    if "bench" in call(server.psql("postgres", "select datname from pg_database")).split():
        return
    call(server.psql("postgres", "create database filling"))
    call(server.psql("filling", f"create table orders ({', '.join(' '.join(column) for column in questions.ORDERS.items())})"))
    call(server.psql("filling", f"\\copy orders from '{csv}' (format csv)"))
    call(server.psql("filling", "alter table orders add primary key (o_orderkey)"))
    call(server.psql("filling", "vacuum (analyze, freeze) orders"))
    call(server.psql("postgres", "alter database filling rename to bench"))


def ours(presscheck: Path, strategy: str, work: Path, data: Path, server: Server) -> Contender:
    folder = work / f"presscheck_{strategy}"
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in {
        "dbt_project.yml": "name: rows\nprofile: rows\n",
        "presscheck.yml": "connections:\n  there: {profile: there}\n",
        "profiles.yml": f"rows:\n  target: dev\n  outputs:\n    dev: {{type: duckdb, path: {data}}}\nthere:\n  target: dev\n  outputs:\n    dev: "
        f"{{type: postgres, host: 127.0.0.1, port: {server.port}, user: bench, password: '-', dbname: bench, schema: public}}\n",
        "contracts/rows.yml": CONTRACT.replace("STRATEGY", strategy),
        "models/orders.sql": MODEL,
        "target/manifest.json": json.dumps(MANIFEST),
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return Contender(f"presscheck check, {strategy}", [presscheck, "check", "--profiles-dir", ".", "--format", "json"], folder)


def contenders(options: argparse.Namespace, work: Path, data: Path, server: Server) -> list[Contender]:
    own = [ours(options.presscheck, strategy, work, data, server) for strategy in options.strategy]
    dsn = f"host=127.0.0.1 port={server.port} user=bench dbname=bench"
    peers = venv("reladiff")
    address = f"postgresql://bench:x@127.0.0.1:{server.port}/bench"
    named = [word for column in KNOWN for word in ("-c", column)]
    return [
        *own,
        Contender("reladiff 0.6", [peers / "bin/reladiff", address, "orders", f"duckdb://{data}", "orders", "-k", "o_orderkey", *named,
                                   "--skip-sort-results", "--json"], work, {"COLUMNS": "100000"}),
        Contender("attach, and join everything", [peers / "bin/python", "-c", ATTACH, dsn, data, " ".join(COLUMNS)], work),
        Contender("COPY to nowhere", server.psql("bench", "\\copy orders to /dev/null (format binary)"), work),
    ]


def facts(said: str) -> dict[str, str]:
    """What presscheck says of the comparison: `rows_moved`, `strategy`, the keys."""
    checks = json.loads(said)["decisions"][0]["checks"]
    return dict(next(check for check in checks if check["id"] == "copy")["measured"]["facts"])


def finds(contender: Contender, said: str) -> list[int] | None:
    """The keys that a command names, in order; None for one that names none."""
    if contender.name.startswith("presscheck"):
        return sorted(int(value.split(":")[0]) for name, value in facts(said).items() if name.startswith("key_"))
    if contender.name.startswith("reladiff"):
        return sorted({int(json.loads(line)[1][0]) for line in said.splitlines() if line.startswith("[")})
    if contender.name.startswith("attach"):
        return json.loads(said.splitlines()[-1])
    return None


def compare(contenders: list[Contender], wanted: list[int], work: Path, server: Server, rounds: int) -> None:
    load_before = os.getloadavg()[0]
    for number in range(rounds + 1):
        for contender in contenders:
            before = server.cpu()
            begun = time.perf_counter()
            child = subprocess.Popen(
                [str(word) for word in contender.argv], cwd=contender.folder, env=os.environ | contender.env, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            )
            said = child.stdout.read()
            _, _, usage = os.wait4(child.pid, 0)
            wall = time.perf_counter() - begun
            own = usage.ru_utime + usage.ru_stime
            found = finds(contender, said)
            if found is not None and found != wanted:
                sys.exit(f"{contender.name} found {found}, not {wanted}:\n{said[:2000]}")
            cost = (wall, own + server.cpu() - before, usage.ru_maxrss / 1024)
            moved = f" ({facts(said)['rows_moved']} rows moved, {facts(said)['strategy']})" if contender.name.startswith("presscheck") else ""
            print(f"round {number} {contender.name}{moved}: wall {cost[0]:.2f} cpu {cost[1]:.2f} (own {own:.2f}) peak {cost[2]:.0f}", file=sys.stderr)
            if number > 0:
                contender.rounds.append(cost)
    if rounds == 0:
        return
    ours = contenders[0]
    print("| command | wall s | CPU s (client and server) | peak MiB | CPU / the first |\n| --- | --- | --- | --- | --- |")
    for contender in contenders:
        ratio = statistics.median(one[1] / base[1] for one, base in zip(contender.rounds, ours.rounds))
        cells = [spread([cost[at] for cost in contender.rounds], shape) for at, shape in enumerate([".2f", ".2f", ".0f"])]
        print(f"| {contender.name} | {' | '.join(cells)} | {ratio:.2f} |")
    print(f"\n{rounds} rounds, {os.cpu_count()} cores, load average {load_before:.1f} at the start and {os.getloadavg()[0]:.1f} at the end.")


if __name__ == "__main__":
    main()
