"""Batches -> weights. Reads neither datasets nor model folders.

The run:

    loop                the one training loop; `train(Run)` holds the order of a run's events
    program             a trainer compiled for a mesh, for the loop and for a plan; what a trainer must offer
    state               what a run carries from step to step, and its moving average
    checkpoint          saving, restoring, keeping; `check_config`: the config that a resumed run is held to
    goodput             where a run's wall-clock time goes, over all its starts
    throughput          rates, MFU and memory of a step, as numbers and as a line
    profiling           a profiler's trace of chosen steps

What a step computes:

    decoder_trainer     the prefix LM: loss, gradient, update, metrics
    tokenizer_trainer   the image tokenizer: losses, gradients, codebook, discriminator, metrics
    plain_trainer       the prefix LM's step without our savings of time, to compare with
    token_loss          cross-entropy at target places alone, in chunks
    label_losses        what the image tokenizer learns from labels: networks that read them off pixels or codes
    image_losses        pixel losses, PSNR, hinge losses, the adversarial loss's weight
    optim               AdamW, Muon, BERT's Adam; schedule, clipping, which weights decay

Read first: `loop.train`, then `decoder_trainer.DecoderTrainer.step`.
"""
