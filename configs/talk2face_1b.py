"""The paper's model scaled up to 1.3 billion parameters: 24 layers of width 2,048, heads of 128 columns.

    t2f plan talk2face_1b --topology v5e:16x16
    t2f train talk2face_1b text.vocab_file=google_uncased_en_vocab.txt --out gs://bucket/talk2face_1b

Time: not run; a step takes at least 174 ms on v5e:16x16 by its plan. Figures: none yet.

Data, tokenizers, tasks and packing are those of `talk2face_base`; see there for `text.vocab_file`.
"""

import ml_collections

from t2f_jax import config


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    config.check_argument(arg)
    c = config.shipped("talk2face_base")
    c.name = "talk2face_1b"
    d = c.decoder
    d.model.layers, d.model.width, d.model.heads, d.model.mlp = 24, 2048, 16, 8192
    d.model.norm = "rmsnorm"
    d.model.bias = False
    d.model.remat = "attention"
    d.optim.learning_rate = 2e-4
    d.optim.b2 = 0.95
    d.optim.weight_decay = 0.1
    return c
