"""Plans training runs before a chip is rented: compiles the real programs for chips that need not be present.

    step           `t2f plan`: compiles the training step for a topology, and estimates its memory and time
    sampler        `t2f plan --sampler`: the same for the program that generates images
    search         `t2f plan --search`: ranks meshes, batches and remat policies, compiles the best few
    figures        all figures of a plan, by their names in `--json`, with units
    table          plans as text
    program        compiles training's own step or the sampler for a topology, with libtpu
    layout         chooses mesh and gradient accumulation if a config leaves them open, for plans and for `t2f train`
    roofline       lower bounds of a step's time, and an estimate of its memory, by formulas
    workload       lengths of a config's sequences, their scored positions, and pairs in attention
    hlo            statistics of a compiled program: cycles, kernels, collectives by kind and mesh axis
    hlo_text       parses the text of a compiled program into computations and instructions
    kernel_flops   FLOPs of attention kernels, for which the compiler counts no cycles

Read first: `step.plan_step`. For other rooms: `layout.choose`.
"""
