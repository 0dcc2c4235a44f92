"""Models: arrays to arrays, nothing else. No seeds, files, meshes or optimizers."""
