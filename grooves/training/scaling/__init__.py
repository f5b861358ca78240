"""What a better model would cost: scaling laws whose floor is known (chapter 5).

Read `counting` (parameters and FLOPs), `gaps` (the exact gap of a model to *Gazette*), `runs` (one
training, with everything that a later fit needs), `fits` (power laws), `forecast` (how long a run
will take) and `search` (hyperparameters, by several processes).
"""
