"""A report with some of everything, whose texts break HTML if they are not escaped."""

import numpy as np

from t2f_jax.report import grids
from t2f_jax.report.content import Analysis, Caption, Picture, ReportContent, Samples, SourceReport

NASTY = "<script>alert('x')</script> & \"quoted\""


def face(i=0):
    return grids.png(np.full((8, 8, 3), 10 * i, np.uint8))


def source(name="synthetic", **more):
    mean = {"accuracy": 0.912, "interval": [0.9, 0.925], "balanced_accuracy": 0.873, "majority_accuracy": 0.704}
    choice = {"n": 321, "ece": 0.0, "majority": "no", "accuracy": 0.934, "interval": [0.91, 0.95]}
    choice |= {"balanced_accuracy": 0.856, "majority_accuracy": 0.765}
    age = {"n": 123, "mae": 6.26, "interval": [5.9, 6.6], "mae_training_mean": 19.4, "cs5": 0.555, "pairs": [[1, 2]]}
    measured = {
        "faces": 500,
        "choices": {"hat": choice, NASTY: {**choice, "majority": None, "majority_accuracy": None}},
        "mean": {"attributes": 2, **mean},
        "numbers": {"age": age},
        "calibration": {"ece": 0.0421, "bins": []},
    }
    requests = {
        "n": 88,
        "asked": 456,
        "requested_attributes_seen": 0.888,
        "interval": [0.87, 0.9],
        "requested_attributes_shuffled": 0.611,
        "attributes": {"hat": {"n": 77, "seen": 0.82, "shuffled": 0.64, "balanced": 0.79}},
        "numbers": {"age": {"n": 44, "mae": 8.8, "mae_shuffled": 27.3, "interval": [8, 9]}},
    }
    reconstruction = {"psnr": 24.68, "interval": [24.1, 25.2], "psnr_mean_image": 13.57, "codes_used": 0.97}
    return SourceReport(
        name,
        note="drawn faces",
        attributes=measured,
        requests=requests,
        reconstruction={"faces": 64, "perplexity": 345.6, "codes_per_image": 64, **reconstruction},
        judge_accuracy=0.967,
        captions=[Caption(face(1), f"generated {NASTY}", [f"given {NASTY}"])],
        analyses=[
            Analysis(
                face(2),
                {
                    "hat": {"value": "yes", "probability": 0.71},
                    "gender": {"value": "male", "probability": 0.99},
                    "age": {"value": 34, "low": 29, "high": 41},
                },
                {"hat": "no", "gender": "male", "age": 35},
            )
        ],
        plots=[Picture(face(3), "Age", NASTY)],
        reconstructions=Picture(face(4), "Reconstructions"),
        **more,
    )


def content():
    return ReportContent(
        summary=f"A run. {NASTY}",
        sources=[source()],
        samples=[Samples(f"a man {NASTY}", [face(5), face(6)], [0, 1])],
        curves=[Picture(face(7), "Decoder loss")],
        run={"seconds": 725.0, "peak_memory_bytes": 3 * 2**30, "steps": 1000, "mesh": {"data": 2}, NASTY: NASTY},
        details={"config": {"key": NASTY}},
    )
