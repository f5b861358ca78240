"""Stories drawn in Python with the random numbers of the pages, to compare the two."""

import torch

from grooves.explorables.teller.still import random_number
from grooves.inference.readers import open_reader


def told_in_python(source, language, sampler, seeds):
    """Stories drawn with the page's random numbers: words, ended, sum of entropies, words drawn."""
    reader = open_reader(source, torch.zeros((len(seeds), 1), dtype=torch.long))
    words, nats = [[] for _ in seeds], [0.0] * len(seeds)
    live, ended = set(range(len(seeds))), set()
    for place in range(192):
        q = sampler.probabilities(reader.logits.double())  # (B, V)
        sums, nats_here = q.cumsum(-1), -torch.special.xlogy(q, q).sum(-1)
        chosen = torch.zeros(len(seeds), dtype=torch.long)
        for row in sorted(live):
            above = sums[row] > random_number(seeds[row], place)
            chosen[row] = int(above.int().argmax()) if above.any() else int(q[row].nonzero()[-1])
            nats[row] += float(nats_here[row])
            if chosen[row] == 0:
                live.remove(row), ended.add(row)
            else:
                words[row].append(language.vocabulary[chosen[row]])
        if not live:
            break
        if place < 191:
            reader.read(chosen)
    return words, ended, nats
