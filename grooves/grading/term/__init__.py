"""A term: what an instructor sets, and the folders made from it.

Read `term_file` (what `term.toml` may contain) first, then `planned` and the two commands.
"""
