"""Training runs planned before a chip is rented: the real programs, compiled for chips that need not be there.

    step           `t2f plan`: has the training step compiled for a topology, and counts what it needs and takes
    sampler        `t2f plan --sampler`: the same for the program that makes images
    search         `t2f plan --search`: ranks meshes, batches and remat policies, compiles the best few
    figures        every figure of a plan, by its name in `--json`, with its unit
    table          plans as text
    program        calls the compiler: training's own step or the sampler, for a topology, by libtpu
    layout         chooses mesh and gradient accumulation where a config leaves them open, for plans and for `t2f train`
    roofline       lower bounds of a step's time, and an estimate of its memory, by formulas
    workload       how long a config's sequences are, how much of them is scored, which places see one another
    hlo            what a compiled program does: cycles, kernels, collectives by kind and mesh axis
    hlo_text       the text of a compiled program taken apart into computations and instructions
    kernel_flops   FLOPs of attention kernels, for which the compiler counts no cycles

Read first: `step.plan_step`. For other rooms: `layout.choose`.
"""
