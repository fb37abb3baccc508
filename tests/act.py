"""Runs the steps of a composite action in this shell, as a runner would: tests/act.py action.yml NAME=VALUE...

Knows what action.yml uses and no more: `inputs.x` in `env`, `if: inputs.x != ''`, `run` with bash. Anything else is an error.
"""

import os
import re
import subprocess
import sys

import yaml

INPUT = re.compile(r"\$\{\{ inputs\.([a-z-]+) \}\}")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        action = yaml.safe_load(file)
    inputs = {name: about.get("default", "") for name, about in action["inputs"].items()}
    for told in sys.argv[2:]:
        name, value = told.split("=", 1)
        if name not in inputs:
            sys.exit(f"the action has no input {name}")
        inputs[name] = value
    for step in action["runs"]["steps"]:
        odd = set(step) - {"name", "if", "shell", "env", "run"}
        if odd or step["shell"] != "bash" or "${{" in step["run"]:
            sys.exit(f"{step['name']}: a step of another form, or an expression inside of a script")
        condition = re.fullmatch(r"inputs\.([a-z-]+) != ''", step.get("if", "inputs.version != ''"))
        if not inputs[condition[1]]:
            continue
        environment = {key: INPUT.sub(lambda found: inputs[found[1]], value) for key, value in step.get("env", {}).items()}
        print(f"-- {step['name']}", flush=True)
        script = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
        code = subprocess.run(script, env={**os.environ, **environment}).returncode
        if code:
            sys.exit(code)


main()
