#!/usr/bin/env python3
"""Writes dbt's manifest.json or catalog.json so that making it again gives the same bytes.

usage: normalise.py SCRATCH_PROJECT IN OUT

What changes from run to run is pinned or dropped: times, invocation ids, the scratch folder.
What belongs to dbt and not to the project is dropped: the source text of dbt's own macros and docs.
"""

import json
import sys

# Monday morning, before the report is decided.
MADE_AT = "2026-11-23T06:30:00.000000Z"
BY_ID = (
    "nodes", "sources", "exposures", "metrics", "groups", "macros", "docs", "disabled",
    "semantic_models", "unit_tests", "saved_queries", "parent_map", "child_map", "group_map",
)


def pin_metadata(metadata):
    metadata["generated_at"] = MADE_AT
    metadata["invocation_id"] = None
    metadata["user_id"] = None
    metadata["env"] = {}
    for key in ("invocation_started_at", "run_started_at"):
        metadata.pop(key, None)


def strip(value, project_macros):
    """Drops what varies, at any depth, and mentions of macros that are not the project's."""
    if isinstance(value, list):
        return [strip(item, project_macros) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, item in value.items():
        if key in ("created_at", "root_path"):
            continue
        if key == "macros" and isinstance(item, list):
            item = [name for name in item if name.startswith(project_macros)]
        kept[key] = strip(item, project_macros)
    return kept


def normalise(document):
    pin_metadata(document["metadata"])
    if "macros" in document:
        project = document["metadata"]["project_name"]
        document["macros"] = own(document["macros"], f"macro.{project}.")
        document["docs"] = own(document["docs"], f"doc.{project}.")
        document = strip(document, f"macro.{project}.")
    for section in BY_ID:
        if isinstance(document.get(section), dict):
            document[section] = dict(sorted(document[section].items()))
    for section in ("parent_map", "child_map", "group_map"):
        for name, members in document.get(section, {}).items():
            document[section][name] = sorted(members)
    return document


def own(entries, prefix):
    return {name: entry for name, entry in entries.items() if name.startswith(prefix)}


def main():
    scratch, source, target = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        document = normalise(json.load(file))
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    if scratch in text:
        sys.exit(f"normalise.py: {source} still names the folder {scratch}")
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
