import { defineConfig, globalIgnores } from 'eslint/config';
import rxjs from 'eslint-plugin-rxjs-x';
import tseslint from 'typescript-eslint';
import { testAsserts } from './scripts/lint/test-asserts.mjs';

/**
 * What each part of lib may import: files directly in lib, folders of lib, and packages. A folder may always import
 * from itself. `types` may be imported as types only.
 */
const bottom = [
  'check',
  'errors',
  'error-text',
  'error-brand',
  'error-info',
  'guard',
  'observe',
  'bounds',
  'limits',
  'printable',
  'rejection',
  'lent',
  'small-part',
  'piped',
];
const layers = [
  {
    files: [
      'check',
      'errors',
      'grid-error',
      'disconnected-error',
      'error-text',
      'error-info',
      'guard',
      'observe',
      'bounds',
      'limits',
      'printable',
      'rejection',
      'lent',
      'small-part',
      'runtime',
      'version',
    ],
    roots: [
      'check',
      'errors',
      'grid-error',
      'disconnected-error',
      'error-text',
      'error-brand',
      'error-info',
      'observe',
      'bounds',
      'limits',
      'printable',
      'rejection',
      'lent',
      'small-part',
    ],
  },
  {
    folder: 'wire',
    roots: bottom,
    packages: ['hash-wasm', 'hash-wasm/dist/xxhash3.umd.min.js'],
  },
  { folder: 'metrics', roots: bottom },
  { folder: 'recording', roots: bottom, folders: ['wire'] },
  { folder: 'mux', roots: bottom, folders: ['wire'], types: { roots: ['runtime'], folders: ['metrics'] } },
  { folder: 'flow', roots: bottom, packages: ['rxjs'] },
  {
    folder: 'transport',
    roots: [...bottom, 'runtime'],
    folders: ['wire'],
    types: { folders: ['mux'] },
    packages: ['rxjs'],
    // The types of isomorphic-ws are those of ws even in a browser: they stay in one file.
    except: { files: ['ws-dial'], packages: ['rxjs', 'isomorphic-ws'] },
  },
  {
    folder: 'connection',
    roots: [...bottom, 'runtime'],
    folders: ['wire', 'metrics', 'mux', 'flow', 'transport'],
    packages: ['rxjs'],
  },
  {
    folder: 'operators',
    roots: bottom,
    folders: ['flow'],
    types: { folders: ['contract'] },
    packages: ['rxjs'],
  },
  {
    folder: 'codec',
    roots: bottom,
    folders: ['wire'],
    types: { folders: ['mux'] },
    packages: ['msgpack-lite', '@standard-schema/spec'],
  },
  {
    folder: 'contract',
    roots: [...bottom, 'runtime'],
    folders: ['wire', 'flow', 'codec', 'metrics'],
    types: { folders: ['mux', 'connection'] },
    packages: ['rxjs', '@standard-schema/spec'],
  },
  {
    folder: 'interceptors',
    roots: bottom,
    folders: ['flow', 'contract'],
    types: { roots: ['runtime'] },
    packages: ['rxjs'],
  },
  {
    folder: 'calls',
    roots: [...bottom, 'runtime'],
    folders: ['wire', 'mux', 'flow', 'connection', 'contract', 'codec', 'interceptors', 'metrics'],
    packages: ['rxjs'],
  },
  {
    folder: 'handlers',
    roots: [...bottom, 'runtime'],
    folders: ['wire', 'mux', 'flow', 'contract', 'codec', 'calls', 'metrics'],
    packages: ['rxjs'],
  },
  {
    folder: 'files',
    roots: bottom,
    folders: ['wire', 'flow', 'operators', 'contract', 'codec', 'calls'],
    types: { folders: ['mux'] },
    packages: ['rxjs', '@standard-schema/spec', 'hash-wasm', 'hash-wasm/dist/sha256.umd.min.js'],
  },
  {
    folder: 'cluster',
    roots: [...bottom, 'runtime'],
    folders: ['wire', 'flow', 'contract', 'codec', 'calls'],
    packages: ['rxjs'],
  },
  {
    folder: 'endpoint',
    roots: [...bottom, 'runtime'],
    folders: [
      'wire',
      'mux',
      'flow',
      'transport',
      'connection',
      'operators',
      'contract',
      'codec',
      'calls',
      'handlers',
      'cluster',
      'metrics',
    ],
    packages: ['rxjs', 'jose', '@standard-schema/spec'],
  },
  {
    folder: 'monitor',
    roots: [...bottom, 'version'],
    folders: ['wire', 'operators', 'contract', 'codec', 'metrics', 'recording'],
    types: { roots: ['runtime'], folders: ['connection', 'endpoint', 'handlers'] },
    packages: ['rxjs'],
  },
  {
    folder: 'otel',
    roots: bottom,
    folders: ['contract', 'metrics'],
    types: { folders: ['connection', 'endpoint'] },
    packages: ['rxjs', '@opentelemetry/api'],
  },
  {
    folder: 'shared',
    roots: [...bottom, 'runtime'],
    folders: ['wire', 'flow', 'transport', 'connection', 'contract', 'calls', 'handlers', 'endpoint'],
    packages: ['rxjs'],
  },
  {
    // The page of the dashboard: it runs in browsers.
    folder: 'dashboard',
    roots: [...bottom, 'runtime'],
    folders: ['endpoint', 'monitor', 'operators', 'contract', 'codec', 'metrics'],
    types: { folders: ['connection'] },
    packages: ['rxjs', 'lit-html', 'lit-html/directives/\\w+\\.js'],
  },
  {
    files: ['index'],
    roots: [...bottom, 'runtime'],
    folders: [
      'wire',
      'mux',
      'flow',
      'transport',
      'connection',
      'operators',
      'contract',
      'codec',
      'calls',
      'handlers',
      'files',
      'endpoint',
      'cluster',
      'metrics',
    ],
    packages: ['rxjs'],
  },
];

