"""The cheapest plan is the cheapest of all, and a score of 1 is reached by it alone."""

from dataclasses import replace

import pytest

from grooves.hardware.choosing import cheapest as search
from grooves.hardware.choosing import customers as lab
from grooves.hardware.choosing.answers import rates
from grooves.hardware.choosing.servers import most_users, server
from grooves.hardware.choosing.winners import border, winner, winners
from grooves.hardware.many_devices.dense import from_published

MODEL = from_published("Llama 3.1 8B", 1024)
WORK = search.Workload(100_000, 500, 200)
SMALL = search.Offer("small", server("One L4"), 0.7)
LARGE = search.Offer("large", server("G593-ZD2"), 20)
OFFERS = [SMALL, LARGE]


def test_machine_time_is_conserved():
    # over a day, machines answer for load / peak of their time: the requests times their seconds
    one = search.plan(SMALL, MODEL, WORK, 8, 16, 3)
    seconds = rates(SMALL.server, MODEL, 8, 16, 700).seconds(500, 200)
    assert one.utilisation * 3 * 86_400 == pytest.approx(100_000 * seconds)
    assert one.load == pytest.approx(3 * one.utilisation)


def test_a_token_on_a_full_machine_follows_littles_law():
    # 16 requests are in the machine, which finishes one every `seconds`: each stays 16 times that
    one = search.plan(SMALL, MODEL, WORK, 8, 16, 1)
    seconds = rates(SMALL.server, MODEL, 8, 16, 700).seconds(500, 200)
    assert one.token_s * 200 == pytest.approx(16 * seconds)


def test_no_plan_of_a_brute_force_search_is_cheaper():
    offers = [SMALL, search.Offer("old", server("One T4"), 0.45)]
    for goal in (0.05, 0.06, 0.2):
        work = replace(WORK, token_s=goal, requests_per_day=400_000)
        valid = []
        for offer in offers:
            for bits in (16, 8):
                for users in range(1, most_users(offer.server, MODEL, bits, 700) + 1):
                    for copies in range(1, 40):
                        one = search.plan(offer, MODEL, work, bits, users, copies)
                        if not one.why_not(work):
                            valid.append(one.eur_per_day)
                            break
                        if one.load <= search.FULL:
                            break
        assert search.cheapest(offers, MODEL, work).eur_per_day == pytest.approx(min(valid))


def test_a_goal_that_no_machine_meets_has_no_plan():
    assert search.cheapest(OFFERS, MODEL, replace(WORK, token_s=1e-5)) is None
    assert search.cheapest(OFFERS, MODEL, replace(WORK, first_token_s=1e-5)) is None


def test_a_plan_says_which_goal_it_misses():
    one = search.plan(SMALL, MODEL, WORK, 8, 64, 1)
    assert one.why_not(replace(WORK, token_s=1)) == ""
    assert "A token takes" in one.why_not(replace(WORK, token_s=0.01))
    busy = search.plan(SMALL, MODEL, replace(WORK, requests_per_day=1e6), 8, 64, 1)
    assert "take more copies" in busy.why_not(WORK)


def test_strict_goals_are_won_by_bandwidth_and_few_requests_by_the_small_machine():
    rows = winners(
        OFFERS, MODEL, WORK, ("requests_per_day", [100, 1000]), ("token_s", [1e-5, 0.005, 0.1])
    )
    assert rows == [["", ""], ["large", "large"], ["small", "small"]]


def test_on_both_sides_of_a_border_another_machine_wins():
    at = border(OFFERS, MODEL, WORK, "token_s", 0.005, 0.1)
    assert winner(OFFERS, MODEL, replace(WORK, token_s=at * 0.999)) == "large"
    assert winner(OFFERS, MODEL, replace(WORK, token_s=at * 1.001)) == "small"


def test_the_optimum_scores_one_and_a_copy_too_many_less():
    offers = lab.rented_offers()
    best = lab.optimum(offers)
    made = {k: lab.Decision(p.offer, p.copies, p.bits, p.users) for k, p in best.items()}
    assert lab.plan_score(made, offers) == (1.0, [])
    name = next(iter(made))
    made[name] = replace(made[name], copies=made[name].copies + 1)
    cost = sum(p.eur_per_day for p in best.values())
    more = best[name].eur_per_day / best[name].copies
    assert lab.plan_score(made, offers)[0] == pytest.approx(cost / (cost + more))


def test_an_invalid_plan_scores_nothing_and_says_why():
    offers = lab.rented_offers()
    made = {
        "law firm": lab.Decision("T4 on demand", 100, 8, 1),
        "web shop": lab.Decision("L4 on demand", 1, 8, 64),
    }
    score, reasons = lab.plan_score(made, offers)
    assert score == 0
    assert "does not fit into T4 on demand" in reasons[0]
    assert "take more copies" in reasons[1]
    assert reasons[2] == "voice assistant: there is no decision."


def test_a_customer_gets_no_fewer_bits_than_the_quality_demands():
    offers = lab.rented_offers()
    voice = lab.CUSTOMERS[2]
    strict = replace(voice, least_bits=16)
    few = lab.Decision("A100 80 GB on demand", 1, 8, 2)
    assert lab.decide(voice, offers, few)[1] == ""
    assert (
        "8 bits are too few; the quality demands at least 16" in lab.decide(strict, offers, few)[1]
    )
    (best,) = lab.optimum(offers, (strict,)).values()
    assert best.bits == 16


def test_parts_of_a_copy_or_of_a_user_cannot_be_rented():
    offers = lab.rented_offers()
    for copies, users in ((1.5, 2), (1, 2.5)):
        decision = lab.Decision("A100 80 GB on demand", copies, 8, users)
        assert "must be integers" in lab.decide(lab.CUSTOMERS[2], offers, decision)[1]


def test_a_price_per_device_is_multiplied_by_the_devices():
    rent = {offer.name: offer for offer in lab.rented_offers()}
    one, eight = rent["H100 on demand"], rent["8 × H100 on demand"]
    assert eight.eur_per_hour == pytest.approx(8 * one.eur_per_hour)
    assert eight.server.n_devices == 8 and one.server.n_devices == 1


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: replace(WORK, peak=0.5), "peak=0.5 must be at least 1"),
        (lambda: replace(WORK, tokens_out=0), "tokens_out=0 must be positive"),
        (lambda: border(OFFERS, MODEL, WORK, "token_s", 0.1, 0.2), "'small' wins at both"),
        (lambda: border(OFFERS, MODEL, WORK, "tokens", 1, 2), "'tokens' is no field of a workload"),
        (
            lambda: lab.decide(lab.CUSTOMERS[0], OFFERS, lab.Decision("x", 1, 8, 1)),
            "'x' is not one",
        ),
    ],
)
def test_an_impossible_plan_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
