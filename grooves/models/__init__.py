"""The models, each written to be read.

Read `layers` (a network in NumPy), `autograd` (gradients by the chain rule), `transformer`, and
`lstm`, which the transformer replaced. `published` lists the sizes of models by others.
"""
