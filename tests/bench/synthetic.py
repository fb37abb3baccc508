"""A dbt project that exists as artifacts alone: manifest.json and catalog.json of N models, as dbt Core writes them; the same for the same seed.

The SQL is DuckDB's, and would run: every model knows the columns of its parents. Staging models cast and rename a source; above them stand joins
of import CTEs, windows that keep the latest row, unions, aggregates, filters by subquery, and wide marts, in eight layers, each of which reads
mostly from the one below. Not for checks or data: nothing here has rows.
"""

import hashlib
import json
import random
from dataclasses import dataclass
from pathlib import Path

PROJECT, DATABASE = "big", "analytics"
DOMAINS = "sales crm billing web app support people finance logistics risk ads email".split()
ENTITIES = "customer order payment invoice refund session event ticket employee ledger shipment campaign product price account plan".split()
TEXTS = "status channel region country_code segment source_system currency_code owner_email city category tier device".split()
NUMBERS = "amount_cents tax_cents discount_cents quantity unit_price_cents score balance_cents fee_cents cost_cents weight_g".split()
TIMES = "created_at updated_at shipped_at paid_at closed_at first_seen_at".split()
KEYS = "customer_id order_id product_id account_id campaign_id employee_id".split()
# Share of the models in each layer, and what a layer is called and made of.
LAYERS = [
    (0.28, "staging", "stg", ["stage", "stage", "stage_latest"]),
    (0.18, "intermediate", "int", ["join", "union", "latest", "join"]),
    (0.14, "intermediate", "int", ["join", "aggregate", "filtered"]),
    (0.12, "core", "dim", ["join", "latest", "running"]),
    (0.10, "core", "fct", ["join", "running", "filtered", "union"]),
    (0.08, "marts", "mart", ["wide", "aggregate", "join"]),
    (0.06, "marts", "agg", ["aggregate", "aggregate", "wide"]),
    (0.04, "reports", "rpt", ["wide", "aggregate", "running"]),
]
DESCRIPTION = (
    "One row per {entity} as delivered by the {domain} system. Late rows arrive for up to three days; amounts are in minor units, times in UTC. "
    "Owned by the {domain} analytics team, refreshed hourly. Known gaps: rows before 2021 lack a channel."
)


@dataclass
class Relation:
    """A source or a model: what others may read of it."""

    id: str
    name: str
    schema: str
    domain: str
    entity: str
    columns: list[tuple[str, str]]

    @property
    def full_name(self) -> str:
        return f'"{DATABASE}"."{self.schema}"."{self.name}"'

    def of(self, *types: str) -> list[str]:
        return [name for name, kind in self.columns if kind in types]

    @property
    def key(self) -> str:
        return (self.of("bigint") or [self.columns[0][0]])[0]


@dataclass
class Select:
    """A model's body: `{0}`, `{1}` stand for its parents."""

    sql: str
    columns: list[tuple[str, str]]
    parents: list[Relation]


