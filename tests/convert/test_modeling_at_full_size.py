"""The PyTorch file at the paper's size: logits, greedy tokens of every task, codes of real faces."""

import dataclasses

import jax
import numpy as np
import pytest
from hugging import GREEDY, SCHEMA, answers, pictures, random_params, torch_logits, wordpiece

from t2f_jax.config.schema import DecoderConfig, VQGANConfig
from t2f_jax.convert import huggingface
from t2f_jax.inference import decoding, grammar
from t2f_jax.io import images
from t2f_jax.models import params as params_module
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.vqgan import VQGAN
from t2f_jax.tokens import sequence, templates

BASE = DecoderConfig(12, 768, 12, 3072, max_length=1024, norm="talk2face")  # the paper's
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
def test_greedy_tokens_of_every_task_at_base_size(both, modeling):
    image = VQGANConfig(256, 3, 16, "patch", 16, (1,), 1, (), 16, 16, BASE_CODES)
    ours, theirs = both(BASE, image, wordpiece(BASE_WORDS))
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

    for one, other in zip(answers(ours, people), theirs.analyze(people)):
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
    ours = np.asarray(VQGAN(config).apply({"params": params}, z[4:], method=lambda m, z: m.quantize(z)))
    with torch.device("meta"):
        vqgan = modeling.VQGAN(modeling.SimpleNamespace(**dataclasses.asdict(config))).eval()
    vqgan.load_state_dict({k: torch.tensor(v) for k, v in huggingface.rename_params("", params).items()}, assign=True)
    with torch.no_grad():
        theirs = vqgan.codes(torch.tensor(x[4:]).permute(0, 3, 1, 2)).numpy()
    print(f"{ours.size} indices of {len(set(ours.ravel().tolist()))} codes")
    assert np.array_equal(ours.reshape(2, -1), theirs)
