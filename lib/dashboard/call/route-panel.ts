import { html, nothing, type TemplateResult } from 'lit-html';
import { systemRuntime } from '../../runtime.js';
import { errorText } from '../../errors.js';
import type { RouteDescription } from '../../monitor/index.js';
import { clock, count, ms } from '../parts/format.js';
import { enteredIn, formFields } from './form-fields.js';
import { jsonLine, jsonText, parseJson } from './json-value.js';
import { marbles } from './marbles.js';
import type { Page } from '../page.js';
import { isText, typedValue } from './payload.js';
import { RouteCall } from './route-call.js';
import { fieldsOf, valueOf } from './schema-fields.js';

const calls = new Map<string, RouteCall>();
/** The routes whose request the user enters as JSON. */
const asJson = new Set<string>();
const maxCalls = 64;

function callOf(page: Page, host: string, route: RouteDescription): RouteCall {
  const key = `${host}\n${route.name}`;
  let call = calls.get(key);
  if (call?.route !== route) {
    call?.stop();
    call = new RouteCall(route, systemRuntime, () => {
      page.draw();
    });
    calls.set(key, call);
    const oldest = calls.keys().next().value;
    if (calls.size > maxCalls && oldest !== undefined) {
      calls.get(oldest)?.stop();
      calls.delete(oldest);
    }
  }
  return call;
}

/** A route with a form for its request, and the result of the call. */
export function routePanel(page: Page, host: string, route: RouteDescription): TemplateResult {
  const call = callOf(page, host, route);
  const key = `${host}\n${route.name}`;
  const fields = fieldsOf(route.request?.schema);
  const isForm = fields !== undefined && !asJson.has(key);
  return html`<div class="route-panel">
    <h3><bdi class="name" title=${route.name}>${route.name}</bdi></h3>
    <p class="muted">${kindText(route)}</p>
    <form
      data-route=${key}
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        submit(page, host, call, event.target as HTMLFormElement, isForm ? fields : undefined);
      }}
    >
      ${requestFields(page, route, key, fields, isForm)}
      <div class="actions">
        <button type="submit" class="primary">
          ${route.kind === 'unary' ? 'Call' : call.running ? 'Start again' : 'Start'}
        </button>
        <button
          type="button"
          ?disabled=${!call.running}
          @click=${() => {
            call.stop();
            page.draw();
          }}
        >
          Cancel
        </button>
        ${route.kind === 'unary' || route.idempotent ? nothing : html`<span class="muted">A repeated call may do its work twice.</span>`}
      </div>
    </form>
    <div class="outcome" role="status">${outcome(call)}</div>
    ${route.kind === 'duplex' ? streamPart(page, call) : nothing}
  </div>`;
}

function kindText({ kind, idempotent, input }: RouteDescription): string {
  const what =
    kind === 'unary'
      ? 'One request, one response'
      : input === undefined
        ? 'A stream of items'
        : 'A stream of items in both directions';
  return `${what}${idempotent ? '; may be repeated' : ''}.`;
}

function requestFields(
  page: Page,
  { request }: RouteDescription,
  key: string,
  fields: ReturnType<typeof fieldsOf>,
  isForm: boolean,
): TemplateResult {
  if (request === undefined) return html`<p class="muted">It takes no request.</p>`;
  if (isForm) {
    return html`${fields?.length === 0 ? html`<p class="muted">Its request has no fields.</p>` : formFields(fields ?? [])}<button
        type="button"
        class="link"
        @click=${() => {
          asJson.add(key);
          page.draw();
        }}
      >
        Enter JSON instead
      </button>`;
  }
  const label = isText(request) ? `Request, as text (${request.codec})` : 'Request, as JSON';
  const why =
    fields === undefined && !isText(request)
      ? request.schema === undefined
        ? 'The host reports no schema of it.'
        : 'No form can be made of its schema.'
      : '';
  return html`<label class="wide-field"
      ><span>${label}</span
      ><textarea name="json" rows="6" spellcheck="false" placeholder=${isText(request) ? '' : '{ }'}></textarea>
      ${why === '' ? nothing : html`<small class="muted">${why}</small>`}</label
    >
    ${
      request.schema === undefined
        ? nothing
        : html`<details>
            <summary>Its schema</summary>
            <pre tabindex="0">${jsonText(request.schema)}</pre>
          </details>`
    }
    ${
      fields === undefined
        ? nothing
        : html`<button
            type="button"
            class="link"
            @click=${() => {
              asJson.delete(key);
              page.draw();
            }}
          >
            Use the form
          </button>`
    }`;
}

