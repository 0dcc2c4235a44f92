"""Hugging Face folders: every weight in them, and the PyTorch file there computes what JAX does."""

import dataclasses
import importlib.util
import inspect
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest
from flax import traverse_util
from PIL import Image
from safetensors.numpy import load_file

from t2f_jax import bundle
from t2f_jax.config.schema import DecoderConfig, DecoderRunConfig, Preprocess, TaskConfig, VQGANConfig
from t2f_jax.convert import huggingface
from t2f_jax.inference import decoding, grammar
from t2f_jax.inference.sampler import Sampler
from t2f_jax.io import images
from t2f_jax.models import params as params_module
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.image_tokenizer import ImageTokenizer
from t2f_jax.models.vqgan import VQGAN
from t2f_jax.tokens import sequence, templates, text_tokenizer
from t2f_jax.tokens.attributes import Attribute

SCHEMA = (
    Attribute("gender", ("male", "female")),
    Attribute("glasses", ("no", "yes")),
    Attribute("age", (), 1, 30),
)
SENTENCES = [
    *(f"{a.name} : {answer} not" for a in SCHEMA for answer in a.answers()),
    "to image to caption to attributes, a man with glasses and a smiling woman",
]
DECODER = DecoderConfig(layers=2, width=16, heads=2, mlp=32, max_length=96)
IMAGE = VQGANConfig(
    16, 3, 2, "vqgan", ch=8, ch_mult=(1, 2), attn_resolutions=(4,), z_channels=8, embed_dim=4, n_embed=16
)
GREEDY = Sampler(temperature=0.0)


def random_params(shapes, seed):
    """Weights that leave nothing at a value where a mistake would not show, of about the size of trained ones."""
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        noise = rng.standard_normal(leaf.shape, np.float32)
        if path[-1] in ("scale", "bias"):
            return (path[-1] == "scale") + np.float32(0.3) * noise
        fan_in = leaf.shape[-1] if path[-1] != "kernel" else np.prod(leaf.shape[:-1])
        return noise * np.float32(fan_in**-0.5)

    flat = traverse_util.flatten_dict(shapes)
    return traverse_util.unflatten_dict({path: draw(path, leaf) for path, leaf in flat.items()})


def wordpiece(size=0):
    """The words of the sentences, letters, and as many pieces that no text holds as make up `size`."""
    pieces = dict.fromkeys(re.findall(r"[a-z]+|\S", " ".join(SENTENCES)))
    letters = [f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz0123456789"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *pieces, *letters]
    return text_tokenizer.WordPiece("\n".join([*pieces, *(f"##{i}" for i in range(len(pieces), size))]).encode())


def make(decoder=DECODER, image=IMAGE, words=None, crop=0.9, seed=0, **run):
    words = words or text_tokenizer.train_sentencepiece(SENTENCES, vocab_size=90)
    size = text_tokenizer.vocab(words, image.n_embed).size
    params = random_params(params_module.abstract_decoder(decoder, size), seed)
    tokenizer = ImageTokenizer(image, random_params(params_module.abstract_vqgan(image), seed + 1))
    run = DecoderRunConfig(model=decoder, sequence_length=64, tasks=TaskConfig(prompt_dropout=0.1), **run)
    return bundle.Bundle(run, params, tokenizer, words, SCHEMA, Preprocess(crop), {"steps": 3}, "toy")


def pictures(count, size=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)


@pytest.fixture(scope="module")
def torch():
    module = pytest.importorskip("torch", reason="torch is not installed; pip install -e '.[torch]'")
    module.set_num_threads(1)  # threads that wait for each other cost more than these small models
    return module


@pytest.fixture(scope="module")
def modeling(torch):
    """The PyTorch file as a plain module, in a process that seems to lack transformers."""
    spec = importlib.util.spec_from_file_location(
        "modeling_talk2face", pathlib.Path(huggingface.__file__).with_name(huggingface.CODE)
    )
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "transformers", None)
        spec.loader.exec_module(module)
    assert module.PreTrainedModel is None
    return module


