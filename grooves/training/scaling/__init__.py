"""What a better model would cost: scaling laws whose floor is known (chapter 5).

Read `counting` (parameters and FLOPs), `gaps` (the exact gap of a model to *Gazette*) and `runs`
(one training, with everything that a later fit needs).
"""
