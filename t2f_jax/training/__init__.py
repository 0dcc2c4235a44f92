"""Batches -> weights. Reads neither datasets nor model folders.

The run:

    loop                the training loop of all trainers; `train(Run)` holds the order of a run's events
    program             a trainer compiled for a mesh, for the loop and for a plan; the interface of trainers
    state               the state of a run, and its moving average
    checkpoint          saving, restoring, deleting; `check_config` compares a resumed run's config
    goodput             the use of a run's wall-clock time, over all its starts
    throughput          rates, MFU and memory of a step, as numbers and as a line
    profiling           a profiler's trace of chosen steps

What a step computes:

    decoder_trainer     the prefix LM: loss, gradient, update, metrics
    tokenizer_trainer   the image tokenizer: losses, gradients, codebook, discriminator, metrics
    plain_trainer       the prefix LM's step without optimizations, a baseline for speed
    token_loss          cross-entropy only at target places, in chunks
    label_losses        the image tokenizer's label losses: networks that predict labels from pixels or codes
    image_losses        pixel losses, PSNR, hinge losses, the adversarial loss's weight
    optim               AdamW, Muon, BERT's Adam; schedule, clipping, mask of weight decay

Read first: `loop.train`, then `decoder_trainer.DecoderTrainer.step`.
"""
