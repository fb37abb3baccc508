"""Which columns the SQL reads that MetricFlow writes for each metric, without a dimension and by its time. Called by remake, inside the project."""

import logging
import sys
from collections import defaultdict
from pathlib import Path

import sqlglot
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow_semantic_interfaces.implementations.semantic_manifest import PydanticSemanticManifest
from metricflow_semantic_interfaces.transformations.semantic_manifest_transformer import PydanticSemanticManifestTransformer
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

logging.disable(logging.CRITICAL)


class Nowhere:
    """A client that renders and never asks."""

    sql_engine_type = SqlEngine.DUCKDB
    sql_plan_renderer = DuckDbSqlPlanRenderer()

    def close(self):
        pass

    def render_bind_parameter_key(self, key):
        return key


def columns_of(models: Path) -> dict[str, set[str]]:
    """What each model selects."""
    return {file.stem: set(sqlglot.parse_one(file.read_text(), read="duckdb").named_selects) for file in models.glob("*.sql")}


def main(manifest: Path, models: Path, out: Path) -> None:
    read = PydanticSemanticManifest.parse_raw(manifest.read_text())
    asked = [metric.name for metric in read.metrics if not metric.name.endswith("_fill_nulls_with_0")]
    engine = MetricFlowEngine(SemanticManifestLookup(PydanticSemanticManifestTransformer.transform(read)), Nowhere())
    tables = columns_of(models)
    schema = {"layer": {"main": {name: dict.fromkeys(columns, "text") for name, columns in tables.items()}}}
    lines = []
    for metric in sorted(asked):
        seen = defaultdict(set)
        for by in [], ["metric_time"]:
            try:
                request = MetricFlowQueryRequest.create(metric_names=[metric], group_by_names=by)
                sql = engine.explain(request).sql_statement.sql
            except Exception:
                # Offsets and windows mean nothing without time.
                if by:
                    raise
                continue
            # MetricFlow does not always leave out what it has no use for.
            tree = pushdown_projections(qualify(sqlglot.parse_one(sql, read="duckdb"), schema=schema, dialect="duckdb"))
            for scope in traverse_scope(tree):
                names = {alias: table.name for alias, table in scope.sources.items() if isinstance(table, sqlglot.exp.Table)}
                for name in names.values():
                    seen[name]
                for column in scope.columns:
                    for name in [names[column.table]] if column.table in names else [] if column.table else names.values():
                        seen[name] |= {column.name} & tables[name]
        lines.append(f"{metric} | " + " ".join(f"{name}({','.join(sorted(columns))})" for name, columns in sorted(seen.items())))
    out.write_text("\n".join(lines) + "\n")


main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
