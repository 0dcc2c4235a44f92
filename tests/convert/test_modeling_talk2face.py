"""The PyTorch file of a Hugging Face folder computes what JAX does."""

import dataclasses
import io
import itertools
import json

import numpy as np
import pytest
from hugging import DECODER, IMAGE, SCHEMA, answers, draw_greedily, pictures, random_params, torch_logits, wordpiece
from PIL import Image

from t2f_jax.io import framing, images
from t2f_jax.io.framing import Framing
from t2f_jax.models import params as params_module
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.vqgan import VQGAN
from t2f_jax.tokens import text_tokenizer


def rows(length, size):
    """Tokens, segments and positions of rows with pads and two branches."""
    rng = np.random.default_rng(5)
    segments = np.array([[1] * 7 + [2] * (length - 7), [1] * 4 + [2] * 3 + [3] * 4 + [0] * (length - 11)])
    positions = np.array([[*range(length)], [*range(7), *range(4, 8), *[0] * (length - 11)]])
    return [a.astype(np.int32) for a in (rng.integers(0, size, segments.shape), segments, positions)]


STRUCTURES = [
    dict(zip(("norm", "positions", "mask", "tie", "bias", "segments"), values))
    for values in itertools.product(
        ("talk2face", "layernorm", "rmsnorm"), ("learned", "rotary"), ("prefix", "causal"), *[(False, True)] * 3
    )
]


@pytest.mark.parametrize("structures", [STRUCTURES[2::13], pytest.param(STRUCTURES, marks=pytest.mark.slow)])
def test_logits_of_every_structure(torch, modeling, structures):
    """All 96 if slow; else eight, among which every two values of two options meet."""
    for structure in structures:
        config = dataclasses.replace(DECODER, **structure)
        params = random_params(params_module.abstract_decoder(config, 50), 3)
        arrays = rows(16, 50)
        ours = np.asarray(Decoder(config, 50).apply({"params": params}, *arrays))
        assert np.abs(ours - torch_logits(torch, modeling, config, params, arrays)).max() < 1e-4, structure


COMBINATIONS = [
    ({}, {}, {}),
    (
        {"norm": "talk2face", "mask": "causal", "image_position": 24, "max_length": 160},
        {"text_length": 20},
        {"num_res_blocks": 2, "patch": 1, "ch_mult": (1, 1, 2)},
    ),
    (
        {"norm": "rmsnorm", "positions": "rotary", "tie": True, "bias": False, "segments": False, "image_position": 30},
        {"text_length": 30},
        {"patch": 4, "encoder": "patch", "ch_mult": (1,), "num_res_blocks": 2, "scales": (2, 4)},
    ),
]


@pytest.mark.parametrize(("decoder", "run", "image"), COMBINATIONS, ids=["plain", "original", "modern"])
def test_every_task_gives_the_same(both, decoder, run, image):
    words = wordpiece() if decoder.get("norm") == "talk2face" else None
    ours, theirs = both(dataclasses.replace(DECODER, **decoder), dataclasses.replace(IMAGE, **image), words, **run)
    texts = ["a man with glasses", "woman", "a smiling woman with glasses and a man"]  # prefixes of several lengths
    wanted = {"age": 7, "glasses": "no"}

    faces = draw_greedily(ours, texts, wanted, [1, 2, 3])
    again = theirs.generate_images(texts, wanted, [1, 2, 3], temperature=0.0, batch_size=2)
    assert faces.shape == again.shape and np.abs(faces.astype(int) - again).max() <= 1
    assert np.array_equal(ours.encode(faces), theirs.encode(again))
    if decoder.get("norm") == "rmsnorm":  # once is enough
        guided = draw_greedily(ours, texts[:1], None, [1], guidance=2.5)
        assert np.abs(guided.astype(int) - theirs.generate_images(texts[0], temperature=0.0, guidance=2.5)).max() <= 1
        for some, asked in ((["", "a man"], {"age": 7}), (["", "a man"], wanted)):  # "age : 7" alone is not repeated
            options = {"guidance": 2.0, "number_guidance": 3.0}
            guided = draw_greedily(ours, some, asked, [1, 2], **options)
            again = theirs.generate_images(some, asked, [1, 2], temperature=0.0, **options)
            assert np.abs(guided.astype(int) - again).max() <= 1
            plain = draw_greedily(ours, some, asked, [1, 2], guidance=2.0)
            assert [bool((a != b).any()) for a, b in zip(guided, plain)] == [len(asked) > 1, True]

    people = pictures(3, 20)
    assert np.array_equal(ours.images(people), theirs.images(people))
    assert ours.caption(people, length=12) == theirs.caption(people, length=12, batch_size=2)
    for one, other in zip(answers(ours, people), theirs.analyze(people, batch_size=2), strict=True):
        assert list(one) == list(other)
        for attribute in SCHEMA:
            assert list(other[attribute.name]) == list(attribute.candidates())
            assert np.abs(one[attribute.name] - list(other[attribute.name].values())).max() < 1e-5


