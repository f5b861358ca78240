// Latencies of a trace: grooves/inference/latency.py once more. Chapter 09.

/** The smallest value such that at least p % of all values are not above it (nearest rank). */
export function percentile(values, p) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.ceil((p * sorted.length) / 100 - 1e-9) - 1];
}

/** What users and the owner of a server look at, in seconds, per second, or as a share.
 *
 * trace: of `simulate`. slots: how many texts could run at a time.
 */
export function summary({ finished, steps }, slots) {
  const first = finished.map(({ times, arrival }) => times[0] - arrival);
  const gaps = finished.flatMap(({ times }) => times.slice(1).map((time, i) => time - times[i]));
  const total = finished.map(({ times, arrival }) => times.at(-1) - arrival);
  const last = Math.max(...finished.map(({ times }) => times.at(-1)));
  const duration = last - Math.min(...finished.map(({ arrival }) => arrival));
  const words = finished.reduce((sum, { times }) => sum + times.length, 0);
  const sum = (value) => steps.reduce((all, step) => all + value(step), 0);
  return {
    firstMedian: percentile(first, 50),
    first99: percentile(first, 99),
    gap99: percentile(gaps, 99),
    gapLongest: Math.max(...gaps),
    totalMedian: percentile(total, 50),
    words: words / duration,
    requests: finished.length / duration,
    slots: sum(({ start, end, nRunning }) => nRunning * (end - start)) / duration / slots,
    padding: sum(({ padding }) => padding) / sum(({ nTokens }) => nTokens),
    preemptions: finished.reduce((all, { preemptions }) => all + preemptions.length, 0),
  };
}
