"""Batches -> weights. Reads neither data nor model folders.

    loop                The one training loop: orders a run's events in time. What a step computes is the trainer's.
    program             A trainer compiled for a mesh: what the loop runs and what a plan compiles.
    decoder_trainer     What one training step of the prefix LM computes: loss, gradient, update, metrics.
    tokenizer_trainer   What one training step of the image tokenizer computes: losses, gradients, codebook, discrimin
    plain_trainer       The plain training step, to compare with: one padded pair a row, logits at every place, XLA's
    token_loss          Cross-entropy of the joint vocabulary at target places alone, so that batch x length x vocabul
    image_losses        Losses of the image tokenizer, as plain functions of arrays.
    optim               The optimizer: AdamW or Muon under linear warm-up, a decay and clipping by global norm.
    state               What a training run carries from step to step, and nothing else: a checkpoint holds exactly th
    checkpoint          Checkpoints of a run: written in the background, the newest and the best kept, a broken one pa
    throughput          How fast a run's steps are and what they take of the devices: numbers for the record, and word
    goodput             Where a run's wall-clock time goes, over all its starts together; the share in steps is called
    profiling           A profiler's trace of chosen steps: what the devices and the host did when. TensorBoard and xp

Read first: `loop.run`.
"""