@pytest.fixture
def pair(modeling, tmp_path):
    """A function: arguments of `make` -> the model in JAX and in PyTorch."""

    def both(*args, **kwargs):
        model = make(*args, **kwargs)
        huggingface.export(model, tmp_path / "hf")
        return model, modeling.load(tmp_path / "hf")

    return both


# --- the folder ------------------------------------------------------------------------------------------------------


def test_the_folder_is_whole_and_needs_no_torch_to_be_written(tmp_path, monkeypatch):
    for name in ("torch", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    model = make()
    huggingface.export(model, tmp_path / "hf")
    names = {p.name for p in (tmp_path / "hf").iterdir()}
    weights_and_words = {"model.safetensors", "text_tokenizer.model", "config.json"}
    assert names == weights_and_words | {"modeling_talk2face.py", "provenance.json", "README.md"}
    assert [p.name for p in tmp_path.iterdir()] == ["hf"]
    config = json.loads((tmp_path / "hf/config.json").read_text())
    assert config["auto_map"]["AutoModel"] == "modeling_talk2face.Talk2FaceModel"
    assert config["preprocess"] == {"crop": 0.9, "resize": "crop", "range": "correct"}


def test_every_weight_is_there_bit_for_bit(tmp_path):
    for image in (IMAGE, dataclasses.replace(IMAGE, patch=4, encoder="patch", ch_mult=(1,))):
        model = make(image=image)
        huggingface.export(model, tmp_path / "hf")
        weights = load_file(tmp_path / "hf/model.safetensors")
        ours = jax.tree.leaves(model.params) + jax.tree.leaves(model.image_tokenizer.params)
        assert len(weights) == len(ours)

        def sorted_bits(tensors):
            return sorted(np.sort(np.asarray(t).ravel()).tobytes() for t in tensors)

        assert sorted_bits(weights.values()) == sorted_bits(ours)
        assert np.array_equal(
            weights["transformer.layers.1.attention.qkv.weight"],
            model.params["layer_1"]["attention"]["qkv"]["kernel"].T,
        )


def test_stacked_layers_give_the_same_folder(tmp_path):
    model = make()
    single, layers = huggingface.state_dict(model), [model.params.pop(f"layer_{i}") for i in range(2)]
    model.params["layers"] = jax.tree.map(lambda *leaves: np.stack(leaves), *layers)
    stacked = huggingface.state_dict(model)
    assert single.keys() == stacked.keys() and all(np.array_equal(single[k], stacked[k]) for k in single)


def test_the_image_tokenizer_keeps_the_originals_names():
    config = VQGANConfig(256, 3, 1, "vqgan", 128, (1, 1, 2, 2, 4), 2, (16,), 256, 256, 1024)
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), params_module.abstract_vqgan(config))
    ours = {name: list(value.shape) for name, value in huggingface._renamed("", zeros).items()}
    file = pathlib.Path(__file__).parents[1] / "fixtures/state_dicts.json"
    original = max(json.loads(file.read_text()).values(), key=len)  # 343 tensors; the other is the decoder, 198
    assert ours == dict(original) and len(ours) == 343


def test_the_readme_does_what_it_says(pair, tmp_path, monkeypatch):
    _, model = pair()
    monkeypatch.chdir(tmp_path)
    Image.fromarray(pictures(1)[0]).save("face.jpg")
    text = (tmp_path / "hf/README.md").read_text()
    assert "AutoModel.from_pretrained" in text and "- age: a whole number from 1 to 30" in text
    *_, usage = re.findall(r"```python\n(.*?)```", text, re.S)
    names = {"model": model}
    exec(usage, names)
    assert names["faces"].shape == (3, 16, 16, 3) and names["codes"].shape == (1, 16)


def test_what_users_call_is_documented(modeling):
    for name in ("generate_images", "caption", "analyze", "forward", "images", "encode", "decode"):
        assert len(inspect.getdoc(getattr(modeling.Talk2Face, name)) or "") > 30


# --- the same numbers ------------------------------------------------------------------------------------------------


