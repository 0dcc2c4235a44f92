import pytest

from t2f_jax.report.titles import title


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("attributes/accuracy", "attributes: accuracy"),
        ("attributes/age/mae", "age: mean absolute error"),
        ("attributes/apparent age/cs5", "apparent age: answers off by at most 5"),
        ("attributes/age/coverage90", "age: answers inside the 90% interval"),
        ("captions/bleu_4", "captions: BLEU-4"),
        ("ceiling/model/hair color/kept", "hair color, read by the model: answers unchanged by encoding and decoding"),
        ("ceiling/judge/kept", "attributes, read by the judge: answers unchanged by encoding and decoding"),
        ("reconstruction/psnr", "reconstructions: PSNR"),
        ("requests/hat/seen", "hat: requested and seen"),
        ("requests/precision_face", "faces generated for requests: precision in face features"),
        ("texts/fid", "faces generated for captions: FID"),
        ("texts/something_new", "faces generated for captions: something new"),
        ("alone", "alone: alone"),
    ],
)
def test_a_figure_has_a_name_in_words(name, words):
    assert title(name) == words
