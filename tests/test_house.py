"""The rules of the house: who may import whom, no circles, heavy packages in their rooms, a map that is complete."""

import ast
import os
import pathlib
import re
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "t2f_jax"

# A room -> the rooms and modules that it may import. `errors`, `arguments` and the version are open to all.
MAY_IMPORT = {
    "io": (),
    "config": (),
    "tokens": ("io",),
    "distributed": ("io",),
    "report": ("io", "tokens.ranges"),
    "models": ("config", "distributed.partitioning"),
    "data": ("config", "io", "report", "tokens"),
    "bundle": ("config", "io", "models", "tokens"),
    "training": ("config", "distributed", "io", "models", "tokens"),
    "environment": ("io.cache",),
    "inference": ("bundle", "config", "distributed", "environment", "io", "models", "tokens"),
    "evaluation": (
        *("config", "data", "distributed", "environment"),
        *("inference", "io", "models", "report", "tokens"),
    ),
    "convert": ("bundle", "config", "data.datasets", "inference", "io", "models", "tokens"),
    "plan": ("config", "data", "distributed", "inference", "io", "models", "tokens", "training"),
    "bench": ("bundle", "config", "data", "environment", "inference", "io", "models", "tokens", "training"),
    "experiments": (
        *("bundle", "config", "data", "distributed", "environment", "evaluation", "inference"),
        *("io", "models", "plan.layout", "report", "tokens", "training"),
    ),
    "doctor": ("data.datasets", "environment", "io"),
    "demo": ("inference", "io", "report.render", "tokens"),
    "cli": ("*",),
    "errors": (),
    "arguments": (),
    "": ("inference.model",),  # what `t2f_jax/__init__` offers, loaded late
}

# PyTorch code that lies here as text: export copies it into a folder, and there it runs, without this package.
COPIED = "convert.modeling_talk2face"


def dotted(path, package):
    """a/b.py -> "a.b"; a/__init__.py -> "a"; the package's own __init__ -> ""."""
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def find_modules(package=PACKAGE):
    return {dotted(path, package): path for path in sorted(package.rglob("*.py"))}


def imports(path):
    """Absolute names of everything that a file imports, whether at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: write absolute imports"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inner_imports(path, modules):
    """The modules of this package that a file imports, as keys of `modules`."""
    for name in imports(path):
        if name.split(".")[0] == "t2f_jax":
            inner = name.removeprefix("t2f_jax").removeprefix(".")
            yield inner if inner in modules else inner.rpartition(".")[0]


def is_within(module, place):
    return place == "*" or module == place or module.startswith(f"{place}.")


def upward_imports(modules):
    """["a.b imports c.d"] of every import that MAY_IMPORT does not name."""
    found = []
    for name, path in modules.items():
        if name == COPIED:
            continue
        room = name.split(".")[0]
        for other in inner_imports(path, modules):
            free = other in ("", "errors", "arguments") or other.split(".")[0] == room
            if not free and not any(is_within(other, place) for place in MAY_IMPORT[room]):
                found.append(f"{name} imports {other}")
    return found


def circle(modules):
    """["a", "b", "a"] of modules that import each other, or []."""
    graph = {name: set(inner_imports(path, modules)) - {name, ""} for name, path in modules.items()}
    done = set()

    def visit(name, trail):
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in done:
            return []
        for other in sorted(graph[name]):
            if found := visit(other, [*trail, name]):
                return found
        done.add(name)
        return []

    return next(filter(None, (visit(name, []) for name in graph)), [])


def registered_files(folder):
    """Files and folders that a room's registry names in `MODULES`; to add a dataset takes no line more."""
    registry = folder / "registry.py"
    for node in ast.parse(registry.read_text(encoding="utf-8")).body if registry.is_file() else ():
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MODULES":
            return {name.split(".")[0] for name in ast.literal_eval(node.value).values()}
    return set()


def unnamed_files(package=PACKAGE):
    """Files, folders of a room that its `__init__` docstring does not name at the start of a line, nor its registry."""
    found = []
    for init in sorted(package.rglob("__init__.py")):
        if init.parent == package:
            continue
        lines = (ast.get_docstring(ast.parse(init.read_text(encoding="utf-8")), clean=False) or "").splitlines()
        named = {line.split()[0].removesuffix("/") for line in lines if line.startswith("    ")}
        named |= registered_files(init.parent)
        here = {p.stem for p in init.parent.glob("*.py")} - {"__init__"}
        here |= {p.parent.name for p in init.parent.glob("*/__init__.py")}
        found += [f"{init.parent.name}/{name}" for name in sorted(here - named)]
        found += [f"{init.parent.name} names {name}, which is not there" for name in sorted(named - here)]
    return found


def private_names(modules):
    """["a takes b._c"]: names beginning with `_` that one module takes out of another."""
    found = []
    for name, path in modules.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        taken = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("t2f_jax"):
                for alias in node.names:
                    taken[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                    if alias.name.startswith("_") and not alias.name.startswith("__"):
                        found.append(f"{name} takes {node.module}.{alias.name}")
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in taken
                and node.attr.startswith("_")
                and taken[node.value.id].removeprefix("t2f_jax.") in modules
            ):
                found.append(f"{name} takes {taken[node.value.id]}.{node.attr}")
    return found


