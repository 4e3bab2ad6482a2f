// The model of docs/scaling.md: what a full mesh of so many hosts costs. A connection has two ends, and an end costs
// the same whatever the number of hosts. The constants are those of the line through the meshes of 32 and 128 hosts,
// which ran in the same number of processes; that of 64 tests it.
export const sizes = [3, 8, 32, 64, 128, 1_024];

/** `points`: as measured; see plot-scaling.mjs. */
export function model(hosts, points) {
  const [smallest, largest] = [32, 128].map((size) => points.find((point) => point.hosts === size));
  const ends = hosts * (hosts - 1);
  const heapOfEnd = (largest['heap MiB'] - smallest['heap MiB']) / (largest.ends - smallest.ends);
  const cpuOfEnd = (largest['CPU %/host'] - smallest['CPU %/host']) / (largest.hosts - smallest.hosts);
  const secondsOfEnd = (largest.ms - smallest.ms) / 1_000 / (largest.ends - smallest.ends);
  return {
    heapMiB: smallest['heap MiB'] + heapOfEnd * (ends - smallest.ends),
    heapKiBOfHost: heapOfEnd * (hosts - 1) * 1_024,
    cpuPercent: smallest['CPU %/host'] + cpuOfEnd * (hosts - smallest.hosts),
    startSeconds: smallest.ms / 1_000 + secondsOfEnd * (ends - smallest.ends),
    startSecondsOfHostAlone: secondsOfEnd * 2 * (hosts - 1),
    keepaliveBytes: largest['keepalive B/s/end'] * (hosts - 1),
    timersOfHost: largest['timers/end'] * (hosts - 1),
  };
}
