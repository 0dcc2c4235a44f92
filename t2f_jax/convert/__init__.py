"""Weights in and out: the original's files, safetensors, Hugging Face folders. Torch: in one file, copied only."""
