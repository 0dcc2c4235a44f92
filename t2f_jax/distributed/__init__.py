"""Many devices, many processes, and what goes wrong with them.

    partitioning   Which device holds which part of an array: path of a leaf -> logical axes -> mesh axes.
    chips          What a chip can do, by the name that JAX gives it: the makers' published figures. A chip not listed
    hosts          The processes of one job, a host or several: how they find one another, take turns, agree, and end
    faults         What ends a run before its last step: a request to stop, and a watchdog over steps that never end.
    supervise      Starts a command again where it was: `t2f supervise [--processes N] -- COMMAND`, on this machine.

Read first: `partitioning.make_mesh`.
"""