def test_two_views_are_read_where_the_model_does(torch, both):
    ours, theirs = both(provenance={"config": {"eval": {"mirror": True}}})
    people = pictures(3)
    twice = ours.answers(ours.images(people))
    for one, once, other in zip(twice, answers(ours, people), theirs.analyze(people, batch_size=2), strict=True):
        for name, probs in one.items():
            assert np.abs(probs - list(other[name].values())).max() < 1e-5
        assert np.abs(one["gender"] - once["gender"]).max() > 1e-5


def test_codes_and_their_images(torch, both):
    for image in ({"patch": 1, "attn_resolutions": (16, 8)}, {"num_res_blocks": 0, "ch_mult": (1,)}):
        ours, theirs = both(image=dataclasses.replace(IMAGE, **image))
        config, params = ours.image_tokenizer.config, ours.image_tokenizer.params
        x = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
        y, z, codes = VQGAN(config).apply({"params": params}, x)
        with torch.no_grad():
            vectors = theirs.vqgan.encode(torch.tensor(x).permute(0, 3, 1, 2))
            found = theirs.vqgan.codes(torch.tensor(x).permute(0, 3, 1, 2))
            again = theirs.vqgan(torch.tensor(x).permute(0, 3, 1, 2))
        assert np.abs(vectors.permute(0, 2, 3, 1).numpy() - z).max() < 1e-4
        assert np.array_equal(found.numpy(), codes)
        assert np.abs(again.permute(0, 2, 3, 1).numpy() - np.clip(y, -1, 1)).max() < 1e-4


def test_pictures_are_read_alike(both, tmp_path):
    gray16 = Image.fromarray((np.arange(40 * 30).reshape(40, 30) * 50).astype(np.uint16))
    clear = Image.fromarray(np.concatenate([pictures(1, 24)[0], pictures(1, 24, 1)[0][..., :1]], -1), "RGBA")
    turned = Image.fromarray(pictures(1, 40)[0][:30])
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.jpg", exif=exif)
    seen = [
        gray16,
        clear,
        tmp_path / "turned.jpg",
        str(tmp_path / "turned.jpg"),
        pictures(1, 16)[0],
        pictures(1, 50)[0],
    ]
    for crop in (0.7, 1.0):
        ours, theirs = both(crop=crop)
        assert np.array_equal(ours.images(seen), theirs.images(seen))
        assert np.array_equal(images.load_images(seen[2], 16, Framing(crop)), theirs.images(seen[2]))
    with pytest.raises(ValueError, match="uint8"):
        theirs.images(np.zeros((4, 4, 3)))


