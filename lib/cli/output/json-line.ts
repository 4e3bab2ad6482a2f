/**
 * A value as one line of JSON, whose texts may be those of another side. It is ASCII, because JSON.stringify leaves
 * DEL, C1 controls and bidirectional marks as they are, on which a terminal would act.
 */
export function jsonLine(value: object): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, escape);
}

function escape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
