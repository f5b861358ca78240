"""Whose voice a fine-tuned model has, by seconds of speech and by steps, over several runs.

Notebook 06 trains once. Here each seed has its own sentences of both speakers, initialisation and
batches, and models from scratch on the same speech. "heard" are the vowels that the man said in the
training data, "unheard" the others; in one condition those are different vowels for every seed.
"both" was trained further on her speech and on his. The notebook shows what was recorded.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import report

from grooves.voice import speakers, voice_model
from grooves.voice.speakers import VOWELS
from grooves.voice.voice_metrics import Ruler, measure_vowels

FIRST_SEED = 100
UNHEARD = ("æ", "ʌ", "ɝ")  # German has none of them
SECONDS = {1: (1, 1.0), 3: (1, 3.0), 10: (4, 2.5), 30: (10, 3.0)}  # sentences, and their length
STEPS = (10, 30, 100, 300, 1000)
BOTH = WOMAN, MAN = speakers.speaker("woman"), speakers.speaker("man")


def without(vowels) -> tuple[str, ...]:
    """The vowels but these."""
    return tuple(v for v in VOWELS if v not in vowels)


def said(told) -> tuple[str, ...]:
    """The vowels that occur in some sentences."""
    return tuple(v for v in VOWELS if any(v == phoneme for s in told for phoneme, _ in s))


class Trial:
    """One seed: both speakers, a pre-trained model, and the ruler between the two."""

    def __init__(self, seed: int):
        self.seed = seed
        self.told = speakers.sentences(12, 3.0, seed=10 * seed)
        self.ruler = Ruler(
            *(measure_vowels(speakers.speak(w, self.told, seed), self.told) for w in BOTH)
        )
        tests = speakers.sentences(5, 3.0, seed=10 * seed + 1)
        self.tests = {who.name: voice_model.record(who, tests, seed + 1) for who in BOTH}
        self.hers = voice_model.record(
            WOMAN, speakers.sentences(20, 3.0, seed=10 * seed + 2), seed + 2
        )
        self.model = voice_model.pretrain(self.hers, seed)

    def his(self, seconds: int, vowels):
        """So many seconds of the man; returns the sentences and their recording."""
        n, length = SECONDS[seconds]
        told = speakers.sentences(n, length, 10 * self.seed + 3, vowels)
        return told, voice_model.record(MAN, told, self.seed + 3)

    def judge(self, model, heard, begin=None) -> dict:
        """Readings of both kinds of vowels, and the surprise at each speaker's speech."""
        found = measure_vowels(
            voice_model.speak(model, self.told, seed=self.seed, heard=begin), self.told
        )
        between = np.sqrt(WOMAN.pitch_hz * MAN.pitch_hz)
        result = {"low": float((found.pitch_hz < between).mean())}  # vowels nearer to his pitch
        result |= {
            n: voice_model.negative_log_likelihood(model, speech_of)
            for n, speech_of in self.tests.items()
        }
        for kind, vowels in (("heard", heard), ("unheard", without(heard))):
            if vowels:
                reading = asdict(self.ruler.read(found, vowels))
                result |= {f"{kind} {name}": value for name, value in reading.items()}
        return {name: round(value, 4) for name, value in result.items()}


def one(seed: int) -> dict[str, dict]:
    """All conditions of one seed."""
    trial = Trial(seed)
    german = without(UNHEARD)
    found = {"pre-trained": trial.judge(trial.model, german)}
    for seconds in SECONDS:
        told, his = trial.his(seconds, german)
        for steps in STEPS if seconds == 30 else (voice_model.TUNING_STEPS,):
            tuned = voice_model.fine_tune(trial.model, his, seed, steps)
            found[f"{seconds} s, {steps} steps"] = trial.judge(tuned, said(told))
        found[f"{seconds} s, from scratch"] = trial.judge(
            voice_model.pretrain(his, seed), said(told)
        )
    tuned = voice_model.fine_tune(trial.model, his, seed)
    found["begun with her"] = trial.judge(tuned, german, trial.hers.past[60])

    both = voice_model.fine_tune(trial.model, trial.hers + his + his, seed, 1000)  # as much of each
    for whose, recording in (("her", trial.hers), ("him", his)):
        found[f"both, begun with {whose}"] = trial.judge(both, german, recording.past[60])

    some = tuple(np.random.default_rng(seed).permutation(VOWELS)[:3])
    told, his = trial.his(30, without(some))
    found["other vowels unheard"] = trial.judge(
        voice_model.fine_tune(trial.model, his, seed), said(told)
    )
    told, his = trial.his(30, VOWELS)
    found["all vowels heard"] = trial.judge(
        voice_model.fine_tune(trial.model, his, seed), said(told)
    )
    return found


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=6, help="runs of everything")
    parsed = parser.parse_args()
    report.one_thread()
    runs, started = [], report.core_seconds()
    for seed in range(FIRST_SEED, FIRST_SEED + (2 if parsed.quick else parsed.seeds)):
        runs.append(one(seed))
        print(f"  seed {seed}: {report.core_seconds() - started:.0f} core-seconds", flush=True)
    conditions = {name: [run[name] for run in runs] for name in runs[0]}
    shown = ("heard pitch", "heard formants", "heard to_new", "unheard formants", "unheard to_new")
    shown += ("unheard right", "woman", "man")
    rows = []
    for name, results in conditions.items():
        means = {key: [r[key] for r in results if key in r] for key in shown}
        means = {key: float(np.mean(values)) if values else None for key, values in means.items()}
        rows.append({"condition": name} | means)
    notes = [
        f"Means over {len(runs)} runs. Fractions of the way from the woman to the man; to_new: "
        "relative distance from his formants; right: vowels recognised; woman, man: nats a frame."
    ]
    title = "A voice taken over"
    more = {"conditions": conditions, "first_seed": FIRST_SEED, "unheard": UNHEARD}
    report.publish("voice", title, rows, notes, parsed.out, **more)


if __name__ == "__main__":
    main()
