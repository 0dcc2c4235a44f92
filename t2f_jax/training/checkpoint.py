"""Checkpoints of a run: written in the background; the newest and the best are kept, broken ones are skipped.

`check_config` compares a resumed run's config with the first one.
"""

import contextlib
import logging
import math
import pathlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from t2f_jax.config.schema import Config, Role, SourceConfig
from t2f_jax.config.typed import flat_values, marked, to_dict
from t2f_jax.distributed import hosts
from t2f_jax.errors import DiskFull, UserError, full_disk
from t2f_jax.io import files
from t2f_jax.io.progress import say
from t2f_jax.io.run_folder import RunFolder
from t2f_jax.training.state import State

if TYPE_CHECKING:
    import orbax.checkpoint as ocp
    from etils import epath

# Names of the keys, at whatever depth, that a resumed run may change.
FREE_KEYS = marked(Config, Role.FREE)


class Checkpoints:
    """The checkpoints in `folder`, by step. Use as a context manager: leaving it waits for the last write.

    It keeps the newest `keep_last`, and the `keep_best` of smallest evaluation loss. Incomplete files of a killed run
    are removed at the start, unless `read_only`: then another process may be writing them.
    """

    def __init__(
        self,
        folder: "pathlib.Path | epath.Path",
        keep_last: int = 1,
        keep_best: int = 1,
        read_only: bool = False,
    ):
        import orbax.checkpoint as ocp
        from etils import epath
        from orbax.checkpoint import checkpoint_managers as policies

        logging.getLogger("absl").setLevel(logging.CRITICAL)  # Orbax also raises what it logs as an error
        # Orbax needs absolute paths; one in a bucket is absolute.
        self.folder = epath.Path(folder.absolute()) if isinstance(folder, pathlib.Path) else folder
        self._ocp = ocp
        keep = [
            policies.LatestN(max(keep_last, 1)),
            policies.BestN(n=keep_best, get_metric_fn=_loss, reverse=True, keep_checkpoints_without_metrics=False),
        ]
        options = ocp.CheckpointManagerOptions(
            best_fn=_loss,
            best_mode="min",
            preservation_policy=policies.AnyPreservationPolicy(keep),
            cleanup_tmp_directories=not read_only,
            read_only=read_only,
        )
        self._manager = _manager_class()(
            self.folder, options=options, item_handlers={"state": ocp.StandardCheckpointHandler()}
        )

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or kind is SystemExit or not hosts.many():
            with contextlib.suppress(Exception) if kind else contextlib.nullcontext():  # the first failure is reported
                self._manager.close()
        # Otherwise other processes may have ended, and closing would wait for them.

    @property
    def steps(self) -> list[int]:
        """Steps of the checkpoints, oldest first, including one that is still being written."""
        return sorted(self._manager.all_steps())

    def eval_losses(self) -> dict[int, float]:
        """Step -> evaluation loss, for the checkpoints that have one."""
        metrics = {step: self._manager.metrics(step) for step in self.steps}
        return {step: values["loss"] for step, values in metrics.items() if values}

    def save(self, state: State, step: int, eval_loss: float | None = None) -> None:
        """Starts writing, after any earlier write; returns when `state` may be overwritten."""
        scored = None if eval_loss is None or not math.isfinite(eval_loss) else {"loss": eval_loss}
        args = self._ocp.args.Composite(state=self._ocp.args.StandardSave(state))
        self._manager.save(step, args=args, metrics=scored, force=True)

    def wait(self) -> None:
        """Returns when everything is on disk."""
        self._manager.wait_until_finished()

    def restore(self, abstract: State, step: int) -> State:
        """Restores the checkpoint of `step` in the layout of `abstract` (`jax.ShapeDtypeStruct`s with shardings)."""
        args = self._ocp.args.Composite(state=self._ocp.args.StandardRestore(abstract))
        return self._manager.restore(step, args=args)["state"]

    def restore_newest(self, abstract: State) -> State | None:
        """Restores the newest readable checkpoint; None if there is no checkpoint.

        Unreadable ones are skipped, and renamed to `broken-STEP` once an older one was read; a message is printed.

        Raises:
          UserError: there are checkpoints, but none can be read (or they have other shapes).
        """
        broken: dict[int, Exception] = {}
        for step in reversed(self.steps):
            state = None
            try:
                state = self.restore(abstract, step)
            except Exception as error:  # whatever Orbax and TensorStore raise for missing, cut or foreign files
                broken[step] = error
            if not hosts.all_agree(step not in broken) or state is None:
                broken.setdefault(step, OSError("another process could not read it"))
                continue
            for bad, error in broken.items():
                if hosts.first():
                    say(f"checkpoint {bad} in {self.folder} is broken ({_line(error)}); going back to {step}")
                self._set_aside(bad)
            return state
        if broken:
            raise UserError(
                f"{self.folder}: none of the checkpoints {sorted(broken)} can be read"
                f" (the newest: {_line(broken[max(broken)])}); start again in another folder"
            )
        return None

    def _set_aside(self, step: int) -> None:
        if hosts.first():
            target = self.folder / f"broken-{step}"
            if target.exists():
                target.rmtree()
            (self.folder / str(step)).rename(target)
        hosts.wait(f"checkpoint {step} set aside")
        self._manager.reload()


