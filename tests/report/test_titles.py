import pytest

from t2f_jax.report.titles import title


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("attributes/accuracy", "attributes: right answers"),
        ("attributes/age/mae", "age: mean absolute error"),
        ("attributes/apparent age/cs5", "apparent age: answers off by at most 5"),
        ("attributes/age/coverage90", "age: answers inside the 90% interval"),
        ("captions/bleu_4", "captions: BLEU-4"),
        ("ceiling/model/hair color/kept", "hair color, read by the model: answers that encoding and decoding keeps"),
        ("ceiling/judge/kept", "attributes, read by the judge: answers that encoding and decoding keeps"),
        ("reconstruction/psnr", "reconstructions: PSNR"),
        ("requests/hat/seen", "hat: asked for and seen"),
        ("requests/precision_face", "faces drawn for requests: precision in face features"),
        ("texts/fid", "faces drawn for captions: FID"),
        ("texts/something_new", "faces drawn for captions: something new"),
        ("alone", "alone: alone"),
    ],
)
def test_a_figure_has_a_name_in_words(name, words):
    assert title(name) == words
