"""Weights in and out: the original's files, safetensors, Hugging Face folders. Torch is in a file that is only copied."""
