"""."""


def main(argv: list[str] | None = None) -> None:
    """Entry point of `t2f`, see `parser.main`."""
    from t2f_jax.cli import parser

    parser.main(argv)
