"""Reads what git knows about a folder: its commit, its changes, its untracked files. Changes nothing."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.domain.redaction import is_secret_variable, redacted_source

PATIENCE_SECONDS = 5.0  # for all commands about one folder
MOST_DIFF_BYTES = 256 * 2**10
MOST_UNTRACKED = 100
MOST_READ_BYTES = 2**20
DIGITS = 12
# The config of a repository may name programs to run: these options switch them off.
HARMLESS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-pager")


@dataclass(frozen=True)
class Checkout:
    """A folder in a git repository. `diff` can be shown: bounded, without secrets; `changes` is a digest of all."""

    root: Path
    commit: str
    diff: str
    changes: str | None  # None: everything is as committed
    untracked: tuple[str, ...]

    @property
    def version(self) -> str:
        """The commit and, if there are changes, their digest."""
        short = self.commit[:DIGITS]
        return f"{short} with changes {self.changes}" if self.changes else short


def look_at(place: Path) -> Checkout | str:
    """Return the checkout that a file or folder belongs to, or the reason why there is none."""
    folder = place if place.is_dir() else place.parent
    git = _Git(folder, time.monotonic() + PATIENCE_SECONDS)
    try:
        code, output = git.run("rev-parse", "--show-toplevel")
        if code:
            return "no git repository" if b"not a git repository" in output else f"git failed: {_first_line(output)}"
        root = Path(os.fsdecode(output.rstrip(b"\n")))
        if not git.run("check-ignore", "--quiet", str(place.absolute()))[0]:
            return "ignored by its git repository"  # for example a virtual environment inside a project
        code, commit = git.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if code:
            return "a git repository without a commit"
        return _compare(_Git(root, git.until), root, commit.decode().strip())
    except FileNotFoundError:
        return "git is not installed"
    except subprocess.TimeoutExpired:
        return f"git did not answer within {PATIENCE_SECONDS:g} s"
    except OSError as error:
        return f"git cannot be started: {error.strerror}"


def _compare(git: _Git, root: Path, commit: str) -> Checkout:
    digest = hashlib.sha256()
    head, size = git.read("diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color", feed=digest.update)
    status = git.run("status", "--porcelain", "-z", "--untracked-files=normal", "--no-renames")[1]
    untracked = [os.fsdecode(line[3:]) for line in status.split(b"\0") if line.startswith(b"??")]
    sources = git.run("ls-files", "-z", "--others", "--exclude-standard", "--", "*.py")[1].split(b"\0")
    names = sorted(os.fsdecode(name) for name in sources if name)
    if names:  # a run can import untracked modules, too
        digest.update(_digest_of(root, names[:MOST_UNTRACKED]))
    text = redacted_source(head.decode(errors="replace"))
    if size > len(head):
        text += f"\n... cut here: the full diff has {size} bytes ...\n"
    changes = digest.hexdigest()[:DIGITS] if size or names else None
    return Checkout(root, commit, text, changes, tuple(untracked[:MOST_UNTRACKED]))


def _digest_of(root: Path, names: Sequence[str]) -> bytes:
    digest = hashlib.sha256()
    for name in names:
        digest.update(name.encode(errors="surrogateescape") + b"\0")
        try:
            with (root / name).open("rb") as file:
                digest.update(hashlib.sha256(file.read(MOST_READ_BYTES)).digest())
        except OSError:  # deleted meanwhile: only its name counts
            continue
    return digest.digest()


@dataclass(frozen=True)
class _Git:
    """Runs git in one folder; all its commands must end by `until` (monotonic seconds)."""

    folder: Path
    until: float

    def run(self, *arguments: str) -> tuple[int, bytes]:
        """Return the exit code and stdout; after an error, stderr."""
        ended = subprocess.run(
            self._command(arguments),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=max(self.until - time.monotonic(), 0.0),
            check=False,
        )
        return ended.returncode, ended.stderr if ended.returncode else ended.stdout

    def read(self, *arguments: str, feed: Callable[[bytes], object]) -> tuple[bytes, int]:
        """Return the first MOST_DIFF_BYTES of the output, and its length in bytes; `feed` gets all of it, in parts."""
        command, head, size = self._command(arguments), b"", 0
        with subprocess.Popen(
            command,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            timer = threading.Timer(max(self.until - time.monotonic(), 0.0), process.kill)
            timer.start()
            try:
                while process.stdout and (chunk := process.stdout.read(2**16)):
                    feed(chunk)
                    head += chunk[: MOST_DIFF_BYTES - len(head)]
                    size += len(chunk)
            finally:
                timer.cancel()
        if process.returncode < 0:
            raise subprocess.TimeoutExpired(command, PATIENCE_SECONDS)
        return head, size

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return ["git", *HARMLESS, "-C", str(self.folder), *arguments]


def _environment() -> dict[str, str]:
    """Return an environment in which git never prompts, takes no locks, and uses the folder of the command."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") and not is_secret_variable(name, value)
    }
    return {**kept, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def _first_line(output: bytes) -> str:
    return redacted_source(output.decode(errors="replace").strip().partition("\n")[0])
