from t2f_jax.evaluation.cards import confusions


def row(labels, **answers):
    return {"labels": labels, "answers": answers}


def said(value, **more):
    return {"value": value, "probability": 0.5, **more}


def test_answers_are_counted_for_each_label():
    rows = [row({"gender": true}, gender=said(answer), hat=said("no")) for true, answer in ("mm", "mf", "fm", "mm")]
    rows.append(row({"hat": "no"}, gender=said("m"), hat=said("yes")))  # its gender is not known
    assert confusions.count(rows) == {"gender": {"values": ["f", "m"], "counts": [[0, 1], [1, 2]]}}


def test_ages_are_counted_by_decade():
    answers = ((31, 35), (31, 28), ("30-39", 90), ("25-34", 30), (9, 12))
    rows = [row({"age": true, "grade": 3}, age={"value": age, "low": 1, "high": 9}) for true, age in answers]
    assert confusions.count(rows) == {
        "age": {
            "values": ["0–9", "10–19", "20–29", "30–39", "80+"],
            "counts": [[0, 1, 0, 0, 0], [0] * 5, [0] * 5, [0, 0, 1, 1, 1], [0] * 5],
        }
    }
