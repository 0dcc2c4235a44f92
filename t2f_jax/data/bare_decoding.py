"""JPEGs decoded by tf.data alone, a baseline for the speed of reading faces (`t2f bench data`)."""

import pathlib
from collections.abc import Sequence


def decode_jpegs(paths: Sequence[pathlib.Path], threads: int) -> int:
    """Reads and decodes every file in `threads` threads; nothing is resized. Returns the number of pixels."""
    import tensorflow as tf

    files = tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    decoded = files.map(lambda path: tf.io.decode_jpeg(tf.io.read_file(path), 3), threads).with_options(options)
    return sum(image.shape[0] * image.shape[1] for image in decoded.as_numpy_iterator())
