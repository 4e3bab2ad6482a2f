import { html, nothing, type TemplateResult } from 'lit-html';
import type { Entered, Field } from './schema-fields.js';

/** The fields of a form. What the user enters stays in the elements: drawing them again does not change it. */
export function formFields(fields: readonly Field[]): TemplateResult {
  return html`<div class="fields">${fields.map(fieldPart)}</div>`;
}

/** The name of the element of a field. */
function nameOf({ path }: Field): string {
  return `field:${JSON.stringify(path)}`;
}

function fieldPart(field: Field): TemplateResult {
  const { kind, label, description, fields = [] } = field;
  const hint = description === undefined ? nothing : html`<small class="muted">${description}</small>`;
  if (kind === 'group') {
    return html`<fieldset>
      <legend><bdi>${label}</bdi></legend>
      ${hint}${fields.map(fieldPart)}
    </fieldset>`;
  }
  return html`<label class=${kind === 'json' ? 'wide-field' : 'field'}
    ><span
      ><bdi title=${label}>${label}</bdi
      >${field.required ? html`<b class="needed" title="needed">*</b>` : nothing}</span
    >
    ${control(field)}${hint}</label
  >`;
}

function control(field: Field): TemplateResult {
  const { kind, required, initial, least, most, choices = [] } = field;
  const name = nameOf(field);
  switch (kind) {
    case 'boolean':
      return html`<select name=${name}>
        ${required ? nothing : html`<option value="" ?selected=${initial === undefined}>not given</option>`}
        <option value="false" ?selected=${initial === false}>false</option>
        <option value="true" ?selected=${initial === true}>true</option>
      </select>`;
    case 'choice':
      return html`<select name=${name}>
        ${required ? nothing : html`<option value="">not given</option>`}
        ${choices.map((choice, index) => html`<option value=${index} ?selected=${choice === initial}>${String(choice)}</option>`)}
      </select>`;
    case 'number':
    case 'integer':
      return html`<input
        type="number"
        name=${name}
        step=${kind === 'integer' ? 1 : 'any'}
        min=${least ?? nothing}
        max=${most ?? nothing}
        ?required=${required}
        value=${typeof initial === 'number' ? initial : nothing}
      />`;
    case 'json':
      return html`<textarea name=${name} rows="3" spellcheck="false" placeholder="JSON"></textarea>`;
    default:
      return html`<input
        name=${name}
        autocomplete="off"
        spellcheck="false"
        value=${typeof initial === 'string' ? initial : nothing}
      />`;
  }
}

/** Reads what was entered into a form. */
export function enteredIn(form: HTMLFormElement): Entered {
  const data = new FormData(form);
  return (field) => {
    const value = data.get(nameOf(field));
    return typeof value === 'string' ? value : undefined;
  };
}
