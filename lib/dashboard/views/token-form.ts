import { html, nothing, type TemplateResult } from 'lit-html';
import type { Page } from '../page.js';

/** Asks for the token, and says why. */
export function tokenForm(page: Page): TemplateResult {
  const { session } = page;
  const [heading, text] = reasonOf(page);
  return html`<section class="panel token">
    <h1>${heading}</h1>
    <p>${text}</p>
    ${page.hasToken ? retryButton(page) : form(page)}
    ${session === undefined || page.hasToken ? nothing : html`<p class="muted">Host: <bdi>${session.state.host}</bdi></p>`}
  </section>`;
}

function form(page: Page): TemplateResult {
  return html`<form
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        const token = new FormData(event.target as HTMLFormElement).get('token');
        if (typeof token === 'string' && token.trim() !== '') page.giveToken(token.trim());
      }}
    >
      <label for="token">Token</label>
      <input id="token" name="token" type="password" required autocomplete="off" spellcheck="false" />
      <button type="submit" class="primary">Connect</button>
    </form>
    <p class="muted">
      The token is kept by this tab until it is closed. An address that ends in <code>#token=…</code> gives it too.
    </p>`;
}

function retryButton({ session }: Page): TemplateResult {
  return html`<p class="muted">
      The command <code>rxgrid dashboard</code> gives the token: it reads the file, or runs the command, again for each
      attempt.
    </p>
    <button
      type="button"
      class="primary"
      @click=${() => {
        session?.retry();
      }}
    >
      Try again
    </button>`;
}

function reasonOf({ session }: Page): readonly [string, string] {
  if (session === undefined) return ['A token is needed', 'The host shows its figures to those who have one.'];
  if (session.expires) return ['Another token', 'The present one expires soon.'];
  const reason = session.refused ?? 'The host gave no reason.';
  const code = session.state.error?.code;
  if (code === 'permission-denied') return ['This page may not connect', reason];
  if (/expire/i.test(reason)) return ['The token has expired', reason];
  // Most hosts do not say which token is wrong, and why.
  const text = /^the token is not accepted\.?$/i.test(reason) ? 'It may be wrong, or have expired.' : reason;
  return [session.state.connects > 0 ? 'The token is no longer accepted' : 'The token is not accepted', text];
}
