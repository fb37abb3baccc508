"""Forty checks of TPC-H's lineitem, said once and written out for every contender of suite.py.

Each is written as a person would write it for that tool; the raw forms are what somebody sends who has no tool: one query for each check, and what
somebody sends who knows the engine well ("tuned").
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

COLUMNS = {
    **dict.fromkeys("l_orderkey l_partkey l_suppkey l_linenumber".split(), "bigint"),
    **dict.fromkeys("l_quantity l_extendedprice l_discount l_tax".split(), "decimal(15,2)"),
    **dict.fromkeys("l_returnflag l_linestatus".split(), "varchar"),
    **dict.fromkeys("l_shipdate l_commitdate l_receiptdate".split(), "date"),
    **dict.fromkeys("l_shipinstruct l_shipmode l_comment".split(), "varchar"),
}
ORDERS = {"o_orderkey": "bigint", "o_custkey": "integer", "o_orderstatus": "varchar", "o_totalprice": "decimal(15,2)", "o_orderdate": "date"}
ORDERS |= {"o_orderpriority": "varchar", "o_clerk": "varchar", "o_shippriority": "integer", "o_comment": "varchar", "o_updated_at": "timestamp"}
# The data ends in 1998: an age that passes, and the work is the same.
DAYS = 20000
REVENUE = "l_extendedprice * (1 + l_tax) * (1 - l_discount)"
ORPHANS = "select l.l_orderkey from lineitem l left join orders o on l.l_orderkey = o.o_orderkey where l.l_orderkey is not null and o.o_orderkey is null"
CHILDLESS = "select o.o_orderkey from orders o where not exists (select 1 from lineitem l where l.l_orderkey = o.o_orderkey)"


@dataclass
class Check:
    """One question: its name, its sort, and what it is about."""

    name: str
    sort: str
    column: str = ""
    low: float = 0
    high: float = 0
    values: list[str] = field(default_factory=list)
    sql: str = ""


def checks() -> list[Check]:
    """The forty, for scale factor 1."""
    lists = {"l_returnflag": "A N R", "l_linestatus": "O F"}
    lists = {column: values.split() for column, values in lists.items()}
    lists["l_shipmode"] = "AIR|FOB|MAIL|RAIL|REG AIR|SHIP|TRUCK".split("|")
    lists["l_shipinstruct"] = "COLLECT COD|DELIVER IN PERSON|NONE|TAKE BACK RETURN".split("|")
    bounds = {"l_quantity": (1, 50), "l_discount": (0, 0.1), "l_tax": (0, 0.08), "l_extendedprice": (900, 105000)}
    bounds |= {"l_linenumber": (1, 7), "l_partkey": (1, 200000)}
    found = [
        Check("row_count", "row_count", low=5_400_000, high=6_600_000),
        Check("freshness", "freshness", "l_updated_at"),
        *(Check(f"no_null_{column}", "not_null", column) for column in COLUMNS),
        Check("unique_key", "unique"),
        *(Check(f"list_{column}", "accepted", column, values=values) for column, values in lists.items()),
        *(Check(f"range_{column}", "range", column, low, high) for column, (low, high) in bounds.items()),
        Check("ship_dates", "true", "l_shipdate", sql="l_shipdate >= date '1992-01-01' and l_shipdate <= date '1998-12-31'"),
        Check("order_exists", "refers"),
        Check("revenue", "reconcile", high=0.001),
        Check("ship_before_receipt", "true", "l_receiptdate", sql="l_receiptdate > l_shipdate"),
        Check("comment_length", "true", "l_comment", sql="length(l_comment) <= 44"),
        Check("suppliers", "aggregate", "l_suppkey", 9900, 10000, sql="count(distinct l_suppkey)"),
        Check("mean_quantity", "aggregate", "l_quantity", 25, 26, sql="avg(l_quantity)"),
        Check("status_by_date", "true", "l_linestatus", sql="(l_linestatus = 'O') = (l_shipdate > date '1995-06-17')"),
        Check("sum_quantity", "aggregate", "l_quantity", 150_000_000, 156_000_000, sql="sum(l_quantity)"),
        Check("mode_pattern", "pattern", "l_shipmode", sql="[A-Z ]+"),
        Check("has_lines", "referred"),
    ]
    assert len(found) == 40
    return found


def many(copies: int = 10) -> list[Check]:
    """The forty, and that many times as many in all: others of each sort, no two of which are one question. What a check of one sort can vary is its bounds,
    its list, its constants; a column that must not be NULL becomes a condition that says so of all rows but some."""
    found = checks()
    for copy in range(1, copies):
        for check in checks():
            other = Check(f"{check.name}_{copy}", check.sort, check.column, check.low - copy, check.high + copy, check.values, check.sql)
            match check.sort:
                case "accepted":
                    other.values = [*check.values, f"other {copy}"]
                case "not_null":
                    other.sort, other.sql = "true", f"{check.column} is not null or l_linenumber = {100 + copy}"
                case "true":
                    other.sql = f"({check.sql}) or l_linenumber = {100 + copy}"
                case "pattern":
                    other.sql = f"[A-Z ]{{1,{20 + copy}}}"
                case "reconcile":
                    other.low, other.high = 0, check.high * (copy + 1)
            found.append(other)
    return found


def bad_rows(check: Check, engine: str) -> str:
    """The predicate of the rows that are wrong; empty where the question is not about single rows."""
    match check.sort:
        case "not_null":
            return f"{check.column} is null"
        case "accepted":
            return f"{check.column} not in ({', '.join(map(text, check.values))})"
        case "range":
            return f"not ({check.column} >= {check.low} and {check.column} <= {check.high})"
        case "true":
            return f"not ({check.sql})"
        case "pattern":
            return f"not regexp_full_match({check.column}, '{check.sql}')" if engine == "duckdb" else f"{check.column} !~ '^({check.sql})$'"
    return ""


def one_query(check: Check, engine: str) -> tuple[str, float, float]:
    """A query of one number, and between which numbers it passes."""
    if bad := bad_rows(check, engine):
        return f"select count(*) from lineitem where {bad}", 0, 0
    match check.sort:
        case "row_count":
            return "select count(*) from lineitem", check.low, check.high
        case "freshness":
            age = "date_diff('day', max({0}), localtimestamp)" if engine == "duckdb" else "extract(day from localtimestamp - max({0}))"
            return f"select {age.format(check.column)} from lineitem", 0, DAYS
        case "unique":
            return "select count(*) from (select 1 from lineitem group by l_orderkey, l_linenumber having count(*) > 1) d", 0, 0
        case "refers":
            return f"select count(*) from ({ORPHANS}) d", 0, 0
        case "referred":
            return f"select count(*) from ({CHILDLESS}) d", 0, 0
        case "reconcile":
            sides = f"(select sum({REVENUE}) as v from lineitem) l, (select sum(o_totalprice) as v from orders) o"
            return f"select abs(l.v - o.v) / o.v from {sides}", 0, check.high
    return f"select {check.sql} from lineitem", check.low, check.high


def tuned(engine: str) -> list[dict]:
    """What somebody sends who knows the engine: statistics, distinct values and blocks on DuckDB, one shared scan on PostgreSQL, packed keys."""
    scan, statistics, alone = [], [], []
    for check in checks():
        sql, low, high = one_query(check, engine)
        aggregate = sql.removeprefix("select ").removesuffix(" from lineitem")
        if check.sort == "not_null":
            statistics.append((f"count(*) - count({check.column})", check.name, 0, 0))
        elif check.sort == "range":
            statistics.append((f"least(min({check.column}) - {check.low}, {check.high} - max({check.column}))", check.name, 0, 1e18))
        elif check.sort in ("row_count", "freshness"):
            statistics.append((aggregate, check.name, low, high))
        elif check.name == "suppliers":
            alone.append((f"select count(*) from (select distinct {check.column} from lineitem) d", [(check.name, low, high)]))
        elif check.sort == "aggregate":
            scan.append((aggregate, check.name, low, high))
        elif bad := bad_rows(check, engine):
            counted = f"count(*) filter (where {bad})"
            if engine == "postgres":
                scan.append((counted, check.name, 0, 0))
            elif check.sort == "true":
                alone.append((sql, [(check.name, 0, 0)]))
            else:
                alone.append((f"select {counted} from (select distinct {check.column} from lineitem) d", [(check.name, 0, 0)]))
    shared = lambda items: (f"select {', '.join(sql for sql, *_ in items)} from lineitem", [item[1:] for item in items])
    if engine == "duckdb":
        keys = f"""select count(*) filter (where not once), count(*) filter (where o_orderkey is null), count(*) filter (where k is null),
            abs(sum(v) - sum(o_totalprice)) / sum(o_totalprice)
            from (select l_orderkey as k, count(*) = bit_count(bit_or(1 << l_linenumber)) as once, sum({REVENUE}) as v from lineitem group by 1) l
            full join orders on k = o_orderkey"""
        answers = [("unique_key", 0, 0), ("order_exists", 0, 0), ("has_lines", 0, 0), ("revenue", 0, 0.001)]
        queries = [shared(statistics), shared(scan), *alone, (keys, answers)]
    else:
        scan = statistics + scan + [(f"abs(sum({REVENUE}) / (select sum(o_totalprice) from orders) - 1)", "revenue", 0, 0.001)]
        packed = "select count(*) - count(distinct l_orderkey * 8 + l_linenumber) from lineitem"
        keys = [(f"select count(*) from ({sql}) d", [(name, 0, 0)]) for sql, name in ((ORPHANS, "order_exists"), (CHILDLESS, "has_lines"))]
        queries = [shared(scan), *alone, (packed, [("unique_key", 0, 0)]), *keys]
    return [{"sql": sql, "answers": answers} for sql, answers in queries]


def per_check(engine: str) -> list[dict]:
    """One query for each check."""
    queries = ((check.name, *one_query(check, engine)) for check in checks())
    return [{"sql": sql, "answers": [(name, low, high)]} for name, sql, low, high in queries]


def write_presscheck(folder: Path, engine: str, database: str, schema: str, asked_of: list[Check]) -> None:
    """A project that exists as artifacts alone, and its contract."""
    tables = {"lineitem": COLUMNS | {"l_updated_at": "timestamp"}, "orders": ORDERS}
    ids = {name: f"source.bench.bench.{name}" for name in tables}
    sources = {
        ids[name]: {
            "unique_id": ids[name], "resource_type": "source", "name": name, "source_name": "bench", "package_name": "bench", "path": "s.yml",
            "original_file_path": "s.yml", "fqn": ["bench", "bench", name], "database": database, "schema": schema, "identifier": name,
            "relation_name": f'"{database}"."{schema}"."{name}"', "columns": {}, "meta": {}, "tags": [], "config": {"enabled": True},
        }
        for name in tables
    }
    head = {"dbt_version": "1.12.6", "generated_at": "2026-11-23T00:00:00Z"}
    empty = "nodes macros docs exposures metrics groups selectors disabled parent_map child_map saved_queries semantic_models unit_tests".split()
    version = "https://schemas.getdbt.com/dbt/{}.json"
    manifest = {"metadata": head | {"dbt_schema_version": version.format("manifest/v12"), "adapter_type": engine, "project_name": "bench"}}
    write(folder / "target/manifest.json", json.dumps(manifest | {name: {} for name in empty} | {"sources": sources}))
    listed = {
        ids[name]: {
            "metadata": {"type": "BASE TABLE", "schema": schema, "name": name, "database": database},
            "columns": {column: {"name": column, "type": sort, "index": at} for at, (column, sort) in enumerate(columns.items(), 1)},
            "stats": {}, "unique_id": ids[name],
        }
        for name, columns in tables.items()
    }
    catalog = {"metadata": head | {"dbt_schema_version": version.format("catalog/v1")}, "nodes": {}, "sources": listed, "errors": None}
    write(folder / "target/catalog.json", json.dumps(catalog))
    model, asked = "bench.lineitem", []
    for check in asked_of:
        column = f"{model}.{check.column}"
        kind, arguments = {
            "row_count": lambda: ("row_count", {"model": model, "between": {"min": check.low, "max": check.high}}),
            "freshness": lambda: ("freshness", {"model": model, "loaded_at": check.column, "timezone": "UTC", "hold_after": f"{DAYS + check.high:g}d"}),
            "not_null": lambda: ("not_null", {"column": column}),
            "unique": lambda: ("unique", {"model": model, "columns": ["l_orderkey", "l_linenumber"]}),
            "accepted": lambda: ("accepted_values", {"column": column, "values": check.values}),
            "range": lambda: ("range", {"column": column, "min": check.low, "max": check.high}),
            "true": lambda: ("expression", {"model": model, "expression": check.sql}),
            "pattern": lambda: ("matches", {"column": column, "pattern": check.sql}),
            "refers": lambda: ("relationships", {"column": f"{model}.l_orderkey", "to": "bench.orders.o_orderkey"}),
            "referred": lambda: ("relationships", {"column": "bench.orders.o_orderkey", "to": f"{model}.l_orderkey"}),
            "aggregate": lambda: ("aggregate", {"model": model, "value": check.sql, "between": {"min": check.low, "max": check.high}}),
            "reconcile": lambda: ("reconcile", {
                "left": {"model": model, "value": f"sum({REVENUE})"}, "right": {"model": "bench.orders", "value": "sum(o_totalprice)"},
                "tolerance": {"relative": f"{check.high * 100:g}%"},
            }),
        }[check.sort]()
        asked.append({kind: arguments | {"name": check.name}})
    metrics = {"revenue": {"title": "Revenue", "model": model, "expression": f"sum({REVENUE})"}}
    owners = {"technical": {"team": "Bench", "contact": "bench@example.com"}}
    contract = {"version": 1, "contract": "bench", "title": "Bench", "owners": owners, "metrics": metrics, "checks": asked}
    write(folder / "contracts/bench.yml", json.dumps(contract, indent=1))


GENERIC = {
    "row_count_between(model, low, high)": "select n from (select count(*) as n from {{ model }}) t where not (n between {{ low }} and {{ high }})",
    "recency_days(model, column_name, days)":
        "select m from (select max({{ column_name }}) as m from {{ model }}) t where m < current_timestamp - interval '{{ days }} days'",
    "unique_together(model, columns)": "select {{ columns | join(', ') }} from {{ model }} group by {{ columns | join(', ') }} having count(*) > 1",
    "in_range(model, column_name, low, high)": "select * from {{ model }} where not ({{ column_name }} >= {{ low }} and {{ column_name }} <= {{ high }})",
    "no_row_with(model, column_name, bad)": "select 1 from {{ model }} where {{ bad }}",
    "aggregate_between(model, column_name, sql, low, high)":
        "select v from (select {{ sql }} as v from {{ model }}) t where not (v between {{ low }} and {{ high }})",
    "reconciles(model, sql, to, to_column, tolerance)":
        "select d from (select abs(l.v - o.v) / o.v as d from (select sum({{ sql }}) as v from {{ model }}) l, "
        "(select sum({{ to_column }}) as v from {{ to }}) o) t where d > {{ tolerance }}",
    "covered_by(model, column_name, to, field)":
        "select p.{{ column_name }} from {{ model }} p where not exists (select 1 from {{ to }} c where c.{{ field }} = p.{{ column_name }})",
}


def write_dbt(folder: Path, engine: str, schema: str, target: dict) -> None:
    """A dbt project of one source, with generic tests as people write them."""
    write(folder / "profiles.yml", json.dumps({"bench": {"target": "dev", "outputs": {"dev": target | {"type": engine, "threads": 4}}}}))
    write(folder / "dbt_project.yml", "name: bench\nversion: '1.0'\nprofile: bench\nflags:\n  send_anonymous_usage_stats: false\n")
    for head, body in GENERIC.items():
        write(folder / f"tests/generic/{head.split('(')[0]}.sql", f"{{% test {head} %}}\n{body}\n{{% endtest %}}\n")
    whole, by_column, orders = [], {}, []
    for check in checks():
        arguments = {
            "row_count": lambda: ("row_count_between", {"low": check.low, "high": check.high}),
            "freshness": lambda: ("recency_days", {"days": DAYS}),
            "not_null": lambda: ("not_null", None),
            "unique": lambda: ("unique_together", {"columns": ["l_orderkey", "l_linenumber"]}),
            "accepted": lambda: ("accepted_values", {"values": check.values}),
            "range": lambda: ("in_range", {"low": check.low, "high": check.high}),
            "true": lambda: ("no_row_with", {"bad": bad_rows(check, engine)}),
            "pattern": lambda: ("no_row_with", {"bad": bad_rows(check, engine)}),
            "refers": lambda: ("relationships", {"to": "source('bench', 'orders')", "field": "o_orderkey"}),
            "referred": lambda: ("covered_by", {"to": "source('bench', 'lineitem')", "field": "l_orderkey"}),
            "aggregate": lambda: ("aggregate_between", {"sql": check.sql, "low": check.low, "high": check.high}),
            "reconcile": lambda: ("reconciles", {
                "sql": REVENUE, "to": "source('bench', 'orders')", "to_column": "o_totalprice", "tolerance": check.high}),
        }[check.sort]()
        test = arguments[0] if arguments[1] is None else {arguments[0]: {"arguments": arguments[1]}}
        if check.sort == "referred":
            orders.append(test)
        elif check.sort in ("row_count", "unique", "reconcile"):
            whole.append(test)
        else:
            by_column.setdefault(check.column or "l_orderkey", []).append(test)
    tables = [
        {"name": "lineitem", "data_tests": whole, "columns": [{"name": name, "data_tests": tests} for name, tests in by_column.items()]},
        {"name": "orders", "columns": [{"name": "o_orderkey", "data_tests": orders}]},
    ]
    # JSON is YAML.
    write(folder / "models/sources.yml", json.dumps({"version": 2, "sources": [{"name": "bench", "schema": schema, "tables": tables}]}))


def write_soda(folder: Path, engine: str, connection: dict, dataset: str) -> None:
    """A data source and a contract of Soda 4."""
    write(folder / "source.yml", json.dumps({"type": engine, "name": "bench", "connection": connection}))
    whole, by_column = [], {name: [] for name in [*COLUMNS, "l_updated_at"]}
    for check in checks():
        named = {"name": check.name, "qualifier": check.name}
        between = {"must_be_between": {"greater_than_or_equal": check.low, "less_than_or_equal": check.high}}
        column = by_column.get(check.column, whole)
        match check.sort:
            case "row_count":
                whole.append({"row_count": {"threshold": between}})
            case "freshness":
                whole.append({"freshness": {"column": check.column, "threshold": {"unit": "day", "must_be_less_than": DAYS}}})
            case "not_null":
                column.append({"missing": None})
            case "unique":
                whole.append({"duplicate": {"columns": ["l_orderkey", "l_linenumber"]}})
            case "accepted":
                column.append({"invalid": named | {"valid_values": check.values}})
            case "range":
                column.append({"invalid": named | {"valid_min": check.low, "valid_max": check.high}})
            case "true":
                whole.append({"failed_rows": named | {"expression": bad_rows(check, engine)}})
            case "pattern":
                column.append({"invalid": named | {"valid_format": {"name": "capitals", "regex": f"^({check.sql})$"}}})
            case "refers":
                reference = {"dataset": f"{dataset}/orders", "column": "o_orderkey"}
                by_column["l_orderkey"].append({"invalid": named | {"valid_reference_data": reference}})
            case "referred":
                whole.append({"failed_rows": named | {"query": CHILDLESS}})
            case "aggregate":
                whole.append({"metric": named | {"expression": check.sql, "threshold": between}})
            case "reconcile":
                query = one_query(check, engine)[0]
                whole.append({"metric": named | {"query": query, "threshold": {"must_be_less_than_or_equal": check.high}}})
    columns = [{"name": name} | ({"checks": found} if found else {}) for name, found in by_column.items()]
    write(folder / "lineitem.yml", json.dumps({"dataset": f"{dataset}/lineitem", "columns": columns, "checks": whole}))


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
