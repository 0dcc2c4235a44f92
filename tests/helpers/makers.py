"""A batch maker for tests whose processes import it by name."""

import dataclasses
import os
import signal
import time

import numpy as np

from t2f_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class Maker:
    """Makes a batch of its step and the process's number; fails, dies or waits forever at a step."""

    fails_at: int = -1
    dies_at: int = -1
    waits_at: int = -1

    def __call__(self, step: int) -> dict[str, np.ndarray]:
        if step == self.fails_at:
            raise UserError(f"face {step} is broken")
        if step == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == self.waits_at:
            time.sleep(1000)
        return {"step": np.array(step), "process": np.array(os.getpid())}
