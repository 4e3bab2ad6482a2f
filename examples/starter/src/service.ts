// The contract, which everyone who calls imports, and its handlers.
import { defineError, duplex, type, unary, type Handles } from 'rxgrid';

export interface Note {
  readonly text: string;
  readonly at: number;
}

export const Empty = defineError('empty-note', { data: type<{ text: string }>() });

export const add = unary({ name: 'notes.add', request: type<string>(), response: type<number>(), errors: [Empty] });

/** All notes from one on. */
export const list = duplex({ name: 'notes.list', request: type<{ from: number }>(), output: type<Note>() });

export function serve(host: Handles): void {
  const notes: Note[] = [];
  host.handle(add, (text) => {
    if (text.trim() === '') throw new Empty('A note needs a text.', { text });
    return notes.push({ text, at: Date.now() });
  });
  host.handle(list, function* ({ from }) {
    for (let n = from; n < notes.length; n++) yield notes[n]!;
  });
}
