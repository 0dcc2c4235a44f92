import pytest
from fake_model import SCHEMA, FakeModel, ages, face, numbered

from t2f_jax.evaluation.attributes import measure_attributes
from t2f_jax.tokens.attributes import Attribute


def analysed(**options):
    fields = [face("male", "no", 30), face("male", "yes", 40), face("male", None, 50), face("female", "no")]
    answers = [
        {"gender": [0.9, 0.1], "hat": [0.8, 0.2], "age": ages(a30=0.6, a60=0.4)},  # median 30, expectation 42, mode 30
        {"gender": [0.6, 0.4], "hat": [0.7, 0.3], "age": ages(a20=0.4, a34=0.3, a50=0.3)},  # median 34, mode 20
        {"gender": [0.2, 0.8], "hat": [0.5, 0.5], "age": ages(a70=1.0)},
        {"gender": [0.0, 1.0], "hat": [0.1, 0.9], "age": ages(a5=1.0)},
    ]
    training = [face("female", "no", 20), face("female", "yes", 40), face("male", "no")]
    return measure_attributes(FakeModel(answers), numbered(4), fields, SCHEMA, training, **options)


def test_choices_by_hand():
    gender, hat = analysed()["choices"]["gender"], analysed()["choices"]["hat"]
    assert gender["n"] == 4 and gender["accuracy"] == 0.75
    assert gender["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert (
        gender["majority"] == "female" and gender["majority_accuracy"] == 0.25
    )  # the training split's, not the test's
    assert hat["n"] == 3 and hat["accuracy"] == pytest.approx(1 / 3)  # an unknown label does not count
    assert hat["balanced_accuracy"] == pytest.approx((1 / 2 + 0) / 2)
    mean = analysed()["mean"]
    assert mean["accuracy"] == pytest.approx((0.75 + 1 / 3) / 2)
    assert mean["majority_accuracy"] == pytest.approx((0.25 + 2 / 3) / 2)
    assert mean["interval"][0] <= mean["accuracy"] <= mean["interval"][1]


def test_age_by_hand():
    age = analysed()["numbers"]["age"]
    assert age["n"] == 3
    assert age["pairs"] == [[30, 30], [40, 34], [50, 70]]
    assert age["mae"] == pytest.approx((0 + 6 + 20) / 3)
    assert age["mae_expectation"] == pytest.approx((12 + 6.8 + 20) / 3)
    assert age["mae_mode"] == pytest.approx((0 + 20 + 20) / 3)
    assert age["mae_sampled"] == pytest.approx((12 + (8 + 1.8 + 3) + 20) / 3)
    assert age["training_mean"] == 30 and age["mae_training_mean"] == pytest.approx(10)
    assert age["cs5"] == pytest.approx(1 / 3)
    assert age["coverage80"] == pytest.approx(2 / 3)


def test_ranges_by_hand():
    schema = [Attribute("age", (), 1, 90, ("20-29", "30-39", "70+"))]
    fields = [face(age="20-29"), face(age="30-39"), face(age="70+"), face(age=25)]
    answers = [
        {"age": ages(a20=0.3, a29=0.3, a35=0.4)},  # right by its sum, though no number is likelier than 35
        {"age": ages(a20=0.4, a29=0.3, a30=0.3)},
        {"age": ages(a30=0.4, a69=0.2, a90=0.4)},  # as likely as the thirties, which come first; median 69
        {"age": ages(a26=1.0)},
    ]
    training = [face(age="30-39"), face(age="30-39"), face(age="20-29"), face(age=50)]
    figures = measure_attributes(FakeModel(answers), numbered(4), fields, schema, training)
    found = figures["ranges"]["age"]
    assert found["n"] == 3 and found["accuracy"] == pytest.approx(1 / 3)
    assert found["majority"] == "30-39" and found["majority_accuracy"] == pytest.approx(1 / 3)
    assert found["probability"] == pytest.approx((0.6 + 0.3 + 0.4) / 3)
    assert found["median_inside"] == pytest.approx(1 / 3)
    exact = figures["numbers"]["age"]
    assert exact["n"] == 1 and exact["mae"] == 1 and exact["training_mean"] == 50


def test_batches_do_not_matter():
    done = []
    whole, parts = analysed(), analysed(batch_size=3, advance=done.append)
    assert whole == parts and done == [3, 1]


def test_without_a_label_an_attribute_is_left_out():
    answers = [{"gender": [0.9, 0.1]}]
    result = measure_attributes(FakeModel(answers), numbered(1), [face("male")], SCHEMA, [])
    assert list(result["choices"]) == ["gender"] and result["numbers"] == {}
    assert result["choices"]["gender"]["majority"] is None and result["mean"]["majority_accuracy"] is None
