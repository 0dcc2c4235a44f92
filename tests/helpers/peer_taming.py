"""The peer of `t2f bench --peer "PYTHON tests/helpers/peer_taming.py"`: taming-transformers' VQModel in torch.

    pip install torch==2.13.0 && pip install --no-deps taming-transformers-rom1504

Prints a line when it is ready, then answers each line `encode` or `decode` with the seconds that one call took, timed
after one that was not if it is the first: f16, 256 x 256, 1,024 codes, random weights, one image, fp32, `--threads`
threads (2). Ends with its input. It imports nothing of t2f_jax: the two run in processes of their own.
"""

import argparse
import contextlib
import io
import json
import sys
import time
import types

import numpy as np
import torch

DDCONFIG = {
    "double_z": False,
    "z_channels": 256,
    "resolution": 256,
    "in_channels": 3,
    "out_ch": 3,
    "ch": 128,
    "ch_mult": [1, 1, 2, 2, 4],
    "num_res_blocks": 2,
    "attn_resolutions": [16],
    "dropout": 0.0,
}
N_EMBED, EMBED_DIM, GRID = 1024, 256, 16


def rearrange(x: torch.Tensor, pattern: str) -> torch.Tensor:
    """The part of einops that taming uses: a permutation of axes."""
    given, wanted = (side.split() for side in pattern.split("->"))
    return x.permute([given.index(axis) for axis in wanted])


def stub_imports() -> None:
    """Stubs for taming's imports that only training needs: Lightning, its configs, einops."""
    stubs = {
        "pytorch_lightning": {"LightningModule": torch.nn.Module},
        "taming.main": {"instantiate_from_config": lambda config: torch.nn.Identity()},
        "einops": {"rearrange": rearrange},
    }
    for name, content in stubs.items():
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(content)


class Peer:
    """The original's modules, called as its `image_tokenizer.py` does: pixels to codes, codes to pixels."""

    def __init__(self) -> None:
        stub_imports()
        from taming.models.vqgan import VQModel

        torch.manual_seed(0)
        self.model = VQModel(DDCONFIG, None, N_EMBED, EMBED_DIM).eval()
        pixels = np.random.default_rng(0).integers(0, 256, (1, 256, 256, 3), np.uint8)
        self.pixels = torch.from_numpy(pixels)
        self.codes = torch.arange(GRID * GRID) % N_EMBED

    def encode(self) -> torch.Tensor:
        """uint8 [1, 256, 256, 3] -> codes [256]."""
        x = self.pixels.permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1
        return self.model.encode(x)[2][2]

    def decode(self) -> torch.Tensor:
        """Codes [256] -> uint8 [1, 256, 256, 3]."""
        z = self.model.quantize.get_codebook_entry(self.codes, (1, GRID, GRID, EMBED_DIM))
        x = self.model.decode(z).clamp(-1, 1)
        return ((x + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    torch.set_num_threads(threads)
    with torch.inference_mode():
        with contextlib.redirect_stdout(io.StringIO()):  # taming prints its structure
            peer = Peer()
        calls = {"encode": peer.encode, "decode": peer.decode}
        warm = set()
        print(json.dumps({"peer": f"taming VQModel, torch {torch.__version__}", "threads": threads}), flush=True)
        for line in sys.stdin:
            job = line.strip()
            call = calls[job]
            if job not in warm:
                call()
                warm.add(job)
            start = time.perf_counter()
            call()
            print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
