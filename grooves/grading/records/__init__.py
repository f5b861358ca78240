"""The records of a term: whose each submission is, what counts, and what is made from the results.

Read `results` (how an exercise can end), `people` (who handed in), `store` (one SQLite file), then
`adjustments` and `standing` (what counts for a person), and then what is made from these: `tables`,
`feedback`, `exports`, `report`, `similar`.
"""
