"""One joint model on real faces: CelebA (40 attributes, captions) and UTKFace (age, gender, ethnicity), 64 x 64 pixels.

    t2f train faces --out runs/faces
    t2f evaluate --model runs/faces/model --out runs/faces/evaluation

Time: 4,800 core-seconds on two CPU cores, image tokenizer and encoding included, with 8,210 and 12,029 faces.
Figures on test faces: UTKFace age 8.8 years (mean absolute error), gender 81.5%; CelebA's 40 attributes 85.4%.

The folders $T2F_DATA/CelebA and $T2F_DATA/UTKFace are read, or those that data.sources.<name>.folder names.
"""

import ml_collections

from t2f_jax import config


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    config.check_argument(arg)
    c = config.base_config()
    c.name = "faces"
    c.data.image_size = 64
    c.data.crop = 0.9
    c.data.flip = True
    c.data.jitter = 0.06
    c.data.views = 16
    config.source(c, "celeba", kind="celeba", weight=0.45)
    config.source(c, "utkface", kind="utkface", weight=0.55)

    c.image.model.resolution = 64  # 8x8 codes of 8x8 pixels; folding them first costs a CPU least
    c.image.model.patch = 8
    c.image.model.encoder = "patch"  # a code tells of its own patch alone: far fewer of them to learn
    c.image.model.ch = 128
    c.image.model.ch_mult = (1,)
    c.image.model.attn_resolutions = ()
    c.image.model.z_channels = 128
    c.image.model.embed_dim = 32
    c.image.model.n_embed = 1024
    c.image.optim.learning_rate = 1.5e-3
    c.image.optim.warmup_steps = 200
    c.image.train.steps = 3000
    c.image.train.batch_size = 16
    c.image.train.eval_every = c.image.train.save_every = 1000
    c.image.train.eval_batches = 32

    c.text.vocab_size = 1000
    c.text.phrases = True  # soon learned

    d = c.decoder
    # Small: what counts in an hour of two cores is how many faces are read. Width 192 reads half as many.
    d.model.width, d.model.layers, d.model.heads, d.model.mlp = 128, 3, 4, 512
    d.model.scan = False  # on a CPU single layers run a quarter faster, and few compile soon enough
    d.model.dropout = 0.05
    d.model.image_position = 64  # each code at its own position, whatever the words before it
    d.model.max_length = 176
    d.model.init_std = 0.08  # about 1 / sqrt(width): attention is far from uniform from the start
    d.sequence_length = 112
    d.tasks.to_image, d.tasks.to_caption, d.tasks.to_attributes = 0.3, 0.1, 0.6
    d.tasks.prompt_dropout = 0.1
    d.tasks.hidden_codes = 0.5
    d.tasks.attributes_per_face = 0  # as many as fit
    d.tasks.attribute_weight = 8.0
    d.optim.kind = "muon"  # hears what is faint: gender and age are small beside light and skin
    d.optim.learning_rate = 2e-3
    d.optim.b2 = 0.98
    d.optim.weight_decay = 0.05
    d.optim.warmup_steps = 200
    d.train.steps = 8000
    d.train.batch_size = 32
    d.train.ema = 0.998
    d.train.eval_every = d.train.save_every = 1000
    c.eval.faces = 0
    return c
