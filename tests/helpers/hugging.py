"""Small models of many structures, and the outputs that tests of Hugging Face folders compare."""

import dataclasses
import re

import numpy as np
from flax import traverse_util

from t2f_jax import bundle
from t2f_jax.config.schema import DecoderConfig, DecoderRunConfig, Preprocess, TaskConfig, VQGANConfig
from t2f_jax.convert import huggingface
from t2f_jax.inference.sampler import Sampler
from t2f_jax.models import params as params_module
from t2f_jax.models.image_tokenizer import ImageTokenizer
from t2f_jax.tokens import text_tokenizer
from t2f_jax.tokens.attributes import Attribute

SCHEMA = (
    Attribute("gender", ("male", "female")),
    Attribute("glasses", ("no", "yes")),
    Attribute("age", (), 1, 30, ("3-9", "20+")),
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
    """Random weights of about the size of trained ones, without values that could hide a mistake."""
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
    """The words of the sentences, letters, and unused pieces up to `size`."""
    pieces = dict.fromkeys(re.findall(r"[a-z]+|\S", " ".join(SENTENCES)))
    letters = [f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz0123456789"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *pieces, *letters]
    return text_tokenizer.WordPiece("\n".join([*pieces, *(f"##{i}" for i in range(len(pieces), size))]).encode())


def make(decoder=DECODER, image=IMAGE, words=None, crop=0.9, seed=0, provenance=None, **run):
    words = words or text_tokenizer.train_sentencepiece(SENTENCES, vocab_size=90)
    size = text_tokenizer.vocab(words, image.n_embed).size
    params = random_params(params_module.abstract_decoder(decoder, size), seed)
    tokenizer = ImageTokenizer(image, random_params(params_module.abstract_vqgan(image), seed + 1))
    run = DecoderRunConfig(model=decoder, sequence_length=64, tasks=TaskConfig(prompt_dropout=0.1), **run)
    return bundle.Bundle(run, params, tokenizer, words, SCHEMA, Preprocess(crop), provenance or {"steps": 3}, "toy")


def pictures(count, size=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)


def torch_logits(torch, modeling, config, params, arrays):
    """Logits of a decoder's parameters in PyTorch."""
    table = params["embed"]["word"]
    with torch.device("meta"):
        transformer = modeling.Transformer(modeling.SimpleNamespace(**dataclasses.asdict(config)), len(table)).eval()
    weights = {k: torch.tensor(v) for k, v in huggingface.rename_params("", params).items()}
    transformer.load_state_dict(weights, assign=True)
    tokens, segments, positions = (torch.tensor(a).long() for a in arrays)
    with torch.no_grad():
        hidden = transformer(tokens, segments, positions, modeling.visible(segments, config.mask))
        return transformer.logits(hidden).numpy()


def draw_greedily(model, texts, attributes, seeds, **options):
    prompts = [model.prompt(text, attributes) for text in texts]
    return model.decode(model.generate_codes(prompts, seeds, dataclasses.replace(GREEDY, **options)))


def answers(model, people, attributes=None):
    return model.probabilities(model.encode(model.images(people)), attributes)