/** Globals and properties that only Node has. */
const nodeGlobals = ['Buffer', 'process', 'global', 'setImmediate', 'clearImmediate', '__dirname', '__filename'];
/** Time and randomness come from lib/runtime.ts, so that a test can make them; only the adapters in node/ do without. */
const timeGlobals = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'queueMicrotask',
  'performance',
  'crypto',
].map((name) => ({ name, message: 'Take time and randomness from a Runtime (lib/runtime.ts).' }));
const timeProperties = [
  ...timeGlobals.map(({ name, message }) => ({ object: 'globalThis', property: name, message })),
  { object: 'Date', property: 'now', message: 'Use Runtime.wallNow(), or Runtime.now() for what measures or waits.' },
  { object: 'AbortSignal', property: 'timeout', message: 'Use Runtime.schedule().' },
  { object: 'Math', property: 'random', message: 'Use Runtime.random().' },
];
const timeSyntax = [
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: 'Use Runtime.wallNow().' },
  { selector: 'CallExpression[callee.name="Date"]', message: 'Use Runtime.wallNow().' },
];
/** Where the platform's clocks and timers become a Runtime, or virtual ones take their place. */
const clockFiles = ['lib/runtime.ts', 'lib/testing/time/{event-loop,virtual-globals,virtual-timers}.ts'];

/**
 * A spec waits for the event itself, or runs on virtual time: a sleep is too short on a slow machine and too long on every
 * other one. A delay of 0 is a turn of the event loop, not a sleep.
 */
const sleepMessage = 'Wait for the event itself, or run the spec on virtual time (gridTest, ManualRuntime).';
const sleepSyntax = [
  {
    selector:
      'NewExpression[callee.name="Promise"] CallExpression[callee.name="setTimeout"][arguments.length>1]:not([arguments.1.value=0])',
    message: sleepMessage,
  },
  {
    selector: 'CallExpression[callee.name=/^(first|last)ValueFrom$/] > CallExpression[callee.name="timer"]',
    message: sleepMessage,
  },
  { selector: 'ImportDeclaration[source.value=/timers.promises$/]', message: sleepMessage },
];
const equalSyntax = {
  selector: 'MemberExpression[property.name="toEqual"]:has(CallExpression[callee.name="expect"])',
  message: 'Use toStrictEqual: toEqual takes undefined for absent.',
};
/**
 * Functions that assert: the simulation checks what the protocol promises, `same` what the compiler infers; the others wait for what
 * they name, and fail with it where it does not come.
 */
