"""What the book's page of the explorable `attention` needs, made from the committed weights.

The page's data is made whenever the book is built: `attention` is what the page's directive names
under `:data:`. The still picture is made once, and again when the weights have changed:
`python -m grooves.explorables.export`. Chapter 04.
"""

from __future__ import annotations

from pathlib import Path

from grooves import lineage
from grooves.explorables import still
from grooves.explorables.attention import PROMPT, state
from grooves.stories import Stories

STILL = Path(__file__).with_name("attention.svg")


def attention() -> dict:
    """The state that the page starts from: the lineage's trained model and its language."""
    return state(lineage.base())


def main() -> None:
    """Draw the still picture anew."""
    STILL.write_text(still.draw(lineage.base(), Stories(), PROMPT), encoding="utf-8")
    print(f"wrote {STILL.name}, {STILL.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
