"""What is inside the program: `licences.txt` and `presscheck.cdx.json` (CycloneDX 1.5), into the folder that is named.

From `cargo metadata` for the features that are built, for the target that is built on; DuckDB is added by hand, because no manifest names it.
A package that declares no licence ends with an error; packages that declare one and bring no text of it are listed at the end.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import uuid

DUCKDB = ("duckdb", "2.0.0", "MIT", "https://duckdb.org")
MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
IN THE SOFTWARE.
"""
TEXT = re.compile(r"(licen[cs]e|copying|notice|unlicense)", re.IGNORECASE)


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], check=True, capture_output=True, text=True).stdout


def inside():
    """The packages that are compiled into the program, without what only builds or tests it, in order of name."""
    host = next(line.split(": ")[1] for line in subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout.splitlines() if line.startswith("host: "))
    described = json.loads(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", host))
    packages = {package["id"]: package for package in described["packages"]}
    edges = {node["id"]: node["deps"] for node in described["resolve"]["nodes"]}
    reached, ahead = set(), [described["resolve"]["root"]]
    while ahead:
        here = ahead.pop()
        if here in reached:
            continue
        reached.add(here)
        ahead += [edge["pkg"] for edge in edges[here] if any(kind["kind"] is None for kind in edge["dep_kinds"])]
    return sorted((packages[one] for one in reached), key=lambda package: (package["name"], package["version"]))


def texts(package):
    """The licence files that the package brings, in order of name."""
    folder = pathlib.Path(package["manifest_path"]).parent
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and TEXT.match(file.name)]
    return [file.read_text(encoding="utf-8", errors="replace").strip() for file in files]


def licences(packages):
    lacking = [package["name"] for package in packages if not (package["license"] or package["license_file"])]
    if lacking:
        sys.exit(f"no licence is declared by: {', '.join(lacking)}")
    said = ["What is inside presscheck, under which licence, and the texts. A text that several packages share stands once.\n"]
    said += [f"{one['name']} {one['version']}: {one['license'] or 'see its text'}" for one in packages]
    said.append(f"{DUCKDB[0]} {DUCKDB[1]}: {DUCKDB[2]}")
    shared = {}
    for package in packages:
        for text in texts(package):
            shared.setdefault(text, []).append(f"{package['name']} {package['version']}")
    shared["Copyright 2018-2026 Stichting DuckDB Foundation\n\n" + MIT] = [f"{DUCKDB[0]} {DUCKDB[1]}"]
    for text, names in shared.items():
        said.append("\n" + "=" * 100 + f"\n{', '.join(names)}\n" + "-" * 100 + f"\n{text}")
    without = [f"{one['name']} {one['version']} ({one['license']})" for one in packages if not texts(one)]
    if without:
        said.append("\n" + "=" * 100 + "\nThese packages bring no text of their own; their licences' texts stand above: " + ", ".join(without))
    return "\n".join(said) + "\n"


def bill(packages):
    root = next(package for package in packages if package["name"] == "presscheck")

    def component(name, version, licence, about):
        purl = f"pkg:cargo/{name}@{version}" if about != DUCKDB[3] else f"pkg:github/duckdb/duckdb@v{version}"
        found = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
        if licence:
            found["licenses"] = [{"expression": licence.replace("/", " OR ")}]
        if about:
            found["externalReferences"] = [{"type": "website", "url": about}]
        return found

    parts = [component(one["name"], one["version"], one["license"], one["repository"]) for one in packages if one is not root]
    parts.append(component(*DUCKDB))
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(parts, sort_keys=True))
    program = {"type": "application", "bom-ref": "presscheck", "name": "presscheck", "version": root["version"]}
    stamp = subprocess.run(["date", "-u", "-d", f"@{seconds}", "+%Y-%m-%dT%H:%M:%SZ"], check=True, capture_output=True, text=True).stdout.strip()
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{serial}", "version": 1,
        "metadata": {"timestamp": stamp, "component": program}, "components": parts,
        "dependencies": [{"ref": "presscheck", "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def main():
    folder = pathlib.Path(sys.argv[1])
    packages = inside()
    (folder / "licences.txt").write_text(licences(packages), encoding="utf-8")
    (folder / "presscheck.cdx.json").write_text(json.dumps(bill(packages), indent=1) + "\n", encoding="utf-8")
    print(f"{len(packages)} packages and DuckDB: licences.txt, presscheck.cdx.json")


main()