class Generator:
    """Draws sources and models, layer by layer."""

    def __init__(self, models: int, seed: int):
        self.random = random.Random(seed)
        self.sources = [self.source(number) for number in range(max(8, models // 12))]
        self.models: list[tuple[Relation, Select, str]] = []
        below: list[Relation] = []
        for share, folder, prefix, kinds in LAYERS:
            layer = []
            for _ in range(max(4, round(models * share))):
                if len(self.models) < models:
                    layer.append(self.model(folder, prefix, self.random.choice(kinds), below))
            below = below[-2 * len(layer) - 40 :] + layer * 3

    def source(self, number: int) -> Relation:
        draw = self.random
        domain, entity = DOMAINS[number % len(DOMAINS)], draw.choice(ENTITIES)
        columns = [("id", "bigint")] + [(name, "bigint") for name in draw.sample(KEYS, 4)]
        columns += [(name, "varchar") for name in draw.sample(TEXTS, draw.randint(6, 11))]
        columns += [(name, "integer") for name in draw.sample(NUMBERS, draw.randint(6, 10))]
        columns += [(name, "timestamp") for name in draw.sample(TIMES, 4)] + [("is_deleted", "boolean"), ("_loaded_at", "timestamp")]
        name = f"{entity}s_{number}"
        return Relation(f"source.{PROJECT}.{domain}.{name}", name, f"raw_{domain}", domain, entity, columns)

    def model(self, folder: str, prefix: str, kind: str, below: list[Relation]) -> Relation:
        number = len(self.models)
        select = getattr(self, kind)(below)
        first = select.parents[0]
        name = f"{prefix}_{first.domain}__{first.entity}s_{number}"
        made = Relation(f"model.{PROJECT}.{name}", name, folder, first.domain, first.entity, select.columns)
        self.models.append((made, select, folder))
        return made

    def pick(self, below: list[Relation], count: int) -> list[Relation]:
        picked: list[Relation] = []
        while len(picked) < count:
            one = self.random.choice(below)
            if one not in picked:
                picked.append(one)
        return picked

    # -- one function for each sort of model

    def stage(self, _below: list[Relation], latest: bool = False) -> Select:
        draw, source = self.random, self.random.choice(self.sources)
        lines, out = [], []
        for name, kind in source.columns:
            if name == "id":
                lines.append(f"cast(id as bigint) as {source.entity}_id")
                out.append((f"{source.entity}_id", "bigint"))
            elif kind == "varchar":
                lines.append(f"{draw.choice(['lower(trim({0}))', 'nullif({0}, {1})', 'coalesce({0}, {2})', 'cast({0} as varchar)'])} as {name}".format(name, "''", "'unknown'"))
                out.append((name, kind))
            elif name.endswith("_cents"):
                lines += [f"{name}", f"round({name} / 100.0, 2) as {name[:-6]}"]
                out += [(name, "integer"), (name[:-6], "double")]
            elif kind == "timestamp" and not name.startswith("_"):
                lines.append(f"cast({name} as timestamp) as {name}")
                out.append((name, kind))
                if draw.random() < 0.4:
                    lines.append(f"cast(date_trunc('day', {name}) as date) as {name[:-3]}_on")
                    out.append((f"{name[:-3]}_on", "date"))
            elif kind == "bigint" and f"{source.entity}_id" != name or kind == "integer":
                lines.append(f"cast({name} as {kind}) as {name}")
                out.append((name, kind))
        text = source.of("varchar")[0]
        lines.append(f"case when {text} in ('closed', 'cancelled') then 'inactive' when {text} is null then 'unknown' else 'active' end as lifecycle")
        out.append(("lifecycle", "varchar"))
        body = ",\n        ".join(lines)
        last = "select * from renamed"
        if latest:
            last = f"select * from renamed\nqualify row_number() over (partition by {out[0][0]} order by {self.time(out)} desc) = 1"
        sql = f"with source as (\n\n    select * from {{0}}\n\n),\n\nrenamed as (\n\n    select\n        {body}\n    from source\n    where not coalesce(is_deleted, false)\n\n)\n\n{last}"
        return Select(sql, unique(out), [source])

    def stage_latest(self, below: list[Relation]) -> Select:
        return self.stage(below, latest=True)

    def join(self, below: list[Relation], most: int = 3) -> Select:
        draw, parents = self.random, self.pick(below, self.random.randint(2, most))
        first = parents[0]
        sql = "with "
        for number, _ in enumerate(parents):
            sql += f"{chr(97 + number)} as (\n\n    select * from {{{number}}}\n\n),\n\n"
        lines, out, seen = [], [], set()
        for number, parent in enumerate(parents):
            some = parent.columns[:22] if number == 0 else [parent.columns[0]] + draw.sample(parent.columns[1:], min(9, len(parent.columns) - 1))
            for name, kind in some:
                shown = name if name not in seen else f"{parent.entity}_{chr(97 + number)}_{name}"
                if shown not in seen:
                    seen.add(shown)
                    out.append((shown, kind))
                    lines.append(f"{chr(97 + number)}.{name}" + ("" if shown == name else f" as {shown}"))
        number = (first.of("double", "integer") or [first.key])[0]
        other = (parents[1].of("double", "integer", "bigint") or [parents[1].key])[0]
        if f"net_{number}" not in seen:
            lines.append(f"coalesce(a.{number}, 0) - coalesce(b.{other}, 0) as net_{number}")
            out.append((f"net_{number}", "double"))
        joins = "\n    ".join(
            f"{draw.choice(['left join', 'inner join', 'left join'])} {chr(97 + at)} on a.{first.key} = {chr(97 + at)}.{one.key}"
            for at, one in enumerate(parents) if at
        )
        body = ",\n        ".join(lines)
        sql += f"joined as (\n\n    select\n        {body}\n    from a\n    {joins}\n\n),\n\nfinal as (\n\n    select * from joined\n    where {out[0][0]} is not null\n\n)\n\nselect * from final"
        return Select(sql, unique(out), parents)

    def wide(self, below: list[Relation]) -> Select:
        return self.join(below, most=5)

    def latest(self, below: list[Relation]) -> Select:
        parent = self.pick(below, 1)[0]
        names = [name for name, _ in parent.columns[:32]]
        columns = ",\n    ".join(names)
        when = self.time(parent.columns)
        ranked = f"row_number() over (partition by {parent.key} order by {when} desc) as row_num"
        sql = f"with base as (\n\n    select * from {{0}}\n\n),\n\nranked as (\n\n    select\n        *,\n        {ranked},\n        lag({when}) over (partition by {parent.key} order by {when}) as previous_{when}\n    from base\n\n)\n\nselect\n    {columns},\n    previous_{when}\nfrom ranked\nwhere row_num = 1"
        kind = dict(parent.columns)[when]
        return Select(sql, unique(parent.columns[:32] + [(f"previous_{when}", kind)]), [parent])

    def running(self, below: list[Relation]) -> Select:
        parent = self.pick(below, 1)[0]
        number, when = (parent.of("double", "integer") or [parent.key])[0], self.time(parent.columns)
        window = f"partition by {parent.key} order by {when}"
        extra = [
            (f"sum({number}) over ({window} rows between unbounded preceding and current row)", f"running_{number}", "double"),
            (f"avg({number}) over ({window} rows between 6 preceding and current row)", f"seven_row_{number}", "double"),
            (f"{number} - lag({number}, 1, 0) over ({window})", f"change_of_{number}", "double"),
        ]
        kept = [name for name, _ in parent.columns[:30] if name not in {shown for _, shown, _ in extra}]
        lines = kept + [f"{sql} as {shown}" for sql, shown, _ in extra]
        body = ",\n        ".join(lines)
        sql = f"with base as (\n\n    select * from {{0}}\n\n),\n\nwindowed as (\n\n    select\n        {body}\n    from base\n\n)\n\nselect * from windowed"
        kinds = dict(parent.columns)
        return Select(sql, [(name, kinds[name]) for name in kept] + [(shown, kind) for _, shown, kind in extra], [parent])

    def union(self, below: list[Relation]) -> Select:
        parents = self.pick(below, self.random.randint(2, 4))
        common = [column for column in parents[0].columns if all(column in parent.columns for parent in parents)][:24]
        if len(common) < 3 or "bigint" not in (kind for _, kind in common):
            return self.aggregate(below)
        names = ",\n        ".join(name for name, _ in common)
        parts = "\n\n    union all\n\n".join(f"    select\n        '{one.name}' as origin,\n        {names}\n    from {{{at}}}" for at, one in enumerate(parents))
        last = f"row_number() over (partition by origin, {common[0][0]} order by {common[-1][0]}) as dedup_rank"
        shown = ",\n    ".join(name for name, _ in common)
        sql = f"with unioned as (\n\n{parts}\n\n),\n\ndeduplicated as (\n\n    select *, {last}\n    from unioned\n\n)\n\nselect\n    origin,\n    {shown}\nfrom deduplicated\nwhere dedup_rank = 1"
        return Select(sql, [("origin", "varchar")] + common, parents)

    def aggregate(self, below: list[Relation]) -> Select:
        draw, parent = self.random, self.pick(below, 1)[0]
        groups = [name for name in parent.of("varchar") if name != "origin"][: draw.randint(1, 3)] or [parent.key]
        out = [(parent.key, "bigint")] if parent.key not in groups else []
        kinds = dict(parent.columns)
        lines = [name for name, _ in out] + groups
        out += [(name, kinds[name]) for name in groups]
        when = parent.of("timestamp")
        if when:
            lines.append(f"date_trunc('{draw.choice(['day', 'week', 'month'])}', {when[0]}) as period_start")
            out.append(("period_start", "timestamp"))
        grouped = ", ".join(str(at + 1) for at in range(len(lines)))
        lines += ["count(*) as row_count", f"count(distinct {parent.columns[0][0]}) as distinct_{parent.columns[0][0]}"]
        out += [("row_count", "bigint"), (f"distinct_{parent.columns[0][0]}", "bigint")]
        numbers = [name for name in parent.of("double", "integer") if len(name) < 40][:6] or [parent.key]
        for name in numbers:
            lines += [f"sum({name}) as total_{name}", f"avg({name}) as mean_{name}"]
            lines.append(f"sum(case when {groups[0]} is not null and {name} > 0 then {name} else 0 end) as known_{name}")
            out += [(f"total_{name}", "double"), (f"mean_{name}", "double"), (f"known_{name}", "double")]
        out = unique(out)
        body = ",\n        ".join(lines)
        ratio = f"total_{numbers[0]} / nullif(row_count, 0) as {numbers[0]}_per_row"
        sql = f"with base as (\n\n    select * from {{0}}\n\n),\n\naggregated as (\n\n    select\n        {body}\n    from base\n    where {parent.key} is not null\n    group by {grouped}\n    having count(*) > 0\n\n)\n\nselect\n    *,\n    {ratio}\nfrom aggregated"
        return Select(sql, out + [(f"{numbers[0]}_per_row", "double")], [parent])

    def filtered(self, below: list[Relation]) -> Select:
        one, other, third = self.pick(below, 3)
        kept = [column for column in one.columns[:28] if column[0] != "is_unclear"]
        names = ",\n    ".join(f"base.{name}" for name, _ in kept)
        text = (one.of("varchar") or [one.key])[0]
        sql = f"with base as (\n\n    select * from {{0}}\n\n),\n\nallowed as (\n\n    select distinct {other.key}\n    from {{1}}\n    where {other.key} is not null\n\n)\n\nselect\n    {names},\n    coalesce(base.{text} = 'unknown', false) as is_unclear\nfrom base\nwhere base.{one.key} in (select {other.key} from allowed)\n    and not exists (\n        select 1 from {{2}} as excluded where excluded.{third.key} = base.{one.key}\n    )"
        return Select(sql, kept + [("is_unclear", "boolean")], [one, other, third])

    def time(self, columns: list[tuple[str, str]]) -> str:
        return next((name for name, kind in columns if kind in ("timestamp", "date")), columns[0][0])


def unique(columns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return list(dict(reversed(columns)).items())[::-1] if len(dict(columns)) < len(columns) else columns


# -- as dbt writes it


def config(materialized: str, domain: str) -> dict:
    return {
        "enabled": True, "alias": None, "schema": None, "database": None, "tags": [domain], "meta": {"owner": f"{domain}-analytics"}, "group": None,
        "static_analysis": None, "materialized": materialized, "incremental_strategy": None, "batch_size": None, "lookback": 1, "begin": None,
        "persist_docs": {}, "post-hook": [], "pre-hook": [], "quoting": {}, "column_types": {}, "full_refresh": None, "unique_key": None,
        "on_schema_change": "ignore", "on_configuration_change": "apply", "grants": {}, "packages": [], "docs": {"show": True, "node_color": None},
        "contract": {"enforced": False, "alias_types": True}, "event_time": None, "concurrent_batches": None, "access": "protected", "freshness": None,
    }  # fmt: skip


def column(name: str, kind: str) -> dict:
    return {
        "name": name, "description": f"{name.replace('_', ' ')}, {kind}, as of the last load", "meta": {}, "data_type": kind, "constraints": [], "quote": None,
        "config": {"meta": {}, "tags": []}, "tags": [], "granularity": None, "doc_blocks": [],
    }  # fmt: skip


def node(relation: Relation, select: Select, folder: str) -> dict:
    path = f"{folder}/{relation.domain}/{relation.name}.sql"
    call = lambda one: f"{{{{ source('{one.domain}', '{one.name}') }}}}" if one.id.startswith("source.") else f"{{{{ ref('{one.name}') }}}}"  # noqa: E731
    materialized = "view" if folder in ("staging", "intermediate") else "table"
    raw = f"{{{{ config(materialized='{materialized}', tags=['{relation.domain}']) }}}}\n\n" + select.sql.format(*map(call, select.parents)) + "\n"
    compiled = "\n\n" + select.sql.format(*(one.full_name for one in select.parents))
    return {
        "database": DATABASE, "schema": relation.schema, "name": relation.name, "resource_type": "model", "package_name": PROJECT, "path": path,
        "original_file_path": f"models/{path}", "unique_id": relation.id, "fqn": [PROJECT, folder, relation.domain, relation.name], "alias": relation.name,
        "checksum": {"name": "sha256", "checksum": hashlib.sha256(raw.encode()).hexdigest()}, "config": config(materialized, relation.domain),
        "tags": [relation.domain], "description": DESCRIPTION.format(entity=relation.entity, domain=relation.domain),
        "columns": {name: column(name, kind) for name, kind in relation.columns}, "meta": {"owner": f"{relation.domain}-analytics"}, "group": None,
        "docs": {"show": True, "node_color": None}, "patch_path": f"{PROJECT}://models/{folder}/{relation.domain}/models.yml", "build_path": None,
        "unrendered_config": {"materialized": materialized, "tags": [relation.domain]}, "created_at": 1795399207.5, "relation_name": relation.full_name,
        "raw_code": raw, "doc_blocks": [], "language": "sql",
        "refs": [{"name": one.name, "package": None, "version": None} for one in select.parents if one.id.startswith("model.")],
        "sources": [[one.domain, one.name] for one in select.parents if one.id.startswith("source.")], "metrics": [], "functions": [],
        "depends_on": {"macros": [], "nodes": [one.id for one in select.parents]}, "compiled_path": f"target/compiled/{PROJECT}/models/{path}",
        "compiled": True, "compiled_code": compiled, "extra_ctes_injected": True, "extra_ctes": [], "contract": {"enforced": False, "alias_types": True, "checksum": None},
        "access": "protected", "constraints": [], "version": None, "latest_version": None, "deprecation_date": None, "primary_key": [], "time_spine": None,
    }  # fmt: skip


def test(relation: Relation) -> dict:
    name = f"not_null_{relation.name}_{relation.key}"
    uid = f"test.{PROJECT}.{name}.{hashlib.md5(name.encode()).hexdigest()[:10]}"
    sql = f"select {relation.key}\nfrom {relation.full_name}\nwhere {relation.key} is null"
    return {
        "test_metadata": {"name": "not_null", "kwargs": {"column_name": relation.key, "model": f"{{{{ get_where_subquery(ref('{relation.name}')) }}}}"}, "namespace": None},
        "database": DATABASE, "schema": "dbt_test__audit", "name": name, "resource_type": "test", "package_name": PROJECT, "path": f"{name}.sql",
        "original_file_path": "models/models.yml", "unique_id": uid, "fqn": [PROJECT, name], "alias": name, "checksum": {"name": "none", "checksum": ""},
        "config": {"enabled": True, "tags": [], "meta": {}, "materialized": "test", "severity": "ERROR", "store_failures": None, "where": None, "limit": None,
                   "fail_calc": "count(*)", "warn_if": "!= 0", "error_if": "!= 0"},
        "tags": [], "description": "", "columns": {}, "meta": {}, "created_at": 1795399207.5, "relation_name": None,
        "raw_code": "{{ test_not_null(**_dbt_generic_test_kwargs) }}", "language": "sql", "refs": [{"name": relation.name, "package": None, "version": None}],
        "sources": [], "metrics": [], "depends_on": {"macros": ["macro.dbt.test_not_null"], "nodes": [relation.id]}, "compiled": True, "compiled_code": sql,
        "column_name": relation.key, "file_key_name": f"models.{relation.name}", "attached_node": relation.id,
    }  # fmt: skip


def source(relation: Relation) -> dict:
    return {
        "database": DATABASE, "schema": relation.schema, "name": relation.name, "resource_type": "source", "package_name": PROJECT, "path": "models/sources.yml",
        "original_file_path": "models/sources.yml", "unique_id": relation.id, "fqn": [PROJECT, relation.domain, relation.name], "source_name": relation.domain,
        "source_description": "", "loader": "", "identifier": relation.name, "quoting": {"database": None, "schema": None, "identifier": None, "column": None},
        "loaded_at_field": "_loaded_at", "loaded_at_query": None, "freshness": None, "external": None, "description": DESCRIPTION.format(entity=relation.entity, domain=relation.domain),
        "columns": {}, "meta": {}, "source_meta": {}, "tags": [], "config": {"enabled": True}, "patch_path": None, "unrendered_config": {},
        "relation_name": relation.full_name, "created_at": 1795399207.5,
    }  # fmt: skip


def write(into: Path, models: int, seed: int) -> dict:
    """Writes the project and says what is in it."""
    made = Generator(models, seed)
    nodes = {relation.id: node(relation, select, folder) for relation, select, folder in made.models}
    tests = {one["unique_id"]: one for one in (test(relation) for relation, _, _ in made.models)}
    parents = {id: one["depends_on"]["nodes"] for id, one in (nodes | tests).items()} | {one.id: [] for one in made.sources}
    children: dict[str, list[str]] = {id: [] for id in parents}
    for id, above in parents.items():
        for one in above:
            children[one].append(id)
    metadata = {"dbt_version": "1.12.6", "generated_at": "2026-11-23T02:00:00.000000Z", "invocation_id": "00000000-0000-4000-8000-000000000000", "env": {}}
    manifest = {
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", **metadata, "project_name": PROJECT, "adapter_type": "duckdb",
                     "quoting": {"database": True, "schema": True, "identifier": True, "column": None}},
        "nodes": nodes | tests, "sources": {one.id: source(one) for one in made.sources}, "macros": {}, "docs": {}, "exposures": {}, "metrics": {}, "groups": {},
        "selectors": {}, "disabled": {}, "parent_map": parents, "child_map": children, "group_map": {}, "saved_queries": {}, "semantic_models": {}, "unit_tests": {},
    }  # fmt: skip
    entry = lambda one: {  # noqa: E731
        "metadata": {"type": "BASE TABLE", "schema": one.schema, "name": one.name, "database": DATABASE, "comment": None, "owner": None},
        "columns": {name: {"type": kind.upper(), "index": at + 1, "name": name, "comment": None} for at, (name, kind) in enumerate(one.columns)},
        "stats": {}, "unique_id": one.id,
    }  # fmt: skip
    catalog = {
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json", **metadata},
        "nodes": {relation.id: entry(relation) for relation, _, _ in made.models}, "sources": {one.id: entry(one) for one in made.sources}, "errors": None,
    }  # fmt: skip
    (into / "target").mkdir(parents=True, exist_ok=True)
    (into / "dbt_project.yml").write_text(f"name: {PROJECT}\nversion: '1.0'\nprofile: {PROJECT}\n")
    (into / "target" / "manifest.json").write_text(json.dumps(manifest))
    (into / "target" / "catalog.json").write_text(json.dumps(catalog))
    depth: dict[str, int] = {}
    for relation, select, _ in made.models:
        depth[relation.id] = 1 + max(depth.get(one.id, 0) for one in select.parents)
    sql = sum(len(one["compiled_code"].encode()) for one in nodes.values())
    return {
        "models": len(nodes), "sources": len(made.sources), "columns": sum(len(relation.columns) for relation, _, _ in made.models), "bytes of SQL": sql,
        "bytes of manifest.json": (into / "target" / "manifest.json").stat().st_size, "bytes of catalog.json": (into / "target" / "catalog.json").stat().st_size,
        "longest chain": max(depth.values()),
    }  # fmt: skip