def test_every_kind_of_picture_is_read_alike(both, tmp_path):
    rng = np.random.default_rng(3)
    face = Image.fromarray(pictures(1, 40)[0][:30])
    exif = face.getexif()
    exif[0x0112] = 6
    face.save(tmp_path / "turned.jpg", exif=exif)
    images.save_png(tmp_path / "drawn.png", pictures(1, 30)[0], {"Software": f"{images.MAKER} 1"})
    gray = rng.random((30, 40), np.float32)
    Image.fromarray(gray).save(tmp_path / "float.tif")
    Image.fromarray((gray * 65535).astype(np.int32)).save(tmp_path / "int32.tif")
    face.quantize(8).save(tmp_path / "palette.png", transparency=3)
    face.convert("LA").save(tmp_path / "alpha.png")
    face.convert("CMYK").save(tmp_path / "cmyk.jpg")
    files = [tmp_path / f for f in ("turned.jpg", "drawn.png", "float.tif", "int32.tif", "palette.png", "alpha.png")]
    ours, theirs = both(crop=0.8)
    for file in [*files, tmp_path / "cmyk.jpg"]:
        wanted = ours.images(file)
        for same in (lambda f: f, str, Image.open, lambda f: io.BytesIO(f.read_bytes()), lambda f: f.open("rb")):
            assert np.array_equal(theirs.images(same(file)), wanted), file
            assert np.array_equal(ours.images(same(file)), wanted), file
    assert np.array_equal(theirs.images(f for f in files), ours.images(f for f in files))
    for wrong, error in (
        ([], ValueError),
        (iter(()), ValueError),
        (np.zeros((0, 4, 4, 3), np.uint8), ValueError),
        (np.zeros((0, 4, 3), np.uint8), ValueError),
        (Image.fromarray(np.full((4, 4), np.nan, np.float32)), ValueError),
        (5, TypeError),
        ([None], TypeError),
    ):
        with pytest.raises(error):
            theirs.images(wrong)


def test_seeds_of_any_integer_type(both):
    _, model = both()
    drawn = model.generate_codes("a man", seeds=[3, 4]).tolist()
    for seeds in (np.array([3, 4]), (np.uint8(3), np.int64(4)), range(3, 5)):
        assert model.generate_codes("a man", seeds=seeds).tolist() == drawn
    for seeds, error in (([], ValueError), ([-1], ValueError), ([1 << 32], ValueError), ([1.5], TypeError)):
        with pytest.raises(error):
            model.generate_codes("a man", seeds=seeds)


def test_a_model_in_parts_is_loaded(both, modeling, tmp_path):
    from safetensors.numpy import load_file, save_file

    _, whole = both()
    folder, parts = tmp_path / "hf", ("model-1-of-2.safetensors", "model-2-of-2.safetensors")
    weights = load_file(folder / "model.safetensors")
    place = {name: parts[i % 2] for i, name in enumerate(weights)}
    for part in parts:
        save_file({name: value for name, value in weights.items() if place[name] == part}, folder / part)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": place}))
    again = modeling.load(folder)
    assert all((again.state_dict()[name] == value).all() for name, value in whole.state_dict().items())
    (folder / parts[1]).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0")
    with pytest.raises(ValueError, match=r"model-2-of-2\.safetensors: a pointer of Git LFS"):
        modeling.load(folder)
    (folder / parts[1]).unlink()
    with pytest.raises(FileNotFoundError, match=r"model-2-of-2\.safetensors, one of 2 parts .* is missing"):
        modeling.load(folder)


def test_the_originals_resize_and_ranges(torch, modeling):
    wide = Image.fromarray(pictures(1, 40)[0][:20])
    squashed = np.asarray(wide.resize((16, 16), Image.Resampling.BILINEAR))
    assert np.array_equal(modeling.fit(wide, 16, 0.5, "squash"), squashed)
    pixels = torch.arange(256.0)[:, None].expand(-1, 3)
    x = pixels / 255
    mean, std = torch.tensor(modeling.CLIP_MEAN), torch.tensor(modeling.CLIP_STD)
    for name, right in (("correct", 2 * x - 1), ("paper_double", 4 * x - 3), ("clip_double", 2 * (x - mean) / std - 1)):
        assert torch.allclose(modeling.to_range(pixels, name), right, atol=1e-5)


def test_what_the_code_does_not_know_is_refused(modeling, both, tmp_path):
    both()
    config = json.loads((tmp_path / "hf/config.json").read_text())
    for preprocess in ({"range": "other"}, {"mirror": True}):
        (tmp_path / "hf/config.json").write_text(json.dumps(config | {"preprocess": preprocess}))
        with pytest.raises(ValueError, match=next(iter(preprocess))):
            modeling.load(tmp_path / "hf")


