"""In and out of this machine: files, buckets, pictures, weights, numbers. Knows nothing of faces or training.

    files        writes files and folders that are whole or absent; reads JSON and lines
    arrays       large arrays that are mapped into memory, in space on the disk that is taken first
    read_ahead   has the system read files into its cache before they are needed
    locks        keeps a second run out of a folder
    cache        the one folder of this machine for compiled programs and copies from buckets
    progress     bars and lines on stderr: `say` is the one way to tell a person something
    quiet        TensorFlow without its notices
    file_kinds   what a file is by its first bytes, for a message where it should be another one
    framing      what part of a picture becomes the square that a model takes, and how it is resized; landmarks
    images       a picture (file, PIL, array; turned by its EXIF) -> square uint8 pixels; writes PNG files
    weights      parameters <-> safetensors files, as they are or rounded
    metrics      the record of a run: metrics.jsonl, and TensorBoard beside it
    remote       what lies in a bucket (gs://...): copies of it on this machine, and what goes up
    run_folder   the folder that a command writes, local or in a bucket: `RunFolder`

Files of torch.save, read without torch; nothing in them is executed:

    torch_reader   names, shapes and values of the tensors in a file
    torch_legacy   files of torch before 1.6, which are no zip archives
    pickles        the description of the tensors in such a file, read as inert data
    pickle_values  the values in it: tensors, storages, names
    zip_files      where the entries of such a file lie

Read first: `files.whole_folder`; then `run_folder.RunFolder`, which every command that writes a folder uses.
"""