def rows(length, size):
    """Tokens, segments and positions of rows with pads and two branches."""
    rng = np.random.default_rng(5)
    segments = np.array([[1] * 7 + [2] * (length - 7), [1] * 4 + [2] * 3 + [3] * 4 + [0] * (length - 11)])
    positions = np.array([[*range(length)], [*range(7), *range(4, 8), *[0] * (length - 11)]])
    return [a.astype(np.int32) for a in (rng.integers(0, size, segments.shape), segments, positions)]


def torch_logits(torch, modeling, config, params, arrays):
    """Logits of a decoder's parameters in PyTorch."""
    table = params["embed"]["word"]
    with torch.device("meta"):
        transformer = modeling.Transformer(modeling.SimpleNamespace(**dataclasses.asdict(config)), len(table)).eval()
    weights = {k: torch.tensor(v) for k, v in huggingface._renamed("", params).items()}
    transformer.load_state_dict(weights, assign=True)
    tokens, segments, positions = (torch.tensor(a).long() for a in arrays)
    with torch.no_grad():
        hidden = transformer(tokens, segments, positions, modeling.visible(segments, config.mask))
        return transformer.logits(hidden).numpy()


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
        config = dataclasses.replace(DECODER, scan=False, **structure)
        params = random_params(params_module.abstract_decoder(config, 50), 3)
        arrays = rows(16, 50)
        ours = np.asarray(Decoder(config, 50).apply({"params": params}, *arrays))
        assert np.abs(ours - torch_logits(torch, modeling, config, params, arrays)).max() < 1e-4, structure


def drawn(model, texts, attributes, seeds, **options):
    prompts = [model.prompt(text, attributes) for text in texts]
    return model.decode(model.generate_codes(prompts, seeds, dataclasses.replace(GREEDY, **options)))


def told(model, people, attributes=None):
    return model.probabilities(model.encode(model.images(people)), attributes)


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
        {"patch": 4, "encoder": "patch", "ch_mult": (1,), "num_res_blocks": 2},
    ),
]


@pytest.mark.parametrize(("decoder", "run", "image"), COMBINATIONS, ids=["plain", "original", "modern"])
def test_every_task_gives_the_same(pair, decoder, run, image):
    words = wordpiece() if decoder.get("norm") == "talk2face" else None
    ours, theirs = pair(dataclasses.replace(DECODER, **decoder), dataclasses.replace(IMAGE, **image), words, **run)
    texts = ["a man with glasses", "woman", "a smiling woman with glasses and a man"]  # prefixes of several lengths
    wanted = {"age": 7, "glasses": "no"}

    faces = drawn(ours, texts, wanted, [1, 2, 3])
    again = theirs.generate_images(texts, wanted, [1, 2, 3], temperature=0.0, batch_size=2)
    assert faces.shape == again.shape and np.abs(faces.astype(int) - again).max() <= 1
    assert np.array_equal(ours.encode(faces), theirs.encode(again))
    if decoder.get("norm") == "rmsnorm":  # once is enough
        guided = drawn(ours, texts[:1], None, [1], guidance=2.5)
        assert np.abs(guided.astype(int) - theirs.generate_images(texts[0], temperature=0.0, guidance=2.5)).max() <= 1

    people = pictures(3, 20)
    assert np.array_equal(ours.images(people), theirs.images(people))
    assert ours.caption(people, length=12) == theirs.caption(people, length=12, batch_size=2)
    for one, other in zip(told(ours, people), theirs.analyze(people, batch_size=2), strict=True):
        assert list(one) == list(other)
        for attribute in SCHEMA:
            assert list(other[attribute.name]) == list(attribute.candidates())
            assert np.abs(one[attribute.name] - list(other[attribute.name].values())).max() < 1e-5


def test_codes_and_their_images(torch, pair):
    for image in ({"patch": 1, "attn_resolutions": (16, 8)}, {"num_res_blocks": 0, "ch_mult": (1,)}):
        ours, theirs = pair(image=dataclasses.replace(IMAGE, **image))
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


