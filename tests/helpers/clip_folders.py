"""CLIP folders in users' formats, tiny and with random weights."""

import json

import numpy as np

WORDS = ("an old man with a hat", "a smiling woman", "she's 45 years old", "grey hair")


def write_tokenizer(folder):
    """vocab.json and merges.txt in CLIP's layout: bytes, bytes that end a word, merges, start and end. Returns its
    size."""
    from tokenizers import pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces, merges = [*alphabet, *(letter + "</w>" for letter in alphabet)], []
    for word in sorted({word for text in WORDS for word in text.replace("'", " '").split()}):
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            if (joined := parts[0] + parts[1]) not in pieces:
                pieces.append(joined)
                merges.append(f"{parts[0]} {parts[1]}")
            parts = [joined, *parts[2:]]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    return len(pieces)


def make(folder, activation="quick_gelu", **text):
    """Makes a folder with transformers, including a tokenizer. Returns transformers' model."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    folder.mkdir(exist_ok=True)
    size = write_tokenizer(folder)
    both = {"num_hidden_layers": 2, "projection_dim": 16, "hidden_act": activation, "initializer_factor": 5.0}
    config = CLIPConfig(
        text_config={**both, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 48, "vocab_size": size}
        | {
            "bos_token_id": size - 2,
            "eos_token_id": size - 1,
            "pad_token_id": 0,
            "max_position_embeddings": 16,
            **text,
        },
        vision_config={**both, "hidden_size": 128, "num_attention_heads": 2, "intermediate_size": 512}
        | {"image_size": 32, "patch_size": 8},
        projection_dim=16,
    )
    torch.manual_seed(0)
    model = CLIPModel(config).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return model


def openai_state(model):
    """The tensors of transformers' CLIP under OpenAI's names."""
    state, named = {k: v.detach().numpy() for k, v in model.state_dict().items()}, {}
    for side, prefix, first, last in (("vision", "visual.", "pre_layrnorm", "post"), ("text", "", None, "final")):
        tower, last = f"{side}_model.", "post_layernorm" if last == "post" else "final_layer_norm"
        ends = {last: "ln_post" if prefix else "ln_final"} | ({first: "ln_pre"} if first else {})
        for theirs, ours in ends.items():
            for kind in ("weight", "bias"):
                named[f"{prefix}{ours}.{kind}"] = state[f"{tower}{theirs}.{kind}"]
        for i in range(2):
            theirs, ours = f"{tower}encoder.layers.{i}.", f"{prefix}transformer.resblocks.{i}."
            for kind in ("weight", "bias"):
                qkv = [state[f"{theirs}self_attn.{x}_proj.{kind}"] for x in "qkv"]
                named[f"{ours}attn.in_proj_{kind}"] = np.concatenate(qkv)
                for a, b in (
                    ("self_attn.out_proj", "attn.out_proj"),
                    *(
                        ("layer_norm1", "ln_1"),
                        ("layer_norm2", "ln_2"),
                        ("mlp.fc1", "mlp.c_fc"),
                        ("mlp.fc2", "mlp.c_proj"),
                    ),
                ):
                    named[f"{ours}{b}.{kind}"] = state[f"{theirs}{a}.{kind}"]
        named[f"{prefix}positional_embedding"] = state[f"{tower}embeddings.position_embedding.weight"]
    named["visual.class_embedding"] = state["vision_model.embeddings.class_embedding"]
    named["visual.conv1.weight"] = state["vision_model.embeddings.patch_embedding.weight"]
    named["token_embedding.weight"] = state["text_model.embeddings.token_embedding.weight"]
    named["visual.proj"] = state["visual_projection.weight"].T
    named["text_projection"] = state["text_projection.weight"].T
    return named | {"logit_scale": state["logit_scale"]}
