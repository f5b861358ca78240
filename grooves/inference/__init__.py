"""How a trained model generates.

Read `generate` (sample a word, append it, go on), `kv_cache` (keys and values computed once),
`decoder` (the model arranged for one token at a time), then `evaluation`: how far from perfect.

Then what can be done with the distribution of the next word: `sampling` (temperature, top-k, top-p
and others), `readers` (a model and the language behind one interface), `sampled` (texts with their
exact probabilities), `distance` (to the language), `search` (greedy, beams, the exact mode),
`constrained` (the grammar decides what may follow), `best_of_n`, `reflection`, `calibration`.

Then serving, where many texts share a model: `ragged` (one forward pass for texts of different
lengths), `speculative` and `acceptance` (a cheap draft proposes, the target verifies), `paging` and
`paged_cache` (the KV cache in blocks; `paged_decoder` is the fast version), `scheduler` (static and
continuous batching), `latency` (percentiles, goodput) and `serving_simulation`.

Then the server, from the outside in: `server` (the command), `endpoints` (HTTP), `request_fields`
and `protocol` (what a client may ask), `answers` (what it gets), `supervisor` (who is served),
`worker` (the process with the model) and its `engine`; beside them `metrics`, `feedback_log` and
`feedback_file`.
`load` sends many requests (`load_client` is one of them), `load_report` says what was found.
"""
