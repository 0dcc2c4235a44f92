from t2f_jax.evaluation.cards import failures


def face(labels, answers=None, caption="a face", **scores):
    return {"labels": labels, "answers": answers or {}, "caption": caption, "given": [], "scores": scores}


def choice(value, probability):
    return {"value": value, "probability": probability}


def kinds(*titles):
    return [kind for kind in (*failures.FACES, *failures.REQUESTS) if kind.title in titles]


def picked(rows, title, count=8):
    return [(one.row, one.said, one.truth) for _, picks in failures.pick(rows, kinds(title), count) for one in picks]


def test_the_surest_wrong_answers_come_first_two_of_an_attribute_at_most():
    rows = [face({"hat": "no"}, {"hat": choice("yes", sure)}) for sure in (0.6, 0.9, 0.7)]
    rows += [
        face({"gender": "male"}, {"gender": choice("female", 0.8)}),
        face({"hat": "no"}, {"hat": choice("no", 1.0)}),
    ]
    rows += [face({}, {"hat": choice("yes", 0.99)})]  # nothing is known of it
    found = picked(rows, "Confident and wrong")
    assert [row for row, _, _ in found] == [1, 3, 2]
    assert found[0] == (1, "hat: yes, 90% sure", "hat: no")


def test_a_face_is_shown_once_for_its_worst_failure():
    rows = [face({"hat": "no", "gender": "male"}, {"hat": choice("yes", 0.7), "gender": choice("female", 0.7)})]
    rows += [face({"hat": "no", "gender": "male"}, {"hat": choice("yes", 0.8), "gender": choice("female", 0.9)})]
    assert [(row, truth) for row, _, truth in picked(rows, "Confident and wrong")] == [
        (1, "gender: male"),
        (0, "hat: no"),
    ]


def test_numbers_are_ordered_by_their_distance_from_the_label():
    answers = [{"age": {"value": value, "low": value - 3, "high": value + 3}} for value in (30, 40, 50, 29)]
    rows = [face({"age": label}, answer) for label, answer in zip((31, 80, "60-69", "20-29"), answers)]
    found = picked(rows, "Numbers farthest from their label", count=2)
    assert found == [(1, "age: 40 (37–43)", "age: 80"), (2, "age: 50 (47–53)", "age: 60-69")]


def test_captions_are_ordered_by_the_facts_that_labels_contradict():
    rows = [
        face({"hat": "no"}, caption=str(i), **{"captions/fact_precision": s}) for i, s in enumerate([[3, 3], [0, 2]])
    ]
    rows.append(face({"hat": "no", "age": 3}, caption="2", **{"captions/fact_precision": [1, 4]}))
    assert picked(rows, "Captions that contradict the labels") == [(2, "2", "age: 3"), (1, "1", "")]


def test_images_are_ordered_by_what_is_lost_of_them():
    rows = [face({}, **{"reconstruction/psnr": psnr}) for psnr in (20.0, 12.5, 31.0)]
    assert picked(rows, "Worst reconstructions", 2) == [(1, "12.5 dB", ""), (0, "20.0 dB", "")]


def test_requests_are_ordered_by_what_the_judge_misses():
    row = {"text": "a man in a hat", "asked": {"gender": "male", "hat": "yes", "age": 30}, "scores": {}}
    rows = [{**row, "judged": seen} for seen in ({"hat": "yes"}, {"gender": "female", "hat": "no", "age": 50})]
    assert picked(rows, "Requested and not seen") == [(1, "judged gender: female, hat: no", "a man in a hat")]


def test_what_never_fails_has_no_gallery():
    assert failures.pick([face({"hat": "no"}, {"hat": choice("no", 1.0)})], failures.FACES) == []
