"""The `t2f convert` commands: import, export, round, verify, explain."""

import argparse
import pathlib
import sys
from typing import Any

from t2f_jax.errors import UserError


def _check_new(out: pathlib.Path) -> None:
    """A folder that is written whole takes the place of one that is there: what lies in it would be lost."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out}: already there, and not an empty folder; give --out another name, or delete it")


def _import(args: argparse.Namespace) -> None:
    from t2f_jax import bundle
    from t2f_jax.convert import original

    _check_new(args.out)
    options = original.Options(
        compat=args.compat != "none",
        range=args.range,
        heads=args.heads,
        image_size=args.image_size,
        allow_missing=args.allow_missing,
    )
    if not args.decoder and not args.vocab:
        if args.range:
            raise UserError("convert import: --range is a whole model's; give --decoder and --vocab, or leave it out")
        config, _, read = original.read_vqgan(args.vqgan, options)
        bundle.save_image_tokenizer(args.out, config, read(), {"imported": args.vqgan.name})
    elif args.decoder and args.vocab:
        bundle.save(args.out, original.read_pair(args.decoder, args.vqgan, args.vocab, options))
    else:
        raise UserError(
            "convert import: --decoder and --vocab go together; with --vqgan alone an image tokenizer is made"
        )
    print(args.out)


def _export(args: argparse.Namespace) -> None:
    from t2f_jax import bundle
    from t2f_jax.cli.opening import open_model
    from t2f_jax.convert import export

    _check_new(args.out)
    model = open_model(args.model, args.step)
    if args.image_tokenizer and isinstance(model, bundle.Bundle):
        model = model.image_tokenizer
    if args.to == "safetensors":
        export.to_safetensors(model, args.out)
    elif args.to == "original":
        if isinstance(model, bundle.Bundle):
            export.to_original_pair(model, args.out)
        else:
            export.to_original_vqgan(model, args.out)
    else:
        from t2f_jax.convert import huggingface

        huggingface.export(model, args.out)
    print(args.out)


def _round(args: argparse.Namespace) -> None:
    from t2f_jax import bundle
    from t2f_jax.cli.opening import open_model

    _check_new(args.out)
    model = open_model(args.model)
    if not isinstance(model, bundle.Bundle):
        raise UserError(f"{args.model}: an image tokenizer; rounding is for the decoder's weights, give a model folder")
    bundle.save(args.out, model, args.to)
    size = (args.out / bundle.DECODER).stat().st_size
    print(
        f"{args.out}: the decoder's weights take {size / 1e6:.0f} MB, in float32 {4e-6 * _count(model.params):.0f} MB"
    )


def _count(params: Any) -> int:
    import jax

    return sum(leaf.size for leaf in jax.tree.leaves(params))


def _verify(args: argparse.Namespace) -> None:
    from t2f_jax import bundle
    from t2f_jax.cli.opening import open_model
    from t2f_jax.convert import verify

    a, b = open_model(args.a), open_model(args.b)
    rows = verify.compare(a, b, args.tolerance)
    print(verify.table(rows, args.tolerance))
    if isinstance(a, bundle.Bundle) and isinstance(b, bundle.Bundle):
        for line in verify.settings(a, b):
            print(f"stored otherwise: {line}")
    if any(not row.difference <= args.tolerance for row in rows):
        sys.exit(1)


def _explain(args: argparse.Namespace) -> None:
    from t2f_jax.convert import quirks

    print(quirks.explain())


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number from 0 on, got '{text}'")
    return value


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the commands to the parser of `t2f convert`."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=type(parser))

    sub = commands.add_parser("import", help="the original's talk2face.bin, VQGAN and vocabulary to a model folder")
    sub.set_defaults(convert=_import)
    sub.add_argument("--decoder", type=pathlib.Path, metavar="F", help="talk2face.bin")
    sub.add_argument(
        "--vqgan",
        type=pathlib.Path,
        required=True,
        metavar="F",
        help="a taming-transformers checkpoint, alone or in a Net2NetTransformer; without --decoder just this",
    )
    sub.add_argument("--vocab", type=pathlib.Path, metavar="F", help="the WordPiece vocabulary, a piece a line")
    sub.add_argument("--out", type=pathlib.Path, required=True, metavar="M", help="the model folder")
    sub.add_argument(
        "--compat",
        choices=("talk2face_2022", "none"),
        default="talk2face_2022",
        help="set every quirk of the original (see `t2f convert explain`), or only the norm that its weights need",
    )
    sub.add_argument(
        "--range",
        choices=("", "correct", "paper_double", "clip_double"),
        default="",
        help="how pixels are scaled for the image tokenizer, whatever --compat says",
    )
    sub.add_argument("--heads", type=int, default=0, metavar="N", help="attention heads (0: one for every 64 columns)")
    sub.add_argument("--image-size", type=int, default=256, metavar="S", help="side of its images in pixels (256)")
    sub.add_argument(
        "--allow-missing",
        action="append",
        default=[],
        metavar="PATTERN",
        help="tensors that the files may lack, such as 'encoder.layer_norm.*'; they are drawn at random; repeatable",
    )

    sub = commands.add_parser("export", help="a model to the original's files, safetensors or a Hugging Face folder")
    sub.set_defaults(convert=_export)
    sub.add_argument("model", type=pathlib.Path, metavar="M", help="a model folder, or the folder of a run")
    sub.add_argument("--to", choices=("original", "safetensors", "hf"), required=True, help="the format")
    sub.add_argument("--out", type=pathlib.Path, required=True, metavar="D", help="the folder to write")
    sub.add_argument("--step", type=int, metavar="N", help="of a run: which checkpoint (default: the newest)")
    sub.add_argument("--image-tokenizer", action="store_true", help="the image tokenizer alone")

    sub = commands.add_parser(
        "round",
        help="a model whose decoder takes half or a quarter of the space",
        description="Rounds the decoder's matrices in the file. It computes in float32 all the same: smaller, not"
        " faster. `t2f convert verify M D` tells what the rounding changes: it says DIFFERS, as it should.",
    )
    sub.set_defaults(convert=_round)
    sub.add_argument("model", type=pathlib.Path, metavar="M", help="a model folder, or the folder of a run")
    sub.add_argument("--to", choices=("bfloat16", "int8"), required=True, help="half or a quarter of the space")
    sub.add_argument("--out", type=pathlib.Path, required=True, metavar="D", help="the model folder to write")

    sub = commands.add_parser("verify", help="do two models compute the same? Exit code 1 if not")
    sub.set_defaults(convert=_verify)
    sub.add_argument("a", type=pathlib.Path, metavar="A", help="a model folder, run, or export to the original's files")
    sub.add_argument("b", type=pathlib.Path, metavar="B", help="another one")
    sub.add_argument(
        "--tolerance", type=_tolerance, default=1e-4, metavar="X", help="largest difference (1e-4); 0: bit for bit"
    )

    sub = commands.add_parser("explain", help="what the original does otherwise, and which option stands for it")
    sub.set_defaults(convert=_explain)
