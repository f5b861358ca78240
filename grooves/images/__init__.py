"""How a sentence becomes a picture.

Read `held_out` (combinations that training never shows), `sentences` (what a sentence says, and how
a caption is graded), `picture_language` (the probability of every sentence), `render`, which draws
scenes from handwritten digits, then `judge`, the network that reads them back from a picture. Then
`flow` (from noise to a picture, guided by a sentence), `drawer`, the network that is trained for
it, `training`, and `evaluation`, where the judge reads what has been drawn.
"""
