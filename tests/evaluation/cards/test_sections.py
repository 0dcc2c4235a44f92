import made_cards

from t2f_jax.report.content import load_results


def test_the_report_shows_every_figure_groups_and_failures(tmp_path):
    made_cards.published(tmp_path / "a")
    _, content = load_results(tmp_path / "a")
    faces, requests = content.sources[0].parts
    assert (faces.examples, faces.n, len(faces.figures)) == ("faces", 40, 4)
    assert list(faces.confusions) == ["gender", "age"] and "attributes/age/mae" in faces.slices
    assert [gallery.title for gallery in faces.galleries] == [
        "Confident and wrong",
        "Numbers farthest from their label",
    ]
    assert faces.galleries[1].failures[0].image.startswith(b"\x89PNG")
    assert [f.truth for f in requests.galleries[0].failures] == ["prompt 1"]
    page = (tmp_path / "a" / "report.html").read_text()
    assert "By group of faces" in page and "Confident and wrong" in page and faces.protocol_id in page
