"""The course's language and its exact yardsticks.

Read `grammar` (what a probabilistic grammar is), `story_rules` (the rules of *Stories*), `stories`
(sampler, parser, exact probabilities and entropy), `recalls` (words that must be remembered),
`gazette` (a second language, of facts about people), `tokenizers` and `byte_pair`, then `corpora`,
which makes batches of stories, sentences, digits and English. `data_sets` counts what a data set
contains.
"""
