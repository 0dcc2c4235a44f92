"""Parses README and docs for tests: code blocks, links, and `t2f` commands."""

import dataclasses
import pathlib
import re
import shlex

ROOT = pathlib.Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "launch" / "README.md", *(ROOT / "docs").glob("*.md")]
)
_BLOCK = re.compile(r"(?:^<!-- not run: ([^\n]*) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ENDS = {"&&", "||", ";", "|", "do", "done", "--"}


@dataclasses.dataclass(frozen=True)
class Block:
    """A block of code; `reason` says why it is not run, "" if it is."""

    page: str
    line: int
    language: str
    text: str
    reason: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(path: pathlib.Path, language: str) -> list[Block]:
    """The blocks of a page in one language."""
    text = path.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(str(path.relative_to(ROOT)), line, match[2], match[3], match[1] or ""))
    return [block for block in found if block.language == language]


def links(path: pathlib.Path) -> list[str]:
    """The targets of a page's links, without web addresses."""
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")) if "://" not in link]


def commands(shell: str) -> list[list[str]]:
    """The words after each `t2f` in a shell text, up to the end of the command; variables are not expanded."""
    found: list[list[str]] = []
    for line in shell.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|<>")
        lexer.whitespace_split = True
        current, begins = None, True
        for word in lexer:
            if word in _ENDS or word == ">":
                current, begins = None, word != ">"
            elif begins and word.rpartition("/")[2] == "t2f":
                current, begins = [], False
                found.append(current)
            elif current is not None:
                current.append(word)
            else:
                begins = begins and "=" in word  # an environment variable of the command
    return found
