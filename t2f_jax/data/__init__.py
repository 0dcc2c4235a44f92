"""From datasets to batches: sources, image sets, the store of codes, pipelines. Nothing else may import tensorflow."""
