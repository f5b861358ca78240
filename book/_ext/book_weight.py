"""A page loads only what it uses: a few icon masks, and the scripts that its content needs.

The theme would load 2.5 MB with every page: Font Awesome as a script and once more as a font, for
some twenty icons that book/_static/icons.css draws; the index of the search, which the search page
alone reads; scripts and styles for tabs, folded solutions and copy buttons on pages without any.
All of that is removed when the pages have been written.
"""

import re
import shutil
from pathlib import Path

# A script or style that the theme's template writes, or an extension adds, to every page, and the
# sign in a page that it is needed; None: nowhere.
NEEDED_BY = {
    "scripts/fontawesome.js": None,
    "searchtools.js": r'id="search-results"',
    "language_data.js": r'id="search-results"',
    "searchindex.js": r'id="search-results"',
    "search.js": r'id="search-results"',
    "search-words.js": r'id="search-results"',
    "sphinx-design.min.css": r'class="[^"]*\bsd-',
    "design-tabs.js": r'class="[^"]*\bsd-tab',
    "togglebutton.css": r'class="[^"]*\b(?:dropdown admonition|admonition dropdown|toggle\b)',
    "togglebutton.js": r'class="[^"]*\b(?:dropdown admonition|admonition dropdown|toggle\b)',
    "clipboard.min.js": r'<div class="highlight',
    "copybutton.js": r'<div class="highlight',
    "copybutton.css": r'<div class="highlight',
    "ledger.js": r'<table class="ledger"',
    "exercise.css": r'class="[^"]*\b(?:exercise|solution)\b',
}
# Of Thebe, which book_offline leaves out, the theme leaves a setting in the page.
THEBE = re.compile(
    r'\s*<script type="text/x-thebe-config">.*?</script>\s*<script>kernelName = .*?</script>', re.S
)
LOADED = re.compile(r'[ \t]*<(script|link)\b[^>]*?(?:src|href)="([^"]*)"[^>]*>(?:</script>)?\n?')
# Files that no page asks for any longer.
UNUSED = ["vendor/fontawesome", "**/*.map", "sphinx-thebe.*"]
FONT_AWESOME = re.compile(r"^(?:\.fa[-bsrl.:>,\s]|\.fa$|:host|@keyframes fa-|@font-face)|\.ablog__")


def lighten(page):
    """A page's HTML without the scripts and styles that it does not need."""
    page = THEBE.sub("", page)

    def keep(tag):
        name = tag[2].partition("?")[0].rpartition("_static/")[2].removeprefix("../")
        sign = NEEDED_BY.get(name, "")
        return tag[0] if sign is not None and re.search(sign, page) else ""

    return LOADED.sub(keep, page)


def rules(css):
    """The rules of a style sheet as text, each with its nested braces."""
    depth = start = 0
    for match in re.finditer(r"/\*.*?\*/|\"(?:\\.|[^\"])*\"|[{};]", css, re.S):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0 and match[0] in "};":
            yield css[start : match.end()]
            start = match.end()
    yield css[start:]


def without_font_awesome(css):
    """The theme's style sheet without the icon font that is built into it."""
    kept = []
    for rule in rules(css):
        bare = re.sub(r"/\*.*?\*/", "", rule, flags=re.S).strip()
        font = bare.startswith("@font-face") and "Font Awesome" not in bare
        settings = bare.startswith(":root") and "--fa-font" in bare
        if font or not (FONT_AWESOME.search(bare) or settings):
            kept.append(rule)
    return re.sub(r"/\*# sourceMappingURL=.*?\*/", "", "".join(kept))


def write_lighter(app, exception):
    """Lighten the pages, the theme's style sheet and the folder of static files."""
    if exception is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    for path in site.rglob("*.html"):
        if "_static" not in path.relative_to(site).parts:
            path.write_text(lighten(path.read_text("utf-8")), "utf-8")
    theme = site / "_static" / "styles" / "pydata-sphinx-theme.css"
    theme.write_text(without_font_awesome(theme.read_text("utf-8")), "utf-8")
    for pattern in UNUSED + [name for name, sign in NEEDED_BY.items() if sign is None]:
        for path in list((site / "_static").glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def setup(app):
    app.connect("build-finished", write_lighter, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