const assertingFunctions = ['simulate', 'same', 'waitForSelector', 'leavesOf', 'is', 'problem'];

/**
 * Specs whose timers are virtual: their bodies run in gridTest, simulate or on an installed clock. The ledger of kills looks
 * at the folder of a process that is gone: nobody tells it when another one has put back what was left.
 */
const virtualSpecs = [
  'spec/connection/flows/*.ts',
  'spec/testing/**/*.ts',
  'spec/simulation/**/*.ts',
  'spec/node/files/kill-ledger.long.spec.ts',
];

/** Regular expressions for import paths, as seen from a file `depth` folders below lib. */
function pathsOf({ roots = [], folders = [] }, depth) {
  const up = depth === 0 ? '\\./' : '\\.\\./'.repeat(depth);
  return [...roots.map((name) => `${up}${name}\\.js$`), ...folders.map((name) => `${up}${name}/(?!.*\\.\\.)`)];
}

function outside(layer, depth, extra) {
  const own = layer.folder ? ['\\./(?!.*\\.\\.)', ...(depth > 1 ? ['\\.\\./(?!.*\\.\\.)'] : [])] : [];
  const packages = (layer.packages ?? []).map((name) => `${name}$`);
  const allowed = [...own, ...pathsOf(layer, depth), ...packages, ...extra];
  return allowed.length ? `^(?!${allowed.join('|')})` : '.';
}

/** In a selector a slash would end the regular expression. */
const inSelector = (regex) => `/${regex.replaceAll('/', '\\u002F')}/`;

function layerConfig(layer, name, files, depth) {
  const types = pathsOf(layer.types ?? {}, depth);
  const message = `Nothing that ${name} may use: see the table in eslint.config.js.`;
  const forbidden = outside(layer, depth, types);
  const forbiddenAsValue = outside(layer, depth, []);
  const patterns = [{ regex: forbidden, message }];
  if (types.length) {
    patterns.push({ regex: `^(${types.join('|')})`, message: 'As a type only.', allowTypeImports: true });
  }
  return {
    files,
    rules: {
      '@typescript-eslint/no-restricted-imports': ['error', { patterns }],
      // The rule above does not see `import(…)`.
      'no-restricted-syntax': [
        'error',
        { selector: `ImportExpression[source.value=${inSelector(forbiddenAsValue)}]`, message },
        { selector: 'ImportExpression:not([source.type="Literal"])', message: 'Import a literal path.' },
        { selector: `TSImportType[source.value=${inSelector(forbidden)}]`, message },
        ...timeSyntax,
      ],
      'no-restricted-globals': ['error', ...nodeGlobals, ...timeGlobals],
      'no-restricted-properties': ['error', ...timeProperties],
    },
  };
}

/**
 * Files with functions of more than 60 lines (without blank lines and comments), each with the most that it may have.
 * Measured: to split it makes a hot path slower.
 */
const longFunctions = {
  // Measured: reading the one-byte fields of a frame in functions took 1.3x as long per frame.
  'lib/wire/decode.ts': 65,
};

const layerConfigs = layers.flatMap((layer) => {
  if (!layer.folder) {
    return [
      layerConfig(
        layer,
        layer.files.join(', '),
        layer.files.map((file) => `lib/${file}.ts`),
        0,
      ),
    ];
  }
  const { folder, except } = layer;
  const configs = [
    layerConfig(layer, folder, [`lib/${folder}/*.ts`], 1),
    layerConfig(layer, folder, [`lib/${folder}/*/*.ts`], 2),
  ];
  if (except) {
    const files = except.files.map((file) => `lib/${folder}/${file}.ts`);
    configs.push(layerConfig({ ...layer, packages: except.packages }, folder, files, 1));
  }
  return configs;
});

/**
 * The folders of lib/node/files, from the lowest: each may import from those before it, and send and receive not from each
 * other.
 */
