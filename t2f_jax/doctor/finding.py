"""The result of one check."""

import dataclasses
from typing import Literal

State = Literal["ok", "optional", "wrong"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
      name: such as "python" or "cache".
      told: what exists, or what is missing.
      state: ok; optional: something that not everybody needs is missing; wrong: commands will fail.
      mend: a command or a sentence that says what to do; "" if nothing is needed.
    """

    name: str
    told: str
    state: State = "ok"
    mend: str = ""
