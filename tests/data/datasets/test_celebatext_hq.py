import celeba_hq
from faces import save_jpeg

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import base, registry


def test_described_faces_are_read_with_celebas_splits(tmp_path):
    celeba_hq.make(tmp_path, {3: ["Young"]})
    folder = tmp_path / "CelebAText-HQ"
    (folder / "captions").mkdir(parents=True)
    for number, text in ((3, "A girl.\n\nA young lady.\n"), (0, "A man.\n"), (5, "\n"), (99, "Nobody.\n")):
        (folder / f"captions/{number}.txt").write_text(text)
    source = registry.open_source(SourceConfig(kind="celebatext_hq", folder=str(folder)), "text")
    assert [[source.id(i) for i in source.split(split)] for split in base.SPLITS] == [["0.jpg"], [], ["3.jpg"]]
    assert source.fields(1)["captions"] == ["A girl.", "A young lady."]
    assert source.fields(1)["attributes"]["young"] == "yes"
    assert {item["id"]: item["why"] for item in source.skipped} == {
        "5.jpg": "5.txt is empty",
        "99.jpg": "no image of CelebA-HQ has this number",
    }


def test_images_that_were_copied_beside_the_captions_are_read(tmp_path):
    (celeba_hq.make(tmp_path) / "CelebA-HQ-img").rename(tmp_path / "elsewhere")
    folder = tmp_path / "CelebAText-HQ"
    (folder / "captions").mkdir(parents=True)
    (folder / "captions/0.txt").write_text("A man.\n")
    save_jpeg(folder / "CelebAimg/0.jpg", 0, 20, 20)
    source = registry.open_source(SourceConfig(kind="celebatext_hq", folder=str(folder)), "text")
    assert source.image(0, 8).shape == (8, 8, 3)
