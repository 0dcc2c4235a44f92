from fake_model import FakeModel, face, numbered

from t2f_jax.evaluation.captions import caption_faces, measure_captions


def test_captions_stand_beside_the_given_ones():
    records = caption_faces(FakeModel(), numbered(2), [face(captions=["a man"]), face()])
    assert [record["generated"] for record in records] == ["face 0", "face 1"]
    assert [record["given"] for record in records] == [["a man"], []] and records[0]["denied"] == []


def test_what_labels_deny_is_told_by_its_place():
    (record, *_) = caption_faces(Writer(), numbered(1), [face("female", "yes")])
    assert [record["generated"][start:end] for start, end in record["denied"]] == ["man"]


class Writer(FakeModel):
    """Writes the caption of the face's number."""

    captions = ("A man with a hat and a hat.", "A woman.", "A woman.", "A man without a hat.")

    def describe(self, images, reading=None, codes=None):
        self.calls.append(len(images))
        return [self.captions[row[0]] for row in self.encode(images)]


def test_facts_are_counted_over_all_captions():
    writer, counted = Writer(), []
    faces = [face("male", "yes"), face("male", "yes"), face(None, "no"), face("female", "no", 30)]
    figures = measure_captions(writer, numbered(4), faces, counted.append, batch_size=3)
    # Said and known: man, hat, hat; woman (wrong); nothing known; man (wrong), no hat.
    assert figures["precision"] == 4 / 6
    # Positive facts: male, hat; male, hat; none; female, 30. Said right: male, hat.
    assert figures["recall"] == 2 / 6
    assert (figures["repeats"], figures["different"], figures["faces"]) == (0.25, 3, 4)
    for name in ("precision", "recall", "repeats"):
        low, high = figures[f"{name}_interval"]
        assert 0 <= low <= figures[name] <= high <= 1
    assert writer.calls == [3, 1] and counted == [3, 1]


def test_nothing_said_is_no_share():
    figures = measure_captions(FakeModel(), numbered(2), [face(), face()])
    assert figures["precision"] is None and figures["recall"] is None and figures["repeats"] == 0
