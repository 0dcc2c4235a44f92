"""Weights in and out: the original's files, torch's file format, safetensors. Nothing here imports torch."""
