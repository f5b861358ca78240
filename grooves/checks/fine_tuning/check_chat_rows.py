"""Check of lab 06: a dialogue in a chat template, with the loss on the answers (chapter 06).

Key idea: every token of a dialogue is another number, so inputs and targets show which token stands
where and which target counts. Dialogues have one turn or several, and turns of different lengths.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.arrays import judge_parts
from grooves.checks.compare import Mistake, written_by_hand
from grooves.language.corpora import IGNORED

LAB = "06_fine_tuning"
NAMES = ("the inputs", "the targets")


def _tokens(
    dialogue,
    user,
    assistant,
    first=(0,),
    before_turn=(),
    after_question=(),
    after_answer=(0,),
    last_end=(),
):
    """The tokens of a dialogue, and what each is: "u" user, "r" role, "a" answer, "e" its end."""
    tokens, kinds = list(first), ["s"] * len(first)
    for question, answer in dialogue:
        tokens += [
            *before_turn,
            user,
            *question,
            *after_question,
            assistant,
            *answer,
            *after_answer,
        ]
        kinds += [
            *("s" * len(before_turn)),
            "n",
            *("u" * len(question)),
            *("u" * len(after_question)),
            "r",
        ]
        kinds += [*("a" * len(answer)), *("e" * len(after_answer))]
    return tokens + list(last_end), kinds + ["e"] * len(last_end)


def _rows(dialogue, user, assistant, counts="ae", ignored=IGNORED, shift=1, look=None, **template):
    """Inputs and targets, right or with a part exchanged.

    counts: kinds of targets that count. shift: of the targets. look: offset of the mask.
    """
    tokens, kinds = _tokens(dialogue, user, assistant, **template)
    n = len(tokens) - 1
    targets = tokens[shift : shift + n]
    of = kinds[1 if look is None else look :][:n]
    kept = [t if kind in counts else ignored for t, kind in zip(targets, of, strict=True)]
    return tokens[:-1], kept


def _first_word_ignored(dialogue, user, assistant):
    inputs, targets = _rows(dialogue, user, assistant)
    targets = [IGNORED if i == assistant else t for i, t in zip(inputs, targets, strict=True)]
    return inputs, targets


def _last_only(dialogue, user, assistant):
    inputs, targets = _rows(dialogue, user, assistant)
    last = len(inputs) - 1 - inputs[::-1].index(user)
    return inputs, [IGNORED] * last + targets[last:]


def _with(**parts):
    return lambda *inputs: _rows(*inputs, **parts)


MISTAKES = tuple(
    Mistake(name, compute, says)
    for name, compute, says in (
        (
            "not_shifted",
            _with(shift=0, look=0),
            "the targets are the inputs. The target at each position is the next token.",
        ),
        (
            "everything_counts",
            _with(counts="nuraes"),
            "every target counts. Set those that are not the assistant's to IGNORED.",
        ),
        (
            "mask_not_shifted",
            _with(look=0),
            "your mask belongs to the inputs, so it is one position late. What counts is decided "
            "by the target.",
        ),
        *(
            (
                "role_counts",
                _with(counts=kinds),
                "a role token counts as a target. The program writes role tokens, not the model.",
            )
            for kinds in ("rae", "nae", "nrae")
        ),
        (
            "end_ignored",
            _with(counts="a"),
            "the end mark after an answer is ignored, so the model never learns to stop.",
        ),
        (
            "first_word_ignored",
            _first_word_ignored,
            "the first word of each answer is ignored. The model has to predict it, too: it is the "
            "target at the position of the assistant's role token.",
        ),
        (
            "users_words_count",
            _with(counts="u"),
            "the user's words count and the answers do not. It should be the other way round.",
        ),
        (
            "last_answer_only",
            _last_only,
            "only the last answer counts. The assistant's words count in every turn.",
        ),
        (
            "zero_for_ignored",
            _with(ignored=0),
            "you set ignored targets to 0, which is the end mark. Use IGNORED.",
        ),
        (
            "no_first_mark",
            _with(first=()),
            "the end mark at the beginning of the row is missing.",
        ),
        (
            "no_end_marks",
            _with(after_answer=()),
            "the end mark after each answer is missing.",
        ),
        (
            "no_end_marks",
            _with(after_answer=(), last_end=(0,)),
            "the end mark stands after the last answer only. Each answer has one, at which the "
            "assistant stops.",
        ),
        (
            "extra_end_mark",
            _with(after_question=(0,)),
            "you put an end mark after the question. In this template only answers have one.",
        ),
        (
            "extra_end_mark",
            _with(first=(), before_turn=(0,)),
            "you begin every turn with the end mark 0. Only the row begins with it; the next turn "
            "follows the end mark of the answer before it.",
        ),
    )
)

DIALOGUES = (
    [([5, 6, 7], [11, 12])],
    [([5], [21, 22, 23]), ([31, 32], [41])],
    [([51, 52, 53, 54], [61]), ([71], [81, 82, 83, 84, 85]), ([91, 92], [93, 94])],
    [([15, 16], [])],
    [([], [17, 18]), ([19], [25, 26, 27])],
    [([2] * 9, [3] * 4), ([4, 4], [3] * 6)],  # words that recur
    [([5, 6, 7, 6], [6, 8, 5]), ([8, 5], [7, 5, 5, 9])],  # answers that repeat a question's words
    [(list(range(100, 300)), list(range(300, 330)))] * 2,
)


@check(lab=LAB, exercise="chat_rows", returns=(tuple, list))
def chat_rows(answer):
    """chat_rows(dialogue, user, assistant) -> inputs, targets, each of T tokens."""

    def call(*inputs):
        return written_by_hand(answer, *inputs)

    for number, dialogue in enumerate(DIALOGUES):
        inputs = (dialogue, 470 + 2 * number, 471 + 2 * number)
        listed = dialogue if len(dialogue[0][0]) < 20 else "two turns of 200 and 30 words"
        given = f"dialogue = {listed}, user = {inputs[1]} and assistant = {inputs[2]}"
        expected = dict(zip(NAMES, _rows(*inputs), strict=True))
        judge_parts(call, inputs, expected, MISTAKES, given, "it should be")
    return "What the model sees and what it is trained on are two decisions."
