"""Imports weights from other programs, and exports weights to them. Nothing here imports torch.

Import: the original's `talk2face.bin`, a VQGAN checkpoint and a vocabulary become a `Bundle` (`t2f_jax/bundle.py`).

    original             reads the three files as a model: `read_pair`, `read_folder`
    infer                a model's structure from the shapes of its tensors
    names                every tensor of the original: its name, shape and layout there, its path in our parameters
    select               selects a model's tensors in a file: wrappers' prefixes, parts of other models
    match                reports tensors of a file that are missing, unexpected, of a wrong shape or not floats
    quirks               differences of the original, as options of a config: `talk2face_2022`

Export: a `Bundle` or an image tokenizer becomes files.

    export               the original's files; or safetensors with the structure as JSON
    torch_writer         a file that `torch.load(weights_only=True)` opens
    huggingface          a Hugging Face folder: weights, config, model card and the code below
    modeling_talk2face   the model in PyTorch, one file without this package; copied into that folder, never imported
    verify               compares the outputs of two models, part by part
    verify_huggingface   compares a Hugging Face folder in PyTorch with its model here
    torch_answers        the program that runs PyTorch for this comparison

Read first: `original.read_pair`.
"""
