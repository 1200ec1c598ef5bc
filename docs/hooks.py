"""What the build of the site changes in a page: links to files outside docs/, messages and code in tables.

In the repository, a link out of docs/ is a plain relative link, and a message is written as a command prints it. On
the site the link leads to the repository, and the characters of a message have no meaning as Markdown.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

LINK: Final = re.compile(r"\]\((?P<target>\.\./[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")
MESSAGES: Final = "reference/errors.md"
CODE: Final = re.compile(r"(`[^`]+`)")
MARKUP: Final = re.compile(r"([\[\]*_])")
CELL: Final = re.compile(r"<td[^>]*>.*?</td>", re.DOTALL)
CODE_IN_CELL: Final = re.compile(r"(?<=<code>)[^<]+(?=</code>)")
BREAKS: Final = re.compile(r"(?<=[/_.=:])(?!(?:py|md|lua|yaml|json|csv)\b)(?=\w)")

log = logging.getLogger("mkdocs.hooks")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the text of a page as the site shows it. Warns of a link that leads to no file."""
    if page.file.src_uri == MESSAGES:
        markdown = "\n".join(literal(line) if line.startswith("| ") else line for line in markdown.splitlines())
    markdown = markdown.replace(r"\<", "&lt;")  # GitHub's way to write it; Python-Markdown does not know it
    return with_source_links(markdown, page.file.src_uri, config)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the HTML of a page in which paths and options in tables may break where people would break them."""

    def breakable(cell: re.Match[str]) -> str:
        return CODE_IN_CELL.sub(lambda code: BREAKS.sub("<wbr>", code[0]), cell[0])

    return CELL.sub(breakable, html)


def literal(row: str) -> str:
    """Return a row of a table with its markup escaped, outside of code."""
    parts = CODE.split(row)
    return "".join(part if CODE.fullmatch(part) else MARKUP.sub(r"\\\1", part).replace("<", "&lt;") for part in parts)


def with_source_links(markdown: str, src_uri: str, config: MkDocsConfig) -> str:
    """Return the text of a page with absolute links to the files of the repository that are outside docs/."""
    docs = Path(config.docs_dir)

    def absolute(link: re.Match[str]) -> str:
        target = (docs / src_uri).parent.joinpath(link["target"]).resolve()
        if target.is_relative_to(docs):
            return link[0]
        if not target.exists():
            log.warning("%s: the link %s leads to no file", src_uri, link["target"])
        kind = "tree" if target.is_dir() else "blob"
        path = target.relative_to(docs.parent).as_posix()
        return f"]({config.extra['source_url']}/{kind}/main/{path}{link['anchor'] or ''})"

    return LINK.sub(absolute, markdown)
