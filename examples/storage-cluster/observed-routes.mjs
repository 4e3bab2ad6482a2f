// @ts-check
// Routes that the dashboard makes forms of: their schemas can be told as JSON Schema.
import { defineError, duplex, type, unary } from 'rxgrid';
import { z } from 'zod';

export const TooShort = defineError('search-too-short', { data: type() });

/** The paths of files. */
export const search = unary({
  name: 'search',
  request: z.object({
    text: z.string().describe('A part of the path'),
    limit: z.int().min(1).max(1_000).default(20).describe('Paths at most'),
    order: z.enum(['path', 'size']).optional().describe('What comes first'),
  }),
  response: z.object({ found: z.int(), paths: z.array(z.string()) }),
  errors: [TooShort],
  idempotent: true,
});

/** Every change, as fast as its reader takes them. */
export const journal = duplex({
  name: 'journal',
  output: z.object({ number: z.int() }),
  outCapacity: 4,
  idempotent: true,
});

/** How full a host is, again and again. */
export const tail = duplex({
  name: 'tail',
  request: z.object({ everyMs: z.int().min(100).max(60_000).default(1_000).describe('Between two items, in ms') }),
  output: z.object({ files: z.int(), bytes: z.int() }),
  idempotent: true,
});
