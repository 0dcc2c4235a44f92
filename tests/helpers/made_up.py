"""Tiny synthetic datasets in the layouts of the real ones, each with its own irregularities; `make(kind, folder)`."""

import csv
import datetime
import io
import json
import tarfile

import celeba_hq
import numpy as np
from faces import save_jpeg
from PIL import Image

PEOPLE = 30  # enough for a hash to assign someone to each split


def make(kind, folder):
    """Writes a dataset of that kind and returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    MAKERS[kind](folder)
    return folder


def write_csv(path, rows, bom=False, end="\n", delimiter=","):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator=end).writerows(rows)


def agedb(folder):
    """Two photographs of each person; a name that is not ASCII, unpacked by two tools; one without labels."""
    for k in range(PEOPLE):
        person = "".join(chr(ord("A") + int(digit)) for digit in f"{k:02d}")
        for n, age in ((2 * k, 20 + k), (2 * k + 1, 40 + k)):
            save_jpeg(folder / f"{n}_Jane{person}_{age}_{'mf'[k % 2]}.jpg", n, 40, 40)
    save_jpeg(folder / "1000_René_35_m.JPG", 1, 40, 40)
    save_jpeg(folder / "1001_Ren#U00e9_36_m.jpg", 2, 40, 40)
    save_jpeg(folder / "1002_JohnDoe_0_m.jpg", 3, 40, 40)
    save_jpeg(folder / "JohnDoe.jpg", 4, 40, 40)


def morph(folder):
    """Upper-case extensions, an id with leading zeros, a row too long, an unknown race, an invalid age."""
    rows = [["id_num", "picture_num", "dob", "doa", "race", "gender", "facial_hair", "age", "glasses", "photo"]]
    for k in range(PEOPLE):
        photo = f"Album2/{k:06d}_1{'MF'[k % 2]}{20 + k}.JPG"
        save_jpeg(folder / "MORPH_nonCommercial" / photo, k, 40, 48)
        rows.append(
            [f"{k:06d}", "1", "01/02/1960", "03/04/2000", "WBAHOU"[k % 6], "MF"[k % 2], "NULL", 20 + k, "", photo]
        )
    rows.append([*rows[1][:-1], "Album2", "7.JPG"])
    rows.append([*rows[2][:7], "-", "", "Album2/8.JPG"])
    rows.append([*rows[3][:7], "30", "", "Album2/absent.JPG"])
    write_csv(folder / "MORPH_nonCommercial/morph_2008_nonCommercial.csv", rows, end="\r\n")


def appa_real(folder):
    """Crops with a suffix after the full name; guesses that are not integers; a crop on the list of wrong ones."""
    for part in ("train", "valid", "test"):
        rows = [["file_name", "num_ratings", "apparent_age_avg", "apparent_age_std", "real_age"]]
        for k in range(4):
            name = f"{k:06d}.jpg"
            rows.append([name, 38, 30.5 + k, 4.4, 29 + k])
            save_jpeg(folder / part / name, k, 60, 40)
            save_jpeg(folder / part / f"{name}_face.jpg", k, 40, 40)
        write_csv(folder / f"gt_avg_{part}.csv", rows)
    (folder / "ignore_list.txt").write_text("000003.jpg_face.jpg\n")


def imdb_clean(folder):
    """Unordered tables, beside the crops as the script leaves them; faces at the edge; an invalid age."""
    header = ["filename", "age", "gender", "x_min", "y_min", "x_max", "y_max", "head_roll", "head_yaw", "head_pitch"]
    images = folder / "data/imdb-clean-1024"
    for n, part in enumerate(("train", "valid", "test")):
        rows = []
        for k in range(3):
            name = f"0{n}/nm{n}{k:06d}_rm1_1960-2-3_2001.jpg"
            save_jpeg(images / name, k, 60, 60)
            rows.append([name, 41 + k, "FM"[k % 2], 10, 15, 40, 55, -4.5, 10.25, 3.0])
        rows.append([rows[0][0].replace("rm1", "rm2"), -1, *rows[0][2:]])
        write_csv(images / f"imdb_{part}_new_1024.csv", [header, *rows[::-1]])


def imdb_wiki(folder):
    """Odd and wrong records: birth on day 0, ages of -31 and 2014, no face, a second face, gender NaN, no name."""
    from scipy import io

    for part, file in (("imdb", "{0:02d}/nm{0:07d}_rm1_1960-2-3_{1}.jpg"), ("wiki", "{0:02d}/{0}_1960-02-03_{1}.jpg")):
        birth = datetime.date(1960, 2, 3).toordinal() + 366
        faces = [(birth, 2001, k % 2, 3.5, np.nan) for k in range(PEOPLE)]
        faces += [(birth, 1929, 0, 3.5, np.nan), (0, 2014, 1, 3.5, np.nan), (birth, 2001, 1, -np.inf, np.nan)]
        faces += [(birth, 2001, 1, np.inf, np.nan), (birth, 2001, 1, 3.5, 2.0), (birth, 2001, np.nan, 3.5, np.nan)]
        faces += [(birth, 2001, 0, 0.5, np.nan)]
        paths = [file.format(k, face[1]) for k, face in enumerate(faces)]
        for k, path in enumerate(paths):
            save_jpeg(folder / f"{part}_crop" / path, k, 40, 40)
        columns = [np.array([column], float) for column in zip(*faces)]
        record = dict(zip(("dob", "photo_taken", "gender", "face_score", "second_face_score"), columns))
        record["full_path"] = _cells(paths)
        record["name"] = _cells(["" for _ in paths])
        io.savemat(folder / f"{part}_crop/{part}.mat", {part: record})


def _cells(texts):
    cells = np.empty((1, len(texts)), object)
    cells[0] = texts
    return cells


def fairface(folder):
    """All age ranges and groups; file numbers start again in val; one group that the table does not know."""
    ages = ["0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70"]
    races = ["White", "Black", "Latino_Hispanic", "East Asian", "Southeast Asian", "Indian", "Middle Eastern", "Other"]
    for part, count in (("train", 40), ("val", 9)):
        rows = [["file", "age", "gender", "race", "service_test"]]
        for k in range(1, count + 1):
            save_jpeg(folder / f"fairface-img-margin025-trainval/{part}/{k}.jpg", k, 32, 32)
            rows.append([f"{part}/{k}.jpg", ages[k % 9], ("Female", "Male")[k % 2], races[k % 8], k % 2 == 0])
        rows.append([f"{part}/{count + 1}.jpg", *rows[1][1:]])
        write_csv(folder / f"fairface_label_{part}.csv", rows, bom=part == "val")


def raf_db(folder):
    """The list's misspelt name, names without "_aligned", tabs and blanks, gender 2, a face without labels."""
    lines = []
    for part, count, digits in (("train", 40, 5), ("test", 4, 4)):
        for k in range(1, count + 1):
            stem = f"{part}_{k:0{digits}d}"
            save_jpeg(folder / f"basic/Image/aligned/{stem}_aligned.jpg", k, 32, 32)
            lines.append(f"{stem}.jpg{' ' if k % 2 else chr(9)}{k % 7 + 1}\n")
            manual = folder / f"basic/Annotation/manual/{stem}_manu_attri.txt"
            manual.parent.mkdir(parents=True, exist_ok=True)
            manual.write_text("1.5\t2.5\n" * 5 + f"{k % 3}\n{k % 3}\n{k % 5}\n")
    manual.unlink()
    (folder / "basic/EmoLabel").mkdir()
    (folder / "basic/EmoLabel/list_patition_label.txt").write_text("".join([*lines, "test_0099.jpg 1\n"]))


