"""Selects a model's tensors in a file: removes a wrapper's prefix, and leaves out parts of other models."""

import collections
import dataclasses
import fnmatch
import pathlib
import re
from collections.abc import Mapping, Sequence

from t2f_jax.errors import UserError
from t2f_jax.io.pickle_values import Tensor
from t2f_jax.io.pickles import READABLE
from t2f_jax.io.progress import say
from t2f_jax.io.zip_files import shown

FIRST_STAGE = "first_stage_model."  # of a VQGAN inside taming's Net2NetTransformer or latent-diffusion's models
# Prefixes of names in files of DataParallel, torch.compile, Lightning's Fabric or DeepSpeed, FSDP, and of wrappers with
# the model as `model`.
_WRAPPERS = re.compile(rf"((module|_orig_mod|_forward_module|_fsdp_wrapped_module|model|{FIRST_STAGE[:-1]})\.)*")
EMA = "model_ema."  # averaged weights of latent-diffusion: followed by the plain names without dots
# Parts besides an image tokenizer: a second stage, losses, averaged weights, the palette of segmentation maps.
_BESIDE = ("transformer.", "cond_stage_model.", "loss.", EMA, "colorize")


@dataclasses.dataclass(frozen=True)
class Selection:
    """The tensors that may be the model's.

    Attributes:
      prefix: that of the model's names in the file.
      tensors: name without the prefix -> description.
      files: name without the prefix -> name in the file.
    """

    prefix: str
    tensors: dict[str, Tensor]
    files: dict[str, str]


def select(
    path: pathlib.Path, tensors: Mapping[str, Tensor], anchor: str, ignore: Sequence[str], beside: bool = False
) -> Selection:
    """Removes the prefix of a wrapper, leaves out what is not part of the model, and reports that on stderr.

    Args:
      path: the file, for messages.
      anchor: a tensor that the model always has; the prefix is what precedes it in the file.
      ignore: patterns of further names in the file to leave out.
      beside: leave out the parts besides an image tokenizer.

    Raises:
      UserError: a name occurs with and without the prefix, or a tensor has an unsupported type.
    """
    ends = [name for name in tensors if name.endswith(anchor)]
    prefixes = [name.removesuffix(anchor) for name in ends]
    prefixes = [prefix for prefix in prefixes if _WRAPPERS.fullmatch(prefix)]
    prefix = max(prefixes, key=lambda p: (FIRST_STAGE in p, -len(p)), default="")
    chosen, files, left = {}, {}, collections.Counter[str]()
    for file_name, tensor in tensors.items():
        name = file_name.removeprefix(prefix)
        other_stage = FIRST_STAGE in prefix and name == file_name and not file_name.startswith(anchor.split(".")[0])
        known = beside and (other_stage or name.startswith(_BESIDE) or file_name.startswith(_BESIDE))
        if known or any(fnmatch.fnmatchcase(file_name, pattern) for pattern in ignore):
            left[name.split(".")[0]] += 1
            continue
        if name in chosen:
            raise UserError(f"{path}: it holds both {shown(files[name])} and {shown(file_name)}; give --ignore PATTERN")
        if tensor.dtype not in READABLE:
            raise UserError(
                f"{path}: tensor {shown(file_name)} is of type {tensor.dtype}, which no part of this model is;"
                f" leave it out with --ignore {shown(file_name)}"
            )
        chosen[name], files[name] = tensor, file_name
    if prefix and prefix != FIRST_STAGE:
        say(f"{path}: the names of its tensors begin with {shown(prefix)}, which is removed")
    if left:
        parts = ", ".join(f"{count} of {shown(part)[1:-1]}" for part, count in left.most_common(8))
        say(f"{path}: {left.total()} tensors that the model does not need are left out: {parts}")
    return Selection(prefix, chosen, files)


def averaged(path: pathlib.Path, tensors: Mapping[str, Tensor], chosen: Selection) -> Selection:
    """The selection with the plain weights replaced by the file's averaged ones.

    Raises:
      UserError: the file has no averaged weights, or they have another shape.
    """
    inside = chosen.prefix.removesuffix(FIRST_STAGE)  # prefix of the model that has them
    known = {name.removeprefix(inside).removeprefix(EMA): name for name in tensors if EMA in name}
    files = {name: known.get(name.replace(".", ""), file_name) for name, file_name in chosen.files.items()}
    replaced = {name: file_name for name, file_name in files.items() if file_name != chosen.files[name]}
    if not replaced:
        raise UserError(f"{path}: no averaged weights in it (their names begin with '{EMA}'); leave out --ema")
    for name, file_name in replaced.items():
        if tensors[file_name].shape != chosen.tensors[name].shape:
            raise UserError(f"{path}: {shown(file_name)} has another shape than {shown(chosen.files[name])}")
    say(f"{path}: {len(replaced)} averaged tensors ('{EMA}') are used instead of the plain ones")
    return Selection(chosen.prefix, {name: tensors[file_name] for name, file_name in files.items()}, files)
