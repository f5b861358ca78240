"""How a trained model generates.

Read `generate` (sample a word, append it, go on), `kv_cache` (keys and values computed once),
`decoder` (the model arranged for one token at a time), then `evaluation`: how far from perfect.
"""
