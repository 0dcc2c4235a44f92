"""Weights in and out: the original's files, safetensors, Hugging Face folders. Nothing here imports torch.

    original             The original's files -> a model: `talk2face.bin`, a VQGAN checkpoint and a WordPiece vocabula
    infer                A model's structure from the shapes of its tensors: no config file of the original is needed,
    match                A file's tensors held against those that a model needs: every difference is shown, and none i
    names                The original's tensors and ours: names, shapes and layouts, both ways and bit for bit.
    quirks               What the original does otherwise than one would expect, as named options; `talk2face_2022` se
    zip_files            The directory of a zip archive whose entries lie in it uncompressed, as torch.save writes the
    pickles              A pickle as inert data: what torch.save wrote is rebuilt from plain values, and nothing is im
    torch_reader         Files of torch.save, read without torch: names, shapes and types at once, each tensor's value
    torch_writer         Files that `torch.load(weights_only=True)` opens, written without torch.
    export               A model -> the files of other programs: the original's pair, or safetensors with a JSON of it
    huggingface          A model as a Hugging Face folder: PyTorch weights beside the one file of code that runs them,
    modeling_talk2face   Talk2Face in PyTorch: words to faces, faces to words, faces to age and attributes, by one pre
    verify               Are two models one and the same? Fixed sequences of all three tasks through both, part by par

Read first: `original.read_pair`.
"""
