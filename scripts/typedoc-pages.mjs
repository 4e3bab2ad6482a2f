// A plugin of typedoc: a page is named by its heading, and stands in the group of its folder.
import { Comment, CommentTag, Converter } from 'typedoc';

const groups = [
  [/\/docs\/guide\//, 'Guide'],
  [/\/docs\/decisions\//, 'Decisions'],
  [/\/docs\//, 'Behind it'],
];

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, page) => {
    const [first] = page.content;
    const heading = /^# (.+)$/m.exec(first?.text ?? '')?.[1];
    if (heading !== undefined) page.name = heading;
    const path = page.project.files.getReflectionPath(page) ?? '';
    const group = groups.find(([pattern]) => pattern.test(path))?.[1];
    if (group === undefined) return;
    page.comment ??= new Comment();
    page.comment.blockTags.push(new CommentTag('@group', [{ kind: 'text', text: group }]));
  });
}
