"""The sentences that the text tokenizer is trained on, and its training."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np

from t2f_jax.config.schema import TextConfig
from t2f_jax.tokens import captions, templates, text_tokenizer
from t2f_jax.tokens.attributes import Attribute, Fields, merge_schemas
from t2f_jax.tokens.phrases import PHRASES, Phrases

SENTENCES = 20_000  # in the text tokenizer's corpus; more would change few of a thousand pieces


def make_text_tokenizer(
    text: TextConfig,
    schemas: Sequence[Sequence[Attribute]],
    faces: Sequence[Sequence[Fields]],
    seed: int,
    phrases: Sequence[Phrases] | None = None,
) -> text_tokenizer.TextTokenizer:
    """The text tokenizer of a config: read from its vocabulary file, or trained on `corpus`."""
    if text.kind == "wordpiece":
        return text_tokenizer.WordPiece.load(pathlib.Path(os.path.expanduser(text.vocab_file)))
    return text_tokenizer.train_sentencepiece(
        corpus(schemas, faces, seed, phrases=phrases), text.vocab_size, phrases=_pieces(text, merge_schemas(schemas))
    )


def _pieces(text: TextConfig, schema: Sequence[Attribute]) -> list[str]:
    """The words, groups of words and numbers that are one piece each."""
    pieces = []
    for attribute in schema:
        if text.phrases:
            pieces.append(templates.attribute_question(attribute.name))
            if not attribute.is_number:
                pieces += [templates.attributes_text({attribute.name: value}) for value in attribute.candidates()]
        if text.numbers and attribute.is_number:
            pieces += attribute.candidates()
    return list(dict.fromkeys(pieces))


def corpus(
    schemas: Sequence[Sequence[Attribute]],
    faces: Sequence[Sequence[Fields]],
    seed: int,
    limit: int = SENTENCES,
    phrases: Sequence[Phrases] | None = None,
) -> list[str]:
    """Sentences for the text tokenizer, of everything that a sequence may hold.

    The prompts, all questions and answers of the schemas (including all numbers in range), and about `limit` sentences
    about faces, in equal parts from the sources: three captions to two lists of attributes, several per face if there
    are few faces.

    Args:
      schemas: of each source.
      faces: fields of each source's training faces.
      seed: for the choice of faces and words.
      phrases: the phrases for each source's labels; `tokens.phrases` if not given.
    """
    sentences = [templates.IMAGE_PROMPT, templates.CAPTION_PROMPT, templates.ATTRIBUTE_PROMPT]
    for attribute in merge_schemas(schemas):
        sentences.append(templates.attribute_question(attribute.name))
        sentences += [templates.attributes_text({attribute.name: value}) for value in attribute.labels()]
        sentences += [f"{templates.attribute_question(attribute.name)} {text}" for text in attribute.answers()]
    share = limit // max(1, len(faces))
    for s, source in enumerate(faces):
        for k in range(share):
            rng = np.random.default_rng((seed, s, k))
            fields = source[k * len(source) // share if len(source) >= share else k % len(source)]
            known = fields["attributes"]
            if k % 5 < 2 and known:
                some = rng.permutation(len(known))[: rng.integers(1, min(len(known), 10) + 1)]
                pairs = list(known.items())
                sentences.append(templates.attributes_text(dict(pairs[i] for i in some)))
            elif fields["captions"]:
                sentences.append(fields["captions"][rng.integers(len(fields["captions"]))])
            else:
                sentences.append(captions.write_caption(known, rng, phrases=phrases[s] if phrases else PHRASES))
    return sentences
