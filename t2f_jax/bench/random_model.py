"""A model of a config's structure with random weights, for `t2f bench` without a model."""

import jax

from t2f_jax import bundle
from t2f_jax.config.schema import Config
from t2f_jax.data.datasets import registry
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.image_tokenizer import ImageTokenizer
from t2f_jax.models.params import init_decoder, init_vqgan
from t2f_jax.tokens import templates, text_tokenizer
from t2f_jax.tokens.text_tokenizer import SPECIAL, TextTokenizer, WordPiece
from t2f_jax.tokens.vocab import ORIGINAL_SPECIAL, ORIGINAL_TEXT_SIZE

SCHEMA = registry.find("celeba").schema


def random_model(config: Config) -> bundle.Bundle:
    """Initial weights of training; the text tokenizer knows the words of CelebA's 40 attributes."""
    words = _words(config)
    image = config.image.model
    vocab = text_tokenizer.vocab(words, image.n_embed)
    decoder = Decoder(config.decoder.model, vocab.size)
    params = jax.jit(init_decoder, static_argnums=0)(decoder, jax.random.key(1))
    tokenizer = ImageTokenizer(image, jax.jit(init_vqgan, static_argnums=0)(image, jax.random.key(0)))
    return bundle.Bundle(
        run_config=config.decoder,
        params=params,
        image_tokenizer=tokenizer,
        tokenizer=words,
        schema=SCHEMA,
        name=config.name,
    )


def _words(config: Config) -> TextTokenizer:
    sentences = [f"{templates.attribute_question(a.name)} {text}" for a in SCHEMA for text in a.answers()]
    sentences += [templates.IMAGE_PROMPT, templates.CAPTION_PROMPT, templates.ATTRIBUTE_PROMPT, "a face"]
    if config.text.kind == "sentencepiece":
        return text_tokenizer.train_sentencepiece(sentences, config.text.vocab_size)
    known = sorted({word for sentence in sentences for word in sentence.split()})
    pieces = [f"[unused{i}]" for i in range(ORIGINAL_TEXT_SIZE)]
    pieces[-len(known) :] = known
    for piece, place in zip(SPECIAL.values(), ORIGINAL_SPECIAL, strict=True):
        pieces[place] = piece
    return WordPiece("\n".join(pieces).encode())
