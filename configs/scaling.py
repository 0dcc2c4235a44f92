"""Scaling laws on drawn faces: five decoders from 0.08 to 1.6 million parameters, trained alike.

    t2f sweep scaling --out runs/ablations     (its fourth size is the baseline of `ablations`, trained there)

Time: 25 minutes on two shared CPU cores; two seeds. Figures: held-out loss L = 0.865 + 379 N^-0.584 nats
over N parameters (95% interval of the exponent 0.38 to 0.78), L = 0.840 + 5.9e4 C^-0.445 over C model FLOPs (0.27 to
0.62).
"""

import ml_collections

from t2f_jax import config


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    config.check_argument(arg)
    return config.shipped("ablations")


def sweep(arg: str = "") -> config.Sweep:
    sizes = {"32x2": (32, 2, 1), "64x2": (64, 2, 2), "96x3": (96, 3, 3), "192x3": (192, 3, 6)}
    arms = [
        config.Arm(
            name,
            {
                "decoder.model.width": width,
                "decoder.model.layers": layers,
                "decoder.model.heads": heads,
                "decoder.model.mlp": 4 * width,
                "decoder.model.init_std": round(width**-0.5, 3),
            },
            "How does the held-out loss fall with the decoder's size?",
            "size (width x layers)",
        )
        for name, (width, layers, heads) in sizes.items()
    ]
    return config.Sweep(arms, ("held_out/loss", "attributes/accuracy", "requests/attributes_seen"), (0, 1), law=True)
