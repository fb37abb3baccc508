#!/usr/bin/env python3
"""What `presscheck lint` costs, beside what people have to wait for already. CPU seconds of the whole process and its children, the least of several turns,
taken in turn so that a busy machine is busy for all.

    tests/bench/lint.py PRESSCHECK [--large MANIFEST] [--turns 5]

Of the sample: `python -c pass`, `dbt parse` of dbt 2.x, `datacontract lint` of one contract (where they are installed: DBT2, DATACONTRACT name the programs).
Of a large manifest, where one is named (`lineage.py --generate` writes one of 10,000 models): `lint` with nothing kept and again, beside Python's
`json.load` of the file, a sixth of which stands for a bare typed read by serde_json unless --floor names a program that does one.
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CONTRACT = """version: 1
contract: wide
exposure: {exposure}
owners: {{technical: {{team: Analytics, contact: data@example.com}}}}
metrics: {{one: {{column: {column}}}}}
checks: [{{dbt_tests: {{select: upstream}}}}]
"""


def cost(command, folder, before=None):
    """CPU seconds of one run; `before` is called first and does not count."""
    if before:
        before()
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {ended.returncode}: {ended.stderr.decode()[-800:]}")
    return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime


def table(rows, turns):
    """Takes the rows in turn; the least of each."""
    least = {}
    for _ in range(turns):
        for name, command, folder, before in rows:
            least[name] = min(cost(command, folder, before), least.get(name, float("inf")))
    width = max(map(len, least))
    for name, seconds in least.items():
        print(f"  {name:{width}}  {seconds * 1000:9.1f} ms CPU")
    return least


def compare(what, own, other, most):
    share = own / other
    print(f"  {what}: {share:.3f} (at most {most}): {'holds' if share <= most else 'DOES NOT HOLD'}")


def main():
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("presscheck", type=pathlib.Path)
    asked.add_argument("--large", type=pathlib.Path, help="a manifest of 10,000 models")
    asked.add_argument("--floor", type=pathlib.Path, help="a program that reads the manifest with serde_json and ends")
    asked.add_argument("--turns", type=int, default=5)
    asked = asked.parse_args()
    program = asked.presscheck.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        subprocess.run([program, "demo", "--into", "bikes"], cwd=scratch, capture_output=True, check=False)
        bikes = scratch / "bikes"
        rows = [("presscheck lint", [program, "lint"], bikes, None), ("python -c pass", [sys.executable, "-c", "pass"], bikes, None)]
        if dbt := os.environ.get("DBT2"):
            rows.append(("dbt 2.x parse", [dbt, "parse", "--profiles-dir", ".", "--target-path", scratch / "parsed"], bikes, None))
        if datacontract := os.environ.get("DATACONTRACT"):
            document = bikes / "orders.odcs.yaml"
            shutil.copy(HERE.parent / "odcs" / "orders.odcs.yaml", document)
            rows.append(("datacontract lint", [datacontract, "lint", document], bikes, None))
        print(f"the sample, whole processes, least of {asked.turns} turns")
        least = table(rows, asked.turns)
        own = least["presscheck lint"]
        compare("lint / python", own, least["python -c pass"], 1)
        if "dbt 2.x parse" in least:
            compare("lint / dbt parse", own, least["dbt 2.x parse"], 0.2)
        if "datacontract lint" in least:
            compare("lint / datacontract", own, least["datacontract lint"], 0.02)
        if asked.large:
            large(asked, program, scratch)


def large(asked, program, scratch):
    project = scratch / "wide"
    (project / "target").mkdir(parents=True)
    (project / "contracts").mkdir()
    shutil.copy(asked.large, project / "target" / "manifest.json")
    with open(asked.large, encoding="utf-8") as file:
        manifest = json.load(file)
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    model = next(node for node in reversed(models) if node["columns"])
    exposure = next(iter(manifest["exposures"].values()), {}).get("name")
    text = CONTRACT.format(exposure=exposure, column=f"{model['name']}.{next(iter(model['columns']))}")
    if not exposure:
        text = text.replace("exposure: None\n", "")
    (project / "contracts" / "wide.yml").write_text(text, encoding="utf-8")
    (project / "dbt_project.yml").write_text(f"name: {manifest['metadata'].get('project_name') or 'wide'}\nprofile: wide\n", encoding="utf-8")
    del manifest
    kept = project / "target" / "presscheck"
    load = "import json, sys; json.load(open(sys.argv[1], 'rb'))"
    rows = [
        ("lint, cold", [program, "lint", "wide"], project, lambda: shutil.rmtree(kept, ignore_errors=True)),
        ("lint, again", [program, "lint", "wide"], project, None),
        ("Python's json.load", [sys.executable, "-c", load, asked.large.resolve()], project, None),
    ]
    if asked.floor:
        rows.append(("serde_json, bare", [asked.floor.resolve(), asked.large.resolve()], project, None))
    print(f"{len(models)} models, {asked.large.stat().st_size / 1e6:.0f} MB of manifest, least of {asked.turns} turns")
    least = table(rows, asked.turns)
    floor = least.get("serde_json, bare", least["Python's json.load"] / 6)
    compare("cold / floor", least["lint, cold"], floor, 1.5)
    compare("again / floor", least["lint, again"], floor, 0.2)


main()