def test_pictures_are_read_alike(pair, tmp_path):
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
        ours, theirs = pair(crop=crop)
        assert np.array_equal(ours.images(seen), theirs.images(seen))
        assert np.array_equal(images.load_images(seen[2], 16, crop), theirs.images(seen[2]))
    with pytest.raises(ValueError, match="uint8"):
        theirs.images(np.zeros((4, 4, 3)))


def test_the_originals_resize_and_ranges(torch, modeling):
    wide = Image.fromarray(pictures(1, 40)[0][:20])
    squashed = np.asarray(wide.resize((16, 16), Image.Resampling.BILINEAR))
    assert np.array_equal(modeling.fit(wide, 16, 0.5, "squash"), squashed)
    pixels = torch.arange(256.0)[:, None].expand(-1, 3)
    x = pixels / 255
    mean, std = torch.tensor(modeling.CLIP_MEAN), torch.tensor(modeling.CLIP_STD)
    for name, right in (("correct", 2 * x - 1), ("paper_double", 4 * x - 3), ("clip_double", 2 * (x - mean) / std - 1)):
        assert torch.allclose(modeling.to_range(pixels, name), right, atol=1e-5)


def test_what_the_code_does_not_know_is_refused(modeling, pair, tmp_path):
    pair()
    config = json.loads((tmp_path / "hf/config.json").read_text())
    for preprocess in ({"range": "other"}, {"mirror": True}):
        (tmp_path / "hf/config.json").write_text(json.dumps(config | {"preprocess": preprocess}))
        with pytest.raises(ValueError, match=next(iter(preprocess))):
            modeling.load(tmp_path / "hf")


def test_words_are_read_alike(pair):
    for words in (None, wordpiece()):
        ours, theirs = pair(words=words)
        for text in ("A man, with GLASSES!", "to caption", "age : 12 , not glasses", "naïve [SEP] 火", ""):
            ids = ours.tokenizer.encode(text)
            assert theirs.tokenizer.encode(text) == ids
            assert theirs.tokenizer.decode(ids) == ours.tokenizer.decode(ids)


# --- chance ----------------------------------------------------------------------------------------------------------


def test_a_seed_gives_its_face_whatever_is_made_beside_it(pair):
    _, model = pair()
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


def test_what_the_user_gets_wrong_is_named(pair):
    _, model = pair(crop=1.0)
    with pytest.raises(ValueError, match="glasses"):
        model.analyze(pictures(1), ["glases"])
    for attributes in ({"age": 31}, {"gender": "blue"}):
        with pytest.raises(ValueError, match="cannot be"):
            model.generate_images("a man", attributes)
    with pytest.raises(ValueError, match="2 texts for 3 seeds"):
        model.generate_images(["a", "b"], seeds=[1, 2, 3])
    with pytest.raises(ValueError, match="nothing says"):
        model.generate_images()
    model.config.guidable = False
    with pytest.raises(ValueError, match="without words"):
        model.generate_images("a man", guidance=3.0)


# --- transformers ----------------------------------------------------------------------------------------------------

ALONE = """
import json, sys
for name in ("jax", "jaxlib", "flax", "t2f_jax", "tensorflow"):
    sys.modules[name] = None
import numpy as np, torch
from transformers import AutoModel
model = AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
faces = model.generate_images("a man", {"glasses": "yes"}, seeds=[1, 2], temperature=0.0)
answers = model.analyze(faces, ["age"])
model.save_pretrained(sys.argv[2])
again = AutoModel.from_pretrained(sys.argv[2], trust_remote_code=True, dtype=torch.bfloat16)
assert again.dtype == torch.bfloat16 and again.generate_images("a man", seeds=[1]).shape == faces[:1].shape
assert len(again.analyze(faces, ["age"])) == 2
np.savez(sys.argv[3], faces=faces, codes=model.encode(faces), ages=[list(a["age"].values()) for a in answers],
         captions=model.caption(faces))
"""


