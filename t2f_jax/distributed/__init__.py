"""Many devices and processes: sharding of arrays, processes that form one job, failures.

    partitioning   makes meshes; one table defines how every array is sharded
    hosts          the processes of a job: how they connect, take turns, agree, and end together
    faults         events that end a run before its last step: a request to stop, and a watchdog for hanging steps
    supervise      restarts a command when it fails: `t2f supervise -- COMMAND`
    chips          specifications of chips (peak FLOP/s, memory, networks) by JAX's name

Read first: `partitioning.RULES` and `partitioning.LOGICAL_AXES`, then `hosts.join`.
"""
