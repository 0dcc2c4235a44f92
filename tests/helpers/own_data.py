"""The same synthetic faces as own data in every supported layout."""

import csv
import io
import json
import pathlib
import tarfile
from typing import Any

import pyarrow as pa
import pyarrow.parquet
from faces import save_jpeg

COUNT = 50
COLUMNS = ("caption", "age", "gender", "hat", "hair color")


def images(folder: pathlib.Path, count: int = COUNT) -> list[pathlib.Path]:
    """Pictures 00.jpg, 01.jpg, ... in a folder."""
    for number in range(count):
        save_jpeg(folder / f"{number:02d}.jpg", number, 40, 48)
    return sorted(folder.glob("*.jpg"))


def labels(number: int) -> dict[str, str]:
    """The labels of a face; for some faces age and caption are unknown."""
    return {
        "caption": "" if number % 5 == 1 else f"A person, the {number}. one.",
        "age": "" if number % 7 == 3 else str(20 + number),
        "gender": "female" if number % 2 else "male",
        "hat": "yes" if number % 3 == 0 else "no",
        "hair color": ("black", "red", "light_brown")[number % 3],
    }


def write_csv(folder: pathlib.Path, count: int = COUNT, name: str = "faces.csv") -> pathlib.Path:
    """Images and a table side by side; returns the folder."""
    with_images = images(folder, count)
    with (folder / name).open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ("image", *COLUMNS))
        writer.writeheader()
        writer.writerows({"image": path.name, **labels(i)} for i, path in enumerate(with_images))
    return folder


def typed(number: int) -> dict:
    """`labels` as a program writes them: numbers and booleans, null if unknown."""
    values: dict = {key: value or None for key, value in labels(number).items()}
    values["age"] = int(values["age"]) if values["age"] else None
    values["hat"] = values["hat"] == "yes"
    return values


def write_json_lines(folder: pathlib.Path) -> pathlib.Path:
    """A table of JSON lines in the parent of the images' folder."""
    lines = [{"image": path.name, **typed(i)} for i, path in enumerate(images(folder))]
    (folder / "faces.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def write_parquet_table(folder: pathlib.Path) -> pathlib.Path:
    """A Parquet table beside the images."""
    rows = [{"image": path.name, **typed(i)} for i, path in enumerate(images(folder))]
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), folder / "faces.parquet")
    return folder


def write_imagefolder(folder: pathlib.Path) -> pathlib.Path:
    """Hugging Face's imagefolder: all images in `train`, together with metadata.jsonl."""
    lines = [{"file_name": path.name, **typed(i)} for i, path in enumerate(images(folder / "train"))]
    lines = [{"text" if key == "caption" else key: value for key, value in line.items()} for line in lines]
    (folder / "train" / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in reversed(lines)))
    return folder


def write_shards(folder: pathlib.Path, scratch: pathlib.Path) -> pathlib.Path:
    """Two WebDataset shards: jpg, txt if there is a caption, json."""
    folder.mkdir(parents=True)
    files = images(scratch)
    for shard in range(2):
        with tarfile.open(folder / f"faces-{shard:06d}.tar", "w") as tar:
            for i in range(shard, COUNT, 2):
                values = typed(i)
                caption = values.pop("caption")
                add(tar, f"{i:02d}.json", json.dumps(values).encode())
                add(tar, f"{i:02d}.jpg", files[i].read_bytes())
                if caption:
                    add(tar, f"{i:02d}.txt", caption.encode())
    return folder


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Adds a file to a tar."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def image_table(scratch: pathlib.Path) -> pa.Table:
    """A table with the images, as made by Hugging Face's `datasets`: gender is a class index."""
    features = {"gender": {"names": ["female", "male"], "_type": "ClassLabel"}, "image": {"_type": "Image"}}
    rows = []
    for i, path in enumerate(images(scratch)):
        values = typed(i)
        rows.append({"image": {"bytes": path.read_bytes(), "path": path.name}, **values})
        rows[-1]["gender"] = ["female", "male"].index(values["gender"])
    table = pa.Table.from_pylist(rows)
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def write_image_parquet(folder: pathlib.Path, scratch: pathlib.Path) -> pathlib.Path:
    """Parquet files with the images, several row groups each, named as on the Hugging Face hub."""
    (folder / "data").mkdir(parents=True)
    table = image_table(scratch)
    for part in range(2):
        path = folder / "data" / f"train-{part:05d}-of-00002.parquet"
        pyarrow.parquet.write_table(table.slice(part * 30, 30), path, row_group_size=8)
    return folder


