import subprocess

from t2f_jax import __version__
from t2f_jax.evaluation.cards import identity


def git(folder, *command):
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *command], cwd=folder, check=True, capture_output=True
    )


def test_the_program_is_told_by_its_commit_and_whether_it_was_modified(tmp_path):
    assert identity.program(tmp_path) == {"version": __version__}
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("1")
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "-q", "-m", "one")
    found = identity.program(tmp_path)
    assert len(found["commit"]) == 40 and found["modified"] is False
    (tmp_path / "a.py").write_text("2")
    assert identity.program(tmp_path) == {**found, "modified": True}


def test_an_identity_names_model_program_and_versions():
    found = identity.describe("faces (abc)", "abc", {"jax": "1"})
    assert (
        found["model"] == {"name": "faces (abc)", "weights": "abc"}
        and found["versions"] == {"jax": "1"}
        and found["created"].endswith("+00:00")
    )
