// What the explorable `trucks` says, with its numbers.

import { filling, loadTime, throughput, wanted } from "./delivery.mjs";
import { digits, quantity, times } from "../shared/units.mjs";

export const FLEETS = {
  car: { name: "The Ferrari", one: "Ferrari", idea: "Quickly there, and not much on board." },
  trucks: { name: "The trucks", one: "trucks", idea: "Slow to arrive, and very many." },
};

export const nanoseconds = (ns) => quantity(1e-9 * ns, "s");
export const gigabytes = (rate) => quantity(1e9 * rate, "B/s");
const many = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

/** Who has a load first: "car", "trucks" or "both". */
export function first({ car, trucks }, load) {
  const [a, b] = [loadTime(car, load), loadTime(trucks, load)];
  return a === b ? "both" : a < b ? "car" : "trucks";
}

export const question = (load) => `${quantity(load, "B")} are asked for. Who has delivered all of it first?`;

export function winner(fleets, load) {
  const [a, b] = [loadTime(fleets.car, load), loadTime(fleets.trucks, load)];
  const who = first(fleets, load);
  if (who === "both") return "Both at the same time.";
  const ratio = Math.max(a, b) / Math.min(a, b);
  return who === "car" ? `The Ferrari, ${times(ratio)} as fast: the first trip counts, and it is over sooner.` : `The trucks, ${times(ratio)} as fast: what counts is how much is under way.`;
}

/** Little's law with a fleet's numbers, and what caps it. */
export function law(fleet) {
  const { in_flight, trip_bytes, latency_ns, road_gb_per_s } = fleet;
  const sum = `${in_flight.toLocaleString("en")} under way × ${trip_bytes.toLocaleString("en")} B ÷ ${digits(latency_ns)} ns = ${gigabytes(wanted(fleet))}`;
  if (wanted(fleet) > road_gb_per_s) return `${sum}, but the road is full at ${gigabytes(road_gb_per_s)}. ${many(filling(fleet), "trip")} under way would do.`;
  if (wanted(fleet) === road_gb_per_s) return `${sum}: just what the road holds.`;
  return `${sum}. The road would hold ${gigabytes(road_gb_per_s)}: ${digits((100 * throughput(fleet)) / road_gb_per_s)}% of it is used, and ${many(filling(fleet), "trip")} under way would fill it.`;
}

/** What has happened by a time. trips: that are there. */
export function progress({ trip_bytes }, trips, underWay) {
  return `${many(trips, "trip")} there: ${quantity(trips * trip_bytes, "B")}. ${underWay.toLocaleString("en")} under way.`;
}

/** What the two fleets have in common, and where the picture misleads. */
export function lesson({ car, trucks }) {
  const rates = [throughput(car), throughput(trucks)];
  const [high, low] = [Math.max(...rates), Math.min(...rates)];
  const leader = rates[1] >= rates[0] ? "trucks" : "Ferrari";
  const more = high / low < 1.05 ? "Both deliver about the same each second." : `In the long run the ${leader} deliver${leader === "trucks" ? "" : "s"} ${times(high / low)} as much each second.`;
  const roads = trucks.road_gb_per_s / car.road_gb_per_s;
  const misleading = roads > 1.05 ? ` The picture hides one thing: the trucks also have a road that is ${times(roads)} as wide. Give both the same road, and see what is left.` : " Both roads are as wide, or the Ferrari’s is wider: what is left is how much is under way.";
  return more + misleading;
}
