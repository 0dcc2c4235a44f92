import contextlib

import damage
import hypothesis
import pytest
from hypothesis import strategies as st
from PIL import Image

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import base, celeba_files, registry
from t2f_jax.errors import UserError
from t2f_jax.io.framing import POINTS, Framing


def open_celeba(folder):
    return registry.open_source(SourceConfig(kind="celeba", folder=str(folder)), "celeba")


def test_reads_labels_and_partition(celeba_folder):
    source = open_celeba(celeba_folder)
    assert len(source.schema) == 40
    assert [len(source.split(s)) for s in base.SPLITS] == [8, 2, 2]
    third = source.split("train")[2]
    assert source.id(third) == "000003.jpg"
    attributes = source.fields(third)["attributes"]
    assert attributes["gender"] == "male" and attributes["eyeglasses"] == "yes" and attributes["young"] == "no"
    assert source.fields(third + 1)["attributes"]["gender"] == "female"
    assert source.image(third, 24).shape == (24, 24, 3)


def test_official_subfolders(celeba_folder):
    for sub, name in (
        ("Anno", "list_attr_celeba.txt"),
        ("Eval", "list_eval_partition.txt"),
        ("Img", "img_align_celeba"),
    ):
        (celeba_folder / sub).mkdir()
        (celeba_folder / name).rename(celeba_folder / sub / name)
    assert len(open_celeba(celeba_folder).split("train")) == 8


def test_column_order_is_read_from_the_header(celeba_folder):
    path = celeba_folder / "list_attr_celeba.txt"
    lines = path.read_text().splitlines()
    lines[1] = " ".join(reversed(celeba_files.COLUMNS))
    lines[2:] = [" ".join([line.split()[0], *reversed(line.split()[1:])]) for line in lines[2:]]
    path.write_text("\n".join(lines))
    assert open_celeba(celeba_folder).fields(0)["attributes"]["gender"] == "male"


def edit(path, number, change):
    lines = path.read_text().splitlines()
    lines[number - 1] = change(lines[number - 1])
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "file, number, change, message",
    [
        (
            "list_attr_celeba.txt",
            5,
            lambda s: s.rsplit(" ", 1)[0],
            r"line 5: 39 labels after the file name instead of 40",
        ),
        ("list_attr_celeba.txt", 7, lambda s: s[:-1] + "0", r"line 7: label '-?0' is neither 1 nor -1"),
        ("list_attr_celeba.txt", 2, lambda s: s.replace("Male", "Mael"), r"line 2: the names .*Mael"),
        ("list_attr_celeba.txt", 1, lambda s: "99", r"line 1: '99' rows announced, 12 found"),
        ("list_attr_celeba.txt", 4, lambda s: s.replace("000002", "000001"), r"000001.jpg has two rows"),
        (
            "list_eval_partition.txt",
            2,
            lambda s: "000002.jpg 3",
            r"line 2: '000002.jpg 3' should be a file name and 0, 1 or 2",
        ),
        ("list_eval_partition.txt", 2, lambda s: "9.jpg 0", r"line 2: 9.jpg has no row in list_attr_celeba.txt"),
        ("list_eval_partition.txt", 2, lambda s: "", r"no row for 000002.jpg"),
    ],
)
def test_it_names_the_broken_row(celeba_folder, file, number, change, message):
    edit(celeba_folder / file, number, change)
    with pytest.raises(UserError, match=message) as caught:
        open_celeba(celeba_folder)
    assert file in str(caught.value) and "\n" not in str(caught.value)


def test_it_names_what_is_missing(celeba_folder):
    (celeba_folder / "img_align_celeba" / "000004.jpg").unlink()
    with pytest.raises(UserError, match=r"000004.jpg is labelled in list_attr_celeba.txt but absent \(1 of 12 are\)"):
        open_celeba(celeba_folder)
    (celeba_folder / "list_eval_partition.txt").unlink()
    with pytest.raises(UserError, match=r"no list_eval_partition\.txt"):
        open_celeba(celeba_folder)


@pytest.mark.parametrize("file", ["list_attr_celeba.txt", "list_eval_partition.txt"])
def test_a_byte_order_mark_and_windows_lines_are_passed_over(celeba_folder, file):
    before = open_celeba(celeba_folder)
    path = celeba_folder / file
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    after = open_celeba(celeba_folder)
    assert [after.split(split) for split in base.SPLITS] == [before.split(split) for split in base.SPLITS]
    assert [after.fields(i) for i in range(12)] == [before.fields(i) for i in range(12)]


