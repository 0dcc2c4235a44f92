"""In and out of this machine: files, buckets, pictures, weights, metrics. Knows nothing of faces or training.

    files      Files that are whole or absent: JSON, folders that appear under their name only when complete, and who
    remote     Folders in a bucket (gs://...), worked on in a local copy: what is read is fetched, what is written goe
    images     Pictures in and out: a file, PIL image or array becomes the square uint8 array that the image tokenizer
    weights    Parameters as safetensors files: as they are, or rounded to half or a quarter of the size.
    metrics    A run's numbers: `metrics.jsonl`, one JSON object per line, which plots and reports read, and TensorBoa
    progress   How far along a long piece of work is: a bar on a terminal, a line every so often elsewhere (logs). On

Read first: `files.whole_folder`.
"""
