"""One joint model on real faces: CelebA (40 attributes, captions) and UTKFace (age, gender, ethnicity), 64 x 64 pixels.

    t2f train faces --out runs/faces
    t2f evaluate --model runs/faces/model --out runs/faces/evaluation
    t2f train faces:fast --out runs/fast     (the argument `fast`: 42 minutes, a smaller decoder)

Time: 2 hours and 24 minutes on two CPU cores with AVX-512 and bfloat16 (29 minutes for the image tokenizer, 2.8 s for
each of the decoder's steps, beside other work), with 7,062 and 9,561 training faces. Figures of test faces: UTKFace
age 6.9 years (mean absolute error), gender 87.8%, ethnicity 77.7%; CelebA 86.6%. An external judge sees the requested
gender in 88% of the faces generated from text; requested and seen ages have a correlation of 0.65. Without
number_guidance: 93%, 0.49. With `fast`, which has earlier settings and no number_guidance: age 9.3 years, gender
82.0%, ethnicity 63.0%, CelebA 84.4%; the requested gender is seen in 87%, and ages have a correlation of 0.25.

Earlier settings (scales (4, 16), coarse_weight 6, learning rate 4e-3, no code_dropout, attribute_weight 8 per token),
two runs: ages 7.4 and 7.5 years, gender 85.6 and 85.5%, ethnicity 75.2 and 75.1%, CelebA 86.4 and 86.5%. A run with
the present learning rate, code_dropout and attribute_weight, but scales (4, 16) and coarse_weight 6, read ages of the
validation part 0.26 years better than the second of them; no other difference was beyond chance (docs/results.md).
3,600 steps at a rate of 2e-3, without coarse_weight: 7.1 years, 86.6%, 75.1% and 86.5%. More steps at the present
rate were not tried.

Tried and rejected: grids (4, 8, 8) instead of (4, 16) predict labels as well, but faces are blurry (24.6 dB after
48,000 views; (4, 16) has 26.9 after 96,000). On the validation part, 128 faces each, without coarse_weight: guidance 3
at temperature 1 shows ages less well (a correlation of 0.41; guidance 5: 0.57); at guidance 6, temperature 0.9 and
top-p 0.9 a face is found in fewer of those generated from captions (79%; guidance 4 at 0.85: 86%). Captions chosen from
16 or 33 sampled ones by the model's answers have fewer true facts (71 and 72%) than those made of the answers (82%).
Averaging answers over views shifted by 3 pixels, too, improves ages by 0.1 years and nothing else (400 validation faces
each). For the same 128 people, guidance 4, 6, 8 and 12 show ages with correlations of 0.66, 0.68, 0.67 and 0.61 and the
gender in 91, 91, 96 and 95%: no difference beyond chance.

Not tried at this length: text.numbers. Without it, prompts with nothing but an age of 5 to 9 showed people who were
seen as 41 on average; with it, and a smaller decoder, as 14.

The folders $T2F_DATA/CelebA and $T2F_DATA/UTKFace are read, or those that data.sources.<name>.folder names.
"""

import ml_collections

from t2f_jax import config


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    config.check_argument(arg, "fast")
    fast = arg == "fast"
    whole = 16 if fast else 32  # codes of the whole face
    c = config.base_config()
    c.name = "faces"
    c.data.image_size = 64
    c.data.crop = 0.9
    c.data.flip = True
    c.data.jitter = 0.06
    c.data.views = 4 if fast else 8
    c.data.copies = "drop_leaked"  # 40 of UTKFace's test faces lie among its training faces, too
    config.source(c, "celeba", kind="celeba", weight=0.45)
    config.source(c, "utkface", kind="utkface", weight=0.55)

    i = c.image
    i.model.resolution = 64  # folded into 16x16 patches of 4x4 pixels, the fastest convolutions on a CPU
    i.model.patch = 4
    i.model.ch = 64
    i.model.ch_mult = (1,)
    i.model.attn_resolutions = ()
    i.model.z_channels = 128
    i.model.embed_dim = 32
    i.model.n_embed = 1024
    i.model.scales = (4, 16) if fast else (4, 4, 16)  # codes of the whole face, then the paper's 16x16
    i.loss.labels = 0.02  # the features of a label network must be reconstructed
    i.loss.code_labels = 0.05  # the codes of the whole face hold the labels: easy to read, and generated first
    i.optim.learning_rate = 1e-3
    i.optim.warmup_steps = 100
    i.train.steps = 800 if fast else 3000
    i.train.batch_size = 32
    i.train.ema = 0.995
    i.train.eval_every = i.train.save_every = 200 if fast else 500
    i.train.eval_batches = 16

    c.text.vocab_size = 1000
    c.text.phrases = True  # learned sooner

    d = c.decoder
    width, layers = (128, 4) if fast else (192, 5)
    d.model.width, d.model.layers, d.model.heads, d.model.mlp = width, layers, width // 64, 4 * width
    d.model.scan = False  # on a CPU single layers run a quarter faster, and a few compile fast
    d.model.products = "auto"  # bfloat16: a quarter more rows per second on CPUs with bfloat16 products
    d.model.image_position = 64  # each code has a fixed position, whatever the text before it
    d.model.max_length = 368 + whole
    d.model.init_std = 0.07  # about 1 / sqrt(width): attention is far from uniform from the start
    d.sequence_length = 304 + whole
    d.accumulate = 8  # parts that fit into the processor's cache: 1.2 to 1.4 times as fast
    d.tasks.to_image, d.tasks.to_caption, d.tasks.to_attributes = 0.5, 0.1, 0.4
    d.tasks.caption_style = "plain"
    d.tasks.prompt_dropout = 0.1
    d.tasks.hidden_codes = 0.3
    d.tasks.number_noise = 0.08  # some ages have only a dozen faces
    d.tasks.attributes_per_face = 0  # as many as fit
    d.tasks.caption_weight, d.tasks.attribute_weight = 3.0, 8.0
    d.tasks.coarse_codes, d.tasks.coarse_weight = whole, 6.0 if fast else 4.0  # text is about the whole face
    if not fast:  # `fast` was not tried with these
        d.tasks.code_dropout = 0.3  # room for more questions in a row
        d.tasks.attribute_weight_per, d.tasks.attribute_weight = "row", 250.0
    d.optim.kind = "muon"  # learns weak signals: gender and age are small next to light and skin
    d.optim.learning_rate = 4e-3 if fast else 8e-3
    d.optim.b2 = 0.98
    d.optim.weight_decay = 0.05
    d.optim.warmup_steps = 100
    d.train.steps = 1100 if fast else 2300
    d.train.batch_size = 64
    d.train.ema = 0.995
    d.train.eval_every = d.train.save_every = 200
    c.eval.faces = 0
    c.eval.guidance = 6.0  # ages are recognized from guidance 5 on
    c.eval.number_guidance = 0.0 if fast else 5.0  # ages beside other requests; fast: not tried
    c.eval.temperature, c.eval.final_temperature = 1.0, 0.6  # the whole face varies, its details less
    c.eval.mirror, c.eval.captions = True, "answers"
    return c
