"""`python -m t2f_jax.cli` is `t2f`."""

from t2f_jax.cli import main

if __name__ == "__main__":
    main()
