"""Every command and every line of Python in README and docs is run, small, in the order of the pages, and the tour."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import documents
import own_data
import pytest
from documents import ROOT

pytestmark = pytest.mark.slow

INSTALL = re.compile(r"^.*\bpip install\b.*$\n?", re.MULTILINE)  # .ci/run runs those
FEW_STEPS = ["decoder.train.steps=2", "decoder.train.eval_every=2", "decoder.train.save_every=2", "data.views=1"]
FEW_FACES = ["eval.faces=4", "eval.generated=4", "eval.samples=4", "eval.curve_faces=0", "eval.judge_steps=2"]

# A `t2f` that does what it is told to, small: the configs and options that a reader's patience allows a test.
SHIM = f"""#!{sys.executable}
import os, sys
words = [word.replace("quickstart", "quickstart:tiny") if word == "quickstart" else word for word in sys.argv[1:]]
if words[:1] == ["quickstart:tiny"]:
    words = ["quickstart", "--tiny", *words[1:]]
elif words[:1] == ["train"]:
    words += {FEW_STEPS!r}
elif words[:1] == ["evaluate"]:
    words += {FEW_FACES!r}
os.execv(sys.executable, [sys.executable, "-P", "-m", "t2f_jax.cli", *words])
"""


def blocks(page: pathlib.Path) -> list[documents.Block]:
    """A page's blocks that are run, in their order."""
    found = [*documents.blocks(page, "bash"), *documents.blocks(page, "python")]
    return sorted((block for block in found if not block.reason and ">>>" not in block.text), key=lambda b: b.line)


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# tests/demo follows the page that needs a server.
PAGES = [page for page in PAGES if blocks(page) and page.name != "demo.md"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a `t2f` of its own, the repository's `launch`, photos, and the quickstart's run.

    `$T2F_QUICKSTART` may name the folder of a finished `t2f quickstart --tiny`, which is copied instead of made anew.
    """
    folder = tmp_path_factory.mktemp("reader")
    (folder / "bin").mkdir()
    (folder / "bin" / "t2f").write_text(SHIM)
    (folder / "bin" / "t2f").chmod(0o755)
    (folder / "launch").symlink_to(ROOT / "launch")
    own_data.images(folder / "photos", 30)
    if made := os.environ.get("T2F_QUICKSTART"):
        shutil.copytree(made, folder / "runs" / "quickstart")
    else:
        run(folder, ["t2f", "quickstart", "--out", "runs/quickstart"])
    return folder


def run(place: pathlib.Path, words: list[str]) -> None:
    """Runs a program in the reader's folder; what it printed is shown if it fails."""
    paths = os.pathsep.join([str(place / "bin"), os.environ["PATH"]])
    home = {"HOME": str(place), "PATH": paths, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    env = {
        name: value for name, value in os.environ.items() if name != "XLA_FLAGS"
    }  # a reader's programs are optimized
    done = subprocess.run(words, cwd=place, env={**env, **home}, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert "Warning" not in done.stderr, done.stderr


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_reader_can_follow(page, place):
    for block in blocks(page):
        if block.language == "python":
            run(place, [sys.executable, "-c", block.text])
            continue
        text = INSTALL.sub("", block.text)
        if "t2f data check photos" in text:
            own_data.write_csv(place / "photos", 30)  # the reader fills in the table
        run(place, ["bash", "-euo", "pipefail", "-c", text])


@pytest.mark.timeout(3600)
def test_the_tour(place):
    notebook = json.loads((ROOT / "docs" / "tour.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    code = "\n".join(cells).replace("STEPS = 200", "STEPS = 2").replace("n=40", "n=12")
    assert "STEPS = 2 " in code
    run(place, [sys.executable, "-c", f"import matplotlib\nmatplotlib.use('agg')\n{code}"])
