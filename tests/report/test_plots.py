import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from t2f_jax.evaluation import stats
from t2f_jax.io import metrics
from t2f_jax.report import grids, plots


def opened(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    image = Image.open(io.BytesIO(data))
    image.load()
    assert image.width > 200 and image.height > 100
    return image


def flat(n, side=8):
    return np.stack([np.full((side, side, 3), 20 * i, np.uint8) for i in range(n)])


def test_grid_holds_every_image_in_its_place():
    sheet = np.asarray(grids.grid(flat(5), columns=3, scale=2))
    step = 16 + grids.GAP
    assert sheet.shape == (step * 2 - grids.GAP, step * 3 - grids.GAP, 3)
    for i in range(5):
        assert (sheet[i // 3 * step : i // 3 * step + 16, i % 3 * step : i % 3 * step + 16] == 20 * i).all()
    assert (sheet[step:, 2 * step :] == 255).all()


def test_grid_writes_captions_that_fit():
    plain = grids.grid(flat(2, 64), columns=2)
    sheet = grids.grid(flat(2, 64), columns=2, captions=["short", "a caption far too long for sixty-four pixels"])
    assert sheet.height > plain.height and sheet.width == plain.width
    text = np.asarray(sheet)[64:]
    assert (text[:, :64] < 128).any() and (text[:, 68:] < 128).any()
    assert (text[:, 64:68] > 200).all()  # nothing runs out of its column


def test_grid_refuses_what_does_not_belong_together():
    with pytest.raises(ValueError, match="caption"):
        grids.grid(flat(2), columns=2, captions=["one"])
    with pytest.raises(ValueError, match="needs an image"):
        grids.grid(flat(1)[:0], columns=2)


def test_reconstructions_stand_under_their_originals():
    originals, copies = flat(5), flat(5) + 100
    sheet = np.asarray(grids.reconstruction_grid(originals, copies, columns=3))
    step = 8 + grids.GAP
    assert sheet[0, step, 0] == 20 and sheet[step, step, 0] == 120
    second = 2 * step - grids.GAP + 3 * grids.GAP
    assert sheet[second, step, 0] == 80 and sheet[second + step, step, 0] == 180


def test_png_goes_back_to_the_same_pixels():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert (np.asarray(Image.open(io.BytesIO(grids.png(image)))) == image).all()


def test_smooth_is_unbiased_and_passes_over_gaps():
    assert plots.smooth([3.0] * 10, 4) == pytest.approx([3.0] * 10)
    assert plots.smooth([4.0, 0.0], 1) == pytest.approx([4.0, 4 / 3])
    values = plots.smooth([2.0, float("nan"), 2.0], 1)
    assert values == pytest.approx([2, 2, 2])


def test_loss_curves_from_a_metrics_file(tmp_path):
    writer = metrics.Writer(tmp_path)
    for step in range(1, 41):
        writer.train(step, {"loss": 5 / step, "loss_to_image": 6 / step, "learning_rate": 0.1})
        if step % 20 == 0:
            writer.evaluation(step, {"loss": 5.5 / step})
    writer.train(41, {"loss": float("nan"), "loss_to_image": 1.0})
    writer.close()
    rows = metrics.read(tmp_path / "metrics.jsonl")
    two, one = plots.loss_curves(rows), plots.loss_curves(rows, keys=["loss"])
    assert opened(two).width > 1.5 * opened(one).width
    assert plots.loss_curves([]) is None and plots.loss_curves([{"step": 1, "note": "x"}]) is None


def test_figures_of_an_evaluation():
    rng = np.random.default_rng(0)
    choice = {"accuracy": 0.8, "interval": [0.75, 0.85], "majority_accuracy": 0.6}
    choices = {f"attribute {i}": choice for i in range(40)} | {"new": {**choice, "majority_accuracy": None}}
    assert opened(plots.attribute_bars(choices)).height > opened(plots.attribute_bars({"a": choice})).height
    opened(plots.age_scatter([[30, 34], [60, 41]], 11.5))
    opened(plots.calibration(stats.calibration(rng.random(200), rng.random(200) < 0.5)))


def test_matplotlib_comes_late():
    code = "import sys, t2f_jax.plots; print({'matplotlib', 'tensorflow', 'jax'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "set()"
