"""One page in one file: the frame that feedback, report and similar code share.

Key idea: a page is self-contained and loads nothing, so it can be mailed, zipped and archived. The
module that fills it in escapes text that people wrote. Labs of every chapter.
"""

from __future__ import annotations

import html


def document(title: str, style: str, body: str) -> str:
    """A whole HTML page. title: plain text, escaped here; style: CSS; body: HTML.

    The page's own policy forbids scripts and everything that would have to be fetched.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{html.escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        f"{body}</main>\n</body>\n</html>\n"
    )
