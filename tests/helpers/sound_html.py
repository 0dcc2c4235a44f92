"""Checks that the tags of HTML are balanced."""

import html.parser

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Balanced(html.parser.HTMLParser):
    """Fails on a tag that is not closed, or closed in the wrong order; collects tags, attributes and text."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.words = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data):
        self.words += data if self.open[-1:] != ["style"] else ""


def parsed(text):
    parser = Balanced()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser
