import { fileErrorOf } from './file-error.js';
import type { Answer } from './file-routes.js';

/** The value of an answer about a path. @throws FileError for a failure. */
export function valueOf<T>(answer: Answer<T>, path: string): T {
  if ('failure' in answer) throw fileErrorOf(answer.failure, path);
  return answer.value;
}
