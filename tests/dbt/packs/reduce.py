"""Keeps of manifest.json and run_results.json what is read of them. Called by the file `remake`: reduce.py TARGET FOLDER."""

import json
import sys
from pathlib import Path

NODE = (
    "unique_id", "resource_type", "name", "alias", "database", "schema", "relation_name", "package_name", "fqn", "language", "columns", "depends_on", "raw_code",
    "compiled_code", "test_metadata", "column_name", "attached_node", "original_file_path", "contract", "constraints",
)
CONFIG = ("enabled", "materialized", "severity", "warn_if", "error_if", "fail_calc", "where", "limit", "store_failures", "meta", "tags")
source, out = Path(sys.argv[1]), Path(sys.argv[2])

manifest = json.loads((source / "manifest.json").read_text())
nodes = {}
for key, node in sorted(manifest["nodes"].items()):
    if node["package_name"] == "packs":
        nodes[key] = {name: node[name] for name in NODE if name in node} | {"config": {name: node["config"].get(name) for name in CONFIG if name in node["config"]}}
metadata = {name: manifest["metadata"][name] for name in ("dbt_schema_version", "dbt_version", "project_name", "adapter_type")}
kept = {"metadata": metadata, "nodes": nodes, "sources": {}, "exposures": {}, "metrics": {}, "groups": {}, "semantic_models": {}, "disabled": {}, "macros": {}}
kept["unit_tests"] = {key: {"name": test["name"], "resource_type": "unit_test"} for key, test in manifest["unit_tests"].items()}
(out / "manifest.json").write_text(json.dumps(kept, indent=1, sort_keys=True).replace(str(source.parent), "/packs") + "\n")

results = json.loads((source / "run_results.json").read_text())
told = {entry["unique_id"]: [entry["status"], entry["failures"]] for entry in results["results"] if not entry["unique_id"].startswith("model.")}
(out / "results.json").write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
