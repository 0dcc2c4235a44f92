import io
import subprocess
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from t2f_jax.evaluation.metrics.calibration import calibration
from t2f_jax.io import metrics
from t2f_jax.report import plots


def opened(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    image = Image.open(io.BytesIO(data))
    image.load()
    assert image.width > 200 and image.height > 100
    return image


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
    one = [{k: v for k, v in row.items() if k != "loss_to_image"} for row in rows]
    assert opened(plots.loss_curves(rows)).width > 1.5 * opened(plots.loss_curves(one)).width
    assert plots.loss_curves([]) is None and plots.loss_curves([{"step": 1, "note": "x"}]) is None


def test_figures_of_an_evaluation():
    rng = np.random.default_rng(0)
    opened(plots.age_scatter([[30, 34], [60, 41]], 11.5))
    opened(plots.calibration(calibration(rng.random(200), rng.random(200) < 0.5)))


def test_matplotlib_comes_late():
    code = "import sys, t2f_jax.report.plots; print({'matplotlib', 'tensorflow', 'jax'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "set()"


def test_a_loss_without_points_makes_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plots.loss_curves([{"step": 1, "loss": 2.0, "loss_to_caption": None}])
