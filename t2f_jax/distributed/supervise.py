"""Restarts a command when it fails: `t2f supervise [--processes N] -- COMMAND`, on this machine.

The command ends with 0 (finished), 2 (a user's mistake, which a restart would repeat), 141 (its output is no longer
read) or another code: it was killed, lost a host, hung, ran out of memory, or was pre-empted elsewhere. Then all of its
processes are ended and restarted after a pause, as long as it makes progress: a run reports its checkpoints in a file
(see `faults.report_progress`).
"""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence

from t2f_jax.io import progress

DONE, MISTAKE, UNREAD = 0, 2, 141  # 141: its output is no longer read
SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")  # requests to stop; Windows has no SIGHUP
PAUSES = (1.0, 5.0, 15.0, 60.0)  # seconds before a restart, by the number of failures without progress


class Supervisor:
    """One supervised command."""

    def __init__(self, command: Sequence[str], processes: int, restarts: int, grace: float):
        """Sets what to supervise.

        Args:
          command: program and arguments.
          processes: its processes, which form one job on this machine; with 1 the environment defines the job, if any.
          restarts: how many times in a row it is restarted without a new checkpoint.
          grace: seconds between SIGTERM and killing the processes.
        """
        self.command, self.processes, self.restarts, self.grace = list(command), processes, restarts, grace
        self.stopped_by = 0  # the number of the signal that requested to stop

    def run(self) -> int:
        """Runs the command to its end; returns its exit code, or 128 + the number of the signal that stopped it."""
        for number in (getattr(signal, name) for name in SIGNALS if hasattr(signal, name)):
            if signal.getsignal(number) != signal.SIG_IGN:  # ignored in background jobs of a shell, or by nohup
                signal.signal(number, self._stop)
        with tempfile.TemporaryDirectory(prefix="t2f-") as folder:
            reports = pathlib.Path(folder) / "progress"
            seen, fruitless, starts = {""}, 0, 0
            while True:
                starts += 1
                code = self._once(reports)
                if self.stopped_by:
                    return 128 + self.stopped_by if code else DONE
                if code in (DONE, MISTAKE, UNREAD):
                    return code
                reached = reports.read_text().strip() if reports.exists() else ""
                fruitless = 0 if reached not in seen else fruitless + 1
                seen.add(reached)
                where = f"after the checkpoint of {reached}" if reached else "before a first checkpoint"
                if fruitless > self.restarts:
                    _say(f"{_describe_end(code)} {where}; {fruitless} times in a row without progress: giving up")
                    return code if code > 0 else 128 - code
                pause = PAUSES[min(fruitless, len(PAUSES) - 1)]
                _say(f"{_describe_end(code)} {where}; start {starts + 1} in {pause:g} s")
                self._sleep(pause)
                if self.stopped_by:
                    return 128 + self.stopped_by

    def _once(self, reports: pathlib.Path) -> int:
        """Starts all processes; waits until all have ended or one has failed. Returns 0 or the failed one's code."""
        environment = {**os.environ, "T2F_PROGRESS": str(reports)}
        if self.processes > 1:
            environment |= {
                "T2F_COORDINATOR": f"127.0.0.1:{free_port()}",
                "T2F_PROCESS_COUNT": str(self.processes),
                "T2F_PROCESSES_HERE": str(self.processes),
            }
        running: list[subprocess.Popen] = []
        try:
            for i in range(self.processes):
                place = {"T2F_PROCESS_ID": str(i)} if self.processes > 1 else {}
                try:
                    running.append(subprocess.Popen(self.command, env=environment | place))
                except OSError as error:
                    _say(f"{self.command[0]}: {error.strerror}; give a program and its arguments after --")
                    return MISTAKE
            return self._watch(running)
        finally:
            _end(running, self.grace)

    def _watch(self, running: list[subprocess.Popen]) -> int:
        """Waits until all have ended or one has failed; forwards a request to stop. Returns as `_once`."""
        stop_began: float | None = None
        while True:
            codes = [process.poll() for process in running]
            failed = [code for code in codes if code]
            if MISTAKE in failed:
                return MISTAKE
            if self.stopped_by and stop_began is None:  # each process saves and ends
                stop_began = time.monotonic()
                for process in running:
                    with contextlib.suppress(OSError):
                        process.terminate()
            if None not in codes or (stop_began and time.monotonic() - stop_began > self.grace):
                return failed[0] if failed else (DONE if None not in codes else 128 + self.stopped_by)
            if failed and not self.stopped_by:
                # The others may be about to end, too, perhaps with the actual cause.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    for process in running:
                        process.wait(2.0)
                codes = [process.poll() for process in running]
                return MISTAKE if MISTAKE in codes else failed[0]
            time.sleep(0.1)

    def _stop(self, number: int, _: object) -> None:
        """The first signal lets the command save and end; a second Ctrl-C does not wait for that."""
        if self.stopped_by and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.stopped_by = number

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.stopped_by:
            time.sleep(0.1)


def _end(processes: list[subprocess.Popen], grace: float) -> None:
    """Ends the running processes: by SIGTERM, and soon after by SIGKILL, because one that waits for a lost process may
    not react to SIGTERM."""
    alive = [process for process in processes if process.poll() is None]
    for process in alive:
        with contextlib.suppress(OSError):
            process.terminate()
    end = time.monotonic() + min(grace, 5.0)
    for process in alive:
        try:
            process.wait(max(end - time.monotonic(), 0.01))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _describe_end(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def free_port() -> int:
    """A port on this machine that no program listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _say(message: str) -> None:
    progress.say(f"t2f supervise: {message}")
