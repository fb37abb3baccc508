"""Copies the artifacts of a dbt project without what nobody reads, and with the same times and ids every time. Called by the files `remake`.

reduce.py PROJECT FOLDER: all of them. reduce.py --manifest PROJECT FILE: the manifest alone.
"""

import json
import re
import sys
from pathlib import Path

TOP = ("macros", "docs", "parent_map", "child_map", "group_map", "selectors", "saved_queries", "functions")
NEAR = (
    "unrendered_config", "doc_blocks", "docs", "description", "build_path", "compiled_path", "created_at", "patch_path", "quoting", "grants",
    "persist_docs", "constraints", "packages", "snapshot_meta_column_names", "latest_version_pointer", "classifiers", "nodes_with_ref_location",
    "macros", "stats", "metadata_source", "source_meta", "static_analysis", "generated_sql_file", "__other__", "args", "adapter_response",
)


def reduced(value):
    if isinstance(value, dict):
        return {key: reduced(inner) for key, inner in value.items() if key not in NEAR}
    return [reduced(inner) for inner in value] if isinstance(value, list) else value


def copy(project: Path, source: str, out: Path) -> None:
    artifact = json.loads((project / source).read_text())
    for key in TOP:
        artifact.pop(key, None)
    text = json.dumps(reduced(artifact), indent=1, ensure_ascii=False, sort_keys=True)
    text = text.replace(str(project), "/shop")
    text = re.sub(r"20\d\d-\d\d-\d\d(T| )\d\d:\d\d:\d\d(\.\d+)?", r"2026-11-23\g<1>06:30:00.000000", text)
    text = re.sub(r'"(invocation_id|thread_id|worker_id|query_id|project_id)": "[^"]*"', r'"\1": "same"', text)
    text = re.sub(r'"(execution_time|elapsed_time|max_loaded_at_time_ago_in_s)": -?[\d.e-]+', r'"\1": 0.5', text)
    # One line, as dbt writes it, but one for each node, so that differences can be read.
    lines = [re.sub(r"\n +", " ", part) for part in re.split(r"\n(?= {0,2}\S)", text)]
    out.write_text("\n".join(lines) + "\n")


def main(project: Path, out: Path) -> None:
    files = {"manifest.json": "target/manifest.json", "parsed.json": "parsed.json", "run_results.json": "build.json"}
    files |= {"sources.json": "target/sources.json", "catalog.json": "target/catalog.json"}
    for name, source in files.items():
        copy(project, source, out / name)


if sys.argv[1] == "--manifest":
    copy(Path(sys.argv[2]), "target/manifest.json", Path(sys.argv[3]))
else:
    main(Path(sys.argv[1]), Path(sys.argv[2]))
