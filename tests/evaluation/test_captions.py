from fake_model import FakeModel, face, numbered

from t2f_jax.evaluation.captions import caption_faces


def test_captions_stand_beside_the_given_ones():
    records = caption_faces(FakeModel(), numbered(2), [face(captions=["a man"]), face()])
    assert records == [{"generated": "face 0", "given": ["a man"]}, {"generated": "face 1", "given": []}]
