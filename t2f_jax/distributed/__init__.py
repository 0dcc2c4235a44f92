"""Many devices and many processes: how arrays are shared out, how processes act as one job, what happens on a failure.

    partitioning   makes meshes; one table says which device holds which part of an array
    hosts          the processes of a job: how they find one another, take turns, agree, and end together
    faults         what ends a run before its last step: a request to stop, and a watchdog over steps that hang
    supervise      starts a command again when it fails: `t2f supervise -- COMMAND`
    chips          what a chip can do (peak FLOP/s, memory, networks), by the name that JAX gives it

Read first: `partitioning.RULES` and `partitioning.LOGICAL_AXES`, then `hosts.join`.
"""
