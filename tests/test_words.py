"""Plain technical English: words that have to be read twice are not in code, comments, messages, names or pages."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SUFFIXES = (".py", ".md", ".yaml", ".yml", ".lua", ".j2", ".toml", ".sh", ".service", ".conf", ".ipynb")
OTHER_FILES = ("Makefile", "deploy/Dockerfile", ".ci/run")
NOT_OURS = ("benchmarks/optbench/data/", "benchmarks/optbench/results/")

REMEDIES = {
    r"mend(s|ed|ing)?": "fix, correct",
    r"doorbells?|(is|are|was|were) rung|rings? (for|workers?)": "notification, notify",
    r"told": "known, reported, asked, shown",
    r"(no|a|an|the|this|that|which|who|it) (\w+ )?lives": "is running, is alive",
    r"go(es)? on|going on|went on|gone on": "continue",
    r"as (it|they|one) (stands?|stood)|how (it|they|(a|the) \w+) stands?": "unchanged, current; the state of",
    r"stands? (there|here|beside|behind|twice)": "is there, is in",
    r"anew": "again",
    r"whoever|whomever": "the worker, the user, the caller",
    r"left (\w+ (\S+ )?)?to others": "cannot run it on this worker",
    r"(come|came) to nothing|comes to nothing": "has no effect",
    r"hears? of|heard of|hears? again": "is notified, receives, learns",
    r"falls? silent|fell silent|fallen silent": "sends no heartbeat, does not answer",
    r"robbed|robbery|deaf|deafens?|deafened": "lost its lease; receives nothing",
    r"of one's own": "your own, its own",
}
"""Words and phrases as regular expressions, in small or large letters, and what to write instead."""

_GAP = r"(?:\s+(?:#+ |-- |// )?)"  # a phrase may continue on the next line, also in a comment
_PATTERNS = {
    re.compile(r"\b(?:" + words.replace(" ", _GAP) + r")\b", re.I): remedy for words, remedy in REMEDIES.items()
}


class Found(NamedTuple):
    """Words to replace."""

    line: int
    words: str
    remedy: str


def readable(path: str, content: str) -> str:
    """Return what is checked of a file: all of it, without what quotes other people's words or the past."""
    if path == "CHANGELOG.md":  # only the newest version
        return content[: [*(match.start() for match in re.finditer(r"^## ", content, re.M)), len(content)][1]]
    if path == "docs/glossary.md":  # its tables list words that are not used
        return re.sub(r"^\|.*$", "", content, flags=re.M)
    return content


def find_words(path: str, content: str) -> Iterator[Found]:
    """Yield the words to replace in a file. Names count as words: `test_a_run_is_found` has five."""
    text = readable(path, content).replace("_", " ")
    for pattern, remedy in _PATTERNS.items():
        for match in pattern.finditer(text):
            yield Found(text.count("\n", 0, match.start()) + 1, " ".join(match.group().split()), remedy)


def files() -> list[str]:
    """Return the files of the repository that people read and that are written here."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    ours = (path for path in listed if path.endswith(SUFFIXES) or path in OTHER_FILES)
    return [path for path in ours if not path.startswith(NOT_OURS) and path != "tests/test_words.py"]


def test_code_and_pages_use_plain_words() -> None:
    found = [
        f"{path}:{one.line}: {one.words!r}: write instead: {one.remedy}"
        for path in files()
        if (ROOT / path).is_file()
        for one in find_words(path, (ROOT / path).read_text())
    ]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Fix it, or mend\nthe config.", ["mend"]),
        ("def test_a_worker_that_is_told_to_go(): ...", ["told"]),
        ("# the training goes\n# on from its checkpoint", ["goes # on"]),
        ("no suggester lives: start one", ["no suggester lives"]),
        ("log.info('left run %s to others', run)", ["left run %s to others"]),
        ("I recommend this amendment; it was untold", []),
        ('{"flower_lives": True, "untold": []}', []),
        ("It stands for infinity, standing by", []),
    ],
)
def test_the_words_are_found_and_no_others(text: str, words: list[str]) -> None:
    assert [found.words for found in find_words("a.py", text)] == words


def test_the_history_and_the_glossary_may_have_other_words() -> None:
    history = "# Changelog\n\n## [2]\n\n- It is told.\n\n## [1]\n\n- It was told.\n"

    assert [found.line for found in find_words("CHANGELOG.md", history)] == [5]
    assert list(find_words("docs/glossary.md", "| notification | a message | doorbell |\n")) == []
