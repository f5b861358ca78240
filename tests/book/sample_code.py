"""Pages of the sample book with listings, plumbing, folds and wide tables."""

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
    'print(*(f"column {n}" for n in range(30)), sep="   ")',
    'print("There was a fox. " * 40)',
]

FOLDS = """\
# Folds

:::{admonition} Answer
:class: dropdown
The answer is 42.
:::

<details><summary>A hint</summary><p>The hint is to divide.</p></details>
"""

COLUMNS = [f"column-{n}" for n in range(24)]
TABLES = f"""\
# Tables

| {" | ".join(COLUMNS)} |
| {"--- | " * 24}
| [a page](code.md) | {" | ".join(["0.123456"] * 23)} |
"""
TABLE_CELLS = [
    "from grooves.plots import figures\n"
    f"caption = 'A wide table whose caption is {'longer and ' * 6}longer than a telephone'\n"
    f"figures.table({COLUMNS!r}, [{['0.12 ± 0.01'] * 24!r}], caption)",
]

FILES = {
    "modules/shown.py": SHOWN,
    "book/code.md": CODE,
    "book/folds.md": FOLDS,
    "book/tables.md": TABLES,
    "notebooks/tables.ipynb": TABLE_CELLS,
    "notebooks/plumbing.ipynb": PLUMBING,
}