def run_alone(folder, tmp_path, code=ALONE):
    """What transformers makes of a folder: offline, with no JAX to import."""
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home"), "PYTHONPATH": ""}
    command = [sys.executable, "-c", code, str(folder), str(tmp_path / "saved"), str(tmp_path / "out.npz")]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    return np.load(tmp_path / "out.npz")


def test_transformers_loads_a_copy_offline_without_jax(torch, tmp_path):
    pytest.importorskip("transformers", reason="transformers is not installed; pip install -e '.[torch]'")
    model = make()
    huggingface.export(model, tmp_path / "hf")
    shutil.move(tmp_path / "hf", tmp_path / "moved folder")
    found = run_alone(tmp_path / "moved folder", tmp_path)
    faces = drawn(model, ["a man"] * 2, {"glasses": "yes"}, [1, 2])
    assert np.abs(faces.astype(int) - found["faces"]).max() <= 1
    assert np.array_equal(model.encode(found["faces"]), found["codes"])
    assert model.caption(found["faces"]) == found["captions"].tolist()
    ages = np.stack([a["age"] for a in told(model, found["faces"], ["age"])])
    assert np.abs(ages - found["ages"]).max() < 1e-5


IMAGES_ALONE = """
import sys
for name in ("jax", "jaxlib", "flax", "t2f_jax", "tensorflow"):
    sys.modules[name] = None
import numpy as np
from transformers import AutoModel
model = AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)
codes = model.encode(model.images(images))
np.savez(sys.argv[3], images=images, codes=codes, again=model.decode(codes))
"""


def test_an_image_tokenizer_goes_alone(torch, modeling, tmp_path):
    pytest.importorskip("transformers", reason="transformers is not installed; pip install -e '.[torch]'")
    tokenizer = make().image_tokenizer
    huggingface.export(tokenizer, tmp_path / "hf")
    names = {p.name for p in (tmp_path / "hf").iterdir()}
    assert names == {"config.json", "model.safetensors", "modeling_talk2face.py"}
    found = run_alone(tmp_path / "hf", tmp_path, IMAGES_ALONE)
    codes = np.asarray(tokenizer.encode(found["images"]))
    assert np.array_equal(codes, found["codes"])
    assert np.abs(np.asarray(tokenizer.decode(codes)).astype(int) - found["again"]).max() <= 1
    plain = modeling.load(tmp_path / "hf")
    assert np.array_equal(plain.encode(found["images"]).numpy(), codes)


# --- full size -------------------------------------------------------------------------------------------------------

BASE = DecoderConfig(12, 768, 12, 3072, max_length=1024, norm="talk2face", scan=False)  # the paper's
BASE_WORDS, BASE_CODES = 30522, 1024


@pytest.mark.slow
def test_logits_at_base_size(torch, modeling):
    size = BASE_WORDS + BASE_CODES
    params = random_params(params_module.abstract_decoder(BASE, size), 0)
    tokens = np.random.default_rng(1).integers(0, size, (1, 334)).astype(np.int32)
    segments = np.array([[1] * 78 + [2] * 256], np.int32)
    arrays = (tokens, segments, np.arange(334, dtype=np.int32)[None])
    ours = np.asarray(jax.jit(Decoder(BASE, size).apply)({"params": params}, *arrays))
    difference = np.abs(ours - torch_logits(torch, modeling, BASE, params, arrays)).max()
    print(f"logits within {np.abs(ours).max():.1f}, largest difference {difference:.1e}")
    assert difference < 1e-4


def assert_same_greedy(model, prefix, ours, theirs):
    """Equal ids; or at the first that differs the two stand nearer than 1e-4, as JAX scores them."""
    apart = np.flatnonzero(ours != theirs)
    if not apart.size:
        return
    at = int(apart[0])
    ids = np.array([*prefix, *ours[:at]], np.int32)[None]
    segments = np.array([[1] * len(prefix) + [2] * at], np.int32)
    logits = model.decoder.apply({"params": model.params}, ids, segments, np.arange(ids.shape[1])[None])[0, -1]
    margin = abs(float(logits[ours[at]] - logits[theirs[at]]))
    print(f"id {at} differs, scores {margin:.1e} apart")
    assert margin < 1e-4