def ffhq(folder):
    """Images in folders of a thousand, with the table of FFHQ-Aging (the text None, -1 for no face) and texts."""
    header = "image_number,age_group,age_group_confidence,gender,gender_confidence,head_pitch,head_roll,head_yaw"
    rows = [[*header.split(","), "left_eye_occluded", "right_eye_occluded", "glasses"]]
    bins, glasses = ["0-2", "3-6", "10-14", "50-69", "70-120"], ["None", "Normal", "Dark", "-1"]
    for n, number in enumerate([*range(999, 1079), 60_000, 69_999]):
        save_jpeg(folder / f"images1024x1024/{number // 1000 * 1000:05d}/{number:05d}.png", n, 32, 32)
        sure = 0.5 if n % 10 == 9 else 0.9
        rows.append([number, bins[n % 5], sure, ("female", "male")[n % 2], sure, 1, 1, 1, 1, 1, glasses[n % 4]])
    write_csv(folder / "ffhq_aging_labels.csv", rows)
    (folder / "FFHQ-Text/text").mkdir(parents=True)
    (folder / "FFHQ-Text/text/01001.txt").write_text("A young woman.\n\nA  woman who smiles.\nA young woman.\n")
    (folder / "FFHQ-Text/images.txt").write_text("1 01001.png\n")


