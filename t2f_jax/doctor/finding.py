"""One thing that was looked at."""

import dataclasses
from typing import Literal

State = Literal["ok", "optional", "wrong"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes:
      name: such as "python" or "cache".
      told: what there is, or what is missing.
      state: ok; optional: something that not everybody needs is missing; wrong: commands will fail.
      mend: a command or a sentence that says what to do; "" where nothing need be done.
    """

    name: str
    told: str
    state: State = "ok"
    mend: str = ""