def test_every_room_has_its_row():
    rooms = {name.split(".")[0] for name in find_modules()}
    assert rooms == set(MAY_IMPORT)


def test_imports_point_down():
    assert upward_imports(find_modules()) == []


def test_there_are_no_circles():
    assert circle(find_modules()) == []


def test_a_rooms_docstring_names_every_file():
    assert unnamed_files() == []


def test_nobody_takes_a_private_name_from_another_module():
    assert private_names(find_modules()) == []


@pytest.fixture
def small_house(tmp_path):
    """A package of two rooms that keeps every rule; a test breaks one."""
    files = {
        "__init__.py": '"""A house."""\n',
        "errors.py": '"""Errors."""\n',
        "io/__init__.py": '"""In and out.\n\n    files   whole files\n"""\n',
        "io/files.py": '"""Files."""\n',
        "tokens/__init__.py": '"""Words.\n\n    vocab    ids\n    words    pieces\n"""\n',
        "tokens/vocab.py": '"""Ids."""\n\nfrom t2f_jax.io import files\n',
        "tokens/words.py": '"""Pieces."""\n\nfrom t2f_jax.tokens.vocab import files\n',
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    found = find_modules(tmp_path)
    assert (upward_imports(found), circle(found), unnamed_files(tmp_path), private_names(found)) == ([], [], [], [])
    return tmp_path


def test_an_upward_import_is_found(small_house):
    (small_house / "io/files.py").write_text('"""Files."""\n\n\ndef late():\n    from t2f_jax.tokens import vocab\n')
    assert upward_imports(find_modules(small_house)) == ["io.files imports tokens.vocab"]


def test_a_circle_is_found(small_house):
    (small_house / "tokens/vocab.py").write_text('"""Ids."""\n\nfrom t2f_jax.tokens.words import Piece\n')
    assert circle(find_modules(small_house)) == ["tokens.vocab", "tokens.words", "tokens.vocab"]


def test_a_file_that_no_docstring_names_is_found(small_house):
    (small_house / "io/lost.py").write_text('"""Nobody knows it."""\n')
    assert unnamed_files(small_house) == ["io/lost"]


def test_a_private_name_is_found(small_house):
    (small_house / "tokens/words.py").write_text(
        '"""Pieces."""\n\nfrom t2f_jax.io import files\nfrom t2f_jax.tokens.vocab import _ids\n\nfiles._lock()\n'
    )
    assert private_names(find_modules(small_house)) == [
        "tokens.words takes t2f_jax.tokens.vocab._ids",
        "tokens.words takes t2f_jax.io.files._lock",
    ]


def test_tensorflow_is_imported_in_data_alone_and_torch_nowhere():
    for name, path in find_modules().items():
        if name == COPIED:
            continue
        roots = {imported.split(".")[0] for imported in imports(path)}
        assert not roots & {"torch", "torchvision"}, name
        assert name.startswith("data.") or not roots & {"tensorflow", "tensorflow_datasets"}, name
        loads = [i for i in imports(path) if i.startswith("flax.training")]
        assert not loads, f"{name}: flax.training.checkpoints loads TensorFlow"


def test_tokens_need_no_jax():
    for name, path in find_modules().items():
        roots = {imported.split(".")[0] for imported in imports(path)}
        assert not name.startswith("tokens") or not roots & {"jax", "flax", "optax", "orbax"}, name


def test_the_copied_pytorch_code_needs_neither_this_package_nor_jax():
    known = {"torch", "transformers", "safetensors", "numpy", "PIL", "sentencepiece", "tokenizers"}
    modules = find_modules()
    roots = {imported.split(".")[0] for imported in imports(modules[COPIED])}
    assert roots <= known | sys.stdlib_module_names
    for name, path in modules.items():
        assert COPIED not in set(inner_imports(path, modules)), f"{name} imports what is there to be copied"


@pytest.mark.parametrize(
    "statement",
    ["import t2f_jax", "from t2f_jax import bundle", "import t2f_jax.cli.describe", "import t2f_jax.inference.model"],
)
def test_neither_tensorflow_nor_torch_is_loaded(statement):
    code = f"{statement}; import sys; print([m for m in ('tensorflow', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "use", ["import t2f_jax.data.pipeline", "from t2f_jax.io import remote; remote.address('gs://b')"]
)
def test_tensorflow_prints_no_notices(use):
    variables = ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS")
    code = f"import os\n{use}\nprint([os.environ[name] for name in {variables}])"
    clean = {name: value for name, value in os.environ.items() if name not in variables}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean)
    assert (done.stdout.strip(), done.stderr) == ("['3', '0']", "")


@pytest.mark.parametrize("statement", ["cli.main(['--help'])", "cli.main(['generate', '--help'])"])
def test_help_needs_no_jax(statement):
    code = f"import sys; from t2f_jax import cli\ntry: {statement}\nexcept SystemExit: print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("False")


def test_every_module_tells_its_role():
    for name, path in find_modules().items():
        told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert re.match(r"\S.*\S", told), f"{name}: a module begins with its role in a sentence"
