"""Draws 8 faces for each of 8 prompts and finds each one's nearest training face: faces, those asked for, or copies?

    python tests/quality/nearest_faces.py --model runs/faces/model --out runs/nearest

Writes samples.png (a row for each prompt, seeds 0 to 7, none left out), nearest.png (each drawn face above the training
face that is nearest to it) and nearest.json. The distance is the root of the mean squared difference of pixels, 0 to
255, to a training face as it is or mirrored. That of a copy is near 0; beside it stand the distances of held-out faces.
"""

import argparse
import json
import pathlib

import faces_of_splits as data
import numpy as np

import t2f_jax
from t2f_jax.io import progress
from t2f_jax.io.files import write_json
from t2f_jax.report import grids

PROMPTS = (
    "A young woman with blond hair, smiling.",
    "A middle-aged man with black hair and a beard.",
    "An elderly white man.",
    "A little asian baby girl.",
    "A young black woman with high cheekbones.",
    "A young indian man.",
    "A man with eyeglasses and a receding hairline.",
    "An attractive young woman with wavy brown hair, wearing heavy makeup.",
)
EACH = 8


def nearest(images: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of uint8 [N, S, S, 3] among [M, S, S, 3], mirrored or not: places int [N], distances float [N]."""
    flat = known.reshape(len(known), -1).astype(np.float32)
    norms = np.square(flat).sum(axis=1)
    places, squares = np.zeros(len(images), int), np.full(len(images), np.inf)
    for turned in (images, images[:, :, ::-1]):
        own = turned.reshape(len(turned), -1).astype(np.float32)
        between = np.square(own).sum(axis=1)[:, None] - 2 * own @ flat.T + norms
        best = between.argmin(axis=1)
        least = between[np.arange(len(own)), best]
        places, squares = np.where(least < squares, best, places), np.minimum(least, squares)
    return places, np.sqrt(np.maximum(squares, 0) / flat.shape[1])


def main() -> None:
    """Draws, seeks and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    model = t2f_jax.load(args.model)
    size, crop = model.image_tokenizer.config.resolution, model.preprocess.crop
    known, held_out = (data.read(split, size, crop).images for split in ("train", "test"))
    drawn = []
    with progress.Progress("draw", len(PROMPTS) * EACH, unit="face") as bar:
        for prompt in PROMPTS:
            codes = model.generate_codes([prompt] * EACH, list(range(EACH)))
            drawn.append(np.asarray(model.decode(codes)))
            bar.advance(EACH)
    images = np.concatenate(drawn)
    places, distances = nearest(images, known)
    others = nearest(held_out[:: max(1, len(held_out) // 512)], known)[1]
    rows = [half for i in range(0, len(images), EACH) for half in (images[i : i + EACH], known[places[i : i + EACH]])]
    grids.grid(images, EACH).save(args.out / "samples.png")
    grids.grid(np.concatenate(rows), EACH).save(args.out / "nearest.png")
    shares = (0, 5, 50, 95, 100)
    found = {
        "prompts": PROMPTS,
        "drawn": dict(zip(map(str, shares), np.percentile(distances, shares).round(2).tolist())),
        "held_out": dict(zip(map(str, shares), np.percentile(others, shares).round(2).tolist())),
    }
    write_json(args.out / "nearest.json", found)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
