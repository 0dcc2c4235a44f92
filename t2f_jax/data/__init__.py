"""From datasets to batches: sources, image sets, the store of codes, input pipelines. The only package that may import tensorflow."""
