"""The paper's model: 12 layers of width 768 over 30,522 WordPiece ids and 1,024 codes of 16 x 16 pixels at 256 x 256.

    t2f plan talk2face_base --topology v5e:4x4
    t2f train talk2face_base text.vocab_file=google_uncased_en_vocab.txt --out gs://bucket/talk2face_base

Time: not run; a step takes at least 218 ms on v5e:4x4 by its plan. Figures: none yet.

`text.vocab_file` must be given: the uncased BERT vocabulary, one piece per line.
`talk2face_base:talk2face_2022` trains as the original did, see `t2f convert explain`.
"""

import ml_collections

from t2f_jax import config
from t2f_jax.convert import quirks


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    config.check_argument(arg, quirks.COMPAT)
    c = config.base_config()
    c.name = "talk2face_base"
    c.data.image_size = 256
    config.source(c, "celeba", kind="celeba")
    config.source(c, "utkface", kind="utkface")

    c.image.model.resolution = 256
    c.image.model.ch = 128
    c.image.model.ch_mult = (1, 1, 2, 2, 4)
    c.image.model.num_res_blocks = 2
    c.image.model.attn_resolutions = (16,)
    c.image.model.z_channels = 256
    c.image.model.embed_dim = 256
    c.image.model.n_embed = 1024

    c.text.kind = "wordpiece"

    d = c.decoder
    d.model.layers, d.model.width, d.model.heads, d.model.mlp = 12, 768, 12, 3072
    d.model.max_length = 1024
    d.model.norm = "talk2face"
    d.sequence_length = 334
    d.pack, d.row_length = 4, 1152  # pairs of about 286 ids, packed to within 1% of 9 x 128
    d.tasks.attributes_per_face = 6
    d.workers = 2  # a core makes some 10,000 pairs a second, half of what a GPU's or TPU host's chips may need
    d.vocab_multiple = 256
    d.model.remat = "mlp"
    d.optim.learning_rate = 1e-4
    d.optim.warmup_steps = 2000
    d.train.steps = 100_000
    d.train.batch_size = 1024  # rows of 4 pairs
    d.accumulate = 0  # as many parts as memory requires
    d.train.compute_dtype = "bfloat16"

    if arg == quirks.COMPAT:  # one pair per row, and dropout, which no attention kernel supports
        d.pack, d.row_length, d.train.batch_size, d.accumulate, d.model.dropout = 1, 0, 32, 1, 0.1
        quirks.set_in(c)
    return c
