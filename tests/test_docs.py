"""README and docs: pages of reference are those that the code makes, links lead somewhere, commands are understood."""

import argparse
import importlib.util
import json
import re

import documents
import pytest
from documents import PAGES, ROOT

from t2f_jax import config
from t2f_jax.cli import parser
from t2f_jax.config.keys import all_keys


def make():
    """docs/make.py as a module."""
    pytest.importorskip("docstring_parser", reason="docstring_parser is not installed; pip install -e '.[dev]'")
    spec = importlib.util.spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["config.md", "python.md"])
def test_a_page_of_reference_is_what_the_code_says(name):
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == make().PAGES[name](), "run `python docs/make.py`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    for link in documents.links(page):
        assert (page.parent / link.partition("#")[0]).exists(), link


def test_every_page_of_docs_is_named_in_the_readme():
    named = set(documents.links(ROOT / "README.md"))
    pages = {f"docs/{path.name}" for path in (ROOT / "docs").iterdir() if path.suffix in (".md", ".ipynb")}
    assert pages <= named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_code_block_is_opened_and_closed(page):
    fences = [line for line in page.read_text(encoding="utf-8").splitlines() if line.lstrip().startswith("```")]
    assert len(fences) % 2 == 0
    assert all(line.strip() == "```" for line in fences[1::2]), "a block begins inside another"


def test_the_readme_tells_its_limits_and_how_it_works():
    headings = [
        line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("## ")
    ]
    assert {"## Start here", "## Limits and responsible use", "## How it works", "## License"} <= set(headings)


BLOCKS = [block for page in PAGES for block in documents.blocks(page, "bash")]
COMMANDS = [(str(block), words) for block in BLOCKS for words in documents.commands(block.text)]


@pytest.mark.parametrize(("where", "words"), COMMANDS, ids=[f"{w}-{' '.join(c[:2])}" for w, c in COMMANDS])
def test_a_command_is_understood(where, words):
    if words == ["supervise"]:
        return  # what stands behind its -- is a command of its own
    words = [word.replace("$mask", "prefix") for word in words]
    args, rest = parser.build_parser().parse_known_args(words)
    assert not rest or (hasattr(args, "overrides") and not any(word.startswith("-") for word in rest)), rest
    name = getattr(args, "config", None)
    if isinstance(name, str) and not name.startswith("own:"):  # whose model is made by another command
        config.load(name, [*getattr(args, "overrides", []), *rest])


def option_strings(parser):
    """All options of a command and of those inside it."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from option_strings(inner)


# Without the pages that the code makes, and that of scripts, which have options of their own.
WRITTEN = [page for page in PAGES if page.name not in ("config.md", "python.md") and page.parent.name != "launch"]
OTHERS = {"--slow", "--dry-run"}  # of pytest, of launch/


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_options_and_keys_in_the_text_exist(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`(--[\w-]+)[^`]*`", text))
    assert named - OTHERS <= set(option_strings(parser.build_parser()))
    keys = set(re.findall(r"`((?:data|image|text|decoder|eval)\.[\w.]+)[^`]*`", text))
    keys = {re.sub(r"^data\.sources\.\w+", "data.sources.NAME", key) for key in keys}
    assert keys <= {key.name for key in all_keys()}


def test_commands_are_found():
    text = (
        'a && t2f train x --out "b c" k=$K \\\n  l=2   # t2f no\nfor i in 1; do A=1 t2f y; done\nt2f s -- t2f z > f\n'
    )
    found = [["train", "x", "--out", "b c", "k=$K", "l=2"], ["y"], ["s"], ["z"]]
    assert documents.commands(text) == found
    assert len(COMMANDS) > 40


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_is_python(page):
    for block in documents.blocks(page, "python"):
        if ">>>" not in block.text:
            compile(block.text, str(block), "exec")


def test_the_notebook_is_clean():
    """No outputs and no counts: a difference shows what was changed."""
    notebook = json.loads((ROOT / "docs" / "tour.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
            code = "".join(cell["source"])
            if not code.startswith("!"):
                compile(code, "tour.ipynb", "exec")
