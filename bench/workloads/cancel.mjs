/** Cancels a stream within the item number `after`, and tells how many items came, also after that. */
export async function cancel(client, { count, size, after, waitMs }) {
  let got = 0;
  let cancelled;
  const isCancelled = new Promise((resolve) => (cancelled = resolve));
  const stream = client.stream(count, size, () => {
    if (++got !== after) return;
    stream.cancel();
    cancelled();
  });
  stream.done.catch(() => {});
  await isCancelled;
  const at = Date.now();
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  return { got, at };
}
