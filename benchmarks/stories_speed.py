"""How fast the language itself is: stories written, parsed and weighed a second, on one core."""

from __future__ import annotations

import report

from grooves.language.stories import Stories

WRITTEN, READ = 2_000, 100  # stories a round
TARGET = 8_000  # stories written a second


def main() -> None:
    """Measure and publish."""
    arguments = report.arguments(__doc__).parse_args()
    report.one_thread()
    language = Stories()
    stories = language.corpus(READ, seed=1)
    words = sum(map(len, stories)) / READ
    work = {
        "written": (WRITTEN, lambda: language.corpus(WRITTEN, seed=2)),
        "parsed": (READ, lambda: [language.parse(story) for story in stories]),
        "weighed, the words that came": (READ, lambda: [language.score(s) for s in stories]),
        "weighed, every next word": (READ, lambda: [language.next_word_table(s) for s in stories]),
    }
    contenders = {name: function for name, (_, function) in work.items()}
    seconds = report.in_turns(contenders, rounds=3 if arguments.quick else 11)
    rows = []
    for name, (n, _) in work.items():
        middle, low, high = report.spread([n / s for s in seconds[name]])
        rows.append(
            {
                "stories": name,
                "a second": middle,
                "half between": f"{low:,.0f} and {high:,.0f}",
                "words a second": middle * words,
            }
        )
    entropy = language.entropy()
    notes = [
        f"Target: {TARGET:,} stories written a second. Reached: {rows[0]['a second'] / TARGET:.1f}"
        " times that.",
        f"A story has {words:.0f} words, of {len(language.vocabulary)} different ones; entropy "
        f"{entropy.nats_per_word:.4f} ± {entropy.standard_error:.4f} nats a word.",
        "The limit is the interpreter: a word written is one or two steps of a Python loop.",
    ]
    title = "Stories: the language's own speed, one core"
    report.publish("stories_speed", title, rows, notes, arguments.out)


if __name__ == "__main__":
    main()
