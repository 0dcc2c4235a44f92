"""A model as a Hugging Face folder: PyTorch weights and one file of code that runs them, without JAX.

    config.json              structure, joint vocabulary, attributes, preprocessing, sampler; auto_map for transformers
    model.safetensors        transformer.* and vqgan.*, the latter under taming-transformers' names
    text_tokenizer.model     SentencePiece (or vocab.txt: WordPiece)
    modeling_talk2face.py    the model in PyTorch, self-contained
    provenance.json          config of the run, steps, data, versions, figures
    README.md                how to use the folder

Written without torch. `modeling_talk2face.py` beside this file is only copied as text: nothing here imports it.
"""

import pathlib
import re
import shutil
from typing import Any

import jax
import numpy as np
from flax import traverse_util

from t2f_jax.bundle import Bundle
from t2f_jax.config.schema import Preprocess, Role
from t2f_jax.config.typed import to_dict
from t2f_jax.inference.reading import default_reading
from t2f_jax.inference.sampler import default_sampler
from t2f_jax.io.files import read_json, whole_folder, write_json, write_text
from t2f_jax.io.weights import write_tensors
from t2f_jax.models.image_tokenizer import ImageTokenizer
from t2f_jax.models.params import unstack_layers
from t2f_jax.tokens import text_tokenizer

CODE = "modeling_talk2face.py"
WEIGHTS = "model.safetensors"
MODEL_TYPE = "talk2face"

# Names of numbered parts in torch's module lists.
_NUMBERED = (
    (r"^layer_(\d+)", r"layers.\1"),
    (r"\.(down|up)_(\d+)", r".\1.\2"),
    (r"((?:down|up)\.\d+)\.(block|attn)_(\d+)", r"\1.\2.\3"),
    (r"^encoder\.(norm|dense1|dense2)_(\d+)", r"encoder.block.\2.\1"),
)
_LEAVES = {"kernel": "weight", "scale": "weight", "weight": "weight", "bias": "bias"}  # others are entire tables
_KERNEL_AXES = {2: (1, 0), 4: (3, 2, 0, 1)}  # in, out -> out, in; height, width, in, out -> out, in, height, width


def export(model: Bundle | ImageTokenizer, out: pathlib.Path) -> None:
    """Writes `model` to the folder `out` atomically; earlier contents are replaced.

    `AutoModel.from_pretrained(out, trust_remote_code=True)` loads it, and so does `modeling_talk2face.load(out)`. For
    an image tokenizer alone, text tokenizer, provenance and model card are not written.
    """
    with whole_folder(out) as folder:
        write_tensors(folder / WEIGHTS, state_dict(model), {"format": "pt"})
        shutil.copyfile(pathlib.Path(__file__).with_name(CODE), folder / CODE)
        if isinstance(model, ImageTokenizer):
            write_json(folder / "config.json", _image_settings(model, "Talk2FaceImageTokenizer"))
            return
        model.tokenizer.save(folder)
        write_json(folder / "config.json", settings(model))
        write_json(folder / "provenance.json", model.provenance)
        write_text(folder / "README.md", card(model))


def is_export(folder: pathlib.Path) -> bool:
    """Is it a folder written by `export`?"""
    path = folder / "config.json"
    values = read_json(path, "the model's config") if path.is_file() else None
    return isinstance(values, dict) and values.get("model_type") == MODEL_TYPE


def differences(folder: pathlib.Path) -> list[str]:
    """Differences of an export from what this version writes: its code, which `verify_huggingface` does not run."""
    code, ours = folder / CODE, pathlib.Path(__file__).with_name(CODE)
    same = code.is_file() and code.read_bytes() == ours.read_bytes()
    return [] if same else [f"{CODE}: not the one of this version, which computed the above"]


def state_dict(model: Bundle | ImageTokenizer) -> dict[str, np.ndarray]:
    """Every weight under its torch name, in torch's layout (out, in, ...), values bit for bit."""
    if isinstance(model, ImageTokenizer):
        return rename_params("vqgan.", model.params)
    return rename_params("transformer.", unstack_layers(model.params)) | state_dict(model.image_tokenizer)


def rename_params(prefix: str, params: dict[str, Any]) -> dict[str, np.ndarray]:
    """Nested parameters -> arrays under their torch names after `prefix`, kernels with torch's order of axes."""
    named = {}
    for path, leaf in traverse_util.flatten_dict(params).items():
        value, module, last = np.asarray(jax.device_get(leaf)), ".".join(path[:-1]), path[-1]
        if last == "kernel":
            value = value.transpose(_KERNEL_AXES[value.ndim])
        for pattern, name in _NUMBERED:
            module = re.sub(pattern, name, module)
        leaf_name = _LEAVES.get(last, f"{last}.weight")
        named[f"{prefix}{module}.{leaf_name}"] = np.ascontiguousarray(value)
    return named


