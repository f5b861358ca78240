"""Pages of the sample book with code: listings, and a notebook with plumbing."""

LONG = "    very_long_name = " + " + ".join(["x * factor"] * 12)
SHOWN = f'''\
def scaled(x, factor=2):
    """Scale a number. The rest
    is for those who read the file.

    Raises: TypeError where x is no number.
    """

{LONG}
    return very_long_name  # noqa: E501


kept = 1  # noqa
'''
CODE = """\
# Code

```{literalinclude} ../modules/shown.py
:pyobject: scaled
```

```{literalinclude} ../modules/shown.py
:whole-docstring:
```
"""
PLUMBING = [
    "from grooves.plots import figures",
    f'def scaled(x, factor=2):\n    """x, scaled."""\n\n{LONG}\n    return very_long_name',
    'numbers = [1, 2]\nalt = "Two numbers."\n# for the page\nfigures.keep(n=len(numbers))  # noqa',
    'print(*(f"column {n}" for n in range(30)))',
]

FOLDS = """\
# Folds

:::{admonition} Answer
:class: dropdown
The answer is 42.
:::

<details><summary>A hint</summary><p>The hint is to divide.</p></details>
"""

FILES = {
    "modules/shown.py": SHOWN,
    "book/code.md": CODE,
    "book/folds.md": FOLDS,
    "notebooks/plumbing.ipynb": PLUMBING,
}
