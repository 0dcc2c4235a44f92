"""TensorFlow without its notices: here it only feeds data and reads buckets."""

import os


def tensorflow() -> None:
    """Sets what it reads when it is imported, unless the user has."""
    for name, value in (("TF_CPP_MIN_LOG_LEVEL", "3"), ("TF_ENABLE_ONEDNN_OPTS", "0")):
        os.environ.setdefault(name, value)
