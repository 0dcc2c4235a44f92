"""Computes the outputs of a Hugging Face folder in PyTorch, as JSON: a program that `verify_huggingface` starts.

    python -P torch_answers.py FOLDER < question.json > answers.json

It runs the `modeling_talk2face.py` beside it, not the folder's copy: verifying a folder runs no code from it.
"""

import importlib.util
import json
import pathlib
import sys
from typing import Any

CODE = pathlib.Path(__file__).with_name("modeling_talk2face.py")


def answer(folder: str, question: dict[str, Any]) -> dict[str, Any]:
    """A question of `verify_huggingface.compare` -> the fields of `verify_huggingface.Answers`, as lists."""
    import numpy as np

    spec = importlib.util.spec_from_file_location(CODE.stem, CODE)
    assert spec and spec.loader
    modeling = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(modeling)
    model = modeling.load(folder)
    pictures, texts = np.array(question["pictures"], np.uint8), question["texts"]
    answers = {"codes": model.encode(pictures).tolist(), "decoded": model.decode(np.array(question["codes"])).tolist()}
    if texts:
        drawn = model.generate_images(texts, seeds=range(len(texts)), **question["greedy"])
        faces = model.analyze(pictures)
        answers |= {
            "drawn": drawn.tolist(),
            "captions": model.caption(pictures, length=question["length"]),
            "probabilities": [p for face in faces for found in face.values() for p in found.values()],
        }
    return answers


if __name__ == "__main__":
    json.dump(answer(sys.argv[1], json.load(sys.stdin)), sys.stdout)
