import type { Page } from './page.js';
import { views } from './ui.js';

/** Handles the keys of the whole page. The page ignores keys that the user types into a field. */
export function addKeys(page: Page): void {
  addEventListener('keydown', (event) => {
    const target = event.target as HTMLElement;
    const isField = /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
    if (event.key === 'Escape' && isField) target.blur();
    if (isField || event.ctrlKey || event.metaKey || event.altKey) return;
    const view = views[Number(event.key) - 1];
    if (view !== undefined) location.hash = `#/${view}`;
    else if (event.key === 'p') page.setPaused(!page.ui.paused);
    else if (event.key === 't') {
      page.ui.nextTheme();
      page.draw();
    } else if (event.key === '/') {
      document.querySelector<HTMLInputElement>('[data-filter]')?.focus();
      event.preventDefault();
    }
  });
}
