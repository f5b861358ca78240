// What the explorable `trucks` says, with its numbers.

import { filling, loadTime, throughput, tripTime, wanted } from "./delivery.mjs";
import { digits, quantity, times } from "../shared/units.mjs";

export const FLEETS = {
  car: { name: "The Ferrari", idea: "Low latency, but little on board." },
  trucks: { name: "The trucks", idea: "High latency, but a great many of them." },
};

export const nanoseconds = (ns) => quantity(1e-9 * ns, "s");
export const gigabytes = (rate) => quantity(1e9 * rate, "B/s");
const many = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

/** Which fleet delivers a load first: "car", "trucks" or "both". */
export function first({ car, trucks }, load) {
  const [a, b] = [loadTime(car, load), loadTime(trucks, load)];
  return a === b ? "both" : a < b ? "car" : "trucks";
}

export const question = (load) => `The core requests ${quantity(load, "B")}. Which fleet delivers the last byte first?`;

/** Which fleet was first, and whether latency or throughput decided it. */
export function winner(fleets, load) {
  const who = first(fleets, load);
  if (who === "both") return "Both at the same time.";
  const [one, other] = who === "car" ? [fleets.car, fleets.trucks] : [fleets.trucks, fleets.car];
  const lead = `${FLEETS[who].name}, ${times(loadTime(other, load) / loadTime(one, load))} as fast`;
  const [sooner, more] = [tripTime(one) < tripTime(other), throughput(one) > throughput(other)];
  if (sooner && more) return `${lead}, thanks to both a lower latency and a higher throughput.`;
  return sooner ? `${lead}: for so small a load, latency decides.` : `${lead}: for so large a load, throughput decides.`;
}

/** Little's law with a fleet's numbers, and what limits it. */
export function law(fleet) {
  const { in_flight, trip_bytes, latency_ns, road_gb_per_s } = fleet;
  const sum = `${in_flight.toLocaleString("en")} in flight × ${trip_bytes.toLocaleString("en")} B ÷ ${digits(latency_ns)} ns = ${gigabytes(wanted(fleet))}`;
  if (wanted(fleet) > road_gb_per_s) return `${sum}, but the bandwidth limits it to ${gigabytes(road_gb_per_s)}: ${many(filling(fleet), "trip")} in flight would be enough.`;
  if (wanted(fleet) === road_gb_per_s) return `${sum}: exactly the bandwidth.`;
  return `${sum}, which is ${digits((100 * throughput(fleet)) / road_gb_per_s)}% of the bandwidth: ${many(filling(fleet), "trip")} in flight would use all of it.`;
}

/** What has happened by a time. trips: that have arrived. */
export function progress({ trip_bytes }, trips, inFlight) {
  return `${many(trips, "trip")} delivered: ${quantity(trips * trip_bytes, "B")}. ${inFlight.toLocaleString("en")} in flight.`;
}

/** How the fleets compare, and what part their roads have in it. */
export function lesson({ car, trucks }) {
  const rates = [throughput(car), throughput(trucks)];
  const [high, low] = [Math.max(...rates), Math.min(...rates)];
  const leader = rates[1] >= rates[0] ? "the trucks deliver" : "the Ferrari delivers";
  const more = high / low < 1.05 ? "Both deliver about the same per second." : `In the long run ${leader} ${times(high / low)} as much per second.`;
  const roads = trucks.road_gb_per_s / car.road_gb_per_s;
  if (roads > 1.05) return `${more} The trucks also have a road with ${times(roads)} the bandwidth: give both the same road to see what remains.`;
  if (roads < 1 / 1.05) return `${more} The Ferrari’s road has ${times(1 / roads)} the bandwidth of the trucks’ road.`;
  return `${more} Both roads have the same bandwidth, so what matters is the bytes in flight and the latency.`;
}
