"""Exports a model to other programs: the original's two files, or safetensors with a JSON of its structure."""

import dataclasses
import pathlib
from typing import Any

from t2f_jax import bundle
from t2f_jax.config.schema import DecoderConfig, Role, VQGANConfig
from t2f_jax.config.typed import to_dict
from t2f_jax.convert import original, torch_writer
from t2f_jax.convert.names import decoder_names, to_original, vqgan_names
from t2f_jax.errors import UserError
from t2f_jax.io.files import whole_folder, write_json
from t2f_jax.io.weights import save_params
from t2f_jax.models.image_tokenizer import ImageTokenizer
from t2f_jax.models.params import unstack_layers
from t2f_jax.tokens import text_tokenizer

VQGAN_YAML = "vqgan.yaml"
GROUPS = 32  # of every GroupNorm of taming-transformers


def to_original_pair(model: bundle.Bundle, out: pathlib.Path) -> None:
    """Writes `talk2face.bin`, `last.ckpt`, `vocab.txt`, `base_config.json` and `vqgan.yaml`, atomically.

    The VQGAN's names have the prefix `first_stage_model.` if they had it when it was imported.

    Raises:
      UserError: the model has parts that the original's format does not support; the message names their options.
    """
    structure = model.run_config.model
    wrong = _foreign_decoder(structure) + _foreign_vqgan(model.image_tokenizer.config)
    if not isinstance(model.tokenizer, text_tokenizer.WordPiece):
        wrong.append("text.kind=sentencepiece (there: wordpiece)")
    _refuse(model.name, wrong)
    prefix = model.provenance.get("vqgan_prefix", "")
    with whole_folder(out) as partial:
        tensors = to_original(decoder_names(structure, model.vocab.size), unstack_layers(model.params))
        torch_writer.write(partial / original.DECODER_FILE, tensors)
        _write_vqgan(partial, model.image_tokenizer, prefix)
        model.tokenizer.save(partial)
        write_json(partial / original.CONFIG_FILE, _base_config(model, bool(prefix)))


def to_original_vqgan(tokenizer: ImageTokenizer, out: pathlib.Path) -> None:
    """Writes only `last.ckpt` and `vqgan.yaml`, of an image tokenizer. Raises UserError as `to_original_pair`."""
    _refuse("image tokenizer", _foreign_vqgan(tokenizer.config))
    with whole_folder(out) as partial:
        _write_vqgan(partial, tokenizer, "")


def to_safetensors(model: bundle.Bundle | ImageTokenizer, out: pathlib.Path) -> None:
    """Writes one safetensors file and one JSON of its structure for each part, and the text tokenizer's file.

    Names and layouts are ours: kernels [in, out] and [y, x, in, out], query | key | value in one kernel.
    """
    tokenizer = model if isinstance(model, ImageTokenizer) else model.image_tokenizer
    with whole_folder(out) as partial:
        save_params(partial / bundle.IMAGE_TOKENIZER, tokenizer.params)
        write_json(
            partial / "image_tokenizer.json", {"config": to_dict(tokenizer.config), "preprocess_range": tokenizer.range}
        )
        if not isinstance(model, ImageTokenizer):
            save_params(partial / bundle.DECODER, unstack_layers(model.params))
            model.tokenizer.save(partial)
            structure = {
                "config": to_dict(model.run_config),
                "vocab": to_dict(model.vocab),
                "attributes": [a.to_json() for a in model.schema],
                "preprocess": to_dict(model.preprocess),
            }
            write_json(partial / "decoder.json", structure)


def _base_config(model: bundle.Bundle, is_transformer: bool) -> dict[str, Any]:
    """base_config.json as TencentPretrain reads it; `is_transformer`: the VQGAN is inside a Net2NetTransformer."""
    structure, image = model.run_config.model, model.image_tokenizer.config
    return {
        "emb_size": structure.width,
        "hidden_size": structure.width,
        "feedforward_size": structure.mlp,
        "hidden_act": "gelu_fast",
        "heads_num": structure.heads,
        "layers_num": structure.layers,
        "max_seq_length": structure.max_length,
        "dropout": structure.dropout,
        "embedding": ["word", "pos", "seg"],
        "remove_embedding_layernorm": True,
        "layernorm_positioning": "pre",
        "encoder": "transformer",
        "mask": "prefix",
        "target": ["lm"],
        "image_height": image.resolution,
        "image_width": image.resolution,
        "patch_size": image.factor,
        "seq_length": model.run_config.sequence_length,
        "tokenizer": "text_image",
        "image_tokenizer": {
            "is_gumbel": False,
            "is_transformer": is_transformer,
            "image_vocab_size": image.n_embed,
            "frame_size": image.factor,
        },
    }


def _write_vqgan(folder: pathlib.Path, tokenizer: ImageTokenizer, prefix: str) -> None:
    config = tokenizer.config
    tensors = ((prefix + name, value) for name, value in to_original(vqgan_names(config), tokenizer.params))
    torch_writer.write(folder / original.VQGAN_FILE, tensors, "state_dict")
    if prefix:
        return  # these names need the configuration of their Net2NetTransformer
    structure = {
        "double_z": False,
        "z_channels": config.z_channels,
        "resolution": config.resolution,
        "in_channels": config.in_channels,
        "out_ch": config.in_channels,
        "ch": config.ch,
        "ch_mult": list(config.ch_mult),
        "num_res_blocks": config.num_res_blocks,
        "attn_resolutions": list(config.attn_resolutions),
        "dropout": config.dropout,
    }
    params = {
        "embed_dim": config.embed_dim,
        "n_embed": config.n_embed,
        "ddconfig": structure,
        "lossconfig": {"target": "taming.modules.losses.DummyLoss"},
    }
    settings = {"model": {"target": "taming.models.vqgan.VQModel", "params": params}}
    write_json(folder / VQGAN_YAML, settings)  # JSON is YAML


def _foreign_decoder(config: DecoderConfig) -> list[str]:
    """Parts of a decoder's structure that the original's decoders do not have."""
    there = DecoderConfig(config.layers, config.width, config.heads, config.mlp, config.max_length, norm="talk2face")
    return _differences(config, there, "decoder.model")


def _foreign_vqgan(config: VQGANConfig) -> list[str]:
    """Parts of an image tokenizer's structure that a VQModel of taming-transformers does not have."""
    wrong = _differences(config, dataclasses.replace(config, patch=1, encoder="vqgan", scales=()), "image.model")
    if any(config.ch * multiple % GROUPS for multiple in config.ch_mult):
        wrong.append(f"image.model.ch={config.ch} (there: a multiple of its {GROUPS} norm groups)")
    return wrong


def _differences(config: Any, there: Any, where: str) -> list[str]:
    """ "where.key=value (there: value)" for each key of the structure in which two config dataclasses differ."""
    ours, theirs = (to_dict(c, without=(Role.NOT_STRUCTURE, Role.TRAINING_ONLY)) for c in (config, there))
    return [f"{where}.{key}={ours[key]} (there: {theirs[key]})" for key in ours if ours[key] != theirs[key]]


def _refuse(name: str, wrong: list[str]) -> None:
    if wrong:
        raise UserError(f"{name or 'model'}: the original's format cannot hold {', '.join(wrong)}; --to hf can")