function submit(
  page: Page,
  host: string,
  call: RouteCall,
  form: HTMLFormElement,
  fields: ReturnType<typeof fieldsOf>,
): void {
  const { feeds } = page;
  if (feeds === undefined) return;
  try {
    const value =
      fields === undefined
        ? typedValue(call.route.request, textIn(form, 'json'))
        : valueOf(fields, enteredIn(form), parseJson);
    call.start(feeds.connectionTo(host), call.route.request === undefined ? new Uint8Array(0) : value);
  } catch (error) {
    call.formError = errorText(error);
    page.draw();
  }
}

function textIn(form: HTMLFormElement, name: string): string {
  const value = new FormData(form).get(name);
  return typeof value === 'string' ? value : '';
}

function outcome(call: RouteCall): TemplateResult | typeof nothing {
  if (call.formError !== undefined) return html`<p class="bad"><b>Not sent.</b> ${call.formError}</p>`;
  if (call.error !== undefined) {
    return html`<p class="bad"><b>Failed${call.code === undefined ? '' : `: ${call.code}`}.</b></p>
      <p>${call.error}</p>`;
  }
  if (call.response !== undefined) {
    return html`<p class="muted">Answered in ${ms(call.response.ms)}.</p>
      <pre tabindex="0">${jsonText(call.response.value)}</pre>`;
  }
  if (call.route.kind === 'unary') return call.running ? html`<p class="muted">Waiting for the answer.</p>` : nothing;
  if (call.ended) return html`<p>Completed after ${count(call.received)} items.</p>`;
  return call.running ? html`<p class="muted">Running: ${count(call.received)} items received.</p>` : nothing;
}

function streamPart(page: Page, call: RouteCall): TemplateResult {
  return html`
    ${marbles(call, systemRuntime.now())} ${call.takesInput ? inputForm(page, call) : nothing}
    <ol class="items" tabindex="0" role="region" aria-label="Items, the newest first">
      ${call.items.map(
        ({ number, at, value }) =>
          html`<li>
            <span class="muted">${number}</span> <time>${clock(page.wallNow - (systemRuntime.now() - at))}</time>
            <code>${jsonLine(value)}</code>
          </li>`,
      )}
      ${call.items.length === 0 ? html`<li class="muted">No items yet.</li>` : nothing}
    </ol>
  `;
}

function inputForm(page: Page, call: RouteCall): TemplateResult {
  const { input } = call.route;
  return html`<form
    class="input"
    @submit=${(event: SubmitEvent) => {
      event.preventDefault();
      const form = event.target as HTMLFormElement;
      try {
        call.send(typedValue(input, textIn(form, 'item')));
        call.formError = undefined;
        form.reset();
      } catch (error) {
        call.formError = errorText(error);
      }
      page.draw();
    }}
  >
    <label class="wide-field"
      ><span>${isText(input) ? 'Item, as text' : 'Item, as JSON'}</span
      ><input name="item" autocomplete="off" spellcheck="false"
    /></label>
    <div class="actions">
      <button type="submit">Send item</button>
      <button
        type="button"
        @click=${() => {
          call.endInput();
        }}
      >
        End the input
      </button>
    </div>
  </form>`;
}
