import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { readPage, type PageFiles } from '../../../lib/node/dashboard/page-files.js';
import { buildDashboard } from '../../../scripts/build/dashboard.mjs';

const project = resolve(__dirname, '../../..');

/** Builds the page of the dashboard, as the package has it. */
export async function builtPage(): Promise<PageFiles> {
  const folder = mkdtempSync(join(tmpdir(), 'rxgrid-dashboard-'));
  try {
    await buildDashboard(project, folder);
    return readPage(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
