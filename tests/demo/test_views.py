"""Results as HTML: all of it there, all of it escaped."""

import numpy as np
from PIL import Image

from t2f_jax.demo import views
from t2f_jax.inference.answers import make_record
from t2f_jax.inference.likelihoods import Caption
from t2f_jax.tokens.attributes import Attribute

EVIL = '<script>alert("x")</script>'


def test_what_people_write_is_text():
    face = Image.new("RGB", (4, 4))
    face.info = {"prompt": EVIL, "seed": 3, "score": -1.25}
    pages = [views.faces([face]), views.problem(EVIL), views.waiting(EVIL), views.captions([Caption(-3.0, EVIL)])]
    for page in pages:
        assert "<script" not in page and "&lt;script&gt;" in page


def test_a_gallery_tells_of_each_face_and_downloads_it():
    faces = [Image.new("RGB", (4, 4)) for _ in range(2)]
    for seed, face in enumerate(faces):
        face.info = {"prompt": "a man", "seed": seed}
    page = views.faces(faces)
    assert page.count("<img ") == page.count('download="face-00000') == 2
    assert "A face generated for: a man (seed 1)" in page and "score" not in page and "read" not in page
    assert "characters that this model does not know: \u7b11, &lt;b&gt;." in views.faces(faces, ["\u7b11", "<b>"])


def test_answers_hold_a_plot_and_bars():
    age, hair = Attribute("age", (), 11, 20), Attribute("hair", ("red", "black"))
    shares = np.array([0, 0, 0.1, 0.2, 0.4, 0.2, 0.1, 0, 0, 0])
    page = views.answers({"age": make_record(age, shares), "hair": make_record(hair, np.array([0.25, 0.75]))})
    assert "age: 15 years" in page and "90% between 13 and 17" in page
    assert "hair: black" in page and "75.0%" in page and "width: 25.0%" in page


def test_attributes_that_are_there_or_not_share_a_table():
    hat, scarf = (Attribute(name, ("no", "yes")) for name in ("hat", "scarf"))
    shares = {hat: np.array([0.1, 0.9]), scarf: np.array([0.8, 0.2])}
    page = views.answers({a.name: make_record(a, p) for a, p in shares.items()})
    assert page.count("<table>") == 1 and page.count("<tr") == 2 and page.count("t2f-best") == 1
    assert "90.0%" in page and "20.0%" in page and "10.0%" not in page


def test_a_plot_places_median_and_interval():
    age = Attribute("age", (), 11, 20)
    plot = views.plot(make_record(age, np.array([0, 0, 0.1, 0.2, 0.4, 0.2, 0.1, 0, 0, 0])))
    assert plot["line"] == 45.0 and plot["band"] == (20.0, 70.0)
    assert "4,0.00 5,0.00" in plot["outline"]  # the likeliest reaches the top


def test_a_half_drawn_face_tells_how_far_it_is():
    page = views.half_drawn(0.5, [np.zeros((4, 4, 3), np.uint8)])
    assert 'value="0.500"' in page and page.count("data:image/png") == 1