def write_saved(folder: pathlib.Path, scratch: pathlib.Path) -> pathlib.Path:
    """The Arrow streams that `Dataset.save_to_disk` writes."""
    folder.mkdir(parents=True)
    table = image_table(scratch)
    with pa.ipc.new_stream(folder / "data-00000-of-00001.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=16)
    (folder / "state.json").write_text("{}")
    (folder / "dataset_info.json").write_text("{}")
    return folder


def write_all(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """{layout: its path} of the same faces."""
    scratch = folder / "scratch"
    return {
        "csv": write_csv(folder / "csv"),
        "json lines": write_json_lines(folder / "jsonl"),
        "parquet": write_parquet_table(folder / "parquet"),
        "imagefolder": write_imagefolder(folder / "imagefolder"),
        "webdataset": write_shards(folder / "shards", scratch),
        "image parquet": write_image_parquet(folder / "hub", scratch),
        "saved": write_saved(folder / "saved", scratch),
    }


def write_by_datasets(folder: pathlib.Path, scratch: pathlib.Path, datasets: Any) -> dict[str, pathlib.Path]:
    """{layout: its path} as written by Hugging Face's own library: saved, as Parquet, loaded and saved."""
    rows = [{"image": str(path), **typed(i)} for i, path in enumerate(images(scratch))]
    classes = datasets.ClassLabel(names=["female", "male"])
    columns = {key: [row[key] for row in rows] for key in ("image", *COLUMNS)}
    made = datasets.Dataset.from_dict(columns).cast_column("gender", classes).cast_column("image", datasets.Image())
    whole = {"whole": folder / "whole", "splits": folder / "splits", "parquet": folder / "parquet" / "data"}
    made.save_to_disk(whole["whole"], num_shards=2)
    datasets.DatasetDict(train=made).save_to_disk(whole["splits"])
    whole["parquet"].mkdir(parents=True)
    embedded = made.with_format("arrow").map(datasets.table.embed_table_storage, batched=True).with_format(None)
    for k in range(2):
        part = embedded.shard(2, k, contiguous=True)
        part.to_parquet(whole["parquet"] / f"train-{k:05d}-of-00002.parquet", batch_size=9)
    (folder / "paths").mkdir()
    made.to_parquet(folder / "paths" / "train.parquet")
    from_folder = datasets.load_dataset(
        "imagefolder", data_dir=str(write_imagefolder(folder / "plain")), cache_dir=str(folder / "hf"), split="train"
    )
    from_folder.save_to_disk(folder / "loaded")
    return {**whole, "parquet": folder / "parquet", "loaded": folder / "loaded"}


def write_by_webdataset(folder: pathlib.Path, scratch: pathlib.Path, webdataset: Any) -> pathlib.Path:
    """Shards made by WebDataset's own writer."""
    folder.mkdir(parents=True)
    with webdataset.ShardWriter(str(folder / "faces-%06d.tar"), maxcount=20, verbose=0) as writer:
        for i, path in enumerate(images(scratch)):
            values = typed(i)
            caption = values.pop("caption")
            sample = {"__key__": path.stem, "jpg": path.read_bytes(), "json": values}
            writer.write(sample | ({"txt": caption} if caption else {}))
    return folder