def test_the_edition_of_png_files_is_read(celeba_folder):
    for path in (celeba_folder / "img_align_celeba").iterdir():
        with Image.open(path) as image:
            image.save(path.with_suffix(".png"))
        path.unlink()
    source = open_celeba(celeba_folder)
    assert len(source.split("train")) == 8 and source.image(0, 16).shape == (16, 16, 3)


@pytest.mark.parametrize("file", ["list_attr_celeba.txt", "list_eval_partition.txt"])
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(data=st.binary())
def test_any_bytes_as_a_file_of_labels_end_in_a_user_error(celeba_folder, file, data):
    (celeba_folder / file).write_bytes(data)
    with pytest.raises(UserError, match=file):
        open_celeba(celeba_folder)


@pytest.mark.parametrize("file", ["list_attr_celeba.txt", "list_eval_partition.txt"])
@hypothesis.settings(
    max_examples=50, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(data=st.data())
def test_damaged_labels_are_read_or_refused(celeba_folder, file, data):
    path = celeba_folder / file
    whole = path.read_bytes()
    try:
        path.write_bytes(data.draw(damage.damaged(whole)))
        with contextlib.suppress(UserError):
            open_celeba(celeba_folder).fields(3)
    finally:
        path.write_bytes(whole)


def test_endings_in_capitals_and_a_folder_in_a_folder_are_read(celeba_folder):
    folder = celeba_folder / "img_align_celeba"
    for path in list(folder.iterdir()):
        path.rename(path.with_suffix(".JPG"))
    folder.rename(celeba_folder / "inner")
    (celeba_folder / "img_align_celeba").mkdir()
    (celeba_folder / "inner").rename(folder / "img_align_celeba")
    assert open_celeba(celeba_folder).image(0, 16).shape == (16, 16, 3)


def test_an_archive_that_is_still_packed_is_told(celeba_folder):
    (celeba_folder / "img_align_celeba").rename(celeba_folder / "elsewhere")
    (celeba_folder / "img_align_celeba.zip").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"no img_align_celeba; .*img_align_celeba\.zip is still packed: unpack it"):
        open_celeba(celeba_folder)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_labels_of_other_editors_are_read(celeba_folder, encoding, end):
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt"):
        text = (celeba_folder / name).read_text()
        (celeba_folder / name).write_bytes(text.replace("\n", end).encode(encoding))
    assert open_celeba(celeba_folder).fields(2)["attributes"]["eyeglasses"] == "yes"


def test_the_tables_of_kaggles_edition_are_read(celeba_folder):
    before = open_celeba(celeba_folder)
    labels, partition = (celeba_folder / f"{name}.txt" for name in ("list_attr_celeba", "list_eval_partition"))
    _, header, *rows = (",".join(line.split()) for line in labels.read_text().splitlines())
    labels.with_suffix(".csv").write_text("\n".join([f"image_id,{header}", *rows]) + "\n")
    rows = partition.read_text().replace(" ", ",")
    partition.with_suffix(".csv").write_text(f"image_id,partition\n{rows}")
    labels.unlink()
    partition.unlink()
    source = open_celeba(celeba_folder)
    assert [source.split(split) for split in base.SPLITS] == [before.split(split) for split in base.SPLITS]
    assert [source.fields(i) for i in range(12)] == [before.fields(i) for i in range(12)]
    labels.with_suffix(".csv").write_text(labels.with_suffix(".csv").read_text()[:-3])
    with pytest.raises(UserError, match=r"list_attr_celeba\.csv, line 13: 39 labels"):
        open_celeba(celeba_folder)


def test_landmarks_are_read_where_they_are_asked_for(celeba_folder):
    aligned = Framing(1.0, "landmarks")
    plain = open_celeba(celeba_folder)
    assert base.landmarks(plain, 0) is None
    assert (plain.image(0, 24, aligned) == plain.image(0, 24)).all()
    columns = " ".join(f"{point}_{axis}" for point in POINTS for axis in "xy")
    row = "30 40  60 42  45 60  32 80  57 81"
    table = f"2\n{columns}\n000001.jpg {row}\n000009.jpg {row}\n"
    (celeba_folder / "list_landmarks_align_celeba.txt").write_text(table)
    source = open_celeba(celeba_folder)
    assert base.landmarks(source, 0).tolist()[1] == [60, 42] and base.landmarks(source, 1) is None
    assert (
        source.image(0, 24, aligned) == base.read_face(source.path(0), 24, aligned, None, source.landmarks(0))
    ).all()
    assert (source.image(0, 24, aligned) != plain.image(0, 24)).any()
    assert (source.image(1, 24, aligned) == plain.image(1, 24)).all()
