// What the explorable `choosing` says: numbers with units, the winner, what it wins by. Chapter 15.

import { digits, quantity } from "../shared/units.mjs";

export const euros = (value) => `${value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString("en")} €`;
export const whole = (value) => Math.round(Number(value.toPrecision(2))).toLocaleString("en");
export const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}%`;

/** A machine and how many of it. */
export const machines = ({ offer, copies }) => (copies === 1 ? offer : `${copies} of: ${offer}`);

/** The cells of a plan's row. */
export function cells(plan) {
  return [machines(plan), `${plan.bits} bits, ${plan.users} at once`, quantity(plan.tokenS, "s"), percent(plan.utilisation), euros(plan.eurPerDay)];
}

/** Who wins at the chosen workload, and by how much. */
export function verdict(plans) {
  if (!plans.length) return "No plan is fast enough: allow more time per token or more time until the first token.";
  const [first, second] = plans;
  const lead = second ? ` The next, ${machines(second)}, costs ${digits(Number((second.eurPerDay / first.eurPerDay).toPrecision(2)))} times as much.` : " No other machine is fast enough.";
  return `Cheapest: ${machines(first)}, ${euros(first.eurPerDay)} per day.${lead}`;
}

/** Whether the winner is safe: within so small a lead a wrong price changes it. */
export function doubt(plans) {
  if (plans.length < 2) return "";
  const ratio = plans[1].eurPerDay / plans[0].eurPerDay;
  return ratio < 1.25 ? "This lead is smaller than the uncertainty of the prices, so they do not decide between the two." : "";
}

export const question = (work) => `${whole(work.requests)} requests per day, tokens at most ${quantity(work.tokenS, "s")} apart. Which machine is the cheapest?`;

export const right = (name) => `Right: ${name}.`;
export const wrong = (guess, name) => (name ? `Not ${guess}: ${name} is the cheapest.` : `Not ${guess}: none is fast enough.`);
