import pytest

from t2f_jax.config import load
from t2f_jax.data.datasets import registry
from t2f_jax.experiments.published import VERIFIED, of, read
from t2f_jax.experiments.tables import TABLES

SETTINGS = [setting for table in TABLES.values() for setting in table.settings]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_setting_has_a_dataset_and_published_figures(setting):
    dataset = registry.find(setting.kind)
    assert {*setting.partitions} <= {"", *dataset.partitions}
    columns = {column.metric: column for column in setting.columns}
    assert len(columns) == len(setting.columns) and {row.metric for row in of(setting.name)} == {*columns}
    names = {a.name for a in dataset.schema}
    for column in columns.values():
        family, *rest = column.figure.split("/")
        assert column.better in ("higher", "lower") and column.scale in (1, 100)
        if family == "attributes" and len(rest) == 2:
            assert rest[0] in names


def test_every_published_figure_stands_in_a_table_and_names_its_source():
    names = {setting.name for setting in SETTINGS}
    assert len(names) == len(SETTINGS) and len(read()) > 100
    for row in read():
        assert row.setting in names and row.verified in VERIFIED
        assert row.system and row.source and row.protocol
        assert (row.value is None) == (row.verified == "not found")


def test_a_system_has_one_value_of_a_source_in_a_column():
    seen = [(row.setting, row.metric, row.system, row.source) for row in read()]
    assert len({*seen}) >= len(seen) - 1  # Slim-CNN is quoted with two values for LFWA


@pytest.mark.parametrize(
    ("setting", "metric", "system", "value"),
    [
        ("mm_celeba_hq-faces", "FID", "TediGAN", 106.37),
        ("mm_celeba_hq-captions", "BLEU-4", "Talk2Face", 39.58),
        ("utkface-benchmark", "MAE", "FaRL+MLP", 3.87),
        ("celeba", "mAcc", "Faceptor", 91.39),
        ("mm_celeba_hq-faces", "FID", "Talk2Face", None),
    ],
)
def test_some_figures(setting, metric, system, value):
    assert [r.value for r in of(setting) if (r.metric, r.system) == (metric, system)] == [value]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_s_config_reads_what_the_table_measures(table):
    config = load(f"tables:{table}")
    by_kind = {source.kind: source for source in config.data.sources.values()}
    assert {*by_kind} == {setting.kind for setting in TABLES[table].settings}
    for setting in TABLES[table].settings:
        assert by_kind[setting.kind].partition in setting.partitions
    tasks = config.decoder.tasks
    assert tasks.to_image + tasks.to_caption + tasks.to_attributes == pytest.approx(1)