def lfw(folder):
    """Kumar's scores and LFWA's labels in MATLAB's HDF5: names with backslashes, indices from 1, transposed arrays."""
    people = [f"Jane_{chr(65 + k)}" for k in range(26)]
    files = [f"{person}/{person}_0001.jpg" for person in people]
    for k, file in enumerate(files):
        save_jpeg(folder / "lfw" / file, k, 40, 40)
    columns = ["Male", "Eyeglasses", "No Eyewear", "Middle Aged", "Sunglasses", "Strong Nose-Mouth Lines"]
    rows = [["#", "person", "imagenum", *columns]]
    for k, person in enumerate(people):
        scores = [-1.5, 0.25, -2.0, 0.5, -1.0, 3.0] if k % 2 else [1.25, -0.5, 2.0, -0.5, -1.0, -3.0]
        rows.append([person.replace("_", " "), 1, *scores])
    write_csv(folder / "lfw_attributes.txt", [["# made up"], *rows], delimiter="\t")
    text = (folder / "lfw_attributes.txt").read_text()
    (folder / "lfw_attributes.txt").write_text(text + "Jane Absent\t3\t1\t1\t1\t1\t1\t1\n")
    (folder / "peopleDevTrain.txt").write_text("\n".join(["20", *(f"{person}\t1" for person in people[:20])]) + "\n")
    (folder / "peopleDevTest.txt").write_text("\n".join(["6", *(f"{person}\t1" for person in people[20:])]) + "\n")


def lfwa(folder):
    """Adds LFWA's files to a folder of `lfw`: 26 images, the first six are the test split."""
    import h5py

    files = sorted(path.parent.name + "\\" + path.name for path in (folder / "lfw").glob("*/*.jpg"))
    with h5py.File(folder / "lfw_att_40.mat", "w") as file:
        _matlab_texts(file, "AttrName", ["Male", "Wearing_Hat", "No_Beard"])
        _matlab_texts(file, "name", files)
        file["label"] = np.array([[k % 2, 1, k % 3 == 0] for k in range(len(files))], float).T
    with h5py.File(folder / "indices_train_test.mat", "w") as file:
        file["indices_img_train"] = np.arange(7, len(files) + 1, dtype=float)[None]
        file["indices_img_test"] = np.arange(1, 7, dtype=float)[None]


def _matlab_texts(file, name, texts):
    import h5py

    cells = file.create_dataset(name, (1, len(texts)), h5py.ref_dtype)
    for k, text in enumerate(texts):
        codes = file.create_dataset(f"#refs#/{name}{k}", data=np.array([[ord(sign)] for sign in text], np.uint16))
        cells[0, k] = codes.ref


def maad_face(folder):
    """Labels of -1, 0 and 1; VGGFace2's folders determine train and test; a row whose photograph is missing."""
    from t2f_jax.data.datasets.maad_face import COLUMNS

    rows = [["Filename", "Identity", *COLUMNS]]
    for k in range(PEOPLE):
        file = f"n{k:06d}/0001_01.jpg"
        labels = [(k + n) % 3 - 1 for n in range(len(COLUMNS))]
        rows.append([file, k, *labels])
        save_jpeg(folder / ("test" if k >= PEOPLE - 3 else "train") / file, k, 40, 50)
    rows.append(["n000000/0002_01.jpg", 0, *labels])
    write_csv(folder / "MAAD_Face.csv", rows)


