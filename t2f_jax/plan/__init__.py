"""Training runs planned before a chip is rented.

    step           `t2f plan`: what a training run needs and takes on chips that nobody has rented yet.
    table          A plan as text.
    layout         How a training run is laid out over devices when its config leaves that open: mesh and gradient acc
    program        The real training step and sampler, compiled ahead of time for a TPU topology that need not be ther
    workload       What the sequences of a config look like: how long, how much of it is scored, who sees whom. Needs
    kernel_flops   FLOPs of attention kernels, for which the compiler counts no cycles.
    roofline       Bounds of a training step's time and memory by formulas, before anything is compiled.
    search         `t2f plan --search`: meshes, batches and remat policies ranked by bounds, and the best few compiled
    hlo            What a compiled program's text tells: the compiler's cycles, kernels, and collectives by kind and m

Read first: `step.plan`.
"""
