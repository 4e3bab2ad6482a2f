/**
 * An ESLint rule: each test has an assertion that its reader can see. It is in the test, or in a function of the same
 * file that the test names. `it.skip`, and tests within `describe.skip`, are exempt.
 */
export const testAsserts = {
  meta: {
    type: 'problem',
    schema: [{ type: 'array', items: { type: 'string' } }],
    messages: { none: 'This test asserts nothing: say with expect(…) what holds at its end.' },
  },
  create(context) {
    const [functions] = context.options;
    const asserting = new RegExp(`^(expect\\w*|assert\\w*|fc|${functions.join('|')})$`);
    const tests = [];
    const skipped = [];
    // Function by name: the names in it.
    const local = new Map();
    return {
      CallExpression(node) {
        const name = nameOf(node.callee);
        if (/^(describe|suite)\.skip$/.test(name)) skipped.push(node);
        if (!/^(it|test)(\.(only|failing|concurrent))?(\.each)?$/.test(name)) return;
        const body = node.arguments.find(isFunction);
        if (body !== undefined) tests.push({ node, body });
      },
      FunctionDeclaration(node) {
        local.set(node.id?.name, namesIn(node));
      },
      VariableDeclarator(node) {
        if (node.id.type === 'Identifier' && isFunction(node.init)) local.set(node.id.name, namesIn(node.init));
      },
      'Program:exit'() {
        for (const { node, body } of tests) {
          const isSkipped = skipped.some(({ range }) => range[0] < node.range[0] && node.range[1] < range[1]);
          if (!isSkipped && !asserts(namesIn(body), new Set()))
            context.report({ node: node.callee, messageId: 'none' });
        }
      },
    };

    function asserts(names, seen) {
      return [...names].some((name) => {
        if (asserting.test(name)) return true;
        if (seen.has(name) || !local.has(name)) return false;
        seen.add(name);
        return asserts(local.get(name), seen);
      });
    }

    function namesIn(root) {
      const names = new Set();
      const visit = (node) => {
        if (node.type === 'Identifier') names.add(node.name);
        for (const key of context.sourceCode.visitorKeys[node.type] ?? []) {
          for (const child of [node[key]].flat()) if (child) visit(child);
        }
      };
      visit(root);
      return names;
    }
  },
};

function isFunction(node) {
  return node?.type === 'ArrowFunctionExpression' || node?.type === 'FunctionExpression';
}

/** The callee as it is written: `it`, `it.each` for `it.each([…])(…)`, `describe.skip`. */
function nameOf(callee) {
  if (callee.type === 'Identifier') return callee.name;
  if (callee.type === 'CallExpression') return nameOf(callee.callee);
  if (callee.type === 'TaggedTemplateExpression') return nameOf(callee.tag);
  if (callee.type === 'MemberExpression') return `${nameOf(callee.object)}.${callee.property.name}`;
  return '';
}