def settings(model: Bundle) -> dict[str, Any]:
    """config.json: the structure of the PyTorch model, and where transformers finds its classes."""
    wordpiece = isinstance(model.tokenizer, text_tokenizer.WordPiece)
    return {
        **_image_settings(model.image_tokenizer, "Talk2FaceModel"),
        "transformer": to_dict(model.run_config.model, without=(Role.TRAINING_ONLY,)),
        "vocab": to_dict(model.vocab),
        "tokenizer_file": text_tokenizer.WORDPIECE_FILE if wordpiece else text_tokenizer.SENTENCEPIECE_FILE,
        "text_length": model.text_length,
        "attributes": [a.to_json() for a in model.schema],
        "preprocess": to_dict(model.preprocess),
        "sampler": default_sampler(model.provenance).to_dict(),
        "mirror": default_reading(model.provenance).mirror,
        "guidable": model.run_config.tasks.prompt_dropout > 0,
    }


def _image_settings(tokenizer: ImageTokenizer, name: str) -> dict[str, Any]:
    """The part of config.json that also an image tokenizer alone needs; `name` is the class that transformers loads."""
    module = CODE.removesuffix(".py")
    return {
        "model_type": MODEL_TYPE,
        "architectures": [name],
        "auto_map": {"AutoConfig": f"{module}.Talk2FaceConfig", "AutoModel": f"{module}.{name}"},
        "dtype": "float32",
        "vqgan": to_dict(tokenizer.config),
        "preprocess": to_dict(Preprocess(range=tokenizer.range)),
    }


def card(model: Bundle) -> str:
    """README.md: describes the model and both ways of using it."""
    c, vq = model.run_config.model, model.image_tokenizer.config
    name = model.name or "talk2face"
    attributes = "\n".join(f"- {a.name}: {a.allowed()}" for a in model.schema) or "- none"
    example = _example(model)
    words = "tokenizers" if isinstance(model.tokenizer, text_tokenizer.WordPiece) else "sentencepiece"
    return f"""---
library_name: transformers
tags: [talk2face, text-to-image, image-to-text, face-attributes]
---

# {name}

One prefix-LM transformer for faces: text to face, face to caption, face to age, gender and other attributes.
{c.layers} layers of width {c.width} over {model.vocab.text_size} text pieces and {vq.n_embed} image codes; a face of
{vq.resolution} x {vq.resolution} pixels is {vq.tokens} codes. Trained with t2f_jax; `provenance.json` says how
and on what.

## Use

With transformers (`pip install torch transformers safetensors pillow {words}`):

```python
from transformers import AutoModel

model = AutoModel.from_pretrained("PATH/TO/THIS/FOLDER", trust_remote_code=True)
```

or without, from this folder (`pip install torch numpy safetensors pillow {words}`):

```python
import modeling_talk2face

model = modeling_talk2face.load(".")
```

Then, either way:

```python
faces = model.generate_images({example}, seeds=[0, 1, 2])  # uint8 [3, {vq.resolution}, {vq.resolution}, 3]
print(model.caption(faces))
print(model.analyze(faces)[0])  # {{attribute: {{value: probability}}}}
codes = model.encode(model.images("face.jpg"))  # int64 [1, {vq.tokens}]
again = model.decode(codes)  # uint8 [1, {vq.resolution}, {vq.resolution}, 3]
```

`generate_images` and `caption` take `temperature` (0: greedy), `top_k` and `top_p`, the former `guidance`
as well; `model(tokens, segments, positions)` gives logits. `help(model.generate_images)` and so on say more.

The same seed gives the same face again, but a different one from t2f_jax, which uses JAX's random numbers. What is not
random is the same there and here: codes, faces and captions at `temperature=0`, probabilities of `analyze`.
`t2f convert verify MODEL THIS_FOLDER` of t2f_jax compares them. All codes are the same if all products are in
float32: on a GPU set `torch.backends.cudnn.allow_tf32 = False` before encoding.

## Attributes

{attributes}
"""


def _example(model: Bundle) -> str:
    """Arguments of `generate_images` that fit this model."""
    if not model.schema:
        return '"a smiling woman"'
    attribute = model.schema[0]
    value = (attribute.low + attribute.high) // 2 if attribute.is_number else f'"{attribute.candidates()[-1]}"'
    return f'"a smiling woman", {{"{attribute.name}": {value}}}'
