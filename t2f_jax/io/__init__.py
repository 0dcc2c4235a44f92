"""Input and output: files, buckets, pictures, weights, metrics. Independent of faces and training.

    files        writes files and folders atomically; reads JSON and lines
    arrays       large memory-mapped arrays, whose disk space is allocated first
    read_ahead   makes the operating system read files into its cache before they are needed
    locks        locks a folder against a second run
    cache        the one folder of this machine for compiled programs and copies from buckets
    progress     progress bars and messages on stderr; all messages to the user go through `say`
    quiet        silences TensorFlow's notices
    file_kinds   recognizes a file by its first bytes, for messages about wrong files
    framing      cropping, alignment by landmarks and resizing of a picture to the model's square
    images       a picture (file, PIL, array; turned by its EXIF) -> square uint8 pixels; writes PNG files
    weights      parameters <-> safetensors files, unchanged or rounded
    metrics      the record of a run: metrics.jsonl, and TensorBoard beside it
    remote       files in a bucket (gs://...): downloads, uploads, cached copies
    run_folder   the folder that a command writes, local or in a bucket: `RunFolder`

Files of torch.save, read without torch and without executing anything in them:

    torch_reader   names, shapes and values of the tensors in a file
    torch_legacy   files of torch before 1.6, which are not zip archives
    pickles        the description of the tensors in such a file, read as inert data
    pickle_values  the values in it: tensors, storages, names
    zip_files      offsets of the entries in such a file

Read first: `files.whole_folder`; then `run_folder.RunFolder`, which every command that writes a folder uses.
"""
