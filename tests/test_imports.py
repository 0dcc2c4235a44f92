"""The house rules that a machine can hold: imports point one way, heavy packages stay in their rooms."""

import ast
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "t2f_jax"

# A module imports only modules that stand before it.
# fmt: off
ORDER = [
    "errors", "chips", "compilation", "cpu", "files", "weights", "remote", "hosts", "supervise", "imaging", "progress",
    "config_limits", "typed", "config", "model_flops", "vocab", "text_tokenizer", "templates", "captions", "sequence",
    "packing", "models.quantizer", "models.doubling", "models.vqgan", "models.discriminator", "models.perceptual",
    "partitioning", "layout", "models.kernels", "models.dense", "models.attention", "models.decoder", "image_tokenizer",
    "losses", "token_loss", "optim", "state", "metrics", "faults", "goodput", "profiling", "speed", "engine",
    "grammar", "sampler", "sampling", "scoring", "checkpoint", "prompts", "inference", "model", "bundle",
    "convert.huggingface", "loop", "train_tokenizer", "train_decoder", "plain", "judge", "evaluate",
    "evaluate_requests", "evaluate_control", "plots", "report_content", "report", "data.anatomy", "data.drawing",
    "data.synthetic", "data.celeba", "data.utkface", "data.sources", "data.images", "data.store", "data.prepare",
    "data.mixture", "data.examples", "data.pipeline", "cli_drawing", "commands", "cli_generate", "generate_many",
    "generation",
    "stages", "results", "train_bench", "plan.workload", "plan.program", "plan.hlo", "plan.roofline", "plan.kernels",
    "plan.plan", "plan.search", "cli_plan", "peer", "vqgan_speed", "random_model", "bench", "convert.zip_files",
    "convert.pickles", "convert.torch_reader", "convert.torch_writer", "convert.names", "convert.infer",
    "convert.match", "convert.quirks", "convert.original", "convert.export", "convert.opening", "convert.verify",
    "cli_convert", "cli",
]
# fmt: on

# PyTorch code that lies here as text: export copies it into a folder, and there it runs, without this package.
COPIED = "convert.modeling_talk2face"


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[-1] != "__init__":
            yield ".".join(parts), path


def imports(path):
    """Absolute names of everything a file imports, whether at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: write absolute imports"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_module_has_its_place():
    assert {name for name, _ in modules()} == {*ORDER, COPIED}


@pytest.mark.parametrize(("name", "path"), list(modules()))
def test_imports_point_up_the_list(name, path):
    for imported in imports(path):
        inner = imported.removeprefix("t2f_jax.")
        assert inner != COPIED, f"{name} imports {COPIED}, which is there to be copied"
        if imported.startswith("t2f_jax.") and inner in ORDER:
            assert ORDER.index(inner) < ORDER.index(name), f"{name} imports {inner}, which stands after it"


@pytest.mark.parametrize(("name", "path"), [m for m in modules() if m[0] != COPIED])
def test_tensorflow_is_imported_in_data_alone_and_torch_nowhere(name, path):
    roots = {imported.split(".")[0] for imported in imports(path)}
    assert not roots & {"torch", "torchvision", "flax.training"}
    assert name.startswith("data.") or not roots & {"tensorflow", "tensorflow_datasets"}
    assert "flax.training.checkpoints" not in set(imports(path)), "it loads TensorFlow"


def test_the_copied_pytorch_code_needs_neither_this_package_nor_jax():
    known = {"torch", "transformers", "safetensors", "numpy", "PIL", "sentencepiece", "tokenizers"}
    roots = {imported.split(".")[0] for imported in imports(dict(modules())[COPIED])}
    assert roots <= known | sys.stdlib_module_names


@pytest.mark.parametrize("statement", ["import t2f_jax", "from t2f_jax import bundle, commands", "import t2f_jax.cli"])
def test_neither_tensorflow_nor_torch_is_loaded(statement):
    code = f"{statement}; import sys; print([m for m in ('tensorflow', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_needs_no_jax():
    code = (
        "import sys; from t2f_jax import cli\ntry: cli.main(['--help'])\nexcept SystemExit: print('jax' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("False")
