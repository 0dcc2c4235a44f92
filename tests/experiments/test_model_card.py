"""The model card that training writes: the run's facts, as Hugging Face reads them."""

import dataclasses

import small_model

from t2f_jax import config
from t2f_jax.experiments import model_card


def write(tmp_path, kinds, **changes):
    """The card of the small model, as if it was trained on datasets of these kinds."""
    values = config.base_config()
    values.name = "small"
    for kind in kinds:
        config.source(values, kind, kind=kind)
    values.decoder.update(changes)
    counts = {kind: {"train": 8000, "test": 1000} for kind in kinds}
    model = small_model.make_bundle()
    model = dataclasses.replace(model, provenance={"sources": counts, "versions": {"jax": "1.2", "device": "cpu"}})
    model_card.write(config.loader.narrow(values), model, tmp_path)
    return (tmp_path / "README.md").read_text(), model


def test_the_card_tells_the_facts_of_the_run(tmp_path):
    card, model = write(tmp_path, ["synthetic", "celeba"], init_from="runs/before")
    head = card.split("---")[1]
    assert "library_name: t2f_jax" in head and "license: other" in head
    assert card.startswith("---\n") and "\n# small\n" in card and "None" not in card and "{{" not in card
    assert "8,000 train faces, 1,000 test faces" in card and "non-commercial research only" in card
    assert "`runs/before`" in card and "| made with | jax 1.2, device cpu |" in card
    assert all(f"- {attribute.name}: " in card for attribute in model.schema)
    assert "Not measured when it was trained" in card


def test_the_card_of_a_measured_model_has_its_figures(tmp_path):
    results = {"age_mae": 3.65, "age_mae_mean": 23.047, "attribute_accuracy": None, "attribute_accuracy_majority": None}
    model_card.write(config.loader.narrow(config.base_config()), small_model.make_bundle(), tmp_path, results)
    card = (tmp_path / "README.md").read_text()
    assert "| age, mean absolute error | 3.65 years | 23.05 years (the mean age) |" in card
    assert "attributes, accuracy" not in card and "Not measured" not in card


def test_drawn_faces_alone_need_no_other_licence(tmp_path):
    card, _ = write(tmp_path, ["synthetic"])
    assert "license: apache-2.0" in card and "Training started from" not in card
