"""The launchers against programs that stand in for gcloud, xpk, kubectl and Slurm, and check what they are given."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
LAUNCHERS = ("local", "tpu", "gke", "slurm")
TOOLS = ("bash", "env", "dirname", "basename", "git", "mktemp", "sed", "cat", "tee", "rm", "mkdir", "gzip")
STUBS = pathlib.Path(__file__).parents[1] / "helpers" / "stubs.py"

CLOUD = {
    "gcloud auth list": "somebody@example.com",
    "gcloud config get-value": "faces-project",
    "gcloud services list": "on",
    "gcloud storage buckets describe": "bucket",
    "gcloud compute tpus tpu-vm accelerator-types list": "v5litepod-16\nv5litepod-256",
    "gcloud container clusters list": "RUNNING",
    "gcloud artifacts docker images describe": "sha256:1",
    "kubectl logs": "[pod/run] decoder: 100%",
    "kubectl get jobset": ["", "Completed"],
    "sinfo": "8",
}
TPU = ["--name", "faces", "--zone", "us-west4-a", "--type", "v5litepod-256"]
GKE = ["--name", "faces", "--cluster", "c", "--zone", "us-west4-a", "--type", "v5litepod-256", "--image", "eu/t2f:1"]
TRAIN = ["--", "t2f", "train", "talk2face_base", "--out", "gs://bucket/run", "decoder.train.mesh=slice=2,fsdp=256"]


class Stage:
    """A folder of stand-ins, what they answer, and what they were asked."""

    def __init__(self, folder, programs=("gcloud", "xpk", "kubectl", "sbatch", "sinfo", "t2f")):
        self.folder, self.path = folder, f"{folder / 'bin'}:/usr/bin:/bin"
        (folder / "bin").mkdir()
        for name in programs:
            path = folder / "bin" / name
            path.write_text(f"#!{sys.executable}\n{STUBS.read_text()}" if name != "t2f" else "#!/bin/sh\necho t2f $*\n")
            path.chmod(0o755)

    def run(self, launcher, *words, code=0, **answers):
        (self.folder / "script.json").write_text(
            json.dumps(CLOUD | {k.replace("_", " "): v for k, v in answers.items()})
        )
        environment = {
            "PATH": self.path,
            "HOME": str(self.folder),
            "STUB": str(self.folder),
        }
        done = subprocess.run(
            [ROOT / "launch" / launcher, *words],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=environment | {"T2F_POLL_SECONDS": "0"},
            timeout=300,
        )
        assert done.returncode == code, done.stderr
        self.told = done.stdout + done.stderr
        return self.calls()

    def calls(self):
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def of(calls, verb):
    return [call for call in calls if call["call"].endswith(verb)]


def test_shellcheck():
    shellcheck = shutil.which("shellcheck", path=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")
    if not shellcheck:
        pytest.skip("shellcheck is not installed (pip install -e '.[dev]')")
    files = [ROOT / "launch" / name for name in (*LAUNCHERS, "lib.sh")]
    done = subprocess.run(
        [shellcheck, "--external-sources", *files], capture_output=True, text=True, cwd=ROOT / "launch"
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_help_and_mistakes(stage, launcher):
    stage.run(launcher, "--help")
    assert f"launch/{launcher} " in stage.told and "--dry-run" in stage.told
    stage.run(launcher, "--nothing", code=2)
    assert "unknown option --nothing" in stage.told
    assert stage.calls() == []


def test_tpu_asks_installs_runs_on_all_workers_and_gives_back(stage):
    states = ["", "WAITING_FOR_RESOURCES", "PROVISIONING", "ACTIVE", "ACTIVE"]
    states[0] = 1  # none there yet
    calls = stage.run(
        "tpu", *TPU, "--slices", "2", "--spot", *TRAIN, **{"gcloud compute tpus queued-resources describe": states}
    )
    (create,) = of(calls, "queued-resources create")
    assert create["words"][-1] == "faces" and create["accelerator_type"] == "v5litepod-256"
    assert (create["node_count"], create["node_prefix"], create["spot"]) == ("2", "faces", True)
    assert (create["runtime_version"], create["zone"], create["project"]) == (
        "v2-alpha-tpuv5-lite",
        "us-west4-a",
        "faces-project",
    )
    assert of(calls, "storage cp")[0]["words"][-1] == "gs://bucket/run/launch/t2f_jax.tar.gz"
    install, train = of(calls, "queued-resources ssh")
    assert install["node"] == train["node"] == "all" and install["worker"] == train["worker"] == "all"
    assert "gs://bucket/run/launch/t2f_jax.tar.gz" in install["command"]
    assert train["batch_size"] == "all"
    assert len(of(calls, "queued-resources delete")) == 1
    order = [call["call"].rpartition(" ")[2] for call in calls]
    assert order.index("create") < order.index("ssh") < order.index("delete")
    assert (stage.folder / "faces.log").exists()


def test_tpu_goes_on_after_a_preemption(stage):
    states = [1, "ACTIVE", "SUSPENDED", 1, "ACTIVE", 1]
    ssh = ["", 137, "", ""]
    answers = {"gcloud compute tpus queued-resources describe": states, "gcloud compute tpus queued-resources ssh": ssh}
    calls = stage.run("tpu", *TPU, *TRAIN, **answers)
    order = [call["call"].rpartition(" ")[2] for call in calls if "queued-resources" in call["call"]]
    assert [verb for verb in order if verb != "describe"] == [
        "create", "ssh", "ssh", "delete", "create", "ssh", "ssh", "delete",
    ]  # fmt: skip
    assert "ended with exit code 137; it resumes from the last checkpoint" in stage.told
    assert of(calls, "create")[0]["node_id"] == "faces"


@pytest.mark.parametrize(("code", "runs"), [(2, 1), (1, 3)])
def test_tpu_stops_at_a_mistake_and_at_last_without_progress(stage, code, runs):
    answers = {
        "gcloud compute tpus queued-resources describe": ["ACTIVE"],
        "gcloud compute tpus queued-resources ssh": ["", code] * 3,
    }
    calls = stage.run("tpu", *TPU, "--restarts", "2", *TRAIN, code=code, **answers)
    assert len(of(calls, "queued-resources ssh")) == 2 * runs
    assert len(of(calls, "queued-resources delete")) == 1  # whatever happened: nothing goes on costing


def test_tpu_dry_run_only_reads(stage):
    calls = stage.run("tpu", *TPU, "--dry-run", *TRAIN, **{"gcloud compute tpus queued-resources describe": [1]})
    assert {call["call"].rpartition(" ")[2] for call in calls} <= {"list", "get-value", "describe"}
    assert "+ gcloud compute tpus queued-resources create faces" in stage.told
    assert "t2f train talk2face_base --out gs://bucket/run" in stage.told.replace("\\ ", " ")


@pytest.mark.parametrize(
    ("answers", "words", "message"),
    [
        ({"gcloud auth list": ""}, [], "nobody is logged in; run: gcloud auth login"),
        ({"gcloud config get-value": "(unset)"}, [], "which project?"),
        ({"gcloud services list": ""}, [], "tpu.googleapis.com is off in project faces-project"),
        ({"gcloud storage buckets describe": 1}, [], "gs://bucket cannot be read"),
        ({}, ["--type", "v5litepod-17"], "there is no v5litepod-17 in us-west4-a"),
        ({}, ["--type", "x9-8"], "no software version known"),
        ({}, ["--name", "Faces"], "lower-case letters"),
        ({}, ["--slices", "two"], "must be a whole number"),
    ],
)
def test_tpu_checks_before_it_costs(stage, answers, words, message):
    calls = stage.run("tpu", *TPU, *words, *TRAIN, code=2, **answers)
    assert message in stage.told
    assert not of(calls, "create") and not of(calls, "cp")


def test_tpu_writes_to_a_bucket(stage):
    stage.run("tpu", *TPU, "--", "t2f", "train", "faces", "--out", "runs/faces", code=2)
    assert "the command must write to a bucket" in stage.told and stage.calls() == []


def test_gke_creates_a_workload_and_follows_it(stage):
    calls = stage.run("gke", *GKE, "--slices", "2", *TRAIN)
    (create,) = of(calls, "workload create")
    assert (create["workload"], create["cluster"], create["tpu_type"], create["num_slices"]) == (
        "faces",
        "c",
        "v5litepod-256",
        "2",
    )
    assert (create["docker_image"], create["max_restarts"], create["project"]) == ("eu/t2f:1", "50", "faces-project")
    assert (
        create["restart_on_user_code_failure"] and "t2f train talk2face_base --out gs://bucket/run" in create["command"]
    )
    assert {call["selector"] for call in of(calls, "kubectl logs")} == {"jobset.sigs.k8s.io/jobset-name=faces"}
    assert "decoder: 100%" in (stage.folder / "faces.log").read_text() and "done: gs://bucket/run" in stage.told
    # The command itself: a mistake is not started again, everything else is.
    for code, ends in ((0, 0), (2, 0), (1, 1), (143, 143)):
        (stage.folder / "bin" / "t2f").write_text(f"#!/bin/sh\nexit {code}\n")
        done = subprocess.run(["bash", "-c", create["command"]], env={"PATH": f"{stage.folder / 'bin'}:/usr/bin:/bin"})
        assert done.returncode == ends


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"gcloud container clusters list": ""}, "no running cluster c in faces-project; run: xpk cluster create"),
        ({"gcloud artifacts docker images describe": 1}, "there is no image eu/t2f:1; build and push it"),
        ({"gcloud services list": ""}, "container.googleapis.com is off"),
    ],
)
def test_gke_checks_before_it_costs(stage, answers, message):
    calls = stage.run("gke", *GKE, *TRAIN, code=2, **answers)
    assert message in stage.told and not of(calls, "workload create")


def test_gke_dry_run_only_reads(stage):
    calls = stage.run("gke", *GKE, "--dry-run", *TRAIN)
    assert not of(calls, "create") and "+ xpk workload create --workload=faces" in stage.told


def test_a_missing_program_is_named(tmp_path):
    stage = Stage(tmp_path, programs=("gcloud",))
    stage.run("gke", *GKE, *TRAIN, code=2)
    assert "xpk is not installed: pip install xpk" in stage.told


@pytest.mark.parametrize(
    ("launcher", "words", "printed"),
    [
        ("tpu", TPU, "+ gcloud compute tpus queued-resources create faces --zone=us-west4-a --project=PROJECT"),
        ("gke", GKE, "+ xpk workload create --workload=faces --cluster=c --zone=us-west4-a --project=PROJECT"),
        ("slurm", ["--nodes", "2", "--gpus", "8", "--partition", "x", "--log", "l"], "#SBATCH --nodes=2"),
        ("local", [], "supervise --processes 2 --restarts 5 -- t2f train talk2face_base"),
    ],
)
def test_a_dry_run_needs_no_program(tmp_path, launcher, words, printed):
    stage = Stage(tmp_path, programs=())
    for name in TOOLS:
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    before = {*tmp_path.rglob("*"), tmp_path / "script.json"}
    stage.path = str(tmp_path / "bin")
    stage.run(launcher, *words, "--dry-run", *TRAIN)
    assert printed in stage.told and before.issuperset(tmp_path.rglob("*"))
    if launcher == "local" and (ROOT / ".venv" / "bin" / "t2f").exists():
        return
    told = {"tpu": "gcloud", "gke": "kubectl", "slurm": "sbatch", "local": "t2f"}[launcher]
    assert f"{told} is not installed, so its checks are skipped" in stage.told
    stage.run(launcher, *words, *TRAIN, code=2)
    assert "is not installed: " in stage.told


def test_a_dry_run_needs_no_login(stage):
    answers = {"gcloud auth list": ""}
    calls = stage.run("tpu", *TPU, "--dry-run", *TRAIN, **answers)
    assert "+ gcloud compute tpus queued-resources create faces" in stage.told and len(calls) == 1
    assert "nobody is logged in, so the checks of gcloud are skipped" in stage.told


def test_slurm_submits_a_job_that_queues_itself_again(stage):
    words = ["--nodes", "2", "--gpus", "8", "--time", "1:00:00", "--partition", "h100", "--sbatch=--exclusive"]
    out = "run"
    calls = stage.run("slurm", *words, "--", "t2f", "train", "faces", "--out", out)
    test, submit = of(calls, "sbatch")
    assert test["test_only"] and "test_only" not in submit and test["text"] == submit["text"]
    job = submit["text"]
    for line in (
        "--nodes=2",
        "--ntasks-per-node=8",
        "--gpus-per-node=8",
        "--requeue",
        "--signal=TERM@120",
        "--time=1:00:00",
    ):
        assert f"#SBATCH {line}\n" in job
    assert "#SBATCH --exclusive\n" in job and f"#SBATCH --output={out}/launch.log\n" in job
    # The job itself: done and a mistake end it, everything else queues it again, so often.
    for name in ("srun", "scontrol"):
        path = stage.folder / "bin" / name
        path.write_text(
            '#!/bin/sh\necho "$0 $*" >> "$STUB/job.log"\nexit ${CODE:-0}\n'
            if name == "srun"
            else '#!/bin/sh\necho "$0 $*" >> "$STUB/job.log"\n'
        )
        path.chmod(0o755)
    for code, before, queued in ((0, 0, False), (2, 0, False), (143, 0, True), (1, 19, True), (1, 20, False)):
        (stage.folder / "job.log").unlink(missing_ok=True)
        environment = {
            "STUB": str(stage.folder),
            "CODE": str(code),
            "SLURM_RESTART_COUNT": str(before),
            "SLURM_JOB_ID": "7",
        }
        done = subprocess.run(["bash", "-c", job], env={**os.environ, **environment}, capture_output=True)
        log = (stage.folder / "job.log").read_text()
        assert done.returncode == code and f"t2f train faces --out {out}" in log
        assert ("scontrol requeue 7" in log) == queued


def test_slurm_checks(stage):
    stage.run("slurm", "--nodes", "2", "--gpus", "8", "--", "t2f", "train", "faces", "--out", "/tmp/run", code=2)
    assert "is a local disk" in stage.told
    stage.run(
        "slurm",
        "--nodes",
        "2",
        "--gpus",
        "8",
        "--partition",
        "x",
        "--",
        "t2f",
        "train",
        "faces",
        "--out",
        "r",
        code=2,
        sinfo="",
    )
    assert "there is no partition x" in stage.told
    calls = stage.run("slurm", "--nodes", "2", "--gpus", "8", "--dry-run", "--", "t2f", "train", "faces", "--out", "r")
    assert all(call.get("test_only") for call in of(calls, "sbatch")) and "#SBATCH --nodes=2" in stage.told
    assert not (stage.folder / "r").exists()


def test_local_hands_over_to_the_supervisor(stage):
    stage.run("local", "--processes", "3", "--", "t2f", "train", "faces", "--out", "run")
    assert "t2f supervise --processes 3 --restarts 5 -- t2f train faces --out run" in stage.told
    assert "t2f supervise" in (stage.folder / "run" / "launch.log").read_text()
    stage.run("local", "--dry-run", "--", "t2f", "train", "faces", "--out", "dry")
    assert not (stage.folder / "dry").exists()
    stage.run("local", "--log", str(stage.folder), "--", "t2f", "train", "faces", "--out", "run", code=2)
    assert "local: " in stage.told and "cannot be written; see --out, --log" in stage.told
