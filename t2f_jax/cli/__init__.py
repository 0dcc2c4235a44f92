"""The `t2f` command: reads command lines, prints answers. Each command has `add(commands)` and a function that runs it.

    parser       the whole command line; what a command needs around it; errors -> exit codes
    options      adding a command, what it needs (`Needs`), types of arguments; every path may be gs://...
    streams      standard output and error that are closed, or lack signs
    interrupts   Ctrl-C, SIGTERM and SIGHUP
    train        `t2f quickstart`, `train-tokenizer`, `prepare`, `train`
    sweep        `t2f sweep`
    data         `t2f data`: the datasets that there are, and your own
    generate     `t2f generate`: faces for one prompt, from a given face, or for every line of a file
    describe     `t2f caption` and `t2f analyze`: faces described in words, and measured
    demo         `t2f demo`: a web page to try a model
    drawing      the options that say how codes or words are drawn: the fields of a `Sampler`
    evaluate     `t2f evaluate` and `t2f report`
    compare      `t2f compare`
    reproduce    `t2f reproduce`
    config       `t2f config`
    doctor       `t2f doctor`
    completion   `t2f completion`
    bench        `t2f bench`
    supervise    `t2f supervise`
    card         `t2f data card` and `t2f data hash`
    plan         `t2f plan`
    convert      `t2f convert import`, `export`, `round`, `verify`, `explain`
    opening      anything that holds a model -> the model: a model folder, the original's files, a run
    __main__     `python -m t2f_jax.cli` is `t2f`

Read first: `parser.main`, then `train`. Nothing here imports JAX before a command runs, so that `--help` is quick.
"""


def main(argv: list[str] | None = None) -> None:
    """Entry point of `t2f`, see `parser.main`."""
    try:
        from t2f_jax.cli import parser

        parser.main(argv)
    except KeyboardInterrupt as error:  # before a command began
        from t2f_jax.cli import interrupts
        from t2f_jax.io.progress import say

        end, code = interrupts.describe(error)
        say(f"t2f: {end}")
        raise SystemExit(code) from None
