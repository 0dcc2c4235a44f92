"""`t2f convert`: import, export, round, verify, explain."""

import argparse
import dataclasses
import sys

from t2f_jax.cli import options
from t2f_jax.errors import UserError
from t2f_jax.io.files import defined, write_json

NEEDS = options.Needs(tuned=False)


def add(commands: options.Commands) -> None:
    """Adds the command and its own commands."""
    summary = "import and export weights: the original's files, PyTorch, safetensors"
    parser = options.add_command(commands, "convert", explain, summary, needs=NEEDS)  # each command sets its own `run`
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=type(parser))
    _add_import(inner)
    _add_export(inner)
    _add_round(inner)
    _add_verify(inner)
    summary = "explain what the original does differently, and which option reproduces it"
    sub = options.add_command(inner, "explain", explain, summary, needs=NEEDS)
    options.add_json(sub, "options")


def _add_import(commands: options.Commands) -> None:
    summary = "make a model folder from the original's talk2face.bin, VQGAN and vocabulary"
    sub = options.add_command(commands, "import", import_original, summary, needs=NEEDS)
    sub.add_argument("--decoder", type=options.readable, metavar="F", help="talk2face.bin")
    what = "a taming-transformers checkpoint, alone or in a Net2NetTransformer; without --decoder only this is imported"
    sub.add_argument("--vqgan", type=options.readable, required=True, metavar="F", help=what)
    sub.add_argument("--vocab", type=options.readable, metavar="F", help="the WordPiece vocabulary, one piece per line")
    sub.add_argument("--out", type=options.writable_folder, required=True, metavar="M", help="the model folder")
    what = "set every quirk of the original (see `t2f convert explain`), or only the norm that its weights need"
    sub.add_argument("--compat", choices=("talk2face_2022", "none"), default="talk2face_2022", help=what)
    what = "how pixels are scaled for the image tokenizer, whatever --compat says"
    sub.add_argument("--range", choices=("correct", "paper_double", "clip_double"), default="", help=what)
    sub.add_argument("--heads", type=int, default=0, metavar="N", help="attention heads (0: one for every 64 columns)")
    sub.add_argument("--image-size", type=int, default=256, metavar="S", help="side of its images in pixels (256)")
    what = "tensors that the files may lack, such as 'encoder.layer_norm.*'; they are initialized at random; repeatable"
    sub.add_argument("--allow-missing", action="append", default=[], metavar="PATTERN", help=what)
    what = "use the image tokenizer's averaged weights ('model_ema.') instead of the plain ones"
    sub.add_argument("--ema", action="store_true", help=what)
    what = "tensors of the files to leave out, such as 'discriminator.*'; repeatable"
    sub.add_argument("--ignore", action="append", default=[], metavar="PATTERN", help=what)


def _add_export(commands: options.Commands) -> None:
    summary = "write a model as the original's files, safetensors or a Hugging Face folder"
    sub = options.add_command(commands, "export", export, summary, needs=NEEDS)
    sub.add_argument("model", type=options.readable, metavar="M", help="a model folder, or the folder of a run")
    sub.add_argument("--to", choices=("original", "safetensors", "hf"), required=True, help="the format")
    sub.add_argument("--out", type=options.writable_folder, required=True, metavar="D", help="the folder to write")
    sub.add_argument("--step", type=int, metavar="N", help="which checkpoint of a run (default: the newest)")
    sub.add_argument("--image-tokenizer", action="store_true", help="export only the image tokenizer")


def _add_round(commands: options.Commands) -> None:
    summary = "round the decoder's matrices, which then take half or a quarter of the space"
    detail = (
        "The model still computes in float32: it is smaller, not faster. `t2f convert verify M D` shows what the"
        " rounding changes; DIFFERS is expected there."
    )
    sub = options.add_command(commands, "round", round_weights, summary, detail, NEEDS)
    sub.add_argument("model", type=options.readable, metavar="M", help="a model folder, or the folder of a run")
    sub.add_argument("--to", choices=("bfloat16", "int8"), required=True, help="half or a quarter of the space")
    sub.add_argument(
        "--out", type=options.writable_folder, required=True, metavar="D", help="the model folder to write"
    )


