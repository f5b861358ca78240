// Fleets that deliver bytes: when each trip arrives, and how many bytes arrive per second.
//
// Key idea: throughput is what is in flight divided by the latency, up to the bandwidth of the road.
// The same formulas as `Fleet` in widget.py. Chapter 11.
// Source: Little 1961, "A proof for the queuing formula L = λW", Operations Research 9(3).

const JUST = 1e-9; // of a trip: what rounding may take away

/** fleet: { latency_ns, trip_bytes, in_flight, road_gb_per_s }; a GB/s is a byte per ns. */
const gate = ({ trip_bytes, road_gb_per_s }) => trip_bytes / road_gb_per_s;
const lap = (fleet) => Math.max(fleet.latency_ns, fleet.in_flight * gate(fleet));
export const tripTime = (fleet) => Math.max(fleet.latency_ns, gate(fleet));

/** Bytes per nanosecond in the steady state: by Little's law alone, and up to the bandwidth. */
export const wanted = ({ in_flight, trip_bytes, latency_ns }) => (in_flight * trip_bytes) / latency_ns;
export const throughput = (fleet) => Math.min(wanted(fleet), fleet.road_gb_per_s);

/** How many trips must be in flight to use the whole bandwidth. */
export const filling = ({ latency_ns, trip_bytes, road_gb_per_s }) => Math.ceil((road_gb_per_s * latency_ns) / trip_bytes - JUST);

/** When a trip (from 0) leaves, if all start at once and return without a pause. */
export function departure(fleet, trip) {
  return Math.floor(trip / fleet.in_flight) * lap(fleet) + (trip % fleet.in_flight) * gate(fleet);
}

/** How many trips have left by a time. */
export function left(fleet, time) {
  if (time < 0) return 0;
  const laps = Math.floor(time / lap(fleet) + JUST);
  const since = Math.max(0, time - laps * lap(fleet));
  return laps * fleet.in_flight + Math.min(fleet.in_flight, Math.floor(since / gate(fleet) + JUST) + 1);
}

/** How many trips have arrived by a time. */
export const arrived = (fleet, time) => left(fleet, time - tripTime(fleet));

/** When the last byte of a load arrives. */
export function loadTime(fleet, load) {
  return departure(fleet, Math.max(0, Math.ceil(load / fleet.trip_bytes) - 1)) + tripTime(fleet);
}