def affectnet(folder):
    """The edition of 2021: arrays of numbers or texts; file numbers without leading zeros."""
    for part, count in (("train_set", 80), ("val_set", 5)):
        for k in range(count):
            save_jpeg(folder / part / f"images/{k}.jpg", k, 32, 32)
            value = np.array(str(k % 8)) if k % 2 else np.array(k % 8)
            (folder / part / "annotations").mkdir(exist_ok=True)
            np.save(folder / part / f"annotations/{k}_exp.npy", value)
            points = points_of_68().ravel() / 4
            np.save(folder / part / f"annotations/{k}_lnd.npy", points.astype(str) if k % 2 else points)
    np.save(folder / "train_set/annotations/3_lnd.npy", np.zeros(10))
    (folder / "train_set/annotations/4_lnd.npy").unlink()
    (folder / "train_set/annotations/2_exp.npy").unlink()


def points_of_68():
    """68 points of a face in a picture of 128 pixels, float [68, 2]: ArcFace's positions, with six points per eye."""
    from t2f_jax.io.framing import TEMPLATE

    points = np.full((68, 2), 64.0)
    ring = np.array([[-3, 0], [-1, -1], [1, -1], [3, 0], [1, 1], [-1, 1]])
    points[36:42], points[42:48] = TEMPLATE[0] + ring, TEMPLATE[1] + ring
    points[[30, 48, 54]] = TEMPLATE[2:]
    return points


def affectnet_2017(folder):
    """The edition of 2017: a list without its header, extensions in any case, codes that are not expressions."""
    header = ["subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", "facial_landmarks"]
    header += ["expression", "valence", "arousal"]
    for part, count in (("training", 80), ("validation", 4)):
        rows = [] if part == "training" else [header]
        for k in range(count):
            name = f"{k}/{part}{k}.{'JPG' if k % 2 else 'jpg'}"
            save_jpeg(folder / "Manually_Annotated/Manually_Annotated_Images" / name, k, 50, 50)
            points = ";".join(str(x) for x in (points_of_68() / 4).ravel()) if k == 2 else "1;2;3;4"
            rows.append([name, 10, 10, 20, 20, points, k % 11, -2, 0.5])
        write_csv(folder / f"Manually_Annotated_file_lists/{part}.csv", rows)


def benchmark(path, names, aligned=True):
    """A list of the age benchmark: name k is in folder k % 10; the last one has no box, as if its image was lost."""
    entries = [{"img_path": f"Set/Set/{name}", "age": 30, "folder": k % 10} for k, name in enumerate(names)]
    for entry in entries[:-1] if aligned else []:
        entry["aligned_bbox"] = [10, 5, 30, 5, 30, 25, 10, 25]
    path.write_text(json.dumps(entries))


