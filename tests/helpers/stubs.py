"""Replaces gcloud, xpk, kubectl, sbatch and sinfo in the launchers' tests: checks flags, answers, and logs calls.

Run under one of these names. Flags that are not in the real program's reference are an error, as there. The answers are
in $STUB/script.json: {command: text or exit code, or a list of them, one per call}; each call adds a line to
$STUB/calls.jsonl.
"""

import argparse
import json
import os
import pathlib
import sys

# Command -> its flags: "=" takes a value, "!" is required and takes one. From the programs' references, 2026.
WIDE = {"project": "=", "format": "=", "filter": "=", "quiet": "", "zone": "="}
FLAGS = {
    "gcloud auth list": {},
    "gcloud config get-value": {},
    "gcloud services list": {"enabled": ""},
    "gcloud storage buckets describe": {},
    "gcloud storage cp": {},
    "gcloud compute tpus tpu-vm accelerator-types list": {"zone": "!"},
    "gcloud compute tpus queued-resources describe": {"zone": "!"},
    "gcloud compute tpus queued-resources delete": {"zone": "!", "force": "", "async": ""},
    "gcloud compute tpus queued-resources create": {
        "zone": "!", "accelerator-type": "!", "runtime-version": "!", "node-id": "=", "node-count": "=",
        "node-prefix": "=", "spot": "", "reserved": "", "async": "",
    },
    "gcloud compute tpus queued-resources ssh": {
        "zone": "!", "node": "!", "worker": "!", "batch-size": "=", "command": "!", "ssh-flag": "=",
    },
    "gcloud container clusters list": {},
    "gcloud artifacts docker images describe": {},
    "xpk workload create": {
        "workload": "!", "cluster": "!", "command": "!", "tpu-type": "!", "num-slices": "=", "docker-image": "=",
        "priority": "=", "max-restarts": "=", "restart-on-user-code-failure": "",
        "termination-grace-period-seconds": "=",
    },
    "kubectl logs": {"follow": "", "prefix": "", "max-log-requests": "=", "ignore-errors": "", "selector": "!"},
    "kubectl get jobset": {"output": "="},
    "sbatch": {"test-only": ""},
    "sinfo": {"noheader": "", "partition": "=", "format": "="},
}  # fmt: skip


def main():
    name, words = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
    plain = [word for word in words if not word.startswith("-")]
    full = [name, *plain]
    command = next((c for n in range(len(full), 0, -1) if (c := " ".join(full[:n])) in FLAGS), None)
    if command is None:
        sys.exit(f"stub: no command {full}")
    parser = argparse.ArgumentParser(command, allow_abbrev=False)
    for flag, kind in {**(WIDE if name != "kubectl" else {}), **FLAGS[command]}.items():
        if kind:
            parser.add_argument(f"--{flag}", required=kind == "!")
        else:
            parser.add_argument(f"--{flag}", action="store_true")
    parser.add_argument("words", nargs="*")
    args = parser.parse_args(words)
    home = pathlib.Path(os.environ["STUB"])
    script = json.loads((home / "script.json").read_text())
    with (home / "calls.jsonl").open("a") as file:
        text = pathlib.Path(args.words[0]).read_text() if name == "sbatch" else ""
        given = {k: v for k, v in vars(args).items() if v and k != "words"}
        file.write(json.dumps({"call": command, "text": text, "words": args.words, **given}) + "\n")
    calls = [json.loads(line)["call"] for line in (home / "calls.jsonl").read_text().splitlines()]
    answer = script.get(command, "")
    if isinstance(answer, list):  # one answer per call; the last one is repeated
        answer = answer[min(calls.count(command), len(answer)) - 1]
    if isinstance(answer, int):
        sys.exit(answer)
    print(answer)


main()
