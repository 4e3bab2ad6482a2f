import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { readPage, type PageFiles } from '../../../lib/node/dashboard/page-files.js';
import { buildDashboard } from '../../../scripts/build/dashboard.mjs';
import { bundleForBrowsers, entriesForBrowsers } from '../../../scripts/build/web.mjs';

const project = resolve(__dirname, '../../..');

/** Builds the page of the dashboard, as the package has it. */
export async function builtPage(): Promise<PageFiles> {
  const folder = mkdtempSync(join(tmpdir(), 'rxgrid-dashboard-'));
  try {
    await buildPage(folder);
    return readPage(join(folder, 'dashboard'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Builds the page of the dashboard into the folders `web` and `dashboard` of a folder that stands for `dist`. */
export async function buildPage(dist: string): Promise<void> {
  const web = join(dist, 'web');
  const manifest = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { exports: object };
  const entries = entriesForBrowsers(manifest);
  const from = join(project, 'lib');
  const metafile = await bundleForBrowsers(project, { from, extension: 'ts', to: web, entries });
  await buildDashboard(project, { web, metafile, to: join(dist, 'dashboard') });
}

/** What the page complains about: of its policy, of errors that nobody caught, on its console. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  return complaints;
}
