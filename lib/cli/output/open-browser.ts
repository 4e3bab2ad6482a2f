import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The program of a system that opens a file with the user's browser, and its arguments before the file. */
const openers: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

/**
 * Opens an address that holds a secret in the browser of the user. All users of a machine see the arguments of a
 * process, so the browser is given a file that this user alone can read, which leads to the address.
 *
 * @returns removes the file. @throws Error where no browser can be started.
 */
export async function openBrowser(address: string, platform: NodeJS.Platform = process.platform): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'rxgrid-dashboard-'));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const file = join(folder, 'open.html');
    writeFileSync(file, redirectTo(address), { mode: 0o600 });
    const [program, ...args] = openers[platform] ?? ['xdg-open'];
    const child = spawn(program, [...args, file], { detached: true, stdio: 'ignore' });
    await once(child, 'spawn');
    child.unref();
    return remove;
  } catch (error) {
    remove();
    throw error;
  }
}

function redirectTo(address: string): string {
  const escaped = address.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  return `<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url=${escaped}">
<title>rxgrid</title>
<a href="${escaped}">The dashboard</a>
`;
}