def celeba(folder):
    """Twelve faces of CelebA: 8 train, 2 validation, 2 test."""
    from t2f_jax.data.datasets.celeba_files import COLUMNS

    rows, parts = [], []
    for k in range(1, 13):
        save_jpeg(folder / f"img_align_celeba/{k:06d}.jpg", k, 44, 54)
        rows.append(f"{k:06d}.jpg " + " ".join(f"{1 if (k + n) % 3 == 0 else -1:>2}" for n in range(len(COLUMNS))))
        parts.append(f"{k:06d}.jpg {max(0, (k - 7) // 2)}")
    (folder / "list_attr_celeba.txt").write_text("\n".join(["12", " ".join(COLUMNS) + " ", *rows]) + "\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(parts) + "\n")


def celeb_a(folder, file_format="tfrecord"):
    """Nine faces as TFDS prepares its celeb_a, in one of its file formats; `folder` is named celeb_a."""
    import tensorflow_datasets as tfds

    from t2f_jax.data.datasets.celeba_files import COLUMNS

    def examples(count):
        for k in range(count):
            data = io.BytesIO()
            Image.fromarray(np.full((20, 16, 3), 20 * k, np.uint8)).save(data, "JPEG")
            bits = {column: (k + j) % 2 == 0 for j, column in enumerate(COLUMNS)}
            yield k, {"image": data.getvalue(), "attributes": bits, "landmarks": {"nose_x": 3}}

    features = {
        "image": tfds.features.Image(encoding_format="jpeg"),
        "attributes": {column: np.bool_ for column in COLUMNS},
        "landmarks": {"nose_x": np.int64},
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name=folder.name,
        version="2.1.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={split: examples(n) for split, n in (("train", 5), ("validation", 2), ("test", 2))},
        data_dir=folder.parent,
        file_format=file_format,
        disable_shuffling=True,
    )


def utkface(folder):
    """Thirty faces; names published with errors: without a label, with a blank, without a dot."""
    for k in range(1, PEOPLE + 1):
        save_jpeg(folder / f"{k}_{k % 2}_{k % 5}_201701161745251{k:02d}.jpg.chip.jpg", k, 40, 40)
    for name in ("39_1_20170116174525125.jpg.chip.jpg", "24_0_1_20170116220224657 .jpg.chip.jpg"):
        save_jpeg(folder / name, 1, 40, 40)
    save_jpeg(folder / "55_0_0_20170116232725357jpg.chip.jpg", 2, 40, 40)


def laion_face(folder):
    """Two shards with the same keys; blank text, a face's box in a photograph that was resized, NSFW."""
    for part in range(2):
        (folder / f"split_0000{part}").mkdir()
        with tarfile.open(folder / f"split_0000{part}/00000.tar", "w") as tar:
            for k in range(PEOPLE):
                png = io.BytesIO()
                Image.new("RGB", (40, 30), (8 * k, 0, 0)).save(png, "PNG")
                known = {"url": f"https://a.b/{part}/{k}", "width": 40, "height": 30, "SAMPLE_ID": 1e9 + k}
                known |= {"original_width": 80, "original_height": 60, "NSFW": ("UNLIKELY", "NSFW")[k == 4]}
                known |= {"face_box": [20, 20, 40, 40]} if k == 2 else {"face_box": [9, 9, 9]} if k == 3 else {}
                text = " " if k == 1 else f"Jane  Doe, {k}\n"
                for ending, data in (("png", png.getvalue()), ("txt", text), ("json", json.dumps(known))):
                    data = data if isinstance(data, bytes) else data.encode()
                    member = tarfile.TarInfo(f"{k:09d}.{ending}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))


def of_celeba_hq(write):
    """A maker that calls `write`, and makes six faces of CelebA-HQ, with the bits that all its sets use, beside it."""

    def make(folder):
        celeba_hq.make(folder.parent, {0: ["Male", "Young", "No_Beard"], 3: ["No_Beard"]})
        write(folder)

    return make


def celeba_dialog(folder):
    grades = ((0, 0, 0, 0, 1), (0, 0, 0, 0, 5), (0, 0, 0, 0, 5), (0, 0, 0, 0, 4))
    rows = [["image_name", "Bangs", "Eyeglasses", "No_Beard", "Smiling", "Young"]]
    rows += [[f"{n}.jpg", *row] for n, row in enumerate(grades)]
    write_csv(folder / "classification_label/combined_annotation_hq.txt", rows, delimiter="\t")
    (folder / "text").mkdir()
    said = {f"{n}.jpg": {"attribute_wise_captions": {}, "overall_caption": f"Face {n}."} for n in range(4)}
    (folder / "text/captions_hq.json").write_text(json.dumps(said))


def face2text(folder):
    celeba(folder.parent / "CelebA")
    texts = [{"response_id": str(k), "filename": f"{k:06d}.jpg", "description": f"Face {k}."} for k in range(1, 13)]
    (folder / "clean_train_2.1.json").write_text(json.dumps(texts))


def write_texts(folder, texts):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)


MAKERS = {
    make.__name__: make
    for make in (
        *(celeba, celeb_a, utkface, agedb, morph, appa_real, imdb_clean, imdb_wiki),
        *(fairface, raf_db, ffhq, lfw, maad_face, affectnet, face2text, laion_face),
    )
}
MAKERS |= {
    "facecaption": laion_face,
    "celeba_hq": of_celeba_hq(lambda folder: None),
    "mm_celeba_hq": of_celeba_hq(
        lambda folder: write_texts(folder / "text/celeba-caption", {n: "A person.\nA face.\n" for n in range(4)})
    ),
    "celebatext_hq": of_celeba_hq(lambda folder: write_texts(folder / "captions", {0: "A man.\n", 3: "A girl.\n"})),
    "celeba_dialog": of_celeba_hq(celeba_dialog),
}
