"""The models, each written to be read.

Read `layers` (a network in NumPy), `autograd` (gradients by the chain rule), `ngram`
(prediction by counting), `transformer`, `lstm`, which the transformer replaced, and
`interventions` (experiments inside a running model). `published` lists sizes of models by others.
"""
