"""An edition: which chapters the book has, what it is called, and where it is published.

Read `settings` (what edition.toml may contain), then `addresses` and `colours`, which normalise the
values or refuse them. `lab_links` adapts the links of released labs to the edition.
"""
