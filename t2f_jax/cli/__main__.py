"""`python -m t2f_jax.cli` is `t2f`."""

import os
import sys

from t2f_jax.cli import main

if __name__ == "__main__":
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if not sys.flags.safe_path and os.path.abspath(sys.path[0]) != package:
        del sys.path[0]  # the working directory, whose files would take the place of modules
    main()