def requests_of(prefixes, span):
    return [decoding.Request((prefix,), span) for prefix in prefixes]


@pytest.mark.slow
def test_greedy_tokens_of_every_task_at_base_size(pair, modeling):
    image = VQGANConfig(256, 3, 16, "patch", 16, (1,), 1, (), 16, 16, BASE_CODES)
    ours, theirs = pair(BASE, image, wordpiece(BASE_WORDS))
    texts = ["a man with glasses", "a smiling woman"]
    prefixes = [sequence.text_prefix(ours.vocab, ours.tokenizer, text) for text in texts]
    drawn = decoding.generate(ours.engine, requests_of(prefixes, grammar.image(ours.vocab, 256)), GREEDY)
    codes = theirs.generate_codes(texts, seeds=[0, 0], temperature=0.0).numpy()
    assert codes.shape == (2, 256)
    for prefix, one, other in zip(prefixes, drawn, codes):
        print(f"image: {len(set(one.tolist()))} different codes, {(ours.vocab.codes(one) == other).mean():.1%} equal")
        assert_same_greedy(ours, prefix, one, ours.vocab.image_ids(other))

    people = pictures(2, 256)
    read = np.asarray(ours.encode(people))
    assert np.array_equal(read, theirs.encode(people))
    prefixes = [sequence.image_prefix(ours.vocab, ours.tokenizer, templates.CAPTION_PROMPT, c) for c in read]
    said = decoding.generate(ours.engine, requests_of(prefixes, grammar.text(ours.vocab, 40)), GREEDY)
    theirs_said = theirs._continue(prefixes, "text", 40, modeling.Sampler(temperature=0.0), [0, 0]).numpy()
    for prefix, one, other in zip(prefixes, said, theirs_said):
        print(f"caption: {len(one)} ids, {(one == other[: len(one)]).mean():.1%} equal")
        assert_same_greedy(ours, prefix, one, other[: len(one)])

    for one, other in zip(told(ours, people), theirs.analyze(people)):
        for attribute in SCHEMA:
            probs = np.array(list(other[attribute.name].values()))
            print(f"{attribute.name}: largest difference {np.abs(one[attribute.name] - probs).max():.1e}")
            assert np.abs(one[attribute.name] - probs).max() < 1e-4
            assert one[attribute.name].argmax() == probs.argmax()


@pytest.mark.slow
def test_indices_of_real_faces_at_full_size(torch, modeling, real_data):
    """Random weights, and a codebook of what they make of other faces: every code has a use."""
    config = VQGANConfig(256, 3, 1, "vqgan", 128, (1, 1, 2, 2, 4), 2, (16,), 256, 256, 1024)
    params = random_params(params_module.abstract_vqgan(config), 0)
    files = (
        sorted((real_data / "CelebA/img_align_celeba").iterdir())[:4] + sorted((real_data / "UTKFace").iterdir())[:2]
    )
    x = images.load_images(files, 256).astype(np.float32) / 127.5 - 1
    encode = jax.jit(lambda params, x: VQGAN(config).apply({"params": params}, x, method="encode"))
    z = np.concatenate([encode(params, face[None]) for face in x])
    params["quantize"]["embedding"] = z[:4].reshape(-1, 256) + np.float32(1e-3)
    ours = np.asarray(VQGAN(config).apply({"params": params}, z[4:], method=lambda m, z: m.quantize(z)[1]))
    with torch.device("meta"):
        vqgan = modeling.VQGAN(modeling.SimpleNamespace(**dataclasses.asdict(config))).eval()
    vqgan.load_state_dict({k: torch.tensor(v) for k, v in huggingface._renamed("", params).items()}, assign=True)
    with torch.no_grad():
        theirs = vqgan.codes(torch.tensor(x[4:]).permute(0, 3, 1, 2)).numpy()
    print(f"{ours.size} indices of {len(set(ours.ravel().tolist()))} codes")
    assert np.array_equal(ours.reshape(2, -1), theirs)
