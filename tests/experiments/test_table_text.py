from t2f_jax.experiments.published import of
from t2f_jax.experiments.table_text import markdown
from t2f_jax.experiments.tables import TABLES

FACES, (CELEBA, LFWA) = TABLES["faces"].settings[0], TABLES["attributes"].settings


def figure(value, interval):
    return {"value": value, "interval": interval, "n": 2824, "protocol": "accuracy|of:likeliest|version:1"}


def test_our_row_stands_above_published_ones_with_their_sources():
    ours = {"figures": {"mAcc": figure(0.85432, [0.85, 0.8601])}, "partition": "", "missing": ""}
    lines = markdown(CELEBA, ours).splitlines()
    assert lines[2:6] == [
        "| system | mAcc ↑ | source |",
        "| --- | ---: | --- |",
        "| **this model** | **85.43** (85.00 to 86.01) | measured here |",
        "| PANDA-1 | 85.43† | [1] |",
    ]
    assert "Our mAcc: `accuracy|of:likeliest|version:1`, n = 2,824." in lines
    assert any(line.startswith("[1] FaceXFormer project figure") for line in lines)
    assert any(line.startswith("| Talk2Face | not found |") for line in lines)
    rows = [line.split(" | ") for line in lines[5:] if line.startswith("| ")]
    assert len(rows) == len({(row.system, row.source) for row in of("celeba")})
    assert [row[1] for row in rows if row[0] == "| SwinFace"] == ["91.38†", "91.32†"]
    twice = markdown(LFWA, {"figures": {}, "partition": "", "missing": "no data"})
    assert "| Slim-CNN | 76.02† or 84† | [2] |" in twice


def test_what_is_missing_is_told():
    text = markdown(FACES, {"figures": {}, "partition": "", "missing": "set T2F_DATA"})
    assert "| **this model** | – | – | measured here |" in text and "Not measured: set T2F_DATA.\n" in text
    assert "No FID" not in text and "Our protocol differs: Test faces are those of CelebA's partition" in text
    measured = {"figures": {"FID": figure(31.5, None)}, "partition": "", "missing": ""}
    text = markdown(FACES, measured)
    assert "| **this model** | **31.50** | – |" in text
    assert "No LPIPS to the real face: the published network is not known." in text
