"""Decodes random prompts with the engine, in all its ways, and by full forward passes. Prints how many rows differ.

python tests/helpers/plain_decoding.py PROMPTS        with as many devices as JAX has; with eight, over the MESHES, too
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.config.schema import DecoderConfig
from t2f_jax.distributed.partitioning import make_mesh
from t2f_jax.inference import decoding, engine, grammar
from t2f_jax.inference.sampler import Sampler
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.params import init_decoder
from t2f_jax.tokens.vocab import Vocab

VOCAB = Vocab(text_size=40, image_size=24)
CONFIG = DecoderConfig(layers=2, width=32, heads=4, mlp=64, max_length=128, init_std=0.3, norm="talk2face")
LENGTH = 10
WIDTH = 80 + LENGTH
MESHES = ("data=8", "data=2,fsdp=4", "data=2,fsdp=2,tensor=2", "slice=2,fsdp=4")  # of eight devices
SAMPLERS = (Sampler(temperature=0.0), Sampler(temperature=1.1, top_k=12, top_p=0.95))


def rows(count, longest):
    """Requests of both kinds after prefixes of 3 to `longest` ids, some of which contain an image."""
    rng = np.random.default_rng(0)
    spans = (grammar.image(VOCAB, LENGTH), grammar.text(VOCAB, LENGTH))
    requests = []
    for seed in range(count):
        ids = rng.integers(4, VOCAB.size if seed % 3 else VOCAB.text_size, rng.integers(2, longest)).tolist()
        requests.append(decoding.Request(([VOCAB.cls, *ids],), spans[seed % 2], seed))
    return requests


def plainly(decoder, params, requests, chosen):
    """Every id by a full forward pass over the row so far: (ids [B,LENGTH], gap between the two best logits)."""
    tokens = np.zeros((len(requests), WIDTH), np.int32)
    lengths = np.array([len(r.prefixes[0]) for r in requests])
    for row, r in zip(tokens, requests):
        row[: len(r.prefixes[0])] = r.prefixes[0]
    place = np.arange(WIDTH)
    image = np.array([r.grammar.image for r in requests])
    allowed = np.where(
        image[:, None],
        np.arange(VOCAB.size) >= VOCAB.text_size,
        np.concatenate([VOCAB.text_allowed(), np.zeros(VOCAB.image_size, bool)]),
    )

    @jax.jit
    def logits_of(tokens, segments, last):
        hidden = decoder.apply(
            {"params": params}, tokens, segments, jnp.broadcast_to(place, tokens.shape), method="hidden"
        )
        logits = decoder.apply({"params": params}, hidden[jnp.arange(len(last)), last], method="head")
        return jnp.where(allowed, logits, -jnp.inf)

    out, gaps = np.zeros((len(requests), LENGTH), np.int32), np.zeros((len(requests), LENGTH))
    done = np.zeros(len(requests), bool)
    for t in range(LENGTH):
        segments = np.where(place < lengths[:, None], 1, np.where(place < lengths[:, None] + t, 2, 0))
        logits = logits_of(tokens, segments.astype(np.int32), lengths + t - 1)
        keys = jax.vmap(lambda r, t=t: jax.random.fold_in(jax.random.PRNGKey(r), t))(
            np.array([r.seed for r in requests], np.uint32)
        )
        drawn = np.asarray(jax.jit(chosen)(keys, logits))
        best = np.sort(np.asarray(logits), -1)
        gaps[:, t] = best[:, -1] - best[:, -2]
        out[:, t] = np.where(done, VOCAB.pad, drawn)
        done |= ~image & ((out[:, t] == VOCAB.sep) | (out[:, t] == VOCAB.pad))
        tokens[np.arange(len(requests)), lengths + t] = out[:, t]
    return out, gaps


def compare(count, longest=80):
    """{way: [rows that differ without a tie, rows that differ at a tie]} over all samplers."""
    decoder = Decoder(CONFIG, VOCAB.size)
    params = jax.jit(init_decoder, static_argnums=0)(decoder, jax.random.PRNGKey(1))
    requests = rows(count, longest)
    one = make_mesh("", jax.devices()[:1])
    ways = {"layout of training": (one, 0, 64), "grouped": (one, 2, 64), "alone": (one, 2, 1)}
    if jax.device_count() == 8:
        ways |= {mesh: (make_mesh(mesh), 0, 64) for mesh in MESHES}
    wanted = [plainly(decoder, params, requests, chosen) for chosen in SAMPLERS]
    told = {}
    for way, (mesh, groups, batch) in ways.items():
        made = engine.prepare(decoder, params, VOCAB, mesh, groups)
        some = requests if batch > 1 else requests[: max(10, count // 20)]
        wrong = ties = 0
        for chosen, (right, gaps) in zip(SAMPLERS, wanted):
            for line, ids, gap in zip(decoding.generate(made, some, chosen, batch), right, gaps):
                padded = np.concatenate([line, [VOCAB.sep], np.zeros(LENGTH, np.int32)])[:LENGTH]
                apart = np.flatnonzero(padded != ids)
                if apart.size:
                    tie = chosen.temperature == 0 and gap[apart[0]] < 1e-4
                    ties, wrong = ties + tie, wrong + (not tie)
        told[way] = [int(wrong), int(ties), len(some) * len(SAMPLERS)]
    return told


if __name__ == "__main__":
    print(json.dumps(compare(int(sys.argv[1]))))
