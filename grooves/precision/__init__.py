"""Number formats and memory.

Read `formats` (numbers down to the bit), `quantize` (weights in fewer bits), `stored_adapters`
(fine-tuned models as 8-bit differences), `qlora` (LoRA beside a base in 4 bits), `memory` (counted
and measured) and `budget` (a model of any size, part by part).
"""
