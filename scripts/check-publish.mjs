// Run by `npm publish`: refuses while package.json leads to the placeholder of the repository.
import { readFileSync } from 'node:fs';

const { homepage, bugs, repository } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const placeholders = [homepage, bugs, repository.url].filter((url) => url.includes('.invalid/'));
if (placeholders.length > 0) {
  console.error(`rxgrid: set homepage, bugs and repository in package.json first: ${placeholders.join(', ')}`);
  process.exitCode = 1;
}