const fileFolders = { disk: [], folder: ['disk'], send: ['disk', 'folder'], receive: ['disk', 'folder'] };

const lowerMessage = 'The folders of lib/node/files import in one direction: see fileFolders in eslint.config.js.';

const foreign = { regex: '^(isomorphic-ws|rxgrid)(/|$)', message: 'Take the server from ws; import lib by its paths.' };
const above = { regex: '^\\.\\./(.*/)?(testing|cli)/', message: 'Nothing uses testing/ and cli/.' };
// A new folder imports nothing until the table has it.
const unlisted = {
  ...layerConfig({}, 'a folder that the table does not list', ['lib/**/*.ts'], 1),
  ignores: ['lib/{node,testing,cli}/**'],
};

export default defineConfig(
  globalIgnores(['dist', 'dist.*', 'docs/api', 'coverage', 'examples/nest']),
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked, rxjs.configs.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // `signal.reason`, and what a handler threw, are passed on as they are.
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],
      '@typescript-eslint/prefer-promise-reject-errors': [
        'error',
        { allowThrowingAny: true, allowThrowingUnknown: true },
      ],
      'rxjs-x/throw-error': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],
      // Bytes at a checked index: with noUncheckedIndexedAccess there is no cheaper way to say so.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // An async handler or an empty observer method follows its interface, not its body.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      // These reject inference helpers such as `type<T>()`, and `void` as a type argument.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/no-invalid-void-type': ['error', { allowInGenericTypeArguments: true }],
    },
  },
  {
    files: ['lib/**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 300 }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      'rxjs-x/no-exposed-subjects': 'error',
      'rxjs-x/no-sharereplay-before-takeuntil': 'error',
    },
  },
  ...Object.entries(longFunctions).map(([file, max]) => ({
    files: [file],
    rules: { 'max-lines-per-function': ['error', { max, skipBlankLines: true, skipComments: true }] },
  })),
  { files: ['lib/cli/**/*.ts'], rules: { 'no-console': 'off' } },
  unlisted,
  ...layerConfigs,
  {
    files: ['lib/{node,testing,cli}/**/*.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: [foreign] }] },
  },
  {
    files: ['lib/{testing,cli}/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', ...timeGlobals],
      'no-restricted-properties': ['error', ...timeProperties],
      'no-restricted-syntax': ['error', ...timeSyntax],
    },
  },
  {
    files: clockFiles,
    rules: { 'no-restricted-globals': 'off', 'no-restricted-properties': 'off', 'no-restricted-syntax': 'off' },
  },
  {
    files: ['lib/node/**/*.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: [foreign, above] }] },
  },
  ...Object.entries(fileFolders).map(([folder, lower]) => ({
    files: [`lib/node/files/${folder}/*.ts`],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [foreign, above, { regex: `^\\.\\./(?!\\.\\.|(${lower.join('|')})/)`, message: lowerMessage }] },
      ],
    },
  })),
  {
    files: ['spec/**/*.ts', 'bench/**/*.ts'],
    rules: {
      // Tests feed wrong values on purpose, and hand methods to expect().
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/unbound-method': 'off',
      'rxjs-x/no-ignored-notifier': 'off',
      'no-restricted-syntax': ['error', ...sleepSyntax, equalSyntax],
    },
  },
  {
    files: ['{spec,examples}/**/*.{spec,test}.ts'],
    plugins: { local: { rules: { 'test-asserts': testAsserts } } },
    rules: { 'local/test-asserts': ['error', assertingFunctions] },
  },
  {
    // The tsconfig of the starter is for its users, who have the package installed.
    files: ['examples/starter/**/*.ts'],
    languageOptions: { parserOptions: { projectService: false, project: './tsconfig.json' } },
  },
  {
    files: ['examples/**/*.test.ts'],
    rules: {
      // node:test waits for its tests by itself.
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', name: 'test', package: 'node:test' }] },
      ],
    },
  },
  { files: virtualSpecs, rules: { 'no-restricted-syntax': ['error', equalSyntax] } },
  { files: ['**/*.{js,mjs}'], rules: { eqeqeq: 'error', 'no-unused-vars': 'error' } },
);
