"""An edition: which chapters the book has, what it is called, and where it is published.

Read `settings` (what edition.toml may say) and then `addresses` and `colours`, which bring what was
written into one form or refuse it. `lab_links` makes the links of released labs fit the edition.
"""
