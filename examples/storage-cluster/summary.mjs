// The last line, and what makes the run a failure. Every figure is counted from what happened.

export function summaryOf(job, hosts) {
  // Each pair of hosts is counted at its first one: the last host is the one that is killed, and forgets its figures.
  const pairs = hosts.flatMap(({ report }, index) => {
    const later = hosts.slice(index + 1).map(({ url }) => url);
    return report?.links.filter((link) => later.includes(link.host)) ?? [];
  });
  const sum = (numbers) => numbers.reduce((all, one) => all + (one ?? 0), 0);
  const connects = [...pairs, ...hosts.map(({ state }) => state)].map((link) => link?.connects ?? 0);
  return {
    hosts: hosts.filter(({ state }) => state?.status === 'connected').length,
    files: job.stored.size,
    bytes: job.bytes,
    calls: sum([
      ...hosts.map(({ stats }) => stats?.callsOut),
      ...pairs.flatMap((link) => [link.callsOut, link.callsIn]),
    ]),
    reconnects: sum(connects.map((times) => Math.max(0, times - 1))),
    failedAndRetried: sum([job.retried, ...hosts.map(({ report }) => report?.failedCopies)]),
    lost: job.stored.size - job.counts.read,
    corrupted: job.counts.corrupted,
  };
}

export function problemsOf({ stored, counts, hit }, summary) {
  const problems = [];
  if (stored.size === 0) problems.push('nothing was stored');
  if (counts.failed > 0) problems.push(`${counts.failed} files could not be stored`);
  if (summary.lost !== 0) problems.push(`${summary.lost} of ${stored.size} stored files could not be read back`);
  if (summary.corrupted > 0) problems.push(`${summary.corrupted} files have other bytes than were stored`);
  if (summary.hosts < 3) problems.push(`${summary.hosts} of 3 hosts are there at the end`);
  if (summary.reconnects === 0) problems.push('no connection was lost and made again');
  if (hit === 0) problems.push('the kill hit no call');
  return problems;
}