def test_words_are_read_alike(both):
    for words in (None, wordpiece(), text_tokenizer.WordPiece(b"\xef\xbb\xbf" + wordpiece().data)):
        ours, theirs = both(words=words)
        for text in ("A man, with GLASSES!", "to caption", "age : 12 , not glasses", "naïve [SEP] 火", ""):
            ids = ours.tokenizer.encode(text)
            assert theirs.tokenizer.encode(text) == ids
            assert theirs.tokenizer.decode(ids) == ours.tokenizer.decode(ids)


# --- chance ----------------------------------------------------------------------------------------------------------


def test_a_seed_gives_its_face_whatever_is_made_beside_it(both):
    _, model = both()
    faces = model.generate_codes("a man", seeds=[3, 4, 5])
    assert len({tuple(f.tolist()) for f in faces}) == 3
    assert model.generate_codes("a man", seeds=[4]).tolist() == faces[1:2].tolist()
    assert faces.min() >= 0 and faces.max() < 16


def test_samplers_keep_to_what_they_may_draw(torch, modeling):
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]]))
    for options, kept in (
        ({"top_k": 2}, {0, 1}),
        ({"top_p": 0.6}, {0, 1}),
        ({"top_k": 3, "top_p": 0.99}, {0, 1, 2}),
        ({"temperature": 0.0}, {0}),
        ({}, {0, 1, 2, 3}),
    ):
        sampler = modeling.Sampler(**options)
        drawn = sampler(logits.expand(400, -1), [torch.Generator().manual_seed(s) for s in range(400)])
        assert set(drawn.tolist()) == kept
    share = (drawn == 0).float().mean()
    assert abs(share - 0.5) < 0.08
    with pytest.raises(ValueError, match="top_p"):
        modeling.Sampler(top_p=0)


def test_what_the_user_gets_wrong_is_named(both):
    _, model = both(crop=1.0)
    with pytest.raises(ValueError, match="glasses"):
        model.analyze(pictures(1), ["glases"])
    for attributes in ({"age": 31}, {"gender": "blue"}):
        with pytest.raises(ValueError, match="cannot be"):
            model.generate_images("a man", attributes)
    with pytest.raises(ValueError, match="2 texts for 3 seeds"):
        model.generate_images(["a", "b"], seeds=[1, 2, 3])
    with pytest.raises(ValueError, match="prompt is empty"):
        model.generate_images()
    model.config.guidable = False
    with pytest.raises(ValueError, match="without words"):
        model.generate_images("a man", guidance=3.0)


HOW = [("landmarks", "auto"), ("landmarks", "lanczos"), ("crop", "box"), ("squash", "bicubic")]


@pytest.mark.parametrize("how", HOW, ids="/".join)
def test_pictures_are_framed_alike(modeling, how):
    face = Image.fromarray(pictures(1, 90)[0][:70])
    points = np.array([[30, 25], [55, 27], [42, 40], [31, 52], [53, 53.0]])
    for size, landmarks in ((16, points), (60, points), (16, None)):
        ours = framing.fit(face, size, Framing(0.9, *how), landmarks)
        assert np.array_equal(ours, modeling.fit(face, size, 0.9, *how, landmarks=landmarks))
    if how[0] == "landmarks":
        with pytest.raises(ValueError, match="those of no face"):
            modeling.fit(face, 16, 0.9, *how, landmarks=points * 0)


@pytest.mark.parametrize("resize", ["crop", "squash", "landmarks"])
def test_jpegs_are_scaled_alike(modeling, resize, tmp_path):
    face, points = (
        Image.fromarray(pictures(1, 90)[0][:71]),
        np.array([[30, 25], [55, 27], [42, 40], [31, 52], [53, 53.0]]),
    )
    for turn in (1, 3, 6):
        exif = Image.Exif()
        exif[0x0112] = turn
        face.save(tmp_path / "face.jpg", quality=95, exif=exif)
        for size, landmarks in ((16, points), (12, None), (60, None)):
            known = None if landmarks is None else [landmarks]
            ours = images.load_images(tmp_path / "face.jpg", size, Framing(0.9, resize, "dct"), known)[0]
            theirs = modeling.fit(tmp_path / "face.jpg", size, 0.9, resize, "dct", landmarks=landmarks)
            assert np.array_equal(ours, theirs)
