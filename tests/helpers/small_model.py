"""A whole model with random weights: 16 x 16 pixels, 4 x 4 codes of 16, three attributes."""

import jax
import numpy as np

from t2f_jax.bundle import Bundle
from t2f_jax.config.schema import DecoderConfig, DecoderRunConfig, Preprocess, TaskConfig, VQGANConfig
from t2f_jax.inference.model import Model
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.image_tokenizer import ImageTokenizer
from t2f_jax.models.params import init_decoder
from t2f_jax.models.vqgan import VQGAN
from t2f_jax.tokens import text_tokenizer
from t2f_jax.tokens.attributes import Attribute

SCHEMA = (
    Attribute("gender", ("male", "female")),
    Attribute("glasses", ("no", "yes")),
    Attribute("age", (), 1, 90),
)
IMAGE = VQGANConfig(
    resolution=16, patch=2, ch=8, ch_mult=(1, 2), attn_resolutions=(), z_channels=8, embed_dim=4, n_embed=16
)
DECODER = DecoderConfig(layers=2, width=16, heads=2, mlp=32, max_length=96, init_std=0.4)
SENTENCES = ["gender : male", "gender : female", "glasses , not glasses", "a man with glasses", "to image to caption"]
SENTENCES += ["to attributes", *(f"age : {n}" for n in range(1, 91))]


def make(prompt_dropout=0.0, image=IMAGE):
    return Model(make_bundle(prompt_dropout, image))


def make_bundle(prompt_dropout=0.0, image=IMAGE):
    params = VQGAN(image).init(jax.random.key(0), np.zeros((1, 16, 16, 3), np.float32))["params"]
    words = text_tokenizer.train_sentencepiece(SENTENCES, vocab_size=80)
    run = DecoderRunConfig(model=DECODER, sequence_length=64, tasks=TaskConfig(prompt_dropout=prompt_dropout))
    decoder = Decoder(DECODER, text_tokenizer.vocab(words, image.n_embed).size)
    weights = init_decoder(decoder, jax.random.key(1))
    image_tokenizer = ImageTokenizer(image, params)
    return Bundle(run, weights, image_tokenizer, words, SCHEMA, Preprocess(0.9), {"steps": 3}, "tiny")
