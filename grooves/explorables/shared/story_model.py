"""A story model and its language as an explorable's page takes them.

Key idea: the page restores the model from bytes and reads the words from the grammar, so the two
must have the same vocabulary. Each explorable packs the weights in its own way.
Chapters: 04, and the welcome page.
"""

from __future__ import annotations

from collections.abc import Callable

from grooves.language.stories import Stories
from grooves.models.transformer import Transformer


def pair(
    model: Transformer, language: Stories | None, pack: Callable[[Transformer], bytes]
) -> dict:
    """The packed weights of a model, and its language's grammar; None stands for `Stories`.

    Raises: as `pack`; ValueError where the two have vocabularies of different sizes.
    """
    weights, language = pack(model), language or Stories()
    knows, has = model.config.vocabulary_size, len(language.vocabulary)
    if knows != has:
        raise ValueError(
            f"the model has a vocabulary of {knows} words and the language one of {has}: "
            "give the language that the model was trained on"
        )
    return {"weights": weights, "grammar": language.to_json()}