def _manager_class() -> "type[ocp.CheckpointManager]":
    """Orbax's manager, except that a checkpoint with an unreadable evaluation loss, as after a power loss, has none."""
    import orbax.checkpoint as ocp

    class Manager(ocp.CheckpointManager):
        def metrics(self, step: int) -> dict[str, float] | None:
            try:
                values = super().metrics(step)
            except Exception:  # cut or torn JSON, bytes that are no text
                return None
            return values if isinstance(values, dict) and isinstance(values.get("loss"), (int, float)) else None

    return Manager


def folder_of(out: pathlib.Path) -> "pathlib.Path | epath.Path":
    """The folder with the checkpoints of the run in `out`: inside it, or in the bucket of which it is a copy."""
    return RunFolder(out).origin("checkpoints")


def steps(out: pathlib.Path) -> list[int]:
    """Steps of the checkpoints of the run in `out`, oldest first."""
    folder = folder_of(out)
    return sorted(int(p.name) for p in folder.iterdir() if p.name.isdecimal()) if folder.is_dir() else []


def _loss(metrics: Mapping[str, float]) -> float:
    return metrics["loss"]


@contextlib.contextmanager
def room(out: pathlib.Path, label: str) -> Iterator[None]:
    """Replaces an error of a full disk in the block by a DiskFull that names the newest complete checkpoint."""
    try:
        yield
    except Exception as error:
        reason = full_disk(error)
        if reason is None:
            raise
        whole = steps(out)
        back = f"the checkpoint of step {whole[-1]} is whole" if whole else "there is no checkpoint yet"
        raise DiskFull(
            f"{label}: {out}: {reason}; {back}: free some space; the same command resumes from there"
        ) from error


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:160]}" if text else type(error).__name__


def at_step(out: pathlib.Path, abstract: State, step: int | None = None) -> State:
    """Restores the checkpoint of `step` of the run in `out`, the newest if None; the folder is not changed.

    Raises:
      UserError: no such checkpoint, or an unreadable one; the message lists those that exist.
    """
    folder = folder_of(out)
    if not folder.is_dir():
        raise UserError(f"{out}: no checkpoints there; train first")
    with Checkpoints(folder, read_only=True) as checkpoints:
        steps = checkpoints.steps
        if not steps:
            raise UserError(f"{folder}: no checkpoint there; train first")
        if step is not None and step not in steps:
            raise UserError(f"{folder}: no checkpoint of step {step}; there are those of {', '.join(map(str, steps))}")
        try:
            return checkpoints.restore(_somewhere(abstract), steps[-1] if step is None else step)
        except Exception as error:  # whatever Orbax and TensorStore raise for missing, cut or foreign files
            raise UserError(
                f"{folder}: a checkpoint that cannot be read ({_line(error)}); --step takes another"
            ) from error


def _somewhere(abstract: State) -> State:
    """`abstract` with leaves without devices placed on the first one; otherwise Orbax requires those of the run."""
    import jax

    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])

    def place(leaf: Any) -> Any:
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding or here)

    return jax.tree.map(place, abstract)


def check_config(out: pathlib.Path, config: dict[str, Any]) -> None:
    """Refuses to resume a run with a config other than that in its `run.json`; writes that file.

    Keys that decide only where and when something is done (`Role.FREE`) may change; all others affect the results.

    Args:
      config: everything that affects the run's results, JSON-able.

    Raises:
      UserError: the folder holds checkpoints of another config; the message names the keys that differ.
    """
    run, flat = RunFolder(out), flat_values(config)
    path = run.fetch("run.json")
    if path.exists() and steps(out):
        before = flat_values(_read_config(path))
        begun = _defaults(config) | before  # keys newer than the run have their defaults
        keys = [k for k in sorted(before.keys() | flat.keys()) if begun.get(k) != flat.get(k)]
        keys = [k for k in keys if k.rpartition(".")[2] not in FREE_KEYS]
        if keys:
            changes = ", ".join(f"{k} was {begun.get(k)!r}, now {flat.get(k)!r}" for k in keys[:5])
            more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
            raise UserError(
                f"{out} holds checkpoints of another config: {changes}{more}; give the old values or another folder"
            )
    if hosts.first():
        files.write_json(path, config)
        run.publish("run.json")


def _defaults(config: dict[str, Any]) -> dict[str, Any]:
    """All keys with their defaults, for a config with the sources of `config`."""
    defaults, source = to_dict(Config()), to_dict(SourceConfig())
    defaults["data"]["sources"] = dict.fromkeys(config.get("data", {}).get("sources", {}), source)
    return flat_values(defaults)


def _read_config(path: pathlib.Path) -> dict[str, Any]:
    try:
        config = files.read_json(path, "the config of the run's checkpoints")
        if not isinstance(config, dict):
            raise UserError(f"{path}: the config of the run's checkpoints is broken (it is not a JSON object)")
    except UserError as error:
        raise UserError(
            f"{error}; if this command's config is still theirs, delete the file: the run resumes"
        ) from error
    return config
