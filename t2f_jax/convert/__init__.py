"""Weights of other programs in, weights for other programs out. Nothing here imports torch.

In: the original's `talk2face.bin`, a VQGAN checkpoint and a vocabulary become a `Bundle` (`t2f_jax/bundle.py`).

    original             reads the three files as a model: `read_pair`, `read_folder`
    infer                a model's structure from the shapes of its tensors
    names                every tensor of the original: its name, shape and layout there, its place in our parameters
    select               which of a file's tensors are a model's: wrappers' prefixes, parts of other models
    match                shows which tensors of a file are missing, unexpected, misshapen or no floats
    quirks               what the original does differently, as options of a config: `talk2face_2022`

Out: a `Bundle` or an image tokenizer becomes files.

    export               the original's files; or safetensors with the structure as JSON
    torch_writer         a file that `torch.load(weights_only=True)` opens
    huggingface          a Hugging Face folder: weights, config, model card and the code below
    modeling_talk2face   the model in PyTorch, one file without this package; copied into that folder, never imported
    verify               whether two models compute the same: the differences, part by part
    verify_huggingface   whether a Hugging Face folder computes in PyTorch what its model does here
    torch_answers        the program that it starts for this, in which PyTorch runs

Read first: `original.read_pair`.
"""
