"""Experiments, one Python file each: `get_config(arg)` returns a ConfigDict (see `t2f_jax.config`)."""