def _add_verify(commands: options.Commands) -> None:
    summary = "compare what two models compute: logits, tokens, images; exit code 1 if they differ"
    detail = (
        "For example, a model folder before and after `t2f convert round`. With a Hugging Face folder as B it compares "
        "codes, images at temperature 0, captions and answers; PyTorch computes those of B, in a separate process."
    )
    sub = options.add_command(commands, "verify", verify, summary, detail, NEEDS)
    what = "a model folder, run, or export to the original's files"
    sub.add_argument("a", type=options.readable, metavar="A", help=what)
    sub.add_argument("b", type=options.readable, metavar="B", help="another one, or A's export to Hugging Face")
    what = "largest difference that counts as equal (1e-4); 0: bit for bit"
    sub.add_argument("--tolerance", type=options.tolerance, default=1e-4, metavar="X", help=what)
    options.add_json(sub, "rows")


def import_original(args: argparse.Namespace) -> None:
    """`t2f convert import`."""
    from t2f_jax import bundle
    from t2f_jax.convert import original

    out = args.out.new_folder()
    settings = original.Options(
        compat=args.compat != "none",
        range=args.range,
        heads=args.heads,
        image_size=args.image_size,
        allow_missing=args.allow_missing,
        ignore=args.ignore,
        ema=args.ema,
    )
    if not args.decoder and not args.vocab:
        if args.range:
            raise UserError("convert import: --range is for a whole model; give --decoder and --vocab, or leave it out")
        vqgan = args.vqgan.path()
        config, _, read = original.open_vqgan(vqgan, settings)
        bundle.save_image_tokenizer(out, config, read(), {"imported": vqgan.name})
    elif args.decoder and args.vocab:
        paths = args.decoder.path(), args.vqgan.path(), args.vocab.path()
        bundle.save(out, original.read_pair(*paths, settings))
    else:
        raise UserError(
            "convert import: --decoder and --vocab go together; with --vqgan alone an image tokenizer is made"
        )
    print(args.out)


def export(args: argparse.Namespace) -> None:
    """`t2f convert export`."""
    from t2f_jax import bundle
    from t2f_jax.cli.opening import open_model
    from t2f_jax.convert import export

    out = args.out.new_folder()
    model = open_model(args.model.path(), args.step)
    if args.image_tokenizer and isinstance(model, bundle.Bundle):
        model = model.image_tokenizer
    if args.to == "safetensors":
        export.to_safetensors(model, out)
    elif args.to == "original":
        if isinstance(model, bundle.Bundle):
            export.to_original_pair(model, out)
        else:
            export.to_original_vqgan(model, out)
    else:
        from t2f_jax.convert import huggingface

        huggingface.export(model, out)
    print(args.out)


def round_weights(args: argparse.Namespace) -> None:
    """`t2f convert round`."""
    import jax

    from t2f_jax import bundle
    from t2f_jax.cli.opening import open_model

    out = args.out.new_folder()
    model = open_model(args.model.path())
    if not isinstance(model, bundle.Bundle):
        raise UserError(f"{args.model}: an image tokenizer; rounding is for the decoder's weights, give a model folder")
    bundle.save(out, model, args.to)
    size = (out / bundle.DECODER).stat().st_size
    numbers = sum(leaf.size for leaf in jax.tree.leaves(model.params))
    print(f"{args.out}: the decoder's weights take {size / 1e6:.0f} MB, in float32 {4e-6 * numbers:.0f} MB")


def verify(args: argparse.Namespace) -> None:
    """`t2f convert verify`: exit code 1 if the two models differ."""
    from t2f_jax import bundle
    from t2f_jax.cli.opening import open_model
    from t2f_jax.convert import huggingface, verify, verify_huggingface

    if args.json:
        args.json.file("--json")
    a, other = open_model(args.a.path()), args.b.path()
    if huggingface.is_export(other):
        rows, notes = verify_huggingface.compare(a, other), huggingface.differences(other)
    else:
        b = open_model(other)
        rows = verify.compare(a, b, args.tolerance)
        notes = verify.settings(a, b) if isinstance(a, bundle.Bundle) and isinstance(b, bundle.Bundle) else []
    print(verify.table(rows, args.tolerance))
    for line in notes:
        print(f"stored differently: {line}")
    if args.json:
        write_json(args.json.path, defined([dataclasses.asdict(row) for row in rows]))
    if any(not row.difference <= args.tolerance for row in rows):
        sys.exit(1)


def explain(args: argparse.Namespace) -> None:
    """`t2f convert explain`."""
    from t2f_jax.convert import quirks

    print(quirks.explain())
    if args.json:
        write_json(args.json.file("--json"), [dataclasses.asdict(quirk) for quirk in quirks.QUIRKS])
