"""The `t2f` command: reads command lines, prints answers.

    parser             The `t2f` command: reads the command line and hands over to the stage that does the work.
    plan               The `t2f plan` command.
    convert            The `t2f convert` commands: import, export, round, verify, explain.
    generate           `t2f generate`: faces for one prompt, from a given face, or for every line of a file.
    generate_options   The words of `t2f generate`: what can be said on its command line, and what cannot be said toge
    describe           What a model folder is for, from the command line: describe and measure faces (`generation` mak
    drawing            How codes or words are drawn, as options of a command line: the fields of a `sampler.Sampler`.
    opening            Anything that holds a model -> the model: a model folder, the original's pair, a run with check
    __main__           `python -m t2f_jax.cli` is `t2f`.

Read first: `parser.main`.
"""


def main(argv: list[str] | None = None) -> None:
    """Entry point of `t2f`, see `parser.main`."""
    from t2f_jax.cli import parser

    parser.main(argv)
