"""Silences TensorFlow's notices: here it only feeds data and reads buckets."""

import os


def tensorflow() -> None:
    """Sets the variables that TensorFlow reads at its import, unless the user has set them."""
    for name, value in (("TF_CPP_MIN_LOG_LEVEL", "3"), ("TF_ENABLE_ONEDNN_OPTS", "0")):
        os.environ.setdefault(name, value)
