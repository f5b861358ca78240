"""The pages on a telephone and in the dark, in a file of its own: the other process reads them.

Colours do not hang on the width, so those of the light are looked at on wide pages only.
"""

from read_pages import read


def test_axe_finds_nothing_on_a_telephone_and_nothing_sticks_out(browser, book, book_address):
    faults, too_wide = read(browser, book, book_address, width=390, coloured="dark")
    assert faults == []
    assert too_wide == [], "wider than 390 pixels"
