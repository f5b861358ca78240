"""A voice as a picture: its vowels beside those of two speakers, and its pitch over time.

Key idea: the measurements of `grooves.voice.voice_metrics` in the axes that phoneticians use.
Chapter 06.
"""

from __future__ import annotations

import numpy as np

from grooves.plots import figures, lettering
from grooves.voice import acoustics
from grooves.voice.speakers import VOWELS
from grooves.voice.voice_metrics import Ruler, VowelMeasurements, median_voice, pitch_over_time

DASHES = ("-", "--", "-.", ":")


def vowel_chart(
    ruler: Ruler, heard: VowelMeasurements, new_to_it, alt: str, caption: str
) -> figures.Picture:
    """The first two formants of each vowel: the old speaker's, the new one's, and a model's.

    new_to_it: vowels that the model never heard from the new speaker.
    """
    figure, axes = figures.canvas(4.2)
    said, vowels = median_voice(heard, VOWELS), []
    for row, vowel in enumerate(VOWELS):
        ends = np.exp(np.stack((ruler.old[row], ruler.new[row]))[:, 1:3])
        axes.plot(ends[:, 1], ends[:, 0], color=figures.INK, linewidth=0.7, alpha=0.4)
        vowels.append((vowel, ends[0, ::-1]))
        for end, colour in zip(ends, (figures.BLUE, figures.VERMILION), strict=True):
            axes.plot(end[1], end[0], "o", color=colour, markersize=6, fillstyle="none")
        colour, mark = (figures.PINK, "D") if vowel in new_to_it else (figures.GREEN, "s")
        axes.plot(*np.exp(said[row, 2:0:-1]), mark, color=colour, markersize=5)
    marks = ("woman", figures.BLUE, "o"), ("man", figures.VERMILION, "o")
    marks += ("model, vowel heard", figures.GREEN, "s"), ("model, not heard", figures.PINK, "D")
    names = []
    for name, colour, mark in marks:
        look = {"color": colour, "marker": mark, "linestyle": "none"}
        look |= {"fillstyle": "none" if mark == "o" else "full"}
        names.append(lettering.Name(name, 0, look))
    lettering.legend(axes, names, figures.FONT_SIZE)
    axes.set(
        xscale="log", yscale="log", xlabel="second formant in Hz", ylabel="first formant in Hz"
    )
    axes.set_xticks(marks := (800, 1200, 1800, 2600), marks)
    axes.set_yticks(marks := (300, 450, 600, 900), marks)
    axes.minorticks_off()
    axes.invert_xaxis()  # as phoneticians draw it: the tongue is in front at the left, high above
    axes.invert_yaxis()
    lettering.settle(figure, figures.FONT_SIZE)  # before the vowels are placed
    for vowel, spot in vowels:
        lettering.note(axes, vowel, spot, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)


def pitch_tracks(waves: dict, alt: str, caption: str, seconds: float = 1.5) -> figures.Picture:
    """Pitch over the first seconds of several models: the median over sentences for each frame.

    waves: name -> N waveforms of equal length.
    """
    figure, axes = figures.canvas(3.2)
    axes.set(xlabel="seconds since the beginning", ylabel="pitch in Hz", ylim=(90, 260))
    n = round(seconds / acoustics.HOP_S)
    time = (np.arange(n) + 0.5) * acoustics.HOP_S
    names = []
    for place, ((name, spoken), dash) in enumerate(zip(waves.items(), DASHES, strict=False)):
        look = {"color": figures.colour_of(name, place), "linestyle": dash}
        track = pitch_over_time(spoken)[:n]
        voiced = time > 0.1  # before, there is silence
        axes.plot(time[voiced], track[voiced], **look)
        names.append(lettering.Name(name, track[-1], look))
    lettering.legend(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)
